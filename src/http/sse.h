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
	struct buf text; /* data lines, then the current line while it is incomplete */
	size_t max;      /* of one event, all fields together */
	uint8_t state;
	/* private: pieces of the event so far, as offsets into text */
	size_t line, data_n, event_at, event_n, id_at, id_n;
	bool has_id, has_data, has_event, has_retry;
	uint64_t retry_ms;
	uint64_t comments; /* comment lines seen, for keep-alive accounting */
};

enum sse_result {
	SSE_MORE = 0, /* all input was used */
	SSE_EVENT,    /* *ret is complete; call again with the rest */
	SSE_BAD,      /* an event past the limit, or out of memory: the stream cannot go on */
};

void sse_parser_init(struct sse_parser *p, size_t max_event);
void sse_parser_done(struct sse_parser *p);

/*
 * Takes bytes from the front of *in. The event's text is valid until the next
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
