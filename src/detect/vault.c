/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/vault.h"

#include "detect/json_priv.h"
#include "json/scan.h"
#include "json/write.h"

enum { SCRATCH = 64 << 20, ROUNDS = 4, DIGITS = 4 };

void detect_vault_init(struct detect_vault *v, struct hash_key seed)
{
	*v = (struct detect_vault){.counts = {{0}}};
	arena_init(&v->arena, DETECT_VAULT_MEMORY);
	for (unsigned c = 0; c < DETECT_CLASSES; c++) {
		map_init(&v->of[c].known, seed);
	}
}

void detect_vault_done(struct detect_vault *v)
{
	for (unsigned c = 0; c < DETECT_CLASSES; c++) {
		map_done(&v->of[c].known);
	}
	arena_done(&v->arena);
}

/* Of which it holds something. */
static unsigned classes_in(const struct detect_vault *v)
{
	unsigned classes = 0;

	for (unsigned c = 0; c < DETECT_CLASSES; c++) {
		classes |= v->of[c].n ? DETECT_BIT(c) : 0;
	}
	return classes;
}

bool detect_vault_is_empty(const struct detect_vault *v)
{
	return classes_in(v) == 0;
}

/* ---- placeholders ---- */

/*
 * How far `text` is the beginning of a placeholder: *ret_n bytes of it; true: a whole one, and *ret and *ret_number
 * say which. A class is only looked at when it is in `classes`.
 */
static bool match(struct str text, unsigned classes, size_t *ret_n, unsigned *ret,
		  uint64_t *ret_number)
{
	*ret_n = 0;
	for (unsigned c = 0; text.n && text.p[0] == '[' && c < DETECT_CLASSES; c++) {
		struct str name = detect_name((enum detect_class)c), rest = str_from(text, 1);
		size_t n = 0;

		if (!(classes & DETECT_BIT(c))) {
			continue;
		}
		if (rest.n <= name.n) {
			*ret_n = str_starts_with(name, rest) ? text.n : *ret_n;
			continue;
		}
		if (!str_starts_with(rest, name) || rest.p[name.n] != '-') {
			continue;
		}
		rest = str_from(rest, name.n + 1);
		while (n < rest.n && n < DIGITS && rest.p[n] >= (n ? '0' : '1') &&
		       rest.p[n] <= '9') {
			n++;
		}
		if (n < rest.n && n > 0 && rest.p[n] == ']') {
			*ret_n = name.n + n + 3;
			*ret = c;
			return str_to_u64(str_make(rest.p, n), ret_number);
		}
		*ret_n = n == rest.n ? text.n : 0;
		return false;
	}
	return false;
}

/* The length of the whole placeholder that begins at `at`; 0: none does. */
static size_t placeholder_at(struct str text, size_t at, unsigned *ret_class, uint64_t *ret_number)
{
	size_t n;

	return match(str_from(text, at), DETECT_ALL, &n, ret_class, ret_number) ? n : 0;
}

size_t detect_vault_begun(const struct detect_vault *v, struct str text)
{
	size_t n, at = text.n;
	uint64_t number;
	unsigned c;

	while (at > 0 && text.n - at < DETECT_PLACEHOLDER_MAX && text.p[at - 1] != '[') {
		at--;
	}
	if (at == 0 || text.p[at - 1] != '[') {
		return 0;
	}
	text = str_from(text, at - 1);
	return !match(text, classes_in(v), &n, &c, &number) && n == text.n ? n : 0;
}

/* ---- putting back ---- */

static void put_escaped(struct buf *out, struct str text, unsigned deep)
{
	struct buf quoted;

	if (deep == 0) {
		buf_append(out, text);
		return;
	}
	buf_init(&quoted, out->max);
	json_put_str(&quoted, text);
	if (buf_len(&quoted) < 2) {
		out->failed = true;
	} else {
		put_escaped(out, str_make(buf_str(&quoted).p + 1, buf_len(&quoted) - 2), deep - 1);
	}
	buf_done(&quoted);
}

void detect_vault_put_back(const struct detect_vault *v, struct str text, unsigned deep,
			   struct buf *out)
{
	size_t done = 0, n;
	unsigned c = 0;
	uint64_t number = 0;

	for (size_t at = str_find(text, '['); at < text.n;) {
		n = placeholder_at(text, at, &c, &number);
		if (n && number <= v->of[c].n) {
			buf_append(out, str_make(text.p + done, at - done));
			put_escaped(out, v->of[c].items[number - 1], deep);
			done = at + n;
		}
		n = n ? n : 1;
		at += n + str_find(str_from(text, at + n), '[');
	}
	buf_append(out, str_from(text, done));
}

void detect_vault_put_back_json(const struct detect_vault *v, struct str json,
				const struct str *json_in, size_t n, struct buf *out)
{
	struct detect_tokens t = {.json = json};
	size_t done = 0;
	enum detect_token kind;
	struct str raw;

	while ((kind = detect_token_next(&t, &raw)) != DETECT_END) {
		for (size_t i = 0; kind == DETECT_STRING && i < n; i++) {
			if (str_eq(t.name, json_in[i])) {
				size_t from = (size_t)(raw.p - json.p);

				detect_vault_put_back(v, str_make(json.p + done, from - done), 1,
						      out);
				detect_vault_put_back(v, raw, 2, out);
				done = t.at;
			}
		}
	}
	detect_vault_put_back(v, str_from(json, done), 1, out);
}

/* ---- taking out ---- */

struct hiding {
	struct detect_vault *v;
	unsigned classes;
	struct buf *out;
	struct buf text, other; /* of one string, when something was found in it */
	struct arena scratch;
	bool inner; /* it is JSON within JSON */
	bool full;
};

static enum err_code hide(struct hiding *h, struct str json, struct err *err);

/* The number under which the vault has this; 0: it is full. */
static uint64_t keep(struct detect_vault *v, unsigned c, struct str original)
{
	struct detect_originals *of = &v->of[c];
	uintptr_t number = (uintptr_t)map_find(&of->known, original);

	if (number) {
		return number;
	}
	original = arena_dup(&v->arena, original);
	if (!original.p || of->n == DETECT_VAULT_MAX ||
	    !ARENA_GROW(&v->arena, &of->items, of->n, &of->cap) ||
	    !map_put(&of->known, original, (void *)(uintptr_t)(of->n + 1))) {
		return 0;
	}
	of->items[of->n++] = original;
	return of->n;
}

static void put_placeholder(struct hiding *h, unsigned c, struct str original, struct buf *to)
{
	uint64_t number = keep(h->v, c, original);

	h->full |= number == 0;
	buf_append_c(to, '[');
	buf_append(to, detect_name((enum detect_class)c));
	buf_append_c(to, '-');
	buf_append_u64(to, number);
	buf_append_c(to, ']');
}

/* What was found beside a placeholder has all of it. */
static void widen(struct str text, size_t least, struct detect_found *f)
{
	size_t from =
		f->at - least > DETECT_PLACEHOLDER_MAX ? f->at - DETECT_PLACEHOLDER_MAX : least;
	size_t end = f->at + f->n, n;
	uint64_t number;
	unsigned c;

	for (size_t at = from; at < end; at++) {
		n = text.p[at] == '[' ? placeholder_at(text, at, &c, &number) : 0;
		if (n && at + n > f->at) {
			f->at = at < f->at ? at : f->at;
			end = at + n > end ? at + n : end;
		}
	}
	f->n = end - f->at;
}

/* What stands where something was found. */
static void take(struct hiding *h, struct str found, enum detect_class what, struct buf *to)
{
	put_placeholder(h, what, found, to);
	h->v->counts.n[what]++;
}

/* The same behind others: placeholders in it are what they stand for. */
static void take_over(struct hiding *h, struct str found, enum detect_class what, struct buf *to)
{
	struct buf original;

	buf_init(&original, h->out->max);
	detect_vault_put_back(h->v, found, 0, &original);
	h->full |= original.failed;
	take(h, buf_str(&original), what, to);
	buf_done(&original);
}

/* The text without what was found; false when there is nothing to find. */
static bool again(struct hiding *h, struct str text, struct buf *to)
{
	struct detect_found f;
	size_t at = 0;

	buf_clear(to);
	while (detect_next(text, at, h->classes, &f)) {
		widen(text, at, &f);
		buf_append(to, str_make(text.p + at, f.at - at));
		take_over(h, str_make(text.p + f.at, f.n), f.what, to);
		at = f.at + f.n;
	}
	buf_append(to, str_from(text, at));
	return at > 0;
}

/* Likewise of a text as it came: what only looks like a placeholder gets one too. */
static bool first(struct hiding *h, struct str text, struct buf *to)
{
	struct detect_found f = {.at = 0};
	bool more = detect_next(text, 0, h->classes, &f);
	size_t at = 0, bracket = str_find(text, '[');
	uint64_t number;

	buf_clear(to);
	while (more || bracket < text.n) {
		size_t from = more && f.at < bracket ? f.at : bracket, n = f.n;
		unsigned c = f.what;

		if (from == bracket && !(n = placeholder_at(text, from, &c, &number))) {
			bracket += 1 + str_find(str_from(text, bracket + 1), '[');
			continue;
		}
		buf_append(to, str_make(text.p + at, from - at));
		if (from == bracket) {
			put_placeholder(h, c, str_make(text.p + from, n), to);
		} else {
			take(h, str_make(text.p + from, n), f.what, to);
		}
		at = from + n;
		more = more && (f.at >= at || detect_next(text, at, h->classes, &f));
		bracket = bracket >= at ? bracket : at + str_find(str_from(text, at), '[');
	}
	buf_append(to, str_from(text, at));
	return at > 0;
}

/* What was beside it may be found only then. A text that does not come to rest goes as a whole. */
static bool hide_text(struct hiding *h, struct str text)
{
	bool any, more;

	h->v->looked += text.n;
	if (h->v->looked > DETECT_VAULT_TEXT) {
		h->full = true;
		return false;
	}
	any = more = first(h, text, &h->text);
	for (int i = 0; i < ROUNDS && more; i++) {
		struct buf swap = h->text;

		more = again(h, buf_str(&h->text), &h->other);
		h->text = h->other;
		h->other = swap;
	}
	if (more) {
		buf_clear(&h->text);
		take(h, text, DETECT_SECRET, &h->text);
	}
	return any;
}

/* Arguments of a call, as JSON text: false when they are none. */
static enum err_code hide_inner(struct hiding *h, struct str raw, struct str text, bool *ret,
				struct err *err)
{
	struct hiding inner = {.v = h->v, .classes = h->classes, .inner = true};
	enum err_code code = ERR_OK;
	struct json_scan scan;
	struct buf out;

	arena_init(&inner.scratch, SCRATCH);
	buf_init(&out, h->out->max);
	buf_init(&inner.text, h->out->max);
	buf_init(&inner.other, h->out->max);
	inner.out = &out;
	*ret = json_scan(&inner.scratch, text, NULL, &scan, NULL) == ERR_OK &&
	       (scan.type == JSON_OBJECT || scan.type == JSON_ARRAY);
	if (*ret) {
		arena_reset(&inner.scratch);
		code = hide(&inner, text, err);
		h->full |= inner.full || out.failed || inner.text.failed || inner.other.failed;
		if (str_eq(text, buf_str(&out))) {
			buf_append(h->out, raw);
		} else {
			json_put_str(h->out, buf_str(&out));
		}
	}
	buf_done(&inner.text);
	buf_done(&inner.other);
	buf_done(&out);
	arena_done(&inner.scratch);
	return code;
}

/* A string as written, with its quotes. */
static enum err_code hide_string(struct hiding *h, struct str name, struct str raw, struct err *err)
{
	struct str text = str_make(raw.p + 1, raw.n - 2);
	bool done = false;

	if (str_find(text, '\\') < text.n) {
		arena_reset(&h->scratch);
		TRY(json_unquote(&h->scratch, raw, &text, err));
	}
	if (!h->inner && str_eq(name, STR("arguments"))) {
		TRY(hide_inner(h, raw, text, &done, err));
	}
	if (done) {
		return ERR_OK;
	}
	if (!detect_is_opaque(name, text) && hide_text(h, text)) {
		json_put_str(h->out, buf_str(&h->text));
	} else {
		buf_append(h->out, raw);
	}
	return ERR_OK;
}

static void hide_number(struct hiding *h, struct str raw)
{
	struct detect_found f;

	if (detect_next(raw, 0, h->classes & DETECT_BIT(DETECT_CARD), &f) && f.n == raw.n) {
		buf_append_c(h->out, '"');
		take(h, raw, f.what, h->out);
		buf_append_c(h->out, '"');
	} else {
		buf_append(h->out, raw);
	}
}

static enum err_code hide(struct hiding *h, struct str json, struct err *err)
{
	struct detect_tokens t = {.json = json};
	size_t done = 0; /* what stays is copied in pieces */
	enum detect_token kind;
	struct str raw;

	while ((kind = detect_token_next(&t, &raw)) != DETECT_END) {
		if (kind == DETECT_NUMBER && t.depth < 2 && !h->inner) {
			continue; /* a setting of the request */
		}
		buf_append(h->out, str_make(json.p + done, (size_t)(raw.p - json.p) - done));
		if (kind == DETECT_STRING) {
			TRY(hide_string(h, t.name, raw, err));
		} else {
			hide_number(h, raw);
		}
		done = t.at;
	}
	buf_append(h->out, str_from(json, done));
	return ERR_OK;
}

enum err_code detect_vault_hide(struct detect_vault *v, struct str json, unsigned classes,
				struct buf *out, struct err *err)
{
	struct hiding h = {.v = v, .classes = classes, .out = out};
	enum err_code code;

	arena_init(&h.scratch, SCRATCH);
	buf_init(&h.text, out->max);
	buf_init(&h.other, out->max);
	code = hide(&h, json, err);
	if (!code && (h.full || out->failed || h.text.failed || h.other.failed)) {
		code = ERR(err, ERR_LIMIT,
			   "too much was found, or there is too much to look through");
	}
	buf_done(&h.text);
	buf_done(&h.other);
	arena_done(&h.scratch);
	return code;
}
