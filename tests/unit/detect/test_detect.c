/* SPDX-License-Identifier: Apache-2.0 */
/* What has the form of something private, and what only resembles it. */
#include "detect/detect.h"

#include "base/buf.h"

#include "tests/test.h"

struct sample {
	const char *text, *found; /* NULL: nothing */
	enum detect_class what;
};

static const struct sample samples[] = {
	{"write to ann.b+c@mail.example.org.", "ann.b+c@mail.example.org", DETECT_EMAIL},
	{"<ann@example.org>", "ann@example.org", DETECT_EMAIL},
	{"M\xc3\xbcller@b\xc3\xbc"
	 "cher.example",
	 "M\xc3\xbcller@b\xc3\xbc"
	 "cher.example",
	 DETECT_EMAIL},
	{"ann@localhost", NULL, 0},
	{"@ann and ann@ and a@b.1", NULL, 0},
	{"version 1.2@3.4", NULL, 0},
	{"IBAN DE89 3704 0044 0532 0130 00, thanks", "DE89 3704 0044 0532 0130 00", DETECT_IBAN},
	{"gb29nwbk60161331926819", "gb29nwbk60161331926819", DETECT_IBAN},
	{"DE88370400440532013000", NULL, 0}, /* a digit differs */
	{"XDE89370400440532013000", NULL, 0},
	{"DE893704004405320130001", NULL, 0},
	{"card 4111 1111 1111 1111 99", "4111 1111 1111 1111", DETECT_CARD},
	{"5500005555555559", "5500005555555559", DETECT_CARD},
	{"3782-822463-10005", "3782-822463-10005", DETECT_CARD},
	{"4111111111111112", NULL, 0},
	{"order 1234567890123452", NULL, 0}, /* right by its last digit, but nobody's range */
	{"x4111111111111111", NULL, 0},
	{"call +49 30 1234567 now", "+49 30 1234567", DETECT_PHONE},
	{"0049 (30) 1234567", "0049 (30) 1234567", DETECT_PHONE},
	{"030/1234567", "030/1234567", DETECT_PHONE},
	{"(555) 123-4567", "(555) 123-4567", DETECT_PHONE},
	{"555-123-4567", "555-123-4567", DETECT_PHONE},
	{"01 42 68 53 00", "01 42 68 53 00", DETECT_PHONE},
	{"0.123456789", NULL, 0},
	{"2026-11-23T15:00:00Z", NULL, 0},
	{"01 02 2026", NULL, 0},
	{"10.0.0.1 and 192.168.100.200", NULL, 0},
	{"1 000 000 000", NULL, 0},
	{"+12 was enough", NULL, 0},
	{"key sk-demo-not-a-real-key-0f3b1c here", "sk-demo-not-a-real-key-0f3b1c", DETECT_SECRET},
	{"AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE", DETECT_SECRET},
	{"ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789abcdefghijABCDEFGHIJ012345",
	 DETECT_SECRET},
	{"Authorization: Bearer abcdefghijklmnop.qrst", "abcdefghijklmnop.qrst", DETECT_SECRET},
	{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlMDEy",
	 "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlMDEy", DETECT_SECRET},
	{"postgres://app:hunter2@db.internal/x", "app:hunter2", DETECT_SECRET},
	{"a\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nb",
	 "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", DETECT_SECRET},
	{"-----BEGIN EC PRIVATE KEY-----\ncut", "-----BEGIN EC PRIVATE KEY-----\ncut",
	 DETECT_SECRET},
	{"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", NULL, 0},
	{"task-list, sk-short, desk-0123456789abcdef0123", NULL, 0},
	{"", NULL, 0},
};

static void what_has_the_form_is_found_and_what_resembles_it_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct str text = str_from_c(samples[i].text);
		struct detect_found f;
		bool found = detect_next(text, 0, DETECT_ALL, &f);

		if (found != (samples[i].found != NULL)) {
			print_error("%s\n", samples[i].text);
			fail();
		}
		if (found) {
			assert_str_equal(str_make(text.p + f.at, f.n),
					 str_from_c(samples[i].found));
			assert_int_equal(f.what, samples[i].what);
			assert_false(detect_next(text, 0, DETECT_ALL & ~DETECT_BIT(f.what), &f) &&
				     f.what != DETECT_PHONE && f.what != DETECT_EMAIL);
		}
	}
}

static void classes_have_names(void **state)
{
	(void)state;
	assert_int_equal(detect_classes(STR("email")), DETECT_BIT(DETECT_EMAIL));
	assert_int_equal(detect_classes(STR("email, iban")),
			 DETECT_BIT(DETECT_EMAIL) | DETECT_BIT(DETECT_IBAN));
	assert_int_equal(detect_classes(STR("pii,secrets")), DETECT_ALL);
	assert_int_equal(detect_classes(STR("all")), DETECT_ALL);
	assert_int_equal(detect_classes(STR("emails")), 0);
	assert_int_equal(detect_classes(STR("email,")), 0);
	assert_int_equal(detect_classes(STR("")), 0);
}

/* Texts that make a careless matcher begin again at every byte. */
static void long_texts_take_linear_time(void **state)
{
	static const char *const pieces[] = {"a.",  "a@",          "\xe4\xb8\xad", "eyJ-",
					     "sk-", "-----BEGIN ", "://a:",        "0 ",
					     "+1",  "x@a-",        "DE89 ",        "(1"};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct detect_found f = {0};
		size_t at = 0, steps = 0;

		buf_init(&b, 4 << 20);
		while (buf_len(&b) < (2u << 20)) {
			buf_append(&b, str_from_c(pieces[i]));
		}
		while (detect_next(buf_str(&b), at, DETECT_ALL, &f)) {
			assert_true(f.n > 0 && f.at >= at && f.at + f.n <= buf_len(&b));
			at = f.at + f.n;
			steps++;
		}
		assert_true(steps <= buf_len(&b));
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_the_form_is_found_and_what_resembles_it_is_not),
		cmocka_unit_test(classes_have_names),
		cmocka_unit_test(long_texts_take_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
