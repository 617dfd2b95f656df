/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "json/parse.h"
#include "json/write.h"

static struct buf out;

static int set_up(void **state)
{
	(void)state;
	buf_init(&out, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_done(&out);
	return 0;
}

static void assert_written(struct str s, struct str expected)
{
	buf_clear(&out);
	json_put_str(&out, s);
	assert_false(out.failed);
	assert_str_equal(buf_str(&out), expected);
}

static void text_is_escaped_where_it_must_be_and_nowhere_else(void **state)
{
	(void)state;
	assert_written(STR(""), STR("\"\""));
	assert_written(str_make(NULL, 0), STR("\"\""));
	assert_written(STR("a/b 'c'"), STR("\"a/b 'c'\""));
	assert_written(STR("\"\\\b\f\n\r\t"), STR("\"\\\"\\\\\\b\\f\\n\\r\\t\""));
	assert_written(STR("\0\x01\x1f\v"), STR("\"\\u0000\\u0001\\u001f\\u000b\""));
	assert_written(STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		       STR("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""));
}

static void what_could_steer_a_terminal_or_end_a_line_is_escaped(void **state)
{
	(void)state;
	assert_written(STR("\x1b[2J\x7f"), STR("\"\\u001b[2J\\u007f\""));
	assert_written(STR("\xc2\x9b\xc2\xa0"), STR("\"\\u009b\xc2\xa0\""));
	assert_written(STR("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"),
		       STR("\"\\u2028\\u2029\xe2\x80\xaa\""));
}

static void bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
	(void)state;
	assert_written(STR("a\xff"
			   "b"),
		       STR("\"a\\ufffdb\""));
	assert_written(STR("\xe2\x82"), STR("\"\\ufffd\\ufffd\""));
	assert_written(STR("\xed\xa0\x80"), STR("\"\\ufffd\\ufffd\\ufffd\""));
	assert_written(STR("\xc3\xc3\xa9"), STR("\"\\ufffd\xc3\xa9\""));
	assert_written(STR("\xf4\x90\x80\x80"), STR("\"\\ufffd\\ufffd\\ufffd\\ufffd\""));
}

static void every_byte_string_reads_back(void **state)
{
	struct arena arena;
	const struct json *doc;
	struct err err;
	char pair[2];

	(void)state;
	arena_init(&arena, 1 << 20);
	for (int a = 0; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			pair[0] = (char)a;
			pair[1] = (char)b;
			buf_clear(&out);
			json_put_str(&out, str_make(pair, 2));
			arena_reset(&arena);
			assert_int_equal(json_parse(&arena, buf_str(&out), NULL, &doc, &err),
					 ERR_OK);
			if (str_is_utf8(str_make(pair, 2))) {
				assert_str_equal(doc->text, str_make(pair, 2));
			}
		}
	}
	arena_done(&arena);
}

static void the_writer_sets_commas_and_brackets(void **state)
{
	struct json_writer w = json_writer(&out);

	(void)state;
	json_w_object(&w);
	json_w_member_str(&w, STR("s"), STR("x"));
	json_w_key(&w, STR("a"));
	json_w_array(&w);
	json_w_i64(&w, INT64_MIN);
	json_w_u64(&w, UINT64_MAX);
	json_w_bool(&w, true);
	json_w_null(&w);
	json_w_raw(&w, STR("0.5"));
	json_w_array(&w);
	json_w_end(&w);
	json_w_object(&w);
	json_w_end(&w);
	json_w_end(&w);
	json_w_member_i64(&w, STR("i"), -1);
	json_w_member_u64(&w, STR("u"), 1);
	json_w_member_bool(&w, STR("b"), false);
	json_w_member_raw(&w, STR("r\n"), STR("{\"k\":[1]}"));
	json_w_end(&w);
	assert_str_equal(
		buf_str(&out),
		STR("{\"s\":\"x\",\"a\":[-9223372036854775808,18446744073709551615,true,null,0.5,"
		    "[],{}],\"i\":-1,\"u\":1,\"b\":false,\"r\\n\":{\"k\":[1]}}"));
}

static void nesting_goes_down_and_up_without_forgetting(void **state)
{
	struct json_writer w = json_writer(&out);

	(void)state;
	for (int i = 0; i < JSON_WRITE_DEPTH; i++) {
		json_w_array(&w);
	}
	for (int i = 0; i < JSON_WRITE_DEPTH; i++) {
		json_w_end(&w);
		if (i < JSON_WRITE_DEPTH - 1) {
			json_w_i64(&w, 1);
		}
	}
	assert_int_equal(buf_len(&out), 2 * JSON_WRITE_DEPTH + 2 * (JSON_WRITE_DEPTH - 1));
	assert_true(str_starts_with(str_from(buf_str(&out), 63), STR("[],1],1],1]")));
}

static void running_out_of_room_is_sticky(void **state)
{
	struct buf small;
	struct json_writer w = json_writer(&small);

	(void)state;
	buf_init(&small, 8);
	json_w_array(&w);
	json_w_str(&w, STR("123456789"));
	json_w_end(&w);
	assert_true(small.failed);
	buf_done(&small);
}

static void assert_double(uint64_t bits, const char *expected)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	buf_clear(&out);
	json_put_f64(&out, v);
	assert_str_equal(buf_str(&out), str_from_c(expected));
}

/* The table of RFC 8785 appendix B. */
static void doubles_are_written_as_ecmascript_does(void **state)
{
	(void)state;
	assert_double(0x0000000000000000, "0");
	assert_double(0x8000000000000000, "0");
	assert_double(0x0000000000000001, "5e-324");
	assert_double(0x8000000000000001, "-5e-324");
	assert_double(0x7fefffffffffffff, "1.7976931348623157e+308");
	assert_double(0xffefffffffffffff, "-1.7976931348623157e+308");
	assert_double(0x4340000000000000, "9007199254740992");
	assert_double(0xc340000000000000, "-9007199254740992");
	assert_double(0x4430000000000000, "295147905179352830000");
	assert_double(0x44b52d02c7e14af5, "9.999999999999997e+22");
	assert_double(0x44b52d02c7e14af6, "1e+23");
	assert_double(0x44b52d02c7e14af7, "1.0000000000000001e+23");
	assert_double(0x444b1ae4d6e2ef4e, "999999999999999700000");
	assert_double(0x444b1ae4d6e2ef4f, "999999999999999900000");
	assert_double(0x444b1ae4d6e2ef50, "1e+21");
	assert_double(0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7");
	assert_double(0x3eb0c6f7a0b5ed8d, "0.000001");
	assert_double(0x41b3de4355555553, "333333333.3333332");
	assert_double(0x41b3de4355555554, "333333333.33333325");
	assert_double(0x41b3de4355555555, "333333333.3333333");
	assert_double(0x41b3de4355555556, "333333333.3333334");
	assert_double(0x41b3de4355555557, "333333333.33333343");
	assert_double(0xbecbf647612f3696, "-0.0000033333333333333333");
	assert_double(0x43143ff3c1cb0959, "1424953923781206.2");
}

#define CLAIM(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(text_is_escaped_where_it_must_be_and_nowhere_else),
		CLAIM(what_could_steer_a_terminal_or_end_a_line_is_escaped),
		CLAIM(bytes_that_are_not_utf8_become_replacement_characters),
		CLAIM(every_byte_string_reads_back),
		CLAIM(the_writer_sets_commas_and_brackets),
		CLAIM(nesting_goes_down_and_up_without_forgetting),
		CLAIM(running_out_of_room_is_sticky),
		CLAIM(doubles_are_written_as_ecmascript_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
