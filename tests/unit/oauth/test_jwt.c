/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "oauth/jwt.h"
#include "tests/unit/oauth/tokens.h"

static struct oauth_keys keys;
static struct arena arena;

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 20);
	return oauth_keys_read(STR(KEYS), &keys, NULL) ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	oauth_keys_done(&keys);
	arena_done(&arena);
	return 0;
}

/* The whole way of a token, but for its claims. */
static enum oauth_verdict verdict(struct str token)
{
	struct oauth_jwt t;
	struct err err;

	arena_reset(&arena);
	return oauth_jwt_read(&arena, token, &t, &err) ? OAUTH_FORGED
						       : oauth_keys_verify(&keys, &t);
}

static void each_algorithm_verifies_by_its_key(void **state)
{
	static const struct str good[] = {STR_INIT(RS256), STR_INIT(PS256), STR_INIT(ES256),
					  STR_INIT(EDDSA)};
	static const enum jws_alg algs[] = {JWS_RS256, JWS_PS256, JWS_ES256, JWS_EDDSA};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct oauth_claims c;
		struct oauth_jwt t;

		arena_reset(&arena);
		assert_int_equal(oauth_jwt_read(&arena, good[i], &t, NULL), ERR_OK);
		assert_int_equal(t.alg, algs[i]);
		assert_int_equal(oauth_keys_verify(&keys, &t), OAUTH_VERIFIED);
		assert_true(oauth_jwt_type_is(&t, STR("at+jwt")));
		assert_int_equal(oauth_jwt_claims(&arena, &t, &c, NULL), ERR_OK);
		assert_str_equal(c.subject, STR("alice"));
		assert_str_equal(c.issuer, STR("https://as.example"));
		assert_str_equal(c.client, STR("cli"));
		assert_int_equal(c.n_scopes, 2);
		assert_str_equal(c.scopes[1], STR("files:read"));
	}
}

static void a_signature_is_of_every_byte(void **state)
{
	static const struct str good[] = {STR_INIT(RS256), STR_INIT(PS256), STR_INIT(ES256),
					  STR_INIT(EDDSA)};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char token[OAUTH_TOKEN_MAX];

		for (size_t at = 0; at < good[i].n; at += at % 7 + 1) {
			memcpy(token, good[i].p, good[i].n);
			token[at] = token[at] == 'A' ? 'B' : 'A';
			assert_int_not_equal(verdict(str_make(token, good[i].n)), OAUTH_VERIFIED);
		}
		for (size_t cut = 1; cut < 40; cut++) {
			assert_int_not_equal(verdict(str_make(good[i].p, good[i].n - cut)),
					     OAUTH_VERIFIED);
		}
	}
}

static void an_attackers_token_is_refused(void **state)
{
	static const struct {
		const char *what;
		struct str token;
		enum oauth_verdict expected;
	} rows[] = {
		{"HMAC with the public key", STR_INIT(HS256_BY_RSA), OAUTH_FORGED},
		{"another key of the same name", STR_INIT(WRONG_KEY), OAUTH_FORGED},
		{"a key in its own header", STR_INIT(OWN_JWK), OAUTH_FORGED},
		{"critical members", STR_INIT(CRIT), OAUTH_FORGED},
		{"a name that no key has", STR_INIT(OTHER_KID), OAUTH_UNKNOWN_KEY},
		{"no name, and one key that fits", STR_INIT(NO_KID), OAUTH_VERIFIED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (verdict(rows[i].token) != rows[i].expected) {
			fail_msg("%s", rows[i].what);
		}
	}
}

/* Header and claims as text, with a signature of any bytes. */
static struct str compact(const char *header, const char *claims)
{
	struct buf b;
	struct str s;

	buf_init(&b, 1 << 16);
	base64url_append(&b, header, strlen(header));
	buf_append_c(&b, '.');
	base64url_append(&b, claims, strlen(claims));
	buf_append(&b, STR(".c2lnbmF0dXJl"));
	s = arena_dup(&arena, buf_str(&b));
	buf_done(&b);
	return s;
}

static void a_header_is_what_it_has_to_be(void **state)
{
	static const struct {
		const char *header;
		bool good;
	} rows[] = {
		{"{\"alg\":\"RS256\"}", true},
		{"{\"alg\":\"ES256\",\"kid\":\"a\",\"typ\":\"at+jwt\"}", true},
		{"{\"alg\":\"Ed25519\",\"x\":{\"y\":[1,2]}}", true},
		{"{}", false},
		{"[]", false},
		{"null", false},
		{"{\"alg\":\"none\"}", false},
		{"{\"alg\":\"None\"}", false},
		{"{\"alg\":\"\"}", false},
		{"{\"alg\":\"HS256\"}", false},
		{"{\"alg\":\"rs256\"}", false},
		{"{\"alg\":\"RS512\"}", false},
		{"{\"alg\":\"ES384\"}", false},
		{"{\"alg\":[\"RS256\"]}", false},
		{"{\"alg\":\"RS256\",\"alg\":\"none\"}", false},
		{"{\"alg\":\"RS256\",\"\\u0061lg\":\"none\"}", false},
		{"{\"alg\":\"RS256\",\"kid\":7}", false},
		{"{\"alg\":\"RS256\",\"kid\":\"\"}", false},
		{"{\"alg\":\"RS256\",\"crit\":[]}", false},
		{"{\"alg\":\"RS256\",\"typ\":null}", false},
		{"{\"alg\":\"RS256\"} ", true},
		{"{\"alg\":\"RS256\"}x", false},
		{"{\"alg\":\"RS256\"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct oauth_jwt t;

		arena_reset(&arena);
		if ((oauth_jwt_read(&arena, compact(rows[i].header, "{}"), &t, NULL) == ERR_OK) !=
		    rows[i].good) {
			fail_msg("%s", rows[i].header);
		}
	}
}

static void a_token_is_three_parts_of_canonical_base64url(void **state)
{
	static const char *const bad[] = {
		"",
		".",
		"..",
		"a.b",
		"a.b.c.d",
		"e30.e30.",
		"e30..c2ln",
		".e30.c2ln",
		"eyJhbGciOiJSUzI1NiJ9.e30=.c2ln", /* padding */
		"eyJhbGciOiJSUzI1NiJ9.e30.c2l+",  /* the other alphabet */
		"eyJhbGciOiJSUzI1NiJ9.e31.c2ln",  /* spare bits set */
		"eyJhbGciOiJSUzI1NiJ9.e30.c2lnb", /* a length that no bytes have */
		"eyJhbGciOiJSUzI1NiJ9 .e30.c2ln",
	};
	char long_one[OAUTH_TOKEN_MAX + 1];
	struct oauth_jwt t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (oauth_jwt_read(&arena, str_from_c(bad[i]), &t, NULL) == ERR_OK) {
			fail_msg("%s", bad[i]);
		}
	}
	memset(long_one, 'A', sizeof(long_one));
	long_one[10] = long_one[20] = '.';
	assert_int_equal(oauth_jwt_read(&arena, str_make(long_one, sizeof(long_one)), &t, NULL),
			 ERR_LIMIT);
}

static void types_may_leave_their_prefix_out(void **state)
{
	static const struct {
		const char *typ;
		bool is;
	} rows[] = {
		{"at+jwt", true},
		{"AT+JWT", true},
		{"application/at+jwt", true},
		{"JWT", false},
		{"application/", false},
		{"at+jwt ", false},
		{"x/at+jwt", false},
		{"oauth-id-jag+jwt", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct oauth_jwt t = {.typ = str_from_c(rows[i].typ)};

		assert_int_equal(oauth_jwt_type_is(&t, STR("at+jwt")), rows[i].is);
	}
	assert_false(oauth_jwt_type_is(&(struct oauth_jwt){0}, STR("at+jwt")));
}

static void key_sets_keep_what_can_verify(void **state)
{
	static const char ed[] = "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
				 "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"";
	static const struct {
		const char *before, *after; /* around the key */
		enum err_code expected;
	} rows[] = {
		{"{\"keys\":[{", "}]}", ERR_OK},
		{"{\"keys\":[{\"use\":\"sig\",", "}]}", ERR_OK},
		{"{\"keys\":[{\"key_ops\":[\"verify\"],", "}]}", ERR_OK},
		{"{\"keys\":[7,{\"kty\":\"XY\"},{", "}],\"more\":1}", ERR_OK},
		{"{\"keys\":[{\"use\":\"enc\",", "}]}", ERR_INVALID},
		{"{\"keys\":[{\"key_ops\":[\"sign\"],", "}]}", ERR_INVALID},
		{"{\"keys\":[{\"d\":\"AAAA\",", "}]}", ERR_INVALID},
		{"{\"keys\":[{\"alg\":\"HS256\",", "}]}", ERR_INVALID},
		{"{\"keys\":[{\"alg\":\"RS256\",", "}]}", ERR_INVALID},
		{"{\"keys\":[{\"kid\":1,", "}]}", ERR_INVALID},
		{"{\"keys\":[{\"kty\":\"OKP\",", "}]}", ERR_INVALID},
		{"{\"keys\":{\"a\":{", "}}}", ERR_INVALID},
		{"[{", "}]", ERR_INVALID},
		{"{\"keys\":[{", "}]", ERR_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct oauth_keys k = {0};
		struct buf text;
		struct err err = {0};

		buf_init(&text, 4096);
		buf_printf(&text, "%s%s%s", rows[i].before, ed, rows[i].after);
		if (oauth_keys_read(buf_str(&text), &k, &err) != rows[i].expected) {
			fail_msg("%s: %s", rows[i].before, err.msg);
		}
		oauth_keys_done(&k);
		buf_done(&text);
	}
}

static void weak_and_broken_keys_are_none(void **state)
{
	struct oauth_keys k;
	struct buf many;

	(void)state;
	assert_int_equal(oauth_keys_read(STR(WEAK), &k, NULL), ERR_INVALID);
	assert_int_equal(
		oauth_keys_read(STR("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
				    "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
				    "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}"),
				&k, NULL),
		ERR_INVALID); /* not on the curve */
	buf_init(&many, 1 << 16);
	buf_append(&many, STR("{\"keys\":[0"));
	for (int i = 0; i < OAUTH_KEYS_MAX; i++) {
		buf_append(&many, STR(",0"));
	}
	buf_append(&many, STR("]}"));
	assert_int_equal(oauth_keys_read(buf_str(&many), &k, NULL), ERR_LIMIT);
	buf_done(&many);
}

static void two_keys_of_one_name_verify_nothing(void **state)
{
	struct str one = str_make(&KEYS[9], sizeof(KEYS) - 1 - 9 - 2); /* the members of the list */
	struct oauth_keys twice;
	struct oauth_jwt t;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 16);
	buf_printf(&text, "{\"keys\":[" STR_FMT "," STR_FMT "]}", STR_ARG(one), STR_ARG(one));
	assert_int_equal(oauth_keys_read(buf_str(&text), &twice, NULL), ERR_OK);
	assert_int_equal(oauth_jwt_read(&arena, STR(EDDSA), &t, NULL), ERR_OK);
	assert_int_equal(oauth_keys_verify(&twice, &t), OAUTH_FORGED);
	oauth_keys_done(&twice);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_algorithm_verifies_by_its_key),
		cmocka_unit_test(a_signature_is_of_every_byte),
		cmocka_unit_test(an_attackers_token_is_refused),
		cmocka_unit_test(a_header_is_what_it_has_to_be),
		cmocka_unit_test(a_token_is_three_parts_of_canonical_base64url),
		cmocka_unit_test(types_may_leave_their_prefix_out),
		cmocka_unit_test(key_sets_keep_what_can_verify),
		cmocka_unit_test(weak_and_broken_keys_are_none),
		cmocka_unit_test(two_keys_of_one_name_verify_nothing),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
