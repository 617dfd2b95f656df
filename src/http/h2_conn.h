/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the HTTP/2 server. A stream's life:
 *
 *   HEAD -> BODY -> PENDING       what has come of the request
 *   NO_ANSWER -> BEGUN -> DONE    what was given of the answer
 *
 * The handler's request ends when its answer is complete; the stream when the last of it
 * has been framed, or when either side resets it. Whichever is later frees it.
 */
#ifndef HTTP_H2_CONN_H
#define HTTP_H2_CONN_H

#include "http/h2_head.h"
#include "http/h2_wire.h"
#include "http/server_priv.h"

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum {
	H2_MAX_STREAMS = 100,  /* of one connection, those whose client has gone counted too */
	H2_BODIES = 4,         /* times the limit of one body may be collected at once */
	H2_RESETS = 100,       /* unfinished streams that end by a reset: at once, */
	H2_RESETS_REFILL = 20, /* and in a second */
};

enum h2_part { H2_HEAD = 0, H2_BODY, H2_PENDING };

struct h2_conn {
	struct server_conn base;
	struct h2_wire wire;
	struct http_server *server;
	struct timer timer;
	struct list streams; /* of h2_stream */
	unsigned n_streams;
	size_t collected; /* bytes of bodies that are held */
	unsigned resets;
	uint64_t resets_at;
	struct net_peer peer;
	uint64_t id;
	bool idle, look;       /* look: some stream waits for the end of the turn */
	bool closed, unlinked; /* the wire is done; the server has forgotten it */
};

struct h2_stream {
	struct list node;
	struct h2_conn *conn;
	struct h1_work *work; /* head text, body, answer that was not framed yet */
	struct h2_head head;
	struct timer timer;
	int32_t id;
	uint64_t limit, received; /* of the body */
	size_t unread;            /* bytes of a paused body */
	struct buf trailers;      /* of the answer, as lines */
	uint8_t part, answer;
	bool known;  /* the handler has been told and not yet that it is over */
	bool closed; /* the session has forgotten it */
	bool ends;   /* the body is complete */
	bool collecting, paused, no_body;
	bool cut;              /* less than promised was given: reset it after what there is */
	bool want_drain, lost; /* on_drain, on_abort are owed */
	bool gone, gone_told;  /* nothing reaches the client any more */
	bool completing;       /* unpaused: the rest of the body is owed */
};

/* Moves the stream of `from`, and what was received on it, to a connection of HTTP/2. */
enum err_code h2_conn_new(struct h1_conn *from, struct str bytes, struct err *err) MUST_USE;

/* A stream's memory is gone. */
void h2_conn_stream_freed(struct h2_conn *c);

/* h2_request.c; NULL when memory is short */
struct h2_stream *h2_stream_new(struct h2_conn *c, int32_t id);

/* The head is complete; the body too if it `ends` here, or when h2_stream_ends is called. */
void h2_stream_head(struct h2_stream *st, bool ends);
void h2_stream_data(struct h2_stream *st, struct str bytes);
void h2_stream_ends(struct h2_stream *st);

/* The handler is done with st; st may be freed. */
void h2_stream_end(struct h2_stream *st);

/* The session has forgotten st, or is gone itself; st may be freed. */
void h2_stream_closed(struct h2_stream *st);

/* Tells the handler, at the end of a turn, one thing that it is owed; false when there is none. */
bool h2_stream_look(struct h2_stream *st);
void h2_stream_look_later(struct h2_stream *st);

/* h2_answer.c */
void h2_answer_fault(struct h2_stream *st, int status);
void h2_respond(struct http_req *req, int status, const struct http_field *f, size_t n,
		struct str body);
bool h2_begin(struct http_req *req, int status, const struct http_field *f, size_t n,
	      int64_t length);
bool h2_write(struct http_req *req, struct str bytes);
void h2_end(struct http_req *req);
void h2_trailers(struct http_req *req, struct str lines);
size_t h2_pending(const struct http_req *req);

static inline struct h2_stream *h2_stream_of(const struct http_req *req)
{
	const struct h1_work *w = (const void *)((const char *)req - offsetof(struct h1_work, req));

	return w->stream;
}

#endif
