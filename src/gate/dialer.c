/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dialer.h"

#include "crypto/secret.h"
#include "ipc/frame.h"

#include <stdlib.h>

#include <unistd.h>

enum { PATIENCE_SECONDS = 3 };

static void on_patience(struct timer *t);

/* A relay's channel: it brings what the connector had it make. */
struct dialer_relay {
	struct list node;
	struct dialer *of;
	struct chan chan;
	struct loop_fd f;
	unsigned index;
};

/* A token is a number that was not used before, and that nobody can guess. */
static uint64_t next_token(struct dialer *d)
{
	uint64_t token;

	do {
		d->asked++;
		token = hash_str(d->key, str_make((const char *)&d->asked, sizeof(d->asked)));
	} while (token == 0);
	return token;
}

void dialer_init(struct dialer *d, struct loop *loop)
{
	*d = (struct dialer){.loop = loop, .chan.fd = -1};
	rand_bytes(&d->key, sizeof(d->key));
	list_init(&d->relays);
	list_init(&d->waiting);
	list_init(&d->running);
	list_init(&d->parked);
	d->patience.on_timeout = on_patience;
}

static void disconnect(struct dialer *d)
{
	if (d->chan.fd < 0) {
		return;
	}
	loop_remove(d->loop, &d->f);
	chan_done(&d->chan);
	/* An asker may give up others meanwhile: begin anew after each. Nobody can ask now. */
	while (!list_empty(&d->waiting)) {
		struct dial_request *req = CONTAINER_OF(d->waiting.next, struct dial_request, node);

		list_remove(&req->node);
		req->token = 0;
		req->why = IPC_DIAL_UNREACHABLE;
		req->on_answer(req, -1, IPC_DIAL_DIRECT,
			       STR("the role that connects was restarted"));
	}
	/* What runs goes on: its stream tells when it ends. */
}

static void relay_free(struct dialer_relay *r)
{
	loop_remove(r->of->loop, &r->f);
	chan_done(&r->chan);
	list_remove(&r->node);
	free(r);
}

void dialer_done(struct dialer *d)
{
	timer_stop(&d->patience);
	LIST_FOREACH (node, &d->relays) {
		relay_free(CONTAINER_OF(node, struct dialer_relay, node));
	}
	if (d->chan.fd >= 0) {
		loop_remove(d->loop, &d->f);
	}
	chan_done(&d->chan);
}

static struct dial_request *find(struct list *head, uint64_t token)
{
	LIST_FOREACH (node, head) {
		struct dial_request *req = CONTAINER_OF(node, struct dial_request, node);

		if (req->token == token) {
			return req;
		}
	}
	return NULL;
}

static void answer(struct dialer *d, struct dial_request *req, bool runs, int fd,
		   enum ipc_dial_mode mode, struct str reason)
{
	list_remove(&req->node);
	if (runs) {
		list_append(&d->running, &req->node);
	} else {
		req->token = 0;
	}
	req->on_answer(req, fd, mode, reason);
}

/* One answer; takes the descriptor over when it uses it. */
static void take(struct dialer *d, struct str frame, int *fd)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame);
	uint64_t token = frame_get_u64(&r);
	struct dial_request *req = find(&d->waiting, token);

	if (type == IPC_DIALED || type == IPC_RUNNING) {
		uint8_t mode = type == IPC_DIALED ? frame_get_u8(&r) : IPC_DIAL_DIRECT;
		int taken = *fd;

		if (req && frame_ok(&r) && taken >= 0) {
			*fd = -1;
			answer(d, req, type == IPC_RUNNING, taken, (enum ipc_dial_mode)mode,
			       STR(""));
		}
	} else if (type == IPC_NOT_DIALED || type == IPC_NOT_RUN) {
		struct str reason = frame_get_str(&r);
		uint8_t why = type == IPC_NOT_DIALED ? frame_get_u8(&r) : IPC_DIAL_UNREACHABLE;

		if (req && frame_ok(&r)) {
			req->why = (enum ipc_not_dialed)why;
			answer(d, req, false, -1, IPC_DIAL_DIRECT, reason);
		}
	} else if (type == IPC_ENDED) {
		uint32_t status = frame_get_u32(&r);

		req = find(&d->running, token);
		if (req && frame_ok(&r)) {
			list_remove(&req->node);
			req->token = 0;
			if (req->on_ended) {
				req->on_ended(req, status);
			}
		}
	}
}

static void watch(struct dialer *d)
{
	loop_watch(d->loop, &d->f,
		   LOOP_READ | (chan_wants_write(&d->chan) ? (uint32_t)LOOP_WRITE : 0));
}

static void on_ready(struct loop_fd *f, uint32_t ready)
{
	struct dialer *d = CONTAINER_OF(f, struct dialer, f);
	struct err err;

	if ((ready & LOOP_WRITE) && chan_flush(&d->chan, &err)) {
		disconnect(d);
		return;
	}
	while (d->chan.fd >= 0) {
		int fds[CHAN_MAX_FDS] = {-1};
		unsigned n_fds = 0;
		char in[1024];
		struct str frame;
		enum err_code code = chan_recv(&d->chan, in, sizeof(in), &frame, fds, &n_fds, &err);
		int fd;

		if (code == ERR_AGAIN) {
			watch(d);
			return;
		}
		if (code) {
			disconnect(d);
			return;
		}
		for (unsigned i = 1; i < n_fds; i++) {
			(void)close(fds[i]);
		}
		fd = n_fds ? fds[0] : -1;
		take(d, frame, &fd);
		if (fd >= 0) {
			(void)close(fd);
		}
	}
}

/* All that a relay has brought; false when there will be no more. */
static bool take_from_relay(struct dialer_relay *r)
{
	for (;;) {
		int fds[CHAN_MAX_FDS] = {-1};
		unsigned n_fds = 0;
		char in[64];
		struct str frame;
		enum err_code code = chan_recv(&r->chan, in, sizeof(in), &frame, fds, &n_fds, NULL);

		if (code) {
			return code == ERR_AGAIN;
		}
		if (n_fds == 1 && (unsigned char)frame.p[0] == IPC_DIALED) {
			take(r->of, frame, &fds[0]);
		}
		for (unsigned i = 0; i < n_fds; i++) {
			if (fds[i] >= 0) {
				(void)close(fds[i]);
			}
		}
	}
}

static void on_relay_ready(struct loop_fd *f, uint32_t ready)
{
	struct dialer_relay *r = CONTAINER_OF(f, struct dialer_relay, f);

	(void)ready;
	if (!take_from_relay(r)) {
		relay_free(r);
	}
}

enum err_code dialer_connect_relay(struct dialer *d, unsigned index, int fd, struct err *err)
{
	struct dialer_relay *r = calloc(1, sizeof(*r));

	LIST_FOREACH (node, &d->relays) {
		struct dialer_relay *old = CONTAINER_OF(node, struct dialer_relay, node);

		if (old->index == index) {
			(void)take_from_relay(old);
			relay_free(old);
		}
	}
	if (!r) {
		(void)close(fd);
		return ERR(err, ERR_NOMEM, "no memory for a channel");
	}
	r->of = d;
	r->index = index;
	chan_init(&r->chan, fd, 0);
	r->f = (struct loop_fd){.fd = fd, .on_ready = on_relay_ready};
	list_append(&d->relays, &r->node);
	return loop_add(d->loop, &r->f, LOOP_READ, err);
}

static enum err_code say(struct dialer *d, const struct frame_writer *w, struct err *err)
{
	enum err_code code = w->overflow ? ERR(err, ERR_LIMIT, "a name that is too long")
					 : chan_send(&d->chan, frame_bytes(w), NULL, 0, err);

	if (!code && chan_wants_write(&d->chan)) {
		watch(d);
	}
	return code;
}

static enum err_code send_host(struct dialer *d, const struct dial_request *req, struct err *err)
{
	char buf[512];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_DIAL_HOST);
	frame_put_u64(&w, req->token);
	frame_put_str(&w, req->host);
	frame_put_u32(&w, req->port);
	frame_put_u8(&w, req->flags);
	frame_put_u64(&w, req->asker);
	return say(d, &w, err);
}

static void give_up(struct dial_request *req)
{
	list_remove(&req->node);
	req->token = 0;
	req->why = IPC_DIAL_BUSY;
	req->on_answer(req, -1, IPC_DIAL_DIRECT, STR("the role that connects is away"));
}

static void on_patience(struct timer *t)
{
	struct dialer *d = CONTAINER_OF(t, struct dialer, patience);

	while (!list_empty(&d->parked)) {
		give_up(CONTAINER_OF(d->parked.next, struct dial_request, node));
	}
}

/* The role is there: what waited for it is asked, in its order. */
static void unpark(struct dialer *d)
{
	timer_stop(&d->patience);
	while (!list_empty(&d->parked)) {
		struct dial_request *req = CONTAINER_OF(d->parked.next, struct dial_request, node);

		if (send_host(d, req, NULL)) {
			give_up(req);
			continue;
		}
		list_remove(&req->node);
		list_append(&d->waiting, &req->node);
	}
}

enum err_code dialer_ask_host(struct dialer *d, struct dial_request *req, struct str host,
			      uint16_t port, uint8_t flags, struct str agent, struct err *err)
{
	ASSERT(req->token == 0);
	req->host = host;
	req->port = port;
	req->flags = flags;
	req->asker = hash_str((struct hash_key){0}, agent) | 1; /* 0 is nobody's */
	req->token = next_token(d);
	if (d->chan.fd < 0) {
		if (list_empty(&d->parked)) {
			loop_timer_set(d->loop, &d->patience, PATIENCE_SECONDS * CLOCK_SEC);
		}
		list_append(&d->parked, &req->node);
		return ERR_OK;
	}
	if (send_host(d, req, err)) {
		req->token = 0;
		return ERR_CLOSED;
	}
	list_append(&d->waiting, &req->node);
	return ERR_OK;
}

enum err_code dialer_connect(struct dialer *d, int fd, struct err *err)
{
	disconnect(d);
	chan_init(&d->chan, fd, 1 << 20);
	d->f = (struct loop_fd){.fd = fd, .on_ready = on_ready};
	TRY(loop_add(d->loop, &d->f, LOOP_READ, err));
	unpark(d);
	return ERR_OK;
}

enum err_code dialer_ask(struct dialer *d, struct dial_request *req, enum ipc_message what,
			 struct str name, struct err *err)
{
	char buf[512];
	uint64_t token = next_token(d);
	struct frame_writer w;

	ASSERT(req->token == 0);
	frame_begin(&w, buf, sizeof(buf), (uint8_t)what);
	frame_put_u64(&w, token);
	frame_put_str(&w, name);
	TRY(say(d, &w, err));
	req->token = token;
	list_append(&d->waiting, &req->node);
	return ERR_OK;
}

bool dialer_challenged(struct dialer *d, struct dial_request *req, struct str name, unsigned status,
		       struct str challenge)
{
	char buf[1024]; /* what the connector reads at once */
	uint64_t token = req ? next_token(d) : 0;
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_CHALLENGE);
	frame_put_u64(&w, token);
	frame_put_str(&w, name);
	frame_put_u32(&w, status);
	/* A longer one is met again by whoever gets the token. */
	frame_put_str(&w, challenge.n < sizeof(buf) / 2 ? challenge : STR(""));
	if (d->chan.fd < 0 || say(d, &w, NULL) || !req) {
		return false; /* the next refusal tells it again */
	}
	ASSERT(req->token == 0);
	req->token = token;
	list_append(&d->waiting, &req->node);
	return true;
}

void dialer_forget(struct dialer *d, struct dial_request *req)
{
	char buf[16];
	struct frame_writer w;

	if (req->token == 0) {
		return;
	}
	frame_begin(&w, buf, sizeof(buf), IPC_STOP);
	frame_put_u64(&w, req->token);
	/* The connector has no STOP: an answer that nobody waits for is closed on arrival. */
	if (find(&d->running, req->token)) {
		err_ignore(say(d, &w, NULL)); /* a runner that is gone took its servers along */
	}
	list_remove(&req->node);
	req->token = 0;
}
