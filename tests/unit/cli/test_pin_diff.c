/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/buf.h"
#include "cli/pin_diff.h"

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

/* The lines with their signs, one below the other. */
static struct str shown(const char *before, const char *after)
{
	static const char signs[] = {' ', '-', '+', '.'};
	const struct pin_line *lines;
	struct str text;
	struct buf b;
	size_t n;

	assert_int_equal(pin_diff(&arena, str_from_c(before), str_from_c(after), &lines, &n, NULL),
			 ERR_OK);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		buf_append_c(&b, signs[lines[i].op]);
		buf_append(&b, lines[i].text);
		buf_append_c(&b, '\n');
	}
	text = arena_dup(&arena, buf_str(&b));
	buf_done(&b);
	return text;
}

static void one_changed_value_is_one_line_gone_and_one_new(void **state)
{
	(void)state;
	assert_str_equal(shown("{\"d\":\"old\",\"n\":\"x\"}", "{\"d\":\"new\",\"n\":\"x\"}"),
			 STR(" {\n-  \"d\": \"old\"\n+  \"d\": \"new\"\n   \"n\": \"x\"\n }\n"));
}

static void what_is_far_from_a_change_is_left_out(void **state)
{
	(void)state;
	assert_str_equal(shown("[1,2,3,4,5,6,7]", "[1,2,3,4,5,6,8]"),
			 STR("....\n   5\n   6\n-  7\n+  8\n ]\n"));
	assert_str_equal(shown("[1,2]", "[1,2]"), STR("....\n"));
}

static void what_is_new_is_all_new(void **state)
{
	(void)state;
	assert_str_equal(shown("", "{\"a\":[],\"b\":{\"c\":1.50}}"),
			 STR("+{\n+  \"a\": []\n+  \"b\": {\n+    \"c\": 1.50\n+  }\n+}\n"));
}

static void what_no_screen_shows_is_shown_by_number(void **state)
{
	(void)state;
	assert_str_equal(shown("\"a\"", "\"a\\u202eb\\u200b\\udb40\\udc41\""),
			 STR("-\"a\"\n+\"a\\u{202e}b\\u{200b}\\u{e0041}\"\n"));
}

/* Long texts without anything in common are not compared line by line for ever. */
static void two_large_items_end(void **state)
{
	struct buf x, y;
	const struct pin_line *lines;
	size_t n;

	(void)state;
	buf_init(&x, 1 << 20);
	buf_init(&y, 1 << 20);
	buf_append_c(&x, '[');
	buf_append_c(&y, '[');
	for (unsigned i = 0; i < 5000; i++) {
		buf_printf(&x, "%s%u", i ? "," : "", i);
		buf_printf(&y, "%s%u", i ? "," : "", 10000 + i);
	}
	buf_append_c(&x, ']');
	buf_append_c(&y, ']');
	assert_int_equal(pin_diff(&arena, buf_str(&x), buf_str(&y), &lines, &n, NULL), ERR_OK);
	assert_int_equal(n, 10002);
	buf_done(&x);
	buf_done(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_changed_value_is_one_line_gone_and_one_new,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_far_from_a_change_is_left_out, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_new_is_all_new, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_no_screen_shows_is_shown_by_number, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(two_large_items_end, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
