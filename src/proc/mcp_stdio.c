/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads: lines of the client that started it, answers of the gateway.
 * Holds: one API key, the session's id.
 * Cannot: more than its user can; it is the user's own process, outside the node.
 */
#include "proc/mcp_stdio.h"

#include "base/buf.h"
#include "base/hex.h"
#include "crypto/secret.h"
#include "http/client.h"
#include "http/sse.h"
#include "mcp/modern.h"
#include "mcp/stdio.h"
#include "net/addr.h"
#include "net/loop.h"
#include "sys/fd.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	PIECE = 64 << 10,
	MESSAGE_MAX = 17 << 20,
	OUT_MAX = 64 << 20, /* what the client has not read yet */
	CALLS_MAX = 1024,
	AGAIN_MS = 1000,
	SESSION_MAX = 256,
	STATUS_UNAUTHORIZED = 401,
	STATUS_NOT_FOUND = 404,
};

struct bridge {
	const struct mcp_stdio *config;
	struct loop loop;
	struct http_pool *pool;
	struct net_addr addr;
	struct buf host, auth;
	struct loop_fd in, out;
	struct mcp_lines lines;
	struct buf pending; /* for the client */
	size_t written;
	struct arena scratch;
	struct list calls;
	size_t n_calls;
	char session_text[SESSION_MAX];
	struct str session;
	struct str version; /* as negotiated */
	bool initializing;  /* what follows waits for the session's id */
	bool ended;         /* standard input has */
	bool closing;       /* the session is being closed */
	struct call *listen;
	struct timer again; /* the stream of the session is opened anew */
	struct err err;
};

/* One POST, GET or DELETE. */
struct call {
	struct list node;
	struct bridge *b;
	struct http_call http;
	struct buf body;
	struct arena arena; /* texts below */
	struct http_field fields[8];
	struct str id; /* of a request: raw JSON */
	enum mcp_method method;
	bool is_modern, is_listen, sse;
	struct sse_parser events;
};

static void read_on(struct bridge *b);

static void fail(struct bridge *b, const struct err *err)
{
	if (!b->err.code) {
		b->err = *err;
	}
	loop_stop(&b->loop);
}

static void fail_text(struct bridge *b, const char *text)
{
	struct err err;

	err_ignore(ERR(&err, ERR_CLOSED, "%s", text));
	fail(b, &err);
}

/* ---- to the client ---- */

/*
 * At most PIPE_BUF bytes after the kernel said that there is room: that never blocks, and the
 * descriptor, which others may share, keeps its mode.
 */
static void on_writable(struct loop_fd *f, uint32_t ready)
{
	struct bridge *b = CONTAINER_OF(f, struct bridge, out);
	size_t left = buf_len(&b->pending) - b->written;
	ssize_t n;

	if (!(ready & EPOLLOUT)) {
		fail_text(b, "the client reads no more");
		return;
	}
	n = write(f->fd, b->pending.p + b->written, left < PIPE_BUF ? left : PIPE_BUF);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		fail_text(b, "the client reads no more");
		return;
	}
	b->written += n > 0 ? (size_t)n : 0;
	if (b->written == buf_len(&b->pending)) {
		buf_clear(&b->pending);
		b->written = 0;
		if (f->events) {
			loop_watch(&b->loop, f, 0);
			read_on(b);
		}
	}
}

/* Standard output is a file, which is always ready. */
static void write_file(struct bridge *b)
{
	while (buf_len(&b->pending) && !b->err.code) {
		on_writable(&b->out, EPOLLOUT);
	}
}

static void say(struct bridge *b, struct str message)
{
	mcp_line_append(&b->pending, message);
	if (b->pending.failed) {
		fail_text(b, "the client does not read");
		return;
	}
	if (b->out.events) {
		loop_watch(&b->loop, &b->out, EPOLLOUT);
	} else {
		write_file(b);
	}
}

static void say_error(struct bridge *b, const struct call *c, enum mcp_error e)
{
	struct buf out;

	if (!c->id.p) {
		return;
	}
	buf_init(&out, 64 << 10);
	mcp_error_append(&out, c->id, e, c->is_modern ? MCP_MODERN : MCP_LEGACY_NEWEST);
	say(b, buf_str(&out));
	buf_done(&out);
}

/* ---- what the gateway answers ---- */

static void call_free(struct call *c)
{
	list_remove(&c->node);
	c->b->n_calls--;
	if (c->b->listen == c) {
		c->b->listen = NULL;
	}
	if (c->method == MCP_INITIALIZE) {
		c->b->initializing = false;
	}
	buf_done(&c->body);
	arena_done(&c->arena);
	sse_parser_done(&c->events);
	free(c);
}

static void on_head(struct http_call *h)
{
	struct call *c = CONTAINER_OF(h, struct call, http);
	struct str id = h1_get(h->answer, HTTP_F_MCP_SESSION_ID);

	if (c->method == MCP_INITIALIZE && id.n && id.n <= SESSION_MAX) {
		memcpy(c->b->session_text, id.p, id.n);
		c->b->session = str_make(c->b->session_text, id.n);
	}
	if (h->answer->status == 200 &&
	    http_type_is(h1_get(h->answer, HTTP_F_CONTENT_TYPE), STR("text/event-stream"))) {
		c->sse = true;
		sse_parser_init(&c->events, MESSAGE_MAX);
		http_call_stream(h);
	}
}

static void on_data(struct http_call *h, struct str bytes)
{
	struct call *c = CONTAINER_OF(h, struct call, http);
	struct sse_event e;
	struct err err;

	for (;;) {
		switch (sse_parse(&c->events, &bytes, &e, &err)) {
		case SSE_MORE:
			return;
		case SSE_BAD:
			fail(c->b, &err);
			return;
		case SSE_EVENT:
			if (e.has_data && e.data.n) {
				say(c->b, e.data);
			}
			break;
		}
	}
}

static void listen_start(struct bridge *b);
static void go_on(struct bridge *b);

static void take_version(struct bridge *b, struct str answer)
{
	const struct str name = STR("protocolVersion");
	struct mcp_msg m;
	struct str raw, text;
	struct err err;

	arena_reset(&b->scratch);
	if (mcp_msg_parse(&b->scratch, answer, NULL, &m, NULL) != MCP_RESPONSE) {
		return;
	}
	(void)json_scan_members(m.result, &name, 1, &raw, NULL);
	if (raw.p && json_unquote(&b->scratch, raw, &text, &err) == ERR_OK) {
		b->version = mcp_version_name(mcp_version_find(text));
	}
}

static void on_done(struct http_call *h)
{
	struct call *c = CONTAINER_OF(h, struct call, http);
	struct bridge *b = c->b;
	int status = h->answer->status;
	bool is_json =
		http_type_is(h1_get(h->answer, HTTP_F_CONTENT_TYPE), STR("application/json"));
	bool ready = c->method == MCP_INITIALIZED && status / 100 == 2;

	if (status == STATUS_UNAUTHORIZED) {
		fail_text(b,
			  "the gateway does not know this caller: give its key by --key FILE, or "
			  "use a unix listener that names this user");
	} else if (status == STATUS_NOT_FOUND && b->session.n && !c->is_modern && !b->closing) {
		fail_text(b, "the gateway has forgotten this session; start again");
	} else if (!c->sse && !c->is_listen && is_json && h->answer_body.n) {
		if (c->method == MCP_INITIALIZE) {
			take_version(b, h->answer_body);
		}
		say(b, h->answer_body);
	} else if (!c->sse && c->id.p) {
		say_error(b, c, MCP_ERROR_INTERNAL);
	}
	if (c->is_listen && c->sse && !b->ended) {
		loop_timer_set(&b->loop, &b->again, AGAIN_MS * CLOCK_MS);
	}
	call_free(c);
	if (ready && !b->listen) {
		listen_start(b);
	}
	go_on(b);
}

static void on_fail(struct http_call *h, enum http_fail why, const struct err *err)
{
	struct call *c = CONTAINER_OF(h, struct call, http);
	struct bridge *b = c->b;

	if (why == HTTP_FAIL_DIAL && !b->closing) {
		fail(b, err);
	} else if (c->is_listen && !b->ended) {
		loop_timer_set(&b->loop, &b->again, AGAIN_MS * CLOCK_MS);
	} else {
		say_error(b, c, MCP_ERROR_INTERNAL);
	}
	call_free(c);
	go_on(b);
}

static const struct http_call_events call_events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
};

/* ---- to the gateway ---- */

static struct call *call_new(struct bridge *b, struct str method)
{
	struct call *c = b->n_calls < CALLS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		return NULL;
	}
	c->b = b;
	arena_init(&c->arena, 1 << 20);
	buf_init(&c->body, MESSAGE_MAX);
	list_append(&b->calls, &c->node);
	b->n_calls++;
	c->http = (struct http_call){.on = &call_events,
				     .pool = b->pool,
				     .max_body = MESSAGE_MAX,
				     .timeout = HTTP_NO_TIMEOUT,
				     .request = {.method = method,
						 .target = b->config->path,
						 .fields = c->fields,
						 .no_length = true}};
	return c;
}

static void add_field(struct call *c, struct str name, struct str value)
{
	ASSERT(c->http.request.n_fields < ARRAY_LEN(c->fields));
	if (value.n) {
		c->fields[c->http.request.n_fields++] = (struct http_field){name, value};
	}
}

static void add_usual_fields(struct call *c)
{
	add_field(c, STR("Authorization"), buf_str(&c->b->auth));
	if (!c->is_modern) {
		add_field(c, STR("Mcp-Session-Id"), c->b->session);
		add_field(c, STR("MCP-Protocol-Version"), c->b->version);
	}
}

/* What cannot stand in a header as it is, or would be taken for something wrapped. */
static struct str header_value(struct arena *a, struct str text)
{
	bool plain = text.n && text.p[0] != ' ' && text.p[text.n - 1] != ' ' &&
		     !str_starts_with(text, STR("=?"));
	struct buf b;
	struct str ret;

	for (size_t i = 0; plain && i < text.n; i++) {
		plain = (unsigned char)text.p[i] >= 0x20 && (unsigned char)text.p[i] < 0x7f;
	}
	if (plain) {
		return arena_dup(a, text);
	}
	buf_init(&b, 64 << 10);
	buf_append(&b, STR("=?base64?"));
	base64_append(&b, text.p, text.n);
	buf_append(&b, STR("?="));
	ret = b.failed ? STR("") : arena_dup(a, buf_str(&b));
	buf_done(&b);
	return ret;
}

/* The headers of the stateless revision mirror the body. */
static void add_modern_fields(struct call *c, const struct mcp_msg *m)
{
	struct str version, object;
	struct err err;

	if (json_unquote(&c->arena, m->modern_version, &version, &err) == ERR_OK) {
		add_field(c, STR("MCP-Protocol-Version"), header_value(&c->arena, version));
	}
	add_field(c, STR("Mcp-Method"), header_value(&c->arena, m->method_text));
	if (m->object.p && mcp_method_info(m->method)->object != MCP_OBJECT_REF &&
	    json_unquote(&c->arena, m->object, &object, &err) == ERR_OK) {
		add_field(c, STR("Mcp-Name"), header_value(&c->arena, object));
	}
}

/* In the stateless revision a call is cancelled over HTTP by hanging up. */
static bool hang_up(struct bridge *b, const struct mcp_msg *m)
{
	LIST_FOREACH (node, &b->calls) {
		struct call *c = CONTAINER_OF(node, struct call, node);

		if (c->is_modern && c->id.p && m->request_id.p && str_eq(c->id, m->request_id)) {
			http_call_cancel(&c->http);
			call_free(c);
			return true;
		}
	}
	return false;
}

static void post(struct bridge *b, struct str line)
{
	struct mcp_msg m;
	struct call *c;

	arena_reset(&b->scratch);
	(void)mcp_msg_parse(&b->scratch, line, NULL, &m, NULL);
	if (m.kind == MCP_NOTIFICATION && m.method == MCP_CANCELLED && hang_up(b, &m)) {
		return;
	}
	c = call_new(b, STR("POST"));
	if (!c) {
		fail_text(b, "too many messages without an answer");
		return;
	}
	c->method = m.method;
	c->is_modern = mcp_is_modern(&m, NULL);
	if (m.kind == MCP_REQUEST || m.answerable) {
		c->id = arena_dup(&c->arena, m.id);
	}
	buf_append(&c->body, line);
	add_field(c, STR("Content-Type"), STR("application/json"));
	add_field(c, STR("Accept"), STR("application/json, text/event-stream"));
	add_usual_fields(c);
	if (c->is_modern) {
		add_modern_fields(c, &m);
	}
	b->initializing = b->initializing || m.method == MCP_INITIALIZE;
	c->http.body = buf_str(&c->body);
	c->http.request.framing = HTTP_LENGTH;
	c->http.request.no_length = false;
	c->http.request.body_len = c->http.body.n;
	http_call_start(&c->http);
}

static void listen_start(struct bridge *b)
{
	struct call *c = b->ended ? NULL : call_new(b, STR("GET"));

	if (!c) {
		return;
	}
	b->listen = c;
	c->is_listen = true;
	add_field(c, STR("Accept"), STR("text/event-stream"));
	add_usual_fields(c);
	http_call_start(&c->http);
}

static void on_again(struct timer *t)
{
	struct bridge *b = CONTAINER_OF(t, struct bridge, again);

	if (!b->listen) {
		listen_start(b);
	}
}

/* All is said: the session is closed, and we are done. */
static void finish(struct bridge *b)
{
	struct call *c;

	if (b->listen) {
		struct call *listen = b->listen;

		http_call_cancel(&listen->http);
		call_free(listen);
	}
	timer_stop(&b->again);
	if (b->n_calls || buf_len(&b->pending)) {
		return;
	}
	c = b->session.n && !b->closing ? call_new(b, STR("DELETE")) : NULL;
	if (!c) {
		loop_stop(&b->loop);
		return;
	}
	b->closing = true;
	add_usual_fields(c);
	http_call_start(&c->http);
}

/* ---- from the client ---- */

static void take_lines(struct bridge *b)
{
	struct str line;

	while (!b->initializing && !b->err.code) {
		switch (mcp_lines_next(&b->lines, &line)) {
		case MCP_LINE_NONE:
			return;
		case MCP_LINE_MESSAGE:
		case MCP_LINE_GARBAGE: /* the gateway says what is wrong with it */
			post(b, line);
			break;
		case MCP_LINE_TOO_LONG:
			fail_text(b, "a line past 8 MiB");
			break;
		}
	}
}

static void read_on(struct bridge *b)
{
	bool may = !b->ended && !b->initializing && !b->err.code &&
		   buf_len(&b->pending) < OUT_MAX / 2 && b->n_calls < CALLS_MAX / 2;

	if (b->in.fd >= 0) {
		loop_watch(&b->loop, &b->in, may ? EPOLLIN : 0);
	}
	if (b->ended && !b->err.code) {
		finish(b);
	}
}

static void go_on(struct bridge *b)
{
	take_lines(b);
	read_on(b);
}

static void on_readable(struct loop_fd *f, uint32_t ready)
{
	struct bridge *b = CONTAINER_OF(f, struct bridge, in);
	char bytes[PIECE];
	struct err err;
	ssize_t n = read(f->fd, bytes, sizeof(bytes));

	(void)ready;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		b->ended = true;
		loop_remove(&b->loop, f);
		f->fd = -1;
	} else if (mcp_lines_push(&b->lines, str_make(bytes, (size_t)n), &err)) {
		fail(b, &err);
		return;
	}
	go_on(b);
}

/* ---- connections ---- */

struct dial {
	struct loop_hook hook;
	struct bridge *b;
	uint64_t ticket;
};

static int dial_now(const struct net_addr *addr, struct err *err)
{
	struct sockaddr_storage to;
	socklen_t n = net_addr_to_sockaddr(addr, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, n) == 0 &&
	    fd_set_nonblock(fd, err) == ERR_OK) {
		return fd;
	}
	err_ignore(ERR(err, ERR_CLOSED, "no gateway answers there; is writ serve running?"));
	fd_close(&fd);
	return -1;
}

/* To this machine a connection is made or refused at once. */
static void on_dial_later(struct loop_hook *h)
{
	struct dial *d = CONTAINER_OF(h, struct dial, hook);
	struct bridge *b = d->b;
	uint64_t ticket = d->ticket;
	struct err err;
	int fd = dial_now(&b->addr, &err);

	free(d);
	if (fd >= 0) {
		http_pool_connected(b->pool, ticket, fd);
	} else {
		http_pool_dial_failed(b->pool, ticket, &err);
	}
}

static void on_dial(struct http_pool *p, uint64_t ticket)
{
	struct bridge *b = http_pool_user(p);
	struct dial *d = calloc(1, sizeof(*d));

	if (d) {
		*d = (struct dial){.hook.on_turn_end = on_dial_later, .b = b, .ticket = ticket};
		loop_defer(&b->loop, &d->hook);
	}
}

static enum err_code start(struct bridge *b, struct err *err)
{
	struct http_pool_config c = {.dial = on_dial, .user = b, .max_conns = CALLS_MAX};

	TRY(net_addr_parse(b->config->address, &b->addr, err));
	if (!net_addr_is_loopback(&b->addr)) {
		return ERR(err, ERR_UNSUPPORTED,
			   "'" STR_FMT "' is not on this machine, and this speaks no TLS: use a "
			   "client that speaks Streamable HTTP",
			   STR_ARG(b->config->address));
	}
	if (b->addr.kind == NET_ADDR_UNIX) {
		buf_append(&b->host, STR("localhost"));
	} else {
		net_addr_write(&b->host, &b->addr);
	}
	if (b->config->key.n) {
		buf_append(&b->auth, STR("Bearer "));
		buf_append(&b->auth, b->config->key);
	}
	c.host = buf_str(&b->host);
	TRY(http_pool_new(&b->loop, &c, &b->pool, err));
	b->in = (struct loop_fd){.fd = STDIN_FILENO, .on_ready = on_readable};
	b->out = (struct loop_fd){.fd = STDOUT_FILENO, .on_ready = on_writable};
	if (loop_add(&b->loop, &b->in, EPOLLIN, err)) {
		return ERR(err, ERR_INVALID,
			   "standard input must be a pipe, a socket or a terminal");
	}
	if (loop_add(&b->loop, &b->out, 0, NULL)) {
		b->out.events = 0; /* a file: see write_file */
	}
	return ERR_OK;
}

enum err_code mcp_stdio_run(const struct mcp_stdio *config, struct err *err)
{
	struct bridge b = {.config = config, .again.on_timeout = on_again};
	enum err_code code;

	TRY(loop_init(&b.loop, err));
	list_init(&b.calls);
	mcp_lines_init(&b.lines, MCP_LINE_MAX);
	arena_init(&b.scratch, 64 << 20);
	buf_init(&b.host, 256);
	buf_init(&b.auth, 4096);
	buf_init(&b.pending, OUT_MAX);
	code = start(&b, err);
	if (!code) {
		code = loop_run(&b.loop, err);
	}
	if (!code && b.err.code) {
		*err = b.err;
		code = b.err.code;
	}
	LIST_FOREACH (node, &b.calls) {
		struct call *c = CONTAINER_OF(node, struct call, node);

		http_call_cancel(&c->http);
		call_free(c);
	}
	timer_stop(&b.again);
	if (b.pool) {
		http_pool_free(b.pool);
	}
	loop_remove(&b.loop, &b.in);
	loop_remove(&b.loop, &b.out);
	mcp_lines_done(&b.lines);
	buf_done(&b.pending);
	if (b.auth.p) {
		secret_wipe(b.auth.p, b.auth.cap);
	}
	buf_done(&b.auth);
	buf_done(&b.host);
	arena_done(&b.scratch);
	loop_done(&b.loop);
	return code;
}
