/* SPDX-License-Identifier: Apache-2.0 */
/* proc/scribe_sync.c - the scribe's helper that waits for the disk.
 *
 *   reads   nothing but requests of the scribe
 *   holds   a segment's descriptor while it syncs it
 *   cannot  open files, make sockets, start programs
 */
#include "proc/scribe_sync.h"

#include "base/log.h"
#include "ipc/frame.h"
#include "sandbox/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MESSAGE_SYNC = 1, MESSAGE_SYNCED = 2, SYNC_FRAME_MAX = 16 };

static const struct jail_spec syncer_jail = {
	.name = "syncer",
	.calls = CALLS_SOCKET | CALLS_SYNC,
	.net = JAIL_NET_EMPTY,
};

static void child_answer(struct chan *chan, const int *fds, unsigned n)
{
	char out[SYNC_FRAME_MAX];
	struct frame_writer w;
	uint32_t failed = 0;

	for (unsigned i = 0; i < n; i++) {
		if (fdatasync(fds[i]) < 0 && !failed) {
			failed = (uint32_t)errno;
		}
		(void)close(fds[i]);
	}
	frame_begin(&w, out, sizeof(out), MESSAGE_SYNCED);
	frame_put_u32(&w, failed);
	if (chan_send(chan, frame_bytes(&w), NULL, 0, NULL)) {
		_exit(0); /* the scribe is gone */
	}
}

/* Keeps only standard error and its own end: the scribe's other ends must close with the scribe. */
static void keep_only(int fd)
{
	if (fd > STDERR_FILENO + 1) {
		(void)close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
	}
	(void)close_range((unsigned)fd + 1, ~0U, 0);
}

static NORETURN void child_main(int fd)
{
	struct chan chan;
	struct err err;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	keep_only(fd);
	chan_init(&chan, fd, 4096);
	if (jail_enter(&syncer_jail, NULL, &err)) {
		log_line(LOG_ERROR, "syncer: %s", err.msg);
		_exit(2);
	}
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		char in[SYNC_FRAME_MAX];
		struct str frame;
		enum err_code code;

		(void)poll(&p, 1, -1);
		code = chan_recv(&chan, in, sizeof(in), &frame, fds, &n_fds, &err);
		if (code == ERR_OK) {
			child_answer(&chan, fds, n_fds);
		} else if (code != ERR_AGAIN) {
			_exit(0);
		}
	}
}

enum err_code scribe_sync_start(struct scribe_sync *s, struct err *err)
{
	int ends[2];
	pid_t pid;

	TRY(chan_pair(ends, err));
	pid = fork();
	if (pid < 0) {
		(void)close(ends[0]);
		(void)close(ends[1]);
		return ERR_ERRNO(err, "fork");
	}
	if (pid == 0) {
		child_main(ends[1]);
	}
	(void)close(ends[1]);
	chan_init(&s->chan, ends[0], 4096);
	return ERR_OK;
}

static void on_answer(struct loop_fd *f, uint32_t ready)
{
	struct scribe_sync *s = CONTAINER_OF(f, struct scribe_sync, f);
	int fds[CHAN_MAX_FDS];
	unsigned n_fds = 0;
	char in[SYNC_FRAME_MAX];
	struct frame_reader r;
	struct str frame;
	uint32_t failed = ECHILD;
	enum err_code code = chan_recv(&s->chan, in, sizeof(in), &frame, fds, &n_fds, NULL);

	(void)ready;
	if (code == ERR_AGAIN) {
		return;
	}
	for (unsigned i = 0; i < n_fds; i++) {
		(void)close(fds[i]);
	}
	if (!code && frame_open(&r, frame) == MESSAGE_SYNCED) {
		failed = frame_get_u32(&r);
	}
	if (code) {
		loop_remove(s->loop, &s->f);
	}
	s->under_way = false;
	s->on_synced(s, (int)failed);
}

enum err_code scribe_sync_watch(struct scribe_sync *s, struct loop *loop, struct err *err)
{
	s->loop = loop;
	s->f = (struct loop_fd){.fd = s->chan.fd, .on_ready = on_answer};
	return loop_add(loop, &s->f, LOOP_READ, err);
}

enum err_code scribe_sync_ask(struct scribe_sync *s, const int *fds, unsigned n, struct err *err)
{
	int copies[CHAN_MAX_FDS];
	char out[SYNC_FRAME_MAX];
	struct frame_writer w;

	ASSERT(!s->under_way && n > 0 && n <= CHAN_MAX_FDS);
	for (unsigned i = 0; i < n; i++) {
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (copies[i] < 0) {
			while (i--) {
				(void)close(copies[i]);
			}
			return ERR_ERRNO(err, "copying a descriptor");
		}
	}
	frame_begin(&w, out, sizeof(out), MESSAGE_SYNC);
	TRY(chan_send(&s->chan, frame_bytes(&w), copies, n, err));
	s->under_way = true;
	return ERR_OK;
}

void scribe_sync_done(struct scribe_sync *s)
{
	if (s->loop) {
		loop_remove(s->loop, &s->f);
	}
	if (s->chan.fd > 0) {
		chan_done(&s->chan);
	}
}
