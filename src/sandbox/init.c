/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/init.h"

#include "sandbox/apply.h"
#include "sandbox/confine.h"
#include "sys/reins.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STARTER_GONE = 128 + SIGKILL };

static int exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Ends everything: in a pid namespace the kernel does it, else the program's group goes. */
static NORETURN void finish(pid_t program, bool alone, int code)
{
	if (!alone) {
		(void)kill(-program, SIGKILL);
	}
	_exit(code);
}

static void say(enum init_what what, int status)
{
	const struct init_word word = {.what = what, .status = (uint32_t)status};

	(void)!write(INIT_STATUS_FD, &word, sizeof(word)); /* the starter may not listen any more */
}

/* The starter may go on as soon as nothing runs here any more: what the kernel clears away then takes longer. */
static NORETURN void program_ended(pid_t program, bool alone, int code)
{
	if (alone) {
		(void)kill(-1, SIGKILL);
		while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
		}
		say(INIT_ENDED, code);
	}
	finish(program, alone, code);
}

static void reap(pid_t program, bool alone)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0 && errno == EINTR) {
			continue;
		}
		if (pid <= 0) {
			return;
		}
		if (pid == program) {
			program_ended(program, alone, exit_code(status));
		}
	}
}

/* init parses nothing and holds nothing, but it shares the sandbox with a stranger. */
static void confine(const struct seccomp_program *filter)
{
	if (confine_capabilities(NULL) != ERR_OK || confine_not_dumpable(NULL) != ERR_OK ||
	    seccomp_enter(filter, NULL) != ERR_OK) {
		_exit(SANDBOX_EXIT_SETUP);
	}
}

static bool is_passed_on(uint32_t signo)
{
	/* Not SIGCONT: only the reins thaw what they froze. */
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		if ((uint32_t)signals[i] == signo) {
			return true;
		}
	}
	return false;
}

/* All processes of the namespace but this one; outside of one of its own, the program's group. */
static void signal_all(pid_t program, bool alone, int sig)
{
	(void)kill(alone ? -1 : -program, sig);
}

static void on_reins(pid_t program, bool alone)
{
	char order;
	ssize_t n = read(INIT_REINS_FD, &order, 1); /* it does not block, nor does SIGPIPE end us */

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n == 1 && order == REINS_FREEZE) {
		signal_all(program, alone, SIGSTOP);
	} else if (n == 1 && order == REINS_THAW) {
		signal_all(program, alone, SIGCONT);
	} else {
		finish(program, alone, STARTER_GONE);
	}
	if (write(INIT_REINS_FD, &order, 1) != 1) {
		finish(program, alone, STARTER_GONE);
	}
}

void init_run(pid_t program, bool alone, bool reins, const struct seccomp_program *filter)
{
	struct pollfd wait[3] = {{.events = POLLIN},
				 {.fd = INIT_STARTER_FD, .events = POLLIN},
				 {.fd = reins ? INIT_REINS_FD : -1, .events = POLLIN}};
	sigset_t signals;

	say(INIT_RUNS, 0);
	(void)prctl(PR_SET_NAME, "writ-init", 0, 0, 0);
	(void)sigfillset(&signals);
	(void)sigprocmask(SIG_SETMASK, &signals, NULL);
	wait[0].fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	/* The program's ends of its pipes must not stay open here. */
	(void)close(0);
	(void)close(1);
	(void)close(2);
	if (wait[0].fd < 0) {
		_exit(SANDBOX_EXIT_SETUP);
	}
	confine(filter);
	for (;;) {
		struct signalfd_siginfo info;

		/* Whatever came before the signalfd is pending in it: blocked since the start. */
		if (poll(wait, ARRAY_LEN(wait), -1) < 0 && errno != EINTR) {
			finish(program, alone, SANDBOX_EXIT_SETUP);
		}
		if (wait[1].revents) {
			finish(program, alone, STARTER_GONE);
		}
		while (read(wait[0].fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
			if (is_passed_on(info.ssi_signo)) {
				(void)kill(-program, (int)info.ssi_signo);
			}
		}
		if (wait[2].revents) {
			on_reins(program, alone);
		}
		reap(program, alone);
	}
}
