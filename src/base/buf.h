/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer on the heap, born with its maximum. Bytes are appended
 * at the end and consumed from the front. Once an append would pass the maximum
 * or memory is short, `failed` is set, that append and all later ones do
 * nothing, and the caller checks once.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/attr.h"
#include "base/str.h"

struct buf {
	char *p;      /* NULL until the first append */
	size_t start; /* first byte not yet consumed */
	size_t end;   /* one past the last byte */
	size_t cap, max;
	bool failed;
};

void buf_init(struct buf *b, size_t max);

/* Frees the bytes; the maximum stays, so the buffer can be used again. */
void buf_done(struct buf *b);

/* Forgets the content and `failed`; keeps the memory when it is at most 64 KiB. */
void buf_clear(struct buf *b);

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}

/* What is in the buffer; valid until the next append or reserve. */
static inline struct str buf_str(const struct buf *b)
{
	return str_make(b->p ? b->p + b->start : NULL, b->end - b->start);
}

void buf_append(struct buf *b, struct str s);
void buf_append_c(struct buf *b, char c);
void buf_append_u64(struct buf *b, uint64_t v);
void buf_append_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* Room for at least n more bytes, to be filled and then claimed; NULL when it cannot be had. */
char *buf_reserve(struct buf *b, size_t n) MUST_USE;
void buf_commit(struct buf *b, size_t n);

/* Drops the first n bytes (at most all). Gives memory above 64 KiB back once empty. */
void buf_consume(struct buf *b, size_t n);

#endif
