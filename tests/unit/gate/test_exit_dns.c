/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver of a run, and connections that are captured, over sockets of this machine. */
#include "tests/test.h"

#include "egress/dns.h"
#include "gate/gate.h"

#include "tests/unit/gate/fake_scribe.h"
#include "tests/unit/gate/rules_help.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define POLICIES                                                                                   \
	"permit (principal, action == Writ::Action::\"connect\", resource in "                     \
	"Writ::Host::\"git.test\");"

#define QUESTION "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define GIT      "\x03git\x04test\x00"
#define EVIL                                                                                       \
	"\x04"                                                                                     \
	"evil\x04test\x00"
#define A    "\x00\x01\x00\x01"
#define AAAA "\x00\x1c\x00\x01"

static struct gate gate;
static struct fake_scribe scribe;
static struct session *run;
static int udp, tcp, capture; /* how programs inside see them */

static int bound(int type, int *ret_program)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), off = 0, on = 1;
	socklen_t n = sizeof(at);

	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(type == SOCK_STREAM ? listen(fd, 8) : 0, 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	/* 127.0.0.2: the answer comes from where it was asked, not from where the kernel would send. */
	*ret_program = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)connect(*ret_program,
		      (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET,
							       .sin_port = at.sin6_port,
							       .sin_addr = {htonl(0x7f000002)}},
		      sizeof(struct sockaddr_in));
	return fd;
}

static int begin(void **state)
{
	struct err err;
	struct buf cert;

	(void)state;
	assert_int_equal(gate_init(&gate, 0, &err), ERR_OK);
	gate.rules = rules_of(POLICIES);
	gate.sessions.max = 10;
	run = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	assert_int_equal(recorder_connect(&gate.recorder, fake_scribe_open(&scribe), &err), ERR_OK);
	buf_init(&cert, 4096);
	assert_int_equal(gate_exit_open(&gate, run, &cert, &err), ERR_OK);
	assert_int_equal(buf_len(&cert), 0); /* nothing is looked into */
	buf_done(&cert);
	assert_int_equal(gate_exit_listen(&gate, run, EXIT_DNS, bound(SOCK_DGRAM, &udp), &err),
			 ERR_OK);
	assert_int_equal(gate_exit_listen(&gate, run, EXIT_DNS, bound(SOCK_STREAM, &tcp), &err),
			 ERR_OK);
	assert_int_equal(
		gate_exit_listen(&gate, run, EXIT_CAPTURE, bound(SOCK_STREAM, &capture), &err),
		ERR_OK);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	gate_exit_close(&gate, run);
	settle(&gate.loop);
	assert_int_equal(run->busy, 0);
	gate_done(&gate);
	chan_done(&scribe.chan);
	close(udp);
	close(tcp);
	close(capture);
	return 0;
}

static struct str asked(int fd, struct str question)
{
	static char in[2048];
	ssize_t n;

	assert_int_equal(write(fd, question.p, question.n), question.n);
	settle(&gate.loop);
	n = read(fd, in, sizeof(in));
	return str_make(in, n > 0 ? (size_t)n : 0);
}

#define ASK(fd, text) asked(fd, str_make(text, sizeof(text) - 1))

static void a_name_that_could_be_permitted_has_an_address_of_the_pool(void **state)
{
	struct str answer = ASK(udp, QUESTION GIT A);

	(void)state;
	assert_int_equal(answer.n, sizeof(QUESTION GIT A) - 1 + 16);
	assert_memory_equal(answer.p + answer.n - 4, "\xc6\x12\x00\x01", 4);
	answer = ASK(udp, QUESTION GIT AAAA);
	assert_int_equal(answer.n, sizeof(QUESTION GIT A) - 1 + 28);
	assert_memory_equal(answer.p + answer.n - 16, "\x20\x01\0\2\0\0\0\0\0\0\0\0\xc6\x12\0\1",
			    16);
	answer = ASK(udp, QUESTION GIT "\x00\x10\x00\x01");
	assert_int_equal(answer.n, sizeof(QUESTION GIT A) - 1); /* it exists, but no text of it */
	assert_int_equal(answer.p[3] & 15, EGRESS_DNS_FINE);
}

static void every_other_name_does_not_exist(void **state)
{
	struct str answer = ASK(udp, QUESTION EVIL A);

	(void)state;
	assert_int_equal(answer.p[3] & 15, EGRESS_DNS_NO_NAME);
	answer = ASK(udp, QUESTION EVIL AAAA);
	assert_int_equal(answer.p[3] & 15, EGRESS_DNS_NO_NAME);
	answer = ASK(udp, QUESTION "\x00" A);
	assert_int_equal(answer.p[3] & 15, EGRESS_DNS_NO_NAME);
}

static void what_is_no_question_is_not_answered(void **state)
{
	(void)state;
	assert_int_equal(ASK(udp, "x").n, 0);
	assert_int_equal(ASK(udp, "\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00" GIT A).n, 0);
	assert_int_not_equal(ASK(udp, QUESTION GIT A).n, 0); /* and it goes on */
}

static void over_tcp_questions_are_answered_one_by_one(void **state)
{
	struct str answer = ASK(tcp, "\x00\x1a" QUESTION GIT A "\x00\x1b" QUESTION EVIL);

	(void)state;
	assert_int_equal(answer.n, 2 + sizeof(QUESTION GIT A) - 1 + 16);
	assert_int_equal(answer.p[1], answer.n - 2);
	answer = ASK(tcp, A);
	assert_int_equal(answer.p[5] & 15, EGRESS_DNS_NO_NAME);
}

static void over_tcp_one_that_is_too_long_ends_the_connection(void **state)
{
	char byte;

	(void)state;
	assert_int_equal(ASK(tcp, "\x02\x01").n, 0);
	assert_int_equal(read(tcp, &byte, 1), 0);
}

static void a_second_resolver_is_refused(void **state)
{
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(gate_exit_listen(&gate, run, EXIT_DNS, bound(SOCK_DGRAM, &fd), &err),
			 ERR_INVALID);
	close(fd);
}

/* A program that connects to its own loopback meant nobody outside. */
static void what_was_meant_for_loopback_is_reset(void **state)
{
	char byte;

	(void)state;
	settle(&gate.loop);
	assert_int_equal(read(capture, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(a_name_that_could_be_permitted_has_an_address_of_the_pool),
		T(every_other_name_does_not_exist),
		T(what_is_no_question_is_not_answered),
		T(over_tcp_questions_are_answered_one_by_one),
		T(over_tcp_one_that_is_too_long_ends_the_connection),
		T(a_second_resolver_is_refused),
		T(what_was_meant_for_loopback_is_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
