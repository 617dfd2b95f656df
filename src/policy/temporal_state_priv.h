/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a state, shared by its updates, its questions and its snapshots. */
#ifndef POLICY_TEMPORAL_STATE_PRIV_H
#define POLICY_TEMPORAL_STATE_PRIV_H

#include "policy/temporal_state.h"

/* Times (and values) in a window, oldest first, circular. See temporal_ring.c. */
struct temporal_ring;

/* When each value was seen last. See temporal_values.c. */
struct temporal_values;

/* Of one monitor and one key. Counting of events begins at 1, so 0 is "never". */
struct temporal_entry {
	uint64_t hash[2]; /* of monitor and key; both 0: free */
	int64_t ts;       /* of the last match */
	union {
		struct {                 /* LAST */
			uint64_t last;   /* which event it was */
			uint64_t before; /* and the match before that one */
			uint64_t run;    /* where the unbroken run of matches up to `last` began */
		};
		struct temporal_ring *ring;     /* RING */
		struct temporal_values *values; /* VALUES */
	};
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
	struct temporal_entry *entries;
	uint32_t cap, n; /* small: the first n; otherwise open addressing */
	uint32_t bytes;
	bool failed;     /* the event that is being taken in cannot be remembered */
	bool lost;       /* saturated: some event is missing, */
	bool last_kept;  /* the last event is the last of `kept` */
	int64_t lost_at; /* the last missing one at this time; INT64_MIN: at the next event's */
	uint32_t kept_start, kept_n, kept_cap;
	struct temporal_kept *kept; /* circular */
};

/* Counts memory; false and `failed` when it would be too much. */
bool temporal_state_take(struct temporal_state *s, size_t n);
void temporal_state_give(struct temporal_state *s, size_t n);

/* ---- temporal_entry.c ---- */

static inline bool temporal_entry_free(const struct temporal_entry *e)
{
	return e->hash[0] == 0 && e->hash[1] == 0;
}

/* NULL when there is none. */
struct temporal_entry *temporal_entry_find(const struct temporal_state *s, const uint64_t hash[2]);

/* A new entry for a hash that has none. NULL when it failed. */
struct temporal_entry *temporal_entry_add(struct temporal_state *s, const uint64_t hash[2],
					  uint32_t monitor);

/* The times or values of an entry, on the heap. */
void temporal_entry_drop(struct temporal_state *s, struct temporal_entry *e);

/* Can it still matter? */
bool temporal_entry_dead(const struct temporal_state *s, const struct temporal_entry *e);

/* ---- temporal_ring.c ---- */

/* All but the last give false or do nothing when memory is short: the event has failed then. */
bool temporal_ring_add(struct temporal_state *s, struct temporal_ring **r,
		       const struct temporal_monitor *m, int64_t ts, int64_t value);
void temporal_ring_free(struct temporal_state *s, struct temporal_ring *r);
uint32_t temporal_ring_n(const struct temporal_ring *r);
int64_t temporal_ring_time(const struct temporal_ring *r, uint32_t i);
int64_t temporal_ring_value(const struct temporal_ring *r, uint32_t i);

/* How many at the front are older than the window; r may be NULL. */
uint32_t temporal_ring_gone(const struct temporal_ring *r, int64_t now, int64_t window_ms);

/* What a count or a sum is, clamped to 64 bits. */
int64_t temporal_ring_total(const struct temporal_ring *r, const struct temporal_monitor *m,
			    int64_t now, int64_t window_ms);

/* ---- temporal_values.c ---- */

bool temporal_values_add(struct temporal_state *s, struct temporal_values **v,
			 const struct temporal_monitor *m, uint32_t atom, const uint64_t hash[2],
			 int64_t ts, int64_t value);
void temporal_values_free(struct temporal_state *s, struct temporal_values *v);
int64_t temporal_values_total(struct temporal_state *s, struct temporal_values *v,
			      const struct temporal_monitor *m);

/* Is there a value that every atom saw in its window? */
bool temporal_values_any(const struct temporal_values *v, int64_t now);

/* Did this value happen in every atom's window, and in those of `not_atoms` not? */
bool temporal_values_have(const struct temporal_values *v, const struct temporal_monitor *m,
			  const uint64_t hash[2], int64_t now, uint32_t not_atoms);

/* For snapshots, the ones that matter, oldest first. `more` holds temporal_values_more. */
struct temporal_value {
	uint64_t hash[2];
	int64_t ts;
	const int64_t *more;
};
uint32_t temporal_values_more(const struct temporal_monitor *m);
uint32_t temporal_values_first(const struct temporal_values *v, int64_t now, int64_t ttl,
			       uint32_t *n);
uint32_t temporal_values_next(const struct temporal_values *v, uint32_t at,
			      struct temporal_value *ret);
bool temporal_values_load(struct temporal_state *s, struct temporal_values **v,
			  const struct temporal_monitor *m, const struct temporal_value *value);

/* ---- temporal_kept.c ---- */

/* Room for one more kept event; NULL when it failed. */
struct temporal_kept *temporal_kept_add(struct temporal_state *s, size_t bytes);
void temporal_kept_expire(struct temporal_state *s);
void temporal_kept_event(struct temporal_state *s, const struct temporal_topic *t,
			 const struct temporal_event *ev, struct arena *scratch);

/* ---- hashes ---- */

/* now - then is more than ttl. */
static inline bool temporal_older(int64_t now, int64_t then, int64_t ttl)
{
	int64_t d;

	return __builtin_sub_overflow(now, then, &d) || d > ttl;
}

/* A sum as the language has it. */
static inline int64_t temporal_clamp(__int128 v)
{
	return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

struct temporal_bytes;

/* Of bytes; of no bytes it is zero. */
void temporal_hash(const struct temporal_plan *plan, const struct temporal_bytes *b,
		   uint64_t ret[2]);

/* A key's hash made the monitor's; never zero. */
static inline void temporal_salt(const struct temporal_plan *plan, uint32_t monitor,
				 const uint64_t key[2], uint64_t ret[2])
{
	ret[0] = key[0] ^ plan->salts[monitor][0];
	ret[1] = (key[1] ^ plan->salts[monitor][1]) | 1;
}

/* Tests and filters. */
bool temporal_atom_matches(const struct temporal_atom *m, const struct temporal_event *ev);

/* Hash of the fields that tell values apart. False when one is missing, or out of memory. */
bool temporal_atom_value(const struct temporal_plan *plan, const struct temporal_atom *m,
			 const struct temporal_event *ev, struct arena *scratch, uint64_t ret[2],
			 bool *nomem);

#endif
