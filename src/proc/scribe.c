/* SPDX-License-Identifier: Apache-2.0 */
/* proc/scribe.c - the only role that can write the ledger.
 *
 *   reads   entries of gates and of the supervisor: untrusted bytes, known schema
 *   holds   the ledger's directory and its signing key
 *   cannot  open files elsewhere, make sockets, start programs, see what the commitments hide
 *
 * A turn of the loop takes the frames that wait, writes each as one batch, and
 * answers. Syncing is done by a helper process, so the scribe never waits for the disk while
 * it serves: frames that want durability are answered when the sync that began behind them
 * has ended, one sync for all that came meanwhile; the rest is on the disk a few
 * milliseconds later. Only the beginning of a segment and the end of the role sync here.
 *
 * System calls while serving: epoll_wait, recvmsg, sendmsg, pwrite64, fdatasync, ftruncate,
 * fcntl, openat, renameat, unlinkat, close, lseek, fstat, pread64, and what allocation needs; at the
 * start also mkdirat, flock, getdents64.
 */
#include "proc/scribe.h"

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "crypto/sign.h"
#include "ipc/messages.h"
#include "net/loop.h"
#include "proc/peers.h"
#include "proc/scribe_sync.h"
#include "proc/wishes.h"
#include "sandbox/jail.h"
#include "sys/fd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CONFIG_MAX = 16 << 20,
	KEY_MAX = 4096,
	PEER_QUEUE = 1 << 20,
	FRAMES_A_TURN = 64, /* of one gate, so that the others get their turn */
	LATE_MAX = 256,
};

static const struct jail_spec scribe_jail = {
	.name = "scribe",
	.calls = CALLS_LOOP | CALLS_SOCKET | CALLS_READ | CALLS_WRITE | CALLS_SYNC,
	.net = JAIL_NET_EMPTY,
};

/* An answer that waits for a sync. */
struct late {
	struct peer *peer; /* NULL when it has gone */
	struct scribe_answer answer;
};

struct scribe {
	struct loop loop;
	struct role_boot *boot;
	struct wishes control;
	struct scribe_log log;
	struct ledger_signer signer;
	struct peers peers;
	struct loop_hook turn_end;
	struct timer sync_timer, seal_timer;
	uint64_t sync_ns, seal_ns;
	struct scribe_sync sync;
	struct late late[LATE_MAX];
	unsigned n_late, n_covered; /* the first n_covered wait for the sync under way */
	bool want_seal;             /* once the sync under way, or the next, has ended */
	bool failed;                /* the log cannot go on; the supervisor starts a new scribe */
	bool said_full;             /* the operator was told */
	uint64_t said_refused;      /* when the operator was told of refused entries */
	bool said_unsealed;
	char in[IPC_FRAME_MAX];
};

static uint64_t now_us(void)
{
	return clock_real() / 1000;
}

static void set_timers(struct scribe *s);

static void give_up(struct scribe *s, const struct err *err)
{
	log_line(LOG_ERROR, "the ledger cannot go on: %s", err->msg);
	s->failed = true;
	s->peers.stopped = true;
	loop_stop(&s->loop);
}

static struct scribe *scribe_of(const struct peer *p)
{
	return CONTAINER_OF(p->owner, struct scribe, peers);
}

static void on_gone(struct peer *p)
{
	struct scribe *s = scribe_of(p);

	for (unsigned i = 0; i < s->n_late; i++) {
		if (s->late[i].peer == p) {
			s->late[i].peer = NULL;
		}
	}
}

/* The answer is over then. */
static void answer(struct peer *p, struct scribe_answer *a)
{
	char out[SCRIBE_REPLY_MAX];
	struct frame_writer w;

	scribe_answer_frame(a, &w, out);
	peer_send(p, frame_bytes(&w), NULL, 0);
	scribe_answer_done(a);
}

/* Sends the first n answers that waited. */
static void answer_late(struct scribe *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (s->late[i].peer) {
			answer(s->late[i].peer, &s->late[i].answer);
		} else {
			scribe_answer_done(&s->late[i].answer);
		}
	}
	s->n_late -= n;
	memmove(s->late, s->late + n, s->n_late * sizeof(*s->late));
	s->n_covered = s->n_covered > n ? s->n_covered - n : 0;
}

static void refuse_late(struct scribe *s)
{
	for (unsigned i = 0; i < s->n_late; i++) {
		s->late[i].answer.taken = false;
		s->late[i].answer.reason = IPC_NACK_FAILED;
	}
	answer_late(s, s->n_late);
}

/* Waits here: when there is no other way. */
static void sync_now(struct scribe *s)
{
	UNSET struct err err;

	if (ledger_store_sync(s->log.store, &err)) {
		refuse_late(s);
		give_up(s, &err);
	} else {
		answer_late(s, s->n_late);
	}
}

/* Has everything that is in the file now synced, unless a sync is under way: then it is next. */
static void begin_sync(struct scribe *s)
{
	int fds[LEDGER_SYNC_FDS];
	UNSET struct err err;
	unsigned n;

	if (s->sync.under_way || s->failed) {
		return;
	}
	n = ledger_store_sync_begin(s->log.store, fds);
	if (n == 0) {
		/* All of it is there already. */
		err_ignore(ledger_store_sync_end(s->log.store, 0, &err));
		answer_late(s, s->n_late);
		return;
	}
	s->n_covered = s->n_late;
	if (scribe_sync_ask(&s->sync, fds, n, &err)) {
		log_line(LOG_WARN, "the helper does not sync: %s", err.msg);
		sync_now(s);
	}
}

static void seal(struct scribe *s)
{
	UNSET struct err err;
	enum err_code code = ledger_store_seal_synced(s->log.store, &err);

	if (code && !s->said_unsealed) {
		log_line(LOG_ERROR, "no checkpoint could be written: %s", err.msg);
	}
	s->said_unsealed = code != ERR_OK;
}

static void on_synced(struct scribe_sync *sync, int sync_errno)
{
	struct scribe *s = CONTAINER_OF(sync, struct scribe, sync);
	UNSET struct err err;

	if (ledger_store_sync_end(s->log.store, sync_errno, &err)) {
		refuse_late(s);
		give_up(s, &err);
		return;
	}
	answer_late(s, s->n_covered);
	if (s->want_seal) {
		s->want_seal = false;
		seal(s);
	}
	if (s->n_late) {
		begin_sync(s);
	}
	set_timers(s);
}

static void on_turn_end(struct loop_hook *h)
{
	begin_sync(CONTAINER_OF(h, struct scribe, turn_end));
}

static void answer_later(struct scribe *s, struct peer *p, const struct scribe_answer *a)
{
	if (s->n_late == LATE_MAX) {
		sync_now(s);
	}
	s->late[s->n_late++] = (struct late){.peer = p, .answer = *a};
	loop_defer(&s->loop, &s->turn_end);
}

/* Something new is in the file: it has to be synced and sealed in time. */
static void set_timers(struct scribe *s)
{
	if (s->sync_ns && ledger_store_unsynced(s->log.store) && !timer_armed(&s->sync_timer)) {
		loop_timer_set(&s->loop, &s->sync_timer, s->sync_ns);
	}
	if (ledger_store_unsealed(s->log.store) && !timer_armed(&s->seal_timer)) {
		loop_timer_set(&s->loop, &s->seal_timer, s->seal_ns);
	}
}

static void on_sync(struct timer *t)
{
	begin_sync(CONTAINER_OF(t, struct scribe, sync_timer));
}

static void on_seal(struct timer *t)
{
	struct scribe *s = CONTAINER_OF(t, struct scribe, seal_timer);

	s->want_seal = true;
	begin_sync(s);
	if (!s->sync.under_way) { /* nothing was to be synced */
		s->want_seal = false;
		seal(s);
		set_timers(s);
	}
}

/* At most a line a second: what a gate sends decides how often it is refused. */
static void say_refusal(struct scribe *s, const struct peer *p, const struct scribe_answer *a,
			const struct err *err)
{
	if (a->reason != IPC_NACK_FULL) {
		if (s->loop.now >= s->said_refused + CLOCK_SEC) {
			s->said_refused = s->loop.now;
			log_line(LOG_ERROR, "entries of gate.%u were refused: %s", p->index,
				 err->msg);
		}
	} else if (!s->said_full) {
		log_line(LOG_ERROR, "the ledger takes nothing, so nothing is allowed: %s",
			 err->msg);
		s->said_full = true;
	}
}

static bool on_frame(struct peer *p, struct str frame)
{
	struct scribe *s = scribe_of(p);
	struct scribe_answer a;
	UNSET struct err err;

	if (!scribe_log_append(&s->log, ROLE_GATE, p->index, frame, &a, &err)) {
		return false;
	}
	if (!a.taken) {
		say_refusal(s, p, &a, &err);
		answer(p, &a);
		if (ledger_store_failed(s->log.store)) {
			give_up(s, &err);
		}
		return true;
	}
	if (s->said_full) {
		log_line(LOG_INFO, "the ledger takes entries again");
		s->said_full = false;
	}
	if (a.durable || s->sync_ns == 0) {
		answer_later(s, p, &a);
	} else {
		answer(p, &a);
	}
	set_timers(s);
	return true;
}

static enum err_code add_peer(struct scribe *s, const struct role_channel *channel, struct err *err)
{
	/* What the predecessor sent before it died is still to be taken. */
	peers_take_of(&s->peers, channel->index);
	return peers_add(&s->peers, channel, err);
}

static enum err_code read_times(struct scribe *s, struct err *err)
{
	struct config config;
	struct arena a;
	struct str text;
	enum err_code code;

	arena_init(&a, 2 * CONFIG_MAX);
	code = fd_read_all(s->boot->config_fd, CONFIG_MAX, &a, &text, err);
	code = code ? code : config_decode_json(&a, text, &config, err);
	if (!code) {
		s->sync_ns = config.ledger.sync_ns;
		s->seal_ns = config.ledger.checkpoint_ns;
	}
	arena_done(&a);
	return code;
}

static enum err_code on_channel(struct wishes *w, const struct role_channel *channel,
				struct err *err)
{
	return add_peer(CONTAINER_OF(w, struct scribe, control), channel, err);
}

static enum err_code on_reload(struct wishes *w, struct err *err)
{
	return read_times(CONTAINER_OF(w, struct scribe, control), err);
}

static enum err_code on_note(struct wishes *w, struct str entry, struct err *err)
{
	struct scribe *s = CONTAINER_OF(w, struct scribe, control);
	enum err_code code = scribe_log_note(&s->log, entry, err);

	set_timers(s);
	return code;
}

static const struct wishes_ops wishes = {
	.channel = on_channel, .reload = on_reload, .note = on_note};

static enum err_code read_key(struct scribe *s, struct err *err)
{
	struct arena a;
	struct str text;
	enum err_code code;

	arena_init(&a, 2 * KEY_MAX);
	code = fd_read_all(s->boot->key_fd, KEY_MAX, &a, &text, err);
	if (!code) {
		code = ledger_signer_parse(text, &s->signer, err);
		secret_wipe((char *)(uintptr_t)text.p, text.n);
	}
	arena_done(&a);
	fd_close(&s->boot->key_fd);
	if (code) {
		err_wrap(err, "the ledger's signing key");
	}
	return code;
}

/* With the role that dials: what is in the ledger may leave. */
static enum err_code read_permit_key(struct scribe *s, struct err *err)
{
	struct arena a;
	struct str text;
	enum err_code code;

	arena_init(&a, 2 * KEY_MAX);
	code = role_permit_key(s->boot, &a, &text, err);
	if (!code) {
		memcpy(s->log.permit_key, text.p, text.n);
		secret_wipe((char *)(uintptr_t)text.p, text.n);
	}
	arena_done(&a);
	return code;
}

static enum err_code open_log(struct scribe *s, struct err *err)
{
	struct ledger_store_options o = {.dir_fd = s->boot->directory_fd, .signer = &s->signer};
	struct ledger_recovery recovery;
	struct ledger_store *store;

	TRY(ledger_store_open(&o, &store, &recovery, err));
	scribe_log_init(&s->log, store, now_us);
	TRY(read_permit_key(s, err));
	if (recovery.dropped_bytes) {
		log_line(LOG_WARN, "%llu bytes of an unfinished write were dropped from the ledger",
			 (unsigned long long)recovery.dropped_bytes);
	}
	/* On a full disk the log is open all the same; this note is then missing. */
	if (scribe_log_event(
		    &s->log,
		    (struct ledger_event){.event = LEDGER_OPENED, .number = recovery.dropped_bytes},
		    err)) {
		log_line(LOG_ERROR, "%s", err->msg);
	}
	return ERR_OK;
}

static enum err_code enter_jail(const struct scribe *s, struct err *err)
{
	const struct landlock_rule files = {.fd = s->boot->directory_fd,
					    .access = FILES_READ | FILES_WRITE | FILES_MAKE};
	struct jail_spec jail = scribe_jail;

	jail.paths = &files;
	jail.n_paths = 1;
	return jail_enter(&jail, NULL, err);
}

static enum err_code begin(struct scribe *s, struct err *err)
{
	TRY(sign_setup(err)); /* may open /dev/urandom, which the jail does not let */
	TRY(scribe_sync_start(&s->sync, err));
	TRY(loop_init(&s->loop, err));
	TRY(enter_jail(s, err));
	TRY(read_times(s, err));
	TRY(read_key(s, err));
	TRY(open_log(s, err));
	for (unsigned i = 0; i < s->boot->n_channels; i++) {
		TRY(add_peer(s, &s->boot->channels[i], err));
	}
	TRY(scribe_sync_watch(&s->sync, &s->loop, err));
	s->control = (struct wishes){.boot = s->boot, .loop = &s->loop, .ops = &wishes};
	TRY(wishes_watch(&s->control, err));
	set_timers(s);
	return role_ready(s->boot, err);
}

/* What gates sent before the end is still written; then the log is closed and sealed. */
static void finish(struct scribe *s)
{
	UNSET struct err err;

	peers_take(&s->peers);
	if (s->n_late && !s->failed) {
		sync_now(s);
	}
	if (!s->failed &&
	    (scribe_log_event(&s->log, (struct ledger_event){.event = LEDGER_CLOSED}, &err) ||
	     ledger_store_seal(s->log.store, &err))) {
		log_line(LOG_ERROR, "closing the ledger: %s", err.msg);
	}
	peers_done(&s->peers);
	scribe_sync_done(&s->sync);
	scribe_log_done(&s->log);
}

int scribe_main(struct role_boot *boot)
{
	struct scribe *s = calloc(1, sizeof(*s)); /* too big for the stack */
	bool failed = true;
	UNSET struct err err;

	if (!s) {
		log_line(LOG_ERROR, "no memory");
		return 2;
	}
	/*
	 * Ctrl-C and a service manager's stop reach every process of the group; the log is closed
	 * when the supervisor says so, behind everybody's last entry. The helper inherits this.
	 */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	s->boot = boot;
	s->peers = (struct peers){.loop = &s->loop,
				  .boot = boot,
				  .in = s->in,
				  .in_max = sizeof(s->in),
				  .frames_a_turn = FRAMES_A_TURN,
				  .queue_max = PEER_QUEUE,
				  .on_message = on_frame,
				  .on_gone = on_gone};
	s->turn_end.on_turn_end = on_turn_end;
	s->sync.on_synced = on_synced;
	s->sync_timer.on_timeout = on_sync;
	s->seal_timer.on_timeout = on_seal;
	if (begin(s, &err) || loop_run(&s->loop, &err)) {
		log_line(LOG_ERROR, "%s", err.msg);
	} else {
		finish(s);
		failed = s->failed;
	}
	ledger_signer_done(&s->signer);
	free(s);
	return failed ? 2 : 0;
}
