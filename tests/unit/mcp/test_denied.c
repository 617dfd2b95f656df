/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/denied.h"

static struct str denied(struct arena *a, struct buf *b, const char *text, enum mcp_version v,
			 const struct mcp_refusal *r)
{
	struct mcp_msg m;

	assert_int_equal(mcp_msg_parse(a, str_from_c(text), NULL, &m, NULL), MCP_REQUEST);
	buf_clear(b);
	mcp_denied_append(b, &m, v, r);
	assert_int_not_equal(mcp_msg_parse(a, buf_str(b), NULL, &m, NULL), MCP_INVALID);
	return buf_str(b);
}

static void a_refused_call_is_a_tool_error_that_names_policy_reason_and_record(void **state)
{
	const struct mcp_refusal r = {.policy = STR_INIT("no-writes"),
				      .reason = STR_INIT("the workspace is \"read\" only"),
				      .record = 42,
				      .has_record = true};
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&b, 1 << 16);
	assert_str_equal(
		denied(&a, &b,
		       "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tools/"
		       "call\",\"params\":{\"name\":"
		       "\"fs__write\",\"arguments\":{\"secret\":\"hunter2\"}}}",
		       MCP_2025_11_25, &r),
		STR("{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":"
		    "\"Writ refused this call: policy \\\"no-writes\\\": the workspace is "
		    "\\\"read\\\" only. It was not made. Ledger record 42. Repeating it will not "
		    "help; ask whoever owns the policy.\"}],\"isError\":true,\"_meta\":"
		    "{\"writ/decision\":{\"decision\":\"deny\",\"policy\":\"no-writes\",\"reason\":"
		    "\"the workspace is \\\"read\\\" only\",\"record\":42}}}}"));
	buf_done(&b);
	arena_done(&a);
}

static void another_refused_request_is_an_error_with_the_same_facts(void **state)
{
	const struct mcp_refusal r = {.record = 7, .has_record = true};
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&b, 1 << 16);
	assert_str_equal(
		denied(&a, &b,
		       "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"resources/read\","
		       "\"params\":{\"uri\":\"a:b\"}}",
		       MCP_2025_11_25, &r),
		STR("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-31001,\"message\":"
		    "\"Refused by policy\",\"data\":{\"decision\":\"deny\",\"record\":7}}}"));
	buf_done(&b);
	arena_done(&a);
}

static void a_call_held_back_and_one_without_a_record_say_what_to_do(void **state)
{
	const struct mcp_refusal ask = {.kind = MCP_REFUSAL_ASK, .policy = STR_INIT("p")};
	const struct mcp_refusal wait = {
		.kind = MCP_REFUSAL_ASK, .policy = STR_INIT("p"), .retry_after = STR_INIT("60s")};
	const struct mcp_refusal no = {.kind = MCP_REFUSAL_PERSON, .policy = STR_INIT("p")};
	const struct mcp_refusal unheard = {.kind = MCP_REFUSAL_UNHEARD, .policy = STR_INIT("p")};
	const struct mcp_refusal full = {.kind = MCP_REFUSAL_UNAVAILABLE};
	const char *call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
			   "{\"name\":\"t\"}}";
	struct arena a;
	struct buf b;
	struct str s;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&b, 1 << 16);
	s = denied(&a, &b, call, MCP_2026_07_28, &ask);
	assert_true(str_find_str(s, STR("which only a person can approve")) < s.n);
	assert_true(str_find_str(s, STR("\"resultType\":\"complete\"")) < s.n);
	assert_true(str_find_str(s, STR("\"decision\":\"ask\"")) < s.n);
	s = denied(&a, &b, call, MCP_2025_11_25, &no);
	assert_true(str_find_str(s, STR("asked a person about this call, who said no")) < s.n);
	assert_true(str_find_str(s, STR("Do not repeat it.")) < s.n);
	assert_true(str_find_str(s, STR("\"decision\":\"deny\"")) < s.n);
	s = denied(&a, &b, call, MCP_2025_11_25, &unheard);
	assert_true(str_find_str(s, STR("nobody answered")) < s.n);
	assert_true(str_find_str(s, STR("\"decision\":\"ask\"")) < s.n);
	s = denied(&a, &b, call, MCP_2025_11_25, &wait);
	assert_true(str_find_str(s, STR("person")) == s.n);
	assert_true(str_find_str(s, STR("Repeat it after 60s.")) < s.n);
	assert_true(str_find_str(s, STR("\"retry_after\":\"60s\"")) < s.n);
	s = denied(&a, &b, call, MCP_2025_11_25, &full);
	assert_true(str_find_str(s, STR("Try again later")) < s.n);
	s = denied(&a, &b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}",
		   MCP_2025_11_25, &full);
	assert_true(str_find_str(s, STR("-31005")) < s.n);
	buf_done(&b);
	arena_done(&a);
}

static void long_reasons_are_cut(void **state)
{
	static char text[5000];
	const struct mcp_refusal r = {.policy = {text, sizeof(text)},
				      .reason = {text, sizeof(text)}};
	struct arena a;
	struct buf b;
	struct str s;

	(void)state;
	memset(text, 'r', sizeof(text));
	arena_init(&a, 1 << 20);
	buf_init(&b, 1 << 16);
	s = denied(&a, &b,
		   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
		   "\"t\"}}",
		   MCP_2025_11_25, &r);
	assert_true(s.n < 2000);
	buf_done(&b);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_refused_call_is_a_tool_error_that_names_policy_reason_and_record),
		cmocka_unit_test(another_refused_request_is_an_error_with_the_same_facts),
		cmocka_unit_test(a_call_held_back_and_one_without_a_record_say_what_to_do),
		cmocka_unit_test(long_reasons_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
