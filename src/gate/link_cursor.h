/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a stream of events of a server stood, so that it can be taken up again: the id of its last event
 * and how long to wait (MCP 2025-11-25 basic/transports, "Resumability and Redelivery"; a server may close
 * a stream whose answer is not there yet and have its client come back).
 *
 * Kept only for streams that give ids; of the older era. An id that no header can carry, or past
 * LINK_CURSOR_MAX bytes, is no place to come back to.
 */
#ifndef GATE_LINK_CURSOR_H
#define GATE_LINK_CURSOR_H

#include "http/client.h"
#include "http/sse.h"
#include "net/timer.h"

enum { LINK_CURSOR_MAX = 512, LINK_CURSOR_FIELDS = 8, LINK_CURSOR_FAILS = 3 };

struct link_cursor {
	struct timer again;
	void *owner;
	bool has_retry;
	bool resumed;   /* a GET has followed: what began it was executed, and is not sent again */
	unsigned fails; /* attempts in a row that brought no stream */
	uint64_t retry_ms;
	size_t n; /* 0: it cannot be taken up */
	char id[LINK_CURSOR_MAX];
	struct http_field fields[LINK_CURSOR_FIELDS];
};

/* Takes id and retry of an event; makes *at (owned) with the first. Without memory there is none. */
void link_cursor_note(struct link_cursor **at, const struct sse_event *e, void *owner,
		      void (*on_again)(struct timer *t));

/* From now; what the server said, within 100 ms and a minute; `unsaid` when it said nothing. */
uint64_t link_cursor_wait(const struct link_cursor *c, uint64_t unsaid);

/* Adds Last-Event-ID to a request's fields, which then are the cursor's. */
void link_cursor_show(struct link_cursor *c, struct h1_out *request);

/* Accepts one that is not there. */
void link_cursor_done(struct link_cursor **at);

#endif
