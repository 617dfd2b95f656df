/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th allocation fails, for all n: requests end, calls end, and the next one works. */
#include "tests/test.h"

#include "http/client.h"
#include "http/server.h"
#include "tests/unit/policy/fail_alloc.h"

#include <sys/socket.h>
#include <unistd.h>

#ifndef FAIL_ALLOC_OFF
void *__libc_calloc(size_t n, size_t size);

void *calloc(size_t n, size_t size)
{
	return fail_alloc_now() ? NULL : __libc_calloc(n, size);
}
#endif

enum { BODY = 30000 };

/* A relay: what the server gets, the pool sends to an upstream that is the test itself. */
struct fixture {
	struct loop loop;
	struct http_server *server;
	struct http_pool *pool;
	uint64_t ticket;
	bool asked;
	int client, upstream; /* the test's ends */
	int requests, ends, calls, call_ends;
};

struct relay {
	struct http_call call;
	struct http_req *req;
	bool running;
};

static struct fixture *of(struct http_req *req)
{
	return http_server_user(req->server);
}

static void on_request(struct http_req *req)
{
	of(req)->requests++;
}

static void on_done(struct http_call *c)
{
	struct relay *r = c->user;

	of(r->req)->call_ends++;
	r->running = false;
	http_respond(r->req, 200, NULL, 0, c->answer_body);
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct relay *r = c->user;

	(void)why;
	(void)err;
	of(r->req)->call_ends++;
	r->running = false;
	http_respond(r->req, 502, NULL, 0, str_make(NULL, 0));
}

static const struct http_call_events events = {.on_done = on_done, .on_fail = on_fail};

static void on_body_complete(struct http_req *req)
{
	struct relay *r = ARENA_NEW(&req->arena, struct relay);

	if (!r) {
		http_respond(req, 503, NULL, 0, str_make(NULL, 0));
		return;
	}
	*r = (struct relay){.req = req, .running = true};
	r->call = (struct http_call){
		.on = &events,
		.pool = of(req)->pool,
		.request = {.method = STR("POST"), .target = STR("/")},
		.body = req->body,
		.user = r,
	};
	req->user = r;
	of(req)->calls++;
	http_call_start(&r->call);
}

static void on_abort(struct http_req *req, bool gone)
{
	if (gone) {
		http_req_drop(req);
	}
}

static void on_end(struct http_req *req)
{
	struct relay *r = req->user;

	if (r && r->running) {
		http_call_cancel(&r->call);
		of(req)->call_ends++;
	}
	of(req)->ends++;
}

static const struct http_handler handler = {
	.on_request = on_request,
	.on_body_complete = on_body_complete,
	.on_abort = on_abort,
	.on_end = on_end,
};

static void on_dial(struct http_pool *p, uint64_t ticket)
{
	struct fixture *f = http_pool_user(p);

	f->ticket = ticket;
	f->asked = true;
}

static void turns(struct fixture *f, int n)
{
	while (n-- > 0) {
		assert_int_equal(loop_turn(&f->loop, 0, NULL), ERR_OK);
	}
}

static void pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
}

static void forget(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
	}
	*fd = -1;
}

static void answer_dial(struct fixture *f)
{
	int fds[2];

	if (f->asked) {
		f->asked = false;
		forget(&f->upstream);
		pair(fds);
		f->upstream = fds[0];
		http_pool_connected(f->pool, f->ticket, fds[1]);
	}
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
#define LENGTH  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* The upstream swallows the request and answers it once its end has come. */
static void play_upstream(struct fixture *f, const char *answer)
{
	static char sink[65536];
	ssize_t n;

	while (f->upstream >= 0 && (n = recv(f->upstream, sink, sizeof(sink), 0)) > 0) {
		if (sink[n - 1] == '$') {
			(void)send(f->upstream, answer, strlen(answer), MSG_NOSIGNAL);
		}
	}
}

/* One request from a new client through everything; true when the answer is the upstream's. */
static bool exchange(struct fixture *f)
{
	static char request[BODY + 200], got[65536];
	int head = snprintf(request, sizeof(request),
			    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", BODY);
	struct net_peer who = {0};
	size_t have = 0;
	ssize_t n;
	int fds[2];

	memset(request + head, 'x', BODY);
	request[head + BODY - 1] = '$';
	pair(fds);
	forget(&f->client);
	f->client = fds[0];
	if (http_server_adopt(f->server, fds[1], STR("POST"), &who, NULL)) {
		(void)close(fds[1]);
		return false;
	}
	(void)send(f->client, request + 4, (size_t)(head + BODY - 4), MSG_NOSIGNAL);
	for (int i = 0; i < 20; i++) {
		turns(f, 2);
		answer_dial(f);
		play_upstream(f, CHUNKED);
	}
	while ((n = recv(f->client, got + have, sizeof(got) - have, 0)) > 0) {
		have += (size_t)n;
	}
	return have > 20 && memcmp(got, "HTTP/1.1 200 OK", 15) == 0 &&
	       memcmp(got + have - 5, "hello", 5) == 0;
}

static void start(struct fixture *f)
{
	struct http_server_config sc = {.handler = &handler, .user = f};
	struct http_pool_config pc = {.dial = on_dial, .user = f, .host = STR("up")};

	*f = (struct fixture){.client = -1, .upstream = -1};
	assert_int_equal(loop_init(&f->loop, NULL), ERR_OK);
	assert_int_equal(http_server_new(&f->loop, &sc, &f->server, NULL), ERR_OK);
	assert_int_equal(http_pool_new(&f->loop, &pc, &f->pool, NULL), ERR_OK);
}

static void finish(struct fixture *f)
{
	http_server_free(f->server);
	http_pool_free(f->pool);
	forget(&f->client);
	forget(&f->upstream);
	loop_done(&f->loop);
	assert_int_equal(f->requests, f->ends);
	assert_int_equal(f->calls, f->call_ends);
}

static void a_failing_allocation_ends_what_needed_it_and_nothing_else(void **state)
{
	bool whole = false;

	(void)state;
	if (!fail_alloc_works) {
		print_message("skipped: a sanitizer owns the allocator\n");
		skip();
	}
	for (long n = 0; !whole; n++) {
		struct fixture f;

		assert_true(n < 200);
		start(&f);
		fail_alloc_left = n;
		whole = exchange(&f);
		assert_true(!whole || n > 5); /* it does need some memory */
		fail_alloc_left = -1;
		assert_true(exchange(&f));
		finish(&f);
	}
}

static void a_warm_relay_allocates_nothing_for_a_request(void **state)
{
	struct fixture f;
	static char small[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab$";
	char got[1000];

	(void)state;
	if (!fail_alloc_works) {
		print_message("skipped: a sanitizer owns the allocator\n");
		skip();
	}
	start(&f);
	assert_true(exchange(&f));
	for (int i = 0; i < 20; i++) {
		fail_alloc_left = i < 3 ? -1 : 0;
		assert_int_equal(send(f.client, small, sizeof(small) - 1, MSG_NOSIGNAL),
				 sizeof(small) - 1);
		for (int k = 0; k < 4; k++) {
			turns(&f, 2);
			play_upstream(&f, LENGTH);
		}
		fail_alloc_left = -1;
		assert_true(recv(f.client, got, sizeof(got), 0) > 0);
		assert_memory_equal(got, "HTTP/1.1 200", 12);
	}
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failing_allocation_ends_what_needed_it_and_nothing_else),
		cmocka_unit_test(a_warm_relay_allocates_nothing_for_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
