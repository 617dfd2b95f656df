/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "egress/host.h"

static bool reads(const char *authority, uint16_t usual, const char *name, unsigned port)
{
	struct egress_host h;
	struct err err;

	return egress_host_parse(str_from_c(authority), usual, &h, &err) == ERR_OK &&
	       str_eq(egress_host_name(&h), str_from_c(name)) && h.port == port;
}

static void a_name_or_an_address_with_a_port_is_read(void **state)
{
	(void)state;
	assert_true(reads("example.com:443", 0, "example.com", 443));
	assert_true(reads("EXAMPLE.Com:443", 0, "example.com", 443));
	assert_true(reads("example.com", 80, "example.com", 80));
	assert_true(reads("_dmarc.a-b.example:1", 0, "_dmarc.a-b.example", 1));
	assert_true(reads("localhost:65535", 0, "localhost", 65535));
	assert_true(reads("127.0.0.1:80", 0, "127.0.0.1", 80));
	assert_true(reads("[::1]:80", 0, "::1", 80));
	assert_true(reads("[0:0::1]", 80, "::1", 80));
	assert_true(reads("xn--bcher-kva.example:443", 0, "xn--bcher-kva.example", 443));
	assert_true(reads("1and1.com:80", 0, "1and1.com", 80));
	assert_true(reads("0xbeef.example:80", 0, "0xbeef.example", 80));
}

static void what_is_not_one_host_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		":443",
		"example.com",
		"example.com:",
		"example.com:0",
		"example.com:65536",
		"example.com:+80",
		"example.com:080",
		"example.com:8a",
		"example.com:80:80",
		"example.com.:443",
		".example.com:443",
		"a..b:443",
		"-a.example:443",
		"a-.example:443",
		"a b.example:443",
		"a/b:443",
		"a@b:443",
		"user:pw@b:443",
		"b\303\274cher.example:443",
		"ab--c.example:443",
		"xn--:443",
		"a%2eb:443",
		"[::1:443",
		"::1:443",
		"[::1]443",
		"[127.0.0.1]:443",
		"[example.com]:443",
		"[fe80::1%25lo]:443",
		"[fe80::1%lo]:443",
		"*.example.com:443",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct egress_host h;
		struct err err;

		if (egress_host_parse(str_from_c(bad[i]), 0, &h, &err) == ERR_OK) {
			fail_msg("'%s' was read as a host", bad[i]);
		}
	}
}

/* A resolver of some program takes each of them for 127.0.0.1 or another address. */
static void odd_forms_of_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
		"2130706433",   "127.1",      "0x7f.1",    "0x7f000001", "0177.0.0.1",
		"017700000001", "127.0.0.1.", "127.0.1",   "0x",         "a.0x1",
		"1.2.3.04",     "1.2.3.4.5",  "256.1.1.1", "0X7F.1",     "example.1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct egress_host h;
		struct err err;

		if (egress_name_parse(str_from_c(bad[i]), &h, &err) == ERR_OK) {
			fail_msg("'%s' was read as a host", bad[i]);
		}
	}
}

static void lengths_are_bounded(void **state)
{
	char name[300], labels[64] = {0};
	struct egress_host h;
	struct err err;

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 60; i < sizeof(name); i += 61) {
		name[i] = '.';
	}
	assert_int_equal(egress_name_parse(str_make(name, 243), &h, &err), ERR_OK);
	assert_int_equal(egress_name_parse(str_make(name, 254), &h, &err), ERR_INVALID);
	memset(name, 'a', sizeof(name));
	assert_int_equal(egress_name_parse(str_make(name, 63), &h, &err), ERR_OK);
	assert_int_equal(egress_name_parse(str_make(name, 64), &h, &err), ERR_INVALID);
	for (size_t i = 0; i < 33; i++) {
		labels[i] = i % 2 ? '.' : 'a';
	}
	assert_int_equal(egress_name_parse(str_make(labels, 31), &h, &err), ERR_OK);
	assert_int_equal(egress_name_parse(str_make(labels, 33), &h, &err), ERR_LIMIT);
	assert_int_equal(egress_name_parse(str_make("a\0b", 3), &h, &err), ERR_INVALID);
}

static void writing_leaves_the_usual_port_out(void **state)
{
	struct egress_host h;
	struct buf out;
	struct err err;

	(void)state;
	buf_init(&out, 300);
	assert_int_equal(egress_host_parse(STR("[::1]:8080"), 0, &h, &err), ERR_OK);
	egress_host_write(&out, &h, 80);
	buf_append_c(&out, ' ');
	egress_host_write(&out, &h, 8080);
	assert_true(str_eq(buf_str(&out), STR("[::1]:8080 [::1]")));
	buf_done(&out);
}

static void localhost_is_this_machine_under_all_its_names(void **state)
{
	(void)state;
	assert_true(egress_is_localhost(STR("localhost")));
	assert_true(egress_is_localhost(STR("a.localhost")));
	assert_false(egress_is_localhost(STR("localhost.example")));
	assert_false(egress_is_localhost(STR("notlocalhost")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_or_an_address_with_a_port_is_read),
		cmocka_unit_test(what_is_not_one_host_is_refused),
		cmocka_unit_test(odd_forms_of_addresses_are_refused),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(writing_leaves_the_usual_port_out),
		cmocka_unit_test(localhost_is_this_machine_under_all_its_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
