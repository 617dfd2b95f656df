/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CONNECT: a tunnel to a host; or a connection that was captured on its way to it, whose program
 * knows of no proxy and is told nothing.
 *
 *      +<--yes-- HELD <--ask--+
 *      v                      |
 *   DECIDING --allow--> DIALLING --connected--> [HELLO] --> OPEN --> ENDED
 *      |                    |                      |
 *      +------ refused -----+----- not reached ----+-- not the host that was decided about
 *
 * Until the tunnel is open the request belongs to the HTTP server, which may take it away
 * (the client left); from then on the connection is ours. The tunnel lives until its outcome
 * is recorded.
 */
#include "gate/exit_priv.h"

#include "egress/hello.h"
#include "http/h1_msg.h"
#include "sys/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TUNNEL_MEMORY = 4 << 20, HELLO_SECONDS = 10, TLS_PORT = 443 };

enum tunnel_state {
	TUNNEL_DECIDING = 0,
	TUNNEL_HELD,
	TUNNEL_DIALLING,
	TUNNEL_HELLO,
	TUNNEL_OPEN,
	TUNNEL_ENDED
};

struct exit_tunnel {
	struct exit_request request; /* first: see exit_priv.h */
	struct exit_over over;
	struct list node;
	struct gate *gate;
	struct session *who;
	struct http_req *req; /* until the tunnel is open; NULL: the client left */
	bool captured;        /* there never was a request: the connection is ours from the start */
	enum tunnel_state state;
	struct arena arena;
	struct egress_host host;
	const struct rules_program *program; /* whose it is; NULL: not known */
	struct action action;
	struct hold hold;
	struct dial_request dial;
	enum exit_fault fault;
	int upstream;
	struct loop_fd client; /* watched while its first message is awaited; fd -1: not ours */
	struct timer deadline;
	struct buf hello;
	struct splice splice;
};

static void tunnel_free(struct exit_over *o)
{
	struct exit_tunnel *t = CONTAINER_OF(o, struct exit_tunnel, over);

	buf_done(&t->hello);
	arena_done(&t->arena);
	free(t);
}

/* Everything but the action and the memory. */
static void let_go(struct exit_tunnel *t)
{
	hold_end(&t->hold);
	dialer_forget(&t->gate->exits.dialer, &t->dial);
	timer_stop(&t->deadline);
	loop_remove(&t->gate->loop, &t->client);
	fd_close(&t->client.fd);
	fd_close(&t->upstream);
	splice_stop(&t->splice);
}

static void tunnel_over(struct exit_tunnel *t)
{
	let_go(t);
	list_remove(&t->node);
	t->gate->exits.n_tunnels--;
	t->who->n_tunnels--;
	exit_free_later(t->gate, &t->over);
}

static void answered(struct exit_tunnel *t, enum ledger_status status, uint64_t code)
{
	if (t->captured && t->state < TUNNEL_HELLO) {
		exit_turn_away(&t->client.fd, t->host.port);
	}
	t->state = TUNNEL_ENDED;
	let_go(t);
	action_answered_bytes(&t->action, status, code, t->splice.from_a.bytes,
			      t->splice.from_b.bytes);
}

/* ---- open ---- */

static void on_splice_end(struct splice *s, enum splice_end why)
{
	struct exit_tunnel *t = CONTAINER_OF(s, struct exit_tunnel, splice);

	switch (why) {
	case SPLICE_CLOSED:
		answered(t, LEDGER_OK, 200);
		break;
	case SPLICE_BROKEN:
		answered(t, LEDGER_DIED, 200);
		break;
	case SPLICE_IDLE:
		answered(t, LEDGER_TIMEOUT, 200);
		break;
	case SPLICE_NO_PIPE:
		t->action.finding = STR("out of descriptors");
		answered(t, LEDGER_LOST, 200);
		break;
	}
}

static void open_up(struct exit_tunnel *t)
{
	uint64_t idle = t->gate->rules->config->egress.idle_ns;
	struct str first = buf_str(&t->hello);
	int client = fd_take(&t->client.fd), upstream = fd_take(&t->upstream);
	struct err err;

	t->state = TUNNEL_OPEN;
	t->splice.on_end = on_splice_end;
	if (splice_preload(&t->splice, first, &err)) {
		(void)close(client);
		(void)close(upstream);
		answered(t, LEDGER_LOST, 200);
		return;
	}
	buf_done(&t->hello);
	if (splice_start(&t->splice, client, upstream, idle, &err)) {
		answered(t, LEDGER_LOST, 200);
	}
}

/* ---- the first message ---- */

/* RFC 8446 section 6: a fatal alert, unrecognized_name. */
static const char alert[] = {0x15, 3, 1, 0, 2, 2, 112};

static void refuse_hello(struct exit_tunnel *t, const char *finding)
{
	(void)send(t->client.fd, alert, sizeof(alert), MSG_NOSIGNAL | MSG_DONTWAIT);
	t->action.finding = str_from_c(finding);
	answered(t, LEDGER_PROTOCOL_ERROR, 403);
}

static bool names_host(const struct egress_hello *h, const struct egress_host *host)
{
	return host->is_ip ? h->name.p == NULL : str_ieq(h->name, egress_host_name(host));
}

static void look_at_hello(struct exit_tunnel *t)
{
	struct egress_hello h;
	struct err err;

	switch (egress_hello_read(buf_str(&t->hello), &h, &err)) {
	case EGRESS_HELLO_PARTIAL:
		return;
	case EGRESS_HELLO_BAD:
		refuse_hello(t, "not TLS, on a port that is for it");
		return;
	case EGRESS_HELLO_DONE:
		break;
	}
	if (!names_host(&h, &t->host)) {
		refuse_hello(t, "TLS for another host");
		return;
	}
	if (h.ech) {
		t->action.finding = STR("encrypted ClientHello");
	}
	timer_stop(&t->deadline);
	loop_remove(&t->gate->loop, &t->client);
	open_up(t);
}

static void on_client_ready(struct loop_fd *f, uint32_t ready)
{
	struct exit_tunnel *t = CONTAINER_OF(f, struct exit_tunnel, client);
	char *to = buf_reserve(&t->hello, EGRESS_HELLO_MAX);
	ssize_t n;

	(void)ready;
	if (!to) {
		answered(t, LEDGER_LOST, 200);
		return;
	}
	n = recv(f->fd, to, EGRESS_HELLO_MAX, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		answered(t, LEDGER_CALLER_GONE, 200);
		return;
	}
	buf_commit(&t->hello, (size_t)n);
	look_at_hello(t);
}

static void on_deadline(struct timer *timer)
{
	struct exit_tunnel *t = CONTAINER_OF(timer, struct exit_tunnel, deadline);

	t->action.finding = STR("no TLS within the time for it");
	answered(t, LEDGER_TIMEOUT, 200);
}

static void await_hello(struct exit_tunnel *t)
{
	struct err err;

	t->state = TUNNEL_HELLO;
	t->client.on_ready = on_client_ready;
	t->deadline.on_timeout = on_deadline;
	if (loop_add(&t->gate->loop, &t->client, LOOP_READ, &err)) {
		answered(t, LEDGER_LOST, 200);
		return;
	}
	loop_timer_set(&t->gate->loop, &t->deadline, HELLO_SECONDS * CLOCK_SEC);
	look_at_hello(t);
}

/* ---- dialling ---- */

/* The client's connection becomes ours; what it sent behind its request is kept. */
static bool take_client(struct exit_tunnel *t)
{
	static const char ok[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	struct http_req *req = t->req;
	struct str bytes;
	struct err err;

	if (t->captured) {
		return true;
	}
	if (http_req_detach(req, &t->client.fd, &bytes, &err)) {
		return false;
	}
	buf_append(&t->hello, str_from(bytes, req->head.size));
	t->req = NULL;
	req->user = NULL;
	http_req_drop(req);
	return !t->hello.failed && send(t->client.fd, ok, sizeof(ok) - 1,
					MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(ok) - 1;
}

static void on_dialed(struct dial_request *d, int fd, enum ipc_dial_mode mode, struct str reason)
{
	struct exit_tunnel *t = CONTAINER_OF(d, struct exit_tunnel, dial);

	(void)mode;
	(void)reason;
	if (fd < 0) {
		t->fault = exit_fault_of(d->why);
		if (d->why == IPC_DIAL_FORBIDDEN) {
			t->action.finding = STR("a special address that is not open");
		}
		answered(t, exit_status_of(d->why), 0);
		return;
	}
	t->upstream = fd;
	t->action.peer = exit_peer_text(fd, &t->arena);
	if (!take_client(t)) {
		answered(t, LEDGER_CALLER_GONE, 0);
	} else if (t->host.port == TLS_PORT) {
		await_hello(t);
	} else {
		open_up(t);
	}
}

/* The tunnel ends here, and what is in it goes on as requests. */
static void look_into(struct exit_tunnel *t)
{
	if (!take_client(t)) {
		answered(t, LEDGER_CALLER_GONE, 0);
	} else if (buf_len(&t->hello) ||
		   !exit_inspect(t->gate, t->who, &t->host, t->program, t->client.fd)) {
		/* A client that does not wait for an answer before it begins TLS is not served. */
		t->action.finding = STR("TLS could not be looked into");
		answered(t, LEDGER_PROTOCOL_ERROR, 200);
	} else {
		t->client.fd = -1;
		t->action.finding = STR("looked into");
		answered(t, LEDGER_OK, 200);
	}
}

static void forward(struct action *a)
{
	struct exit_tunnel *t = CONTAINER_OF(a, struct exit_tunnel, action);

	if (!t->req && !t->captured) {
		answered(t, LEDGER_CALLER_GONE, 0);
		return;
	}
	if (config_inspects(a->rules->config, &t->host)) {
		look_into(t);
		return;
	}
	t->state = TUNNEL_DIALLING;
	t->dial.on_answer = on_dialed;
	if (dialer_ask_host(&t->gate->exits.dialer, &t->dial, egress_host_name(&t->host),
			    t->host.port, 0, t->who->agent, NULL)) {
		t->fault = EXIT_FAULT_BUSY;
		answered(t, LEDGER_UNREACHABLE, 0);
	}
}

static void decide(struct exit_tunnel *t, uint64_t started);

static void on_verdict(struct hold *h, enum hold_verdict v)
{
	struct exit_tunnel *t = CONTAINER_OF(h, struct exit_tunnel, hold);
	struct http_req *req = t->req;

	t->state = TUNNEL_DECIDING;
	loop_remove(&t->gate->loop, &t->client);
	if (v == HOLD_YES) {
		decide(t, t->gate->loop.now);
		return;
	}
	t->req = NULL;
	if (t->captured) {
		exit_turn_away(&t->client.fd, t->host.port);
	} else {
		req->user = NULL;
		exit_answer_fault(req, v == HOLD_NO ? EXIT_FAULT_PERSON : EXIT_FAULT_UNHEARD);
	}
	tunnel_over(t);
}

/* Of a captured connection no server tells that its program left. */
static void on_held_client(struct loop_fd *f, uint32_t ready)
{
	(void)ready;
	tunnel_over(CONTAINER_OF(f, struct exit_tunnel, client));
}

static bool hold(struct exit_tunnel *t)
{
	struct err err;

	t->hold.on_verdict = on_verdict;
	t->client.on_ready = on_held_client;
	if ((!t->req && !t->captured) ||
	    !hold_begin(&t->hold, &t->action, exit_host_text(&t->arena, &t->host), STR("tunnel"))) {
		return false;
	}
	if (t->captured && loop_add(&t->gate->loop, &t->client, LOOP_PEER_CLOSED, &err)) {
		hold_end(&t->hold);
		return false;
	}
	t->state = TUNNEL_HELD;
	return true;
}

static void reply(struct action *a)
{
	struct exit_tunnel *t = CONTAINER_OF(a, struct exit_tunnel, action);
	struct http_req *req = t->req;

	if (a->refused && hold(t)) {
		return;
	}

	t->req = NULL;
	if (req) {
		req->user = NULL;
		if (a->refused) {
			exit_answer_refused(t->gate, req, a, &t->host);
		} else if (t->fault) {
			exit_answer_fault(req, t->fault);
		} else {
			http_req_drop(req);
		}
	} else if (t->captured && a->refused) {
		exit_turn_away(&t->client.fd, t->host.port);
	}
	tunnel_over(t);
}

static const struct action_events tunnel_events = {.forward = forward, .reply = reply};

static void decide(struct exit_tunnel *t, uint64_t started)
{
	struct rules_query q = {.kind = RULES_CONNECT,
				.host = &t->host,
				.program = t->program,
				.approved_by = str_from_c(t->hold.by)};

	q.input = exit_describe(NULL, &t->arena, &t->host, str_make(NULL, 0), str_make(NULL, 0),
				false);
	t->action = (struct action){
		.gate = t->gate, .on = &tunnel_events, .session = t->who, .arena = &t->arena};
	action_start(&t->action, &q, started);
}

/* ---- the request ---- */

/* The client left, or only stopped sending: nobody opens a tunnel to say nothing. */
static void on_abort(struct http_req *req, bool gone)
{
	struct exit_tunnel *t = req->user;

	(void)gone;
	t->req = NULL;
	req->user = NULL;
	http_req_drop(req);
	if (t->state == TUNNEL_DIALLING) {
		answered(t, LEDGER_CALLER_GONE, 0);
	} else if (t->state == TUNNEL_HELD) {
		tunnel_over(t);
	}
}

static void on_end(struct http_req *req)
{
	struct exit_tunnel *t = req->user;

	t->req = NULL;
	if (t->state == TUNNEL_DIALLING) {
		answered(t, LEDGER_CALLER_GONE, 0);
	} else if (t->state == TUNNEL_HELD) {
		tunnel_over(t);
	}
}

static const struct http_handler tunnel_handler = {.on_abort = on_abort, .on_end = on_end};

/* The last quarter is never one agent's: who keeps its tunnels open does not keep others out. */
static bool has_room(const struct gate *g, const struct session *who)
{
	uint64_t most = g->rules->config->egress.tunnels;

	return g->exits.n_tunnels < most && who->n_tunnels < (most < 4 ? most : most - most / 4);
}

static struct exit_tunnel *tunnel_new(struct gate *g, struct http_req *req, struct session *who)
{
	struct exits *x = &g->exits;
	struct exit_tunnel *t;

	if (!has_room(g, who) || g->draining) {
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		return NULL;
	}
	t->request.on = &tunnel_handler;
	t->over.free = tunnel_free;
	t->gate = g;
	t->who = who;
	t->req = req;
	t->upstream = t->client.fd = -1;
	arena_init(&t->arena, TUNNEL_MEMORY);
	buf_init(&t->hello, H1_IN_MAX);
	splice_init(&t->splice, &g->loop, &x->pipes);
	list_append(&x->tunnels, &t->node);
	x->n_tunnels++;
	who->n_tunnels++;
	return t;
}

void exit_tunnel_begin(struct exit_listener *l, struct http_req *req, struct session *who)
{
	struct gate *g = l->gate;
	struct egress_host host;
	struct exit_tunnel *t;
	struct err err;

	if (egress_host_parse(req->head.authority, 0, &host, &err)) {
		exit_answer_fault(req, EXIT_FAULT_HOST);
		return;
	}
	if (req->head.framing != HTTP_NO_BODY) {
		exit_answer_fault(req, EXIT_FAULT_REQUEST);
		return;
	}
	t = tunnel_new(g, req, who);
	if (!t) {
		exit_answer_fault(req, EXIT_FAULT_BUSY);
		return;
	}
	t->host = host;
	t->program = exit_program_of(req);
	req->user = t;
	decide(t, req->started);
}

void exit_tunnel_captured(struct gate *g, struct session *who, const struct egress_host *host,
			  const struct rules_program *program, int fd)
{
	struct exit_tunnel *t = tunnel_new(g, NULL, who);

	if (!t) {
		exit_turn_away(&fd, host->port);
		return;
	}
	t->captured = true;
	t->program = program;
	t->client.fd = fd;
	t->host = *host;
	decide(t, g->loop.now);
}

void exit_tunnels_end(struct gate *g, const struct session *who, enum ledger_status status)
{
	LIST_FOREACH (node, &g->exits.tunnels) {
		struct exit_tunnel *t = CONTAINER_OF(node, struct exit_tunnel, node);

		if (who && t->who != who) {
			continue;
		}
		if (t->req) {
			t->req->user = NULL;
			http_req_drop(t->req);
			t->req = NULL;
		}
		splice_stop(&t->splice);
		t->action.sent_bytes = t->splice.from_a.bytes;
		t->action.result_bytes = t->splice.from_b.bytes;
		action_cut(&t->action, status, 0);
		tunnel_over(t);
	}
}
