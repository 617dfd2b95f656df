/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "oauth/claims.h"

#define ISS "\"iss\":\"https://as.example\","
#define SUB "\"sub\":\"alice\","
#define AUD "\"aud\":\"https://gw.example/mcp\","
#define EXP "\"exp\":1000"

enum { NOW = 500, SKEW = 30 };

static struct arena arena;

static enum err_code read_claims(const char *text, struct oauth_claims *ret)
{
	const struct json *root;

	arena_done(&arena);
	arena_init(&arena, 1 << 20);
	TRY(json_parse(&arena, str_from_c(text), NULL, &root, NULL));
	return oauth_claims_read(&arena, root, ret, NULL);
}

/* Read, for now, from the issuer, and for us. */
static bool is_good(const char *text)
{
	static const struct str others[] = {STR_INIT("api://writ")};
	struct oauth_claims c;

	return read_claims(text, &c) == ERR_OK && c.issuer.p &&
	       oauth_claims_check(&c, STR("https://as.example"), NOW, SKEW, NULL) == ERR_OK &&
	       oauth_claims_for(&c, STR("https://gw.example/mcp"), others, 1);
}

static void claims_are_good_or_the_token_is_not(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{"{" ISS SUB AUD EXP "}", true},
		{"{" ISS SUB AUD "\"exp\":1000.5}", true},
		{"{" ISS SUB AUD "\"exp\":1e3}", true},
		{"{" ISS SUB AUD EXP ",\"nbf\":500,\"iat\":500,\"scope\":\"a b\"}", true},
		{"{" ISS SUB "\"aud\":[\"x\",\"https://gw.example/mcp\"]," EXP "}", true},
		{"{" ISS SUB "\"aud\":\"https://gw.example/mcp/fs\"," EXP "}", true},
		{"{" ISS SUB "\"aud\":\"api://writ\"," EXP "}", true},
		{"{" ISS SUB AUD EXP ",\"scp\":[\"a\",\"b\"]}", true},
		{"{" ISS SUB AUD EXP ",\"azp\":\"cli\"}", true},
		/* the end of its time, and the clocks */
		{"{" ISS SUB AUD "\"exp\":471}", true},
		{"{" ISS SUB AUD "\"exp\":470}", false},
		{"{" ISS SUB AUD "\"exp\":1}", false},
		{"{" ISS SUB AUD EXP ",\"nbf\":530}", true},
		{"{" ISS SUB AUD EXP ",\"nbf\":531}", false},
		{"{" ISS SUB AUD EXP ",\"iat\":531}", false},
		{"{" ISS SUB AUD "\"exp\":0}", false},
		{"{" ISS SUB AUD "\"exp\":-5}", false},
		{"{" ISS SUB AUD "\"exp\":\"1000\"}", false},
		{"{" ISS SUB AUD "\"exp\":1e400}", false},
		{"{" ISS SUB AUD "\"exp\":99999999999999999999}", false},
		{"{" ISS SUB AUD "\"exp\":null}", false},
		{"{" ISS SUB AUD "\"iat\":1}", false},
		/* the issuer */
		{"{" SUB AUD EXP "}", false},
		{"{\"iss\":\"https://as.example/\"," SUB AUD EXP "}", false},
		{"{\"iss\":\"https://AS.example\"," SUB AUD EXP "}", false},
		{"{\"iss\":[\"https://as.example\"]," SUB AUD EXP "}", false},
		{"{" ISS ISS SUB AUD EXP "}", false},
		{"{" ISS "\"\\u0069ss\":\"https://evil.example\"," SUB AUD EXP "}", false},
		/* whom it is for */
		{"{" ISS SUB EXP "}", false},
		{"{" ISS SUB "\"aud\":\"https://gw.example\"," EXP "}", false},
		{"{" ISS SUB "\"aud\":\"https://gw.example/mcpx\"," EXP "}", false},
		{"{" ISS SUB "\"aud\":\"https://gw.example/mcp.evil.example\"," EXP "}", false},
		{"{" ISS SUB "\"aud\":[]," EXP "}", false},
		{"{" ISS SUB "\"aud\":[7]," EXP "}", false},
		{"{" ISS SUB "\"aud\":{\"a\":1}," EXP "}", false},
		{"{" ISS SUB "\"aud\":\"\"," EXP "}", false},
		{"{" ISS SUB "\"aud\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]," EXP "}", false},
		/* of whom */
		{"{" ISS AUD EXP "}", false},
		{"{" ISS "\"sub\":\"\"," AUD EXP "}", false},
		{"{" ISS "\"sub\":7," AUD EXP "}", false},
		{"{" ISS "\"sub\":\"a\\u0000b\"," AUD EXP "}", false},
		{"{" ISS "\"sub\":\"a\\nb\"," AUD EXP "}", false},
		{"{" ISS "\"sub\":\"a\\u202eb\"," AUD EXP "}", false},
		/* what it may */
		{"{" ISS SUB AUD EXP ",\"scope\":7}", false},
		{"{" ISS SUB AUD EXP ",\"scope\":\"a \\\"b\"}", false},
		{"{" ISS SUB AUD EXP ",\"scope\":\"a\\tb\"}", false},
		{"{" ISS SUB AUD EXP ",\"scp\":[\"a b\"]}", false},
		{"{" ISS SUB AUD EXP ",\"scp\":[1]}", false},
		/* bound to a key that nobody has shown */
		{"{" ISS SUB AUD EXP ",\"cnf\":{\"jkt\":\"x\"}}", false},
		{"{" ISS SUB AUD EXP ",\"cnf\":null}", false},
		{"[]", false},
		{"7", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (is_good(rows[i].text) != rows[i].good) {
			fail_msg("%s", rows[i].text);
		}
	}
}

static void scopes_are_each_there_once_and_bounded(void **state)
{
	const struct str *items;
	char many[4 * (OAUTH_SCOPES_MAX + 1)];
	size_t n, at = 0;

	(void)state;
	assert_int_equal(oauth_scopes_split(&arena, STR(" a  b a c "), &items, &n, NULL), ERR_OK);
	assert_int_equal(n, 3);
	assert_str_equal(items[2], STR("c"));
	for (int i = 0; i <= OAUTH_SCOPES_MAX; i++) {
		at += (size_t)snprintf(many + at, sizeof(many) - at, "%d ", i);
	}
	assert_int_equal(oauth_scopes_split(&arena, str_make(many, at), &items, &n, NULL),
			 ERR_LIMIT);
	assert_int_equal(oauth_scopes_split(&arena, STR(""), &items, &n, NULL), ERR_OK);
	assert_int_equal(n, 0);
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_are_good_or_the_token_is_not),
		cmocka_unit_test(scopes_are_each_there_once_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
