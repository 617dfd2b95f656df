/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical form of RFC 8785 (JSON Canonicalization Scheme): equal values
 * give equal bytes, so they can be hashed and signed. No spaces; names sorted by
 * their UTF-16 code units; strings with the fewest escapes; numbers as
 * ECMAScript writes doubles.
 *
 * RFC 8785 reads every number as a double, which would make two different large
 * integers equal. Here:
 *   - an integer written without point or exponent is kept as written ("-0" is 0):
 *     up to 2^53 that is what the RFC says, beyond it is exact where the RFC rounds;
 *   - every other number is written as its double, as the RFC says, but refused
 *     where that would lose more than a double's spelling carries: more than 17
 *     significant digits, too large or too small for a double, or digits other than
 *     the double's where doubles are coarse (from 2^53 on, and below 2.3e-308).
 */
#ifndef JSON_CANON_H
#define JSON_CANON_H

#include "base/buf.h"
#include "json/parse.h"

/*
 * Appends the canonical form of a tree that json_parse built. The arena is used
 * for sorting. ERR_INVALID: a number without canonical form, with its byte
 * offset; ERR_NOMEM: the arena; ERR_LIMIT: the buffer. On error `out` may hold a part.
 */
enum err_code json_canon(struct arena *a, const struct json *doc, struct buf *out,
			 struct err *err) MUST_USE;

#endif
