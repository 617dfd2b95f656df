/* SPDX-License-Identifier: Apache-2.0 */
/* Taking out of JSON what was found in it. */
#include "detect/redact.h"

#include "tests/test.h"
#include "json/parse.h"

static void becomes(const char *json, const char *want, const char *said)
{
	struct detect_counts n, again;
	struct buf out, twice;
	struct arena a;

	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 16);
	buf_init(&twice, 1 << 16);
	assert_int_equal(detect_redact(str_from_c(json), DETECT_ALL, &out, &n, NULL), ERR_OK);
	assert_str_equal(buf_str(&out), str_from_c(want));
	assert_str_equal(detect_said(&a, &n), str_from_c(said));
	assert_int_equal(detect_redact(buf_str(&out), DETECT_ALL, &twice, &again, NULL), ERR_OK);
	assert_int_equal(detect_total(&again), 0);
	buf_done(&twice);
	buf_done(&out);
	arena_done(&a);
}

static void values_are_taken_out_and_all_else_stays_byte_for_byte(void **state)
{
	(void)state;
	becomes("{ \"to\" : \"ann@x.org\" ,\"n\":1.50,\"ok\":true}",
		"{ \"to\" : \"[email redacted]\" ,\"n\":1.50,\"ok\":true}", "1 email");
	becomes("[\"a\\u0040b.org\",\"x\\n4111111111111111\"]",
		"[\"[email redacted]\",\"x\\n[card redacted]\"]", "1 card, 1 email");
	becomes("{\"ann@x.org\":\"ann@x.org\"}", "{\"ann@x.org\":\"[email redacted]\"}", "1 email");
	becomes("{\"card\":4111111111111111,\"id\":4111111111111112,\"f\":4.111e3}",
		"{\"card\":\"[card redacted]\",\"id\":4111111111111112,\"f\":4.111e3}", "1 card");
	becomes("\"{\\\"mail\\\":\\\"ann@x.org\\\"}\"",
		"\"{\\\"mail\\\":\\\"[email redacted]\\\"}\"", "1 email");
	becomes("\"DE89370400440532013000 and +49 30 1234567, sk-0123456789abcdef\"",
		"\"[iban redacted] and [phone redacted], [secret redacted]\"",
		"1 secret, 1 iban, 1 phone");
	becomes("{\"a\":\"\\u00fc \\/ plain\"}", "{\"a\":\"\\u00fc \\/ plain\"}", "");
	becomes("[]", "[]", "");
}

static void only_the_classes_asked_for_are_taken_out(void **state)
{
	struct detect_counts n;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	assert_int_equal(detect_redact(STR("[\"ann@x.org\",\"+49 30 1234567\",4111111111111111]"),
				       DETECT_BIT(DETECT_PHONE), &out, &n, NULL),
			 ERR_OK);
	assert_str_equal(buf_str(&out),
			 STR("[\"ann@x.org\",\"[phone redacted]\",4111111111111111]"));
	buf_done(&out);
}

static void too_long_is_an_error(void **state)
{
	struct detect_counts n;
	struct err err;
	struct buf out;

	(void)state;
	buf_init(&out, 16);
	assert_int_equal(
		detect_redact(STR("[\"aaaaaaaaaaaaaaaa ann@x.org\"]"), DETECT_ALL, &out, &n, &err),
		ERR_LIMIT);
	buf_done(&out);
}

static void looking_says_which_classes_there_are(void **state)
{
	static const struct {
		const char *json;
		unsigned classes, found;
	} cases[] = {
		{"{\"to\":\"ann@x.org\"}", DETECT_ALL, DETECT_BIT(DETECT_EMAIL)},
		{"[\"ann\\u0040x.org\",4111111111111111]", DETECT_ALL,
		 DETECT_BIT(DETECT_EMAIL) | DETECT_BIT(DETECT_CARD)},
		{"[\"ann@x.org\",4111111111111111]", DETECT_BIT(DETECT_CARD),
		 DETECT_BIT(DETECT_CARD)},
		{"{\"ann@x.org\":1}", DETECT_ALL, 0},
		{"\"nothing\"", DETECT_ALL, 0},
		{"[\"ann@x.org\"]", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(detect_in_json(str_from_c(cases[i].json), cases[i].classes),
				 cases[i].found);
	}
}

static void too_much_to_look_at_counts_as_everything(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 8 << 20);
	buf_append_c(&text, '"');
	for (int i = 0; i < 5 << 20; i += 8) {
		buf_append(&text, STR("nothing "));
	}
	buf_append_c(&text, '"');
	assert_int_equal(detect_in_json(buf_str(&text), DETECT_ALL), DETECT_ALL);
	assert_int_equal(detect_in_json(buf_str(&text), DETECT_BIT(DETECT_IBAN)),
			 DETECT_BIT(DETECT_IBAN));
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_taken_out_and_all_else_stays_byte_for_byte),
		cmocka_unit_test(only_the_classes_asked_for_are_taken_out),
		cmocka_unit_test(too_long_is_an_error),
		cmocka_unit_test(looking_says_which_classes_there_are),
		cmocka_unit_test(too_much_to_look_at_counts_as_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
