/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hot path over JSON: one pass that validates a whole message and finds the
 * spans of its top-level members, without building a tree. It accepts exactly
 * what json_parse accepts (duplicate names refused at every level), so a message
 * that passed can be forwarded byte for byte and cut into spans.
 *
 * Spans are raw bytes of the text as written: strings keep their quotes and
 * escapes. Everything returned borrows the text. A small message touches no
 * heap; objects with many members, deep nesting and names with escapes take
 * memory from the scratch arena, whose limit bounds it.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "json/parse.h"
#include "json/walk.h"

enum { JSON_SCAN_MEMBERS = 16, JSON_SCAN_INNER = 16 };

struct json_scan {
	enum json_type type; /* of the whole document */
	struct str value;    /* the document without the space around it */
	size_t n;            /* members of a top-level object; may be more than are listed */
	bool escaped_key;    /* some top-level name was written with an escape */
	struct json_member members[JSON_SCAN_MEMBERS]; /* the first ones */

	/* Members of those members that are objects, as params.name; see json_scan_members_of. */
	size_t n_inner;
	struct json_member inner[JSON_SCAN_INNER];
	size_t inner_of[JSON_SCAN_INNER]; /* index into members */
};

/*
 * Validates the whole text. `scratch` is a caller's arena (a request's); what is
 * taken from it is free for reuse at its next reset. Errors as json_parse.
 */
enum err_code json_scan(struct arena *scratch, struct str text, const struct json_opts *opts,
			struct json_scan *ret, struct err *err) MUST_USE;

/* The same without vector instructions: the fallback, and the other half of the tests. */
enum err_code json_scan_scalar(struct arena *scratch, struct str text, const struct json_opts *opts,
			       struct json_scan *ret, struct err *err) MUST_USE;

/* The raw value of the top-level member written exactly as `key`; p is NULL when there is none. */
struct str json_scan_get(const struct json_scan *scan, struct str key);

/*
 * json_scan_members over the top-level member `key`, without walking it again
 * when json_scan has listed its members. *ret_is_object (may be NULL) tells whether there
 * is such a member and it is an object; if not, all spans have p NULL.
 */
size_t json_scan_members_of(const struct json_scan *scan, struct str key, const struct str *wanted,
			    size_t n, struct str *spans, bool *ret_escaped, bool *ret_is_object);

#endif
