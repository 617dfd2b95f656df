/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "http/client.h"
#include "http/h2.h"
#include "http/h2_call.h"
#include "http/server.h"
#include "tests/unit/http/h2_peer.h"

enum { MOST = 300 };

/* What the server of ours does with a request, by its path. */
enum how { ECHO, LATER, EVENTS };

struct fixture {
	struct loop loop;
	struct h2_lib *lib;
	struct http_server *server;
	struct http_pool *pool;
	struct peer raw; /* the upstream, when frames are made by hand */
	bool by_hand;
	enum how how;
	struct http_req *held[MOST];
	int n_held, dials, requests;
	uint64_t ticket;
};

struct call {
	struct http_call c;
	bool stream, cancel;
	int heads, status, dones, drains;
	enum http_fail failed;
	struct buf got, trailers;
};

/* ---- the server ---- */

static void on_body_complete(struct http_req *req)
{
	struct fixture *f = http_server_user(req->server);

	f->requests++;
	if (f->how == ECHO) {
		http_respond(req, 200, NULL, 0, req->body.n ? req->body : req->head.path);
		return;
	}
	f->held[f->n_held++] = req;
	if (f->how == EVENTS) {
		assert_true(http_respond_begin(req, 200, NULL, 0, -1));
	}
}

static void on_end(struct http_req *req)
{
	struct fixture *f = http_server_user(req->server);

	for (int i = 0; i < f->n_held; i++) {
		f->held[i] = f->held[i] == req ? NULL : f->held[i];
	}
}

static void on_request(struct http_req *req)
{
	(void)req; /* collects */
}

static void on_abort(struct http_req *req, bool gone)
{
	(void)gone;
	http_req_drop(req);
}

static const struct http_handler handler = {
	.on_request = on_request,
	.on_body_complete = on_body_complete,
	.on_abort = on_abort,
	.on_end = on_end,
};

/* ---- the pool ---- */

static void on_dial(struct http_pool *p, uint64_t ticket)
{
	struct fixture *f = http_pool_user(p);

	f->dials++;
	f->ticket = ticket;
}

/* Answers what the pool dialled. */
static void connect_now(struct fixture *f)
{
	struct net_peer who = {0};
	struct peer ends;
	int other;

	peer_pair(&ends, &other);
	if (f->by_hand) {
		f->raw = ends;
	} else {
		assert_int_equal(http_server_adopt(f->server, ends.fd, STR(""), &who, NULL),
				 ERR_OK);
		buf_done(&ends.got);
	}
	http_pool_connected_h2(f->pool, f->ticket, other);
}

static struct fixture *start(enum how how, struct http_pool_config c)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct http_server_config sc = {.user = f, .max_body = 64 << 20};

	f->how = how;
	assert_int_equal(h2_lib_load(&f->lib, NULL), ERR_OK);
	assert_int_equal(loop_init(&f->loop, NULL), ERR_OK);
	sc.handler = &handler;
	sc.h2 = f->lib;
	assert_int_equal(http_server_new(&f->loop, &sc, &f->server, NULL), ERR_OK);
	c.dial = on_dial;
	c.user = f;
	c.host = STR("upstream.test");
	c.h2 = f->lib;
	assert_int_equal(http_pool_new(&f->loop, &c, &f->pool, NULL), ERR_OK);
	return f;
}

static void finish(struct fixture *f)
{
	http_pool_free(f->pool);
	peer_turns(&f->loop, 2);
	http_server_free(f->server);
	if (f->by_hand) {
		peer_done(&f->raw);
	}
	loop_done(&f->loop);
	h2_lib_free(f->lib);
	test_free(f);
}

/* ---- calls ---- */

static void on_head(struct http_call *c)
{
	struct call *call = CONTAINER_OF(c, struct call, c);

	call->heads++;
	call->status = c->answer->status;
	if (call->stream) {
		http_call_stream(c);
	}
	if (call->cancel) {
		http_call_cancel(c);
	}
}

static void on_data(struct http_call *c, struct str bytes)
{
	buf_append(&CONTAINER_OF(c, struct call, c)->got, bytes);
}

static void on_done(struct http_call *c)
{
	struct call *call = CONTAINER_OF(c, struct call, c);

	call->dones++;
	buf_append(&call->got, c->answer_body);
	buf_append(&call->trailers, c->trailers);
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	(void)err;
	CONTAINER_OF(c, struct call, c)->failed = why;
}

static void on_drain(struct http_call *c)
{
	CONTAINER_OF(c, struct call, c)->drains++;
}

static const struct http_call_events events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
	.on_drain = on_drain,
};

static struct call *call_new(struct fixture *f, const char *method, const char *target,
			     struct str body)
{
	struct call *call = test_calloc(1, sizeof(*call));

	buf_init(&call->got, 64 << 20);
	buf_init(&call->trailers, 1 << 20);
	call->c = (struct http_call){
		.on = &events,
		.pool = f->pool,
		.request = {.method = str_from_c(method), .target = str_from_c(target)},
		.body = body,
	};
	return call;
}

static void call_free(struct call *call)
{
	buf_done(&call->got);
	buf_done(&call->trailers);
	test_free(call);
}

static void many_calls_share_one_connection(void **state)
{
	struct fixture *f = start(ECHO, (struct http_pool_config){0});
	struct call *calls[90];
	char bodies[90][16];

	(void)state;
	for (int i = 0; i < 90; i++) {
		(void)snprintf(bodies[i], sizeof(bodies[i]), "number %d", i);
		calls[i] = call_new(f, "POST", "/", str_from_c(bodies[i]));
		http_call_start(&calls[i]->c);
	}
	assert_int_equal(f->dials, 1); /* not one for each that waits */
	connect_now(f);
	peer_turns(&f->loop, 6);
	for (int i = 0; i < 90; i++) {
		assert_int_equal(calls[i]->dones, 1);
		assert_int_equal(calls[i]->status, 200);
		assert_str_equal(buf_str(&calls[i]->got), str_from_c(bodies[i]));
		call_free(calls[i]);
	}
	assert_int_equal(f->dials, 1);
	assert_int_equal(http_pool_stats(f->pool)->conns, 1);
	finish(f);
}

static void calls_past_the_servers_limit_wait_their_turn(void **state)
{
	struct fixture *f = start(LATER, (struct http_pool_config){.max_conns = 1});
	struct call *calls[130];
	int done = 0;

	(void)state;
	for (int i = 0; i < 130; i++) {
		calls[i] = call_new(f, "GET", "/", STR(""));
	}
	http_call_start(&calls[0]->c);
	connect_now(f);
	peer_turns(&f->loop, 4); /* the server's settings have come: 100 at once */
	for (int i = 1; i < 130; i++) {
		http_call_start(&calls[i]->c);
	}
	peer_turns(&f->loop, 4);
	assert_int_equal(f->requests, 100);
	assert_int_equal(http_pool_stats(f->pool)->waiting, 30);
	for (int i = 0; i < 130; i++) {
		if (f->held[i]) {
			http_respond(f->held[i], 200, NULL, 0, STR("x"));
			peer_turns(&f->loop, 4);
		}
	}
	for (int i = 0; i < 130; i++) {
		done += calls[i]->dones;
		call_free(calls[i]);
	}
	assert_int_equal(done, 130);
	finish(f);
}

static void large_bodies_pass_both_ways(void **state)
{
	struct fixture *f = start(ECHO, (struct http_pool_config){0});
	size_t n = 3000000;
	char *body = test_calloc(1, n);
	struct call *call;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		body[i] = (char)('a' + i % 23);
	}
	call = call_new(f, "POST", "/", str_make(body, n));
	http_call_start(&call->c);
	connect_now(f);
	for (int i = 0; i < 3000 && !call->dones && !call->failed; i++) {
		peer_turns(&f->loop, 1);
	}
	assert_int_equal(call->dones, 1);
	assert_str_equal(buf_str(&call->got), str_make(body, n));
	call_free(call);
	test_free(body);
	finish(f);
}

static void a_streamed_answer_can_be_paused(void **state)
{
	static const char more[H2_CALL_WINDOW + 1000];
	struct fixture *f = start(EVENTS, (struct http_pool_config){0});
	struct call *call = call_new(f, "GET", "/", STR(""));

	(void)state;
	call->stream = true;
	http_call_start(&call->c);
	connect_now(f);
	peer_turns(&f->loop, 4);
	assert_int_equal(call->heads, 1);
	assert_true(http_respond_write(f->held[0], STR("one ")));
	peer_turns(&f->loop, 4);
	assert_str_equal(buf_str(&call->got), STR("one "));
	http_call_pause(&call->c, true);
	assert_true(http_respond_write(f->held[0], STR("two ")));
	peer_turns(&f->loop, 4);
	assert_str_equal(buf_str(&call->got), STR("one "));
	http_call_pause(&call->c, false);
	peer_turns(&f->loop, 4);
	assert_str_equal(buf_str(&call->got), STR("one two "));
	http_call_pause(&call->c, true);
	assert_true(http_respond_write(f->held[0], str_make(more, sizeof(more))));
	peer_turns(&f->loop, 60); /* until the window is full */
	http_call_pause(&call->c, false);
	peer_turns(&f->loop, 60);
	assert_int_equal(buf_len(&call->got), 8 + sizeof(more));
	http_call_pause(&call->c, true);
	http_respond_end(f->held[0]);
	peer_turns(&f->loop, 4);
	assert_int_equal(call->dones, 0);
	http_call_pause(&call->c, false);
	peer_turns(&f->loop, 4);
	assert_int_equal(call->dones, 1);
	call_free(call);
	finish(f);
}

static void a_streamed_request_is_written_in_pieces(void **state)
{
	struct fixture *f = start(ECHO, (struct http_pool_config){0});
	struct call *call = call_new(f, "POST", "/", STR(""));

	(void)state;
	call->c.body_streamed = true;
	call->c.request.framing = HTTP_CHUNKED;
	http_call_start(&call->c);
	connect_now(f);
	peer_turns(&f->loop, 4);
	assert_int_equal(call->drains, 1);
	assert_true(http_call_write(&call->c, STR("some ")));
	peer_turns(&f->loop, 4);
	assert_int_equal(http_call_pending(&call->c), 0);
	assert_true(http_call_write(&call->c, STR("pieces")));
	assert_true(http_call_write_end(&call->c));
	peer_turns(&f->loop, 4);
	assert_int_equal(call->dones, 1);
	assert_str_equal(buf_str(&call->got), STR("some pieces"));
	call_free(call);
	finish(f);
}

static void a_cancelled_call_resets_its_stream_only(void **state)
{
	struct fixture *f = start(LATER, (struct http_pool_config){0});
	struct call *a = call_new(f, "GET", "/a", STR("")), *b = call_new(f, "GET", "/b", STR(""));

	(void)state;
	http_call_start(&a->c);
	http_call_start(&b->c);
	connect_now(f);
	peer_turns(&f->loop, 4);
	assert_int_equal(f->n_held, 2);
	http_call_cancel(&a->c);
	peer_turns(&f->loop, 4);
	assert_null(f->held[0]); /* the server knows */
	http_respond(f->held[1], 200, NULL, 0, STR("b"));
	peer_turns(&f->loop, 4);
	assert_int_equal(b->dones, 1);
	assert_int_equal(a->dones + (int)a->failed, 0);
	call_free(a);
	a = call_new(f, "GET", "/c", STR(""));
	a->cancel = true; /* from inside on_head */
	http_call_start(&a->c);
	peer_turns(&f->loop, 4);
	http_respond(f->held[2], 200, NULL, 0, STR("c"));
	peer_turns(&f->loop, 4);
	assert_int_equal(a->heads, 1);
	assert_int_equal(a->dones, 0);
	assert_int_equal(f->dials, 1);
	call_free(a);
	call_free(b);
	finish(f);
}

static void a_timeout_ends_one_call(void **state)
{
	struct fixture *f = start(LATER, (struct http_pool_config){0});
	struct call *a = call_new(f, "GET", "/", STR("")), *b = call_new(f, "GET", "/", STR(""));

	(void)state;
	a->c.timeout = 30 * CLOCK_MS;
	http_call_start(&a->c);
	http_call_start(&b->c);
	connect_now(f);
	while (!a->failed) {
		assert_int_equal(loop_turn(&f->loop, 5, NULL), ERR_OK);
	}
	assert_int_equal(a->failed, HTTP_FAIL_TIMEOUT);
	peer_turns(&f->loop, 4);
	http_respond(f->held[1], 200, NULL, 0, STR("b"));
	peer_turns(&f->loop, 4);
	assert_int_equal(b->dones, 1);
	call_free(a);
	call_free(b);
	finish(f);
}

/* ---- upstreams that misbehave ---- */

/* One call whose server answers with these frames. */
static struct call *against(struct fixture *f, struct buf *frames)
{
	struct call *call = call_new(f, "POST", "/", STR("body"));

	f->by_hand = true;
	h2_put(frames, NGHTTP2_SETTINGS, 0, 0, STR(""));
	call->c.max_body = 100;
	http_call_start(&call->c);
	connect_now(f);
	peer_turns(&f->loop, 4);
	return call;
}

static void heads_and_bodies_that_break_rules_fail_the_call(void **state)
{
	static const struct {
		const char *head;
		size_t body;
		enum http_fail why;
	} cases[] = {
		{":status: 200\nconnection: close\n", 0, HTTP_FAIL_BAD},
		{":status: 200\ntransfer-encoding: chunked\n", 0, HTTP_FAIL_BAD},
		{":status: 2x0\n", 0, HTTP_FAIL_BAD},
		{":status: 200\n:path: /\n", 0, HTTP_FAIL_BAD},
		{":status: 200\n", 101, HTTP_FAIL_LIMIT},
		{":status: 200\ncontent-length: 7\n", 3, HTTP_FAIL_CLOSED},
	};
	static const char bytes[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture *f = start(ECHO, (struct http_pool_config){0});
		struct buf frames;
		struct call *call;

		buf_init(&frames, 1 << 20);
		call = against(f, &frames);
		h2_put_head(&frames, 1, NGHTTP2_FLAG_END_HEADERS, cases[i].head);
		h2_put(&frames, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1,
		       str_make(bytes, cases[i].body));
		(void)peer_exchange(&f->raw, &f->loop, buf_str(&frames));
		assert_int_equal(call->dones, 0);
		/* The library refuses some of it before we can, and resets the stream. */
		assert_true(call->failed == cases[i].why || call->failed == HTTP_FAIL_CLOSED);
		buf_done(&frames);
		call_free(call);
		finish(f);
	}
}

static void what_the_upstream_did_not_read_may_go_again(void **state)
{
	static const char last_stream_0[8];
	struct buf frames;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct fixture *f = start(ECHO, (struct http_pool_config){0});
		struct call *call;

		buf_init(&frames, 1 << 20);
		call = against(f, &frames);
		if (i == 0) {
			h2_put(&frames, NGHTTP2_RST_STREAM, 0, 1, str_make("\0\0\0\7", 4));
		} else if (i == 1) {
			h2_put(&frames, NGHTTP2_GOAWAY, 0, 0, str_make(last_stream_0, 8));
		} else {
			h2_put(&frames, NGHTTP2_RST_STREAM, 0, 1, str_make("\0\0\0\2", 4));
		}
		(void)peer_exchange(&f->raw, &f->loop, buf_str(&frames));
		assert_int_equal(call->failed, i == 2 ? HTTP_FAIL_CLOSED : HTTP_FAIL_RETRYABLE);
		buf_done(&frames);
		call_free(call);
		finish(f);
	}
}

static void interim_answers_are_skipped_and_bounded(void **state)
{
	(void)state;
	for (int n = 3; n < 20; n += 10) {
		struct fixture *f = start(ECHO, (struct http_pool_config){0});
		struct buf frames;
		struct call *call;

		buf_init(&frames, 1 << 20);
		call = against(f, &frames);
		for (int i = 0; i < n; i++) {
			h2_put_head(&frames, 1, NGHTTP2_FLAG_END_HEADERS, ":status: 103\n");
		}
		h2_put_head(&frames, 1, NGHTTP2_FLAG_END_HEADERS, ":status: 200\n");
		h2_put(&frames, NGHTTP2_DATA, 0, 1, STR("real"));
		h2_put_head(&frames, 1, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
			    "x-trailer: 1\n");
		(void)peer_exchange(&f->raw, &f->loop, buf_str(&frames));
		assert_int_equal(call->dones, n == 3);
		assert_int_equal(call->failed, n == 3 ? HTTP_FAIL_NONE : HTTP_FAIL_BAD);
		buf_done(&frames);
		call_free(call);
		finish(f);
	}
}

static void trailers_come_with_the_end_of_the_answer(void **state)
{
	struct fixture *f = start(EVENTS, (struct http_pool_config){0});
	struct call *call = call_new(f, "GET", "/", STR(""));

	(void)state;
	call->stream = true;
	http_call_start(&call->c);
	connect_now(f);
	peer_turns(&f->loop, 4);
	assert_true(http_respond_write(f->held[0], STR("body")));
	http_respond_trailers(f->held[0], STR("grpc-status: 0\r\ngrpc-message: \r\n"));
	http_respond_end(f->held[0]);
	peer_turns(&f->loop, 6);
	assert_int_equal(call->dones, 1);
	assert_str_equal(buf_str(&call->got), STR("body"));
	assert_str_equal(buf_str(&call->trailers), STR("grpc-status: 0\r\ngrpc-message: \r\n"));
	call_free(call);
	finish(f);
}

static void trailers_say_nothing_of_the_connection(void **state)
{
	struct fixture *f = start(ECHO, (struct http_pool_config){0});
	struct buf frames;
	struct call *call;

	(void)state;
	buf_init(&frames, 1 << 20);
	call = against(f, &frames);
	h2_put_head(&frames, 1, NGHTTP2_FLAG_END_HEADERS, ":status: 200\n");
	h2_put_head(&frames, 1, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
		    "trailer: x-kept\nx-kept: 1\n");
	(void)peer_exchange(&f->raw, &f->loop, buf_str(&frames));
	assert_int_equal(call->dones, 1);
	assert_str_equal(buf_str(&call->trailers), STR("x-kept: 1\r\n"));
	buf_done(&frames);
	call_free(call);
	finish(f);
}

static void floods_and_garbage_end_the_connection(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct fixture *f = start(ECHO, (struct http_pool_config){0});
		struct buf frames;
		struct call *call;

		buf_init(&frames, 1 << 20);
		call = against(f, &frames);
		for (int k = 0; k < 6000; k++) {
			if (i == 0) {
				h2_put(&frames, NGHTTP2_PING, 0, 0, STR("12345678"));
			} else if (i == 1) {
				buf_append(&frames, STR("HTTP/1.1 200 OK\r\n\r\n"));
			} else {
				h2_put(&frames, NGHTTP2_PUSH_PROMISE, 4, 1,
				       str_make("\0\0\0\2", 4));
			}
		}
		(void)peer_exchange(&f->raw, &f->loop, buf_str(&frames));
		peer_turns(&f->loop, 4);
		assert_int_equal(call->failed, HTTP_FAIL_CLOSED);
		assert_int_equal(http_pool_stats(f->pool)->conns, 0);
		buf_done(&frames);
		call_free(call);
		finish(f);
	}
}

static void a_lost_connection_fails_all_its_calls(void **state)
{
	struct fixture *f = start(LATER, (struct http_pool_config){0});
	struct call *a = call_new(f, "GET", "/", STR("")), *b = call_new(f, "GET", "/", STR(""));

	(void)state;
	http_call_start(&a->c);
	http_call_start(&b->c);
	connect_now(f);
	peer_turns(&f->loop, 4);
	http_server_drain(f->server, NULL); /* both still run: they are finished */
	peer_turns(&f->loop, 4);
	http_respond(f->held[0], 200, NULL, 0, STR("a"));
	peer_turns(&f->loop, 4);
	assert_int_equal(a->dones, 1);
	http_server_free(f->server);
	f->server = NULL;
	peer_turns(&f->loop, 4);
	assert_int_equal(b->failed, HTTP_FAIL_CLOSED);
	assert_int_equal(http_pool_stats(f->pool)->conns, 0);
	call_free(a);
	call_free(b);
	finish(f);
}

/* As a relay's: a head is one frame. */
static bool put_frame(void *user, struct buf *out, struct str frame)
{
	(void)user;
	if (frame.n > 4 && frame.p[3] == NGHTTP2_HEADERS &&
	    !(frame.p[4] & NGHTTP2_FLAG_END_HEADERS)) {
		return false;
	}
	buf_append(out, frame);
	return true;
}

static void a_head_that_a_relay_cannot_take_fails_its_own_call_only(void **state)
{
	static const struct http_wire wire = {.put_frame = put_frame};
	struct fixture *f = start(LATER, (struct http_pool_config){.wire = &wire});
	struct call *a = call_new(f, "GET", "/", STR("")), *b = call_new(f, "GET", "/", STR(""));
	struct http_field field = {STR("x-large"), {NULL, 0}};
	char *value = test_calloc(1, 20000);

	(void)state;
	memset(value, '~', 20000);
	field.value = str_make(value, 20000);
	b->c.request.fields = &field;
	b->c.request.n_fields = 1;
	http_call_start(&a->c);
	connect_now(f);
	peer_turns(&f->loop, 4);
	http_call_start(&b->c);
	peer_turns(&f->loop, 4);
	assert_int_equal(b->failed, HTTP_FAIL_INVALID);
	http_respond(f->held[0], 200, NULL, 0, STR("a"));
	peer_turns(&f->loop, 4);
	assert_int_equal(a->dones, 1);
	test_free(value);
	call_free(a);
	call_free(b);
	finish(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_calls_share_one_connection),
		cmocka_unit_test(calls_past_the_servers_limit_wait_their_turn),
		cmocka_unit_test(large_bodies_pass_both_ways),
		cmocka_unit_test(a_streamed_answer_can_be_paused),
		cmocka_unit_test(a_streamed_request_is_written_in_pieces),
		cmocka_unit_test(a_cancelled_call_resets_its_stream_only),
		cmocka_unit_test(a_timeout_ends_one_call),
		cmocka_unit_test(heads_and_bodies_that_break_rules_fail_the_call),
		cmocka_unit_test(what_the_upstream_did_not_read_may_go_again),
		cmocka_unit_test(interim_answers_are_skipped_and_bounded),
		cmocka_unit_test(trailers_come_with_the_end_of_the_answer),
		cmocka_unit_test(trailers_say_nothing_of_the_connection),
		cmocka_unit_test(floods_and_garbage_end_the_connection),
		cmocka_unit_test(a_lost_connection_fails_all_its_calls),
		cmocka_unit_test(a_head_that_a_relay_cannot_take_fails_its_own_call_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
