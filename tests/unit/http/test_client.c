/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "http/client.h"
#include "tests/unit/http/peer.h"

enum { MAX_PEERS = 8 };

struct fixture {
	struct loop loop;
	struct http_pool *pool;
	struct peer peers[MAX_PEERS]; /* the upstream's ends */
	uint64_t tickets[MAX_PEERS];
	int dials, connected;
	bool answer_dials;
};

struct result {
	struct http_call call;
	int heads, dones, fails, drains, status;
	enum http_fail why;
	bool stream, forget, pause, cancel_in_head;
	struct buf body;
	char error[232];
};

static void connect_dial(struct fixture *f, int i)
{
	int other;

	peer_pair(&f->peers[i], &other);
	f->connected++;
	http_pool_connected(f->pool, f->tickets[i], other);
}

static void dial(struct http_pool *p, uint64_t ticket)
{
	struct fixture *f = http_pool_user(p);

	assert_true(f->dials < MAX_PEERS);
	f->tickets[f->dials++] = ticket;
}

static void on_head(struct http_call *c)
{
	struct result *r = c->user;

	r->heads++;
	r->status = c->answer->status;
	if (r->stream) {
		http_call_stream(c);
	}
	if (r->forget) {
		assert_true(http_call_forget(c));
		assert_int_equal(c->answer->n_fields, 0);
	}
	if (r->pause) {
		http_call_pause(c, true);
	}
	if (r->cancel_in_head) {
		http_call_cancel(c);
	}
}

static void on_data(struct http_call *c, struct str bytes)
{
	buf_append(&((struct result *)c->user)->body, bytes);
}

static void on_done(struct http_call *c)
{
	struct result *r = c->user;

	r->dones++;
	r->status = c->answer->status;
	buf_append(&r->body, c->answer_body);
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct result *r = c->user;

	r->fails++;
	r->why = why;
	memcpy(r->error, err->msg, sizeof(r->error));
}

static void on_drain(struct http_call *c)
{
	((struct result *)c->user)->drains++;
}

static const struct http_call_events events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
	.on_drain = on_drain,
};

static struct fixture *start_with(struct http_pool_config c)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	assert_int_equal(loop_init(&f->loop, NULL), ERR_OK);
	for (int i = 0; i < MAX_PEERS; i++) {
		f->peers[i].fd = -1;
	}
	c.dial = dial;
	c.user = f;
	c.host = STR("up.example");
	assert_int_equal(http_pool_new(&f->loop, &c, &f->pool, NULL), ERR_OK);
	return f;
}

static struct fixture *start(void)
{
	return start_with((struct http_pool_config){0});
}

static void finish(struct fixture *f)
{
	http_pool_free(f->pool);
	for (int i = 0; i < MAX_PEERS; i++) {
		peer_done(&f->peers[i]);
	}
	loop_done(&f->loop);
	test_free(f);
}

static void prepare(struct fixture *f, struct result *r, struct str body)
{
	r->call = (struct http_call){
		.on = &events,
		.pool = f->pool,
		.request = {.method = STR("POST"), .target = STR("/mcp")},
		.body = body,
		.user = r,
	};
	buf_init(&r->body, 64 << 20);
}

static void go(struct fixture *f, struct result *r, struct str body)
{
	prepare(f, r, body);
	http_call_start(&r->call);
}

static struct str upstream_got(struct fixture *f, int i)
{
	peer_turns(&f->loop, 3);
	peer_recv(&f->peers[i]);
	return buf_str(&f->peers[i].got);
}

static void upstream_says(struct fixture *f, int i, const char *text)
{
	(void)peer_send(&f->peers[i], &f->loop, str_from_c(text));
	peer_turns(&f->loop, 3);
}

#define OK_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void a_call_sends_one_message_and_gets_its_answer(void **state)
{
	struct fixture *f = start();
	struct result r = {0};

	(void)state;
	go(f, &r, STR("{}"));
	assert_int_equal(f->dials, 1);
	connect_dial(f, 0);
	assert_str_equal(upstream_got(f, 0), STR("POST /mcp HTTP/1.1\r\nHost: up.example\r\n"
						 "Content-Length: 2\r\n\r\n{}"));
	upstream_says(f, 0, "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK_5);
	assert_int_equal(r.dones, 1);
	assert_int_equal(r.heads, 1);
	assert_int_equal(r.status, 200);
	assert_str_equal(buf_str(&r.body), STR("hello"));
	buf_done(&r.body);
	finish(f);
}

static void a_connection_is_used_again(void **state)
{
	struct fixture *f = start();
	struct result r[3] = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		go(f, &r[i], STR("x"));
		if (i == 0) {
			connect_dial(f, 0);
		}
		peer_turns(&f->loop, 2);
		upstream_says(f, 0, OK_5);
		assert_int_equal(r[i].dones, 1);
		buf_done(&r[i].body);
	}
	assert_int_equal(f->dials, 1);
	assert_int_equal(http_pool_stats(f->pool)->reused, 2);
	assert_int_equal(http_pool_stats(f->pool)->idle, 1);
	finish(f);
}

static void every_split_of_an_answer_gives_the_same_result(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";

	(void)state;
	for (size_t at = 1; at < sizeof(text) - 1; at++) {
		struct fixture *f = start();
		struct result r = {.stream = at % 3, .forget = at % 3 == 2};

		go(f, &r, STR("x"));
		connect_dial(f, 0);
		(void)peer_send(&f->peers[0], &f->loop, str_make(text, at));
		upstream_says(f, 0, text + at);
		assert_int_equal(r.dones, 1);
		assert_str_equal(buf_str(&r.body), STR("abcde"));
		buf_done(&r.body);
		finish(f);
	}
}

static void a_stale_connection_is_reported_as_worth_a_retry(void **state)
{
	struct fixture *f = start();
	struct result r[4] = {0};

	(void)state;
	go(f, &r[0], STR("x"));
	connect_dial(f, 0);
	upstream_says(f, 0, OK_5);
	go(f, &r[1], STR("x")); /* the request leaves, and the upstream closes without a byte */
	peer_done(&f->peers[0]);
	peer_turns(&f->loop, 3);
	assert_int_equal(r[1].why, HTTP_FAIL_RETRYABLE);
	/* a fresh connection that does the same is not: the request may have been read */
	go(f, &r[2], STR("x"));
	assert_int_equal(f->dials, 2);
	connect_dial(f, 1);
	(void)upstream_got(f, 1);
	peer_done(&f->peers[1]);
	peer_turns(&f->loop, 3);
	assert_int_equal(r[2].why, HTTP_FAIL_CLOSED);
	/* nor is one that answered partly */
	go(f, &r[3], STR("x"));
	connect_dial(f, 2);
	upstream_says(f, 2, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
	peer_done(&f->peers[2]);
	peer_turns(&f->loop, 3);
	assert_int_equal(r[3].why, HTTP_FAIL_CLOSED);
	assert_int_equal(r[3].dones, 0);
	for (int i = 0; i < 4; i++) {
		buf_done(&r[i].body);
	}
	assert_int_equal(http_pool_stats(f->pool)->conns, 0);
	finish(f);
}

static void an_idle_connection_that_speaks_or_closes_is_dropped(void **state)
{
	struct fixture *f = start();
	struct result r = {0};

	(void)state;
	go(f, &r, STR("x"));
	connect_dial(f, 0);
	upstream_says(f, 0, OK_5);
	assert_int_equal(http_pool_stats(f->pool)->idle, 1);
	upstream_says(f, 0, "HTTP/1.1 200 OK\r\n");
	assert_int_equal(http_pool_stats(f->pool)->conns, 0);
	buf_done(&r.body);
	finish(f);
}

static void an_answer_with_more_behind_it_is_not_trusted_with_another_call(void **state)
{
	struct fixture *f = start();
	struct result r = {0};

	(void)state;
	go(f, &r, STR("x"));
	connect_dial(f, 0);
	upstream_says(f, 0, OK_5 "HTTP/1.1 200 OK\r\n");
	assert_int_equal(r.dones, 1);
	assert_int_equal(http_pool_stats(f->pool)->conns, 0);
	buf_done(&r.body);
	finish(f);
}

static void garbage_and_oversize_fail_the_call(void **state)
{
	static const struct {
		const char *text;
		enum http_fail why;
	} rows[] = {
		{"garbage\r\n\r\n", HTTP_FAIL_BAD},
		{"HTTP/1.1 200 OK\nContent-Length: 0\n\n", HTTP_FAIL_BAD},
		{"HTTP/1.1 101 Switching\r\n\r\n", HTTP_FAIL_BAD},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		 HTTP_FAIL_BAD},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
		 HTTP_FAIL_BAD},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", HTTP_FAIL_LIMIT},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdeX", HTTP_FAIL_BAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = start_with((struct http_pool_config){.max_body = 1000});
		struct result r = {0};

		go(f, &r, STR("x"));
		connect_dial(f, 0);
		upstream_says(f, 0, rows[i].text);
		assert_int_equal(r.fails, 1);
		assert_int_equal(r.why, rows[i].why);
		buf_done(&r.body);
		finish(f);
	}
}

/* Only to who asked for it, and only the protocol that was asked for. */
static void a_protocol_that_was_asked_for_takes_the_connection_over(void **state)
{
	struct fixture *f = start();
	struct result r = {.stream = true}, next = {0};

	(void)state;
	prepare(f, &r, STR(""));
	r.call.request.method = STR("GET");
	r.call.request.upgrade = STR("websocket");
	http_call_start(&r.call);
	connect_dial(f, 0);
	assert_true(str_has(upstream_got(f, 0), "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
	assert_false(http_call_write(&r.call, STR("too early")));
	upstream_says(f, 0, "HTTP/1.1 101 Now\r\nUpgrade: WebSocket\r\n\r\nHTTP/1.1 200 OK\r\n");
	assert_int_equal(r.heads, 1);
	assert_int_equal(r.status, 101);
	assert_true(str_eq(buf_str(&r.body), STR("HTTP/1.1 200 OK\r\n")));
	assert_true(http_call_write(&r.call, STR("anything")));
	assert_true(str_ends_with(upstream_got(f, 0), STR("anything")));
	peer_done(&f->peers[0]);
	peer_turns(&f->loop, 4);
	assert_int_equal(r.dones, 1);
	go(f, &next, STR("x"));
	peer_turns(&f->loop, 2);
	assert_int_equal(f->dials, 2); /* nothing else goes over it */
	buf_done(&r.body);
	buf_done(&next.body);
	finish(f);
}

static void another_protocol_than_was_asked_for_is_no_answer(void **state)
{
	struct fixture *f = start();
	struct result r = {.stream = true};

	(void)state;
	prepare(f, &r, STR(""));
	r.call.request.method = STR("GET");
	r.call.request.upgrade = STR("websocket");
	http_call_start(&r.call);
	connect_dial(f, 0);
	upstream_says(f, 0, "HTTP/1.1 101 Now\r\nUpgrade: h2c\r\n\r\n");
	assert_int_equal(r.fails, 1);
	assert_int_equal(r.why, HTTP_FAIL_BAD);
	buf_done(&r.body);
	finish(f);
}

static void a_body_until_close_ends_with_the_connection(void **state)
{
	struct fixture *f = start();
	struct result r = {0};

	(void)state;
	go(f, &r, STR("x"));
	connect_dial(f, 0);
	(void)upstream_got(f, 0);
	upstream_says(f, 0, "HTTP/1.1 200 OK\r\n\r\nall of it");
	assert_int_equal(r.dones, 0);
	peer_done(&f->peers[0]);
	peer_turns(&f->loop, 3);
	assert_int_equal(r.dones, 1);
	assert_str_equal(buf_str(&r.body), STR("all of it"));
	buf_done(&r.body);
	finish(f);
}

static void calls_wait_their_turn_and_the_queue_is_bounded(void **state)
{
	struct fixture *f = start_with((struct http_pool_config){.max_conns = 1, .max_waiting = 2});
	struct result r[3] = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		go(f, &r[i], STR("x"));
	}
	assert_int_equal(r[2].fails, 0); /* never from inside */
	peer_turns(&f->loop, 1);
	assert_int_equal(r[2].why, HTTP_FAIL_QUEUE);
	assert_int_equal(f->dials, 1);
	connect_dial(f, 0);
	upstream_says(f, 0, OK_5);
	assert_int_equal(r[0].dones, 1);
	upstream_says(f, 0, OK_5);
	assert_int_equal(r[1].dones, 1);
	for (int i = 0; i < 3; i++) {
		buf_done(&r[i].body);
	}
	finish(f);
}

static void a_dial_that_fails_or_takes_too_long_fails_its_call(void **state)
{
	struct fixture *f = start_with((struct http_pool_config){.dial_timeout = 20 * CLOCK_MS});
	struct result r[2] = {0};
	uint64_t until;

	(void)state;
	go(f, &r[0], STR("x"));
	http_pool_dial_failed(f->pool, f->tickets[0], NULL);
	assert_int_equal(r[0].why, HTTP_FAIL_DIAL);
	go(f, &r[1], STR("x"));
	until = clock_mono() + 60 * CLOCK_MS;
	while (clock_mono() < until) {
		assert_int_equal(loop_turn(&f->loop, 5, NULL), ERR_OK);
	}
	assert_int_equal(r[1].fails, 1);
	connect_dial(f, 1); /* too late: closed, not kept */
	assert_int_equal(http_pool_stats(f->pool)->conns, 0);
	finish(f);
}

static void an_upstream_that_never_answers_times_out(void **state)
{
	struct fixture *f = start_with((struct http_pool_config){.head_timeout = 20 * CLOCK_MS});
	struct result r = {0};
	uint64_t until = clock_mono() + 60 * CLOCK_MS;

	(void)state;
	go(f, &r, STR("x"));
	connect_dial(f, 0);
	while (clock_mono() < until) {
		assert_int_equal(loop_turn(&f->loop, 5, NULL), ERR_OK);
	}
	assert_int_equal(r.why, HTTP_FAIL_TIMEOUT);
	assert_int_equal(http_pool_stats(f->pool)->conns, 0);
	finish(f);
}

static void a_cancelled_call_hears_nothing_more(void **state)
{
	struct fixture *f = start();
	struct result waiting = {0}, sent = {0}, in_head = {.cancel_in_head = true};

	(void)state;
	go(f, &waiting, STR("x"));
	http_call_cancel(&waiting.call);
	go(f, &sent, STR("x"));
	connect_dial(f, 0);
	(void)upstream_got(f, 0);
	http_call_cancel(&sent.call);
	go(f, &in_head, STR("x"));
	connect_dial(f, f->dials - 1);
	upstream_says(f, f->dials - 1, OK_5);
	assert_int_equal(in_head.heads, 1);
	assert_int_equal(waiting.dones + waiting.fails + sent.dones + sent.fails, 0);
	assert_int_equal(in_head.dones + in_head.fails, 0);
	assert_int_equal(http_pool_stats(f->pool)->conns, 0);
	finish(f);
}

static void a_paused_stream_gives_what_was_there_before_the_end(void **state)
{
	struct fixture *f = start();
	struct result r = {.stream = true, .pause = true};

	(void)state;
	go(f, &r, STR("x"));
	connect_dial(f, 0);
	upstream_says(f, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	upstream_says(f, 0, "3\r\ndef\r\n0\r\n\r\n");
	peer_done(&f->peers[0]);
	peer_turns(&f->loop, 5);
	assert_int_equal(buf_len(&r.body), 0);
	assert_int_equal(r.fails, 0);
	http_call_pause(&r.call, false);
	peer_turns(&f->loop, 5);
	assert_str_equal(buf_str(&r.body), STR("abcdef"));
	assert_int_equal(r.dones, 1);
	buf_done(&r.body);
	finish(f);
}

/* One buffer goes round: what a paused one has left over stays its own. */
static void answers_that_last_share_a_buffer_and_mix_nothing_up(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct fixture *f = start();
	struct result r[3] = {{.stream = true, .forget = true},
			      {.stream = true, .forget = true, .pause = true},
			      {.stream = true, .forget = true}};

	(void)state;
	for (int i = 0; i < 3; i++) {
		go(f, &r[i], STR("x"));
		connect_dial(f, i);
		upstream_says(f, i, head);
	}
	for (int round = 0; round < 3; round++) {
		upstream_says(f, 0, "2\r\naa\r\n3\r\nA");
		upstream_says(f, 1, "2\r\nbb\r\n3\r\nB");
		upstream_says(f, 2, "2\r\ncc\r\n3\r\nC");
		upstream_says(f, 0, "AA\r\n");
		upstream_says(f, 1, "BB\r\n");
		upstream_says(f, 2, "CC\r\n");
	}
	assert_str_equal(buf_str(&r[0].body), STR("aaAAAaaAAAaaAAA"));
	assert_int_equal(buf_len(&r[1].body), 0);
	assert_str_equal(buf_str(&r[2].body), STR("ccCCCccCCCccCCC"));
	http_call_pause(&r[1].call, false);
	peer_turns(&f->loop, 5);
	assert_str_equal(buf_str(&r[1].body), STR("bbBBBbbBBBbbBBB"));
	for (int i = 0; i < 3; i++) {
		upstream_says(f, i, "0\r\n\r\n");
		assert_int_equal(r[i].dones, 1);
		buf_done(&r[i].body);
	}
	/* The connections are as good as before. */
	go(f, &r[0], STR("x"));
	assert_int_equal(f->dials, 3);
	http_call_cancel(&r[0].call);
	finish(f);
}

static void a_request_body_can_be_streamed(void **state)
{
	struct fixture *f = start();
	struct result r = {0};

	(void)state;
	prepare(f, &r, str_make(NULL, 0));
	r.call.body_streamed = true;
	r.call.request.framing = HTTP_CHUNKED;
	http_call_start(&r.call);
	assert_false(http_call_write(&r.call, STR("too early")));
	connect_dial(f, 0);
	assert_int_equal(r.drains, 0);
	peer_turns(&f->loop, 1);
	assert_int_equal(r.drains, 1);
	assert_true(http_call_write(&r.call, STR("abc")));
	assert_true(http_call_write(&r.call, STR("defg")));
	assert_true(http_call_write_end(&r.call));
	assert_true(str_ends_with(upstream_got(f, 0), STR("Transfer-Encoding: chunked\r\n\r\n"
							  "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")));
	upstream_says(f, 0, OK_5);
	assert_int_equal(r.dones, 1);
	assert_int_equal(http_pool_stats(f->pool)->idle, 1);
	buf_done(&r.body);
	finish(f);
}

static void a_large_request_and_answer_pass_whole(void **state)
{
	enum { N = 3000000 };
	struct fixture *f = start();
	struct result r = {0};
	char *big = test_malloc(N);
	char head[100];
	struct str got = {0};

	(void)state;
	for (size_t i = 0; i < N; i++) {
		big[i] = (char)(i * 7 % 251);
	}
	go(f, &r, str_make(big, N));
	connect_dial(f, 0);
	for (int i = 0; i < 2000; i++) {
		got = upstream_got(f, 0);
	}
	assert_true(got.n > N && str_ends_with(got, str_make(big, N)));
	(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", N);
	upstream_says(f, 0, head);
	assert_true(peer_send(&f->peers[0], &f->loop, str_make(big, N)));
	peer_turns(&f->loop, 100);
	assert_int_equal(r.dones, 1);
	assert_true(str_eq(buf_str(&r.body), str_make(big, N)));
	buf_done(&r.body);
	test_free(big);
	finish(f);
}

static void put_framed(struct buf *out, char kind, struct str s)
{
	buf_append_c(out, kind);
	buf_append_u64(out, s.n);
	buf_append_c(out, ':');
	buf_append(out, s);
}

static void put_head(void *user, struct buf *out, struct str head, uint64_t body_len)
{
	(void)user;
	assert_int_equal(body_len, 3);
	put_framed(out, 'H', head);
}

static void put_body(void *user, struct buf *out, struct str bytes)
{
	(void)user;
	put_framed(out, 'B', bytes);
}

static void a_wire_frames_head_and_body(void **state)
{
	static const struct http_wire wire = {.put_head = put_head, .put_body = put_body};
	struct fixture *f = start_with((struct http_pool_config){.wire = &wire});
	struct result r = {0};
	struct str got;

	(void)state;
	go(f, &r, STR("abc"));
	connect_dial(f, 0);
	got = upstream_got(f, 0);
	assert_true(str_starts_with(got, STR("H59:POST /mcp HTTP/1.1\r\n")));
	assert_true(str_ends_with(got, STR("\r\n\r\nB3:abc")));
	http_call_cancel(&r.call);
	finish(f);
}

static void a_request_that_would_break_the_message_is_not_sent(void **state)
{
	struct fixture *f = start();
	struct http_field bad = {STR("X"), STR("a\r\nb: c")};
	struct result r = {0};

	(void)state;
	prepare(f, &r, STR("x"));
	r.call.request.fields = &bad;
	r.call.request.n_fields = 1;
	http_call_start(&r.call);
	connect_dial(f, 0);
	assert_int_equal(upstream_got(f, 0).n, 0);
	assert_int_equal(r.why, HTTP_FAIL_INVALID);
	finish(f);
}

static void freeing_the_pool_fails_what_is_open(void **state)
{
	struct fixture *f = start();
	struct result r[2] = {0};

	(void)state;
	go(f, &r[0], STR("x"));
	connect_dial(f, 0);
	go(f, &r[1], STR("x"));
	finish(f);
	assert_int_equal(r[0].why, HTTP_FAIL_CLOSED);
	assert_int_equal(r[1].why, HTTP_FAIL_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_sends_one_message_and_gets_its_answer),
		cmocka_unit_test(a_connection_is_used_again),
		cmocka_unit_test(every_split_of_an_answer_gives_the_same_result),
		cmocka_unit_test(a_stale_connection_is_reported_as_worth_a_retry),
		cmocka_unit_test(an_idle_connection_that_speaks_or_closes_is_dropped),
		cmocka_unit_test(an_answer_with_more_behind_it_is_not_trusted_with_another_call),
		cmocka_unit_test(garbage_and_oversize_fail_the_call),
		cmocka_unit_test(a_body_until_close_ends_with_the_connection),
		cmocka_unit_test(calls_wait_their_turn_and_the_queue_is_bounded),
		cmocka_unit_test(a_dial_that_fails_or_takes_too_long_fails_its_call),
		cmocka_unit_test(an_upstream_that_never_answers_times_out),
		cmocka_unit_test(a_cancelled_call_hears_nothing_more),
		cmocka_unit_test(a_paused_stream_gives_what_was_there_before_the_end),
		cmocka_unit_test(answers_that_last_share_a_buffer_and_mix_nothing_up),
		cmocka_unit_test(a_request_body_can_be_streamed),
		cmocka_unit_test(a_large_request_and_answer_pass_whole),
		cmocka_unit_test(a_wire_frames_head_and_body),
		cmocka_unit_test(a_request_that_would_break_the_message_is_not_sent),
		cmocka_unit_test(a_protocol_that_was_asked_for_takes_the_connection_over),
		cmocka_unit_test(another_protocol_than_was_asked_for_is_no_answer),
		cmocka_unit_test(freeing_the_pool_fails_what_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
