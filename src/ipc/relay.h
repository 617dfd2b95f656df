/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a gate writes on a relayed connection. The connector must add a
 * credential to each request without reading the request, so the gate says where
 * a head ends:
 *
 *   u8 kind, u32 length (little endian), bytes
 *
 *   PERMIT what lets the next request pass (ledger/permit.h): only the connector wants it, before each
 *         HEAD; over HTTP/2 before it somewhere
 *   HEAD  a whole request head, its last empty line left out; the connector appends
 *         its header lines and that empty line
 *   BODY  bytes passed on as they are; where there is a permit, one piece of it
 *
 * Over HTTP/2 (ipc/relay_h2.h) HEAD is a whole HEADERS frame, to which the connector appends its
 * fields, and BODY is everything else that the gate sends.
 *
 * The other direction is the upstream's bytes, unframed.
 */
#ifndef IPC_RELAY_H
#define IPC_RELAY_H

#include "base/buf.h"

enum { RELAY_HEAD_MAX = 64 * 1024, RELAY_HEADER = 5 };

enum relay_kind { RELAY_NONE = 0, RELAY_HEAD, RELAY_BODY, RELAY_PERMIT };

/* Appends the 5 bytes that go before a piece of n bytes. */
void relay_frame(struct buf *out, enum relay_kind kind, uint32_t n);

/* Reads a stream that arrives in pieces. Zeroed is the start. */
struct relay_reader {
	unsigned char header[RELAY_HEADER];
	unsigned n_header;
	uint32_t left; /* of the piece that is being read */
};

/*
 * Takes bytes from the front of *in: returns the kind of piece they belong to and
 * those bytes in *ret; *ret_end says the piece is complete with them. RELAY_NONE when *in is
 * used up. False when the stream is not relay framing: close it.
 */
bool relay_next(struct relay_reader *r, struct str *in, enum relay_kind *ret_kind, struct str *ret,
		bool *ret_end) MUST_USE;

#endif
