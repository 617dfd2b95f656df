/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scribe does with a frame: check every entry against who sent it,
 * keep salts beside the log, append the rest as one batch, answer. No sockets
 * here, so that tests drive it directly; proc/scribe.c is the role around it.
 *
 * A frame is taken whole or not at all. Every entry of it takes one index, in
 * order: a salt becomes the record that says which key's hash was kept.
 */
#ifndef PROC_SCRIBE_H
#define PROC_SCRIBE_H

#include "ipc/frame.h"
#include "ledger/permit.h"
#include "ledger/store.h"
#include "proc/role.h"

enum { SCRIBE_BATCH_MAX = LEDGER_BATCH_MAX, SCRIBE_REPLY_MAX = 48 + SCRIBE_BATCH_MAX * SHA256_LEN };

/* An event `sent` of a frame: what its permit is made of. Texts as long as the frame. */
struct scribe_sent {
	uint32_t at; /* which entry */
	uint64_t bytes;
	struct str where;
	uint8_t request[SHA256_LEN], matrix[SHA256_LEN];
};

struct scribe_log {
	struct ledger_store *store; /* owned */
	uint64_t (*now_us)(void);
	struct arena scratch; /* of one frame */
	struct buf made;      /* entries the scribe itself makes for a frame */
	uint64_t refused;     /* entries refused since there is no space, not yet noted */
	bool full;            /* the last append found no space */
	bool behind;          /* the clock is behind the log and that was noted */
	uint8_t permit_key[PERMIT_KEY];
	size_t n_sent; /* of the frame that is being taken */
	struct scribe_sent sent[SCRIBE_BATCH_MAX];
	struct str entries[SCRIBE_BATCH_MAX];
	struct ledger_salt salts[SCRIBE_BATCH_MAX];
};

/* Takes the store over. `now_us` is the clock of records. */
void scribe_log_init(struct scribe_log *l, struct ledger_store *store, uint64_t (*now_us)(void));
void scribe_log_done(struct scribe_log *l);

/* What became of a frame. */
struct scribe_answer {
	uint64_t batch;
	bool taken;
	bool durable; /* to be synced before it is acknowledged */
	uint64_t first, time_us;
	uint8_t reason; /* enum ipc_nack when it was not taken */
	char *permits;  /* one MAC of ledger/permit.h for each `sent`; the answer's own */
	size_t n_permits;
	uint64_t permits_at_us;
};

void scribe_answer_done(struct scribe_answer *answer);

/*
 * An APPEND frame of this sender. False when it is no such frame: nothing to answer. The
 * entries are in the file when answer->taken is set. `err` says why they are not.
 */
bool scribe_log_append(struct scribe_log *l, enum role sender, unsigned index, struct str frame,
		       struct scribe_answer *answer, struct err *err) MUST_USE;

/* ACK or NACK. */
void scribe_answer_frame(const struct scribe_answer *answer, struct frame_writer *w, void *buf);

/* An entry of the supervisor: an event. */
enum err_code scribe_log_note(struct scribe_log *l, struct str entry, struct err *err) MUST_USE;

/* An event of the scribe's own; time is filled in. */
enum err_code scribe_log_event(struct scribe_log *l, struct ledger_event event,
			       struct err *err) MUST_USE;

#endif
