/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_msg.h"

#include <stdlib.h>

enum {
	FIRST_ROOM = 4 * 1024,     /* enough for most heads with a small body, in one read */
	BODY_ROOM = 4 * 1024,      /* at least this much for each read of a body */
	BODY_ROOM_BIG = 32 * 1024, /* when a big one is to come */
	BODY_READ = 256 * 1024,
};

void h1_msg_init(struct h1_msg *m, struct h1_head *head)
{
	m->head = head;
	m->raw_at = 0;
	m->fields = NULL;
	m->forgotten = false;
	buf_init(&m->in, H1_IN_MAX);
	buf_init(&m->body, 0);
}

void h1_msg_done(struct h1_msg *m)
{
	buf_done(&m->in);
	buf_done(&m->body);
	free(m->fields);
	m->fields = NULL;
}

bool h1_msg_ready(struct h1_msg *m)
{
	if (!m->fields) {
		m->fields = malloc(H1_MAX_FIELDS * sizeof(*m->fields));
	}
	return m->fields != NULL;
}

void h1_msg_expect(struct h1_msg *m, bool response, bool answers_head)
{
	h1_head_init(m->head, response, m->fields, H1_MAX_FIELDS);
	m->head->answers_head = answers_head;
}

/* Makes all the room that reading the body needs before anybody sees a view. */
static bool make_body_room(struct h1_msg *m)
{
	const struct h1_head *h = m->head;
	size_t have = buf_len(&m->in) - h->size, room = m->in.cap - m->in.end, want;

	/* Behind a head that speaks of another protocol its bytes may come: h1_msg_switch. */
	if ((h->framing == HTTP_NO_BODY && !h->known[HTTP_F_UPGRADE]) ||
	    (h->framing == HTTP_LENGTH && have >= h->body_len)) {
		return true;
	}
	want = h->framing == HTTP_LENGTH && h->body_len - have < BODY_ROOM_BIG
		       ? (size_t)(h->body_len - have)
		       : BODY_ROOM_BIG;
	if (room >= want || (room >= BODY_ROOM && want == BODY_ROOM_BIG)) {
		return true;
	}
	return buf_reserve(&m->in, want) && h1_parse(m->head, buf_str(&m->in), NULL) == H1_DONE;
}

enum h1_result h1_msg_head(struct h1_msg *m, uint64_t limit, struct err *err)
{
	struct h1_head *h = m->head;
	enum h1_result r = h1_parse(h, buf_str(&m->in), err);

	if (r != H1_DONE) {
		return r;
	}
	if (h->framing == HTTP_LENGTH && h->body_len > limit) {
		h->status = 413;
		err_ignore(ERR(err, ERR_LIMIT, "body larger than %llu bytes",
			       (unsigned long long)limit));
		return H1_BAD;
	}
	if (!make_body_room(m)) {
		h->status = 503;
		err_ignore(ERR(err, ERR_NOMEM, "no memory for a body"));
		return H1_BAD;
	}
	h1_body_init(&m->decoder, h->framing, h->body_len);
	m->raw_at = h->size;
	m->limit = limit;
	m->collecting = true;
	m->in_place = h->framing == HTTP_LENGTH && h->body_len <= m->in.cap - m->in.start - h->size;
	return H1_DONE;
}

void h1_msg_stream(struct h1_msg *m)
{
	m->collecting = m->in_place = false;
}

void h1_msg_switch(struct h1_msg *m)
{
	h1_body_init(&m->decoder, HTTP_UNTIL_CLOSE, 0);
	m->limit = UINT64_MAX;
	h1_msg_stream(m);
}

/* A big body of known length needs no detour, once what came with its head was moved there. */
static bool reads_into_body(const struct h1_msg *m)
{
	return m->head->size && m->collecting && !m->in_place &&
	       m->decoder.framing == HTTP_LENGTH && m->decoder.left > 0 &&
	       m->decoder.left <= m->limit && m->in.start + m->raw_at == m->in.end;
}

static enum stream_result read_into_body(struct h1_msg *m, struct stream *s, struct err *err)
{
	size_t want = m->decoder.left < BODY_READ ? (size_t)m->decoder.left : BODY_READ, used, n;
	enum stream_result r;
	struct str data;
	char *to;

	m->body.max = (size_t)m->limit;
	to = buf_reserve(&m->body, want);
	if (!to) {
		err_ignore(ERR(err, ERR_NOMEM, "no memory for a body"));
		return STREAM_FAILED;
	}
	r = stream_read(s, to, want, &n, err);
	if (r == STREAM_DATA) {
		(void)h1_body_read(&m->decoder, str_make(to, n), &used, &data, NULL);
		buf_commit(&m->body, n);
	}
	return r;
}

enum stream_result h1_msg_read(struct h1_msg *m, struct stream *s, bool *ret_full, struct err *err)
{
	enum stream_result r;
	size_t n;

	*ret_full = false;
	if (reads_into_body(m)) {
		return read_into_body(m, s, err);
	}
	if (m->head->size == 0 && buf_len(&m->in) >= H1_MAX_HEAD) {
		*ret_full = true; /* messages wait one behind the other */
		return STREAM_AGAIN;
	}
	if (m->head->size == 0 && m->in.cap - m->in.end < FIRST_ROOM / 4 &&
	    !buf_reserve(&m->in, FIRST_ROOM)) {
		err_ignore(ERR(err, ERR_NOMEM, "no memory for a message"));
		return STREAM_FAILED;
	}
	if (m->in.cap == m->in.end) {
		*ret_full = true;
		return STREAM_AGAIN;
	}
	r = stream_read(s, m->in.p + m->in.end, m->in.cap - m->in.end, &n, err);
	if (r == STREAM_DATA) {
		buf_commit(&m->in, n);
	}
	return r;
}

static enum h1_body_result refuse(int status, int *ret_status, struct err *err)
{
	*ret_status = status;
	err_ignore(status == 413 ? ERR(err, ERR_LIMIT, "body past its limit")
				 : ERR(err, ERR_NOMEM, "no memory for a body"));
	return H1_BODY_BAD;
}

enum h1_body_result h1_msg_take(struct h1_msg *m, struct str *ret_piece, int *ret_status,
				struct err *err)
{
	enum h1_body_result r;
	size_t used;

	if (m->decoder.framing == HTTP_LENGTH && m->decoder.left > m->limit) {
		return refuse(413, ret_status, err);
	}
	r = h1_body_read(&m->decoder, str_from(buf_str(&m->in), m->raw_at), &used, ret_piece, err);
	m->raw_at += used;
	if (r == H1_BODY_BAD) {
		*ret_status = 400;
	}
	if (r != H1_BODY_DATA) {
		return r;
	}
	if (m->decoder.total > m->limit) {
		return refuse(413, ret_status, err);
	}
	if (m->collecting && !m->in_place) {
		m->body.max = (size_t)m->limit;
		buf_append(&m->body, *ret_piece);
		if (m->body.failed) {
			return refuse(503, ret_status, err);
		}
	}
	return r;
}

void h1_msg_reclaim(struct h1_msg *m)
{
	if (!m->in_place && m->in.start + m->raw_at == m->in.end) {
		m->raw_at = m->forgotten ? 0 : m->head->size;
		m->in.end = m->in.start + m->raw_at;
	}
}

void h1_msg_forget(struct h1_msg *m)
{
	struct h1_head *h = m->head;
	const struct str nothing = str_make(NULL, 0);

	h->method_text = h->target = h->path = h->query = h->authority = h->reason = nothing;
	memset(h->known, 0, sizeof(h->known));
	h->n_fields = 0;
	h->fields = NULL;
	free(m->fields);
	m->fields = NULL;
	m->forgotten = true;
	m->collecting = m->in_place = false;
	buf_done(&m->body);
	buf_consume(&m->in, m->raw_at);
	m->raw_at = 0;
	if (buf_len(&m->in) == 0) {
		buf_done(&m->in);
	}
}

struct str h1_msg_body(const struct h1_msg *m)
{
	if (m->in_place) {
		return str_make(m->in.p + m->in.start + m->head->size, (size_t)m->head->body_len);
	}
	return buf_str(&m->body);
}

void h1_msg_next(struct h1_msg *m)
{
	buf_done(&m->body);
	buf_consume(&m->in, m->raw_at);
	m->raw_at = 0;
	m->head->size = 0;
	m->forgotten = false;
}
