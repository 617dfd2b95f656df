/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of a request that is known in part, against the same request in full:
 * random policies, requests and entities, of which random parts are hidden.
 */
#include "tests/test.h"

#include "policy/partial.h"
#include "tests/unit/policy/partial_help.h"
#include "tests/unit/policy/prove_help.h"

enum { CASES = 3000 };

struct tally {
	unsigned sure, unsure;
};

/* What the reference evaluator says. */
static unsigned truth(const struct policy_request *req, const struct policy *p, struct arena *a)
{
	struct policy_env env = {.principal = req->principal,
				 .action = req->action,
				 .resource = req->resource,
				 .context = req->context,
				 .store = req->store,
				 .scratch = a};
	bool v = false;

	policy_env_prepare(&env);
	if (policy_eval_policy(&env, p, &v).code) {
		return POLICY_MAY_FAIL;
	}
	return v ? POLICY_MAY_HOLD : POLICY_MAY_NOT;
}

static unsigned partial(const struct policy_request *req, const struct policy *p, bool open,
			struct arena *a)
{
	const struct policy_partial known = {.request = req, .open = open};
	struct err err = {0};
	unsigned may = 0;

	assert_int_equal(policy_partial(&known, p, a, &may, &err), ERR_OK);
	assert_true(may > 0 && may <= POLICY_MAY_ALL);
	return may;
}

static void one_case(struct random_source *r, struct tally *t)
{
	struct policy_request full, less;
	struct buf text, req, ent;
	struct proof p;

	buf_init(&text, 1 << 20);
	buf_init(&req, 1 << 20);
	buf_init(&ent, 1 << 20);
	prove_random_policy(r, &text);
	buf_append_c(&text, '\0');
	prove_random_request(r, &req);
	prove_random_entities(r, &ent, 6);
	assert_true(proof_begin(&p, PROVE_SCHEMA, text.p, NULL, NULL));
	assert_true(proof_request(&p.a, p.c.schema, buf_str(&req), buf_str(&ent), &full));
	for (size_t i = 0; i < p.c.policies.n; i++) {
		const struct policy *policy = p.c.policies.items[i];
		unsigned is = truth(&full, policy, &p.a), may;

		if (partial(&full, policy, false, &p.a) != is) {
			fail_msg("not exact: %s\n%.*s", text.p, STR_ARG(buf_str(&req)));
		}
		less = full;
		less.context = hide(r, &p.a, full.context);
		may = partial(&less, policy, false, &p.a);
		if (!(may & is)) {
			fail_msg("%u is not in %u: %s\n%.*s", is, may, text.p,
				 STR_ARG(buf_str(&req)));
		}
		less.store = forget(r, &p.a, full.store);
		may = partial(&less, policy, true, &p.a);
		if (!(may & is)) {
			fail_msg("open: %u is not in %u: %s\n%.*s\n%.*s", is, may, text.p,
				 STR_ARG(buf_str(&req)), STR_ARG(buf_str(&ent)));
		}
		t->sure += may == is;
		t->unsure += may != is;
	}
	proof_end(&p);
	buf_done(&text);
	buf_done(&req);
	buf_done(&ent);
}

static void what_is_said_of_a_part_never_leaves_out_the_truth(void **state)
{
	const char *more = getenv("PARTIAL_CASES");
	struct random_source r = {21};
	struct tally t = {0};

	(void)state;
	for (int i = more ? atoi(more) : CASES; i > 0; i--) {
		one_case(&r, &t);
	}
	print_message("%u known for sure, %u not\n", t.sure, t.unsure);
	assert_true(t.sure > t.unsure / 2 && t.unsure > t.sure / 10);
}

static unsigned of(const char *policy, bool open)
{
	const struct policy_uid agent = policy_uid_make(STR("Agent"), STR("a")),
				action = policy_uid_make(STR("Action"), STR("call")),
				tool = policy_uid_make(STR("Tool"), STR("t"));
	struct policy_field fields[] = {{STR("input"), {0}},
					{STR("session"), policy_string(STR("s"))}};
	struct policy_request req = {.principal = &agent, .action = &action, .resource = &tool};
	const struct policy_source src = {STR("p"), str_from_c(policy)};
	struct policy_list list = {0};
	struct policy_diags diags;
	struct err err = {0};
	struct arena a;
	unsigned may;

	arena_init(&a, 16 << 20);
	policy_diags_init(&diags, &a);
	assert_true(policy_value_record(fields, 2, &req.context));
	assert_int_equal(policy_parse(&a, &src, POLICY_ID_ORDER, &list, &diags, &err), ERR_OK);
	may = partial(&req, list.items[0], open, &a);
	arena_done(&a);
	return may;
}

#define WHEN(c) "permit(principal, action, resource) when { " c " };"

static void scope_and_what_is_known_decide_what_they_can(void **state)
{
	enum { T = POLICY_MAY_HOLD, N = POLICY_MAY_NOT, E = POLICY_MAY_FAIL };

	(void)state;
	assert_int_equal(of("permit(principal == Agent::\"b\", action, resource) when { "
			    "context.input.x };",
			    false),
			 N);
	assert_int_equal(of(WHEN("context.session == \"s\" || context.input.x"), false), T);
	assert_int_equal(of(WHEN("context.session == \"z\" && context.input.x"), false), N);
	assert_int_equal(of(WHEN("context.input == 3"), false), T | N);
	assert_int_equal(of(WHEN("context.input.x == 3"), false), T | N | E);
	assert_int_equal(of(WHEN("context has input"), false), T);
	assert_int_equal(of(WHEN("context has other"), false), T | N);
	assert_int_equal(of(WHEN("context.session > 3"), false), E);
	assert_int_equal(of(WHEN("if context.input has y then true else 1 == 1"), false), T | E);
	assert_int_equal(of("forbid(principal in Group::\"g\", action, resource);", false), N);
	assert_int_equal(of("forbid(principal in Group::\"g\", action, resource);", true), T | N);
	assert_int_equal(of(WHEN("principal.level > 3"), false), E);
	assert_int_equal(of(WHEN("principal has level"), true), T | N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_of_a_part_never_leaves_out_the_truth),
		cmocka_unit_test(scope_and_what_is_known_decide_what_they_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
