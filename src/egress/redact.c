/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/redact.h"

static enum err_code prepare(struct redact_secret *s, struct arena *a, struct str text,
			     struct err *err)
{
	size_t k = 0;

	s->text = text;
	s->back = ARENA_ARRAY(a, text.n + 1, uint16_t);
	s->places = ARENA_ARRAY(a, text.n, uint64_t);
	if (!s->back || !s->places) {
		return ERR(err, ERR_NOMEM, "no memory to look for a secret");
	}
	for (size_t i = 1; i < text.n; i++) {
		while (k && text.p[i] != text.p[k]) {
			k = s->back[k];
		}
		k += text.p[i] == text.p[k];
		s->back[i + 1] = (uint16_t)k;
	}
	return ERR_OK;
}

enum err_code redact_add(struct redact *r, struct arena *a, struct str secret, struct err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		if (str_eq(r->secrets[i].text, secret)) {
			return ERR_OK;
		}
	}
	if (r->n == REDACT_MAX_SECRETS || secret.n > REDACT_SECRET_MAX) {
		return ERR(err, ERR_LIMIT, "more than %d secrets, or one longer than %d bytes",
			   REDACT_MAX_SECRETS, REDACT_SECRET_MAX);
	}
	if (secret.n >= REDACT_SECRET_MIN) {
		TRY(prepare(&r->secrets[r->n], a, secret, err));
		r->n++;
	}
	return ERR_OK;
}

enum err_code redact_init(struct redact *r, struct arena *a, const struct str *secrets, size_t n,
			  struct err *err)
{
	struct redact new = {.secrets = NULL};

	new.secrets = ARENA_ARRAY(a, REDACT_MAX_SECRETS, struct redact_secret);
	if (!new.secrets) {
		return ERR(err, ERR_NOMEM, "no memory to look for secrets");
	}
	for (size_t i = 0; i < n; i++) {
		TRY(redact_add(&new, a, secrets[i], err));
	}
	*r = new;
	return ERR_OK;
}

/* The whole secret lies in the stream: all its bytes are still held. */
static void overwrite(struct redact *r, const struct redact_secret *s, struct buf *stream)
{
	for (size_t i = 0; i < s->text.n; i++) {
		stream->p[stream->start + (size_t)(s->places[i] - r->given)] = '*';
	}
	r->found++;
}

static void step(struct redact *r, struct redact_secret *s, struct buf *stream, char c,
		 uint64_t place)
{
	s->places[r->seen % s->text.n] = place;
	while (s->matched && c != s->text.p[s->matched]) {
		s->matched = s->back[s->matched];
	}
	s->matched += c == s->text.p[s->matched];
	if (s->matched == s->text.n) {
		overwrite(r, s, stream);
		s->matched = s->back[s->matched];
	}
}

void redact_text(struct redact *r, struct buf *stream, size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++) {
		char c = stream->p[stream->start + i];

		/* Each is looked for in what came, not in what another has overwritten. */
		for (size_t k = 0; k < r->n; k++) {
			step(r, &r->secrets[k], stream, c, r->given + i);
		}
		r->seen++;
	}
}

size_t redact_free(const struct redact *r, const struct buf *stream)
{
	uint64_t end = r->given + buf_len(stream);

	for (size_t k = 0; k < r->n; k++) {
		const struct redact_secret *s = &r->secrets[k];

		if (s->matched) {
			uint64_t first = s->places[(r->seen - s->matched) % s->text.n];

			end = first < end ? first : end;
		}
	}
	return (size_t)(end - r->given);
}

void redact_take(struct redact *r, struct buf *stream, size_t n)
{
	r->given += n;
	buf_consume(stream, n);
}

void redact_end(struct redact *r)
{
	for (size_t k = 0; k < r->n; k++) {
		r->secrets[k].matched = 0;
	}
}
