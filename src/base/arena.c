/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_ALIGN = 16, ARENA_FIRST = 4096, ARENA_MAX_CHUNK = 1 << 20 };

struct arena_chunk {
	struct arena_chunk *older;
	size_t size; /* whole chunk, this header included */
};

_Static_assert(sizeof(struct arena_chunk) % ARENA_ALIGN == 0, "chunk data must stay aligned");

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){.limit = limit};
}

void arena_init_in(struct arena *a, void *room, size_t n)
{
	*a = (struct arena){.at = room, .end = (char *)room + n};
}

static void chunks_free(struct arena *a, struct arena_chunk *chunk)
{
	while (chunk) {
		struct arena_chunk *older = chunk->older;

		a->used -= chunk->size;
		free(chunk);
		chunk = older;
	}
}

void arena_wipe(struct arena *a)
{
	for (struct arena_chunk *c = a->chunk; c; c = c->older) {
		explicit_bzero((char *)c + sizeof(*c), c->size - sizeof(*c));
	}
}

void arena_done(struct arena *a)
{
	chunks_free(a, a->chunk);
	*a = (struct arena){.limit = a->limit};
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *keep = NULL;

	for (struct arena_chunk *c = a->chunk; c; c = c->older) {
		keep = c; /* the oldest is the smallest */
	}
	if (!keep || keep->size > ARENA_FIRST) {
		arena_done(a);
		return;
	}
	while (a->chunk != keep) {
		struct arena_chunk *older = a->chunk->older;

		a->used -= a->chunk->size;
		free(a->chunk);
		a->chunk = older;
	}
	a->at = (char *)keep + sizeof(*keep);
	a->end = (char *)keep + keep->size;
	a->exhausted = false;
}

static bool arena_add_chunk(struct arena *a, size_t need)
{
	size_t size = a->chunk ? a->chunk->size * 2 : ARENA_FIRST;
	struct arena_chunk *c;

	size = size > ARENA_MAX_CHUNK ? ARENA_MAX_CHUNK : size;
	if (need > SIZE_MAX - sizeof(*c) - ARENA_FIRST) {
		return false;
	}
	if (size < need + sizeof(*c)) {
		size = need + sizeof(*c);
	}
	if (size > a->limit - a->used) {
		size = need + sizeof(*c); /* the last chunk may be just big enough */
		if (size > a->limit - a->used) {
			return false;
		}
	}
	c = malloc(size);
	if (!c) {
		return false;
	}
	*c = (struct arena_chunk){.older = a->chunk, .size = size};
	a->chunk = c;
	a->used += size;
	a->at = (char *)c + sizeof(*c);
	a->end = (char *)c + size;
	return true;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	if (UNLIKELY(n > SIZE_MAX - ARENA_ALIGN)) {
		a->exhausted = true;
		return NULL;
	}
	n = n ? (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1) : ARENA_ALIGN;
	if (UNLIKELY(n > (size_t)(a->end - a->at)) && !arena_add_chunk(a, n)) {
		a->exhausted = true;
		return NULL;
	}
	p = a->at;
	a->at += n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p) {
		memset(p, 0, n);
	}
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		a->exhausted = true;
		return NULL;
	}
	return arena_zalloc(a, total);
}

struct str arena_dup(struct arena *a, struct str s)
{
	char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;

	if (!p) {
		return str_make(NULL, 0);
	}
	if (s.n) {
		memcpy(p, s.p, s.n);
	}
	p[s.n] = '\0';
	return str_make(p, s.n);
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n >= 0 ? arena_alloc(a, (size_t)n + 1) : NULL;
	if (!p) {
		return str_make(NULL, 0);
	}
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return str_make(p, (size_t)n);
}

bool arena_grow(struct arena *a, void **array, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 8;
	void *p;

	if (n < *cap) {
		return true;
	}
	p = arena_array(a, want, size);
	if (!p) {
		return false;
	}
	if (n) {
		memcpy(p, *array, n * size);
	}
	*array = p;
	*cap = want;
	return true;
}
