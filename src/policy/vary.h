/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policies look at more than who, what and where: at what differs from one request to the next of the same
 * principal and action. For hosts that derive a static plan: where no policy does, one decision holds for all.
 */
#ifndef POLICY_VARY_H
#define POLICY_VARY_H

#include "policy/ast.h"
#include "policy/engine.h"

struct policy_vary {
	const struct policy_set *set;
	const struct policy_request
		*request; /* principal, action and store; a resource of the kind */

	/* Could one of the resources in question be in scope: be this one, or be in it? */
	bool (*is_about)(const void *arg, const struct policy_uid *named);

	/* Is names[0].names[1]... of the context or the resource the same in all those requests, as long as they last? */
	bool (*is_fixed)(const void *arg, enum policy_var var, const struct str *names, size_t n);
	const void *arg;
};

/*
 * Does this policy? It does when it may be about one of the resources and is in force only for a time, or looks at
 * what is not fixed of the resource or the context. Where a resource lies (`resource in`) and what it is
 * counts as known. True when in doubt.
 */
bool policy_varies(const struct policy_vary *q, const struct policy_rule *rule,
		   struct arena *scratch);

#endif
