/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 message heads (RFC 9112), strictly. Pure: no I/O, no allocation;
 * everything found is a view into the caller's bytes.
 *
 * What two implementations could read in two ways is refused: lines end with
 * CRLF and nothing else, request lines have exactly one space between parts, no
 * folded lines, no space before a colon, no control bytes, no leading empty
 * line, Host exactly once, Content-Length of digits once, Transfer-Encoding
 * only "chunked", never both of them, neither Transfer-Encoding nor a missing
 * Host in HTTP/1.0 (but for CONNECT, whose target says the host).
 *
 * A message may arrive in any number of pieces: every split gives the same
 * answer as the whole.
 */
#ifndef HTTP_H1_PARSE_H
#define HTTP_H1_PARSE_H

#include "base/err.h"
#include "http/field.h"

enum {
	H1_MAX_HEAD = 16 * 1024,
	H1_MAX_FIELDS = 100,
	H1_MAX_TARGET = 8 * 1024,
};

enum h1_result {
	H1_PARTIAL = 0, /* no fault so far, more bytes are needed */
	H1_BAD,         /* not HTTP as we speak it: close after answering h->status */
	H1_DONE,
};

/* The methods that mean something here; any other token is HTTP_OTHER. */
enum http_method {
	HTTP_OTHER = 0,
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_PATCH,
	HTTP_CONNECT,
	HTTP_TRACE,
};

/* RFC 9112 section 3.2 */
enum http_target_form {
	HTTP_FORM_ORIGIN = 0,
	HTTP_FORM_ABSOLUTE,
	HTTP_FORM_AUTHORITY,
	HTTP_FORM_ASTERISK
};

/* How the end of the body is known (RFC 9112 section 6.3). */
enum http_framing {
	HTTP_NO_BODY = 0,
	HTTP_LENGTH,
	HTTP_CHUNKED,
	HTTP_UNTIL_CLOSE, /* responses only */
};

/*
 * A parsed head. Set the first group, zero the rest (h1_head_init), then parse.
 * Views point into the bytes given to the parse call that returned H1_DONE.
 */
struct h1_head {
	bool response;     /* parse a status line instead of a request line */
	bool answers_head; /* responses: the request was HEAD, so no body follows */
	bool may_switch;   /* responses: the request asked for another protocol, so 101 may come */
	struct http_field *fields;
	size_t max_fields; /* room in fields; more is HTTP status 431 */

	enum http_method method;
	enum http_target_form form;
	struct str method_text, target;
	struct str path, query; /* of an origin or absolute target; query without '?' */
	struct str authority;   /* Host's value; for HTTP_FORM_AUTHORITY the target */

	int status; /* responses: the code. After H1_BAD: what a server should answer */
	struct str reason;

	size_t n_fields;
	size_t size; /* bytes of the head, with the empty line */
	enum http_framing framing;
	uint64_t body_len; /* of HTTP_LENGTH */
	bool minor;        /* HTTP/1.minor */
	bool keep_alive;   /* what the sender asks for */
	bool expect_continue;
	uint8_t known[HTTP_F_MAX]; /* 1 + index of the first such field, 0 for none */

	/* private to the parser: where the next line starts */
	const char *base;
	size_t at;
	bool first_done;
};

void h1_head_init(struct h1_head *h, bool response, struct http_field *fields, size_t max_fields);

/*
 * `in` is everything received of this message so far, growing from call to
 * call; it may have moved. h remembers the lines it has read; after
 * H1_DONE, a call only brings the views up to date when the bytes have moved. err says which
 * rule was broken, for the operator's eyes.
 */
enum h1_result h1_parse(struct h1_head *h, struct str in, struct err *err);

/* The value of a known field, or empty with p NULL. */
static inline struct str h1_get(const struct h1_head *h, enum http_field_id id)
{
	return h->known[id] ? h->fields[h->known[id] - 1].value : str_make(NULL, 0);
}

/* The first field of any name, in any case. */
struct str h1_find(const struct h1_head *h, struct str name);

#endif
