/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of HTTP/2 and the requests that come on it. The session's callbacks
 * note what happened and may call handlers, whose answers are only queued in the session;
 * whatever else a handler is to be told waits for the end of the turn.
 */
#include "http/h2_conn.h"

#include <stdlib.h>

static void conn_timer(struct h2_conn *c)
{
	const struct http_server_config *cfg = &c->server->c;

	loop_timer_set(c->server->loop, &c->timer,
		       c->n_streams ? cfg->write_timeout : cfg->idle_timeout);
}

/* ---- the end ---- */

static void conn_free_if_over(struct h2_conn *c)
{
	if (c->closed && c->n_streams == 0 && !c->unlinked) {
		c->unlinked = true;
		server_conn_closed(c->server, &c->base);
	}
}

void h2_conn_stream_freed(struct h2_conn *c)
{
	c->n_streams--;
	if (c->n_streams == 0 && !c->closed) {
		c->idle = true;
		server_conn_idle(c->server, &c->base);
		conn_timer(c);
		h2_wire_flush_later(&c->wire);
	}
	conn_free_if_over(c);
}

static struct h2_stream *find_open(struct h2_conn *c)
{
	LIST_FOREACH (node, &c->streams) {
		struct h2_stream *st = CONTAINER_OF(node, struct h2_stream, node);

		if (!st->closed) {
			return st;
		}
	}
	return NULL;
}

/* Ends the wire. Requests that handlers still answer stay, and the connection with them. */
static void conn_end(struct h2_conn *c, bool forced)
{
	struct h2_stream *st;

	if (!c->closed) {
		c->closed = true;
		timer_stop(&c->timer);
		h2_wire_done(&c->wire);
		c->n_streams++; /* holds the connection */
		while ((st = find_open(c))) {
			h2_stream_closed(st);
		}
		c->n_streams--;
	}
	if (forced) {
		c->n_streams++;
		while (!list_empty(&c->streams)) {
			h2_stream_end(CONTAINER_OF(c->streams.next, struct h2_stream, node));
		}
		c->n_streams--;
	}
	conn_free_if_over(c);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
			 size_t n, void *user)
{
	struct h2_conn *c = user;
	const struct h2_lib *lib = c->wire.lib;
	struct h2_stream *st = lib->session_get_stream_user_data(session, id);

	(void)flags;
	/* One slow reader must not hold up the others: only its own window stays closed. */
	(void)lib->session_consume_connection(session, n);
	if (st && st->known && st->part == H2_BODY) {
		h2_stream_data(st, str_make((const char *)data, n));
	} else {
		(void)lib->session_consume_stream(session, id, n);
	}
	return 0;
}

/* ---- what the session tells ---- */

/* Streams that end by a reset before they were answered cost us more than the client. */
static bool spend_reset(struct h2_conn *c)
{
	uint64_t now = c->server->loop->now, more;

	more = (now - c->resets_at) / (CLOCK_SEC / H2_RESETS_REFILL);
	if (more) {
		c->resets_at = now;
		c->resets = c->resets > more ? c->resets - (unsigned)more : 0;
	}
	return ++c->resets <= H2_RESETS;
}

static void calm_down(struct h2_conn *c)
{
	c->server->stats.bad_requests++;
	(void)c->wire.lib->session_terminate_session(c->wire.session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	struct h2_conn *c = user;

	(void)session;
	if (!h2_wire_spend(&c->wire, hd)) {
		calm_down(c);
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_conn *c = user;
	struct http_server *s = c->server;
	struct h2_stream *st;

	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
		return 0; /* trailers */
	}
	st = c->n_streams < H2_MAX_STREAMS && !s->draining ? h2_stream_new(c, frame->hd.stream_id)
							   : NULL;
	if (!st) {
		(void)c->wire.lib->submit_rst_stream(session, 0, frame->hd.stream_id,
						     NGHTTP2_REFUSED_STREAM);
		if (!spend_reset(c)) {
			calm_down(c);
		}
		return 0;
	}
	c->n_streams++;
	if (c->idle) {
		c->idle = false;
		server_conn_busy(s, &c->base);
		conn_timer(c);
	}
	(void)c->wire.lib->session_set_stream_user_data(session, st->id, st);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	struct h2_conn *c = user;
	struct h2_stream *st =
		c->wire.lib->session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	/* Of trailers nothing is kept; the library has checked them. */
	if (st && st->part == H2_HEAD && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		h2_head_add(&st->head, str_make((const char *)name, name_n),
			    str_make((const char *)value, value_n));
	}
	return 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_conn *c = user;
	bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	struct h2_stream *st;

	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) {
		return 0;
	}
	st = c->wire.lib->session_get_stream_user_data(session, frame->hd.stream_id);
	if (st && frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		h2_stream_head(st, ends);
	} else if (st && ends) {
		h2_stream_ends(st);
	}
	return 0;
}

/* An answer that came before the end of its request leaves nothing to wait for (section 8.1). */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_conn *c = user;

	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
	    c->wire.lib->session_get_stream_remote_close(session, frame->hd.stream_id) == 0) {
		(void)c->wire.lib->submit_rst_stream(session, 0, frame->hd.stream_id,
						     NGHTTP2_NO_ERROR);
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2_conn *c = user;
	struct h2_stream *st = c->wire.lib->session_get_stream_user_data(session, id);

	if (!st) {
		return 0;
	}
	if (code != NGHTTP2_NO_ERROR && st->answer != H1_ANSWER_DONE && !spend_reset(c)) {
		calm_down(c);
		h2_wire_flush_later(&c->wire);
	}
	h2_stream_closed(st);
	return 0;
}

static bool make_session(struct h2_conn *c)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_MAX_STREAMS},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H1_MAX_HEAD},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};
	const struct h2_lib *lib = c->wire.lib;
	nghttp2_session_callbacks *on = NULL;
	nghttp2_option *option = NULL;
	bool ok = lib->session_callbacks_new(&on) == 0 && lib->option_new(&option) == 0;

	if (ok) {
		lib->session_callbacks_set_on_begin_frame_callback(on, on_begin_frame);
		lib->session_callbacks_set_on_begin_headers_callback(on, on_begin_headers);
		lib->session_callbacks_set_on_header_callback(on, on_header);
		lib->session_callbacks_set_on_data_chunk_recv_callback(on, on_data_chunk);
		lib->session_callbacks_set_on_frame_recv_callback(on, on_frame_recv);
		lib->session_callbacks_set_on_frame_send_callback(on, on_frame_send);
		lib->session_callbacks_set_on_stream_close_callback(on, on_stream_close);
		lib->option_set_no_auto_window_update(option, 1);
		lib->option_set_no_closed_streams(option, 1);
		ok = lib->session_server_new2(&c->wire.session, on, c, option) == 0 &&
		     lib->submit_settings(c->wire.session, 0, settings, ARRAY_LEN(settings)) == 0 &&
		     lib->session_set_local_window_size(c->wire.session, 0, 0, H2_CONN_WINDOW) == 0;
	}
	lib->option_del(option);
	lib->session_callbacks_del(on);
	return ok;
}

/* ---- the turn's end, time, and the server's wishes ---- */

/* What is owed to one handler; telling it may change all that is looked at. */
static bool look_once(struct h2_conn *c)
{
	LIST_FOREACH (node, &c->streams) {
		if (h2_stream_look(CONTAINER_OF(node, struct h2_stream, node))) {
			return true;
		}
	}
	return false;
}

static void look(struct h2_conn *c)
{
	bool more = c->look;

	c->look = false;
	c->n_streams++; /* holds the connection */
	while (more) {
		more = look_once(c);
	}
	c->n_streams--;
	conn_free_if_over(c);
}

static void on_turn(struct h2_wire *w)
{
	struct h2_conn *c = CONTAINER_OF(w, struct h2_conn, wire);

	if (c->server->draining && c->n_streams == 0) {
		conn_end(c, false);
		return;
	}
	look(c);
}

/* Also after the wire is done: for handlers that are still owed something. */
static void on_over(struct h2_wire *w)
{
	struct h2_conn *c = CONTAINER_OF(w, struct h2_conn, wire);

	if (!c->closed) {
		conn_end(c, false);
		return;
	}
	look(c);
}

static void on_timeout(struct timer *t)
{
	struct h2_conn *c = CONTAINER_OF(t, struct h2_conn, timer);
	uint64_t silent = c->server->loop->now - c->wire.progress_at;

	if (c->n_streams == 0 ||
	    (stream_pending(&c->wire.stream) && silent >= c->server->c.write_timeout)) {
		if (c->n_streams) {
			c->server->stats.timeouts++;
		}
		conn_end(c, false);
		return;
	}
	conn_timer(c);
}

static void on_drain(struct server_conn *base)
{
	struct h2_conn *c = CONTAINER_OF(base, struct h2_conn, base);
	const struct h2_lib *lib = c->wire.lib;

	if (!c->closed) {
		(void)lib->submit_goaway(c->wire.session, 0,
					 lib->session_get_last_proc_stream_id(c->wire.session),
					 NGHTTP2_NO_ERROR, NULL, 0);
		h2_wire_flush_later(&c->wire);
	}
}

static void on_close(struct server_conn *base)
{
	conn_end(CONTAINER_OF(base, struct h2_conn, base), true);
}

static void on_release(struct server_conn *base)
{
	struct h2_conn *c = CONTAINER_OF(base, struct h2_conn, base);

	loop_defer_cancel(&c->wire.turn_end);
	free(c);
}

static const struct server_conn_ops conn_ops = {
	.close = on_close,
	.drain = on_drain,
	.release = on_release,
};

enum err_code h2_conn_new(struct h1_conn *from, struct str bytes, struct err *err)
{
	struct http_server *s = from->server;
	struct h2_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		return ERR(err, ERR_NOMEM, "no memory for a connection");
	}
	c->base.ops = &conn_ops;
	c->server = s;
	c->peer = from->peer;
	c->id = ++s->next_conn_id;
	c->timer.on_timeout = on_timeout;
	c->wire.on_over = on_over;
	c->wire.on_turn = on_turn;
	c->resets_at = s->loop->now;
	list_init(&c->streams);
	h2_wire_init(&c->wire, s->c.h2, s->loop);
	if (!make_session(c) ||
	    stream_move(&c->wire.stream, &from->stream, &h2_wire_events, NULL)) {
		s->c.h2->session_del(c->wire.session);
		free(c);
		return ERR(err, ERR_NOMEM, "no memory for a connection");
	}
	c->wire.stream.out.max = s->c.max_out + 2 * (size_t)H2_WIRE_HIGH;
	c->idle = true;
	list_append(&s->idle, &c->base.node);
	s->stats.conns++;
	conn_timer(c);
	h2_wire_feed(&c->wire, bytes);
	return ERR_OK;
}
