/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/lifecycle.h"
#include "mcp/upward.h"

static struct arena arena;
static struct buf out;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 20);
	buf_init(&out, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	buf_done(&out);
	return 0;
}

static struct mcp_msg parse(struct str text, enum mcp_kind kind)
{
	struct mcp_msg m;

	assert_int_equal(mcp_msg_parse(&arena, text, NULL, &m, NULL), kind);
	return m;
}

static struct str up(const char *text, const struct mcp_upward *u)
{
	struct mcp_msg m = parse(str_from_c(text), MCP_REQUEST);

	buf_clear(&out);
	mcp_upward_call(&out, &m, u);
	return buf_str(&out);
}

#define VERSION_MEMBER  "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""
#define CLIENT_MEMBER   "\"io.modelcontextprotocol/clientInfo\":"
#define CAPS_MEMBER(c)  "\"io.modelcontextprotocol/clientCapabilities\":" c
#define HAS(text, part) (str_find_str((text), STR(part)) < (text).n)

static void a_request_says_everything_about_itself(void **state)
{
	struct str s = up("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
			  "{\"name\":\"a__b\",\"arguments\":{\"n\":1.0},\"x\":[1]}}",
			  &(struct mcp_upward){.id = STR("42"),
					       .object = STR("\"b\""),
					       .capabilities = MCP_CAP_SAMPLING});

	(void)state;
	assert_true(str_starts_with(
		s,
		STR("{\"jsonrpc\":\"2.0\",\"id\":42,\"method\":\"tools/call\",\"params\":"
		    "{\"name\":\"b\",\"arguments\":{\"n\":1.0},\"x\":[1],\"_meta\":{" VERSION_MEMBER
		    "," CAPS_MEMBER("{\"sampling\":{}}") "," CLIENT_MEMBER)));
	(void)parse(s, MCP_REQUEST);
}

static void what_the_client_said_of_itself_is_replaced(void **state)
{
	struct str s = up("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
			  "\"_meta\":{\"traceparent\":\"00-1\",\"progressToken\":7,"
			  "\"io.modelcontextprotocol\\/protocolVersion\":\"2026-07-28\","
			  "\"io.modelcontextprotocol/clientCapabilities\":{\"roots\":{}},"
			  "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"evil\"},"
			  "\"io.modelcontextprotocol/logLevel\":\"debug\"},"
			  "\"inputResponses\":{\"a\":{}},\"requestState\":\"x\",\"name\":\"b\"}}",
			  &(struct mcp_upward){.id = STR("42"), .token = STR("42")});

	(void)state;
	(void)parse(s, MCP_REQUEST);
	assert_true(HAS(s, "\"traceparent\":\"00-1\""));
	assert_true(HAS(s, "\"progressToken\":42"));
	assert_true(HAS(s, CAPS_MEMBER("{}")));
	assert_false(HAS(s, "evil"));
	assert_false(HAS(s, "logLevel"));
	assert_false(HAS(s, "inputResponses"));
	assert_false(HAS(s, "requestState"));
}

static void answers_to_what_was_asked_are_added(void **state)
{
	struct str s = up("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/get\",\"params\":"
			  "{\"name\":\"p\"}}",
			  &(struct mcp_upward){.id = STR("2"),
					       .wants_log = true,
					       .log_level = MCP_LOG_INFO,
					       .responses = STR("{\"k\":{\"action\":\"accept\"}}"),
					       .state = STR("\"s\\n\"")});

	(void)state;
	assert_true(HAS(
		s, "\"inputResponses\":{\"k\":{\"action\":\"accept\"}},\"requestState\":\"s\\n\""));
	assert_true(HAS(s, "\"io.modelcontextprotocol/logLevel\":\"info\""));
}

static void an_older_server_hears_nothing_of_the_newer_era(void **state)
{
	struct mcp_msg m = parse(
		STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
		    "call\",\"params\":{\"_meta\":{"
		    "\"io.modelcontextprotocol\\/protocolVersion\":\"2026-07-28\",\"a\":1,"
		    "\"io.modelcontextprotocol/clientCapabilities\":{},\"progressToken\":\"t\"},"
		    "\"requestState\":\"x\",\"name\":\"s__b\"}}"),
		MCP_REQUEST);

	(void)state;
	buf_clear(&out);
	mcp_legacy_call(
		&out, &m,
		&(struct mcp_change){.id = STR("9"), .object = STR("\"b\""), .token = STR("9")});
	assert_str_equal(buf_str(&out),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tools/call\",\"params\":"
			     "{\"name\":\"b\",\"_meta\":{\"a\":1,\"progressToken\":9}}}"));
}

static void a_request_without_params_gets_them(void **state)
{
	struct str s = up("{\"id\":\"x\",\"jsonrpc\":\"2.0\",\"method\":\"tools/list\"}",
			  &(struct mcp_upward){.id = STR("3")});

	(void)state;
	assert_true(HAS(s, "\"id\":3"));
	assert_true(parse(s, MCP_REQUEST).modern_version.p != NULL);
}

static void a_name_inside_a_reference_is_replaced(void **state)
{
	struct str s =
		up("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\",\"params\":"
		   "{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"s__p\"},\"argument\":{}}}",
		   &(struct mcp_upward){.id = STR("4"), .object = STR("\"p\"")});

	(void)state;
	assert_true(HAS(s, "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"}"));
}

static struct str down(const char *text, enum mcp_method method, enum mcp_version v)
{
	struct mcp_msg m;

	assert_int_not_equal(mcp_msg_parse(&arena, str_from_c(text), NULL, &m, NULL), MCP_INVALID);
	buf_clear(&out);
	mcp_upward_answer(&out, &m, STR("\"c\""), method, v);
	return buf_str(&out);
}

#define RESULT(body) "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{" body "}}"
#define SERVER       "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"evil\",\"version\":\"1\"}"

static void an_older_client_gets_what_its_revision_has(void **state)
{
	(void)state;
	assert_str_equal(
		down(RESULT("\"resultType\":\"complete\",\"content\":[ 1.0 ],\"_meta\":{" SERVER
			    "},\"structuredContent\":[1]"),
		     MCP_TOOLS_CALL, MCP_2025_11_25),
		STR("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":{\"content\":[ 1.0 ]}}"));
	assert_str_equal(down(RESULT("\"_meta\":{\"a\":1," SERVER "},\"contents\":[],\"ttlMs\":5,"
				     "\"cacheScope\":\"public\",\"structuredContent\":{}"),
			      MCP_RESOURCES_READ, MCP_2025_11_25),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":{\"_meta\":{\"a\":1},"
			     "\"contents\":[],\"structuredContent\":{}}}"));
}

static void a_newer_client_may_cache_only_for_itself(void **state)
{
	struct str s = down(RESULT("\"resultType\":\"complete\",\"contents\":[],\"ttlMs\":5000,"
				   "\"cacheScope\":\"public\",\"_meta\":{" SERVER "}"),
			    MCP_RESOURCES_READ, MCP_MODERN);

	(void)state;
	assert_true(HAS(s, "\"ttlMs\":5000"));
	assert_true(HAS(s, "\"cacheScope\":\"private\""));
	assert_false(HAS(s, "public"));
	assert_false(HAS(s, "evil"));
}

static void errors_about_the_hop_stay_on_it(void **state)
{
	(void)state;
	for (int code = -32022; code <= -32020; code += 2) {
		struct str text = arena_printf(
			&arena,
			"{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":%d,\"message\":\"m\"}}",
			code);
		struct str s = down(text.p, MCP_TOOLS_CALL, MCP_MODERN);

		assert_true(HAS(s, "-31002"));
	}
	assert_true(HAS(
		down("{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32021,\"message\":\"m\","
		     "\"data\":{\"requiredCapabilities\":{\"sampling\":{}}}}}",
		     MCP_TOOLS_CALL, MCP_MODERN),
		"\"requiredCapabilities\":{\"sampling\":{}}"));
}

static void only_errors_of_the_new_era_are_evidence_of_it(void **state)
{
	static const struct {
		const char *error;
		enum mcp_evidence evidence;
	} cases[] = {
		{"{\"code\":-32601,\"message\":\"\"}", MCP_EVIDENCE_NONE},
		{"{\"code\":-32000,\"message\":\"Server not initialized\"}", MCP_EVIDENCE_NONE},
		{"{\"code\":-32602,\"message\":\"\"}", MCP_EVIDENCE_NONE},
		{"{\"code\":-32022,\"message\":\"\"}", MCP_EVIDENCE_NONE},
		{"{\"code\":-32022,\"message\":\"\",\"data\":{\"supported\":[\"2027-01-01\"]}}",
		 MCP_EVIDENCE_OTHER_REVISION},
		{"{\"code\":-32022,\"message\":\"\",\"data\":{\"supported\":[\"2027-01-01\",\"2026-"
		 "07-28\"]}}",
		 MCP_EVIDENCE_SAME_REVISION},
		{"{\"code\":-32020,\"message\":\"\"}", MCP_EVIDENCE_MODERN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct mcp_msg m =
			parse(arena_printf(&arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":%s}",
					   cases[i].error),
			      MCP_ERROR_RESPONSE);

		assert_int_equal(mcp_evidence_of(&m), cases[i].evidence);
	}
}

static void discovery_is_read(void **state)
{
	struct mcp_discovered d;

	(void)state;
	assert_int_equal(
		mcp_discovered_parse(&arena,
				     STR("{\"supportedVersions\":[\"2027-01-01\",\"2026-07-28\"],"
					 "\"capabilities\":{\"tools\":{\"listChanged\":true}},"
					 "\"instructions\":\"Be kind.\"}"),
				     &d, NULL),
		ERR_OK);
	assert_true(d.speaks);
	assert_int_equal(d.capabilities, MCP_CAP_TOOLS | MCP_CAP_TOOLS_CHANGED);
	assert_str_equal(d.instructions, STR("Be kind."));
	assert_int_equal(mcp_discovered_parse(&arena,
					      STR("{\"supportedVersions\":[],\"capabilities\":{}}"),
					      &d, NULL),
			 ERR_OK);
	assert_false(d.speaks);
	assert_int_equal(mcp_discovered_parse(&arena, STR("{\"tools\":[]}"), &d, NULL),
			 ERR_INVALID);
}

static void a_time_to_live_is_taken_if_it_is_one(void **state)
{
	(void)state;
	assert_int_equal(mcp_upward_ttl(STR("{\"ttlMs\":1500}")), 1500);
	assert_int_equal(mcp_upward_ttl(STR("{\"ttlMs\":-1}")), 0);
	assert_int_equal(mcp_upward_ttl(STR("{\"ttlMs\":\"9\"}")), 0);
	assert_int_equal(mcp_upward_ttl(STR("{}")), 0);
	assert_int_equal(mcp_upward_ttl(STR("{\"ttlMs\":99999999999}")), 24 * 3600 * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_request_says_everything_about_itself, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_the_client_said_of_itself_is_replaced, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answers_to_what_was_asked_are_added, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_older_server_hears_nothing_of_the_newer_era,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_request_without_params_gets_them, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_name_inside_a_reference_is_replaced, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_older_client_gets_what_its_revision_has, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_newer_client_may_cache_only_for_itself, setup,
						teardown),
		cmocka_unit_test_setup_teardown(errors_about_the_hop_stay_on_it, setup, teardown),
		cmocka_unit_test_setup_teardown(only_errors_of_the_new_era_are_evidence_of_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(discovery_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_time_to_live_is_taken_if_it_is_one, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
