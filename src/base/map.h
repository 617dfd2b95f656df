/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from text to a pointer. Keys are borrowed: they must live, unchanged,
 * as long as their entry. Give a random key to `seed` when an attacker chooses
 * the keys. Linear probing, at most 3/4 full; removal leaves no tombstones.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/hash.h"

struct map_entry {
	struct str key;
	uint64_t hash;
	void *value; /* NULL marks a free slot */
};

struct map {
	struct map_entry *slots;
	size_t cap; /* 0 or a power of two */
	size_t n;
	struct hash_key seed;
};

void map_init(struct map *m, struct hash_key seed);
void map_done(struct map *m);

/* Borrowed value, or NULL. */
void *map_find(const struct map *m, struct str key);

/* Sets key to value (not NULL). False when out of memory: the map is unchanged. */
bool map_put(struct map *m, struct str key, void *value) MUST_USE;

/* Removes and returns the value, or NULL. */
void *map_take(struct map *m, struct str key);

#endif
