/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message heads, written. Framing and connection fields are always generated
 * here from what the caller means; a caller's field that is hop-by-hop
 * (http/field.h) is left out, so that a received field list can be passed on as
 * it is. ERR_INVALID when a name, value or target could break the message;
 * the buffer is then as it was.
 */
#ifndef HTTP_H1_WRITE_H
#define HTTP_H1_WRITE_H

#include "base/buf.h"
#include "base/err.h"
#include "http/h1_parse.h"

struct h1_out {
	/* a request when method is set, else a response */
	struct str method, target, host;
	int status;
	struct str date; /* responses: of the Date field; empty for none */

	const struct http_field *fields;
	size_t n_fields;

	enum http_framing framing;
	uint64_t body_len; /* of HTTP_LENGTH */
	bool no_length;    /* HTTP_NO_BODY with no Content-Length: 0 (GET; 204, 304) */
	bool close;        /* say that the connection ends after this message */
	/* Asks for this protocol in the connection's place, or (101) grants it; then nothing is
	 * said of a body. RFC 9110 section 7.8 */
	struct str upgrade;
	bool trailers; /* of a request over HTTP/2: its sender passes trailers on (TE) */
};

enum err_code h1_head_write(struct buf *out, const struct h1_out *h, struct err *err) MUST_USE;

/* "Not Found"; never NULL, "Status" for codes not in the table. */
struct str http_reason(int status);

#endif
