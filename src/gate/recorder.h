/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's side of the ledger: entries are collected during a turn of the
 * loop, leave in one frame at its end, and are acknowledged together by the
 * scribe. Nobody acts on an entry before it is acknowledged.
 *
 * Two kinds of entries. A decision that cannot be recorded fails at once: its
 * action is not performed. An outcome must not be lost, since its effect has
 * happened: it is kept and sent again, to the same scribe or to its
 * successor, until it is in the log.
 */
#ifndef GATE_RECORDER_H
#define GATE_RECORDER_H

#include "base/buf.h"
#include "ipc/chan.h"
#include "ledger/record.h"
#include "net/loop.h"

enum {
	RECORDER_BATCH_ENTRIES = 256,
	RECORDER_BATCH_BYTES = 96 * 1024,
	RECORDER_MAX_BATCHES = 256, /* filled, under way or kept; past that, decisions fail */
	RECORDER_IN_FLIGHT =
		1, /* of each kind; the rest fills up meanwhile: fewer, larger writes */
};

struct record_batch;

/* Waits for one entry; part of what waits for it. Zeroed is idle. */
struct record_wait {
	struct record_batch *batch;
	uint32_t at;       /* entry in the batch */
	bool wants_permit; /* it is a `sent`, and answered by one */
	/* ok: the entry is in the log at `index`. Not called after recorder_forget. */
	void (*on_recorded)(struct record_wait *w, bool ok, uint64_t index);
};

struct recorder {
	struct loop *loop;
	struct chan chan;
	struct loop_fd f;
	struct loop_hook flush;
	struct timer retry;
	struct record_batch *open[2];            /* being filled: [1] waits for the disk */
	struct list ready[2], sent, kept, spare; /* [1] as above */
	unsigned n_batches, n_sent[2];
	uint64_t next_batch;
	uint64_t refused; /* decisions that could not be recorded, for the log line */
	bool full;        /* the last answer was "no space left" */
	/* During on_recorded: the MAC of ledger/permit.h for a `sent`, and its time; else NULL. */
	const char *permit;
	uint64_t permit_at_us;
};

void recorder_init(struct recorder *r, struct loop *loop);
void recorder_done(struct recorder *r);

/*
 * A channel to a scribe; the old one, if any, is dead: decisions under way fail,
 * outcomes go to the new one. Takes fd over.
 */
enum err_code recorder_connect(struct recorder *r, int fd, struct err *err) MUST_USE;

enum record_kind { RECORD_DECISION = 0, RECORD_OUTCOME };

/*
 * Where the next entry is to be encoded (with the ledger's encoders). For a decision NULL when too
 * much is under way; for an outcome never. Exactly one entry is appended to it, then recorder_put or
 * recorder_drop is called before anything else of the recorder.
 */
struct buf *recorder_entry(struct recorder *r, bool durable, enum record_kind kind) MUST_USE;

/* The entry is complete. w may be NULL for an entry nobody waits for. */
void recorder_put(struct recorder *r, bool durable, enum record_kind kind, struct record_wait *w);

/* The entry could not be encoded: the buffer is as it was. */
void recorder_drop(struct recorder *r, bool durable);

/* The waiter goes away; the entry does not. Harmless when idle. */
void recorder_forget(struct record_wait *w);

/* False while so much waits for the log that nothing new should be begun. */
static inline bool recorder_has_room(const struct recorder *r)
{
	return r->n_batches < RECORDER_MAX_BATCHES;
}

/* True when every outcome is in the log. */
bool recorder_idle(const struct recorder *r);

#endif
