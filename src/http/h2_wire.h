/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP/2 connection below its streams, the same for both ends: bytes go
 * from the socket into libnghttp2's session and from there to the socket, all of a
 * turn in one send. Private to http/.
 *
 * What a peer can do without asking for anything is limited here: frames that carry
 * nothing (settings, pings, priorities, window updates, empty data, resets) draw on a
 * budget that time and real work refill; at its end the connection is closed with
 * ENHANCE_YOUR_CALM. CONTINUATION frames, header tables and waiting acknowledgements are
 * limited by the library.
 */
#ifndef HTTP_H2_WIRE_H
#define HTTP_H2_WIRE_H

#include "http/h2_lib.h"
#include "net/stream.h"

enum {
	H2_FRAME_HEADER = 9,
	H2_WIRE_HIGH = 256 * 1024,    /* bytes waiting for the socket: no more frames are made */
	H2_STREAM_WINDOW = 64 * 1024, /* a stream that its reader has paused holds so much */
	H2_CONN_WINDOW = 1024 * 1024,
	H2_BUDGET = 4000, /* frames without content at once, */
	H2_REFILL = 400,  /* and in a second */
};

struct h2_wire {
	struct stream stream;
	const struct h2_lib *lib;
	nghttp2_session *session;
	struct loop_hook turn_end;
	uint64_t progress_at; /* loop time at which the socket last took or gave bytes */
	uint64_t refilled_at;
	unsigned budget;
	uint64_t received; /* bytes, ever */
	bool over;         /* no more is sent or received; on_over follows or is being told */
	bool inside;       /* in a call of the session: its callbacks must not call it */

	/* The owner's: how each frame is sent, or NULL: as it is; false ends the connection. */
	bool (*put_frame)(void *user, struct buf *out, struct str frame);
	void *put_user;

	/* The owner's. on_over: the connection has ended, close it; may free the wire. on_turn:
	 * everything of this turn was sent, as far as the socket takes it. */
	void (*on_over)(struct h2_wire *w);
	void (*on_turn)(struct h2_wire *w);
};

extern const struct stream_events h2_wire_events;

/* The stream is moved in and the session made by the caller, in this order. */
void h2_wire_init(struct h2_wire *w, const struct h2_lib *lib, struct loop *loop);

/* Closes without a further callback. Not from a session's callback. */
void h2_wire_done(struct h2_wire *w);

/* Bytes that were received before. Not from a session's callback. */
void h2_wire_feed(struct h2_wire *w, struct str bytes);

/* Has frames sent at the end of this turn. Allowed everywhere. */
void h2_wire_flush_later(struct h2_wire *w);

/* The connection is of no use any more: on_over at the end of this turn. Allowed everywhere. */
void h2_wire_break(struct h2_wire *w);

/* For on_begin_frame: false when the budget is used up; the callback then fails. */
bool h2_wire_spend(struct h2_wire *w, const nghttp2_frame_hd *hd);

/* Real work was done: what belongs to it is free. */
void h2_wire_earn(struct h2_wire *w, unsigned frames);

#endif
