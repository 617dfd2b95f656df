/* SPDX-License-Identifier: Apache-2.0 */
/* reads  paths in the memory of a sandbox's processes, answers of the gate
 * holds  the places whose files are decided one by one, so that they can be written to
 * cannot open anything else, make sockets, start programs, write to anybody's memory */
#include "proc/monitor.h"

#include "ipc/frame.h"
#include "ipc/run.h"
#include "sandbox/monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME = RUN_FILE_RIGHTS * (PATH_MAX + 8) + 64 };

struct waiting {
	bool used;
	uint64_t n; /* of the question */
	struct monitor_call call;
};

struct monitoring {
	struct monitor_self self;
	struct monitor_ask *asks;
	size_t n_asks;
	uint64_t asked;
	unsigned n_waiting;
	struct waiting *waiting; /* RUN_MAX_FILES of them */
};

/* All that is needed afterwards, in memory of its own. */
static bool copy_asks(struct monitoring *m, const struct monitor_asks *asks)
{
	size_t bytes = 0;
	char *at;

	for (size_t i = 0; i < asks->n; i++) {
		bytes += asks->items[i].path.n;
	}
	m->asks = calloc(asks->n + 1, sizeof(*m->asks));
	m->waiting = calloc(RUN_MAX_FILES, sizeof(*m->waiting));
	at = malloc(bytes + 1);
	for (size_t i = 0; m->asks && at && i < asks->n; i++) {
		struct str path = asks->items[i].path;

		memcpy(at, path.p, path.n);
		m->asks[i] = (struct monitor_ask){str_make(at, path.n), asks->items[i].each};
		at += path.n;
	}
	m->n_asks = asks->n;
	return m->asks && m->waiting && at;
}

static bool within(struct str path, struct str dir)
{
	return str_starts_with(path, dir) && (path.n == dir.n || path.p[dir.n] == '/');
}

static bool has_to_be_asked(const struct monitoring *m, const struct monitor_need *need)
{
	struct str path = str_make(need->path->text, need->path->n);
	const struct monitor_ask *innermost = NULL;

	for (size_t i = 0; i < m->n_asks; i++) {
		const struct monitor_ask *a = &m->asks[i];

		if (within(path, a->path) && (!innermost || a->path.n > innermost->path.n)) {
			innermost = a;
		}
	}
	return !innermost || (innermost->each & need->right);
}

/* False: the gate is gone. */
static bool ask(struct monitoring *m, struct waiting *w, const struct run_file *file)
{
	char buf[FRAME];
	struct frame_writer out;

	frame_begin(&out, buf, sizeof(buf), RUN_FILE);
	run_file_encode(file, &out);
	w->used = true;
	w->n = file->n;
	m->n_waiting++;
	return !out.overflow && send(m->self.decider, out.p, out.n, MSG_NOSIGNAL) == (ssize_t)out.n;
}

static bool take_up(struct monitoring *m, struct waiting *w)
{
	struct run_file file = {.n = ++m->asked};
	struct monitor_need needs[MONITOR_NEEDS];
	size_t n;

	if (!monitor_needs(&m->self, &w->call, needs, &n)) {
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		struct str path = str_make(needs[i].path->text, needs[i].path->n);

		if (!has_to_be_asked(m, &needs[i])) {
			continue;
		}
		if (!run_path_is_plain(path)) { /* policies could not read it */
			monitor_refuse(&m->self, &w->call, EACCES);
			return true;
		}
		file.rights[file.count++] = (struct run_file_right){
			needs[i].right == EACH_WRITE ? RUN_WRITE : RUN_READ, path};
	}
	if (file.count == 0) {
		monitor_perform(&m->self, &w->call);
		return true;
	}
	return ask(m, w, &file);
}

static bool on_call(struct monitoring *m)
{
	struct waiting *w = m->waiting;
	struct err err;
	enum err_code code;

	while (w->used) {
		w++; /* one is free, or nothing would be heard */
	}
	code = monitor_next(&m->self, &w->call, &err);
	return code == ERR_AGAIN || (code == ERR_OK && take_up(m, w));
}

static bool on_said(struct monitoring *m)
{
	char buf[64];
	struct frame_reader r;
	ssize_t n = recv(m->self.decider, buf, sizeof(buf), 0);
	uint8_t type = frame_open(&r, str_make(buf, n > 0 ? (size_t)n : 0));
	uint64_t number = frame_get_u64(&r);
	uint8_t yes = frame_get_u8(&r);

	if (n <= 0 || type != RUN_FILE_SAID || !frame_ok(&r)) {
		return false;
	}
	for (size_t i = 0; i < RUN_MAX_FILES; i++) {
		struct waiting *w = &m->waiting[i];

		if (w->used && w->n == number) {
			w->used = false;
			m->n_waiting--;
			if (yes) {
				monitor_perform(&m->self, &w->call);
			} else {
				monitor_refuse(&m->self, &w->call, EACCES);
			}
			return true;
		}
	}
	return false;
}

static bool turn(struct monitoring *m)
{
	struct pollfd p[] = {
		{.fd = m->self.decider, .events = POLLIN},
		{.fd = m->n_waiting < RUN_MAX_FILES ? m->self.listener : -1, .events = POLLIN},
	};

	if (poll(p, ARRAY_LEN(p), -1) < 0) {
		return errno == EINTR;
	}
	if (p[0].revents && !on_said(m)) {
		return false;
	}
	if (p[1].revents & POLLIN) {
		return on_call(m);
	}
	if (p[1].revents) { /* nobody is left who could call: init ends this too, and is not hurried */
		(void)close(m->self.listener);
		m->self.listener = -1;
	}
	return true;
}

void monitor_main(struct monitor *start, const void *asks)
{
	struct monitoring m = {0};
	struct err err;

	if (!copy_asks(&m, asks) || monitor_begin(start, &m.self, &err)) {
		return;
	}
	while (turn(&m)) {
	}
}
