/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "ipc/relay.h"
#include "proc/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define CREDENTIAL "Authorization: Bearer s3cret\r\n"

static const char key[] = "0123456789abcdef0123456789abcdef";
static struct loop loop;
static struct relays relays = {.loop = &loop};
static uint64_t next_record;
static struct upstream entry;
static size_t count;
static unsigned uses;    /* of tokens */
static int gate, server; /* the far ends */
static struct buf seen;  /* what the server got */

static void turns(void)
{
	struct err err;

	for (int i = 0; i < 6; i++) {
		assert_int_equal(loop_turn(&loop, i == 0, &err), ERR_OK);
	}
}

/* An upstream is reached by TCP, whose ends end differently from those of a Unix socket. */
static bool tcp_pair(int ret[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0), bytes = 64 << 10;

	ret[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ||
	    setsockopt(ret[0], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ||
	    setsockopt(ret[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) ||
	    bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &n) ||
	    connect(ret[0], (struct sockaddr *)&at, sizeof(at))) {
		return false;
	}
	ret[1] = accept(listener, NULL, NULL);
	(void)close(listener);
	(void)setsockopt(ret[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return ret[1] >= 0 && fcntl(ret[0], F_SETFL, O_NONBLOCK) == 0 &&
	       fcntl(ret[1], F_SETFL, O_NONBLOCK) == 0;
}

static int begin_with(const char *headers)
{
	int a[2], b[2];
	struct err err;

	count = 0;
	entry = (struct upstream){.name = STR("server:fs")};
	buf_init(&seen, 64 << 20);
	list_init(&relays.all);
	relays.permits.key = str_from_c(key);
	if (loop_init(&loop, &err) || secret_copy(&entry.headers, str_from_c(headers), &err) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a) || !tcp_pair(b)) {
		return -1;
	}
	gate = a[0];
	server = b[0];
	return relay_start(&relays, &entry, a[1], b[1], &count, NULL, &err) == ERR_OK ? 0 : -1;
}

static int begin(void **state)
{
	(void)state;
	return begin_with(CREDENTIAL);
}

static int begin_bare(void **state)
{
	(void)state;
	return begin_with("");
}

static int finish(void **state)
{
	(void)state;
	if (gate >= 0) {
		close(gate);
	}
	turns();
	if (server >= 0) {
		close(server);
	}
	turns();
	assert_int_equal(count, 0); /* no relay outlives its ends */
	secret_done(&entry.headers);
	permit_window_done(&relays.permits.used);
	buf_done(&seen);
	loop_done(&loop);
	return 0;
}

/* Reads until nothing waits; false at the end of the stream. */
static bool drain(int fd, struct buf *to)
{
	for (;;) {
		char bytes[65536];
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n <= 0) {
			return n < 0 && errno == EAGAIN;
		}
		buf_append(to, str_make(bytes, (size_t)n));
	}
}

static void send_all(struct str s)
{
	while (s.n) {
		ssize_t n = send(gate, s.p, s.n, MSG_NOSIGNAL);

		if (n > 0) {
			s = str_from(s, (size_t)n);
		}
		turns();
		assert_true(drain(server, &seen));
	}
}

static void piece(struct buf *b, enum relay_kind kind, const char *text)
{
	relay_frame(b, kind, (uint32_t)strlen(text));
	buf_append(b, str_from_c(text));
}

static void put_permit(struct permit *p, struct buf *to)
{
	uint8_t commitment[SHA256_LEN];

	p->index = next_record++;
	permit_commit(p, commitment);
	permit_mac(str_from_c(key), p, entry.name, commitment, p->mac);
	relay_frame(to, RELAY_PERMIT, PERMIT_FIXED + p->n * SHA256_LEN);
	permit_write(p, to);
}

/* Puts a permit before each head, as if the ledger had a record of it and its body. */
static void permitted(struct buf *in)
{
	struct str from = buf_str(in);
	struct relay_reader r = {0};
	struct permit p = {0};
	struct buf out, rest;

	buf_init(&out, 64 << 20);
	buf_init(&rest, 64 << 20);
	while (from.n) {
		enum relay_kind kind;
		struct str bytes;
		bool end;

		assert_true(relay_next(&r, &from, &kind, &bytes, &end) && end);
		if (kind == RELAY_HEAD && buf_len(&rest)) {
			put_permit(&p, &out);
			buf_append(&out, buf_str(&rest));
			buf_clear(&rest);
		}
		if (kind == RELAY_HEAD) {
			p.n = 0;
		}
		sha256_of(bytes, p.digests[p.n++]);
		relay_frame(&rest, kind, (uint32_t)bytes.n);
		buf_append(&rest, bytes);
	}
	put_permit(&p, &out);
	buf_append(&out, buf_str(&rest));
	assert_false(out.failed || rest.failed);
	buf_done(&rest);
	buf_done(in);
	*in = out;
}

static void each_head_gets_the_credential_behind_it_once(void **state)
{
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 16);
	piece(&in, RELAY_HEAD, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 13\r\n");
	piece(&in, RELAY_BODY, "body one");
	piece(&in, RELAY_BODY, ", two");
	piece(&in, RELAY_HEAD, "GET /b HTTP/1.1\r\nHost: h\r\n");
	permitted(&in);
	send_all(buf_str(&in));
	turns();
	assert_true(drain(server, &seen));
	assert_str_equal(buf_str(&seen),
			 STR("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 13\r\n" CREDENTIAL
			     "\r\n"
			     "body one, two"
			     "GET /b HTTP/1.1\r\nHost: h\r\n" CREDENTIAL "\r\n"));
	buf_done(&in);
}

/* The same request once more, with a record of its own. */
static void again(const struct buf *in)
{
	struct buf copy;

	buf_init(&copy, 64 << 20);
	buf_append(&copy, buf_str(in));
	permitted(&copy);
	send_all(buf_str(&copy));
	buf_done(&copy);
}

static void on_used(struct tokens *t, struct str name)
{
	(void)t;
	assert_str_equal(name, STR("fs"));
	uses++;
}

static void set_token(struct str url, uint64_t until, struct str line)
{
	struct err err;

	assert_int_equal(tokens_set(&relays.tokens, STR("fs"), url, until, line, &err), ERR_OK);
}

static void a_token_goes_with_each_head_until_it_ends(void **state)
{
	static const struct config_url url = {.text = STR_INIT("https://h/mcp")};
	struct tokens *tokens = &relays.tokens;
	struct buf in;
	struct err err;

	(void)state;
	uses = 0;
	tokens->on_used = on_used;
	set_token(url.text, 0, STR("Authorization: Bearer one\r\n"));
	entry.server = STR("fs");
	entry.url = &url;
	buf_init(&in, 1 << 16);
	piece(&in, RELAY_HEAD, "GET /a HTTP/1.1\r\nHost: h\r\n");
	again(&in);
	turns();
	set_token(url.text, 0, STR("Authorization: Bearer one\r\n")); /* it was said again */
	again(&in);
	turns();
	assert_int_equal(uses, 1);
	set_token(url.text, 0, STR("Authorization: Bearer two\r\n"));
	again(&in); /* the connection goes on with the next one */
	turns();
	assert_int_equal(uses, 2);
	set_token(url.text, loop.now, STR("Authorization: Bearer two\r\n"));
	again(&in);
	turns();
	/* The server has moved; this connection has not. */
	set_token(STR("https://elsewhere/mcp"), 0, STR("Authorization: Bearer two\r\n"));
	again(&in);
	turns();
	assert_true(drain(server, &seen));
	assert_str_equal(buf_str(&seen),
			 STR("GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer one\r\n\r\n"
			     "GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer one\r\n\r\n"
			     "GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer two\r\n\r\n"
			     "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
			     "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"));
	assert_int_equal(tokens_set(tokens, STR("fs"), url.text, 0, STR(""), &err), ERR_OK);
	assert_int_equal(tokens->n, 0);
	buf_done(&in);
}

static void the_credential_comes_with_the_last_byte_of_a_head_only(void **state)
{
	const char *head = "POST / HTTP/1.1\r\nHost: h\r\n";
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 16);
	piece(&in, RELAY_HEAD, head);
	permitted(&in);
	for (size_t i = 0; i < in.end; i++) {
		assert_int_equal(str_find_str(buf_str(&seen), STR("s3cret")), buf_len(&seen));
		send_all(str_make(in.p + i, 1));
	}
	turns();
	assert_true(drain(server, &seen));
	assert_str_equal(buf_str(&seen), STR("POST / HTTP/1.1\r\nHost: h\r\n" CREDENTIAL "\r\n"));
	buf_done(&in);
}

/* Bytes of a body that look like a head are a body. */
static void a_body_gets_no_credential(void **state)
{
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 16);
	piece(&in, RELAY_HEAD, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 28\r\n");
	piece(&in, RELAY_BODY, "POST / HTTP/1.1\r\nHost: h\r\n\r\n");
	permitted(&in);
	send_all(buf_str(&in));
	turns();
	assert_true(drain(server, &seen));
	assert_true(str_ends_with(buf_str(&seen),
				  STR(CREDENTIAL "\r\nPOST / HTTP/1.1\r\nHost: h\r\n\r\n")));
	buf_done(&in);
}

static void without_credentials_a_head_gets_its_empty_line(void **state)
{
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 16);
	piece(&in, RELAY_HEAD, "GET / HTTP/1.1\r\nHost: h\r\n");
	permitted(&in);
	send_all(buf_str(&in));
	turns();
	assert_true(drain(server, &seen));
	assert_str_equal(buf_str(&seen), STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
	buf_done(&in);
}

static void the_gate_never_sees_the_credential(void **state)
{
	struct buf in, back;

	(void)state;
	buf_init(&in, 1 << 16);
	buf_init(&back, 1 << 16);
	piece(&in, RELAY_HEAD, "GET / HTTP/1.1\r\nHost: h\r\n");
	permitted(&in);
	send_all(buf_str(&in));
	assert_true(send(server, "HTTP/1.1 204 No\r\n\r\n", 19, 0) == 19);
	turns();
	assert_true(drain(gate, &back));
	assert_str_equal(buf_str(&back), STR("HTTP/1.1 204 No\r\n\r\n"));
	buf_done(&in);
	buf_done(&back);
}

static void hostile(const void *bytes, size_t n)
{
	char byte;

	assert_int_equal(begin_with(CREDENTIAL), 0);
	assert_int_equal(send(gate, bytes, n, 0), n);
	turns();
	assert_int_equal(count, 0);
	assert_int_equal(recv(server, &byte, 1, 0), 0); /* nothing, and the end */
	assert_true(recv(gate, &byte, 1, 0) <= 0);
	finish(NULL);
}

static void what_is_not_framed_closes_both_sides(void **state)
{
	static const unsigned char too_long_head[] = {RELAY_HEAD, 1, 0, 1, 0};

	(void)state;
	hostile("GET / HTTP/1.1\r\n\r\n", 18);
	hostile("\0\1\0\0\0x", 6); /* no kind */
	hostile("\4\1\0\0\0x", 6); /* an unknown one */
	hostile("\1\0\0\0\0", 5);  /* empty pieces */
	hostile("\2\0\0\0\0", 5);
	hostile(too_long_head, sizeof(too_long_head));
	hostile("\1\377\377\377\377", 5);
}

/* A credential inside what the upstream takes for a body could be read back. */
static void a_head_stands_only_where_a_head_begins(void **state)
{
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 16);
	piece(&in, RELAY_BODY, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 400\r\n\r\n");
	piece(&in, RELAY_HEAD, "GET / HTTP/1.1\r\nHost: h\r\n");
	permitted(&in);
	hostile(in.p, in.end);
	buf_done(&in);
}

/* Whatever a gate calls a head: the credential goes into one head of a request and nowhere else. */
static void what_is_not_one_head_gets_no_credential(void **state)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 90\r\n\r\nX: y\r\n",
		"GET / HTTP/1.1\n\nX: y\r\n",
		"GET / HTTP/1.1\r\n\nX: y\r\n",
		"GET / HTTP/1.1\n\r\nX: y\r\n",
		"GET / HTTP/1.1",
		"GET / HTTP/1.1\r\nX: ",
		"\r\n",
		"X",
		"TRACE / HTTP/1.1\r\n",
		"CONNECT h:1 HTTP/1.1\r\n",
		"GET / HTTP/1.1\r\n", /* without Host */
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct buf in;

		buf_init(&in, 1 << 16);
		piece(&in, RELAY_HEAD, heads[i]);
		permitted(&in);
		hostile(in.p, in.end);
		buf_done(&in);
	}
}

/* Gives the relay what it takes now. */
static void offer(struct str *in)
{
	ssize_t n = send(gate, in->p, in->n, MSG_NOSIGNAL);

	*in = str_from(*in, n > 0 ? (size_t)n : 0);
}

static void a_slow_server_slows_the_gate_down(void **state)
{
	enum { PIECES = 12 };
	static char big[PERMIT_PIECE];
	struct str left;
	struct buf in;
	struct err err;

	(void)state;
	buf_init(&in, 64 << 20);
	piece(&in, RELAY_HEAD, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12582912\r\n");
	for (int i = 0; i < PIECES; i++) {
		relay_frame(&in, RELAY_BODY, sizeof(big));
		buf_append(&in, str_make(big, sizeof(big)));
	}
	permitted(&in);
	left = buf_str(&in);
	for (int i = 0; i < 400; i++) {
		offer(&left);
		assert_int_equal(loop_turn(&loop, 0, &err), ERR_OK);
	}
	assert_int_equal(count, 1);
	/* Two sockets' buffers, and what the relay holds: a piece, and one that waits to leave. */
	assert_true(buf_len(&in) - left.n < 4 << 20);
	for (int i = 0; i < 4000 && left.n; i++) { /* and it goes on when the server reads */
		offer(&left);
		turns();
		assert_true(drain(server, &seen));
	}
	for (int i = 0; i < 50; i++) {
		turns();
		assert_true(drain(server, &seen));
	}
	assert_int_equal(buf_len(&seen) - PIECES * sizeof(big),
			 str_find_str(buf_str(&seen), STR("\r\n\r\n")) + 4);
	buf_done(&in);
}

/* ---- RELAY-1: no evidence, no egress ---- */

static void a_request(struct buf *in)
{
	buf_init(in, 1 << 16);
	piece(in, RELAY_HEAD, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n");
	piece(in, RELAY_BODY, "recorded");
}

static void without_a_record_nothing_passes(void **state)
{
	struct buf in;

	(void)state;
	a_request(&in);
	hostile(in.p, in.end);
	buf_done(&in);
}

static void one_changed_byte_does_not_pass(void **state)
{
	(void)state;
	for (unsigned from_end = 1; from_end <= 300; from_end++) {
		struct buf in;
		char byte;

		a_request(&in);
		permitted(&in);
		if (from_end > in.end - 5) {
			buf_done(&in);
			break;
		}
		in.p[in.end - from_end] ^= 1;
		assert_int_equal(begin_with(""), 0);
		assert_int_equal(send(gate, in.p, in.end, 0), in.end);
		turns();
		drain(server, &seen);
		/* A whole head may have left before a changed body: of that not a byte. */
		assert_int_equal(str_find_str(buf_str(&seen), STR("recorde")), buf_len(&seen));
		assert_true(from_end <= 8 + RELAY_HEADER || buf_len(&seen) == 0);
		if (count) { /* a length that was made longer: it waits for what never comes */
			close(gate);
			gate = -1;
			turns();
		}
		assert_true(recv(server, &byte, 1, 0) <= 0);
		finish(NULL);
		buf_done(&in);
	}
}

static void a_record_is_good_once(void **state)
{
	struct buf in;
	size_t once;

	(void)state;
	a_request(&in);
	permitted(&in);
	send_all(buf_str(&in));
	once = buf_len(&seen);
	assert_true(once > 0);
	assert_int_equal(send(gate, in.p, in.end, 0), in.end);
	turns();
	(void)drain(server, &seen);
	assert_int_equal(buf_len(&seen), once);
	assert_int_equal(count, 0);
	buf_done(&in);
}

static void a_record_is_for_its_upstream_and_time_and_key(void **state)
{
	struct buf in;

	(void)state;
	a_request(&in);
	permitted(&in);
	relays.permits.since_us = 1; /* of a connector that died */
	hostile(in.p, in.end);
	relays.permits.since_us = 0;
	for (size_t i = 0; i < 2; i++) {
		struct permits kept = relays.permits;

		assert_int_equal(begin_with(CREDENTIAL), 0);
		if (i == 0) {
			entry.name = STR("server:other");
		} else {
			relays.permits.key = STR("another key, which has 32 bytes.");
		}
		assert_int_equal(send(gate, in.p, in.end, 0), in.end);
		turns();
		assert_int_equal(count, 0);
		assert_false(drain(server, &seen) && buf_len(&seen));
		relays.permits = kept;
		finish(NULL);
	}
	buf_done(&in);
}

static void a_slow_gate_slows_the_server_down(void **state)
{
	static char big[1 << 20];
	size_t sent = 0;
	struct err err;

	(void)state;
	for (int i = 0; i < 400; i++) {
		ssize_t n = send(server, big, sizeof(big), MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		assert_int_equal(loop_turn(&loop, 0, &err), ERR_OK);
	}
	assert_int_equal(count, 1);
	assert_true(sent < 2 << 20);
	for (int i = 0; i < 50; i++) {
		turns();
		assert_true(drain(gate, &seen));
	}
	assert_int_equal(buf_len(&seen), sent);
}

static void an_answer_arrives_whole_before_the_end(void **state)
{
	static char big[300000];

	(void)state;
	for (size_t at = 0; at < sizeof(big);) {
		ssize_t n = send(server, big + at, sizeof(big) - at, MSG_NOSIGNAL);

		at += n > 0 ? (size_t)n : 0;
		turns();
	}
	close(server);
	server = -1;
	turns();
	for (int i = 0; i < 100 && drain(gate, &seen); i++) {
		turns();
	}
	assert_int_equal(buf_len(&seen), sizeof(big));
	assert_int_equal(count, 0);
}

static void a_gate_that_closes_cancels(void **state)
{
	char byte;

	(void)state;
	close(gate);
	gate = -1;
	turns();
	assert_int_equal(count, 0);
	assert_int_equal(recv(server, &byte, 1, 0), 0);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(each_head_gets_the_credential_behind_it_once),
		T(the_credential_comes_with_the_last_byte_of_a_head_only),
		T(a_body_gets_no_credential),
		cmocka_unit_test_setup_teardown(without_credentials_a_head_gets_its_empty_line,
						begin_bare, finish),
		cmocka_unit_test_setup_teardown(a_token_goes_with_each_head_until_it_ends,
						begin_bare, finish),
		T(the_gate_never_sees_the_credential),
		cmocka_unit_test(what_is_not_framed_closes_both_sides),
		cmocka_unit_test(what_is_not_one_head_gets_no_credential),
		cmocka_unit_test(a_head_stands_only_where_a_head_begins),
		T(a_slow_server_slows_the_gate_down),
		cmocka_unit_test(without_a_record_nothing_passes),
		cmocka_unit_test(one_changed_byte_does_not_pass),
		T(a_record_is_good_once),
		cmocka_unit_test(a_record_is_for_its_upstream_and_time_and_key),
		T(a_slow_gate_slows_the_server_down),
		T(an_answer_arrives_whole_before_the_end),
		T(a_gate_that_closes_cancels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
