/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an entities document and as tool arguments. Oracle: values keep
 * their canonical form (a copy is equal, and what is printed parses back to an
 * equal value); the closure is transitive and has no cycle; plain data never
 * holds an entity.
 */
#include "policy/case.h"

#include "tests/fuzz/policy/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_value(struct arena *a, struct policy_value v)
{
	const struct policy_env env = {.scratch = a};
	struct policy_source src = {STR("value"), {0}};
	struct policy_value copy = policy_value_dup(a, v), back = {0};
	struct policy_expr *e = NULL;
	struct buf text;

	ASSERT(a->exhausted || policy_value_eq(copy, v));
	buf_init(&text, 16 << 20);
	policy_value_write(&text, v);
	src.text = buf_str(&text);
	/* Fails only for limits of the language: a long string, a large set, deep nesting. */
	if (!text.failed && policy_parse_expr(a, &src, &e, NULL, NULL) == ERR_OK &&
	    policy_eval(&env, e, &back).code == POLICY_FAULT_NONE) {
		ASSERT(policy_value_cmp(v, back) == 0);
	}
	buf_done(&text);
}

static void check_store(struct arena *a, const struct policy_store *store)
{
	size_t n;
	const struct policy_entity *e = policy_store_entities(store, &n);

	for (size_t i = 0; i < n; i++) {
		ASSERT(policy_store_find(store, &e[i].uid) == &e[i]);
		ASSERT(!policy_ancestors_have(&e[i].ancestors, &e[i].uid));
		for (uint32_t k = 0; k < e[i].n_parents; k++) {
			const struct policy_entity *up = policy_store_find(store, &e[i].parents[k]);

			ASSERT(policy_ancestors_have(&e[i].ancestors, &e[i].parents[k]));
			for (uint32_t u = 0; up && u < up->ancestors.n; u++) {
				ASSERT(policy_ancestors_have(&e[i].ancestors,
							     up->ancestors.uids[u]));
			}
		}
		check_value(a, e[i].attrs);
		check_value(a, e[i].tags);
	}
}

static void check_plain(struct policy_value v)
{
	ASSERT(v.kind != POLICY_ENTITY && v.kind != POLICY_IP && v.kind != POLICY_NONE);
	for (uint32_t i = 0; v.kind == POLICY_SET && i < v.n; i++) {
		check_plain(v.elems[i]);
	}
	for (uint32_t i = 0; v.kind == POLICY_RECORD && i < v.n; i++) {
		check_plain(v.fields[i].value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct policy_source src = {STR("fuzz"), str_make((const char *)data, n)};
	struct policy_entity *entities = NULL;
	struct policy_store *store = NULL;
	const struct json *doc = NULL;
	struct policy_value v = {0};
	struct arena a;
	size_t count = 0;

	arena_init(&a, 256 << 20);
	if (policy_case_json(&a, &src, &doc, NULL) == ERR_OK) {
		if (policy_json_entities(&a, doc, NULL, &entities, &count, NULL) == ERR_OK &&
		    policy_store_build(&a, entities, count, &store, NULL) == ERR_OK) {
			check_store(&a, store);
		}
		if (policy_json_value(&a, doc, NULL, &v, NULL) == ERR_OK) {
			check_value(&a, v);
		}
		if (doc->type != JSON_NULL && policy_input_value(&a, doc, &v, NULL) == ERR_OK) {
			check_plain(v);
			check_value(&a, v);
		}
	}
	arena_done(&a);
	return 0;
}
