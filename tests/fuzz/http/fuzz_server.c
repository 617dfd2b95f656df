/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a client sends, in pieces of any size, and whatever the handler does
 * with its requests: every request ends exactly once, nothing leaks, and all
 * that comes back is a sequence of well-formed responses (the last may be cut).
 *
 * Input: one byte of piece size, one of the handler's behaviour, the client's bytes.
 */
#include "http/h1_body.h"
#include "http/server.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

struct world {
	unsigned how;
	int open;
	struct http_req *held;
};

static struct world *of(struct http_req *req)
{
	return http_server_user(req->server);
}

static void on_request(struct http_req *req)
{
	struct world *w = of(req);

	w->open++;
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
		w->held = req;
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

	if (w->how & 64) {
		check(http_respond_begin(req, 200, NULL, 0, -1));
		(void)http_respond_write(req, STR("piece"));
		(void)http_respond_write(req, req->body);
		http_respond_end(req);
	} else if (w->how & 128) {
		w->held = req;
	} else {
		http_respond(req, 200, req->head.fields, req->head.n_fields, req->body);
	}
}

static void on_end(struct http_req *req)
{
	struct world *w = of(req);

	w->open--;
	w->held = w->held == req ? NULL : w->held;
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
	for (int i = 0; i < 20 && w->held; i++) {
		struct http_req *req = w->held;

		w->held = NULL;
		if (w->how % 5 == 3) {
			http_body_pause(req, false);
		} else {
			http_respond(req, 202, NULL, 0, STR("later"));
		}
		turns(l, 3);
	}
}

/* All of `in` is responses, one behind the other. */
static void check_responses(struct str in, bool head_only)
{
	struct http_field fields[H1_MAX_FIELDS];
	struct h1_head h;

	while (in.n) {
		enum h1_body_result r = H1_BODY_DATA;
		struct h1_body b;
		struct str data;
		size_t used;

		h1_head_init(&h, true, fields, H1_MAX_FIELDS);
		check(h1_parse(&h, in, NULL) == H1_DONE);
		if (head_only) {
			return; /* answers to HEAD cannot be told from others here */
		}
		in = str_from(in, h.size);
		h1_body_init(&b, h.framing, h.body_len);
		while (r == H1_BODY_DATA) {
			r = h1_body_read(&b, in, &used, &data, NULL);
			in = str_from(in, used);
		}
		check(r == H1_BODY_END || h.framing == HTTP_UNTIL_CLOSE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char got[1 << 20];
	struct world w = {0};
	struct http_server_config c = {.handler = &handler, .user = &w, .max_body = 20000};
	struct net_peer peer = {0};
	struct http_server *s;
	struct loop l;
	size_t have = 0;
	ssize_t r;
	int fds[2];

	if (n < 2 || n > 30000) {
		return 0;
	}
	w.how = data[1];
	check(loop_init(&l, NULL) == ERR_OK);
	check(http_server_new(&l, &c, &s, NULL) == ERR_OK);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	check(http_server_adopt(s, fds[1], str_make(NULL, 0), &peer, NULL) == ERR_OK);
	for (size_t at = 2, step = (size_t)data[0] * 8 + 1; at < n; at += step) {
		size_t k = n - at < step ? n - at : step;

		if (send(fds[0], data + at, k, MSG_NOSIGNAL) < 0) {
			break;
		}
		turns(&l, 2);
		let_go(&w, &l);
		while (have < sizeof(got) &&
		       (r = recv(fds[0], got + have, sizeof(got) - have, 0)) > 0) {
			have += (size_t)r;
		}
	}
	(void)shutdown(fds[0], SHUT_WR);
	turns(&l, 5);
	let_go(&w, &l);
	turns(&l, 5);
	while (have < sizeof(got) && (r = recv(fds[0], got + have, sizeof(got) - have, 0)) > 0) {
		have += (size_t)r;
	}
	if (have < sizeof(got)) {
		struct str all = str_make((const char *)data, n);

		check_responses(str_make(got, have), str_find_str(all, STR("HEAD")) < all.n);
	}
	(void)close(fds[0]);
	turns(&l, 3);
	http_server_free(s);
	check(w.open == 0);
	loop_done(&l);
	return 0;
}
