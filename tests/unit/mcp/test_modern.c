/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/modern.h"

#define META                                                                                       \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                   \
	"\"io.modelcontextprotocol/clientCapabilities\":{\"sampling\":{}}}"
#define CALL(name)                                                                                 \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":" name       \
	"," META "}}"
#define LIST(params)                                                                               \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" params "}}"

struct fixture {
	struct arena arena;
	struct mcp_msg m;
	struct mcp_modern req;
	struct buf out;
};

static int setup(void **state)
{
	static struct fixture f;

	arena_init(&f.arena, 1 << 20);
	buf_init(&f.out, 1 << 20);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_done(&f->arena);
	buf_done(&f->out);
	return 0;
}

static enum mcp_error check(struct fixture *f, const char *text, const char *version,
			    const char *method, const char *name)
{
	struct mcp_headers h = {str_from_c(version), str_from_c(method), str_from_c(name)};

	assert_int_not_equal(mcp_msg_parse(&f->arena, str_from_c(text), NULL, &f->m, NULL),
			     MCP_INVALID);
	return mcp_modern_check(&f->arena, &f->m, &h, &f->req);
}

static bool modern(struct fixture *f, const char *text, const char *version)
{
	struct mcp_headers h = {.version = str_from_c(version)};

	assert_int_not_equal(mcp_msg_parse(&f->arena, str_from_c(text), NULL, &f->m, NULL),
			     MCP_INVALID);
	return mcp_is_modern(&f->m, version ? &h : NULL);
}

static void each_request_shows_its_era(void **state)
{
	assert_true(modern(*state, CALL("\"t\""), NULL));
	assert_true(modern(*state, LIST(""), "2026-07-28"));
	assert_true(modern(*state,
			   LIST("\"_meta\":{\"io.modelcontextprotocol\\/protocolVersion\":"
				"\"2099-01-01\"}"),
			   NULL));
	assert_false(modern(*state, LIST(""), "2025-11-25"));
	assert_false(modern(*state, LIST("\"_meta\":{\"progressToken\":1}"), NULL));
	assert_false(
		modern(*state, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\"}", NULL));
}

static void a_request_whose_headers_mirror_it_passes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", "tools/call", "t"), MCP_ERROR_NONE);
	assert_int_equal(f->req.capabilities, MCP_CAP_SAMPLING);
	assert_false(f->req.wants_log);
	assert_int_equal(check(f, LIST(META), "2026-07-28", "tools/list", NULL), MCP_ERROR_NONE);
	/* the body's spelling may be escaped, and the header's wrapped */
	assert_int_equal(check(f, CALL("\"\\u0074\""), "2026-07-28", "tools/call", "t"),
			 MCP_ERROR_NONE);
	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", "tools/call", "=?base64?dA==?="),
			 MCP_ERROR_NONE);
	assert_int_equal(
		check(f, CALL("\"\\u00fc\""), "2026-07-28", "tools/call", "=?base64?w7w=?="),
		MCP_ERROR_NONE);
	assert_int_equal(mcp_modern_check(&f->arena, &f->m, NULL, &f->req), MCP_ERROR_NONE);
}

static void a_header_that_says_something_else_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(check(f, CALL("\"t\""), NULL, "tools/call", "t"),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f, CALL("\"t\""), "2025-11-25", "tools/call", "t"),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", "TOOLS/CALL", "t"),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", NULL, "t"),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", "tools/call", "T"),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", "tools/call", NULL),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", "tools/call", "=?base64?dA=?="),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", "tools/call", "=?base64?d!==?="),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", "tools/call", "=?BASE64?dA==?="),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f, CALL("\"t\""), "2026-07-28", "tools/call", "=?base64?="),
			 MCP_ERROR_HEADER_MISMATCH);
	assert_int_equal(check(f,
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\","
			       "\"params\":{\"uri\":\"a:b\"," META "}}",
			       "2026-07-28", "resources/read", "a:c"),
			 MCP_ERROR_HEADER_MISMATCH);
}

static void a_request_must_say_its_revision_and_capabilities(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(check(f, LIST(""), "2026-07-28", "tools/list", NULL), MCP_ERROR_META);
	assert_int_equal(check(f,
			       LIST("\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
				    "\"2026-07-28\"}"),
			       "2026-07-28", "tools/list", NULL),
			 MCP_ERROR_META);
	assert_int_equal(check(f,
			       LIST("\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":7,"
				    "\"io.modelcontextprotocol/clientCapabilities\":{}}"),
			       "2026-07-28", "tools/list", NULL),
			 MCP_ERROR_META);
	assert_int_equal(
		check(f,
		      LIST("\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"v999\","
			   "\"io.modelcontextprotocol/clientCapabilities\":{}}"),
		      "v999", "tools/list", NULL),
		MCP_ERROR_UNSUPPORTED_VERSION);
	assert_str_equal(f->req.requested, STR("\"v999\""));
	assert_int_equal(
		check(f,
		      LIST("\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"v999\","
			   "\"io.modelcontextprotocol/clientCapabilities\":{}}"),
		      "2026-07-28", "tools/list", NULL),
		MCP_ERROR_HEADER_MISMATCH);
}

static void methods_that_left_are_not_found(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		check(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{" META "}}",
		      "2026-07-28", "ping", NULL),
		MCP_ERROR_METHOD);
	assert_int_equal(
		check(f,
		      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{" META
		      "}}",
		      "2026-07-28", "initialize", NULL),
		MCP_ERROR_METHOD);
	assert_int_equal(
		check(f,
		      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no/such\",\"params\":{" META "}}",
		      "2026-07-28", "no/such", NULL),
		MCP_ERROR_METHOD);
}

static void a_method_that_left_is_not_found_whatever_its_params(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(check(f,
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/subscribe\","
			       "\"params\":{" META "}}",
			       "2026-07-28", "resources/subscribe", NULL),
			 MCP_ERROR_METHOD);
	assert_int_equal(mcp_msg_parse(&f->arena,
				       STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
					   "\"resources/read\",\"params\":{" META "}}"),
				       NULL, &f->m, NULL),
			 MCP_INVALID);
	assert_int_equal(f->m.fault, MCP_ERROR_PARAMS);
}

static void logs_are_sent_only_to_who_asks_in_this_request(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		check(f,
		      LIST("\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
			   "\"io.modelcontextprotocol/clientCapabilities\":{},"
			   "\"io.modelcontextprotocol/logLevel\":\"warning\"}"),
		      "2026-07-28", "tools/list", NULL),
		MCP_ERROR_NONE);
	assert_true(f->req.wants_log);
	assert_int_equal(f->req.log_level, MCP_LOG_WARNING);
	assert_int_equal(
		check(f,
		      LIST("\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
			   "\"io.modelcontextprotocol/clientCapabilities\":{},"
			   "\"io.modelcontextprotocol/logLevel\":\"loud\"}"),
		      "2026-07-28", "tools/list", NULL),
		MCP_ERROR_PARAMS);
}

#define INFO                                                                                       \
	"\"io.modelcontextprotocol/"                                                               \
	"serverInfo\":{\"name\":\"writ\",\"title\":\"Writ\",\"version\":\"" WRIT_VERSION "\"}"

static struct str bridged(struct fixture *f, const char *answer, enum mcp_method method)
{
	assert_int_not_equal(mcp_msg_parse(&f->arena, str_from_c(answer), NULL, &f->m, NULL),
			     MCP_INVALID);
	buf_clear(&f->out);
	mcp_modern_answer(&f->out, &f->m, STR("\"c\""), method, false);
	assert_int_equal(mcp_msg_parse(&f->arena, buf_str(&f->out), NULL, &f->m, NULL),
			 str_find_str(buf_str(&f->out), STR("\"error\"")) < buf_len(&f->out)
				 ? MCP_ERROR_RESPONSE
				 : MCP_RESPONSE);
	return buf_str(&f->out);
}

static void a_legacy_result_gains_what_the_modern_era_wants(void **state)
{
	struct fixture *f = *state;

	assert_str_equal(bridged(f, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}", MCP_TOOLS_CALL),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":{\"resultType\":"
			     "\"complete\",\"_meta\":{" INFO "}}}"));
	assert_str_equal(
		bridged(f, "{\"result\":{\"content\":[],\"x\":1.0},\"id\":5,\"jsonrpc\":\"2.0\"}",
			MCP_TOOLS_CALL),
		STR("{\"result\":{\"resultType\":\"complete\",\"_meta\":{" INFO "},\"content\":[],"
		    "\"x\":1.0},\"id\":\"c\",\"jsonrpc\":\"2.0\"}"));
	assert_str_equal(bridged(f,
				 "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"_meta\":{\"a\":1},"
				 "\"contents\":[]}}",
				 MCP_RESOURCES_READ),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":{\"resultType\":"
			     "\"complete\",\"ttlMs\":0,"
			     "\"cacheScope\":\"private\",\"_meta\":{" INFO
			     ",\"a\":1},\"contents\":[]}}"));
	assert_str_equal(bridged(f, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"_meta\":{}}}",
				 MCP_TOOLS_CALL),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":{\"resultType\":"
			     "\"complete\",\"_meta\":{" INFO "}}}"));
}

static void a_legacy_server_cannot_ask_for_input_or_set_a_public_cache(void **state)
{
	struct fixture *f = *state;

	assert_str_equal(bridged(f,
				 "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"resultType\":\"input_"
				 "required\","
				 "\"ttlMs\":99999,\"cacheScope\":\"public\",\"_meta\":{"
				 "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"fake\"}}}}",
				 MCP_RESOURCES_READ),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":{\"resultType\":"
			     "\"complete\",\"ttlMs\":0,"
			     "\"cacheScope\":\"private\",\"_meta\":{" INFO "}}}"));
}

static void errors_of_the_era_before_get_a_modern_code(void **state)
{
	struct fixture *f = *state;

	assert_str_equal(
		bridged(f,
			"{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32002,\"message\":"
			"\"m\",\"data\":{\"uri\":\"x\"}}}",
			MCP_RESOURCES_READ),
		STR("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"error\":{\"code\":-32602,\"message\":"
		    "\"m\",\"data\":{\"uri\":\"x\"}}}"));
	assert_int_equal(mcp_modern_status(&f->m), 200);
	assert_str_equal(
		bridged(f,
			"{\"jsonrpc\":\"2.0\",\"error\":{\"message\":\"m\",\"code\":-32042,"
			"\"data\":{\"elicitations\":[]}},\"id\":5}",
			MCP_TOOLS_CALL),
		STR("{\"jsonrpc\":\"2.0\",\"error\":{\"message\":\"m\",\"code\":-32000,"
		    "\"data\":{\"elicitations\":[]}},\"id\":\"c\"}"));
	(void)bridged(
		f, "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-32601,\"message\":\"m\"}}",
		MCP_COMPLETE);
	assert_int_equal(mcp_modern_status(&f->m), 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(each_request_shows_its_era),
		T(a_request_whose_headers_mirror_it_passes),
		T(a_header_that_says_something_else_is_refused),
		T(a_request_must_say_its_revision_and_capabilities),
		T(methods_that_left_are_not_found),
		T(a_method_that_left_is_not_found_whatever_its_params),
		T(logs_are_sent_only_to_who_asks_in_this_request),
		T(a_legacy_result_gains_what_the_modern_era_wants),
		T(a_legacy_server_cannot_ask_for_input_or_set_a_public_cache),
		T(errors_of_the_era_before_get_a_modern_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
