/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/splice.h"

#define CALL                                                                                       \
	"{ \"x\" : 1.0 "                                                                           \
	",\"params\":{\"_meta\":{\"progressToken\":7,\"v/1\":[1e400]},\"arguments\":"              \
	"{\"n\":12345678901234567890123},\"name\":\"fs__read\"},\"id\":\"a\",\"method\":"          \
	"\"tools/call\",\"jsonrpc\":\"2.0\" }"

static struct str spliced(struct buf *b, const char *text, const struct mcp_change *c)
{
	struct arena a;
	struct mcp_msg m;

	arena_init(&a, 1 << 20);
	(void)mcp_msg_parse(&a, str_from_c(text), NULL, &m, NULL);
	buf_clear(b);
	if (m.kind == MCP_RESPONSE || m.kind == MCP_ERROR_RESPONSE) {
		mcp_splice_answer(b, &m, c->id);
	} else {
		mcp_splice_call(b, &m, c);
	}
	arena_done(&a);
	return buf_str(b);
}

static void only_what_is_replaced_changes(void **state)
{
	struct mcp_change c = {
		.id = STR_INIT("42"), .object = STR_INIT("\"read\""), .token = STR_INIT("\"t9\"")};
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	assert_str_equal(
		spliced(&b, CALL, &c),
		STR("{ \"x\" : 1.0 "
		    ",\"params\":{\"_meta\":{\"progressToken\":\"t9\",\"v/1\":[1e400]},"
		    "\"arguments\":{\"n\":12345678901234567890123},\"name\":\"read\"},\"id\":42,"
		    "\"method\":\"tools/call\",\"jsonrpc\":\"2.0\" }"));
	buf_done(&b);
}

static void replacing_by_the_same_gives_the_same_bytes(void **state)
{
	struct mcp_change same = {.id = STR_INIT("\"a\""),
				  .object = STR_INIT("\"fs__read\""),
				  .token = STR_INIT("7")},
			  none = {.id = STR_INIT("\"a\"")};
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	assert_str_equal(spliced(&b, CALL, &same), STR(CALL));
	assert_str_equal(spliced(&b, CALL, &none), STR(CALL));
	buf_done(&b);
}

static void a_token_is_never_invented(void **state)
{
	struct mcp_change c = {.id = STR_INIT("2"), .token = STR_INIT("9")};
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	assert_str_equal(spliced(&b,
				 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
				 "\"params\":{\"name\":\"x\"}}",
				 &c),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":"
			     "{\"name\":\"x\"}}"));
	buf_done(&b);
}

static void answers_pass_with_the_id_of_the_hop_before(void **state)
{
	struct mcp_change c = {.id = STR_INIT("\"client-1\"")};
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	assert_str_equal(
		spliced(&b,
			"{\"result\":{\"structuredContent\":[null,1.10],\"_meta\":{\"k\":0}},"
			"\"id\":5,\"jsonrpc\":\"2.0\",\"odd\":{}}",
			&c),
		STR("{\"result\":{\"structuredContent\":[null,1.10],\"_meta\":{\"k\":0}},"
		    "\"id\":\"client-1\",\"jsonrpc\":\"2.0\",\"odd\":{}}"));
	assert_str_equal(spliced(&b,
				 "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":-1,\"message\":"
				 "\"m\",\"data\":[]}}",
				 &c),
			 STR("{\"jsonrpc\":\"2.0\",\"id\":\"client-1\",\"error\":{\"code\":-1,"
			     "\"message\":\"m\",\"data\":[]}}"));
	buf_done(&b);
}

static void notifications_are_translated_for_the_next_hop(void **state)
{
	struct mcp_change c = {.token = STR_INIT("\"mine\""), .request_id = STR_INIT("31")};
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	assert_str_equal(spliced(&b,
				 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
				 "\"params\":{\"reason\":\"r\",\"requestId\":\"a\"}}",
				 &c),
			 STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
			     "\"params\":{\"reason\":\"r\",\"requestId\":31}}"));
	assert_str_equal(spliced(&b,
				 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
				 "\"params\":{\"progressToken\":9,\"progress\":0.50}}",
				 &c),
			 STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
			     "\"params\":{\"progressToken\":\"mine\",\"progress\":0.50}}"));
	buf_done(&b);
}

static void patches_may_come_in_any_order_and_may_insert(void **state)
{
	struct str whole = STR("abcdef");
	struct mcp_patch p[] = {
		{.at = str_make(whole.p + 4, 1), .with = STR("E")},
		{.at = str_make(whole.p, 0), .with = STR("<")},
		{.at = str_make(whole.p + 2, 2), .with = STR("")},
		{.at = str_make(whole.p + 6, 0), .with = STR(">")},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	mcp_splice(&b, whole, p, ARRAY_LEN(p));
	assert_str_equal(buf_str(&b), STR("<abEf>"));
	buf_done(&b);
}

static void a_line_of_a_log_says_of_which_server_it_is(void **state)
{
	static const char *const rows[][3] = {
		{"{\"level\":\"info\",\"logger\":\"db\",\"data\":1.0}", "fs",
		 "{\"level\":\"info\",\"logger\":\"fs/db\",\"data\":1.0}"},
		{"{ \"level\":\"info\",\"data\":{}}", "fs",
		 "{\"logger\":\"fs\", \"level\":\"info\",\"data\":{}}"},
		{"{\"level\":\"info\"}", "", "{\"level\":\"info\"}"},
		{"{\"level\":\"info\",\"logger\":7}", "fs", "{\"level\":\"info\",\"logger\":7}"},
		{"{}", "fs", "{}"},
		{"[\"level\"]", "fs", "[\"level\"]"},
	};
	static const char head[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":";
	struct arena a;
	struct mcp_msg m;
	struct buf b;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&b, 10000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str text = arena_printf(&a, "%s%s}", head, rows[i][0]);

		buf_clear(&b);
		(void)mcp_msg_parse(&a, text, NULL, &m, NULL);
		if (m.kind == MCP_NOTIFICATION) {
			mcp_splice_log(&b, &m, str_from_c(rows[i][1]));
			assert_str_equal(buf_str(&b), arena_printf(&a, "%s%s}", head, rows[i][2]));
		}
	}
	buf_done(&b);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_replaced_changes),
		cmocka_unit_test(replacing_by_the_same_gives_the_same_bytes),
		cmocka_unit_test(a_token_is_never_invented),
		cmocka_unit_test(answers_pass_with_the_id_of_the_hop_before),
		cmocka_unit_test(notifications_are_translated_for_the_next_hop),
		cmocka_unit_test(a_line_of_a_log_says_of_which_server_it_is),
		cmocka_unit_test(patches_may_come_in_any_order_and_may_insert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
