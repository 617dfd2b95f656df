/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "egress/ip.h"

#include <arpa/inet.h>

static enum egress_class class_of(const char *text)
{
	struct egress_ip ip;

	assert_true(egress_ip_parse(str_from_c(text), &ip));
	return egress_classify(&ip);
}

/* Each kind at both ends of its block, and what lies just outside. */
static void every_special_block_is_known_at_both_ends(void **state)
{
	static const struct {
		const char *text;
		enum egress_class class;
	} rows[] = {
		{"0.0.0.0", EGRESS_UNSPECIFIED},
		{"0.0.0.1", EGRESS_RESERVED},
		{"0.255.255.255", EGRESS_RESERVED},
		{"1.0.0.0", EGRESS_PUBLIC},
		{"9.255.255.255", EGRESS_PUBLIC},
		{"10.0.0.0", EGRESS_PRIVATE},
		{"10.255.255.255", EGRESS_PRIVATE},
		{"11.0.0.0", EGRESS_PUBLIC},
		{"100.63.255.255", EGRESS_PUBLIC},
		{"100.64.0.0", EGRESS_SHARED},
		{"100.100.100.200", EGRESS_METADATA},
		{"100.127.255.255", EGRESS_SHARED},
		{"100.128.0.0", EGRESS_PUBLIC},
		{"126.255.255.255", EGRESS_PUBLIC},
		{"127.0.0.0", EGRESS_LOOPBACK},
		{"127.255.255.255", EGRESS_LOOPBACK},
		{"128.0.0.0", EGRESS_PUBLIC},
		{"168.63.129.16", EGRESS_METADATA},
		{"168.63.129.17", EGRESS_PUBLIC},
		{"169.253.255.255", EGRESS_PUBLIC},
		{"169.254.0.0", EGRESS_LINK_LOCAL},
		{"169.254.169.254", EGRESS_METADATA},
		{"169.254.170.2", EGRESS_METADATA},
		{"169.254.255.255", EGRESS_LINK_LOCAL},
		{"169.255.0.0", EGRESS_PUBLIC},
		{"172.15.255.255", EGRESS_PUBLIC},
		{"172.16.0.0", EGRESS_PRIVATE},
		{"172.31.255.255", EGRESS_PRIVATE},
		{"172.32.0.0", EGRESS_PUBLIC},
		{"192.0.0.0", EGRESS_PROTOCOL},
		{"192.0.0.192", EGRESS_METADATA},
		{"192.0.1.0", EGRESS_PUBLIC},
		{"192.0.2.255", EGRESS_DOCUMENTATION},
		{"192.88.99.1", EGRESS_TUNNEL},
		{"192.167.255.255", EGRESS_PUBLIC},
		{"192.168.0.0", EGRESS_PRIVATE},
		{"192.168.255.255", EGRESS_PRIVATE},
		{"198.17.255.255", EGRESS_PUBLIC},
		{"198.18.0.0", EGRESS_BENCHMARK},
		{"198.19.255.255", EGRESS_BENCHMARK},
		{"198.20.0.0", EGRESS_PUBLIC},
		{"198.51.100.7", EGRESS_DOCUMENTATION},
		{"203.0.113.7", EGRESS_DOCUMENTATION},
		{"223.255.255.255", EGRESS_PUBLIC},
		{"224.0.0.0", EGRESS_MULTICAST},
		{"239.255.255.255", EGRESS_MULTICAST},
		{"240.0.0.0", EGRESS_RESERVED},
		{"255.255.255.254", EGRESS_RESERVED},
		{"255.255.255.255", EGRESS_BROADCAST},
		{"::", EGRESS_UNSPECIFIED},
		{"::1", EGRESS_LOOPBACK},
		{"::2", EGRESS_TUNNEL},
		{"::7f00:1", EGRESS_TUNNEL},
		{"100::1", EGRESS_RESERVED},
		{"2000::", EGRESS_PUBLIC},
		{"2001::1", EGRESS_TUNNEL},
		{"2001:0:7f00:1::1", EGRESS_TUNNEL},
		{"2001:1::1", EGRESS_PROTOCOL},
		{"2001:2::1", EGRESS_BENCHMARK},
		{"2001:20::1", EGRESS_PROTOCOL},
		{"2001:200::1", EGRESS_PUBLIC},
		{"2001:db8::1", EGRESS_DOCUMENTATION},
		{"2002:7f00:1::1", EGRESS_TUNNEL},
		{"2606:4700::1111", EGRESS_PUBLIC},
		{"2606:4700::5efe:7f00:1", EGRESS_TUNNEL},
		{"2606:4700::200:5efe:a00:1", EGRESS_TUNNEL},
		{"3fff:fff::1", EGRESS_DOCUMENTATION},
		{"3fff:1000::", EGRESS_PUBLIC},
		{"4000::", EGRESS_RESERVED},
		{"5f00::1", EGRESS_PROTOCOL},
		{"fbff::1", EGRESS_RESERVED},
		{"fc00::", EGRESS_PRIVATE},
		{"fdff:ffff::1", EGRESS_PRIVATE},
		{"fd00:ec2::254", EGRESS_METADATA},
		{"fd20:ce::254", EGRESS_METADATA},
		{"fe80::1", EGRESS_LINK_LOCAL},
		{"febf::1", EGRESS_LINK_LOCAL},
		{"fec0::1", EGRESS_PRIVATE},
		{"ff02::1", EGRESS_MULTICAST},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", EGRESS_MULTICAST},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (class_of(rows[i].text) != rows[i].class) {
			fail_msg("%s is %s, not %s", rows[i].text,
				 egress_class_name(class_of(rows[i].text)),
				 egress_class_name(rows[i].class));
		}
	}
}

static void an_address_that_carries_another_is_what_the_other_is(void **state)
{
	(void)state;
	assert_int_equal(class_of("::ffff:127.0.0.1"), EGRESS_LOOPBACK);
	assert_int_equal(class_of("::ffff:a9fe:a9fe"), EGRESS_METADATA);
	assert_int_equal(class_of("::ffff:8.8.8.8"), EGRESS_PUBLIC);
	assert_int_equal(class_of("64:ff9b::7f00:1"), EGRESS_LOOPBACK);
	assert_int_equal(class_of("64:ff9b::a00:1"), EGRESS_PRIVATE);
	assert_int_equal(class_of("64:ff9b::808:808"), EGRESS_PUBLIC);
	assert_int_equal(class_of("64:ff9b:1::808:808"), EGRESS_TUNNEL);
	assert_int_equal(class_of("::ffff:0:127.0.0.1"), EGRESS_TUNNEL);
}

static void only_the_usual_form_of_an_address_is_read(void **state)
{
	static const char *const bad[] = {
		"",
		"1.2.3",
		"1.2.3.4.5",
		"01.2.3.4",
		"1.2.3.256",
		"1.2.3.4.",
		" 1.2.3.4",
		"0x7f.0.0.1",
		"127.1",
		"1.2.3.-4",
		"1..2.3",
		":",
		":::",
		"1:2",
		"::1::",
		"1::2::3",
		"12345::",
		"::1%lo",
		"::g",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:8::",
		"::1.2.3",
		"1.2.3.4::",
		"::1.2.3.4:5",
		"1:2:3:4:5:6:7:1.2.3.4",
		"[::1]",
		"1:2:3:4:5:6:7:",
		":1:2:3:4:5:6:7",
	};
	struct egress_ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (egress_ip_parse(str_from_c(bad[i]), &ip)) {
			fail_msg("'%s' was read as an address", bad[i]);
		}
	}
	assert_false(egress_ip_parse(str_make("1.2.3.4\0", 8), &ip));
}

static void writing_gives_what_the_c_library_gives(void **state)
{
	static const char *const texts[] = {"1.2.3.4",
					    "::",
					    "::1",
					    "1::",
					    "fe80::1",
					    "1:0:0:2::3",
					    "1:2:3:4:5:6:7:8",
					    "2001:db8::",
					    "0:0:1::",
					    "1:0:2:0:3:0:4:0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct egress_ip ip;
		struct buf out;
		char theirs[INET6_ADDRSTRLEN];

		assert_true(egress_ip_parse(str_from_c(texts[i]), &ip));
		buf_init(&out, 64);
		egress_ip_write(&out, &ip);
		assert_non_null(
			inet_ntop(ip.v6 ? AF_INET6 : AF_INET, ip.bytes, theirs, sizeof(theirs)));
		assert_true(str_eq(buf_str(&out), str_from_c(theirs)));
		buf_done(&out);
	}
}

static bool range_ok(const char *text)
{
	struct egress_range r;
	struct err err;

	return egress_range_parse(str_from_c(text), &r, &err) == ERR_OK;
}

static void a_range_stays_within_one_kind(void **state)
{
	(void)state;
	assert_true(range_ok("10.0.0.0/8"));
	assert_true(range_ok("10.1.2.3"));
	assert_true(range_ok("127.0.0.1"));
	assert_true(range_ok("127.0.0.0/8"));
	assert_true(range_ok("169.254.169.254"));
	assert_true(range_ok("fd00:1::/32"));
	assert_true(range_ok("::1"));
	assert_false(range_ok("0.0.0.0/0"));
	assert_false(range_ok("::/0"));
	assert_false(range_ok("8.0.0.0/7"));
	assert_false(range_ok("10.0.0.0/7"));
	assert_false(range_ok("10.0.0.1/8"));
	assert_false(range_ok("10.0.0.0/33"));
	assert_false(range_ok("10.0.0.0/"));
	assert_false(range_ok("::ffff:10.0.0.1"));
	assert_false(range_ok("::ffff:168.0.0.0/103"));
	assert_false(range_ok("8.8.8.8"));
	assert_false(range_ok("224.0.0.0/4"));
	assert_false(range_ok("0.0.0.0"));
	assert_false(range_ok("2002::/16"));
	assert_false(range_ok("localhost"));
}

static bool may(const char *address, const char *range)
{
	struct egress_range r;
	struct egress_ip ip;
	struct err err;

	assert_true(egress_ip_parse(str_from_c(address), &ip));
	if (!range) {
		return egress_may_dial(&ip, NULL, 0);
	}
	assert_int_equal(egress_range_parse(str_from_c(range), &r, &err), ERR_OK);
	return egress_may_dial(&ip, &r, 1);
}

static void only_what_is_public_or_opened_is_dialled(void **state)
{
	(void)state;
	assert_true(may("8.8.8.8", NULL));
	assert_true(may("2606:4700::1111", NULL));
	assert_false(may("127.0.0.1", NULL));
	assert_false(may("10.0.0.1", NULL));
	assert_true(may("10.0.0.1", "10.0.0.0/24"));
	assert_false(may("10.0.1.1", "10.0.0.0/24"));
	assert_true(may("::ffff:10.0.0.1", "10.0.0.0/24"));
	assert_false(may("::ffff:10.0.1.1", "10.0.0.0/24"));
}

static void a_metadata_service_is_opened_by_its_own_address_only(void **state)
{
	(void)state;
	assert_false(may("169.254.169.254", NULL));
	assert_false(may("169.254.169.254", "169.254.0.0/16"));
	assert_true(may("169.254.1.1", "169.254.0.0/16"));
	assert_true(may("169.254.169.254", "169.254.169.254"));
	assert_false(may("fd00:ec2::254", "fd00:ec2::/32"));
	assert_false(may("64:ff9b::a9fe:a9fe", "169.254.0.0/16"));
	assert_false(may("::ffff:169.254.169.254", "169.254.0.0/16"));
}

static void the_table_is_well_formed(void **state)
{
	size_t n;
	const struct egress_block *table = egress_blocks(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct egress_block *b = &table[i];
		unsigned size = b->at.v6 ? 128 : 32;

		assert_true(b->bits <= size);
		for (unsigned bit = b->bits; bit < size; bit++) {
			assert_int_equal(b->at.bytes[bit / 8] & (0x80U >> (bit % 8)), 0);
		}
		assert_true(b->source[0]);
		for (size_t k = 0; k < i; k++) {
			assert_false(table[k].bits == b->bits &&
				     egress_ip_eq(&table[k].at, &b->at));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_special_block_is_known_at_both_ends),
		cmocka_unit_test(an_address_that_carries_another_is_what_the_other_is),
		cmocka_unit_test(only_the_usual_form_of_an_address_is_read),
		cmocka_unit_test(writing_gives_what_the_c_library_gives),
		cmocka_unit_test(a_range_stays_within_one_kind),
		cmocka_unit_test(only_what_is_public_or_opened_is_dialled),
		cmocka_unit_test(a_metadata_service_is_opened_by_its_own_address_only),
		cmocka_unit_test(the_table_is_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
