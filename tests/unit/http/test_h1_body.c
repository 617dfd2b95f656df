/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "http/h1_body.h"

/* Feeds `in` in pieces of `step` bytes; the body goes to `out`. */
static enum h1_body_result decode(enum http_framing framing, uint64_t length, struct str in,
				  size_t step, struct buf *out, size_t *ret_used)
{
	enum h1_body_result r = H1_BODY_MORE;
	struct h1_body b;
	size_t at = 0;

	h1_body_init(&b, framing, length);
	buf_init(out, 1 << 20);
	for (;;) {
		size_t n = in.n - at < step ? in.n - at : step, used;
		struct str data;

		r = h1_body_read(&b, str_make(in.p + at, n), &used, &data, NULL);
		at += used;
		buf_append(out, data);
		if (r == H1_BODY_END || r == H1_BODY_BAD || (r == H1_BODY_MORE && at == in.n)) {
			*ret_used = at;
			return r;
		}
	}
}

static void check(struct str in, enum h1_body_result want, struct str body, size_t want_used)
{
	for (size_t step = 1; step <= in.n; step++) {
		struct buf out;
		size_t used;

		assert_int_equal(decode(HTTP_CHUNKED, 0, in, step, &out, &used), want);
		if (want == H1_BODY_END) {
			assert_str_equal(buf_str(&out), body);
			assert_int_equal(used, want_used);
		}
		buf_done(&out);
	}
}

static void chunks_are_joined_for_every_split(void **state)
{
	(void)state;
	check(STR("5\r\nhello\r\n0\r\n\r\nGET"), H1_BODY_END, STR("hello"), 15);
	check(STR("A\r\n0123456789\r\n00b\r\nabcdefghijk\r\n000\r\n\r\n"), H1_BODY_END,
	      STR("0123456789abcdefghijk"), 40);
	check(STR("1;a=b;c=\"d e\"\r\nx\r\n0;last\r\nTrailer: v\r\nT2:\r\n\r\n"), H1_BODY_END,
	      STR("x"), 45);
	check(STR("5\r\nhel"), H1_BODY_MORE, STR(""), 0);
}

static void malformed_chunks_are_refused(void **state)
{
	static const struct str rows[] = {
		STR_INIT("0x1\r\na\r\n0\r\n\r\n"),
		STR_INIT("+1\r\na\r\n0\r\n\r\n"),
		STR_INIT("-1\r\na\r\n0\r\n\r\n"),
		STR_INIT(" 1\r\na\r\n0\r\n\r\n"),
		STR_INIT("1 \r\na\r\n0\r\n\r\n"),
		STR_INIT("1\na\r\n0\r\n\r\n"),
		STR_INIT("1\r\na\n0\r\n\r\n"),
		STR_INIT("1\r\nab\r\n0\r\n\r\n"),
		STR_INIT("1\r\na0\r\n\r\n"),
		STR_INIT("\r\n"),
		STR_INIT(";x\r\na\r\n"),
		STR_INIT("g\r\n"),
		STR_INIT("1;a\nb\r\na\r\n0\r\n\r\n"),
		STR_INIT("1;a\rb\r\na\r\n0\r\n\r\n"),
		STR_INIT("1;\0\r\na\r\n0\r\n\r\n"),
		STR_INIT("1\r\r\na\r\n0\r\n\r\n"),
		STR_INIT("0\r\nbad trailer: x\r\n\r\n"),
		STR_INIT("0\r\nx: a\nb: c\r\n\r\n"),
		STR_INIT("0\r\n: x\r\n\r\n"),
		STR_INIT("0\r\n x: y\r\n\r\n"),
		STR_INIT("0\r\n\n"),
		STR_INIT("0\r\n\rX"),
		STR_INIT("1111111111111111\r\n"),
		STR_INIT("ffffffffffffffffff\r\n"),
		STR_INIT("0000000000000001\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check(rows[i], H1_BODY_BAD, STR(""), 0);
	}
}

static void overhead_is_bounded(void **state)
{
	static char text[64 * 1024];
	struct buf out;
	size_t n = 0, used;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "1;", 2);
	assert_int_equal(decode(HTTP_CHUNKED, 0, str_make(text, 131), 64, &out, &used),
			 H1_BODY_BAD);
	buf_done(&out);
	for (int i = 0; i < 200; i++) { /* one byte a chunk, each with an extension */
		memcpy(text + n, "1;", 2);
		memset(text + n + 2, 'e', 100);
		memcpy(text + n + 102, "\r\na\r\n", 5);
		n += 107;
	}
	assert_int_equal(decode(HTTP_CHUNKED, 0, str_make(text, n), n, &out, &used), H1_BODY_BAD);
	assert_true(buf_len(&out) < 50);
	buf_done(&out);
	memset(text, 'x', sizeof(text));
	memcpy(text, "0\r\nT: ", 6);
	assert_int_equal(decode(HTTP_CHUNKED, 0, str_make(text, 6000), 6000, &out, &used),
			 H1_BODY_BAD);
	buf_done(&out);
}

static void lengths_end_exactly(void **state)
{
	struct buf out;
	struct h1_body b;
	size_t used;

	(void)state;
	assert_int_equal(decode(HTTP_LENGTH, 5, STR("helloGET"), 3, &out, &used), H1_BODY_END);
	assert_str_equal(buf_str(&out), STR("hello"));
	assert_int_equal(used, 5);
	buf_done(&out);
	h1_body_init(&b, HTTP_LENGTH, 5);
	assert_false(h1_body_eof(&b));
	h1_body_init(&b, HTTP_UNTIL_CLOSE, 0);
	assert_true(h1_body_eof(&b));
	assert_false(h1_body_done(&b));
	h1_body_init(&b, HTTP_NO_BODY, 0);
	assert_true(h1_body_done(&b));
}

static void what_is_written_in_chunks_is_read_back(void **state)
{
	struct buf wire, out;
	size_t used;

	(void)state;
	buf_init(&wire, 1 << 20);
	h1_chunk_write(&wire, STR("hello "));
	h1_chunk_write(&wire, STR(""));
	h1_chunk_write(&wire, STR("a somewhat longer chunk"));
	h1_chunk_end(&wire);
	assert_int_equal(decode(HTTP_CHUNKED, 0, buf_str(&wire), 7, &out, &used), H1_BODY_END);
	assert_str_equal(buf_str(&out), STR("hello a somewhat longer chunk"));
	assert_int_equal(used, buf_len(&wire));
	buf_done(&wire);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_joined_for_every_split),
		cmocka_unit_test(malformed_chunks_are_refused),
		cmocka_unit_test(overhead_is_bounded),
		cmocka_unit_test(lengths_end_exactly),
		cmocka_unit_test(what_is_written_in_chunks_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
