/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "oauth/exchange.h"
#include "tests/unit/oauth/tokens.h"

#define HEAD   "{\"alg\":\"ES256\",\"typ\":\"oauth-id-jag+jwt\"}"
#define WHO    "\"iss\":\"https://idp\",\"sub\":\"ann\","
#define TIMES  "\"iat\":1000,\"exp\":1300"
#define ANSWER "\"issued_token_type\":\"" OAUTH_ID_JAG "\",\"token_type\":\"N_A\""
#define FOR                                                                                        \
	"\"aud\":\"https://as\",\"client_id\":\"c\",\"resource\":\"https://a/mcp\",\"jti\":\"1\","

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

/* {"MEMBER":"TOKEN",MORE}; the signature is none. */
static struct str answer(const char *member, const char *head, const char *claims, const char *more)
{
	struct buf b;
	struct str ret;

	buf_init(&b, 16 << 10);
	buf_printf(&b, "{\"%s\":\"", member);
	base64url_append(&b, head, strlen(head));
	buf_append_c(&b, '.');
	base64url_append(&b, claims, strlen(claims));
	buf_printf(&b, ".c2ln\",%s}", more);
	ret = arena_dup(&arena, buf_str(&b));
	buf_done(&b);
	return ret;
}

static void an_assertion_is_what_was_asked_for(void **state)
{
	static const struct oauth_assertion_for wanted = {
		.provider = STR_INIT("https://idp"),
		.audience = STR_INIT("https://as"),
		.client = STR_INIT("c"),
		.resource = STR_INIT("https://a/mcp"),
		.now = 1100,
	};
	static const struct {
		const char *head, *claims, *more, *wrong;
	} rows[] = {
		{HEAD, "{" WHO FOR TIMES "}", ANSWER, NULL},
		{HEAD, "{" WHO FOR "\"iat\":1000,\"exp\":1050}", ANSWER, NULL},
		{HEAD, "{" WHO FOR "\"iat\":900,\"exp\":1040}", ANSWER, "expired"},
		{HEAD, "{" WHO FOR "\"iat\":1161,\"exp\":1300}", ANSWER, "not valid yet"},
		{HEAD, "{" WHO FOR "\"exp\":1300}", ANSWER, "jti, iat"},
		{HEAD, "{" WHO FOR "\"iat\":1000}", ANSWER, "no end"},
		{HEAD, "{\"iss\":\"https://as\",\"sub\":\"ann\"," FOR TIMES "}", ANSWER,
		 "another issuer"},
		{HEAD, "{\"sub\":\"ann\"," FOR TIMES "}", ANSWER, "another issuer"},
		{HEAD, "{\"iss\":\"https://idp\"," FOR TIMES "}", ANSWER, "no subject"},
		{HEAD,
		 "{" WHO
		 "\"aud\":\"https://as/\",\"client_id\":\"c\",\"resource\":\"https://a/mcp\","
		 "\"jti\":\"1\"," TIMES "}",
		 ANSWER, "another authorization server"},
		{HEAD,
		 "{" WHO "\"aud\":[\"https://as\",\"https://b\"],\"client_id\":\"c\",\"resource\":"
		 "\"https://a/mcp\",\"jti\":\"1\"," TIMES "}",
		 ANSWER, "another authorization server"},
		{HEAD,
		 "{" WHO "\"aud\":\"https://as\",\"client_id\":\"d\",\"resource\":\"https://a/mcp\""
		 ",\"jti\":\"1\"," TIMES "}",
		 ANSWER, "another client"},
		{HEAD,
		 "{" WHO "\"aud\":\"https://as\",\"azp\":\"c\",\"resource\":\"https://a/mcp\","
		 "\"jti\":\"1\"," TIMES "}",
		 ANSWER, "another client"},
		{HEAD,
		 "{" WHO "\"aud\":\"https://as\",\"client_id\":\"c\",\"jti\":\"1\"," TIMES "}",
		 ANSWER, "another resource"},
		{HEAD,
		 "{" WHO "\"aud\":\"https://as\",\"client_id\":\"c\",\"resource\":\"https://a/mcp\""
		 "," TIMES "}",
		 ANSWER, "jti, iat"},
		{"{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", "{" WHO FOR TIMES "}", ANSWER,
		 "another type"},
		{"{\"alg\":\"ES256\"}", "{" WHO FOR TIMES "}", ANSWER, "another type"},
		{"{\"alg\":\"none\",\"typ\":\"oauth-id-jag+jwt\"}", "{" WHO FOR TIMES "}", ANSWER,
		 "not what was asked for"},
		{HEAD, "{" WHO FOR TIMES "}",
		 "\"issued_token_type\":\"" OAUTH_ID_JAG "\",\"token_type\":\"Bearer\"",
		 "no identity assertion"},
		{HEAD, "{" WHO FOR TIMES "}",
		 "\"issued_token_type\":\"" OAUTH_TOKEN_TYPE
		 "access_token\",\"token_type\":\"N_A\"",
		 "no identity assertion"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str text =
			answer("access_token", rows[i].head, rows[i].claims, rows[i].more);
		struct err err = {0};
		struct str token = {0};
		enum err_code code = oauth_assertion_read(&arena, 200, text, &wanted, &token, &err);

		if (rows[i].wrong ? !code || !strstr(err.msg, rows[i].wrong)
				  : code || token.n == 0) {
			fail_msg("row %zu: %s", i, err.msg);
		}
	}
}

static void a_refusal_of_the_provider_shows_its_code_only(void **state)
{
	static const struct oauth_assertion_for wanted = {.now = 1};
	struct str token;
	struct err err;

	(void)state;
	assert_int_equal(oauth_assertion_read(&arena, 400,
					      STR("{\"error\":\"invalid_target\","
						  "\"error_description\":\"s3cret\"}"),
					      &wanted, &token, &err),
			 ERR_DENIED);
	assert_non_null(strstr(err.msg, "400 invalid_target"));
	assert_null(strstr(err.msg, "s3cret"));
}

static void an_id_token_is_the_clients_own(void **state)
{
	static const struct {
		const char *claims, *more;
		enum err_code expected;
	} rows[] = {
		{"{" WHO "\"aud\":\"c\"," TIMES "}", "\"refresh_token\":\"r\"", ERR_OK},
		{"{" WHO "\"aud\":[\"b\",\"c\"]," TIMES "}", "\"x\":1", ERR_OK},
		{"{" WHO "\"aud\":\"b\"," TIMES "}", "\"x\":1", ERR_DENIED},
		{"{" WHO "\"aud\":\"b\",\"azp\":\"c\"," TIMES "}", "\"x\":1", ERR_DENIED},
		{"{\"iss\":\"https://x\",\"sub\":\"a\",\"aud\":\"c\"," TIMES "}", "\"x\":1",
		 ERR_DENIED},
		{"{" WHO "\"aud\":\"c\",\"exp\":900}", "\"x\":1", ERR_DENIED},
		{"{" WHO "\"aud\":\"c\"," TIMES "}", "\"refresh_token\":\"a\\nb\"", ERR_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str text =
			answer("id_token", "{\"alg\":\"RS256\"}", rows[i].claims, rows[i].more);
		struct oauth_token t = {0};

		if (oauth_id_token_read(&arena, 200, text, STR("https://idp"), STR("c"), 1100, &t,
					NULL) != rows[i].expected) {
			fail_msg("row %zu", i);
		}
		assert_true(rows[i].expected || t.seconds == 200);
	}
	{
		struct oauth_token t;

		assert_int_equal(oauth_id_token_read(&arena, 200, STR("{\"access_token\":\"t\"}"),
						     STR("https://idp"), STR("c"), 1100, &t, NULL),
				 ERR_INVALID);
	}
}

/* All of tokens.h are about alice; the last one here, which passed some day, is about bob. */
static void an_id_token_is_signed_and_stays_about_one_person(void **state)
{
	static const struct {
		struct str token, keys, before;
		enum err_code expected;
	} rows[] = {
		{STR_INIT(RS256), STR_INIT(KEYS), STR_INIT(""), ERR_OK},
		{STR_INIT(ES256), STR_INIT(KEYS), STR_INIT(EDDSA), ERR_OK},
		{STR_INIT(WRONG_KEY), STR_INIT(KEYS), STR_INIT(""), ERR_DENIED},
		{STR_INIT(OTHER_KID), STR_INIT(KEYS), STR_INIT(""), ERR_DENIED},
		{STR_INIT(RS256), STR_INIT("{\"keys\":[]}"), STR_INIT(""), ERR_INVALID},
		{STR_INIT(RS256), STR_INIT("<html>"), STR_INIT(""), ERR_SYNTAX},
		{STR_INIT(RS256), STR_INIT(KEYS),
		 STR_INIT("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2ln"), ERR_DENIED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (oauth_id_token_verify(&arena, rows[i].token, rows[i].keys, rows[i].before,
					  NULL) != rows[i].expected) {
			fail_msg("row %zu", i);
		}
	}
}

static void the_provider_is_told_for_what(void **state)
{
	const struct oauth_client c = {.id = STR("me")};
	const struct oauth_server s = {.issuer = STR("https://idp"), .none = true};
	struct oauth_request r = {.ask = OAUTH_ASK_EXCHANGE,
				  .client = &c,
				  .server = &s,
				  .code = STR("t"),
				  .type = STR("id_token"),
				  .audience = STR("https://as"),
				  .resource = STR("https://a/mcp")};
	struct buf body, none;

	(void)state;
	buf_init(&body, 4096);
	buf_init(&none, 64);
	assert_int_equal(oauth_request_write(&r, &body, &none, NULL), ERR_OK);
	assert_str_equal(
		buf_str(&body),
		STR("grant_type=urn%3aietf%3aparams%3aoauth%3agrant-type%3atoken-exchange"
		    "&subject_token=t"
		    "&requested_token_type=urn%3aietf%3aparams%3aoauth%3atoken-type%3aid-jag"
		    "&subject_token_type=urn%3aietf%3aparams%3aoauth%3atoken-type%3aid_token"
		    "&audience=https%3a%2f%2fas&resource=https%3a%2f%2fa%2fmcp&client_id=me"));
	buf_clear(&body);
	r = (struct oauth_request){.ask = OAUTH_ASK_ASSERTION,
				   .client = &c,
				   .server = &s,
				   .code = STR("a.b.c"),
				   .resource = STR("https://a/mcp")};
	assert_int_equal(oauth_request_write(&r, &body, &none, NULL), ERR_OK);
	assert_str_equal(buf_str(&body),
			 STR("grant_type=urn%3aietf%3aparams%3aoauth%3agrant-type%3ajwt-bearer"
			     "&assertion=a.b.c&resource=https%3a%2f%2fa%2fmcp&client_id=me"));
	buf_done(&body);
	buf_done(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_assertion_is_what_was_asked_for),
		cmocka_unit_test(a_refusal_of_the_provider_shows_its_code_only),
		cmocka_unit_test(an_id_token_is_the_clients_own),
		cmocka_unit_test(an_id_token_is_signed_and_stays_about_one_person),
		cmocka_unit_test(the_provider_is_told_for_what),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
