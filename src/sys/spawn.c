/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/spawn.h"

#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FD = 3 };

/* In the child: only async-signal-safe calls. Returns only on failure, with errno set. */
static void child_exec(const struct spawn_request *req, pid_t parent, int report)
{
	int high[SPAWN_MAX_FDS];
	static char *const no_env[] = {NULL};
	sigset_t none;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) {
		return;
	}
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* First out of the way of the final numbers, then down to them. */
	for (unsigned i = 0; i < req->n_fds; i++) {
		high[i] = fcntl(req->fds[i], F_DUPFD_CLOEXEC, FIRST_FD + SPAWN_MAX_FDS + 1);
		if (high[i] < 0) {
			return;
		}
	}
	report = fcntl(report, F_DUPFD_CLOEXEC, FIRST_FD + SPAWN_MAX_FDS + 1);
	if (report < 0) {
		return;
	}
	for (unsigned i = 0; i < req->n_fds; i++) {
		if (dup2(high[i], FIRST_FD + (int)i) < 0) {
			return;
		}
	}
	if (syscall(SYS_close_range, FIRST_FD + req->n_fds, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) <
	    0) {
		return;
	}
	(void)execve(req->program, req->argv, req->envp ? req->envp : no_env);
	{
		int why = errno;

		(void)!write(report, &why, sizeof(why));
	}
}

enum err_code spawn(const struct spawn_request *req, struct spawn_child *ret, struct err *err)
{
	int pipefd[2], why = 0, pidfd;
	pid_t parent = getpid(), pid;
	ssize_t n;

	ASSERT(req->n_fds <= SPAWN_MAX_FDS);
	if (pipe2(pipefd, O_CLOEXEC) < 0) {
		return ERR_ERRNO(err, "pipe");
	}
	pid = fork();
	if (pid == 0) {
		child_exec(req, parent, pipefd[1]);
		_exit(127);
	}
	(void)close(pipefd[1]);
	if (pid < 0) {
		(void)close(pipefd[0]);
		return ERR_ERRNO(err, "fork");
	}
	do {
		n = read(pipefd[0], &why, sizeof(why));
	} while (n < 0 && errno == EINTR);
	(void)close(pipefd[0]);
	if (n == (ssize_t)sizeof(why)) {
		(void)waitpid(pid, NULL, 0);
		errno = why;
		return ERR_ERRNO(err, "starting %s", req->program);
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		enum err_code code = ERR_ERRNO(err, "pidfd_open");

		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return code;
	}
	*ret = (struct spawn_child){.pid = pid, .pidfd = pidfd};
	return ERR_OK;
}
