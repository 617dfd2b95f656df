/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled form of a schema. What a node does not say is NULL, and costs nothing. */
#ifndef JSON_SCHEMA_PRIV_H
#define JSON_SCHEMA_PRIV_H

#include "json/decimal.h"
#include "json/parse.h"
#include "json/regex.h"
#include "json/schema.h"

struct schema_node;

#define SCHEMA_UNSET   UINT64_MAX
#define SCHEMA_INTEGER (1U << 6) /* beside 1 << enum json_type */

struct schema_nodes {
	const struct schema_node **at;
	size_t n;
};

/* enum, and const. */
struct schema_values {
	const struct str *at; /* raw */
	size_t n;
	const struct str *constant;
};

enum { BOUND_MIN, BOUND_MAX, BOUND_ABOVE, BOUND_BELOW, BOUND_MULTIPLE, BOUNDS };

struct schema_numbers {
	struct {
		bool set;
		struct json_decimal value;
		struct str text;
	} bounds[BOUNDS];
};

struct schema_strings {
	uint64_t min, max; /* code points */
	const struct json_regex *pattern;
	struct str pattern_text;
};

struct schema_arrays {
	struct schema_nodes prefix;
	const struct schema_node *items, *contains, *unevaluated;
	uint64_t min, max, min_contains, max_contains;
	bool unique;
};

struct schema_property {
	struct str name;
	const struct schema_node *node; /* NULL: only required */
	bool required;
};

struct schema_pattern {
	const struct json_regex *regex;
	const struct schema_node *node;
};

/* When there is a member of this name. */
struct schema_dependent {
	struct str name;
	const struct str *required;
	size_t n;
	const struct schema_node *node; /* or NULL */
};

struct schema_objects {
	const struct schema_property *properties; /* by name */
	size_t n_properties, n_required;
	const struct schema_pattern *patterns;
	size_t n_patterns;
	const struct schema_dependent *dependents;
	size_t n_dependents;
	const struct schema_node *additional, *names, *unevaluated;
	uint64_t min, max;
};

struct schema_logic {
	const struct schema_node *ref;
	struct schema_nodes all, any, one;
	const struct schema_node *never, *condition, *then, *otherwise;
};

struct schema_node {
	uint8_t types; /* 0: any */
	bool nothing;  /* the schema `false` */
	const struct schema_values *values;
	const struct schema_numbers *numbers;
	const struct schema_strings *strings;
	const struct schema_arrays *arrays;
	const struct schema_objects *objects;
	const struct schema_logic *logic;
};

struct json_schema {
	const struct schema_node *root;
};

/* ---- references (schema_ref.c) ---- */

/*
 * The schema that `ref`, the value of $ref, leads to within `doc`, whose own $id is `id`.
 * ERR_UNSUPPORTED: it leads out of the document; ERR_INVALID: nothing is there.
 */
enum err_code json_schema_resolve(struct arena *scratch, const struct json *doc, struct str id,
				  const struct json *ref, const struct json **ret,
				  struct err *err) MUST_USE;

/* ---- values (schema_equal.c); both count *steps down and are false or 0 at its end ---- */

struct schema_work {
	struct arena *scratch;
	uint64_t steps;
	enum err_code code; /* why it ended, or ERR_OK */
};

/* False, with the reason kept, when there is not so much work left. */
bool json_schema_spend(struct schema_work *w, uint64_t steps);

/* Are two raw values the same to JSON Schema (2020-12 core, 4.2.2)? */
bool json_schema_equal(struct schema_work *w, struct str a, struct str b);

/* Equal values have equal prints. */
uint64_t json_schema_print(struct schema_work *w, struct str v);

/* The decoded text of a raw string; empty when memory is short, with the reason kept. */
struct str json_schema_text(struct schema_work *w, struct str raw);

#endif
