/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/run_file.h"

#include "gate/gate.h"
#include "gate/hold.h"
#include "gate/run.h"
#include "ipc/frame.h"
#include "sys/fd.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASK_MEMORY = 4 << 20, FRAMES_A_TURN = 16, FRAME = 3 * 4096 + 64, QUEUE = 64 << 10 };

/* One FILE. */
struct file_ask {
	struct list node;
	struct gate_run *run;
	struct arena arena;
	struct run_file file; /* texts in the arena */
	uint8_t at;           /* the right that is decided now */
	struct action action;
	struct hold hold;
};

static void decide(struct file_ask *f);

void gate_run_files_init(struct gate_run *run)
{
	run->files = (struct gate_run_files){.run = run, .chan = {.fd = -1}};
	list_init(&run->files.asked);
}

static void ask_free(struct file_ask *f)
{
	hold_end(&f->hold);
	action_abandon(&f->action);
	list_remove(&f->node);
	f->run->files.n--;
	arena_done(&f->arena);
	free(f);
}

void gate_run_files_done(struct gate_run *run)
{
	struct gate_run_files *files = &run->files;

	LIST_FOREACH (node, &files->asked) {
		ask_free(CONTAINER_OF(node, struct file_ask, node));
	}
	if (files->chan.fd >= 0) {
		loop_remove(&run->gate->loop, &files->f);
	}
	chan_done(&files->chan);
}

/* Without its monitor a run could open nothing any more: it ends. When it has ended already that is no news. */
static void lose_monitor(struct gate_run *run)
{
	gate_run_files_done(run);
	gate_run_let_go(run);
}

static void say(struct file_ask *f, bool yes)
{
	struct gate_run *run = f->run;
	struct frame_writer w;
	char buf[16];
	struct err err;

	frame_begin(&w, buf, sizeof(buf), RUN_FILE_SAID);
	frame_put_u64(&w, f->file.n);
	frame_put_u8(&w, yes);
	ask_free(f);
	if (chan_send(&run->files.chan, frame_bytes(&w), NULL, 0, &err)) {
		lose_monitor(run);
		return;
	}
	loop_watch(&run->gate->loop, &run->files.f,
		   LOOP_READ | (chan_wants_write(&run->files.chan) ? (uint32_t)LOOP_WRITE : 0U));
}

/* ---- deciding ---- */

/* Allowed and recorded. The descriptor, or the change, is the monitor's to give. */
static void forward(struct action *a)
{
	struct file_ask *f = CONTAINER_OF(a, struct file_ask, action);

	action_answered(&f->action, LEDGER_OK, 0, str_make(NULL, 0));
}

static void on_verdict(struct hold *h, enum hold_verdict v)
{
	struct file_ask *f = CONTAINER_OF(h, struct file_ask, hold);

	if (v == HOLD_YES) {
		decide(f);
	} else {
		say(f, false);
	}
}

static void reply(struct action *a)
{
	struct file_ask *f = CONTAINER_OF(a, struct file_ask, action);
	const struct run_file_right *right = &f->file.rights[f->at];

	if (!a->refused && ++f->at < f->file.count) {
		memset(&f->hold, 0, sizeof(f->hold)); /* a yes was to one right on one path */
		decide(f);
		return;
	}
	f->hold.on_verdict = on_verdict;
	if (a->refused &&
	    hold_begin(&f->hold, a, right->path,
		       right->right == RUN_WRITE ? STR("write_file") : STR("read_file"))) {
		return;
	}
	say(f, !a->refused);
}

static const struct action_events events = {.forward = forward, .reply = reply};

static void decide(struct file_ask *f)
{
	const struct run_file_right *right = &f->file.rights[f->at];
	struct rules_query q = {.kind = right->right == RUN_WRITE ? RULES_WRITE_FILE
								  : RULES_READ_FILE,
				.object = right->path,
				.approved_by = str_from_c(f->hold.by)};
	struct gate *g = f->run->gate;

	f->action = (struct action){
		.gate = g, .on = &events, .session = f->run->session, .arena = &f->arena};
	action_start(&f->action, &q, g->loop.now);
}

/* ---- the monitor ---- */

static enum err_code ask(struct gate_run *run, struct frame_reader *r, struct err *err)
{
	struct file_ask *f;
	struct run_file file;

	if (!run_file_decode(r, &file) || run->files.n == RUN_MAX_FILES) {
		return ERR(err, ERR_INVALID, "a malformed FILE, or too many");
	}
	f = calloc(1, sizeof(*f));
	if (!f) {
		return ERR(err, ERR_NOMEM, "no memory to decide about a file");
	}
	f->run = run;
	f->file = file;
	arena_init(&f->arena, ASK_MEMORY);
	list_append(&run->files.asked, &f->node);
	run->files.n++;
	for (uint8_t i = 0; i < file.count; i++) {
		f->file.rights[i].path = arena_dup(&f->arena, file.rights[i].path);
	}
	if (f->arena.exhausted) {
		return ERR(err, ERR_NOMEM, "no memory to decide about a file");
	}
	decide(f);
	return ERR_OK;
}

static enum err_code hear(struct gate_run *run, uint32_t ready, struct err *err)
{
	char bytes[FRAME];

	if (ready & LOOP_WRITE) {
		TRY(chan_flush(&run->files.chan, err));
	}
	for (unsigned turn = 0; turn < FRAMES_A_TURN; turn++) {
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		struct frame_reader r;
		struct str frame;

		TRY(chan_recv(&run->files.chan, bytes, sizeof(bytes), &frame, fds, &n_fds, err));
		for (unsigned i = 0; i < n_fds; i++) {
			(void)close(fds[i]);
		}
		if (n_fds || frame_open(&r, frame) != RUN_FILE) {
			return ERR(err, ERR_INVALID, "a monitor asks for files, and nothing else");
		}
		TRY(ask(run, &r, err));
	}
	return ERR_OK;
}

static void on_ready(struct loop_fd *fd, uint32_t ready)
{
	struct gate_run *run = CONTAINER_OF(fd, struct gate_run_files, f)->run;
	struct err err = {0};
	enum err_code code = hear(run, ready, &err);

	if (code == ERR_OK || code == ERR_AGAIN) {
		return;
	}
	if (code != ERR_CLOSED) {
		log_line(LOG_WARN, "monitor of run %llu: %s", (unsigned long long)run->id, err.msg);
	}
	lose_monitor(run);
}

enum err_code gate_run_files_take(struct gate_run *run, int fd, struct err *err)
{
	CLEANUP(fd_close) int owned = fd;
	int type = 0;
	socklen_t n = sizeof(type);

	if (owned < 0 || run->step != GATE_RUN_OPEN || run->files.open ||
	    getsockopt(owned, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET) {
		return ERR(err, ERR_INVALID, "a monitor that nobody asked for");
	}
	TRY(fd_set_nonblock(owned, err));
	run->files.open = true;
	chan_init(&run->files.chan, fd_take(&owned), QUEUE);
	run->files.f = (struct loop_fd){.fd = run->files.chan.fd, .on_ready = on_ready};
	return loop_add(&run->gate->loop, &run->files.f, LOOP_READ, err);
}
