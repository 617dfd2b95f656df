/* SPDX-License-Identifier: Apache-2.0 */
/* The scribe's end of a gate's channel, played by a test: reads frames, answers as it is told. */
#ifndef TESTS_UNIT_GATE_FAKE_SCRIBE_H
#define TESTS_UNIT_GATE_FAKE_SCRIBE_H

#include "ipc/chan.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "net/loop.h"

#include <unistd.h>

enum { FAKE_MAX_ENTRIES = 512 };

struct fake_scribe {
	struct chan chan;
	/* The last frame. */
	uint64_t batch;
	uint8_t flags;
	uint32_t n;
	struct str entries[FAKE_MAX_ENTRIES];
	char bytes[IPC_FRAME_MAX];
};

/* Two ends: one stays here, the other is the gate's. */
static inline int fake_scribe_open(struct fake_scribe *s)
{
	struct err err;
	int ends[2];

	assert_int_equal(chan_pair(ends, &err), ERR_OK);
	chan_init(&s->chan, ends[1], 1 << 20);
	return ends[0];
}

/* The next APPEND, or false when none waits. Anything else fails the test. */
static inline bool fake_scribe_next(struct fake_scribe *s)
{
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct frame_reader r;
	struct str frame;
	struct err err;
	enum err_code code =
		chan_recv(&s->chan, s->bytes, sizeof(s->bytes), &frame, fds, &n_fds, &err);

	if (code == ERR_AGAIN) {
		return false;
	}
	assert_int_equal(code, ERR_OK);
	assert_int_equal(n_fds, 0);
	assert_int_equal(frame_open(&r, frame), IPC_APPEND);
	s->batch = frame_get_u64(&r);
	s->flags = frame_get_u8(&r);
	s->n = frame_get_u32(&r);
	assert_in_range(s->n, 1, FAKE_MAX_ENTRIES);
	for (uint32_t i = 0; i < s->n; i++) {
		s->entries[i] = frame_get_str(&r);
	}
	assert_true(frame_ok(&r));
	return true;
}

static inline void fake_scribe_say(struct fake_scribe *s, const struct frame_writer *w)
{
	struct err err;

	assert_int_equal(chan_send(&s->chan, frame_bytes(w), NULL, 0, &err), ERR_OK);
}

/* With MACs for the entries that want them. */
static inline void fake_scribe_permit(struct fake_scribe *s, uint64_t batch, uint64_t first,
				      struct str macs)
{
	struct frame_writer w;
	char out[256];

	frame_begin(&w, out, sizeof(out), IPC_ACK);
	frame_put_u64(&w, batch);
	frame_put_u64(&w, first);
	frame_put_u64(&w, 1000);
	frame_put_str(&w, macs);
	frame_put_u64(&w, 77);
	fake_scribe_say(s, &w);
}

static inline void fake_scribe_ack(struct fake_scribe *s, uint64_t batch, uint64_t first)
{
	fake_scribe_permit(s, batch, first, STR(""));
}

static inline void fake_scribe_nack(struct fake_scribe *s, uint64_t batch, uint8_t reason)
{
	struct frame_writer w;
	char out[32];

	frame_begin(&w, out, sizeof(out), IPC_NACK);
	frame_put_u64(&w, batch);
	frame_put_u8(&w, reason);
	fake_scribe_say(s, &w);
}

/* A few turns without sleeping: whatever is under way in this process has happened then. */
static inline void settle(struct loop *l)
{
	struct err err;

	for (int i = 0; i < 4; i++) {
		assert_int_equal(loop_turn(l, 0, &err), ERR_OK);
	}
}

/* Turns until a frame comes; fails after some seconds. */
static inline void fake_scribe_await(struct fake_scribe *s, struct loop *l)
{
	uint64_t until = clock_mono() + 5 * CLOCK_SEC;
	struct err err;

	while (!fake_scribe_next(s)) {
		assert_true(clock_mono() < until);
		assert_int_equal(loop_turn(l, 5, &err), ERR_OK);
	}
}

#endif
