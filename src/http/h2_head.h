/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of HTTP/2 messages (RFC 9113 section 8.3). Pure.
 *
 * There is one set of rules for heads, the parser of HTTP/1 (http/h1_parse.h):
 * what arrives as pseudo-header fields and fields is written as the HTTP/1 head
 * that means the same, and parsed by it. Before, what only HTTP/2 can say wrong is
 * refused: pseudo-header fields that are unknown, repeated, missing or late, names
 * with capitals, fields of a connection, an authority that Host contradicts, and any
 * byte that would mean something else in HTTP/1.
 */
#ifndef HTTP_H2_HEAD_H
#define HTTP_H2_HEAD_H

#include "base/buf.h"
#include "http/h1_parse.h"

enum h2_pseudo { H2_METHOD = 0, H2_SCHEME, H2_AUTHORITY, H2_PATH, H2_STATUS, H2_PSEUDO_MAX };

struct h2_head {
	struct buf *text;   /* the head as HTTP/1; the owner's */
	struct buf *pseudo; /* values of the pseudo-header fields; the owner's */
	struct {
		uint32_t at, n;
		bool set;
	} values[H2_PSEUDO_MAX];
	bool response;
	bool started;   /* the first line is written: no pseudo-header field may follow */
	bool malformed; /* a rule was broken: the stream is to be reset */
	bool too_large; /* past H1_MAX_HEAD */
};

/* text and pseudo are emptied; both must have room for H1_MAX_HEAD and some. */
void h2_head_begin(struct h2_head *h, bool response, struct buf *text, struct buf *pseudo);

/* Any fault is kept until the end. */
void h2_head_add(struct h2_head *h, struct str name, struct str value);

/*
 * Parses what was written. ret is set up by h1_head_init. H1_BAD with ret->status 0 means that the message
 * is malformed in the sense of RFC 9113 section 8.1.1, else what a server should answer.
 * `ends`: the message has no body. Without it and without Content-Length, ret->framing is HTTP_CHUNKED.
 */
enum h1_result h2_head_end(struct h2_head *h, struct h1_head *ret, bool ends, struct err *err);

#endif
