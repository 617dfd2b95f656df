/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "egress/dns.h"

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define NAME                                                                                       \
	"\x03WwW\x07"                                                                              \
	"example\x03org\x00"
#define A "\x00\x01\x00\x01"

#define BYTES(text) str_make(text, sizeof(text) - 1)

static struct egress_dns_query read_fine(struct str in)
{
	struct egress_dns_query q;

	assert_true(egress_dns_read(in, &q));
	return q;
}

static void a_question_for_a_host_is_read(void **state)
{
	struct egress_dns_query q = read_fine(BYTES(HEAD NAME A));

	(void)state;
	assert_int_equal(q.code, EGRESS_DNS_FINE);
	assert_int_equal(q.type, EGRESS_DNS_A);
	assert_true(q.is_host && q.recursion);
	assert_true(str_eq(egress_host_name(&q.host), STR("www.example.org")));
}

static void what_follows_the_question_is_not_looked_at(void **state)
{
	static const char in[] = "\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01" NAME A
				 "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00";
	struct egress_dns_query q = read_fine(BYTES(in));

	(void)state;
	assert_int_equal(q.code, EGRESS_DNS_FINE);
	assert_int_equal(q.question.n, sizeof(NAME A) - 1);
}

/* The answer repeats the question as it was written, which programs check. */
static void an_answer_has_the_question_and_one_address(void **state)
{
	static const char want[] =
		"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" NAME A
		"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\xc6\x12\x00\x01";
	struct egress_dns_query q = read_fine(BYTES(HEAD NAME A));
	const struct egress_ip address = {.bytes = {198, 18, 0, 1}};
	uint8_t out[EGRESS_DNS_ANSWER_MAX];
	size_t n = egress_dns_write(&q, EGRESS_DNS_FINE, &address, out);

	(void)state;
	assert_int_equal(n, sizeof(want) - 1);
	assert_memory_equal(out, want, n);
}

static void an_address_of_ipv6_is_another_type(void **state)
{
	static const char want[] = "\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x1e\x00\x10 \x01\x00\x02";
	struct egress_dns_query q = read_fine(BYTES(HEAD NAME "\x00\x1c\x00\x01"));
	const struct egress_ip address = {.v6 = true, .bytes = {0x20, 1, 0, 2, [15] = 9}};
	uint8_t out[EGRESS_DNS_ANSWER_MAX];
	size_t n = egress_dns_write(&q, EGRESS_DNS_FINE, &address, out);

	(void)state;
	assert_int_equal(q.type, EGRESS_DNS_AAAA);
	assert_int_equal(n, sizeof(HEAD NAME A) - 1 + 28);
	assert_memory_equal(out + n - 28, want, sizeof(want) - 1);
	assert_int_equal(out[n - 1], 9);
}

static void an_answer_without_an_address_says_why(void **state)
{
	struct egress_dns_query q = read_fine(BYTES(HEAD NAME A));
	const struct egress_ip address = {.bytes = {198, 18, 0, 1}};
	uint8_t out[EGRESS_DNS_ANSWER_MAX];

	(void)state;
	assert_int_equal(egress_dns_write(&q, EGRESS_DNS_NO_NAME, &address, out),
			 sizeof(HEAD NAME A) - 1);
	assert_int_equal(out[3], 0x83);
	assert_int_equal(out[7], 0);
	assert_int_equal(egress_dns_write(&q, EGRESS_DNS_FINE, NULL, out), sizeof(HEAD NAME A) - 1);
	assert_int_equal(out[3], 0x80);
}

static void what_is_no_question_gets_no_answer(void **state)
{
	static const char answer[] = "\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00" NAME A;
	struct egress_dns_query q;

	(void)state;
	assert_false(egress_dns_read(STR(""), &q));
	assert_false(egress_dns_read(str_make(HEAD, 11), &q));
	assert_false(egress_dns_read(BYTES(answer), &q));
}

static void malformed_questions_are_told_so(void **state)
{
	static const struct {
		struct str in;
		enum egress_dns_code code;
	} cases[] = {
		{STR_INIT(HEAD), EGRESS_DNS_MALFORMED},
		{STR_INIT(HEAD NAME), EGRESS_DNS_MALFORMED},
		{STR_INIT(HEAD NAME "\x00\x01\x00"), EGRESS_DNS_MALFORMED},
		/* two questions; an answer in it; an authority in it */
		{STR_INIT("\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00" NAME A NAME A),
		 EGRESS_DNS_MALFORMED},
		{STR_INIT("\x12\x34\x01\x00\x00\x01\x00\x01\x00\x00\x00\x00" NAME A),
		 EGRESS_DNS_MALFORMED},
		{STR_INIT("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x01\x00\x00" NAME A),
		 EGRESS_DNS_MALFORMED},
		/* a pointer, to itself; a reserved kind of label; a label past the end */
		{STR_INIT(HEAD "\xc0\x0c" A), EGRESS_DNS_MALFORMED},
		{STR_INIT(HEAD "\x03www\xc0\x0c" A), EGRESS_DNS_MALFORMED},
		{STR_INIT(HEAD "\x41www" A), EGRESS_DNS_MALFORMED},
		{STR_INIT(HEAD "\x3fwww" A), EGRESS_DNS_MALFORMED},
		/* an update; another class */
		{STR_INIT("\x12\x34\x29\x00\x00\x01\x00\x00\x00\x00\x00\x00" NAME A),
		 EGRESS_DNS_NOT_DONE},
		{STR_INIT(HEAD NAME "\x00\x01\x00\x03"), EGRESS_DNS_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct egress_dns_query q = read_fine(cases[i].in);

		assert_int_equal(q.code, cases[i].code);
		assert_false(q.is_host);
	}
}

static void names_that_no_host_has_are_no_hosts(void **state)
{
	static const struct str names[] = {
		STR_INIT("\x00"),
		STR_INIT("\x05"
			 "a.b.c\x00"), /* one label, that looks like three */
		STR_INIT("\x03"
			 "a b\x03org\x00"),
		STR_INIT("\x03"
			 "a\x00"
			 "b\x03org\x00"),
		STR_INIT("\x01"
			 "1\x01"
			 "2\x01"
			 "3\x01"
			 "4\x00"),
		STR_INIT("\x04\xc3\xa4"
			 "xy\x03org\x00"),
	};
	char in[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct egress_dns_query q;

		memcpy(in, HEAD, 12);
		memcpy(in + 12, names[i].p, names[i].n);
		memcpy(in + 12 + names[i].n, A, 4);
		q = read_fine(str_make(in, 16 + names[i].n));
		assert_int_equal(q.code, EGRESS_DNS_FINE);
		assert_false(q.is_host);
	}
}

/* RFC 1035 section 2.3.4: 255 bytes with all lengths, the last among them. */
static void the_longest_name_fits_and_no_longer_one(void **state)
{
	char in[600];
	uint8_t out[EGRESS_DNS_ANSWER_MAX];
	const struct egress_ip address = {.bytes = {198, 18, 0, 1}};

	(void)state;
	for (size_t last = 60; last <= 63; last++) {
		struct egress_dns_query q;
		size_t n = 12;

		memset(in, 'a', sizeof(in));
		memcpy(in, HEAD, 12);
		for (int i = 0; i < 4; i++) {
			size_t len = i < 3 ? 63 : last;

			in[n] = (char)len;
			n += 1 + len;
		}
		in[n++] = 0;
		memcpy(in + n, A, 4);
		q = read_fine(str_make(in, n + 4));
		assert_int_equal(q.code, n - 12 <= 255 ? EGRESS_DNS_FINE : EGRESS_DNS_MALFORMED);
		assert_true(egress_dns_write(&q, q.code, &address, out) <= EGRESS_DNS_ANSWER_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_for_a_host_is_read),
		cmocka_unit_test(what_follows_the_question_is_not_looked_at),
		cmocka_unit_test(an_answer_has_the_question_and_one_address),
		cmocka_unit_test(an_address_of_ipv6_is_another_type),
		cmocka_unit_test(an_answer_without_an_address_says_why),
		cmocka_unit_test(what_is_no_question_gets_no_answer),
		cmocka_unit_test(malformed_questions_are_told_so),
		cmocka_unit_test(names_that_no_host_has_are_no_hosts),
		cmocka_unit_test(the_longest_name_fits_and_no_longer_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
