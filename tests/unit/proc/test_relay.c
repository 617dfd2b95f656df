/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "ipc/relay.h"
#include "proc/grants.h"
#include "proc/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define CREDENTIAL "Authorization: Bearer s3cret\r\n"

static struct loop loop;
static struct relays relays = {.loop = &loop};
static struct upstream entry;
static size_t count;
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

static void each_head_gets_the_credential_behind_it_once(void **state)
{
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 16);
	piece(&in, RELAY_HEAD, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 13\r\n");
	piece(&in, RELAY_BODY, "body one");
	piece(&in, RELAY_BODY, ", two");
	piece(&in, RELAY_HEAD, "GET /b HTTP/1.1\r\nHost: h\r\n");
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

static void a_token_goes_with_each_head_until_it_ends(void **state)
{
	static const struct config_url url = {.text = STR_INIT("https://h/mcp")};
	struct grants grants = {.loop = &loop};
	struct grant token = {.of = &grants, .url = url.text};
	struct buf in;
	struct err err;

	(void)state;
	assert_int_equal(secret_copy(&token.line, STR("Authorization: Bearer one\r\n"), &err),
			 ERR_OK);
	entry.grant = &token;
	entry.url = &url;
	buf_init(&in, 1 << 16);
	piece(&in, RELAY_HEAD, "GET /a HTTP/1.1\r\nHost: h\r\n");
	send_all(buf_str(&in));
	turns();
	assert_true(token.used);
	secret_done(&token.line);
	assert_int_equal(secret_copy(&token.line, STR("Authorization: Bearer two\r\n"), &err),
			 ERR_OK);
	send_all(buf_str(&in)); /* the connection goes on with the next one */
	turns();
	token.until = loop.now;
	send_all(buf_str(&in));
	turns();
	token.until = 0;
	token.url =
		STR("https://elsewhere/mcp"); /* the server has moved; this connection has not */
	send_all(buf_str(&in));
	turns();
	assert_true(drain(server, &seen));
	assert_str_equal(buf_str(&seen),
			 STR("GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer one\r\n\r\n"
			     "GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer two\r\n\r\n"
			     "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
			     "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"));
	entry.grant = NULL;
	secret_done(&token.line);
	buf_done(&in);
}

static void the_credential_comes_with_the_last_byte_of_a_head_only(void **state)
{
	const char *head = "POST / HTTP/1.1\r\nHost: h\r\n";
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 16);
	piece(&in, RELAY_HEAD, head);
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
	hostile("\3\1\0\0\0x", 6); /* an unknown one */
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
		hostile(in.p, in.end);
		buf_done(&in);
	}
}

static void a_slow_server_slows_the_gate_down(void **state)
{
	static char big[1 << 20];
	struct buf in;
	size_t sent = 0;
	struct err err;

	(void)state;
	buf_init(&in, 2 << 20);
	piece(&in, RELAY_HEAD, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 67108864\r\n");
	relay_frame(&in, RELAY_BODY, 64 << 20);
	assert_int_equal(send(gate, in.p, in.end, 0), in.end);
	for (int i = 0; i < 400; i++) {
		ssize_t n = send(gate, big, sizeof(big), MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		assert_int_equal(loop_turn(&loop, 0, &err), ERR_OK);
	}
	assert_int_equal(count, 1);
	/* Two sockets' buffers, and what the relay holds. */
	assert_true(sent < 2 << 20);
	for (int i = 0; i < 200; i++) { /* and it goes on when the server reads */
		ssize_t n = send(gate, big, sizeof(big), MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		turns();
		assert_true(drain(server, &seen));
	}
	assert_true(sent > 4 << 20);
	for (int i = 0; i < 50; i++) {
		turns();
		assert_true(drain(server, &seen));
	}
	assert_true(buf_len(&seen) > sent); /* with the head and what it gained */
	assert_int_equal(buf_len(&seen) - sent, str_find_str(buf_str(&seen), STR("\r\n\r\n")) + 4);
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
		T(a_slow_gate_slows_the_server_down),
		T(an_answer_arrives_whole_before_the_end),
		T(a_gate_that_closes_cancels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
