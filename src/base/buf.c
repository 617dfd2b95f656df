/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_KEEP = 64 * 1024, BUF_FIRST = 512 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
	if (b->cap > BUF_KEEP) {
		buf_done(b);
		return;
	}
	b->start = b->end = 0;
	b->failed = false;
}

static bool buf_make_room(struct buf *b, size_t n)
{
	size_t len = buf_len(b), cap = b->cap ? b->cap : BUF_FIRST;
	char *p;

	cap = cap < b->max ? cap : b->max; /* the maximum holds below BUF_FIRST too */
	if (b->failed || n > b->max || len > b->max - n) {
		b->failed = true;
		return false;
	}
	if (b->start && b->end + n > b->cap) {
		memmove(b->p, b->p + b->start, len);
		b->start = 0;
		b->end = len;
	}
	if (b->end + n <= b->cap) {
		return true;
	}
	while (cap < len + n) {
		cap = cap > b->max / 2 ? b->max : cap * 2;
	}
	p = realloc(b->p, cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void buf_append(struct buf *b, struct str s)
{
	if (b->failed || s.n == 0) {
		return;
	}
	if (s.n > b->cap - b->end && !buf_make_room(b, s.n)) {
		return;
	}
	memcpy(b->p + b->end, s.p, s.n);
	b->end += s.n;
}

void buf_append_c(struct buf *b, char c)
{
	buf_append(b, str_make(&c, 1));
}

void buf_append_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_append(b, str_make(digits + n, sizeof(digits) - n));
}

void buf_append_i64(struct buf *b, int64_t v)
{
	if (v < 0) {
		buf_append_c(b, '-');
	}
	buf_append_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n >= 0 ? buf_reserve(b, (size_t)n + 1) : NULL;
	if (!p) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_commit(b, (size_t)n);
}

char *buf_reserve(struct buf *b, size_t n)
{
	return buf_make_room(b, n) ? b->p + b->end : NULL;
}

void buf_commit(struct buf *b, size_t n)
{
	ASSERT(n <= b->cap - b->end);
	b->end += n;
}

void buf_consume(struct buf *b, size_t n)
{
	size_t len = buf_len(b);

	b->start += n < len ? n : len;
	if (b->start == b->end) {
		bool failed = b->failed;

		buf_clear(b);
		b->failed = failed;
	}
}
