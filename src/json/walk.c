/* SPDX-License-Identifier: Apache-2.0 */
#include "json/walk.h"

#include "json/bytes_priv.h"

/* Behind the opening quote; returns the place of the closing one, or `end`. */
static const char *skip_string(const char *p, const char *end, bool *ret_escaped)
{
	*ret_escaped = false;
	for (;;) {
		p = bytes_quote(p, end);
		if (p == end || *p == '"') {
			return p;
		}
		*ret_escaped = true;
		if (end - p < 2) {
			return end;
		}
		p += 2;
	}
}

/* At an opening bracket; returns what is behind its closing one, or `end`. */
static const char *skip_container(const char *p, const char *end)
{
	size_t depth = 0;
	bool escaped;

	for (p = bytes_structure(p, end); p < end; p = bytes_structure(p, end)) {
		char c = *p++;

		if (c == '"') {
			p = skip_string(p, end, &escaped);
			p += p < end;
		} else if ((c | 0x20) == '{') {
			depth++;
		} else if (--depth == 0) {
			return p;
		}
	}
	return end;
}

static bool ends_scalar(char c)
{
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* At a value; returns what is behind it. */
static const char *skip_value(const char *p, const char *end)
{
	bool escaped;

	if (p < end && *p == '"') {
		p = skip_string(p + 1, end, &escaped);
		return p + (p < end);
	}
	if (p < end && (*p == '{' || *p == '[')) {
		return skip_container(p, end);
	}
	while (p < end && !ends_scalar(*p)) {
		p++;
	}
	return p;
}

struct json_walk json_walk(struct str span)
{
	struct json_walk w = {.p = span.p + span.n, .end = span.p + span.n};

	if (span.n >= 2 && (span.p[0] == '{' || span.p[0] == '[')) {
		w.object = span.p[0] == '{';
		w.p = span.p + 1;
	}
	return w;
}

bool json_walk_next(struct json_walk *w, struct json_member *ret)
{
	const char *p = bytes_space(w->p, w->end), *value;
	struct json_member m = {.key_escaped = false};

	if (p < w->end && *p == ',') {
		p = bytes_space(p + 1, w->end);
	}
	if (w->object && p < w->end && *p == '"') {
		const char *key = p + 1;

		p = skip_string(key, w->end, &m.key_escaped);
		m.key = str_make(key, (size_t)(p - key));
		p = bytes_space(p + (p < w->end), w->end);
		p = bytes_space(p + (p < w->end), w->end); /* the colon */
	}
	value = p;
	p = skip_value(p, w->end);
	if (p == value || (w->object && !m.key.p)) {
		w->p = w->end; /* the closing bracket, or bytes that never were JSON */
		return false;
	}
	m.value = str_make(value, (size_t)(p - value));
	w->p = p;
	*ret = m;
	return true;
}

size_t json_scan_members(struct str object, const struct str *wanted, size_t n, struct str *spans,
			 bool *ret_escaped)
{
	bool escaped = false;
	struct json_member m;
	size_t members = 0;

	for (size_t i = 0; i < n; i++) {
		spans[i] = str_make(NULL, 0);
	}
	for (struct json_walk w = json_walk(object); w.object && json_walk_next(&w, &m);) {
		members++;
		escaped |= m.key_escaped;
		for (size_t i = 0; i < n; i++) {
			if (str_eq(m.key, wanted[i])) {
				spans[i] = m.value;
			}
		}
	}
	if (ret_escaped) {
		*ret_escaped = escaped;
	}
	return members;
}

enum json_type json_raw_type(struct str raw)
{
	switch (raw.n ? raw.p[0] : 'n') {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

enum err_code json_unquote(struct arena *a, struct str raw, struct str *ret, struct err *err)
{
	struct str inside;
	char *to;

	if (raw.n < 2 || raw.p[0] != '"' || raw.p[raw.n - 1] != '"') {
		return ERR(err, ERR_INVALID, "expected a string");
	}
	inside = str_make(raw.p + 1, raw.n - 2);
	if (bytes_quote(inside.p, inside.p + inside.n) != inside.p + inside.n) {
		to = arena_alloc(a, inside.n);
		if (!to) {
			return ERR(err, ERR_NOMEM, "out of memory for a string of %zu bytes",
				   inside.n);
		}
		inside = str_make(to, bytes_decode(inside, to));
	}
	*ret = inside;
	return ERR_OK;
}
