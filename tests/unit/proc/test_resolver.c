/* SPDX-License-Identifier: Apache-2.0 */
/* The connector's side; the test plays the child that asks name servers. */
#include "tests/test.h"

#include "ipc/frame.h"
#include "proc/resolver.h"

#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

enum { ASK = 1, ANSWER = 2 };

static struct loop loop;
static struct resolver resolver;
static struct chan child, others[RESOLVER_CHILDREN - 1];
static unsigned answers, n_addrs;
static uint64_t token;
static struct net_addr addrs[RESOLVER_MAX_ADDRS];

static void on_answer(struct resolver *r, uint64_t t, const struct net_addr *a, unsigned n)
{
	assert_ptr_equal(r, &resolver);
	assert_true(n <= RESOLVER_MAX_ADDRS);
	answers++;
	token = t;
	n_addrs = n;
	memcpy(addrs, a, n * sizeof(*a));
}

static int begin(void **state)
{
	struct err err;

	(void)state;
	answers = 0;
	resolver = (struct resolver){.on_answer = on_answer};
	if (loop_init(&loop, &err)) {
		return -1;
	}
	for (unsigned i = 0; i < RESOLVER_CHILDREN; i++) {
		int ends[2];

		if (chan_pair(ends, &err)) {
			return -1;
		}
		chan_init(&resolver.children[i].chan, ends[0], 64 << 10);
		chan_init(i ? &others[i - 1] : &child, ends[1], 64 << 10);
	}
	return resolver_watch(&resolver, &loop, &err) == ERR_OK ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RESOLVER_CHILDREN; i++) {
		loop_remove(&loop, &resolver.children[i].f);
		chan_done(&resolver.children[i].chan);
		chan_done(i ? &others[i - 1] : &child);
	}
	for (uint64_t t = 0; t < 10000 && resolver.n_waiting; t++) {
		resolver_forget(&resolver, t);
	}
	loop_done(&loop);
	return 0;
}

static void ask_of(uint64_t asker, uint64_t t, const char *host)
{
	struct err err;

	assert_int_equal(resolver_ask(&resolver, asker, t, str_from_c(host), 443, &err), ERR_OK);
}

static void ask(uint64_t t, const char *host)
{
	ask_of(0, t, host);
}

/* The token of what a child was asked; 0: nothing. */
static uint64_t heard(struct chan *c)
{
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct frame_reader r;
	struct str frame;
	struct err err;
	char in[1024];

	if (chan_recv(c, in, sizeof(in), &frame, fds, &n_fds, &err)) {
		return 0;
	}
	assert_int_equal(frame_open(&r, frame), ASK);
	return frame_get_u64(&r);
}

static void say(const struct frame_writer *w)
{
	struct err err;

	assert_false(w->overflow);
	assert_int_equal(chan_send(&child, frame_bytes(w), NULL, 0, &err), ERR_OK);
	assert_int_equal(loop_turn(&loop, 0, &err), ERR_OK);
}

static void put_ip4(struct frame_writer *w, uint32_t ip, uint16_t port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(ip)}};

	frame_put_str(w, str_make((const char *)&at, sizeof(at)));
}

static void put_ip6(struct frame_writer *w, uint16_t port)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	at.sin6_addr.s6_addr[15] = 1;
	frame_put_str(w, str_make((const char *)&at, sizeof(at)));
}

static void a_question_goes_out_with_its_token(void **state)
{
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct frame_reader r;
	struct str frame;
	struct err err;
	char in[1024];

	(void)state;
	assert_int_equal(resolver_ask(&resolver, 0, 77, STR("mcp.example"), 8443, &err), ERR_OK);
	assert_int_equal(chan_recv(&child, in, sizeof(in), &frame, fds, &n_fds, &err), ERR_OK);
	assert_int_equal(frame_open(&r, frame), ASK);
	assert_int_equal(frame_get_u64(&r), 77);
	assert_str_equal(frame_get_str(&r), STR("mcp.example"));
	assert_int_equal(frame_get_u32(&r), 8443);
	assert_true(frame_ok(&r));
}

static void a_host_name_is_bounded(void **state)
{
	static char name[4096];
	struct err err;

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_int_equal(resolver_ask(&resolver, 0, 1, str_make(name, sizeof(name)), 1, &err),
			 ERR_LIMIT);
}

static void addresses_come_back_in_order(void **state)
{
	struct frame_writer w;
	char out[1024];

	(void)state;
	ask(5, "mcp.example");
	frame_begin(&w, out, sizeof(out), ANSWER);
	frame_put_u64(&w, 5);
	put_ip4(&w, 0xc0000201, 443);
	put_ip6(&w, 443);
	say(&w);
	assert_int_equal(answers, 1);
	assert_int_equal(token, 5);
	assert_int_equal(n_addrs, 2);
	assert_int_equal(addrs[0].kind, NET_ADDR_IP4);
	assert_memory_equal(addrs[0].ip, "\xc0\x00\x02\x01", 4);
	assert_int_equal(addrs[0].port, 443);
	assert_int_equal(addrs[1].kind, NET_ADDR_IP6);
}

static void no_more_addresses_are_taken_than_there_is_room(void **state)
{
	struct frame_writer w;
	char out[1024];

	(void)state;
	ask(5, "mcp.example");
	frame_begin(&w, out, sizeof(out), ANSWER);
	frame_put_u64(&w, 5);
	for (unsigned i = 0; i < 20; i++) {
		put_ip4(&w, i, 1);
	}
	say(&w);
	assert_int_equal(n_addrs, RESOLVER_MAX_ADDRS);
}

static void no_answer_is_an_answer_without_addresses(void **state)
{
	struct frame_writer w;
	char out[1024];

	(void)state;
	ask(6, "mcp.example");
	frame_begin(&w, out, sizeof(out), ANSWER);
	frame_put_u64(&w, 6);
	say(&w);
	assert_int_equal(answers, 1);
	assert_int_equal(n_addrs, 0);
}

static void what_is_no_address_is_left_out(void **state)
{
	static const char zeros[200];
	struct frame_writer w;
	char out[1024];

	(void)state;
	ask(7, "mcp.example");
	frame_begin(&w, out, sizeof(out), ANSWER);
	frame_put_u64(&w, 7);
	frame_put_str(&w, STR(""));
	frame_put_str(&w, STR("\x02"));                                 /* cut */
	frame_put_str(&w, STR("\x02\0\0\1"));                           /* cut later */
	frame_put_str(&w, STR("\x01\0/etc/passwd"));                    /* a Unix socket */
	frame_put_str(&w, str_make(zeros, sizeof(zeros)));              /* too long for any */
	frame_put_str(&w, STR("\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0")); /* no family */
	put_ip4(&w, 1, 2);
	say(&w);
	assert_int_equal(answers, 1);
	assert_int_equal(n_addrs, 1);
	assert_int_equal(addrs[0].port, 2);
}

static void a_cut_answer_reads_nothing_past_its_end(void **state)
{
	struct frame_writer w;
	char out[64];

	(void)state;
	frame_begin(&w, out, sizeof(out), ANSWER);
	ask(8, "mcp.example");
	say(&w); /* without a token: it is nobody's */
	assert_int_equal(answers, 0);
	frame_put_u64(&w, 8);
	frame_put_u32(&w, 16); /* sixteen bytes that do not follow */
	say(&w);
	assert_int_equal(n_addrs, 0);
	answers = 0;
	frame_begin(&w, out, sizeof(out), ASK); /* not what this side hears */
	frame_put_u64(&w, 8);
	say(&w);
	assert_int_equal(answers, 0);
}

static void nothing_is_answered_that_was_not_asked(void **state)
{
	struct frame_writer w;
	char out[64];

	(void)state;
	ask(5, "mcp.example");
	frame_begin(&w, out, sizeof(out), ANSWER);
	frame_put_u64(&w, 6);
	put_ip4(&w, 1, 2);
	say(&w);
	assert_int_equal(answers, 0);
}

/* Somebody's name server that never answers, and a thousand names of it. */
static void names_of_one_domain_hold_up_no_others(void **state)
{
	struct frame_writer w;
	unsigned refused = 0;
	struct err err;
	char out[64];

	(void)state;
	for (uint64_t t = 1; t <= 1000; t++) {
		refused += resolver_ask(&resolver, 0, t, STR("x.slow.example"), 443, &err) ==
			   ERR_LIMIT;
	}
	assert_int_equal(refused, 1000 - 1 - RESOLVER_WAITING_OF_DOMAIN);
	assert_int_equal(heard(&child), 1);
	assert_int_equal(heard(&child), 0);
	ask(2000, "a.good.example");
	assert_int_equal(heard(&others[0]), 2000);
	ask(2001, "b.good.example");
	ask(2002, "other.example");
	assert_int_equal(heard(&others[1]), 2002);
	resolver_forget(&resolver, 2);
	frame_begin(&w, out, sizeof(out), ANSWER);
	frame_put_u64(&w, 1);
	say(&w);
	assert_int_equal(answers, 1);
	assert_int_equal(heard(&child), 3); /* the next of the slow ones that is still wanted */
}

static void answer_to(uint64_t t)
{
	struct frame_writer w;
	char out[64];

	frame_begin(&w, out, sizeof(out), ANSWER);
	frame_put_u64(&w, t);
	say(&w);
}

/* EXIT-9. Three domains whose name servers are silent, all of one agent. */
static void who_asks_for_many_silent_domains_leaves_room_for_others(void **state)
{
	(void)state;
	ask_of(7, 1, "a.silent1.example1");
	ask_of(7, 2, "a.silent2.example2");
	ask_of(7, 3, "a.silent3.example3");
	assert_int_equal(heard(&child), 1);
	assert_int_equal(heard(&others[0]), 2);
	assert_int_equal(heard(&others[1]), 0);
	ask_of(8, 4, "a.good.example");
	assert_int_equal(heard(&others[1]), 4);
	answer_to(1);
	assert_int_equal(heard(&child), 3);
}

static void who_has_fewest_under_way_is_next(void **state)
{
	(void)state;
	ask_of(7, 1, "one.example1");
	ask_of(7, 2, "two.example2");
	ask_of(8, 3, "three.example3");
	ask_of(7, 4, "four.example4");
	ask_of(8, 5, "five.example5");
	ask_of(9, 6, "six.example6");
	assert_int_equal(heard(&child), 1);
	answer_to(1);
	assert_int_equal(heard(&child), 6);
	answer_to(6);
	assert_int_equal(heard(&child), 4);
}

static void the_questions_of_one_agent_that_wait_are_bounded(void **state)
{
	char host[64];
	struct err err;
	uint64_t t = 1;

	(void)state;
	while (t < 4000) {
		(void)snprintf(host, sizeof(host), "h.d%u.example", (unsigned)t);
		if (resolver_ask(&resolver, 7, t, str_from_c(host), 443, &err)) {
			break;
		}
		t++;
	}
	assert_int_equal(t, 1 + RESOLVER_OF_ASKER + RESOLVER_WAITING_OF_ASKER);
	ask_of(8, 9000, "a.good.example");
	resolver_forget(&resolver, 9000);
}

static void a_resolver_that_is_gone_stops_the_role(void **state)
{
	struct err err;

	(void)state;
	chan_done(&child);
	assert_int_equal(loop_turn(&loop, 0, &err), ERR_OK);
	assert_true(loop.stopping);
	assert_int_equal(resolver_ask(&resolver, 0, 1, STR("h"), 1, &err), ERR_CLOSED);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(a_question_goes_out_with_its_token),
		T(a_host_name_is_bounded),
		T(addresses_come_back_in_order),
		T(no_more_addresses_are_taken_than_there_is_room),
		T(no_answer_is_an_answer_without_addresses),
		T(what_is_no_address_is_left_out),
		T(a_cut_answer_reads_nothing_past_its_end),
		T(nothing_is_answered_that_was_not_asked),
		T(names_of_one_domain_hold_up_no_others),
		T(who_asks_for_many_silent_domains_leaves_room_for_others),
		T(who_has_fewest_under_way_is_next),
		T(the_questions_of_one_agent_that_wait_are_bounded),
		T(a_resolver_that_is_gone_stops_the_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
