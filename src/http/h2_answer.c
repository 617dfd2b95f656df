/* SPDX-License-Identifier: Apache-2.0 */
/* The answers to streams: queued in the session, given to its frames as the windows open. */
#include "http/h2_conn.h"
#include "http/h2_field.h"

static void arm_write_timer(struct h2_stream *st)
{
	const struct http_server *s = st->conn->server;

	if (buf_len(&st->work->out)) {
		loop_timer_set(s->loop, &st->timer, s->c.write_timeout);
	}
}

/* Behind the last of the body: false when there are none, or they cannot be sent. */
static bool give_trailers(struct h2_stream *st)
{
	const struct h2_lib *lib = st->conn->wire.lib;
	struct str left = buf_str(&st->trailers);
	nghttp2_nv items[H1_MAX_FIELDS];
	size_t n = 0;

	while (left.n && n < ARRAY_LEN(items)) {
		struct str line = str_cut(&left, '\n');
		struct str name = str_cut(&line, ':');

		line = str_make(line.p + 1, line.n - 2); /* the space before, CR behind */
		items[n++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name.p,
					  (uint8_t *)(uintptr_t)line.p, name.n, line.n, 0};
	}
	return n && lib->submit_trailer(st->conn->wire.session, st->id, items, n) == 0;
}

/* Gives the session what fits a frame. */
static ssize_t give(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
		    nghttp2_data_source *source, void *user)
{
	struct h2_stream *st = source->ptr;
	struct buf *out = &st->work->out;
	size_t n = buf_len(out) < room ? buf_len(out) : room;

	(void)session;
	(void)user;
	if (n) {
		memcpy(to, buf_str(out).p, n);
		buf_consume(out, n);
		st->conn->look |= st->want_drain; /* its handler may wait for this */
		arm_write_timer(st);
		h2_wire_earn(&st->conn->wire, 4); /* each may be acknowledged by window updates */
	}
	if (st->answer == H1_ANSWER_DONE && buf_len(out) == 0) {
		if (st->cut) {
			(void)st->conn->wire.lib->submit_rst_stream(st->conn->wire.session, 0, id,
								    NGHTTP2_INTERNAL_ERROR);
			return n ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
		}
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (give_trailers(st)) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		}
		return (ssize_t)n;
	}
	return n ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
}

static bool submit_head(struct h2_stream *st, int status, const struct http_field *f, size_t n,
			enum http_framing framing, uint64_t length)
{
	struct h2_conn *c = st->conn;
	struct h1_out h = {
		.status = status,
		.date = server_date(c->server),
		.fields = f,
		.n_fields = n,
		.framing = framing,
		.body_len = length,
		.no_length = status_has_no_body(status),
	};
	nghttp2_data_provider body = {.source.ptr = st, .read_callback = give};
	struct h2_fields fields;

	return h2_fields_of(&h, false, &st->work->req.arena, &fields, NULL) == ERR_OK &&
	       c->wire.lib->submit_response(c->wire.session, st->id, fields.items, fields.n,
					    st->no_body ? NULL : &body) == 0;
}

static void reset(struct h2_stream *st, uint32_t code)
{
	struct h2_conn *c = st->conn;

	if (!st->closed) {
		(void)c->wire.lib->submit_rst_stream(c->wire.session, 0, st->id, code);
		h2_wire_flush_later(&c->wire);
	}
	st->gone = true;
}

/* Sends the head; a list of fields that cannot be sent becomes an empty 500. */
static void answer_head(struct h2_stream *st, int status, const struct http_field *f, size_t n,
			enum http_framing framing, uint64_t length)
{
	if (st->closed || st->gone) {
		return;
	}
	st->no_body = framing == HTTP_NO_BODY || st->work->req.head.method == HTTP_HEAD;
	if (!submit_head(st, status, f, n, framing, length)) {
		st->no_body = true;
		if (!submit_head(st, 500, NULL, 0, HTTP_NO_BODY, 0)) {
			reset(st, NGHTTP2_INTERNAL_ERROR);
		}
	}
	h2_wire_flush_later(&st->conn->wire);
}

void h2_respond(struct http_req *req, int status, const struct http_field *f, size_t n,
		struct str body)
{
	struct h2_stream *st = h2_stream_of(req);
	struct buf *out = &st->work->out;

	ASSERT(st->answer == H1_NO_ANSWER);
	if (status_has_no_body(status)) {
		body = str_make(NULL, 0);
	}
	answer_head(st, status, f, n, body.n ? HTTP_LENGTH : HTTP_NO_BODY, body.n);
	st->answer = H1_ANSWER_DONE;
	if (!st->no_body && !st->gone) {
		out->max = body.n > out->max ? body.n : out->max;
		buf_append(out, body);
		if (out->failed) {
			reset(st, NGHTTP2_INTERNAL_ERROR);
		}
		arm_write_timer(st);
	}
	h2_stream_end(st);
}

void h2_answer_fault(struct h2_stream *st, int status)
{
	st->conn->server->stats.bad_requests++;
	if (status == 0) {
		reset(st, NGHTTP2_PROTOCOL_ERROR);
	} else if (st->answer == H1_NO_ANSWER) {
		answer_head(st, status, NULL, 0, HTTP_NO_BODY, 0);
	} else {
		reset(st, NGHTTP2_CANCEL);
		if (st->known && st->part == H2_PENDING) {
			return; /* on_abort follows when the stream is closed */
		}
	}
	h2_stream_end(st);
}

bool h2_begin(struct http_req *req, int status, const struct http_field *f, size_t n,
	      int64_t length)
{
	struct h2_stream *st = h2_stream_of(req);
	enum http_framing framing = length < 0 ? HTTP_CHUNKED : length ? HTTP_LENGTH : HTTP_NO_BODY;

	ASSERT(st->answer == H1_NO_ANSWER);
	st->work->out.max = st->conn->server->c.max_out;
	st->work->answer_left = length >= 0 ? (uint64_t)length : UINT64_MAX;
	answer_head(st, status, f, n, status_has_no_body(status) ? HTTP_NO_BODY : framing,
		    st->work->answer_left);
	st->answer = H1_ANSWER_BEGUN;
	return !st->gone;
}

static void resume(struct h2_stream *st)
{
	struct h2_conn *c = st->conn;

	if (!st->closed && !st->no_body) {
		(void)c->wire.lib->session_resume_data(c->wire.session, st->id);
		h2_wire_flush_later(&c->wire);
	}
}

bool h2_write(struct http_req *req, struct str bytes)
{
	struct h2_stream *st = h2_stream_of(req);
	struct h1_work *w = st->work;

	ASSERT(st->answer == H1_ANSWER_BEGUN);
	if (st->gone || bytes.n == 0 || st->no_body) {
		return !st->gone;
	}
	ASSERT(bytes.n <= w->answer_left);
	if (w->answer_left != UINT64_MAX) {
		w->answer_left -= bytes.n;
	}
	if (buf_len(&w->out) == 0) {
		buf_append(&w->out, bytes);
		arm_write_timer(st);
	} else {
		buf_append(&w->out, bytes);
	}
	if (w->out.failed) {
		reset(st, NGHTTP2_CANCEL); /* it reads too slowly; on_abort follows */
		return false;
	}
	st->want_drain = true;
	h2_stream_look_later(st);
	resume(st);
	return true;
}

void h2_end(struct http_req *req)
{
	struct h2_stream *st = h2_stream_of(req);

	ASSERT(st->answer == H1_ANSWER_BEGUN);
	st->cut = !st->no_body && st->work->answer_left != UINT64_MAX && st->work->answer_left;
	st->answer = H1_ANSWER_DONE;
	resume(st);
	h2_stream_end(st);
}

void h2_trailers(struct http_req *req, struct str lines)
{
	struct h2_stream *st = h2_stream_of(req);

	buf_append(&st->trailers, lines);
	if (st->trailers.failed) {
		reset(st, NGHTTP2_INTERNAL_ERROR);
	}
}

size_t h2_pending(const struct http_req *req)
{
	return buf_len(&h2_stream_of(req)->work->out);
}
