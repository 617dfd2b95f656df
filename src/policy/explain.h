/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a policy came out as it did: every part of it that was evaluated, with its
 * value or its fault, and what was not reached. Made by the reference evaluator.
 */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include "policy/engine.h"

#define POLICY_EXPLAIN_MAX 4096 /* steps of one policy; later ones are left out */

enum policy_step_kind {
	POLICY_STEP_SCOPE = 0,
	POLICY_STEP_WHEN,
	POLICY_STEP_UNLESS,
	POLICY_STEP_EXPR
};

enum policy_step_state {
	POLICY_STEP_SKIPPED = 0, /* not reached */
	POLICY_STEP_VALUE,
	POLICY_STEP_FAULT,
};

/* One line of the explanation; a list of them is a tree in preorder. */
struct policy_step {
	enum policy_step_kind kind;
	enum policy_step_state state;
	enum policy_fault_code fault;
	uint32_t depth;
	struct policy_span span;   /* in the policy's source */
	struct policy_value value; /* STATE_VALUE; of a scope part: whether it holds */
};

struct policy_explanation {
	const struct policy *policy;
	bool satisfied;
	enum policy_fault_code fault; /* of the whole policy */
	struct policy_step *steps;
	size_t n, cap;
	bool cut; /* POLICY_EXPLAIN_MAX was reached */
};

/* `env` is prepared; everything lives in its scratch arena. ERR_NOMEM. */
enum err_code policy_explain(const struct policy_env *env, const struct policy *p,
			     struct policy_explanation *ret, struct err *err) MUST_USE;

/* The same for a request, which is made ready first. */
enum err_code policy_explain_request(const struct policy_request *req, const struct policy *p,
				     struct arena *scratch, struct policy_explanation *ret,
				     struct err *err) MUST_USE;

/* The tree as indented text; one step a line: place, text, result. */
void policy_explanation_write(struct buf *out, const struct policy_explanation *x);

/* {"policy":ID,"satisfied":B,"steps":[{"depth":0,"line":1,"column":1,"text":...,"value":...}]} */
void policy_explanation_write_json(struct buf *out, const struct policy_explanation *x);

#endif
