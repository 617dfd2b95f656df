/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bump allocator with one release: one arena for each request, each document,
 * each compiled policy set. It is born with its limit. A failed allocation
 * returns NULL and sets `exhausted`, which stays set until the next reset, so a
 * long construction may check once at its end.
 *
 * Memory is not zeroed by arena_alloc; arena_zalloc and ARENA_NEW zero it.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/attr.h"
#include "base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk; /* newest chunk; older ones are linked behind it */
	char *at, *end;            /* free space of the newest chunk */
	size_t used, limit;        /* bytes taken from the heap, and how many may be */
	bool exhausted;
};

/* No allocation happens until the first use. `limit` counts whole chunks. */
void arena_init(struct arena *a, size_t limit);

/* In memory of the caller's, of any alignment by 16, which stays the caller's; nothing is taken from the heap. */
void arena_init_in(struct arena *a, void *room, size_t n);

/* Frees everything; accepts a zeroed arena. */
void arena_done(struct arena *a);

/* Overwrites all that was ever allocated, for an arena that held secrets; follow with arena_done.
 */
void arena_wipe(struct arena *a);

/* Forgets everything but keeps one small chunk for the next use; clears `exhausted`. */
void arena_reset(struct arena *a);

/* 16-byte aligned. NULL when the limit is reached or the heap is empty. n 0 gives a valid pointer.
 */
void *arena_alloc(struct arena *a, size_t n) MUST_USE;
void *arena_zalloc(struct arena *a, size_t n) MUST_USE;

/* n objects of the given size; NULL also when the product overflows. Zeroed. */
void *arena_array(struct arena *a, size_t n, size_t size) MUST_USE;

#define ARENA_NEW(a, type)      ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

/* A copy with a NUL behind it (not counted). On failure the result is empty with p NULL. */
struct str arena_dup(struct arena *a, struct str s);

/* printf into the arena; on failure empty with p NULL. */
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

/*
 * Room for one more element of a growing array that lives in the arena: doubles
 * *array when n == *cap. Returns false, changing nothing, when out of memory.
 *   if (!ARENA_GROW(a, &items, n, &cap)) ...; items[n++] = x;
 */
bool arena_grow(struct arena *a, void **array, size_t n, size_t *cap, size_t size) MUST_USE;
#define ARENA_GROW(a, array, n, cap)                                                               \
	arena_grow((a), (void **)(array), (n), (cap), sizeof(**(array)))

#endif
