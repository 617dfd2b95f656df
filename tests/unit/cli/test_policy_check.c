/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cli/run.h"

#include "json/parse.h"

#define SCHEMA                                                                                     \
	"entity User {level: Long, mail?: String}; entity Doc;\n"                                  \
	"action view appliesTo {principal: User, resource: Doc, context: {now: datetime}};\n"

static int setup(void **state)
{
	struct cli *f = cli_begin();

	cli_put(f, "s.cedarschema", SCHEMA);
	cli_put(f, "good.cedar",
		"permit(principal, action, resource) when { principal.level > 1 };\n");
	cli_put(f, "bad.cedar",
		"permit(principal, action, resource)\nwhen { principal.levle > 1 };\n"
		"permit(principal, action, resource) when { principal.mail == \"x\" };\n");
	cli_put(f, "broken.cedar", "permit(principal, action, resource) when { };\n");
	cli_put(f, "never.cedar",
		"@resaon(\"x\") permit(principal, action, resource) when { false };\n");
	cli_put(f, "broken.cedarschema", "entity User in Group;\nentity Doc { owner: Usr };\n");
	cli_put(f, "good.dw",
		"permit () when temporal { formerly within 1h Action::\"view\"::request{} };\n");
	cli_put(f, "bad.dw",
		"permit ()\nwhen temporal { formerly within 2d Action::\"view\"::request{} };\n");
	cli_put(f, "dear.dw",
		"permit ()\nwhen temporal { formerly within 1h (Action::\"view\"::request{} && "
		"previous within 1h Action::\"view\"::request{}) };\n");
	cli_put(f, "e.dwschema", "decision event <A>::asked { who: principalType(A) }\n");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	cli_end(*state);
	return 0;
}

/* `writ policy check WORDS`: its exit status. */
#define RUN(f, ...) CLI(f, "policy", "check", __VA_ARGS__)

static void valid_policies_are_fine(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "good.cedar"), CMD_FINE);
	assert_true(cli_said(f, "policies: 1"));
	assert_int_equal(RUN(f, "--schema", "s.cedarschema"), CMD_FINE);
}

static void every_error_is_shown_with_its_place_and_a_way_out(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "bad.cedar", "broken.cedar"),
			 CMD_FOUND);
	assert_true(cli_said(f, "bad.cedar:2:8: error: "));
	assert_true(cli_said(f, "       ^~~"));
	assert_true(cli_said(f, "did you mean `level`?"));
	assert_true(cli_said(f, "bad.cedar:3:44: error: "));
	assert_true(cli_said(f, "test it first: `principal has mail && ...`"));
	assert_true(cli_said(f, "broken.cedar:1:44: error: "));
	assert_true(cli_said(f, "errors: 3"));
}

static void a_warning_alone_is_fine_unless_strict(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "never.cedar"), CMD_FINE);
	assert_true(cli_said(f, "warning: policy"));
	assert_true(cli_said(f, "never applies"));
	assert_true(cli_said(f, "@resaon"));
	assert_int_equal(RUN(f, "--strict", "--schema", "s.cedarschema", "never.cedar"), CMD_FOUND);
}

static void a_broken_schema_is_reported_and_policies_are_still_parsed(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--schema", "broken.cedarschema", "broken.cedar"), CMD_FOUND);
	assert_true(cli_said(f, "broken.cedarschema:1:16: error: "));
	assert_true(cli_said(f, "did you mean `User`?"));
	assert_true(cli_said(f, "broken.cedar:1:44: error: "));
}

static void json_says_the_same_as_text(void **state)
{
	struct cli *f = *state;
	const struct json *doc, *first;
	struct arena a;
	struct err err;
	int64_t line;

	arena_init(&a, 1u << 20);
	assert_int_equal(RUN(f, "--json", "--schema", "s.cedarschema", "bad.cedar"), CMD_FOUND);
	assert_int_equal(json_parse(&a, str_from_c(f->out), NULL, &doc, &err), ERR_OK);
	assert_false(json_get(doc, STR("ok"))->boolean);
	first = json_first(json_get(doc, STR("problems")));
	assert_str_equal(json_str(json_get(first, STR("severity"))), STR("error"));
	assert_str_equal(json_str(json_get(first, STR("file"))), STR("bad.cedar"));
	assert_true(json_i64(json_get(first, STR("line")), &line) && line == 2);
	arena_done(&a);
}

static void what_cannot_be_done_is_said_and_ends_with_two(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "good.cedar"), CMD_FAILED);
	assert_true(cli_said(f, "--schema is needed"));
	assert_int_equal(RUN(f, "--schema", "nope", "good.cedar"), CMD_FAILED);
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "nope.cedar"), CMD_FAILED);
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "--events", "e", "good.cedar"),
			 CMD_FAILED);
	assert_int_equal(
		RUN(f, "--schema", "s.cedarschema", "--schema", "s.cedarschema", "good.dw"),
		CMD_FAILED);
	assert_true(cli_said(f, "checked against one schema"));
}

static void a_condition_that_keeps_events_is_pointed_out(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "good.dw"), CMD_FINE);
	assert_null(strstr(f->out, "events are kept"));
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "dear.dw"), CMD_FINE);
	assert_true(cli_said(f, "dear.dw:2:6: warning: events are kept"));
}

static void temporal_policies_are_checked_with_their_events(void **state)
{
	struct cli *f = *state;

	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "good.dw"), CMD_FINE);
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "--events", "e.dwschema", "good.dw"),
			 CMD_FOUND);
	assert_true(cli_said(f, "good.dw:1:"));
	assert_true(cli_said(f, "unknown event kind `request`"));
	assert_int_equal(RUN(f, "--schema", "s.cedarschema", "bad.dw"), CMD_FOUND);
	assert_true(cli_said(f, "bad.dw:2:"));
	assert_true(cli_said(f, "longer than max_window"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(valid_policies_are_fine),
		T(every_error_is_shown_with_its_place_and_a_way_out),
		T(a_warning_alone_is_fine_unless_strict),
		T(a_broken_schema_is_reported_and_policies_are_still_parsed),
		T(json_says_the_same_as_text),
		T(what_cannot_be_done_is_said_and_ends_with_two),
		T(temporal_policies_are_checked_with_their_events),
		T(a_condition_that_keeps_events_is_pointed_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
