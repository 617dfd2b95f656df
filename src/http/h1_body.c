/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunked (RFC 9112 section 7.1), one byte of state:
 *
 *   SIZE_FIRST -> SIZE -> [EXT ->] SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE_FIRST
 *                                  SIZE_LF -> TRAILER_START            (after size 0)
 *   TRAILER_START -> TRAILER_NAME -> TRAILER_VALUE -> TRAILER_LF -> TRAILER_START
 *   TRAILER_START -> END_LF -> DONE
 */
#include "http/h1_body.h"

enum {
	EXT_MAX = 128,
	EXT_TOTAL_MAX = 4 * 1024,
	TRAILER_MAX = 4 * 1024,
	SIZE_DIGITS_MAX = 15, /* so that no size overflows */
};

enum state {
	SIZE_FIRST = 0,
	SIZE,
	EXT,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	DONE,
	BROKEN,
};

void h1_body_init(struct h1_body *b, enum http_framing framing, uint64_t length)
{
	*b = (struct h1_body){.framing = framing, .left = framing == HTTP_LENGTH ? length : 0};
	if (framing == HTTP_NO_BODY || (framing == HTTP_LENGTH && length == 0)) {
		b->state = DONE;
	}
}

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(unsigned char c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

/* Where a complete size line leads; its own bytes are forgotten. */
static enum state after_size(struct h1_body *b)
{
	b->ext = 0;
	if (b->left) {
		return DATA;
	}
	b->overhead = 0; /* counts trailer bytes from here on */
	return TRAILER_START;
}

static enum state step_size(struct h1_body *b, unsigned char c)
{
	int v = hex_value(c);

	if (v >= 0) {
		b->left = b->left * 16 + (unsigned)v;
		return ++b->ext <= SIZE_DIGITS_MAX ? SIZE : BROKEN;
	}
	if (b->state == SIZE_FIRST) {
		return BROKEN;
	}
	if (c == ';') {
		b->ext = 0;
		return EXT;
	}
	return c == '\r' ? SIZE_LF : BROKEN;
}

static enum state step_ext(struct h1_body *b, unsigned char c)
{
	if (c == '\r') {
		return SIZE_LF;
	}
	b->overhead++;
	return is_text(c) && ++b->ext <= EXT_MAX && b->overhead <= EXT_TOTAL_MAX ? EXT : BROKEN;
}

static enum state step_trailer(struct h1_body *b, unsigned char c)
{
	char name = (char)c;

	if (++b->overhead > TRAILER_MAX) {
		return BROKEN;
	}
	if (b->state == TRAILER_VALUE) {
		return c == '\r' ? TRAILER_LF : is_text(c) ? TRAILER_VALUE : BROKEN;
	}
	if (b->state == TRAILER_START && c == '\r') {
		return END_LF;
	}
	if (b->state == TRAILER_NAME && c == ':') {
		return TRAILER_VALUE;
	}
	return http_is_token(str_make(&name, 1)) ? TRAILER_NAME : BROKEN;
}

/* The state after a byte that is not body data. */
static enum state step(struct h1_body *b, unsigned char c)
{
	switch ((enum state)b->state) {
	case SIZE_FIRST:
	case SIZE:
		return step_size(b, c);
	case EXT:
		return step_ext(b, c);
	case SIZE_LF:
		return c == '\n' ? after_size(b) : BROKEN;
	case DATA_CR:
		return c == '\r' ? DATA_LF : BROKEN;
	case DATA_LF:
		return c == '\n' ? SIZE_FIRST : BROKEN;
	case TRAILER_START:
	case TRAILER_NAME:
	case TRAILER_VALUE:
		return step_trailer(b, c);
	case TRAILER_LF:
		return c == '\n' ? TRAILER_START : BROKEN;
	case END_LF:
		return c == '\n' ? DONE : BROKEN;
	case DATA:
	case DONE:
	case BROKEN:
		break;
	}
	return BROKEN;
}

/* At most b->left bytes of `in`. */
static struct str take(struct h1_body *b, struct str in)
{
	struct str data = str_make(in.p, in.n < b->left ? in.n : (size_t)b->left);

	b->left -= data.n;
	b->total += data.n;
	return data;
}

static enum h1_body_result read_chunked(struct h1_body *b, struct str in, size_t *ret_used,
					struct str *ret_data, struct err *err)
{
	size_t at = 0;

	while (b->state != DONE && at < in.n) {
		if (b->state == DATA) {
			*ret_data = take(b, str_from(in, at));
			*ret_used = at + ret_data->n;
			b->state = b->left ? DATA : DATA_CR;
			return H1_BODY_DATA;
		}
		b->state = (uint8_t)step(b, (unsigned char)in.p[at]);
		if (b->state == BROKEN) {
			err_ignore(ERR(err, ERR_SYNTAX, "malformed chunked body"));
			return H1_BODY_BAD;
		}
		at++;
	}
	*ret_used = at;
	return b->state == DONE ? H1_BODY_END : H1_BODY_MORE;
}

enum h1_body_result h1_body_read(struct h1_body *b, struct str in, size_t *ret_used,
				 struct str *ret_data, struct err *err)
{
	*ret_used = 0;
	*ret_data = str_make(NULL, 0);
	if (b->state == DONE) {
		return H1_BODY_END;
	}
	if (b->state == BROKEN) {
		err_ignore(ERR(err, ERR_SYNTAX, "malformed chunked body"));
		return H1_BODY_BAD;
	}
	if (b->framing == HTTP_CHUNKED) {
		return read_chunked(b, in, ret_used, ret_data, err);
	}
	if (in.n == 0) {
		return H1_BODY_MORE;
	}
	if (b->framing == HTTP_UNTIL_CLOSE) {
		b->total += in.n;
		*ret_data = in;
	} else {
		*ret_data = take(b, in);
		b->state = b->left ? SIZE_FIRST : DONE;
	}
	*ret_used = ret_data->n;
	return H1_BODY_DATA;
}

bool h1_body_eof(const struct h1_body *b)
{
	return b->state == DONE || (b->framing == HTTP_UNTIL_CLOSE && b->state != BROKEN);
}

bool h1_body_done(const struct h1_body *b)
{
	return b->state == DONE;
}

void h1_chunk_write(struct buf *out, struct str data)
{
	if (data.n) {
		h1_chunk_start(out, data.n);
		buf_append(out, data);
		buf_append(out, STR("\r\n"));
	}
}

void h1_chunk_start(struct buf *out, size_t n)
{
	char digits[2 * sizeof(n)];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[n % 16];
		n /= 16;
	} while (n);
	buf_append(out, str_make(digits + at, sizeof(digits) - at));
	buf_append(out, STR("\r\n"));
}

void h1_chunk_end(struct buf *out)
{
	buf_append(out, STR("0\r\n\r\n"));
}
