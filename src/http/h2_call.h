/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the HTTP/2 client: h2_client.c is a connection, h2_call.c the streams on
 * it. A stream belongs to its call until on_done, on_fail or a cancellation; then only the session
 * knows it, and what still comes on it is dropped.
 */
#ifndef HTTP_H2_CALL_H
#define HTTP_H2_CALL_H

#include "base/arena.h"
#include "http/client_priv.h"
#include "http/h2_head.h"
#include "http/h2_wire.h"

enum {
	H2_CALLS_MAX = 256, /* at once on one connection, if the peer admits so many */
	H2_CALL_WINDOW = 256 * 1024,
};

struct h2_client {
	struct list node; /* in the pool's list */
	struct h2_wire wire;
	struct http_pool *pool;
	struct list calls; /* of h2_call */
	unsigned n_calls;
	struct timer timer; /* while idle */
	struct arena arena; /* of the head being submitted */
	bool reused;        /* it has answered a call */
	bool leaving;       /* takes no new calls */
	bool look;          /* some call waits for the end of the turn */
	bool closed;
};

struct h2_call {
	struct list node;
	struct h2_client *client;
	struct http_call *call;
	struct client_work *work; /* head text, body */
	struct h2_head head;
	struct buf pseudo; /* while the head is read */
	struct buf out;    /* of a streamed request body */
	size_t sent;       /* of a whole one */
	int32_t id;
	uint64_t limit, received;
	size_t unread;
	uint64_t heard; /* bytes that the connection had received when it began */
	uint8_t interims;
	bool reading; /* a head is being read */
	bool collecting, paused, resuming;
	bool ends;      /* the answer is complete, though not all of it may have been given */
	bool uploading; /* more of the request body will be written */
	bool want_drain;
};

/* Starts c on this connection; a call that cannot be sent fails at the end of the turn. */
void h2_call_start(struct h2_client *client, struct http_call *c);

/* What came on the call's stream. Each may end the call and free h. */
void h2_call_head(struct h2_call *h, bool ends);
void h2_call_data(struct h2_call *h, struct str bytes);
void h2_call_trailer(struct h2_call *h, struct str name, struct str value);
void h2_call_ends(struct h2_call *h);
void h2_call_closed(struct h2_call *h, uint32_t code);

/* The connection is gone. */
void h2_call_lost(struct h2_call *h, enum http_fail why);

/* Tells, at the end of a turn, one thing that is owed; false when there is none. */
bool h2_call_look(struct h2_call *h);

/* h2_client.c: a call's memory is gone. */
void h2_client_freed(struct h2_client *client);

#endif
