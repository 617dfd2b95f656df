/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed text: a pointer and a length, passed by value. Everything that comes
 * from outside is a struct str; it may hold any byte, NUL included. It owns
 * nothing: the bytes live as long as the buffer or arena they point into.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p; /* may be NULL only when n is 0 */
	size_t n;
};

#define STR(lit) ((struct str){.p = (lit), .n = sizeof(lit) - 1})
#define STR_INIT(lit)                                                                              \
	{                                                                                          \
		.p = (lit), .n = sizeof(lit) - 1                                                   \
	} /* for static tables */
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){.p = p, .n = n};
}

static inline struct str str_from_c(const char *c)
{
	return (struct str){.p = c, .n = c ? strlen(c) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts_with(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends_with(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* The part from `at` on; empty when `at` is past the end. */
static inline struct str str_from(struct str s, size_t at)
{
	return at >= s.n ? str_make(s.p, 0) : str_make(s.p + at, s.n - at);
}

/* Byte order, then length: a total order that does not depend on the locale. */
int str_cmp(struct str a, struct str b);

/* Equal but for ASCII case. */
bool str_ieq(struct str a, struct str b);

/* Index of the first `c`, or s.n. */
size_t str_find(struct str s, char c);

/* Index of the first `needle`, or s.n. An empty needle is found at 0. */
size_t str_find_str(struct str s, struct str needle);

/* Without ASCII spaces and tabs at both ends. */
struct str str_trim(struct str s);

/*
 * Cuts *rest at the first `sep`: returns what stands before it and leaves the
 * part behind it in *rest. Without a `sep` returns all, and *rest is empty
 * with p NULL, so `while (rest.p)` visits each field, empty ones too.
 */
struct str str_cut(struct str *rest, char sep);

/* Decimal digits only, no sign, no space; false on overflow or anything else. */
bool str_to_u64(struct str s, uint64_t *ret);

/* The same with an optional leading '-'. */
bool str_to_i64(struct str s, int64_t *ret);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool str_is_utf8(struct str s);

/*
 * Bytes of the UTF-8 character at s.p[0]; 0 for a control (C0, DEL, C1), for what makes a terminal show text in
 * another order or on another line, for no UTF-8, and at the end.
 */
size_t str_printable(struct str s);

/* Edit distance (Levenshtein) up to `max`; max + 1 when it is more. For suggestions; n <= 64. */
unsigned str_distance(struct str a, struct str b, unsigned max);

#endif
