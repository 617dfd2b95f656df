/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that must not be seen: random ones, keys, credentials. A secret lives
 * in pages of its own that are kept out of core dumps, out of a forked child
 * and, where the memory-lock limit allows, out of swap; it is wiped at its end.
 * It is never formatted: there is no function that prints one.
 */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/err.h"
#include "base/str.h"

struct secret {
	uint8_t *p; /* NULL for a zeroed or finished secret */
	size_t n;
};

/* n zero bytes (n > 0). */
enum err_code secret_init(struct secret *s, size_t n, struct err *err) MUST_USE;

/* A copy of `from`; wiping the original stays with the caller. An empty one is valid. */
enum err_code secret_copy(struct secret *s, struct str from, struct err *err) MUST_USE;

/* Wipes and releases; accepts a zeroed secret. */
void secret_done(struct secret *s);

static inline struct str secret_str(const struct secret *s)
{
	return str_make((const char *)s->p, s->n);
}

/* Overwrites bytes that will not be read again; the compiler keeps it. */
void secret_wipe(void *p, size_t n);

/* Equality in a time that depends only on the length, which is no secret. */
bool secret_equal(const void *a, const void *b, size_t n) MUST_USE;

/* From the kernel's generator; aborts the process when the kernel has none (never after boot). */
void rand_bytes(void *to, size_t n);

#endif
