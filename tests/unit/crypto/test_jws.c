/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "crypto/jws.h"

/* RFC 8037 appendix A.2 */
static const unsigned char ed_key[] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7,
				       0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
				       0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25,
				       0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

static struct str filled(char *to, size_t n, char first, char last)
{
	memset(to, 0, n);
	to[0] = first;
	to[n - 1] = last;
	return str_make(to, n);
}

static void names_are_exact(void **state)
{
	(void)state;
	assert_int_equal(jws_alg_find(STR("RS256")), JWS_RS256);
	assert_int_equal(jws_alg_find(STR("EdDSA")), JWS_EDDSA);
	assert_int_equal(jws_alg_find(STR("Ed25519")), JWS_EDDSA);
	assert_int_equal(jws_alg_find(STR("none")), JWS_NONE);
	assert_int_equal(jws_alg_find(STR("HS256")), JWS_NONE);
	assert_int_equal(jws_alg_find(STR("rs256")), JWS_NONE);
	assert_int_equal(jws_alg_find(STR("")), JWS_NONE);
	assert_str_equal(jws_alg_name(JWS_EDDSA), STR("EdDSA"));
	assert_str_equal(jws_alg_name(JWS_NONE), STR("none"));
}

static void rsa_keys_have_a_floor_and_a_ceiling(void **state)
{
	static const struct str e = STR_INIT("\001\000\001");
	struct jws_key *k = NULL;
	char n[2000];

	(void)state;
	/* 2047 bits, 1024 bits, 8200 bits, an even modulus, and none */
	assert_int_equal(jws_key_rsa(filled(n, 256, 0x7f, 1), e, &k, NULL), ERR_INVALID);
	assert_int_equal(jws_key_rsa(filled(n, 128, (char)0x80, 1), e, &k, NULL), ERR_INVALID);
	assert_int_equal(jws_key_rsa(filled(n, 1025, 1, 1), e, &k, NULL), ERR_INVALID);
	assert_int_equal(jws_key_rsa(filled(n, 256, (char)0x80, 2), e, &k, NULL), ERR_INVALID);
	assert_int_equal(jws_key_rsa(STR(""), e, &k, NULL), ERR_INVALID);
	/* zeros in front add nothing */
	memset(n, 0, sizeof(n));
	n[1999] = 1;
	assert_int_equal(jws_key_rsa(str_make(n, 2000), e, &k, NULL), ERR_INVALID);
	filled(n, 256, (char)0x80, 1);
	assert_int_equal(jws_key_rsa(str_make(n, 256), STR("\001"), &k, NULL), ERR_INVALID);
	assert_int_equal(jws_key_rsa(str_make(n, 256), STR("\002"), &k, NULL), ERR_INVALID);
	assert_int_equal(jws_key_rsa(str_make(n, 256), STR(""), &k, NULL), ERR_INVALID);
	assert_int_equal(jws_key_rsa(str_make(n, 256), STR("\001\001\001\001\001"), &k, NULL),
			 ERR_INVALID);
}

static void points_are_on_the_curve(void **state)
{
	struct jws_key *k = NULL;
	char x[33], y[33];

	(void)state;
	assert_int_equal(jws_key_p256(filled(x, 32, 0, 1), filled(y, 32, 0, 1), &k, NULL),
			 ERR_INVALID);
	assert_int_equal(jws_key_p256(filled(x, 33, 0, 1), filled(y, 32, 0, 1), &k, NULL),
			 ERR_INVALID);
	assert_int_equal(jws_key_p256(STR(""), STR(""), &k, NULL), ERR_INVALID);
}

static void a_signature_has_its_length(void **state)
{
	struct jws_key *k = NULL;
	char sig[64] = {0};

	(void)state;
	assert_int_equal(jws_key_ed25519(str_make((const char *)ed_key, sizeof(ed_key)), &k, NULL),
			 ERR_OK);
	assert_true(jws_key_fits(k, JWS_EDDSA));
	assert_false(jws_key_fits(k, JWS_RS256) || jws_key_fits(k, JWS_ES256));
	assert_false(jws_key_fits(k, JWS_NONE));
	assert_false(jws_verify(k, JWS_EDDSA, STR("text"), str_make(sig, 64)));
	assert_false(jws_verify(k, JWS_EDDSA, STR("text"), str_make(sig, 63)));
	assert_false(jws_verify(k, JWS_EDDSA, STR("text"), STR("")));
	assert_false(jws_verify(k, JWS_RS256, STR("text"), str_make(sig, 64)));
	assert_false(jws_verify(k, JWS_NONE, STR("text"), STR("")));
	jws_key_free(k);
	assert_int_equal(jws_key_ed25519(STR("short"), &k, NULL), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_exact),
		cmocka_unit_test(rsa_keys_have_a_floor_and_a_ceiling),
		cmocka_unit_test(points_are_on_the_curve),
		cmocka_unit_test(a_signature_has_its_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
