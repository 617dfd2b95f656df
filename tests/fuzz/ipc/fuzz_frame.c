/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte says how many bytes drive the reading, the rest is the frame in memory
 * of exactly its size. Oracle: a reader never leaves its frame and never comes
 * back from a fault; what was read well gives the same bytes when it is written again, and
 * a writer with one byte less room overflows.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/attr.h"
#include "ipc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FIELDS = 255 };

/* Reads one field as `how` says, and writes what was read. */
static void copy_field(struct frame_reader *r, struct frame_writer *w, uint8_t how)
{
	const char *from = (const char *)r->p;
	bool was_bad = r->bad;
	size_t before = r->at;
	struct str s = {0};

	switch (how % 4) {
	case 0:
		frame_put_u8(w, frame_get_u8(r));
		break;
	case 1:
		frame_put_u32(w, frame_get_u32(r));
		break;
	case 2:
		frame_put_u64(w, frame_get_u64(r));
		break;
	default:
		s = frame_get_str(r);
		ASSERT(r->bad ? !s.p && s.n == 0 : s.p >= from && s.p + s.n == from + r->at);
		frame_put_str(w, s);
		break;
	}
	ASSERT(r->at <= r->n && r->at >= before);
	ASSERT(!was_bad || (r->bad && r->at == before));
}

static bool read_all(const uint8_t *how, size_t n_how, struct str frame, struct frame_writer *w,
		     void *room, size_t cap)
{
	struct frame_reader r;

	frame_begin(w, room, cap, frame_open(&r, frame));
	for (size_t i = 0; i < n_how; i++) {
		copy_field(&r, w, how[i]);
	}
	ASSERT(!r.bad || !frame_ok(&r));
	return frame_ok(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t n_how = n ? data[0] % FIELDS : 0;
	struct frame_writer w;
	struct str frame;
	char *exact, *room;

	if (n < 1 + n_how) {
		return 0;
	}
	n -= 1 + n_how;
	exact = malloc(n ? n : 1);
	room = malloc(n + FIELDS * 8 + 1);
	ASSERT(exact && room);
	if (n) {
		memcpy(exact, data + 1 + n_how, n);
	}
	frame = str_make(exact, n);
	if (read_all(data + 1, n_how, frame, &w, room, n + FIELDS * 8 + 1)) {
		ASSERT(!w.overflow && str_eq(frame_bytes(&w), frame));
		ASSERT(read_all(data + 1, n_how, frame, &w, room, n - 1) && w.overflow);
		ASSERT(w.n <= n - 1);
	}
	free(exact);
	free(room);
	return 0;
}
