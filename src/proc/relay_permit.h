/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a relay lets pass: requests whose record is in the ledger, each once (ledger/permit.h).
 *
 * Over HTTP/1.1 a permit names one request: nothing of its head, and nothing of a piece of its body, passes
 * before its digest was found to be the recorded one. Over HTTP/2 frames of several requests are mixed, so
 * there permits count: no more requests, and no more bytes of bodies, than records say.
 */
#ifndef PROC_RELAY_PERMIT_H
#define PROC_RELAY_PERMIT_H

#include "ledger/permit.h"

/* Of one relaying role. Zeroed has no key: nothing passes. */
struct permits {
	struct str key;    /* borrowed; shared with the scribe */
	uint64_t since_us; /* monotonic: older records were for a connector that has died */
	struct permit_window used;
};

/* Of one relay. Zeroed is the start. */
struct relay_permit {
	struct permit now; /* HTTP/1.1 */
	unsigned next;     /* digest of it that is next */
	uint64_t requests; /* HTTP/2: heads that may still pass */
	uint64_t bytes;    /* and all that bodies may have */
};

/* A permit for `where` came. False: it is none, or not good any more, or not awaited. */
bool relay_permit_take(struct relay_permit *r, struct permits *all, struct str where, bool http2,
		       struct str frame) MUST_USE;

/* Whether these bytes are the next of the request that was permitted: a head, then whole pieces. */
bool relay_permit_head(struct relay_permit *r, struct str head) MUST_USE;
bool relay_permit_piece(struct relay_permit *r, struct str piece) MUST_USE;

/* HTTP/2: one more head; and whether so many bytes of bodies in all are permitted. */
bool relay_permit_count(struct relay_permit *r) MUST_USE;

static inline bool relay_permit_bytes(const struct relay_permit *r, uint64_t so_far)
{
	return so_far <= r->bytes;
}

#endif
