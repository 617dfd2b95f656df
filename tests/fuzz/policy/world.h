/* SPDX-License-Identifier: Apache-2.0 */
/* One world for policies under test, and the comparison of both evaluators in it. */
#ifndef TESTS_FUZZ_POLICY_WORLD_H
#define TESTS_FUZZ_POLICY_WORLD_H

#include "base/attr.h"
#include "policy/case.h"

#include "tests/unit/policy/random.h"

static inline bool world_same_rules(const struct policy_rules *a, const struct policy_rules *b)
{
	return a->n == b->n &&
	       (a->n == 0 || memcmp(a->items, b->items, a->n * sizeof(*a->items)) == 0);
}

static inline void world_compare(const struct policy_set *set, const struct policy_request *req)
{
	struct policy_decision fast, slow;
	struct arena scratch;

	arena_init(&scratch, 64 << 20);
	policy_decide(set, req, &scratch, &fast);
	policy_decide_reference(set, req, &scratch, &slow);
	if (!fast.failure && !slow.failure) {
		ASSERT(fast.allow == slow.allow && fast.outcome == slow.outcome);
		ASSERT(world_same_rules(&fast.reasons, &slow.reasons));
		ASSERT(world_same_rules(&fast.errors, &slow.errors));
		ASSERT(world_same_rules(&fast.deciding, &slow.deciding));
		ASSERT(fast.permit == slow.permit && fast.n_duties == slow.n_duties);
		ASSERT(fast.errors.n == 0 ||
		       memcmp(fast.faults, slow.faults, fast.errors.n * sizeof(*fast.faults)) == 0);
	} else {
		ASSERT(fast.failure ? fast.outcome == POLICY_DENY : slow.outcome == POLICY_DENY);
	}
	arena_done(&scratch);
}

/* Builds the set and decides a few requests both ways. */
static inline void world_run(struct arena *a, const struct policy_list *list)
{
	const struct policy_source entities = {STR("e"), STR(RANDOM_ENTITIES)};
	const struct policy_source context = {STR("c"), STR(RANDOM_CONTEXT)};
	struct policy_entity *e = NULL;
	struct policy_store *store = NULL;
	const struct policy_set *set;
	const struct json *doc = NULL;
	struct policy_request req = {0};
	struct policy_diags diags;
	size_t n = 0;

	policy_diags_init(&diags, a);
	if (policy_set_build(a, list, NULL, &diags, &set, NULL)) {
		return;
	}
	ASSERT(policy_case_json(a, &entities, &doc, NULL) == ERR_OK);
	ASSERT(policy_json_entities(a, doc, NULL, &e, &n, NULL) == ERR_OK);
	ASSERT(policy_store_build(a, e, n, &store, NULL) == ERR_OK);
	ASSERT(policy_case_json(a, &context, &doc, NULL) == ERR_OK);
	ASSERT(policy_json_context(a, doc, NULL, &req.context, NULL) == ERR_OK);
	req.store = store;
	for (int i = 0; i < 4; i++) {
		struct policy_uid p = {0}, act = {0}, r = {0};

		ASSERT(policy_uid_parse(a, str_from_c(random_users[i]), &p));
		ASSERT(policy_uid_parse(a, str_from_c(random_actions[i]), &act));
		ASSERT(policy_uid_parse(a, str_from_c(random_things[i]), &r));
		req.principal = &p;
		req.action = &act;
		req.resource = &r;
		world_compare(set, &req);
	}
}

#endif
