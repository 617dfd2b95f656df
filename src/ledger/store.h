/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one writer of a ledger directory. What it promises:
 *
 *   - A batch is in the file, all of it, before ledger_store_append returns ERR_OK: it survives
 *     the death of this process. It is on the disk after the next ledger_store_sync.
 *   - A batch that fails leaves nothing behind: indexes, tree and file are as before. When space
 *     is back the next append simply works.
 *   - A failed sync ends the store: what the kernel did with the pages is unknown, so every later
 *     append fails, and the log has to be opened anew.
 *   - A checkpoint is written only after everything it covers was synced.
 *   - Opening finds every record again. It drops only a torn tail behind the last checkpoint,
 *     which was never acknowledged or, after a power failure, never synced; it refuses a log that
 * is damaged anywhere else or shorter than its last checkpoint.
 *
 * The directory is only reached through the descriptor given at opening:
 *
 *   lock          held (flock) by the writer
 *   log/          segments: ledger/segment.h
 *   checkpoint    the last signed checkpoint
 *   checkpoints   all of them, each followed by an empty line; old ones are thinned out
 *   frontier      where the tree stood at the last checkpoint: a shortcut for opening, never
 *                 trusted beyond the checkpoint's root
 *   salts/        keys of commitments, erasable
 *   verifier      the public key, for convenience: an auditor gets it another way
 */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include "base/err.h"
#include "ledger/record.h"
#include "ledger/seal.h"
#include "ledger/tree.h"

#include <sys/types.h>

/* The system calls that can fail while the store is open, so that tests can make them fail. */
struct ledger_io {
	ssize_t (*pwrite)(int fd, const void *bytes, size_t n, off_t offset);
	int (*sync)(int fd);
	int (*truncate)(int fd, off_t length);
};

struct ledger_store_options {
	int dir_fd;                         /* borrowed until ledger_store_open returns */
	const struct ledger_signer *signer; /* borrowed while the store lives */
	uint64_t segment_bytes;             /* a new segment begins after this many; 0: 64 MiB */
	uint64_t checkpoints_bytes; /* `checkpoints` is thinned out beyond this; 0: 4 MiB, the most
				     */
	const struct ledger_io *io; /* NULL: the kernel's */
};

struct ledger_recovery {
	bool created;           /* there was no log */
	uint64_t dropped_bytes; /* of a torn tail */
	uint64_t scanned;       /* records read again, those behind the frontier */
};

struct ledger_store;

/*
 * ERR_EXISTS: another process writes this log. ERR_DENIED: the last checkpoint is not this
 * signer's. ERR_CORRUPT: says what is wrong and where.
 */
enum err_code ledger_store_open(const struct ledger_store_options *o, struct ledger_store **ret,
				struct ledger_recovery *ret_recovery, struct err *err) MUST_USE;

/* Releases everything and the lock; does not sync. Accepts NULL. */
void ledger_store_close(struct ledger_store *s);

struct ledger_appended {
	uint64_t first; /* index of the first record; the others follow it */
	uint64_t time_us;
};

enum { LEDGER_BATCH_MAX = 512 };

/*
 * Appends n (1 to LEDGER_BATCH_MAX) checked entries of one sender by one write. Their time is
 * now_us, or the last record's when that is later; *ret_back (may be NULL) is then how far the
 * clock is behind. ERR_LIMIT: no space left. ERR_SYS: any other failure.
 */
enum err_code ledger_store_append(struct ledger_store *s, struct str from,
				  const struct str *entries, size_t n, uint64_t now_us,
				  struct ledger_appended *ret, uint64_t *ret_back,
				  struct err *err) MUST_USE;

/* Everything appended so far is on the disk when this succeeds. Cheap when nothing is new. */
enum err_code ledger_store_sync(struct ledger_store *s, struct err *err) MUST_USE;

/*
 * The same without waiting, for a caller who has the syncing done elsewhere: begin
 * says which descriptors (0 to LEDGER_SYNC_FDS, borrowed) are to be synced for everything
 * appended so far to be on the disk; end reports how that went (0 or an errno). Appending in
 * between is fine. One at a time.
 */
enum { LEDGER_SYNC_FDS = 2 };
unsigned ledger_store_sync_begin(struct ledger_store *s, int ret_fds[LEDGER_SYNC_FDS]);
enum err_code ledger_store_sync_end(struct ledger_store *s, int sync_errno,
				    struct err *err) MUST_USE;

/* A sync failed: only opening the log anew helps. */
bool ledger_store_failed(const struct ledger_store *s);

bool ledger_store_unsynced(const struct ledger_store *s);

/* Signs and stores a checkpoint of what is known to be on the disk, unless there is one. */
enum err_code ledger_store_seal_synced(struct ledger_store *s, struct err *err) MUST_USE;

/* Syncs, signs and stores a checkpoint; does nothing when the last one still holds. */
enum err_code ledger_store_seal(struct ledger_store *s, struct err *err) MUST_USE;
bool ledger_store_unsealed(const struct ledger_store *s);

/* Keeps the salt keys of sessions beside the log. Never indexed, never hashed. */
enum err_code ledger_store_salts(struct ledger_store *s, const struct ledger_salt *salts, size_t n,
				 struct err *err) MUST_USE;

uint64_t ledger_store_size(const struct ledger_store *s);
void ledger_store_root(const struct ledger_store *s, uint8_t ret[SHA256_LEN]);

#endif
