/* SPDX-License-Identifier: Apache-2.0 */
#include "json/bytes_priv.h"

/* clang-format off */
const bool bytes_special[256] = {
	[0x00 ... 0x1f] = true,
	['"'] = true, ['\\'] = true,
	[0x80 ... 0xff] = true,
};
/* clang-format on */

int bytes_hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4) {
		return -1;
	}
	for (int i = 0; i < 4; i++) {
		int c = (unsigned char)p[i], letter = c | 0x20;

		if (c >= '0' && c <= '9') {
			v = v << 4 | (c - '0');
		} else if (letter >= 'a' && letter <= 'f') {
			v = v << 4 | (letter - 'a' + 10);
		} else {
			return -1;
		}
	}
	return v;
}

size_t bytes_put_utf8(char *to, unsigned v)
{
	if (v < 0x80) {
		to[0] = (char)v;
		return 1;
	}
	if (v < 0x800) {
		to[0] = (char)(0xc0 | v >> 6);
		to[1] = (char)(0x80 | (v & 0x3f));
		return 2;
	}
	if (v < 0x10000) {
		to[0] = (char)(0xe0 | v >> 12);
		to[1] = (char)(0x80 | (v >> 6 & 0x3f));
		to[2] = (char)(0x80 | (v & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | v >> 18);
	to[1] = (char)(0x80 | (v >> 12 & 0x3f));
	to[2] = (char)(0x80 | (v >> 6 & 0x3f));
	to[3] = (char)(0x80 | (v & 0x3f));
	return 4;
}

/*
 * At "\u"; *p moves behind the escape, or behind both halves of a pair. What was
 * never validated gives '?', so that decoding stays shorter than its source.
 */
static unsigned decode_unicode(const char **p, const char *end)
{
	int v = bytes_hex4(*p + 2, end), low;

	*p = v < 0 ? end : *p + 6;
	if (v >= 0xd800 && v <= 0xdbff && end - *p >= 6) {
		low = bytes_hex4(*p + 2, end);
		v = low < 0xdc00 || low > 0xdfff ? -1
						 : 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
		*p += 6;
	}
	return v < 0 ? '?' : (unsigned)v;
}

size_t bytes_decode(struct str s, char *to)
{
	const char *p = s.p, *end = s.p + s.n;
	size_t n = 0;

	while (p < end) {
		const char *escape = bytes_quote(p, end);

		memcpy(to + n, p, (size_t)(escape - p));
		n += (size_t)(escape - p);
		p = escape;
		if (end - p < 2) {
			break;
		}
		if (p[1] == 'u') {
			n += bytes_put_utf8(to + n, decode_unicode(&p, end));
			continue;
		}
		switch (p[1]) {
		case 'b':
			to[n++] = '\b';
			break;
		case 'f':
			to[n++] = '\f';
			break;
		case 'n':
			to[n++] = '\n';
			break;
		case 'r':
			to[n++] = '\r';
			break;
		case 't':
			to[n++] = '\t';
			break;
		default: /* quote, backslash, slash stand for themselves */
			to[n++] = p[1];
			break;
		}
		p += 2;
	}
	return n;
}

static bool continues(const char *p, const char *end, int i)
{
	return end - p > i && ((unsigned char)p[i] & 0xc0) == 0x80;
}

const char *bytes_utf8(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p >= 0x80) {
		unsigned c = (unsigned char)*p, next;

		if (c < 0xc2 || c > 0xf4 || !continues(p, end, 1)) {
			return NULL;
		}
		next = (unsigned char)p[1];
		if (c < 0xe0) {
			p += 2;
		} else if (c < 0xf0) {
			/* no overlong form below U+0800, no surrogate */
			if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) ||
			    !continues(p, end, 2)) {
				return NULL;
			}
			p += 3;
		} else {
			/* no overlong form below U+10000, nothing above U+10FFFF */
			if ((c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f) ||
			    !continues(p, end, 2) || !continues(p, end, 3)) {
				return NULL;
			}
			p += 4;
		}
	}
	return p;
}

void bytes_put_escape(struct buf *out, unsigned v)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"'};
	char code[6] = {'\\',       'u', hex[v >> 12 & 15], hex[v >> 8 & 15], hex[v >> 4 & 15],
			hex[v & 15]};

	if (v == '\\' || (v < sizeof(letters) && letters[v])) {
		code[1] = v == '\\' ? '\\' : letters[v];
		buf_append(out, str_make(code, 2));
	} else {
		buf_append(out, str_make(code, 6));
	}
}
