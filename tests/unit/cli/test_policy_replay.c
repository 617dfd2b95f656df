/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cli/run.h"

#include "json/parse.h"

#define LINE(ts, action, kind)                                                                     \
	"@" #ts " scope(principal: U::\"u\", resource: G::\"g\") request_context(input: {n: 1}) "  \
	"Action::\"" action "\"::" kind "(input: {n: 1})\n"

static int setup(void **state)
{
	struct cli *f = cli_begin();

	cli_put(f, "s.cedarschema",
		"entity U; entity G; action group; action a, b in [group] appliesTo { principal: "
		"[U], "
		"resource: [G], context: { input: { n: Long } } };");
	cli_put(f, "p.dw",
		"permit (action in Action::\"group\") when temporal { formerly within 5s "
		"Action::\"b\"::response{} };\n"
		"permit (action == Action::\"a\") when temporal { previous within 1s "
		"Action::\"a\"::request{} };\n");
	cli_put(f, "bad.dw", "permit ()\nwhen temporal { Action::\"c\"::request{} };\n");
	cli_put(f, "m.dw", "permit () when temporal { lately(Action::\"b\"::response{}) };\n");
	cli_put(f, "macros.dw", "def temporal lately(?s) { formerly within 5s ?s };\n");
	cli_put(f, "t.log",
		LINE(0, "a", "request") LINE(1, "b", "response") LINE(5, "a", "request")
			LINE(6, "a", "request") LINE(9, "a", "request"));
	cli_put(f, "bad.log", LINE(0, "a", "request") "@1 nonsense\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	cli_end(*state);
	return 0;
}

/* `writ policy replay WORDS`: its exit status. */
#define RUN(f, ...) CLI(f, "policy", "replay", __VA_ARGS__)

static void every_decision_has_its_line_with_the_rules_that_decided(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--policies", "p.dw", "--schema", "s.cedarschema", "t.log"),
			 CMD_FINE);
	assert_string_equal(f->out, "@0 (time point 0): DENY\n"
				    "@5 (time point 1): ALLOW  [rules: 0]\n"
				    "@6 (time point 2): ALLOW  [rules: 0, 1]\n"
				    "@9 (time point 3): DENY\n");
}

static void a_whole_trace_counts_all_events(void **state)
{
	struct cli *f = *state;

	assert_int_equal(
		RUN(f, "--whole-trace", "--policies", "p.dw", "--schema", "s.cedarschema", "t.log"),
		CMD_FINE);
	assert_string_equal(f->out, "@0 (time point 0): false\n@5 (time point 2): true\n"
				    "@6 (time point 3): true\n@9 (time point 4): false\n");
}

static void json_holds_the_same(void **state)
{
	struct cli *f = *state;
	const struct json *doc, *first;
	struct arena a;
	int64_t n;

	assert_int_equal(
		RUN(f, "--json", "--policies", "p.dw", "--schema", "s.cedarschema", "t.log"),
		CMD_FINE);
	arena_init(&a, 1 << 20);
	assert_int_equal(json_parse(&a, str_from_c(f->out), NULL, &doc, NULL), ERR_OK);
	assert_true(json_i64(json_get(doc, STR("decided")), &n) && n == 4);
	assert_true(json_i64(json_get(doc, STR("allowed")), &n) && n == 2);
	first = json_first(json_get(doc, STR("decisions")));
	assert_non_null(first);
	assert_true(json_str_is(json_get(first, STR("decision")), STR("deny")));
	assert_true(json_is_array(json_get(first, STR("rules"))));
	arena_done(&a);
}

static void macros_beside_the_policies_are_taken(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--policies", "m.dw", "--schema", "s.cedarschema", "t.log"),
			 CMD_FINE);
	assert_true(cli_said(f, "@5 (time point 1): ALLOW  [rules: 0]\n"));
}

static void policies_with_errors_are_not_replayed(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--policies", "bad.dw", "--schema", "s.cedarschema", "t.log"),
			 CMD_FOUND);
	assert_true(cli_said(f, "bad.dw:2:17: error: unknown action"));
}

static void a_malformed_line_ends_the_replay_with_its_place(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--policies", "p.dw", "--schema", "s.cedarschema", "bad.log"),
			 CMD_FAILED);
	assert_true(cli_said(f, "line 2, column"));
	assert_int_equal(RUN(f, "--policies", "p.dw", "t.log"), CMD_FAILED);
	assert_true(cli_said(f, "--policies and --schema are needed"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_decision_has_its_line_with_the_rules_that_decided),
		T(a_whole_trace_counts_all_events),
		T(json_holds_the_same),
		T(macros_beside_the_policies_are_taken),
		T(policies_with_errors_are_not_replayed),
		T(a_malformed_line_ends_the_replay_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
