/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever an upstream answers, in pieces of any size: a call ends exactly once,
 * and collected, streamed, whole or in pieces it ends in the same way with the
 * same body.
 *
 * Input: one byte of piece size, whose highest bit asks for a WebSocket; the upstream's bytes.
 */
#include "http/client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_BODY = 5000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

struct world {
	struct loop loop;
	struct http_pool *pool;
	uint64_t ticket;
};

struct result {
	struct http_call call;
	bool stream, upgrade;
	int ended, status;
	enum http_fail why;
	struct buf body;
};

static void on_dial(struct http_pool *p, uint64_t ticket)
{
	((struct world *)http_pool_user(p))->ticket = ticket;
}

static void on_head(struct http_call *c)
{
	struct result *r = c->user;

	check(c->answer->status >= (r->upgrade ? 101 : 200) && r->ended == 0);
	if (r->stream) {
		http_call_stream(c);
	}
}

static void on_data(struct http_call *c, struct str bytes)
{
	struct result *r = c->user;

	check((r->stream || c->answer->status == 101) && bytes.n);
	buf_append(&r->body, bytes);
}

static void on_done(struct http_call *c)
{
	struct result *r = c->user;

	r->ended++;
	r->status = c->answer->status;
	buf_append(&r->body, c->answer_body);
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct result *r = c->user;

	(void)err;
	r->ended++;
	r->why = why;
}

static const struct http_call_events events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
};

static void turns(struct world *w, int n)
{
	while (n-- > 0) {
		check(loop_turn(&w->loop, 0, NULL) == ERR_OK);
	}
}

static void run(struct result *r, struct str answer, size_t step)
{
	struct world w = {0};
	struct http_pool_config c = {.dial = on_dial, .user = &w, .host = STR("up")};
	char sink[1000];
	int fds[2];

	c.max_body = MAX_BODY;
	buf_init(&r->body, 1 << 20);
	check(loop_init(&w.loop, NULL) == ERR_OK);
	check(http_pool_new(&w.loop, &c, &w.pool, NULL) == ERR_OK);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	r->call = (struct http_call){
		.on = &events,
		.pool = w.pool,
		.request = {.method = STR("POST"), .target = STR("/")},
		.body = STR("x"),
		.user = r,
	};
	if (r->upgrade) {
		r->call.request.method = STR("GET");
		r->call.request.upgrade = STR("websocket");
		r->call.body = STR("");
	}
	http_call_start(&r->call);
	http_pool_connected(w.pool, w.ticket, fds[1]);
	turns(&w, 1);
	while (recv(fds[0], sink, sizeof(sink), 0) > 0) { /* unread, it would reset the end */
	}
	while (answer.n && !r->ended) {
		struct str piece = str_make(answer.p, answer.n < step ? answer.n : step);

		if (send(fds[0], piece.p, piece.n, MSG_NOSIGNAL) != (ssize_t)piece.n) {
			break;
		}
		answer = str_from(answer, piece.n);
		turns(&w, 2);
	}
	(void)close(fds[0]);
	turns(&w, 4);
	check(r->ended == 1);
	http_pool_free(w.pool);
	check(r->ended == 1);
	loop_done(&w.loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct result whole = {0}, pieces = {0}, streamed = {.stream = true};
	struct str answer;

	if (n < 1 || n > 30000) {
		return 0;
	}
	answer = str_make((const char *)data + 1, n - 1);
	whole.upgrade = pieces.upgrade = streamed.upgrade = data[0] & 0x80;
	run(&whole, answer, 60000);
	run(&pieces, answer, (size_t)data[0] * 4 + 1);
	run(&streamed, answer, (size_t)data[0] * 4 + 1);
	check(whole.why == pieces.why && whole.status == pieces.status);
	check(str_eq(buf_str(&whole.body), buf_str(&pieces.body)));
	if (whole.why != HTTP_FAIL_LIMIT) { /* a stream has no limit */
		check(whole.why == streamed.why && whole.status == streamed.status);
		check(whole.why || str_eq(buf_str(&whole.body), buf_str(&streamed.body)));
	}
	buf_done(&whole.body);
	buf_done(&pieces.body);
	buf_done(&streamed.body);
	return 0;
}
