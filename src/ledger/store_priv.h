/* SPDX-License-Identifier: Apache-2.0 */
/* What store.c (writing) and recover.c (opening) share. */
#ifndef LEDGER_STORE_PRIV_H
#define LEDGER_STORE_PRIV_H

#include "base/buf.h"
#include "ledger/store.h"

enum {
	/* `checkpoints` is thinned out beyond this and so never needs more to be read. */
	STORE_CHECKPOINTS_THIN = 4 * 1024 * 1024,
	STORE_CHECKPOINTS_MAX = 2 * STORE_CHECKPOINTS_THIN,
	STORE_FRONTIER_MAX = 8 * 1024,
	STORE_SUMS_MAX = 2048, /* leaf hashes that wait to be written */
};

/* How far the log has come. */
struct store_point {
	struct ledger_tree tree;
	uint64_t segment; /* first index of the segment being written */
	uint64_t offset;  /* where the next frame goes */
	uint64_t time_us; /* of the last record */
};

struct ledger_store {
	const struct ledger_signer *signer;
	struct ledger_io io;
	uint64_t segment_bytes, checkpoints_bytes;
	int dir_fd, log_fd, lock_fd; /* owned */

	int fd; /* segment being written, -1 before the first */
	struct store_point at;
	struct buf batch;           /* frames of the batch being written */
	struct store_point syncing; /* what the sync under way covers */
	struct store_point synced;  /* all of this is on the disk */
	bool unsynced, sync_under_way;
	bool cut_pending; /* a failed write left bytes that could not be cut off yet */
	bool failed;      /* a sync failed: nothing more may be written */

	int sums_fd;           /* of this segment; -1 when it could not be opened */
	struct buf sums;       /* leaf hashes not yet in it */
	uint64_t sums_written; /* of this segment's records */

	int checkpoints_fd;
	uint64_t checkpoints_size;
	uint64_t sealed; /* size of the last checkpoint */
	bool has_checkpoint;

	int salts_fd;
	uint64_t salts_size;
	bool salts_unsynced;
};

/* Opens (creating) the segment that begins at the tree's size and makes it the one written. */
enum err_code store_begin_segment(struct ledger_store *s, struct err *err) MUST_USE;

/* Keeps the hash of the record appended last for the .sum file. */
void store_keep_sum(struct ledger_store *s, const uint8_t leaf[SHA256_LEN]);

/* Opens the .sum file of the segment; `written` records of it have their hashes there. */
void store_open_sums(struct ledger_store *s, uint64_t written);

/* Writes what it can of the waiting hashes and closes the file. */
void store_end_sums(struct ledger_store *s);

/* All of s at this place of the file, or the file as it was: ERR_LIMIT when there is no space. */
enum err_code store_write_at(struct ledger_store *s, int fd, uint64_t offset, struct str bytes,
			     const char *what, struct err *err) MUST_USE;

/* Frontier file: ledger/recover.c. */
void store_frontier_append(const struct store_point *at, struct buf *to);

#endif
