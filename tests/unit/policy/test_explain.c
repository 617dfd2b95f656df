/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/case.h"
#include "policy/explain.h"

#include "tests/test.h"

#include "tests/unit/policy/random.h"

/* The explanation of the one policy in the world of random.h, as text. */
static void explained(struct str policy, const char *want)
{
	const struct policy_source src = {STR("p.cedar"), policy};
	const struct policy_source entities = {STR("e"), STR(RANDOM_ENTITIES)};
	const struct policy_source request = {
		STR("r"),
		STR("{\"principal\":\"User::\\\"a\\\"\",\"action\":\"Action::\\\"read\\\"\","
		    "\"resource\":\"Tool::\\\"t\\\"\",\"context\":{\"n\":3}}")};
	const struct policy_case_texts texts = {&src, 1, NULL, &entities};
	struct policy_explanation x;
	struct policy_request req;
	struct policy_diags diags;
	struct policy_case c;
	const struct json *doc;
	struct err err = {0};
	struct arena a;
	struct buf out;

	arena_init(&a, 64 << 20);
	buf_init(&out, 1 << 20);
	policy_diags_init(&diags, &a);
	if (policy_case_load(&a, &texts, NULL, &diags, &c, &err) ||
	    policy_case_json(&a, &request, &doc, &err) ||
	    policy_case_request(&a, &c, doc, true, &req, &err) ||
	    policy_explain_request(&req, c.policies.items[0], &a, &x, &err)) {
		print_error("%s\n", err.msg);
		fail();
	}
	policy_explanation_write(&out, &x);
	assert_str_equal(buf_str(&out), str_from_c(want));
	buf_done(&out);
	arena_done(&a);
}

static void every_evaluated_part_is_shown_with_its_value_and_place(void **state)
{
	(void)state;
	explained(STR("permit(principal in Group::\"g\", action, resource)\n"
		      "when { principal.n + 1 == 2 && context.n < 5 };"),
		  "permit policy0 (p.cedar:1): satisfied\n"
		  "     1:8   principal in Group::\"g\"  =>  true\n"
		  "     1:33  action  =>  true\n"
		  "     1:41  resource  =>  true\n"
		  "     2:1   when { principal.n + 1 == 2 && context.n < 5 }  =>  true\n"
		  "     2:8     principal.n + 1 == 2 && context.n < 5  =>  true\n"
		  "     2:8       principal.n + 1 == 2  =>  true\n"
		  "     2:8         principal.n + 1  =>  2\n"
		  "     2:8           principal.n  =>  1\n"
		  "     2:8             principal  =>  User::\"a\"\n"
		  "     2:32      context.n < 5  =>  true\n"
		  "     2:32        context.n  =>  3\n"
		  "     2:32          context  =>  {\"n\": 3}\n");
}

static void what_is_not_reached_is_said_so(void **state)
{
	(void)state;
	explained(
		STR("forbid(principal, action, resource)\n"
		    "when { if context.n == 4 then context.n == 1 else false || context.x };"),
		"forbid policy0 (p.cedar:1): error: the attribute does not exist\n"
		"     1:8   principal  =>  true\n"
		"     1:19  action  =>  true\n"
		"     1:27  resource  =>  true\n"
		"     2:1   when { if context.n == 4 then context.n == 1 else false || context.x }"
		"  =>  error: the attribute does not exist\n"
		"     2:8     if context.n == 4 then context.n == 1 else false || context.x"
		"  =>  error: the attribute does not exist\n"
		"     2:11      context.n == 4  =>  false\n"
		"     2:11        context.n  =>  3\n"
		"     2:11          context  =>  {\"n\": 3}\n"
		"     2:31      context.n == 1  =>  not reached\n"
		"     2:31        context.n  =>  not reached\n"
		"     2:31          context  =>  not reached\n"
		"     2:51      false || context.x  =>  error: the attribute does not exist\n"
		"     2:60        context.x  =>  error: the attribute does not exist\n"
		"     2:60          context  =>  {\"n\": 3}\n");
}

static void behind_a_scope_that_does_not_match_nothing_is_reached(void **state)
{
	(void)state;
	explained(STR("permit(principal == User::\"b\", action, resource) unless { true };"),
		  "permit policy0 (p.cedar:1): not satisfied\n"
		  "     1:8   principal == User::\"b\"  =>  false\n"
		  "     1:32  action  =>  not reached\n"
		  "     1:40  resource  =>  not reached\n"
		  "     1:50  unless { true }  =>  not reached\n"
		  "     1:59    true  =>  not reached\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_evaluated_part_is_shown_with_its_value_and_place),
		cmocka_unit_test(what_is_not_reached_is_said_so),
		cmocka_unit_test(behind_a_scope_that_does_not_match_nothing_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
