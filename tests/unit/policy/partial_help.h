/* SPDX-License-Identifier: Apache-2.0 */
/* Hides parts of requests and of entities. */
#ifndef TESTS_POLICY_PARTIAL_HELP_H
#define TESTS_POLICY_PARTIAL_HELP_H

#include "tests/test.h"
#include "tests/unit/policy/prove_random.h"

#include "policy/store.h"

/* Some members become unknown; then others may be left out, as if nobody had heard of them. */
static inline struct policy_value hide(struct random_source *r, struct arena *a,
				       struct policy_value v)
{
	struct policy_field *f = ARENA_ARRAY(a, v.n + 1, struct policy_field);
	struct policy_value ret = {0};
	bool unknown = false;
	size_t n = 0;

	assert_non_null(f);
	for (uint32_t i = 0; i < v.n; i++) {
		f[n] = v.fields[i];
		if (random_next(r, 3) == 0) {
			f[n].value = (struct policy_value){0};
			unknown = true;
		} else if (unknown && random_next(r, 3) == 0) {
			continue;
		}
		n++;
	}
	assert_true(policy_value_record(f, n, &ret));
	return ret;
}

/* The store without some of its entities. */
static inline const struct policy_store *forget(struct random_source *r, struct arena *a,
						const struct policy_store *from)
{
	struct policy_store *store = NULL;
	struct policy_entity *items;
	const struct policy_entity *all;
	struct err err = {0};
	size_t n, kept = 0;

	all = policy_store_entities(from, &n);
	items = ARENA_ARRAY(a, n + 1, struct policy_entity);
	assert_non_null(items);
	for (size_t i = 0; i < n; i++) {
		if (random_next(r, 4)) {
			items[kept] = all[i];
			items[kept++].ancestors = (struct policy_ancestors){0};
		}
	}
	assert_int_equal(policy_store_build(a, items, kept, &store, &err), ERR_OK);
	return store;
}

#endif
