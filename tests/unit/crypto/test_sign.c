/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "crypto/sign.h"

/* RFC 8032 section 7.1, test 2. */
static void the_published_signature_comes_out(void **state)
{
	uint8_t seed[SIGN_SEED_LEN], public[SIGN_PUBLIC_LEN], want[SIGN_LEN], got[SIGN_LEN];
	struct sign_key k;

	(void)state;
	assert_true(
		hex_read(STR("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
			 seed, sizeof(seed)));
	assert_true(
		hex_read(STR("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
			 public, sizeof(public)));
	assert_true(
		hex_read(STR("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
			 want, sizeof(want)));
	assert_int_equal(sign_key_init(&k, seed, NULL), ERR_OK);
	assert_memory_equal(k.public, public, sizeof(public));
	assert_memory_equal(sign_key_seed(&k), seed, sizeof(seed));
	sign_bytes(&k, STR("r"), got);
	assert_memory_equal(got, want, sizeof(want));
	sign_key_done(&k);
}

static void one_changed_bit_makes_a_signature_invalid(void **state)
{
	uint8_t signature[SIGN_LEN];
	char text[] = "log\n12\nroot\n";
	struct str s = str_make(text, sizeof(text) - 1);
	struct sign_key k;

	(void)state;
	assert_int_equal(sign_key_init(&k, NULL, NULL), ERR_OK);
	sign_bytes(&k, s, signature);
	assert_true(sign_verify(k.public, s, signature));
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(sign_verify(k.public, s, signature));
		signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	text[4] = '2';
	assert_false(sign_verify(k.public, s, signature));
	sign_key_done(&k);
}

static void random_keys_differ(void **state)
{
	struct sign_key a, b;

	(void)state;
	assert_int_equal(sign_key_init(&a, NULL, NULL), ERR_OK);
	assert_int_equal(sign_key_init(&b, NULL, NULL), ERR_OK);
	assert_memory_not_equal(a.public, b.public, sizeof(a.public));
	sign_key_done(&a);
	sign_key_done(&b);
	assert_null(a.secret.p);
}

static void a_secret_keeps_a_copy_and_forgets_it(void **state)
{
	struct secret s, empty;

	(void)state;
	assert_int_equal(secret_copy(&s, STR("token"), NULL), ERR_OK);
	assert_str_equal(secret_str(&s), STR("token"));
	secret_done(&s);
	assert_null(s.p);
	secret_done(&s);
	assert_int_equal(secret_copy(&empty, STR(""), NULL), ERR_OK);
	assert_int_equal(empty.n, 0);
	secret_done(&empty);
}

static void comparing_secrets_sees_every_byte(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	assert_true(secret_equal(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] = 0x80;
		assert_false(secret_equal(a, b, sizeof(a)));
		b[i] = 0;
	}
	assert_true(secret_equal(a, b, 0));
}

static void random_bytes_fill_everything_asked_for(void **state)
{
	uint8_t seen[64] = {0};

	(void)state;
	for (int round = 0; round < 64; round++) {
		uint8_t bytes[64];

		rand_bytes(bytes, sizeof(bytes));
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seen[i] |= bytes[i];
		}
	}
	for (size_t i = 0; i < sizeof(seen); i++) {
		assert_int_equal(seen[i], 0xff); /* wrong by chance once in 2^55 */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_signature_comes_out),
		cmocka_unit_test(one_changed_bit_makes_a_signature_invalid),
		cmocka_unit_test(random_keys_differ),
		cmocka_unit_test(a_secret_keeps_a_copy_and_forgets_it),
		cmocka_unit_test(comparing_secrets_sees_every_byte),
		cmocka_unit_test(random_bytes_fill_everything_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
