/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/hex.h"
#include "crypto/sha256_priv.h"

#include <sodium.h>

static void assert_hash(const uint8_t hash[SHA256_LEN], const char *hex)
{
	char text[2 * SHA256_LEN];

	hex_write(text, hash, SHA256_LEN);
	assert_str_equal(str_make(text, sizeof(text)), str_from_c(hex));
}

/* FIPS 180-4 examples, and the empty string. */
static void known_hashes_come_out(void **state)
{
	uint8_t hash[SHA256_LEN];

	(void)state;
	sha256_of(STR(""), hash);
	assert_hash(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_of(STR("abc"), hash);
	assert_hash(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_of(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), hash);
	assert_hash(hash, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void hashing_in_pieces_equals_hashing_at_once(void **state)
{
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t cut = 0; cut <= sizeof(text); cut++) {
		uint8_t whole[SHA256_LEN], pieces[SHA256_LEN];
		struct sha256 h, copy;

		sha256_of(str_make(text, sizeof(text)), whole);
		sha256_init(&h);
		sha256_update(&h, text, cut);
		copy = h;
		sha256_update(&copy, text + cut, sizeof(text) - cut);
		sha256_final(&copy, pieces);
		assert_memory_equal(whole, pieces, SHA256_LEN);
	}
}

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block). */
static void known_hmacs_come_out(void **state)
{
	uint8_t hash[SHA256_LEN];
	char key[131];

	(void)state;
	memset(key, 0x0b, 20);
	hmac_sha256(str_make(key, 20), STR("Hi There"), hash);
	assert_hash(hash, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), hash);
	assert_hash(hash, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	hmac_sha256(str_make(key, sizeof(key)),
		    STR("Test Using Larger Than Block-Size Key - Hash Key First"), hash);
	assert_hash(hash, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* FIPS 180-4 by another hand: every length around the block's end, and long ones. */
static void a_library_gives_the_same_hashes(void **state)
{
	static uint8_t bytes[4096 + 7];
	uint8_t ours[SHA256_LEN], theirs[crypto_hash_sha256_BYTES];
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(seed >> 24);
	}
	for (size_t n = 0; n <= sizeof(bytes); n += n < 300 ? 1 : 61) {
		sha256_of(str_make((const char *)bytes, n), ours);
		assert_int_equal(crypto_hash_sha256(theirs, bytes, n), 0);
		assert_memory_equal(ours, theirs, SHA256_LEN);
	}
}

/* Messages of all lengths side by side, in every order of long and short. */
static void many_at_once_are_hashed_as_each_alone(void **state)
{
	enum { MANY = 40 };
	static uint8_t bytes[1000];
	uint8_t alone[SHA256_LEN], ret[MANY][SHA256_LEN];
	struct str s[MANY] = {0};
	uint32_t seed = 3;

	(void)state;
	sha256_of_each(s, 0, ret);
	for (size_t round = 0; round < 500; round++) {
		size_t n = 1 + round % MANY;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[seed >> 8 & 511] = (uint8_t)(seed >> 24);
			s[i] = str_make((const char *)bytes + i,
					(seed >> 12) % (seed >> 31 ? 70 : 900));
		}
		sha256_of_each(s, n, ret);
		for (size_t i = 0; i < n; i++) {
			sha256_of(s[i], alone);
			assert_memory_equal(ret[i], alone, SHA256_LEN);
		}
	}
}

/* Also the one that this machine would not take. */
static void both_ways_through_a_block_are_the_same(void **state)
{
	uint8_t bytes[8 * SHA256_BLOCK + 1];
	uint32_t seed = 7, plain[8], fast[8];

	(void)state;
	if (!sha256_has_instructions()) {
		print_message("this processor has no SHA instructions\n");
		skip();
	}
	for (int round = 0; round < 200; round++) {
		size_t n = 1 + (size_t)round % 8;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = (uint8_t)(seed >> 24);
		}
		memcpy(plain, bytes, sizeof(plain));
		memcpy(fast, bytes, sizeof(fast));
		sha256_blocks_plain(plain, bytes + 1, n);
		sha256_blocks_fast(fast, bytes + 1, n);
		assert_memory_equal(plain, fast, sizeof(plain));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_hashes_come_out),
		cmocka_unit_test(hashing_in_pieces_equals_hashing_at_once),
		cmocka_unit_test(known_hmacs_come_out),
		cmocka_unit_test(a_library_gives_the_same_hashes),
		cmocka_unit_test(many_at_once_are_hashed_as_each_alone),
		cmocka_unit_test(both_ways_through_a_block_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
