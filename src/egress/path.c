/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/path.h"

static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

/* RFC 3986 section 3.3: pchar without escapes. */
static bool is_plain(unsigned char c)
{
	return is_unreserved(c) || (c != 0 && memchr("!$&'()*+,;=:@", c, 13) != NULL);
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* The byte that "%XX" at s.p stands for, or -1. */
static int escaped(struct str s)
{
	int high = s.n >= 3 ? hex(s.p[1]) : -1, low = s.n >= 3 ? hex(s.p[2]) : -1;

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static void put_escape(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_append_c(out, '%');
	buf_append_c(out, digits[c >> 4]);
	buf_append_c(out, digits[c & 15]);
}

static enum err_code put_segment(struct buf *out, struct str s, bool slash_escapes, struct err *err)
{
	while (s.n) {
		unsigned char c = (unsigned char)s.p[0];
		size_t used = 1;

		if (c == '%') {
			int v = escaped(s);

			if (v < 0x20 || v == 0x7f || v == '\\' || (v == '/' && !slash_escapes)) {
				return ERR(err, ERR_INVALID,
					   "an escape that servers read in different ways");
			}
			c = (unsigned char)v;
			used = 3;
			if (is_unreserved(c)) {
				buf_append_c(out, (char)c);
			} else {
				put_escape(out, c);
			}
		} else if (is_plain(c)) {
			buf_append_c(out, (char)c);
		} else {
			return ERR(err, ERR_INVALID, "a character that no path holds");
		}
		s = str_from(s, used);
	}
	return ERR_OK;
}

/* "." and "..", also with parameters behind them, and next to an escaped slash. */
static bool is_dots(struct str segment)
{
	struct str rest = segment;

	while (rest.p) {
		size_t slash = str_find_str(rest, STR("%2F"));
		struct str part = str_make(rest.p, slash), name;

		rest = slash < rest.n ? str_from(rest, slash + 3) : str_make(NULL, 0);
		name = str_make(part.p, str_find(part, ';'));
		if (str_eq(name, STR(".")) || str_eq(name, STR(".."))) {
			return true;
		}
	}
	return false;
}

static enum err_code put_path(struct buf *out, struct str path, bool slash_escapes, struct err *err)
{
	struct str rest = str_from(path, 1);

	if (path.n == 0 || path.p[0] != '/') {
		return ERR(err, ERR_INVALID, "a path begins with a slash");
	}
	while (rest.p) {
		struct str segment = str_cut(&rest, '/');
		size_t at;

		buf_append_c(out, '/');
		at = buf_len(out);
		if (segment.n == 0 && rest.p) {
			return ERR(err, ERR_INVALID, "two slashes in a row");
		}
		TRY(put_segment(out, segment, slash_escapes, err));
		if (is_dots(str_from(buf_str(out), at))) {
			return ERR(err, ERR_INVALID, "a dot segment");
		}
	}
	return out->failed ? ERR(err, ERR_LIMIT, "the path is too long") : ERR_OK;
}

enum err_code egress_path_append(struct buf *out, struct str path, bool slash_escapes,
				 struct err *err)
{
	size_t end = out->end;
	enum err_code code = put_path(out, path, slash_escapes, err);

	if (code) {
		out->end = end;
	}
	return code;
}

bool egress_query_ok(struct str query)
{
	for (size_t i = 0; i < query.n; i++) {
		unsigned char c = (unsigned char)query.p[i];

		if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\') {
			return false;
		}
	}
	return true;
}
