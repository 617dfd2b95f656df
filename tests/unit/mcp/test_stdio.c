/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/stdio.h"

static void push(struct mcp_lines *l, struct str bytes)
{
	struct err err;

	assert_int_equal(mcp_lines_push(l, bytes, &err), ERR_OK);
}

static void lines_become_messages_and_the_rest_waits(void **state)
{
	struct mcp_lines l;
	struct str s;

	(void)state;
	mcp_lines_init(&l, 1000);
	push(&l, STR("{\"a\":1}\n{\"b\":2}\r\n\n  \n{\"c\""));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_MESSAGE);
	assert_str_equal(s, STR("{\"a\":1}"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_MESSAGE);
	assert_str_equal(s, STR("{\"b\":2}"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_NONE);
	push(&l, STR(":3}\n"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_MESSAGE);
	assert_str_equal(s, STR("{\"c\":3}"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_NONE);
	assert_int_equal(mcp_lines_end(&l, &s), MCP_LINE_NONE);
	mcp_lines_done(&l);
}

static void garbage_is_told_apart_and_does_not_stop_the_stream(void **state)
{
	struct mcp_lines l;
	struct str s;

	(void)state;
	mcp_lines_init(&l, 1000);
	push(&l, STR("Server started!\n\x1b[31mred\n{\"a\":1}\n\"text\"\n"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_GARBAGE);
	assert_str_equal(s, STR("Server started!"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_GARBAGE);
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_MESSAGE);
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_GARBAGE);
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_NONE);
	mcp_lines_done(&l);
}

static void a_line_past_the_limit_is_reported_once_and_the_next_one_is_read(void **state)
{
	struct mcp_lines l;
	struct str s;

	(void)state;
	mcp_lines_init(&l, 8);
	push(&l, STR("{1234567"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_NONE);
	push(&l, STR("8"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_TOO_LONG);
	assert_str_equal(s, STR("{1234567"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_NONE);
	push(&l, STR("9 and more"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_NONE);
	push(&l, STR(" still\n{\"a\":1}\n{\"toolong\":1}\n{}\n"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_MESSAGE);
	assert_str_equal(s, STR("{\"a\":1}"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_TOO_LONG);
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_MESSAGE);
	assert_str_equal(s, STR("{}"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_NONE);
	mcp_lines_done(&l);
}

static void a_flood_without_a_newline_stays_within_memory(void **state)
{
	static char chunk[65536];
	struct mcp_lines l;
	struct str s;
	int reports = 0;

	(void)state;
	memset(chunk, 'x', sizeof(chunk));
	mcp_lines_init(&l, 256 * 1024);
	for (int i = 0; i < 1000; i++) {
		push(&l, str_make(chunk, sizeof(chunk)));
		while (mcp_lines_next(&l, &s) != MCP_LINE_NONE) {
			reports++;
		}
		assert_true(l.in.cap <= 2 * 1024 * 1024);
	}
	assert_int_equal(reports, 1);
	assert_int_equal(mcp_lines_end(&l, &s), MCP_LINE_NONE);
	mcp_lines_done(&l);
}

static void a_message_cut_short_by_the_end_is_garbage(void **state)
{
	struct mcp_lines l;
	struct str s;

	(void)state;
	mcp_lines_init(&l, 100);
	push(&l, STR("{}\n{\"a\":1}"));
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_MESSAGE);
	assert_int_equal(mcp_lines_next(&l, &s), MCP_LINE_NONE);
	assert_int_equal(mcp_lines_end(&l, &s), MCP_LINE_GARBAGE);
	assert_str_equal(s, STR("{\"a\":1}"));
	mcp_lines_done(&l);
}

static void a_push_past_its_size_is_refused(void **state)
{
	static char big[2 * 1024 * 1024];
	struct mcp_lines l;
	struct err err;

	(void)state;
	mcp_lines_init(&l, 100);
	memset(big, 'x', sizeof(big));
	assert_int_equal(mcp_lines_push(&l, str_make(big, sizeof(big)), &err), ERR_LIMIT);
	mcp_lines_done(&l);
}

static void what_is_written_is_one_line_and_else_unchanged(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	mcp_line_append(&b, STR("{\"a\":\"\\n\"}"));
	assert_str_equal(buf_str(&b), STR("{\"a\":\"\\n\"}\n"));
	buf_clear(&b);
	mcp_line_append(&b, STR("{\r\n\t\"a\" : 1.0\n}"));
	assert_str_equal(buf_str(&b), STR("{  \t\"a\" : 1.0 }\n"));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_messages_and_the_rest_waits),
		cmocka_unit_test(garbage_is_told_apart_and_does_not_stop_the_stream),
		cmocka_unit_test(a_line_past_the_limit_is_reported_once_and_the_next_one_is_read),
		cmocka_unit_test(a_flood_without_a_newline_stays_within_memory),
		cmocka_unit_test(a_message_cut_short_by_the_end_is_garbage),
		cmocka_unit_test(a_push_past_its_size_is_refused),
		cmocka_unit_test(what_is_written_is_one_line_and_else_unchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
