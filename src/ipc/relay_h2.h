/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a relay that adds a credential has to know of HTTP/2 (RFC 9113, RFC 7541): where frames
 * begin and end, and where the fields of a head do. Pure; no value is decoded.
 *
 * The gate marks each head (ipc/relay.h), and it may be anybody's: so a credential is appended
 * only to a block of fields that is a request's whole head, in one HEADERS frame that stands
 * where a frame begins, whose last field ends where the block does, and whose method is GET,
 * POST or DELETE. Anything else could make the credential a part of a body or of another field's
 * value, which an upstream may repeat; so may TRACE. Fields refer to no table but the static
 * one: what a dynamic one means cannot be seen without keeping it.
 */
#ifndef IPC_RELAY_H2_H
#define IPC_RELAY_H2_H

#include "base/buf.h"
#include "base/err.h"

enum {
	RELAY_H2_FRAME_MAX = 16384,
	RELAY_H2_HEADER = 9,
	RELAY_H2_FIELDS_MAX =
		8192, /* of a block that is appended: so that any head has room for it */
};

/* Follows frames that are passed on in pieces. Zeroed is the start: the preface comes first. */
struct relay_h2 {
	uint32_t preface;  /* bytes of it that have passed */
	uint32_t left;     /* of the frame that is being passed */
	uint64_t data;     /* bytes of DATA frames whose header has passed */
	unsigned n_header; /* bytes of the next frame's header */
	unsigned char header[RELAY_H2_HEADER];
};

/*
 * Bytes that are no head: false when they hold a frame of fields, or one that is too large. They may
 * be passed on when it is true.
 */
bool relay_h2_body(struct relay_h2 *r, struct str bytes) MUST_USE;

/*
 * A whole HEADERS frame. Appends it to `to` with the fields of `block` behind its own; block is as
 * relay_h2_fields makes it. False when it is not such a head, or stands where no frame may begin.
 */
bool relay_h2_head(struct relay_h2 *r, struct str frame, struct str block, struct buf *to) MUST_USE;

/*
 * Header lines ("Name: value", each with CRLF) as fields that no table keeps (RFC 7541 section
 * 6.2.3), names in lower case. False when they are more
 * than RELAY_H2_FIELDS_MAX bytes; `to` may be half written then.
 */
bool relay_h2_fields(struct str lines, struct buf *to) MUST_USE;

#endif
