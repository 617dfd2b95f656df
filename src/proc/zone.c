/* SPDX-License-Identifier: Apache-2.0 */
/* proc/zone.c - the relay: one for each zone (proc/zones.h).
 *
 *   reads   connected sockets that the connector hands it, framing of gates (ipc/relay.h), bytes of
 *           its zone's machines (TLS; else passed on, never parsed)
 *   holds   credentials, certificates and addresses of its zone
 *   cannot  open files, make a socket that leads anywhere, ask for one, start programs, look up names
 *
 * It asks nobody for anything. The connector decides what a gate gets a connection to, and which relay that is
 * for; what has no permit (proc/relay_permit.h) leaves no relay.
 */
#include "base/clock.h"
#include "base/log.h"
#include "ipc/frame.h"
#include "ipc/messages.h"
#include "proc/peers.h"
#include "proc/relay.h"
#include "proc/role.h"
#include "proc/wishes.h"
#include "sandbox/jail.h"
#include "sys/fd.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AGREE_SECONDS = 10, FRAME_MAX = 16 << 10 };

static const struct jail_spec relay_jail = {
	.name = "relay",
	.calls = CALLS_LOOP | CALLS_SOCKET | CALLS_PAIR,
	.families = FAMILY_UNIX,
	.net = JAIL_NET_USER,
};

struct zone_role {
	struct loop loop;
	struct role_boot *boot;
	struct wishes control;
	struct peers gates;
	struct chan connector;
	struct loop_fd from; /* of connector */
	struct upstream_table *table;
	struct relays relays;
	struct list handed; /* whose protocol has yet to be agreed on */
	struct arena keys;  /* of permits */
};

struct handed {
	struct list node;
	struct zone_role *of;
	uint64_t number, token;
	uint32_t gate;
	int gate_end;
	struct relay_wait wait;
	struct timer deadline;
};

static void watch_connector(struct zone_role *z)
{
	loop_watch(&z->loop, &z->from,
		   LOOP_READ | (chan_wants_write(&z->connector) ? (uint32_t)LOOP_WRITE : 0));
}

static void say(struct zone_role *z, const struct frame_writer *w)
{
	/* A connector that is gone has a successor, which asks anew. */
	if (z->connector.fd >= 0 &&
	    chan_send(&z->connector, frame_bytes(w), NULL, 0, NULL) == ERR_OK) {
		watch_connector(z);
	}
}

static void answer(struct zone_role *z, uint64_t number, bool ok)
{
	char buf[16];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_HANDED);
	frame_put_u64(&w, number);
	frame_put_u8(&w, ok);
	say(z, &w);
}

static void on_token_used(struct tokens *t, struct str server)
{
	char buf[64];
	struct frame_writer w;

	frame_begin(&w, buf, sizeof(buf), IPC_TOKEN_USED);
	frame_put_str(&w, server);
	say(CONTAINER_OF(t, struct zone_role, relays.tokens), &w);
}

static void handed_free(struct handed *h)
{
	timer_stop(&h->deadline);
	relay_wait_end(&h->wait);
	fd_close(&h->gate_end);
	list_remove(&h->node);
	free(h);
}

static void on_agreed(struct relay_wait *w, bool ok, bool http2)
{
	struct handed *h = CONTAINER_OF(w, struct handed, wait);
	struct zone_role *z = h->of;
	struct peer *gate = ok ? peers_find(&z->gates, ROLE_GATE, h->gate) : NULL;

	if (gate) {
		peer_dialed(gate, h->token, http2 ? IPC_DIAL_RELAY_H2 : IPC_DIAL_RELAY,
			    fd_take(&h->gate_end));
	}
	answer(z, h->number, gate);
	handed_free(h);
}

static void on_deadline(struct timer *t)
{
	struct handed *h = CONTAINER_OF(t, struct handed, deadline);

	answer(h->of, h->number, false);
	handed_free(h);
}

/* Takes fd over. */
static enum err_code begin(struct zone_role *z, struct handed *h, struct str name, int fd,
			   struct err *err)
{
	const struct upstream *u = upstream_find(&z->table->upstreams, name);
	int ends[2];

	if (!u || u->cut ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends)) {
		(void)close(fd);
		return ERR(err, ERR_NOT_FOUND, STR_FMT " is not to be reached", STR_ARG(name));
	}
	h->gate_end = ends[1];
	h->wait.on_agreed = on_agreed;
	TRY(relay_start(&z->relays, u, ends[0], fd, &z->table->uses,
			relay_must_wait(u) ? &h->wait : NULL, err));
	if (h->wait.relay) {
		loop_timer_set(&z->loop, &h->deadline, AGREE_SECONDS * CLOCK_SEC);
	} else {
		on_agreed(&h->wait, true, u->http2 == CONFIG_HTTP2_YES);
	}
	return ERR_OK;
}

/* False: not what a connector says. */
static bool take_socket(struct zone_role *z, struct frame_reader *r, int *fd)
{
	struct handed *h = calloc(1, sizeof(*h));
	struct str name;
	struct err err;

	if (!h) {
		return false;
	}
	*h = (struct handed){.of = z, .gate_end = -1, .deadline.on_timeout = on_deadline};
	h->number = frame_get_u64(r);
	h->gate = frame_get_u32(r);
	h->token = frame_get_u64(r);
	name = frame_get_str(r);
	list_append(&z->handed, &h->node);
	if (!frame_ok(r) || *fd < 0) {
		handed_free(h);
		return false;
	}
	if (begin(z, h, name, fd_take(fd), &err)) {
		log_line(LOG_WARN, "%s", err.msg);
		answer(z, h->number, false);
		handed_free(h);
	}
	return true;
}

static bool take_token(struct zone_role *z, struct frame_reader *r)
{
	struct str server = frame_get_str(r), url = frame_get_str(r);
	uint64_t until = frame_get_u64(r);
	struct str line = frame_get_str(r);
	struct err err;

	if (!frame_ok(r)) {
		return false;
	}
	if (tokens_set(&z->relays.tokens, server, url, until, line, &err)) {
		log_line(LOG_WARN, "%s", err.msg);
	}
	return true;
}

static void on_connector(struct loop_fd *f, uint32_t ready)
{
	struct zone_role *z = CONTAINER_OF(f, struct zone_role, from);
	enum err_code code =
		ready & LOOP_WRITE ? chan_flush(&z->connector, NULL) : (enum err_code)ERR_OK;
	int fd = z->connector.fd;
	char in[FRAME_MAX];

	while (!code) {
		int fds[CHAN_MAX_FDS] = {-1};
		unsigned n_fds = 0;
		struct frame_reader r;
		struct str frame;
		uint8_t type;
		bool ok;

		code = chan_recv(&z->connector, in, sizeof(in), &frame, fds, &n_fds, NULL);
		if (code) {
			break;
		}
		wishes_take(&z->control); /* which gates there are, and what is configured */
		type = frame_open(&r, frame);
		ok = z->connector.fd != fd            ? true /* a successor is there */
		     : type == IPC_HAND && n_fds == 1 ? take_socket(z, &r, &fds[0])
						      : type == IPC_TOKEN && take_token(z, &r);
		for (unsigned i = 0; i < n_fds; i++) {
			fd_close(&fds[i]);
		}
		if (!ok) {
			log_line(LOG_ERROR, "the connector said something it may not");
			loop_stop(&z->loop); /* a successor starts clean */
			return;
		}
		if (z->connector.fd != fd) {
			break;
		}
	}
	secret_wipe(in, sizeof(in));
	if (!code || code == ERR_AGAIN) {
		watch_connector(z);
		return;
	}
	loop_remove(&z->loop, f);
	chan_done(&z->connector);
}

/* What was under way with a predecessor is not asked for any more. */
static enum err_code meet_connector(struct zone_role *z, int fd, struct err *err)
{
	LIST_FOREACH (node, &z->handed) {
		handed_free(CONTAINER_OF(node, struct handed, node));
	}
	if (z->connector.fd >= 0) {
		loop_remove(&z->loop, &z->from);
		chan_done(&z->connector);
	}
	chan_init(&z->connector, fd, 1 << 20);
	z->from = (struct loop_fd){.fd = fd, .on_ready = on_connector};
	return loop_add(&z->loop, &z->from, LOOP_READ, err);
}

static enum err_code meet(struct zone_role *z, const struct role_channel *c, struct err *err)
{
	return c->peer == ROLE_CONNECTOR ? meet_connector(z, c->fd, err)
					 : peers_add(&z->gates, c, err);
}

/* A gate that begins to speak with a relay itself says what no gate says. */
static bool on_gate(struct peer *p, struct str frame)
{
	(void)p;
	(void)frame;
	return false;
}

static void on_gate_gone(struct peer *p)
{
	(void)p; /* its connections end by themselves */
}

static enum err_code on_channel(struct wishes *w, const struct role_channel *channel,
				struct err *err)
{
	return meet(CONTAINER_OF(w, struct zone_role, control), channel, err);
}

static enum err_code load_table(struct zone_role *z, struct err *err)
{
	TRY(upstream_table_load(&z->table, z->boot, false, err));
	if (z->table->upstreams.severed) {
		relays_cut(&z->relays, &z->table->upstreams);
	}
	upstream_tables_sweep(z->table);
	return ERR_OK;
}

static enum err_code on_reload(struct wishes *w, struct err *err)
{
	return load_table(CONTAINER_OF(w, struct zone_role, control), err);
}

static void on_ended(struct relays *among)
{
	if (list_empty(&among->all)) {
		loop_stop(among->loop);
	}
}

static void on_drain(struct wishes *w)
{
	struct zone_role *z = CONTAINER_OF(w, struct zone_role, control);

	z->relays.on_ended = on_ended;
	on_ended(&z->relays);
}

static const struct wishes_ops wishes = {
	.channel = on_channel, .reload = on_reload, .drain = on_drain};

static enum err_code serve(struct zone_role *z, struct err *err)
{
	list_init(&z->relays.all);
	list_init(&z->handed);
	arena_init(&z->keys, 2 * PERMIT_KEY + 64);
	z->connector.fd = -1;
	z->relays.loop = &z->loop;
	z->relays.permits.since_us = clock_mono() / 1000;
	z->relays.tokens.on_used = on_token_used;
	TRY(loop_init(&z->loop, err));
	TRY(role_enter(z->boot, &relay_jail, err));
	TRY(role_permit_key(z->boot, &z->keys, &z->relays.permits.key, err));
	TRY(load_table(z, err));
	for (unsigned i = 0; i < z->boot->n_channels; i++) {
		TRY(meet(z, &z->boot->channels[i], err));
	}
	z->control = (struct wishes){.boot = z->boot, .loop = &z->loop, .ops = &wishes};
	TRY(wishes_watch(&z->control, err));
	TRY(role_ready(z->boot, err));
	return loop_run(&z->loop, err);
}

int relay_main(struct role_boot *boot)
{
	struct zone_role z = {
		.boot = boot,
		.gates = {.loop = &z.loop,
			  .boot = boot,
			  .frames_a_turn = 1,
			  .queue_max = 1 << 20,
			  .on_message = on_gate,
			  .on_gone = on_gate_gone},
	};
	struct err err;

	if (serve(&z, &err)) {
		log_line(LOG_ERROR, "%s", err.msg);
		return 2;
	}
	return 0;
}
