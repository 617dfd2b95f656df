/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has to be remembered of one history, kept up to date event by event. No
 * event is looked at twice, but by GENERAL leaves (see policy/temporal_plan.h).
 *
 * Time never runs backwards: an event older than the last one is refused.
 *
 * Memory is bounded by the plan's max_bytes. When more would be needed, entries
 * that cannot matter any more are dropped; if that is not enough the state forgets
 * all and is *saturated* until the loss is out of every window: till then leaves
 * get the value that is safe for their policy (see temporal_leaf.safe) or, where
 * none is, an error. Nothing is forgotten silently.
 *
 * A snapshot is bytes from which an equal state can be made again; equal states
 * have equal snapshots. A snapshot of another program or plan is refused.
 */
#ifndef POLICY_TEMPORAL_STATE_H
#define POLICY_TEMPORAL_STATE_H

#include "policy/temporal_plan.h"

struct temporal_state;

/* On the heap; the plan outlives it. NULL when out of memory. */
struct temporal_state *temporal_state_new(const struct temporal_plan *plan) MUST_USE;
void temporal_state_free(struct temporal_state *s);

/*
 * Takes an event in. The event is copied as far as it matters. ERR_INVALID: time
 * ran backwards, nothing changed. Running out of memory saturates and is no error.
 */
enum err_code temporal_state_add(struct temporal_state *s, const struct temporal_event *ev,
				 struct arena *scratch, struct err *err) MUST_USE;

#define TEMPORAL_KEYS 16 /* kept at hand during a decision */

/* The request's side of a key. */
struct temporal_key {
	uint64_t hash[2];
	uint32_t terms; /* number + 1 */
	bool missing;
};

/* What leaves are asked with at one decision; what they share is computed once. */
struct temporal_asking {
	const struct temporal_event *ev; /* the one added last */
	const struct policy_env *env;
	struct arena *scratch;
	struct temporal_key keys[TEMPORAL_KEYS];
};

void temporal_asking_init(struct temporal_asking *q, const struct temporal_event *ev,
			  const struct policy_env *env, struct arena *scratch);

/*
 * The leaf's value at the event added last. ERR_LIMIT: saturated, and the leaf has no safe
 * value; or a general leaf took more than the plan's max_steps.
 */
enum err_code temporal_state_leaf(struct temporal_state *s, size_t leaf, struct temporal_asking *q,
				  bool *ret, struct err *err) MUST_USE;

/* As if memory had run out: an event is missing. */
void temporal_state_saturate(struct temporal_state *s);
bool temporal_state_saturated(const struct temporal_state *s);
size_t temporal_state_bytes(const struct temporal_state *s);
int64_t temporal_state_time(const struct temporal_state *s);

/* Appends to `out`; check out->failed. */
void temporal_state_save(const struct temporal_state *s, struct buf *out);

/* ERR_CORRUPT when the bytes are not a snapshot, ERR_INVALID when of another plan. */
enum err_code temporal_state_load(const struct temporal_plan *plan, struct str bytes,
				  struct arena *scratch, struct temporal_state **ret,
				  struct err *err) MUST_USE;

#endif
