/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>

void map_init(struct map *m, struct hash_key seed)
{
	*m = (struct map){.seed = seed};
}

void map_done(struct map *m)
{
	free(m->slots);
	*m = (struct map){.seed = m->seed};
}

/* The slot that holds the key, or the free slot where it belongs. */
static size_t map_slot(const struct map *m, struct str key, uint64_t hash)
{
	size_t i = (size_t)hash & (m->cap - 1);

	while (m->slots[i].value && !(m->slots[i].hash == hash && str_eq(m->slots[i].key, key))) {
		i = (i + 1) & (m->cap - 1);
	}
	return i;
}

void *map_find(const struct map *m, struct str key)
{
	return m->cap ? m->slots[map_slot(m, key, hash_str(m->seed, key))].value : NULL;
}

static bool map_grow(struct map *m)
{
	struct map bigger = {.cap = m->cap ? m->cap * 2 : 16, .n = m->n, .seed = m->seed};

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots) {
		return false;
	}
	for (size_t i = 0; i < m->cap; i++) {
		const struct map_entry *e = &m->slots[i];

		if (e->value) {
			bigger.slots[map_slot(&bigger, e->key, e->hash)] = *e;
		}
	}
	free(m->slots);
	*m = bigger;
	return true;
}

bool map_put(struct map *m, struct str key, void *value)
{
	uint64_t hash = hash_str(m->seed, key);
	size_t i;

	ASSERT(value);
	if (m->n + 1 > m->cap - m->cap / 4 && !map_grow(m)) {
		return false;
	}
	i = map_slot(m, key, hash);
	m->n += m->slots[i].value ? 0 : 1;
	m->slots[i] = (struct map_entry){.key = key, .hash = hash, .value = value};
	return true;
}

void *map_take(struct map *m, struct str key)
{
	size_t mask = m->cap - 1, hole, i;
	void *value;

	if (!m->cap) {
		return NULL;
	}
	hole = map_slot(m, key, hash_str(m->seed, key));
	value = m->slots[hole].value;
	if (!value) {
		return NULL;
	}
	m->n--;
	/* Move back every later entry of the run that may stand in the hole. */
	for (i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
		size_t home = (size_t)m->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_entry){0};
	return value;
}
