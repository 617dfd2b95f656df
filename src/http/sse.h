/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events (WHATWG HTML, section "Server-sent events"): line ends CR,
 * LF or CRLF, a byte order mark, several data lines, comments, and the fields
 * event, id, retry. Pure but for the parser's own bounded buffer.
 */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include "base/buf.h"
#include "base/err.h"

struct sse_event {
	struct str event; /* empty means "message" */
	struct str data;  /* lines joined with LF */
	struct str id;    /* with has_id; an id may be set to empty */
	bool has_id;
	bool has_data; /* false: an event that carries only id, event or retry */
	bool has_retry;
	uint64_t retry_ms;
};

struct sse_parser {
	size_t max;        /* of one event, all its fields and the current line together */
	uint64_t comments; /* comment lines seen */

	/* private */
	struct buf line; /* the incomplete last line */
	struct buf data, event, id;
	uint64_t retry_ms;
	uint8_t bom; /* bytes of the byte order mark seen; 3 when past the start */
	bool after_cr, given, has_id, has_data, has_retry;
};

enum sse_result {
	SSE_MORE = 0, /* all input was used */
	SSE_EVENT,    /* *ret is complete; call again with the rest */
	SSE_BAD,      /* an event past the limit, or out of memory: the stream cannot go on */
};

void sse_parser_init(struct sse_parser *p, size_t max_event);
void sse_parser_done(struct sse_parser *p);

/*
 * Takes bytes from the front of *in; between events a parser holds no memory. The event's text is valid until the next
 * call. Events that carry nothing at all are skipped; those with an id but no
 * data are given, since they move the cursor.
 */
enum sse_result sse_parse(struct sse_parser *p, struct str *in, struct sse_event *ret,
			  struct err *err);

/* Appends one event; data is split at CR, LF and CRLF into data lines. id and event may hold
 * neither line ends nor NUL: ERR_INVALID, nothing appended. */
enum err_code sse_write(struct buf *out, const struct sse_event *e, struct err *err) MUST_USE;

/* A comment that keeps the connection alive. */
void sse_write_keep_alive(struct buf *out);

#endif
