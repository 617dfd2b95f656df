/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request through the proxy: GET http://host/path, one that was captured on its way, or one in a
 * tunnel that is looked into. It is decided by method, host and path; what is sent is the path that was decided about, under
 * framing of our own. A plain one gets a connection that serves no other; those of a tunnel
 * share the connections of their session and host: what an agent leaves on one reaches no
 * other agent.
 *
 * Bodies pass in pieces, each side at the other's pace; so do the bytes of a WebSocket (RFC 6455), once
 * the host granted one that the policies knew was asked for.
 */
#include "gate/exit_priv.h"

#include "egress/path.h"
#include "gate/pool.h"

#include <stdlib.h>
#include <unistd.h>

enum { HEAD_SECONDS = 120, HOST_TEXT = EGRESS_NAME_MAX + 16 };

/* In the request's arena. */
struct exit_call {
	struct exit_request request; /* first: see exit_priv.h */
	struct gate *gate;
	struct http_req *req;
	struct egress_host host;
	struct str host_text, target;
	struct action action;
	struct hold hold;
	struct session *who;
	struct str path;
	struct dial_request dial;
	struct call_pool *pool;     /* of a plain request */
	struct exit_inspected *via; /* of one in a tunnel */
	struct http_field *fields;  /* that are sent */
	size_t n_fields;
	unsigned attempts;
	struct http_call call;
	uint64_t sent, received;
	enum exit_fault fault;
	bool tls, has_secret; /* has_secret: a credential may go to this host */
	struct str upgrade;   /* the protocol that is asked for; empty: none */
	bool switched;        /* and it was granted */
	struct timer silence; /* of what was switched */
	bool dialling, calling, body_complete, body_ended, answering, broken, gone;
};

/* The pool of one call. It outlives the callback in which the call ends. */
struct call_pool {
	struct exit_over over;
	struct list node;       /* in exits.requests */
	struct http_pool *pool; /* NULL when it was cut */
	struct exit_call *call; /* NULL once that is over */
	int fd;
};

static void pool_free(struct exit_over *o)
{
	struct call_pool *p = CONTAINER_OF(o, struct call_pool, over);

	if (p->pool) {
		http_pool_free(p->pool);
	}
	if (p->fd >= 0) {
		(void)close(p->fd);
	}
	list_remove(&p->node);
	free(p);
}

void exit_requests_cut(struct gate *g)
{
	LIST_FOREACH (node, &g->exits.requests) {
		struct call_pool *p = CONTAINER_OF(node, struct call_pool, node);
		struct http_pool *pool = p->pool;

		p->pool = NULL;
		if (pool) {
			http_pool_free(pool); /* the call fails in here */
		}
	}
}

static void let_go(struct exit_call *x)
{
	hold_end(&x->hold);
	dialer_forget(&x->gate->exits.dialer, &x->dial);
	x->dialling = false;
	timer_stop(&x->silence);
	if (x->calling) {
		x->calling = false;
		http_call_cancel(&x->call);
	}
	if (x->pool) {
		x->pool->call = NULL;
		exit_free_later(x->gate, &x->pool->over);
		x->pool = NULL;
	}
}

static void answered(struct exit_call *x, enum ledger_status status, uint64_t code)
{
	let_go(x);
	action_answered_bytes(&x->action, status, code, x->sent, x->received);
}

/* ---- the answer ---- */

static int64_t length_of(const struct exit_call *x, const struct h1_head *h)
{
	uint64_t length;

	if (x->req->head.method == HTTP_HEAD &&
	    str_to_u64(h1_get(h, HTTP_F_CONTENT_LENGTH), &length) && length <= INT64_MAX) {
		return (int64_t)length; /* of what is not sent */
	}
	switch (h->framing) {
	case HTTP_NO_BODY:
		return 0;
	case HTTP_LENGTH:
		return (int64_t)h->body_len;
	case HTTP_CHUNKED:
	case HTTP_UNTIL_CLOSE:
		break;
	}
	return -1;
}

/* A tunnel without a byte and a WebSocket without one last equally long. */
static void heard(struct exit_call *x)
{
	if (x->switched) {
		loop_timer_set(&x->gate->loop, &x->silence,
			       x->action.rules->config->egress.idle_ns);
	}
}

static void on_silence(struct timer *t)
{
	struct exit_call *x = CONTAINER_OF(t, struct exit_call, silence);

	answered(x, LEDGER_TIMEOUT, 101);
}

/* Granted, and we can grant it too: from here on the host's bytes are the answer's body. */
static void switch_over(struct exit_call *x, const struct http_field *fields, size_t n)
{
	if (!http_respond_switch(x->req, x->upgrade, fields, n)) {
		x->fault = EXIT_FAULT_UPSTREAM;
		answered(x, LEDGER_CALLER_GONE, 0);
		return;
	}
	x->answering = x->switched = true;
	x->silence.on_timeout = on_silence;
	heard(x);
}

static void on_head(struct http_call *c)
{
	struct exit_call *x = CONTAINER_OF(c, struct exit_call, call);
	struct http_field fields[H1_MAX_FIELDS];
	size_t n = exit_answer_fields(c->answer, fields);

	http_call_stream(c);
	if (c->answer->status == 101) {
		switch_over(x, fields, n);
		return;
	}
	x->answering = true;
	(void)http_respond_begin(x->req, c->answer->status, fields, n,
				 length_of(x, c->answer)); /* a client that left is told of */
}

static void on_data(struct http_call *c, struct str bytes)
{
	struct exit_call *x = CONTAINER_OF(c, struct exit_call, call);

	x->received += bytes.n;
	heard(x);
	if (http_respond_write(x->req, bytes) && http_respond_pending(x->req) > HTTP_HIGH_WATER) {
		http_call_pause(c, true);
	}
}

static void on_done(struct http_call *c)
{
	struct exit_call *x = CONTAINER_OF(c, struct exit_call, call);
	uint64_t status = (uint64_t)c->answer->status;

	x->calling = false;
	http_respond_trailers(x->req, c->trailers);
	answered(x, LEDGER_OK, status);
}

static enum exit_fault fault_of(enum http_fail why)
{
	switch (why) {
	case HTTP_FAIL_NONE:
	case HTTP_FAIL_QUEUE:
	case HTTP_FAIL_DIAL:
	case HTTP_FAIL_RETRYABLE:
	case HTTP_FAIL_CLOSED:
		return EXIT_FAULT_UNREACHABLE;
	case HTTP_FAIL_BAD:
	case HTTP_FAIL_LIMIT:
		return EXIT_FAULT_UPSTREAM;
	case HTTP_FAIL_TIMEOUT:
		return EXIT_FAULT_TIMEOUT;
	case HTTP_FAIL_NOMEM:
	case HTTP_FAIL_INVALID:
		break;
	}
	return EXIT_FAULT_BUSY;
}

static void send_request(struct exit_call *x);

/* RFC 9110 section 9.2.2: a reused connection closed without a word; this does no harm twice. */
static bool may_repeat(const struct exit_call *x)
{
	enum http_method m = x->req->head.method;

	return (m == HTTP_GET || m == HTTP_HEAD || m == HTTP_OPTIONS) &&
	       x->req->head.framing == HTTP_NO_BODY && !x->gone;
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct exit_call *x = CONTAINER_OF(c, struct exit_call, call);

	(void)err;
	x->calling = false;
	if (why == HTTP_FAIL_RETRYABLE && x->attempts++ == 0 && may_repeat(x)) {
		send_request(x);
		return;
	}
	x->fault = why == HTTP_FAIL_DIAL && x->via ? exit_fault_of(x->via->why) : fault_of(why);
	x->broken = x->answering;
	answered(x,
		 x->fault == EXIT_FAULT_TIMEOUT    ? LEDGER_TIMEOUT
		 : x->fault == EXIT_FAULT_UPSTREAM ? LEDGER_PROTOCOL_ERROR
						   : LEDGER_DIED,
		 0);
}

/* ---- the request's body ---- */

static void end_body(struct exit_call *x)
{
	if (x->body_complete && !x->body_ended && x->calling && x->call.body_streamed) {
		x->body_ended = true;
		(void)http_call_write_end(&x->call); /* a broken connection: on_fail follows */
	}
}

static void on_upstream_drain(struct http_call *c)
{
	struct exit_call *x = CONTAINER_OF(c, struct exit_call, call);

	if (x->body_complete && !x->switched) {
		end_body(x);
	} else {
		http_body_pause(x->req, false);
	}
}

static void on_body(struct http_req *req, struct str bytes)
{
	struct exit_call *x = req->user;

	if (!x->calling) {
		return; /* answered before it was read */
	}
	x->sent += bytes.n;
	heard(x);
	if (http_call_write(&x->call, bytes) && http_call_pending(&x->call) > HTTP_HIGH_WATER) {
		http_body_pause(req, true);
	}
}

static void on_body_complete(struct http_req *req)
{
	struct exit_call *x = req->user;

	x->body_complete = true;
	end_body(x);
}

static const struct http_call_events call_events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
	.on_drain = on_upstream_drain,
};

/* ---- sending ---- */

static void on_pool_dial(struct http_pool *pool, uint64_t ticket)
{
	struct call_pool *p = http_pool_user(pool);
	int fd = p->fd;

	p->fd = -1;
	if (fd >= 0) {
		http_pool_connected(pool, ticket, fd);
	} else {
		http_pool_dial_failed(pool, ticket, NULL);
	}
}

static bool open_pool(struct exit_call *x, int fd)
{
	struct call_pool *p = calloc(1, sizeof(*p));
	struct http_pool_config c = {
		.dial = on_pool_dial,
		.user = p,
		.host = x->host_text,
		.wire = x->has_secret ? &gate_relay_wire : NULL,
		.max_conns = 1,
		.max_idle = 1,
		.head_timeout = HEAD_SECONDS * CLOCK_SEC,
	};

	if (!p || http_pool_new(&x->gate->loop, &c, &p->pool, NULL)) {
		free(p);
		(void)close(fd);
		return false;
	}
	p->over.free = pool_free;
	list_append(&x->gate->exits.requests, &p->node);
	p->fd = fd;
	p->call = x;
	x->pool = p;
	return true;
}

static void send_request(struct exit_call *x)
{
	const struct h1_head *h = &x->req->head;
	bool body = h->framing != HTTP_NO_BODY;

	x->call = (struct http_call){
		.on = &call_events,
		.pool = x->via ? x->via->pools[exit_way_of(x->req)] : x->pool->pool,
		.request = {.method = h->method_text,
			    .target = x->target,
			    .fields = x->fields,
			    .n_fields = x->n_fields,
			    .framing = h->framing,
			    .body_len = h->body_len,
			    .no_length = !h1_get(h, HTTP_F_CONTENT_LENGTH).p,
			    .upgrade = x->upgrade,
			    .trailers = true},
		.body_streamed = body,
		.timeout = HTTP_NO_TIMEOUT,
	};
	x->calling = true;
	http_call_start(&x->call);
}

static void on_dialed(struct dial_request *d, int fd, enum ipc_dial_mode mode, struct str reason)
{
	struct exit_call *x = CONTAINER_OF(d, struct exit_call, dial);

	(void)reason;
	x->dialling = false;
	if (fd < 0) {
		x->fault = exit_fault_of(d->why);
		if (d->why == IPC_DIAL_FORBIDDEN) {
			x->action.finding = STR("a special address that is not open");
		}
		answered(x, exit_status_of(d->why), 0);
		return;
	}
	if (mode == IPC_DIAL_DIRECT) {
		x->action.peer = exit_peer_text(fd, &x->req->arena);
	}
	if (!open_pool(x, fd)) {
		x->fault = EXIT_FAULT_BUSY;
		answered(x, LEDGER_LOST, 0);
		return;
	}
	send_request(x);
}

static void forward(struct action *a)
{
	struct exit_call *x = CONTAINER_OF(a, struct exit_call, action);

	if (x->gone) {
		answered(x, LEDGER_CALLER_GONE, 0);
		return;
	}
	if (x->via) {
		send_request(x);
		return;
	}
	x->dial.on_answer = on_dialed;
	x->dialling = true;
	if (dialer_ask_host(&x->gate->exits.dialer, &x->dial, egress_host_name(&x->host),
			    x->host.port, x->has_secret ? IPC_HOST_RELAY : 0, x->who->agent,
			    NULL)) {
		x->fault = EXIT_FAULT_BUSY;
		answered(x, LEDGER_UNREACHABLE, 0);
	}
}

static void decide(struct exit_call *x, uint64_t started);

static void on_verdict(struct hold *h, enum hold_verdict v)
{
	struct exit_call *x = CONTAINER_OF(h, struct exit_call, hold);

	switch (v) {
	case HOLD_YES:
		decide(x, x->gate->loop.now);
		break;
	case HOLD_NO:
		exit_answer_fault(x->req, EXIT_FAULT_PERSON);
		break;
	case HOLD_UNHEARD:
		exit_answer_fault(x->req, EXIT_FAULT_UNHEARD);
		break;
	}
}

static bool hold(struct exit_call *x)
{
	struct arena *a = x->action.arena;

	x->hold.on_verdict = on_verdict;
	return !x->gone &&
	       hold_begin(&x->hold, &x->action, exit_host_text(a, &x->host),
			  arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(x->req->head.method_text),
				       STR_ARG(x->path)));
}

static void reply(struct action *a)
{
	struct exit_call *x = CONTAINER_OF(a, struct exit_call, action);

	if (a->refused && hold(x)) {
		return;
	}
	if (x->gone || x->broken) {
		http_req_drop(x->req); /* an answer that broke off must not look complete */
	} else if (a->refused) {
		exit_answer_refused(x->gate, x->req, a, &x->host);
	} else if (x->answering) {
		http_respond_end(x->req);
	} else {
		exit_answer_fault(x->req, x->fault);
	}
}

static const struct action_events call_action_events = {.forward = forward, .reply = reply};

/* ---- the client ---- */

static void on_abort(struct http_req *req, bool gone)
{
	struct exit_call *x = req->user;

	if (!gone && !x->hold.held) {
		return; /* it may still read, and nobody is to be kept busy for who does not */
	}
	hold_end(&x->hold);
	x->gone = true;
	if (x->calling || x->dialling) {
		answered(x, LEDGER_CALLER_GONE, 0);
	} else if (!x->action.active) {
		http_req_drop(req);
	}
}

static void on_drain(struct http_req *req)
{
	struct exit_call *x = req->user;

	if (x->calling) {
		http_call_pause(&x->call, false);
	}
}

static void on_end(struct http_req *req)
{
	struct exit_call *x = req->user;

	let_go(x);
	x->action.sent_bytes = x->sent;
	x->action.result_bytes = x->received;
	if (x->switched) {
		action_cut(&x->action, LEDGER_OK, 101); /* how a WebSocket ends */
	} else {
		action_cut(&x->action, LEDGER_CALLER_GONE, 0);
	}
}

static const struct http_handler call_handler = {
	.on_body = on_body,
	.on_body_complete = on_body_complete,
	.on_drain = on_drain,
	.on_abort = on_abort,
	.on_end = on_end,
};

/* The path in its one form with the query behind it; false when there is none. */
static bool make_target(struct exit_call *x, struct str *ret_path)
{
	const struct h1_head *h = &x->req->head;
	struct buf out = gate_buf_take(x->gate, 64 << 10);
	bool slashes = config_escapes_slashes(x->gate->rules->config, egress_host_name(&x->host));
	bool ok = egress_path_append(&out, h->path, slashes, NULL) == ERR_OK &&
		  egress_query_ok(h->query);
	size_t path = buf_len(&out);

	if (ok && h->query.n) {
		buf_append_c(&out, '?');
		buf_append(&out, h->query);
	}
	x->target =
		ok && !out.failed ? arena_dup(&x->req->arena, buf_str(&out)) : str_make(NULL, 0);
	gate_buf_give(x->gate, &out);
	*ret_path = str_make(x->target.p, x->target.p ? path : 0);
	return x->target.p != NULL;
}

static bool make_host_text(struct exit_call *x)
{
	struct buf out;

	buf_init(&out, HOST_TEXT);
	egress_host_write(&out, &x->host, x->tls ? 443 : 80);
	x->host_text = arena_dup(&x->req->arena, buf_str(&out));
	buf_done(&out);
	return x->host_text.p != NULL;
}

static enum exit_fault choose_fields(struct exit_call *x, struct str path)
{
	const struct exit_place place = {
		.config = x->gate->rules->config, .host = &x->host, .tls = x->tls, .path = path};

	x->has_secret = exit_has_secret(&place);
	if (exit_has_placeholder(x->target)) {
		return EXIT_FAULT_CREDENTIAL;
	}
	return exit_request_fields(&place, &x->req->head, &x->req->arena, &x->fields, &x->n_fields);
}

/* ---- the request ---- */

/* RFC 6455 section 4.1. Every other protocol is not asked for: its field stays here. */
static struct str wanted_protocol(const struct h1_head *h)
{
	bool asked = h->method == HTTP_GET && h->minor && h->framing == HTTP_NO_BODY &&
		     http_list_has(h1_get(h, HTTP_F_CONNECTION), STR("upgrade")) &&
		     str_ieq(h1_get(h, HTTP_F_UPGRADE), STR("websocket"));

	return asked ? STR("websocket") : str_make(NULL, 0);
}

static enum exit_fault read_request(struct exit_call *x, struct str *ret_path)
{
	enum exit_fault fault;

	if (x->req->head.method == HTTP_TRACE || x->req->head.method == HTTP_CONNECT) {
		return EXIT_FAULT_REQUEST;
	}
	x->upgrade = wanted_protocol(&x->req->head);
	if (!make_target(x, ret_path) || !make_host_text(x)) {
		return EXIT_FAULT_PATH;
	}
	fault = choose_fields(x, *ret_path);
	if (fault == EXIT_FAULT_CREDENTIAL) {
		gate_finding(x->gate, egress_host_name(&x->host),
			     "a credential's placeholder where it does not belong");
	}
	return fault;
}

static void decide(struct exit_call *x, uint64_t started)
{
	struct rules_query q = {.kind = RULES_CONNECT,
				.host = &x->host,
				.program = exit_program_of(x->req),
				.approved_by = str_from_c(x->hold.by)};
	struct arena *a = &x->req->arena;

	q.input = exit_describe(x->req, a, &x->host, x->path, x->upgrade, x->tls);
	x->action = (struct action){
		.gate = x->gate, .on = &call_action_events, .session = x->who, .arena = a};
	action_start(&x->action, &q, started);
}

static void begin(struct exit_call *x, struct session *who)
{
	struct http_req *req = x->req;
	enum exit_fault fault = read_request(x, &x->path);

	if (fault) {
		exit_answer_fault(req, fault);
		return;
	}
	req->user = x;
	http_stream(req);
	if (req->head.framing != HTTP_NO_BODY) {
		http_body_pause(req, true);
	}
	x->who = who;
	decide(x, req->started);
}

static struct exit_call *call_new(struct gate *g, struct http_req *req)
{
	struct exit_call *x = ARENA_NEW(&req->arena, struct exit_call);

	if (!x) {
		exit_answer_fault(req, EXIT_FAULT_BUSY);
		return NULL;
	}
	x->request.on = &call_handler;
	x->gate = g;
	x->req = req;
	return x;
}

void exit_http_begin(struct exit_listener *l, struct http_req *req, struct session *who)
{
	struct exit_call *x = call_new(l->gate, req);
	struct err err;

	if (!x) {
		return;
	}
	if (l->kind == EXIT_PROXY && !str_ieq(str_make(req->head.target.p, 7), STR("http://"))) {
		exit_answer_fault(req, EXIT_FAULT_REQUEST);
	} else if (egress_host_parse(req->head.authority, 80, &x->host, &err)) {
		exit_answer_fault(req, EXIT_FAULT_HOST);
	} else {
		begin(x, who);
	}
}

void exit_https_begin(struct exit_inspected *i, struct http_req *req)
{
	struct exit_call *x = call_new(i->gate, req);

	if (!x) {
		return;
	}
	x->host = i->host;
	x->tls = true;
	x->via = i;
	begin(x, i->who);
}
