/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a sandbox as a whole, against the real kernel; skipped where no control group can be made. */
#include "tests/unit/sandbox/stage.h"

#include "sandbox/cgroup.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

enum { MANY = 64 };

/* In a child that is in the group; its wait status. */
static int in_group(const struct cgroup *g, int (*act)(void))
{
	int go[2], status;
	struct err err = {0};
	pid_t pid;
	char byte = 0;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(go[1]);
		_exit(read(go[0], &byte, 1) == 1 ? act() : NO_START);
	}
	assert_int_equal(cgroup_enter(g, pid, &err), ERR_OK);
	assert_int_equal(write(go[1], &byte, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(go[0]);
	(void)close(go[1]);
	return status;
}

static bool make(struct cgroup *g, enum cgroup_limit limit, uint64_t value)
{
	struct cgroup_spec spec = {0};
	struct err err = {0};

	spec.value[limit] = value;
	assert_true(cgroup_wanted(&spec));
	if (cgroup_make(&spec, g, &err) == ERR_OK) {
		return true;
	}
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	print_message("%s\n", err.msg);
	return false;
}

static void assert_gone(struct cgroup *g, enum cgroup_limit limit)
{
	char dir[CGROUP_PATH];

	memcpy(dir, g->of[limit].dir, sizeof(dir));
	cgroup_done(g);
	assert_int_equal(access(dir, F_OK), -1);
}

static int take_memory(void)
{
	size_t n = (size_t)64 << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		return 1;
	}
	memset(p, 1, n);
	return WENT_THROUGH;
}

static void memory_is_limited_for_all_together(void **state)
{
	struct cgroup g = {0};
	int status;

	(void)state;
	if (!make(&g, CGROUP_MEMORY, 16 << 20)) {
		skip();
	}
	status = in_group(&g, take_memory);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_gone(&g, CGROUP_MEMORY);
}

static int fork_many(void)
{
	int n = 0;

	for (int i = 0; i < MANY; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)pause();
			_exit(0);
		}
		if (pid < 0) {
			n = errno == EAGAIN ? i : NO_START;
			break;
		}
		n = WENT_THROUGH;
	}
	(void)signal(SIGTERM, SIG_IGN); // NOLINT(cert-err33-c)
	(void)kill(0, SIGTERM);
	while (wait(NULL) > 0) {
	}
	return n;
}

static int fork_many_alone(void)
{
	return setsid() < 0 ? NO_START : fork_many();
}

static void processes_are_counted_for_all_together(void **state)
{
	struct cgroup g = {0};
	int status;

	(void)state;
	if (!make(&g, CGROUP_PIDS, 8)) {
		skip();
	}
	status = in_group(&g, fork_many_alone);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7); /* and itself */
	assert_gone(&g, CGROUP_PIDS);
}

static void what_a_dead_starter_left_is_removed(void **state)
{
	struct cgroup g = {0};
	char left[CGROUP_PATH + 32];
	int pid = 0x3ffffff; /* more than any machine has */

	(void)state;
	if (!make(&g, CGROUP_PIDS, 8)) {
		skip();
	}
	(void)snprintf(left, sizeof(left), "%.*s/writ-run-%d",
		       (int)(strrchr(g.of[CGROUP_PIDS].dir, '/') - g.of[CGROUP_PIDS].dir),
		       g.of[CGROUP_PIDS].dir, pid);
	assert_int_equal(mkdir(left, 0755), 0);
	cgroup_done(&g);
	assert_true(make(&g, CGROUP_PIDS, 8));
	assert_int_equal(access(left, F_OK), -1);
	cgroup_done(&g);
}

static void what_is_held_is_told(void **state)
{
	struct cgroup g = {.spec.value = {64 << 20, 1500, 0}};
	struct buf b;

	(void)state;
	g.of[CGROUP_MEMORY].version = 2;
	g.of[CGROUP_CPU].version = 1;
	g.of[CGROUP_MEMORY].dir[0] = g.of[CGROUP_CPU].dir[0] = '/';
	buf_init(&b, 256);
	cgroup_print(&g, &b);
	assert_str_equal(
		buf_str(&b),
		STR("memory 65536 KiB (control groups v2), cpu 1.500 (control groups v1)"));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_limited_for_all_together),
		cmocka_unit_test(processes_are_counted_for_all_together),
		cmocka_unit_test(what_a_dead_starter_left_is_removed),
		cmocka_unit_test(what_is_held_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
