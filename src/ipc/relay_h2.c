/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/relay_h2.h"

enum {
	FRAME_DATA = 0,
	FRAME_HEADERS = 1,
	FRAME_PUSH_PROMISE = 5,
	FRAME_CONTINUATION = 9,
	FLAG_END_STREAM = 0x1,
	FLAG_END_HEADERS = 0x4,
	STATIC_MAX = 61, /* RFC 7541 appendix A */
	INDEX_METHOD = 2,
	INDEX_METHOD_POST = 3,
	TEXT_MAX = 16384,
};

static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static uint32_t frame_length(const unsigned char *h)
{
	return (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
}

/* ---- frames ---- */

/* A complete header of a frame that is no head. */
static bool begin_frame(struct relay_h2 *r)
{
	unsigned type = r->header[3];

	r->n_header = 0;
	r->left = frame_length(r->header);
	r->data += type == FRAME_DATA ? r->left : 0;
	return type != FRAME_HEADERS && type != FRAME_PUSH_PROMISE && type != FRAME_CONTINUATION &&
	       r->left <= RELAY_H2_FRAME_MAX;
}

bool relay_h2_body(struct relay_h2 *r, struct str bytes)
{
	while (bytes.n) {
		size_t n = 1;

		if (r->preface < sizeof(PREFACE) - 1) {
			if (bytes.p[0] != PREFACE[r->preface++]) {
				return false;
			}
		} else if (r->left) {
			n = bytes.n < r->left ? bytes.n : r->left;
			r->left -= (uint32_t)n;
		} else {
			r->header[r->n_header++] = (unsigned char)bytes.p[0];
			if (r->n_header == RELAY_H2_HEADER && !begin_frame(r)) {
				return false;
			}
		}
		bytes = str_from(bytes, n);
	}
	return true;
}

/* ---- fields (RFC 7541 section 6) ---- */

/* An integer with a prefix of `bits` (section 5.1), at most 2^20. */
static bool take_int(struct str *in, unsigned bits, uint32_t *ret)
{
	uint32_t mask = (1U << bits) - 1, v;
	unsigned shift = 0;
	unsigned char c;

	if (in->n == 0) {
		return false;
	}
	v = (unsigned char)in->p[0] & mask;
	*in = str_from(*in, 1);
	if (v < mask) {
		*ret = v;
		return true;
	}
	do {
		if (in->n == 0 || shift > 14) {
			return false;
		}
		c = (unsigned char)in->p[0];
		*in = str_from(*in, 1);
		v += (uint32_t)(c & 0x7f) << shift;
		shift += 7;
	} while (c & 0x80);
	*ret = v;
	return v <= 1U << 20;
}

/* A string (section 5.2), as it stands. */
static bool take_text(struct str *in, bool *ret_huffman, struct str *ret)
{
	uint32_t n;

	*ret_huffman = in->n && ((unsigned char)in->p[0] & 0x80);
	if (!take_int(in, 7, &n) || n > TEXT_MAX || n > in->n) {
		return false;
	}
	*ret = str_make(in->p, n);
	*in = str_from(*in, n);
	return true;
}

/* A colon is 1011100 in the code of appendix B. */
static bool is_pseudo(bool huffman, struct str name)
{
	return name.n == 0 ||
	       (huffman ? ((unsigned char)name.p[0] & 0xfe) == 0xb8 : name.p[0] == ':');
}

/* Whether one field is as it may be; *methods counts those that say the method. */
static bool take_field(struct str *in, unsigned *methods)
{
	unsigned char first = (unsigned char)in->p[0];
	struct str name, value;
	uint32_t index;
	bool huffman;

	if (first & 0x80) {
		*methods += (first & 0x7f) == INDEX_METHOD || (first & 0x7f) == INDEX_METHOD_POST;
		return take_int(in, 7, &index) && index && index <= STATIC_MAX;
	}
	if ((first & 0xe0) == 0x20) {
		return take_int(in, 5, &index) && index == 0; /* no table */
	}
	if (!take_int(in, first & 0x40 ? 6 : 4, &index) || index > STATIC_MAX) {
		return false;
	}
	if (index == 0 && (!take_text(in, &huffman, &name) || is_pseudo(huffman, name))) {
		return false;
	}
	if (!take_text(in, &huffman, &value)) {
		return false;
	}
	if (index == INDEX_METHOD || index == INDEX_METHOD_POST) {
		++*methods;
		return !huffman && str_eq(value, STR("DELETE")); /* in no table */
	}
	return true;
}

static bool is_request(struct str block)
{
	unsigned methods = 0;

	while (block.n) {
		if (!take_field(&block, &methods)) {
			return false;
		}
	}
	return methods == 1;
}

bool relay_h2_head(struct relay_h2 *r, struct str frame, struct str block, struct buf *to)
{
	const unsigned char *h = (const unsigned char *)frame.p;
	size_t n = frame.n - RELAY_H2_HEADER + block.n;

	if (frame.n <= RELAY_H2_HEADER || r->preface < sizeof(PREFACE) - 1 || r->left ||
	    r->n_header || h[3] != FRAME_HEADERS || !(h[4] & FLAG_END_HEADERS) ||
	    (h[4] & ~(FLAG_END_HEADERS | FLAG_END_STREAM)) ||
	    frame_length(h) != frame.n - RELAY_H2_HEADER || n > RELAY_H2_FRAME_MAX ||
	    !is_request(str_from(frame, RELAY_H2_HEADER))) {
		return false;
	}
	buf_append_c(to, (char)(n >> 16));
	buf_append_c(to, (char)(n >> 8));
	buf_append_c(to, (char)n);
	buf_append(to, str_from(frame, 3));
	buf_append(to, block);
	return !to->failed;
}

static void put_text(struct buf *to, struct str text, bool lower)
{
	size_t n = text.n;

	if (n < 127) {
		buf_append_c(to, (char)n);
	} else {
		buf_append_c(to, 127);
		for (n -= 127; n >= 128; n >>= 7) {
			buf_append_c(to, (char)(n | 0x80));
		}
		buf_append_c(to, (char)n);
	}
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		buf_append_c(to, lower && c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c);
	}
}

bool relay_h2_fields(struct str lines, struct buf *to)
{
	while (lines.n) {
		struct str line = str_cut(&lines, '\n');
		struct str name = str_cut(&line, ':');

		while (line.n && line.p[0] == ' ') {
			line = str_from(line, 1);
		}
		if (line.n && line.p[line.n - 1] == '\r') {
			line.n--;
		}
		buf_append_c(to, 0x10);
		put_text(to, name, true);
		put_text(to, line, false);
	}
	return !to->failed && buf_len(to) <= RELAY_H2_FIELDS_MAX;
}
