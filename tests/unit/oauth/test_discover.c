/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "oauth/discover.h"

static struct arena arena;

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 4 << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static void a_challenge_is_read_as_it_is_written(void **state)
{
	static const struct {
		const char *value, *metadata, *scope; /* metadata NULL: there is no Bearer */
	} rows[] = {
		{"Bearer", "", ""},
		{"bearer resource_metadata=\"https://a/x\"", "https://a/x", ""},
		{"Bearer error=\"invalid_token\", resource_metadata=\"https://a/x\", scope=\"a b\"",
		 "https://a/x", "a b"},
		{"Bearer scope=mcp,resource_metadata = \"https://a/\\\"x\"", "https://a/\"x",
		 "mcp"},
		{"Basic realm=\"Bearer resource_metadata=no\", Bearer scope=\"s\"", "", "s"},
		{"Bearer scope=\"s\", Basic scope=\"t\"", "", "s"},
		{"Bearer scope=\"s\", scope=\"t\"", "", "s"},
		{"Basic realm=\"x\"", NULL, NULL},
		{"", NULL, NULL},
		{"\"Bearer\"", NULL, NULL},
		{"=", NULL, NULL},
		{"Bearer scope=\"no end", "", ""},
		{"Bearer scope=\"no end\\", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct oauth_wanted w;

		if (oauth_challenge_read(&arena, str_from_c(rows[i].value), &w) !=
		    (rows[i].metadata != NULL)) {
			fail_msg("%s", rows[i].value);
		}
		if (rows[i].metadata) {
			assert_str_equal(w.metadata, str_from_c(rows[i].metadata));
			assert_str_equal(w.scope, str_from_c(rows[i].scope));
		}
	}
}

static void a_resource_is_the_server_or_what_holds_it(void **state)
{
	static const struct {
		const char *resource, *url;
		bool is;
	} rows[] = {
		{"https://a/mcp", "https://a/mcp", true},
		{"https://a", "https://a/mcp", true},
		{"https://a/", "https://a/mcp", true},
		{"https://a/mcp/", "https://a/mcp", true},
		{"https://a/mcp", "https://a/mcp?x=1", true},
		{"https://a/mcp/x", "https://a/mcp", false},
		{"https://a/m", "https://a/mcp", false},
		{"https://a.evil/mcp", "https://a/mcp", false},
		{"https://", "https://a/mcp", false},
		{"https:", "https://a/mcp", false},
		{"", "https://a/mcp", false},
		{"http://a/mcp", "https://a/mcp", false},
		{"https://a", "https://a.evil/mcp", false},
		{"https://a:8/mcp", "https://a/mcp", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (oauth_resource_is(str_from_c(rows[i].resource), str_from_c(rows[i].url)) !=
		    rows[i].is) {
			fail_msg("%s %s", rows[i].resource, rows[i].url);
		}
	}
}

static void metadata_is_looked_for_where_the_standards_say(void **state)
{
	struct str p[OAUTH_PLACES_MAX];

	(void)state;
	assert_int_equal(oauth_resource_places(&arena, STR("https://a:8/x/mcp?q"), p), 2);
	assert_str_equal(p[0], STR("https://a:8/.well-known/oauth-protected-resource/x/mcp"));
	assert_str_equal(p[1], STR("https://a:8/.well-known/oauth-protected-resource"));
	assert_int_equal(oauth_resource_places(&arena, STR("https://a"), p), 1);
	assert_int_equal(oauth_server_places(&arena, STR("https://as/t1"), p), 3);
	assert_str_equal(p[0], STR("https://as/.well-known/oauth-authorization-server/t1"));
	assert_str_equal(p[1], STR("https://as/.well-known/openid-configuration/t1"));
	assert_str_equal(p[2], STR("https://as/t1/.well-known/openid-configuration"));
	assert_int_equal(oauth_server_places(&arena, STR("https://as/"), p), 2);
	assert_str_equal(p[0], STR("https://as/.well-known/oauth-authorization-server"));
	assert_str_equal(p[1], STR("https://as/.well-known/openid-configuration"));
}

static void metadata_of_a_resource_names_who_issues(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{"{\"resource\":\"https://a\",\"authorization_servers\":[\"https://b\"]}", true},
		{"{\"resource\":\"https://a\",\"authorization_servers\":[]}", false},
		{"{\"resource\":\"https://a\"}", false},
		{"{\"authorization_servers\":[\"https://b\"]}", false},
		{"{\"resource\":7,\"authorization_servers\":[\"https://b\"]}", false},
		{"{\"resource\":\"https://a\",\"authorization_servers\":\"https://b\"}", false},
		{"{\"resource\":\"https://a\",\"authorization_servers\":[7]}", false},
		{"{\"resource\":\"https://a\",\"authorization_servers\":[\"b\"],"
		 "\"scopes_supported\":[\"a b\"]}",
		 false},
		{"{\"resource\":\"https://a\",\"resource\":\"https://c\","
		 "\"authorization_servers\":[\"b\"]}",
		 false},
		{"[]", false},
		{"<html>", false},
		{"", false},
	};
	struct oauth_resource_metadata m;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if ((oauth_resource_read(&arena, str_from_c(rows[i].text), &m, NULL) == ERR_OK) !=
		    rows[i].good) {
			fail_msg("%s", rows[i].text);
		}
	}
}

static void metadata_of_an_issuer_is_its_own(void **state)
{
	static const struct str issuer = STR_INIT("https://as/t");
	struct oauth_server s;

	(void)state;
	assert_int_equal(oauth_server_read(&arena,
					   STR("{\"issuer\":\"https://as/t\",\"token_endpoint\":"
					       "\"https://as/token\"}"),
					   issuer, &s, NULL),
			 ERR_OK);
	assert_true(s.basic && !s.post && !s.private_key_jwt);
	assert_int_equal(
		oauth_server_read(
			&arena,
			STR("{\"issuer\":\"https://as/t\",\"token_endpoint\":\"https://as/token\","
			    "\"token_endpoint_auth_methods_supported\":[\"client_secret_post\","
			    "\"private_key_jwt\"]}"),
			issuer, &s, NULL),
		ERR_OK);
	assert_true(!s.basic && s.post && s.private_key_jwt);
	assert_int_equal(oauth_server_read(&arena,
					   STR("{\"issuer\":\"https://as/t/\",\"token_endpoint\":"
					       "\"https://as/token\"}"),
					   issuer, &s, NULL),
			 ERR_DENIED);
	assert_int_equal(oauth_server_read(&arena, STR("{\"token_endpoint\":\"https://as/token\"}"),
					   issuer, &s, NULL),
			 ERR_DENIED);
	assert_int_equal(
		oauth_server_read(&arena, STR("{\"issuer\":\"https://as/t\"}"), issuer, &s, NULL),
		ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_challenge_is_read_as_it_is_written),
		cmocka_unit_test(a_resource_is_the_server_or_what_holds_it),
		cmocka_unit_test(metadata_is_looked_for_where_the_standards_say),
		cmocka_unit_test(metadata_of_a_resource_names_who_issues),
		cmocka_unit_test(metadata_of_an_issuer_is_its_own),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
