/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever an upstream of HTTP/2 answers, and whatever the caller does meanwhile: every call ends
 * exactly once, its answer obeys the rules of HTTP/1, and nothing leaks.
 *
 * Input: one byte of the caller's behaviour, then records as of fuzz_h2_server: type, flags, stream,
 * length of the payload (in bytes; from 200 on in steps of 64), payload. Type 255 lets the pool rest.
 */
#include "http/client.h"
#include "http/h2.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { CALLS = 3, FRAME_HEADER = 9 };

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

struct world {
	unsigned how;
	uint64_t ticket;
	bool asked;
	struct call {
		struct http_call c;
		struct world *world;
		bool running;
	} calls[CALLS];
};

static void on_dial(struct http_pool *p, uint64_t ticket)
{
	struct world *w = http_pool_user(p);

	w->ticket = ticket;
	w->asked = true;
}

static void on_head(struct http_call *c)
{
	struct call *call = CONTAINER_OF(c, struct call, c);
	const struct h1_head *h = c->answer;

	check(call->running && h->status >= 200 && h->status <= 999);
	check(!h1_get(h, HTTP_F_CONNECTION).p && !h1_get(h, HTTP_F_TRANSFER_ENCODING).p);
	for (size_t i = 0; i < h->n_fields; i++) {
		check(http_is_token(h->fields[i].name) && http_is_value(h->fields[i].value));
	}
	if (call->world->how & 1) {
		http_call_stream(c);
	}
	if (call->world->how & 2) {
		http_call_pause(c, true);
	}
	if (call->world->how & 4) {
		call->running = false;
		http_call_cancel(c);
	}
}

static void on_data(struct http_call *c, struct str bytes)
{
	struct call *call = CONTAINER_OF(c, struct call, c);

	check(call->running && (call->world->how & 1));
	if (bytes.n && bytes.p[0] == '!') {
		call->running = false;
		http_call_cancel(c);
	}
}

static void on_done(struct http_call *c)
{
	struct call *call = CONTAINER_OF(c, struct call, c);

	check(call->running && c->answer_body.n <= c->max_body);
	call->running = false;
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct call *call = CONTAINER_OF(c, struct call, c);

	(void)err;
	check(call->running && why != HTTP_FAIL_NONE);
	call->running = false;
}

static const struct http_call_events events = {
	.on_head = on_head, .on_data = on_data, .on_done = on_done, .on_fail = on_fail};

static void turns(struct loop *l, int n)
{
	for (int i = 0; i < n; i++) {
		check(loop_turn(l, 0, NULL) == ERR_OK);
	}
}

static void begin(struct world *w, struct http_pool *p)
{
	for (int i = 0; i < CALLS; i++) {
		struct call *call = &w->calls[i];

		call->world = w;
		call->running = true;
		call->c = (struct http_call){
			.on = &events,
			.pool = p,
			.request = {.method = i ? STR("POST") : STR("GET"), .target = STR("/")},
			.body = i ? STR("body") : STR(""),
			.max_body = 1000,
		};
		http_call_start(&call->c);
	}
}

static void unpause(struct world *w)
{
	for (int i = 0; i < CALLS; i++) {
		if (w->calls[i].running && w->calls[i].c.answer) {
			http_call_pause(&w->calls[i].c, false);
		}
	}
}

/* Appends one record's frame; the bytes of input it took. */
static size_t put_record(struct buf *to, const uint8_t *data, size_t n)
{
	size_t length = data[3] < 200 ? data[3] : 200 + (size_t)(data[3] - 200) * 64;
	unsigned char head[FRAME_HEADER] = {0};

	length = length < n - 4 ? length : n - 4;
	head[1] = (unsigned char)(length >> 8);
	head[2] = (unsigned char)length;
	head[3] = data[0];
	head[4] = data[1];
	head[8] = data[2];
	buf_append(to, str_make((const char *)head, sizeof(head)));
	buf_append(to, str_make((const char *)data + 4, length));
	return 4 + length;
}

static void play(struct world *w, struct loop *l, int fd, const uint8_t *data, size_t n)
{
	static char sink[1 << 16];
	struct buf out;

	buf_init(&out, 1 << 20);
	buf_append(&out, str_make("\0\0\0\4\0\0\0\0\0", FRAME_HEADER));
	for (size_t at = 0; n - at >= 4;) {
		bool rests = data[at] == 255;

		at += rests ? 1 : put_record(&out, data + at, n - at);
		if (rests || n - at < 4) {
			(void)send(fd, buf_str(&out).p, buf_len(&out), MSG_NOSIGNAL);
			buf_clear(&out);
			turns(l, 2);
			unpause(w);
			turns(l, 1);
			(void)recv(fd, sink, sizeof(sink), 0);
		}
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct h2_lib *lib;
	struct world w = {0};
	struct http_pool_config c = {.dial = on_dial, .user = &w, .host = STR("upstream")};
	struct http_pool *p;
	struct loop l;
	int fds[2];

	if (n < 2 || n > 30000) {
		return 0;
	}
	check(lib || h2_lib_load(&lib, NULL) == ERR_OK);
	w.how = data[0];
	c.h2 = lib;
	check(loop_init(&l, NULL) == ERR_OK);
	check(http_pool_new(&l, &c, &p, NULL) == ERR_OK);
	begin(&w, p);
	check(w.asked);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	http_pool_connected_h2(p, w.ticket, fds[1]);
	turns(&l, 2);
	play(&w, &l, fds[0], data + 1, n - 1);
	(void)close(fds[0]);
	turns(&l, 3);
	http_pool_free(p);
	for (int i = 0; i < CALLS; i++) {
		check(!w.calls[i].running);
	}
	loop_done(&l);
	return 0;
}
