/* SPDX-License-Identifier: Apache-2.0 */
/* Starting sandboxes from tests, as the own user and as an ordinary one. */
#ifndef TESTS_UNIT_SANDBOX_STAGE_H
#define TESTS_UNIT_SANDBOX_STAGE_H

#include "tests/test.h"

#include "sandbox/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FINE = 0, NOBODY = 65534, WENT_THROUGH = 202, NO_START = 203 };

struct stage {
	struct arena a;
	struct sandbox_plan plan;
	struct str argv[8], env[4], read[4], write[4];
	struct sandbox_spec spec;
	char self[512];
};

/* The shadow memory of a sanitizer is past every limit. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STAGE_MEMORY UINT64_MAX
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define STAGE_MEMORY UINT64_MAX
#endif
#ifndef STAGE_MEMORY
#define STAGE_MEMORY 0
#endif

static inline void stage_init(struct stage *s, const char *name)
{
	ssize_t n = readlink("/proc/self/exe", s->self, sizeof(s->self) - 1);

	assert_true(n > 0);
	s->self[n] = '\0';
	arena_init(&s->a, 8 << 20);
	s->argv[0] = str_from_c(s->self);
	s->argv[1] = STR("--inside");
	s->argv[2] = str_from_c(name);
	s->env[0] = STR("ASAN_OPTIONS=detect_leaks=0");
	s->spec = (struct sandbox_spec){.name = STR("test"),
					.argv = s->argv,
					.n_argv = 3,
					.env = s->env,
					.limits = {.memory = STAGE_MEMORY},
					.n_env = 1,
					.read = s->read,
					.write = s->write};
}

/* In a child of the test, since an ordinary user cannot become root again: its wait status. */
static inline int run_as(bool ordinary, int (*act)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ordinary && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				 setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
				 prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)) {
			_exit(NO_START);
		}
		_exit(act(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline int start(struct stage *s, const struct sandbox_fds *fds, struct sandbox_child *c)
{
	struct sandbox_kernel kernel = sandbox_probe();
	struct plan_machine machine;
	struct err err = {0};

	if (sandbox_look(&s->a, &s->spec, &kernel, &machine, &err) ||
	    (s->spec.named_only && sandbox_look_programs(&s->a, &machine, &err)) ||
	    plan_build(&s->a, &s->spec, &machine, &s->plan, &err) ||
	    sandbox_start(&s->plan, fds, c, &err)) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return NO_START;
	}
	return FINE;
}

static inline int start_and_wait(void *arg)
{
	struct stage *s = arg;
	struct sandbox_child c;
	siginfo_t info = {0};

	if (start(s, &(struct sandbox_fds){-1, -1, 2}, &c) != FINE) {
		return NO_START;
	}
	(void)waitid(P_PIDFD, (id_t)c.pidfd, &info, WEXITED);
	return info.si_code == CLD_EXITED ? info.si_status : NO_START;
}

static inline bool cannot_sandbox(void)
{
	struct sandbox_kernel k = sandbox_probe();

	if (!k.user_namespaces || !k.own_proc || k.landlock_abi == 0) {
		print_message("skipped: user namespaces, an own /proc or Landlock are not there\n");
		return true;
	}
	return false;
}

static inline void expect(struct stage *s, int code)
{
	for (int ordinary = 0; ordinary <= (geteuid() == 0); ordinary++) {
		int status = run_as(ordinary, start_and_wait, s);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
			fail_msg(STR_FMT " as %s: wait status %#x, expected exit %d (%s)",
				 STR_ARG(s->argv[2]), ordinary ? "ordinary user" : "own user",
				 (unsigned)status, code, strerror(code));
		}
	}
}

static inline void make_file(const char *dir, const char *name, const char *text, unsigned mode)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static inline void remove_tree(const char *dir, const char *const *names, size_t n)
{
	char path[256];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	(void)remove(dir);
}

#endif
