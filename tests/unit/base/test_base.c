/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hex.h"
#include "base/map.h"
#include "base/num.h"

static void text_compares_by_bytes_and_numbers_do_not_overflow(void **state)
{
	uint64_t u;
	int64_t i;

	(void)state;
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_ieq(STR("Content-Length"), STR("content-length")));
	assert_int_equal(str_find_str(STR("abcabd"), STR("abd")), 3);
	assert_true(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
	assert_false(str_to_u64(STR("18446744073709551616"), &u));
	assert_false(str_to_u64(STR("+1"), &u));
	assert_true(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
	assert_false(str_to_i64(STR("9223372036854775808"), &i));
	assert_int_equal(str_distance(STR("polcy"), STR("policy"), 2), 1);
	assert_int_equal(str_distance(STR("abc"), STR("xyz"), 2), 3);
}

static size_t find_naively(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++) {
		if (memcmp(s.p + i, needle.p, needle.n) == 0) {
			return i;
		}
	}
	return s.n;
}

static void text_is_found_where_a_naive_search_finds_it(void **state)
{
	/* Rare and frequent bytes, so that hits, false hits and many false hits come about. */
	static const char *const alphabets[] = {"ab", "<a", "<>", "e\x80\xff", "-_ e"};
	uint32_t random = 1;
	char bytes[160];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		const char *letters = alphabets[round % ARRAY_LEN(alphabets)];
		size_t n, k;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			random = random * 1664525 + 1013904223;
			bytes[i] = letters[(random >> 24) % strlen(letters)];
		}
		n = random % 128;
		k = 1 + (random >> 8) % 20;
		assert_int_equal(str_find_str(str_make(bytes, n), str_make(bytes + 128, k)),
				 find_naively(str_make(bytes, n), str_make(bytes + 128, k)));
	}
	assert_int_equal(str_find_str(STR("abc"), STR("")), 0);
	assert_int_equal(str_find_str(str_make(NULL, 0), STR("a")), 0);
}

static void utf8_is_strict(void **state)
{
	(void)state;
	assert_true(str_is_utf8(STR("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80")));
	assert_false(str_is_utf8(STR("\xc0\x80")));         /* overlong */
	assert_false(str_is_utf8(STR("\xed\xa0\x80")));     /* surrogate */
	assert_false(str_is_utf8(STR("\xf4\x90\x80\x80"))); /* past U+10FFFF */
	assert_false(str_is_utf8(STR("\xe2\x82")));         /* cut off */
	assert_int_equal(str_printable(STR("a")), 1);
	assert_int_equal(str_printable(STR("\xf0\x9f\x98\x80z")), 4);
	assert_int_equal(str_printable(STR("\xc2\xa0")), 2);
	assert_int_equal(str_printable(STR("\xc2\x9b")), 0); /* CSI of eight-bit terminals */
	assert_int_equal(str_printable(STR("\x9b")), 0);
	assert_int_equal(str_printable(STR("\xe2\x80\xae")),
			 0); /* what follows from right to left */
	assert_int_equal(str_printable(STR("\xe2\x81\xa6")), 0);
	assert_int_equal(str_printable(STR("\xe2\x80\xa8")), 0);
	assert_int_equal(str_printable(STR("\xd8\x9c")), 0);
	assert_int_equal(str_printable(STR("\xe2\x80\xa6")), 3);
	assert_int_equal(str_printable(STR("\x1b")), 0);
	assert_int_equal(str_printable(STR("")), 0);
}

static void an_arena_keeps_its_limit_and_says_so(void **state)
{
	_Alignas(16) char room[256];
	struct arena a;

	(void)state;
	arena_init(&a, 8192);
	assert_non_null(arena_alloc(&a, 100));
	assert_null(arena_alloc(&a, 100000));
	assert_true(a.exhausted);
	arena_reset(&a);
	assert_false(a.exhausted);
	assert_non_null(arena_alloc(&a, 3000));
	assert_null(arena_array(&a, SIZE_MAX / 2, 4));
	arena_done(&a);
	arena_init_in(&a, room, sizeof(room));
	assert_ptr_equal(arena_alloc(&a, 100), room);
	assert_non_null(arena_alloc(&a, sizeof(room) - 112));
	assert_null(arena_alloc(&a, 1));
	assert_true(a.exhausted);
	arena_done(&a); /* the room is not its own */
}

static void a_buffer_stops_at_its_maximum_without_losing_what_it_has(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (int i = 0; i < 300; i++) {
		buf_append_u64(&b, 123);
	}
	assert_int_equal(buf_len(&b), 900);
	buf_append(&b, buf_str(&b));
	assert_true(b.failed);
	assert_int_equal(buf_len(&b), 900);
	buf_consume(&b, 898);
	assert_true(str_eq(buf_str(&b), STR("23")));
	buf_done(&b);
}

static void a_map_finds_what_was_put_through_growth_and_removal(void **state)
{
	static char keys[1000][8];
	struct map m;

	(void)state;
	map_init(&m, (struct hash_key){1, 2});
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		assert_true(map_put(&m, str_from_c(keys[i]), keys[i]));
	}
	for (int i = 0; i < 1000; i += 2) {
		assert_ptr_equal(map_take(&m, str_from_c(keys[i])), keys[i]);
	}
	for (int i = 0; i < 1000; i++) {
		assert_ptr_equal(map_find(&m, str_from_c(keys[i])), i % 2 ? keys[i] : NULL);
	}
	assert_int_equal(m.n, 500);
	map_done(&m);
}

static void base64_is_canonical_both_ways(void **state)
{
	struct arena a;
	struct buf b;
	struct str s;

	(void)state;
	arena_init(&a, 65536);
	buf_init(&b, 100);
	base64_append(&b, "fooba", 5);
	assert_true(str_eq(buf_str(&b), STR("Zm9vYmE=")));
	assert_true(base64_decode(&a, buf_str(&b), &s) && str_eq(s, STR("fooba")));
	assert_false(base64_decode(&a, STR("Zm9vYmF="), &s)); /* spare bits set */
	assert_false(base64_decode(&a, STR("Zm9v YmE"), &s));
	assert_false(base64_decode(&a, STR("Zm9=YmE="), &s));
	buf_clear(&b);
	base64url_append(&b,
			 "\xfb\xff\xfe"
			 "a",
			 4);
	assert_true(str_eq(buf_str(&b), STR("-__-YQ")));
	assert_true(base64url_decode(&a, buf_str(&b), &s) && str_eq(s, STR("\xfb\xff\xfe"
									   "a")));
	assert_false(base64url_decode(&a, STR("-__-YQ=="), &s)); /* padding */
	assert_false(base64url_decode(&a, STR("-__-YR"), &s));   /* spare bits set */
	assert_false(base64url_decode(&a, STR("+//+YQ"), &s));
	assert_false(base64url_decode(&a, STR("-__-Y"), &s));
	buf_done(&b);
	arena_done(&a);
}

static void an_error_keeps_its_code_and_gains_context(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(ERR(&err, ERR_LIMIT, "more than %d", 3), ERR_LIMIT);
	err_wrap(&err, "loading %s", "x");
	assert_string_equal(err.msg, "loading x: more than 3");
	assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_compares_by_bytes_and_numbers_do_not_overflow),
		cmocka_unit_test(text_is_found_where_a_naive_search_finds_it),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(an_arena_keeps_its_limit_and_says_so),
		cmocka_unit_test(a_buffer_stops_at_its_maximum_without_losing_what_it_has),
		cmocka_unit_test(a_map_finds_what_was_put_through_growth_and_removal),
		cmocka_unit_test(base64_is_canonical_both_ways),
		cmocka_unit_test(an_error_keeps_its_code_and_gains_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
