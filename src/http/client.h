/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client side of HTTP: a pool of connections to one upstream, and calls on
 * it. The process that runs this may be unable to connect(2): the pool asks for
 * a connected socket (`dial`) and gets it later from somebody who may dial.
 *
 * A call runs on an idle connection, beside others on a connection of HTTP/2, on a new one, or
 * waits in a bounded queue.
 * It ends with exactly one of on_done and on_fail, never from inside
 * http_call_start; afterwards its memory is the caller's again.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/h1_body.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"
#include "net/stream.h"

struct h2_call; /* private to http/, as the next */
struct http_conn;
struct h2_lib;
struct http_call;
struct http_pool;

enum http_fail {
	HTTP_FAIL_NONE = 0,
	HTTP_FAIL_QUEUE,     /* too many calls wait */
	HTTP_FAIL_DIAL,      /* no connection could be made */
	HTTP_FAIL_RETRYABLE, /* a reused connection closed without a byte of answer: the request
			      * most likely was not read. Repeat it if it is safe to repeat. */
	HTTP_FAIL_CLOSED,    /* the upstream closed or broke the connection */
	HTTP_FAIL_BAD,       /* its answer is not HTTP as we speak it */
	HTTP_FAIL_LIMIT,     /* its body passed the limit */
	HTTP_FAIL_TIMEOUT,
	HTTP_FAIL_NOMEM,
	HTTP_FAIL_INVALID, /* our request cannot be written */
};

struct http_call_events {
	/*
	 * The head of a final answer (1xx are skipped, but for a 101 that request.upgrade asked
	 * for: then bytes go both ways by http_call_write and on_data until one side closes). Call http_call_stream to get the
	 * body piece by piece, http_call_cancel to have no more of it; doing neither
	 * collects. The views live until the call ends. May be NULL.
	 */
	void (*on_head)(struct http_call *c);

	/* Streaming only; the bytes are gone after the call. */
	void (*on_data)(struct http_call *c, struct str bytes);

	/* c->answer and, when collected, c->answer_body are valid during this callback only. */
	void (*on_done)(struct http_call *c);

	/* err says more, for the operator. */
	void (*on_fail)(struct http_call *c, enum http_fail why, const struct err *err);

	/*
	 * A streamed request body may go on: the call has got its connection, or what was
	 * pending has left. May be NULL.
	 */
	void (*on_drain)(struct http_call *c);
};

struct http_call {
	/* set by the caller; all of it must live until the call ends */
	const struct http_call_events *on;
	struct http_pool *pool;
	struct h1_out request; /* host empty: the pool's; framing NO_BODY or LENGTH or CHUNKED */
	struct str body;       /* whole request body, sent together with the head ... */
	bool body_streamed;    /* ... or given by http_call_write and http_call_write_end */
	uint64_t max_body;     /* of the answer when collected; 0: the pool's */
	uint64_t timeout;      /* whole call, ns; 0: the pool's; HTTP_NO_TIMEOUT: none */
	void *user;
	const void *
		about; /* what the pool's wire may want to know of it, until http_call_start returns */

	/* the answer, while it lasts */
	const struct h1_head *answer;
	struct str answer_body;
	struct str trailers; /* behind the body, as lines with CRLF; over HTTP/2, in on_done */

	/* private */
	struct list node;
	struct http_conn *conn; /* HTTP/1, or */
	struct h2_call *h2;     /* HTTP/2 */
	struct timer timer;
	enum http_fail why;
	uint8_t state;
	uint64_t deadline;
	void *permit; /* of the pool's wire */
};

#define HTTP_NO_TIMEOUT UINT64_MAX

/* HTTP/2: a head's bytes, counted generously, where a relay adds to it. All of it is one frame. */
enum { HTTP_WIRE_HEAD_MAX = 8 << 10 };

/* Puts a relay's framing under a pool: how a request's head and body pieces go on the wire. */
struct http_wire {
	/* HTTP/2: one frame, or the preface. False when the relay cannot take it. NULL: never asked. */
	bool (*put_frame)(void *user, struct buf *out, struct str frame);
	/* Append to out. body_len is UINT64_MAX when not known. */
	void (*put_head)(void *user, struct buf *out, struct str head, uint64_t body_len);
	void (*put_body)(void *user, struct buf *out, struct str bytes);
	void *user;

	/*
	 * Where no request may leave before somebody has said so (all three, or none): `ask` for it, with
	 * c->permit to remember it by. http_call_permitted follows, never from inside, unless it
	 * returned false. The whole body is in c->body.
	 */
	bool (*ask)(void *user, struct http_call *c);
	/* What goes before the head; then, and whenever the call ends, c->permit is forgotten. */
	void (*put_permit)(void *user, struct buf *out, struct http_call *c);
	void (*forget)(void *user, struct http_call *c);
};

struct http_pool_config {
	/*
	 * Asks for one connection. Answer, not from inside, with http_pool_connected or
	 * http_pool_dial_failed and the same ticket.
	 */
	void (*dial)(struct http_pool *p, uint64_t ticket);
	void *user;
	struct str host;     /* Host field and, with TLS, the name to verify; borrowed */
	struct tls_ctx *tls; /* speak TLS over dialled sockets; borrowed; or NULL */
	const struct tls_pins *tls_pins; /* borrowed; or NULL */
	const struct http_wire *wire;    /* NULL: plain HTTP */
	/* Dialled sockets may speak HTTP/2: while nothing is known one is asked for at a time.
	 * Borrowed; NULL: none will. */
	const struct h2_lib *h2;
	bool secure;           /* for :scheme of HTTP/2: TLS, whoever speaks it */
	unsigned max_conns;    /* 0: 64 */
	unsigned max_idle;     /* 0: 16 */
	unsigned max_waiting;  /* 0: 1024 */
	uint64_t max_body;     /* 0: 16 MiB */
	size_t max_out;        /* pending output of one connection beyond a call's body; 0: 1 MiB */
	uint64_t dial_timeout; /* all in ns; also of waiting in the queue. 0: 5 s */
	uint64_t head_timeout; /* from the request sent to the answer's head; 0: 120 s */
	uint64_t idle_timeout; /* of an unused connection; 0: 30 s */
	uint64_t timeout;      /* whole call; 0: none */
};

enum err_code http_pool_new(struct loop *l, const struct http_pool_config *c,
			    struct http_pool **ret, struct err *err) MUST_USE;

/* Fails every call with HTTP_FAIL_CLOSED and closes. Not from a callback. */
void http_pool_free(struct http_pool *p);

void *http_pool_user(const struct http_pool *p);

/* Answers to `dial`. fd is non-blocking, connected, and the pool's from here on, also when the
 * ticket is no longer wanted. */
void http_pool_connected(struct http_pool *p, uint64_t ticket, int fd);

/* The same for a connection that speaks HTTP/2: nothing was sent on it yet. */
void http_pool_connected_h2(struct http_pool *p, uint64_t ticket, int fd);

void http_pool_dial_failed(struct http_pool *p, uint64_t ticket, const struct err *err);

/* Every field of c beyond the caller's must be zero. Head and body leave in one send. */
void http_call_start(struct http_call *c);

/* The answer to a wire's `ask`: the call goes on, or fails as one that could not be dialled. */
void http_call_permitted(struct http_call *c, bool ok);

/* Appends the head as a wire's put_head will get it. False: it cannot be written. */
bool http_call_head(const struct http_call *c, struct buf *out) MUST_USE;

/*
 * Ends the call without any further callback. An unfinished connection is
 * closed. Allowed at any time, in callbacks too, but not after the call ended.
 */
void http_call_cancel(struct http_call *c);

/* Allowed in on_head: on_data for each piece instead of collecting. */
void http_call_stream(struct http_call *c);

/*
 * Allowed in on_head after http_call_stream, for an answer that lasts: of its head only what is no view stays,
 * and `request` and `body` are not looked at any more. False: they still are, since they have not left completely.
 */
bool http_call_forget(struct http_call *c);

/* Stops and resumes on_data: the upstream is slowed down. */
void http_call_pause(struct http_call *c, bool paused);

/*
 * A streamed request body. False when the connection is broken, or when more than the pool's
 * max_out would be pending: on_fail follows. Well below that, wait for on_drain. Before the
 * first on_drain nothing can be written: false, and nothing follows.
 */
bool http_call_write(struct http_call *c, struct str bytes);
bool http_call_write_end(struct http_call *c);
size_t http_call_pending(const struct http_call *c);

struct http_pool_stats {
	uint64_t dialled, reused, calls, failed;
	unsigned conns, idle, waiting; /* now */
};

const struct http_pool_stats *http_pool_stats(const struct http_pool *p);

#endif
