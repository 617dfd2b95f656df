/* SPDX-License-Identifier: Apache-2.0 */
/* What the two evaluators share: the request made ready, and the counting of results. */
#ifndef POLICY_DECIDE_PRIV_H
#define POLICY_DECIDE_PRIV_H

#include "policy/set_priv.h"

struct policy_error {
	const struct policy_rule *rule;
	enum policy_fault_code fault;
};

struct policy_tally {
	struct arena *scratch;
	int64_t now;
	struct policy_rules permits, forbids; /* satisfied: the Cedar answer */
	struct policy_rules logged;
	struct policy_error *errors;
	size_t n_errors, cap_errors;
	struct policy_rules may, must_not; /* what counts for the outcome */
	bool final; /* some forbid that counts has no remedy, or failed to evaluate */
};

/* False when the context is no record, the overlay has a cycle, or memory is short. */
bool policy_request_env(const struct policy_request *req, struct arena *scratch,
			struct policy_env *env) MUST_USE;

/*
 * Counts one policy's result, in any order; `twice` when the policy may have been
 * counted before. False when memory is short: the whole decision fails.
 */
bool policy_tally_put(struct policy_tally *t, const struct policy_rule *rule, bool satisfied,
		      enum policy_fault_code fault, bool twice) MUST_USE;

void policy_tally_settle(struct policy_tally *t, struct policy_decision *ret);

/* Policies whose scope holds, each once. */
struct policy_matches {
	uint32_t *items;
	size_t n, cap;
};

/* False when memory is short. Takes it from env->scratch. */
bool policy_matches_find(const struct policy_set *set, const struct policy_env *env,
			 struct policy_matches *ret) MUST_USE;

/* Decides by the conditions of these. `env` may have got more context since. */
void policy_matches_decide(const struct policy_set *set, const struct policy_env *env,
			   const struct policy_matches *matches, int64_t now,
			   struct policy_decision *ret);

void policy_decision_fail(struct policy_decision *ret, const char *why);

#endif
