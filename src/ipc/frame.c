/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/frame.h"

#include "base/num.h"

static char *take_room(struct frame_writer *w, size_t n)
{
	char *at;

	if (w->overflow || n > w->cap - w->n) {
		w->overflow = true;
		return NULL;
	}
	at = w->p + w->n;
	w->n += n;
	return at;
}

void frame_begin(struct frame_writer *w, void *buf, size_t cap, uint8_t type)
{
	*w = (struct frame_writer){.p = buf, .cap = cap};
	frame_put_u8(w, type);
}

void frame_put_u8(struct frame_writer *w, uint8_t v)
{
	char *at = take_room(w, 1);

	if (at) {
		*at = (char)v;
	}
}

void frame_put_u32(struct frame_writer *w, uint32_t v)
{
	char *at = take_room(w, 4);

	if (at) {
		num_put_u32(at, v);
	}
}

void frame_put_u64(struct frame_writer *w, uint64_t v)
{
	char *at = take_room(w, 8);

	if (at) {
		num_put_u64(at, v);
	}
}

void frame_put_str(struct frame_writer *w, struct str s)
{
	char *at;

	if (s.n > UINT32_MAX) {
		w->overflow = true;
		return;
	}
	frame_put_u32(w, (uint32_t)s.n);
	at = take_room(w, s.n);
	if (at && s.n) {
		memcpy(at, s.p, s.n);
	}
}

static const unsigned char *take_bytes(struct frame_reader *r, size_t n)
{
	const unsigned char *at;

	if (r->bad || n > r->n - r->at) {
		r->bad = true;
		return NULL;
	}
	at = r->p + r->at;
	r->at += n;
	return at;
}

uint8_t frame_open(struct frame_reader *r, struct str frame)
{
	*r = (struct frame_reader){.p = (const unsigned char *)frame.p, .n = frame.n};
	return frame_get_u8(r);
}

uint8_t frame_get_u8(struct frame_reader *r)
{
	const unsigned char *at = take_bytes(r, 1);

	return at ? *at : 0;
}

uint32_t frame_get_u32(struct frame_reader *r)
{
	const unsigned char *at = take_bytes(r, 4);

	return at ? num_get_u32(at) : 0;
}

uint64_t frame_get_u64(struct frame_reader *r)
{
	const unsigned char *at = take_bytes(r, 8);

	return at ? num_get_u64(at) : 0;
}

struct str frame_get_str(struct frame_reader *r)
{
	uint32_t n = frame_get_u32(r);
	const unsigned char *at = take_bytes(r, n);

	return at ? str_make((const char *)at, n) : str_make(NULL, 0);
}
