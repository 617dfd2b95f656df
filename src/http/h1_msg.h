/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message being received, the same for a server's requests and a client's
 * answers: its bytes, its head, and its body, collected or handed on in pieces.
 *
 * The head's views stay valid until h1_msg_next: once the head is complete, the
 * buffer it lies in does not move any more. A collected body of known length
 * that fits behind its head stays there; a large one is read straight to its place.
 */
#ifndef HTTP_H1_MSG_H
#define HTTP_H1_MSG_H

#include "http/h1_body.h"
#include "http/h1_parse.h"
#include "net/stream.h"

enum { H1_IN_MAX = 64 * 1024 }; /* of h1_msg.in */

struct h1_msg {
	struct h1_head *head; /* the owner's */
	struct buf in;        /* received bytes, from the message's first one on */
	struct buf body;      /* a collected body that is not in one piece in `in` */
	struct h1_body decoder;
	size_t raw_at;  /* first byte of `in`, from its start, that was not decoded yet */
	uint64_t limit; /* of the body, to be set before its first byte is taken */
	bool collecting;
	bool in_place; /* the collected body will be contiguous in `in` */
	bool forgotten;
	struct http_field *fields; /* H1_MAX_FIELDS of them, or NULL */
};

void h1_msg_init(struct h1_msg *m, struct h1_head *head);
void h1_msg_done(struct h1_msg *m);

/* Has memory for a head, before one is expected; false: there is none. */
bool h1_msg_ready(struct h1_msg *m) MUST_USE;

/* Expects a head next. `answers_head`: of a response to HEAD. */
void h1_msg_expect(struct h1_msg *m, bool response, bool answers_head);

/*
 * Parses what has come. After H1_DONE the decoder is ready, and collecting with
 * the given limit is assumed until the owner says otherwise. H1_BAD: head->status.
 */
enum h1_result h1_msg_head(struct h1_msg *m, uint64_t limit, struct err *err);

/* After a head: what follows is no HTTP any more, and h1_msg_take hands it on to its end. */
void h1_msg_switch(struct h1_msg *m);

/* From here on h1_msg_take hands pieces on. */
void h1_msg_stream(struct h1_msg *m);

/*
 * One read from s. STREAM_AGAIN also when there is no room: then *ret_full is set
 * and nobody should wait for the socket. STREAM_FAILED also when out of memory.
 */
enum stream_result h1_msg_read(struct h1_msg *m, struct stream *s, bool *ret_full, struct err *err);

/*
 * Takes one piece of the body out of what has come: H1_BODY_DATA with the piece
 * (also when collecting, where it has been kept), H1_BODY_MORE, H1_BODY_END, or
 * H1_BODY_BAD with *ret_status 400 (malformed), 413 (past the limit) or 503 (no memory).
 */
enum h1_body_result h1_msg_take(struct h1_msg *m, struct str *ret_piece, int *ret_status,
				struct err *err);

/* After the last piece that was wanted for now: makes room for the next read. */
void h1_msg_reclaim(struct h1_msg *m);

/*
 * Gives the memory of the head's views and of what was taken of the body back, while the message or its answer
 * goes on; what is no view stays in the head. What comes later has no place then: who reads
 * on lends `in` a buffer, and takes it back once it is empty.
 */
void h1_msg_forget(struct h1_msg *m);

/* The collected body, after H1_BODY_END. */
struct str h1_msg_body(const struct h1_msg *m);

/* Forgets the message; what came behind it stays. */
void h1_msg_next(struct h1_msg *m);

#endif
