/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of run.sock: who may speak, what may be said when, and what is left behind. */
#include "gate/run.h"

#include "gate/exchange.h"
#include "ipc/frame.h"
#include "sys/fd.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RUN_ARENA = 4 << 20,
	RUN_QUEUE = 1 << 20,
	FRAMES_A_TURN = 16,
	STOP_SECONDS = 2, /* from STOPPING to the end of the reins */
};

static void on_ready(struct loop_fd *f, uint32_t ready);
static void on_later(struct loop_hook *h);
static void on_patience(struct timer *t);

void gate_runs_init(struct gate_runs *r, struct gate *g)
{
	*r = (struct gate_runs){.gate = g};
	list_init(&r->all);
}

static void count(struct gate_runs *r, int change)
{
	r->n_running = (unsigned)((int)r->n_running + change);
	if (r->on_count) {
		r->on_count(r->gate, r->n_running);
	}
}

void gate_run_counted(struct gate_run *run)
{
	count(run->runs, 1);
}

/* ---- what a run holds ---- */

void gate_run_conclude(struct gate_run *run, enum ledger_status status, uint64_t code)
{
	gate_run_let_go(run);
	if (run->exec.active && run->exec.step == STEP_FORWARD && !run->ended) {
		run->ended = true;
		action_answered(&run->exec, status, code, str_make(NULL, 0));
	}
}

static void close_run(struct gate_run *run)
{
	struct gate *g = run->gate;

	timer_stop(&run->patience);
	gate_run_files_done(run);
	gate_run_conclude(run, LEDGER_DIED, 0);
	gate_run_forget_asker(run);
	if (run->server) {
		http_server_free(run->server); /* before the session that its requests are of */
		run->server = NULL;
	}
	if (run->session) {
		gate_exit_close(g, run->session);
	}
	for (size_t i = 0; i < run->n_places; i++) {
		action_abandon(&run->places[i].read);
		action_abandon(&run->places[i].write);
	}
	for (size_t i = 0; i < run->n_programs; i++) {
		action_abandon(&run->programs[i].exec);
	}
	action_abandon(&run->exec);
	if (run->session) {
		gate_session_end(g, run->session);
		run->session = NULL;
		count(run->runs, -1);
	}
	if (run->chan.fd >= 0) {
		loop_remove(&g->loop, &run->f);
	}
	chan_done(&run->chan);
	list_remove(&run->node);
	run->runs->n--;
	loop_defer_cancel(&run->later);
	arena_done(&run->arena);
	if (run->runs->open && run->runs->n + 1 == RUN_MAX_CLIENTS) {
		net_acceptor_resume(&run->runs->acceptor);
	}
	free(run);
}

static void on_later(struct loop_hook *h)
{
	struct gate_run *run = CONTAINER_OF(h, struct gate_run, later);

	/* Its outcome is on the way to the log: it tells, and then the run can go. */
	if (run->exec.active && run->ended) {
		return;
	}
	close_run(run);
}

void gate_run_leave(struct gate_run *run)
{
	run->leaving = true;
	run->step = GATE_RUN_ENDING;
	/* Its end may wait long for the log: nothing is heard meanwhile, its hangup neither. */
	loop_remove(&run->gate->loop, &run->f);
	gate_run_conclude(run, LEDGER_DIED, 0);
	loop_defer(&run->gate->loop, &run->later);
}

/* ---- talking ---- */

static void watch(struct gate_run *run)
{
	if (run->chan.fd >= 0 && !run->leaving) {
		loop_watch(&run->gate->loop, &run->f,
			   LOOP_READ | (chan_wants_write(&run->chan) ? (uint32_t)LOOP_WRITE : 0));
	}
}

void gate_run_say(struct gate_run *run, const struct frame_writer *w)
{
	struct err err;

	ASSERT(!w->overflow);
	if (run->chan.fd < 0) {
		return;
	}
	if (chan_send(&run->chan, frame_bytes(w), NULL, 0, &err)) {
		gate_run_leave(run);
		return;
	}
	watch(run);
}

static const struct config_listen inside = {.kind = CONFIG_LISTEN_TCP, .local = true};

/*
 * Only a TCP socket that listens, for names one of UDP, for refusals a raw one: what else could be handed
 * over is not served.
 */
static enum err_code check_listener(uint8_t kind, int fd, struct err *err)
{
	int type = 0, listens = 0, domain = 0;
	socklen_t n = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 ||
	    (domain != AF_INET && domain != AF_INET6) ||
	    (kind == RUN_LISTEN_REFUSAL ? type != SOCK_RAW
					: !((type == SOCK_STREAM && listens) ||
					    (type == SOCK_DGRAM && kind == RUN_LISTEN_DNS)))) {
		return ERR(err, ERR_INVALID, "not a socket of its kind");
	}
	return fd_set_nonblock(fd, err);
}

static enum err_code serve_gateway(struct gate_run *run, int fd, struct err *err)
{
	struct gate *g = run->gate;
	const struct config_limits *limits = &g->rules->config->limits;
	struct gate_listener *l = ARENA_NEW(&run->arena, struct gate_listener);
	struct http_server_config c = {
		.handler = &gate_http_handler,
		.user = l,
		.max_body = limits->body,
		.max_out = 36 << 20,
		.arena_limit = 64 << 20,
		.max_conns = (unsigned)limits->connections,
		.head_timeout = limits->head_timeout_ns,
		.request_timeout = limits->request_timeout_ns,
		.idle_timeout = limits->idle_timeout_ns,
	};

	if (!l || run->server) {
		return ERR(err, ERR_INVALID, "a second gateway, or no memory for one");
	}
	*l = (struct gate_listener){.gate = g, .listen = &inside, .run = run};
	TRY(http_server_new(&g->loop, &c, &run->server, err));
	return http_server_listen(run->server, fd, err);
}

/* Takes fd over in every case. */
static enum err_code take_listener(struct gate_run *run, uint8_t kind, int fd, struct err *err)
{
	CLEANUP(fd_close) int owned = fd;

	if (owned < 0 || (run->step != GATE_RUN_OPEN && run->step != GATE_RUN_RUNNING)) {
		return ERR(err, ERR_INVALID, "a listener that nobody asked for");
	}
	TRY(check_listener(kind, owned, err));
	switch (kind) {
	case RUN_LISTEN_GATEWAY:
		return serve_gateway(run, fd_take(&owned), err);
	case RUN_LISTEN_PROXY:
		return gate_exit_listen(run->gate, run->session, EXIT_PROXY, fd_take(&owned), err);
	case RUN_LISTEN_CAPTURE:
		if (run->n_captured++ == RUN_MAX_CAPTURE) {
			return ERR(err, ERR_LIMIT, "more captured ports than there can be");
		}
		return gate_exit_listen(run->gate, run->session, EXIT_CAPTURE, fd_take(&owned),
					err);
	case RUN_LISTEN_DNS:
		return gate_exit_listen(run->gate, run->session, EXIT_DNS, fd_take(&owned), err);
	case RUN_LISTEN_REFUSAL:
		return gate_exit_listen(run->gate, run->session, EXIT_REFUSAL, fd_take(&owned),
					err);
	default:
		return ERR(err, ERR_INVALID, "a listener of kind %u is not served", kind);
	}
}

static enum err_code ended(struct gate_run *run, struct frame_reader *r, struct err *err)
{
	uint8_t how = frame_get_u8(r);
	uint32_t status = frame_get_u32(r);

	if (!frame_ok(r) || how > RUN_END_NOT_STARTED ||
	    (run->step != GATE_RUN_OPEN && run->step != GATE_RUN_RUNNING)) {
		return ERR(err, ERR_INVALID, "the end of what does not run");
	}
	run->step = GATE_RUN_ENDING;
	gate_run_conclude(run,
			  how == RUN_END_NOT_STARTED             ? LEDGER_UNREACHABLE
			  : how == RUN_END_KILLED || run->killed ? LEDGER_DIED
								 : LEDGER_OK,
			  status);
	return ERR_OK;
}

static void started(struct gate_run *run, struct str limits)
{
	struct buf detail;

	run->step = GATE_RUN_RUNNING;
	buf_init(&detail, 512);
	buf_printf(&detail, "profile " STR_FMT ", weaker: " STR_FMT, STR_ARG(run->profile),
		   STR_ARG(run->weaker.n ? run->weaker : STR("nothing")));
	if (run->others == RUN_OTHERS_NEVER) {
		buf_append(&detail, STR(", only named programs"));
	}
	if (limits.n) {
		buf_printf(&detail, ", the whole of it: " STR_FMT, STR_ARG(limits));
	}
	gate_event(run->gate, &(struct ledger_event){.event = LEDGER_RUN_STARTED,
						     .subject = str_from_c(run->session->id),
						     .detail = buf_str(&detail),
						     .number = run->id});
	buf_done(&detail);
}

static enum err_code told_program(struct gate_run *run, struct frame_reader *r, struct err *err)
{
	uint64_t n = frame_get_u64(r);
	struct str path = frame_get_str(r), digest = frame_get_str(r);
	bool certain = frame_get_u8(r) != 0;

	if (!frame_ok(r) || !run->session || path.n > PATH_MAX || !str_is_utf8(path) ||
	    digest.n != (path.n ? 2 * SHA256_LEN : 0)) {
		return ERR(err, ERR_INVALID, "a program that is none");
	}
	gate_exit_program(run->session, n, path, digest, certain);
	return ERR_OK;
}

/* Where files are to be decided one by one there is who asks. */
static bool is_monitored(const struct gate_run *run)
{
	for (size_t i = 0; i < run->n_places && !run->files.open; i++) {
		if (run->places[i].allowed & (RUN_EACH_READ | RUN_EACH_WRITE)) {
			return false;
		}
	}
	return true;
}

/* A kind for each descriptor. */
static enum err_code take_listeners(struct gate_run *run, struct frame_reader *r,
				    int fds[CHAN_MAX_FDS], struct err *err)
{
	unsigned n = 0;

	while (n < CHAN_MAX_FDS && fds[n] >= 0) {
		uint8_t kind = frame_get_u8(r);

		TRY(take_listener(run, kind, fd_take(&fds[n++]), err));
	}
	return n && frame_ok(r) ? ERR_OK : ERR(err, ERR_INVALID, "a malformed LISTENER");
}

/* One frame and its descriptors, -1 behind the last; those that are wanted are taken out. */
static enum err_code message(struct gate_run *run, struct str frame, int fds[CHAN_MAX_FDS],
			     struct err *err)
{
	struct frame_reader r;
	uint8_t type = frame_open(&r, frame), op;
	struct str text;
	uint64_t id;

	switch (type) {
	case RUN_OPEN:
		return run->step == GATE_RUN_NEW ? gate_run_open(run, &r, err)
						 : ERR(err, ERR_INVALID, "a second OPEN");
	case RUN_LISTENER:
		return take_listeners(run, &r, fds, err);
	case RUN_REINS:
		return gate_run_take_reins(run, fd_take(&fds[0]), err);
	case RUN_MONITOR:
		return gate_run_files_take(run, fd_take(&fds[0]), err);
	case RUN_STARTED:
		text = frame_get_str(&r);
		if (run->step != GATE_RUN_OPEN || !run->reined || !is_monitored(run) ||
		    !frame_ok(&r) || text.n > RUN_MAX_LIMITS || !str_is_utf8(text)) {
			return ERR(err, ERR_INVALID,
				   "a start without reins or without its monitor");
		}
		started(run, text);
		return ERR_OK;
	case RUN_ENDED:
		return ended(run, &r, err);
	case RUN_PROGRAM:
		return told_program(run, &r, err);
	case RUN_LIST:
		gate_run_list(run);
		return ERR_OK;
	case RUN_LEVER:
		op = frame_get_u8(&r);
		id = frame_get_u64(&r);
		if (!frame_ok(&r)) {
			return ERR(err, ERR_INVALID, "a malformed LEVER");
		}
		gate_run_lever(run, op, id);
		return ERR_OK;
	default:
		return ERR(err, ERR_INVALID, "message %u", type);
	}
}

static void on_ready(struct loop_fd *f, uint32_t ready)
{
	struct gate_run *run = CONTAINER_OF(f, struct gate_run, f);
	struct buf in = gate_buf_take(run->gate, IPC_FRAME_MAX);
	char *bytes = buf_reserve(&in, IPC_FRAME_MAX);
	enum err_code code = ERR_OK;
	struct err err = {0};

	if (!bytes || ((ready & LOOP_WRITE) && chan_flush(&run->chan, &err))) {
		code = ERR_CLOSED;
	}
	for (unsigned turn = 0; !code && !run->leaving && turn < FRAMES_A_TURN; turn++) {
		int fds[CHAN_MAX_FDS];
		unsigned n_fds = 0;
		struct str frame;

		code = chan_recv(&run->chan, bytes, IPC_FRAME_MAX, &frame, fds, &n_fds, &err);
		for (unsigned i = code ? 0 : n_fds; i < CHAN_MAX_FDS; i++) {
			fds[i] = -1;
		}
		code = code ? code : message(run, frame, fds, &err);
		for (unsigned i = 0; i < CHAN_MAX_FDS; i++) {
			fd_close(&fds[i]);
		}
	}
	gate_buf_give(run->gate, &in);
	if (code && code != ERR_AGAIN) {
		if (code != ERR_CLOSED) {
			log_line(LOG_WARN, "run.sock: pid %d said what it may not: %s",
				 (int)run->peer.pid, err.msg);
		}
		gate_run_leave(run);
		return;
	}
	watch(run);
}

/* ---- connections ---- */

static void on_accept(struct net_acceptor *a, int fd, const struct net_peer *peer)
{
	struct gate_runs *r = CONTAINER_OF(a, struct gate_runs, acceptor);
	bool known = peer->has_creds && (peer->uid == 0 || peer->uid == geteuid());
	struct gate_run *run = known && !r->gate->draining ? calloc(1, sizeof(*run)) : NULL;
	struct err err;

	if (!run) {
		(void)close(fd);
		return;
	}
	*run = (struct gate_run){.runs = r, .gate = r->gate, .peer = *peer, .reins = -1};
	gate_run_files_init(run);
	arena_init(&run->arena, RUN_ARENA);
	chan_init(&run->chan, fd, RUN_QUEUE);
	run->f = (struct loop_fd){.fd = fd, .on_ready = on_ready};
	run->later.on_turn_end = on_later;
	run->patience.on_timeout = on_patience;
	list_append(&r->all, &run->node);
	r->n++;
	if (loop_add(&r->gate->loop, &run->f, LOOP_READ, &err)) {
		gate_run_leave(run);
	}
	if (r->n == RUN_MAX_CLIENTS) {
		net_acceptor_stop(a);
	}
}

enum err_code gate_runs_listen(struct gate_runs *r, int fd,
			       void (*on_count)(struct gate *g, unsigned n_running),
			       struct err *err)
{
	r->on_count = on_count;
	r->acceptor.on_accept = on_accept;
	r->open = true;
	return net_acceptor_init(&r->acceptor, &r->gate->loop, fd, err);
}

static void on_patience(struct timer *t)
{
	struct gate_run *run = CONTAINER_OF(t, struct gate_run, patience);

	gate_run_leave(run);
}

void gate_runs_drain(struct gate_runs *r)
{
	char buf[8];
	struct frame_writer w;

	LIST_FOREACH (node, &r->all) {
		struct gate_run *run = CONTAINER_OF(node, struct gate_run, node);

		frame_begin(&w, buf, sizeof(buf), RUN_STOPPING);
		loop_timer_set(&r->gate->loop, &run->patience, STOP_SECONDS * CLOCK_SEC);
		gate_run_say(run, &w);
	}
}

bool gate_runs_idle(const struct gate_runs *r)
{
	return list_empty(&r->all);
}

void gate_runs_done(struct gate_runs *r)
{
	LIST_FOREACH (node, &r->all) {
		close_run(CONTAINER_OF(node, struct gate_run, node));
	}
	if (r->open) {
		net_acceptor_done(&r->acceptor);
		r->open = false;
	}
}
