/* SPDX-License-Identifier: Apache-2.0 */
/* From a server's tools to policies that are checked against them. */
#include "tests/unit/cli/run.h"

static const char tools[] =
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":["
	"{\"name\":\"send\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
	"\"to\":{\"type\":\"string\"},\"mode\":{\"type\":\"string\",\"enum\":[\"fast\",\"safe\"]},"
	"\"at\":{\"type\":\"string\",\"format\":\"date-time\"},\"amount\":{\"type\":\"number\"},"
	"\"count\":{\"type\":\"integer\"},\"cc\":{\"type\":\"array\",\"items\":{\"type\":"
	"\"string\"}},"
	"\"any\":{}},\"required\":[\"to\"]}}]}}";

static const char policies[] =
	"@id(\"fast\") permit(principal is Writ::Agent, action == Writ::Action::\"mail.send\", "
	"resource) when {\n"
	"  context.input.to like \"*@example.org\" && context.input has mode &&\n"
	"  context.input.mode == \"fast\" && context.input has at && context.input.at like \"2*\" "
	"&&\n"
	"  context.input has count && context.input.count < 3 &&\n"
	"  context.input has cc && !context.input.cc.contains(\"all@example.org\") &&\n"
	"  context.w.labels.integrity >= 1 && resource.server == Writ::McpServer::\"mail\"\n"
	"};\n"
	"@id(\"g\") forbid(principal, action in Writ::Action::\"call_tool\", resource)\n"
	"when { context.w.session.taint.confidentiality > 1 };\n";

static int setup(void **state)
{
	struct cli *f = cli_begin();

	cli_put(f, "tools.json", tools);
	cli_put(f, "p.cedar", policies);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	cli_end(*state);
	return 0;
}

/* Makes s.cedarschema. */
static void make(struct cli *f, const char *from)
{
	if (CLI(f, "policy", "schema", "--from", from) != CMD_FINE) {
		fail_msg("%s", f->err);
	}
	cli_put(f, "s.cedarschema", f->out);
}

static void policies_are_checked_against_what_a_server_says_of_its_tools(void **state)
{
	struct cli *f = *state;

	make(f, "mail=tools.json");
	assert_int_equal(CLI(f, "policy", "check", "--strict", "--schema", "s.cedarschema"),
			 CMD_FINE);
	if (CLI(f, "policy", "check", "--strict", "--schema", "s.cedarschema", "p.cedar")) {
		fail_msg("%s", f->out);
	}
	cli_put(f, "bad.cedar",
		"permit(principal, action == Writ::Action::\"mail.send\", resource)\n"
		"when { context.input.too == \"x\" };\n");
	assert_int_equal(CLI(f, "policy", "check", "--schema", "s.cedarschema", "bad.cedar"),
			 CMD_FOUND);
	assert_true(cli_said(f, "bad.cedar:2:8: error: "));
	assert_true(cli_said(f, "did you mean `to`?"));
}

/* The gateway gives 5 as a Long and 5.5 as a decimal: no policy can be right about both. */
static void what_has_no_type_of_its_own_is_left_out(void **state)
{
	struct cli *f = *state;

	make(f, "mail=tools.json");
	assert_null(strstr(f->out, "amount"));
	assert_null(strstr(f->out, "any"));
	assert_int_equal(CLI(f, "policy", "schema", "--typed", "--from", "mail=tools.json"),
			 CMD_FINE);
	assert_true(cli_said(f, "amount_milli?"));
	assert_true(cli_said(f, "enum [\"fast\", \"safe\"]"));
}

static void names_as_the_gateway_offers_them_say_their_server(void **state)
{
	struct cli *f = *state;

	cli_put(f, "all.json",
		"{\"tools\":[{\"name\":\"mail__send\",\"inputSchema\":{}},"
		"{\"name\":\"fs__read\",\"inputSchema\":{}}]}");
	make(f, "all.json");
	assert_true(cli_said(f, "action \"mail.send\" in"));
	assert_true(cli_said(f, "action \"fs.read\" in"));
	assert_int_equal(CLI(f, "policy", "schema", "--from", "tools.json"), CMD_FAILED);
	assert_true(cli_said(f, "write --from SERVER=FILE"));
}

static void without_tools_it_is_what_the_gateway_itself_asks(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "policy", "schema"), CMD_FINE);
	cli_put(f, "base.cedarschema", f->out);
	assert_int_equal(CLI(f, "policy", "check", "--schema", "base.cedarschema"), CMD_FINE);
	assert_int_equal(CLI(f, "policy", "schema", "--base", "base.cedarschema", "--from",
			     "mail=tools.json"),
			 CMD_FINE);
	assert_true(cli_said(f, "action \"mail.send\" in"));
	assert_int_equal(CLI(f, "policy", "schema", "--json", "--from", "mail=tools.json"),
			 CMD_FINE);
	assert_true(cli_said(f, "\"tools\":1"));
}

/* The policies that docs/policies.md shows, against the schemas that the program prints. */
static void temporal_policies_find_the_events_of_the_gateway(void **state)
{
	static const char temporal[] =
		"@id(\"pace\") @retry_after(\"1m\") forbid (action == Writ::Action::\"infer\") "
		"when "
		"temporal { bind(n, count_within(1m, Writ::Action::\"infer\"::request{ }), n > 60) "
		"};"
		"@id(\"budget\") forbid (action == Writ::Action::\"infer\") when temporal { "
		"bind(t, "
		"sum_within(n, 24h, Writ::Action::\"infer\"::response{ output.tokens: n, "
		"output.finish: _ }), t > 2000000) };"
		"forbid () when temporal { formerly within 1h "
		"Writ::Action::\"read_resource\"::response{ output.bytes: 5, callerResource: "
		"Writ::Resource::\"fs.x\" } } unless temporal { formerly within 1h "
		"Writ::Action::\"mail.send\"::denied{ requestId: _ } };";
	struct cli *f = *state;

	make(f, "mail=tools.json");
	assert_int_equal(CLI(f, "policy", "schema", "--events"), CMD_FINE);
	cli_put(f, "e.dwschema", f->out);
	cli_put(f, "p.dw", temporal);
	assert_int_equal(CLI(f, "policy", "check", "--schema", "s.cedarschema", "--events",
			     "e.dwschema", "p.dw"),
			 CMD_FINE);
	cli_put(f, "p.dw",
		"permit () when temporal { formerly within 25h "
		"Writ::Action::\"infer\"::request{ } };");
	assert_int_equal(CLI(f, "policy", "check", "--schema", "s.cedarschema", "--events",
			     "e.dwschema", "p.dw"),
			 CMD_FOUND);
}

static void hostile_lists_are_refused(void **state)
{
	static const char *const lists[] = {
		"",
		"7",
		"{\"tools\":7}",
		"{\"tools\":[{}]}",
		"{\"tools\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
		"{\"tools\":[{\"name\":7}]}",
	};
	struct cli *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		cli_put(f, "bad.json", lists[i]);
		assert_int_equal(CLI(f, "policy", "schema", "--from", "x=bad.json"), CMD_FAILED);
		assert_true(cli_said(f, "bad.json"));
		assert_string_equal(f->out, "");
	}
	/* A name cannot break out of its quotes. */
	cli_put(f, "bad.json", "{\"tools\":[{\"name\":\"a\\\"; entity E; //\"}]}");
	make(f, "x=bad.json");
	assert_int_equal(CLI(f, "policy", "check", "--schema", "s.cedarschema"), CMD_FINE);
	assert_null(strstr(f->out, "entity E;"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(policies_are_checked_against_what_a_server_says_of_its_tools),
		T(what_has_no_type_of_its_own_is_left_out),
		T(names_as_the_gateway_offers_them_say_their_server),
		T(without_tools_it_is_what_the_gateway_itself_asks),
		T(temporal_policies_find_the_events_of_the_gateway),
		T(hostile_lists_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
