/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of HTTP/2 as a request: its head, its body, and what its handler is told. Of what
 * happens inside the session's callbacks, only arrivals are told at once; the rest waits for the
 * end of the turn (h2_stream_look).
 */
#include "http/h2_conn.h"

#include <stdlib.h>

enum { KEEP_OUT_MAX = 16 * 1024 };

/* ---- beginning and end ---- */

static void on_stream_timeout(struct timer *t)
{
	struct h2_stream *st = CONTAINER_OF(t, struct h2_stream, timer);
	bool waits = st->answer == H1_NO_ANSWER ? !st->paused : buf_len(&st->work->out) != 0;

	if (!waits) {
		return;
	}
	st->conn->server->stats.timeouts++;
	if (st->part == H2_HEAD) {
		h2_wire_break(&st->conn->wire); /* its fields hold up all other streams */
	} else {
		h2_answer_fault(st, 408);
	}
}

struct h2_stream *h2_stream_new(struct h2_conn *c, int32_t id)
{
	struct http_server *s = c->server;
	struct h2_stream *st = calloc(1, sizeof(*st));

	if (!st || !(st->work = server_lend(s, NULL, st))) {
		free(st);
		return NULL;
	}
	st->conn = c;
	st->id = id;
	buf_init(&st->trailers, H1_MAX_HEAD);
	st->timer.on_timeout = on_stream_timeout;
	loop_timer_set(s->loop, &st->timer, s->c.head_timeout);
	list_append(&c->streams, &st->node);
	st->work->req.started = s->loop->now;
	h2_head_begin(&st->head, false, &st->work->msg.in, &st->work->out);
	return st;
}

static void stream_free(struct h2_stream *st)
{
	struct h2_conn *c = st->conn;

	timer_stop(&st->timer);
	list_remove(&st->node);
	c->collected -= st->collecting ? buf_len(&st->work->msg.body) : 0;
	buf_done(&st->work->msg.body);
	buf_done(&st->trailers);
	if (st->work->out.cap > KEEP_OUT_MAX) {
		buf_done(&st->work->out);
	}
	server_take_back(c->server, st->work);
	free(st);
	h2_conn_stream_freed(c);
}

void h2_stream_end(struct h2_stream *st)
{
	struct http_server *s = st->conn->server;
	struct http_req *req = &st->work->req;

	st->answer = H1_ANSWER_DONE;
	if (st->known) {
		st->known = false;
		if (s->c.handler->on_end) {
			s->c.handler->on_end(req);
		}
		s->stats.busy--;
		req->ops = NULL;
		req->body = str_make(NULL, 0);
		req->user = NULL;
		arena_reset(&req->arena);
	}
	if (st->closed) {
		stream_free(st);
	}
}

void h2_stream_closed(struct h2_stream *st)
{
	st->closed = st->gone = true;
	timer_stop(&st->timer);
	if (st->known && st->part == H2_PENDING) {
		st->lost = true;
		h2_stream_look_later(st);
	} else {
		h2_stream_end(st);
	}
}

void h2_stream_look_later(struct h2_stream *st)
{
	struct h2_conn *c = st->conn;

	c->look = true;
	loop_defer(c->server->loop, &c->wire.turn_end);
}

/* ---- requests ---- */

static const struct http_req_ops req_ops;

static uint64_t time_left(const struct h2_stream *st, uint64_t of)
{
	uint64_t passed = st->conn->server->loop->now - st->work->req.started;

	return of > passed ? of - passed : 0;
}

static void body_timer(struct h2_stream *st)
{
	const struct http_server_config *cfg = &st->conn->server->c;
	uint64_t left = time_left(st, cfg->request_timeout);

	if (st->answer == H1_NO_ANSWER && !st->ends) {
		loop_timer_set(st->conn->server->loop, &st->timer,
			       left < cfg->body_timeout ? left : cfg->body_timeout);
	}
}

static void body_complete(struct h2_stream *st)
{
	struct h1_work *w = st->work;

	st->part = H2_PENDING;
	if (st->answer == H1_NO_ANSWER) {
		timer_stop(&st->timer);
	}
	if (st->collecting) {
		w->req.body = buf_str(&w->msg.body);
	}
	st->conn->server->c.handler->on_body_complete(&w->req);
}

void h2_stream_ends(struct h2_stream *st)
{
	st->ends = true;
	if (st->known && st->part == H2_BODY && !st->paused && !st->completing) {
		body_complete(st);
	}
}

void h2_stream_head(struct h2_stream *st, bool ends)
{
	struct h2_conn *c = st->conn;
	struct http_server *s = c->server;
	struct h1_work *w = st->work;
	enum h1_result r;

	h1_head_init(&w->req.head, false, w->msg.fields, H1_MAX_FIELDS);
	r = h2_head_end(&st->head, &w->req.head, ends, NULL);
	buf_clear(&w->out); /* it held the pseudo-header fields */
	st->limit = s->c.max_body;
	st->ends = ends;
	if (r == H1_DONE && w->req.head.framing == HTTP_LENGTH &&
	    w->req.head.body_len > st->limit) {
		w->req.head.status = 413;
		r = H1_BAD;
	} else if (r == H1_DONE && w->req.head.form == HTTP_FORM_AUTHORITY) {
		w->req.head.status = 501; /* CONNECT */
		r = H1_BAD;
	}
	if (r != H1_DONE) {
		h2_answer_fault(st, w->req.head.status);
		return;
	}
	w->req.ops = &req_ops;
	w->req.peer = &c->peer;
	w->req.tls = stream_tls_session(&c->wire.stream);
	w->req.conn_id = c->id;
	st->part = H2_BODY;
	st->known = st->collecting = true;
	s->stats.requests++;
	s->stats.busy++;
	h2_wire_earn(&c->wire, 8);
	body_timer(st);
	s->c.handler->on_request(&w->req);
	if (st->known && w->req.head.expect_continue && !ends && st->answer == H1_NO_ANSWER) {
		static const nghttp2_nv go_on = {(uint8_t *)(uintptr_t) ":status",
						 (uint8_t *)(uintptr_t) "100", 7, 3, 0};

		(void)c->wire.lib->submit_headers(c->wire.session, 0, st->id, NULL, &go_on, 1,
						  NULL);
	}
	if (ends) {
		h2_stream_ends(st);
	}
}

static void hold(struct h2_stream *st, struct str bytes)
{
	struct buf *body = &st->work->msg.body;

	body->max = st->collecting ? (size_t)st->limit : 2 * H2_STREAM_WINDOW;
	buf_append(body, bytes);
	if (st->collecting) {
		st->conn->collected += bytes.n;
	} else {
		st->unread += bytes.n;
	}
	if (body->failed || st->conn->collected > H2_BODIES * st->conn->server->c.max_body) {
		h2_answer_fault(st, 503);
	}
}

void h2_stream_data(struct h2_stream *st, struct str bytes)
{
	struct h2_conn *c = st->conn;
	bool keeps = !st->collecting && (st->paused || st->completing);

	st->received += bytes.n;
	body_timer(st);
	if (st->received > st->limit) {
		h2_answer_fault(st, 413);
	} else if (st->collecting || keeps) {
		hold(st, bytes);
	} else {
		c->server->c.handler->on_body(&st->work->req, bytes);
	}
	if (!keeps) {
		(void)c->wire.lib->session_consume_stream(c->wire.session, st->id, bytes.n);
	}
}

/* ---- what a handler is owed ---- */

/* Of a streamed body that was paused; one that is collected stays where it is. */
static void hand_on_held(struct h2_stream *st)
{
	struct h2_conn *c = st->conn;
	struct buf held = st->work->msg.body;

	buf_init(&st->work->msg.body, held.max);
	st->completing = true; /* what comes meanwhile waits its turn */
	if (buf_len(&held)) {
		c->server->c.handler->on_body(&st->work->req, buf_str(&held));
	}
	buf_done(&held);
	st->completing = false;
	if (!st->closed) {
		(void)c->wire.lib->session_consume_stream(c->wire.session, st->id, st->unread);
		h2_wire_flush_later(&c->wire); /* the sender waits for its window */
	}
	st->unread = 0;
}

static void give_held(struct h2_stream *st)
{
	st->completing = false;
	if (st->paused || !st->known || st->part != H2_BODY) {
		return;
	}
	if (!st->collecting) {
		hand_on_held(st);
	}
	if (st->ends && st->known && !st->paused) {
		body_complete(st);
	}
}

static void tell_abort(struct h2_stream *st)
{
	struct http_server *s = st->conn->server;

	st->lost = false;
	if (!st->known || st->gone_told) {
		return;
	}
	st->gone_told = true;
	st->work->req.tls = NULL;
	s->stats.aborts++;
	if (s->c.handler->on_abort) {
		s->c.handler->on_abort(&st->work->req, true);
	} else {
		h2_stream_end(st);
	}
}

static bool drained(const struct h2_stream *st)
{
	return st->want_drain && st->known && h2_pending(&st->work->req) <= HTTP_HIGH_WATER / 4;
}

bool h2_stream_look(struct h2_stream *st)
{
	if (st->lost) {
		tell_abort(st);
		return true;
	}
	if (st->completing) {
		give_held(st);
		return true;
	}
	if (drained(st)) {
		st->want_drain = false;
		if (st->conn->server->c.handler->on_drain) {
			st->conn->server->c.handler->on_drain(&st->work->req);
		}
		return true;
	}
	return false;
}

/* ---- what a handler asks for ---- */

static void h2_collect(struct http_req *req, uint64_t limit)
{
	struct h2_stream *st = h2_stream_of(req);
	uint64_t most = st->conn->server->c.max_body;

	st->limit = limit && limit < most ? limit : most;
}

static void h2_stream_body(struct http_req *req)
{
	h2_stream_of(req)->collecting = false;
}

static void h2_pause(struct http_req *req, bool paused)
{
	struct h2_stream *st = h2_stream_of(req);

	if (st->paused == paused || st->part != H2_BODY) {
		return;
	}
	st->paused = paused;
	if (!paused) {
		st->completing = true;
		h2_stream_look_later(st);
	}
}

static void h2_drop(struct http_req *req)
{
	struct h2_stream *st = h2_stream_of(req);
	struct h2_conn *c = st->conn;

	if (!st->closed) {
		(void)c->wire.lib->submit_rst_stream(c->wire.session, 0, st->id,
						     NGHTTP2_INTERNAL_ERROR);
		h2_wire_flush_later(&c->wire);
	}
	st->gone = true;
	h2_stream_end(st);
}

static enum err_code h2_detach(struct http_req *req, int *ret_fd, struct str *ret_bytes,
			       struct err *err)
{
	(void)req;
	(void)ret_fd;
	(void)ret_bytes;
	return ERR(err, ERR_UNSUPPORTED, "a stream of HTTP/2 cannot be given away");
}

static const struct http_req_ops req_ops = {
	.collect = h2_collect,
	.stream = h2_stream_body,
	.pause = h2_pause,
	.respond = h2_respond,
	.begin = h2_begin,
	.write = h2_write,
	.end = h2_end,
	.trailers = h2_trailers,
	.pending = h2_pending,
	.drop = h2_drop,
	.detach = h2_detach,
};
