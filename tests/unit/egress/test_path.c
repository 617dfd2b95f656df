/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "egress/path.h"

static bool becomes(struct str path, bool slashes, const char *canonical)
{
	struct buf out;
	struct err err;
	bool same;

	buf_init(&out, 1024);
	same = egress_path_append(&out, path, slashes, &err) == ERR_OK &&
	       str_eq(buf_str(&out), str_from_c(canonical));
	buf_done(&out);
	return same;
}

static bool refused(struct str path, bool slashes)
{
	struct buf out;
	struct err err;
	bool no;

	buf_init(&out, 1024);
	buf_append(&out, STR("before"));
	no = egress_path_append(&out, path, slashes, &err) != ERR_OK &&
	     str_eq(buf_str(&out), STR("before"));
	buf_done(&out);
	return no;
}

static void a_path_has_one_spelling(void **state)
{
	(void)state;
	assert_true(becomes(STR("/"), false, "/"));
	assert_true(becomes(STR("/a/b"), false, "/a/b"));
	assert_true(becomes(STR("/a/b/"), false, "/a/b/"));
	assert_true(becomes(STR("/%61%2Db"), false, "/a-b"));
	assert_true(becomes(STR("/a%3ab%20c"), false, "/a%3Ab%20c"));
	assert_true(becomes(STR("/@types/node"), false, "/@types/node"));
	assert_true(becomes(STR("/v1.0/...a/.b"), false, "/v1.0/...a/.b"));
	assert_true(becomes(STR("/caf%c3%a9"), false, "/caf%C3%A9"));
	assert_true(becomes(STR("/@types%2fnode"), true, "/@types%2Fnode"));
}

static void what_servers_read_in_two_ways_is_refused(void **state)
{
	static const char *const bad[] = {
		"",          "a",        "/.",       "/..",   "/a/./b", "/a/../b", "/a/%2e%2e/b",
		"/a/%2E./b", "/a/.%2e",  "//",       "//a",   "/a//b",  "/a\\b",   "/a%5cb",
		"/a%2fb",    "/a%00",    "/a%0d%0a", "/a%7f", "/a%",    "/a%2",    "/a%zz",
		"/..;x/b",   "/a/..;/b", "/.;x",     "/a#b",  "/a?b",   "/a b",    "/caf\xc3\xa9",
		"/a\"b",     "/a|b",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (!refused(str_from_c(bad[i]), false)) {
			fail_msg("'%s' was taken", bad[i]);
		}
	}
	assert_true(refused(str_make("/a\0b", 4), false));
}

static void an_escaped_slash_hides_no_dots(void **state)
{
	(void)state;
	assert_true(refused(STR("/a%2f..%2fb"), true));
	assert_true(refused(STR("/..%2fb"), true));
	assert_true(refused(STR("/a%2f%2e%2e"), true));
	assert_true(refused(STR("/a%2F.;x"), true));
	assert_true(becomes(STR("/a%2f..b"), true, "/a%2F..b"));
}

static void a_query_holds_no_space_and_no_fragment(void **state)
{
	(void)state;
	assert_true(egress_query_ok(STR("a=b&c=%20+'\"|{}")));
	assert_true(egress_query_ok(STR("")));
	assert_false(egress_query_ok(STR("a b")));
	assert_false(egress_query_ok(STR("a#b")));
	assert_false(egress_query_ok(STR("a\tb")));
	assert_false(egress_query_ok(STR("\xc3\xa9")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_has_one_spelling),
		cmocka_unit_test(what_servers_read_in_two_ways_is_refused),
		cmocka_unit_test(an_escaped_slash_hides_no_dots),
		cmocka_unit_test(a_query_holds_no_space_and_no_fragment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
