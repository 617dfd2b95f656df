/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/name.h"

static struct str joined(struct mcp_name *n, const char *server, const char *name)
{
	*n = mcp_name_join(str_from_c(server), str_from_c(name));
	return str_make(n->text, n->n);
}

static void a_server_id_cannot_be_confused_with_what_follows_it(void **state)
{
	(void)state;
	assert_true(mcp_server_id_ok(STR("fs")));
	assert_true(mcp_server_id_ok(STR("my-files_2")));
	assert_true(mcp_server_id_ok(STR("7")));
	assert_false(mcp_server_id_ok(STR("")));
	assert_false(mcp_server_id_ok(STR("a__b")));
	assert_false(mcp_server_id_ok(STR("a_")));
	assert_false(mcp_server_id_ok(STR("_a")));
	assert_false(mcp_server_id_ok(STR("-a")));
	assert_false(mcp_server_id_ok(STR("a.b")));
	assert_false(mcp_server_id_ok(STR("a/b")));
	assert_false(mcp_server_id_ok(STR("123456789012345678901234567890123")));
}

static void a_name_that_fits_is_only_prefixed(void **state)
{
	struct mcp_name n;

	(void)state;
	assert_str_equal(joined(&n, "fs", "read_file"), STR("fs__read_file"));
	assert_str_equal(joined(&n, "fs", "_x"), STR("fs___x"));
	assert_str_equal(joined(&n, "a", "b__c"), STR("a__b__c"));
	assert_str_equal(joined(&n, "a",
				"12345678901234567890123456789012345678901234567890123456"
				"78901"),
			 STR("a__1234567890123456789012345678901234567890123456789012345678901"));
}

static void a_name_that_does_not_fit_gets_a_suffix_that_never_changes(void **state)
{
	struct mcp_name a, b;
	struct str s;

	(void)state;
	s = joined(&a, "a", "12345678901234567890123456789012345678901234567890123456789012");
	assert_int_equal(s.n, MCP_NAME_MAX);
	assert_true(str_starts_with(s, STR("a__1234567890")));
	assert_str_equal(
		s,
		joined(&b, "a", "12345678901234567890123456789012345678901234567890123456789012"));
	/* written into the table once, this must hold on every machine and for ever */
	assert_str_equal(joined(&a, "git", "repo.list"), STR("git__repo_list_61f9c6d015"));
}

static void names_that_look_alike_after_cleaning_stay_apart(void **state)
{
	struct mcp_name a, b;

	(void)state;
	assert_false(str_eq(joined(&a, "s", "x.y"), joined(&b, "s", "x/y")));
	assert_false(str_eq(joined(&a, "s", "x.y"), joined(&b, "s", "x_y")));
	assert_false(str_eq(joined(&a, "s",
				   "12345678901234567890123456789012345678901234567890"
				   "12345678901234567890a"),
			    joined(&b, "s",
				   "12345678901234567890123456789012345678901234567890"
				   "12345678901234567890b")));
}

static void every_joined_name_follows_the_rules_of_model_apis(void **state)
{
	static const char *const odd[] = {"a b", "\xc3\xbc", "..", "/", "\"", "a.b/c-d_e"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct mcp_name n;
		struct str s = joined(&n, "server-with-a-long-name_of-32-ch", odd[i]);

		assert_true(s.n <= MCP_NAME_MAX);
		assert_int_equal(str_find(s, '.'), s.n);
		assert_true(mcp_tool_name_ok(s));
	}
}

static void upstream_names_are_checked(void **state)
{
	(void)state;
	assert_true(mcp_tool_name_ok(STR("read_file")));
	assert_true(mcp_tool_name_ok(STR("a.b/c-d")));
	assert_false(mcp_tool_name_ok(STR("")));
	assert_false(mcp_tool_name_ok(STR("read file")));
	assert_false(mcp_tool_name_ok(STR("read\nfile")));
	assert_false(mcp_tool_name_ok(STR("r\xd0\xb5"
					  "ad"))); /* a Cyrillic letter */
	assert_true(mcp_prompt_name_ok(STR("Code review \xc3\xbc")));
	assert_false(mcp_prompt_name_ok(STR("a\x1b[0m")));
	assert_false(mcp_prompt_name_ok(STR("a\xc2\x9b")));
	assert_false(mcp_prompt_name_ok(STR("a\xff")));
	assert_true(mcp_uri_ok(STR("file:///a/b")));
	assert_true(mcp_uri_ok(STR("test://static-text")));
	assert_false(mcp_uri_ok(STR("no-scheme")));
	assert_false(mcp_uri_ok(STR("file:///a b")));
	assert_false(mcp_uri_ok(STR("://x")));
	assert_false(mcp_uri_ok(STR("file:///a\r\nHost: b")));
}

static void a_wrapped_uri_comes_back_exactly(void **state)
{
	struct buf b;
	struct str server, uri;

	(void)state;
	buf_init(&b, 1000);
	mcp_uri_wrap(&b, STR("fs"), STR("file:///a%20b?x=1#y"));
	assert_str_equal(buf_str(&b), STR("writ://fs/file:///a%20b?x=1#y"));
	assert_true(mcp_uri_is_wrapped(buf_str(&b)));
	assert_true(mcp_uri_unwrap(buf_str(&b), &server, &uri));
	assert_str_equal(server, STR("fs"));
	assert_str_equal(uri, STR("file:///a%20b?x=1#y"));
	/* wrapped twice is unwrapped once */
	buf_clear(&b);
	mcp_uri_wrap(&b, STR("evil"), STR("writ://fs/file:///a"));
	assert_true(mcp_uri_unwrap(buf_str(&b), &server, &uri));
	assert_str_equal(server, STR("evil"));
	assert_str_equal(uri, STR("writ://fs/file:///a"));
	assert_true(mcp_uri_is_wrapped(STR("WRIT://x/file:///a")));
	assert_false(mcp_uri_unwrap(STR("WRIT://x/file:///a"), &server, &uri));
	assert_false(mcp_uri_unwrap(STR("writ://x"), &server, &uri));
	assert_false(mcp_uri_unwrap(STR("writ:///file:///a"), &server, &uri));
	assert_false(mcp_uri_unwrap(STR("writ://x/nothing"), &server, &uri));
	buf_done(&b);
}

static void a_template_matches_what_it_could_have_made(void **state)
{
	(void)state;
	assert_true(mcp_uri_template_matches(STR("t://{id}/data"), STR("t://42/data")));
	assert_false(mcp_uri_template_matches(STR("t://{id}/data"), STR("t:///data")));
	assert_false(mcp_uri_template_matches(STR("t://{id}/data"), STR("t://4/2/data")));
	assert_false(mcp_uri_template_matches(STR("t://{id}/data"), STR("t://42/date")));
	assert_false(mcp_uri_template_matches(STR("t://{id}/data"), STR("u://42/data")));
	assert_true(mcp_uri_template_matches(STR("file:///{+path}"), STR("file:///a/b/c")));
	assert_true(mcp_uri_template_matches(STR("file:///{+path}"), STR("file:///")));
	assert_true(mcp_uri_template_matches(STR("q://x{?a,b}"), STR("q://x")));
	assert_true(mcp_uri_template_matches(STR("q://x{?a,b}"), STR("q://x?a=1&b=2")));
	assert_true(mcp_uri_template_matches(STR("a{x}b{y}"), STR("a1b2b3")));
	assert_true(mcp_uri_template_matches(STR("a://b"), STR("a://b")));
	assert_false(mcp_uri_template_matches(STR("a://b"), STR("a://bc")));
	assert_true(mcp_uri_template_matches(STR("a://{b"), STR("a://{b")));
	assert_false(mcp_uri_template_matches(STR(""), STR("")));
	assert_false(
		mcp_uri_template_matches(STR("{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}{q}"),
					 STR("abcdefghijklmnopqrstuvwxyz")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_id_cannot_be_confused_with_what_follows_it),
		cmocka_unit_test(a_name_that_fits_is_only_prefixed),
		cmocka_unit_test(a_name_that_does_not_fit_gets_a_suffix_that_never_changes),
		cmocka_unit_test(names_that_look_alike_after_cleaning_stay_apart),
		cmocka_unit_test(every_joined_name_follows_the_rules_of_model_apis),
		cmocka_unit_test(upstream_names_are_checked),
		cmocka_unit_test(a_wrapped_uri_comes_back_exactly),
		cmocka_unit_test(a_template_matches_what_it_could_have_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
