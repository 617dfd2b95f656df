/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pin_diff.h"

#include "detect/lint.h"
#include "json/write.h"

enum {
	LINES_MAX = 20000,
	TABLE_MAX = 4 << 20, /* cells; past that everything in between is gone and new */
	AROUND = 2,          /* lines shown beside a change */
	INDENT = 2,
	LINE_BYTES = 1 << 20,
};

struct lines {
	struct str *at;
	size_t n, cap;
};

/* ---- one value a line ---- */

static uint32_t decode(struct str s, size_t *at)
{
	unsigned char b = (unsigned char)s.p[(*at)++];
	unsigned n = b < 0x80 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
	uint32_t c = n ? b & (0x3fU >> n) : b;

	for (; n && *at < s.n; n--) {
		c = c << 6 | ((unsigned char)s.p[(*at)++] & 0x3fU);
	}
	return c;
}

static void put_visible(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t from = i;
		uint32_t c = decode(s, &i);

		if (lint_is_hidden(c)) {
			buf_printf(out, "\\u{%x}", (unsigned)c);
		} else {
			buf_append(out, str_make(s.p + from, i - from));
		}
	}
}

static void put_string(struct buf *out, struct str s)
{
	struct buf plain;

	buf_init(&plain, LINE_BYTES);
	json_put_str(&plain, s);
	put_visible(out, buf_str(&plain));
	buf_done(&plain);
}

static enum err_code put_line(struct arena *a, struct lines *l, size_t depth, const struct json *j,
			      struct str text, struct err *err)
{
	struct buf b;

	if (l->n == LINES_MAX || !ARENA_GROW(a, &l->at, l->n, &l->cap)) {
		return ERR(err, ERR_LIMIT, "an item of more than %d lines", LINES_MAX);
	}
	buf_init(&b, LINE_BYTES);
	for (size_t i = 0; i < INDENT * depth; i++) {
		buf_append_c(&b, ' ');
	}
	if (j && j->key.p) {
		put_string(&b, j->key);
		buf_append(&b, STR(": "));
	}
	if (text.p) {
		buf_append(&b, text);
	} else if (json_is_string(j)) {
		put_string(&b, j->text);
	} else if (j) {
		buf_append(&b, j->raw);
	}
	l->at[l->n] = arena_dup(a, buf_str(&b));
	buf_done(&b);
	return l->at[l->n++].p ? ERR_OK : ERR(err, ERR_NOMEM, "out of memory");
}

/* As deep as JSON_MAX_DEPTH. */
static enum err_code put_value(struct arena *a, struct lines *l, size_t depth, const struct json *j,
			       struct err *err)
{
	bool object = json_is_object(j);

	if (!json_first(j)) {
		return put_line(a, l, depth, j, str_make(NULL, 0), err);
	}
	TRY(put_line(a, l, depth, j, object ? STR("{") : STR("["), err));
	JSON_EACH (item, j) {
		TRY(put_value(a, l, depth + 1, item, err));
	}
	return put_line(a, l, depth, NULL, object ? STR("}") : STR("]"), err);
}

static enum err_code lines_of(struct arena *a, struct str text, struct lines *ret, struct err *err)
{
	const struct json *doc;

	*ret = (struct lines){.n = 0};
	if (text.n == 0) {
		return ERR_OK;
	}
	TRY(json_parse(a, text, NULL, &doc, err));
	return put_value(a, ret, 0, doc, err);
}

/* ---- what changed ---- */

struct diff {
	struct arena *a;
	struct pin_line *out;
	size_t n, cap;
	bool failed;
};

static void put(struct diff *d, enum pin_op op, struct str text)
{
	if (!ARENA_GROW(d->a, &d->out, d->n, &d->cap)) {
		d->failed = true;
		return;
	}
	d->out[d->n++] = (struct pin_line){op, text};
}

/* The longest common subsequence of what stands between equal beginnings and ends. */
static void middle(struct diff *d, const struct str *x, size_t n, const struct str *y, size_t m)
{
	uint16_t *table = n * m < TABLE_MAX && n < UINT16_MAX && m < UINT16_MAX
				  ? ARENA_ARRAY(d->a, (n + 1) * (m + 1), uint16_t)
				  : NULL;
	size_t i = 0, j = 0;

	for (size_t r = n; table && r-- > 0;) {
		for (size_t c = m; c-- > 0;) {
			uint16_t below = table[(r + 1) * (m + 1) + c];
			uint16_t beside = table[r * (m + 1) + c + 1];

			table[r * (m + 1) + c] =
				str_eq(x[r], y[c])
					? (uint16_t)(table[(r + 1) * (m + 1) + c + 1] + 1)
				: below > beside ? below
						 : beside;
		}
	}
	while (i < n || j < m) {
		if (table && i < n && j < m && str_eq(x[i], y[j])) {
			put(d, PIN_SAME, x[i++]);
			j++;
		} else if (i < n && (j == m || !table ||
				     table[(i + 1) * (m + 1) + j] >= table[i * (m + 1) + j + 1])) {
			put(d, PIN_GONE, x[i++]);
		} else {
			put(d, PIN_NEW, y[j++]);
		}
	}
}

static bool is_near_change(const struct diff *d, size_t at)
{
	size_t from = at > AROUND ? at - AROUND : 0;

	for (size_t i = from; i < d->n && i <= at + AROUND; i++) {
		if (d->out[i].op == PIN_GONE || d->out[i].op == PIN_NEW) {
			return true;
		}
	}
	return false;
}

enum err_code pin_diff(struct arena *a, struct str before, struct str after,
		       const struct pin_line **ret, size_t *ret_n, struct err *err)
{
	struct diff d = {.a = a}, shown = {.a = a};
	size_t first = 0, last = 0;
	struct lines x, y;

	TRY(lines_of(a, before, &x, err));
	TRY(lines_of(a, after, &y, err));
	while (first < x.n && first < y.n && str_eq(x.at[first], y.at[first])) {
		put(&d, PIN_SAME, x.at[first++]);
	}
	while (last < x.n - first && last < y.n - first &&
	       str_eq(x.at[x.n - 1 - last], y.at[y.n - 1 - last])) {
		last++;
	}
	if (x.n || y.n) {
		middle(&d, x.at ? x.at + first : NULL, x.n - first - last,
		       y.at ? y.at + first : NULL, y.n - first - last);
	}
	for (size_t i = x.n - last; i < x.n; i++) {
		put(&d, PIN_SAME, x.at[i]);
	}
	for (size_t i = 0; i < d.n; i++) {
		if (is_near_change(&d, i)) {
			put(&shown, d.out[i].op, d.out[i].text);
		} else if (shown.n == 0 || shown.out[shown.n - 1].op != PIN_LEFT_OUT) {
			put(&shown, PIN_LEFT_OUT, STR("..."));
		}
	}
	if (d.failed || shown.failed) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	*ret = shown.out;
	*ret_n = shown.n;
	return ERR_OK;
}
