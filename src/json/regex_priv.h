/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled form, between reading a pattern (regex_parse.c) and running it (regex.c). */
#ifndef JSON_REGEX_PRIV_H
#define JSON_REGEX_PRIV_H

#include "json/regex.h"

enum regex_op {
	REGEX_SET = 0, /* one code point of the set x */
	REGEX_BEGIN,
	REGEX_END,
	REGEX_WORD,  /* a border of a word; with y none */
	REGEX_LOOK,  /* the look x holds here; with y it does not */
	REGEX_SPLIT, /* x and y */
	REGEX_JUMP,  /* x */
	REGEX_MATCH
};

struct regex_inst {
	enum regex_op op;
	uint32_t x, y;
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

#endif
