/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a channel between two roles: frames and descriptors over a
 * non-blocking SOCK_SEQPACKET socketpair. What the peer is, is known from whose
 * end this is; what it says is checked like any input.
 *
 * A frame that does not fit the socket now is queued, in order, up to a bound;
 * the owner then watches for writability and calls chan_flush.
 */
#ifndef IPC_CHAN_H
#define IPC_CHAN_H

#include "base/err.h"
#include "base/str.h"

enum { CHAN_MAX_FDS = 4 };

struct chan_pending;

struct chan {
	int fd; /* -1: not connected */
	struct chan_pending *first, *last;
	size_t queued, max_queued; /* bytes */
};

/* Two connected ends, close-on-exec and non-blocking. */
enum err_code chan_pair(int ret_fds[2], struct err *err) MUST_USE;

/* Takes fd over. `max_queued` bounds the bytes that wait for a slow peer. */
void chan_init(struct chan *c, int fd, size_t max_queued);

/* Closes the end and everything that waits; accepts a zeroed or done channel. */
void chan_done(struct chan *c);

/*
 * Sends one frame and up to CHAN_MAX_FDS descriptors, which are closed here in
 * every case once sent or failed: ownership moves in. ERR_LIMIT when the peer
 * does not read, ERR_CLOSED when it is gone.
 */
enum err_code chan_send(struct chan *c, struct str frame, const int *fds, unsigned n_fds,
			struct err *err) MUST_USE;

static inline bool chan_wants_write(const struct chan *c)
{
	return c->first != NULL;
}

enum err_code chan_flush(struct chan *c, struct err *err) MUST_USE;

/*
 * Receives one frame into buf (IPC_FRAME_MAX bytes): ERR_AGAIN when none waits,
 * ERR_CLOSED at the end. Descriptors that came with it are the caller's:
 * *ret_n_fds of them in ret_fds (room for CHAN_MAX_FDS). More than that, or a cut frame, is
 * ERR_INVALID and closes them.
 */
enum err_code chan_recv(struct chan *c, void *buf, size_t cap, struct str *ret_frame, int *ret_fds,
			unsigned *ret_n_fds, struct err *err) MUST_USE;

#endif
