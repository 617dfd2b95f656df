/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal (lower case), base64 (RFC 4648 section 4, strict, with padding) and base64url. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends 2n characters. */
void hex_append(struct buf *b, const void *bytes, size_t n);

/* Writes 2n characters to `to`, no NUL. */
void hex_write(char *to, const void *bytes, size_t n);

/* Exactly 2n hexadecimal digits of either case into n bytes; false otherwise. */
bool hex_read(struct str s, void *to, size_t n) MUST_USE;

void base64_append(struct buf *b, const void *bytes, size_t n);

/* Decoded bytes in the arena; false when not canonical base64 or out of memory. */
bool base64_decode(struct arena *a, struct str s, struct str *ret) MUST_USE;

/* The same with the alphabet of RFC 4648 section 5 and without padding, as RFC 7515 writes it. */
void base64url_append(struct buf *b, const void *bytes, size_t n);
bool base64url_decode(struct arena *a, struct str s, struct str *ret) MUST_USE;

#endif
