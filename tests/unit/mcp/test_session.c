/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/session.h"

static void before_initialize_only_initialize_and_ping_are_taken(void **state)
{
	struct mcp_session s;
	struct err err;

	(void)state;
	mcp_session_init(&s);
	assert_int_equal(mcp_session_receive(&s, MCP_TOOLS_CALL, &err), ERR_INVALID);
	assert_int_equal(mcp_session_receive(&s, MCP_INITIALIZED, &err), ERR_INVALID);
	assert_int_equal(mcp_session_receive(&s, MCP_METHOD_UNKNOWN, &err), ERR_INVALID);
	assert_int_equal(mcp_session_receive(&s, MCP_PING, &err), ERR_OK);
	assert_int_equal(mcp_session_receive(&s, MCP_INITIALIZE, &err), ERR_OK);
	mcp_session_open(&s, MCP_2025_11_25, 0);
	assert_int_equal(mcp_session_receive(&s, MCP_INITIALIZE, &err), ERR_INVALID);
	assert_int_equal(mcp_session_receive(&s, MCP_TOOLS_CALL, &err), ERR_OK);
}

static void the_server_side_may_speak_only_after_initialized_and_within_capabilities(void **state)
{
	struct mcp_session s;
	struct err err;

	(void)state;
	mcp_session_init(&s);
	mcp_session_open(&s, MCP_2025_11_25, MCP_CAP_ROOTS);
	assert_false(mcp_session_may_send(&s, MCP_TOOLS_CHANGED));
	assert_int_equal(mcp_session_receive(&s, MCP_INITIALIZED, &err), ERR_OK);
	assert_true(mcp_session_may_send(&s, MCP_TOOLS_CHANGED));
	assert_true(mcp_session_may_send(&s, MCP_ROOTS_LIST));
	assert_false(mcp_session_may_send(&s, MCP_SAMPLE));
	assert_false(mcp_session_may_send(&s, MCP_ELICIT));
	assert_false(mcp_session_may_send(&s, MCP_TOOLS_CALL));
}

static void a_method_of_another_revision_or_side_is_not_found(void **state)
{
	struct mcp_session s;
	struct err err;

	(void)state;
	mcp_session_init(&s);
	mcp_session_open(&s, MCP_2024_11_05, 0);
	assert_int_equal(mcp_session_receive(&s, MCP_DISCOVER, &err), ERR_NOT_FOUND);
	assert_int_equal(mcp_session_receive(&s, MCP_TASKS_GET, &err), ERR_NOT_FOUND);
	assert_int_equal(mcp_session_receive(&s, MCP_SAMPLE, &err), ERR_NOT_FOUND);
	assert_int_equal(mcp_session_receive(&s, MCP_METHOD_UNKNOWN, &err), ERR_NOT_FOUND);
}

static void a_cancellation_finds_its_request_or_nothing(void **state)
{
	struct mcp_in_flight a = {.id = STR_INIT("1"), .method = MCP_TOOLS_CALL},
			     b = {.id = STR_INIT("\"1\""), .method = MCP_TOOLS_CALL},
			     c = {.id = STR_INIT("1"), .method = MCP_TOOLS_LIST},
			     i = {.id = STR_INIT("0"), .method = MCP_INITIALIZE};
	struct mcp_session s;
	struct err err;

	(void)state;
	mcp_session_init(&s);
	assert_int_equal(mcp_session_begin(&s, &a, &err), ERR_OK);
	assert_int_equal(mcp_session_begin(&s, &b, &err), ERR_OK);
	assert_int_equal(mcp_session_begin(&s, &i, &err), ERR_OK);
	assert_ptr_equal(mcp_session_find(&s, STR("1")), &a);
	assert_ptr_equal(mcp_session_find(&s, STR("\"1\"")), &b);
	assert_null(mcp_session_find(&s, STR("2")));
	assert_null(mcp_session_find(&s, STR("0"))); /* initialize */
	/* a client that uses id 1 for everything: no guessing */
	assert_int_equal(mcp_session_begin(&s, &c, &err), ERR_OK);
	assert_null(mcp_session_find(&s, STR("1")));
	mcp_session_end(&s, &a);
	mcp_session_end(&s, &a);
	assert_ptr_equal(mcp_session_find(&s, STR("1")), &c);
	mcp_session_end(&s, &b);
	mcp_session_end(&s, &c);
	mcp_session_end(&s, &i);
	assert_int_equal(s.n_in_flight, 0);
	assert_true(list_empty(&s.in_flight));
}

static void a_session_has_a_bounded_number_of_open_requests(void **state)
{
	struct mcp_in_flight r[MCP_IN_FLIGHT_MAX], more = {.id = STR_INIT("9")};
	struct mcp_session s;
	struct err err;

	(void)state;
	memset(r, 0, sizeof(r));
	mcp_session_init(&s);
	for (size_t i = 0; i < MCP_IN_FLIGHT_MAX; i++) {
		r[i].id = STR("1");
		assert_int_equal(mcp_session_begin(&s, &r[i], &err), ERR_OK);
	}
	assert_int_equal(mcp_session_begin(&s, &more, &err), ERR_LIMIT);
	mcp_session_end(&s, &more);
	mcp_session_end(&s, &r[7]);
	assert_int_equal(mcp_session_begin(&s, &more, &err), ERR_OK);
}

static bool takes_level(const char *params, enum mcp_log_level *ret)
{
	struct mcp_msg m = {.params = str_from_c(params)};
	struct arena scratch;
	bool taken;

	arena_init(&scratch, 1 << 12);
	taken = mcp_msg_log_level(&scratch, &m, ret);
	arena_done(&scratch);
	return taken;
}

static void a_client_gets_the_log_levels_it_asked_for(void **state)
{
	struct mcp_session s;
	enum mcp_log_level level = MCP_LOG_DEBUG;

	(void)state;
	mcp_session_init(&s);
	assert_true(mcp_session_wants_log(&s, MCP_LOG_DEBUG));
	assert_true(mcp_log_level_find(STR("warning"), &level));
	s.log_level = (uint8_t)level;
	s.log_level_set = true;
	assert_true(mcp_session_wants_log(&s, MCP_LOG_ERROR));
	assert_true(mcp_session_wants_log(&s, MCP_LOG_WARNING));
	assert_false(mcp_session_wants_log(&s, MCP_LOG_NOTICE));
	assert_false(mcp_log_level_find(STR("Warning"), &level));
	assert_false(mcp_log_level_find(STR("warn"), &level));
	assert_true(takes_level("{\"level\":\"error\"}", &level));
	assert_int_equal(level, MCP_LOG_ERROR);
	assert_false(takes_level("{\"level\":3}", &level));
	assert_false(takes_level("{\"level\":\"loud\"}", &level));
	assert_false(takes_level("{}", &level));
	assert_int_equal(level, MCP_LOG_ERROR);
	assert_str_equal(mcp_log_level_name(MCP_LOG_DEBUG), STR("debug"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_initialize_only_initialize_and_ping_are_taken),
		cmocka_unit_test(
			the_server_side_may_speak_only_after_initialized_and_within_capabilities),
		cmocka_unit_test(a_method_of_another_revision_or_side_is_not_found),
		cmocka_unit_test(a_cancellation_finds_its_request_or_nothing),
		cmocka_unit_test(a_session_has_a_bounded_number_of_open_requests),
		cmocka_unit_test(a_client_gets_the_log_levels_it_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
