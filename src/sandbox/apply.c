/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The starter makes the child in its new namespaces; the child walks the plan. At
 * PLAN_INIT it forks: itself becomes init, its child walks on and executes the
 * program. A step that fails is reported through the status pipe, which closes by
 * itself when the program has been executed.
 *
 * Nothing here runs with a privilege of the machine: what the child may do, it may
 * do in its own user namespace.
 */
#include "sandbox/apply.h"

#include "sandbox/confine.h"
#include "sandbox/init.h"
#include "sandbox/mounts.h"
#include "sandbox/network.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SETUP_MS = 10000, MAX_RULES = PLAN_MAX_PATHS + 64 };

/* How the child hands out its terminal; listeners have their own kinds. */
enum { GIVE_TERMINAL = 0, GIVE_PROC = 64, GIVE_DIAG };

struct applying {
	const struct sandbox_plan *plan;
	int root, proc;
	unsigned terminal; /* bits: which of 0, 1, 2 it becomes */
	bool namespaces, reins;
	struct landlock_rule rules[MAX_RULES];
	size_t n_rules;
};

/* One byte and one descriptor, for the starter. */
static enum err_code give(unsigned kind, int fd, struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	unsigned char byte = (unsigned char)kind;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(INIT_STATUS_FD, &msg, MSG_NOSIGNAL) < 0) {
		return ERR_ERRNO(err, "hand out a descriptor");
	}
	return ERR_OK;
}

static enum err_code listen_for_starter(const struct plan_op *op, struct err *err)
{
	CLEANUP(fd_close) int fd = -1;

	TRY(network_listen(op, &fd, err));
	return give(op->flags & LISTEN_KIND, fd, err);
}

/* From here the starter sees which processes there are, and which connections. */
static enum err_code make_proc(struct applying *s, const struct plan_op *op, struct err *err)
{
	CLEANUP(fd_close) int diag = -1;

	TRY(mounts_proc(s->root, op->target, &s->proc, err));
	if (!(op->flags & 1)) {
		return ERR_OK;
	}
	TRY(give(GIVE_PROC, s->proc, err));
	diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	return diag < 0 ? ERR_OK : give(GIVE_DIAG, diag, err); /* without it nobody is known */
}

/* The program's session gets the terminal; the other end goes to the starter. */
static enum err_code take_terminal(const struct applying *s, struct err *err)
{
	CLEANUP(fd_close) int ours = -1;
	CLEANUP(fd_close) int theirs = -1;
	int unlocked = 0;

	if (!s->terminal) {
		return ERR_OK;
	}
	ours = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ours < 0 || ioctl(ours, TIOCSPTLCK, &unlocked) < 0) {
		return ERR_ERRNO(err, "make a terminal");
	}
	theirs = ioctl(ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (theirs < 0 || ioctl(theirs, TIOCSCTTY, 0) < 0) {
		return ERR_ERRNO(err, "take the terminal");
	}
	for (int i = 0; i < 3; i++) {
		if ((s->terminal & 1U << i) && dup2(theirs, i) < 0) {
			return ERR_ERRNO(err, "use the terminal");
		}
	}
	return give(GIVE_TERMINAL, ours, err);
}

static enum err_code limit_pids(const struct applying *s, uint64_t most, struct err *err)
{
	CLEANUP(fd_close) int fd = openat(s->proc, "sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);
	char text[32];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)most);

	if (fd < 0 || write(fd, text, (size_t)n) != n) {
		return ERR_ERRNO(err, "limit the processes");
	}
	return ERR_OK;
}

static enum err_code map_ids(const struct applying *s, uint64_t inside, struct err *err)
{
	struct confine_ids ids = {.uid = s->plan->outer_uid,
				  .gid = s->plan->outer_gid,
				  .inside_uid = (uint32_t)(inside >> 32),
				  .inside_gid = (uint32_t)inside};

	TRY(confine_map_ids(&ids, err));
	TRY(confine_first_to_die(err));
	/* Until it executes, the child holds a copy of the starter's memory. */
	return confine_not_dumpable(err);
}

/* Splits off the program; the caller's process never comes back from here. */
static enum err_code fork_init(const struct applying *s, struct err *err)
{
	pid_t pid;

	TRY(confine_bounding_set(err)); /* once, for both */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
		return ERR_ERRNO(err, "reap orphans");
	}
	pid = fork();
	if (pid < 0) {
		return ERR_ERRNO(err, "fork in the sandbox");
	}
	if (pid > 0) {
		init_run(pid, s->namespaces, s->reins, &s->plan->init_filter);
	}
	/* A session of its own: no terminal, and a group that can be signalled as one. */
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) {
		return ERR_ERRNO(err, "leave the terminal");
	}
	return ERR_OK;
}

static enum err_code allow(struct applying *s, const struct plan_op *op, struct err *err)
{
	if (s->n_rules == MAX_RULES) {
		return ERR(err, ERR_LIMIT, "too many file rules");
	}
	s->rules[s->n_rules++] = (struct landlock_rule){.path = op->target.p, .access = op->flags};
	return ERR_OK;
}

static enum err_code execute(const struct sandbox_plan *plan, const struct plan_op *op,
			     struct err *err)
{
	static const int may_be_ignored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGALRM, SIGTERM,
					     SIGUSR1, SIGUSR2, SIGCHLD, SIGTTIN, SIGTTOU};
	sigset_t none;

	/* exec resets handlers but keeps what is ignored */
	for (size_t i = 0; i < ARRAY_LEN(may_be_ignored); i++) {
		(void)signal(may_be_ignored[i], SIG_DFL);
	}
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execve(op->source.p, plan->argv, plan->env);
	return ERR_ERRNO(err, "execute " STR_FMT, STR_ARG(op->source));
}

static enum err_code apply_op(struct applying *s, const struct plan_op *op, struct err *err)
{
	const struct landlock_spec domain = {
		.rules = s->rules, .n_rules = s->n_rules, .any_port = op->flags & 1};

	switch (op->kind) {
	case PLAN_NAMESPACES: /* the clone that made this process */
		s->namespaces = true;
		return ERR_OK;
	case PLAN_IDS:
		return map_ids(s, op->value, err);
	case PLAN_LOOPBACK:
		return network_up(op->flags & 1, err);
	case PLAN_ROOT:
		return mounts_root(op->value, &s->root, err);
	case PLAN_DIR:
		return mounts_dir(s->root, op->target, err);
	case PLAN_LINK:
		return mounts_link(s->root, op, err);
	case PLAN_FILE:
		return mounts_file(s->root, op, err);
	case PLAN_BIND:
		return mounts_bind(s->root, op, err);
	case PLAN_TMP:
		return mounts_tmp(s->root, op, err);
	case PLAN_PROC:
		return make_proc(s, op, err);
	case PLAN_OVERLAY:
		return mounts_overlay(s->root, op, err);
	case PLAN_PIN:
		return mounts_pin(s->root, op, err);
	case PLAN_PTS:
		return mounts_pts(s->root, op->target, err);
	case PLAN_MASK:
		return mounts_mask(s->root, op, err);
	case PLAN_LISTEN:
		return listen_for_starter(op, err);
	case PLAN_TERMINAL:
		return take_terminal(s, err);
	case PLAN_PIDS:
		return limit_pids(s, op->value, err);
	case PLAN_PIVOT:
		return mounts_pivot(s->root, s->proc, err);
	case PLAN_HOSTNAME:
		return sethostname(op->source.p, op->source.n) < 0 ? ERR_ERRNO(err, "host name")
								   : ERR_OK;
	case PLAN_INIT:
		return fork_init(s, err);
	case PLAN_CWD:
		return chdir(op->target.p) < 0
			       ? ERR_ERRNO(err, "enter " STR_FMT, STR_ARG(op->target))
			       : ERR_OK;
	case PLAN_LIMIT:
		return confine_limit(op->flags, op->value, err);
	case PLAN_ALLOW:
		return allow(s, op, err);
	case PLAN_LANDLOCK:
		TRY(confine_no_new_privs(err));
		return landlock_enter(&domain, err);
	case PLAN_CAPABILITIES:
		return confine_capabilities(err);
	case PLAN_SECCOMP:
		return seccomp_enter(&s->plan->filter, err);
	case PLAN_EXEC:
		return execute(s->plan, op, err);
	case PLAN_KIND_MAX:
		break;
	}
	return ERR(err, ERR_UNSUPPORTED, "an operation that is none");
}

/* Moves the descriptors to where init.h says they are and closes all others. */
static enum err_code settle_fds(const int from[INIT_FDS], struct err *err)
{
	int high[INIT_FDS];

	for (int i = 0; i < INIT_FDS; i++) {
		high[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, 16);
		if (high[i] < 0 && from[i] >= 0) {
			return ERR_ERRNO(err, "descriptor %d of the sandbox", i);
		}
	}
	for (int i = 0; i < INIT_FDS; i++) {
		if (high[i] < 0) {
			(void)close(i);
		} else if (dup3(high[i], i, i < 3 ? 0 : O_CLOEXEC) < 0) {
			return ERR_ERRNO(err, "descriptor %d of the sandbox", i);
		}
	}
	if (close_range(INIT_FDS, ~0U, 0) < 0) {
		return ERR_ERRNO(err, "close the starter's descriptors");
	}
	return ERR_OK;
}

static NORETURN void child(const struct sandbox_plan *plan, const int fds[INIT_FDS],
			   unsigned terminal)
{
	struct applying s = {.plan = plan,
			     .root = -1,
			     .proc = -1,
			     .terminal = terminal,
			     .reins = fds[INIT_REINS_FD] >= 0};
	struct err err = {0};
	int status_fd = fds[INIT_STATUS_FD];
	enum err_code code = settle_fds(fds, &err);

	if (code == ERR_OK) {
		status_fd = INIT_STATUS_FD;
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || setsid() < 0) {
			code = ERR_ERRNO(&err, "tie to the starter");
		}
	}
	for (size_t i = 0; code == ERR_OK && i < plan->n_ops; i++) {
		code = apply_op(&s, &plan->ops[i], &err);
	}
	/* One packet, so it arrives whole. */
	(void)!write(status_fd, &err, sizeof(err));
	_exit(SANDBOX_EXIT_SETUP);
}

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
	if (kind != GIVE_TERMINAL && kind < GIVE_PROC &&
	    given->n_listeners < ARRAY_LEN(given->listeners)) {
		given->listeners[given->n_listeners].kind = kind;
		given->listeners[given->n_listeners++].fd = fd;
		return true;
	}
	return false;
}

/* The next thing the child says; ERR_AGAIN when it gave a descriptor, ERR_OK at its end. */
static enum err_code hear(int status_fd, struct sandbox_given *given, struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	union {
		struct err theirs;
		unsigned char kind;
	} said;
	struct iovec iov = {.iov_base = &said, .iov_len = sizeof(said)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(status_fd, &msg, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (n == 0) {
		return ERR_OK;
	}
	if (n == 1 && c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int))) {
		CLEANUP(fd_close) int fd = -1;

		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		if (take_given(given, said.kind, fd)) {
			(void)fd_take(&fd);
			return ERR_AGAIN;
		}
	}
	if (n != (ssize_t)sizeof(said.theirs) || said.theirs.code == ERR_OK ||
	    said.theirs.code >= ERR_CODE_MAX) {
		return ERR(err, ERR_CORRUPT, "a sandbox broke while it was set up");
	}
	said.theirs.msg[sizeof(said.theirs.msg) - 1] = '\0';
	return err_set(err, said.theirs.code, said.theirs.sys_errno, ERR_HERE, "sandbox: %s",
		       said.theirs.msg);
}

/* All is well when the socket closes without an error. */
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
}

static enum err_code clone_child(const struct sandbox_plan *plan, const int fds[INIT_FDS],
				 unsigned terminal, struct sandbox_child *ret, struct err *err)
{
	int flags = namespaces_of(plan) | CLONE_PIDFD | SIGCHLD;
	int pidfd = -1;
	sigset_t all, before;
	long pid;

	/* No handler of the starter may run in the child. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = syscall(SYS_clone, flags, 0, &pidfd, 0, 0);
	if (pid == 0) {
		child(plan, fds, terminal);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		return ERR_ERRNO(err, "namespaces for a sandbox");
	}
	*ret = (struct sandbox_child){.pid = (pid_t)pid, .pidfd = pidfd};
	return ERR_OK;
}

void sandbox_given_done(struct sandbox_given *given)
{
	fd_close(&given->terminal);
	fd_close(&given->proc);
	fd_close(&given->diag);
	for (size_t i = 0; i < given->n_listeners; i++) {
		fd_close(&given->listeners[i].fd);
	}
	given->n_listeners = 0;
}

/* Which of the standard streams are to be the terminal. */
static unsigned terminal_bits(const struct sandbox_fds *fds)
{
	return (fds->in == SANDBOX_FD_TERMINAL ? 1U : 0U) |
	       (fds->out == SANDBOX_FD_TERMINAL ? 2U : 0U) |
	       (fds->errors == SANDBOX_FD_TERMINAL ? 4U : 0U);
}

enum err_code sandbox_start_given(const struct sandbox_plan *plan, const struct sandbox_fds *fds,
				  struct sandbox_child *ret, struct sandbox_given *ret_given,
				  struct err *err)
{
	CLEANUP(fd_close) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CLEANUP(fd_close) int starter = (int)syscall(SYS_pidfd_open, getpid(), 0);
	CLEANUP(fd_close) int status = -1;
	CLEANUP(fd_close) int status_end = -1;
	struct sandbox_given given = {.terminal = -1, .proc = -1, .diag = -1};
	struct sandbox_child c = {.pidfd = -1};
	int ends[2];
	enum err_code code;

	*ret_given = given;
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
			terminal_bits(fds), &c, err));
	fd_close(&status_end);
	code = wait_for_exec(status, &given, err);
	if (code != ERR_OK) {
		sandbox_given_done(&given);
		end_and_reap(&c);
		return code;
	}
	*ret = c;
	*ret_given = given;
	return ERR_OK;
}

enum err_code sandbox_start(const struct sandbox_plan *plan, const struct sandbox_fds *fds,
			    struct sandbox_child *ret, struct err *err)
{
	struct sandbox_given given;

	TRY(sandbox_start_given(plan, fds, ret, &given, err));
	sandbox_given_done(&given);
	return ERR_OK;
}

enum err_code sandbox_signal(const struct sandbox_child *c, int sig, struct err *err)
{
	if (syscall(SYS_pidfd_send_signal, c->pidfd, sig, NULL, 0) < 0) {
		return ERR_ERRNO(err, "signal a sandbox");
	}
	return ERR_OK;
}
