/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading side of an HTTP/1 connection: server_priv.h draws the states.
 * Each step function does one state's work and returns whether another step may
 * follow at once; `steps` drives them.
 */
#include "http/server_priv.h"

#include "http/h2_conn.h"

#include <stdlib.h>

enum { LINGER_READS = 16 }; /* in one turn */

#define LINGER_TIME (2 * CLOCK_SEC)

static void timer_in(struct h1_conn *c, uint64_t after)
{
	c->write_timed = false;
	loop_timer_set(c->server->loop, &c->timer, after);
}

/* Whether the handler was told of a request that has not ended. */
static bool is_known(const struct h1_conn *c)
{
	return c->work && c->work->req.ops;
}

/* Leaves the bytes behind the request at the front of `in`. */
static void end_request(struct h1_conn *c)
{
	struct h1_work *w = c->work;
	const struct http_handler *h = c->server->c.handler;

	if (!is_known(c)) {
		return;
	}
	if (h->on_end) {
		h->on_end(&w->req);
	}
	c->server->stats.busy--;
	w->req.ops = NULL;
	w->req.body = str_make(NULL, 0);
	w->req.user = NULL;
	arena_reset(&w->req.arena);
	buf_clear(&w->out);
	h1_msg_next(&w->msg);
}

static void give_back(struct h1_conn *c)
{
	if (c->work) {
		server_take_back(c->server, c->work);
		c->work = NULL;
	}
}

void h1_conn_close(struct h1_conn *c)
{
	if (c->state == H1_CLOSED) {
		return;
	}
	c->state = H1_CLOSED;
	end_request(c);
	give_back(c);
	timer_stop(&c->timer);
	stream_close(&c->stream);
	server_conn_closed(c->server, &c->base);
}

static void resume_later(struct h1_conn *c)
{
	if (c->state != H1_CLOSED) {
		server_resume_later(c->server, &c->base);
	}
}

void h1_conn_lost(struct h1_conn *c)
{
	c->gone = true;
	resume_later(c);
}

static void tell_abort(struct h1_conn *c, bool gone)
{
	const struct http_handler *h = c->server->c.handler;
	bool *told = gone ? &c->gone_told : &c->half_told;

	if (*told || c->gone_told) {
		return;
	}
	*told = true;
	c->server->stats.aborts++;
	if (h->on_abort) {
		h->on_abort(&c->work->req, gone);
	} else {
		h1_conn_close(c);
	}
}

/* The connection is of no use any more; a handler that owes an answer is told, not overruled. */
static void on_gone(struct h1_conn *c)
{
	c->gone = true;
	if (c->state == H1_PENDING) {
		c->work->req.tls = NULL;
		stream_close(&c->stream);
		tell_abort(c, true);
	} else {
		h1_conn_close(c);
	}
}

static void on_eof(struct h1_conn *c)
{
	if (c->state == H1_PENDING) {
		c->keep = false;
		tell_abort(c, false);
	} else if (c->state != H1_FLUSH) {
		h1_conn_close(c);
	}
}

static void linger(struct h1_conn *c)
{
	c->state = H1_LINGER;
	give_back(c);
	stream_shutdown(&c->stream);
	stream_want_read(&c->stream, true);
	timer_in(c, LINGER_TIME);
}

static void go_idle(struct h1_conn *c)
{
	give_back(c);
	c->state = H1_IDLE;
	server_conn_idle(c->server, &c->base);
}

static void expect_head(struct h1_conn *c)
{
	c->state = H1_HEAD;
	c->answer = H1_NO_ANSWER;
	c->work->req.started = c->server->loop->now;
	h1_msg_expect(&c->work->msg, false, false);
}

/* All of the answer has left: the connection's next life. */
static void flushed(struct h1_conn *c)
{
	bool more = c->work && buf_len(&c->work->msg.in);

	if (c->gone || c->stream.eof) {
		h1_conn_close(c);
	} else if (!c->keep) {
		if (c->unread || more) {
			linger(c);
		} else {
			h1_conn_close(c);
		}
	} else if (more) {
		expect_head(c);
		stream_want_read(&c->stream, true);
		resume_later(c); /* pipelined: never from inside the answer */
	} else {
		go_idle(c);
		stream_want_read(&c->stream, true);
		timer_in(c, c->server->c.idle_timeout);
	}
}

void h1_conn_answered(struct h1_conn *c)
{
	if (c->state == H1_CLOSED) {
		return;
	}
	c->unread = c->state == H1_BODY && !h1_body_done(&c->work->msg.decoder);
	c->keep = c->keep && !c->gone && !c->unread;
	c->state = H1_FLUSH;
	end_request(c);
	c->stream.out.max = c->server->c.max_out;
	if (c->gone || stream_pending(&c->stream) == 0) {
		flushed(c);
	}
}

static void start_request(struct h1_conn *c)
{
	struct h1_work *w = c->work;
	struct http_server *s = c->server;

	w->req.ops = &h1_req_ops;
	w->req.peer = &c->peer;
	w->req.tls = stream_tls_session(&c->stream);
	w->req.conn_id = c->id;
	c->state = H1_BODY;
	c->answer = H1_NO_ANSWER;
	c->keep = w->req.head.keep_alive && w->req.head.minor;
	c->paused = c->want_drain = c->half_told = c->gone_told = false;
	s->stats.requests++;
	s->stats.busy++;
	s->c.handler->on_request(&w->req);
}

/* Of a time that runs from the request's first byte. */
static uint64_t time_left(const struct h1_conn *c, uint64_t of)
{
	uint64_t passed = c->server->loop->now - c->work->req.started;

	return of > passed ? of - passed : 0;
}

/*
 * RFC 9113 section 3.4: the preface makes this an HTTP/2 connection, over TLS if that was agreed
 * on, else by prior knowledge. True when the head of a request is to be read.
 */
static bool step_preface(struct h1_conn *c)
{
	struct str in = buf_str(&c->work->msg.in), preface = STR(H2_PREFACE);
	bool tls = stream_tls_session(&c->stream) != NULL;
	bool agreed = tls && str_eq(stream_agreed_protocol(&c->stream), STR("h2"));

	c->may_be_h2 = false;
	if (tls && !agreed) {
		return true;
	}
	if (!str_starts_with(in.n < preface.n ? preface : in, in.n < preface.n ? in : preface)) {
		if (agreed) {
			h1_conn_close(c); /* HTTP/1 was not */
		}
		return !agreed;
	}
	if (in.n < preface.n) {
		c->may_be_h2 = true;
		timer_in(c, time_left(c, c->server->c.head_timeout));
	} else {
		/* What is closed then has no stream any more, unless memory was short. */
		err_ignore(h2_conn_new(c, in, NULL));
		h1_conn_close(c);
	}
	return false;
}

/* Heads are complete far more often than not, so the timer for them is set only when one is not. */
static bool step_head(struct h1_conn *c)
{
	if (c->may_be_h2 && !step_preface(c)) {
		return false;
	}
	switch (h1_msg_head(&c->work->msg, c->server->c.max_body, NULL)) {
	case H1_PARTIAL:
		timer_in(c, time_left(c, c->server->c.head_timeout));
		return false;
	case H1_BAD:
		h1_answer_fault(c, c->work->req.head.status);
		return false;
	case H1_DONE:
		break;
	}
	start_request(c);
	return c->state == H1_BODY;
}

static void body_timer(struct h1_conn *c)
{
	const struct http_server_config *cfg = &c->server->c;
	uint64_t left = time_left(c, cfg->request_timeout);

	timer_in(c, left < cfg->body_timeout ? left : cfg->body_timeout);
}

static void body_complete(struct h1_conn *c)
{
	struct h1_work *w = c->work;

	c->state = H1_PENDING;
	if (w->msg.collecting) {
		w->req.body = h1_msg_body(&w->msg);
	}
	c->server->c.handler->on_body_complete(&w->req);
}

/* Nothing more can be taken from what has come. */
static void wait_for_body(struct h1_conn *c)
{
	struct h1_work *w = c->work;

	if (w->req.head.expect_continue && w->msg.decoder.total == 0 && c->answer == H1_NO_ANSWER) {
		w->req.head.expect_continue = false;
		h1_answer_continue(c);
	}
	h1_msg_reclaim(&w->msg);
	if (!c->switched) {
		body_timer(c);
	}
}

void h1_conn_switched(struct h1_conn *c)
{
	h1_msg_switch(&c->work->msg);
	c->state = H1_BODY;
	c->switched = true;
	c->paused = false;
	timer_stop(&c->timer);
	stream_want_read(&c->stream, true);
	resume_later(c);
}

static bool step_body(struct h1_conn *c)
{
	struct h1_work *w = c->work;
	struct str piece;
	int status;

	if (c->paused) {
		return false;
	}
	switch (h1_msg_take(&w->msg, &piece, &status, NULL)) {
	case H1_BODY_DATA:
		if (!w->msg.collecting) {
			c->server->c.handler->on_body(&w->req, piece);
		}
		return c->state == H1_BODY;
	case H1_BODY_MORE:
		wait_for_body(c);
		return false;
	case H1_BODY_END:
		body_complete(c);
		return false;
	case H1_BODY_BAD:
		h1_answer_fault(c, status);
		return false;
	}
	return false;
}

static void steps(struct h1_conn *c)
{
	bool more = c->state == H1_HEAD || c->state == H1_BODY;

	while (more) {
		more = c->state == H1_HEAD ? step_head(c) : step_body(c);
	}
}

static bool take_work(struct h1_conn *c)
{
	c->work = server_lend(c->server, c, NULL);
	if (!c->work) {
		return false;
	}
	expect_head(c);
	server_conn_busy(c->server, &c->base);
	return true;
}

static void throw_away(struct h1_conn *c)
{
	char sink[16 * 1024];
	size_t n;

	for (int i = 0; i < LINGER_READS; i++) {
		switch (stream_read(&c->stream, sink, sizeof(sink), &n, NULL)) {
		case STREAM_DATA:
			break;
		case STREAM_AGAIN:
			return;
		case STREAM_EOF:
		case STREAM_FAILED:
			h1_conn_close(c);
			return;
		}
	}
}

static void on_readable(struct stream *stream)
{
	struct h1_conn *c = CONTAINER_OF(stream, struct h1_conn, stream);
	bool full;

	if (c->state == H1_LINGER) {
		throw_away(c);
		return;
	}
	if (c->state == H1_FLUSH) {
		stream_want_read(&c->stream, false); /* until the answer has left */
		return;
	}
	if (!c->work && !take_work(c)) {
		h1_conn_close(c);
		return;
	}
	switch (h1_msg_read(&c->work->msg, &c->stream, &full, NULL)) {
	case STREAM_DATA:
		steps(c);
		break;
	case STREAM_AGAIN:
		if (full) {
			stream_want_read(&c->stream, false); /* until the request ends */
		} else if (c->state == H1_HEAD && buf_len(&c->work->msg.in) == 0) {
			go_idle(c); /* a TLS handshake: no request yet */
		}
		break;
	case STREAM_EOF:
		on_eof(c);
		break;
	case STREAM_FAILED:
		on_gone(c);
		break;
	}
}

static void on_sent(struct stream *stream)
{
	struct h1_conn *c = CONTAINER_OF(stream, struct h1_conn, stream);
	const struct http_handler *h = c->server->c.handler;
	size_t pending = stream_pending(stream);

	if (pending) {
		timer_in(c, c->server->c.write_timeout);
		c->write_timed = true;
	}
	if (c->state == H1_FLUSH && pending == 0) {
		flushed(c);
	} else if (is_known(c) && c->want_drain && pending <= HTTP_HIGH_WATER / 4) {
		c->want_drain = false;
		if (h->on_drain) {
			h->on_drain(&c->work->req);
		}
	}
}

static void on_hangup(struct stream *stream, bool gone)
{
	struct h1_conn *c = CONTAINER_OF(stream, struct h1_conn, stream);

	if (gone) {
		on_gone(c);
	} else {
		on_eof(c);
	}
}

static void on_timeout(struct timer *t)
{
	struct h1_conn *c = CONTAINER_OF(t, struct h1_conn, timer);

	if (c->write_timed && stream_pending(&c->stream) && c->state != H1_LINGER) {
		c->server->stats.timeouts++;
		stream_want_read(&c->stream, false);
		on_gone(c);
		return;
	}
	switch ((enum h1_state)c->state) {
	case H1_CLOSED:
	case H1_PENDING: /* left over from before the request was complete */
	case H1_FLUSH:
		return;
	case H1_IDLE:
	case H1_LINGER:
		h1_conn_close(c);
		return;
	case H1_HEAD:
	case H1_BODY:
		if (c->paused || c->switched) {
			return;
		}
		c->server->stats.timeouts++;
		h1_answer_fault(c, 408);
		return;
	}
}

static void on_resume(struct server_conn *base)
{
	struct h1_conn *c = CONTAINER_OF(base, struct h1_conn, base);

	if (c->gone) {
		if (c->state == H1_PENDING || c->state == H1_BODY) {
			on_gone(c);
		}
	} else {
		h1_answer_flush_head(c);
		steps(c);
	}
}

static void on_close(struct server_conn *base)
{
	h1_conn_close(CONTAINER_OF(base, struct h1_conn, base));
}

static void on_release(struct server_conn *base)
{
	free(CONTAINER_OF(base, struct h1_conn, base));
}

static const struct server_conn_ops conn_ops = {
	.close = on_close,
	.resume = on_resume,
	.release = on_release,
};

static const struct stream_events stream_events = {
	.on_readable = on_readable,
	.on_sent = on_sent,
	.on_hangup = on_hangup,
};

static enum err_code set_up(struct h1_conn *c, struct tls_ctx *tls, struct str bytes,
			    struct err *err)
{
	if (tls) {
		return stream_accept_tls(&c->stream, tls, err);
	}
	if (bytes.n == 0) {
		return ERR_OK;
	}
	if (!take_work(c)) {
		return ERR(err, ERR_NOMEM, "no memory for a request");
	}
	buf_append(&c->work->msg.in, bytes);
	if (c->work->msg.in.failed) {
		return ERR(err, ERR_LIMIT, "more than %d bytes to adopt", H1_IN_MAX);
	}
	resume_later(c);
	return ERR_OK;
}

enum err_code h1_conn_new(struct http_server *s, int fd, struct tls_ctx *tls, struct str bytes,
			  const struct net_peer *peer, struct err *err)
{
	struct h1_conn *c = calloc(1, sizeof(*c));
	enum err_code code;

	if (!c) {
		return ERR(err, ERR_NOMEM, "no memory for a connection");
	}
	c->base.ops = &conn_ops;
	c->server = s;
	c->peer = *peer;
	c->id = ++s->next_conn_id;
	c->state = H1_IDLE;
	c->may_be_h2 = s->c.h2 != NULL;
	c->timer.on_timeout = on_timeout;
	code = stream_init(&c->stream, s->loop, fd, &stream_events, s->c.max_out, err);
	if (code) {
		free(c);
		return code;
	}
	list_append(&s->idle, &c->base.node);
	code = set_up(c, tls, bytes, err);
	if (code) {
		list_remove(&c->base.node);
		give_back(c);
		ASSERT(stream_take_fd(&c->stream) == fd); /* stays the caller's */
		free(c);
		return code;
	}
	s->stats.conns++;
	timer_in(c, s->c.head_timeout);
	return ERR_OK;
}

static void h1_collect(struct http_req *req, uint64_t limit)
{
	struct h1_conn *c = h1_conn_of(req);
	uint64_t most = c->server->c.max_body;

	c->work->msg.limit = limit && limit < most ? limit : most;
}

static void h1_stream(struct http_req *req)
{
	h1_msg_stream(&h1_conn_of(req)->work->msg);
}

static void h1_pause(struct http_req *req, bool paused)
{
	struct h1_conn *c = h1_conn_of(req);

	if (c->paused == paused || c->state != H1_BODY) {
		return;
	}
	c->paused = paused;
	stream_want_read(&c->stream, !paused);
	if (!paused) {
		resume_later(c);
	}
}

static void h1_drop(struct http_req *req)
{
	h1_conn_close(h1_conn_of(req));
}

static void h1_forget(struct http_req *req)
{
	struct h1_conn *c = h1_conn_of(req);
	struct h1_msg *m = &c->work->msg;

	/* Not while more of the body is to come, nor when the next request came with this one. */
	if (c->state == H1_PENDING && m->in.start + m->raw_at == m->in.end) {
		req->body = str_make(NULL, 0);
		h1_msg_forget(m);
	}
}

static enum err_code h1_detach(struct http_req *req, int *ret_fd, struct str *ret_bytes,
			       struct err *err)
{
	struct h1_conn *c = h1_conn_of(req);
	const struct h1_msg *m = &c->work->msg;

	if (c->stream.tls) {
		return ERR(err, ERR_UNSUPPORTED, "a TLS connection cannot be given away");
	}
	if (c->answer != H1_NO_ANSWER || stream_pending(&c->stream) || c->stream.eof || c->gone ||
	    (m->raw_at != req->head.size && !m->in_place)) {
		return ERR(err, ERR_INVALID, "too late to give the connection away");
	}
	*ret_fd = stream_take_fd(&c->stream);
	*ret_bytes = buf_str(&m->in);
	c->gone = true;
	return ERR_OK;
}

const struct http_req_ops h1_req_ops = {
	.collect = h1_collect,
	.stream = h1_stream,
	.pause = h1_pause,
	.respond = h1_respond,
	.begin = h1_begin,
	.write = h1_write,
	.end = h1_end,
	.pending = h1_pending,
	.drop = h1_drop,
	.forget = h1_forget,
	.detach = h1_detach,
	.become = h1_become,
};
