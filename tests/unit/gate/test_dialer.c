/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/dialer.h"

#include "tests/unit/gate/fake_scribe.h" /* settle */

#include <fcntl.h>
#include <poll.h>

struct asker {
	struct dial_request request;
	unsigned answers, ends;
	int fd;
	enum ipc_dial_mode mode;
	uint32_t status;
	char reason[128];
	struct asker *forgets; /* another request, given up from inside the answer */
};

static struct loop loop;
static struct dialer dialer;
static struct chan peer; /* the connector's or runner's end */

static void on_answer(struct dial_request *d, int fd, enum ipc_dial_mode mode, struct str reason)
{
	struct asker *a = CONTAINER_OF(d, struct asker, request);

	a->answers++;
	a->fd = fd;
	a->mode = mode;
	(void)snprintf(a->reason, sizeof(a->reason), STR_FMT, STR_ARG(reason));
	if (a->forgets) {
		dialer_forget(&dialer, &a->forgets->request);
	}
}

static void on_ended(struct dial_request *d, uint32_t status)
{
	struct asker *a = CONTAINER_OF(d, struct asker, request);

	a->ends++;
	a->status = status;
}

static void connect_peer(void)
{
	struct err err;
	int ends[2];

	assert_int_equal(chan_pair(ends, &err), ERR_OK);
	chan_init(&peer, ends[1], 1 << 20);
	assert_int_equal(dialer_connect(&dialer, ends[0], &err), ERR_OK);
}

static int begin(void **state)
{
	struct err err;

	(void)state;
	if (loop_init(&loop, &err)) {
		return -1;
	}
	dialer_init(&dialer, &loop);
	connect_peer();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	dialer_done(&dialer);
	chan_done(&peer);
	loop_done(&loop);
	return 0;
}

static void ask(struct asker *a, enum ipc_message what, struct str name)
{
	struct err err;

	*a = (struct asker){.request = {.on_answer = on_answer, .on_ended = on_ended}, .fd = -1};
	assert_int_equal(dialer_ask(&dialer, &a->request, what, name, &err), ERR_OK);
	assert_int_equal(a->answers, 0);
}

/* The next question at the peer: its token; fails when it is not this one. */
static uint64_t asked(enum ipc_message what, struct str name)
{
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct frame_reader r;
	struct str frame;
	static char in[1024];
	struct err err;
	uint64_t token;

	assert_int_equal(chan_recv(&peer, in, sizeof(in), &frame, fds, &n_fds, &err), ERR_OK);
	assert_int_equal(n_fds, 0);
	assert_int_equal(frame_open(&r, frame), what);
	token = frame_get_u64(&r);
	if (what != IPC_STOP) {
		assert_str_equal(frame_get_str(&r), name);
	}
	assert_true(frame_ok(&r));
	return token;
}

static bool peer_hears_nothing(void)
{
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct str frame;
	char in[64];
	struct err err;

	return chan_recv(&peer, in, sizeof(in), &frame, fds, &n_fds, &err) == ERR_AGAIN;
}

static void say(enum ipc_message what, uint64_t token, int mode, const char *reason, int *fds,
		unsigned n_fds)
{
	struct frame_writer w;
	char out[256];
	struct err err;

	frame_begin(&w, out, sizeof(out), (uint8_t)what);
	frame_put_u64(&w, token);
	if (mode >= 0) {
		frame_put_u8(&w, (uint8_t)mode);
	}
	if (reason) {
		frame_put_str(&w, str_from_c(reason));
	}
	if (what == IPC_NOT_DIALED && reason) {
		frame_put_u8(&w, IPC_DIAL_TIMEOUT);
	}
	assert_int_equal(chan_send(&peer, frame_bytes(&w), fds, n_fds, &err), ERR_OK);
	settle(&loop);
}

/* A pipe: the writing end travels, the reading end shows whether it was closed. */
static int travelling(int *ret_fd)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	*ret_fd = ends[1];
	return ends[0];
}

static bool was_closed(int reading_end)
{
	struct pollfd p = {.fd = reading_end, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

static void an_answer_brings_its_descriptor(void **state)
{
	struct asker a, b;
	uint64_t ta, tb;
	int fd, end;

	(void)state;
	ask(&a, IPC_DIAL, STR("server:fs"));
	ask(&b, IPC_DIAL, STR("model:m"));
	ta = asked(IPC_DIAL, STR("server:fs"));
	tb = asked(IPC_DIAL, STR("model:m"));
	assert_true(ta != tb);
	end = travelling(&fd);
	say(IPC_DIALED, tb, IPC_DIAL_RELAY, NULL, &fd, 1);
	assert_int_equal(b.answers, 1);
	assert_int_equal(b.mode, IPC_DIAL_RELAY);
	assert_true(b.fd >= 0);
	assert_int_equal(a.answers, 0);
	assert_false(was_closed(end));
	close(b.fd);
	assert_true(was_closed(end));
	close(end);
	say(IPC_NOT_DIALED, ta, -1, "no route", NULL, 0);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.fd, -1);
	assert_string_equal(a.reason, "no route");
	assert_int_equal(a.request.why, IPC_DIAL_TIMEOUT);
}

/* ---- relays ---- */

static struct chan relay;

static void connect_relay(unsigned index)
{
	struct err err;
	int ends[2];

	assert_int_equal(chan_pair(ends, &err), ERR_OK);
	chan_init(&relay, ends[1], 1 << 20);
	assert_int_equal(dialer_connect_relay(&dialer, index, ends[0], &err), ERR_OK);
}

static void relay_says(enum ipc_message what, uint64_t token, int fd)
{
	char buf[32];
	struct frame_writer w;
	struct err err;

	frame_begin(&w, buf, sizeof(buf), (uint8_t)what);
	frame_put_u64(&w, token);
	if (what == IPC_DIALED) {
		frame_put_u8(&w, IPC_DIAL_RELAY);
	} else {
		frame_put_str(&w, STR("no"));
		frame_put_u8(&w, 0);
	}
	assert_int_equal(chan_send(&relay, frame_bytes(&w), &fd, fd >= 0, &err), ERR_OK);
}

static void a_relay_brings_what_the_connector_was_asked_for(void **state)
{
	struct asker a;
	int fd, end;

	(void)state;
	connect_relay(3);
	ask(&a, IPC_DIAL, STR("server:fs"));
	end = travelling(&fd);
	relay_says(IPC_DIALED, asked(IPC_DIAL, STR("server:fs")), fd);
	settle(&loop);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.mode, IPC_DIAL_RELAY);
	close(a.fd);
	close(end);
	chan_done(&relay);
	settle(&loop);
}

/* RELAY-2: a relay in strange hands answers for none but what was asked of it. */
static void a_relay_cannot_answer_what_it_was_not_told_of(void **state)
{
	struct asker a, b;
	uint64_t ta, tb;
	int fd, end;

	(void)state;
	connect_relay(3);
	ask(&a, IPC_DIAL, STR("server:fs"));
	ask(&b, IPC_DIAL, STR("server:of another zone"));
	ta = asked(IPC_DIAL, STR("server:fs"));
	tb = asked(IPC_DIAL, STR("server:of another zone"));
	for (int by = -1000; by <= 1000; by++) { /* what follows from the one that it knows */
		if (by) {
			end = travelling(&fd);
			relay_says(IPC_DIALED, ta + (uint64_t)by, fd);
			settle(&loop);
			assert_true(was_closed(end));
			close(end);
		}
	}
	assert_true(tb - ta > 1000 && ta - tb > 1000);
	relay_says(IPC_NOT_DIALED, tb, -1); /* that is for the connector to say */
	settle(&loop);
	assert_int_equal(a.answers + b.answers, 0);
	chan_done(&relay);
	settle(&loop);
	assert_int_equal(a.answers + b.answers, 0);
	dialer_forget(&dialer, &a.request);
	dialer_forget(&dialer, &b.request);
}

static void what_a_relay_brought_before_it_ended_counts(void **state)
{
	struct asker a;
	int fd, end;

	(void)state;
	connect_relay(3);
	ask(&a, IPC_DIAL, STR("server:fs"));
	end = travelling(&fd);
	relay_says(IPC_DIALED, asked(IPC_DIAL, STR("server:fs")), fd);
	chan_done(&relay);
	connect_relay(3); /* its successor comes before that was read */
	assert_int_equal(a.answers, 1);
	close(a.fd);
	close(end);
	chan_done(&relay);
	settle(&loop);
}

static void a_second_answer_is_dropped_with_its_descriptor(void **state)
{
	struct asker a;
	uint64_t token;
	int fd, end;

	(void)state;
	ask(&a, IPC_DIAL, STR("server:fs"));
	token = asked(IPC_DIAL, STR("server:fs"));
	end = travelling(&fd);
	say(IPC_DIALED, token, IPC_DIAL_DIRECT, NULL, &fd, 1);
	close(end);
	close(a.fd);
	end = travelling(&fd);
	say(IPC_DIALED, token, IPC_DIAL_DIRECT, NULL, &fd, 1);
	assert_int_equal(a.answers, 1);
	assert_true(was_closed(end));
	close(end);
}

static void an_answer_that_nobody_waits_for_is_closed(void **state)
{
	struct asker a;
	uint64_t token;
	int fd, end;

	(void)state;
	ask(&a, IPC_DIAL, STR("server:fs"));
	token = asked(IPC_DIAL, STR("server:fs"));
	dialer_forget(&dialer, &a.request);
	assert_true(peer_hears_nothing()); /* the connector has no STOP */
	end = travelling(&fd);
	say(IPC_DIALED, token, IPC_DIAL_DIRECT, NULL, &fd, 1);
	assert_int_equal(a.answers, 0);
	assert_true(was_closed(end));
	close(end);
	dialer_forget(&dialer, &a.request); /* harmless when idle */
}

static void a_host_asked_for_while_the_role_is_away_waits_for_it(void **state)
{
	struct asker a = {.request.on_answer = on_answer, .fd = -1};
	struct asker b = {.request.on_answer = on_answer, .fd = -1};
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct frame_reader r;
	struct str frame;
	char in[1024];
	struct err err;

	(void)state;
	chan_done(&peer);
	settle(&loop);
	assert_int_equal(
		dialer_ask_host(&dialer, &a.request, STR("a.test"), 443, 0, STR("ann"), &err),
		ERR_OK);
	assert_int_equal(
		dialer_ask_host(&dialer, &b.request, STR("b.test"), 443, 0, STR("ann"), &err),
		ERR_OK);
	dialer_forget(&dialer, &b.request);
	connect_peer();
	assert_int_equal(a.answers + b.answers, 0);
	assert_int_equal(chan_recv(&peer, in, sizeof(in), &frame, fds, &n_fds, &err), ERR_OK);
	assert_int_equal(frame_open(&r, frame), IPC_DIAL_HOST);
	assert_true(frame_get_u64(&r) == a.request.token);
	assert_str_equal(frame_get_str(&r), STR("a.test"));
	assert_true(peer_hears_nothing());
	say(IPC_NOT_DIALED, a.request.token, -1, "no route", NULL, 0);
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 0);
}

static void answers_that_make_no_sense_change_nothing(void **state)
{
	struct asker a;
	uint64_t token;
	int fds[2], ends[2];

	(void)state;
	ask(&a, IPC_DIAL, STR("server:fs"));
	token = asked(IPC_DIAL, STR("server:fs"));
	say(IPC_DIALED, token, IPC_DIAL_DIRECT, NULL, NULL, 0); /* no descriptor */
	say(IPC_DIALED, token, -1, NULL, NULL, 0);              /* cut */
	say(IPC_NOT_DIALED, token, -1, NULL, NULL, 0);
	say(IPC_DIALED, 0, IPC_DIAL_DIRECT, NULL, NULL, 0);
	say(IPC_ACK, token, IPC_DIAL_DIRECT, "x", NULL, 0);
	say(IPC_ENDED, token, -1, "", NULL, 0);
	ends[0] = travelling(&fds[0]);
	say(IPC_DIALED, token, IPC_DIAL_DIRECT, "too long", fds, 1);
	assert_true(was_closed(ends[0]));
	close(ends[0]);
	assert_int_equal(a.answers, 0);
	assert_int_equal(a.ends, 0);

	ends[0] = travelling(&fds[0]);
	ends[1] = travelling(&fds[1]);
	say(IPC_DIALED, token, IPC_DIAL_DIRECT, NULL, fds, 2); /* the second has no meaning */
	assert_int_equal(a.answers, 1);
	assert_false(was_closed(ends[0]));
	assert_true(was_closed(ends[1]));
	close(a.fd);
	close(ends[0]);
	close(ends[1]);
}

static void a_server_that_runs_tells_its_end_once(void **state)
{
	struct asker a;
	struct frame_writer w;
	uint64_t token;
	char out[32];
	int fd, end;

	(void)state;
	ask(&a, IPC_RUN, STR("fs"));
	token = asked(IPC_RUN, STR("fs"));
	end = travelling(&fd);
	say(IPC_RUNNING, token, -1, NULL, &fd, 1);
	assert_int_equal(a.answers, 1);
	assert_true(a.fd >= 0);
	frame_begin(&w, out, sizeof(out), IPC_ENDED);
	frame_put_u64(&w, token);
	frame_put_u32(&w, 256);
	for (int i = 0; i < 2; i++) {
		struct err err;

		assert_int_equal(chan_send(&peer, frame_bytes(&w), NULL, 0, &err), ERR_OK);
		settle(&loop);
	}
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.status, 256);
	assert_int_equal(a.answers, 1);
	close(a.fd);
	close(end);
}

static void a_server_that_is_forgotten_is_stopped(void **state)
{
	struct asker a;
	uint64_t token;
	int fd, end;

	(void)state;
	ask(&a, IPC_RUN, STR("fs"));
	token = asked(IPC_RUN, STR("fs"));
	end = travelling(&fd);
	say(IPC_RUNNING, token, -1, NULL, &fd, 1);
	dialer_forget(&dialer, &a.request);
	assert_true(asked(IPC_STOP, STR("")) == token);
	assert_true(peer_hears_nothing());
	close(a.fd);
	close(end);
}

static void what_is_under_way_fails_with_the_role(void **state)
{
	struct asker waits, runs, later;
	uint64_t token;
	struct err err;
	int fd, end;

	(void)state;
	ask(&runs, IPC_RUN, STR("fs"));
	token = asked(IPC_RUN, STR("fs"));
	end = travelling(&fd);
	say(IPC_RUNNING, token, -1, NULL, &fd, 1);
	ask(&waits, IPC_RUN, STR("other"));
	chan_done(&peer);
	settle(&loop);
	assert_int_equal(waits.answers, 1);
	assert_int_equal(waits.fd, -1);
	assert_true(waits.reason[0] != '\0');
	assert_int_equal(runs.ends, 0); /* its stream tells */
	later = (struct asker){.request.on_answer = on_answer};
	assert_int_equal(dialer_ask(&dialer, &later.request, IPC_RUN, STR("fs"), &err), ERR_CLOSED);
	assert_true(later.request.token == 0);

	connect_peer();
	ask(&later, IPC_RUN, STR("fs"));
	assert_true(asked(IPC_RUN, STR("fs")) != token); /* an old token is never used again */
	close(runs.fd);
	close(end);
	dialer_forget(&dialer, &runs.request);
}

static void an_answer_may_give_up_the_other_questions(void **state)
{
	struct asker a, b, c;

	(void)state;
	ask(&a, IPC_DIAL, STR("server:a"));
	ask(&b, IPC_DIAL, STR("server:b"));
	ask(&c, IPC_DIAL, STR("server:c"));
	a.forgets = &b;
	chan_done(&peer); /* all fail in one go */
	settle(&loop);
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 0);
	assert_int_equal(c.answers, 1);
}

static void a_name_is_bounded(void **state)
{
	char name[600];
	struct asker a = {.request.on_answer = on_answer};
	struct err err;

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_int_equal(
		dialer_ask(&dialer, &a.request, IPC_DIAL, str_make(name, sizeof(name)), &err),
		ERR_LIMIT);
	assert_true(peer_hears_nothing());
	ask(&a, IPC_DIAL, STR("server:fs"));
	(void)asked(IPC_DIAL, STR("server:fs"));
	dialer_forget(&dialer, &a.request);
}

/* What the connector hears of a refusal. */
static uint64_t challenged(uint32_t status, struct str challenge)
{
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	struct frame_reader r;
	struct str frame;
	static char in[1024];
	struct err err;
	uint64_t token;

	assert_int_equal(chan_recv(&peer, in, sizeof(in), &frame, fds, &n_fds, &err), ERR_OK);
	assert_int_equal(frame_open(&r, frame), IPC_CHALLENGE);
	token = frame_get_u64(&r);
	assert_str_equal(frame_get_str(&r), STR("server:fs"));
	assert_int_equal(frame_get_u32(&r), status);
	assert_str_equal(frame_get_str(&r), challenge);
	assert_true(frame_ok(&r));
	return token;
}

static void a_refusal_is_told_and_may_be_answered(void **state)
{
	struct asker a = {.request.on_answer = on_answer, .fd = -1};
	static char big[700];
	uint64_t token;

	(void)state;
	assert_false(dialer_challenged(&dialer, NULL, STR("server:fs"), 403, STR("Bearer")));
	assert_int_equal(challenged(403, STR("Bearer")), 0);
	memset(big, 'x', sizeof(big)); /* too long for a frame: it is met again */
	assert_true(dialer_challenged(&dialer, &a.request, STR("server:fs"), 401,
				      str_make(big, sizeof(big))));
	token = challenged(401, STR(""));
	assert_true(token != 0);
	say(IPC_NOT_DIALED, token, -1, "", NULL, 0);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.fd, -1);
	assert_int_equal(a.request.token, 0);
}

static void a_refusal_told_to_nobody_is_not_answered(void **state)
{
	struct asker a = {.request.on_answer = on_answer};

	(void)state;
	chan_done(&peer);
	settle(&loop);
	assert_false(dialer_challenged(&dialer, &a.request, STR("server:fs"), 401, STR("")));
	assert_int_equal(a.request.token, 0);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(an_answer_brings_its_descriptor),
		T(a_relay_brings_what_the_connector_was_asked_for),
		T(a_relay_cannot_answer_what_it_was_not_told_of),
		T(what_a_relay_brought_before_it_ended_counts),
		T(a_second_answer_is_dropped_with_its_descriptor),
		T(an_answer_that_nobody_waits_for_is_closed),
		T(a_host_asked_for_while_the_role_is_away_waits_for_it),
		T(answers_that_make_no_sense_change_nothing),
		T(a_server_that_runs_tells_its_end_once),
		T(a_server_that_is_forgotten_is_stopped),
		T(what_is_under_way_fails_with_the_role),
		T(an_answer_may_give_up_the_other_questions),
		T(a_name_is_bounded),
		T(a_refusal_is_told_and_may_be_answered),
		T(a_refusal_told_to_nobody_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
