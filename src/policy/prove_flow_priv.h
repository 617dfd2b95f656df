/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of flows. Only for prove_flow*.c. */
#ifndef POLICY_PROVE_FLOW_PRIV_H
#define POLICY_PROVE_FLOW_PRIV_H

#include "policy/eval.h"
#include "policy/prove_flow.h"

enum flow_op { FLOW_ADD = 0, FLOW_MAX, FLOW_MIN, FLOW_OR, FLOW_SET };

#define FLOW_OTHERS (UINT64_C(1) << 63) /* of a set: some element that no policy knows */

/* An attribute of the request, as text and tree. */
struct flow_path {
	struct str text;
	struct str guard; /* whether it is there: `context has a && context.a has b` */
	const struct policy_expr *expr;
};

/* What a session keeps. */
struct flow_place {
	struct flow_path path;
	const struct type *type;    /* SET, LONG or BOOL */
	struct policy_value *items; /* SET: elements that matter; LONG: numbers, ascending */
	size_t n, cap;
	bool whole; /* SET: something depends on elements that nobody names */
};

struct flow_effect {
	uint32_t place;
	enum flow_op op;
	struct flow_path source;   /* all but FLOW_SET */
	struct policy_value value; /* FLOW_SET */
};

struct flow_rule {
	const struct policy *policy;
	struct flow_effect effects[PROVE_FLOW_PLACES];
	uint32_t n;
};

struct prove_flow {
	struct flow_place places[PROVE_FLOW_PLACES];
	uint32_t n_places;
	struct flow_rule rules[PROVE_FLOW_RULES];
	uint32_t n_rules;
	const struct policy *start; /* NULL: the least state */
};

/*
 * A class of states, one number for each place. SET: a bit for each element, and
 * FLOW_OTHERS when the place is `whole`; LONG: 2i is the gap below items[i], 2i + 1 that number; BOOL: 0 or 1.
 */
struct flow_state {
	uint64_t v[PROVE_FLOW_PLACES];
};

/* Elements and numbers that the policy compares places, or what is added to them, with. */
bool flow_learn(struct arena *a, struct prove_flow *flow, const struct policy *p);

/* The class of a value of the place's type. */
uint64_t flow_class(const struct flow_place *p, struct policy_value v);
/* What the effect makes of it; `source` is of kind NONE when it is not there. */
uint64_t flow_apply(const struct flow_place *p, const struct flow_effect *e, uint64_t before,
		    struct policy_value source);
/* The same with values. */
struct policy_value flow_join(struct arena *a, const struct flow_effect *e,
			      struct policy_value before, struct policy_value source);

/* Conditions in Cedar. The value at `text` is of the class. */
void flow_put_class(struct buf *to, const struct flow_place *p, struct str text, uint64_t v);
/* The place is of the class, where the context has it. */
void flow_put_place(struct buf *to, const struct flow_place *p, uint64_t v);
/* The place has this value, where the context has it. */
void flow_put_value(struct buf *to, const struct flow_place *p, struct policy_value v);
/* The effect leads from a class to another. */
void flow_put_effect(struct buf *to, const struct flow_place *p, const struct flow_effect *e,
		     uint64_t before, uint64_t after);

#endif
