/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scribe's helper that waits for the disk. A sync takes from a fraction of a
 * millisecond to many of them, depending on the disk; while it lasts the scribe goes on
 * taking entries. So it is done by a child of its own that is handed the descriptors, syncs
 * them, and says how it went.
 */
#ifndef PROC_SCRIBE_SYNC_H
#define PROC_SCRIBE_SYNC_H

#include "ipc/chan.h"
#include "net/loop.h"

struct scribe_sync {
	struct loop *loop;
	struct loop_fd f;
	struct chan chan;
	bool under_way;
	/* How the sync that was asked for ended: 0 or an errno. Also called, with ECHILD, when
	 * the helper is gone. */
	void (*on_synced)(struct scribe_sync *s, int sync_errno);
};

/* Forks the helper, which enters a jail of its own; before the scribe enters its jail. */
enum err_code scribe_sync_start(struct scribe_sync *s, struct err *err) MUST_USE;

/* Puts its answers into the loop. on_synced must be set. */
enum err_code scribe_sync_watch(struct scribe_sync *s, struct loop *loop, struct err *err) MUST_USE;

/* Begins a sync of these descriptors (1 to CHAN_MAX_FDS), which stay the caller's. One at a time. */
enum err_code scribe_sync_ask(struct scribe_sync *s, const int *fds, unsigned n,
			      struct err *err) MUST_USE;

void scribe_sync_done(struct scribe_sync *s);

#endif
