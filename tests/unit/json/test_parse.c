/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "json/parse.h"

static struct arena arena;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	memset(&err, 0, sizeof(err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static const struct json *parsed(struct str text)
{
	const struct json *doc = NULL;

	if (json_parse(&arena, text, NULL, &doc, &err) != ERR_OK) {
		fail_msg("refused: %s", err.msg);
	}
	return doc;
}

static void assert_refused(struct str text, enum err_code code, const char *says)
{
	const struct json *doc = NULL;

	assert_int_equal(json_parse(&arena, text, NULL, &doc, &err), code);
	assert_null(doc);
	if (!strstr(err.msg, says)) {
		fail_msg("\"%s\" does not say \"%s\"", err.msg, says);
	}
}

static void a_tree_keeps_order_types_and_spans(void **state)
{
	const struct json *doc = parsed(STR(" {\"b\":[1,-2.50e3,\"x\"],\"a\":{},\"t\":true,\n"
					    "\"n\":null,\"f\":false} "));
	const struct json *b = json_get(doc, STR("b"));
	int i = 0;

	(void)state;
	assert_true(json_is_object(doc));
	assert_int_equal(doc->n, 5);
	assert_int_equal(doc->at, 1);
	assert_str_equal(json_first(doc)->key, STR("b"));
	assert_int_equal(json_first(doc)->key_at, 2);
	assert_true(json_is_array(b));
	assert_str_equal(b->raw, STR("[1,-2.50e3,\"x\"]"));
	JSON_EACH (item, b) {
		static const char *const raws[] = {"1", "-2.50e3", "\"x\""};

		assert_str_equal(item->raw, str_from_c(raws[i++]));
		assert_null(item->key.p);
	}
	assert_int_equal(i, 3);
	assert_str_equal(json_str(b->first->next->next), STR("x"));
	assert_true(json_is_object(json_get(doc, STR("a"))));
	assert_null(json_first(json_get(doc, STR("a"))));
	assert_true(json_get(doc, STR("t"))->boolean);
	assert_false(json_get(doc, STR("f"))->boolean);
	assert_true(json_is_null(json_get(doc, STR("n"))));
	assert_null(json_get(doc, STR("B")));
	assert_null(json_get(b, STR("b")));
	assert_null(json_get(NULL, STR("b")));
}

static void strings_are_decoded_and_may_hold_nul(void **state)
{
	(void)state;
	assert_str_equal(json_str(parsed(STR("\"a\\u0000b\\n\\\"\\\\\\/\\b\\f\\r\\t\""))),
			 STR("a\0b\n\"\\/\b\f\r\t"));
	assert_str_equal(json_str(parsed(STR("\"\\u00e9\\u20AC\\ud83d\\ude00\""))),
			 STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
	assert_str_equal(json_str(parsed(STR("\"\xf0\x9f\x98\x80\x7f\""))),
			 STR("\xf0\x9f\x98\x80\x7f"));
	assert_str_equal(json_str(parsed(STR("\"\""))), STR(""));
	assert_null(json_str(parsed(STR("1"))).p);
}

static void a_plain_string_is_not_copied(void **state)
{
	struct str text = STR("\"plain\"");

	(void)state;
	assert_ptr_equal(json_str(parsed(text)).p, text.p + 1);
}

static void duplicate_names_are_refused_at_every_level(void **state)
{
	(void)state;
	assert_refused(STR("{\"a\":1,\"a\":2}"), ERR_INVALID, "\"a\" appears twice");
	assert_refused(STR("{\"x\":[{\"a\":1,\"b\":0,\"a\":2}]}"), ERR_INVALID, "1:20");
	assert_refused(STR("{\"a\":1,\"\\u0061\":2}"), ERR_INVALID, "twice");
	assert_refused(STR("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), ERR_INVALID, "twice");
	assert_refused(STR("{\"\":1,\"\":2}"), ERR_INVALID, "twice");
	assert_refused(STR("{\"\\u001b[2J\":1,\"\\u001b[2J\":2}"), ERR_INVALID, "\"?[2J\"");
	(void)parsed(STR("{\"a\":{\"a\":{\"a\":1}},\"A\":1,\"a\\u0000\":2}"));
}

static void duplicates_are_found_in_large_objects(void **state)
{
	char text[20000];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"k%d\":%d", i ? "," : "{", i,
				      i);
	}
	text[n] = '}';
	assert_int_equal(parsed(str_make(text, n + 1))->n, 1000);
	n += (size_t)snprintf(text + n, sizeof(text) - n, ",\"k\\u0037\":0}");
	assert_refused(str_make(text, n), ERR_INVALID, "\"k7\" appears twice");
}

static void what_is_not_json_is_refused(void **state)
{
	static const struct {
		struct str text;
		const char *says;
	} cases[] = {
		{STR_INIT(""), "ends where a value"},
		{STR_INIT(" \n"), "2:1"},
		{STR_INIT("\xef\xbb\xbf{}"), "byte order mark"},
		{STR_INIT("{} {}"), "more text"},
		{STR_INIT("{}\0"), "more text"},
		{STR_INIT("[1,]"), "expected a value"},
		{STR_INIT("[,1]"), "expected a value"},
		{STR_INIT("[1 2]"), "expected ',' or ']'"},
		{STR_INIT("[1}"), "expected ',' or ']'"},
		{STR_INIT("{\"a\":1]"), "expected ',' or '}'"},
		{STR_INIT("{\"a\":1,}"), "member name"},
		{STR_INIT("{a:1}"), "member name"},
		{STR_INIT("{\"a\" 1}"), "expected ':'"},
		{STR_INIT("{\"a\":}"), "expected a value"},
		{STR_INIT("["), "ends where"},
		{STR_INIT("[1"), "expected ','"},
		{STR_INIT("01"), "leading zero"},
		{STR_INIT("-01"), "leading zero"},
		{STR_INIT("-"), "without digits"},
		{STR_INIT("+1"), "expected a value"},
		{STR_INIT("1."), "after the point"},
		{STR_INIT(".5"), "expected a value"},
		{STR_INIT("1e"), "exponent"},
		{STR_INIT("1e+"), "exponent"},
		{STR_INIT("0x1"), "more text"},
		{STR_INIT("NaN"), "expected a value"},
		{STR_INIT("True"), "expected a value"},
		{STR_INIT("truex"), "more text"},
		{STR_INIT("'a'"), "expected a value"},
		{STR_INIT("\"a"), "without an end"},
		{STR_INIT("\"a\\\""), "without an end"},
		{STR_INIT("\"\\"), "without an end"},
		{STR_INIT("\"\\x41\""), "unknown escape"},
		{STR_INIT("\"\\\n\""), "unknown escape"},
		{STR_INIT("\"\\u12\""), "four hexadecimal"},
		{STR_INIT("\"\\u12g4\""), "four hexadecimal"},
		{STR_INIT("\"a\tb\""), "control character"},
		{STR_INIT("\"a\0b\""), "control character"},
		{STR_INIT("[1,/**/2]"), "expected a value"},
		{STR_INIT("[1\v]"), "expected ','"},
		{STR_INIT("\xc2\xa0[]"), "expected a value"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_refused(cases[i].text, ERR_SYNTAX, cases[i].says);
	}
}

static void bad_utf8_and_lone_surrogates_are_refused(void **state)
{
	(void)state;
	assert_refused(STR("\"\xff\""), ERR_INVALID, "UTF-8");
	assert_refused(STR("\"\xc0\x80\""), ERR_INVALID, "UTF-8");
	assert_refused(STR("\"\xed\xa0\x80\""), ERR_INVALID, "UTF-8");
	assert_refused(STR("\"\xf4\x90\x80\x80\""), ERR_INVALID, "UTF-8");
	assert_refused(STR("\"\xe2\x82\""), ERR_INVALID, "UTF-8");
	assert_refused(STR("{\"\xff\":1}"), ERR_INVALID, "UTF-8");
	assert_refused(STR("\"\\ud800\""), ERR_INVALID, "high surrogate");
	assert_refused(STR("\"\\ud800\\u0041\""), ERR_INVALID, "high surrogate");
	assert_refused(STR("\"\\udc00\""), ERR_INVALID, "low surrogate");
	assert_refused(STR("\"\\ude00\\ud83d\""), ERR_INVALID, "low surrogate");
}

static void errors_name_the_text_and_point_at_line_and_column(void **state)
{
	struct json_opts opts = {.name = STR("policy.json")};
	const struct json *doc;

	(void)state;
	assert_int_equal(json_parse(&arena, STR("{\n \"\xc3\xa9\": oops}"), &opts, &doc, &err),
			 ERR_SYNTAX);
	assert_str_equal(str_from_c(err.msg), STR("policy.json:2:7: expected a value (byte 9)"));
	assert_int_equal(json_parse(&arena, STR("["), &opts, &doc, NULL), ERR_SYNTAX);
}

static struct str nested(size_t depth)
{
	char *p = arena_alloc(&arena, 2 * depth + 1);

	memset(p, '[', depth);
	memset(p + depth, ']', depth);
	return str_make(p, 2 * depth);
}

static void depth_is_limited_and_never_recursed(void **state)
{
	struct json_opts deep = {.max_depth = 4096};
	const struct json *doc;

	(void)state;
	(void)parsed(nested(JSON_MAX_DEPTH));
	assert_refused(nested(JSON_MAX_DEPTH + 1), ERR_LIMIT, "nested too deeply");
	assert_int_equal(json_parse(&arena, nested(4096), &deep, &doc, &err), ERR_OK);
	deep.max_depth = SIZE_MAX;
	assert_int_equal(json_parse(&arena, nested(100000), &deep, &doc, &err), ERR_LIMIT);
}

static void values_bytes_and_memory_are_limited(void **state)
{
	struct json_opts few = {.max_nodes = 3}, small = {.max_bytes = 4};
	struct arena tiny;
	const struct json *doc;

	(void)state;
	assert_int_equal(json_parse(&arena, STR("[1,2]"), &few, &doc, &err), ERR_OK);
	assert_int_equal(json_parse(&arena, STR("[1,2,3]"), &few, &doc, &err), ERR_LIMIT);
	assert_non_null(strstr(err.msg, "too many values"));
	assert_int_equal(json_parse(&arena, STR("[ 1]"), &small, &doc, &err), ERR_OK);
	assert_int_equal(json_parse(&arena, STR("[ 1 ]"), &small, &doc, &err), ERR_LIMIT);
	assert_non_null(strstr(err.msg, "5 bytes are more than 4"));
	arena_init(&tiny, 64);
	assert_int_equal(json_parse(&tiny, STR("[1,2]"), NULL, &doc, &err), ERR_NOMEM);
	arena_done(&tiny);
}

/* Memory runs out at every possible place: a clean refusal, or the whole document. */
static void any_shortage_of_memory_is_a_clean_refusal(void **state)
{
	char text[4000];
	size_t n = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 40; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\"k\\n%d\":[[{\"a\":%d}]]",
				      i ? "," : "{", i, i);
	}
	text[n++] = '}';
	for (size_t limit = 0; limit < 64 << 10; limit += 16) {
		const struct json *doc = NULL;
		struct arena small;
		enum err_code code;

		arena_init(&small, limit);
		code = json_parse(&small, str_make(text, n), NULL, &doc, &err);
		assert_true(code == ERR_OK ? doc && doc->n == 40 : code == ERR_NOMEM && !doc);
		refused += code == ERR_NOMEM;
		arena_done(&small);
	}
	assert_in_range(refused, 100, 4000);
}

static void integers_convert_exactly_or_not_at_all(void **state)
{
	int64_t i = 42;
	uint64_t u = 42;

	(void)state;
	assert_true(json_i64(parsed(STR("-9223372036854775808")), &i));
	assert_true(i == INT64_MIN);
	assert_true(json_i64(parsed(STR("9007199254740993")), &i));
	assert_true(i == 9007199254740993);
	assert_true(json_i64(parsed(STR("-0")), &i));
	assert_true(i == 0);
	assert_false(json_i64(parsed(STR("9223372036854775808")), &i));
	assert_false(json_i64(parsed(STR("1.0")), &i));
	assert_false(json_i64(parsed(STR("1e3")), &i));
	assert_false(json_i64(parsed(STR("\"1\"")), &i));
	assert_false(json_i64(NULL, &i));
	assert_true(i == 0);
	assert_true(json_u64(parsed(STR("18446744073709551615")), &u));
	assert_true(u == UINT64_MAX);
	assert_false(json_u64(parsed(STR("-1")), &u));
}

static void doubles_convert_to_the_nearest_or_not_at_all(void **state)
{
	double d = 0;

	(void)state;
	assert_true(json_f64(parsed(STR("-2.5e-1")), &d));
	assert_true(d < -0.2499 && d > -0.2501);
	assert_true(json_f64(parsed(STR("1e-999")), &d));
	assert_false(json_f64(parsed(STR("1e400")), &d));
	assert_false(json_f64(parsed(STR("true")), &d));
	assert_str_equal(parsed(STR("123456789012345678901234567890"))->text,
			 STR("123456789012345678901234567890"));
}

#define CLAIM(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_tree_keeps_order_types_and_spans),
		CLAIM(strings_are_decoded_and_may_hold_nul),
		CLAIM(a_plain_string_is_not_copied),
		CLAIM(duplicate_names_are_refused_at_every_level),
		CLAIM(duplicates_are_found_in_large_objects),
		CLAIM(what_is_not_json_is_refused),
		CLAIM(bad_utf8_and_lone_surrogates_are_refused),
		CLAIM(errors_name_the_text_and_point_at_line_and_column),
		CLAIM(depth_is_limited_and_never_recursed),
		CLAIM(values_bytes_and_memory_are_limited),
		CLAIM(any_shortage_of_memory_is_a_clean_refusal),
		CLAIM(integers_convert_exactly_or_not_at_all),
		CLAIM(doubles_convert_to_the_nearest_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
