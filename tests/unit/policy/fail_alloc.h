/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th allocation fails, and all after it. Include it in one file of a test
 * binary. A sanitizer owns the allocator: there nothing fails, and
 * fail_alloc_works is false.
 */
#ifndef TESTS_UNIT_POLICY_FAIL_ALLOC_H
#define TESTS_UNIT_POLICY_FAIL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define FAIL_ALLOC_OFF 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FAIL_ALLOC_OFF 1
#endif

static long fail_alloc_left = -1; /* allocations that still succeed; negative: all of them */

#ifdef FAIL_ALLOC_OFF
static const bool fail_alloc_works = false;
#else
static const bool fail_alloc_works = true;

void *__libc_malloc(size_t n);
void *__libc_realloc(void *p, size_t n);

static bool fail_alloc_now(void)
{
	if (fail_alloc_left < 0) {
		return false;
	}
	if (fail_alloc_left == 0) {
		return true;
	}
	fail_alloc_left--;
	return false;
}

void *malloc(size_t n)
{
	return fail_alloc_now() ? NULL : __libc_malloc(n);
}

void *realloc(void *p, size_t n)
{
	return fail_alloc_now() ? NULL : __libc_realloc(p, n);
}
#endif

#endif
