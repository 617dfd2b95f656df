/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a policy set: what set.c makes and decide.c reads. */
#ifndef POLICY_SET_PRIV_H
#define POLICY_SET_PRIV_H

#include "policy/code.h"
#include "policy/engine.h"
#include "policy/index.h"

struct policy_set {
	struct policy_rule *rules;
	const struct policy *const *trees; /* NULL when they were not kept */
	struct policy_code code;
	struct policy_index index;
	size_t n;
	uint32_t *by_id; /* hash table: index + 1 */
	size_t by_id_cap;
};

#endif
