/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How roles talk: frames, encoded field by field, never as raw structs. A frame
 * is one datagram of a SOCK_SEQPACKET socketpair: u8 message type, then its
 * fields. Integers are little endian; text is u32 length and bytes.
 *
 * Writer and reader are cursors with a sticky error: encode or decode straight
 * through and look once at the end. A reader is only `ok` at its end when every
 * byte was used.
 */
#ifndef IPC_FRAME_H
#define IPC_FRAME_H

#include "base/str.h"

enum { IPC_FRAME_MAX = 128 * 1024 };

struct frame_writer {
	char *p; /* caller's bytes, `cap` of them */
	size_t n, cap;
	bool overflow;
};

/* Begins a frame of this type in the caller's buffer. */
void frame_begin(struct frame_writer *w, void *buf, size_t cap, uint8_t type);
void frame_put_u8(struct frame_writer *w, uint8_t v);
void frame_put_u32(struct frame_writer *w, uint32_t v);
void frame_put_u64(struct frame_writer *w, uint64_t v);
void frame_put_str(struct frame_writer *w, struct str s);

static inline struct str frame_bytes(const struct frame_writer *w)
{
	return str_make(w->p, w->n);
}

struct frame_reader {
	const unsigned char *p;
	size_t n, at;
	bool bad;
};

/* Starts reading behind the type byte, which it returns; 0 (never a valid type) for an empty frame.
 */
uint8_t frame_open(struct frame_reader *r, struct str frame);
uint8_t frame_get_u8(struct frame_reader *r);
uint32_t frame_get_u32(struct frame_reader *r);
uint64_t frame_get_u64(struct frame_reader *r);

/* A view into the frame; empty when the frame is bad. */
struct str frame_get_str(struct frame_reader *r);

/* Every field was there and nothing is left over. */
static inline bool frame_ok(const struct frame_reader *r)
{
	return !r->bad && r->at == r->n;
}

#endif
