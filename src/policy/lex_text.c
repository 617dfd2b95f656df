/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of string literals and like patterns: escapes, both ways. */
#include "policy/text.h"

/* One escape or character of a literal. */
struct unit {
	uint32_t code;
	uint32_t n;    /* bytes consumed */
	bool star;     /* backslash star */
	bool verbatim; /* copy the n bytes as they stand */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	if (c >= 'A' && c <= 'F') {
		return c - 'A' + 10;
	}
	return -1;
}

/* \u{1..6 digits}, underscores allowed after the first digit; s starts behind the u. */
static bool read_unicode(struct str s, struct unit *u)
{
	uint32_t code = 0;
	int digits = 0;
	size_t i = 1;

	if (s.n < 2 || s.p[0] != '{' || hex_digit(s.p[1]) < 0) {
		return false;
	}
	for (; i < s.n && s.p[i] != '}'; i++) {
		int d = hex_digit(s.p[i]);

		if (s.p[i] == '_') {
			continue;
		}
		if (d < 0 || ++digits > 6) {
			return false;
		}
		code = code << 4 | (uint32_t)d;
	}
	if (i >= s.n || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
		return false;
	}
	u->code = code;
	u->n = (uint32_t)i + 3; /* backslash, u, and up to the brace */
	return true;
}

/* s starts with a backslash. */
static bool read_escape(struct str s, struct unit *u)
{
	static const char from[] = "nrt\\0'\"*";
	static const char to[] = "\n\r\t\\\0'\"*";

	if (s.n < 2) {
		return false;
	}
	u->n = 2;
	for (size_t i = 0; i + 1 < sizeof(from); i++) {
		if (s.p[1] == from[i]) {
			u->code = (unsigned char)to[i];
			u->star = s.p[1] == '*';
			return true;
		}
	}
	if (s.p[1] == 'x') {
		int hi = s.n > 2 ? hex_digit(s.p[2]) : -1;
		int lo = s.n > 3 ? hex_digit(s.p[3]) : -1;

		u->n = 4;
		u->code = (uint32_t)(hi * 16 + lo);
		return hi >= 0 && hi <= 7 && lo >= 0;
	}
	return s.p[1] == 'u' && read_unicode(str_from(s, 2), u);
}

/* False with nothing consumed on a bad escape or a bare carriage return. */
static bool read_unit(struct str s, struct unit *u)
{
	*u = (struct unit){.n = 1};
	if (s.p[0] == '\\') {
		return read_escape(s, u);
	}
	if (s.p[0] == '\r') {
		return false;
	}
	u->verbatim = true;
	return true;
}

static size_t put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xC0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xE0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3F));
		to[2] = (char)(0x80 | (c & 0x3F));
		return 3;
	}
	to[0] = (char)(0xF0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3F));
	to[2] = (char)(0x80 | (c >> 6 & 0x3F));
	to[3] = (char)(0x80 | (c & 0x3F));
	return 4;
}

static void report_escape(struct policy_lex *lx, const struct policy_token *tok, size_t at)
{
	struct policy_span span = {tok->span.at + 1 + (uint32_t)at, 1};

	if (tok->text.p[1 + at] == '\r') {
		policy_diag_error(lx->diags, lx->src, span,
				  "a carriage return cannot stand in a string; write \\r");
		return;
	}
	span.n = 2;
	policy_diag_error(lx->diags, lx->src, span, "not a valid escape");
	policy_diag_help(lx->diags, "escapes are \\n \\r \\t \\\\ \\0 \\' \\\" \\x41 \\u{1F600}%s",
			 tok->text.p[1 + at + 1] == '*' ? "; \\* only in a like pattern" : "");
}

static bool too_long(struct policy_lex *lx, const struct policy_token *tok)
{
	if (tok->text.n - 2 <= POLICY_STRING_MAX) {
		return false;
	}
	policy_diag_error(lx->diags, lx->src, tok->span, "string literal longer than %u bytes",
			  POLICY_STRING_MAX);
	return true;
}

bool policy_unescape(struct policy_lex *lx, const struct policy_token *tok, struct arena *a,
		     struct str *ret)
{
	struct str in = str_make(tok->text.p + 1, tok->text.n - 2);
	char *out;
	size_t n = 0;

	if (too_long(lx, tok)) {
		return false;
	}
	if (str_find(in, '\\') == in.n && str_find(in, '\r') == in.n) {
		*ret = in;
		return true;
	}
	out = arena_alloc(a, in.n); /* no escape is shorter than what it stands for */
	if (!out) {
		policy_diag_error(lx->diags, lx->src, tok->span, "out of memory");
		return false;
	}
	for (size_t i = 0; i < in.n;) {
		struct unit u;

		if (!read_unit(str_from(in, i), &u) || u.star) {
			report_escape(lx, tok, i);
			return false;
		}
		if (u.verbatim) {
			out[n++] = in.p[i];
		} else {
			n += put_utf8(out + n, u.code);
		}
		i += u.n;
	}
	*ret = str_make(out, n);
	return true;
}

bool policy_unescape_pattern(struct policy_lex *lx, const struct policy_token *tok, struct arena *a,
			     struct policy_pattern *ret)
{
	struct str in = str_make(tok->text.p + 1, tok->text.n - 2);
	struct policy_pattern pattern = {.n = 1};
	size_t start = 0, n = 0, cap = 0;
	char *out = arena_alloc(a, in.n + 1);

	if (too_long(lx, tok)) {
		return false;
	}
	if (!out || !ARENA_GROW(a, &pattern.parts, 0, &cap)) {
		policy_diag_error(lx->diags, lx->src, tok->span, "out of memory");
		return false;
	}
	for (size_t i = 0; i < in.n;) {
		struct unit u;

		if (!read_unit(str_from(in, i), &u)) {
			report_escape(lx, tok, i);
			return false;
		}
		/* A star is a wildcard also when written \x2a; only \* is a literal one. */
		if (!u.star && (u.verbatim ? in.p[i] == '*' : u.code == '*')) {
			pattern.parts[pattern.n - 1] = str_make(out + start, n - start);
			start = n;
			if (!ARENA_GROW(a, &pattern.parts, pattern.n, &cap)) {
				policy_diag_error(lx->diags, lx->src, tok->span, "out of memory");
				return false;
			}
			pattern.n++;
		} else if (u.verbatim) {
			out[n++] = in.p[i];
		} else {
			n += put_utf8(out + n, u.code);
		}
		i += u.n;
	}
	pattern.parts[pattern.n - 1] = str_make(out + start, n - start);
	*ret = pattern;
	return true;
}

static void escape(struct buf *out, struct str text, bool pattern)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		switch (c) {
		case '\n':
			buf_append(out, STR("\\n"));
			break;
		case '\r':
			buf_append(out, STR("\\r"));
			break;
		case '\t':
			buf_append(out, STR("\\t"));
			break;
		case '\0':
			buf_append(out, STR("\\0"));
			break;
		case '\\':
			buf_append(out, STR("\\\\"));
			break;
		case '"':
			buf_append(out, STR("\\\""));
			break;
		case '*':
			buf_append(out, pattern ? STR("\\*") : STR("*"));
			break;
		default:
			if (c < 0x20 || c == 0x7F) {
				buf_printf(out, "\\u{%x}", c);
			} else {
				buf_append_c(out, (char)c);
			}
			break;
		}
	}
}

void policy_escape(struct buf *out, struct str text)
{
	escape(out, text, false);
}

void policy_pattern_write(struct buf *out, const struct policy_pattern *pattern)
{
	for (uint32_t i = 0; i < pattern->n; i++) {
		if (i > 0) {
			buf_append_c(out, '*');
		}
		escape(out, pattern->parts[i], true);
	}
}

/* First place of `part` in s from `at` on, or s.n + 1. */
static size_t find_from(struct str s, size_t at, struct str part)
{
	size_t found = str_find_str(str_from(s, at), part);

	return at + found + part.n <= s.n ? at + found : s.n + 1;
}

/*
 * Greedy: the first part is anchored at the start, the last at the end, and each
 * of the others is taken at its first place, which leaves the most room. Parts
 * are whole code points and so is the text, so matching bytes is exact.
 */
bool policy_pattern_match(const struct policy_pattern *pattern, struct str s)
{
	const struct str *parts = pattern->parts;
	uint32_t n = pattern->n;
	size_t at, end;

	if (n == 1) {
		return str_eq(parts[0], s);
	}
	if (s.n < parts[0].n + parts[n - 1].n || !str_starts_with(s, parts[0]) ||
	    !str_ends_with(s, parts[n - 1])) {
		return false;
	}
	at = parts[0].n;
	end = s.n - parts[n - 1].n;
	for (uint32_t i = 1; i + 1 < n; i++) {
		size_t found;

		if (parts[i].n == 0) {
			continue;
		}
		found = find_from(str_make(s.p, end), at, parts[i]);
		if (found > end) {
			return false;
		}
		at = found + parts[i].n;
	}
	return true;
}
