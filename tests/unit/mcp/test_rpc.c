/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/rpc.h"

struct fixture {
	struct arena arena;
	struct mcp_msg m;
	struct err why;
};

static int setup(void **state)
{
	static struct fixture f;

	arena_init(&f.arena, 1 << 20);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_done(&f->arena);
	return 0;
}

static enum mcp_kind parse(struct fixture *f, const char *text)
{
	return mcp_msg_parse(&f->arena, str_from_c(text), NULL, &f->m, &f->why);
}

#define assert_refused(text, with)                                                                 \
	do {                                                                                       \
		assert_int_equal(parse(*state, (text)), MCP_INVALID);                              \
		assert_int_equal(((struct fixture *)*state)->m.fault, (with));                     \
	} while (0)

static void a_tool_call_is_taken_apart_by_spans(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		parse(f,
		      " {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"tools/call\",\"params\":"
		      "{\"_meta\":{\"progressToken\":\"p\",\"x\":1},\"name\":\"read_file\","
		      "\"arguments\":{\"path\":\"/a\",\"big\":12345678901234567890}},\"x\":[]} "),
		MCP_REQUEST);
	assert_int_equal(f->m.method, MCP_TOOLS_CALL);
	assert_str_equal(f->m.id, STR("0"));
	assert_str_equal(f->m.object, STR("\"read_file\""));
	assert_str_equal(f->m.arguments, STR("{\"path\":\"/a\",\"big\":12345678901234567890}"));
	assert_str_equal(f->m.token, STR("\"p\""));
	assert_true(f->m.answerable);
	assert_int_equal(f->m.whole.p[0], '{');
	assert_int_equal(f->m.whole.p[f->m.whole.n - 1], '}');
}

static void each_kind_is_told_apart(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"),
			 MCP_NOTIFICATION);
	assert_int_equal(f->m.method, MCP_INITIALIZED);
	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{}}"),
			 MCP_RESPONSE);
	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32601,"
				  "\"message\":\"no\",\"data\":null}}"),
			 MCP_ERROR_RESPONSE);
	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"no/such\"}"),
			 MCP_REQUEST);
	assert_int_equal(f->m.method, MCP_METHOD_UNKNOWN);
	assert_str_equal(f->m.method_text, STR("no/such"));
	/* an error about a message whose id could not be read */
	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"
				  "\"message\":\"\"}}"),
			 MCP_ERROR_RESPONSE);
	assert_null(f->m.id.p);
	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,"
				  "\"message\":\"\"}}"),
			 MCP_ERROR_RESPONSE);
}

static void ids_are_strings_or_integers_and_keep_their_spelling(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"ping\"}"),
			 MCP_REQUEST);
	assert_str_equal(f->m.id, STR("\"1\""));
	assert_int_equal(
		parse(f, "{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"method\":\"ping\"}"),
		MCP_REQUEST);
	assert_str_equal(f->m.id, STR("9007199254740993"));
	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"id\":-1,\"method\":\"ping\"}"),
			 MCP_REQUEST);
	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"ping\"}"),
			 MCP_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"ping\"}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1e3,\"method\":\"ping\"}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\"}", MCP_ERROR_REQUEST);
	assert_false(f->m.answerable);
	assert_null(f->m.id.p);
}

static void an_id_has_a_length_limit(void **state)
{
	char text[600];

	(void)snprintf(text, sizeof(text),
		       "{\"jsonrpc\":\"2.0\",\"id\":\"%0254d\",\"method\":\"ping\"}", 1);
	assert_int_equal(parse(*state, text), MCP_REQUEST);
	(void)snprintf(text, sizeof(text),
		       "{\"jsonrpc\":\"2.0\",\"id\":\"%0255d\",\"method\":\"ping\"}", 1);
	assert_refused(text, MCP_ERROR_REQUEST);
}

static void a_duplicate_name_at_any_level_is_refused(void **state)
{
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"tools/call\"}",
		MCP_ERROR_PARSE);
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
		"\"a\",\"name\":\"b\"}}",
		MCP_ERROR_PARSE);
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
		"\"a\",\"na\\u006de\":\"b\"}}",
		MCP_ERROR_PARSE);
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
		"\"a\",\"arguments\":{\"p\":1,\"p\":2}}}",
		MCP_ERROR_PARSE);
}

static void names_that_imitate_the_envelope_are_refused(void **state)
{
	/* CVE-2026-27896: a reader that ignores case saw another method than the inspector */
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"Method\":\"tools/call\"}",
		MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"PARAMS\":{}}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"param\xc5\xbf\":{}}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"\xc4\xb1"
		       "d\":2}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"me\\u0074hod\":\"ping\"}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"\\u004dethod\":\"x\"}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"ID\":1,\"result\":{}}", MCP_ERROR_REQUEST);
}

static void names_that_imitate_params_or_meta_are_refused(void **state)
{
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
		       "{\"name\":\"a\",\"Name\":\"b\"}}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
		       "{\"name\":\"a\",\"argument\xc5\xbf\":{}}}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
		       "{\"n\\u0061me\":\"a\"}}",
		       MCP_ERROR_REQUEST);
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
		"\"a\",\"_meta\":{\"progressTo\xe2\x84\xaa"
		"en\":1}}}",
		MCP_ERROR_PARAMS);
}

static void harmless_spellings_are_taken(void **state)
{
	struct fixture *f = *state;

	/* some writers escape every slash */
	assert_int_equal(
		parse(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools\\/list\",\"params\":"
			 "{\"_meta\":{\"io.modelcontextprotocol\\/protocolVersion\":"
			 "\"2026-07-28\",\"caf\\u00e9\":1,\"Token\":2}}}"),
		MCP_REQUEST);
	assert_int_equal(f->m.method, MCP_TOOLS_LIST);
	/* what a tool calls its arguments is its own affair */
	assert_int_equal(parse(f,
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
			       "{\"name\":\"a\",\"arguments\":{\"Method\":1,\"method\":2}}}"),
			 MCP_REQUEST);
}

static void the_envelope_must_be_whole_and_of_one_kind(void **state)
{
	assert_refused("{\"id\":1,\"method\":\"ping\"}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"result\":{}}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,"
		       "\"message\":\"\"}}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"result\":{}}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"1\",\"message\":\"\"}}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1.5,\"message\":\"\"}}",
		       MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}", MCP_ERROR_REQUEST);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"notifications/initialized\"}",
		       MCP_ERROR_REQUEST);
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"a\"}}",
		MCP_ERROR_REQUEST);
}

static void an_envelope_with_many_strange_members_is_refused(void **state)
{
	char text[2000];
	int n = snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1");

	for (int i = 0; i < 14; i++) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, ",\"x%d\":%d", i, i);
	}
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "}");
	assert_refused(text, MCP_ERROR_REQUEST);
}

static void batches_and_other_documents_are_refused(void **state)
{
	assert_refused("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", MCP_ERROR_BATCH);
	assert_refused("[]", MCP_ERROR_BATCH);
	assert_refused("1", MCP_ERROR_REQUEST);
	assert_refused("\"ping\"", MCP_ERROR_REQUEST);
	assert_refused("", MCP_ERROR_PARSE);
	assert_refused("{", MCP_ERROR_PARSE);
	assert_refused("{} {}", MCP_ERROR_PARSE);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", MCP_ERROR_PARSE);
	assert_refused("\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
		       MCP_ERROR_PARSE);
}

static void size_and_depth_have_limits(void **state)
{
	struct fixture *f = *state;
	const struct json_opts small = {.max_bytes = 50}, flat = {.max_depth = 3};
	struct str deep =
		STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"a\":[[]]}}");

	assert_int_equal(mcp_msg_parse(&f->arena, deep, &small, &f->m, &f->why), MCP_INVALID);
	assert_int_equal(f->m.fault, MCP_ERROR_TOO_LARGE);
	assert_int_equal(mcp_msg_parse(&f->arena, deep, &flat, &f->m, &f->why), MCP_INVALID);
	assert_int_equal(f->m.fault, MCP_ERROR_TOO_LARGE);
	assert_int_equal(mcp_msg_parse(&f->arena, deep, NULL, &f->m, &f->why), MCP_REQUEST);
}

static void params_must_name_their_object(void **state)
{
	struct fixture *f = *state;

	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\"}",
		       MCP_ERROR_PARAMS);
	assert_true(f->m.answerable);
	assert_str_equal(f->m.id, STR("5"));
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":7}}",
		MCP_ERROR_PARAMS);
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":"
		"\"a\",\"arguments\":[]}}",
		MCP_ERROR_PARAMS);
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":"
		"\"a\",\"_meta\":[]}}",
		MCP_ERROR_PARAMS);
	assert_refused(
		"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":"
		"\"a\",\"_meta\":{\"progressToken\":null}}}",
		MCP_ERROR_PARAMS);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"resources/read\",\"params\":{}}",
		       MCP_ERROR_PARAMS);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/"
		       "list\",\"params\":{\"cursor\":1}}",
		       MCP_ERROR_PARAMS);
}

static void a_broken_answer_still_says_whose_it_was(void **state)
{
	struct fixture *f = *state;

	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":31}", MCP_ERROR_REQUEST);
	assert_str_equal(f->m.id, STR("31"));
	assert_false(f->m.answerable);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":32,\"result\":[]}", MCP_ERROR_REQUEST);
	assert_str_equal(f->m.id, STR("32"));
	assert_refused("{\"jsonrpc\":\"2.0\",\"Result\":{},\"id\":33,\"result\":{}}",
		       MCP_ERROR_REQUEST);
	assert_str_equal(f->m.id, STR("33"));
	assert_false(f->m.answerable);
}

static void completion_names_a_prompt_or_a_resource(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f,
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\","
			       "\"params\":{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"},"
			       "\"argument\":{\"name\":\"a\",\"value\":\"\"}}}"),
			 MCP_REQUEST);
	assert_str_equal(f->m.object, STR("\"p\""));
	assert_false(f->m.object_is_uri);
	assert_int_equal(parse(f,
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\","
			       "\"params\":{\"ref\":{\"type\":\"ref/resource\",\"uri\":\"u:x\"}}}"),
			 MCP_REQUEST);
	assert_str_equal(f->m.object, STR("\"u:x\""));
	assert_true(f->m.object_is_uri);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\","
		       "\"params\":{\"ref\":{\"type\":\"ref/else\",\"name\":\"p\"}}}",
		       MCP_ERROR_PARAMS);
	assert_refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\","
		       "\"params\":{\"ref\":{\"type\":\"ref/prompt\",\"uri\":\"p\"}}}",
		       MCP_ERROR_PARAMS);
}

static void notifications_tell_what_they_refer_to(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
				  "\"params\":{\"requestId\":\"7\",\"reason\":\"x\"}}"),
			 MCP_NOTIFICATION);
	assert_str_equal(f->m.request_id, STR("\"7\""));
	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
				  "\"params\":{\"progressToken\":3,\"progress\":0.5}}"),
			 MCP_NOTIFICATION);
	assert_str_equal(f->m.token, STR("3"));
	assert_refused("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}",
		       MCP_ERROR_PARAMS);
	assert_false(f->m.answerable);
	assert_int_equal(parse(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"logging/setLevel\","
				  "\"params\":{\"level\":\"info\"}}"),
			 MCP_REQUEST);
	assert_str_equal(mcp_msg_param(&f->m, STR("level")), STR("\"info\""));
	assert_null(mcp_msg_param(&f->m, STR("other")).p);
}

static void errors_have_the_codes_of_their_era(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	mcp_error_append(&b, STR("\"a\""), MCP_ERROR_UNKNOWN_RESOURCE, MCP_2025_11_25);
	assert_str_equal(buf_str(&b),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":{\"code\":-32002,"
			     "\"message\":\"Resource not found\"}}"));
	buf_clear(&b);
	mcp_error_append(&b, str_make(NULL, 0), MCP_ERROR_UNKNOWN_RESOURCE, MCP_2026_07_28);
	assert_str_equal(buf_str(&b), STR("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,"
					  "\"message\":\"Resource not found\"}}"));
	buf_clear(&b);
	mcp_error_append_version(&b, STR("1"), STR("\"1999-01-01\""));
	assert_str_equal(
		buf_str(&b),
		STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022,\"message\":"
		    "\"Unsupported protocol version\",\"data\":{\"supported\":[\"2026-07-28\"],"
		    "\"requested\":\"1999-01-01\"}}}"));
	assert_int_equal(mcp_error_info(MCP_ERROR_METHOD)->http_status[mcp_era(MCP_MODERN)], 404);
	assert_int_equal(mcp_error_info(MCP_ERROR_METHOD)->http_status[mcp_era(MCP_2025_06_18)],
			 200);
	buf_done(&b);
}

static void every_error_of_the_table_is_a_message_that_parses(void **state)
{
	struct fixture *f = *state;
	struct buf b;

	buf_init(&b, 4096);
	for (enum mcp_error e = MCP_ERROR_NONE + 1; e < MCP_ERROR_MAX; e++) {
		buf_clear(&b);
		mcp_error_append(&b, STR("1"), e, MCP_2025_11_25);
		assert_int_equal(mcp_msg_parse(&f->arena, buf_str(&b), NULL, &f->m, &f->why),
				 MCP_ERROR_RESPONSE);
	}
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_tool_call_is_taken_apart_by_spans),
		T(each_kind_is_told_apart),
		T(ids_are_strings_or_integers_and_keep_their_spelling),
		T(an_id_has_a_length_limit),
		T(a_duplicate_name_at_any_level_is_refused),
		T(names_that_imitate_the_envelope_are_refused),
		T(names_that_imitate_params_or_meta_are_refused),
		T(harmless_spellings_are_taken),
		T(the_envelope_must_be_whole_and_of_one_kind),
		T(an_envelope_with_many_strange_members_is_refused),
		T(batches_and_other_documents_are_refused),
		T(size_and_depth_have_limits),
		T(params_must_name_their_object),
		T(a_broken_answer_still_says_whose_it_was),
		T(completion_names_a_prompt_or_a_resource),
		T(notifications_tell_what_they_refer_to),
		T(errors_have_the_codes_of_their_era),
		T(every_error_of_the_table_is_a_message_that_parses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
