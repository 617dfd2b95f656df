/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run.h"

#include "ipc/frame.h"
#include "sys/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { ANSWER_MS = 30000, END_MS = 5000 };

enum err_code run_talk_next(struct chan *c, void *buf, size_t cap, int ms, struct str *ret,
			    struct err *err)
{
	for (;;) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		int ready = poll(&p, 1, ms);
		enum err_code code;

		if (ready < 0 && errno == EINTR) {
			continue;
		}
		if (ready == 0) {
			return ERR(err, ERR_TIMEOUT, "the node did not answer within %d s",
				   ms / 1000);
		}
		code = chan_recv(c, buf, cap, ret, fds, &n_fds, err);
		for (unsigned i = 0; !code && i < n_fds; i++) {
			(void)close(fds[i]);
		}
		if (code == ERR_CLOSED) {
			return ERR(err, ERR_CLOSED, "the node hung up");
		}
		if (code != ERR_AGAIN) {
			return code;
		}
	}
}

static enum err_code say(struct chan *c, const struct frame_writer *w, struct err *err)
{
	return w->overflow ? ERR(err, ERR_LIMIT, "the command line is too long for the node")
			   : chan_send(c, frame_bytes(w), NULL, 0, err);
}

static struct str keep(struct arena *a, struct frame_reader *r)
{
	return arena_dup(a, frame_get_str(r));
}

static enum err_code read_opened(struct arena *a, struct frame_reader *r, struct run_granted *g,
				 struct err *err)
{
	uint32_t n;

	g->id = frame_get_u64(r);
	g->listeners = frame_get_u32(r);
	n = frame_get_u32(r);
	if (n > RUN_MAX_CAPTURE) {
		return ERR(err, ERR_CORRUPT, "the node's answer is malformed");
	}
	while (g->n_capture < n) {
		g->capture[g->n_capture++] = (uint16_t)frame_get_u32(r);
	}
	g->authority = keep(a, r);
	g->policy = keep(a, r);
	n = frame_get_u32(r);
	if (r->bad || n > RUN_MAX_PLACES + RUN_MAX_NAMED) {
		return ERR(err, ERR_CORRUPT, "the node's answer is malformed");
	}
	g->places = ARENA_ARRAY(a, n + 1, struct run_granted_place);
	for (uint32_t i = 0; g->places && i < n; i++) {
		struct run_granted_place *p = &g->places[i];

		p->path = keep(a, r);
		p->allowed = frame_get_u8(r);
		p->from = frame_get_u8(r) == RUN_PLACE_NAMED ? RUN_PLACE_NAMED : RUN_PLACE_ASKED;
		p->read_policy = keep(a, r);
		p->write_policy = keep(a, r);
	}
	g->n_places = n;
	g->others = frame_get_u8(r);
	n = frame_get_u32(r);
	if (r->bad || g->others > RUN_OTHERS_BY_PATH || n > RUN_MAX_NAMED) {
		return ERR(err, ERR_CORRUPT, "the node's answer is malformed");
	}
	g->programs = ARENA_ARRAY(a, n + 1, struct run_program);
	for (uint32_t i = 0; g->programs && i < n; i++) {
		g->programs[i].path = keep(a, r);
		g->programs[i].permitted = frame_get_u8(r) == 1;
		g->programs[i].policy = keep(a, r);
	}
	g->n_programs = n;
	return g->places && g->programs && frame_ok(r) && !a->exhausted
		       ? ERR_OK
		       : ERR(err, ERR_CORRUPT, "the node's answer is malformed");
}

static enum err_code read_refused(struct arena *a, struct frame_reader *r, struct run_granted *g,
				  struct err *err)
{
	uint8_t why = frame_get_u8(r);

	g->refused = true;
	g->why = why <= RUN_IMPOSSIBLE ? why : RUN_IMPOSSIBLE;
	g->policy = keep(a, r);
	g->reason = keep(a, r);
	g->id = frame_get_u64(r);
	return frame_ok(r) ? ERR_OK : ERR(err, ERR_CORRUPT, "the node's answer is malformed");
}

enum err_code run_talk_open(struct arena *a, struct chan *c, const struct run_open *asked,
			    struct err *err)
{
	char *buf = arena_alloc(a, IPC_FRAME_MAX);
	struct frame_writer w;

	if (!buf) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	frame_begin(&w, buf, IPC_FRAME_MAX, RUN_OPEN);
	run_open_encode(asked, &w);
	return say(c, &w, err);
}

enum err_code run_talk_opened(struct arena *a, struct chan *c, struct run_granted *ret,
			      struct err *err)
{
	char *buf = arena_alloc(a, IPC_FRAME_MAX);
	struct frame_reader r;
	struct str frame;
	uint8_t type;

	*ret = (struct run_granted){0};
	if (!buf) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(run_talk_next(c, buf, IPC_FRAME_MAX, ANSWER_MS, &frame, err));
	type = frame_open(&r, frame);
	if (type == RUN_OPENED) {
		return read_opened(a, &r, ret, err);
	}
	if (type == RUN_REFUSED) {
		return read_refused(a, &r, ret, err);
	}
	return ERR(err, ERR_CORRUPT, "the node's answer is no answer (message %u)", type);
}

enum err_code run_talk_listeners(struct chan *c, const uint8_t *kinds, const int *fds, unsigned n,
				 struct err *err)
{
	char buf[16];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), RUN_LISTENER);
	for (unsigned i = 0; i < n; i++) {
		frame_put_u8(&w, kinds[i]);
	}
	ASSERT(!w.overflow);
	return chan_send(c, frame_bytes(&w), fds, n, err);
}

static enum err_code hand_over(struct chan *c, enum run_message what, int fd, struct err *err)
{
	char buf[8];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), (uint8_t)what);
	return chan_send(c, frame_bytes(&w), &fd, 1, err);
}

enum err_code run_talk_reins(struct chan *c, int fd, struct err *err)
{
	return hand_over(c, RUN_REINS, fd, err);
}

enum err_code run_talk_monitor(struct chan *c, int fd, struct err *err)
{
	return hand_over(c, RUN_MONITOR, fd, err);
}

enum err_code run_talk_started(struct chan *c, struct str limits, struct err *err)
{
	char buf[RUN_MAX_LIMITS + 16];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), RUN_STARTED);
	frame_put_str(&w, limits);
	return say(c, &w, err);
}

enum err_code run_talk_program(struct chan *c, uint64_t n, struct str path, struct str digest,
			       bool certain, struct err *err)
{
	char buf[8192];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), RUN_PROGRAM);
	frame_put_u64(&w, n);
	frame_put_str(&w, path);
	frame_put_str(&w, digest);
	frame_put_u8(&w, certain);
	return say(c, &w, err);
}

enum err_code run_talk_ended(struct chan *c, enum run_end how, uint32_t status, struct err *err)
{
	char buf[256];
	struct frame_writer w;
	struct frame_reader r;
	struct str frame;

	frame_begin(&w, buf, sizeof(buf), RUN_ENDED);
	frame_put_u8(&w, (uint8_t)how);
	frame_put_u32(&w, status);
	TRY(say(c, &w, err));
	do {
		TRY(run_talk_next(c, buf, sizeof(buf), END_MS, &frame, err));
	} while (frame_open(&r, frame) != RUN_CLOSED);
	return ERR_OK;
}
