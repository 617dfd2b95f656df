/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child's side: start.c made it in its new namespaces, here it walks the plan. At PLAN_INIT it
 * splits: itself becomes init, the other walks on and executes the program. A step that fails is
 * reported through the status socket, and so is success, by init.
 *
 * Nothing here runs with a privilege of the machine: what the child may do, it may
 * do in its own user namespace.
 */
#include "sandbox/apply_priv.h"

#include "sandbox/confine.h"
#include "sandbox/init.h"
#include "sandbox/monitor.h"
#include "sandbox/mounts.h"
#include "sandbox/network.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_RULES = 2 * PLAN_MAX_PATHS + 64, STACK = 256 << 10 };

struct applying {
	const struct sandbox_plan *plan;
	size_t next; /* operation */
	struct mounts mounts;
	int proc;
	unsigned terminal; /* bits: which of 0, 1, 2 it becomes */
	bool namespaces, reins;
	struct landlock_rule rules[MAX_RULES];
	size_t n_rules;
	struct monitor_root monitored[PLAN_MAX_WATCHED];
	size_t n_monitored;
	int listener_to;      /* where the monitor waits for the listener; -1: there is none */
	int given[GIVE_MOST]; /* for the starter, all at once */
	unsigned char kinds[GIVE_MOST];
	size_t n_given;
};

/* One packet: of each descriptor its kind. */
static enum err_code hand_out(int to, unsigned char *kinds, const int *fds, size_t n,
			      struct err *err)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * GIVE_MOST)];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = kinds, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	if (sendmsg(to, &msg, MSG_NOSIGNAL) < 0) {
		return ERR_ERRNO(err, "hand out descriptors");
	}
	return ERR_OK;
}

/* Takes fd over. */
static void give(struct applying *s, unsigned kind, int fd)
{
	ASSERT(s->n_given < GIVE_MOST);
	s->kinds[s->n_given] = (unsigned char)kind;
	s->given[s->n_given++] = fd;
}

static enum err_code hand_out_given(struct applying *s, struct err *err)
{
	if (s->n_given == 0) {
		return ERR_OK;
	}
	TRY(hand_out(INIT_STATUS_FD, s->kinds, s->given, s->n_given, err));
	while (s->n_given) {
		(void)close(s->given[--s->n_given]);
	}
	return ERR_OK;
}

static enum err_code listen_for_starter(struct applying *s, const struct plan_op *op,
					struct err *err)
{
	int fd;

	TRY(network_listen(op, &fd, err));
	if (fd >= 0) {
		give(s, op->flags & LISTEN_KIND, fd);
	}
	return ERR_OK;
}

/* From here the starter sees which processes there are, and which connections. */
static enum err_code watch(struct applying *s, struct err *err)
{
	int proc = fcntl(s->proc, F_DUPFD_CLOEXEC, 3);
	int diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (proc < 0) {
		return ERR_ERRNO(err, "hand out /proc");
	}
	give(s, GIVE_PROC, proc);
	if (diag >= 0) { /* without it nobody is known */
		give(s, GIVE_DIAG, diag);
	}
	return ERR_OK;
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
	return hand_out(INIT_STATUS_FD, &(unsigned char){GIVE_TERMINAL}, &ours, 1, err);
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

static enum err_code walk(struct applying *s, size_t end, struct err *err);

static NORETURN void fail(const struct err *err)
{
	/* One packet, so it arrives whole. */
	(void)!write(INIT_STATUS_FD, err, sizeof(*err));
	_exit(SANDBOX_EXIT_SETUP);
}

/* The rest of the plan, up to the program. Never comes back. */
static int go_on(void *arg)
{
	struct applying *s = arg;
	struct err err;

	/* A session of its own: no terminal, and a group that can be signalled as one. */
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) {
		(void)ERR_ERRNO(&err, "leave the terminal");
		fail(&err);
	}
	(void)walk(s, s->plan->n_ops, &err); /* ends in execve, or with an error */
	fail(&err);
}

/*
 * Splits off the program; the caller's process never comes back from here. Until it executes, the
 * program's process runs on a stack of its own in the memory of init, which waits so long: nothing is
 * copied that execve would throw away.
 */
static enum err_code split(struct applying *s, struct err *err)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	pid_t pid;

	TRY(hand_out_given(s, err));
	if (!s->namespaces) {
		TRY(confine_bounding_set(err)); /* once, for both */
	}
	if (stack == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
		return ERR_ERRNO(err, "prepare init");
	}
	pid = clone(go_on, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, s);
	if (pid < 0) {
		return ERR_ERRNO(err, "fork in the sandbox");
	}
	(void)munmap(stack, STACK);
	init_run(pid, s->namespaces, s->reins, &s->plan->init_filter);
}

static enum err_code monitored(struct applying *s, const struct plan_op *op, struct err *err)
{
	struct monitor_root *root = &s->monitored[s->n_monitored];

	if (s->n_monitored == ARRAY_LEN(s->monitored)) {
		return ERR(err, ERR_LIMIT, "too many places are the monitor's");
	}
	TRY(mounts_monitored(&s->mounts, op, &root->tree, err));
	root->path = op->target;
	root->is_dir = op->flags & BIND_DIR;
	s->n_monitored++;
	return ERR_OK;
}

/*
 * A sibling of the program and not its child, which it could wait for. It stays in the domain that was entered so far,
 * of which the program will have less: that is why the one may look into the other, and not the other way round.
 */
static enum err_code start_monitor(struct applying *s, struct err *err)
{
	struct monitor m = {.plan = s->plan, .roots = s->monitored, .n_roots = s->n_monitored};
	CLEANUP(fd_close) int theirs = -1;
	int ask[2], hand[2];
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ask) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, hand) < 0) {
		return ERR_ERRNO(err, "prepare a monitor");
	}
	m.decider = ask[0];
	m.listener = hand[0];
	theirs = ask[1];
	TRY(hand_out(INIT_STATUS_FD, &(unsigned char){GIVE_MONITOR}, &theirs, 1, err));
	pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		s->plan->monitor(&m, s->plan->monitor_arg);
		_exit(SANDBOX_EXIT_SETUP);
	}
	(void)close(ask[0]);
	(void)close(hand[0]);
	for (size_t i = 0; i < s->n_monitored; i++) {
		fd_close(&s->monitored[i].tree);
	}
	s->listener_to = hand[1];
	return pid < 0 ? ERR_ERRNO(err, "start a monitor") : ERR_OK;
}

/* With a monitor: it gets the listener, and the program none of it. */
static enum err_code enter_filter(const struct applying *s, struct err *err)
{
	CLEANUP(fd_close) int to = s->listener_to;
	CLEANUP(fd_close) int listener = -1;

	if (to < 0) {
		return seccomp_enter(&s->plan->filter, err);
	}
	TRY(seccomp_enter_heard(&s->plan->filter, &listener, err));
	return hand_out(to, &(unsigned char){0}, &listener, 1, err);
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

static enum err_code take_namespaces(struct applying *s, int flags, struct err *err)
{
	s->namespaces = true;
	if (unshare(flags & ~CLONED_NAMESPACES) < 0) {
		return ERR_ERRNO(err, "namespaces for a sandbox");
	}
	TRY(mounts_private(err));
	return confine_bounding_set(err); /* here, where the starter is not waiting yet */
}

static enum err_code apply_op(struct applying *s, const struct plan_op *op, struct err *err)
{
	const struct landlock_spec domain = {
		.rules = s->rules, .n_rules = s->n_rules, .any_port = op->flags & 1};

	switch (op->kind) {
	case PLAN_NAMESPACES:
		return take_namespaces(s, (int)op->value, err);
	case PLAN_IDS:
		return map_ids(s, op->value, err);
	case PLAN_LOOPBACK:
		return network_up(err);
	case PLAN_CAPTURE:
		return network_capture(err);
	case PLAN_ROOT:
		return mounts_root(op->value, &s->mounts, err);
	case PLAN_DIR:
		return mounts_dir(&s->mounts, op->target, err);
	case PLAN_LINK:
		return mounts_link(&s->mounts, op, err);
	case PLAN_FILE:
		return mounts_file(&s->mounts, op, err);
	case PLAN_BIND:
		return mounts_bind(&s->mounts, op, err);
	case PLAN_TMP:
		return mounts_tmp(&s->mounts, op, err);
	case PLAN_PROC:
		return mounts_proc(&s->mounts, op->target, &s->proc, err);
	case PLAN_WATCH:
		return watch(s, err);
	case PLAN_OVERLAY:
		return mounts_overlay(&s->mounts, op, err);
	case PLAN_PIN:
		return mounts_pin(&s->mounts, op, err);
	case PLAN_PTS:
		return mounts_pts(&s->mounts, op->target, err);
	case PLAN_MASK:
		return mounts_mask(&s->mounts, op, err);
	case PLAN_LISTEN:
		return listen_for_starter(s, op, err);
	case PLAN_TERMINAL:
		return take_terminal(s, err);
	case PLAN_PIDS:
		return limit_pids(s, op->value, err);
	case PLAN_PIVOT:
		return mounts_pivot(&s->mounts, s->proc, err);
	case PLAN_HOSTNAME:
		return sethostname(op->source.p, op->source.n) < 0 ? ERR_ERRNO(err, "host name")
								   : ERR_OK;
	case PLAN_INIT:
		return split(s, err);
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
		s->n_rules = 0; /* of a domain within */
		return landlock_enter(&domain, err);
	case PLAN_MONITORED:
		return monitored(s, op, err);
	case PLAN_MONITOR:
		return start_monitor(s, err);
	case PLAN_CAPABILITIES:
		return confine_capabilities(err);
	case PLAN_SECCOMP:
		return enter_filter(s, err);
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

static enum err_code walk(struct applying *s, size_t end, struct err *err)
{
	while (s->next < end) {
		TRY(apply_op(s, &s->plan->ops[s->next++], err));
	}
	return ERR_OK;
}

/* The starter knows the rest of the plan now: where it lies in the memory both share. */
static void await_plan(struct applying *s)
{
	const struct sandbox_plan *plan;
	ssize_t n;

	do {
		n = read(INIT_STATUS_FD, &plan, sizeof(plan));
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(plan)) {
		_exit(SANDBOX_EXIT_SETUP); /* it does not want it any more, or is gone */
	}
	ASSERT(plan->n_ops > s->next);
	for (size_t i = 0; i < s->next; i++) { /* what is done already is what it begins with */
		ASSERT(plan->ops[i].kind == s->plan->ops[i].kind &&
		       plan->ops[i].flags == s->plan->ops[i].flags &&
		       plan->ops[i].value == s->plan->ops[i].value &&
		       str_eq(plan->ops[i].source, s->plan->ops[i].source) &&
		       str_eq(plan->ops[i].target, s->plan->ops[i].target));
	}
	s->plan = plan;
}

NORETURN void apply_child(const struct sandbox_plan *plan, const int fds[INIT_FDS],
			  unsigned terminal, bool early)
{
	struct applying s = {.plan = plan,
			     .mounts = {.root = -1, .dir = -1},
			     .proc = -1,
			     .listener_to = -1,
			     .terminal = terminal,
			     .reins = fds[INIT_REINS_FD] >= 0};
	struct err err = {0};
	enum err_code code = settle_fds(fds, &err);

	if (code) {
		(void)!write(fds[INIT_STATUS_FD], &err, sizeof(err)); /* if it is still there */
		_exit(SANDBOX_EXIT_SETUP);
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || setsid() < 0) {
		(void)ERR_ERRNO(&err, "tie to the starter");
		fail(&err);
	}
	if (walk(&s, plan->n_ops, &err)) {
		fail(&err);
	}
	if (early) {
		await_plan(&s);
	}
	(void)walk(&s, s.plan->n_ops, &err);
	fail(&err);
}
