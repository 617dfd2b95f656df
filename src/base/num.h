/* SPDX-License-Identifier: Apache-2.0 */
/* Checked arithmetic, and integers on the wire (little endian unless named otherwise). */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* True and *ret written when the result fits; false and *ret untouched when not. */
static inline bool num_add(size_t a, size_t b, size_t *ret)
{
	size_t v;

	if (__builtin_add_overflow(a, b, &v)) {
		return false;
	}
	*ret = v;
	return true;
}

static inline bool num_mul(size_t a, size_t b, size_t *ret)
{
	size_t v;

	if (__builtin_mul_overflow(a, b, &v)) {
		return false;
	}
	*ret = v;
	return true;
}

static inline void num_put_u32(void *to, uint32_t v)
{
	unsigned char *p = to;

	for (int i = 0; i < 4; i++) {
		p[i] = (unsigned char)(v >> (8 * i));
	}
}

static inline void num_put_u64(void *to, uint64_t v)
{
	unsigned char *p = to;

	for (int i = 0; i < 8; i++) {
		p[i] = (unsigned char)(v >> (8 * i));
	}
}

static inline uint32_t num_get_u32(const void *from)
{
	const unsigned char *p = from;
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		v |= (uint32_t)p[i] << (8 * i);
	}
	return v;
}

static inline uint64_t num_get_u64(const void *from)
{
	const unsigned char *p = from;
	uint64_t v = 0;

	for (int i = 0; i < 8; i++) {
		v |= (uint64_t)p[i] << (8 * i);
	}
	return v;
}

enum { NUM_TEXT_MAX = 20 };

/* Decimal digits to `to` (room for NUM_TEXT_MAX), no NUL; returns how many. */
static inline size_t num_write_u64(char *to, uint64_t v)
{
	char digits[NUM_TEXT_MAX];
	size_t n = 0;

	do {
		digits[NUM_TEXT_MAX - ++n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	memcpy(to, digits + NUM_TEXT_MAX - n, n);
	return n;
}

#endif
