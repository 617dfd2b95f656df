/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A head split anywhere gives the result of the whole; an accepted head, written
 * again, is accepted again and says the same.
 *
 * Input: one byte of flags (1: response, 2: it answers HEAD), two of the split, the head.
 */
#include "http/h1_parse.h"
#include "http/h1_write.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
	if (!ok) {
		abort();
	}
}

static enum h1_result parse(struct h1_head *h, struct http_field *fields, unsigned flags,
			    struct str in, size_t split)
{
	enum h1_result r = H1_PARTIAL;

	h1_head_init(h, (flags & 1) != 0, fields, H1_MAX_FIELDS);
	h->answers_head = (flags & 2) != 0;
	if (split < in.n) {
		r = h1_parse(h, str_make(in.p, split), NULL);
	}
	return r == H1_PARTIAL ? h1_parse(h, in, NULL) : r;
}

static void check_same(const struct h1_head *a, const struct h1_head *b)
{
	check(a->size == b->size && a->n_fields == b->n_fields && a->framing == b->framing);
	check(a->body_len == b->body_len && a->keep_alive == b->keep_alive);
	check(str_eq(a->target, b->target) && str_eq(a->authority, b->authority));
	for (size_t i = 0; i < a->n_fields; i++) {
		check(str_eq(a->fields[i].name, b->fields[i].name));
		check(str_eq(a->fields[i].value, b->fields[i].value));
	}
}

static bool is_forwarded(const struct h1_head *h, const struct http_field *f)
{
	if (http_field_flags(http_field_find(f->name)) & HTTP_FIELD_HOP) {
		return false;
	}
	for (size_t i = 0; i < h->n_fields; i++) {
		if (http_field_find(h->fields[i].name) == HTTP_F_CONNECTION &&
		    http_list_has(h->fields[i].value, f->name)) {
			return false;
		}
	}
	return true;
}

/* Walks both lists over the fields that may be forwarded. */
static void check_forwarded(const struct h1_head *a, const struct h1_head *b)
{
	size_t k = 0;

	for (size_t i = 0; i < a->n_fields; i++) {
		if (!is_forwarded(a, &a->fields[i])) {
			continue;
		}
		while (k < b->n_fields && !is_forwarded(b, &b->fields[k])) {
			k++;
		}
		check(k < b->n_fields);
		check(str_eq(a->fields[i].name, b->fields[k].name));
		check(str_eq(a->fields[i].value, b->fields[k].value));
		k++;
	}
}

static void check_written(const struct h1_head *h, unsigned flags)
{
	struct h1_out out = {
		.method = h->method_text,
		.target = h->target,
		.host = h1_get(h, HTTP_F_HOST),
		.status = h->status,
		.fields = h->fields,
		.n_fields = h->n_fields,
		.framing = h->framing,
		.body_len = h->body_len,
		.close = !h->keep_alive,
	};
	struct http_field fields[H1_MAX_FIELDS];
	struct h1_head again;
	struct buf b;

	if (h->size > H1_MAX_HEAD - 200 || h->n_fields > H1_MAX_FIELDS - 5) {
		return; /* what is generated anew might pass a limit that was just kept */
	}
	buf_init(&b, H1_MAX_HEAD * 2);
	check(h1_head_write(&b, &out, NULL) == ERR_OK);
	check(parse(&again, fields, flags, buf_str(&b), SIZE_MAX) == H1_DONE);
	check(again.size == buf_len(&b));
	check(again.status == h->status && again.framing == h->framing);
	check(again.body_len == h->body_len && again.keep_alive == h->keep_alive);
	check(str_eq(again.target, h->target) && str_eq(again.method_text, h->method_text));
	check(str_eq(again.authority, h->authority));
	check_forwarded(h, &again);
	buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct http_field fields[H1_MAX_FIELDS], fields_split[H1_MAX_FIELDS];
	struct h1_head whole, split;
	enum h1_result r;
	struct str in;

	if (n < 3) {
		return 0;
	}
	in = str_make((const char *)data + 3, n - 3);
	r = parse(&whole, fields, data[0], in, SIZE_MAX);
	check(parse(&split, fields_split, data[0], in,
		    ((size_t)data[1] << 8 | data[2]) % (in.n + 1)) == r);
	if (r == H1_BAD) {
		check(whole.status == split.status && whole.status >= 400);
	} else if (r == H1_DONE) {
		check(whole.size <= in.n);
		check_same(&whole, &split);
		check_written(&whole, data[0]);
	}
	return 0;
}
