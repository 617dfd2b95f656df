/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"

static const char HEX_DIGITS[] = "0123456789abcdef";
static const char BASE64_DIGITS[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char BASE64URL_DIGITS[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_write(char *to, const void *bytes, size_t n)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < n; i++) {
		to[2 * i] = HEX_DIGITS[from[i] >> 4];
		to[2 * i + 1] = HEX_DIGITS[from[i] & 15];
	}
}

void hex_append(struct buf *b, const void *bytes, size_t n)
{
	char *to = buf_reserve(b, 2 * n);

	if (to) {
		hex_write(to, bytes, n);
		buf_commit(b, 2 * n);
	}
}

static int hex_value(char c)
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

bool hex_read(struct str s, void *to, size_t n)
{
	unsigned char *out = to;

	if (s.n / 2 != n || s.n % 2) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (hex_value(s.p[2 * i]) < 0 || hex_value(s.p[2 * i + 1]) < 0) {
			return false;
		}
	}
	for (size_t i = 0; i < n; i++) {
		out[i] = (unsigned char)(hex_value(s.p[2 * i]) * 16 + hex_value(s.p[2 * i + 1]));
	}
	return true;
}

static void append_digits(struct buf *b, const char *digits, const void *bytes, size_t n, bool pad)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)from[i] << 16;
		char quad[4];

		v |= left > 1 ? (uint32_t)from[i + 1] << 8 : 0;
		v |= left > 2 ? (uint32_t)from[i + 2] : 0;
		quad[0] = digits[v >> 18];
		quad[1] = digits[v >> 12 & 63];
		quad[2] = left > 1 ? digits[v >> 6 & 63] : '=';
		quad[3] = left > 2 ? digits[v & 63] : '=';
		buf_append(b, str_make(quad, pad || left > 2 ? 4 : left + 1));
	}
}

static int digit_value(const char *digits, char c)
{
	const char *at = c ? memchr(digits, c, 64) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The digits alone, without padding; their number is never 1 above a multiple of 4. */
static bool decode_digits(struct arena *a, const char *digits, struct str s, struct str *ret)
{
	size_t n = s.n / 4 * 3 + (s.n % 4 ? s.n % 4 - 1 : 0);
	unsigned char *out = arena_alloc(a, n + 3);

	if (!out) {
		return false;
	}
	for (size_t i = 0; i < s.n; i += 4) {
		size_t have = s.n - i < 4 ? s.n - i : 4;
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			int d = k >= have ? 0 : digit_value(digits, s.p[i + k]);

			if (d < 0) {
				return false;
			}
			v = v << 6 | (uint32_t)d;
		}
		if (have < 4 && (v & (have == 3 ? 0xffU : 0xffffU))) {
			return false; /* bits set behind the end: not canonical */
		}
		out[i / 4 * 3] = (unsigned char)(v >> 16);
		out[i / 4 * 3 + 1] = (unsigned char)(v >> 8);
		out[i / 4 * 3 + 2] = (unsigned char)v;
	}
	*ret = str_make((char *)out, n);
	return true;
}

void base64_append(struct buf *b, const void *bytes, size_t n)
{
	append_digits(b, BASE64_DIGITS, bytes, n, true);
}

bool base64_decode(struct arena *a, struct str s, struct str *ret)
{
	size_t pad = 0;

	if (s.n % 4) {
		return false;
	}
	while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=') {
		pad++;
	}
	return decode_digits(a, BASE64_DIGITS, str_make(s.p, s.n - pad), ret);
}

void base64url_append(struct buf *b, const void *bytes, size_t n)
{
	append_digits(b, BASE64URL_DIGITS, bytes, n, false);
}

bool base64url_decode(struct arena *a, struct str s, struct str *ret)
{
	return s.n % 4 != 1 && decode_digits(a, BASE64URL_DIGITS, s, ret);
}
