/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/unit/json/cases.h"
#include "json/canon.h"

static struct arena arena;
static struct buf out;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	buf_init(&out, 1 << 20);
	memset(&err, 0, sizeof(err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&arena);
	buf_done(&out);
	return 0;
}

static enum err_code canon(struct str text)
{
	const struct json *doc;

	buf_clear(&out);
	assert_int_equal(json_parse(&arena, text, NULL, &doc, &err), ERR_OK);
	return json_canon(&arena, doc, &out, &err);
}

static void assert_canon(struct str text, struct str expected)
{
	if (canon(text) != ERR_OK) {
		fail_msg("%.*s: %s", STR_ARG(text), err.msg);
	}
	assert_str_equal(buf_str(&out), expected);
}

static void space_goes_and_names_are_sorted_at_every_level(void **state)
{
	(void)state;
	assert_canon(
		STR(" { \"b\" : [ 2 , { \"z\" : null , \"y\" : true } ] , \"a\" : { } , \"\" : "
		    "[ ] } "),
		STR("{\"\":[],\"a\":{},\"b\":[2,{\"y\":true,\"z\":null}]}"));
	assert_canon(STR("[3,1,2]"), STR("[3,1,2]"));
	assert_canon(STR("{\"aa\":1,\"a\":2,\"B\":3}"), STR("{\"B\":3,\"a\":2,\"aa\":1}"));
}

/* RFC 8785 section 3.2.3: its own example of the order. */
static void names_are_sorted_by_utf16_code_units(void **state)
{
	(void)state;
	assert_canon(STR("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":"
			 "\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\",\"\\ud83d\\ude00\":"
			 "\"Emoji: Grinning Face\",\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin "
			 "Small Letter O With Diaeresis\"}"),
		     STR("{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
			 "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":"
			 "\"Euro Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
			 "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}"));
}

static void strings_get_the_fewest_escapes(void **state)
{
	(void)state;
	assert_canon(STR("\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\\u007f\""),
		     STR("\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\x7f\""));
}

static void numbers_become_what_ecmascript_writes(void **state)
{
	(void)state;
	assert_canon(STR("[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]"),
		     STR("[333333333.3333333,1e+30,4.5,0.002,1e-27]"));
	assert_canon(STR("[0.10000000000000001,1e22]"), STR("[0.1,1e+22]"));
	assert_canon(STR("[1e0,10e-1,0.1e1,100e-2,1.0]"), STR("[1,1,1,1,1]"));
	assert_canon(STR("[-0,-0.0,0e5,0.000,-0e-9]"), STR("[0,0,0,0,0]"));
	assert_canon(STR("[5e-324,1.7976931348623157e308]"),
		     STR("[5e-324,1.7976931348623157e+308]"));
}

static void integers_are_exact_at_any_size(void **state)
{
	(void)state;
	assert_canon(STR("[9007199254740993,123456789012345678901234567890,-1]"),
		     STR("[9007199254740993,123456789012345678901234567890,-1]"));
}

static void numbers_that_a_double_would_change_are_refused(void **state)
{
	static const struct str cases[] = {
		STR_INIT("[0.1000000000000000000001]"),
		STR_INIT("[9007199254740993.0]"),
		STR_INIT("[1e400]"),
		STR_INIT("[1e-400]"),
		STR_INIT("[3e-324]"),
		STR_INIT("[1e99999999999999999999]"),
		STR_INIT("[0.100000000000000001]"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(canon(cases[i]), ERR_INVALID);
		assert_non_null(strstr(err.msg, "byte 1 "));
	}
}

static void the_canonical_form_is_its_own(void **state)
{
	char first[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++) {
		size_t n;

		if (!json_cases[i].accept || canon(json_cases[i].text) != ERR_OK) {
			continue;
		}
		n = buf_len(&out);
		memcpy(first, buf_str(&out).p, n);
		assert_canon(str_make(first, n), str_make(first, n));
	}
}

static void deep_documents_and_short_buffers_end_well(void **state)
{
	struct json_opts deep = {.max_depth = 4096};
	struct buf small;
	char text[8192];
	const struct json *doc;

	(void)state;
	memset(text, '[', 4096);
	memset(text + 4096, ']', 4096);
	assert_int_equal(json_parse(&arena, str_make(text, 8192), &deep, &doc, &err), ERR_OK);
	assert_int_equal(json_canon(&arena, doc, &out, &err), ERR_OK);
	assert_str_equal(buf_str(&out), str_make(text, 8192));
	buf_init(&small, 100);
	assert_int_equal(json_canon(&arena, doc, &small, &err), ERR_LIMIT);
	buf_done(&small);
}

static void any_shortage_of_memory_is_a_clean_refusal(void **state)
{
	const struct json *doc;
	size_t refused = 0;

	(void)state;
	assert_int_equal(json_parse(&arena,
				    STR("{\"b\":[{\"d\":1,\"c\":[[[[[[[[[[1]]]]]]]]]]}],\"a\":{}}"),
				    NULL, &doc, &err),
			 ERR_OK);
	for (size_t limit = 0; limit < 8192; limit += 16) {
		struct arena small;
		enum err_code code;

		arena_init(&small, limit);
		buf_clear(&out);
		code = json_canon(&small, doc, &out, &err);
		assert_true(code == ERR_OK || code == ERR_NOMEM);
		refused += code == ERR_NOMEM;
		arena_done(&small);
	}
	assert_in_range(refused, 5, 500);
}

#define CLAIM(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(space_goes_and_names_are_sorted_at_every_level),
		CLAIM(names_are_sorted_by_utf16_code_units),
		CLAIM(strings_get_the_fewest_escapes),
		CLAIM(numbers_become_what_ecmascript_writes),
		CLAIM(integers_are_exact_at_any_size),
		CLAIM(numbers_that_a_double_would_change_are_refused),
		CLAIM(the_canonical_form_is_its_own),
		CLAIM(any_shortage_of_memory_is_a_clean_refusal),
		CLAIM(deep_documents_and_short_buffers_end_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
