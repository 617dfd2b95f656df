/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "oauth/login.h"

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

static const struct oauth_login asked = {
	.issuer = STR_INIT("https://as.test"),
	.token_endpoint = STR_INIT("https://as.test/token"),
	.client = STR_INIT("c 1"),
	.method = OAUTH_METHOD_NONE,
	.resource = STR_INIT("https://a.test/mcp"),
	.scope = STR_INIT("read offline_access"),
	.redirect = STR_INIT("http://127.0.0.1:1/callback"),
	.state = STR_INIT("s1"),
	/* RFC 7636 appendix B */
	.verifier = STR_INIT("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
	.says_issuer = true,
};

static void what_is_kept_reads_back(void **state)
{
	struct oauth_login l = asked, back;
	struct buf text;

	(void)state;
	l.refresh = STR("r");
	l.access = STR("a");
	l.until = 77;
	buf_init(&text, OAUTH_LOGIN_BYTES);
	assert_int_equal(oauth_login_write(&l, &text, NULL), ERR_OK);
	assert_int_equal(oauth_login_read(&arena, buf_str(&text), &back, NULL), ERR_OK);
	assert_str_equal(back.issuer, l.issuer);
	assert_str_equal(back.verifier, l.verifier);
	assert_str_equal(back.refresh, STR("r"));
	assert_str_equal(back.access, STR("a"));
	assert_int_equal(back.until, 77);
	assert_int_equal(back.method, OAUTH_METHOD_NONE);
	assert_true(back.says_issuer);
	buf_done(&text);
}

static void an_access_token_without_room_is_left_out(void **state)
{
	static char big[OAUTH_ACCESS_MAX + 1];
	struct oauth_login l = asked, back;
	struct buf text;

	(void)state;
	memset(big, 'x', sizeof(big));
	l.refresh = STR("r");
	l.access = str_make(big, sizeof(big));
	buf_init(&text, OAUTH_LOGIN_BYTES);
	assert_int_equal(oauth_login_write(&l, &text, NULL), ERR_OK);
	assert_int_equal(oauth_login_read(&arena, buf_str(&text), &back, NULL), ERR_OK);
	assert_int_equal(back.access.n, 0);
	assert_str_equal(back.refresh, STR("r"));
	buf_done(&text);
}

static void what_somebody_else_wrote_is_no_login(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"issuer\":\"i\",\"token_endpoint\":\"t\",\"client_id\":\"c\",\"resource\":"
		"\"r\"}",
		"{\"issuer\":\"i\",\"token_endpoint\":\"t\",\"client_id\":\"c\",\"resource\":\"r\","
		"\"method\":\"other\"}",
		"{\"issuer\":\"i\",\"token_endpoint\":\"t\",\"client_id\":\"c\",\"resource\":\"r\","
		"\"method\":\"none\",\"more\":\"x\"}",
		"{\"issuer\":\"i\",\"token_endpoint\":\"t\",\"client_id\":\"c\",\"resource\":\"r\","
		"\"method\":\"none\",\"until\":\"x\"}",
		"{\"issuer\":\"i\\n\",\"token_endpoint\":\"t\",\"client_id\":\"c\",\"resource\":"
		"\"r\","
		"\"method\":\"none\"}",
	};
	struct oauth_login l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_not_equal(oauth_login_read(&arena, str_from_c(bad[i]), &l, NULL),
				     ERR_OK);
	}
}

static void a_consent_is_asked_for_with_all_that_binds_it(void **state)
{
	struct buf url;

	(void)state;
	buf_init(&url, 4096);
	oauth_consent_write(&url, STR("https://as.test/a?x=1"), &asked);
	assert_str_equal(
		buf_str(&url),
		STR("https://as.test/a?x=1&response_type=code&code_challenge_method=S256"
		    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
		    "&client_id=c%201&redirect_uri=http%3a%2f%2f127.0.0.1%3a1%2fcallback&state=s1"
		    "&resource=https%3a%2f%2fa.test%2fmcp&scope=read%20offline_access"
		    "&prompt=consent"));
	buf_done(&url);
}

static void an_answer_is_believed_when_it_answers_what_was_asked(void **state)
{
	static const struct {
		const char *query;
		enum err_code code;
	} answers[] = {
		{"code=c%2B1&state=s1&iss=https%3A%2F%2Fas.test", ERR_OK},
		{"state=s1&iss=https://as.test&code=c%2B1&session_state=x", ERR_OK},
		{"code=c&state=s2&iss=https://as.test", ERR_DENIED},
		{"code=c&state=s&iss=https://as.test", ERR_DENIED},
		{"code=c&iss=https://as.test", ERR_DENIED},
		{"code=c&state=s1", ERR_DENIED},
		{"code=c&state=s1&iss=https://as.test/", ERR_DENIED}, /* plain comparison */
		{"code=c&state=s1&iss=", ERR_DENIED},
		{"error=access_denied&state=s1&iss=https://as.test", ERR_DENIED},
		{"error=access_denied&state=s1", ERR_DENIED},
		{"code=&state=s1&iss=https://as.test", ERR_INVALID},
		{"state=s1&iss=https://as.test", ERR_INVALID},
		{"code=a&code=b&state=s1&iss=https://as.test", ERR_INVALID},
		{"code=%zz&state=s1&iss=https://as.test", ERR_INVALID},
		{"code=%0a&state=s1&iss=https://as.test", ERR_INVALID},
		{"code=%2", ERR_INVALID},
		{"", ERR_DENIED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct str code = {0};

		assert_int_equal(oauth_consent_read(&arena, str_from_c(answers[i].query), &asked,
						    &code, NULL),
				 answers[i].code);
		if (!answers[i].code) {
			assert_str_equal(code, STR("c+1"));
		}
	}
}

static void an_issuer_that_was_not_announced_still_has_to_be_right(void **state)
{
	struct oauth_login l = asked;
	struct str code;

	(void)state;
	l.says_issuer = false;
	assert_int_equal(oauth_consent_read(&arena, STR("code=c&state=s1"), &l, &code, NULL),
			 ERR_OK);
	assert_int_equal(oauth_consent_read(&arena, STR("code=c&state=s1&iss=https://other"), &l,
					    &code, NULL),
			 ERR_DENIED);
	l.state = STR(""); /* nothing was asked in a browser */
	assert_int_equal(oauth_consent_read(&arena, STR("code=c&state="), &l, &code, NULL),
			 ERR_DENIED);
}

static void a_client_registers_with_what_the_server_takes(void **state)
{
	const struct oauth_server secret = {.basic = true}, open = {.basic = true, .none = true};
	struct oauth_login l = {0};
	struct buf body;

	(void)state;
	buf_init(&body, 4096);
	oauth_registration_write(&body, &open, STR("http://127.0.0.1:1/callback"), STR("a b"));
	assert_str_equal(buf_str(&body),
			 STR("{\"client_name\":\"Writ\",\"application_type\":\"native\","
			     "\"redirect_uris\":[\"http://127.0.0.1:1/callback\"],"
			     "\"response_types\":[\"code\"],"
			     "\"grant_types\":[\"authorization_code\",\"refresh_token\"],"
			     "\"token_endpoint_auth_method\":\"none\",\"scope\":\"a b\"}"));
	buf_done(&body);
	assert_int_equal(
		oauth_registration_read(&arena, 201, STR("{\"client_id\":\"x\"}"), &open, &l, NULL),
		ERR_OK);
	assert_int_equal(l.method, OAUTH_METHOD_NONE);
	assert_int_equal(oauth_registration_read(&arena, 201, STR("{\"client_id\":\"x\"}"), &secret,
						 &l, NULL),
			 ERR_UNSUPPORTED);
	assert_int_equal(oauth_registration_read(
				 &arena, 200,
				 STR("{\"client_id\":\"x\",\"client_secret\":\"s\","
				     "\"token_endpoint_auth_method\":\"client_secret_post\"}"),
				 &secret, &l, NULL),
			 ERR_OK);
	assert_int_equal(l.method, OAUTH_METHOD_POST);
	assert_str_equal(l.secret, STR("s"));
	assert_int_equal(oauth_registration_read(&arena, 400, STR("{}"), &open, &l, NULL),
			 ERR_DENIED);
	assert_int_equal(
		oauth_registration_read(&arena, 201, STR("{\"client_id\":\"\"}"), &open, &l, NULL),
		ERR_INVALID);
}

static void a_device_code_is_taken_within_limits(void **state)
{
	struct oauth_device d;

	(void)state;
	assert_int_equal(oauth_device_read(&arena,
					   STR("{\"device_code\":\"d\",\"user_code\":\"U-1\","
					       "\"verification_uri\":\"https://as.test/d\","
					       "\"expires_in\":999999}"),
					   &d, NULL),
			 ERR_OK);
	assert_int_equal(d.interval, 5);
	assert_int_equal(d.seconds, 3600);
	assert_int_equal(oauth_device_read(&arena,
					   STR("{\"device_code\":\"d\",\"user_code\":\"U\\u001b\","
					       "\"verification_uri\":\"https://as.test/d\","
					       "\"expires_in\":9}"),
					   &d, NULL),
			 ERR_INVALID);
	assert_int_equal(oauth_device_read(&arena, STR("{\"device_code\":\"d\"}"), &d, NULL),
			 ERR_INVALID);
}

static void scopes_are_joined_each_once(void **state)
{
	(void)state;
	assert_str_equal(oauth_scopes_join(&arena, STR("a b"), STR("b  c a")), STR("a b c"));
	assert_str_equal(oauth_scopes_join(&arena, STR("a\"b"), STR("c")), STR("c"));
	assert_str_equal(oauth_scopes_join(&arena, STR(""), STR("")), STR(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_reads_back),
		cmocka_unit_test(an_access_token_without_room_is_left_out),
		cmocka_unit_test(what_somebody_else_wrote_is_no_login),
		cmocka_unit_test(a_consent_is_asked_for_with_all_that_binds_it),
		cmocka_unit_test(an_answer_is_believed_when_it_answers_what_was_asked),
		cmocka_unit_test(an_issuer_that_was_not_announced_still_has_to_be_right),
		cmocka_unit_test(a_client_registers_with_what_the_server_takes),
		cmocka_unit_test(a_device_code_is_taken_within_limits),
		cmocka_unit_test(scopes_are_joined_each_once),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
