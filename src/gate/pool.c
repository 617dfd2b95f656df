/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/pool.h"

#include "gate/egress.h"
#include "gate/gate.h"
#include "ipc/relay.h"
#include "ipc/relay_h2.h"
#include "ledger/permit.h"
#include "sys/fd.h"

#include <stdlib.h>
#include <unistd.h>

enum { H2_HEADERS = 1, H2_END_HEADERS = 4 }; /* RFC 9113 section 6.2 */

enum { POOL_TEXTS = 64 << 10, POOL_CONNS = 256, POOL_IDLE = 256, POOL_WAITING = 4096 };

/* One dial of the pool. */
struct ticket {
	struct list node;
	struct gate_pool *owner;
	struct dial_request request;
	struct loop_hook later; /* answers that are known at once still come later */
	uint64_t ticket;
	int fd;
	enum ipc_dial_mode mode;
};

static void ticket_free(struct ticket *t)
{
	dialer_forget(t->owner->connector, &t->request);
	loop_defer_cancel(&t->later);
	fd_close(&t->fd);
	list_remove(&t->node);
	free(t);
}

/* The head goes without its empty line: the connector appends its own lines and that. */
static void put_head(void *user, struct buf *out, struct str head, uint64_t body_len)
{
	(void)user;
	(void)body_len;
	relay_frame(out, RELAY_HEAD, (uint32_t)(head.n - 2));
	buf_append(out, str_make(head.p, head.n - 2));
}

static void put_body(void *user, struct buf *out, struct str bytes)
{
	(void)user;
	while (bytes.n) {
		size_t n = bytes.n > PERMIT_PIECE ? PERMIT_PIECE : bytes.n;

		relay_frame(out, RELAY_BODY, (uint32_t)n);
		buf_append(out, str_make(bytes.p, n));
		bytes = str_from(bytes, n);
	}
}

_Static_assert(HTTP_WIRE_HEAD_MAX + RELAY_H2_FIELDS_MAX <= RELAY_H2_FRAME_MAX,
	       "a head that may be sent must have room for every credential");

/* Fields are in HEADERS frames; one that goes on in others is too large for a relay. */
static bool put_frame(void *user, struct buf *out, struct str frame)
{
	const unsigned char *h = (const unsigned char *)frame.p;
	bool head = frame.n >= RELAY_H2_HEADER && h[3] == H2_HEADERS;

	(void)user;
	if (head && !(h[4] & H2_END_HEADERS)) {
		return false;
	}
	relay_frame(out, head ? RELAY_HEAD : RELAY_BODY, (uint32_t)frame.n);
	buf_append(out, frame);
	return true;
}

const struct http_wire gate_relay_wire = {
	.put_frame = put_frame, .put_head = put_head, .put_body = put_body};

static bool speaks_h2(enum ipc_dial_mode mode)
{
	return mode == IPC_DIAL_DIRECT_H2 || mode == IPC_DIAL_RELAY_H2;
}

static void on_dialed(struct dial_request *d, int fd, enum ipc_dial_mode mode, struct str reason)
{
	struct ticket *t = CONTAINER_OF(d, struct ticket, request);
	struct http_pool *pool = t->owner->pool;
	uint64_t ticket = t->ticket;
	struct err err;

	bool h2 = speaks_h2(mode);
	bool usable = fd >= 0 && (!h2 || t->owner->h2);

	ticket_free(t);
	if (usable && h2) {
		http_pool_connected_h2(pool, ticket, fd);
	} else if (usable) {
		http_pool_connected(pool, ticket, fd);
	} else {
		fd_close(&fd);
		err_ignore(ERR(&err, ERR_CLOSED, STR_FMT, STR_ARG(reason)));
		http_pool_dial_failed(pool, ticket, &err);
	}
}

static void on_later(struct loop_hook *h)
{
	struct ticket *t = CONTAINER_OF(h, struct ticket, later);

	on_dialed(&t->request, fd_take(&t->fd), t->mode, STR("the role that connects is away"));
}

static void on_dial(struct http_pool *pool, uint64_t ticket)
{
	struct gate_pool *p = http_pool_user(pool);
	struct ticket *t = calloc(1, sizeof(*t));

	if (!t) {
		return; /* the pool's own dial timeout ends the wait */
	}
	t->owner = p;
	t->ticket = ticket;
	t->request.on_answer = on_dialed;
	t->later.on_turn_end = on_later;
	t->fd = fd_take(&p->first_fd);
	t->mode = p->first_mode;
	list_append(&p->tickets, &t->node);
	if (t->fd >= 0 || dialer_ask(p->connector, &t->request, IPC_DIAL, p->name, NULL)) {
		loop_defer(p->loop, &t->later);
	}
}

static void on_probed(struct dial_request *d, int fd, enum ipc_dial_mode mode, struct str reason)
{
	struct gate_pool *p = CONTAINER_OF(d, struct gate_pool, probe);
	bool relayed = mode == IPC_DIAL_RELAY || mode == IPC_DIAL_RELAY_H2;
	struct http_pool_config c = {
		.dial = on_dial,
		.user = p,
		.host = p->host,
		.wire = relayed ? &p->wire : NULL,
		.h2 = p->h2,
		.secure = p->secure,
		.max_conns = p->max_conns ? p->max_conns : POOL_CONNS,
		.max_idle = POOL_IDLE,
		.max_waiting = POOL_WAITING,
	};
	struct err err;

	(void)reason;
	if (fd < 0 || http_pool_new(p->loop, &c, &p->pool, &err)) {
		if (fd >= 0) {
			(void)close(fd);
		}
		p->why = d->why;
		p->on_open(p, false);
		return;
	}
	p->first_fd = fd;
	p->first_mode = mode;
	p->on_open(p, true);
}

static void write_host(struct buf *out, const struct config_url *url)
{
	uint16_t usual = url->tls ? 443 : 80;

	buf_append(out, url->ipv6 ? STR("[") : STR(""));
	buf_append(out, url->host);
	buf_append(out, url->ipv6 ? STR("]") : STR(""));
	if (url->port != usual) {
		buf_append_c(out, ':');
		buf_append_u64(out, url->port);
	}
}

enum err_code gate_pool_init(struct gate_pool *p, struct gate *gate, const char *kind,
			     struct str id, const struct config_url *url, struct err *err)
{
	struct buf host;

	*p = (struct gate_pool){
		.gate = gate, .loop = &gate->loop, .connector = &gate->connector, .first_fd = -1};
	p->wire = gate_relay_wire;
	p->wire.user = p;
	p->wire.ask = egress_ask;
	p->wire.put_permit = egress_put;
	p->wire.forget = egress_forget;
	p->secure = url->tls;
	list_init(&p->tickets);
	arena_init(&p->arena, POOL_TEXTS);
	p->probe.on_answer = on_probed;
	buf_init(&host, 1024);
	write_host(&host, url);
	p->host = arena_dup(&p->arena, buf_str(&host));
	buf_done(&host);
	p->name = arena_printf(&p->arena, "%s:" STR_FMT, kind, STR_ARG(id));
	p->target = arena_dup(&p->arena, url->target);
	if (p->arena.exhausted || !p->host.n) {
		arena_done(&p->arena);
		return ERR(err, ERR_NOMEM, "no memory for an upstream");
	}
	return ERR_OK;
}

void gate_pool_cut(struct gate_pool *p)
{
	struct http_pool *pool = p->pool;

	dialer_forget(p->connector, &p->probe);
	LIST_FOREACH (node, &p->tickets) {
		ticket_free(CONTAINER_OF(node, struct ticket, node));
	}
	p->pool = NULL;
	if (pool) {
		http_pool_free(pool);
	}
	fd_close(&p->first_fd);
}

void gate_pool_done(struct gate_pool *p)
{
	gate_pool_cut(p);
	arena_done(&p->arena);
}

enum err_code gate_pool_open(struct gate_pool *p, struct err *err)
{
	ASSERT(!p->pool);
	return dialer_ask(p->connector, &p->probe, IPC_DIAL, p->name, err);
}
