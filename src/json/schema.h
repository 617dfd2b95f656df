/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Schema 2020-12: a schema is compiled once, then values are checked against it.
 *
 * All keywords that assert are enforced: those of the applicator, unevaluated and validation
 * vocabularies. Numbers are compared as written, never as doubles; `pattern` is json/regex.h.
 * `format` and what describes content are annotations (2020-12 validation, 7.2.1), unknown
 * keywords are ignored. Drafts 6, 7 and 2019-09 are read where they differ (`items` as a list,
 * additionalItems, dependencies, definitions; in 6 and 7 nothing beside $ref counts).
 *
 * Nothing is fetched: $ref and $dynamicRef reach what is in the same document, by pointer
 * or anchor. Refused with a reason: a reference that leads elsewhere, a $schema of another
 * dialect, an $id inside that opens a document of its own, a pattern that has no bound.
 */
#ifndef JSON_SCHEMA_H
#define JSON_SCHEMA_H

#include "base/arena.h"
#include "base/err.h"

enum {
	JSON_SCHEMA_BYTES = 256 << 10,
	JSON_SCHEMA_NODES = 4096,      /* schemas in the schema */
	JSON_SCHEMA_STEPS = 1 << 21,   /* work of one check: values looked at, bytes, states */
	JSON_SCHEMA_FRAMES = 256,      /* schemas applied within one another */
	JSON_SCHEMA_MEMORY = 16 << 20, /* an arena of this size is enough to compile any */
};

struct json_schema;

/*
 * `keep` holds the result, which borrows `text` too; `scratch` may be reset afterwards.
 * ERR_SYNTAX: not JSON; ERR_INVALID: no schema; ERR_UNSUPPORTED: refused, see above;
 * ERR_LIMIT. The message is for the operator and may quote the schema.
 */
enum err_code json_schema_compile(struct arena *keep, struct arena *scratch, struct str text,
				  const struct json_schema **ret, struct err *err) MUST_USE;

/* The first thing found wrong. Texts are cut, NUL-terminated UTF-8 or ASCII. */
struct json_schema_fault {
	char path[192];     /* JSON pointer to the value, names as written; "" is the whole */
	char keyword[32];   /* which keyword was violated: "maxLength" */
	char expected[128]; /* "at most 10 characters" */
};

/*
 * Checks a value: a span of a text that json_scan or json_parse accepted, no deeper than
 * JSON_MAX_DEPTH. ERR_INVALID: it does not fit, and *ret_fault (may be NULL) is filled;
 * ERR_LIMIT: too much work; ERR_NOMEM. `scratch` is used and not reset.
 */
enum err_code json_schema_check(const struct json_schema *s, struct arena *scratch,
				struct str value, struct json_schema_fault *ret_fault,
				struct err *err) MUST_USE;

#endif
