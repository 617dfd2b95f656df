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

/* ---- temporal_atom.c ---- */

/* The variables that a count, a sum or an exists binds. */
struct plan_vars {
	uint32_t slots[TEMPORAL_SLOTS_MAX];
	size_t n;
};

bool plan_vars_have(const struct plan_vars *v, uint32_t slot);

/* Is each variable of the event one of these, standing once? */
bool plan_vars_plain(const struct plan_vars *v, const struct temporal_expr *event);

/* The field that binds the variable, or NULL. */
const struct temporal_field *plan_var_field(const struct temporal_expr *event, uint32_t slot);

/*
 * An event's tests and keys; `terms` gets the request's side of the keys, in an order that is
 * the same for all events that are asked with the same. Fields with variables only have to be
 * there; with `vars` false there may be none.
 */
bool plan_atom(struct planner *p, const struct temporal_expr *e, bool vars,
	       struct temporal_atom *ret, const struct temporal_term ***terms);
int plan_term_cmp(const struct temporal_term *a, const struct temporal_term *b);

/* x > 3: what can be tested when the event comes. */
bool plan_filter(struct planner *p, const struct temporal_expr *event,
		 const struct temporal_expr *c, struct temporal_atom *atom);

/* The fields that the variables name, in their order; false when one is not named. */
bool plan_values(struct planner *p, const struct plan_vars *v, const struct temporal_expr *event,
		 struct temporal_atom *atom);

/* ---- temporal_keep.c ---- */

/* A copy that borrows no tree and takes no more room than it needs; NULL when out of memory. */
const struct temporal_plan *temporal_plan_keep(struct arena *a, const struct temporal_plan *from);

/* ---- temporal_part.c ---- */

/* How a leaf without free variables is kept up to date; NULL: general, or nomem. */
struct temporal_part *plan_part(struct planner *p, const struct temporal_expr *e);

#endif
