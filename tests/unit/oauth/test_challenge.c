/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "oauth/challenge.h"

static const struct str scopes[] = {STR_INIT("mcp"), STR_INIT("files:read")};

static void expect(enum oauth_error e, const char *resource, size_t n, const char *text)
{
	struct buf b;

	buf_init(&b, 4096);
	oauth_challenge_write(&b, e, str_from_c(resource), scopes, n);
	assert_str_equal(buf_str(&b), str_from_c(text));
	buf_done(&b);
}

static void challenges_name_the_metadata_of_the_resource(void **state)
{
	(void)state;
	expect(OAUTH_NO_TOKEN, "https://gw.example/mcp", 0,
	       "Bearer resource_metadata="
	       "\"https://gw.example/.well-known/oauth-protected-resource/mcp\"");
	expect(OAUTH_INVALID_TOKEN, "https://gw.example/a/mcp/fs", 1,
	       "Bearer error=\"invalid_token\", resource_metadata="
	       "\"https://gw.example/.well-known/oauth-protected-resource/a/mcp/fs\", "
	       "scope=\"mcp\"");
	expect(OAUTH_INSUFFICIENT_SCOPE, "http://127.0.0.1:8700", 2,
	       "Bearer error=\"insufficient_scope\", resource_metadata="
	       "\"http://127.0.0.1:8700/.well-known/oauth-protected-resource\", "
	       "scope=\"mcp files:read\"");
}

static void metadata_is_that_of_the_resource(void **state)
{
	static const struct str issuers[] = {STR_INIT("https://as.example")};
	struct oauth_resource r = {.resource = STR("https://gw.example/mcp"),
				   .issuers = issuers,
				   .n_issuers = 1,
				   .scopes = scopes,
				   .n_scopes = 2};
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	oauth_metadata_write(&b, &r);
	assert_str_equal(buf_str(&b), STR("{\"resource\":\"https://gw.example/mcp\","
					  "\"authorization_servers\":[\"https://as.example\"],"
					  "\"scopes_supported\":[\"mcp\",\"files:read\"],"
					  "\"bearer_methods_supported\":[\"header\"],"
					  "\"resource_name\":\"Writ\"}"));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenges_name_the_metadata_of_the_resource),
		cmocka_unit_test(metadata_is_that_of_the_resource),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
