/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files of the HTTP client: pool.c decides which connection a call
 * runs on; client.c runs it there over HTTP/1, h2_client.c and h2_call.c over HTTP/2.
 */
#ifndef HTTP_CLIENT_PRIV_H
#define HTTP_CLIENT_PRIV_H

#include "http/client.h"
#include "http/h1_msg.h"

enum call_state {
	CALL_OVER = 0, /* also: not yet started */
	CALL_WAITING,  /* for a connection */
	CALL_SENT,     /* waits for an answer's head */
	CALL_BODY,     /* the head was given */
	CALL_ASKING,   /* whether it may leave */
	CALL_FAILING,  /* failed inside a caller's call: told at the end of the turn */
};

/* What a call needs and an idle connection does not. */
struct client_work {
	struct client_work *next; /* while free */
	struct h1_head head;
	struct h1_msg msg;
	struct buf trailers;
};

struct http_conn {
	struct stream stream;
	struct list node; /* in one of the pool's lists */
	struct timer timer;
	struct http_pool *pool;
	struct http_call *call; /* NULL while idle */
	struct client_work *work;
	uint8_t interims;
	bool closed;    /* the memory is freed at the end of the turn */
	bool reused;    /* it has served a call before this one */
	bool answering; /* a byte of the answer has come */
	bool uploading; /* a streamed request body is incomplete */
	bool chunked;   /* that body's framing */
	bool paused, want_drain;
};

struct http_pool {
	struct http_pool_config c;
	struct loop *loop;
	/* connections: the newest idle one first; `resume` ones are busy, with unread bytes */
	struct list idle, busy, resume, dead;
	struct list h2, h2_dead;              /* connections of HTTP/2 */
	struct list waiting, asking, failing; /* calls */
	struct list dials;
	struct loop_hook on_turn_end;
	struct client_work *free_works;
	unsigned n_free_works, n_dials, held;
	uint64_t next_ticket;
	struct http_pool_stats stats;
	struct buf scratch; /* of the request being sent */
	struct buf room;    /* of the answer being read, lent to one that has forgotten its own */
	bool only_h1;       /* the last dialled connection did not speak HTTP/2 */
};

/* pool.c */
struct client_work *pool_lend(struct http_pool *p);
void pool_take_back(struct http_pool *p, struct client_work *w);
void pool_pump(struct http_pool *p);

/* Takes a lent buffer back, once it is empty, from a message that has forgotten its own. */
void pool_room_back(struct http_pool *p, struct h1_msg *m);

/* Has a busy connection looked at again at the end of this turn. */
void pool_resume_later(struct http_conn *conn);

/* Unlinks conn. It is freed at the end of the turn: callers may still be looking at it. */
void pool_conn_closed(struct http_conn *conn);

/* Reports the failure at the end of the turn. The call is on no connection. */
void pool_fail_later(struct http_pool *p, struct http_call *c, enum http_fail why);

/* What its wire sends before its head, if anything. */
void pool_put_permit(struct http_pool *p, struct buf *out, struct http_call *c);

/* Ends a call that is on no connection and in no list. */
void call_over(struct http_call *c);
void call_failed(struct http_call *c, enum http_fail why, const struct err *err);
void call_on_timeout(struct timer *t);

/* The head of a request as it will be written for the pool. */
struct h1_out call_head(const struct http_call *c);

/* The time of the next step, and never past the whole call's. 0: only the whole call's. */
void call_timer(struct http_call *c, uint64_t after);

/* h2_client.c */
enum err_code h2_client_new(struct http_pool *p, int fd, struct err *err) MUST_USE;

/* Whether a connection of HTTP/2 took the call. */
bool h2_client_run(struct http_pool *p, struct http_call *c);
bool h2_client_has_room(const struct http_pool *p);

/* Fails what runs on them and closes them all. */
void h2_client_close_all(struct http_pool *p);
void h2_client_free_dead(struct http_pool *p);

/* What http/client.h offers, for calls with c->h2. fail: with a reset of its stream. */
void h2_call_fail(struct http_call *c, enum http_fail why);
void h2_call_cancel(struct http_call *c);
void h2_call_stream(struct http_call *c);
bool h2_call_forget(struct http_call *c);
void h2_call_pause(struct http_call *c, bool paused);
bool h2_call_write(struct http_call *c, struct str bytes);
bool h2_call_write_end(struct http_call *c);
size_t h2_call_pending(const struct http_call *c);

/* client.c */
struct http_conn *client_conn_new(struct http_pool *p, int fd, struct err *err);
void client_conn_close(struct http_conn *conn);
void client_conn_resume(struct http_conn *conn);
void client_conn_run(struct http_conn *conn, struct http_call *c);

/* Fails the call that runs on conn and closes it. */
void client_conn_fail(struct http_conn *conn, enum http_fail why, const struct err *err);

#endif
