/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/peers.h"

#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"

#include <stdlib.h>
#include <unistd.h>

enum { FRAMES_A_TURN = 64, QUEUE_MAX = 1 << 20 };

static void watch(struct peer *p)
{
	loop_watch(p->owner->loop, &p->f,
		   LOOP_READ | (chan_wants_write(&p->chan) ? (uint32_t)LOOP_WRITE : 0));
}

void peer_send(struct peer *p, struct str frame, const int *fds, unsigned n_fds)
{
	struct err err;

	if (chan_send(&p->chan, frame, fds, n_fds, &err)) {
		log_line(LOG_WARN, "answering gate.%u: %s", p->index, err.msg);
	}
	watch(p);
}

void peer_not_dialed(struct peer *p, uint64_t token, const char *reason, uint8_t why)
{
	char buf[256];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_NOT_DIALED);
	frame_put_u64(&w, token);
	frame_put_str(&w, str_from_c(reason));
	frame_put_u8(&w, why);
	peer_send(p, frame_bytes(&w), NULL, 0);
}

void peer_dialed(struct peer *p, uint64_t token, uint8_t mode, int fd)
{
	char buf[32];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_DIALED);
	frame_put_u64(&w, token);
	frame_put_u8(&w, mode);
	peer_send(p, frame_bytes(&w), &fd, 1);
}

static void peer_done(struct peer *p)
{
	struct peers *ps = p->owner;

	ps->on_gone(p);
	loop_remove(ps->loop, &p->f);
	chan_done(&p->chan);
	for (struct peer **at = &ps->first; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	free(p);
}

static void on_ready(struct loop_fd *f, uint32_t ready)
{
	struct peer *p = CONTAINER_OF(f, struct peer, f);
	struct err err;

	if ((ready & LOOP_WRITE) && chan_flush(&p->chan, &err)) {
		peer_done(p);
		return;
	}
	for (unsigned budget = FRAMES_A_TURN; budget; budget--) {
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		char in[1024];
		struct str frame;
		enum err_code code = chan_recv(&p->chan, in, sizeof(in), &frame, fds, &n_fds, &err);

		if (code == ERR_AGAIN) {
			break;
		}
		if (code && code != ERR_INVALID) {
			peer_done(p);
			return;
		}
		for (unsigned i = 0; i < n_fds; i++) {
			(void)close(fds[i]);
		}
		if (!code) {
			p->owner->on_message(p, frame);
		}
	}
	watch(p);
}

enum err_code peers_add(struct peers *ps, const struct role_channel *channel, struct err *err)
{
	struct peer *p;

	for (p = ps->first; p; p = p->next) {
		if (p->index == channel->index) {
			peer_done(p); /* its successor is calling */
			break;
		}
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		return ERR(err, ERR_NOMEM, "no memory for a channel");
	}
	chan_init(&p->chan, channel->fd, QUEUE_MAX);
	list_init(&p->asked);
	p->owner = ps;
	p->index = channel->index;
	p->f = (struct loop_fd){.fd = channel->fd, .on_ready = on_ready};
	p->next = ps->first;
	ps->first = p;
	return loop_add(ps->loop, &p->f, LOOP_READ, err);
}
