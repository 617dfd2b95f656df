/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole history kept in memory, and decisions over it by the reference
 * evaluator: for replaying traces and as the oracle of tests. A gateway keeps
 * policy/temporal_state.h instead.
 */
#ifndef POLICY_DW_HISTORY_H
#define POLICY_DW_HISTORY_H

#include "policy/dw.h"

#define DW_HISTORY_MAX 1000000u /* events */

struct dw_history {
	const struct dw_program *prog;
	struct arena *a;
	const struct temporal_event **events;
	size_t n, cap;
	/* of the decision under way */
	struct temporal_history mine;
};

void dw_history_init(struct dw_history *h, const struct dw_program *prog, struct arena *a);

/* Appends an event, whose parts outlive the history. ERR_LIMIT, ERR_NOMEM. */
enum err_code dw_history_add(struct dw_history *h, const struct temporal_event *ev,
			     struct err *err) MUST_USE;

/* Decides about the event added last. See dw_decide. */
void dw_history_decide(struct dw_history *h, const struct dw_event *ev,
		       const struct policy_store *store, struct arena *scratch,
		       struct policy_decision *ret, struct err *err);

#endif
