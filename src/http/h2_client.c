/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of HTTP/2 to an upstream. The session's callbacks hand what comes to the calls; what
 * calls ask for meanwhile is queued in the session and leaves at the end of the turn.
 */
#include "http/h2_call.h"

#include <stdlib.h>

enum { ARENA_MAX = 256 * 1024 };

static void conn_end(struct h2_client *client)
{
	struct http_pool *p = client->pool;

	if (client->closed) {
		return;
	}
	client->closed = client->leaving = true;
	timer_stop(&client->timer);
	h2_wire_done(&client->wire);
	while (!list_empty(&client->calls)) {
		struct h2_call *h = CONTAINER_OF(client->calls.next, struct h2_call, node);
		bool unheard = client->reused && h->heard == client->wire.received;

		/* An answer that is complete and paused goes with the rest: nobody asks for it. */
		h2_call_lost(h, unheard ? HTTP_FAIL_RETRYABLE : HTTP_FAIL_CLOSED);
	}
	list_remove(&client->node);
	list_append(&p->h2_dead, &client->node); /* callers may still be looking at it */
	loop_defer(p->loop, &p->on_turn_end);
	p->stats.conns--;
	pool_pump(p);
}

void h2_client_free_dead(struct http_pool *p)
{
	while (!list_empty(&p->h2_dead)) {
		struct h2_client *client = CONTAINER_OF(p->h2_dead.next, struct h2_client, node);

		list_remove(&client->node);
		loop_defer_cancel(&client->wire.turn_end);
		arena_done(&client->arena);
		free(client);
	}
}

void h2_client_freed(struct h2_client *client)
{
	client->n_calls--;
	if (!client->closed && client->n_calls == 0) {
		loop_timer_set(client->pool->loop, &client->timer, client->pool->c.idle_timeout);
		if (client->leaving) {
			h2_wire_flush_later(&client->wire);
		}
	}
	if (!client->closed && client->pool->stats.waiting) {
		loop_defer(client->pool->loop, &client->pool->on_turn_end); /* there is room now */
	}
}

/* ---- what the session tells ---- */

static struct h2_call *call_of(struct h2_client *client, int32_t id)
{
	return client->wire.lib->session_get_stream_user_data(client->wire.session, id);
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	struct h2_client *client = user;

	if (!h2_wire_spend(&client->wire, hd)) {
		(void)client->wire.lib->session_terminate_session(session,
								  NGHTTP2_ENHANCE_YOUR_CALM);
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	struct h2_call *h = call_of(user, frame->hd.stream_id);

	(void)session;
	(void)flags;
	if (h && h->reading) {
		h2_head_add(&h->head, str_make((const char *)name, name_n),
			    str_make((const char *)value, value_n));
	} else if (h) {
		h2_call_trailer(h, str_make((const char *)name, name_n),
				str_make((const char *)value, value_n));
	}
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
			 size_t n, void *user)
{
	struct h2_client *client = user;
	struct h2_call *h = call_of(client, id);

	(void)flags;
	/* One slow reader must not hold up the others: only its own window stays closed. */
	(void)client->wire.lib->session_consume_connection(session, n);
	if (h && !h->reading) {
		h2_call_data(h, str_make((const char *)data, n));
	} else {
		(void)client->wire.lib->session_consume_stream(session, id, n);
	}
	return 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_client *client = user;
	bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	struct h2_call *h = NULL;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		client->leaving = true;
		h2_wire_flush_later(&client->wire);
		return 0;
	}
	if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) {
		h = call_of(client, frame->hd.stream_id);
	}
	if (h && h->reading) {
		h2_call_head(h, ends);
		h = call_of(client, frame->hd.stream_id);
	}
	if (h && ends) {
		h2_call_ends(h);
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2_call *h = call_of(user, id);

	(void)session;
	if (h) {
		h2_call_closed(h, code);
	}
	return 0;
}

static bool make_session(struct h2_client *client)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_CALL_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H1_MAX_HEAD},
	};
	const struct h2_lib *lib = client->wire.lib;
	nghttp2_session_callbacks *on = NULL;
	nghttp2_option *option = NULL;
	bool ok = lib->session_callbacks_new(&on) == 0 && lib->option_new(&option) == 0;

	if (ok) {
		lib->session_callbacks_set_on_begin_frame_callback(on, on_begin_frame);
		lib->session_callbacks_set_on_header_callback(on, on_header);
		lib->session_callbacks_set_on_data_chunk_recv_callback(on, on_data_chunk);
		lib->session_callbacks_set_on_frame_recv_callback(on, on_frame_recv);
		lib->session_callbacks_set_on_stream_close_callback(on, on_stream_close);
		lib->option_set_no_auto_window_update(option, 1);
		lib->option_set_no_closed_streams(option, 1);
		if (client->wire.put_frame) {
			/* The relay adds a field to each head: none may refer to a table. */
			lib->option_set_max_deflate_dynamic_table_size(option, 0);
		}
		ok = lib->session_client_new2(&client->wire.session, on, client, option) == 0 &&
		     lib->submit_settings(client->wire.session, 0, settings, ARRAY_LEN(settings)) ==
			     0 &&
		     lib->session_set_local_window_size(client->wire.session, 0, 0,
							H2_CONN_WINDOW) == 0;
	}
	lib->option_del(option);
	lib->session_callbacks_del(on);
	return ok;
}

/* ---- the turn's end, and time ---- */

static bool look_once(struct h2_client *client)
{
	LIST_FOREACH (node, &client->calls) {
		if (h2_call_look(CONTAINER_OF(node, struct h2_call, node))) {
			return true;
		}
	}
	return false;
}

static void on_turn(struct h2_wire *w)
{
	struct h2_client *client = CONTAINER_OF(w, struct h2_client, wire);
	bool more = client->look;

	client->look = false;
	while (more) {
		more = !client->closed && look_once(client);
	}
	if (client->leaving && client->n_calls == 0) {
		conn_end(client);
	}
}

static void on_over(struct h2_wire *w)
{
	conn_end(CONTAINER_OF(w, struct h2_client, wire));
}

static void on_idle_timeout(struct timer *t)
{
	struct h2_client *client = CONTAINER_OF(t, struct h2_client, timer);

	client->leaving = true;
	(void)client->wire.lib->session_terminate_session(client->wire.session, NGHTTP2_NO_ERROR);
	h2_wire_flush_later(&client->wire);
}

/* ---- for the pool ---- */

enum err_code h2_client_new(struct http_pool *p, int fd, struct err *err)
{
	struct h2_client *client = calloc(1, sizeof(*client));

	if (!client) {
		return ERR(err, ERR_NOMEM, "no memory for a connection");
	}
	client->pool = p;
	client->timer.on_timeout = on_idle_timeout;
	client->wire.on_over = on_over;
	client->wire.on_turn = on_turn;
	client->wire.put_frame = p->c.wire ? p->c.wire->put_frame : NULL;
	client->wire.put_user = p->c.wire ? p->c.wire->user : NULL;
	list_init(&client->calls);
	arena_init(&client->arena, ARENA_MAX);
	h2_wire_init(&client->wire, p->c.h2, p->loop);
	if (!make_session(client) || stream_init(&client->wire.stream, p->loop, fd, &h2_wire_events,
						 p->c.max_out + 2 * (size_t)H2_WIRE_HIGH, NULL)) {
		p->c.h2->session_del(client->wire.session);
		free(client);
		return ERR(err, ERR_NOMEM, "no memory for a connection");
	}
	list_append(&p->h2, &client->node);
	p->stats.conns++;
	loop_timer_set(p->loop, &client->timer, p->c.idle_timeout);
	h2_wire_flush_later(&client->wire);
	return ERR_OK;
}

static bool has_room(const struct h2_client *client)
{
	uint32_t most = client->wire.lib->session_get_remote_settings(
		client->wire.session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	return !client->leaving && !client->wire.over && client->n_calls < H2_CALLS_MAX &&
	       client->n_calls < most &&
	       client->wire.lib->session_check_request_allowed(client->wire.session);
}

static struct h2_client *find_room(const struct http_pool *p)
{
	for (struct list *n = p->h2.next; n != &p->h2; n = n->next) {
		struct h2_client *client = CONTAINER_OF(n, struct h2_client, node);

		if (has_room(client)) {
			return client;
		}
	}
	return NULL;
}

bool h2_client_has_room(const struct http_pool *p)
{
	return find_room(p) != NULL;
}

bool h2_client_run(struct http_pool *p, struct http_call *c)
{
	struct h2_client *client = find_room(p);

	if (client) {
		h2_call_start(client, c);
	}
	return client != NULL;
}

void h2_client_close_all(struct http_pool *p)
{
	while (!list_empty(&p->h2)) {
		conn_end(CONTAINER_OF(p->h2.next, struct h2_client, node));
	}
}
