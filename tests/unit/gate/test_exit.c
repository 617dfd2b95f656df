/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exit of a gate whose scribe and whose exit role are played by the test: what is
 * recorded, what is asked of the role that dials, and in which order.
 */
#include "tests/test.h"

#include "gate/gate.h"

#include "net/listen.h"
#include "tests/unit/egress/hello_bytes.h"
#include "tests/unit/gate/fake_scribe.h"
#include "tests/unit/gate/rules_help.h"

#include <errno.h>
#include <sys/socket.h>

#define POLICIES                                                                                   \
	"@id(\"git\") permit (principal, action == Writ::Action::\"connect\", resource in "        \
	"Writ::Host::\"git.test\");"                                                               \
	"@id(\"asks\") permit (principal, action, resource in Writ::Host::\"ask.test\");"          \
	"@id(\"ask\") @ask(\"owner\") forbid (principal, action, resource in "                     \
	"Writ::Host::\"ask.test\") unless { context.w has approval };"                             \
	"@id(\"gets\") @reason(\"only reading\") forbid (principal, action == "                    \
	"Writ::Action::\"connect\", resource) when { context.input has method && "                 \
	"context.input.method != \"GET\" };"

static struct gate gate;
static struct fake_scribe scribe;
static struct chan exit_role;
static struct session *run;
static struct arena arena;
static uint8_t dial_flags;
static int client, server_side; /* of the client's connection; what the exit role dialled */

static int connect_to(int listener)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(getsockname(listener, (struct sockaddr *)&ss, &n), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, n), 0);
	return fd;
}

static int begin(void **state)
{
	char name[64];
	struct net_addr at;
	struct buf cert;
	struct err err;
	int ends[2], listener;

	(void)state;
	assert_int_equal(gate_init(&gate, 0, &err), ERR_OK);
	gate.rules = rules_of(POLICIES);
	gate.sessions.max = 10;
	arena_init(&arena, 16 << 20);
	run = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	assert_int_equal(recorder_connect(&gate.recorder, fake_scribe_open(&scribe), &err), ERR_OK);
	assert_int_equal(chan_pair(ends, &err), ERR_OK);
	chan_init(&exit_role, ends[1], 1 << 20);
	assert_int_equal(dialer_connect(&gate.exits.dialer, ends[0], &err), ERR_OK);
	(void)snprintf(name, sizeof(name), "unix:@writ-test-exit-%d", (int)getpid());
	assert_int_equal(net_addr_parse(str_from_c(name), &at, &err), ERR_OK);
	assert_int_equal(net_listen(&at, NULL, &listener, &err), ERR_OK);
	client = connect_to(listener);
	buf_init(&cert, 4096);
	assert_int_equal(gate_exit_open(&gate, run, &cert, &err), ERR_OK);
	buf_done(&cert);
	assert_int_equal(gate_exit_listen(&gate, run, EXIT_PROXY, listener, &err), ERR_OK);
	server_side = -1;
	return 0;
}

static int finish(void **state)
{
	(void)state;
	gate_exit_close(&gate, run);
	settle(&gate.loop);
	assert_int_equal(run->busy, 0);
	assert_int_equal(gate.exits.n_tunnels, 0);
	assert_int_equal(run->n_tunnels, 0);
	assert_int_equal(gate.rules->refs, 1);
	gate_done(&gate);
	chan_done(&scribe.chan);
	chan_done(&exit_role);
	arena_done(&arena);
	close(client);
	if (server_side >= 0) {
		close(server_side);
	}
	return 0;
}

static void say(const char *text)
{
	assert_int_equal(write(client, text, strlen(text)), strlen(text));
	settle(&gate.loop);
}

static struct str heard(int fd)
{
	static char in[8192];
	ssize_t n;

	settle(&gate.loop);
	n = read(fd, in, sizeof(in) - 1);
	return str_make(in, n > 0 ? (size_t)n : 0);
}

static void assert_heard(const char *part)
{
	struct str all = heard(client);

	if (str_find_str(all, str_from_c(part)) == all.n) {
		fail_msg("'" STR_FMT "' lacks '%s'", STR_ARG(all), part);
	}
}

static bool is_closed(int fd)
{
	char byte;

	settle(&gate.loop);
	return read(fd, &byte, 1) == 0;
}

/* The next entry of this kind; all before it are let through. */
static struct ledger_entry recorded(enum ledger_kind kind)
{
	struct ledger_entry e;
	struct err err;

	for (;;) {
		fake_scribe_await(&scribe, &gate.loop);
		for (uint32_t i = 0; i < scribe.n; i++) {
			struct str bytes = arena_dup(&arena, scribe.entries[i]);

			if (str_find_str(bytes, STR("\"kind\":\"salt\"")) < bytes.n) {
				continue;
			}
			assert_int_equal(ledger_entry_decode(bytes, &arena, &e, &err), ERR_OK);
			if (e.kind == kind) {
				return e;
			}
		}
		fake_scribe_ack(&scribe, scribe.batch, 7);
		settle(&gate.loop);
	}
}

static void acknowledge(void)
{
	fake_scribe_ack(&scribe, scribe.batch, 7);
	settle(&gate.loop);
}

/* What the exit role is asked next; token 0 when nothing. */
static uint64_t dial_asked(const char *host, unsigned port)
{
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	static char in[1024];
	struct frame_reader r;
	struct str frame;
	struct err err;
	uint64_t token;

	settle(&gate.loop);
	if (chan_recv(&exit_role, in, sizeof(in), &frame, fds, &n_fds, &err) == ERR_AGAIN) {
		return 0;
	}
	assert_int_equal(frame_open(&r, frame), IPC_DIAL_HOST);
	token = frame_get_u64(&r);
	assert_str_equal(frame_get_str(&r), str_from_c(host));
	assert_int_equal(frame_get_u32(&r), port);
	dial_flags = frame_get_u8(&r);
	assert_int_not_equal(frame_get_u64(&r), 0);
	assert_true(frame_ok(&r));
	return token;
}

static void dialled(uint64_t token)
{
	struct frame_writer w;
	char out[64];
	struct err err;
	int ends[2];

	assert_true(token != 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
			 0);
	server_side = ends[0];
	frame_begin(&w, out, sizeof(out), IPC_DIALED);
	frame_put_u64(&w, token);
	frame_put_u8(&w, IPC_DIAL_DIRECT);
	assert_int_equal(chan_send(&exit_role, frame_bytes(&w), &ends[1], 1, &err), ERR_OK);
	settle(&gate.loop);
}

static void not_dialled(uint64_t token, enum ipc_not_dialed why)
{
	struct frame_writer w;
	char out[64];
	struct err err;

	frame_begin(&w, out, sizeof(out), IPC_NOT_DIALED);
	frame_put_u64(&w, token);
	frame_put_str(&w, STR("no"));
	frame_put_u8(&w, (uint8_t)why);
	assert_int_equal(chan_send(&exit_role, frame_bytes(&w), NULL, 0, &err), ERR_OK);
	settle(&gate.loop);
}

/* To an open tunnel to this port. */
static void open_tunnel(const char *request, unsigned port)
{
	say(request);
	assert_int_equal(recorded(LEDGER_DECISION).u.decision.decision, LEDGER_ALLOW);
	acknowledge();
	dialled(dial_asked("git.test", port));
}

static void nothing_is_dialled_before_the_record(void **state)
{
	struct ledger_entry e;

	(void)state;
	say("CONNECT git.test:22 HTTP/1.1\r\nHost: git.test:22\r\n\r\n");
	e = recorded(LEDGER_DECISION);
	assert_str_equal(e.u.decision.resource, STR("Writ::Host::\"git.test:22\""));
	assert_str_equal(e.u.decision.principal, STR("Writ::Agent::\"ci\""));
	assert_str_equal(e.u.decision.action, STR("Writ::Action::\"connect\""));
	assert_int_equal(dial_asked("", 0), 0);
	acknowledge();
	dialled(dial_asked("git.test", 22));
	assert_heard("HTTP/1.1 200 ");
}

/* EXIT-4: a gate cannot look anything up, and the role that can is not asked. */
static void a_refused_host_is_never_asked_for(void **state)
{
	(void)state;
	say("CONNECT secret-in-a-name.evil.test:443 HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(recorded(LEDGER_DECISION).u.decision.decision, LEDGER_DENY);
	acknowledge();
	assert_heard("HTTP/1.1 403 ");
	assert_int_equal(dial_asked("", 0), 0);
}

static void a_refusal_says_policy_reason_and_record(void **state)
{
	struct str all;

	(void)state;
	say("DELETE http://git.test/a HTTP/1.1\r\nHost: git.test\r\n\r\n");
	(void)recorded(LEDGER_DECISION);
	acknowledge();
	all = heard(client);
	assert_true(str_find_str(all, STR("\"policy\":\"gets\"")) < all.n);
	assert_true(str_find_str(all, STR("\"reason\":\"only reading\"")) < all.n);
	assert_true(str_find_str(all, STR("\"record\":")) < all.n);
	assert_int_equal(dial_asked("", 0), 0);
}

static void what_cannot_be_recorded_is_not_done(void **state)
{
	(void)state;
	say("CONNECT git.test:22 HTTP/1.1\r\nHost: git.test:22\r\n\r\n");
	(void)recorded(LEDGER_DECISION);
	fake_scribe_nack(&scribe, scribe.batch, IPC_NACK_FULL);
	settle(&gate.loop);
	assert_heard("HTTP/1.1 503 ");
	assert_int_equal(dial_asked("", 0), 0);
}

static void a_tunnel_carries_bytes_and_its_outcome_counts_them(void **state)
{
	struct ledger_entry e;

	(void)state;
	open_tunnel("CONNECT git.test:22 HTTP/1.1\r\nHost: git.test:22\r\n\r\nearly", 22);
	assert_heard("HTTP/1.1 200 ");
	assert_str_equal(heard(server_side), STR("early"));
	assert_int_equal(write(server_side, "answer", 6), 6);
	assert_str_equal(heard(client), STR("answer"));
	close(client);
	close(server_side);
	client = server_side = -1;
	e = recorded(LEDGER_OUTCOME);
	assert_int_equal(e.u.outcome.status, LEDGER_OK);
	assert_int_equal(e.u.outcome.sent_bytes, 5);
	assert_int_equal(e.u.outcome.result_bytes, 6);
	acknowledge();
}

static void say_hello(const char *name)
{
	struct buf extensions, record;

	buf_init(&extensions, 4096);
	buf_init(&record, 4096);
	hello_name(&extensions, str_from_c(name));
	hello_record(&record, buf_str(&extensions));
	assert_int_equal(write(client, buf_str(&record).p, buf_len(&record)), buf_len(&record));
	buf_done(&extensions);
	buf_done(&record);
	settle(&gate.loop);
}

static void tls_for_the_host_passes(void **state)
{
	(void)state;
	open_tunnel("CONNECT git.test:443 HTTP/1.1\r\nHost: git.test:443\r\n\r\n", 443);
	assert_heard("HTTP/1.1 200 ");
	say_hello("GIT.test");
	assert_true(heard(server_side).n > 40);
}

static void tls_for_another_host_reaches_nobody(void **state)
{
	struct ledger_entry e;

	(void)state;
	open_tunnel("CONNECT git.test:443 HTTP/1.1\r\nHost: git.test:443\r\n\r\n", 443);
	assert_heard("HTTP/1.1 200 ");
	say_hello("evil.test");
	assert_str_equal(heard(client), STR("\x15\x03\x01\0\x02\x02\x70"));
	assert_true(is_closed(client) && is_closed(server_side));
	e = recorded(LEDGER_OUTCOME);
	assert_int_equal(e.u.outcome.status, LEDGER_PROTOCOL_ERROR);
	assert_int_equal(e.u.outcome.sent_bytes, 0);
	acknowledge();
}

static void what_is_not_tls_does_not_pass_where_tls_belongs(void **state)
{
	(void)state;
	open_tunnel("CONNECT git.test:443 HTTP/1.1\r\nHost: git.test:443\r\n\r\nGET / HTTP/1.1\r\n",
		    443);
	assert_true(is_closed(server_side));
	(void)recorded(LEDGER_OUTCOME);
	acknowledge();
}

static void a_special_address_is_told_without_its_number(void **state)
{
	struct str all;

	(void)state;
	say("GET http://git.test/ HTTP/1.1\r\nHost: git.test\r\n\r\n");
	(void)recorded(LEDGER_DECISION);
	acknowledge();
	not_dialled(dial_asked("git.test", 80), IPC_DIAL_FORBIDDEN);
	assert_int_equal(recorded(LEDGER_OUTCOME).u.outcome.status, LEDGER_UNREACHABLE);
	acknowledge();
	all = heard(client);
	assert_true(str_find_str(all, STR("HTTP/1.1 403 ")) < all.n);
	assert_true(str_find_str(all, STR("address_refused")) < all.n);
}

static void a_request_is_sent_in_one_form_with_framing_of_our_own(void **state)
{
	(void)state;
	say("GET http://git.test:8080/a%2Db?q=1 HTTP/1.1\r\nHost: git.test:8080\r\n"
	    "Proxy-Authorization: Basic eA==\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
	    "X-Kept: 2\r\n\r\n");
	(void)recorded(LEDGER_DECISION);
	acknowledge();
	dialled(dial_asked("git.test", 8080));
	assert_str_equal(heard(server_side),
			 STR("GET /a-b?q=1 HTTP/1.1\r\nHost: git.test:8080\r\nX-Kept: 2\r\n\r\n"));
	assert_int_equal(write(server_side, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 40),
			 40);
	assert_int_equal(recorded(LEDGER_OUTCOME).u.outcome.code, 200);
	acknowledge();
	assert_heard("hi");
}

static void what_is_not_asked_of_a_proxy_is_refused_undecided(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\nHost: git.test\r\n\r\n",
		"GET https://git.test/ HTTP/1.1\r\nHost: git.test\r\n\r\n",
		"GET http://git.test/a/../b HTTP/1.1\r\nHost: git.test\r\n\r\n",
		"GET http://git.test/a%2fb HTTP/1.1\r\nHost: git.test\r\n\r\n",
		"GET http://2130706433/ HTTP/1.1\r\nHost: 2130706433\r\n\r\n",
		"GET http://git.test./ HTTP/1.1\r\nHost: git.test.\r\n\r\n",
		"TRACE http://git.test/ HTTP/1.1\r\nHost: git.test\r\n\r\n",
		"CONNECT git.test HTTP/1.1\r\nHost: git.test\r\n\r\n",
		"CONNECT 0x7f.1:80 HTTP/1.1\r\nHost: 0x7f.1:80\r\n\r\n",
		"CONNECT git.test:80 HTTP/1.1\r\nHost: git.test\r\nContent-Length: 1\r\n\r\nx",
		"GET http://git.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int fd = client;
		struct sockaddr_storage ss;
		socklen_t n = sizeof(ss);

		assert_int_equal(getpeername(fd, (struct sockaddr *)&ss, &n), 0);
		say(bad[i]);
		assert_heard("HTTP/1.1 400 ");
		close(fd);
		client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(client, (struct sockaddr *)&ss, n), 0);
		settle(&gate.loop);
		assert_false(fake_scribe_next(&scribe));
	}
}

static void the_end_of_a_run_ends_its_tunnels_and_says_so(void **state)
{
	struct ledger_entry e;

	(void)state;
	open_tunnel("CONNECT git.test:22 HTTP/1.1\r\nHost: git.test:22\r\n\r\nearly", 22);
	assert_heard("HTTP/1.1 200 ");
	gate_exit_close(&gate, run);
	assert_str_equal(heard(server_side), STR("early"));
	assert_true(is_closed(server_side) && is_closed(client));
	e = recorded(LEDGER_OUTCOME);
	assert_int_equal(e.u.outcome.status, LEDGER_CANCELLED);
	assert_int_equal(e.u.outcome.sent_bytes, 5);
}

static void one_agent_does_not_have_all_tunnels(void **state)
{
	unsigned most = (unsigned)gate.rules->config->egress.tunnels;

	(void)state;
	assert_true(most >= 4);
	run->n_tunnels = most - most / 4;
	say("CONNECT git.test:22 HTTP/1.1\r\nHost: git.test:22\r\n\r\n");
	assert_heard("HTTP/1.1 503 ");
	run->n_tunnels = most - most / 4 - 1;
	say("CONNECT git.test:22 HTTP/1.1\r\nHost: git.test:22\r\n\r\n");
	(void)recorded(LEDGER_DECISION);
	run->n_tunnels = 1;
}

static void a_client_that_leaves_while_it_is_dialled_leaves_nothing_behind(void **state)
{
	uint64_t token;

	(void)state;
	say("CONNECT git.test:22 HTTP/1.1\r\nHost: git.test:22\r\n\r\n");
	(void)recorded(LEDGER_DECISION);
	acknowledge();
	token = dial_asked("git.test", 22);
	close(client);
	client = -1;
	assert_int_equal(recorded(LEDGER_OUTCOME).u.outcome.status, LEDGER_CALLER_GONE);
	acknowledge();
	assert_int_equal(gate.exits.n_tunnels, 0);
	dialled(token); /* an answer that nobody waits for */
	assert_true(is_closed(server_side));
}

/* ---- what waits for a person ---- */

static uint64_t held_number;
static char held_text[4096];

static void on_held(struct gate *g, uint64_t n, struct str text)
{
	(void)g;
	held_number = n;
	(void)snprintf(held_text, sizeof(held_text), STR_FMT, STR_ARG(text));
}

static void ask_for_a_person(void)
{
	gate.holds.on_held = on_held;
	say("CONNECT ask.test:22 HTTP/1.1\r\nHost: ask.test:22\r\n\r\n");
	assert_int_equal(recorded(LEDGER_DECISION).u.decision.decision, LEDGER_ASK);
	acknowledge();
	assert_non_null(strstr(held_text, "ask.test"));
	assert_int_equal(gate.holds.n, 1);
	assert_int_equal(dial_asked("", 0), 0);
}

static void a_yes_is_recorded_and_decided_again_before_it_is_dialled(void **state)
{
	struct ledger_entry e;
	struct err err;

	(void)state;
	ask_for_a_person();
	gate_verdict(&gate, held_number + 1, true, 7); /* another one: nothing happens */
	assert_int_equal(gate.holds.n, 1);
	gate_verdict(&gate, held_number, true, 7);
	assert_int_equal(gate.holds.n, 0);
	assert_int_equal(dial_asked("", 0), 0);
	e = recorded(LEDGER_EVENT);
	assert_int_equal(e.u.event.event, LEDGER_APPROVAL_GIVEN);
	assert_str_equal(e.u.event.detail, STR("uid:7"));
	/* In one frame, the answer first. */
	assert_int_equal(scribe.n, 2);
	assert_int_equal(ledger_entry_decode(scribe.entries[1], &arena, &e, &err), ERR_OK);
	assert_int_equal(e.u.decision.decision, LEDGER_ALLOW);
	acknowledge();
	dialled(dial_asked("ask.test", 22));
	assert_heard("HTTP/1.1 200 ");
}

static void a_no_ends_it(void **state)
{
	(void)state;
	ask_for_a_person();
	gate_verdict(&gate, held_number, false, 7);
	assert_heard("approval_refused");
	assert_string_equal(held_text, "");
	assert_int_equal(recorded(LEDGER_EVENT).u.event.event, LEDGER_APPROVAL_REFUSED);
	acknowledge();
	assert_int_equal(dial_asked("", 0), 0);
}

static void who_leaves_is_held_no_more(void **state)
{
	(void)state;
	ask_for_a_person();
	close(client);
	client = -1;
	settle(&gate.loop);
	assert_int_equal(gate.holds.n, 0);
	assert_int_equal(gate.exits.n_tunnels, 0);
	assert_string_equal(held_text, "");
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(nothing_is_dialled_before_the_record),
		T(a_refused_host_is_never_asked_for),
		T(a_refusal_says_policy_reason_and_record),
		T(what_cannot_be_recorded_is_not_done),
		T(a_tunnel_carries_bytes_and_its_outcome_counts_them),
		T(tls_for_the_host_passes),
		T(tls_for_another_host_reaches_nobody),
		T(what_is_not_tls_does_not_pass_where_tls_belongs),
		T(a_special_address_is_told_without_its_number),
		T(a_request_is_sent_in_one_form_with_framing_of_our_own),
		T(what_is_not_asked_of_a_proxy_is_refused_undecided),
		T(the_end_of_a_run_ends_its_tunnels_and_says_so),
		T(one_agent_does_not_have_all_tunnels),
		T(a_client_that_leaves_while_it_is_dialled_leaves_nothing_behind),
		T(a_yes_is_recorded_and_decided_again_before_it_is_dialled),
		T(a_no_ends_it),
		T(who_leaves_is_held_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
