/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "ledger/permit.h"

static const char key[] = "0123456789abcdef0123456789abcdef";

static void a_request_is_a_head_and_pieces(void **state)
{
	static char body[2 * PERMIT_PIECE + 1];
	static char too_long[34 * PERMIT_PIECE];
	UNSET struct permit p;
	uint8_t digest[SHA256_LEN];

	(void)state;
	assert_true(permit_of(&p, STR("head"), STR("")));
	assert_int_equal(p.n, 1);
	assert_int_equal(p.bytes, 4);
	assert_true(permit_of(&p, STR("head"), str_make(body, sizeof(body))));
	assert_int_equal(p.n, 4);
	assert_int_equal(p.bytes, sizeof(body) + 4);
	sha256_of(str_make(body, 1), digest);
	assert_memory_equal(p.digests[3], digest, sizeof(digest));
	assert_true(
		permit_of(&p, STR("head"), str_make(too_long, sizeof(too_long) - PERMIT_PIECE)));
	assert_false(permit_of(&p, STR("head"), str_make(too_long, sizeof(too_long))));
}

static void a_permit_is_read_as_it_was_written(void **state)
{
	struct permit p = {.index = 7, .at_us = 8, .bytes = 9, .salt = {1}, .mac = {2}};
	struct permit q = {0};
	struct buf b;

	(void)state;
	p.n = 2;
	memset(p.digests, 3, 2 * SHA256_LEN);
	buf_init(&b, PERMIT_MAX);
	permit_write(&p, &b);
	assert_true(permit_read(&q, buf_str(&b)));
	assert_memory_equal(&p, &q, sizeof(p));
	for (size_t n = 0; n < buf_len(&b); n++) {
		bool whole = n == buf_len(&b) - SHA256_LEN;

		assert_int_equal(permit_read(&q, str_make(b.p, n)), whole);
	}
	buf_done(&b);
}

/* Whatever a permit says is in its MAC. */
static void the_mac_is_of_all_of_it(void **state)
{
	struct permit p = {.index = 7, .at_us = 8, .bytes = 9}, q;
	uint8_t c[SHA256_LEN] = {5}, other[SHA256_LEN] = {6}, mac[SHA256_LEN], got[SHA256_LEN];
	struct str k = str_from_c(key);

	(void)state;
	permit_mac(k, &p, STR("model:a"), c, mac);
	permit_mac(k, &p, STR("model:a"), c, got);
	assert_memory_equal(mac, got, sizeof(mac));
	q = p;
	q.matrix[31] ^= 1;
	permit_mac(k, &q, STR("model:a"), c, got);
	assert_memory_not_equal(mac, got, SHA256_LEN);
	permit_mac(k, &p, STR("model:b"), c, got);
	assert_memory_not_equal(mac, got, sizeof(mac));
	permit_mac(k, &p, STR("model:a"), other, got);
	assert_memory_not_equal(mac, got, sizeof(mac));
	q = p;
	q.index++;
	permit_mac(k, &q, STR("model:a"), c, got);
	assert_memory_not_equal(mac, got, sizeof(mac));
	q = p;
	q.at_us++;
	permit_mac(k, &q, STR("model:a"), c, got);
	assert_memory_not_equal(mac, got, sizeof(mac));
	q = p;
	q.bytes++;
	permit_mac(k, &q, STR("model:a"), c, got);
	assert_memory_not_equal(mac, got, sizeof(mac));
}

static void the_commitment_is_of_salt_and_digests(void **state)
{
	UNSET struct permit p;
	uint8_t one[SHA256_LEN], two[SHA256_LEN];

	(void)state;
	assert_true(permit_of(&p, STR("head"), STR("body")));
	memset(p.salt, 1, sizeof(p.salt));
	permit_commit(&p, one);
	p.salt[0] = 2;
	permit_commit(&p, two);
	assert_memory_not_equal(one, two, sizeof(one));
	p.salt[0] = 1;
	assert_true(permit_of(&p, STR("head"), STR("bodz")));
	permit_commit(&p, two);
	assert_memory_not_equal(one, two, sizeof(one));
}

/* Against a list of all that was used. */
static void each_index_is_taken_once(void **state)
{
	enum { SPAN = 3 * PERMIT_WINDOW };
	static bool used[SPAN];
	struct permit_window w = {0};
	uint64_t newest = 0, at = 1;

	(void)state;
	for (unsigned i = 0; i < 400000; i++) {
		uint64_t index;
		bool took;

		at = at * 6364136223846793005ULL + 1442695040888963407ULL;
		index = i * 7ULL + (at >> 33) % 600000;
		index %= SPAN;
		took = permit_window_take(&w, index);
		newest = index > newest ? index : newest;
		assert_false(took && used[index]);
		/* It may forget, and then refuses; what is new enough is known. */
		if (!used[index] && newest - index < PERMIT_WINDOW - 64) {
			assert_true(took);
		}
		used[index] = used[index] || took;
	}
	assert_true(permit_window_take(&w, 1ULL << 40)); /* all that was is old now */
	assert_false(permit_window_take(&w, newest));
	assert_false(permit_window_take(&w, 1ULL << 40));
	assert_false(permit_window_take(&w, UINT64_MAX));
	permit_window_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_a_head_and_pieces),
		cmocka_unit_test(a_permit_is_read_as_it_was_written),
		cmocka_unit_test(the_mac_is_of_all_of_it),
		cmocka_unit_test(the_commitment_is_of_salt_and_digests),
		cmocka_unit_test(each_index_is_taken_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
