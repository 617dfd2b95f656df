/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a state, shared by its updates, its questions and its snapshots. */
#ifndef POLICY_TEMPORAL_STATE_PRIV_H
#define POLICY_TEMPORAL_STATE_PRIV_H

#include "policy/temporal_state.h"

/* Times (and values) in a window, oldest first, circular. */
struct temporal_ring {
	uint32_t start, n, cap;
	bool values; /* pairs of time and value, else times */
	__int128 sum;
	int64_t items[];
};

/* Of one monitor and one key. Counting of events begins at 1, so index 0 is "never". */
struct temporal_entry {
	uint64_t hash[2]; /* of monitor and key; both 0: free */
	int64_t ts;       /* of the last match */
	uint64_t last;    /* which event it was */
	uint64_t before;  /* and the match before that one */
	uint64_t run;     /* where the unbroken run of matches up to `last` began */
	struct temporal_ring *ring;
	uint32_t monitor;
};

/* An event that general leaves look at: its fields as bytes. */
struct temporal_kept {
	int64_t ts;
	uint32_t topic; /* number + 1; 0: nobody's, it only counts */
	uint32_t n;
	char *bytes;
};

struct temporal_state {
	const struct temporal_plan *plan;
	uint64_t events; /* so far */
	int64_t now;     /* of the last one; INT64_MIN at first */
	int64_t earlier; /* of the one before */
	bool saturated;
	bool last_kept; /* the last event is the last of `kept` */
	size_t bytes;
	struct temporal_entry *entries;
	size_t cap, n;
	struct temporal_kept *kept; /* circular */
	size_t kept_start, kept_n, kept_cap;
};

static inline bool temporal_entry_free(const struct temporal_entry *e)
{
	return e->hash[0] == 0 && e->hash[1] == 0;
}

static inline size_t temporal_ring_stride(const struct temporal_ring *r)
{
	return r->values ? 2 : 1;
}

static inline int64_t *temporal_ring_at(struct temporal_ring *r, uint32_t i)
{
	return &r->items[(size_t)((r->start + i) % r->cap) * temporal_ring_stride(r)];
}

/* Counts memory; false and saturated when it would be too much. */
bool temporal_state_take(struct temporal_state *s, size_t n);
void temporal_state_give(struct temporal_state *s, size_t n);

struct temporal_ring *temporal_ring_new(struct temporal_state *s, bool values, uint32_t cap);
void temporal_ring_free(struct temporal_state *s, struct temporal_ring *r);

/* The entry of this hash, or where it would stand. NULL when there is no table. */
struct temporal_entry *temporal_state_find(const struct temporal_state *s, const uint64_t hash[2]);

/* A new entry for a hash that has none. NULL when saturated. */
struct temporal_entry *temporal_state_insert(struct temporal_state *s, const uint64_t hash[2],
					     uint32_t monitor);

/* Room for one more kept event; NULL when saturated. */
struct temporal_kept *temporal_state_keep(struct temporal_state *s, size_t bytes);

/* now - then is more than ttl. */
static inline bool temporal_older(int64_t now, int64_t then, int64_t ttl)
{
	int64_t d;

	return __builtin_sub_overflow(now, then, &d) || d > ttl;
}

/* Hash of a monitor and the values of its keys. False when one is missing, or out of memory. */
bool temporal_key_hash(const struct temporal_plan *plan, uint32_t monitor,
		       const struct policy_value *keys, size_t n, struct arena *scratch,
		       uint64_t ret[2], bool *nomem);

#endif
