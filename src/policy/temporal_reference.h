/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporal conditions by their definition: which assignments of variables
 * satisfy a condition at a point of a history. Looks at every event in every
 * window, so it is slow and plainly right; the incremental state
 * (policy/temporal_state.h) must agree with it and falls back on it, over the
 * few events it kept, for the shapes it has nothing better for.
 *
 * Pure. Cost is bounded by `steps`; above that nothing is decided.
 */
#ifndef POLICY_TEMPORAL_REFERENCE_H
#define POLICY_TEMPORAL_REFERENCE_H

#include "policy/eval.h"
#include "policy/temporal.h"

#define TEMPORAL_STEPS_MAX 20000000u /* of one condition at one decision */

struct temporal_event {
	int64_t ts_ms;
	const struct policy_uid *action;
	struct str kind;
	struct policy_value fields; /* RECORD; groups are records in it */
};

/* The part of a history that counts for a decision, oldest first; the decision's event is last. */
struct temporal_history {
	const struct temporal_event *const *events;
	size_t n; /* at least 1 */
};

/*
 * Is the leaf true at the last event? `env` is the decision's request. ERR_LIMIT
 * when it took too long, ERR_NOMEM when the scratch arena is exhausted.
 */
enum err_code temporal_holds(const struct temporal_leaf *leaf, const struct temporal_history *h,
			     const struct policy_env *env, struct arena *scratch, bool *ret,
			     struct err *err) MUST_USE;

/* The same with another bound. */
enum err_code temporal_holds_within(const struct temporal_leaf *leaf,
				    const struct temporal_history *h, const struct policy_env *env,
				    struct arena *scratch, uint64_t max_steps, bool *ret,
				    struct err *err) MUST_USE;

/* A path of the request; POLICY_NONE when it leads nowhere. */
struct policy_value temporal_request_path(const struct policy_env *env, enum policy_var base,
					  const struct str *names, uint32_t n);

/* A field of an event; NULL when it has none. */
const struct policy_value *temporal_event_field(struct policy_value fields, const struct str *path,
						uint32_t n);

#endif
