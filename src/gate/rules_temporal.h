/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deciding where policies ask what happened before, inside gate/rules.c. The
 * request must fit the schema first; then it is observed and decided in one step.
 */
#ifndef GATE_RULES_TEMPORAL_H
#define GATE_RULES_TEMPORAL_H

#include "gate/rules.h"

/* What one decision is about, in the arena. */
struct rules_subject {
	struct policy_uid principal, action, resource;
	struct policy_uid action_parent, resource_parent;
	struct policy_entity overlay[EGRESS_LABELS_MAX + 3];
	size_t n_overlay;
};

/*
 * True: *d is the decision, and ret->event what was observed. False: refused before or instead of a
 * decision, and *ret says why.
 */
bool rules_decide_temporal(const struct rules *r, const struct rules_query *q,
			   struct rules_subject *s, struct policy_value context, struct arena *a,
			   struct policy_decision *d, struct rules_answer *ret);

/* Writ's own refusal: policy is "writ.something", cause the word for the record. */
void rules_refuse(struct rules_answer *ret, struct arena *a, struct str policy, struct str cause,
		  struct str reason);

#endif
