/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "config/config.h"

static void a_url_is_cut_into_what_a_client_dials(void **state)
{
	static const struct {
		const char *url, *host, *target;
		uint16_t port;
		bool tls, ip, ipv6, loopback;
	} cases[] = {
		{"http://example.org", "example.org", "/", 80, false, false, false, false},
		{"https://example.org/mcp?x=1", "example.org", "/mcp?x=1", 443, true, false, false,
		 false},
		{"https://a_b.internal:8443?q", "a_b.internal", "/?q", 8443, true, false, false,
		 false},
		{"http://127.9.9.9:1/", "127.9.9.9", "/", 1, false, true, false, true},
		{"http://10.0.0.1/v1", "10.0.0.1", "/v1", 80, false, true, false, false},
		{"http://[::1]:65535", "::1", "/", 65535, false, true, true, true},
		{"http://[2001:db8::1]/a", "2001:db8::1", "/a", 80, false, true, true, false},
		{"http://LocalHost:3000/mcp", "LocalHost", "/mcp", 3000, false, false, false, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config_url u;
		struct err err = {0};
		struct arena a;

		arena_init(&a, 4096);
		if (config_url_parse(&a, str_from_c(cases[i].url), &u, &err)) {
			fail_msg("%s: %s", cases[i].url, err.msg);
		}
		assert_str_equal(u.host, str_from_c(cases[i].host));
		assert_str_equal(u.target, str_from_c(cases[i].target));
		assert_int_equal(u.port, cases[i].port);
		assert_int_equal(u.tls, cases[i].tls);
		assert_int_equal(u.ip, cases[i].ip);
		assert_int_equal(u.ipv6, cases[i].ipv6);
		assert_int_equal(u.loopback, cases[i].loopback);
		arena_done(&a);
	}
}

static void everything_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"example.org",
		"ftp://example.org",
		"HTTP://example.org",
		"http:/example.org",
		"http://",
		"http:///x",
		"http://user@example.org",
		"http://user:pass@example.org/",
		"http://example.org#x",
		"http://example.org/a b",
		"http://example.org/\xc3\xa4",
		"http://example.org\r\nHost: x",
		"http://example.org:",
		"http://example.org:0",
		"http://example.org:65536",
		"http://example.org:+80",
		"http://example.org:000080",
		"http://example.org:80:80",
		"http://[::1",
		"http://[]",
		"http://[::1]x",
		"http://[::1%25eth0]/",
		"http://[127.0.0.1]/",
		"http://::1/",
		"http://1.2.3",
		"http://256.1.1.1",
		"http://0x7f.1",
		"http://a.0xAf",
		"http://-a.org",
		"http://a..org",
		"http://a.org.",
		"http://a-.org-",
		"http://a%2eorg",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct config_url u = {.port = 7};
		struct err err = {0};
		struct arena a;

		arena_init(&a, 4096);
		if (config_url_parse(&a, str_from_c(bad[i]), &u, &err) == ERR_OK) {
			fail_msg("accepted: %s", bad[i]);
		}
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_cut_into_what_a_client_dials),
		cmocka_unit_test(everything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
