/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations that fail on request. The linker sends every call of malloc, calloc,
 * realloc and free of our own code here (--wrap), so it works under sanitizers too.
 * Include it in one file of a test binary.
 */
#ifndef TESTS_FAULT_ALLOC_H
#define TESTS_FAULT_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

static long alloc_left = -1; /* allocations until the failure; negative: none fails */
static bool alloc_all;       /* not only that one fails, but all after it */
static bool alloc_failed;    /* one has */
static long alloc_live;      /* blocks not freed yet */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static bool alloc_fails(void)
{
	if (alloc_left < 0) {
		return false;
	}
	if (alloc_left > 0) {
		alloc_left--;
		return false;
	}
	alloc_failed = true;
	if (!alloc_all) {
		alloc_left = -1;
	}
	return true;
}

static void *alloc_counted(void *p)
{
	alloc_live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t n)
{
	return alloc_fails() ? NULL : alloc_counted(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : alloc_counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	void *moved = alloc_fails() ? NULL : __real_realloc(p, n);

	alloc_live += !p && moved;
	return moved;
}

void __wrap_free(void *p)
{
	alloc_live -= p != NULL;
	__real_free(p);
}

/* From here on the n-th allocation fails; `all`: those behind it as well. */
static inline void alloc_fail_at(long n, bool all)
{
	alloc_left = n;
	alloc_all = all;
	alloc_failed = false;
}

/* Back to normal; whether one has failed since. */
static inline bool alloc_normal(void)
{
	alloc_left = -1;
	return alloc_failed;
}

/* Runs the body for each n, once with a single failure and once with all after it failing,
 * until nothing fails any more. The body calls alloc_fail_at(n, all) and alloc_normal(). */
#define ALLOC_EACH(n, all)                                                                         \
	for (int all##_i = 0; all##_i < 2; all##_i++)                                              \
		for (long n = 0, all = (alloc_failed = true, all##_i); alloc_failed; n++)

#endif
