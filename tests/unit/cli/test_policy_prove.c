/* SPDX-License-Identifier: Apache-2.0 */
/* `writ policy prove` over temporal policies, and what it refuses to prove. */
#include "tests/unit/cli/run.h"

static const char schema[] = "entity User = {level: Long}; entity Doc;\n"
			     "action login, transfer appliesTo {principal: User, resource: Doc,\n"
			     "  context: {input: {user: String, amount: Long}}};\n";

#define TEMPORAL(window, limit)                                                                    \
	"@id(\"ok\") permit (principal, action, resource);\n"                                      \
	"@id(\"ask\") forbid (action == Action::\"transfer\") when { context.input.amount > 100 "  \
	"} unless temporal { formerly within " window " Action::\"login\"::response{ input.user: " \
	"context.input.user } };\n"                                                                \
	"@id(\"rate\") forbid (action == Action::\"transfer\") when temporal { bind(n, "           \
	"count_within(1m, Action::\"transfer\"::request{}), n > " limit ") };\n"

static int setup(void **state)
{
	struct cli *f = cli_begin();

	cli_put(f, "s.cedarschema", schema);
	cli_put(f, "p.cedar",
		"permit(principal, action, resource) when { principal.level > 1 };\n");
	cli_put(f, "a.dw", TEMPORAL("10m", "5"));
	cli_put(f, "looser.dw", TEMPORAL("20m", "9"));
	cli_put(f, "stricter.dw", TEMPORAL("10m", "3"));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	cli_end(*state);
	return 0;
}

#define PROVE(f, policies, invariant)                                                              \
	CLI(f, "policy", "prove", "--policies", policies, "--schema", "s.cedarschema", invariant)

static void temporal_conditions_may_be_true_or_false(void **state)
{
	struct cli *f = *state;

	assert_int_equal(PROVE(f, "a.dw",
			       "unreachable action == Action::\"transfer\" && "
			       "context.input.amount > 100"),
			 CMD_FOUND);
	assert_true(cli_said(f, "\"policy_1__temporal_0\":true"));
	assert_true(cli_said(f, "history: policy_1__temporal_0 (a.dw:2:"));
	assert_true(cli_said(f, "Temporal conditions are free"));
	assert_int_equal(PROVE(f, "a.dw", "never-errors"), CMD_FINE);
	assert_int_equal(PROVE(f, "a.dw", "shadowed rate"), CMD_FOUND);
}

static void what_windows_and_limits_imply_counts(void **state)
{
	struct cli *f = *state;

	assert_int_equal(PROVE(f, "a.dw", "equivalent a.dw"), CMD_FINE);
	assert_int_equal(PROVE(f, "a.dw", "implies looser.dw"), CMD_FINE);
	assert_int_equal(PROVE(f, "looser.dw", "implies a.dw"), CMD_FOUND);
	assert_int_equal(PROVE(f, "stricter.dw", "implies a.dw"), CMD_FINE);
	assert_int_equal(PROVE(f, "a.dw", "implies stricter.dw"), CMD_FOUND);
}

static void a_claim_about_a_name_that_does_not_exist_is_refused(void **state)
{
	struct cli *f = *state;

	assert_int_equal(PROVE(f, "p.cedar", "unreachable principal.lvel > 2"), CMD_FAILED);
	assert_true(cli_said(f, "did you mean `level`?"));
	assert_int_equal(PROVE(f, "p.cedar", "unreachable context has inptu"), CMD_FAILED);
	assert_int_equal(PROVE(f, "p.cedar", "unreachable action == Action::\"logn\""), CMD_FAILED);
	assert_true(cli_said(f, "<invariant>:1:"));
	assert_true(cli_said(f, "did you mean `\"login\"`?"));
	assert_int_equal(PROVE(f, "p.cedar", "unreachable principal is Usr"), CMD_FAILED);
	assert_int_equal(PROVE(f, "p.cedar", "unreachable principal.level < 2"), CMD_FINE);
}

#define SMALLEST                                                                                   \
	"{\"principal\":{\"type\":\"User\",\"id\":\"x1\"},"                                        \
	"\"action\":{\"type\":\"Action\",\"id\":\"login\"},"                                       \
	"\"resource\":{\"type\":\"Doc\",\"id\":\"x1\"},"                                           \
	"\"context\":{\"input\":{\"amount\":8,\"user\":\"\"}}}"
#define ENTITIES                                                                                   \
	"[{\"uid\":{\"type\":\"User\",\"id\":\"x1\"},\"attrs\":{\"level\":2},\"parents\":[]}]"

static void what_is_shown_is_smallest_and_ready_for_eval(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "policy", "prove", "--policies", "p.cedar", "--schema",
			     "s.cedarschema", "--json", "unreachable context.input.amount > 7"),
			 CMD_FOUND);
	assert_true(cli_said(f, "\"minimal\":true"));
	assert_true(cli_said(f, SMALLEST));
	assert_true(cli_said(f, ENTITIES));
	cli_put(f, "r.json", SMALLEST);
	cli_put(f, "e.json", ENTITIES);
	assert_int_equal(CLI(f, "policy", "eval", "--policies", "p.cedar", "--schema",
			     "s.cedarschema", "--request", "r.json", "--entities", "e.json"),
			 CMD_FINE);
	assert_true(cli_said(f, "allow"));
}

static void policies_that_are_not_valid_are_pointed_out(void **state)
{
	struct cli *f = *state;

	cli_put(f, "bad.cedar",
		"permit(principal, action, resource) when { principal.lvel > 1 };\n");
	assert_int_equal(PROVE(f, "bad.cedar", "always-denies"), CMD_FINE);
	assert_true(cli_said(f, "not valid for this schema"));
	cli_put(f, "bad.dw", "permit () when temporal { Action::\"nope\"::request{} };\n");
	assert_int_equal(PROVE(f, "bad.dw", "always-denies"), CMD_FAILED);
	assert_true(cli_said(f, "bad.dw:1:"));
}

static const char labels[] =
	"entity Jurisdiction; entity Site in [Jurisdiction]; entity Agent;\n"
	"entity Model = {site: Site}; entity Doc = {categories: Set<String>};\n"
	"action read appliesTo {principal: Agent, resource: Doc, context: {taint: Set<String>}};\n"
	"action infer appliesTo {principal: Agent, resource: Model, context: {taint: "
	"Set<String>}};\n";
static const char health[] = "context.taint.contains(\"health\") && "
			     "!(resource.site in Jurisdiction::\"EEA\")";

/* Can category health ever be inferred at a site outside EEA? */
static void labels_are_followed_over_many_requests(void **state)
{
	struct cli *f = *state;

	cli_put(f, "s.cedarschema", labels);
	cli_put(f, "flow.cedar",
		"@effect(\"context.taint += resource.categories\")\n"
		"permit(principal, action == Action::\"read\", resource);\n");
	cli_put(f, "open.cedar", "permit(principal, action, resource);\n");
	cli_put(f, "shut.cedar",
		"permit(principal, action, resource);\n"
		"forbid(principal, action == Action::\"read\", resource)\n"
		"when { resource.categories.contains(\"health\") };\n");
	assert_int_equal(CLI(f, "policy", "prove", "--policies", "shut.cedar", "--schema",
			     "s.cedarschema", "--complete", "unreachable", health),
			 CMD_FOUND); /* one request alone may have any label */
	assert_int_equal(CLI(f, "policy", "prove", "--policies", "shut.cedar", "--schema",
			     "s.cedarschema", "--complete", "--flow", "flow.cedar", "unreachable",
			     health),
			 CMD_FINE);
	assert_int_equal(CLI(f, "policy", "prove", "--policies", "open.cedar", "--schema",
			     "s.cedarschema", "--flow", "flow.cedar", "unreachable", health),
			 CMD_FOUND);
	assert_true(cli_said(f, "step: 2\n"));
	assert_true(cli_said(f, "\"taint\":[]"));
	assert_true(cli_said(f, "\"taint\":[\"health\"]"));
	assert_int_equal(CLI(f, "policy", "prove", "--json", "--policies", "open.cedar", "--schema",
			     "s.cedarschema", "--flow", "flow.cedar", "reachable", health),
			 CMD_FINE);
	assert_true(cli_said(f, "\"steps\":[{\"request\":{"));
	assert_int_equal(CLI(f, "policy", "prove", "--policies", "open.cedar", "--schema",
			     "s.cedarschema", "--flow", "flow.cedar", "never-errors"),
			 CMD_FAILED);
	cli_put(f, "flow.cedar",
		"@effect(\"context.tiant += resource.categories\")\n"
		"permit(principal, action == Action::\"read\", resource);\n");
	assert_int_equal(CLI(f, "policy", "prove", "--policies", "open.cedar", "--schema",
			     "s.cedarschema", "--flow", "flow.cedar", "unreachable", health),
			 CMD_FAILED);
	assert_true(cli_said(f, "flow.cedar:1:1: error: no action's context has: `context.tiant`"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(temporal_conditions_may_be_true_or_false),
		T(what_windows_and_limits_imply_counts),
		T(a_claim_about_a_name_that_does_not_exist_is_refused),
		T(policies_that_are_not_valid_are_pointed_out),
		T(what_is_shown_is_smallest_and_ready_for_eval),
		T(labels_are_followed_over_many_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
