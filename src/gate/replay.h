/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of events that a client can take up again (MCP 2025-11-25 basic/transports, resumability).
 * Each stream of a session, the answer of a POST or the session's own GET, has a number, each of its
 * events an id "STREAM-COUNT"; the newest events of a session are kept, and who comes back with the
 * last id it saw gets those of that stream that came after it, and of no other stream or session.
 *
 * What is kept is bounded for a session and for the gate; the oldest goes first. Nothing is kept of a
 * session that has no stream.
 */
#ifndef GATE_REPLAY_H
#define GATE_REPLAY_H

#include "base/buf.h"
#include "base/list.h"
#include "base/str.h"

#include <stdint.h>

enum {
	REPLAY_EVENTS = 128,      /* of one session */
	REPLAY_BYTES = 512 << 10, /* likewise */
	REPLAY_BYTES_GATE = 32 << 20,
	REPLAY_ID_MAX = 42,
	REPLAY_RETRY_MS = 1000,
};

/* Of one gate. */
struct replays {
	struct list sessions; /* of struct replay, longest unused first */
	size_t bytes;
};

/* Of one session. Zeroed is empty. */
struct replay {
	struct list node;
	struct replays *all; /* NULL: nothing was ever kept */
	struct list events;
	size_t n, bytes;
	uint32_t streams; /* how many there have been */
};

/* One stream; number 0: it has none, and cannot be taken up again. */
struct replay_stream {
	uint32_t number;
	uint64_t count;
};

void replays_init(struct replays *all);
void replay_done(struct replay *r);

/* A new stream of the session. */
void replay_begin(struct replays *all, struct replay *r, struct replay_stream *s);

/* Appends the next event of the stream, its id in it; it is kept, too. An empty message only
 * says from where on the stream can be taken up. */
void replay_event(struct replay *r, struct replay_stream *s, struct str message, struct buf *out);

/* Of an id as the client sent it; false when it is none. */
bool replay_parse(struct str id, struct replay_stream *ret) MUST_USE;

/* Appends what is kept of the stream after s->count, and moves that. */
void replay_append(const struct replay *r, struct replay_stream *s, struct buf *out);

#endif
