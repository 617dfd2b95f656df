/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking raw spans of a text that json_scan or json_parse has accepted: members
 * and elements as written, without validating or building again. Over bytes that
 * were never validated it still ends and stays inside the span, but what it
 * yields then means nothing.
 *
 *   struct json_member m;
 *   for (struct json_walk w = json_walk(span); json_walk_next(&w, &m);) { ... }
 */
#ifndef JSON_WALK_H
#define JSON_WALK_H

#include "json/parse.h"

struct json_member {
	struct str key;   /* as written, without the quotes; empty in an array */
	struct str value; /* as written */
	bool key_escaped; /* the key holds a backslash: its spelling is not its name */
};

struct json_walk {
	const char *p, *end;
	bool object;
};

/* A span that is neither object nor array has nothing to visit. */
struct json_walk json_walk(struct str span);
bool json_walk_next(struct json_walk *w, struct json_member *ret);

/*
 * Finds several members of an object in one walk: spans[i] becomes the raw value
 * of wanted[i], or p NULL. `ret_escaped` (may be NULL) tells whether any name of
 * the object was written with an escape: a caller that looks for protocol names
 * refuses such an object, since "me\u0074hod" would hide there. Returns the
 * number of members.
 */
size_t json_scan_members(struct str object, const struct str *wanted, size_t n, struct str *spans,
			 bool *ret_escaped);

/* The type of a raw value, by its first byte. */
enum json_type json_raw_type(struct str raw);

/*
 * The text of a raw string: the inside of the quotes where nothing is escaped,
 * else decoded into the arena. ERR_INVALID when `raw` is no string.
 */
enum err_code json_unquote(struct arena *a, struct str raw, struct str *ret,
			   struct err *err) MUST_USE;

#endif
