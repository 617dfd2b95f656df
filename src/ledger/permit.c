/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/permit.h"

#include "base/num.h"

#include <stdlib.h>

enum { WORD_BITS = 64, WORDS = PERMIT_WINDOW / WORD_BITS, WHAT = 3 * 8 + SHA256_LEN };

static const char label[] = "writ permit 2"; /* with its NUL */

bool permit_of(struct permit *p, struct str head, struct str body)
{
	p->bytes = head.n + body.n;
	p->n = 0;
	sha256_of(head, p->digests[p->n++]);
	while (body.n) {
		size_t n = body.n < PERMIT_PIECE ? body.n : PERMIT_PIECE;

		if (p->n == PERMIT_DIGESTS) {
			return false;
		}
		sha256_of(str_make(body.p, n), p->digests[p->n++]);
		body = str_from(body, n);
	}
	return true;
}

void permit_commit(const struct permit *p, uint8_t ret[SHA256_LEN])
{
	UNSET struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, p->salt, sizeof(p->salt));
	sha256_update(&h, p->digests, (size_t)p->n * SHA256_LEN);
	sha256_final(&h, ret);
}

static char *put_what(const struct permit *p, char *to)
{
	num_put_u64(to, p->index);
	num_put_u64(to + 8, p->at_us);
	num_put_u64(to + 16, p->bytes);
	memcpy(to + 24, p->matrix, SHA256_LEN);
	return to + WHAT;
}

void permit_mac(struct str key, const struct permit *p, struct str where,
		const uint8_t commitment[SHA256_LEN], uint8_t ret[SHA256_LEN])
{
	UNSET char text[sizeof(label) + WHAT + SHA256_LEN + PERMIT_WHERE_MAX];
	char *at = text + sizeof(label);

	ASSERT(key.n == PERMIT_KEY && where.n <= PERMIT_WHERE_MAX);
	memcpy(text, label, sizeof(label));
	at = put_what(p, at);
	memcpy(at, commitment, SHA256_LEN);
	memcpy(at + SHA256_LEN, where.p, where.n);
	hmac_sha256(key, str_make(text, (size_t)(at - text) + SHA256_LEN + where.n), ret);
}

void permit_write(const struct permit *p, struct buf *to)
{
	char what[WHAT];

	(void)put_what(p, what);
	buf_append(to, str_make(what, sizeof(what)));
	buf_append(to, str_make((const char *)p->salt, SHA256_LEN));
	buf_append(to, str_make((const char *)p->mac, SHA256_LEN));
	buf_append(to, str_make((const char *)p->digests, (size_t)p->n * SHA256_LEN));
}

bool permit_read(struct permit *p, struct str bytes)
{
	size_t n = bytes.n < PERMIT_FIXED ? 0 : (bytes.n - PERMIT_FIXED) / SHA256_LEN;

	if (n == 0 || n > PERMIT_DIGESTS || bytes.n != PERMIT_FIXED + n * SHA256_LEN) {
		return false;
	}
	p->index = num_get_u64(bytes.p);
	p->at_us = num_get_u64(bytes.p + 8);
	p->bytes = num_get_u64(bytes.p + 16);
	memcpy(p->matrix, bytes.p + 24, SHA256_LEN);
	memcpy(p->salt, bytes.p + WHAT, SHA256_LEN);
	memcpy(p->mac, bytes.p + WHAT + SHA256_LEN, SHA256_LEN);
	memcpy(p->digests, bytes.p + PERMIT_FIXED, n * SHA256_LEN);
	p->n = (unsigned)n;
	return true;
}

/* Forgets what falls out of the window when it moves to `end`: whole words at a time. */
static void move_to(struct permit_window *w, uint64_t end)
{
	uint64_t from = (w->end + WORD_BITS - 1) / WORD_BITS;
	uint64_t to = (end + WORD_BITS - 1) / WORD_BITS;

	if (to - from >= WORDS) {
		memset(w->bits, 0, WORDS * sizeof(*w->bits));
	} else {
		for (uint64_t at = from; at < to; at++) {
			w->bits[at % WORDS] = 0;
		}
	}
	w->end = end;
}

bool permit_window_take(struct permit_window *w, uint64_t index)
{
	uint64_t *word, bit = 1ULL << index % WORD_BITS;

	if (!w->bits) {
		w->bits = calloc(WORDS, sizeof(*w->bits));
	}
	if (!w->bits || index >= UINT64_MAX - PERMIT_WINDOW) {
		return false;
	}
	if (index >= w->end) {
		move_to(w, index + 1);
	}
	/* The oldest word is shared with what is yet to come: it is not used. */
	if (w->end - index > PERMIT_WINDOW - WORD_BITS) {
		return false;
	}
	word = &w->bits[index / WORD_BITS % WORDS];
	if (*word & bit) {
		return false;
	}
	*word |= bit;
	return true;
}

void permit_window_done(struct permit_window *w)
{
	free(w->bits);
	*w = (struct permit_window){0};
}
