/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/listen.h"

static struct arena arena;
static struct buf out;
static struct mcp_filter filter;

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

static enum mcp_error parse(const char *params)
{
	struct mcp_msg m;
	struct str text = arena_printf(&arena,
				       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
				       "\"subscriptions/listen\",\"params\":%s}",
				       params);

	assert_int_equal(mcp_msg_parse(&arena, text, NULL, &m, NULL), MCP_REQUEST);
	return mcp_filter_parse(&arena, &m, &filter);
}

static void a_filter_says_what_is_wanted(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"notifications\":{\"toolsListChanged\":true,"
			       "\"promptsListChanged\":false,\"other\":1,"
			       "\"resourceSubscriptions\":[\"a://b\",\"a://c\",\"a://b\"]}}"),
			 MCP_ERROR_NONE);
	assert_true(filter.tools);
	assert_false(filter.prompts);
	assert_int_equal(filter.n_uris, 2);
	assert_true(mcp_filter_wants(&filter, MCP_LIST_TOOLS));
	assert_false(mcp_filter_wants(&filter, MCP_LIST_PROMPTS));
	assert_false(mcp_filter_wants(&filter, MCP_LIST_TEMPLATES));
	assert_int_equal(parse("{\"notifications\":{}}"), MCP_ERROR_NONE);
}

static void what_is_no_filter_is_refused(void **state)
{
	struct buf many;

	(void)state;
	assert_int_equal(parse("{}"), MCP_ERROR_PARAMS);
	assert_int_equal(parse("{\"notifications\":[]}"), MCP_ERROR_PARAMS);
	assert_int_equal(parse("{\"notifications\":{\"toolsListChanged\":1}}"), MCP_ERROR_PARAMS);
	assert_int_equal(parse("{\"notifications\":{\"ToolsListChanged\":true}}"),
			 MCP_ERROR_PARAMS);
	assert_int_equal(parse("{\"notifications\":{\"resourceSubscriptions\":\"a://b\"}}"),
			 MCP_ERROR_PARAMS);
	assert_int_equal(parse("{\"notifications\":{\"resourceSubscriptions\":[7]}}"),
			 MCP_ERROR_PARAMS);
	buf_init(&many, 1 << 20);
	buf_append(&many, STR("{\"notifications\":{\"resourceSubscriptions\":["));
	for (int i = 0; i <= MCP_LISTEN_URIS; i++) {
		buf_printf(&many, "%s\"a://%d\"", i ? "," : "", i);
	}
	buf_append(&many, STR("]}}"));
	buf_append_c(&many, '\0');
	assert_int_equal(parse(buf_str(&many).p), MCP_ERROR_PARAMS);
	buf_done(&many);
}

#define ID "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"l1\"}"

static void everything_on_the_stream_carries_the_id(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"notifications\":{\"resourcesListChanged\":true,"
			       "\"resourceSubscriptions\":[\"a://b\"]}}"),
			 MCP_ERROR_NONE);
	mcp_listen_acknowledged(&out, &filter, STR("\"l1\""));
	assert_str_equal(buf_str(&out),
			 STR("{\"jsonrpc\":\"2.0\",\"method\":"
			     "\"notifications/subscriptions/acknowledged\",\"params\":"
			     "{\"notifications\":{\"resourcesListChanged\":true,"
			     "\"resourceSubscriptions\":[\"a://b\"]}," ID "}}"));
	buf_clear(&out);
	mcp_listen_changed(&out, MCP_TOOLS_CHANGED, STR("\"l1\""));
	assert_str_equal(buf_str(&out),
			 STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\","
			     "\"params\":{" ID "}}"));
	buf_clear(&out);
	mcp_listen_result(&out, STR("\"l1\""));
	assert_str_equal(buf_str(&out), STR("{\"jsonrpc\":\"2.0\",\"id\":\"l1\",\"result\":"
					    "{\"resultType\":\"complete\"," ID "}}"));
}

static void an_update_keeps_what_the_server_said_but_for_its_own_id(void **state)
{
	struct mcp_msg m;

	(void)state;
	assert_int_equal(
		mcp_msg_parse(
			&arena,
			STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
			    "\"params\":{\"uri\":\"a://b\",\"x\":1.0,\"_meta\":{\"k\":1,"
			    "\"io.modelcontextprotocol\\/subscriptionId\":7}}}"),
			NULL, &m, NULL),
		MCP_NOTIFICATION);
	mcp_listen_updated(&out, &m, STR("\"writ://s/a://b\""), STR("\"l1\""));
	assert_str_equal(buf_str(&out),
			 STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
			     "\"params\":{\"uri\":\"writ://s/a://b\",\"x\":1.0,\"_meta\":"
			     "{\"io.modelcontextprotocol/subscriptionId\":\"l1\",\"k\":1}}}"));
	buf_clear(&out);
	mcp_listen_updated(&out, &m, str_make(NULL, 0), str_make(NULL, 0));
	assert_str_equal(buf_str(&out),
			 STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
			     "\"params\":{\"uri\":\"a://b\",\"x\":1.0,\"_meta\":{\"k\":1}}}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_filter_says_what_is_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_filter_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(everything_on_the_stream_carries_the_id, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			an_update_keeps_what_the_server_said_but_for_its_own_id, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
