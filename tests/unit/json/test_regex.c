/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "json/regex.h"

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

static bool matches(struct str pattern, struct str text)
{
	const struct json_regex *re;
	uint64_t steps = 1 << 20;
	bool found = false;
	struct err err;

	if (json_regex_compile(&arena, &arena, pattern, JSON_REGEX_ECMA, &re, &err) ||
	    json_regex_test(re, &arena, text, &steps, &found, &err)) {
		fail_msg("%.*s: %s", STR_ARG(pattern), err.msg);
	}
	return found;
}

static void matches_are_found_anywhere(void **state)
{
	static const struct {
		struct str pattern, text;
		bool is;
	} t[] = {
		{STR_INIT(""), STR_INIT(""), true},
		{STR_INIT("b"), STR_INIT("abc"), true},
		{STR_INIT("^b"), STR_INIT("abc"), false},
		{STR_INIT("c$"), STR_INIT("abc"), true},
		{STR_INIT("^a.c$"),
		 STR_INIT("a\xf0\x9f\x98\x80"
			  "c"),
		 true}, /* one code point, not two units */
		{STR_INIT("^.$"), STR_INIT("\n"), false},
		{STR_INIT("^[^a]$"), STR_INIT("\xc3\xa9"), true},
		{STR_INIT("^[a-c]{2,3}$"), STR_INIT("abca"), false},
		{STR_INIT("^[a-c]{2,3}$"), STR_INIT("abc"), true},
		{STR_INIT("^(a|bc)*d?$"), STR_INIT("abcad"), true},
		{STR_INIT("^(a|bc)*d?$"), STR_INIT("abcbd"), false},
		{STR_INIT("^(?:a*)*$"), STR_INIT("aaaa"), true},
		{STR_INIT("^\\d{3}-\\w+\\s?$"), STR_INIT("123-a_9\xc2\xa0"), true},
		{STR_INIT("^\\D+$"), STR_INIT("12"), false},
		{STR_INIT("\\bcat\\b"), STR_INIT("a cat."), true},
		{STR_INIT("\\bcat\\b"), STR_INIT("concat."), false},
		{STR_INIT("\\Bcat"), STR_INIT("concat"), true},
		{STR_INIT("^\\u00e9\\u{1F600}\\ud83d\\ude00\\x41$"),
		 STR_INIT("\xc3\xa9\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
			  "A"),
		 true},
		{STR_INIT("^{}$"), STR_INIT("{}"), true},
		{STR_INIT("^a{,2}$"), STR_INIT("a{,2}"), true},
		{STR_INIT("^[]$"), STR_INIT("a"), false},
		{STR_INIT("^[^]$"), STR_INIT("a"), true},
		{STR_INIT("^[\\]\\-a]+$"), STR_INIT("]-a"), true},
		{STR_INIT("^[\\w.-]+$"), STR_INIT("a-b.c_d"), true},
		{STR_INIT("(?<year>\\d{4})"), STR_INIT("in 2026"), true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		if (matches(t[i].pattern, t[i].text) != t[i].is) {
			fail_msg("/%.*s/ on \"%.*s\"", STR_ARG(t[i].pattern), STR_ARG(t[i].text));
		}
	}
}

static void looks_ahead_and_behind_hold_where_they_stand(void **state)
{
	/* as a widely used library writes "an e-mail address" into schemas */
	const struct str mail = STR("^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@"
				    "([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$");
	static const struct {
		struct str pattern, text;
		bool is;
	} t[] = {
		{STR_INIT("a(?=b)"), STR_INIT("acab"), true},
		{STR_INIT("a(?=b)"), STR_INIT("acaa"), false},
		{STR_INIT("^a(?!b)"), STR_INIT("ab"), false},
		{STR_INIT("^a(?!b)"), STR_INIT("ac"), true},
		{STR_INIT("(?<=\\$)\\d"), STR_INIT("x$5"), true},
		{STR_INIT("(?<=\\$)\\d"), STR_INIT("x5"), false},
		{STR_INIT("(?<!a)b"), STR_INIT("ab"), false},
		{STR_INIT("(?<!a)b"), STR_INIT("b"), true},
		{STR_INIT("^(?=.*\\d)(?=.*[a-z])\\w{4,}$"), STR_INIT("abc1"), true},
		{STR_INIT("^(?=.*\\d)(?=.*[a-z])\\w{4,}$"), STR_INIT("abcd"), false},
		{STR_INIT("a(?=b(?!c))"), STR_INIT("abcabd"), true},
		{STR_INIT("a(?=b(?!c))"), STR_INIT("abc"), false},
		{STR_INIT("(?=^a)(?=a$)"), STR_INIT("a"), true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		if (matches(t[i].pattern, t[i].text) != t[i].is) {
			fail_msg("/%.*s/ on \"%.*s\"", STR_ARG(t[i].pattern), STR_ARG(t[i].text));
		}
	}
	assert_true(matches(mail, STR("first.last@example.org")));
	assert_false(matches(mail, STR("first..last@example.org")));
	assert_false(matches(mail, STR(".first@example.org")));
}

static void what_has_no_bound_is_refused_by_name(void **state)
{
	static const struct {
		struct str pattern;
		enum err_code code;
		const char *says;
	} t[] = {
		{STR_INIT("(a)\\1"), ERR_UNSUPPORTED, "back reference"},
		{STR_INIT("(?<n>a)\\k<n>"), ERR_UNSUPPORTED, "back reference"},
		{STR_INIT("\\p{L}"), ERR_UNSUPPORTED, "property of Unicode"},
		{STR_INIT("(?i:a)"), ERR_UNSUPPORTED, "modifiers"},
		{STR_INIT("(a"), ERR_SYNTAX, "without its end"},
		{STR_INIT("a)"), ERR_SYNTAX, "parenthesis"},
		{STR_INIT("[a"), ERR_SYNTAX, "without its end"},
		{STR_INIT("[a\\]"), ERR_SYNTAX, "without its end"},
		{STR_INIT("[z-a]"), ERR_SYNTAX, "range"},
		{STR_INIT("*a"), ERR_SYNTAX, "nothing to repeat"},
		{STR_INIT("a**"), ERR_SYNTAX, "nothing to repeat"},
		{STR_INIT("a{3,2}"), ERR_SYNTAX, "end is before"},
		{STR_INIT("a{1001}"), ERR_LIMIT, "past 1000"},
		{STR_INIT("((a{1000}){1000}){1000}"), ERR_LIMIT, "8192"},
		{STR_INIT("(((){1000}){1000}){1000}"), ERR_LIMIT, "repetitions"},
		{STR_INIT("a\\"), ERR_SYNTAX, "backslash"},
		{STR_INIT("\\q"), ERR_SYNTAX, "escape"},
		{STR_INIT("\\u{110000}"), ERR_SYNTAX, "code point"},
	};
	char deep[2 * 40 + 1];
	const struct json_regex *re;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		enum err_code code = json_regex_compile(&arena, &arena, t[i].pattern,
							JSON_REGEX_ECMA, &re, &err);

		if (code != t[i].code || !strstr(err.msg, t[i].says)) {
			fail_msg("/%.*s/: %d %s", STR_ARG(t[i].pattern), (int)code, err.msg);
		}
	}
	memset(deep, '(', 40);
	memset(deep + 40, ')', 40);
	assert_int_equal(
		json_regex_compile(&arena, &arena, str_make(deep, 80), JSON_REGEX_ECMA, &re, &err),
		ERR_LIMIT);
}

static void the_leftmost_match_that_the_pattern_prefers_is_found(void **state)
{
	static const struct {
		const char *re, *text;
		int start, end;
	} t[] = {
		{"a|ab", "xab", 1, 2},
		{"(?:a|ab)c", "abc", 0, 3},
		{"a*?b", "aab", 0, 3},
		{"a{2,3}", "aaaa", 0, 3},
		{"a{2,3}?", "aaaa", 0, 2},
		{"^b", "ab", -1, -1},
		{"b$", "ab", 1, 2},
		{"[^a-c]+", "abxyc", 2, 4},
		{"\\bfoo\\b", "a foo!", 2, 5},
		{"(?i)AbC", "xaBc", 1, 4},
		{"(a*)*b", "aaaac", -1, -1},
		{"x?", "abc", 0, 0},
		{"[]]", "a]", 1, 2},
		{"(a|b|cd)+", "zcdab", 1, 5},
		{"\\d{4}-\\d{2}", "on 2024-05", 3, 10},
		{"(?:ab){0,2}c", "ababc", 0, 5},
		{"(?i)[^a-c]", "aBCd", 3, 4},
		{"a{1,3}?b", "aab", 0, 3},
		{"(?:a{0,2}?){2}", "aaaa", 0, 0},
		{"a+?", "aaa", 0, 1},
		{"(?:ab|c)+?d", "xabcd", 1, 5},
		{"\xC3\xA9.", "x\xC3\xA9\xE2\x82\xAC", 1, 6},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct json_regex *re;
		size_t start = 0, end = 0;
		uint64_t steps = 100000;
		enum err_code code;

		assert_int_equal(json_regex_compile(&arena, &arena, str_from_c(t[i].re),
						    JSON_REGEX_RUST, &re, NULL),
				 ERR_OK);
		code = json_regex_find(re, &arena, str_from_c(t[i].text), 0, &steps, &start, &end,
				       NULL);
		if (code != (t[i].start < 0 ? ERR_NOT_FOUND : ERR_OK) ||
		    (code == ERR_OK && ((int)start != t[i].start || (int)end != t[i].end))) {
			print_error("%s on %s: %u %zu-%zu\n", t[i].re, t[i].text, (unsigned)code,
				    start, end);
			fail();
		}
	}
}

static void what_rust_reads_otherwise_is_refused_as_it_would_be(void **state)
{
	static const struct {
		struct str pattern;
		enum err_code code;
	} t[] = {
		{STR_INIT("a{,2}"), ERR_SYNTAX},         {STR_INIT("a{"), ERR_SYNTAX},
		{STR_INIT("a{1001}"), ERR_LIMIT},        {STR_INIT("a(?=b)"), ERR_UNSUPPORTED},
		{STR_INIT("(?P<n>a)"), ERR_UNSUPPORTED}, {STR_INIT("\\pL"), ERR_UNSUPPORTED},
		{STR_INIT("[\\b]"), ERR_UNSUPPORTED},    {STR_INIT("[]"), ERR_SYNTAX},
	};
	const struct json_regex *re;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(json_regex_compile(&arena, &arena, t[i].pattern, JSON_REGEX_RUST,
						    &re, NULL),
				 t[i].code);
	}
}

/* What makes engines that backtrack take for ever takes steps in proportion here. */
static void work_is_bounded(void **state)
{
	static const char *const patterns[] = {"^(a+)+$", "^(a|a)*$", "^(a|aa)+$",
					       "^(.*)(.*)(.*)(.*)[^>]$"};
	static char text[4096];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '>';
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		const struct json_regex *re;
		uint64_t steps = 40 * sizeof(text);
		bool found = true;

		assert_int_equal(json_regex_compile(&arena, &arena, str_from_c(patterns[i]),
						    JSON_REGEX_ECMA, &re, NULL),
				 ERR_OK);
		assert_int_equal(json_regex_test(re, &arena, str_make(text, sizeof(text)), &steps,
						 &found, NULL),
				 ERR_OK);
		assert_false(found);
		steps = 100;
		assert_int_equal(json_regex_test(re, &arena, str_make(text, sizeof(text)), &steps,
						 &found, NULL),
				 ERR_LIMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(matches_are_found_anywhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(looks_ahead_and_behind_hold_where_they_stand,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_has_no_bound_is_refused_by_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			the_leftmost_match_that_the_pattern_prefers_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_rust_reads_otherwise_is_refused_as_it_would_be,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(work_is_bounded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
