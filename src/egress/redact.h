/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that come back: bytes of a stream that are one of a few secrets are overwritten, also
 * where a secret is cut into pieces, and where bytes of a framing lie between the pieces.
 * Lengths stay, so no framing changes.
 *
 * The stream is a buffer that grows at its end and is given on from its front. The caller says
 * which of its bytes belong to the text; what may be the beginning of a secret is held back
 * until it is decided.
 */
#ifndef EGRESS_REDACT_H
#define EGRESS_REDACT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { REDACT_MAX_SECRETS = 64, REDACT_SECRET_MIN = 4, REDACT_SECRET_MAX = 8192 };

struct redact_secret {
	struct str text;
	uint16_t *back;   /* of Knuth, Morris and Pratt: where to go on after a mismatch */
	uint64_t *places; /* of the last text.n bytes of the text: offsets in the stream, a ring */
	size_t matched;
};

struct redact {
	struct redact_secret *secrets;
	size_t n;
	uint64_t seen;  /* bytes of text */
	uint64_t given; /* offset in the stream of the buffer's front */
	uint64_t found;
};

/* Secrets are borrowed; shorter ones than REDACT_SECRET_MIN are left out: they would be found anywhere. */
enum err_code redact_init(struct redact *r, struct arena *a, const struct str *secrets, size_t n,
			  struct err *err) MUST_USE;

/* One more, between texts. ERR_LIMIT past REDACT_MAX_SECRETS; one that is known already is no error. */
enum err_code redact_add(struct redact *r, struct arena *a, struct str secret,
			 struct err *err) MUST_USE;

/* n bytes of text, `at` bytes behind the front of the stream. */
void redact_text(struct redact *r, struct buf *stream, size_t at, size_t n);

/* How many bytes at the front may be given on, all of the stream being known to be read. */
size_t redact_free(const struct redact *r, const struct buf *stream);

/* Takes n bytes, at most redact_free of them, off the front. */
void redact_take(struct redact *r, struct buf *stream, size_t n);

/* A new text begins: what was matched of the last one counts no more. */
void redact_end(struct redact *r);

#endif
