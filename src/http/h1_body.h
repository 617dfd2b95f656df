/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a body ends (RFC 9112 sections 6 and 7). Pure and without allocation:
 * the decoder cuts its input into views of body bytes.
 *
 * Chunked is strict: hexadecimal digits only, CRLF only, extensions of a chunk
 * at most 128 bytes and of a body at most 4 KiB, trailers at most 4 KiB,
 * checked and dropped.
 */
#ifndef HTTP_H1_BODY_H
#define HTTP_H1_BODY_H

#include "base/buf.h"
#include "base/err.h"
#include "http/h1_parse.h"

enum h1_body_result {
	H1_BODY_MORE = 0, /* all input was used, the body goes on */
	H1_BODY_DATA,     /* *ret_data holds bytes of the body; call again with the rest */
	H1_BODY_END,      /* the body is complete; *ret_used tells where the next message starts */
	H1_BODY_BAD,
};

struct h1_body {
	enum http_framing framing;
	uint8_t state;
	uint16_t ext;      /* extension bytes in this chunk */
	uint32_t overhead; /* extension bytes in this body, then trailer bytes */
	uint64_t left;     /* of the length, or of the chunk */
	uint64_t total;    /* body bytes delivered so far */
};

void h1_body_init(struct h1_body *b, enum http_framing framing, uint64_t length);

/*
 * Reads from `in`, setting *ret_used to the bytes it took (also with
 * H1_BODY_DATA, whose bytes count as used).
 */
enum h1_body_result h1_body_read(struct h1_body *b, struct str in, size_t *ret_used,
				 struct str *ret_data, struct err *err);

/* The connection ended: true when that also is the end of this body. */
bool h1_body_eof(const struct h1_body *b);

/* True once H1_BODY_END was returned, or at once for an empty body. */
bool h1_body_done(const struct h1_body *b);

/* One chunk; nothing for an empty `data`, since that would end the body. */
void h1_chunk_write(struct buf *out, struct str data);

/* The line before n bytes of data, which CRLF must follow. n must not be 0. */
void h1_chunk_start(struct buf *out, size_t n);
void h1_chunk_end(struct buf *out);

#endif
