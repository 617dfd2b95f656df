/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of programs that know no proxy. In a sandbox every address is local, so whatever one
 * connects to at a captured port arrives here; the connection's own address is the one that was meant.
 *
 *   an address that our resolver gave:  the name that it was given for
 *   another one, port 80:               the Host of each request
 *   another one, port 443:              the name in the first message of TLS, else the address
 *   another one:                        the address
 *
 * What is decided about is what is dialled: a name is looked up outside, whatever address it was that
 * the program wanted.
 */
#include "gate/exit_priv.h"

#include "egress/hello.h"
#include "sys/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HTTP_PORT = 80, TLS_PORT = 443, MAX_WAITING = 64, WAIT_SECONDS = 10 };

/* A connection whose first message says whom it wants. */
struct capture_wait {
	struct list node;
	struct exit_run *run;
	struct egress_host host; /* the address, until a name is found */
	const struct rules_program *program;
	struct loop_fd f;
	struct timer deadline;
	size_t seen;
};

/* RFC 8446 section 6: a fatal alert, access_denied. */
static const char denied[] = {0x15, 3, 1, 0, 2, 2, 49};

void exit_turn_away(int *fd, uint16_t port)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	char unread[4096];

	if (*fd < 0) {
		return;
	}
	if (port == TLS_PORT) {
		/* Unread bytes would turn the end into a reset, and the alert be lost. */
		(void)!recv(*fd, unread, sizeof(unread), MSG_DONTWAIT);
		(void)send(*fd, denied, sizeof(denied), MSG_NOSIGNAL | MSG_DONTWAIT);
	} else {
		(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	fd_close(fd);
}

/* ---- the first message ---- */

static void wait_end(struct capture_wait *w)
{
	loop_remove(&w->run->gate->loop, &w->f);
	timer_stop(&w->deadline);
	list_remove(&w->node);
	w->run->n_waiting--;
	fd_close(&w->f.fd);
	free(w);
}

/* The bytes stay unread: whoever has the connection next begins at its beginning. */
static void await_more_than(const struct capture_wait *w, size_t n)
{
	int least = (int)n + 1;

	(void)setsockopt(w->f.fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least));
}

static void go_on(struct capture_wait *w)
{
	struct exit_run *x = w->run;
	const struct rules_program *program = w->program;
	struct egress_host host = w->host;
	int fd;

	await_more_than(w, 0);
	loop_remove(&x->gate->loop, &w->f);
	fd = fd_take(&w->f.fd);
	wait_end(w);
	exit_tunnel_captured(x->gate, x->who, &host, program, fd);
}

static void take_name(struct capture_wait *w, struct str name)
{
	struct egress_host host;
	struct err err;

	if (name.p && egress_name_parse(name, &host, &err) == ERR_OK && !host.is_ip) {
		host.port = w->host.port;
		w->host = host;
	}
}

static void look_at(struct capture_wait *w, struct str bytes)
{
	struct egress_hello h;
	struct err err;

	switch (egress_hello_read(bytes, &h, &err)) {
	case EGRESS_HELLO_PARTIAL:
		if (bytes.n == w->seen) {
			wait_end(w); /* it sends no more */
			return;
		}
		w->seen = bytes.n;
		await_more_than(w, bytes.n);
		return;
	case EGRESS_HELLO_DONE:
		take_name(w, h.name);
		break;
	case EGRESS_HELLO_BAD:
		break; /* the tunnel refuses it, and that is recorded */
	}
	go_on(w);
}

static void on_first(struct loop_fd *f, uint32_t ready)
{
	struct capture_wait *w = CONTAINER_OF(f, struct capture_wait, f);
	struct gate *g = w->run->gate;
	struct buf room = gate_buf_take(g, EGRESS_HELLO_MAX);
	char *bytes = buf_reserve(&room, EGRESS_HELLO_MAX);
	ssize_t n = bytes ? recv(f->fd, bytes, EGRESS_HELLO_MAX, MSG_PEEK | MSG_DONTWAIT) : 0;

	(void)ready;
	if (n > 0) {
		look_at(w, str_make(bytes, (size_t)n));
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		wait_end(w);
	}
	gate_buf_give(g, &room);
}

static void on_deadline(struct timer *t)
{
	wait_end(CONTAINER_OF(t, struct capture_wait, deadline));
}

static void await_name(struct exit_run *x, const struct egress_host *host,
		       const struct rules_program *program, int fd)
{
	struct capture_wait *w = x->n_waiting < MAX_WAITING ? calloc(1, sizeof(*w)) : NULL;
	struct err err;

	if (!w) {
		exit_turn_away(&fd, host->port);
		return;
	}
	w->run = x;
	w->host = *host;
	w->program = program;
	w->f = (struct loop_fd){.fd = fd, .on_ready = on_first};
	w->deadline.on_timeout = on_deadline;
	list_append(&x->waiting, &w->node);
	x->n_waiting++;
	if (loop_add(&x->gate->loop, &w->f, LOOP_READ, &err)) {
		wait_end(w);
		return;
	}
	loop_timer_set(&x->gate->loop, &w->deadline, WAIT_SECONDS * CLOCK_SEC);
}

/* ---- connections ---- */

static bool serve_clear(struct exit_run *x, int fd, const struct net_peer *peer)
{
	struct err err;

	if (!x->clear && exit_listener_new(x->gate, x->who, EXIT_CAPTURE, &x->clear, &err)) {
		return false;
	}
	return http_server_take(x->clear->server, fd, peer, &err) == ERR_OK;
}

/* Where the program wanted to go; false when that is nowhere. */
static bool meant(const struct exit_run *x, int fd, struct egress_host *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct net_addr at;
	struct egress_ip ip = {.v6 = false};
	struct buf text;
	struct str name;
	struct err err;
	bool ok;

	if (net_local_addr(fd, &at, &err)) {
		return false;
	}
	ip.v6 = at.kind == NET_ADDR_IP6 && memcmp(at.ip, mapped, sizeof(mapped)) != 0;
	memcpy(ip.bytes, at.kind == NET_ADDR_IP6 && !ip.v6 ? at.ip + 12 : at.ip, ip.v6 ? 16 : 4);
	name = egress_names_find(&x->names, &ip);
	if (egress_classify(&ip) == EGRESS_LOOPBACK || (egress_names_holds(&ip) && !name.p)) {
		return false;
	}
	buf_init(&text, 64);
	if (!name.p) {
		egress_ip_write(&text, &ip);
		name = buf_str(&text);
	}
	ok = egress_name_parse(name, ret, &err) == ERR_OK;
	ret->port = at.port;
	buf_done(&text);
	return ok;
}

void exit_captured(struct exit_run *x, int fd, const struct net_peer *peer)
{
	struct egress_host host;

	if (!meant(x, fd, &host)) {
		exit_turn_away(&fd, 0);
	} else if (host.port == HTTP_PORT) {
		if (!serve_clear(x, fd, peer)) {
			(void)close(fd);
		}
	} else if (host.port == TLS_PORT && host.is_ip) {
		await_name(x, &host, peer->known, fd);
	} else {
		exit_tunnel_captured(x->gate, x->who, &host, peer->known, fd);
	}
}

void exit_capture_done(struct exit_run *x)
{
	LIST_FOREACH (node, &x->waiting) {
		wait_end(CONTAINER_OF(node, struct capture_wait, node));
	}
}
