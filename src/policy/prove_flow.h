/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What many requests, one after the other, can bring about. What a session has seen is
 * kept in attributes of its context (labels); a flow says how allowed requests change them.
 * It is written as policies whose scope and conditions say which requests are meant:
 *
 *   @effect("context.taint.categories += resource.labels.categories;
 *            context.taint.level max= resource.labels.level")
 *   permit (principal, action in Action::"observe", resource);
 *
 *   @effect("context.taint.categories = []")
 *   permit (principal, action == Action::"declassify", resource);
 *
 *   @start
 *   permit (principal, action, resource) when { context.taint.categories.isEmpty() };
 *
 * Effects, several with ; between them: += of sets, max= and min= of Longs, or= of Bools, and
 * = with a set, number, true or false. What is added is a path of the request; when it is not
 * there nothing changes. All rules that a request is of apply, and one of them at most
 * changes a place. Without @start sets are empty, Longs 0 and Bools false; min= needs a
 * @start. What no rule changes may be anything in every step.
 *
 * The search goes over classes of states, which policies tell apart by the elements and
 * numbers they compare the places with. Every class that requests can bring about is
 * found, so "unreachable" is proved; it may find too many, so steps are only given out when
 * they fit together, label by label. Everything but the places (the principal, other
 * attributes, entities) may be different in every step.
 *
 * Limits: PROVE_FLOW_PLACES, PROVE_FLOW_RULES, PROVE_FLOW_MOVES, PROVE_FLOW_STATES; of one
 * place PROVE_FLOW_ELEMENTS and PROVE_FLOW_CUTS, beyond which classes are only coarser.
 */
#ifndef POLICY_PROVE_FLOW_H
#define POLICY_PROVE_FLOW_H

#include "policy/prove.h"

#define PROVE_FLOW_PLACES   8u
#define PROVE_FLOW_RULES    64u
#define PROVE_FLOW_MOVES    256u /* sets of rules that apply to one request */
#define PROVE_FLOW_STATES   2048u
#define PROVE_FLOW_ELEMENTS 20u
#define PROVE_FLOW_CUTS     12u

struct prove_flow;

/* In the arena; the source outlives it. What is wrong is in `diags` too, with its place. */
enum err_code prove_flow_load(struct arena *a, const struct policy_source *src,
			      const struct schema *s, const struct prove_flow **ret,
			      struct policy_diags *diags, struct err *err) MUST_USE;

struct prove_step {
	struct str request, entities; /* as of struct prove_result */
};

struct prove_flow_result {
	struct prove_result last; /* the claim's request is the last step */
	struct prove_step *steps; /* those before it */
	size_t n_steps, n_states;
};

/* REACHABLE or ALWAYS_DENIES with a query, after any number of steps. Errors as of prove(). */
enum err_code prove_flow(struct arena *a, const struct policy_list *policies,
			 const struct prove_invariant *inv, const struct prove_flow *flow,
			 const struct prove_opts *opts, struct prove_flow_result *ret,
			 struct err *err) MUST_USE;

#endif
