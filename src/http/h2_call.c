/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange on a stream of HTTP/2; what it does for its call is what http/client.c does. */
#include "http/h2_call.h"

#include "http/h2_field.h"

#include <stdlib.h>

enum {
	INTERIMS_MAX = 8,
	FIELD_EXTRA = 8, /* of HPACK, at most */
};

static void look_later(struct h2_call *h)
{
	h->client->look = true;
	h2_wire_flush_later(&h->client->wire);
}

/* ---- the request ---- */

static struct str left_of_body(const struct h2_call *h)
{
	return h->call->body_streamed ? buf_str(&h->out) : str_from(h->call->body, h->sent);
}

/* Gives the session what fits a frame. */
static ssize_t give(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
		    nghttp2_data_source *source, void *user)
{
	struct h2_client *client = user;
	struct h2_call *h = client->wire.lib->session_get_stream_user_data(session, id);
	struct str left;
	size_t n;

	(void)source;
	if (!h) {
		return NGHTTP2_ERR_DEFERRED; /* cancelled: its reset is on the way */
	}
	left = left_of_body(h);
	n = left.n < room ? left.n : room;
	if (n) {
		memcpy(to, left.p, n);
		h2_wire_earn(&client->wire, 4);
	}
	if (h->call->body_streamed) {
		buf_consume(&h->out, n);
		client->look |= h->want_drain; /* its caller may wait for this */
	} else {
		h->sent += n;
	}
	if (n == left.n && !h->uploading) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		return (ssize_t)n;
	}
	return n ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
}

/* A head that its relay could not take would end the connection, and the calls of others with it. */
static bool fits_wire(const struct h2_client *client, const struct h2_fields *fields)
{
	size_t n = 0;

	for (size_t i = 0; i < fields->n; i++) {
		n += fields->items[i].namelen + fields->items[i].valuelen + FIELD_EXTRA;
	}
	return !client->wire.put_frame || n <= HTTP_WIRE_HEAD_MAX;
}

/* Before its head, which leaves later. */
static bool send_permit(struct h2_call *h)
{
	struct h2_client *client = h->client;
	bool sent = true;
	struct buf out;

	if (h->call->permit) {
		buf_init(&out, HTTP_WIRE_HEAD_MAX);
		pool_put_permit(client->pool, &out, h->call);
		sent = !out.failed &&
		       stream_write(&client->wire.stream, buf_str(&out), NULL) == ERR_OK;
		buf_done(&out);
	}
	return sent;
}

static bool submit(struct h2_call *h)
{
	struct h2_client *client = h->client;
	struct h1_out head = call_head(h->call);
	nghttp2_data_provider body = {.read_callback = give};
	bool has_body = head.framing != HTTP_NO_BODY;
	struct h2_fields fields;

	if (h2_fields_of(&head, client->pool->c.secure, &client->arena, &fields, NULL) == ERR_OK &&
	    fits_wire(client, &fields)) {
		h->id = client->wire.lib->submit_request(client->wire.session, NULL, fields.items,
							 fields.n, has_body ? &body : NULL, h);
	}
	arena_reset(&client->arena);
	return h->id > 0;
}

static void free_call(struct h2_call *h)
{
	struct h2_client *client = h->client;

	list_remove(&h->node);
	buf_done(&h->pseudo);
	buf_done(&h->out);
	if (h->work) {
		pool_take_back(client->pool, h->work);
	}
	free(h);
	h2_client_freed(client);
}

void h2_call_start(struct h2_client *client, struct http_call *c)
{
	struct http_pool *p = client->pool;
	struct h2_call *h = calloc(1, sizeof(*h));

	if (!h || !(h->work = pool_lend(p))) {
		free(h);
		pool_fail_later(p, c, HTTP_FAIL_NOMEM);
		return;
	}
	h->client = client;
	h->call = c;
	h->heard = client->wire.received;
	h->collecting = h->reading = true;
	h->uploading = c->body_streamed && c->request.framing != HTTP_NO_BODY;
	buf_init(&h->pseudo, H1_MAX_HEAD);
	buf_init(&h->out, p->c.max_out);
	list_append(&client->calls, &h->node);
	client->n_calls++;
	timer_stop(&client->timer);
	h2_wire_earn(&client->wire, 8);
	c->h2 = h;
	c->conn = NULL;
	c->state = CALL_SENT;
	c->answer = NULL;
	h2_head_begin(&h->head, true, &h->work->msg.in, &h->pseudo);
	if (!send_permit(h) || !submit(h)) {
		pool_fail_later(p, c, HTTP_FAIL_INVALID);
		free_call(h);
		return;
	}
	p->stats.reused += client->reused;
	h2_wire_flush_later(&client->wire);
	call_timer(c, p->c.head_timeout);
	if (h->uploading) {
		h->want_drain = true;
		look_later(h);
	}
}

bool h2_call_write(struct http_call *c, struct str bytes)
{
	struct h2_call *h = c->h2;
	struct h2_client *client = h->client;

	if (!h->uploading || bytes.n == 0) {
		return h->uploading;
	}
	buf_append(&h->out, bytes);
	if (h->out.failed) {
		h2_call_cancel(c);
		pool_fail_later(client->pool, c, HTTP_FAIL_CLOSED);
		return false;
	}
	h->want_drain = true;
	look_later(h);
	(void)client->wire.lib->session_resume_data(client->wire.session, h->id);
	return true;
}

bool h2_call_write_end(struct http_call *c)
{
	struct h2_call *h = c->h2;
	struct h2_client *client = h->client;

	if (!h->uploading) {
		return false;
	}
	h->uploading = false;
	(void)client->wire.lib->session_resume_data(client->wire.session, h->id);
	h2_wire_flush_later(&client->wire);
	if (c->state == CALL_SENT) {
		call_timer(c, client->pool->c.head_timeout);
	}
	return true;
}

size_t h2_call_pending(const struct http_call *c)
{
	return buf_len(&c->h2->out);
}

/* ---- the end ---- */

/* From here on the session knows nothing of h; whose stream was not over is reset. */
static void detach(struct h2_call *h, bool reset)
{
	struct h2_client *client = h->client;
	const struct h2_lib *lib = client->wire.lib;

	if (client->closed || h->id <= 0) {
		return;
	}
	(void)lib->session_set_stream_user_data(client->wire.session, h->id, NULL);
	if (reset) {
		(void)lib->submit_rst_stream(client->wire.session, 0, h->id, NGHTTP2_CANCEL);
		h2_wire_flush_later(&client->wire);
	}
}

static void fail_call(struct h2_call *h, enum http_fail why, const struct err *err, bool reset)
{
	struct http_call *c = h->call;

	detach(h, reset);
	free_call(h);
	call_failed(c, why, err);
}

static void finish(struct h2_call *h)
{
	struct http_call *c = h->call;
	struct client_work *w = h->work;
	struct http_pool *p = c->pool;

	c->answer_body = h->collecting ? buf_str(&w->msg.body) : str_make(NULL, 0);
	c->trailers = buf_str(&w->trailers);
	h->client->reused = true;
	/* An answer that came before all of the request was sent leaves the rest to nobody. */
	detach(h, h->uploading || left_of_body(h).n);
	h->work = NULL;
	free_call(h);
	call_over(c);
	c->on->on_done(c);
	pool_take_back(p, w);
}

void h2_call_fail(struct http_call *c, enum http_fail why)
{
	fail_call(c->h2, why, NULL, true);
}

void h2_call_cancel(struct http_call *c)
{
	struct h2_call *h = c->h2;

	detach(h, true);
	call_over(c);
	free_call(h);
}

void h2_call_lost(struct h2_call *h, enum http_fail why)
{
	fail_call(h, why, NULL, false);
}

void h2_call_closed(struct h2_call *h, uint32_t code)
{
	struct err err = {0};

	if (h->ends && code == NGHTTP2_NO_ERROR) {
		return; /* complete; what is paused is still to be given */
	}
	err_ignore(ERR(&err, ERR_CLOSED, "the upstream reset the stream: code %u", code));
	fail_call(h, code == NGHTTP2_REFUSED_STREAM ? HTTP_FAIL_RETRYABLE : HTTP_FAIL_CLOSED, &err,
		  false);
}

/* ---- the answer ---- */

void h2_call_stream(struct http_call *c)
{
	c->h2->collecting = false;
	c->h2->limit = UINT64_MAX;
}

/* Whether h is still its call's, after something was told that may have ended it. */
static bool is_alive(const struct http_call *c, const struct h2_call *h)
{
	return c->h2 == h;
}

void h2_call_head(struct h2_call *h, bool ends)
{
	struct http_call *c = h->call;
	struct client_work *w = h->work;
	struct http_pool *p = c->pool;
	struct err err = {0};

	h1_head_init(&w->head, true, w->msg.fields, H1_MAX_FIELDS);
	w->head.answers_head = str_eq(c->request.method, STR("HEAD"));
	if (h2_head_end(&h->head, &w->head, ends, &err) != H1_DONE ||
	    (w->head.status < 200 && (ends || ++h->interims > INTERIMS_MAX))) {
		fail_call(h, HTTP_FAIL_BAD, &err, true);
		return;
	}
	if (w->head.status < 200) {
		h2_head_begin(&h->head, true, &w->msg.in, &h->pseudo);
		return;
	}
	h->reading = false;
	buf_done(&h->pseudo);
	h->limit = c->max_body ? c->max_body : p->c.max_body;
	c->state = CALL_BODY;
	c->answer = &w->head;
	if (c->on->on_head) {
		c->on->on_head(c);
	}
	if (is_alive(c, h)) {
		/* A stream of events may be silent for long; its reader knows for how long. */
		call_timer(c, h->collecting ? p->c.head_timeout : 0);
	}
}

/* Framing and the connection's fields say nothing there (RFC 9110 section 6.5.1). */
void h2_call_trailer(struct h2_call *h, struct str name, struct str value)
{
	struct buf *to = &h->work->trailers;

	if ((http_field_flags(http_field_find(name)) & HTTP_FIELD_HOP) || !http_is_token(name) ||
	    !http_is_value(value)) {
		return;
	}
	buf_append(to, name);
	buf_append(to, STR(": "));
	buf_append(to, value);
	buf_append(to, STR("\r\n"));
	if (to->failed) {
		fail_call(h, HTTP_FAIL_LIMIT, NULL, true);
	}
}

bool h2_call_forget(struct http_call *c)
{
	struct h2_call *h = c->h2;

	if (h->uploading || h->sent < c->body.n) {
		return false;
	}
	h->sent = 0;
	buf_done(&h->work->msg.in);
	h1_msg_forget(&h->work->msg);
	return true;
}

static bool keep(struct h2_call *h, struct str bytes)
{
	struct buf *body = &h->work->msg.body;

	body->max = h->collecting ? (size_t)h->limit : 2 * H2_CALL_WINDOW;
	buf_append(body, bytes);
	h->unread += h->collecting ? 0 : bytes.n;
	return !body->failed;
}

void h2_call_data(struct h2_call *h, struct str bytes)
{
	struct h2_client *client = h->client;
	struct http_call *c = h->call;
	bool holds = !h->collecting && (h->paused || h->resuming);

	h->received += bytes.n;
	if (h->received > h->limit) {
		fail_call(h, HTTP_FAIL_LIMIT, NULL, true);
		return;
	}
	if (h->collecting || holds) {
		if (!keep(h, bytes)) {
			fail_call(h, HTTP_FAIL_NOMEM, NULL, true);
			return;
		}
		if (h->collecting) {
			call_timer(c, c->pool->c.head_timeout);
		}
	} else {
		c->on->on_data(c, bytes);
		if (!is_alive(c, h)) {
			return;
		}
	}
	if (!holds) {
		(void)client->wire.lib->session_consume_stream(client->wire.session, h->id,
							       bytes.n);
	}
}

void h2_call_ends(struct h2_call *h)
{
	h->ends = true;
	if (!h->paused && !h->resuming) {
		finish(h);
	}
}

void h2_call_pause(struct http_call *c, bool paused)
{
	struct h2_call *h = c->h2;

	if (h->paused != paused) {
		h->paused = paused;
		h->resuming = !paused;
		if (!paused) {
			look_later(h);
		}
	}
}

static void give_held(struct h2_call *h)
{
	struct h2_client *client = h->client;
	struct http_call *c = h->call;
	size_t unread = h->unread;

	if (!h->collecting) {
		struct buf held = h->work->msg.body;

		buf_init(&h->work->msg.body, held.max);
		h->unread = 0;
		if (buf_len(&held)) {
			c->on->on_data(c, buf_str(&held));
		}
		buf_done(&held);
		if (!is_alive(c, h)) {
			return;
		}
	}
	h->resuming = false;
	if (unread && !client->closed) {
		(void)client->wire.lib->session_consume_stream(client->wire.session, h->id, unread);
		h2_wire_flush_later(&client->wire); /* the sender waits for its window */
	}
	if (h->ends && !h->paused) {
		finish(h);
	}
}

bool h2_call_look(struct h2_call *h)
{
	struct http_call *c = h->call;

	if (h->resuming && !h->paused) {
		give_held(h);
		return true;
	}
	if (h->want_drain && buf_len(&h->out) <= c->pool->c.max_out / 4) {
		h->want_drain = false;
		if (c->on->on_drain) {
			c->on->on_drain(c);
		}
		return true;
	}
	return false;
}
