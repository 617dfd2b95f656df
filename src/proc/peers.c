/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/peers.h"

#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "sys/fd.h"

#include <stdlib.h>
#include <unistd.h>

static void watch(struct peer *p)
{
	loop_watch(p->owner->loop, &p->f,
		   LOOP_READ | (chan_wants_write(&p->chan) ? (uint32_t)LOOP_WRITE : 0));
}

void peer_send(struct peer *p, struct str frame, const int *fds, unsigned n_fds)
{
	struct err err;

	if (chan_send(&p->chan, frame, fds, n_fds, &err)) {
		log_line(LOG_WARN, "answering %s.%u: %s", role_name(p->role), p->index, err.msg);
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

/* Closed here, and ended by the supervisor: a gate that lies may be a stranger's by now. */
static void accuse(struct peer *p, unsigned message)
{
	struct err err;

	log_line(LOG_WARN, "%s.%u said something it may not (message %u)", role_name(p->role),
		 p->index, message);
	if (role_accuse(p->owner->boot, p->role, p->index, &err)) {
		log_line(LOG_WARN, "telling the supervisor: %s", err.msg);
	}
}

/* Takes what waits, at most that many frames; false when the peer has to go. */
static bool take_frames(struct peer *p, unsigned most)
{
	struct peers *ps = p->owner;

	while (most-- && !ps->stopped) {
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		struct str frame;
		enum err_code code =
			chan_recv(&p->chan, ps->in, ps->in_max, &frame, fds, &n_fds, NULL);

		if (code == ERR_AGAIN) {
			break;
		}
		if (code && code != ERR_INVALID) {
			return false;
		}
		for (unsigned i = 0; i < n_fds; i++) {
			(void)close(fds[i]);
		}
		if (code || n_fds || !ps->on_message(p, frame)) {
			accuse(p, !code && frame.n ? (unsigned char)frame.p[0] : 0U);
			return false;
		}
	}
	return true;
}

static void on_ready(struct loop_fd *f, uint32_t ready)
{
	struct peer *p = CONTAINER_OF(f, struct peer, f);

	if (((ready & LOOP_WRITE) && chan_flush(&p->chan, NULL)) ||
	    !take_frames(p, p->owner->frames_a_turn)) {
		peer_done(p);
		return;
	}
	watch(p);
}

struct peer *peers_find(const struct peers *ps, enum role role, unsigned index)
{
	struct peer *p = ps->first;

	while (p && (p->role != role || p->index != index)) {
		p = p->next;
	}
	return p;
}

void peers_take_of(struct peers *ps, unsigned index)
{
	struct peer *p = peers_find(ps, ROLE_GATE, index);

	if (p && !take_frames(p, UINT32_MAX)) {
		peer_done(p);
	}
}

void peers_take(struct peers *ps)
{
	struct peer *next;

	for (struct peer *p = ps->first; p; p = next) {
		next = p->next;
		if (!take_frames(p, UINT32_MAX)) {
			peer_done(p);
		}
	}
}

void peers_done(struct peers *ps)
{
	while (ps->first) {
		peer_done(ps->first);
	}
}

enum err_code peers_add(struct peers *ps, const struct role_channel *channel, struct err *err)
{
	struct peer *p = peers_find(ps, channel->peer, channel->index);
	int fd = channel->fd;

	if (channel->peer != ROLE_GATE && !(ps->relays && channel->peer == ROLE_RELAY)) {
		fd_close(&fd);
		return ERR(err, ERR_INVALID, "a channel to a %s: only gates ask here",
			   role_name(channel->peer));
	}
	if (!ps->in) {
		ps->in = ps->short_frame;
		ps->in_max = sizeof(ps->short_frame);
	}
	if (p) {
		peer_done(p); /* its successor is calling */
	}
	p = calloc(1, sizeof(*p));
	if (!p) {
		fd_close(&fd);
		return ERR(err, ERR_NOMEM, "no memory for a channel");
	}
	chan_init(&p->chan, fd, ps->queue_max);
	list_init(&p->asked);
	p->owner = ps;
	p->role = channel->peer;
	p->index = channel->index;
	memcpy(p->zone, channel->zone, sizeof(p->zone));
	p->f = (struct loop_fd){.fd = fd, .on_ready = on_ready};
	p->next = ps->first;
	ps->first = p;
	return loop_add(ps->loop, &p->f, LOOP_READ, err);
}
