/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/canon.h"

#define EVERY_BYTE(x) (UINT64_C(0x0101010101010101) * (uint64_t)(x))

/*
 * Not zero when one of eight bytes is a control character, '"', '\\' or not
 * ASCII. (v - k) & ~v sets the top bit of a byte below k; borrows can only make
 * it set too much, which costs a look at each byte and nothing else.
 */
static uint64_t special(uint64_t v)
{
	uint64_t quote = v ^ EVERY_BYTE('"'), backslash = v ^ EVERY_BYTE('\\');

	return (v | ((v - EVERY_BYTE(0x20)) & ~v) | ((quote - EVERY_BYTE(1)) & ~quote) |
		((backslash - EVERY_BYTE(1)) & ~backslash)) &
	       EVERY_BYTE(0x80);
}

/* How many bytes at the start of s need no second look. */
static size_t plain_length(struct str s)
{
	size_t i = 0;
	uint64_t v;

	while (i + sizeof(v) <= s.n) {
		memcpy(&v, s.p + i, sizeof(v));
		if (special(v)) {
			break;
		}
		i += sizeof(v);
	}
	while (i < s.n && (unsigned char)s.p[i] >= 0x20 && (unsigned char)s.p[i] < 0x80 &&
	       s.p[i] != '"' && s.p[i] != '\\') {
		i++;
	}
	return i;
}

/* The letter of a two-character escape, or 0. */
static char short_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case '\b':
		return 'b';
	case '\t':
		return 't';
	case '\n':
		return 'n';
	case '\f':
		return 'f';
	case '\r':
		return 'r';
	default:
		return 0;
	}
}

static char *put_escape(char *to, char c)
{
	static const char digits[] = "0123456789abcdef";
	char letter = short_escape(c);

	*to++ = '\\';
	if (letter) {
		*to++ = letter;
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = digits[(unsigned char)c >> 4];
	to[4] = digits[(unsigned char)c & 15];
	return to + 5;
}

char *canon_put_string(char *to, struct str s)
{
	bool ascii = true;
	size_t i = 0;

	*to++ = '"';
	while (i < s.n) {
		size_t n = plain_length(str_from(s, i));

		memcpy(to, s.p + i, n);
		to += n;
		i += n;
		if (i == s.n) {
			break;
		}
		if ((unsigned char)s.p[i] >= 0x80) {
			ascii = false;
			*to++ = s.p[i++];
		} else {
			to = put_escape(to, s.p[i++]);
		}
	}
	*to++ = '"';
	return ascii || str_is_utf8(s) ? to : NULL;
}

char *canon_put_u64(char *to, uint64_t v)
{
	char digits[CANON_INT_LEN];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	memcpy(to, digits + n, sizeof(digits) - n);
	return to + (sizeof(digits) - n);
}

bool canon_take(struct canon_in *in, struct str s)
{
	if (in->bad || in->n - in->at < s.n || memcmp(in->p + in->at, s.p, s.n) != 0) {
		return false;
	}
	in->at += s.n;
	return true;
}

void canon_expect(struct canon_in *in, struct str s)
{
	if (!canon_take(in, s)) {
		in->bad = true;
	}
}

static struct str fail(struct canon_in *in)
{
	in->bad = true;
	return str_make(NULL, 0);
}

/* The character of the escape behind a backslash, in its only canonical form; -1 for any other. */
static int get_escape(struct canon_in *in)
{
	static const char letters[] = "\"\\btnfr", meant[] = "\"\\\b\t\n\f\r";
	const char *p = in->p + in->at;
	size_t left = in->n - in->at;
	const char *letter;
	int high, low;

	if (left == 0 || p[0] == '\0') {
		return -1;
	}
	letter = strchr(letters, p[0]);
	if (letter) {
		in->at++;
		return meant[letter - letters];
	}
	if (left < 5 || memcmp(p, "u00", 3) != 0 || (p[3] != '0' && p[3] != '1')) {
		return -1;
	}
	high = p[3] - '0';
	low = p[4] >= '0' && p[4] <= '9'   ? p[4] - '0'
	      : p[4] >= 'a' && p[4] <= 'f' ? p[4] - 'a' + 10
					   : -1;
	if (low < 0 || short_escape((char)(high * 16 + low))) {
		return -1;
	}
	in->at += 5;
	return high * 16 + low;
}

/* Where the closing quote of the string stands, or in->n. */
static size_t find_quote(const struct canon_in *in)
{
	size_t at = in->at;

	while (at < in->n && in->p[at] != '"') {
		size_t n = plain_length(str_make(in->p + at, in->n - at));

		at += n ? n : in->p[at] == '\\' ? 2 : 1;
	}
	return at < in->n ? at : in->n;
}

/* The rest of a string from its first escape on; `begin` is where its content begins. */
static struct str get_escaped(struct canon_in *in, size_t begin, struct arena *a, bool *ascii)
{
	size_t quote = find_quote(in), n = in->at - begin;
	char *text;

	if (quote == in->n) {
		return fail(in);
	}
	text = arena_alloc(a, quote - begin); /* decoding only shrinks */
	if (!text) {
		return fail(in);
	}
	memcpy(text, in->p + begin, n);
	while (in->at < quote) {
		size_t plain = plain_length(str_make(in->p + in->at, quote - in->at));
		int c;

		memcpy(text + n, in->p + in->at, plain);
		n += plain;
		in->at += plain;
		if (in->at == quote) {
			break;
		}
		c = (unsigned char)in->p[in->at++];
		if (c >= 0x80) {
			*ascii = false;
		} else {
			c = c == '\\' ? get_escape(in) : -1;
		}
		if (c < 0) {
			return fail(in);
		}
		text[n++] = (char)c;
	}
	in->at++;
	return str_make(text, n);
}

struct str canon_get_string(struct canon_in *in, struct arena *a)
{
	bool ascii = true;
	size_t begin;
	struct str s;

	canon_expect(in, STR("\""));
	if (in->bad) {
		return str_make(NULL, 0);
	}
	begin = in->at;
	for (;;) {
		in->at += plain_length(str_make(in->p + in->at, in->n - in->at));
		if (in->at == in->n || (unsigned char)in->p[in->at] < 0x20) {
			return fail(in);
		}
		if ((unsigned char)in->p[in->at] < 0x80) {
			break;
		}
		ascii = false;
		in->at++;
	}
	if (in->p[in->at] == '"') {
		s = str_make(in->p + begin, in->at - begin);
		in->at++;
	} else {
		s = get_escaped(in, begin, a, &ascii);
	}
	if (!in->bad && !ascii && !str_is_utf8(s)) {
		return fail(in);
	}
	return s;
}

uint64_t canon_get_u64(struct canon_in *in)
{
	size_t begin = in->at;
	uint64_t v = 0;

	while (!in->bad && in->at < in->n && in->p[in->at] >= '0' && in->p[in->at] <= '9') {
		v = v * 10 + (uint64_t)(in->p[in->at++] - '0');
		in->bad = v > CANON_INT_MAX; /* so v * 10 never overflows */
	}
	if (in->at == begin || (in->p[begin] == '0' && in->at > begin + 1)) {
		in->bad = true;
	}
	return in->bad ? 0 : v;
}
