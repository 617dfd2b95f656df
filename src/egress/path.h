/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of a request, in the one form that is decided on and sent. Servers differ in
 * what they make of "/a/../b", "/a%2e%2e/b", "//b" or "/a%2Fb"; a path that could
 * be two things is refused, one that could be written in two ways gets one spelling.
 */
#ifndef EGRESS_PATH_H
#define EGRESS_PATH_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Appends the canonical form (RFC 3986 section 6.2.2): escapes in upper case, and only of
 * characters that need one. ERR_INVALID, with the buffer as it was: dot segments in any
 * spelling, empty segments but the last, a backslash, a control character, an escape that
 * is none, characters that no path holds; an escaped slash unless `slash_escapes`, which
 * some registries use in the names of packages.
 */
enum err_code egress_path_append(struct buf *out, struct str path, bool slash_escapes,
				 struct err *err) MUST_USE;

/* A query is sent as it is; false when it holds bytes that no query does. */
bool egress_query_ok(struct str query);

#endif
