/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the HTTP server: server.c keeps connections and lends
 * work areas; h1_conn.c reads requests of HTTP/1 and h1_answer.c answers them;
 * h2_conn.c, h2_request.c and h2_answer.c do the same for the streams of HTTP/2.
 */
#ifndef HTTP_SERVER_PRIV_H
#define HTTP_SERVER_PRIV_H

#include "http/h1_msg.h"
#include "http/h1_write.h"
#include "http/server.h"

struct h2_stream;

/* A connection of either version, as server.c sees it. */
struct server_conn {
	struct list node; /* in one of the server's lists */
	const struct server_conn_ops *ops;
	bool resuming; /* in server->resume */
};

struct server_conn_ops {
	void (*close)(struct server_conn *c);
	void (*resume)(struct server_conn *c);
	void (*drain)(struct server_conn *c); /* NULL: it will see server->draining by itself */
	void (*release)(struct server_conn *c);
};

/* What a request needs and an idle connection does not. */
struct h1_work {
	struct http_req req;
	struct h1_conn *conn;     /* HTTP/1, or */
	struct h2_stream *stream; /* HTTP/2 */
	struct h1_work *next;     /* while free */
	struct h1_msg msg;        /* of which req.head is the head */
	struct buf out;           /* head of a streamed answer, until its first write */
	uint64_t answer_left;     /* of a promised length */
};

/*
 *   IDLE -> HEAD -> BODY -> PENDING -> FLUSH -> IDLE | HEAD
 *                                      FLUSH -> LINGER -> CLOSED
 * An answer may be complete in any state from BODY on; CLOSED may follow any state.
 */
enum h1_state {
	H1_CLOSED = 0,
	H1_IDLE,    /* no byte of a request; no work area */
	H1_HEAD,    /* a part of a head */
	H1_BODY,    /* the handler knows the request; its body is incomplete */
	H1_PENDING, /* the request is complete, the answer is not */
	H1_FLUSH,   /* the answer is complete, some of it has not left */
	H1_LINGER,  /* all sent and shut; input is thrown away so that no reset kills the answer */
};

enum h1_answer { H1_NO_ANSWER = 0, H1_ANSWER_BEGUN, H1_ANSWER_DONE };

struct h1_conn {
	struct server_conn base;
	struct stream stream;
	struct timer timer;
	struct http_server *server;
	struct h1_work *work; /* from HEAD until the end of the request */
	struct net_peer peer;
	uint64_t id;
	uint8_t state, answer;
	bool keep;             /* serve another request after this one */
	bool unread;           /* answered before all of the body came */
	bool chunked, no_body; /* of a streamed answer */
	bool paused;           /* no on_body now */
	bool want_drain;       /* on_drain is owed */
	bool half_told, gone_told, gone;
	bool write_timed; /* the timer is for output */
	bool switched;    /* it speaks another protocol: nothing is timed but output */
	bool may_be_h2;   /* nothing was served yet: the preface of HTTP/2 may come */
};

enum { DATE_SIZE = 29 };

struct http_server {
	struct http_server_config c;
	struct loop *loop;
	struct list conns, idle, resume,
		dead;                 /* `idle`: the one that has been so for longest first */
	struct loop_hook on_turn_end; /* serves `resume` */
	struct h1_work *free_works;
	unsigned n_free_works;
	struct net_acceptor *acceptors[8];
	unsigned n_acceptors;
	struct http_server_stats stats;
	struct buf scratch; /* head, and a small body, of the answer being written */
	uint64_t next_conn_id;
	uint64_t date_at; /* loop time of the Date below; 0 for none */
	char date[DATE_SIZE];
	bool draining, accept_paused;
	void (*on_drained)(struct http_server *s);
};

/* server.c; a work area is for one of the last two, the other is NULL */
struct h1_work *server_lend(struct http_server *s, struct h1_conn *c, struct h2_stream *stream);
void server_take_back(struct http_server *s, struct h1_work *w);

/* The date to say in an answer. */
struct str server_date(struct http_server *s);

/* Unlinks c. It is freed at the end of the turn: callers may still be looking at it. */
void server_conn_closed(struct http_server *s, struct server_conn *c);
/* c has a request, or has none any more and can make way for a connection that waits. */
void server_conn_busy(struct http_server *s, struct server_conn *c);
void server_conn_idle(struct http_server *s, struct server_conn *c);

/* Has c looked at again at the end of this turn. */
void server_resume_later(struct http_server *s, struct server_conn *c);

/* h1_conn.c; after a 101: bytes of the other protocol are the request's body */
void h1_conn_switched(struct h1_conn *c);

/* h1_conn.c */
enum err_code h1_conn_new(struct http_server *s, int fd, struct tls_ctx *tls, struct str bytes,
			  const struct net_peer *peer, struct err *err) MUST_USE;
void h1_conn_close(struct h1_conn *c);

/* The answer was given to the stream completely: what follows the request? */
void h1_conn_answered(struct h1_conn *c);

/* Nothing reaches the client any more; the handler learns of it at the end of this turn. */
void h1_conn_lost(struct h1_conn *c);

extern const struct http_req_ops h1_req_ops;

/* h1_answer.c */
void h1_answer_fault(struct h1_conn *c, int status);
void h1_answer_continue(struct h1_conn *c);
void h1_answer_flush_head(struct h1_conn *c);
void h1_respond(struct http_req *req, int status, const struct http_field *f, size_t n,
		struct str body);
bool h1_begin(struct http_req *req, int status, const struct http_field *f, size_t n,
	      int64_t length);
bool h1_become(struct http_req *req, struct str protocol, const struct http_field *f, size_t n);
bool h1_write(struct http_req *req, struct str bytes);
void h1_end(struct http_req *req);
size_t h1_pending(const struct http_req *req);

/* A status whose answer has no body (RFC 9110 section 6.4.1). */
static inline bool status_has_no_body(int status)
{
	return status < 200 || status == 204 || status == 304;
}

static inline struct h1_conn *h1_conn_of(const struct http_req *req)
{
	const struct h1_work *w = (const void *)((const char *)req - offsetof(struct h1_work, req));

	return w->conn;
}

#endif
