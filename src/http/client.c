/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange on one connection:
 *
 *   SENT --1xx--> SENT --head--> BODY --end--> over, and the connection idle or closed
 */
#include "http/client.h"

#include "http/client_priv.h"

#include <stdlib.h>

enum { COPY_MAX = 8 * 1024, INTERIMS_MAX = 8, ROOM = 16 * 1024 };

static void give_back(struct http_conn *conn)
{
	if (conn->work) {
		pool_take_back(conn->pool, conn->work);
		conn->work = NULL;
	}
}

void client_conn_close(struct http_conn *conn)
{
	struct http_pool *p = conn->pool;

	if (conn->closed) {
		return;
	}
	ASSERT(!conn->call);
	conn->closed = true;
	stream_close(&conn->stream);
	timer_stop(&conn->timer);
	if (conn->work) {
		give_back(conn);
	} else {
		p->stats.idle--;
	}
	p->stats.conns--;
	pool_conn_closed(conn);
	pool_pump(p);
}

void client_conn_fail(struct http_conn *conn, enum http_fail why, const struct err *err)
{
	struct http_call *c = conn->call;

	conn->call = NULL;
	conn->pool->held++; /* the failed connection goes first, then others may be asked for */
	if (c) {
		call_failed(c, why, err);
	}
	conn->pool->held--;
	client_conn_close(conn);
}

static void go_idle(struct http_conn *conn)
{
	struct http_pool *p = conn->pool;

	if (p->stats.idle >= p->c.max_idle) {
		client_conn_close(conn);
		return;
	}
	give_back(conn);
	list_remove(&conn->node);
	conn->node.prev = &p->idle; /* at the front: the warmest is taken first */
	conn->node.next = p->idle.next;
	p->idle.next->prev = &conn->node;
	p->idle.next = &conn->node;
	p->stats.idle++;
	conn->reused = true;
	loop_timer_set(p->loop, &conn->timer, p->c.idle_timeout);
	pool_pump(p);
}

void call_timer(struct http_call *c, uint64_t after)
{
	struct loop *l = c->pool->loop;
	uint64_t at = after ? l->now + after : UINT64_MAX;

	at = at < c->deadline ? at : c->deadline;
	if (at == UINT64_MAX) {
		timer_stop(&c->timer);
	} else {
		timer_set(&l->timers, &c->timer, at);
	}
}

static bool usually_without_body(struct str method)
{
	return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")) ||
	       str_eq(method, STR("DELETE")) || str_eq(method, STR("OPTIONS"));
}

struct h1_out call_head(const struct http_call *c)
{
	struct h1_out h = c->request;

	if (h.host.n == 0) {
		h.host = c->pool->c.host;
	}
	if (!c->body_streamed) {
		h.framing = c->body.n ? HTTP_LENGTH : HTTP_NO_BODY;
		h.body_len = c->body.n;
		h.no_length = usually_without_body(h.method);
	}
	return h;
}

/* Puts the request's head into scratch, framed for the pool's wire. */
static enum err_code write_head(struct http_conn *conn, struct http_call *c)
{
	struct http_pool *p = conn->pool;
	struct h1_out h = call_head(c);
	struct buf plain;
	enum err_code code;

	buf_clear(&p->scratch);
	if (!p->c.wire) {
		return h1_head_write(&p->scratch, &h, NULL);
	}
	pool_put_permit(p, &p->scratch, c);
	buf_init(&plain, H1_IN_MAX);
	code = h1_head_write(&plain, &h, NULL);
	if (!code) {
		p->c.wire->put_head(p->c.wire->user, &p->scratch, buf_str(&plain),
				    h.framing == HTTP_CHUNKED ? UINT64_MAX : h.body_len);
	}
	buf_done(&plain);
	return code;
}

bool http_call_head(const struct http_call *c, struct buf *out)
{
	struct h1_out h = call_head(c);

	return h1_head_write(out, &h, NULL) == ERR_OK && !out->failed;
}

/* Sends scratch and, behind it, bytes of the body. */
static enum err_code send_scratch(struct http_conn *conn, struct str body)
{
	struct http_pool *p = conn->pool;
	struct iovec parts[2];
	int n = 1;

	if (p->c.wire && body.n) {
		p->c.wire->put_body(p->c.wire->user, &p->scratch, body);
	} else if (body.n <= COPY_MAX) {
		buf_append(&p->scratch, body);
	} else {
		parts[n++] = stream_part(body);
	}
	if (p->scratch.failed) {
		return ERR_NOMEM;
	}
	parts[0] = stream_part(buf_str(&p->scratch));
	return stream_writev(&conn->stream, parts, n, NULL);
}

/* Takes c off the connection, which is closed, and has the failure told later. */
static void cannot_send(struct http_conn *conn, enum http_fail why)
{
	struct http_call *c = conn->call;

	conn->call = NULL;
	pool_fail_later(conn->pool, c, why);
	client_conn_close(conn);
}

static void expect_answer(struct h1_msg *m, const struct http_call *c)
{
	h1_msg_expect(m, true, str_eq(c->request.method, STR("HEAD")));
	m->head->may_switch = c->request.upgrade.n != 0;
}

void client_conn_run(struct http_conn *conn, struct http_call *c)
{
	struct http_pool *p = conn->pool;
	struct client_work *w = pool_lend(p);

	if (!w) {
		pool_fail_later(p, c, HTTP_FAIL_NOMEM);
		return;
	}
	p->stats.idle--;
	p->stats.reused += conn->reused;
	list_remove(&conn->node);
	list_append(&p->busy, &conn->node);
	timer_stop(&conn->timer);
	conn->work = w;
	conn->call = c;
	conn->interims = 0;
	conn->answering = conn->paused = conn->want_drain = false;
	conn->uploading = c->body_streamed && c->request.framing != HTTP_NO_BODY;
	conn->chunked = c->request.framing == HTTP_CHUNKED;
	c->conn = conn;
	c->state = CALL_SENT;
	c->answer = NULL;
	expect_answer(&w->msg, c);
	if (write_head(conn, c)) {
		cannot_send(conn, HTTP_FAIL_INVALID);
		return;
	}
	conn->stream.out.max = p->c.max_out + buf_len(&p->scratch) + c->body.n * 2;
	if (send_scratch(conn, c->body_streamed ? str_make(NULL, 0) : c->body)) {
		cannot_send(conn, conn->reused ? HTTP_FAIL_RETRYABLE : HTTP_FAIL_CLOSED);
		return;
	}
	call_timer(c, p->c.head_timeout);
	if (conn->uploading) {
		conn->want_drain = true;
		pool_resume_later(conn);
	}
}

bool http_call_write(struct http_call *c, struct str bytes)
{
	struct http_conn *conn = c->conn;
	struct http_pool *p = c->pool;
	struct buf chunk;
	enum err_code code;

	if (c->h2) {
		return h2_call_write(c, bytes);
	}
	if (!conn || !conn->uploading || bytes.n == 0) {
		return conn && conn->uploading;
	}
	buf_clear(&p->scratch);
	if (!conn->chunked) {
		code = send_scratch(conn, bytes);
	} else {
		buf_init(&chunk, bytes.n + 64);
		h1_chunk_write(&chunk, bytes);
		code = chunk.failed ? ERR_NOMEM : send_scratch(conn, buf_str(&chunk));
		buf_done(&chunk);
	}
	conn->want_drain = stream_pending(&conn->stream) != 0;
	if (code) {
		cannot_send(conn, HTTP_FAIL_CLOSED);
		return false;
	}
	return true;
}

bool http_call_write_end(struct http_call *c)
{
	struct http_conn *conn = c->conn;

	if (c->h2) {
		return h2_call_write_end(c);
	}
	if (!conn || !conn->uploading) {
		return false;
	}
	buf_clear(&c->pool->scratch);
	if (conn->chunked && send_scratch(conn, STR("0\r\n\r\n"))) {
		cannot_send(conn, HTTP_FAIL_CLOSED);
		return false;
	}
	conn->uploading = false;
	if (c->state == CALL_SENT) {
		call_timer(c, c->pool->c.head_timeout);
	}
	return true;
}

size_t http_call_pending(const struct http_call *c)
{
	if (c->h2) {
		return h2_call_pending(c);
	}
	return c->conn ? stream_pending(&c->conn->stream) : 0;
}

void http_call_stream(struct http_call *c)
{
	if (c->h2) {
		h2_call_stream(c);
		return;
	}
	h1_msg_stream(&c->conn->work->msg);
	c->conn->work->msg.limit = UINT64_MAX;
}

bool http_call_forget(struct http_call *c)
{
	if (c->h2 && !h2_call_forget(c)) {
		return false;
	}
	if (!c->h2) {
		h1_msg_forget(&c->conn->work->msg);
	}
	c->request = (struct h1_out){.status = 0};
	c->body = str_make(NULL, 0);
	return true;
}

static void finish(struct http_conn *conn)
{
	struct http_call *c = conn->call;
	struct http_pool *p = conn->pool;
	struct h1_msg *m = &conn->work->msg;
	bool keep = m->head->keep_alive && m->head->minor && !conn->uploading &&
		    !conn->stream.eof && !conn->stream.failed &&
		    stream_pending(&conn->stream) == 0 && m->in.start + m->raw_at == m->in.end;

	c->answer_body = m->collecting ? h1_msg_body(m) : str_make(NULL, 0);
	conn->call = NULL;
	call_over(c);
	p->held++;
	c->on->on_done(c);
	p->held--;
	if (keep && !conn->closed) {
		go_idle(conn);
	} else {
		client_conn_close(conn);
	}
}

static bool step_head(struct http_conn *conn)
{
	struct h1_msg *m = &conn->work->msg;
	struct http_call *c = conn->call;
	struct err err = {0};
	bool switched;

	switch (h1_msg_head(m, UINT64_MAX, &err)) {
	case H1_PARTIAL:
		return false;
	case H1_BAD:
		client_conn_fail(conn, m->head->status == 503 ? HTTP_FAIL_NOMEM : HTTP_FAIL_BAD,
				 &err);
		return false;
	case H1_DONE:
		break;
	}
	switched = m->head->status == 101; /* only where it was asked for */
	if (m->head->status < 200 && !switched) {
		if (++conn->interims > INTERIMS_MAX) {
			client_conn_fail(conn, HTTP_FAIL_BAD, NULL);
			return false;
		}
		h1_msg_next(m);
		expect_answer(m, c);
		return true;
	}
	if (switched && !str_ieq(h1_get(m->head, HTTP_F_UPGRADE), c->request.upgrade)) {
		client_conn_fail(conn, HTTP_FAIL_BAD, NULL);
		return false;
	}
	if (switched) {
		h1_msg_switch(m);
		conn->uploading = true;
		conn->chunked = false;
	}
	if (m->head->framing == HTTP_UNTIL_CLOSE && conn->pool->c.wire) {
		/* Through a relay a broken connection ends like any other: it cannot be an answer's end. */
		client_conn_fail(conn, HTTP_FAIL_BAD, NULL);
		return false;
	}
	if (!switched) {
		m->limit = c->max_body ? c->max_body : conn->pool->c.max_body;
	}
	c->state = CALL_BODY;
	c->answer = m->head;
	if (c->on->on_head) {
		c->on->on_head(c);
	}
	if (conn->call) {
		/* A stream of events may be silent for long; its reader knows for how long. */
		call_timer(c, m->collecting ? conn->pool->c.head_timeout : 0);
	}
	return conn->call != NULL;
}

static bool step_body(struct http_conn *conn)
{
	struct h1_msg *m = &conn->work->msg;
	struct http_call *c = conn->call;
	struct err err = {0};
	int status = 0;
	struct str piece;

	if (conn->paused) {
		return false;
	}
	switch (h1_msg_take(m, &piece, &status, &err)) {
	case H1_BODY_DATA:
		if (!m->collecting) {
			c->on->on_data(c, piece);
		}
		return conn->call != NULL;
	case H1_BODY_MORE:
		h1_msg_reclaim(m);
		if (m->collecting) {
			call_timer(c, conn->pool->c.head_timeout);
		}
		return false;
	case H1_BODY_END:
		finish(conn);
		return false;
	case H1_BODY_BAD:
		client_conn_fail(conn,
				 status == 413   ? HTTP_FAIL_LIMIT
				 : status == 503 ? HTTP_FAIL_NOMEM
						 : HTTP_FAIL_BAD,
				 &err);
		return false;
	}
	return false;
}

static void steps(struct http_conn *conn)
{
	bool more = conn->call != NULL;

	while (more) {
		more = conn->call->state == CALL_SENT ? step_head(conn) : step_body(conn);
	}
}

/* The answer ends here, in one way or another. */
static void ended(struct http_conn *conn, bool orderly, const struct err *err)
{
	struct h1_msg *m = &conn->work->msg;

	if (orderly && conn->call->state == CALL_BODY && h1_body_eof(&m->decoder)) {
		finish(conn);
	} else if (conn->reused && !conn->answering) {
		client_conn_fail(conn, HTTP_FAIL_RETRYABLE, err);
	} else {
		client_conn_fail(conn, HTTP_FAIL_CLOSED, err);
	}
}

/* Of answers that last only the one being read has a buffer: those of a pool take turns with it. */
static bool lend_room(struct http_conn *conn)
{
	struct h1_msg *m = &conn->work->msg;

	if (!m->forgotten || m->in.p) {
		return true;
	}
	m->in = conn->pool->room;
	buf_init(&conn->pool->room, H1_IN_MAX);
	return m->in.p || buf_reserve(&m->in, ROOM);
}

static void read_answer(struct http_conn *conn)
{
	struct err err = {0};
	bool full;

	if (!lend_room(conn)) {
		client_conn_fail(conn, HTTP_FAIL_NOMEM, NULL);
		return;
	}
	switch (h1_msg_read(&conn->work->msg, &conn->stream, &full, &err)) {
	case STREAM_DATA:
		conn->answering = true;
		steps(conn);
		return;
	case STREAM_AGAIN:
		if (full) { /* cannot be: a message being read always has room */
			client_conn_fail(conn, HTTP_FAIL_BAD, NULL);
		}
		return;
	case STREAM_EOF:
		ended(conn, true, NULL);
		return;
	case STREAM_FAILED:
		ended(conn, false, &err);
		return;
	}
}

static void take_room_back(struct http_conn *conn)
{
	if (conn->work) {
		pool_room_back(conn->pool, &conn->work->msg);
	}
}

static void on_readable(struct stream *s)
{
	struct http_conn *conn = CONTAINER_OF(s, struct http_conn, stream);
	char byte;
	size_t n;

	if (conn->call) {
		read_answer(conn);
		take_room_back(conn);
	} else if (stream_read(s, &byte, 1, &n, NULL) != STREAM_AGAIN) {
		client_conn_close(conn); /* the end, or bytes that nobody asked for */
	}
}

static void tell_drain(struct http_conn *conn)
{
	struct http_call *c = conn->call;

	if (c && conn->want_drain && stream_pending(&conn->stream) <= conn->pool->c.max_out / 4) {
		conn->want_drain = false;
		if (c->on->on_drain) {
			c->on->on_drain(c);
		}
	}
}

static void on_sent(struct stream *s)
{
	tell_drain(CONTAINER_OF(s, struct http_conn, stream));
}

static void on_hangup(struct stream *s, bool gone)
{
	struct http_conn *conn = CONTAINER_OF(s, struct http_conn, stream);

	if (!conn->call) {
		client_conn_close(conn);
	} else if (gone && s->failed) {
		struct err err = stream_failure(s);

		ended(conn, false, &err);
	}
	/* else reading is paused, and what was received is still to be read */
}

void client_conn_resume(struct http_conn *conn)
{
	tell_drain(conn);
	steps(conn);
	take_room_back(conn);
}

static void on_idle_timeout(struct timer *t)
{
	client_conn_close(CONTAINER_OF(t, struct http_conn, timer));
}

void http_call_pause(struct http_call *c, bool paused)
{
	struct http_conn *conn = c->conn;

	if (c->h2) {
		h2_call_pause(c, paused);
		return;
	}
	if (!conn || conn->paused == paused) {
		return;
	}
	conn->paused = paused;
	stream_want_read(&conn->stream, !paused);
	if (!paused) {
		pool_resume_later(conn);
	}
}

static const struct stream_events stream_events = {
	.on_readable = on_readable,
	.on_sent = on_sent,
	.on_hangup = on_hangup,
};

struct http_conn *client_conn_new(struct http_pool *p, int fd, struct err *err)
{
	struct http_conn *conn = calloc(1, sizeof(*conn));

	if (!conn) {
		err_ignore(ERR(err, ERR_NOMEM, "no memory for a connection"));
		return NULL;
	}
	conn->pool = p;
	conn->timer.on_timeout = on_idle_timeout;
	if (stream_init(&conn->stream, p->loop, fd, &stream_events, p->c.max_out, err)) {
		free(conn);
		return NULL;
	}
	if (p->c.tls &&
	    stream_connect_tls(&conn->stream, p->c.tls, p->c.host, p->c.tls_pins, err)) {
		ASSERT(stream_take_fd(&conn->stream) == fd);
		free(conn);
		return NULL;
	}
	list_init(&conn->node);
	list_append(&p->idle, &conn->node);
	p->stats.conns++;
	p->stats.idle++;
	loop_timer_set(p->loop, &conn->timer, p->c.idle_timeout);
	return conn;
}
