/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "cli/cmd.h"
#include "cli/out.h"

#include <sys/mman.h>
#include <unistd.h>

static void say(struct out *o)
{
	static const struct out_col cols[] = {{"id", 4}, {"tool_count", 0}};
	static const struct out_list list = {.name = "servers", .cols = cols, .n_cols = 2};
	static const struct out_list empty = {.name = "held_calls", .cols = cols, .n_cols = 2};

	out_text(o, "node_name", STR("n\"1\x1b[2J"));
	out_list_begin(o, &list);
	out_row_begin(o);
	out_text(o, "id", STR("fs"));
	out_u64(o, "tool_count", 9);
	out_row_end(o);
	out_row_begin(o);
	out_text(o, "id", STR("\xff\n"));
	out_u64(o, "tool_count", 10);
	out_row_end(o);
	out_list_end(o);
	out_list_begin(o, &empty);
	out_list_end(o);
	out_bool(o, "verified", true);
	out_json(o, "root", STR("[1]"));
	out_note(o, "Next: %s.", "nothing");
}

static void expect(bool json, int status, const char *want)
{
	struct out o;
	char got[1024];
	int fd = memfd_create("out", MFD_CLOEXEC);
	ssize_t n;

	out_init(&o, "writ test", json, fd);
	say(&o);
	assert_int_equal(out_end(&o, status), status);
	n = pread(fd, got, sizeof(got), 0);
	assert_true(n >= 0);
	assert_str_equal(str_make(got, (size_t)n), str_from_c(want));
	close(fd);
}

static void the_same_calls_give_text(void **state)
{
	(void)state;
	expect(false, CMD_FINE,
	       "node name: n\"1\\x1b[2J\n"
	       "id    tool count\n"
	       "fs    9\n"
	       "\\xff\\x0a  10\n"
	       "held calls: none\n"
	       "verified: true\n"
	       "root: [1]\n"
	       "Next: nothing.\n");
}

static void and_one_json_object(void **state)
{
	(void)state;
	expect(true, CMD_FOUND,
	       "{\"node_name\":\"n\\\"1\\u001b[2J\","
	       "\"servers\":[{\"id\":\"fs\",\"tool_count\":9},"
	       "{\"id\":\"\\ufffd\\n\",\"tool_count\":10}],\"held_calls\":[],"
	       "\"verified\":true,\"root\":[1],\"notes\":[\"Next: nothing.\"],\"ok\":false}\n");
}

static void an_error_inside_a_row_still_gives_valid_json(void **state)
{
	static const struct out_col cols[] = {{"a", 0}, {"b", 0}};
	static const struct out_list list = {.name = "l", .cols = cols, .n_cols = 2};
	struct err err = {0};
	struct out o;
	char got[256];
	int fd = memfd_create("out", MFD_CLOEXEC);
	ssize_t n;

	(void)state;
	err_ignore(ERR(&err, ERR_LIMIT, "too %s", "much")); /* made on purpose */
	out_init(&o, "writ test", true, fd);
	out_list_begin(&o, &list);
	out_row_begin(&o);
	out_u64(&o, "a", 1);
	assert_int_equal(out_end(&o, out_error(&o, &err)), CMD_FAILED);
	n = pread(fd, got, sizeof(got), 0);
	assert_str_equal(str_make(got, (size_t)n),
			 STR("{\"l\":[{\"a\":1,\"b\":\"\"}],\"error\":\"too much\",\"code\":"
			     "\"limit\",\"ok\":false}\n"));
	close(fd);
}

static void an_output_that_cannot_be_written_fails_the_command(void **state)
{
	struct out o;

	(void)state;
	out_init(&o, "writ test", true, -1);
	out_bool(&o, "x", true);
	assert_int_equal(out_end(&o, CMD_FINE), CMD_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_calls_give_text),
		cmocka_unit_test(and_one_json_object),
		cmocka_unit_test(an_error_inside_a_row_still_gives_valid_json),
		cmocka_unit_test(an_output_that_cannot_be_written_fails_the_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
