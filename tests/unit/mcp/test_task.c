/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/task.h"

#define RELATED "\"_meta\":{\"io.modelcontextprotocol/related-task\":{\"taskId\":\"7f\"}}"

static bool created(const char *result, struct mcp_task *ret)
{
	static char room[8192];
	struct arena a;

	arena_init_in(&a, room, sizeof(room));
	return mcp_task_created(&a, str_from_c(result), ret);
}

static void a_task_is_known_by_its_id_and_its_time(void **state)
{
	struct mcp_task t;

	(void)state;
	assert_true(
		created("{\"task\":{\"taskId\":\"7f\",\"status\":\"working\",\"ttl\":60000}}", &t));
	assert_str_equal(t.id, STR("7f"));
	assert_int_equal(t.ttl_ms, 60000);
	assert_true(created("{\"task\":{\"taskId\":\"a\\/b\",\"status\":\"working\",\"ttl\":null}}",
			    &t));
	assert_str_equal(t.id, STR("a/b"));
	assert_true(t.ttl_ms == UINT64_MAX);
}

static void what_is_no_task_is_none(void **state)
{
	static const char *const results[] = {
		"{\"content\":[]}",
		"{\"task\":\"7f\"}",
		"{\"task\":{\"taskId\":7,\"status\":\"working\"}}",
		"{\"task\":{\"taskId\":\"\",\"status\":\"working\"}}",
		"{\"task\":{\"taskId\":\"7f\"}}",
		"{\"task\":{\"task\\u0049d\":\"8f\",\"taskId\":\"7f\",\"status\":\"working\"}}",
		"{\"tas\\u006b\":{\"taskId\":\"7f\",\"status\":\"working\"}}",
	};
	struct mcp_task t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		assert_false(created(results[i], &t));
	}
}

static void a_task_of_the_extension_says_so(void **state)
{
	static const struct {
		const char *result;
		bool given;
	} cases[] = {
		{"{\"resultType\":\"task\",\"taskId\":\"7f\",\"status\":\"working\",\"ttlMs\":"
		 "60000}",
		 true},
		{"{\"taskId\":\"7f\",\"status\":\"working\",\"ttlMs\":60000}", false},
		{"{\"resultType\":\"complete\",\"taskId\":\"7f\",\"status\":\"working\"}", false},
		{"{\"resultType\":\"task\",\"task\":{\"taskId\":\"7f\",\"status\":\"working\"}}",
		 false},
		{"{\"resultType\":\"task\",\"taskId\":\"\",\"status\":\"working\"}", false},
		{"{\"resultType\":\"task\",\"taskId\":\"7f\",\"TaskId\":\"8f\","
		 "\"status\":\"working\"}",
		 false},
	};
	static char room[8192];
	struct mcp_task t;
	struct arena a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		arena_init_in(&a, room, sizeof(room));
		assert_int_equal(mcp_task_given(&a, str_from_c(cases[i].result), &t),
				 cases[i].given);
	}
	arena_init_in(&a, room, sizeof(room));
	assert_true(mcp_task_given(&a, str_from_c(cases[0].result), &t));
	assert_str_equal(t.id, STR("7f"));
	assert_int_equal(t.ttl_ms, 60000);
}

static void what_a_task_asks_cannot_be_hidden(void **state)
{
	static char room[8192];
	struct mcp_task_state s;
	struct arena a;

	(void)state;
	arena_init_in(&a, room, sizeof(room));
	assert_true(mcp_task_state_read(&a, STR("{\"status\":\"working\"}"), &s));
	assert_null(s.result.p);
	assert_null(s.inputs.p);
	assert_true(mcp_task_state_read(
		&a, STR("{\"result\":{\"content\":[]},\"inputRequests\":{\"a\":{}}}"), &s));
	assert_str_equal(s.result, STR("{\"content\":[]}"));
	assert_str_equal(s.inputs, STR("{\"a\":{}}"));
	assert_false(mcp_task_state_read(&a, STR("{\"inputR\\u0065quests\":{\"a\":{}}}"), &s));
	assert_false(mcp_task_state_read(&a, STR("{\"InputRequests\":{\"a\":{}}}"), &s));
	assert_false(mcp_task_state_read(&a, STR("{\"inputRequests\":[]}"), &s));
	assert_false(mcp_task_state_read(&a, STR("{\"result\":7}"), &s));
}

static void only_tools_that_say_so_may_be_tasks(void **state)
{
	(void)state;
	assert_true(mcp_task_supports(STR("{\"execution\":{\"taskSupport\":\"optional\"}}")));
	assert_true(mcp_task_supports(STR("{\"execution\":{\"taskSupport\":\"required\"}}")));
	assert_false(mcp_task_supports(STR("{\"execution\":{\"taskSupport\":\"forbidden\"}}")));
	assert_false(mcp_task_supports(STR("{\"execution\":[\"taskSupport\"]}")));
	assert_false(mcp_task_supports(STR("{}")));
}

static void the_name_of_a_task_holds_its_server(void **state)
{
	struct str server, id;

	(void)state;
	assert_true(mcp_task_split(STR("fs/a/b"), &server, &id));
	assert_str_equal(server, STR("fs"));
	assert_str_equal(id, STR("a/b"));
	assert_false(mcp_task_split(STR("7f"), &server, &id));
	assert_false(mcp_task_split(STR("/7f"), &server, &id));
	assert_false(mcp_task_split(STR("fs/"), &server, &id));
	assert_false(mcp_task_split(STR(""), &server, &id));
}

/* `text` as an answer to `method`, for the endpoint of all servers. */
static struct str outward(struct buf *out, enum mcp_method method, const char *text)
{
	struct arena a;
	struct mcp_msg m;

	arena_init(&a, 1 << 20);
	assert_true(mcp_msg_parse(&a, str_from_c(text), NULL, &m, NULL) != MCP_INVALID);
	buf_clear(out);
	if (m.kind == MCP_NOTIFICATION) {
		mcp_task_status(out, &m, STR("fs"));
	} else {
		mcp_task_answer(out, &m, method, STR("9"), STR("fs"));
	}
	arena_done(&a);
	return buf_str(out);
}

static void ids_get_their_server_where_the_protocol_has_them(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	assert_str_equal(outward(&b, MCP_TOOLS_CALL,
				 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"task\":{\"taskId\":"
				 "\"7f\"},\"taskId\":\"7f\"}}"),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"task\":{\"taskId\":"
			     "\"fs/7f\"},\"taskId\":\"7f\"}}"));
	assert_str_equal(outward(&b, MCP_TASKS_GET,
				 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"taskId\":\"7f\"}}"),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"taskId\":\"fs/7f\"}}"));
	/* what a tool says of itself is its own */
	assert_str_equal(
		outward(&b, MCP_TASKS_RESULT,
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"taskId\":\"7f\"," RELATED
			"}}"),
		STR("{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"taskId\":\"7f\",\"_meta\":"
		    "{\"io.modelcontextprotocol/related-task\":{\"taskId\":\"fs/7f\"}}}}"));
	assert_str_equal(outward(&b, MCP_TASKS_GET,
				 "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
				 "\"message\":\"\"}}"),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":9,\"error\":{\"code\":-32602,"
			     "\"message\":\"\"}}"));
	assert_str_equal(outward(&b, MCP_TASKS_STATUS,
				 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\","
				 "\"params\":{\"taskId\":\"7f\",\"status\":\"working\"}}"),
			 STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks/status\","
			     "\"params\":{\"taskId\":\"fs/7f\",\"status\":\"working\"}}"));
	buf_done(&b);
}

static void a_task_of_the_extension_names_its_gate(void **state)
{
	struct arena a;
	struct mcp_msg m;
	struct buf b;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&b, 10000);
	(void)mcp_msg_parse(&a,
			    STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"taskId\":\"7f\","
				"\"result\":{\"taskId\":\"7f\"}}}"),
			    NULL, &m, NULL);
	mcp_task_place(&b, &m, STR("fs/1"));
	assert_str_equal(buf_str(&b), STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"taskId\":"
					  "\"fs/1/7f\",\"result\":{\"taskId\":\"7f\"}}}"));
	buf_done(&b);
	arena_done(&a);
}

static void a_clients_answer_loses_the_server_again(void **state)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"_meta\":{"
		"\"io.modelcontextprotocol/related-task\":{\"taskId\":\"fs/7f\"}}}}";
	struct arena a;
	struct mcp_msg m;
	struct buf b;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&b, 10000);
	(void)mcp_msg_parse(&a, str_from_c(text), NULL, &m, NULL);
	mcp_task_answer_inward(&b, &m, STR("4"), STR("fs"));
	assert_str_equal(buf_str(&b),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{" RELATED "}}"));
	buf_clear(&b);
	mcp_task_answer_inward(&b, &m, STR("1"), STR("f"));
	assert_str_equal(buf_str(&b), str_from_c(text));
	buf_done(&b);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_is_known_by_its_id_and_its_time),
		cmocka_unit_test(what_is_no_task_is_none),
		cmocka_unit_test(only_tools_that_say_so_may_be_tasks),
		cmocka_unit_test(a_task_of_the_extension_says_so),
		cmocka_unit_test(what_a_task_asks_cannot_be_hidden),
		cmocka_unit_test(a_task_of_the_extension_names_its_gate),
		cmocka_unit_test(the_name_of_a_task_holds_its_server),
		cmocka_unit_test(ids_get_their_server_where_the_protocol_has_them),
		cmocka_unit_test(a_clients_answer_loses_the_server_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
