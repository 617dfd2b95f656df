/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream fed in pieces of any size gives the events of the whole; an event
 * written again is read back as it was.
 *
 * Input: one byte of piece size, the stream.
 */
#include "http/sse.h"

#include <stdlib.h>

enum { MAX_EVENT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

/* An unambiguous account of an event. */
static void account(struct buf *out, const struct sse_event *e)
{
	buf_printf(out, "%zu:%zu:%zu:%d%d%d:%llu:", e->event.n, e->data.n, e->id.n, e->has_id,
		   e->has_data, e->has_retry, (unsigned long long)e->retry_ms);
	buf_append(out, e->event);
	buf_append(out, e->data);
	buf_append(out, e->id);
}

static void check_round_trip(const struct sse_event *e)
{
	struct buf wire, first, second;
	struct sse_parser p;
	struct sse_event again;
	struct str in;

	buf_init(&wire, 1 << 20);
	buf_init(&first, 1 << 20);
	buf_init(&second, 1 << 20);
	if (sse_write(&wire, e, NULL) == ERR_OK) {
		sse_parser_init(&p, MAX_EVENT * 4);
		in = buf_str(&wire);
		check(sse_parse(&p, &in, &again, NULL) == SSE_EVENT);
		account(&first, e);
		account(&second, &again);
		check(str_eq(buf_str(&first), buf_str(&second)));
		check(in.n == 0);
		sse_parser_done(&p);
	}
	buf_done(&wire);
	buf_done(&first);
	buf_done(&second);
}

static enum sse_result read_all(struct str in, size_t step, struct buf *out, uint64_t *ret_comments)
{
	enum sse_result r = SSE_MORE;
	struct sse_parser p;
	struct sse_event e;

	buf_init(out, 1 << 22);
	sse_parser_init(&p, MAX_EVENT);
	while (in.n && r != SSE_BAD) {
		struct str piece = str_make(in.p, in.n < step ? in.n : step);

		in = str_from(in, piece.n);
		while ((r = sse_parse(&p, &piece, &e, NULL)) == SSE_EVENT) {
			account(out, &e);
			if (step == SIZE_MAX) {
				check_round_trip(&e);
			}
		}
	}
	*ret_comments = p.comments;
	sse_parser_done(&p);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint64_t comments, comments_pieces;
	struct buf whole, pieces;
	enum sse_result r;
	struct str in;

	if (n < 1 || n > 50000) {
		return 0;
	}
	in = str_make((const char *)data + 1, n - 1);
	r = read_all(in, SIZE_MAX, &whole, &comments);
	check(read_all(in, (size_t)data[0] + 1, &pieces, &comments_pieces) == r);
	check(str_eq(buf_str(&whole), buf_str(&pieces)));
	check(comments == comments_pieces);
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
