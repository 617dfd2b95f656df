/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between reading a pattern (regex_parse.c: a tree), writing it out (regex_emit.c:
 * programs) and running them (regex.c).
 */
#ifndef JSON_REGEX_PRIV_H
#define JSON_REGEX_PRIV_H

#include "json/regex.h"

enum regex_op {
	REGEX_SET = 0, /* one code point of the set x */
	REGEX_BEGIN,
	REGEX_END,
	REGEX_WORD,  /* a border of a word; with y none */
	REGEX_LOOK,  /* the look x holds here; with y it does not */
	REGEX_SPLIT, /* x, and what is worse, y */
	REGEX_JUMP,  /* x */
	REGEX_MATCH
};

struct regex_inst {
	enum regex_op op;
	uint32_t x, y;
};

enum regex_node_type {
	REGEX_EMPTY = 0,
	REGEX_ONE, /* one step: inst */
	REGEX_CAT, /* a, then b; a list leans to the left */
	REGEX_OR,
	REGEX_REPEAT /* a, least to most times */
};

#define REGEX_NO_END UINT32_MAX

struct regex_node {
	enum regex_node_type type;
	struct regex_inst inst;
	const struct regex_node *a, *b;
	uint32_t least, most;
	bool lazy; /* the fewer the better */
};

struct regex_range {
	uint32_t lo, hi;
};

struct regex_set {
	uint64_t ascii[2];                /* the first 128 code points as bits */
	const struct regex_range *ranges; /* the others */
	size_t n;
	bool negated; /* of the others */
};

struct regex_program {
	const struct regex_inst *inst;
	size_t n;
	bool backward; /* from the end of the text to its beginning */
	bool anchored; /* begins with ^ */
};

struct json_regex {
	struct regex_program main;
	const struct regex_program *looks; /* each needs at most those before it */
	size_t n_looks;
	const struct regex_set *sets;
	size_t n_sets;
};

/* The tree as steps, kept in `keep`; ERR_LIMIT: more than JSON_REGEX_PROGRAM. */
enum err_code regex_emit(struct arena *keep, struct arena *scratch, const struct regex_node *n,
			 bool backward, struct regex_program *ret, struct err *err) MUST_USE;

#endif
