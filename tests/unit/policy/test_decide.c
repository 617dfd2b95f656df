/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled and indexed engine against the reference evaluator. */
#include "policy/case.h"

#include "tests/unit/policy/vectors.h"

#include "tests/unit/policy/random.h"

struct world {
	struct arena arena, scratch;
	struct policy_case c;
	struct policy_uid uids[12];
	struct policy_value context;
};

static void world_make(struct world *w, struct str policies)
{
	const struct policy_source src = {STR("p"), policies};
	const struct policy_source entities = {STR("e"), STR(RANDOM_ENTITIES)};
	const struct policy_source context = {STR("c"), STR(RANDOM_CONTEXT)};
	const struct policy_case_texts texts = {&src, 1, NULL, &entities};
	struct policy_diags diags;
	const struct json *doc;
	struct err err = {0};

	arena_init(&w->arena, 256 << 20);
	arena_init(&w->scratch, 64 << 20);
	policy_diags_init(&diags, &w->arena);
	if (policy_case_load(&w->arena, &texts, NULL, &diags, &w->c, &err) ||
	    policy_case_json(&w->arena, &context, &doc, &err) ||
	    policy_json_context(&w->arena, doc, NULL, &w->context, &err)) {
		print_error("%s\n%.*s\n", err.msg, STR_ARG(policies));
		fail();
	}
	for (int i = 0; i < 4; i++) {
		assert_true(policy_uid_parse(&w->arena, str_from_c(random_users[i]), &w->uids[i]));
		assert_true(policy_uid_parse(&w->arena, str_from_c(random_actions[i]),
					     &w->uids[4 + i]));
		assert_true(
			policy_uid_parse(&w->arena, str_from_c(random_things[i]), &w->uids[8 + i]));
	}
}

static void world_end(struct world *w)
{
	arena_done(&w->arena);
	arena_done(&w->scratch);
}

static bool same_rules(const struct policy_rules *a, const struct policy_rules *b)
{
	return a->n == b->n &&
	       (a->n == 0 || memcmp(a->items, b->items, a->n * sizeof(*a->items)) == 0);
}

static bool same(const struct policy_decision *a, const struct policy_decision *b)
{
	return a->allow == b->allow && a->outcome == b->outcome && !a->failure && !b->failure &&
	       same_rules(&a->reasons, &b->reasons) && same_rules(&a->errors, &b->errors) &&
	       same_rules(&a->deciding, &b->deciding) && same_rules(&a->logged, &b->logged) &&
	       a->permit == b->permit && a->n_duties == b->n_duties &&
	       a->n_remedies == b->n_remedies &&
	       (a->errors.n == 0 ||
		memcmp(a->faults, b->faults, a->errors.n * sizeof(*a->faults)) == 0);
}

struct counts {
	size_t allow, deny, ask, errors, may;
};

static void compare_all(struct world *w, struct str policies, struct counts *n)
{
	for (int p = 0; p < 4; p++) {
		for (int a = 0; a < 4; a++) {
			for (int r = 0; r < 4; r++) {
				struct policy_request req = {
					.principal = &w->uids[p],
					.action = &w->uids[4 + a],
					.resource = &w->uids[8 + r],
					.context = w->context,
					.store = w->c.store,
					.now = (p + a) % 2 ? 0 : 5000,
				};
				struct policy_decision fast, slow;

				arena_reset(&w->scratch);
				policy_decide(w->c.set, &req, &w->scratch, &fast);
				policy_decide_reference(w->c.set, &req, &w->scratch, &slow);
				if (!same(&fast, &slow)) {
					print_error("%d %d %d\n%.*s\n", p, a, r, STR_ARG(policies));
					fail();
				}
				/* What a list leaves out is refused in every case. */
				if (policy_may_permit(w->c.set, &req, &w->scratch)) {
					n->may++;
				} else {
					assert_int_equal(slow.outcome, POLICY_DENY);
				}
				n->allow += fast.outcome == POLICY_ALLOW;
				n->ask += fast.outcome == POLICY_ASK;
				n->deny += fast.outcome == POLICY_DENY;
				n->errors += fast.errors.n;
			}
		}
	}
}

static void the_compiled_form_agrees_with_the_reference_on_random_policies(void **state)
{
	const char *seed = getenv("WRIT_SEED"), *rounds = getenv("WRIT_ROUNDS");
	struct random_source r = {seed ? strtoull(seed, NULL, 10) : 20261123};
	unsigned long n_rounds = rounds ? strtoul(rounds, NULL, 10) : 300;
	struct counts n = {0};

	(void)state;
	for (unsigned long i = 0; i < n_rounds; i++) {
		struct world w;
		struct buf b;

		buf_init(&b, 1 << 20);
		for (uint32_t k = 1 + random_next(&r, 12); k > 0; k--) {
			random_policy(&r, &b);
		}
		world_make(&w, buf_str(&b));
		compare_all(&w, buf_str(&b), &n);
		world_end(&w);
		buf_done(&b);
	}
	/* The generator must reach every answer, or agreement means little. */
	assert_true(n.may > n.allow + n.ask && n.may < n.allow + n.ask + n.deny);
	assert_true(n.allow > n_rounds && n.deny > n_rounds && n.ask > n_rounds / 4 &&
		    n.errors > n_rounds);
}

/* Each of the integration tests' files: decisions and the agreement of both evaluators. */
static void run_integration_test(struct arena *a, const char *path)
{
	const struct json *test = vectors_json(a, path);
	struct str policies =
		vectors_read(a, arena_printf(a, "cedar/" STR_FMT,
					     STR_ARG(json_str(json_get(test, STR("policies")))))
					.p);
	struct policy_source psrc = {STR("p"), policies}, esrc, ssrc;
	const struct policy_case_texts texts = {&psrc, 1, &ssrc, &esrc};
	struct policy_diags diags;
	struct policy_case c;
	struct err err = {0};

	policy_diags_init(&diags, a);
	esrc = (struct policy_source){
		STR("e"),
		vectors_read(a, arena_printf(a, "cedar/" STR_FMT,
					     STR_ARG(json_str(json_get(test, STR("entities")))))
					.p)};
	ssrc = (struct policy_source){
		STR("s"),
		vectors_read(a, arena_printf(a, "cedar/" STR_FMT,
					     STR_ARG(json_str(json_get(test, STR("schema")))))
					.p)};
	if (policy_case_load(a, &texts, NULL, &diags, &c, &err)) {
		print_error("%s: %s\n", path, err.msg);
		fail();
	}
	JSON_EACH (r, json_get(test, STR("requests"))) {
		struct policy_decision fast, slow;
		struct policy_request req;

		if (policy_case_request(a, &c, r, true, &req, &err)) {
			print_error("%s: %s\n", path, err.msg);
			fail();
		}
		policy_decide(c.set, &req, a, &fast);
		policy_decide_reference(c.set, &req, a, &slow);
		assert_true(same(&fast, &slow));
		assert_int_equal(fast.allow,
				 json_str_is(json_get(r, STR("decision")), STR("allow")));
		assert_int_equal(fast.reasons.n, json_get(r, STR("reason"))->n);
		assert_int_equal(fast.errors.n, json_get(r, STR("errors"))->n);
	}
}

static void the_hand_written_integration_tests_pass(void **state)
{
	static const char *const paths[] = {
		"cedar/tests/multi/1.json",
		"cedar/tests/multi/2.json",
		"cedar/tests/ip/1.json",
		"cedar/tests/ip/2.json",
		"cedar/tests/decimal/1.json",
		"cedar/tests/decimal/2.json",
		"cedar/tests/example_use_cases/1a.json",
		"cedar/tests/example_use_cases/2c.json",
		"cedar/tests/example_use_cases/4d.json",
		"cedar/tests/example_use_cases/5b.json",
	};
	struct arena a;

	(void)state;
	arena_init(&a, 256 << 20);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		run_integration_test(&a, paths[i]);
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_compiled_form_agrees_with_the_reference_on_random_policies),
		cmocka_unit_test(the_hand_written_integration_tests_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
