/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/input.h"

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

static struct mcp_msg request(struct str text)
{
	struct mcp_msg m;

	assert_int_equal(mcp_msg_parse(&arena, text, NULL, &m, NULL), MCP_REQUEST);
	return m;
}

#define FORM "{\"message\":\"Who?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}}"

static void questions_become_requests_of_the_older_era(void **state)
{
	struct mcp_inputs in;
	struct mcp_msg m;

	(void)state;
	assert_int_equal(
		mcp_inputs_parse(
			&arena,
			STR("{\"resultType\":\"input_required\",\"inputRequests\":{"
			    "\"who\":{\"method\":\"elicitation/create\",\"params\":" FORM "},"
			    "\"roots\":{\"method\":\"roots/list\"}},\"requestState\":\"s\"}"),
			&in, NULL),
		ERR_OK);
	assert_int_equal(in.n, 2);
	assert_str_equal(in.state, STR("\"s\""));
	m = request(in.requests[0]);
	assert_int_equal(m.method, MCP_ELICIT);
	assert_str_equal(m.id, STR("\"who\""));
	assert_str_equal(m.params, STR(FORM));
	m = request(in.requests[1]);
	assert_int_equal(m.method, MCP_ROOTS_LIST);
	assert_str_equal(m.params, STR("{}"));
}

static void a_page_to_open_gets_the_id_that_the_older_era_wants(void **state)
{
	struct mcp_inputs in;
	struct mcp_msg m;

	(void)state;
	assert_int_equal(
		mcp_inputs_parse(&arena,
				 STR("{\"inputRequests\":{\"k\":{\"method\":\"elicitation/create\","
				     "\"params\":{\"mode\":\"url\",\"url\":\"https://a/"
				     "\",\"message\":\"m\"}}}}"),
				 &in, NULL),
		ERR_OK);
	m = request(in.requests[0]);
	assert_str_equal(mcp_msg_param(&m, STR("elicitationId")), STR("\"k\""));
	assert_str_equal(mcp_msg_param(&m, STR("url")), STR("\"https://a/\""));
	/* and loses it again towards a client of the newer one */
	buf_clear(&out);
	mcp_input_append(&out, &arena, &m, STR(""));
	assert_str_equal(
		buf_str(&out),
		STR("\"k\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\","
		    "\"url\":\"https://a/\",\"message\":\"m\"}}"));
}

static void what_is_no_question_is_refused(void **state)
{
	static const char *const results[] = {
		"{}",
		"{\"inputRequests\":[]}",
		"{\"inputRequests\":{\"a\":7}}",
		"{\"inputRequests\":{\"a\":{}}}",
		"{\"inputRequests\":{\"a\":{\"method\":\"tools/call\",\"params\":{}}}}",
		"{\"inputRequests\":{\"a\":{\"method\":\"roots/list\",\"params\":[]}}}",
		"{\"inputRequests\":{\"a\":{\"Method\":\"roots/list\"}}}",
		"{\"inputRequests\":{},\"requestState\":7}",
		"{\"inputRequests\":{},\"RequestState\":\"s\"}",
	};
	struct mcp_inputs in;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		assert_int_equal(mcp_inputs_parse(&arena, str_from_c(results[i]), &in, NULL),
				 ERR_INVALID);
	}
}

static void there_is_an_end_to_questions(void **state)
{
	struct mcp_inputs in;
	struct buf many;

	(void)state;
	buf_init(&many, 1 << 20);
	buf_append(&many, STR("{\"inputRequests\":{"));
	for (int i = 0; i <= MCP_INPUTS_MAX; i++) {
		buf_printf(&many, "%s\"k%d\":{\"method\":\"roots/list\"}", i ? "," : "", i);
	}
	buf_append(&many, STR("}}"));
	assert_int_equal(mcp_inputs_parse(&arena, buf_str(&many), &in, NULL), ERR_LIMIT);
	buf_done(&many);
}

static void a_number_as_id_makes_a_key(void **state)
{
	struct mcp_msg m = request(STR(
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"elicitation/create\",\"params\":" FORM
		"}"));

	(void)state;
	mcp_input_append(&out, &arena, &m, STR("fs"));
	assert_str_equal(buf_str(&out),
			 STR("\"7\":{\"method\":\"elicitation/create\",\"params\":"
			     "{\"message\":\"The server \\\"fs\\\" asks: Who?\","
			     "\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}}}"));
	assert_str_equal(mcp_supplied_find(&arena, STR("{\"7\":{\"action\":\"decline\"}}"), &m),
			 STR("{\"action\":\"decline\"}"));
}

static void the_whole_answer_names_writ_and_the_state(void **state)
{
	struct mcp_msg m;

	(void)state;
	mcp_input_required(&out, STR("\"c\""), STR("\"a\":{}"), STR("st"));
	assert_int_equal(mcp_msg_parse(&arena, buf_str(&out), NULL, &m, NULL), MCP_RESPONSE);
	assert_true(str_starts_with(m.result,
				    STR("{\"resultType\":\"input_required\",\"inputRequests\":{"
					"\"a\":{}},\"requestState\":\"st\",")));
}

static enum mcp_error supplied(const char *params, struct mcp_supplied *s)
{
	struct mcp_msg m = request(arena_printf(&arena,
						"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
						"call\",\"params\":{\"name\":\"t\"%s}}",
						params));

	return mcp_supplied_parse(&arena, &m, s);
}

static void what_a_client_sends_along_is_checked(void **state)
{
	struct mcp_supplied s;

	(void)state;
	assert_int_equal(supplied("", &s), MCP_ERROR_NONE);
	assert_null(s.state.p);
	assert_null(s.responses.p);
	assert_int_equal(
		supplied(",\"inputResponses\":{\"a\":{}},\"requestState\":\"x\\u0041\"", &s),
		MCP_ERROR_NONE);
	assert_str_equal(s.state, STR("xA"));
	assert_int_equal(supplied(",\"inputResponses\":null", &s), MCP_ERROR_PARAMS);
	assert_int_equal(supplied(",\"inputResponses\":[]", &s), MCP_ERROR_PARAMS);
	assert_int_equal(supplied(",\"requestState\":7", &s), MCP_ERROR_PARAMS);
}

static void what_could_be_no_answer_counts_as_missing(void **state)
{
	struct mcp_msg elicit = request(STR("{\"jsonrpc\":\"2.0\",\"id\":\"k\",\"method\":"
					    "\"elicitation/create\",\"params\":" FORM "}"));
	struct mcp_msg roots =
		request(STR("{\"jsonrpc\":\"2.0\",\"id\":\"k\",\"method\":\"roots/list\"}"));

	(void)state;
	assert_null(mcp_supplied_find(&arena, str_make(NULL, 0), &elicit).p);
	assert_null(mcp_supplied_find(&arena, STR("{\"k\":12345}"), &elicit).p);
	assert_null(mcp_supplied_find(&arena, STR("{\"k\":{}}"), &elicit).p);
	assert_null(
		mcp_supplied_find(&arena, STR("{\"other\":{\"action\":\"accept\"}}"), &elicit).p);
	assert_null(mcp_supplied_find(&arena, STR("{\"k\":{\"action\":\"accept\"}}"), &roots).p);
	assert_non_null(mcp_supplied_find(&arena, STR("{\"\\u006b\":{\"roots\":[]}}"), &roots).p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(questions_become_requests_of_the_older_era, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_page_to_open_gets_the_id_that_the_older_era_wants,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_question_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_an_end_to_questions, setup, teardown),
		cmocka_unit_test_setup_teardown(a_number_as_id_makes_a_key, setup, teardown),
		cmocka_unit_test_setup_teardown(the_whole_answer_names_writ_and_the_state, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_a_client_sends_along_is_checked, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_could_be_no_answer_counts_as_missing, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
