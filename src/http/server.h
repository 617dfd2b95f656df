/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server side of HTTP. Over HTTP/1.1 there is one request at a time on a connection: a
 * pipelined one is not parsed before the answer to the one before it has left. Over HTTP/2,
 * where the configuration admits it, each stream is a request; handlers need not know.
 *
 *   head complete -> on_request: collect | stream | answer | detach
 *     collect: the whole body, up to a limit -> on_body_complete
 *     stream:  on_body for each piece        -> on_body_complete
 *   answer: http_respond, or http_respond_begin / _write / _end
 *
 * An idle connection holds about 400 bytes; buffers, arena and field table are
 * lent to it from the first byte of a request to the last of its answer.
 *
 * The server itself answers 400, 408, 413, 414, 417, 431, 501, 503, 505 with an
 * empty body and closes. Handlers see complete, strictly parsed requests only.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/arena.h"
#include "http/h1_parse.h"
#include "net/listen.h"
#include "net/stream.h"

struct h2_lib;
struct http_req;
struct http_server;

struct http_handler {
	/*
	 * Call http_collect or http_stream, answer, or detach; doing none of it collects.
	 * The head's views live until the request ends.
	 */
	void (*on_request)(struct http_req *req);

	/* Streaming only. The bytes are gone after the call. */
	void (*on_body)(struct http_req *req, struct str bytes);

	/* The body is complete; after http_collect it is in req->body until the request ends. */
	void (*on_body_complete)(struct http_req *req);

	/* A streamed answer may go on: what was pending has left. May be NULL. */
	void (*on_drain)(struct http_req *req);

	/*
	 * The client stopped sending after its request was complete and before the answer
	 * was. gone false: it closed its half and may still read. gone true, perhaps after
	 * that: nothing reaches it any more. Each is told at most once. The request stays
	 * valid: the handler ends it, now or later, by answering (into the void, if gone) or
	 * by http_req_drop.
	 * A request whose body is still incomplete is ended by the server: on_end only.
	 */
	void (*on_abort)(struct http_req *req, bool gone);

	/*
	 * The request is over and the pointer dead after this call: release what
	 * req->user holds. Called exactly once for each on_request. May be NULL.
	 */
	void (*on_end)(struct http_req *req);
};

/* What a request can be asked for, in HTTP/1 and in HTTP/2. */
struct http_req_ops {
	void (*collect)(struct http_req *req, uint64_t limit);
	void (*stream)(struct http_req *req);
	void (*pause)(struct http_req *req, bool paused);
	void (*respond)(struct http_req *req, int status, const struct http_field *f, size_t n,
			struct str body);
	bool (*begin)(struct http_req *req, int status, const struct http_field *f, size_t n,
		      int64_t length);
	bool (*write)(struct http_req *req, struct str bytes);
	void (*end)(struct http_req *req);
	void (*trailers)(struct http_req *req, struct str lines); /* NULL: there are none */
	size_t (*pending)(const struct http_req *req);
	void (*drop)(struct http_req *req);
	void (*forget)(struct http_req *req); /* NULL: nothing can be given back before the end */
	enum err_code (*detach)(struct http_req *req, int *ret_fd, struct str *ret_bytes,
				struct err *err);
	/* NULL: there is no other protocol for one request. */
	bool (*become)(struct http_req *req, struct str protocol, const struct http_field *f,
		       size_t n);
};

struct http_req {
	const struct http_req_ops *ops;
	struct http_server *server;
	struct h1_head head;
	struct str body;    /* after on_body_complete of a collected body */
	struct arena arena; /* emptied when the request ends; limit from the configuration */
	const struct net_peer *peer;
	struct tls *tls;  /* of a TLS connection, for its certificate; else NULL */
	uint64_t started; /* loop time of the first byte */
	uint64_t conn_id; /* never used twice by one server */
	void *user;       /* the handler's own */
};

/* Answers below return false when the client is gone; the request then still has to be ended,
 * unless the call is one that ends it. */

/* Collect the body, at most `limit` bytes (0: the server's limit), else 413. */
void http_collect(struct http_req *req, uint64_t limit);

/* Give the body piece by piece. The server's limit holds all the same. */
void http_stream(struct http_req *req);

/* Stops and resumes on_body: the client is slowed down. */
void http_body_pause(struct http_req *req, bool paused);

/*
 * Whole answer: head and body in one send. Ends the request: req may be dead on
 * return. Fields that are hop-by-hop or framing are left out; invalid ones turn
 * the answer into an empty 500. Answering before the body was read closes.
 */
void http_respond(struct http_req *req, int status, const struct http_field *fields, size_t n,
		  struct str body);

/*
 * Streamed answer. length >= 0 promises exactly that many bytes; -1 means
 * chunked (or until close for HTTP/1.0). The head leaves with the first write or
 * at the end of the turn.
 */
bool http_respond_begin(struct http_req *req, int status, const struct http_field *fields, size_t n,
			int64_t length);

/*
 * False when the client is gone or reads too slowly (more than the server's
 * max_out would be pending): the connection is then closed and on_abort follows.
 * Keep http_respond_pending below high water and wait for on_drain instead.
 */
bool http_respond_write(struct http_req *req, struct str bytes);
size_t http_respond_pending(const struct http_req *req);

/*
 * What http_respond_end puts behind the body: "name: value" lines with CRLF, as struct http_call has
 * them. Copied. Over HTTP/1.1 they are left out: nobody there asked for them.
 */
void http_respond_trailers(struct http_req *req, struct str lines);

/* Ends the request: req may be dead on return. */
void http_respond_end(struct http_req *req);

/*
 * For an answer that lasts: head->fields, its texts and the body are not looked at any more, and
 * their memory goes back if it can before the end. The arena is the handler's own affair.
 */
void http_req_forget(struct http_req *req);

/* Ends the request without (the rest of) an answer, closing the connection. */
void http_req_drop(struct http_req *req);

/*
 * Answers a request without a body, that is complete, by 101: from here on bytes come by on_body and
 * go by http_respond_write as they are, at each other's pace, until http_respond_end or the client's
 * end (on_end). False when the client is gone, or it cannot be granted (HTTP/2): answer otherwise.
 */
bool http_respond_switch(struct http_req *req, struct str protocol, const struct http_field *fields,
			 size_t n);

/*
 * Gives the connection away, for another process to serve: the descriptor, and all
 * bytes received since the start of this request (valid until the request ends).
 * ERR_UNSUPPORTED for TLS and HTTP/2; ERR_INVALID once the answer began or body bytes were taken
 * out of the buffer, so best called in on_request. On success the caller owns the fd
 * and ends the request with http_req_drop.
 */
enum err_code http_req_detach(struct http_req *req, int *ret_fd, struct str *ret_bytes,
			      struct err *err) MUST_USE;

struct http_server_config {
	const struct http_handler *handler;
	void *user;
	struct tls_ctx *tls; /* speak TLS on accepted connections; borrowed; or NULL */
	/* Speak HTTP/2 too: over TLS if the client chooses it (the context must offer it), else
	 * with who begins with its preface. Borrowed; NULL: HTTP/1 only. */
	const struct h2_lib *h2;
	uint64_t max_body;  /* 0: 16 MiB */
	size_t max_out;     /* pending output of one connection; 0: 1 MiB + whole answers */
	size_t arena_limit; /* 0: 4 MiB */
	unsigned
		max_conns; /* 0: 10,000. One more closes the longest idle; if all are busy it waits */
	/* all times in ns */
	uint64_t head_timeout;    /* from the first byte, or the connection, to the head; 0: 10 s */
	uint64_t body_timeout;    /* without a byte of body; 0: 20 s */
	uint64_t request_timeout; /* from the first byte to the last of the body; 0: 300 s */
	uint64_t idle_timeout;    /* between requests; 0: 75 s */
	uint64_t write_timeout;   /* without progress in sending; 0: 20 s */
};

/* Pending bytes above which a streaming handler should wait for on_drain. */
enum { HTTP_HIGH_WATER = 256 * 1024 };

enum err_code http_server_new(struct loop *l, const struct http_server_config *c,
			      struct http_server **ret, struct err *err) MUST_USE;

/* Closes everything; handlers get on_end for requests still open. Not from a callback. */
void http_server_free(struct http_server *s);

void *http_server_user(const struct http_server *s);

/* Accepts on a listening fd, which the server owns from here on. */
enum err_code http_server_listen(struct http_server *s, int listen_fd, struct err *err) MUST_USE;

/*
 * Serves a connected socket that came from elsewhere, as if `bytes` had just been
 * received on it. peer is copied. Owns fd on success.
 */
enum err_code http_server_adopt(struct http_server *s, int fd, struct str bytes,
				const struct net_peer *peer, struct err *err) MUST_USE;

/* Serves a connected socket as if it had just been accepted, with TLS where the server speaks it. */
enum err_code http_server_take(struct http_server *s, int fd, const struct net_peer *peer,
			       struct err *err) MUST_USE;

/*
 * No new connections; idle ones close now, busy ones after their answer.
 * on_drained (may be NULL) once when none is left.
 */
void http_server_drain(struct http_server *s, void (*on_drained)(struct http_server *s));

struct http_server_stats {
	uint64_t accepted, requests, bad_requests, timeouts, aborts;
	unsigned conns, busy; /* now */
};

const struct http_server_stats *http_server_stats(const struct http_server *s);

#endif
