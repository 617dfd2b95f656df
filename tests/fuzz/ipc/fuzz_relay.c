/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: however the stream is split, the relay reader gives the same bytes with the
 * same kinds and ends, stops at the same place, and takes nothing past a fault; and
 * what it gave, framed again, is the stream it was given.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/attr.h"
#include "ipc/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What came out: for each byte its kind, and after the last of a piece an E. */
struct result {
	struct buf out;
	bool good;
};

static bool feed(struct relay_reader *r, struct str in, struct result *to)
{
	for (;;) {
		enum relay_kind kind = RELAY_BODY;
		struct str piece = str_make(NULL, 0);
		const char *limit = in.p + in.n;
		size_t before = in.n;
		bool end = false;

		if (!relay_next(r, &in, &kind, &piece, &end)) {
			return false;
		}
		ASSERT(in.n <= before && (in.n == 0 || in.p + in.n == limit));
		if (kind == RELAY_NONE) {
			ASSERT(in.n == 0);
			return true;
		}
		ASSERT(kind == RELAY_HEAD || kind == RELAY_BODY || kind == RELAY_PERMIT);
		ASSERT(piece.n > 0 && piece.p + piece.n + in.n == limit);
		for (size_t i = 0; i < piece.n; i++) {
			buf_append_c(&to->out, "-HBP"[kind]);
			buf_append_c(&to->out, piece.p[i]);
		}
		if (end) {
			buf_append_c(&to->out, 'E');
		}
	}
}

static struct result run(struct str in, size_t step)
{
	struct relay_reader r = {0};
	struct result to = {.good = true};

	buf_init(&to.out, 8 << 20);
	while (to.good && in.n) {
		size_t n = step && step < in.n ? step : in.n;

		to.good = feed(&r, str_make(in.p, n), &to);
		in = str_from(in, n);
	}
	ASSERT(!to.out.failed);
	return to;
}

/* Frames the pieces again and compares with the stream, as far as pieces are complete. */
static void check_round_trip(struct str in, struct str out)
{
	struct buf again;

	buf_init(&again, 8 << 20);
	while (out.n) {
		char kind = out.p[0];
		size_t n = 0;

		while (2 * n < out.n && out.p[2 * n] == kind) {
			n++;
		}
		if (2 * n >= out.n) {
			break; /* cut */
		}
		ASSERT(out.p[2 * n] == 'E');
		relay_frame(&again,
			    kind == 'H'   ? RELAY_HEAD
			    : kind == 'B' ? RELAY_BODY
					  : RELAY_PERMIT,
			    (uint32_t)n);
		for (size_t i = 0; i < n; i++) {
			buf_append_c(&again, out.p[2 * i + 1]);
		}
		out = str_from(out, 2 * n + 1);
	}
	ASSERT(!again.failed && str_starts_with(in, buf_str(&again)));
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const size_t steps[] = {1, 2, 3, 5, 7, 64};
	struct str in = str_make((const char *)data, n);
	struct result whole;

	if (n > 64 << 10) {
		return 0;
	}
	whole = run(in, 0);
	check_round_trip(in, buf_str(&whole.out));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct result split = run(in, steps[i]);

		ASSERT(split.good == whole.good);
		ASSERT(str_eq(buf_str(&split.out), buf_str(&whole.out)));
		buf_done(&split.out);
	}
	buf_done(&whole.out);
	return 0;
}
