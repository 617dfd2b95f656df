/* SPDX-License-Identifier: Apache-2.0 */
/* The writing side of an HTTP/1 connection. */
#include "http/server_priv.h"

enum {
	COPY_MAX = 8 * 1024, /* up to here copying beats a second part in the system call */
};

/* A whole answer may always wait in full: its size was bounded when it was made. */
static enum err_code send_parts(struct h1_conn *c, struct str head, struct str body,
				struct str tail)
{
	struct iovec parts[3];
	size_t need = stream_pending(&c->stream) + head.n + body.n + tail.n;
	int n = 0;

	for (int i = 0; i < 3; i++) {
		struct str s = i == 0 ? head : i == 1 ? body : tail;

		if (s.n) {
			parts[n++] = stream_part(s);
		}
	}
	if (c->answer == H1_ANSWER_DONE && c->stream.out.max < need) {
		c->stream.out.max = need;
	}
	return stream_writev(&c->stream, parts, n, NULL);
}

static void arm_write_timer(struct h1_conn *c)
{
	if (stream_pending(&c->stream)) {
		c->write_timed = true;
		loop_timer_set(c->server->loop, &c->timer, c->server->c.write_timeout);
	}
}

/* Sends what is in scratch and then body; false when the client is gone. */
static bool send_answer(struct h1_conn *c, struct str body, struct str tail)
{
	struct buf *scratch = &c->server->scratch;
	enum err_code code;

	if (body.n <= COPY_MAX) {
		buf_append(scratch, body);
		buf_append(scratch, tail);
		body = tail = str_make(NULL, 0);
	}
	if (scratch->failed) {
		c->gone = true;
	}
	if (c->gone) {
		return false;
	}
	code = send_parts(c, buf_str(scratch), body, tail);
	if (code) {
		c->gone = true;
		return false;
	}
	arm_write_timer(c);
	return true;
}

/* The rest of a small body may be in the buffer already: then the connection can go on. */
static bool request_was_read(struct h1_conn *c)
{
	struct h1_msg *m = &c->work->msg;
	enum h1_body_result r = H1_BODY_DATA;
	struct str data;
	int status;

	if (c->state != H1_BODY) {
		return true;
	}
	h1_msg_stream(m);
	while (r == H1_BODY_DATA) {
		r = h1_msg_take(m, &data, &status, NULL);
	}
	return r == H1_BODY_END;
}

static bool will_keep(struct h1_conn *c)
{
	bool whole = c->answer == H1_ANSWER_DONE;

	c->keep = c->keep && !c->server->draining && !c->stream.eof &&
		  (whole ? request_was_read(c) : h1_body_done(&c->work->msg.decoder));
	return c->keep;
}

static enum err_code write_head(struct h1_conn *c, struct buf *out, int status,
				const struct http_field *f, size_t n, enum http_framing framing,
				uint64_t length)
{
	struct h1_out h = {
		.status = status,
		.date = server_date(c->server),
		.fields = f,
		.n_fields = n,
		.framing = framing,
		.body_len = length,
		.no_length = status_has_no_body(status),
		.close = !will_keep(c),
	};

	return h1_head_write(out, &h, NULL);
}

void h1_respond(struct http_req *req, int status, const struct http_field *f, size_t n,
		struct str body)
{
	struct h1_conn *c = h1_conn_of(req);
	struct buf *scratch = &c->server->scratch;
	enum http_framing framing = body.n ? HTTP_LENGTH : HTTP_NO_BODY;

	ASSERT(c->answer == H1_NO_ANSWER);
	c->answer = H1_ANSWER_DONE;
	buf_clear(scratch);
	if (status_has_no_body(status)) {
		framing = HTTP_NO_BODY;
		body = str_make(NULL, 0);
	}
	if (write_head(c, scratch, status, f, n, framing, body.n)) {
		buf_clear(scratch);
		body = str_make(NULL, 0);
		err_ignore(write_head(c, scratch, 500, NULL, 0, HTTP_NO_BODY, 0)); /* cannot fail */
	}
	if (req->head.method == HTTP_HEAD) {
		body = str_make(NULL, 0);
	}
	(void)send_answer(c, body, str_make(NULL, 0)); /* gone clients are seen below */
	h1_conn_answered(c);
}

/* Before a handler knows a request, and when it must not go on with it. */
void h1_answer_fault(struct h1_conn *c, int status)
{
	struct h1_out h = {.status = status, .date = server_date(c->server), .close = true};
	struct buf *scratch = &c->server->scratch;

	c->server->stats.bad_requests++;
	c->keep = false;
	if (c->answer == H1_NO_ANSWER && !c->gone) {
		buf_clear(scratch);
		err_ignore(h1_head_write(scratch, &h, NULL)); /* fixed text: cannot fail */
		c->answer = H1_ANSWER_DONE;
		(void)send_answer(c, str_make(NULL, 0), str_make(NULL, 0));
	} else {
		c->gone = true;
	}
	h1_conn_answered(c);
}

void h1_answer_continue(struct h1_conn *c)
{
	if (stream_write(&c->stream, STR("HTTP/1.1 100 Continue\r\n\r\n"), NULL)) {
		c->gone = true;
	}
}

bool h1_begin(struct http_req *req, int status, const struct http_field *f, size_t n,
	      int64_t length)
{
	struct h1_conn *c = h1_conn_of(req);
	struct h1_work *w = c->work;
	enum http_framing framing = HTTP_CHUNKED;

	ASSERT(c->answer == H1_NO_ANSWER);
	if (length >= 0) {
		framing = length ? HTTP_LENGTH : HTTP_NO_BODY;
	} else if (!req->head.minor) {
		framing = HTTP_UNTIL_CLOSE;
		c->keep = false;
	}
	if (status_has_no_body(status)) {
		framing = HTTP_NO_BODY;
	}
	c->no_body = framing == HTTP_NO_BODY || req->head.method == HTTP_HEAD;
	c->chunked = framing == HTTP_CHUNKED;
	w->answer_left = length >= 0 ? (uint64_t)length : UINT64_MAX;
	c->answer = H1_ANSWER_BEGUN;
	buf_clear(&w->out);
	if (write_head(c, &w->out, status, f, n, framing, w->answer_left)) {
		c->no_body = true;
		c->keep = false;
		buf_clear(&w->out);
		err_ignore(write_head(c, &w->out, 500, NULL, 0, HTTP_NO_BODY, 0)); /* cannot fail */
	}
	server_resume_later(c->server, &c->base);
	return !c->gone;
}

bool h1_become(struct http_req *req, struct str protocol, const struct http_field *f, size_t n)
{
	struct h1_conn *c = h1_conn_of(req);
	struct h1_out h = {.status = 101, .fields = f, .n_fields = n, .upgrade = protocol};

	ASSERT(c->answer == H1_NO_ANSWER);
	if (c->state != H1_PENDING || c->gone || !req->head.minor || c->stream.eof) {
		return false;
	}
	buf_clear(&c->work->out);
	if (h1_head_write(&c->work->out, &h, NULL)) {
		buf_clear(&c->work->out);
		return false;
	}
	c->answer = H1_ANSWER_BEGUN;
	c->keep = c->chunked = c->no_body = false;
	c->work->answer_left = UINT64_MAX;
	h1_conn_switched(c);
	return true;
}

/* Moves the head of a streamed answer to scratch, where the bytes sent next are made. */
static void begin_scratch(struct h1_conn *c)
{
	buf_clear(&c->server->scratch);
	buf_append(&c->server->scratch, buf_str(&c->work->out));
	buf_clear(&c->work->out);
}

void h1_answer_flush_head(struct h1_conn *c)
{
	if (c->answer == H1_ANSWER_BEGUN && buf_len(&c->work->out)) {
		begin_scratch(c);
		if (!send_answer(c, str_make(NULL, 0), str_make(NULL, 0))) {
			h1_conn_lost(c);
		}
	}
}

bool h1_write(struct http_req *req, struct str bytes)
{
	struct h1_conn *c = h1_conn_of(req);
	struct buf *scratch = &c->server->scratch;

	ASSERT(c->answer == H1_ANSWER_BEGUN);
	if (c->gone || bytes.n == 0) {
		return !c->gone;
	}
	ASSERT(c->no_body || bytes.n <= c->work->answer_left);
	begin_scratch(c);
	if (c->work->answer_left != UINT64_MAX) {
		c->work->answer_left -= c->no_body ? 0 : bytes.n;
	}
	if (c->no_body) {
		bytes = str_make(NULL, 0);
	} else if (c->chunked) {
		h1_chunk_start(scratch, bytes.n);
	}
	if (!send_answer(c, bytes, c->chunked && bytes.n ? STR("\r\n") : str_make(NULL, 0))) {
		h1_conn_lost(c);
		return false;
	}
	c->want_drain = stream_pending(&c->stream) != 0;
	return true;
}

void h1_end(struct http_req *req)
{
	struct h1_conn *c = h1_conn_of(req);
	bool last_chunk = c->chunked && !c->no_body;

	ASSERT(c->answer == H1_ANSWER_BEGUN);
	begin_scratch(c);
	if (c->work->answer_left != UINT64_MAX && c->work->answer_left != 0 && !c->no_body) {
		c->gone = true; /* less than promised: only a closed connection says so */
	}
	c->answer = H1_ANSWER_DONE;
	if (buf_len(&c->server->scratch) || last_chunk) {
		(void)send_answer(c, str_make(NULL, 0),
				  last_chunk ? STR("0\r\n\r\n") : str_make(NULL, 0));
	}
	h1_conn_answered(c);
}

size_t h1_pending(const struct http_req *req)
{
	return stream_pending(&h1_conn_of(req)->stream);
}
