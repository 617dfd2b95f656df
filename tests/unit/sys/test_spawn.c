/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/buf.h"
#include "sys/fd.h"
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs a shell command whose standard output is descriptor 3; returns what it wrote. */
static struct str run(struct arena *a, const char *command, const int *more, unsigned n_more,
		      char *const *envp)
{
	static char sh[] = "sh", c[] = "-c";
	char text[512];
	char *argv[] = {sh, c, text, NULL};
	struct spawn_request req = {.program = "/bin/sh", .argv = argv, .envp = envp};
	struct spawn_child child;
	struct err err;
	char got[4096];
	size_t n = 0;
	ssize_t r;
	int ends[2];

	(void)snprintf(text, sizeof(text), "%s", command);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	req.fds[req.n_fds++] = ends[1];
	for (unsigned i = 0; i < n_more; i++) {
		req.fds[req.n_fds++] = more[i];
	}
	if (spawn(&req, &child, &err)) {
		fail_msg("%s", err.msg);
	}
	close(ends[1]);
	while ((r = read(ends[0], got + n, sizeof(got) - n)) > 0) {
		n += (size_t)r;
	}
	close(ends[0]);
	assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
	close(child.pidfd);
	return arena_dup(a, str_make(got, n));
}

static void a_child_has_the_descriptors_it_is_given_and_no_other(void **state)
{
	struct arena a;
	int extra[2], leaked;

	(void)state;
	arena_init(&a, 1 << 20);
	leaked = open("/dev/null", O_RDONLY); /* not close-on-exec, on purpose */
	assert_int_equal(pipe(extra), 0);
	/* `ls` itself opens the directory: that is one more. */
	assert_str_equal(run(&a, "ls /proc/self/fd >&3", NULL, 0, NULL), STR("0\n1\n2\n3\n4\n"));
	assert_str_equal(run(&a, "ls /proc/self/fd >&3", extra, 2, NULL),
			 STR("0\n1\n2\n3\n4\n5\n6\n"));
	close(leaked);
	close(extra[0]);
	close(extra[1]);
	arena_done(&a);
}

static void descriptors_keep_their_order_whatever_numbers_they_had(void **state)
{
	struct arena a;
	struct err err;
	int one, two, three;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(fd_memfd("one", STR("1"), &one, &err), ERR_OK);
	assert_int_equal(fd_memfd("two", STR("2"), &two, &err), ERR_OK);
	assert_int_equal(fd_memfd("three", STR("3"), &three, &err), ERR_OK);
	{
		const int there[] = {one, two, three}, back[] = {three, two, one},
			  same[] = {two, two, two};
		const char *cat = "cat /proc/self/fd/4 /proc/self/fd/5 /proc/self/fd/6 >&3";

		assert_str_equal(run(&a, cat, there, 3, NULL), STR("123"));
		assert_str_equal(run(&a, cat, back, 3, NULL), STR("321"));
		assert_str_equal(run(&a, cat, same, 3, NULL), STR("222"));
	}
	close(one);
	close(two);
	close(three);
	arena_done(&a);
}

static void the_environment_is_empty_unless_it_is_given(void **state)
{
	char entry[] = "ONE=1";
	char *env[] = {entry, NULL};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(setenv("WRIT_TEST_LEAK", "x", 1), 0);
	assert_str_equal(run(&a, "tr '\\0' '\\n' </proc/$$/environ >&3", NULL, 0, NULL), STR(""));
	assert_str_equal(run(&a, "echo \"$ONE-$WRIT_TEST_LEAK\" >&3", NULL, 0, env), STR("1-\n"));
	arena_done(&a);
}

static void a_program_that_is_not_there_is_told_with_its_errno(void **state)
{
	static char name[] = "nothing";
	char *argv[] = {name, NULL};
	struct spawn_request req = {.program = "/nonexistent/program", .argv = argv};
	struct spawn_child child;
	struct err err;

	(void)state;
	assert_int_equal(spawn(&req, &child, &err), ERR_SYS);
	assert_int_equal(err.sys_errno, ENOENT);
	req.program = "/dev/null";
	assert_int_equal(spawn(&req, &child, &err), ERR_SYS);
	assert_int_equal(err.sys_errno, EACCES);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie is left */
	assert_int_equal(errno, ECHILD);
}

static void signals_of_the_parent_are_not_blocked_in_the_child(void **state)
{
	struct arena a;
	struct str text;
	sigset_t all, old;

	(void)state;
	arena_init(&a, 1 << 20);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	text = run(&a, "grep SigBlk /proc/self/status >&3", NULL, 0, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_str_equal(text, STR("SigBlk:\t0000000000000000\n"));
	arena_done(&a);
}

static void the_end_of_a_child_shows_on_its_descriptor(void **state)
{
	static char sleep_name[] = "sleep", time[] = "100";
	char *argv[] = {sleep_name, time, NULL};
	struct spawn_request req = {.program = "/bin/sleep", .argv = argv};
	struct spawn_child child;
	struct pollfd p;
	struct err err;

	(void)state;
	assert_int_equal(spawn(&req, &child, &err), ERR_OK);
	p = (struct pollfd){.fd = child.pidfd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(kill(child.pid, SIGKILL), 0);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
	close(child.pidfd);
}

/* Kills the process between: its child must go too. */
static void a_child_does_not_outlive_its_parent(void **state)
{
	static char sleep_name[] = "sleep", time[] = "100";
	char *argv[] = {sleep_name, time, NULL};
	struct pollfd p;
	pid_t between;
	char byte;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	between = fork();
	if (between == 0) {
		struct spawn_request req = {.program = "/bin/sleep", .argv = argv};
		struct spawn_child child;
		struct err err;

		req.fds[req.n_fds++] = ends[1]; /* open as long as the child lives */
		if (spawn(&req, &child, &err)) {
			_exit(1);
		}
		(void)!write(ends[1], "x", 1);
		(void)pause();
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(kill(between, SIGKILL), 0);
	assert_int_equal(waitpid(between, NULL, 0), between);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_has_the_descriptors_it_is_given_and_no_other),
		cmocka_unit_test(descriptors_keep_their_order_whatever_numbers_they_had),
		cmocka_unit_test(the_environment_is_empty_unless_it_is_given),
		cmocka_unit_test(a_program_that_is_not_there_is_told_with_its_errno),
		cmocka_unit_test(signals_of_the_parent_are_not_blocked_in_the_child),
		cmocka_unit_test(the_end_of_a_child_shows_on_its_descriptor),
		cmocka_unit_test(a_child_does_not_outlive_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
