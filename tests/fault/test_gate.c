/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out at every single allocation in turn: nothing crashes, nothing leaks,
 * nothing is allowed that was not, and no evidence is lost without a sound.
 */
#include "tests/test.h"

#include "gate/gate.h"

#include "tests/fault/alloc.h"
#include "tests/unit/gate/fake_scribe.h"
#include "tests/unit/gate/rules_help.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char permits[] =
	"@id(\"p\") permit (principal in Writ::Team::\"build\", action, resource) when { "
	"context.input.n > 2 && [1, 2, 3].contains(context.input.n) };\n"
	"@id(\"f\") @reason(\"no\") forbid (principal, action, resource) when { "
	"context.input.path like \"/etc/*\" };";

/* ---- rules ---- */

static void rules_are_made_whole_or_not_at_all(void **state)
{
	struct buf bundle;

	(void)state;
	rules_bundle(&bundle, permits);
	ALLOC_EACH(n, all)
	{
		long before = alloc_live;
		struct rules *r = NULL;
		struct err err = {0};
		enum err_code code;
		bool failed;

		alloc_fail_at(n, all);
		code = rules_new(STR(RULES_CONFIG), buf_str(&bundle), &r, &err);
		failed = alloc_normal();
		if (code) {
			assert_true(failed); /* nothing else is wrong */
			assert_null(r);
			assert_true(err.msg[0] != '\0');
		} else {
			rules_unref(r);
		}
		assert_int_equal(alloc_live, before);
	}
	buf_done(&bundle);
}

static void a_decision_without_memory_is_never_more_than_with_it(void **state)
{
	static const struct {
		const char *input;
		enum policy_outcome right;
	} cases[] = {
		{"{\"path\":\"/home/a\",\"n\":3}", POLICY_ALLOW},
		{"{\"path\":\"/etc/passwd\",\"n\":3}",
		 POLICY_DENY}, /* the forbid must not be lost */
		{"{\"path\":\"/home/a\",\"n\":1}", POLICY_DENY},
	};
	struct rules *r = rules_of(permits);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ALLOC_EACH(n, all)
		{
			struct rules_query q = {.kind = RULES_CALL_TOOL,
						.agent = STR("ci"),
						.server = STR("fs"),
						.object = STR("read"),
						.input = str_from_c(cases[i].input),
						.session = STR("s")};
			struct rules_answer a;
			struct arena arena;
			bool failed;

			arena_init(&arena, 1 << 20);
			alloc_fail_at(n, all);
			rules_decide(r, &q, &arena, &a);
			failed = alloc_normal();
			assert_true(a.outcome == cases[i].right || a.outcome == POLICY_DENY);
			assert_true(failed || a.outcome == cases[i].right);
			arena_done(&arena);
		}
	}
	rules_unref(r);
}

/* ---- sessions ---- */

static void a_session_is_opened_whole_or_not_at_all(void **state)
{
	(void)state;
	ALLOC_EACH(n, all)
	{
		long before = alloc_live;
		struct session *s, *named;
		struct sessions t;

		sessions_init(&t, 1, 10, (struct hash_key){0});
		alloc_fail_at(n, all);
		s = session_open(&t, STR("ann"), STR("fs"), 1);
		named = session_named(&t, STR("ann"), 2);
		(void)alloc_normal();
		if (s) {
			assert_ptr_equal(session_find(&t, str_from_c(s->id)), s);
			assert_str_equal(s->agent, STR("ann"));
		}
		if (named) {
			assert_ptr_equal(session_named(&t, STR("ann"), 3), named);
		}
		assert_int_equal(t.by_id.n, (s != NULL) + (named != NULL));
		/* And the table is as good as before. */
		assert_non_null(session_open(&t, STR("ann"), STR("fs"), 4));
		assert_non_null(session_named(&t, STR("ann"), 5));
		sessions_done(&t);
		assert_int_equal(alloc_live, before);
	}
}

/* ---- the recorder, by whole actions ---- */

struct watched {
	struct action a;
	unsigned forwards, replies;
};

static struct gate gate;
static struct fake_scribe scribe;
static struct session *session;
static struct arena arena;

static void on_forward(struct action *a)
{
	CONTAINER_OF(a, struct watched, a)->forwards++;
}

static void on_reply(struct action *a)
{
	CONTAINER_OF(a, struct watched, a)->replies++;
}

static const struct action_events events = {.forward = on_forward, .reply = on_reply};

static void open_gate(void)
{
	struct err err;

	assert_int_equal(gate_init(&gate, 0, &err), ERR_OK);
	gate.rules = rules_of(permits);
	gate.sessions.max = 10;
	session = session_open(&gate.sessions, STR("ci"), STR(""), 1);
	session->salted = true;
	arena_init(&arena, 1 << 20);
	assert_int_equal(recorder_connect(&gate.recorder, fake_scribe_open(&scribe), &err), ERR_OK);
}

static void close_gate(void)
{
	gate_done(&gate);
	chan_done(&scribe.chan);
	arena_done(&arena);
}

static void start(struct watched *w)
{
	struct rules_query q = {.kind = RULES_CALL_TOOL,
				.server = STR("fs"),
				.object = STR("read"),
				.input = STR("{\"path\":\"/home/a\",\"n\":3}")};

	*w = (struct watched){
		.a = {.gate = &gate, .on = &events, .session = session, .arena = &arena}};
	action_start(&w->a, &q, clock_mono());
}

static void a_decision_that_finds_no_memory_is_never_performed(void **state)
{
	unsigned unrecorded = 0, denied = 0;

	(void)state;
	ALLOC_EACH(n, all)
	{
		struct watched w[3];
		bool failed;

		open_gate();
		alloc_fail_at(n, all);
		for (size_t i = 0; i < ARRAY_LEN(w); i++) {
			start(&w[i]);
		}
		failed = alloc_normal();
		for (size_t i = 0; i < ARRAY_LEN(w); i++) {
			assert_int_equal(w[i].forwards + w[i].replies, 0);
		}
		settle(&gate.loop);
		for (size_t i = 0; i < ARRAY_LEN(w); i++) {
			assert_int_equal(w[i].forwards, 0); /* nothing is acknowledged yet */
		}
		if (fake_scribe_next(&scribe)) {
			fake_scribe_ack(&scribe, scribe.batch, 0);
			settle(&gate.loop);
		}
		for (size_t i = 0; i < ARRAY_LEN(w); i++) {
			assert_int_equal(w[i].forwards + w[i].replies, 1);
			assert_true(w[i].forwards == 0 || !w[i].a.refused);
			assert_true(failed || w[i].forwards == 1);
			unrecorded += w[i].a.unrecorded;
			denied += w[i].a.refused && !w[i].a.unrecorded;
			action_abandon(&w[i].a);
		}
		assert_int_equal(session->busy, 0);
		close_gate();
	}
	assert_true(unrecorded > 0 && denied > 0); /* both kinds of failure were met */
}

/* A child that performs an action and loses memory while its outcome is recorded. */
static NORETURN void outcome_child(long n, bool all)
{
	const struct rlimit none = {0, 0};
	int null = open("/dev/null", O_WRONLY);
	struct watched w[2];

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(SIGABRT, SIG_DFL);
	(void)dup2(null, 2);
	for (int i = 0; i < 2; i++) {
		start(&w[i]);
	}
	settle(&gate.loop);
	assert_true(fake_scribe_next(&scribe));
	fake_scribe_ack(&scribe, scribe.batch, 0);
	settle(&gate.loop);
	alloc_fail_at(n, all);
	for (int i = 0; i < 2; i++) {
		action_answered(&w[i].a, LEDGER_OK, 200, STR("x"));
	}
	settle(&gate.loop);
	if (!fake_scribe_next(&scribe)) {
		_exit(9);
	}
	fake_scribe_nack(&scribe, scribe.batch, 0); /* keeping takes memory as well */
	fake_scribe_await(&scribe, &gate.loop);
	if (scribe.n != 2) {
		_exit(9);
	}
	fake_scribe_ack(&scribe, scribe.batch, 0);
	settle(&gate.loop);
	_exit(w[0].replies + w[1].replies != 2 ? 9 : alloc_normal() ? 1 : 0);
}

static void an_outcome_is_recorded_or_the_process_ends(void **state)
{
	unsigned ended = 0;

	(void)state;
	for (int all = 0; all < 2; all++) {
		for (long n = 0;; n++) {
			int status;
			pid_t pid;

			open_gate();
			pid = fork();
			assert_true(pid >= 0);
			if (pid == 0) {
				outcome_child(n, all);
			}
			assert_int_equal(waitpid(pid, &status, 0), pid);
			close_gate();
			if (WIFSIGNALED(status)) {
				assert_int_equal(WTERMSIG(status), SIGABRT);
				ended++;
				continue;
			}
			assert_in_range(WEXITSTATUS(status), 0, 1);
			if (WEXITSTATUS(status) == 0) {
				break; /* nothing failed any more */
			}
		}
	}
	assert_true(ended > 0);
}

/* ---- channels ---- */

static void a_frame_that_cannot_be_queued_takes_its_descriptors_along(void **state)
{
	char big[4096] = {0};
	struct chan a;
	struct err err;
	int ends[2], fd, seen;

	(void)state;
	assert_int_equal(chan_pair(ends, &err), ERR_OK);
	chan_init(&a, ends[0], 64 << 20);
	while (!chan_wants_write(&a)) {
		assert_int_equal(chan_send(&a, str_make(big, sizeof(big)), NULL, 0, &err), ERR_OK);
	}
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	seen = fd;
	alloc_fail_at(0, false);
	assert_int_equal(chan_send(&a, STR("x"), &fd, 1, &err), ERR_NOMEM);
	assert_true(alloc_normal());
	assert_int_equal(fcntl(seen, F_GETFD), -1);
	chan_done(&a);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_made_whole_or_not_at_all),
		cmocka_unit_test(a_decision_without_memory_is_never_more_than_with_it),
		cmocka_unit_test(a_session_is_opened_whole_or_not_at_all),
		cmocka_unit_test(a_decision_that_finds_no_memory_is_never_performed),
		cmocka_unit_test(an_outcome_is_recorded_or_the_process_ends),
		cmocka_unit_test(a_frame_that_cannot_be_queued_takes_its_descriptors_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
