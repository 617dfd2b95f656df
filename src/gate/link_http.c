/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server behind Streamable HTTP (MCP 2025-11-25 basic/transports): each call is
 * a POST with a stream of its own; changes of lists come on one GET stream.
 */
#include "base/num.h"
#include "gate/ask.h"
#include "gate/gate.h"
#include "gate/link.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	HTTP_EVENT_MAX = 17 << 20,
	LISTEN_EVENT_MAX = 1 << 20,
	LISTEN_AGAIN_SECONDS = 5,
	HEADS_MAX = 128 << 10, /* of one request; servers take less */
	STATUS_OK = 200,
	STATUS_ACCEPTED = 202,
	STATUS_BAD_REQUEST = 400,
	STATUS_UNAUTHORIZED = 401,
	STATUS_FORBIDDEN = 403,
	STATUS_NOT_FOUND = 404,
};

static void opened(struct link *l)
{
	if (l->transport == &link_sse_transport) {
		link_sse_open(l);
	} else {
		link_connected(l);
	}
}

static void on_pool_open(struct gate_pool *p, bool ok)
{
	struct link *l = CONTAINER_OF(p, struct link, pool);

	if (l->state != LINK_CONNECTING) {
		return;
	}
	if (ok) {
		opened(l);
	} else if (p->why == IPC_DIAL_LOGIN) {
		link_lost(l, LINK_FAIL_LOGIN, "a person has to log in there: writ login");
	} else {
		link_lost(l, LINK_FAIL_UNREACHABLE, "nobody answers at its address");
	}
}

enum err_code link_http_init(struct link *l, const struct config_server *server, struct err *err)
{
	TRY(gate_pool_init(&l->pool, l->gate, "server", server->id, &server->url, err));
	l->pool.on_open = on_pool_open;
	l->url = arena_dup(&l->arena, server->url.text);
	l->pool.h2 = server->http2 != CONFIG_HTTP2_NO ? l->gate->h2 : NULL;
	return ERR_OK;
}

enum err_code link_http_connect(struct link *l, struct err *err)
{
	l->n_fields = 0;
	l->fields[l->n_fields++] =
		(struct http_field){STR("Content-Type"), STR("application/json")};
	l->fields[l->n_fields++] =
		(struct http_field){STR("Accept"), STR("application/json, text/event-stream")};
	if (!l->pool.pool) {
		return gate_pool_open(&l->pool, err);
	}
	opened(l);
	return ERR_OK;
}

static struct str encoded(struct link *l, struct link_call *c, struct str text)
{
	struct buf out = gate_buf_take(l->gate, HEADS_MAX);
	struct str ret;

	mcp_header_encode(&out, text);
	ret = out.failed ? str_make(NULL, 0) : arena_dup(&c->heads, buf_str(&out));
	c->heads.exhausted = c->heads.exhausted || out.failed;
	gate_buf_give(l->gate, &out);
	return ret;
}

enum err_code link_http_heads(struct link *l, struct link_call *c, enum mcp_method method,
			      struct str object, const struct mcp_item *tool, struct str arguments,
			      struct err *err)
{
	UNSET struct mcp_param params[MCP_PARAMS_MAX];
	enum mcp_object named = mcp_method_info(method)->object;
	struct str arguments_of = tool ? arguments : str_make(NULL, 0);
	size_t n_params = 0;

	arena_init(&c->heads, HEADS_MAX);
	if (tool && mcp_params_may_be(tool->raw) &&
	    !mcp_params_read(&c->heads, tool->raw, arguments_of, params, &n_params)) {
		return ERR(err, ERR_INVALID, "the tool's x-mcp-header is against the rules");
	}
	c->fields = ARENA_ARRAY(&c->heads, l->n_fields + 3 + n_params, struct http_field);
	if (!c->fields) {
		return ERR(err, ERR_NOMEM, "no memory for a request");
	}
	for (c->n_fields = 0; c->n_fields < l->n_fields; c->n_fields++) {
		c->fields[c->n_fields] = l->fields[c->n_fields];
	}
	c->fields[c->n_fields++] =
		(struct http_field){STR("MCP-Protocol-Version"), mcp_version_name(MCP_MODERN)};
	c->fields[c->n_fields++] =
		(struct http_field){STR("Mcp-Method"), mcp_method_info(method)->name};
	if (named == MCP_OBJECT_NAME || named == MCP_OBJECT_URI || named == MCP_OBJECT_TASK) {
		c->fields[c->n_fields++] =
			(struct http_field){STR("Mcp-Name"), encoded(l, c, object)};
	}
	for (size_t i = 0; i < n_params; i++) {
		if (params[i].mismatch) {
			return ERR(err, ERR_INVALID, "an argument that no header can show");
		}
		if (params[i].value.p) {
			c->fields[c->n_fields++] =
				(struct http_field){arena_printf(&c->heads, "Mcp-Param-" STR_FMT,
								 STR_ARG(params[i].name)),
						    encoded(l, c, params[i].value)};
		}
	}
	return c->heads.exhausted
		       ? ERR(err, ERR_LIMIT, "the headers of a request past %d bytes", HEADS_MAX)
		       : ERR_OK;
}

static struct h1_out request_of(const struct link *l, struct str method)
{
	return (struct h1_out){
		.method = method,
		.target = l->pool.target,
		.fields = l->fields,
		.n_fields = l->n_fields,
		.no_length = true,
	};
}

/*
 * The server's session is gone: a new one is opened, and what was not executed goes again. Of several
 * calls that learn of it, the first opens it.
 */
static void session_lost(struct link *l, struct link_call *c)
{
	bool ready = l->state == LINK_READY, stale = c->sent_in != l->generation;

	if (c->retried || l->state < LINK_CONNECTING || (c == &l->internal && !ready)) {
		link_call_fail(c, LINK_FAIL_PROTOCOL);
		return;
	}
	if (c == &l->internal) {
		link_call_end(c); /* a list: all of them are fetched anew */
	} else {
		c->retried = true;
		c->resend = !ready || !stale;
	}
	if (!ready) {
		return;
	}
	if (stale) {
		/* Another one has opened the new session meanwhile. */
		if (c != &l->internal && l->transport->call(l, c, NULL)) {
			link_call_fail(c, LINK_FAIL_UNREACHABLE);
		}
		return;
	}
	ask_link_lost(l);
	l->generation++;
	link_fetch_stop(l);
	link_cursor_done(&l->listen_cursor);
	l->session = STR("");
	l->state = LINK_CONNECTING;
	if (l->transport->connect(l, NULL)) {
		link_lost(l, LINK_FAIL_UNREACHABLE, "its session cannot be opened anew");
	}
}

/* Mcp-Session-Id of the answer to initialize: visible ASCII, kept within a bound. */
static void take_session(struct link *l, struct str id)
{
	if (id.n == 0 || id.n > sizeof(l->session_text)) {
		return;
	}
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] < 0x21 || id.p[i] > 0x7e) {
			return;
		}
	}
	memcpy(l->session_text, id.p, id.n);
	l->session = str_make(l->session_text, id.n);
}

static void resume(struct timer *t);

/* A stream that ended, or broke off, without the answer goes on where it stood, if it gave ids. */
static bool resume_later(struct link_call *c)
{
	struct link_cursor *cursor = c->cursor;
	struct link *l = c->link;

	if (!cursor || cursor->n == 0 || cursor->fails >= LINK_CURSOR_FAILS ||
	    l->state < LINK_LISTING || c->sent_in != l->generation) {
		return false;
	}
	cursor->fails++;
	sse_parser_done(&c->events);
	loop_timer_set(l->loop, &cursor->again, link_cursor_wait(cursor, CLOCK_SEC));
	return true;
}

static bool is_resumed(const struct link_call *c)
{
	return c->cursor && c->cursor->resumed;
}

static void on_head(struct http_call *h)
{
	struct link_call *c = CONTAINER_OF(h, struct link_call, http);

	c->status = h->answer->status;
	if (c->link->state == LINK_INITIALIZING && !c->link->probing) {
		take_session(c->link, h1_get(h->answer, HTTP_F_MCP_SESSION_ID));
	}
	if (h->answer->status == STATUS_OK &&
	    http_type_is(h1_get(h->answer, HTTP_F_CONTENT_TYPE), STR("text/event-stream"))) {
		c->sse = true;
		if (c->cursor) {
			c->cursor->fails = 0;
		}
		sse_parser_init(&c->events, HTTP_EVENT_MAX);
		http_call_stream(h);
	}
}

static void on_data(struct http_call *h, struct str bytes)
{
	struct link_call *c = CONTAINER_OF(h, struct link_call, http);
	struct link *l = c->link;
	struct sse_event e;
	UNSET struct err err;

	for (;;) {
		switch (sse_parse(&c->events, &bytes, &e, &err)) {
		case SSE_MORE:
			return;
		case SSE_BAD:
			link_call_fail(c, LINK_FAIL_PROTOCOL);
			return;
		case SSE_EVENT:
			if (!link_is_modern(l)) {
				link_cursor_note(&c->cursor, &e, c, resume);
			}
			if (e.has_data && e.data.n && !link_message(l, c, e.data)) {
				return; /* c is its owner's again */
			}
			break;
		}
	}
}

/*
 * MCP 2025-11-25 basic/transports: 404. Some servers say 400 with an error that answers no request, when
 * they have been started anew and know no session. Either way nothing was executed.
 */
static bool session_is_unknown(const struct link_call *c, const struct http_call *h)
{
	const struct link *l = c->link;
	const struct str name = STR("code");
	struct mcp_msg m;
	struct str code;

	if (!c->in_session || h->answer->status == STATUS_NOT_FOUND) {
		return c->in_session;
	}
	if (h->answer->status != STATUS_BAD_REQUEST ||
	    mcp_msg_parse(&l->gate->scratch, h->answer_body, &l->gate->json_limits, &m, NULL) !=
		    MCP_ERROR_RESPONSE ||
	    m.id.p) {
		return false;
	}
	(void)json_scan_members(m.error, &name, 1, &code, NULL);
	return str_eq(code, STR("-32000")) || str_eq(code, STR("-32001"));
}

/* The call was refused for want of a (better) token, so nothing was executed: it goes again with another one. */
static void on_renewed(struct dial_request *d, int fd, enum ipc_dial_mode mode, struct str reason)
{
	struct link_call *c = CONTAINER_OF(d, struct link_call, renew);

	(void)mode;
	(void)reason;
	if (fd >= 0) {
		(void)close(fd); /* nobody asked for one */
	}
	if (d->why != IPC_DIAL_RENEWED) {
		link_call_fail(c, d->why != IPC_DIAL_LOGIN        ? LINK_FAIL_PROTOCOL
				  : c->status == STATUS_FORBIDDEN ? LINK_FAIL_SCOPE
								  : LINK_FAIL_LOGIN);
		return;
	}
	c->renewed = true;
	gate_finding(c->link->gate, c->link->id,
		     "it refused the token of a request, which is sent again with another one");
	if (c->link->transport->call(c->link, c, NULL)) {
		link_call_fail(c, LINK_FAIL_UNREACHABLE);
	}
}

/* A refusal for want of a token, or of a better one; true: the call goes on when there is another. */
static bool is_challenged(struct link_call *c, const struct http_call *h)
{
	struct str challenge = h1_get(h->answer, HTTP_F_WWW_AUTHENTICATE);
	struct gate_pool *p = &c->link->pool;
	int status = h->answer->status;
	bool wanted = status == STATUS_UNAUTHORIZED ||
		      (status == STATUS_FORBIDDEN &&
		       str_find_str(challenge, STR("insufficient_scope")) < challenge.n);

	if (!wanted && (status != STATUS_FORBIDDEN || !challenge.n)) {
		return false;
	}
	c->renew = (struct dial_request){.on_answer = on_renewed};
	return dialer_challenged(p->connector,
				 wanted && !c->renewed && !is_resumed(c) ? &c->renew : NULL,
				 p->name, (unsigned)status, challenge);
}

static void on_done(struct http_call *h)
{
	struct link_call *c = CONTAINER_OF(h, struct link_call, http);
	int status = h->answer->status;

	c->http_active = false;
	if (is_challenged(c, h)) {
		return;
	}
	if ((c->sse && resume_later(c)) || (is_resumed(c) && status >= 500 && resume_later(c))) {
		return;
	}
	if (is_resumed(c)) {
		link_call_fail(c, LINK_FAIL_DIED); /* it knows no more what we were told of */
		return;
	}
	arena_reset(&c->link->gate->scratch);
	if (session_is_unknown(c, h)) {
		session_lost(c->link, c);
		return;
	}
	if (c->sse || status == STATUS_ACCEPTED || h->answer_body.n == 0) {
		link_call_fail(c, LINK_FAIL_DIED); /* the stream ended without the answer */
		return;
	}
	if (link_message(c->link, c, h->answer_body)) {
		link_call_fail(c, LINK_FAIL_PROTOCOL);
	}
}

static void on_fail(struct http_call *h, enum http_fail why, const struct err *err)
{
	struct link_call *c = CONTAINER_OF(h, struct link_call, http);

	(void)err;
	c->http_active = false;
	if (why != HTTP_FAIL_TIMEOUT && why != HTTP_FAIL_LIMIT && resume_later(c)) {
		return;
	}
	if (why == HTTP_FAIL_RETRYABLE && c->repeatable && !c->retried) {
		c->retried = true;
		if (c->link->transport->call(c->link, c, NULL) == ERR_OK) {
			return;
		}
	}
	if ((why == HTTP_FAIL_DIAL || why == HTTP_FAIL_QUEUE) && c == &c->link->internal) {
		link_call_fail(c, LINK_FAIL_UNREACHABLE);
		return;
	}
	link_call_fail(c, why == HTTP_FAIL_DIAL || why == HTTP_FAIL_QUEUE  ? LINK_FAIL_UNREACHABLE
			  : why == HTTP_FAIL_TIMEOUT                       ? LINK_FAIL_TIMEOUT
			  : why == HTTP_FAIL_BAD || why == HTTP_FAIL_LIMIT ? LINK_FAIL_PROTOCOL
									   : LINK_FAIL_DIED);
}

static const struct http_call_events call_events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
};

static enum err_code http_call(struct link *l, struct link_call *c, struct err *err)
{
	(void)err;
	c->http = (struct http_call){
		.on = &call_events,
		.pool = l->pool.pool,
		.request = request_of(l, STR("POST")),
		.body = buf_str(&c->message),
		.max_body = HTTP_EVENT_MAX,
	};
	c->http.about = &c->about;
	c->http.request.framing = HTTP_LENGTH;
	c->http.request.no_length = false;
	c->http.request.body_len = c->http.body.n;
	if (c->fields) {
		c->http.request.fields = c->fields;
		c->http.request.n_fields = c->n_fields;
	}
	c->sent_in = l->generation;
	c->in_session = l->session.n > 0;
	c->sse = false;
	c->http_active = true;
	http_call_start(&c->http);
	return ERR_OK;
}

static void resume(struct timer *t)
{
	struct link_cursor *cursor = CONTAINER_OF(t, struct link_cursor, again);
	struct link_call *c = cursor->owner;
	struct link *l = c->link;

	if (l->state < LINK_LISTING || c->sent_in != l->generation) {
		link_call_fail(c, LINK_FAIL_DIED);
		return;
	}
	c->http = (struct http_call){
		.on = &call_events,
		.pool = l->pool.pool,
		.request = request_of(l, STR("GET")),
		.max_body = HTTP_EVENT_MAX,
	};
	link_cursor_show(cursor, &c->http.request);
	cursor->resumed = true;
	c->sse = false;
	c->http_active = true;
	http_call_start(&c->http);
}

static void http_abandon(struct link *l, struct link_call *c)
{
	if (c->cursor) {
		timer_stop(&c->cursor->again);
	}
	dialer_forget(l->pool.connector, &c->renew);
	if (c->http_active) {
		c->http_active = false;
		http_call_cancel(&c->http);
	}
}

/* ---- messages that have no answer ---- */

struct post {
	struct http_call http;
	struct link *link;
	uint64_t generation, hop; /* of the call that it is; 0: none */
	struct buf body;
	char target[];
};

static void post_free(struct post *p)
{
	gate_buf_give(p->link->gate, &p->body);
	free(p);
}

/* The message was not taken, so no answer will come by another way. */
static void post_refused(struct post *p, enum link_fail why)
{
	char id[24];
	struct link_call *c = NULL;

	if (p->hop && p->generation == p->link->generation) {
		c = map_find(&p->link->by_hop, str_make(id, num_write_u64(id, p->hop)));
	}
	post_free(p);
	if (c) {
		link_call_fail(c, why);
	}
}

static void on_post_done(struct http_call *h)
{
	struct post *p = CONTAINER_OF(h, struct post, http);

	if (h->answer->status / 100 == 2) {
		post_free(p);
	} else {
		post_refused(p, LINK_FAIL_DIED);
	}
}

static void on_post_fail(struct http_call *h, enum http_fail why, const struct err *err)
{
	(void)err;
	post_refused(CONTAINER_OF(h, struct post, http),
		     why == HTTP_FAIL_DIAL || why == HTTP_FAIL_QUEUE ? LINK_FAIL_UNREACHABLE
								     : LINK_FAIL_DIED);
}

static const struct http_call_events post_events = {
	.on_done = on_post_done,
	.on_fail = on_post_fail,
};

bool link_http_post(struct link *l, struct str target, struct str message,
		    const struct link_call *c)
{
	struct post *p = calloc(1, sizeof(*p) + target.n);

	if (!p) {
		return false;
	}
	memcpy(p->target, target.p, target.n);
	p->link = l;
	p->generation = l->generation;
	p->hop = c ? c->hop : 0;
	p->body = gate_buf_take(l->gate, HTTP_EVENT_MAX);
	buf_append(&p->body, message);
	p->http = (struct http_call){
		.on = &post_events,
		.pool = l->pool.pool,
		.request = request_of(l, STR("POST")),
		.body = buf_str(&p->body),
		.timeout = c ? l->timeout_ns : 10 * CLOCK_SEC,
		.about = c ? &c->about : NULL,
	};
	p->http.request.target = str_make(p->target, target.n);
	p->http.request.framing = HTTP_LENGTH;
	p->http.request.no_length = false;
	p->http.request.body_len = p->http.body.n;
	http_call_start(&p->http);
	return true;
}

static void http_post(struct link *l, struct str message)
{
	(void)link_http_post(l, l->pool.target, message, NULL);
}

/* ---- the GET stream ---- */

static void listen_later(struct link *l)
{
	l->listening = false;
	sse_parser_done(&l->listen_events);
	loop_timer_set(l->loop, &l->listen_again,
		       link_cursor_wait(l->listen_cursor, LISTEN_AGAIN_SECONDS * CLOCK_SEC));
}

static void on_listen_head(struct http_call *h)
{
	if (h->answer->status == STATUS_OK &&
	    http_type_is(h1_get(h->answer, HTTP_F_CONTENT_TYPE), STR("text/event-stream"))) {
		http_call_stream(h);
	}
}

static void on_listen_data(struct http_call *h, struct str bytes)
{
	struct link *l = CONTAINER_OF(h, struct link, listen);
	uint64_t generation = l->generation;
	struct sse_event e;
	UNSET struct err err;

	while (l->listening && l->generation == generation) {
		switch (sse_parse(&l->listen_events, &bytes, &e, &err)) {
		case SSE_MORE:
			return;
		case SSE_BAD:
			http_call_cancel(h);
			listen_later(l);
			return;
		case SSE_EVENT:
			link_cursor_note(&l->listen_cursor, &e, l, NULL);
			if (e.has_data && e.data.n) {
				(void)link_message(l, NULL, e.data);
			}
			break;
		}
	}
}

static void on_listen_done(struct http_call *h)
{
	struct link *l = CONTAINER_OF(h, struct link, listen);

	if (h->answer->status == STATUS_OK || l->listen_cursor) {
		if (h->answer->status != STATUS_OK) {
			link_cursor_done(&l->listen_cursor); /* it has forgotten that place */
		}
		listen_later(l);
		return;
	}
	l->listening = false; /* 405: this server has none */
	sse_parser_done(&l->listen_events);
}

static void on_listen_fail(struct http_call *h, enum http_fail why, const struct err *err)
{
	(void)why;
	(void)err;
	listen_later(CONTAINER_OF(h, struct link, listen));
}

static const struct http_call_events listen_events = {
	.on_head = on_listen_head,
	.on_data = on_listen_data,
	.on_done = on_listen_done,
	.on_fail = on_listen_fail,
};

static void listen_start(struct link *l)
{
	l->listening = true;
	sse_parser_init(&l->listen_events, LISTEN_EVENT_MAX);
	l->listen = (struct http_call){
		.on = &listen_events,
		.pool = l->pool.pool,
		.request = request_of(l, STR("GET")),
		.timeout = HTTP_NO_TIMEOUT,
	};
	if (l->listen_cursor && l->listen_cursor->n) {
		link_cursor_show(l->listen_cursor, &l->listen.request);
	}
	http_call_start(&l->listen);
}

static void on_listen_again(struct timer *t)
{
	struct link *l = CONTAINER_OF(t, struct link, listen_again);

	if (l->state == LINK_READY && !l->listening) {
		listen_start(l);
	}
}

void link_http_ready(struct link *l)
{
	l->fields[l->n_fields++] =
		(struct http_field){STR("MCP-Protocol-Version"), mcp_version_name(l->version)};
	if (l->session.n) {
		l->fields[l->n_fields++] = (struct http_field){STR("Mcp-Session-Id"), l->session};
	}
	l->listen_again.on_timeout = on_listen_again;
	/* Changes, log lines and requests to clients come here; a server without it says 405. */
	if (!l->listening) {
		listen_start(l);
	}
}

static void http_close(struct link *l)
{
	timer_stop(&l->listen_again);
	link_cursor_done(&l->listen_cursor);
	if (l->listening) {
		l->listening = false;
		http_call_cancel(&l->listen);
		sse_parser_done(&l->listen_events);
	}
}

const struct link_transport link_http_transport = {
	.connect = link_http_connect,
	.call = http_call,
	.abandon = http_abandon,
	.post = http_post,
	.close = http_close,
};
