/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ATTEMPT_SECONDS = 10 };

static int attempt(const struct probe *p)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int answer;

		(void)alarm(ATTEMPT_SECONDS);
		answer = p->act();
		_exit(answer >= 0 && answer < 256 ? answer : PROBE_BROKEN);
	}
	if (pid < 0) {
		return PROBE_BROKEN;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			return PROBE_BROKEN;
		}
	}
	if (WIFSIGNALED(status)) {
		return WTERMSIG(status) == SIGSYS ? PROBE_KILLED : PROBE_BROKEN;
	}
	return WEXITSTATUS(status);
}

int probe_all(int fd)
{
	for (unsigned i = 0; i < n_probes; i++) {
		unsigned char answer = (unsigned char)attempt(&probes[i]);

		if (write(fd, &answer, 1) != 1) {
			return 2;
		}
	}
	return 0;
}

const char *probe_errno_name(int answer, char *buf, size_t n)
{
	const char *name = answer > 0 && answer < PROBE_KILLED ? strerrorname_np(answer) : NULL;

	if (name) {
		return name;
	}
	(void)snprintf(buf, n, "errno %d", answer);
	return buf;
}
