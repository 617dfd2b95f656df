/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A foreign reader as oracle. jansson with JSON_REJECT_DUPLICATES is the
 * strictest of the packaged ones, and differs from us in two ways:
 *   - it refuses more: names with \u0000, integers beyond 64 bits, numbers beyond a double;
 *   - jansson 2.14 swallows one NUL byte behind a number ("[1\0]"), which is no JSON.
 */
#include "tests/test.h"

#include "tests/unit/json/cases.h"
#include "tests/unit/json/jansson_oracle.h"
#include "json/scan.h"

static struct arena arena;

static void judge(struct str text)
{
	struct json_scan scan;
	bool known, theirs = jansson_accepts(text.p, text.n, &known), ours;

	arena_reset(&arena);
	ours = json_scan(&arena, text, NULL, &scan, NULL) == ERR_OK;
	if (theirs && !ours && memchr(text.p, 0, text.n)) {
		return;
	}
	if (theirs != ours && !(ours && known)) {
		fail_msg("jansson %s, we %s: %.*s", theirs ? "accepts" : "refuses",
			 ours ? "accept" : "refuse", STR_ARG(text));
	}
}

static void jansson_judges_every_case_as_we_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++) {
		judge(json_cases[i].text);
	}
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Joins random fragments: some texts are JSON, most nearly so. */
static size_t random_text(uint64_t *seed, char *to, size_t size)
{
	static const struct str parts[] = {
		STR_INIT("{"),     STR_INIT("}"),     STR_INIT("["),       STR_INIT("]"),
		STR_INIT(","),     STR_INIT(":"),     STR_INIT("\"a\""),   STR_INIT("\"b\":"),
		STR_INIT("\"\":"), STR_INIT("1"),     STR_INIT("-0.5e+7"), STR_INIT("true"),
		STR_INIT("null"),  STR_INIT(" "),     STR_INIT("\"a\":"),  STR_INIT("\"\\u0061\":"),
		STR_INIT("\n"),    STR_INIT("[1,2]"), STR_INIT("{}"),      STR_INIT("\"\xc3\xa9\""),
	};
	size_t n = 0, count = 1 + random_next(seed) % 12;

	while (count--) {
		struct str part = parts[random_next(seed) % ARRAY_LEN(parts)];

		if (n + part.n > size) {
			break;
		}
		memcpy(to + n, part.p, part.n);
		n += part.n;
	}
	return n;
}

static void jansson_judges_random_texts_as_we_do(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	char text[256];

	(void)state;
	for (int i = 0; i < 300000; i++) {
		judge(str_make(text, random_text(&seed, text, sizeof(text))));
	}
}

static void jansson_judges_damaged_messages_as_we_do(void **state)
{
	static const char message[] = "{\"jsonrpc\":\"2.0\",\"id\":-17,\"method\":\"tools/"
				      "call\",\"params\":{\"name\":\"a\\n"
				      "\\u00e9\",\"arguments\":{\"p\":[1.5e3,true,null,"
				      "\"\xe2\x82\xac\xf0\x9f\x98\x80\"]}}}";
	uint64_t seed = 0x2545f4914f6cdd1d;
	char text[sizeof(message)];

	(void)state;
	for (int i = 0; i < 300000; i++) {
		memcpy(text, message, sizeof(message));
		for (uint64_t changes = 1 + random_next(&seed) % 3; changes; changes--) {
			size_t at = random_next(&seed) % (sizeof(message) - 1);

			text[at] = random_next(&seed) % 2
					   ? message[random_next(&seed) % (sizeof(message) - 1)]
					   : (char)random_next(&seed);
		}
		judge(str_make(text, sizeof(message) - 1));
	}
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jansson_judges_every_case_as_we_do),
		cmocka_unit_test(jansson_judges_random_texts_as_we_do),
		cmocka_unit_test(jansson_judges_damaged_messages_as_we_do),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
