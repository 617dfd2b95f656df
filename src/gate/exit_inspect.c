/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels that are looked into: TLS of the agent ends here, under a certificate of this node's
 * own authority, or of its run's, and each request in it is an action of its own. The exit role speaks TLS to
 * the host and verifies it; the gate sees requests and answers, never a credential.
 *
 * One server, and one pool for each version of HTTP, for each agent's session and host: what one
 * agent leaves on a connection reaches no other.
 */
#include "gate/exit_priv.h"

#include "crypto/tls.h"
#include "gate/pool.h"

#include <stdlib.h>
#include <unistd.h>

enum { POOL_CONNS = 32, POOL_IDLE_SECONDS = 4, HEAD_SECONDS = 120 };

/* One connection that the pool asks for. */
struct ticket {
	struct list node;
	struct exit_inspected *of;
	struct http_pool *pool;
	struct dial_request request;
	struct loop_hook later; /* an answer that is known at once still comes later */
	uint64_t ticket;
};

static void ticket_free(struct ticket *t)
{
	dialer_forget(&t->of->gate->exits.dialer, &t->request);
	loop_defer_cancel(&t->later);
	list_remove(&t->node);
	free(t);
}

static void ticket_failed(struct ticket *t, enum ipc_not_dialed why)
{
	struct http_pool *pool = t->pool;
	uint64_t ticket = t->ticket;
	struct err err;

	t->of->why = why;
	err_ignore(ERR(&err, ERR_CLOSED, "not dialled"));
	ticket_free(t);
	http_pool_dial_failed(pool, ticket, &err);
}

static void on_dialed(struct dial_request *d, int fd, enum ipc_dial_mode mode, struct str reason)
{
	struct ticket *t = CONTAINER_OF(d, struct ticket, request);
	struct http_pool *pool = t->pool;
	uint64_t ticket = t->ticket;
	bool h2 = mode == IPC_DIAL_RELAY_H2 && pool == t->of->pools[EXIT_WAY_H2];

	(void)reason;
	if (fd < 0 || (mode != IPC_DIAL_RELAY && !h2)) {
		if (fd >= 0) {
			(void)close(fd);
		}
		ticket_failed(t, d->why);
		return;
	}
	ticket_free(t);
	if (h2) {
		http_pool_connected_h2(pool, ticket, fd);
	} else {
		http_pool_connected(pool, ticket, fd);
	}
}

static void on_later(struct loop_hook *h)
{
	ticket_failed(CONTAINER_OF(h, struct ticket, later), IPC_DIAL_BUSY);
}

static void on_pool_dial(struct http_pool *pool, uint64_t ticket)
{
	struct exit_inspected *i = http_pool_user(pool);
	struct ticket *t = calloc(1, sizeof(*t));
	uint8_t flags = IPC_HOST_RELAY | IPC_HOST_TLS;

	if (!t) {
		return; /* the pool's own dial timeout ends the wait */
	}
	flags |= pool == i->pools[EXIT_WAY_H2] ? IPC_HOST_H2 : 0;
	t->of = i;
	t->pool = pool;
	t->ticket = ticket;
	t->request.on_answer = on_dialed;
	t->later.on_turn_end = on_later;
	list_append(&i->tickets, &t->node);
	if (dialer_ask_host(&i->gate->exits.dialer, &t->request, egress_host_name(&i->host),
			    i->host.port, flags, i->who->agent, NULL)) {
		loop_defer(&i->gate->loop, &t->later);
	}
}

enum exit_way exit_way_of(const struct http_req *req)
{
	return req->tls && str_eq(tls_alpn(req->tls), STR("h2")) ? EXIT_WAY_H2 : EXIT_WAY_H1;
}

static bool is_for_host(const struct exit_inspected *i, const struct http_req *req)
{
	struct egress_host asked;
	struct err err;

	return req->tls && str_ieq(tls_server_name(req->tls), egress_host_name(&i->host)) &&
	       egress_host_parse(req->head.authority, 443, &asked, &err) == ERR_OK &&
	       asked.port == i->host.port &&
	       str_eq(egress_host_name(&asked), egress_host_name(&i->host));
}

static void on_request(struct http_req *req)
{
	struct exit_inspected *i = http_server_user(req->server);

	if (req->head.form != HTTP_FORM_ORIGIN) {
		exit_answer_fault(req, EXIT_FAULT_REQUEST);
	} else if (!is_for_host(i, req)) {
		exit_answer_fault(req, EXIT_FAULT_AUTHORITY);
	} else {
		exit_https_begin(i, req);
	}
}

static void write_host(struct exit_inspected *i)
{
	struct buf text;

	buf_init(&text, sizeof(i->host_bytes));
	egress_host_write(&text, &i->host, 443);
	memcpy(i->host_bytes, buf_str(&text).p, buf_len(&text));
	i->host_text = str_make(i->host_bytes, buf_len(&text));
	buf_done(&text);
}

static enum err_code open_both(struct exit_inspected *i, struct err *err)
{
	const struct config_limits *limits = &i->gate->rules->config->limits;
	struct http_handler handler = exit_handler;
	struct http_server_config s = {
		.handler = &i->handler,
		.user = i,
		.tls = tls_authority_ctx(exit_authority(i->gate, i->who)),
		.h2 = i->gate->h2,
		.max_body = UINT64_C(1) << 50, /* passed on, never kept */
		.max_out = 2 << 20,
		.arena_limit = 4 << 20,
		.max_conns = (unsigned)limits->connections,
		.head_timeout = limits->head_timeout_ns,
		.request_timeout = UINT64_C(86400) * CLOCK_SEC,
		.body_timeout = i->gate->rules->config->egress.idle_ns,
		.idle_timeout = limits->idle_timeout_ns,
	};
	struct http_pool_config p = {
		.dial = on_pool_dial,
		.user = i,
		.host = i->host_text,
		.wire = &gate_relay_wire,
		.max_conns = POOL_CONNS,
		.max_idle = POOL_CONNS,
		.dial_timeout = 20 * CLOCK_SEC,
		.head_timeout = HEAD_SECONDS * CLOCK_SEC,
		.idle_timeout = POOL_IDLE_SECONDS * CLOCK_SEC,
	};

	handler.on_request = on_request;
	i->handler = handler;
	TRY(http_pool_new(&i->gate->loop, &p, &i->pools[EXIT_WAY_H1], err));
	p.h2 = i->gate->h2;
	p.secure = true;
	if (p.h2) {
		TRY(http_pool_new(&i->gate->loop, &p, &i->pools[EXIT_WAY_H2], err));
	}
	return http_server_new(&i->gate->loop, &s, &i->server, err);
}

void exit_inspected_free(struct exit_inspected *i)
{
	list_remove(&i->node);
	i->gate->exits.n_inspected--;
	if (i->server) {
		http_server_free(i->server);
	}
	LIST_FOREACH (node, &i->tickets) {
		ticket_free(CONTAINER_OF(node, struct ticket, node));
	}
	for (unsigned k = 0; k < EXIT_WAYS; k++) {
		http_pool_free(i->pools[k]);
	}
	free(i);
}

/* Room for one more: one that nobody uses makes way. */
static bool make_room(struct exits *x)
{
	if (x->n_inspected < EXIT_MAX_INSPECTED) {
		return true;
	}
	LIST_FOREACH (node, &x->inspected) {
		struct exit_inspected *i = CONTAINER_OF(node, struct exit_inspected, node);

		if (http_server_stats(i->server)->conns == 0) {
			exit_inspected_free(i);
			return true;
		}
	}
	return false;
}

static struct exit_inspected *inspected_of(struct gate *g, struct session *who,
					   const struct egress_host *host)
{
	struct exits *x = &g->exits;
	struct exit_inspected *i;

	LIST_FOREACH (node, &x->inspected) {
		i = CONTAINER_OF(node, struct exit_inspected, node);
		if (i->who == who && i->host.port == host->port &&
		    str_eq(egress_host_name(&i->host), egress_host_name(host))) {
			return i;
		}
	}
	i = exit_authority(g, who) && make_room(x) ? calloc(1, sizeof(*i)) : NULL;
	if (!i) {
		return NULL;
	}
	i->gate = g;
	i->who = who;
	i->host = *host;
	write_host(i);
	list_init(&i->tickets);
	list_append(&x->inspected, &i->node);
	x->n_inspected++;
	if (open_both(i, NULL)) {
		exit_inspected_free(i);
		return NULL;
	}
	return i;
}

bool exit_inspect(struct gate *g, struct session *who, const struct egress_host *host,
		  const struct rules_program *program, int fd)
{
	struct exit_inspected *i = inspected_of(g, who, host);
	const struct net_peer peer = {.known = program};

	if (i) {
		tls_ctx_offer_http2(tls_authority_ctx(exit_authority(g, who)),
				    g->h2 && g->rules->config->egress.http2);
	}
	return i && http_server_take(i->server, fd, &peer, NULL) == ERR_OK;
}

void exit_inspected_close(struct gate *g, const struct session *who)
{
	LIST_FOREACH (node, &g->exits.inspected) {
		struct exit_inspected *i = CONTAINER_OF(node, struct exit_inspected, node);

		if (!who || i->who == who) {
			exit_inspected_free(i);
		}
	}
}
