/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of HTTP/2 for tests: frames made by hand, so that they can be wrong, and what comes
 * back as a list of frames. Heads are literals without a table, which needs no HPACK state.
 */
#ifndef TESTS_UNIT_HTTP_H2_PEER_H
#define TESTS_UNIT_HTTP_H2_PEER_H

#include "tests/unit/http/peer.h"

#include <nghttp2/nghttp2.h>

#define H2_PREFACE_TEXT "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct h2_frame {
	uint32_t length;
	uint8_t type, flags;
	uint32_t stream;
	struct str payload;
};

static inline void h2_put(struct buf *b, uint8_t type, uint8_t flags, uint32_t stream,
			  struct str payload)
{
	const char head[9] = {(char)(payload.n >> 16),
			      (char)(payload.n >> 8),
			      (char)payload.n,
			      (char)type,
			      (char)flags,
			      (char)(stream >> 24),
			      (char)(stream >> 16),
			      (char)(stream >> 8),
			      (char)stream};

	buf_append(b, str_make(head, sizeof(head)));
	buf_append(b, payload);
}

/* "name: value" lines, a literal each. */
static inline void h2_block(struct buf *b, const char *lines)
{
	struct str rest = str_from_c(lines);

	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		size_t colon = 1 + str_find(str_from(line, 1), ':');
		struct str name = str_make(line.p, colon), value = str_from(line, colon + 2);

		assert_true(name.n < 127 && value.n < 127);
		buf_append_c(b, 0);
		buf_append_c(b, (char)name.n);
		buf_append(b, name);
		buf_append_c(b, (char)value.n);
		buf_append(b, value);
	}
}

static inline void h2_put_head(struct buf *b, uint32_t stream, uint8_t flags, const char *lines)
{
	struct buf block;

	buf_init(&block, 1 << 20);
	h2_block(&block, lines);
	h2_put(b, NGHTTP2_HEADERS, flags, stream, buf_str(&block));
	buf_done(&block);
}

/* Cuts the next whole frame off; false when there is none. */
static inline bool h2_next(struct str *in, struct h2_frame *ret)
{
	const unsigned char *p = (const unsigned char *)in->p;

	if (in->n < 9) {
		return false;
	}
	ret->length = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
	ret->type = p[3];
	ret->flags = p[4];
	ret->stream =
		((uint32_t)p[5] & 0x7f) << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
	if (in->n < 9 + ret->length) {
		return false;
	}
	ret->payload = str_make(in->p + 9, ret->length);
	*in = str_from(*in, 9 + ret->length);
	return true;
}

static inline uint32_t h2_u32(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	assert_true(s.n >= 4);
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The nth (from 0) frame of a type on a stream; false when there is none. */
static inline bool h2_find(struct str in, uint8_t type, uint32_t stream, unsigned nth,
			   struct h2_frame *ret)
{
	while (h2_next(&in, ret)) {
		if (ret->type == type && ret->stream == stream && nth-- == 0) {
			return true;
		}
	}
	return false;
}

/* All of a stream's data. */
static inline size_t h2_data(struct str in, uint32_t stream, struct buf *to, bool *ret_ends)
{
	struct h2_frame f;
	size_t n = 0;

	*ret_ends = false;
	while (h2_next(&in, &f)) {
		if (f.type == NGHTTP2_DATA && f.stream == stream) {
			n += f.payload.n;
			if (to) {
				buf_append(to, f.payload);
			}
			*ret_ends = (f.flags & NGHTTP2_FLAG_END_STREAM) != 0;
		}
	}
	return n;
}

#endif
