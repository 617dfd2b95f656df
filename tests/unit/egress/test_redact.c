/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "egress/redact.h"

static const struct str secrets[] = {STR_INIT("sk-aabaab-7"), STR_INIT("aabaac"), STR_INIT("xyz")};

static struct arena arena;
static struct redact r;
static struct buf stream, out;

static int begin(void **state)
{
	struct err err;

	(void)state;
	arena_init(&arena, 1 << 20);
	buf_init(&stream, 1 << 16);
	buf_init(&out, 1 << 16);
	assert_int_equal(redact_init(&r, &arena, secrets, ARRAY_LEN(secrets), &err), ERR_OK);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	arena_done(&arena);
	buf_done(&stream);
	buf_done(&out);
	return 0;
}

static void give_on(void)
{
	size_t n = redact_free(&r, &stream);

	buf_append(&out, str_make(buf_str(&stream).p, n));
	redact_take(&r, &stream, n);
}

static void text(const char *piece)
{
	size_t at = buf_len(&stream);

	buf_append(&stream, str_from_c(piece));
	redact_text(&r, &stream, at, strlen(piece));
	give_on();
}

static void framing(const char *piece)
{
	buf_append(&stream, str_from_c(piece));
	give_on();
}

static void a_secret_is_overwritten_and_nothing_else(void **state)
{
	(void)state;
	text("before sk-aabaab-7 after sk-aabaab-8 aabaac");
	redact_end(&r);
	give_on();
	assert_str_equal(buf_str(&out), STR("before *********** after sk-aabaab-8 ******"));
	assert_int_equal(r.found, 2);
}

static void a_secret_in_pieces_of_any_size_is_overwritten(void **state)
{
	static const char all[] = "a sk-aaba sk-aabaab-7 aabaabaac!";

	(void)state;
	for (size_t size = 1; size < sizeof(all); size++) {
		char piece[sizeof(all)];

		buf_clear(&out);
		for (size_t at = 0; at < sizeof(all) - 1; at += size) {
			size_t n = sizeof(all) - 1 - at < size ? sizeof(all) - 1 - at : size;

			memcpy(piece, all + at, n);
			piece[n] = '\0';
			text(piece);
		}
		redact_end(&r);
		give_on();
		assert_str_equal(buf_str(&out), STR("a sk-aaba *********** aab******!"));
	}
}

static void framing_between_the_pieces_stays(void **state)
{
	(void)state;
	framing("3\r\n");
	text("sk-");
	framing("\r\n8\r\n");
	text("aabaab-7");
	framing("\r\n0\r\n\r\n");
	assert_str_equal(buf_str(&out), STR("3\r\n***\r\n8\r\n********\r\n0\r\n\r\n"));
}

static void nothing_of_a_secret_leaves_before_it_is_decided(void **state)
{
	(void)state;
	text("x sk-aabaab-");
	assert_str_equal(buf_str(&out), STR("x "));
	text("9");
	assert_str_equal(buf_str(&out), STR("x sk-aabaab-9"));
}

static void texts_are_separate(void **state)
{
	(void)state;
	text("sk-aaba");
	redact_end(&r);
	give_on();
	text("ab-7");
	assert_str_equal(buf_str(&out), STR("sk-aabaab-7"));
}

static void what_is_too_short_is_not_looked_for(void **state)
{
	(void)state;
	text("xyz");
	assert_str_equal(buf_str(&out), STR("xyz"));
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(a_secret_is_overwritten_and_nothing_else),
		T(a_secret_in_pieces_of_any_size_is_overwritten),
		T(framing_between_the_pieces_stays),
		T(nothing_of_a_secret_leaves_before_it_is_decided),
		T(texts_are_separate),
		T(what_is_too_short_is_not_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
