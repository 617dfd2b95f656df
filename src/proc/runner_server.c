/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/runner_server.h"

#include "base/log.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READS_A_TURN = 4 };

static bool may_log(struct server *s)
{
	uint64_t seconds = (s->loop->now - s->lines_at) / CLOCK_SEC;

	if (seconds) {
		uint64_t left = s->lines_left + seconds * RUNNER_LINES_SECOND;

		s->lines_left = left > RUNNER_LINES_BURST ? RUNNER_LINES_BURST : (unsigned)left;
		s->lines_at += seconds * CLOCK_SEC;
	}
	if (s->lines_left == 0) {
		s->lines_dropped++;
		return false;
	}
	s->lines_left--;
	return true;
}

static void tell_dropped(struct server *s)
{
	if (s->lines_dropped) {
		log_line(LOG_WARN, "%s: %llu lines of its standard error were not logged", s->id,
			 (unsigned long long)s->lines_dropped);
		s->lines_dropped = 0;
	}
}

static void line_done(struct server *s)
{
	if (s->n_line && may_log(s)) {
		tell_dropped(s);
		log_line(LOG_INFO, "%s: %.*s%s", s->id, (int)s->n_line, s->line,
			 s->cut ? " [cut]" : "");
	}
	s->n_line = 0;
	s->cut = false;
}

static void take_errors(struct server *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '\0') {
			c = ' '; /* it would end the message early; the log escapes the rest */
		}
		if (c == '\n') {
			line_done(s);
		} else if (s->n_line == sizeof(s->line)) {
			s->cut = true;
		} else {
			s->line[s->n_line++] = c;
		}
	}
}

static void close_errors(struct server *s)
{
	line_done(s);
	tell_dropped(s);
	loop_remove(s->loop, &s->errors);
	fd_close(&s->errors.fd);
}

static void on_errors(struct loop_fd *f, uint32_t ready)
{
	struct server *s = CONTAINER_OF(f, struct server, errors);
	char bytes[4096];

	(void)ready;
	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n = read(f->fd, bytes, sizeof(bytes));

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			return;
		}
		if (n <= 0) {
			close_errors(s);
			return;
		}
		take_errors(s, bytes, (size_t)n);
	}
}

static uint32_t wait_status(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? (uint32_t)(info->si_status & 0xff) << 8
					   : (uint32_t)(info->si_status & 0x7f);
}

static void on_ended(struct loop_fd *f, uint32_t ready)
{
	struct server *s = CONTAINER_OF(f, struct server, ended);
	siginfo_t info = {0};

	(void)ready;
	if (waitid(P_PIDFD, (id_t)f->fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0) {
		return;
	}
	timer_stop(&s->step);
	loop_remove(s->loop, f);
	fd_close(&s->child.pidfd);
	if (s->errors.fd >= 0) {
		on_errors(&s->errors, LOOP_READ); /* its last words */
	}
	if (s->errors.fd >= 0) {
		close_errors(s);
	}
	s->on_end(s, wait_status(&info));
}

/* A sandbox that ended by itself cannot be signalled any more: that is no failure. */
static void signal_child(struct server *s, int sig)
{
	err_ignore(sandbox_signal(&s->child, sig, NULL));
}

static void on_step(struct timer *t)
{
	struct server *s = CONTAINER_OF(t, struct server, step);

	if (s->stage == SERVER_ASKED) {
		s->stage = SERVER_TERMINATED;
		signal_child(s, SIGTERM);
		loop_timer_set(s->loop, t, RUNNER_STEP_SECONDS * CLOCK_SEC);
	} else {
		server_kill(s);
	}
}

void server_stop(struct server *s)
{
	if (s->stage == SERVER_RUNNING) {
		s->stage = SERVER_ASKED;
		loop_timer_set(s->loop, &s->step, RUNNER_STEP_SECONDS * CLOCK_SEC);
	}
}

void server_kill(struct server *s)
{
	s->stage = SERVER_KILLED;
	timer_stop(&s->step);
	signal_child(s, SIGKILL);
}

static enum err_code watch(struct server *s, struct err *err)
{
	s->step.on_timeout = on_step;
	s->ended = (struct loop_fd){.fd = s->child.pidfd, .on_ready = on_ended};
	TRY(loop_add(s->loop, &s->ended, LOOP_READ, err));
	s->errors.on_ready = on_errors;
	return loop_add(s->loop, &s->errors, LOOP_READ, err);
}

static void give_up(struct server *s)
{
	siginfo_t info;

	signal_child(s, SIGKILL);
	while (waitid(P_PIDFD, (id_t)s->child.pidfd, &info, WEXITED) < 0 && errno == EINTR) {
	}
	loop_remove(s->loop, &s->ended);
	loop_remove(s->loop, &s->errors);
	fd_close(&s->child.pidfd);
	fd_close(&s->errors.fd);
}

enum err_code server_start(struct server *s, struct loop *loop, struct str id,
			   const struct sandbox_plan *plan, int *ret_fd, struct err *err)
{
	CLEANUP(fd_close) int ours = -1;
	CLEANUP(fd_close) int theirs = -1;
	CLEANUP(fd_close) int errors = -1;
	CLEANUP(fd_close) int errors_end = -1;
	int ends[2], pipe_ends[2];
	enum err_code code;

	s->loop = loop;
	s->lines_left = RUNNER_LINES_BURST;
	s->lines_at = s->started_at = loop->now;
	(void)snprintf(s->id, sizeof(s->id), STR_FMT, STR_ARG(id));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		return ERR_ERRNO(err, "streams for a server");
	}
	ours = ends[0];
	theirs = ends[1];
	if (pipe2(pipe_ends, O_CLOEXEC) < 0) {
		return ERR_ERRNO(err, "a pipe for a server");
	}
	errors = pipe_ends[0];
	errors_end = pipe_ends[1];
	TRY(fd_set_nonblock(ours,
			    err)); /* the server's ends stay blocking: it may not expect EAGAIN */
	TRY(fd_set_nonblock(errors, err));
	TRY(sandbox_start(plan,
			  &(struct sandbox_fds){.in = theirs, .out = theirs, .errors = errors_end},
			  &s->child, err));
	s->errors = (struct loop_fd){.fd = fd_take(&errors)};
	code = watch(s, err);
	if (code) {
		give_up(s);
		return code;
	}
	*ret_fd = fd_take(&ours);
	return ERR_OK;
}
