/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunked body fed in pieces of any size gives the bytes, the end and the
 * verdict of the whole; what was decoded, encoded again, decodes to itself.
 *
 * Input: one byte of piece size, the body.
 */
#include "http/h1_body.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static enum h1_body_result decode(struct str in, size_t step, struct buf *out, size_t *ret_used)
{
	enum h1_body_result r;
	struct h1_body b;
	size_t at = 0;

	h1_body_init(&b, HTTP_CHUNKED, 0);
	buf_init(out, 1 << 20);
	do {
		size_t k = in.n - at < step ? in.n - at : step, used;
		struct str data;

		r = h1_body_read(&b, str_make(in.p + at, k), &used, &data, NULL);
		check(used <= k && data.n <= used);
		at += used;
		buf_append(out, data);
	} while (r == H1_BODY_DATA || (r == H1_BODY_MORE && at < in.n));
	check(r == H1_BODY_BAD || b.total == buf_len(out));
	check(h1_body_done(&b) == (r == H1_BODY_END));
	*ret_used = at;
	return r;
}

static void check_round_trip(struct str body, size_t step)
{
	struct buf wire, out;
	size_t used;

	buf_init(&wire, 1 << 22);
	for (size_t at = 0; at < body.n; at += step) {
		h1_chunk_write(&wire,
			       str_make(body.p + at, body.n - at < step ? body.n - at : step));
	}
	h1_chunk_end(&wire);
	check(decode(buf_str(&wire), step + 1, &out, &used) == H1_BODY_END);
	check(used == buf_len(&wire) && str_eq(buf_str(&out), body));
	buf_done(&wire);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole, pieces;
	size_t step, used, used_pieces;
	enum h1_body_result r;
	struct str in;

	if (n < 1 || n > 100000) {
		return 0;
	}
	step = (size_t)data[0] + 1;
	in = str_make((const char *)data + 1, n - 1);
	r = decode(in, SIZE_MAX, &whole, &used);
	check(decode(in, step, &pieces, &used_pieces) == r);
	if (r != H1_BODY_BAD) {
		check(used == used_pieces && str_eq(buf_str(&whole), buf_str(&pieces)));
		check_round_trip(buf_str(&whole), step);
	}
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
