/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts at other processes, and at getting out by new namespaces. */
#include "sandbox/probe_priv.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INSIDE_AT_MOST = 4 /* init, the program, this attempt, and one to spare */, MANY = 4000 };

int probe_see_others(void)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		n += isdigit((unsigned char)e->d_name[0]) != 0;
	}
	return n > INSIDE_AT_MOST ? PROBE_POSSIBLE : ESRCH;
}

int probe_signal_host(void)
{
	pid_t host = (pid_t)strtol(probe_env(PROBE_PROCESS), NULL, 10);

	return host > 1 ? probe_result(kill(host, 0)) : PROBE_SKIPPED;
}

/* Where nothing refuses it, the kernel drops a signal to process 1 of a namespace. */
int probe_kill_init(void)
{
	return probe_result(kill(1, SIGKILL));
}

int probe_trace_init(void)
{
	int answer = probe_result(ptrace(PTRACE_ATTACH, 1, NULL, NULL));

	return answer == PROBE_POSSIBLE ? answer
					: probe_result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

int probe_init_memory(void)
{
	char byte;
	struct iovec own = {&byte, 1}, its = {&byte, 1};
	int answer = probe_result(syscall(SYS_process_vm_readv, 1, &own, 1, &its, 1, 0));

	return answer == PROBE_POSSIBLE ? answer
					: probe_result(open("/proc/1/mem", O_RDONLY | O_CLOEXEC));
}

int probe_init_environ(void)
{
	return probe_result(open("/proc/1/environ", O_RDONLY | O_CLOEXEC));
}

int probe_take_descriptor(void)
{
	int init = (int)syscall(SYS_pidfd_open, 1, 0);

	return init < 0 ? errno : probe_result(syscall(SYS_pidfd_getfd, init, 4, 0));
}

int probe_fork_bomb(void)
{
	int n = 0, answer = EAGAIN;
	pid_t pids[MANY];

	for (; n < MANY; n++) {
		pids[n] = fork();
		if (pids[n] == 0) {
			(void)pause();
			_exit(0);
		}
		if (pids[n] < 0) {
			answer = errno;
			break;
		}
	}
	for (int i = 0; i < n; i++) {
		(void)kill(pids[i], SIGKILL);
	}
	while (waitpid(-1, NULL, 0) > 0) {
	}
	return n == MANY ? PROBE_POSSIBLE : answer;
}

int probe_shared_memory(void)
{
	return probe_result(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
}

int probe_keys(void)
{
	int answer = probe_result(syscall(SYS_keyctl, 0, -3, 0));

	return answer == PROBE_POSSIBLE
		       ? answer
		       : probe_result(syscall(SYS_add_key, "user", "x", "y", 1, -3));
}

int probe_new_user(void)
{
	return probe_result(unshare(CLONE_NEWUSER));
}

int probe_new_spaces(void)
{
	static const int kinds[] = {CLONE_NEWNS,  CLONE_NEWNET, CLONE_NEWPID,
				    CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};
	int answer = EPERM;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		answer = probe_result(unshare(kinds[i]));
		if (answer == PROBE_POSSIBLE) {
			return answer;
		}
	}
	return answer;
}

int probe_clone_user(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		_exit(0);
	}
	return probe_result(pid);
}

int probe_clone3(void)
{
	/* CLONE_NEWUSER behind a pointer, where no filter sees it. */
	struct {
		unsigned long long flags, rest[10];
	} args = {.flags = CLONE_NEWUSER};
	long pid = syscall(SYS_clone3, &args, 64);

	if (pid == 0) {
		_exit(0);
	}
	return probe_result(pid);
}

int probe_enter_space(void)
{
	int fd = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);

	return probe_result(setns(fd, 0));
}

static void *nothing(void *arg)
{
	return arg;
}

int probe_use_threads(void)
{
	pthread_t t;
	int code = pthread_create(&t, NULL, nothing, NULL);

	return code ? code : pthread_join(t, NULL);
}

int probe_use_terminal(void)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? errno : probe_result(ptsname(fd) ? 0 : -1);
}
