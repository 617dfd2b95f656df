/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of a state, found by the hash of monitor and key. Few stand side by side;
 * more are a table with open addressing, from which only rebuilding removes.
 */
#include "policy/temporal_state_priv.h"

#include <stdlib.h>

#define LEAST 4u
#define FEW   8u /* up to so many there is no table */

/* There is a table, and it has a free place. */
static struct temporal_entry *place_of(struct temporal_entry *entries, uint32_t cap,
				       const uint64_t hash[2])
{
	uint32_t at = (uint32_t)hash[0] & (cap - 1);

	for (; !temporal_entry_free(&entries[at]); at = (at + 1) & (cap - 1)) {
		if (entries[at].hash[0] == hash[0] && entries[at].hash[1] == hash[1]) {
			break;
		}
	}
	return &entries[at];
}

struct temporal_entry *temporal_entry_find(const struct temporal_state *s, const uint64_t hash[2])
{
	struct temporal_entry *e;

	if (s->cap > FEW) {
		e = place_of(s->entries, s->cap, hash);
		return temporal_entry_free(e) ? NULL : e;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		e = &s->entries[i];
		if (e->hash[0] == hash[0] && e->hash[1] == hash[1]) {
			return e;
		}
	}
	return NULL;
}

bool temporal_entry_dead(const struct temporal_state *s, const struct temporal_entry *e)
{
	return temporal_older(s->now, e->ts, s->plan->monitors[e->monitor].ttl_ms);
}

void temporal_entry_drop(struct temporal_state *s, struct temporal_entry *e)
{
	switch (s->plan->monitors[e->monitor].kind) {
	case TEMPORAL_MONITOR_LAST:
		break;
	case TEMPORAL_MONITOR_RING:
		temporal_ring_free(s, e->ring);
		break;
	case TEMPORAL_MONITOR_VALUES:
		temporal_values_free(s, e->values);
		break;
	}
}

/* A table for the living entries and one more. */
static bool rebuild(struct temporal_state *s)
{
	struct temporal_entry *old = s->entries, *fresh;
	uint32_t live = 0, cap = LEAST, old_cap = s->cap, n = 0;

	for (uint32_t i = 0; i < old_cap; i++) {
		live += !temporal_entry_free(&old[i]) && !temporal_entry_dead(s, &old[i]);
	}
	while (cap <= FEW ? cap < live + 1 : (uint64_t)cap * 3 < (uint64_t)live * 5 + 4) {
		cap *= 2;
	}
	if (cap > 1u << 24 || !temporal_state_take(s, cap * sizeof(*fresh))) {
		s->failed = true;
		return false;
	}
	fresh = calloc(cap, sizeof(*fresh));
	if (!fresh) {
		s->failed = true;
		return false;
	}
	for (uint32_t i = 0; i < old_cap; i++) {
		if (temporal_entry_free(&old[i])) {
			continue;
		}
		if (temporal_entry_dead(s, &old[i])) {
			temporal_entry_drop(s, &old[i]);
		} else if (cap > FEW) {
			*place_of(fresh, cap, old[i].hash) = old[i];
			n++;
		} else {
			fresh[n++] = old[i];
		}
	}
	temporal_state_give(s, old_cap * sizeof(*old));
	free(old);
	s->entries = fresh;
	s->cap = cap;
	s->n = n;
	return true;
}

struct temporal_entry *temporal_entry_add(struct temporal_state *s, const uint64_t hash[2],
					  uint32_t monitor)
{
	struct temporal_entry *e;
	bool full = s->cap <= FEW ? s->n == s->cap : (s->n + 1) * 4 > s->cap * 3;

	if (full && !rebuild(s)) {
		return NULL;
	}
	e = s->cap > FEW ? place_of(s->entries, s->cap, hash) : &s->entries[s->n];
	*e = (struct temporal_entry){.hash = {hash[0], hash[1]}, .monitor = monitor};
	s->n++;
	return e;
}
