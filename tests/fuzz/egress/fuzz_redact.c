/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cut in any way, with framing between the pieces: the text that comes out is as long as the one that
 * went in, holds no secret, and differs only where a secret stood.
 *
 * Input: byte 0 and 1 are lengths of two secrets that follow; then pieces: a byte whose high
 * bit says framing, its low bits a length, and so many bytes.
 */
#include "egress/redact.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

struct streams {
	struct redact r;
	struct buf stream, all_in, all_out, mask; /* mask: which bytes are text */
};

static void give_on(struct streams *s)
{
	size_t n = redact_free(&s->r, &s->stream);

	buf_append(&s->all_out, str_make(buf_str(&s->stream).p, n));
	redact_take(&s->r, &s->stream, n);
}

static void check_end(struct streams *s, const struct str *secrets)
{
	struct str in = buf_str(&s->all_in), got = buf_str(&s->all_out), mask = buf_str(&s->mask);
	struct buf text;

	check(in.n == got.n);
	buf_init(&text, in.n + 1);
	for (size_t i = 0; i < in.n; i++) {
		check(in.p[i] == got.p[i] || (got.p[i] == '*' && mask.p[i] == 't'));
		if (mask.p[i] == 't') {
			buf_append_c(&text, got.p[i]);
		}
	}
	for (int k = 0; k < 2; k++) {
		/* One that could hold the mark itself is not a secret to test with. */
		if (secrets[k].n >= REDACT_SECRET_MIN &&
		    str_find(secrets[k], '*') == secrets[k].n) {
			check(str_find_str(buf_str(&text), secrets[k]) == buf_len(&text));
		}
	}
	buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_make((const char *)data, n), secrets[2] = {{0}};
	struct streams s = {.r = {0}};
	struct arena a;
	struct err err;

	if (n < 2) {
		return 0;
	}
	in = str_from(in, 2);
	for (int k = 0; k < 2; k++) {
		size_t len = data[k] % 16 < in.n ? data[k] % 16 : in.n;

		secrets[k] = str_make(in.p, len);
		in = str_from(in, len);
	}
	arena_init(&a, 1 << 20);
	check(redact_init(&s.r, &a, secrets, 2, &err) == ERR_OK);
	buf_init(&s.stream, 1 << 20);
	buf_init(&s.all_in, 1 << 20);
	buf_init(&s.all_out, 1 << 20);
	buf_init(&s.mask, 1 << 20);
	while (in.n) {
		bool text = (in.p[0] & 0x80) == 0;
		size_t len = (size_t)(in.p[0] & 0x1f), at = buf_len(&s.stream);

		in = str_from(in, 1);
		len = len < in.n ? len : in.n;
		buf_append(&s.stream, str_make(in.p, len));
		buf_append(&s.all_in, str_make(in.p, len));
		for (size_t i = 0; i < len; i++) {
			buf_append_c(&s.mask, text ? 't' : 'f');
		}
		if (text) {
			redact_text(&s.r, &s.stream, at, len);
		}
		give_on(&s);
		in = str_from(in, len);
	}
	redact_end(&s.r);
	give_on(&s);
	check(buf_len(&s.stream) == 0);
	check_end(&s, secrets);
	buf_done(&s.stream);
	buf_done(&s.all_in);
	buf_done(&s.all_out);
	buf_done(&s.mask);
	arena_done(&a);
	return 0;
}
