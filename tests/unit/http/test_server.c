/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "http/server.h"
#include "tests/unit/http/peer.h"

#define HEAD      "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

enum how { ECHO, EARLY, STREAM_IN, LATER, SSE, BRIEF, DETACH, DROP, PAUSE, SWITCH };

struct fixture {
	struct loop loop;
	struct http_server *server;
	struct peer peer;
	enum how how;
	struct http_req *held;
	struct buf streamed;
	int requests, completes, aborts_half, aborts_gone, ends, drains;
	int taken_fd;
	struct buf taken;
	uint64_t limit;
};

static struct fixture *of(struct http_req *req)
{
	return http_server_user(req->server);
}

static void on_request(struct http_req *req)
{
	struct fixture *f = of(req);
	struct str bytes;

	f->requests++;
	switch (f->how) {
	case ECHO:
	case LATER:
	case SSE:
	case BRIEF:
		http_collect(req, f->limit);
		return;
	case EARLY:
		http_respond(req, 401, NULL, 0, STR("no"));
		return;
	case STREAM_IN:
	case SWITCH:
		http_stream(req);
		return;
	case PAUSE:
		http_stream(req);
		http_body_pause(req, true);
		f->held = req;
		return;
	case DETACH:
		assert_int_equal(http_req_detach(req, &f->taken_fd, &bytes, NULL), ERR_OK);
		buf_append(&f->taken, bytes);
		http_req_drop(req);
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

	f->completes++;
	switch (f->how) {
	case ECHO:
		http_respond(req, 200, &type, 1, req->body);
		return;
	case STREAM_IN:
	case PAUSE:
		http_respond(req, 200, &type, 1, buf_str(&f->streamed));
		return;
	case SSE:
		f->held = req;
		assert_true(http_respond_begin(req, 200, &type, 1, -1));
		return;
	case SWITCH:
		f->held = req;
		if (!http_respond_switch(req, STR("websocket"), NULL, 0)) {
			http_respond(req, 501, NULL, 0, STR(""));
		}
		return;
	case LATER:
		f->held = req;
		return;
	case BRIEF:
		assert_true(http_respond_begin(req, 200, &type, 1, -1));
		http_respond_end(req);
		return;
	case EARLY:
	case DETACH:
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
	struct fixture *f = of(req);

	f->aborts_half += !gone;
	f->aborts_gone += gone;
}

static void on_end(struct http_req *req)
{
	of(req)->ends++;
	of(req)->held = NULL;
}

static const struct http_handler handler = {
	.on_request = on_request,
	.on_body = on_body,
	.on_body_complete = on_body_complete,
	.on_drain = on_drain,
	.on_abort = on_abort,
	.on_end = on_end,
};

static void connect_peer(struct fixture *f, struct peer *p, struct str bytes)
{
	struct net_peer who = {0};
	int other;

	peer_pair(p, &other);
	assert_int_equal(http_server_adopt(f->server, other, bytes, &who, NULL), ERR_OK);
}

static struct fixture *start_with(enum how how, struct http_server_config c)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->how = how;
	buf_init(&f->streamed, 64 << 20);
	buf_init(&f->taken, 1 << 20);
	assert_int_equal(loop_init(&f->loop, NULL), ERR_OK);
	c.handler = &handler;
	c.user = f;
	assert_int_equal(http_server_new(&f->loop, &c, &f->server, NULL), ERR_OK);
	connect_peer(f, &f->peer, str_make(NULL, 0));
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
	buf_done(&f->taken);
	loop_done(&f->loop);
	test_free(f);
}

static struct str say(struct fixture *f, const char *text)
{
	return peer_exchange(&f->peer, &f->loop, str_from_c(text));
}

static void sleep_ms(struct loop *l, int ms)
{
	uint64_t until = clock_mono() + (uint64_t)ms * CLOCK_MS;

	while (clock_mono() < until) {
		assert_int_equal(loop_turn(l, 5, NULL), ERR_OK);
	}
}

static void a_request_is_answered_and_the_connection_kept(void **state)
{
	struct fixture *f = start(ECHO);
	struct str got = say(f, HEAD "Content-Length: 5\r\n\r\nhello");

	(void)state;
	assert_true(str_starts_with(got, STR("HTTP/1.1 200 OK\r\nDate: ")));
	assert_true(str_has(got, " GMT\r\nContent-Type: text/plain\r\n"
				 "Content-Length: 5\r\n\r\nhello"));
	got = say(f, HEAD "Content-Length: 3\r\n\r\nyou");
	assert_true(str_ends_with(got, STR("\r\n\r\nyou")));
	assert_int_equal(f->requests, 2);
	assert_int_equal(http_server_stats(f->server)->conns, 1);
	assert_int_equal(http_server_stats(f->server)->busy, 0);
	finish(f);
}

static void every_split_of_a_request_gives_the_same_answer(void **state)
{
	static const char text[] = HEAD "Transfer-Encoding: chunked\r\n\r\n"
					"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: 1\r\n\r\n";

	(void)state;
	for (size_t at = 1; at < sizeof(text) - 1; at++) {
		struct fixture *f = start(ECHO);
		struct str got;

		assert_true(peer_send(&f->peer, &f->loop, str_make(text, at)));
		got = say(f, text + at);
		assert_true(str_ends_with(got, STR("Content-Length: 7\r\n\r\nabcdefg")));
		finish(f);
	}
}

static void pipelined_requests_are_answered_one_by_one_in_order(void **state)
{
	struct fixture *f = start(LATER);
	struct str got =
		say(f, HEAD "Content-Length: 1\r\n\r\n1" HEAD "Content-Length: 1\r\n\r\n2" HEAD
			    "Content-Length: 1\r\n\r\n3");

	(void)state;
	assert_int_equal(got.n, 0);
	for (int i = 1; i <= 3; i++) {
		char want = (char)('0' + i);

		assert_int_equal(f->requests, i);
		assert_non_null(f->held);
		http_respond(f->held, 200, NULL, 0, str_make(&want, 1));
		got = say(f, "");
		assert_int_equal(got.p[got.n - 1], want);
		assert_int_equal(str_count(got, "HTTP/1.1 200"), i);
	}
	finish(f);
}

static void a_flood_of_pipelined_requests_waits_in_the_socket(void **state)
{
	struct fixture *f = start(LATER);
	struct buf flood;
	int sent = 0;

	(void)state;
	buf_init(&flood, 1 << 20);
	for (int i = 0; i < 2000; i++) {
		buf_append(&flood, STR(GET("/")));
	}
	while (sent < 4) {
		ssize_t r = send(f->peer.fd, flood.p, buf_len(&flood), MSG_NOSIGNAL);

		peer_turns(&f->loop, 5);
		if (r < 0) {
			sent++;
		}
	}
	assert_int_equal(f->requests, 1);
	f->how = ECHO;
	http_respond(f->held, 200, NULL, 0, STR("x"));
	for (int i = 0; i < 3000; i++) {
		peer_turns(&f->loop, 1);
		peer_recv(&f->peer);
	}
	assert_true(f->requests > 500);
	assert_int_equal(str_count(buf_str(&f->peer.got), "HTTP/1.1 200"), f->requests);
	buf_done(&flood);
	finish(f);
}

static void a_malformed_head_gets_its_status_and_a_closed_connection(void **state)
{
	static const struct {
		const char *text, *status;
	} rows[] = {
		{"GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400 "},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 "},
		{HEAD "Transfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 "},
		{HEAD "Expect: magic\r\n\r\n", "HTTP/1.1 417 "},
		{HEAD "Content-Length: 99999999999\r\n\r\n", "HTTP/1.1 413 "},
		{HEAD "Transfer-Encoding: chunked\r\n\r\n0x1\r\n", "HTTP/1.1 400 "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = start(ECHO);
		struct str got = say(f, rows[i].text);

		assert_true(str_starts_with(got, str_from_c(rows[i].status)));
		assert_true(str_has(got, "Connection: close\r\n\r\n"));
		assert_true(f->peer.eof);
		finish(f);
	}
}

static void a_head_without_end_is_refused_at_its_limit(void **state)
{
	struct fixture *f = start(ECHO);
	char line[1024];
	struct str got;

	(void)state;
	assert_true(peer_send(&f->peer, &f->loop, STR("GET / HTTP/1.1\r\nHost: a\r\n")));
	for (int i = 0; i < 17; i++) {
		memset(line, 'x', sizeof(line));
		memcpy(line, "A: ", 3);
		memcpy(line + sizeof(line) - 2, "\r\n", 2);
		(void)peer_send(&f->peer, &f->loop, str_make(line, sizeof(line)));
	}
	got = say(f, "");
	assert_true(str_starts_with(got, STR("HTTP/1.1 431 ")));
	assert_int_equal(f->requests, 0);
	finish(f);
}

static void send_body(struct fixture *f, size_t n)
{
	char piece[10000];

	for (size_t done = 0; done < n;) {
		size_t k = n - done < sizeof(piece) ? n - done : sizeof(piece);

		for (size_t i = 0; i < k; i++) {
			piece[i] = (char)((done + i) * 7 % 251);
		}
		if (!peer_send(&f->peer, &f->loop, str_make(piece, k))) {
			return;
		}
		done += k;
		peer_recv(&f->peer);
	}
}

static bool is_body(struct str s, size_t n)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != (char)(i * 7 % 251)) {
			return false;
		}
	}
	return s.n == n;
}

static void a_large_body_comes_back_whole(void **state)
{
	static const size_t sizes[] = {3000, 4096, 5000, 32768, 65536, 65537, 1000000, 5000000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct fixture *f = start(i % 2 ? ECHO : STREAM_IN);
		char head[200];
		struct str got;
		size_t at;

		(void)snprintf(head, sizeof(head), HEAD "Content-Length: %zu\r\n\r\n", sizes[i]);
		assert_true(peer_send(&f->peer, &f->loop, str_from_c(head)));
		send_body(f, sizes[i]);
		for (int k = 0; k < 2000; k++) {
			peer_turns(&f->loop, 1);
			peer_recv(&f->peer);
		}
		got = buf_str(&f->peer.got);
		at = str_find_str(got, STR("\r\n\r\n"));
		assert_true(is_body(str_from(got, at + 4), sizes[i]));
		buf_clear(&f->peer.got);
		got = say(f, HEAD "Content-Length: 0\r\n\r\n"); /* the connection goes on */
		assert_true(str_has(got, "200 OK"));
		finish(f);
	}
}

static void a_body_past_the_limit_is_refused_even_without_a_length(void **state)
{
	struct fixture *f = start_with(ECHO, (struct http_server_config){.max_body = 10000});
	struct str got;

	(void)state;
	assert_true(peer_send(&f->peer, &f->loop,
			      STR(HEAD "Transfer-Encoding: chunked\r\n\r\n100000\r\n")));
	send_body(f, 30000);
	got = say(f, "");
	assert_true(str_starts_with(got, STR("HTTP/1.1 413 ")));
	assert_int_equal(f->ends, 1);
	assert_int_equal(f->completes, 0);
	finish(f);

	f = start(ECHO);
	f->limit = 100;
	got = say(f, HEAD "Content-Length: 101\r\n\r\n");
	assert_true(str_starts_with(got, STR("HTTP/1.1 413 ")));
	finish(f);
}

static void after_a_switch_bytes_pass_as_they_are_until_a_side_ends(void **state)
{
	struct fixture *f =
		start_with(SWITCH, (struct http_server_config){.body_timeout = 20 * CLOCK_MS});
	struct str got = say(f, GET("/ws") "first");

	(void)state;
	assert_true(str_eq(got, STR("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
				    "Upgrade: websocket\r\n\r\n")));
	assert_true(str_eq(buf_str(&f->streamed), STR("first")));
	sleep_ms(&f->loop, 60); /* silence is no fault */
	assert_true(http_respond_write(f->held, STR("down")));
	got = say(f, GET("/never-a-request"));
	assert_true(str_ends_with(got, STR("down")));
	assert_int_equal(f->requests, 1);
	assert_true(str_ends_with(buf_str(&f->streamed), STR(GET("/never-a-request"))));
	http_respond_end(f->held);
	peer_turns(&f->loop, 3);
	assert_int_equal(f->ends, 1);
	finish(f);

	f = start(SWITCH);
	(void)say(f, GET("/ws"));
	peer_done(&f->peer);
	peer_turns(&f->loop, 3);
	assert_int_equal(f->ends, 1); /* the client's end is the end */
	finish(f);

	f = start(SWITCH);
	got = say(f, "GET / HTTP/1.0\r\nHost: x\r\n\r\n");
	assert_true(str_has(got, " 501 "));
	finish(f);
}

static void an_answer_before_the_body_closes_unless_the_body_is_there(void **state)
{
	struct fixture *f = start(EARLY);
	struct str got = say(f, HEAD "Content-Length: 100000\r\n\r\nabc");

	(void)state;
	assert_true(str_has(got, "401 Unauthorized"));
	assert_true(str_has(got, "Connection: close\r\n"));
	assert_true(f->peer.eof);
	send_body(f, 90000); /* is read and thrown away, so that the answer is not reset */
	peer_recv(&f->peer);
	assert_false(f->peer.reset);
	finish(f);

	f = start(EARLY);
	got = say(f, HEAD "Content-Length: 3\r\n\r\nabc" HEAD "Content-Length: 3\r\n\r\nabc");
	assert_int_equal(str_count(got, "401 Unauthorized"), 2);
	assert_false(str_has(got, "Connection: close"));
	finish(f);
}

static void a_client_that_waits_is_told_to_continue(void **state)
{
	struct fixture *f = start(ECHO);
	struct str got = say(f, HEAD "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");

	(void)state;
	assert_str_equal(got, STR("HTTP/1.1 100 Continue\r\n\r\n"));
	got = say(f, "ok");
	assert_true(str_ends_with(got, STR("\r\n\r\nok")));
	finish(f);

	f = start(EARLY);
	got = say(f, HEAD "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	assert_true(str_starts_with(got, STR("HTTP/1.1 401 ")));
	finish(f);
}

static void a_slow_head_body_or_silence_ends_in_time(void **state)
{
	struct http_server_config c = {
		.head_timeout = 30 * CLOCK_MS,
		.body_timeout = 30 * CLOCK_MS,
		.idle_timeout = 30 * CLOCK_MS,
	};
	struct fixture *f = start_with(ECHO, c);

	(void)state;
	for (int i = 0; i < 10; i++) { /* a byte now and then does not help */
		(void)peer_send(&f->peer, &f->loop, str_make(&HEAD[i], 1));
		sleep_ms(&f->loop, 8);
	}
	assert_true(str_starts_with(say(f, ""), STR("HTTP/1.1 408 ")));
	finish(f);

	f = start_with(ECHO, c);
	(void)say(f, HEAD "Content-Length: 10\r\n\r\nabc");
	sleep_ms(&f->loop, 60);
	assert_true(str_starts_with(say(f, ""), STR("HTTP/1.1 408 ")));
	assert_int_equal(f->ends, 1);
	finish(f);

	f = start_with(ECHO, c);
	(void)say(f, HEAD "Content-Length: 1\r\n\r\n1");
	sleep_ms(&f->loop, 60);
	(void)say(f, "");
	assert_true(f->peer.eof);
	assert_int_equal(http_server_stats(f->server)->conns, 0);
	finish(f);
}

static void a_client_that_closes_its_half_still_gets_its_answer(void **state)
{
	struct fixture *f = start(LATER);

	(void)state;
	(void)say(f, HEAD "Content-Length: 1\r\n\r\n1");
	assert_int_equal(shutdown(f->peer.fd, SHUT_WR), 0);
	peer_turns(&f->loop, 5);
	assert_int_equal(f->aborts_half, 1);
	assert_int_equal(f->aborts_gone, 0);
	http_respond(f->held, 200, NULL, 0, STR("late"));
	assert_true(str_ends_with(say(f, ""), STR("late")));
	assert_true(f->peer.eof);
	finish(f);
}

static void a_client_that_vanishes_is_reported_and_the_request_stays_valid(void **state)
{
	struct fixture *f = start(LATER);

	(void)state;
	(void)say(f, HEAD "Content-Length: 1\r\n\r\n1");
	(void)close(f->peer.fd);
	f->peer.fd = -1;
	peer_turns(&f->loop, 5);
	assert_int_equal(f->aborts_gone, 1);
	assert_int_equal(f->ends, 0);
	http_respond(f->held, 200, NULL, 0, STR("into the void"));
	assert_int_equal(f->ends, 1);
	assert_int_equal(http_server_stats(f->server)->conns, 0);
	finish(f);

	f = start(SSE);
	(void)say(f, GET("/"));
	(void)close(f->peer.fd);
	f->peer.fd = -1;
	(void)http_respond_write(f->held, STR("x"));
	(void)http_respond_write(f->held, STR("x"));
	peer_turns(&f->loop, 3);
	assert_int_equal(f->aborts_gone, 1);
	http_req_drop(f->held);
	assert_int_equal(f->ends, 1);
	finish(f);

	f = start(ECHO);
	(void)say(f, HEAD "Content-Length: 10\r\n\r\n1");
	(void)close(f->peer.fd);
	f->peer.fd = -1;
	peer_turns(&f->loop, 3);
	assert_int_equal(f->ends, 1); /* incomplete: the server ends it */
	finish(f);
}

static void a_streamed_answer_leaves_piece_by_piece(void **state)
{
	struct fixture *f = start(SSE);
	struct str got = say(f, GET("/"));

	(void)state;
	assert_true(str_ends_with(got, STR("Transfer-Encoding: chunked\r\n\r\n")));
	buf_clear(&f->peer.got);
	assert_true(http_respond_write(f->held, STR("data: 1\n\n")));
	assert_str_equal(say(f, ""), STR("9\r\ndata: 1\n\n\r\n"));
	http_respond_end(f->held);
	assert_true(str_ends_with(say(f, ""), STR("0\r\n\r\n")));
	f->how = ECHO;
	assert_true(str_has(say(f, GET("/")), "200 OK"));
	finish(f);
}

static void an_answer_that_lasts_does_without_its_request_and_the_next_one_comes(void **state)
{
	struct fixture *f = start(SSE);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(str_ends_with(say(f, GET("/")), STR("\r\n\r\n")));
		http_req_forget(f->held);
		assert_int_equal(f->held->head.n_fields, 0);
		assert_true(http_respond_write(f->held, STR("one")));
		/* What the client says meanwhile waits in the socket. */
		assert_true(str_ends_with(say(f, i == 1 ? GET("/next") : ""), STR("3\r\none\r\n")));
		assert_true(http_respond_write(f->held, STR("two")));
		http_respond_end(f->held);
		assert_true(str_has(say(f, ""), "3\r\ntwo\r\n0\r\n\r\n"));
		if (i == 1) {
			assert_non_null(f->held);
			http_respond_end(f->held);
			(void)say(f, "");
		}
	}
	/* With a request behind it in the buffer already, and a client that hangs up. */
	(void)say(f, GET("/") GET("/next"));
	http_req_forget(f->held);
	http_respond_end(f->held);
	assert_true(str_has(say(f, ""), "0\r\n\r\n"));
	assert_non_null(f->held);
	http_req_forget(f->held);
	assert_int_equal(f->held->head.n_fields, 0);
	peer_done(&f->peer);
	peer_turns(&f->loop, 5);
	assert_int_equal(f->aborts_half + f->aborts_gone, 1);
	http_respond_end(f->held);
	finish(f);
}

static void the_head_of_a_streamed_answer_never_waits_for_its_first_piece(void **state)
{
	struct fixture *f = start(BRIEF);

	(void)state;
	assert_true(str_ends_with(say(f, GET("/")), STR("\r\n\r\n0\r\n\r\n")));
	assert_int_equal(str_count(say(f, GET("/") GET("/")), "HTTP/1.1 200"), 3);
	f->how = SSE;
	buf_clear(&f->peer.got);
	assert_true(str_ends_with(say(f, GET("/")), STR("chunked\r\n\r\n")));
	finish(f);
}

static void a_slow_reader_is_bounded_in_memory_and_time(void **state)
{
	struct http_server_config c = {.write_timeout = 30 * CLOCK_MS, .max_out = 400000};
	struct fixture *f = start_with(SSE, c);
	char block[10000] = {0};
	int n = 0;

	(void)state;
	(void)say(f, GET("/"));
	while (http_respond_pending(f->held) < HTTP_HIGH_WATER) {
		assert_true(http_respond_write(f->held, str_make(block, sizeof(block))));
		n++;
	}
	for (int i = 0; i < 1000 && f->drains == 0; i++) {
		peer_recv(&f->peer);
		peer_turns(&f->loop, 1);
	}
	assert_int_equal(f->drains, 1);
	while (http_respond_pending(f->held) < HTTP_HIGH_WATER) {
		assert_true(http_respond_write(f->held, str_make(block, sizeof(block))));
	}
	sleep_ms(&f->loop, 80);
	assert_int_equal(f->aborts_gone, 1);
	assert_false(http_respond_write(f->held, STR("x")));
	http_respond_end(f->held);
	finish(f);

	f = start_with(SSE, c);
	(void)say(f, GET("/"));
	for (n = 0; n < 1000 && http_respond_write(f->held, str_make(block, sizeof(block))); n++) {
	}
	assert_true(n < 1000);
	peer_turns(&f->loop, 2);
	assert_int_equal(f->aborts_gone, 1);
	http_req_drop(f->held);
	finish(f);
}

static void a_body_can_be_held_back(void **state)
{
	struct fixture *f = start(PAUSE);

	(void)state;
	(void)say(f, HEAD "Content-Length: 6\r\n\r\nabc");
	(void)say(f, "def");
	assert_int_equal(buf_len(&f->streamed), 0);
	http_body_pause(f->held, false);
	assert_true(str_ends_with(say(f, ""), STR("abcdef")));
	finish(f);
}

static void a_connection_moves_to_another_server_with_all_its_bytes(void **state)
{
	struct fixture *f = start(DETACH), *g = start(ECHO);
	struct net_peer who = {0};
	struct str got;

	(void)state;
	f->taken_fd = -1;
	(void)say(f, HEAD "Content-Length: 5\r\n\r\nhel");
	assert_true(f->taken_fd >= 0);
	assert_int_equal(http_server_stats(f->server)->conns, 0);
	assert_int_equal(http_server_adopt(g->server, f->taken_fd, buf_str(&f->taken), &who, NULL),
			 ERR_OK);
	assert_true(peer_send(&f->peer, &g->loop, STR("lo" HEAD "Content-Length: 1\r\n\r\n!")));
	peer_turns(&g->loop, 5);
	peer_recv(&f->peer);
	got = buf_str(&f->peer.got);
	assert_true(str_has(got, "\r\n\r\nhello"));
	assert_true(str_ends_with(got, STR("\r\n\r\n!")));
	finish(f);
	finish(g);
}

static void a_dropped_request_closes_without_an_answer(void **state)
{
	struct fixture *f = start(DROP);

	(void)state;
	assert_int_equal(say(f, GET("/")).n, 0);
	assert_true(f->peer.eof || f->peer.reset);
	finish(f);
}

static bool drained;

static void on_drained(struct http_server *s)
{
	(void)s;
	drained = true;
}

static void draining_closes_the_idle_and_waits_for_the_busy(void **state)
{
	struct fixture *f = start(LATER);
	struct peer idle;

	(void)state;
	drained = false;
	connect_peer(f, &idle, str_make(NULL, 0));
	(void)say(f, GET("/"));
	http_server_drain(f->server, on_drained);
	peer_recv(&idle);
	assert_true(idle.eof);
	assert_false(drained);
	http_respond(f->held, 200, NULL, 0, STR("last"));
	assert_true(str_has(say(f, ""), "Connection: close\r\n\r\nlast"));
	assert_true(drained);
	peer_done(&idle);
	finish(f);
}

static int dial(const struct net_addr *at)
{
	struct sockaddr_storage sa;
	socklen_t n = net_addr_to_sockaddr(at, &sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&sa, n), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void a_full_house_closes_the_longest_idle_and_keeps_the_busy(void **state)
{
	struct fixture *f = start_with(LATER, (struct http_server_config){.max_conns = 3});
	struct peer p[5] = {0};
	struct net_addr at;
	int fd;

	(void)state;
	assert_int_equal(net_addr_parse(STR("127.0.0.1:0"), &at, NULL), ERR_OK);
	assert_int_equal(net_listen(&at, NULL, &fd, NULL), ERR_OK);
	assert_int_equal(net_local_addr(fd, &at, NULL), ERR_OK);
	assert_int_equal(http_server_listen(f->server, fd, NULL), ERR_OK);
	(void)say(f, GET("/")); /* busy from here on */
	for (int i = 0; i < 5; i++) {
		p[i].fd = dial(&at);
		buf_init(&p[i].got, 1 << 20);
		peer_turns(&f->loop, 3);
		peer_recv(&p[i]);
	}
	assert_true(http_server_stats(f->server)->conns < 3);
	peer_recv(&p[0]);
	assert_true(p[0].eof);
	peer_recv(&p[4]);
	assert_false(p[4].eof);
	http_respond(f->held, 200, NULL, 0, STR("still here"));
	assert_true(str_ends_with(say(f, ""), STR("still here")));
	for (int i = 0; i < 5; i++) {
		peer_done(&p[i]);
	}
	finish(f);
}

static void an_answer_that_would_break_the_message_becomes_a_500(void **state)
{
	struct fixture *f = start(LATER);
	struct http_field bad = {STR("X"), STR("a\r\nSet-Cookie: b")};
	struct http_field hop[] = {
		{STR("Transfer-Encoding"), STR("chunked")},
		{STR("Connection"), STR("x-secret")},
		{STR("X-Secret"), STR("1")},
		{STR("X-Plain"), STR("1")},
	};
	struct str got;

	(void)state;
	(void)say(f, GET("/"));
	http_respond(f->held, 200, &bad, 1, STR("body"));
	got = say(f, "");
	assert_true(str_starts_with(got, STR("HTTP/1.1 500 ")));
	assert_false(str_has(got, "Cookie"));
	buf_clear(&f->peer.got);
	(void)say(f, GET("/"));
	http_respond(f->held, 200, hop, ARRAY_LEN(hop), STR("body"));
	got = say(f, "");
	assert_false(str_has(got, "chunked"));
	assert_false(str_has(got, "ecret"));
	assert_true(str_has(got, "X-Plain: 1\r\nContent-Length: 4\r\n\r\nbody"));
	finish(f);
}

static void answers_to_head_and_204_have_no_body(void **state)
{
	struct fixture *f = start(LATER);

	(void)state;
	(void)say(f, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	http_respond(f->held, 200, NULL, 0, STR("body"));
	assert_true(str_ends_with(say(f, ""), STR("Content-Length: 4\r\n\r\n")));
	buf_clear(&f->peer.got);
	(void)say(f, GET("/"));
	http_respond(f->held, 204, NULL, 0, STR("body"));
	assert_false(str_has(say(f, ""), "Content-Length"));
	finish(f);
}

static void an_http_1_0_client_gets_a_body_until_close(void **state)
{
	struct fixture *f = start(SSE);
	struct str got;

	(void)state;
	(void)say(f, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
	assert_true(http_respond_write(f->held, STR("part")));
	http_respond_end(f->held);
	got = say(f, "");
	assert_true(str_ends_with(got, STR("Connection: close\r\n\r\npart")));
	assert_true(f->peer.eof);
	finish(f);
}

static void a_short_streamed_body_shows_as_a_broken_connection(void **state)
{
	struct fixture *f = start(LATER);

	(void)state;
	(void)say(f, GET("/"));
	assert_true(http_respond_begin(f->held, 200, NULL, 0, 10));
	assert_true(http_respond_write(f->held, STR("only")));
	http_respond_end(f->held);
	assert_true(str_ends_with(say(f, ""), STR("Content-Length: 10\r\n\r\nonly")));
	assert_true(f->peer.eof);
	finish(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_and_the_connection_kept),
		cmocka_unit_test(every_split_of_a_request_gives_the_same_answer),
		cmocka_unit_test(pipelined_requests_are_answered_one_by_one_in_order),
		cmocka_unit_test(a_flood_of_pipelined_requests_waits_in_the_socket),
		cmocka_unit_test(a_malformed_head_gets_its_status_and_a_closed_connection),
		cmocka_unit_test(a_head_without_end_is_refused_at_its_limit),
		cmocka_unit_test(a_large_body_comes_back_whole),
		cmocka_unit_test(a_body_past_the_limit_is_refused_even_without_a_length),
		cmocka_unit_test(an_answer_before_the_body_closes_unless_the_body_is_there),
		cmocka_unit_test(a_client_that_waits_is_told_to_continue),
		cmocka_unit_test(a_slow_head_body_or_silence_ends_in_time),
		cmocka_unit_test(a_client_that_closes_its_half_still_gets_its_answer),
		cmocka_unit_test(a_client_that_vanishes_is_reported_and_the_request_stays_valid),
		cmocka_unit_test(a_streamed_answer_leaves_piece_by_piece),
		cmocka_unit_test(the_head_of_a_streamed_answer_never_waits_for_its_first_piece),
		cmocka_unit_test(
			an_answer_that_lasts_does_without_its_request_and_the_next_one_comes),
		cmocka_unit_test(a_slow_reader_is_bounded_in_memory_and_time),
		cmocka_unit_test(a_body_can_be_held_back),
		cmocka_unit_test(a_connection_moves_to_another_server_with_all_its_bytes),
		cmocka_unit_test(a_dropped_request_closes_without_an_answer),
		cmocka_unit_test(draining_closes_the_idle_and_waits_for_the_busy),
		cmocka_unit_test(a_full_house_closes_the_longest_idle_and_keeps_the_busy),
		cmocka_unit_test(an_answer_that_would_break_the_message_becomes_a_500),
		cmocka_unit_test(answers_to_head_and_204_have_no_body),
		cmocka_unit_test(an_http_1_0_client_gets_a_body_until_close),
		cmocka_unit_test(after_a_switch_bytes_pass_as_they_are_until_a_side_ends),
		cmocka_unit_test(a_short_streamed_body_shows_as_a_broken_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
