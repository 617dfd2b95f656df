/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "http/h2.h"
#include "http/server.h"
#include "tests/unit/http/h2_peer.h"

#define GET_HEAD  ":method: GET\n:scheme: http\n:path: /\n:authority: localhost\n"
#define POST_HEAD ":method: POST\n:scheme: http\n:path: /echo\n:authority: localhost\n"

enum { WHOLE = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM };

enum how { ECHO, LATER, SSE, EARLY, PAUSE, PAUSE_WHOLE, DROP, CUT, BIG };

struct fixture {
	struct loop loop;
	struct h2_lib *lib;
	struct http_server *server;
	struct peer peer;
	enum how how;
	struct http_req *held[200];
	unsigned n_held;
	struct buf streamed;
	struct buf to_send;
	int requests, completes, aborts, ends, drains;
	size_t answer;
};

static struct fixture *of(struct http_req *req)
{
	return http_server_user(req->server);
}

static void hold(struct http_req *req)
{
	struct fixture *f = of(req);

	assert_true(f->n_held < ARRAY_LEN(f->held));
	f->held[f->n_held++] = req;
}

static void on_request(struct http_req *req)
{
	struct fixture *f = of(req);

	f->requests++;
	switch (f->how) {
	case ECHO:
	case LATER:
	case SSE:
	case CUT:
	case BIG:
		return;
	case EARLY:
		http_respond(req, 401, NULL, 0, STR("no"));
		return;
	case PAUSE_WHOLE:
		http_body_pause(req, true);
		hold(req);
		return;
	case PAUSE:
		http_stream(req);
		http_body_pause(req, true);
		hold(req);
		return;
	case DROP:
		http_req_drop(req);
		return;
	}
}

static void on_body(struct http_req *req, struct str bytes)
{
	buf_append(&of(req)->streamed, bytes);
}

static void on_body_complete(struct http_req *req)
{
	struct fixture *f = of(req);
	struct http_field type = {STR("Content-Type"), STR("text/plain")};
	char *big;

	f->completes++;
	switch (f->how) {
	case ECHO:
	case PAUSE_WHOLE:
		http_respond(req, 200, &type, 1, req->body);
		return;
	case LATER:
		hold(req);
		return;
	case SSE:
		hold(req);
		assert_true(http_respond_begin(req, 200, &type, 1, -1));
		return;
	case CUT:
		assert_true(http_respond_begin(req, 200, &type, 1, 10));
		assert_true(http_respond_write(req, STR("half")));
		http_respond_end(req);
		return;
	case PAUSE:
		http_respond(req, 200, &type, 1, buf_str(&f->streamed));
		return;
	case BIG:
		big = test_calloc(1, f->answer);
		http_respond(req, 200, &type, 1, str_make(big, f->answer));
		test_free(big);
		return;
	case EARLY:
	case DROP:
		fail_msg("the request was over");
	}
}

static void on_drain(struct http_req *req)
{
	of(req)->drains++;
}

static void on_abort(struct http_req *req, bool gone)
{
	assert_true(gone);
	of(req)->aborts++;
}

static void on_end(struct http_req *req)
{
	struct fixture *f = of(req);

	f->ends++;
	for (unsigned i = 0; i < f->n_held; i++) {
		f->held[i] = f->held[i] == req ? NULL : f->held[i];
	}
}

static const struct http_handler handler = {
	.on_request = on_request,
	.on_body = on_body,
	.on_body_complete = on_body_complete,
	.on_drain = on_drain,
	.on_abort = on_abort,
	.on_end = on_end,
};

static struct fixture *start_with(enum how how, struct http_server_config c)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct net_peer who = {0};
	int other;

	f->how = how;
	buf_init(&f->streamed, 64 << 20);
	buf_init(&f->to_send, 64 << 20);
	assert_int_equal(h2_lib_load(&f->lib, NULL), ERR_OK);
	assert_int_equal(loop_init(&f->loop, NULL), ERR_OK);
	c.handler = &handler;
	c.user = f;
	c.h2 = f->lib;
	assert_int_equal(http_server_new(&f->loop, &c, &f->server, NULL), ERR_OK);
	peer_pair(&f->peer, &other);
	assert_int_equal(http_server_adopt(f->server, other, STR(""), &who, NULL), ERR_OK);
	buf_append(&f->to_send, STR(H2_PREFACE_TEXT));
	h2_put(&f->to_send, NGHTTP2_SETTINGS, 0, 0, STR(""));
	return f;
}

static struct fixture *start(enum how how)
{
	return start_with(how, (struct http_server_config){0});
}

static void finish(struct fixture *f)
{
	http_server_free(f->server);
	assert_int_equal(f->requests, f->ends);
	peer_done(&f->peer);
	buf_done(&f->streamed);
	buf_done(&f->to_send);
	loop_done(&f->loop);
	h2_lib_free(f->lib);
	test_free(f);
}

/* Sends what was put; all that ever came back. */
static struct str say(struct fixture *f)
{
	struct str got = peer_exchange(&f->peer, &f->loop, buf_str(&f->to_send));

	buf_clear(&f->to_send);
	return got;
}

static bool is_closed(const struct fixture *f)
{
	return f->peer.eof || f->peer.reset;
}

static void put_window(struct fixture *f, uint32_t stream, uint32_t more)
{
	const char by[4] = {(char)(more >> 24), (char)(more >> 16), (char)(more >> 8), (char)more};

	h2_put(&f->to_send, NGHTTP2_WINDOW_UPDATE, 0, stream, str_make(by, 4));
}

static void put_reset(struct fixture *f, uint32_t stream)
{
	h2_put(&f->to_send, NGHTTP2_RST_STREAM, 0, stream, str_make("\0\0\0\x08", 4));
}

/* :status of a stream's answer, 0 when there is none. All heads before it make the table. */
static int status_of(struct str got, uint32_t stream)
{
	nghttp2_hd_inflater *table;
	struct h2_frame f;
	int status = 0;

	assert_int_equal(nghttp2_hd_inflate_new(&table), 0);
	while (!status && h2_next(&got, &f)) {
		const uint8_t *at = (const uint8_t *)f.payload.p;
		size_t left = f.payload.n;
		int flags = 0;

		while (f.type == NGHTTP2_HEADERS && !(flags & NGHTTP2_HD_INFLATE_FINAL)) {
			nghttp2_nv nv;
			ssize_t n = nghttp2_hd_inflate_hd2(table, &nv, &flags, at, left, 1);

			assert_true(n >= 0);
			at += n;
			left -= (size_t)n;
			if ((flags & NGHTTP2_HD_INFLATE_EMIT) && f.stream == stream &&
			    nv.namelen == 7 && memcmp(nv.name, ":status", 7) == 0) {
				status = atoi((const char *)nv.value);
			}
		}
		(void)nghttp2_hd_inflate_end_headers(table);
	}
	nghttp2_hd_inflate_del(table);
	return status;
}

/* The error code of a frame; -1 when there is none. */
static int64_t code_of(struct str got, uint8_t type, uint32_t stream)
{
	struct h2_frame f;

	if (!h2_find(got, type, stream, 0, &f)) {
		return -1;
	}
	return type == NGHTTP2_GOAWAY ? h2_u32(str_from(f.payload, 4)) : h2_u32(f.payload);
}

static void streams_of_one_connection_are_requests(void **state)
{
	struct fixture *f = start(ECHO);
	struct buf body;
	bool ends;

	(void)state;
	buf_init(&body, 1000);
	h2_put_head(&f->to_send, 1, NGHTTP2_FLAG_END_HEADERS, POST_HEAD);
	h2_put_head(&f->to_send, 3, NGHTTP2_FLAG_END_HEADERS, POST_HEAD "content-length: 5\n");
	h2_put(&f->to_send, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, STR("three"));
	h2_put(&f->to_send, NGHTTP2_DATA, 0, 1, STR("o"));
	h2_put(&f->to_send, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, STR("ne"));
	say(f);
	assert_int_equal(status_of(buf_str(&f->peer.got), 1), 200);
	assert_int_equal(status_of(buf_str(&f->peer.got), 3), 200);
	assert_int_equal(h2_data(buf_str(&f->peer.got), 1, &body, &ends), 3);
	assert_true(ends);
	assert_int_equal(h2_data(buf_str(&f->peer.got), 3, &body, &ends), 5);
	assert_true(ends);
	assert_str_equal(buf_str(&body), STR("onethree"));
	assert_int_equal(http_server_stats(f->server)->conns, 1);
	assert_int_equal(http_server_stats(f->server)->busy, 0);
	buf_done(&body);
	finish(f);
}

static void every_split_of_the_preface_begins_http2(void **state)
{
	(void)state;
	for (size_t at = 1; at < 60; at += 7) {
		struct fixture *f = start(ECHO);
		struct str all;

		h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
		all = buf_str(&f->to_send);
		(void)peer_exchange(&f->peer, &f->loop, str_make(all.p, at));
		(void)peer_exchange(&f->peer, &f->loop, str_from(all, at));
		assert_int_equal(status_of(buf_str(&f->peer.got), 1), 200);
		finish(f);
	}
}

static void http1_is_served_beside_it_and_the_preface_refused_where_it_is_off(void **state)
{
	struct fixture *f = start(ECHO);
	struct http_server_config c = {.handler = &handler, .user = f};
	struct net_peer who = {0};
	struct http_server *plain;
	struct peer other;
	struct str got;
	int fd;

	(void)state;
	got = peer_exchange(&f->peer, &f->loop, STR("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
	assert_true(str_starts_with(got, STR("HTTP/1.1 200 OK\r\n")));
	got = say(f); /* HTTP/1.1 was begun: no preface any more */
	assert_true(str_has(got, "HTTP/1.1 400 "));

	assert_int_equal(http_server_new(&f->loop, &c, &plain, NULL), ERR_OK);
	peer_pair(&other, &fd);
	assert_int_equal(http_server_adopt(plain, fd, STR(""), &who, NULL), ERR_OK);
	got = peer_exchange(&other, &f->loop, STR(H2_PREFACE_TEXT));
	assert_true(str_starts_with(got, STR("HTTP/1.1 400 ")));
	peer_done(&other);
	http_server_free(plain);
	finish(f);
}

static void malformed_heads_are_reset_and_never_heard_of(void **state)
{
	static const char *const bad[] = {
		":method: GET\n:scheme: http\n:authority: localhost\n",            /* no path */
		":scheme: http\n:path: /\n:authority: localhost\n",                /* no method */
		":method: GET\n:path: /\n:authority: localhost\n",                 /* no scheme */
		":method: GET\n:scheme: http\n:path: x\n:authority: localhost\n",  /* not a path */
		":method: GET\n:scheme: ftp\n:path: /\n:authority: localhost\n",   /* not ours */
		":method: GET\n:scheme: http\n:path: /\n",                         /* no host */
		GET_HEAD "x: 1\n:path: /2\n",                                      /* late */
		GET_HEAD ":path: /2\n",                                            /* twice */
		GET_HEAD ":status: 200\n",                                         /* an answer's */
		GET_HEAD ":unknown: 1\n",                                          /* */
		GET_HEAD "Capital: 1\n",                                           /* */
		GET_HEAD "connection: close\n",                                    /* */
		GET_HEAD "transfer-encoding: chunked\n",                           /* */
		GET_HEAD "upgrade: websocket\n",                                   /* */
		GET_HEAD "keep-alive: 1\n",                                        /* */
		GET_HEAD "proxy-connection: close\n",                              /* */
		GET_HEAD "te: gzip\n",                                             /* */
		GET_HEAD "host: other\n",                                          /* which one? */
		GET_HEAD "x y: 1\n",                                               /* */
		GET_HEAD "x: a\rb\n",                                              /* */
		":method: GET\n:scheme: http\n:path: / HTTP/1.1\n:authority: a\n", /* */
		":method: GE T\n:scheme: http\n:path: /\n:authority: localhost\n", /* */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fixture *f = start(ECHO);

		h2_put_head(&f->to_send, 1, WHOLE, bad[i]);
		h2_put_head(&f->to_send, 3, WHOLE, GET_HEAD);
		say(f);
		assert_int_equal(code_of(buf_str(&f->peer.got), NGHTTP2_RST_STREAM, 1),
				 NGHTTP2_PROTOCOL_ERROR);
		assert_int_equal(status_of(buf_str(&f->peer.got), 3), 200); /* others go on */
		assert_int_equal(f->requests, 1);
		finish(f);
	}
}

static void what_http1_answers_with_a_fault_http2_does(void **state)
{
	static const struct {
		const char *head;
		int status;
	} cases[] = {
		{GET_HEAD "content-type: a/b\ncontent-type: a/c\n", 400}, /* only once */
		{":method: CONNECT\n:authority: example.org:443\n", 501},
		{POST_HEAD "content-length: 99999999\n", 413},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture *f = start(ECHO);

		h2_put_head(&f->to_send, 1, NGHTTP2_FLAG_END_HEADERS, cases[i].head);
		say(f);
		assert_int_equal(status_of(buf_str(&f->peer.got), 1), cases[i].status);
		assert_int_equal(f->requests, 0);
		/* What is still to come of the request is of no use. */
		assert_int_equal(code_of(buf_str(&f->peer.got), NGHTTP2_RST_STREAM, 1),
				 NGHTTP2_NO_ERROR);
		finish(f);
	}
}

static void heads_and_bodies_have_the_limits_of_http1(void **state)
{
	struct fixture *f = start_with(ECHO, (struct http_server_config){.max_body = 1000});
	char line[200];

	(void)state;
	buf_append(&f->to_send, STR(""));
	for (uint32_t stream = 1; stream <= 3; stream += 2) {
		struct buf block;

		/* 3: 200 fields, within 16 KiB; 1: more than 16 KiB */
		buf_init(&block, 1 << 20);
		h2_block(&block, GET_HEAD);
		for (int i = 0; i < 200; i++) {
			(void)snprintf(line, sizeof(line), "x-%d: %.*s\n", i, stream == 1 ? 100 : 1,
				       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
				       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
			h2_block(&block, line);
		}
		if (buf_len(&block) > 16384) {
			struct str all = buf_str(&block);

			h2_put(&f->to_send, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, stream,
			       str_make(all.p, 16384));
			h2_put(&f->to_send, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, stream,
			       str_from(all, 16384));
		} else {
			h2_put(&f->to_send, NGHTTP2_HEADERS, WHOLE, stream, buf_str(&block));
		}
		buf_done(&block);
	}
	h2_put_head(&f->to_send, 5, NGHTTP2_FLAG_END_HEADERS, POST_HEAD);
	h2_put(&f->to_send, NGHTTP2_DATA, 0, 5, str_make(line, 200));
	for (int i = 0; i < 5; i++) {
		h2_put(&f->to_send, NGHTTP2_DATA, 0, 5, str_make(line, 200));
	}
	say(f);
	assert_int_equal(f->requests, 1); /* the one of 5, before its body was too large */
	assert_int_equal(f->completes, 0);
	for (uint32_t stream = 1; stream <= 5; stream += 2) {
		assert_int_equal(status_of(buf_str(&f->peer.got), stream), stream == 5 ? 413 : 431);
	}
	finish(f);
}

static void a_paused_body_holds_its_sender_and_nobody_else(void **state)
{
	struct fixture *f = start(PAUSE);
	static const char piece[16384];
	struct h2_frame w;
	bool ends;

	(void)state;
	h2_put_head(&f->to_send, 1, NGHTTP2_FLAG_END_HEADERS, POST_HEAD);
	for (int i = 0; i < 3; i++) {
		h2_put(&f->to_send, NGHTTP2_DATA, 0, 1, str_make(piece, sizeof(piece)));
	}
	say(f);
	assert_int_equal(buf_len(&f->streamed), 0);
	assert_false(h2_find(buf_str(&f->peer.got), NGHTTP2_WINDOW_UPDATE, 1, 0, &w));
	http_body_pause(f->held[0], false);
	peer_turns(&f->loop, 3);
	assert_int_equal(buf_len(&f->streamed), 3 * sizeof(piece));
	say(f); /* nothing: the window comes by itself */
	assert_true(h2_find(buf_str(&f->peer.got), NGHTTP2_WINDOW_UPDATE, 1, 0, &w));
	h2_put(&f->to_send, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, STR("end"));
	say(f);
	put_window(f, 0, 1 << 20);
	put_window(f, 1, 1 << 20);
	say(f);
	assert_int_equal(h2_data(buf_str(&f->peer.got), 1, NULL, &ends), 3 * sizeof(piece) + 3);
	assert_true(ends);
	finish(f);
}

static void a_collected_body_can_be_paused_too(void **state)
{
	struct fixture *f = start(PAUSE_WHOLE);
	struct buf body;
	bool ends;

	(void)state;
	buf_init(&body, 1000);
	h2_put_head(&f->to_send, 1, NGHTTP2_FLAG_END_HEADERS, POST_HEAD);
	h2_put(&f->to_send, NGHTTP2_DATA, 0, 1, STR("all of "));
	h2_put(&f->to_send, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, STR("it"));
	say(f);
	assert_int_equal(f->completes, 0);
	http_body_pause(f->held[0], false);
	say(f);
	assert_int_equal(h2_data(buf_str(&f->peer.got), 1, &body, &ends), 9);
	assert_str_equal(buf_str(&body), STR("all of it"));
	assert_int_equal(buf_len(&f->streamed), 0);
	buf_done(&body);
	finish(f);
}

static void an_answer_waits_for_the_readers_window(void **state)
{
	struct fixture *f = start(BIG);
	bool ends;

	(void)state;
	f->answer = 300000;
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	say(f);
	assert_int_equal(h2_data(buf_str(&f->peer.got), 1, NULL, &ends), 65535);
	assert_int_equal(f->ends, 1); /* for the handler it is over */
	put_window(f, 0, 1 << 20);
	put_window(f, 1, 100000);
	say(f);
	assert_int_equal(h2_data(buf_str(&f->peer.got), 1, NULL, &ends), 165535);
	put_window(f, 1, 1000000);
	say(f);
	assert_int_equal(h2_data(buf_str(&f->peer.got), 1, NULL, &ends), 300000);
	assert_true(ends);
	finish(f);
}

static void turns_for(struct loop *l, int ms)
{
	uint64_t until = clock_mono() + (uint64_t)ms * CLOCK_MS;

	while (clock_mono() < until) {
		assert_int_equal(loop_turn(l, 5, NULL), ERR_OK);
	}
}

static void who_never_opens_the_window_is_reset(void **state)
{
	struct fixture *f =
		start_with(BIG, (struct http_server_config){.write_timeout = 50 * CLOCK_MS});

	(void)state;
	f->answer = 300000;
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	say(f);
	while (code_of(buf_str(&f->peer.got), NGHTTP2_RST_STREAM, 1) < 0 && !is_closed(f)) {
		turns_for(&f->loop, 10);
		say(f);
	}
	assert_int_equal(http_server_stats(f->server)->busy, 0);
	finish(f);
}

static void a_streamed_answer_is_data_frames(void **state)
{
	struct fixture *f = start(SSE);
	struct buf body;
	bool ends;

	(void)state;
	buf_init(&body, 1000);
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	say(f);
	assert_int_equal(status_of(buf_str(&f->peer.got), 1), 200); /* at once, before any data */
	assert_true(http_respond_write(f->held[0], STR("data: 1\n\n")));
	peer_turns(&f->loop, 3);
	assert_int_equal(http_respond_pending(f->held[0]), 0);
	assert_int_equal(f->drains, 1);
	assert_true(http_respond_write(f->held[0], STR("data: 2\n\n")));
	http_respond_end(f->held[0]);
	say(f);
	assert_int_equal(h2_data(buf_str(&f->peer.got), 1, &body, &ends), 18);
	assert_str_equal(buf_str(&body), STR("data: 1\n\ndata: 2\n\n"));
	assert_true(ends);
	buf_done(&body);
	finish(f);
}

static void a_handler_hears_when_a_slow_reader_has_caught_up(void **state)
{
	struct fixture *f = start(SSE);
	char *big = test_calloc(1, 300000);

	(void)state;
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	say(f);
	assert_true(http_respond_write(f->held[0], str_make(big, 300000)));
	say(f);
	assert_int_equal(f->drains, 0);
	assert_true(http_respond_pending(f->held[0]) > HTTP_HIGH_WATER / 4);
	put_window(f, 0, 1 << 20);
	put_window(f, 1, 1 << 20);
	say(f);
	assert_int_equal(f->drains, 1);
	test_free(big);
	finish(f);
}

static void trailers_end_the_stream_behind_its_body(void **state)
{
	struct fixture *f = start(SSE);
	struct h2_frame last;
	bool ends;

	(void)state;
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	say(f);
	assert_true(http_respond_write(f->held[0], STR("data")));
	http_respond_trailers(f->held[0], STR("x-checksum: 17\r\nx-empty: \r\n"));
	http_respond_end(f->held[0]);
	say(f);
	assert_int_equal(h2_data(buf_str(&f->peer.got), 1, NULL, &ends), 4);
	assert_false(ends);
	assert_true(h2_find(buf_str(&f->peer.got), NGHTTP2_HEADERS, 1, 1, &last));
	assert_int_equal(last.flags, NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS);
	assert_int_equal(f->ends, 1);
	finish(f);
}

static void an_answer_that_stops_short_is_reset_and_not_ended(void **state)
{
	struct fixture *f = start(CUT);
	bool ends;

	(void)state;
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	say(f);
	(void)h2_data(buf_str(&f->peer.got), 1, NULL, &ends);
	assert_false(ends);
	assert_int_equal(code_of(buf_str(&f->peer.got), NGHTTP2_RST_STREAM, 1),
			 NGHTTP2_INTERNAL_ERROR);
	finish(f);
}

static void a_reset_is_an_abort_of_its_request_only(void **state)
{
	struct fixture *f = start(LATER);

	(void)state;
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	h2_put_head(&f->to_send, 3, WHOLE, GET_HEAD);
	say(f);
	put_reset(f, 1);
	say(f);
	assert_int_equal(f->aborts, 1);
	assert_int_equal(f->ends, 0); /* the handler ends it, when it likes */
	http_respond(f->held[0], 200, NULL, 0, STR("into the void"));
	http_respond(f->held[1], 200, NULL, 0, STR("here"));
	say(f);
	assert_int_equal(status_of(buf_str(&f->peer.got), 1), 0);
	assert_int_equal(status_of(buf_str(&f->peer.got), 3), 200);
	assert_int_equal(f->aborts, 1);
	finish(f);
}

static void a_lost_connection_is_an_abort_of_all(void **state)
{
	struct fixture *f = start(LATER);

	(void)state;
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	h2_put_head(&f->to_send, 3, WHOLE, GET_HEAD);
	h2_put_head(&f->to_send, 5, NGHTTP2_FLAG_END_HEADERS, POST_HEAD);
	say(f);
	peer_done(&f->peer);
	peer_turns(&f->loop, 4);
	assert_int_equal(f->aborts, 2);
	assert_int_equal(f->ends, 1); /* whose body was incomplete */
	assert_int_equal(http_server_stats(f->server)->conns, 1);
	http_req_drop(f->held[0]);
	http_respond(f->held[1], 200, NULL, 0, STR(""));
	peer_turns(&f->loop, 2);
	assert_int_equal(http_server_stats(f->server)->conns, 0);
	finish(f);
}

/* CVE-2023-44487: the client opens and resets at once, so that its limit of streams never binds. */
static void rapid_resets_end_the_connection(void **state)
{
	struct fixture *f = start(LATER);

	(void)state;
	for (uint32_t i = 0; i < 500; i++) {
		h2_put_head(&f->to_send, 1 + 2 * i, WHOLE, GET_HEAD);
		put_reset(f, 1 + 2 * i);
	}
	say(f);
	assert_int_equal(code_of(buf_str(&f->peer.got), NGHTTP2_GOAWAY, 0),
			 NGHTTP2_ENHANCE_YOUR_CALM);
	assert_true(is_closed(f));
	assert_in_range(f->requests, 1, 101);
	finish(f);
}

/* A handler that still works for clients that have gone must not work for ever more of them. */
static void requests_whose_client_has_gone_count_as_streams(void **state)
{
	struct fixture *f = start(LATER);
	struct h2_frame r = {0};

	(void)state;
	for (uint32_t i = 0; i < 60; i++) {
		h2_put_head(&f->to_send, 1 + 2 * i, WHOLE, GET_HEAD);
		put_reset(f, 1 + 2 * i);
	}
	for (uint32_t i = 60; i < 120; i++) {
		h2_put_head(&f->to_send, 1 + 2 * i, WHOLE, GET_HEAD);
	}
	say(f);
	assert_int_equal(f->requests, 100);
	assert_true(h2_find(buf_str(&f->peer.got), NGHTTP2_RST_STREAM, 1 + 2 * 100, 0, &r));
	assert_int_equal(h2_u32(r.payload), NGHTTP2_REFUSED_STREAM);
	finish(f);
}

static void floods_of_frames_without_content_end_the_connection(void **state)
{
	static const struct {
		uint8_t type;
		struct str payload;
	} floods[] = {
		{NGHTTP2_PING, STR_INIT("12345678")},
		{NGHTTP2_SETTINGS, STR_INIT("")},
		{NGHTTP2_PRIORITY, STR_INIT("\0\0\0\0\1")},
		{NGHTTP2_WINDOW_UPDATE, STR_INIT("\0\0\0\1")},
		{NGHTTP2_DATA, STR_INIT("")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
		struct fixture *f = start(ECHO);
		bool per_stream =
			floods[i].type == NGHTTP2_DATA || floods[i].type == NGHTTP2_PRIORITY;

		h2_put_head(&f->to_send, 1, NGHTTP2_FLAG_END_HEADERS, POST_HEAD);
		for (int k = 0; k < 6000; k++) {
			h2_put(&f->to_send, floods[i].type, 0, per_stream ? 1 : 0,
			       floods[i].payload);
		}
		say(f);
		assert_true(is_closed(f));
		assert_int_equal(code_of(buf_str(&f->peer.got), NGHTTP2_GOAWAY, 0),
				 NGHTTP2_ENHANCE_YOUR_CALM);
		assert_int_equal(http_server_stats(f->server)->conns, 0);
		finish(f);
	}
}

/* CVE-2024-28182 */
static void endless_continuation_ends_the_connection(void **state)
{
	struct fixture *f = start(ECHO);

	(void)state;
	h2_put_head(&f->to_send, 1, NGHTTP2_FLAG_END_STREAM, GET_HEAD);
	for (int i = 0; i < 1000; i++) {
		h2_put(&f->to_send, NGHTTP2_CONTINUATION, 0, 1, str_make("\0\1x\1y", 5));
	}
	say(f);
	assert_true(is_closed(f));
	assert_int_equal(f->requests, 0);
	finish(f);
}

static void slow_heads_and_bodies_are_cut_off(void **state)
{
	struct fixture *f =
		start_with(ECHO, (struct http_server_config){.head_timeout = 40 * CLOCK_MS,
							     .body_timeout = 40 * CLOCK_MS});

	(void)state;
	h2_put_head(&f->to_send, 1, NGHTTP2_FLAG_END_HEADERS, POST_HEAD);
	say(f);
	while (status_of(say(f), 1) == 0) {
		turns_for(&f->loop, 10);
	}
	assert_int_equal(status_of(buf_str(&f->peer.got), 1), 408);
	assert_false(is_closed(f));
	h2_put_head(&f->to_send, 3, NGHTTP2_FLAG_END_STREAM, GET_HEAD); /* more is announced */
	say(f);
	while (!is_closed(f)) { /* its fields would hold up every other stream */
		turns_for(&f->loop, 10);
		say(f);
	}
	finish(f);
}

static void early_answers_and_drops_leave_the_connection_to_others(void **state)
{
	struct fixture *f = start(EARLY);

	(void)state;
	h2_put_head(&f->to_send, 1, NGHTTP2_FLAG_END_HEADERS, POST_HEAD);
	say(f);
	assert_int_equal(status_of(buf_str(&f->peer.got), 1), 401);
	assert_int_equal(code_of(buf_str(&f->peer.got), NGHTTP2_RST_STREAM, 1), NGHTTP2_NO_ERROR);
	f->how = DROP;
	h2_put_head(&f->to_send, 3, WHOLE, GET_HEAD);
	say(f);
	assert_int_equal(code_of(buf_str(&f->peer.got), NGHTTP2_RST_STREAM, 3),
			 NGHTTP2_INTERNAL_ERROR);
	f->how = ECHO;
	h2_put_head(&f->to_send, 5, WHOLE, GET_HEAD);
	say(f);
	assert_int_equal(status_of(buf_str(&f->peer.got), 5), 200);
	finish(f);
}

static void a_draining_server_finishes_what_runs(void **state)
{
	struct fixture *f = start(LATER);

	(void)state;
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	say(f);
	http_server_drain(f->server, NULL);
	say(f);
	assert_int_equal(code_of(buf_str(&f->peer.got), NGHTTP2_GOAWAY, 0), NGHTTP2_NO_ERROR);
	assert_false(is_closed(f));
	http_respond(f->held[0], 200, NULL, 0, STR("done"));
	say(f);
	assert_int_equal(status_of(buf_str(&f->peer.got), 1), 200);
	say(f);
	assert_true(is_closed(f));
	assert_int_equal(http_server_stats(f->server)->conns, 0);
	finish(f);
}

static void a_stream_cannot_be_given_away(void **state)
{
	struct fixture *f = start(LATER);
	struct str bytes;
	int fd;

	(void)state;
	h2_put_head(&f->to_send, 1, WHOLE, GET_HEAD);
	say(f);
	assert_int_equal(http_req_detach(f->held[0], &fd, &bytes, NULL), ERR_UNSUPPORTED);
	finish(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_of_one_connection_are_requests),
		cmocka_unit_test(every_split_of_the_preface_begins_http2),
		cmocka_unit_test(http1_is_served_beside_it_and_the_preface_refused_where_it_is_off),
		cmocka_unit_test(malformed_heads_are_reset_and_never_heard_of),
		cmocka_unit_test(what_http1_answers_with_a_fault_http2_does),
		cmocka_unit_test(heads_and_bodies_have_the_limits_of_http1),
		cmocka_unit_test(a_paused_body_holds_its_sender_and_nobody_else),
		cmocka_unit_test(a_collected_body_can_be_paused_too),
		cmocka_unit_test(an_answer_waits_for_the_readers_window),
		cmocka_unit_test(who_never_opens_the_window_is_reset),
		cmocka_unit_test(a_streamed_answer_is_data_frames),
		cmocka_unit_test(a_handler_hears_when_a_slow_reader_has_caught_up),
		cmocka_unit_test(trailers_end_the_stream_behind_its_body),
		cmocka_unit_test(an_answer_that_stops_short_is_reset_and_not_ended),
		cmocka_unit_test(a_reset_is_an_abort_of_its_request_only),
		cmocka_unit_test(a_lost_connection_is_an_abort_of_all),
		cmocka_unit_test(rapid_resets_end_the_connection),
		cmocka_unit_test(requests_whose_client_has_gone_count_as_streams),
		cmocka_unit_test(floods_of_frames_without_content_end_the_connection),
		cmocka_unit_test(endless_continuation_ends_the_connection),
		cmocka_unit_test(slow_heads_and_bodies_are_cut_off),
		cmocka_unit_test(early_answers_and_drops_leave_the_connection_to_others),
		cmocka_unit_test(a_draining_server_finishes_what_runs),
		cmocka_unit_test(a_stream_cannot_be_given_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
