/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/redact.h"

#include "detect/json_priv.h"
#include "json/walk.h"
#include "json/write.h"

struct redaction {
	unsigned classes;
	struct buf *out;
	struct buf text, other; /* of one string, when something was found in it */
	struct arena scratch;
	struct detect_counts counts;
};

enum { SCRATCH = 64 << 20, ROUNDS = 4 };

static void mark(struct buf *to, enum detect_class what)
{
	buf_append_c(to, '[');
	buf_append(to, detect_name(what));
	buf_append(to, STR(" redacted]"));
}

/* The text without what was found; false when there is nothing to find. */
static bool once(struct redaction *r, struct str text, struct buf *to)
{
	struct detect_found f;
	size_t at = 0;

	buf_clear(to);
	while (detect_next(text, at, r->classes, &f)) {
		buf_append(to, str_make(text.p + at, f.at - at));
		mark(to, f.what);
		r->counts.n[f.what]++;
		at = f.at + f.n;
	}
	if (at == 0) {
		return false;
	}
	buf_append(to, str_from(text, at));
	return true;
}

/* What was beside it may be found only then. A text that does not come to rest goes as a whole. */
static bool take_out(struct redaction *r, struct str text)
{
	bool any = once(r, text, &r->text), more = any;

	for (int i = 0; i < ROUNDS && more; i++) {
		struct buf swap = r->text;

		more = once(r, buf_str(&r->text), &r->other);
		if (more) {
			r->text = r->other;
			r->other = swap;
		}
	}
	if (more) {
		buf_clear(&r->text);
		buf_append(&r->text, STR("[redacted]"));
	}
	return any;
}

/* A string as written, with its quotes. */
static enum err_code redact_string(struct redaction *r, struct str raw, struct err *err)
{
	struct str text = str_make(raw.p + 1, raw.n - 2);

	if (str_find(text, '\\') < text.n) {
		arena_reset(&r->scratch);
		TRY(json_unquote(&r->scratch, raw, &text, err));
	}
	if (take_out(r, text)) {
		json_put_str(r->out, buf_str(&r->text));
	} else {
		buf_append(r->out, raw);
	}
	return ERR_OK;
}

static void redact_number(struct redaction *r, struct str raw)
{
	struct detect_found f;

	if (detect_next(raw, 0, r->classes & DETECT_BIT(DETECT_CARD), &f) && f.n == raw.n) {
		r->counts.n[f.what]++;
		buf_append_c(r->out, '"');
		mark(r->out, f.what);
		buf_append_c(r->out, '"');
	} else {
		buf_append(r->out, raw);
	}
}

static enum err_code walk(struct redaction *r, struct str json, struct err *err)
{
	struct detect_tokens t = {.json = json};
	size_t done = 0; /* what stays is copied in pieces */
	enum detect_token kind;
	struct str raw;

	while ((kind = detect_token_next(&t, &raw)) != DETECT_END) {
		buf_append(r->out, str_make(json.p + done, (size_t)(raw.p - json.p) - done));
		if (kind == DETECT_STRING) {
			TRY(redact_string(r, raw, err));
		} else {
			redact_number(r, raw);
		}
		done = t.at;
	}
	buf_append(r->out, str_from(json, done));
	return ERR_OK;
}

enum err_code detect_redact(struct str json, unsigned classes, struct buf *out,
			    struct detect_counts *ret, struct err *err)
{
	struct redaction r = {.classes = classes, .out = out};
	enum err_code code;

	arena_init(&r.scratch, SCRATCH);
	buf_init(&r.text, out->max);
	buf_init(&r.other, out->max);
	code = walk(&r, json, err);
	if (!code && (out->failed || r.text.failed || r.other.failed)) {
		code = ERR(err, ERR_LIMIT, "what is left is longer than %zu bytes", out->max);
	}
	buf_done(&r.text);
	buf_done(&r.other);
	arena_done(&r.scratch);
	*ret = r.counts;
	return code;
}

uint64_t detect_total(const struct detect_counts *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < DETECT_CLASSES; i++) {
		n += c->n[i];
	}
	return n;
}

struct str detect_said(struct arena *a, const struct detect_counts *c)
{
	struct str said = STR("");

	for (unsigned i = 0; i < DETECT_CLASSES; i++) {
		if (c->n[i] > 0) {
			said = arena_printf(a, STR_FMT "%s%llu " STR_FMT, STR_ARG(said),
					    said.n ? ", " : "", (unsigned long long)c->n[i],
					    STR_ARG(detect_name((enum detect_class)i)));
		}
	}
	return said;
}
