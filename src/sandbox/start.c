/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The starter's side: makes the child in its new namespaces, hears from it what it hands out, and whether
 * the program runs. Nothing here runs with a privilege of the machine: what the child may do, it may do
 * in its own user namespace.
 */
#include "sandbox/apply_priv.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SETUP_MS = 10000 };

static const struct sandbox_given nothing_given = {
	.terminal = -1, .proc = -1, .diag = -1, .monitor = -1};

static int namespaces_of(const struct sandbox_plan *plan)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		if (plan->ops[i].kind == PLAN_NAMESPACES) {
			return (int)plan->ops[i].value;
		}
	}
	return 0;
}

/* A descriptor that came with a byte of kind. */
static bool take_given(struct sandbox_given *given, unsigned kind, int fd)
{
	if (kind == GIVE_TERMINAL && given->terminal < 0) {
		given->terminal = fd;
		return true;
	}
	if (kind == GIVE_PROC && given->proc < 0) {
		given->proc = fd;
		return true;
	}
	if (kind == GIVE_DIAG && given->diag < 0) {
		given->diag = fd;
		return true;
	}
	if (kind == GIVE_MONITOR && given->monitor < 0) {
		given->monitor = fd;
		return true;
	}
	if (kind != GIVE_TERMINAL && kind < GIVE_PROC &&
	    given->n_listeners < ARRAY_LEN(given->listeners)) {
		given->listeners[given->n_listeners].kind = kind;
		given->listeners[given->n_listeners++].fd = fd;
		return true;
	}
	return false;
}

/* What is not wanted is closed; false when there is such. */
static bool take_all(const struct cmsghdr *c, const unsigned char *kinds, size_t n,
		     struct sandbox_given *given)
{
	size_t n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool fine = n_fds == n;

	for (size_t i = 0; i < n_fds; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		if (i >= n || !take_given(given, kinds[i], fd)) {
			(void)close(fd);
			fine = false;
		}
	}
	return fine;
}

/* The next thing the child says; ERR_AGAIN when it gave a descriptor, ERR_OK when the program runs. */
static enum err_code hear(int status_fd, struct sandbox_given *given, struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * GIVE_MOST)];
		struct cmsghdr align;
	} control = {0};
	union {
		struct err theirs;
		struct init_word word;
		unsigned char kinds[GIVE_MOST];
	} said;
	struct iovec iov = {.iov_base = &said, .iov_len = sizeof(said)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(status_fd, &msg, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (c && c->cmsg_type == SCM_RIGHTS) {
		return take_all(c, said.kinds, (size_t)n, given)
			       ? ERR_AGAIN
			       : ERR(err, ERR_CORRUPT, "a sandbox gave what was not asked for");
	}
	if (n == (ssize_t)sizeof(said.word) && said.word.what == INIT_RUNS) {
		return ERR_OK;
	}
	if (n != (ssize_t)sizeof(said.theirs) || said.theirs.code == ERR_OK ||
	    said.theirs.code >= ERR_CODE_MAX) {
		return ERR(err, ERR_CORRUPT, "a sandbox broke while it was set up");
	}
	said.theirs.msg[sizeof(said.theirs.msg) - 1] = '\0';
	return err_set(err, said.theirs.code, said.theirs.sys_errno, ERR_HERE, "sandbox: %s",
		       said.theirs.msg);
}

static enum err_code wait_for_exec(int status_fd, struct sandbox_given *given, struct err *err)
{
	struct pollfd p = {.fd = status_fd, .events = POLLIN};
	enum err_code code = ERR_AGAIN;

	while (code == ERR_AGAIN) {
		int ready = poll(&p, 1, SETUP_MS);

		if (ready < 0 && errno == EINTR) {
			continue;
		}
		if (ready <= 0) {
			return ERR(err, ERR_TIMEOUT, "a sandbox was not ready after %d s",
				   SETUP_MS / 1000);
		}
		code = hear(status_fd, given, err);
	}
	return code;
}

static void end_and_reap(struct sandbox_child *c)
{
	siginfo_t info;

	err_ignore(sandbox_signal(c, SIGKILL, NULL)); /* it may have ended by itself */
	while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0 && errno == EINTR) {
	}
	fd_close(&c->pidfd);
	fd_close(&c->status);
}

static enum err_code clone_child(const struct sandbox_plan *plan, const int fds[INIT_FDS],
				 unsigned terminal, bool early, struct sandbox_child *ret,
				 struct err *err)
{
	int flags = (namespaces_of(plan) & CLONED_NAMESPACES) | CLONE_PIDFD | SIGCHLD;
	int pidfd = -1;
	sigset_t all, before;
	long pid;

	/* No handler of the starter may run in the child. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = syscall(SYS_clone, flags, 0, &pidfd, 0, 0);
	if (pid == 0) {
		apply_child(plan, fds, terminal, early);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		return ERR_ERRNO(err, "namespaces for a sandbox");
	}
	*ret = (struct sandbox_child){.pid = (pid_t)pid, .pidfd = pidfd, .status = -1};
	return ERR_OK;
}

void sandbox_given_done(struct sandbox_given *given)
{
	fd_close(&given->terminal);
	fd_close(&given->proc);
	fd_close(&given->diag);
	fd_close(&given->monitor);
	for (size_t i = 0; i < given->n_listeners; i++) {
		fd_close(&given->listeners[i].fd);
	}
	given->n_listeners = 0;
}

static unsigned terminal_bits(const struct sandbox_fds *fds)
{
	return (fds->in == SANDBOX_FD_TERMINAL ? 1U : 0U) |
	       (fds->out == SANDBOX_FD_TERMINAL ? 2U : 0U) |
	       (fds->errors == SANDBOX_FD_TERMINAL ? 4U : 0U);
}

/*
 * To another processor than ours, where there is one: left to itself a child is often queued behind its parent, however idle
 * the others are, and then nothing of what it does is done meanwhile. It may run everywhere again at once.
 */
static void start_elsewhere(pid_t pid)
{
	cpu_set_t all, others;
	int own = sched_getcpu();

	if (own < 0 || own >= CPU_SETSIZE || sched_getaffinity(0, sizeof(all), &all) < 0) {
		return; /* more processors than the set has room for: as the kernel likes */
	}
	others = all;
	CPU_CLR((size_t)own, &others);
	if (CPU_COUNT(&others) && sched_setaffinity(pid, sizeof(others), &others) == 0) {
		(void)sched_setaffinity(pid, sizeof(all), &all);
	}
}

static enum err_code start(const struct sandbox_plan *plan, const struct sandbox_fds *fds,
			   bool early, struct sandbox_child *ret, struct err *err)
{
	CLEANUP(fd_close) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CLEANUP(fd_close) int starter = (int)syscall(SYS_pidfd_open, getpid(), 0);
	CLEANUP(fd_close) int status = -1;
	CLEANUP(fd_close) int status_end = -1;
	int ends[2];

	if (null < 0 || starter < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		return ERR_ERRNO(err, "prepare a sandbox");
	}
	status = ends[0];
	status_end = ends[1];
	TRY(clone_child(plan,
			(const int[INIT_FDS]){fds->in < 0 ? null : fds->in,
					      fds->out < 0 ? null : fds->out,
					      fds->errors < 0 ? null : fds->errors, status_end,
					      starter, fds->reins > 0 ? fds->reins : -1},
			terminal_bits(fds), early, ret, err));
	ret->status = fd_take(&status);
	if (early) {
		start_elsewhere(ret->pid);
	}
	return ERR_OK;
}

/* Takes `c` over when it fails. */
static enum err_code wait_until_it_runs(struct sandbox_child *c, struct sandbox_given *ret_given,
					struct err *err)
{
	struct sandbox_given given = nothing_given;
	enum err_code code = wait_for_exec(c->status, &given, err);

	if (code != ERR_OK) {
		sandbox_given_done(&given);
		end_and_reap(c);
		return code;
	}
	*ret_given = given;
	return ERR_OK;
}

enum err_code sandbox_start_given(const struct sandbox_plan *plan, const struct sandbox_fds *fds,
				  struct sandbox_child *ret, struct sandbox_given *ret_given,
				  struct err *err)
{
	struct sandbox_child c = {.pidfd = -1, .status = -1};

	*ret_given = nothing_given;
	TRY(start(plan, fds, false, &c, err));
	TRY(wait_until_it_runs(&c, ret_given, err));
	*ret = c;
	return ERR_OK;
}

enum err_code sandbox_start(const struct sandbox_plan *plan, const struct sandbox_fds *fds,
			    struct sandbox_child *ret, struct err *err)
{
	struct sandbox_given given;

	TRY(sandbox_start_given(plan, fds, ret, &given, err));
	sandbox_given_done(&given);
	fd_close(&ret->status); /* its pidfd tells the end */
	return ERR_OK;
}

enum err_code sandbox_begin(const struct sandbox_plan *first, const struct sandbox_fds *fds,
			    struct sandbox_child *ret, struct err *err)
{
	return start(first, fds, true, ret, err);
}

enum err_code sandbox_go_on(const struct sandbox_plan *plan, struct sandbox_child *c,
			    struct sandbox_given *ret_given, struct err *err)
{
	*ret_given = nothing_given;
	if (send(c->status, &plan, sizeof(plan), MSG_NOSIGNAL) != (ssize_t)sizeof(plan) &&
	    errno != EPIPE) { /* one that is gone has said why */
		enum err_code code = ERR_ERRNO(err, "tell a sandbox its plan");

		end_and_reap(c);
		return code;
	}
	return wait_until_it_runs(c, ret_given, err);
}

void sandbox_give_up(struct sandbox_child *c)
{
	if (c->pidfd >= 0) {
		end_and_reap(c);
	}
}

bool sandbox_has_ended(const struct sandbox_child *c, uint32_t *ret_status)
{
	struct init_word word;

	if (recv(c->status, &word, sizeof(word), MSG_DONTWAIT) != (ssize_t)sizeof(word) ||
	    word.what != INIT_ENDED) {
		return false;
	}
	*ret_status = word.status;
	return true;
}

enum err_code sandbox_signal(const struct sandbox_child *c, int sig, struct err *err)
{
	if (syscall(SYS_pidfd_send_signal, c->pidfd, sig, NULL, 0) < 0) {
		return ERR_ERRNO(err, "signal a sandbox");
	}
	return ERR_OK;
}
