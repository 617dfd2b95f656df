/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "oauth/grant.h"
#include "oauth/jwt.h"

/* Keys that were made for this test and are nowhere else. */
/* clang-format off */
static const char p256_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoLZ6W4c8bquHbTix\n"
	"c5wVIUppdBddpYGJCqGvUefzxNKhRANCAAQSz885F+B8CEnOyDuyogGYh5Fuv1k8\n"
	"m3wM9MiM5epQJt3RVUWGP5mexAXpTuT56g6BiwOmpfl6bR4ut7PGUts7\n"
	"-----END PRIVATE KEY-----\n";
static const char p256_public[] = "{\"keys\":[{\"kty\":\"EC\",\"x\":\"Es_PORfgfAhJzsg7sqIBmIeRbr9ZPJt8DPTIjOXqUCY\",\"y\":\"3dFVRYY_mZ7EBelO5PnqDoGLA6al-XptHi63s8ZS2zs\",\"crv\":\"P-256\"}]}";
static const char ed_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MC4CAQAwBQYDK2VwBCIEIFuLXyflmg4kySZ3waotDK4LUmfac30OQC5Bo8MHzGtw\n"
	"-----END PRIVATE KEY-----\n";
static const char ed_public[] = "{\"keys\":[{\"crv\":\"Ed25519\",\"x\":\"r7svVjPX5FU6xtdraP7NEDO-8cH4GP2GHj7FASGN_6Q\",\"kty\":\"OKP\"}]}";
static const char p384_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDC8tBXWco4XZfB9aDCq\n"
	"yeBVjRKwiVHk181a9QbkjdSAMEPNX90hAFCuyYefFN4BoE2hZANiAATQJILlQSo9\n"
	"yvNPedfF7UhjZ6no/LTWl1KUmmWOaiY6/4jE74o4L2YgapZOixP9YdiJHKKzEFU8\n"
	"rCkXGgaXkY23CqxoMio08C+gMaTKB4lPlLviVPYpY9aUIKfGanLqPq0=\n"
	"-----END PRIVATE KEY-----\n";
static const char rsa1024_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAMCVOn9WvguzPJDA\n"
	"85x4myOr3/d3A7PQkoe9nDrdg30bvj/UfdR+4+7tBJ0w25li53VcG9ImbuS9bRrE\n"
	"7U/1HYXqkjzogg6E0dIiFa4a4jaFvi8cAobIljvEDw+s8GaUvCC2fTbgtkgFsTFH\n"
	"NTuDbFVTfqVUuiR+rmtGJ/KjLsenAgMBAAECgYEAomOzJfkg24DRy0XIpeJU/ylI\n"
	"+8SRjKiNRoSuHjz3SSGBtRUa3Xn5/VhDEcFHCvoJLj7y/quFyr+oJnBzo36O2wu4\n"
	"dB36d09A67/oMQlnrhIyAKUZz79JZheYEuI1w+1GJMWy74QejelHUX7+rXIlp5JN\n"
	"qoTMbU+LXr77Jlq9ZdECQQDvs5l6n7689SM8mlS6OOfccQRr+MK6N9ic+SDGSdeJ\n"
	"J1EGXbWGTZkFhLLlKAqoNYE5CQ99ZYDRqhWoUH3n0RFNAkEAza1zlT+FOOcXpGVS\n"
	"a+V8T3MVlhNcQ9c5R506Jk6f2zfIGcgvzFI8BfosD/tTcqUQdJoC5ZNj8T2shS3F\n"
	"efwCwwJAW1XICZ2NBFs0DgeQeVTtpGW8FZg4OtTEySt0fZntcul0SkSywnYW9K9X\n"
	"q1HSnb2le6IkMNfYeguhLP1evFJBkQJADrQAmEHDN08l3IW1v6rXGSLj/yeBKARh\n"
	"vuHZf1WNjfFN57Hs4NFcIx1AOyA/VenA5GUCIgFIWr2K8LZV8KN4WwJBAIi1JBW7\n"
	"PVwkFS1DcettuVaQSZGOhdWmSHzQ8p+OVw/D+lG/AcIK8zMD3w/a9i0DfkXOsvnr\n"
	"Wq2cf2RGVzZGx5o=\n"
	"-----END PRIVATE KEY-----\n";
/* clang-format on */

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

static const struct str scopes[] = {STR_INIT("mcp"), STR_INIT("a:b")};

static struct oauth_request request_of(const struct oauth_client *c, const struct oauth_server *s)
{
	return (struct oauth_request){.client = c,
				      .server = s,
				      .resource = STR("https://a/mcp?x=1&y"),
				      .scopes = scopes,
				      .n_scopes = 2,
				      .now = 1000};
}

static void a_secret_goes_as_the_server_takes_it(void **state)
{
	const struct oauth_client c = {.id = STR("a b"), .secret = STR("s:&c")};
	struct oauth_server s = {.issuer = STR("https://as"), .basic = true, .post = true};
	struct oauth_request r = request_of(&c, &s);
	struct buf body, authorization;

	(void)state;
	buf_init(&body, 4096);
	buf_init(&authorization, 4096);
	assert_int_equal(oauth_request_write(&r, &body, &authorization, NULL), ERR_OK);
	assert_str_equal(buf_str(&body),
			 STR("grant_type=client_credentials&resource=https%3a%2f%2fa%2fmcp%3fx%3d1"
			     "%26y&scope=mcp%20a%3ab"));
	/* RFC 6749 section 2.3.1: a%20b:s%3a%26c */
	assert_str_equal(buf_str(&authorization), STR("Basic YSUyMGI6cyUzYSUyNmM="));
	buf_clear(&body);
	buf_clear(&authorization);
	s.basic = false;
	assert_int_equal(oauth_request_write(&r, &body, &authorization, NULL), ERR_OK);
	assert_int_equal(buf_len(&authorization), 0);
	assert_true(str_ends_with(buf_str(&body), STR("&client_id=a%20b&client_secret=s%3a%26c")));
	buf_clear(&body);
	s.post = false;
	assert_int_equal(oauth_request_write(&r, &body, &authorization, NULL), ERR_UNSUPPORTED);
	buf_done(&body);
	buf_done(&authorization);
}

static void assert_assertion(struct str text, const char *public)
{
	const struct json *claims;
	struct oauth_keys keys;
	struct oauth_jwt t;

	assert_int_equal(oauth_jwt_read(&arena, text, &t, NULL), ERR_OK);
	assert_str_equal(t.kid, STR("k1"));
	t.kid = str_make(NULL, 0); /* the set does not name its key */
	assert_int_equal(oauth_keys_read(str_from_c(public), &keys, NULL), ERR_OK);
	assert_int_equal(oauth_keys_verify(&keys, &t), OAUTH_VERIFIED);
	oauth_keys_done(&keys);
	assert_int_equal(json_parse(&arena, t.claims, NULL, &claims, NULL), ERR_OK);
	assert_str_equal(json_str(json_get(claims, STR("iss"))), STR("me"));
	assert_str_equal(json_str(json_get(claims, STR("sub"))), STR("me"));
	assert_str_equal(json_str(json_get(claims, STR("aud"))), STR("https://as"));
	assert_str_equal(json_get(claims, STR("exp"))->raw, STR("1060"));
	assert_int_equal(json_str(json_get(claims, STR("jti"))).n, 32);
}

static void a_key_signs_an_assertion(void **state)
{
	static const char *const keys[][2] = {{p256_pem, p256_public}, {ed_pem, ed_public}};
	const struct oauth_server s = {.issuer = STR("https://as"), .private_key_jwt = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct oauth_client c = {.id = STR("me"), .key_id = STR("k1")};
		struct jws_signer *signer = NULL;
		struct oauth_request r;
		struct buf body, none;
		size_t at;

		assert_int_equal(jws_signer_new(str_from_c(keys[i][0]), &signer, NULL), ERR_OK);
		c.signer = signer;
		r = request_of(&c, &s);
		buf_init(&body, 8192);
		buf_init(&none, 64);
		assert_int_equal(oauth_request_write(&r, &body, &none, NULL), ERR_OK);
		assert_int_equal(buf_len(&none), 0);
		at = str_find_str(buf_str(&body), STR("client_assertion="));
		assert_true(at < buf_len(&body));
		{
			struct str rest = str_from(buf_str(&body), at + 17);

			assert_assertion(str_cut(&rest, '&'), keys[i][1]);
			assert_str_equal(rest, STR("client_id=me"));
		}
		jws_signer_free(signer);
		buf_done(&body);
		buf_done(&none);
	}
}

static void other_keys_do_not_sign(void **state)
{
	struct jws_signer *signer = NULL;

	(void)state;
	assert_int_equal(jws_signer_new(str_from_c(p384_pem), &signer, NULL), ERR_INVALID);
	assert_int_equal(jws_signer_new(str_from_c(rsa1024_pem), &signer, NULL), ERR_INVALID);
	assert_int_equal(jws_signer_new(str_from_c(p256_public), &signer, NULL), ERR_INVALID);
	assert_int_equal(jws_signer_new(STR(""), &signer, NULL), ERR_INVALID);
}

static void an_answer_is_a_bearer_token_or_none(void **state)
{
	static const struct {
		int status;
		const char *text;
		enum err_code expected;
	} rows[] = {
		{200, "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":60}",
		 ERR_OK},
		{200, "{\"access_token\":\"t\",\"token_type\":\"bearer\"}", ERR_OK},
		{200, "{\"access_token\":\"t\",\"token_type\":\"DPoP\"}", ERR_INVALID},
		{200, "{\"access_token\":\"t\"}", ERR_INVALID},
		{200, "{\"token_type\":\"Bearer\"}", ERR_INVALID},
		{200, "{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}", ERR_INVALID},
		{200, "{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", ERR_INVALID},
		{200, "{\"access_token\":\"\",\"token_type\":\"Bearer\"}", ERR_INVALID},
		{200, "{\"access_token\":[\"t\"],\"token_type\":\"Bearer\"}", ERR_INVALID},
		{200, "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":0}",
		 ERR_INVALID},
		{200, "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":-1}",
		 ERR_INVALID},
		{200, "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":\"60\"}",
		 ERR_INVALID},
		{200, "<html>", ERR_SYNTAX},
		{400, "{\"error\":\"invalid_grant\"}", ERR_DENIED},
		{302, "", ERR_DENIED},
		{500, "{\"access_token\":\"t\",\"token_type\":\"Bearer\"}", ERR_DENIED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct oauth_token t;

		if (oauth_token_read(&arena, rows[i].status, str_from_c(rows[i].text), &t, NULL) !=
		    rows[i].expected) {
			fail_msg("%d %s", rows[i].status, rows[i].text);
		}
	}
}

static void a_refusal_shows_no_more_than_its_code(void **state)
{
	struct oauth_token t;
	struct err err;

	(void)state;
	assert_int_equal(oauth_token_read(&arena, 400,
					  STR("{\"error\":\"invalid_grant\",\"error_description\":"
					      "\"s3cret\"}"),
					  &t, &err),
			 ERR_DENIED);
	assert_non_null(strstr(err.msg, "400 invalid_grant"));
	assert_null(strstr(err.msg, "s3cret"));
	assert_int_equal(
		oauth_token_read(&arena, 400, STR("{\"error\":\"S3cret\\u001b[2J\"}"), &t, &err),
		ERR_DENIED);
	assert_null(strstr(err.msg, "cret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_goes_as_the_server_takes_it),
		cmocka_unit_test(a_key_signs_an_assertion),
		cmocka_unit_test(other_keys_do_not_sign),
		cmocka_unit_test(an_answer_is_a_bearer_token_or_none),
		cmocka_unit_test(a_refusal_shows_no_more_than_its_code),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
