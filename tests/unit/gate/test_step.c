/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/step.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Written out once more, by name, so that a change of the table is a change here as well. */
static const char *const legal[][2] = {
	{"PARSE", "IDENTIFY"},        {"IDENTIFY", "LABEL"},
	{"LABEL", "DECIDE"},          {"DECIDE", "RECORD"},
	{"DECIDE", "RECORD_REFUSAL"}, {"RECORD", "FORWARD"},
	{"RECORD", "REPLY"},          {"RECORD_REFUSAL", "REPLY"},
	{"FORWARD", "INSPECT"},       {"FORWARD", "RECORD_OUTCOME"},
	{"INSPECT", "LABEL_ANSWER"},  {"LABEL_ANSWER", "RECORD_OUTCOME"},
	{"RECORD_OUTCOME", "REPLY"},  {"REPLY", "DONE"},
};

static bool is_legal(enum action_step from, enum action_step to)
{
	for (size_t i = 0; i < ARRAY_LEN(legal); i++) {
		if (strcmp(legal[i][0], step_name(from)) == 0 &&
		    strcmp(legal[i][1], step_name(to)) == 0) {
			return true;
		}
	}
	return false;
}

static void exactly_the_drawn_moves_are_legal(void **state)
{
	size_t n = 0;

	(void)state;
	for (unsigned from = 0; from < STEP_MAX; from++) {
		for (unsigned to = 0; to < STEP_MAX; to++) {
			bool may = step_may_move((enum action_step)from, (enum action_step)to);

			n += may;
			if (may != is_legal((enum action_step)from, (enum action_step)to)) {
				fail_msg("%s -> %s", step_name((enum action_step)from),
					 step_name((enum action_step)to));
			}
		}
	}
	assert_int_equal(n, ARRAY_LEN(legal));
}

static void values_outside_the_table_move_nowhere(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STEP_MAX; i++) {
		assert_false(step_may_move((enum action_step)i, STEP_MAX));
		assert_false(step_may_move(STEP_MAX, (enum action_step)i));
		assert_false(step_may_move((enum action_step)i, (enum action_step)(i + 32)));
	}
	assert_string_equal(step_name(STEP_MAX), "?");
}

static void forward_is_reached_from_record_only(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned from = 0; from < STEP_MAX; from++) {
		if (step_may_move((enum action_step)from, STEP_FORWARD)) {
			assert_int_equal(from, STEP_RECORD);
			n++;
		}
	}
	assert_int_equal(n, 1);
}

static bool reaches(enum action_step from, enum action_step to, unsigned without, unsigned depth)
{
	if (from == to) {
		return true;
	}
	for (unsigned next = 0; depth && next < STEP_MAX; next++) {
		if (!(without & (1U << next)) && step_may_move(from, (enum action_step)next) &&
		    reaches((enum action_step)next, to, without, depth - 1)) {
			return true;
		}
	}
	return false;
}

static void no_path_comes_to_a_reply_without_a_step_that_records(void **state)
{
	unsigned record = 1U << STEP_RECORD, refusal = 1U << STEP_RECORD_REFUSAL;

	(void)state;
	assert_true(reaches(STEP_PARSE, STEP_REPLY, 0, STEP_MAX));
	assert_false(reaches(STEP_PARSE, STEP_REPLY, record | refusal, STEP_MAX));
	/* What was done is recorded as well before anybody hears of it. */
	assert_false(reaches(STEP_FORWARD, STEP_REPLY, 1U << STEP_RECORD_OUTCOME, STEP_MAX));
	assert_false(reaches(STEP_PARSE, STEP_FORWARD, record, STEP_MAX));
	assert_false(reaches(STEP_RECORD_REFUSAL, STEP_FORWARD, 0, STEP_MAX));
}

static void no_path_comes_back_to_a_step_it_has_left(void **state)
{
	(void)state;
	for (unsigned from = 0; from < STEP_MAX; from++) {
		for (unsigned to = 0; to < STEP_MAX; to++) {
			if (step_may_move((enum action_step)from, (enum action_step)to)) {
				assert_false(reaches((enum action_step)to, (enum action_step)from,
						     0, STEP_MAX));
			}
		}
	}
}

static bool move_aborts(enum action_step from, enum action_step to)
{
	const struct rlimit none = {0, 0};
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		enum action_step at = from;
		int null = open("/dev/null", O_WRONLY);

		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		(void)dup2(null, 2);
		step_move(&at, to);
		_exit(at == to ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGABRT);
		return true;
	}
	assert_int_equal(status, 0);
	return false;
}

static void every_illegal_move_ends_the_process(void **state)
{
	(void)state;
	for (unsigned from = 0; from < STEP_MAX; from++) {
		for (unsigned to = 0; to <= STEP_MAX; to++) {
			assert_int_equal(move_aborts((enum action_step)from, (enum action_step)to),
					 !(to < STEP_MAX &&
					   is_legal((enum action_step)from, (enum action_step)to)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_the_drawn_moves_are_legal),
		cmocka_unit_test(values_outside_the_table_move_nowhere),
		cmocka_unit_test(forward_is_reached_from_record_only),
		cmocka_unit_test(no_path_comes_to_a_reply_without_a_step_that_records),
		cmocka_unit_test(no_path_comes_back_to_a_step_it_has_left),
		cmocka_unit_test(every_illegal_move_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
