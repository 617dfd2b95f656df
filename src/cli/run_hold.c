/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time while the program runs. Its terminal is one of its own: ours is only copied to and
 * from, so nothing inside can write into it as if somebody typed, or go on reading from it. A
 * standard stream that is no terminal is handed over as it is.
 */
#include "cli/run.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { COPY = 16 << 10, STOP_MS = 1500 };

struct hold {
	struct chan *node;
	struct sandbox_child child;
	struct sandbox_given given;
	int signals;
	bool tty[3]; /* which of our streams are terminals */
	int tty_in, tty_out;
	struct termios before;
	bool raw, input_ended;
	char in[COPY]; /* typed, not yet taken by the program's terminal */
	size_t n_in;
	bool node_gone, stopping;
	struct run_digests digests;
	struct str limits; /* of the sandbox as a whole, as they are told; empty: none */
	bool told;         /* by init: all else has ended, with this status */
	uint32_t status;
};

/* ---- the terminal ---- */

static void copy_size(const struct hold *h)
{
	struct winsize size;

	if (ioctl(h->tty_out >= 0 ? h->tty_out : h->tty_in, TIOCGWINSZ, &size) == 0) {
		(void)ioctl(h->given.terminal, TIOCSWINSZ, &size);
	}
}

/* In the background nothing may be read from the terminal, nor its settings changed. */
static bool in_foreground(const struct hold *h)
{
	return h->tty_in >= 0 && tcgetpgrp(h->tty_in) == getpgrp();
}

static void make_raw(struct hold *h)
{
	struct termios raw;

	if (h->raw || !in_foreground(h) || tcgetattr(h->tty_in, &h->before) < 0) {
		return;
	}
	raw = h->before;
	cfmakeraw(&raw);
	h->raw = tcsetattr(h->tty_in, TCSADRAIN, &raw) == 0;
}

static void restore(struct hold *h)
{
	if (h->raw && in_foreground(h)) {
		/* What the terminal itself answered to the program is not typed to whoever comes next. */
		(void)tcsetattr(h->tty_in, TCSAFLUSH, &h->before);
	}
	h->raw = false;
}

static void take_streams(struct hold *h)
{
	h->tty_in = h->tty_out = -1;
	for (int i = 0; i < 3; i++) {
		h->tty[i] = isatty(i) == 1;
	}
	h->tty_in = h->tty[0] ? 0 : -1;
	h->tty_out = h->tty[1] ? 1 : h->tty[2] ? 2 : h->tty[0] ? 0 : -1;
}

static void begin_terminal(struct hold *h)
{
	struct termios now;

	if (h->given.terminal < 0) {
		return;
	}
	if (h->tty_in >= 0 && tcgetattr(h->tty_in, &now) == 0) {
		(void)tcsetattr(h->given.terminal, TCSANOW, &now);
	}
	copy_size(h);
	err_ignore(fd_set_nonblock(h->given.terminal, NULL)); /* else it is only less responsive */
	make_raw(h);
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR) {
			continue;
		}
		if (k < 0 && errno == EAGAIN) {
			struct pollfd wait = {.fd = fd, .events = POLLOUT};

			(void)poll(&wait, 1, -1);
			continue;
		}
		if (k <= 0) {
			return; /* our terminal is gone; the program will hear of it */
		}
		p += k;
		n -= (size_t)k;
	}
}

/* From the program to us; false when its terminal has nothing more. */
static bool copy_out(struct hold *h)
{
	char bytes[COPY];
	ssize_t n = read(h->given.terminal, bytes, sizeof(bytes));

	if (n > 0) {
		write_all(h->tty_out, bytes, (size_t)n);
		return true;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void type_on(struct hold *h)
{
	ssize_t n = h->n_in ? write(h->given.terminal, h->in, h->n_in) : 0;

	if (n > 0) {
		memmove(h->in, h->in + n, h->n_in - (size_t)n);
		h->n_in -= (size_t)n;
	}
}

static void copy_in(struct hold *h)
{
	ssize_t n = read(h->tty_in, h->in, sizeof(h->in));

	if (n > 0) {
		h->n_in = (size_t)n;
		type_on(h);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		h->input_ended = true;
	}
}

/* ---- signals ---- */

static enum err_code open_signals(struct hold *h, struct err *err)
{
	static const int caught[] = {SIGTERM, SIGINT,  SIGHUP,   SIGQUIT,
				     SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(caught); i++) {
		(void)sigaddset(&set, caught[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN); // NOLINT(cert-err33-c): cannot fail for SIGPIPE
	(void)signal(SIGTTOU, SIG_IGN); // NOLINT(cert-err33-c)
	h->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return h->signals < 0 ? ERR_ERRNO(err, "signalfd") : ERR_OK;
}

static void on_signals(struct hold *h)
{
	struct signalfd_siginfo info;

	while (read(h->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGWINCH:
			if (h->given.terminal >= 0) {
				copy_size(h);
			}
			break;
		case SIGCONT:
			if (h->given.terminal >= 0) {
				h->raw = false;
				make_raw(h);
				copy_size(h);
			}
			break;
		default:
			err_ignore(sandbox_signal(&h->child, (int)info.ssi_signo,
						  NULL)); /* it may have ended */
			break;
		}
	}
}

/* ---- the node ---- */

static void on_node(struct hold *h)
{
	char buf[256];
	struct frame_reader r;
	struct str frame;
	struct err err;
	enum err_code code = run_talk_next(h->node, buf, sizeof(buf), 0, &frame, &err);

	if (code == ERR_TIMEOUT) {
		return;
	}
	if (code) {
		/* Nothing goes on unwatched: init ends by its reins, and here again. */
		h->node_gone = true;
		err_ignore(sandbox_signal(&h->child, SIGKILL, NULL));
		return;
	}
	switch (frame_open(&r, frame)) {
	case RUN_STOPPING:
		h->stopping = true;
		err_ignore(sandbox_signal(&h->child, SIGTERM, NULL));
		break;
	case RUN_WHO:
		err_ignore(run_who(h->node, &r, &h->given, &h->digests,
				   &err)); /* unanswered: nobody */
		break;
	default:
		break;
	}
}

/* ---- start, loop, end ---- */

static enum err_code tell_started(struct hold *h, struct err *err)
{
	for (size_t i = 0; i < h->given.n_listeners;) {
		uint8_t kinds[CHAN_MAX_FDS];
		int fds[CHAN_MAX_FDS];
		unsigned n = 0;

		for (; n < CHAN_MAX_FDS && i < h->given.n_listeners; i++) {
			kinds[n] = (uint8_t)h->given.listeners[i].kind;
			fds[n++] = fd_take(&h->given.listeners[i].fd);
		}
		TRY(run_talk_listeners(h->node, kinds, fds, n, err));
	}
	if (h->given.monitor >= 0) {
		TRY(run_talk_monitor(h->node, fd_take(&h->given.monitor), err));
	}
	return run_talk_started(h->node, h->limits, err);
}

static struct sandbox_fds fds_of(const bool tty[3], int reins)
{
	return (struct sandbox_fds){.in = tty[0] ? SANDBOX_FD_TERMINAL : 0,
				    .out = tty[1] ? SANDBOX_FD_TERMINAL : 1,
				    .errors = tty[2] ? SANDBOX_FD_TERMINAL : 2,
				    .reins = reins};
}

void run_hold_begin(const struct run_plan *p, struct run_early *ret)
{
	CLEANUP(fd_close) int ours = -1;
	struct run_early e = {.child = {.pidfd = -1, .status = -1}, .reins = -1};
	struct sandbox_plan *first = ARENA_NEW(p->arena, struct sandbox_plan);
	bool tty[3];
	struct sandbox_fds fds;
	struct err err;
	int ends[2];

	if (!first || p->spec.weaker || plan_first(p->arena, &p->spec, &p->machine, first, &err) ||
	    chan_pair(ends, &err)) {
		return;
	}
	ours = ends[0];
	e.reins = ends[1];
	for (int i = 0; i < 3; i++) {
		tty[i] = isatty(i) == 1;
	}
	fds = fds_of(tty, ours);
	if (sandbox_begin(first, &fds, &e.child, &err)) {
		fd_close(&e.reins);
	}
	*ret = e;
}

void run_hold_give_up(struct run_early *e)
{
	sandbox_give_up(&e->child);
	cgroup_done(&e->whole);
	fd_close(&e->reins);
}

/* From nothing, where it could not be begun. */
static enum err_code start_at_once(struct hold *h, const struct run_plan *p, struct err *err)
{
	CLEANUP(fd_close) int ours = -1;
	struct sandbox_fds fds;
	int ends[2];

	if (cgroup_wanted(&p->options->whole)) {
		return ERR(err, ERR_UNSUPPORTED,
			   "without namespaces, or with --weaker, the sandbox as a whole cannot "
			   "be limited");
	}
	TRY(chan_pair(ends, err));
	ours = ends[0];
	TRY(run_talk_reins(h->node, ends[1], err)); /* moved in */
	fds = fds_of(h->tty, ours);
	return sandbox_start_given(&p->plan, &fds, &h->child, &h->given, err);
}

/* The limits of all processes together, before there is more than the one that waits. */
static enum err_code limit_whole(struct hold *h, const struct run_plan *p, struct run_early *early,
				 struct err *err)
{
	struct cgroup_spec spec = p->options->whole;
	struct buf text;

	if (!cgroup_wanted(&spec)) {
		return ERR_OK;
	}
	if (!p->machine.kernel
		     .pid_limit) { /* then RLIMIT_NPROC alone counts them, and not root's */
		spec.value[CGROUP_PIDS] = p->spec.limits.processes;
	}
	TRY(cgroup_make(&spec, &early->whole, err));
	TRY(cgroup_enter(&early->whole, early->child.pid, err));
	buf_init(&text, RUN_MAX_LIMITS);
	cgroup_print(&early->whole, &text);
	h->limits = text.failed ? STR("") : arena_dup(p->arena, buf_str(&text));
	buf_done(&text);
	(void)fprintf(stderr, "writ run: limits of the whole sandbox: " STR_FMT "\n",
		      STR_ARG(h->limits));
	return ERR_OK;
}

static enum err_code go_on(struct hold *h, const struct run_plan *p, struct run_early *early,
			   struct err *err)
{
	struct sandbox_plan *plan = ARENA_NEW(p->arena, struct sandbox_plan);

	if (!plan) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	*plan = p->plan;
	TRY(limit_whole(h, p, early, err));
	TRY(run_talk_reins(h->node, fd_take(&early->reins), err));
	h->child = early->child;
	early->child = (struct sandbox_child){.pidfd = -1, .status = -1};
	return sandbox_go_on(plan, &h->child, &h->given, err);
}

static enum err_code start(struct hold *h, const struct run_plan *p, struct run_early *early,
			   struct err *err)
{
	TRY(early->child.pidfd >= 0 ? go_on(h, p, early, err) : start_at_once(h, p, err));
	if (tell_started(h, err)) {
		sandbox_give_up(&h->child);
		return err->code;
	}
	return ERR_OK;
}

/* One wait; false once all has ended. */
static bool turn(struct hold *h)
{
	bool type = h->given.terminal >= 0 && h->tty_in >= 0 && !h->input_ended && h->raw;
	struct pollfd p[] = {
		{.fd = h->child.pidfd, .events = POLLIN},
		{.fd = h->signals, .events = POLLIN},
		{.fd = h->node_gone ? -1 : h->node->fd, .events = POLLIN},
		{.fd = h->given.terminal, .events = (short)(POLLIN | (h->n_in ? POLLOUT : 0))},
		{.fd = type && !h->n_in ? h->tty_in : -1, .events = POLLIN},
		{.fd = h->child.status, .events = POLLIN},
	};

	if (poll(p, ARRAY_LEN(p), h->stopping ? STOP_MS : -1) == 0 && h->stopping) {
		err_ignore(sandbox_signal(&h->child, SIGKILL, NULL));
	}
	if (p[1].revents) {
		on_signals(h);
	}
	if (p[2].revents) {
		on_node(h);
	}
	if (p[3].revents & POLLOUT) {
		type_on(h);
	}
	if ((p[3].revents & (POLLIN | POLLHUP | POLLERR)) && !copy_out(h)) {
		fd_close(&h->given.terminal); /* closed by all inside: only the end is left */
	}
	if (p[4].revents) {
		copy_in(h);
	}
	if (p[5].revents) {
		h->told = sandbox_has_ended(&h->child, &h->status);
		fd_close(&h->child.status);
	}
	return p[0].revents == 0 && !h->told;
}

/* Init that was killed could not say a status. */
static uint32_t status_of_init(struct hold *h)
{
	siginfo_t info = {0};

	while (waitid(P_PIDFD, (id_t)h->child.pidfd, &info, WEXITED) < 0 && errno == EINTR) {
	}
	fd_close(&h->child.pidfd);
	fd_close(&h->child.status);
	return info.si_code == CLD_EXITED ? (uint32_t)info.si_status
					  : 128 + (uint32_t)info.si_status;
}

static void finish(struct hold *h, struct run_ended *ret)
{
	while (h->given.terminal >= 0 && copy_out(h)) {
		struct pollfd p = {.fd = h->given.terminal, .events = POLLIN};

		if (poll(&p, 1, 0) <= 0) {
			break;
		}
	}
	restore(h);
	ret->status = h->told ? h->status : status_of_init(h);
	ret->how = ret->status < 128 ? RUN_END_EXITED : RUN_END_KILLED;
	ret->node_gone = h->node_gone;
}

enum err_code run_hold(const struct run_plan *p, struct chan *node, struct run_early *early,
		       struct run_ended *ret, struct err *err)
{
	struct hold h = {.node = node,
			 .child = {.pidfd = -1, .status = -1},
			 .given = {.terminal = -1, .proc = -1, .diag = -1, .monitor = -1},
			 .signals = -1};
	enum err_code code;

	take_streams(&h);
	code = open_signals(&h, err);
	code = code ? code : start(&h, p, early, err);
	if (!code) {
		begin_terminal(&h);
		while (turn(&h)) {
		}
		finish(&h, ret);
		early->child = h.child;
	}
	sandbox_given_done(&h.given);
	fd_close(&h.signals);
	return code;
}
