/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever frames a client of HTTP/2 sends, and whatever the handler does with its requests: every
 * request ends exactly once, its head obeys the rules of HTTP/1, nothing leaks, and all that comes
 * back is whole frames that a client may get.
 *
 * Input: one byte of the handler's behaviour, then records: type, flags, stream, length of the
 * payload (in bytes; from 200 on in steps of 64), payload. Type 255 lets the server rest.
 */
#include "http/h2.h"
#include "http/server.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FRAME_HEADER = 9, MAX_FRAME = 16384, LAST_TYPE = 9, PUSH_PROMISE = 5, MANY = 300 };

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

struct world {
	unsigned how;
	int open, n_held;
	struct http_req *held[MANY];
};

static struct world *of(struct http_req *req)
{
	return http_server_user(req->server);
}

static void hold(struct http_req *req)
{
	struct world *w = of(req);

	check(w->n_held < MANY);
	w->held[w->n_held++] = req;
}

static void forget(struct world *w, const struct http_req *req)
{
	for (int i = 0; i < w->n_held; i++) {
		if (w->held[i] == req) {
			w->held[i] = w->held[--w->n_held];
			return;
		}
	}
}

/* Written anew, the head is the same to the parser of HTTP/1. */
static void check_head(const struct h1_head *h)
{
	check(h->method_text.n && h->authority.n && h->n_fields <= H1_MAX_FIELDS);
	check(h->form == HTTP_FORM_ASTERISK || (h->path.n && h->path.p[0] == '/'));
	check(!h1_get(h, HTTP_F_CONNECTION).p && !h1_get(h, HTTP_F_TRANSFER_ENCODING).p);
	for (size_t i = 0; i < h->n_fields; i++) {
		check(http_is_token(h->fields[i].name) && http_is_value(h->fields[i].value));
	}
}

static void on_request(struct http_req *req)
{
	struct world *w = of(req);

	w->open++;
	check_head(&req->head);
	switch (w->how % 5) {
	case 0:
		http_collect(req, 3000);
		return;
	case 1:
		http_stream(req);
		return;
	case 2:
		http_respond(req, 403, NULL, 0, STR("no"));
		return;
	case 3:
		http_stream(req);
		http_body_pause(req, true);
		hold(req);
		return;
	default:
		return;
	}
}

static void on_body(struct http_req *req, struct str bytes)
{
	if ((of(req)->how & 32) && bytes.n && bytes.p[0] == '!') {
		http_req_drop(req);
	}
}

static void on_body_complete(struct http_req *req)
{
	struct world *w = of(req);

	forget(w, req);
	if (w->how & 64) {
		if (http_respond_begin(req, 200, NULL, 0, -1)) {
			(void)http_respond_write(req, STR("piece"));
			(void)http_respond_write(req, req->body);
		}
		http_respond_end(req);
	} else if (w->how & 128) {
		hold(req);
	} else {
		http_respond(req, 200, req->head.fields, req->head.n_fields, req->body);
	}
}

static void on_end(struct http_req *req)
{
	of(req)->open--;
	forget(of(req), req);
}

static const struct http_handler handler = {
	.on_request = on_request,
	.on_body = on_body,
	.on_body_complete = on_body_complete,
	.on_end = on_end,
};

static void turns(struct loop *l, int n)
{
	for (int i = 0; i < n; i++) {
		check(loop_turn(l, 0, NULL) == ERR_OK);
	}
}

static void let_go(struct world *w, struct loop *l)
{
	for (int i = 0; i < 20 && w->n_held; i++) {
		struct http_req *req = w->held[--w->n_held];

		if (w->how % 5 == 3) {
			http_body_pause(req, false);
		} else {
			http_respond(req, 202, NULL, 0, STR("later"));
		}
		turns(l, 2);
	}
}

static void check_frames(const unsigned char *p, size_t n)
{
	while (n >= FRAME_HEADER) {
		size_t length = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];

		check(length <= MAX_FRAME && p[3] <= LAST_TYPE && p[3] != PUSH_PROMISE);
		if (n < FRAME_HEADER + length) {
			return; /* the last may be cut */
		}
		p += FRAME_HEADER + length;
		n -= FRAME_HEADER + length;
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

static size_t receive(int fd, char *got, size_t have, size_t room)
{
	ssize_t r;

	while (have < room && (r = recv(fd, got + have, room - have, 0)) > 0) {
		have += (size_t)r;
	}
	return have;
}

static void play(struct world *w, struct loop *l, int fd, const uint8_t *data, size_t n)
{
	static char got[1 << 20];
	size_t have = 0;
	struct buf out;

	buf_init(&out, 1 << 20);
	buf_append(&out, STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
	buf_append(&out, str_make("\0\0\0\4\0\0\0\0\0", FRAME_HEADER));
	for (size_t at = 0; n - at >= 4;) {
		bool rests = data[at] == 255;

		at += rests ? 1 : put_record(&out, data + at, n - at);
		if (rests || n - at < 4) {
			(void)send(fd, buf_str(&out).p, buf_len(&out), MSG_NOSIGNAL);
			buf_clear(&out);
			turns(l, 2);
			let_go(w, l);
			have = receive(fd, got, have, sizeof(got));
		}
	}
	buf_done(&out);
	turns(l, 3);
	have = receive(fd, got, have, sizeof(got));
	if (have < sizeof(got)) {
		check_frames((const unsigned char *)got, have);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct h2_lib *lib;
	struct world w = {0};
	struct http_server_config c = {.handler = &handler, .user = &w, .max_body = 20000};
	struct net_peer peer = {0};
	struct http_server *s;
	struct loop l;
	int fds[2];

	if (n < 2 || n > 30000) {
		return 0;
	}
	check(lib || h2_lib_load(&lib, NULL) == ERR_OK);
	w.how = data[0];
	c.h2 = lib;
	check(loop_init(&l, NULL) == ERR_OK);
	check(http_server_new(&l, &c, &s, NULL) == ERR_OK);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	check(http_server_adopt(s, fds[1], str_make(NULL, 0), &peer, NULL) == ERR_OK);
	play(&w, &l, fds[0], data + 1, n - 1);
	(void)close(fds[0]);
	turns(&l, 3);
	let_go(&w, &l);
	http_server_free(s);
	check(w.open == 0);
	loop_done(&l);
	return 0;
}
