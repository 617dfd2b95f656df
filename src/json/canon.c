/* SPDX-License-Identifier: Apache-2.0 */
#include "json/canon.h"

#include <stdio.h>
#include <stdlib.h>

#include "json/bytes_priv.h"
#include "json/write.h"

enum { DOUBLE_DIGITS = 17 };                  /* enough to tell any two doubles apart */
#define DOUBLE_EXACT  9007199254740992.0      /* 2^53: from here on doubles skip integers */
#define DOUBLE_NORMAL 2.2250738585072014e-308 /* below it they have fewer digits */

/* An open array or object: what comes next in it. */
struct level {
	const struct json *node;
	const struct json *next;    /* array: the next element */
	const struct json **sorted; /* object: its members in canonical order */
	size_t at;                  /* how many are written */
};

/*
 * RFC 8785 section 3.2.3 sorts by UTF-16 code units. UTF-8 bytes sort by code
 * point, which differs in one place only: characters beyond the BMP (first byte
 * 0xf0 and up) are surrogates in UTF-16 and come before U+E000 to U+FFFF.
 */
static int utf16_weight(unsigned char c)
{
	return c == 0xee || c == 0xef ? c + 0x10 : c;
}

static int compare_keys(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		if (a.p[i] != b.p[i]) {
			return utf16_weight((unsigned char)a.p[i]) -
			       utf16_weight((unsigned char)b.p[i]);
		}
	}
	return a.n < b.n ? -1 : a.n > b.n;
}

static int compare_members(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;

	return compare_keys((*x)->key, (*y)->key);
}

/* RFC 8785 section 3.2.2.2: what must be escaped, and nothing else. */
static void put_str(struct buf *out, struct str s)
{
	size_t kept = 0;

	buf_append_c(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == '"' || c == '\\') {
			buf_append(out, str_make(s.p + kept, i - kept));
			bytes_put_escape(out, c);
			kept = i + 1;
		}
	}
	buf_append(out, str_from(s, kept));
	buf_append_c(out, '"');
}

/*
 * The significant digits of a number text, at most `max` + 1 of them, and the
 * power of ten of the last one: 1.50e3 is 15 with power 2. Zero has no digits.
 */
struct digits {
	char d[24];
	size_t n;
	long long power;
};

static bool read_exponent(struct str s, long long *ret)
{
	int64_t v = 0;

	if (s.n && s.p[0] == '+') {
		s = str_from(s, 1);
	}
	while (s.n > 1 && s.p[0] == '0') {
		s = str_from(s, 1);
	}
	if (!str_to_i64(s, &v) || v > 1000000 || v < -1000000) {
		return false;
	}
	*ret = v;
	return true;
}

/* False when there are more significant digits than a double's shortest form ever has. */
static bool read_digits(struct str text, struct digits *ret)
{
	struct digits g = {.n = 0};
	long long zeros = 0, exponent = 0, after_point = 0;
	bool point = false;

	for (size_t i = text.n && text.p[0] == '-'; i < text.n; i++) {
		char c = text.p[i];

		if (c == 'e' || c == 'E') {
			if (!read_exponent(str_from(text, i + 1), &exponent)) {
				return false;
			}
			break;
		}
		if (c == '.') {
			point = true;
			continue;
		}
		after_point += point;
		if (c == '0') {
			zeros += g.n > 0; /* kept back: they may be the last ones */
			continue;
		}
		if (zeros > (long long)sizeof(g.d) || g.n + (size_t)zeros >= sizeof(g.d)) {
			return false;
		}
		for (; zeros; zeros--) {
			g.d[g.n++] = '0';
		}
		g.d[g.n++] = c;
	}
	g.power = exponent - after_point + zeros;
	*ret = g;
	return true;
}

static bool is_plain_integer(struct str text)
{
	return !memchr(text.p, '.', text.n) && !memchr(text.p, 'e', text.n) &&
	       !memchr(text.p, 'E', text.n);
}

static bool same_digits(const struct digits *a, const struct digits *b)
{
	return a->n == b->n && a->power == b->power && memcmp(a->d, b->d, a->n) == 0;
}

static enum err_code put_number(const struct json *j, struct buf *out, struct err *err)
{
	size_t before = buf_len(out);
	struct digits own, written;
	double v = 0;

	if (is_plain_integer(j->text)) {
		buf_append(out, str_eq(j->text, STR("-0")) ? STR("0") : j->text);
		return ERR_OK;
	}
	if (!read_digits(j->text, &own) || own.n > DOUBLE_DIGITS || !json_f64(j, &v) ||
	    (v == 0.0) != (own.n == 0)) {
		return ERR(err, ERR_INVALID, "number at byte %u has no canonical form", j->at);
	}
	json_put_f64(out, v);
	v = v < 0 ? -v : v;
	if (out->failed || v == 0.0 || (v >= DOUBLE_NORMAL && v < DOUBLE_EXACT)) {
		return ERR_OK;
	}
	if (!read_digits(str_from(buf_str(out), before), &written) ||
	    !same_digits(&own, &written)) {
		return ERR(err, ERR_INVALID, "number at byte %u is not exact as a double", j->at);
	}
	return ERR_OK;
}

static enum err_code put_scalar(const struct json *j, struct buf *out, struct err *err)
{
	switch (j->type) {
	case JSON_NULL:
		buf_append(out, STR("null"));
		break;
	case JSON_BOOL:
		buf_append(out, j->boolean ? STR("true") : STR("false"));
		break;
	case JSON_NUMBER:
		return put_number(j, out, err);
	case JSON_STRING:
		put_str(out, j->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return ERR_OK;
}

static enum err_code open_level(struct arena *a, const struct json *j, struct level *ret,
				struct err *err)
{
	struct level l = {.node = j, .next = j->first};
	size_t i = 0;

	if (j->type == JSON_OBJECT) {
		l.sorted = ARENA_ARRAY(a, j->n, const struct json *);
		if (!l.sorted) {
			return ERR(err, ERR_NOMEM, "out of memory for the canonical form");
		}
		JSON_EACH (m, j) {
			l.sorted[i++] = m;
		}
		qsort(l.sorted, i, sizeof(*l.sorted), compare_members);
	}
	*ret = l;
	return ERR_OK;
}

/* The next child to write, its comma and name already written; NULL at the end. */
static const struct json *next_child(struct level *l, struct buf *out)
{
	const struct json *j;

	if (l->at == l->node->n) {
		return NULL;
	}
	if (l->at > 0) {
		buf_append_c(out, ',');
	}
	if (l->sorted) {
		j = l->sorted[l->at];
		put_str(out, j->key);
		buf_append_c(out, ':');
	} else {
		j = l->next;
		l->next = j->next;
	}
	l->at++;
	return j;
}

enum err_code json_canon(struct arena *a, const struct json *doc, struct buf *out, struct err *err)
{
	struct level *stack = NULL;
	size_t depth = 0, cap = 0;
	const struct json *j = doc;

	ASSERT(doc);
	for (;;) {
		if (j && (j->type == JSON_OBJECT || j->type == JSON_ARRAY)) {
			if (!ARENA_GROW(a, &stack, depth, &cap)) {
				return ERR(err, ERR_NOMEM, "out of memory for the canonical form");
			}
			TRY(open_level(a, j, &stack[depth], err));
			depth++;
			buf_append_c(out, j->type == JSON_OBJECT ? '{' : '[');
		} else if (j) {
			TRY(put_scalar(j, out, err));
		} else {
			depth--;
			buf_append_c(out, stack[depth].node->type == JSON_OBJECT ? '}' : ']');
		}
		if (depth == 0) {
			break;
		}
		j = next_child(&stack[depth - 1], out);
	}
	if (out->failed) {
		return ERR(err, ERR_LIMIT, "the canonical form is longer than its buffer may be");
	}
	return ERR_OK;
}
