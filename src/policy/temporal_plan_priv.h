/* SPDX-License-Identifier: Apache-2.0 */
/* Building a plan: the monitors and topics, and the splitting of leaves that asks for them. */
#ifndef POLICY_TEMPORAL_PLAN_PRIV_H
#define POLICY_TEMPORAL_PLAN_PRIV_H

#include "base/map.h"
#include "policy/temporal_plan.h"

struct planner {
	struct arena *a;
	struct temporal_plan *plan;
	struct map by_signature; /* to the number of a monitor, or of terms */
	bool nomem;
};

/* NULL and false: it has no such form, or nomem is set. */

/* Sets nomem; false. */
bool plan_no_memory(struct planner *p);

struct temporal_topic *plan_topic(struct planner *p, const struct policy_uid *action,
				  struct str kind);

/* The monitor's number, of an equal one when there is one already. */
bool plan_monitor(struct planner *p, struct temporal_monitor m, uint32_t *ret);

/* The number of these terms. */
bool plan_terms(struct planner *p, const struct temporal_term **items, size_t n, uint32_t *ret);

/* How a leaf without free variables is kept up to date; NULL: general, or nomem. */
struct temporal_part *plan_part(struct planner *p, const struct temporal_expr *e);

#endif
