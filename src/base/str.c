/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c) {
		return c;
	}
	return a.n < b.n ? -1 : a.n > b.n;
}

bool str_ieq(struct str a, struct str b)
{
	if (a.n != b.n) {
		return false;
	}
	for (size_t i = 0; i < a.n; i++) {
		unsigned differ = (unsigned char)a.p[i] ^ (unsigned char)b.p[i];
		unsigned low = (unsigned char)a.p[i] | 0x20U;

		/* Letters of either case differ in one bit. */
		if (differ && (differ != 0x20 || low < 'a' || low > 'z')) {
			return false;
		}
	}
	return true;
}

size_t str_find(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

/* How often a byte is met in text and in JSON, roughly: 0 seldom, 3 very often. */
static const unsigned char
	commonness[256] =
		{
			[' '] = 3,         ['"'] = 3,         [','] = 1,
			['-'] = 1,         ['.'] = 1,         ['/'] = 1,
			['0' ... '9'] = 2, [':'] = 1,         ['A' ... 'Z'] = 1,
			['_'] = 1,         ['a'] = 3,         ['b' ... 'c'] = 2,
			['d' ... 'e'] = 3, ['f' ... 'g'] = 2, ['h' ... 'i'] = 3,
			['j' ... 'k'] = 1, ['l'] = 3,         ['m'] = 2,
			['n' ... 'o'] = 3, ['p'] = 2,         ['q'] = 1,
			['r' ... 'u'] = 3, ['v' ... 'w'] = 2, ['x'] = 1,
			['y'] = 2,         ['z'] = 1,         [0x80 ... 0xBF] = 2,
};

static size_t rarest_place(struct str needle)
{
	size_t best = 0;
	unsigned least = commonness[(unsigned char)needle.p[0]];

	for (size_t i = 1; i < needle.n && i < 16 && least; i++) {
		unsigned c = commonness[(unsigned char)needle.p[i]];

		if (c < least) {
			best = i;
			least = c;
		}
	}
	return best;
}

/*
 * memchr looks at many bytes at once, so the needle's rarest byte is looked for and its
 * surroundings compared. Where that byte is frequent after all, memmem goes on: it never takes more
 * than linear time.
 */
size_t str_find_str(struct str s, struct str needle)
{
	enum { FALSE_HITS = 16 };
	const char *at, *end = s.p + s.n;
	size_t rare;

	if (needle.n == 0) {
		return 0;
	}
	if (needle.n > s.n) {
		return s.n;
	}
	rare = rarest_place(needle);
	at = s.p;
	for (unsigned i = 0; i < FALSE_HITS; i++) {
		const char *hit = (size_t)(end - at) < needle.n
					  ? NULL
					  : memchr(at + rare, needle.p[rare],
						   (size_t)(end - at) - needle.n + 1);

		if (!hit) {
			return s.n;
		}
		at = hit - rare;
		if (memcmp(at, needle.p, needle.n) == 0) {
			return (size_t)(at - s.p);
		}
		at++;
	}
	at = memmem(at, (size_t)(end - at), needle.p, needle.n);
	return at ? (size_t)(at - s.p) : s.n;
}

struct str str_trim(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) {
		s.n--;
	}
	return s;
}

struct str str_cut(struct str *rest, char sep)
{
	struct str all = *rest;
	size_t at = str_find(all, sep);

	if (at == all.n) {
		*rest = str_make(NULL, 0);
		return all;
	}
	*rest = str_make(all.p + at + 1, all.n - at - 1);
	return str_make(all.p, at);
}

bool str_to_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0) {
		return false;
	}
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(v, 10U, &v) ||
		    __builtin_add_overflow(v, (unsigned)(s.p[i] - '0'), &v)) {
			return false;
		}
	}
	*ret = v;
	return true;
}

bool str_to_i64(struct str s, int64_t *ret)
{
	bool negative = s.n && s.p[0] == '-';
	uint64_t v;

	if (!str_to_u64(negative ? str_from(s, 1) : s, &v)) {
		return false;
	}
	if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
		return false;
	}
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

/* Length of the well-formed sequence at p, or 0. Table 3-7 of the Unicode standard. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (p[0] < 0x80) {
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		len = 2;
	} else if ((p[0] & 0xf0) == 0xe0) {
		len = 3;
		lo = p[0] == 0xe0 ? 0xa0 : lo;
		hi = p[0] == 0xed ? 0x9f : hi;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		len = 4;
		lo = p[0] == 0xf0 ? 0x90 : lo;
		hi = p[0] == 0xf4 ? 0x8f : hi;
	} else {
		return 0;
	}
	if (n < len || p[1] < lo || p[1] > hi) {
		return 0;
	}
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return len;
}

/* U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069: lines, and text that is shown in another order. */
static bool is_reordering(const unsigned char *p)
{
	return p[0] == 0xe2 && ((p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f ||
						  (p[2] >= 0xa8 && p[2] <= 0xae))) ||
				(p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

size_t str_printable(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t len = s.n ? utf8_sequence(p, s.n) : 0;
	bool c0 = len == 1 && (p[0] < 0x20 || p[0] == 0x7f);
	bool c1 = len == 2 && p[0] == 0xc2 && p[1] < 0xa0;
	bool alm = len == 2 && p[0] == 0xd8 && p[1] == 0x9c; /* U+061C */

	return c0 || c1 || alm || (len == 3 && is_reordering(p)) ? 0 : len;
}

bool str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < s.n;) {
		size_t len = utf8_sequence(p + i, s.n - i);

		if (len == 0) {
			return false;
		}
		i += len;
	}
	return true;
}

unsigned str_distance(struct str a, struct str b, unsigned max)
{
	unsigned row[65];

	if (a.n > 64 || b.n > 64) {
		return max + 1;
	}
	for (size_t j = 0; j <= b.n; j++) {
		row[j] = (unsigned)j;
	}
	for (size_t i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned best = diagonal + (a.p[i - 1] != b.p[j - 1]);

			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[b.n] > max ? max + 1 : row[b.n];
}
