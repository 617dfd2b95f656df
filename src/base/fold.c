/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fold.h"

/* The ASCII letter, in lower case, to which a character folds; takes its bytes off *s. */
static char fold_next(struct str *s)
{
	static const struct {
		struct str bytes;
		char to;
	} folds[] = {
		{STR_INIT("\xc5\xbf"), 's'},     /* U+017F long s */
		{STR_INIT("\xe2\x84\xaa"), 'k'}, /* U+212A Kelvin sign */
		{STR_INIT("\xc4\xb0"), 'i'},     /* U+0130 I with dot */
		{STR_INIT("\xc4\xb1"), 'i'},     /* U+0131 i without dot */
	};
	char c = s->p[0];

	if ((unsigned char)c >= 0x80) {
		for (size_t i = 0; i < ARRAY_LEN(folds); i++) {
			if (str_starts_with(*s, folds[i].bytes)) {
				*s = str_from(*s, folds[i].bytes.n);
				return folds[i].to;
			}
		}
	}
	*s = str_from(*s, 1);
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool fold_resembles_slow(struct str text, struct str name)
{
	if (text.n < name.n || text.n > 3 * name.n || str_eq(text, name)) {
		return false;
	}
	while (text.n && name.n) {
		if (fold_next(&text) != fold_next(&name)) {
			return false;
		}
	}
	return text.n == 0 && name.n == 0;
}

/* Letters of other scripts by their shapes (UTS #39, the part that looks like ASCII in most fonts). */
static char shape_of(uint32_t c)
{
	static const struct {
		uint32_t c;
		char to;
	} shapes[] = {
		{0x391, 'a'}, {0x392, 'b'}, {0x395, 'e'}, {0x396, 'z'}, {0x397, 'h'}, {0x399, 'i'},
		{0x39a, 'k'}, {0x39c, 'm'}, {0x39d, 'n'}, {0x39f, 'o'}, {0x3a1, 'p'}, {0x3a4, 't'},
		{0x3a5, 'y'}, {0x3a7, 'x'}, {0x3b1, 'a'}, {0x3b9, 'i'}, {0x3bd, 'v'}, {0x3bf, 'o'},
		{0x3c1, 'p'}, {0x3c5, 'u'}, {0x405, 's'}, {0x406, 'i'}, {0x408, 'j'}, {0x410, 'a'},
		{0x412, 'b'}, {0x415, 'e'}, {0x41a, 'k'}, {0x41c, 'm'}, {0x41d, 'h'}, {0x41e, 'o'},
		{0x420, 'p'}, {0x421, 'c'}, {0x422, 't'}, {0x423, 'y'}, {0x425, 'x'}, {0x430, 'a'},
		{0x435, 'e'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x443, 'y'}, {0x445, 'x'},
		{0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}, {0x4bb, 'h'}, {0x501, 'd'}, {0x51b, 'q'},
		{0x51d, 'w'},
	};

	if (c >= 0xff01 && c <= 0xff5e) {
		return (char)(c - 0xff01 + '!');
	}
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		if (shapes[i].c == c) {
			return shapes[i].to;
		}
	}
	return 0;
}

/* The next character by its shape, or 0: its bytes are then as they were. Takes them off *s. */
static char next_shape(struct str *s)
{
	unsigned char b = (unsigned char)s->p[0];
	size_t n = b < 0xc0 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
	struct str before = *s;
	uint32_t c;

	if (b < 0x80 || n > s->n) {
		return fold_next(s);
	}
	if (fold_next(s) != (char)b) {
		return fold_next(&before); /* one of its few letters */
	}
	c = b & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		c = c << 6 | ((unsigned char)before.p[i] & 0x3fU);
	}
	*s = str_from(before, n);
	return shape_of(c);
}

static char look_alike(char c)
{
	switch (c) {
	case '0':
		return 'o';
	case '1':
	case 'i':
	case '|':
		return 'l';
	case '5':
		return 's';
	default:
		return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
}

void fold_skeleton(struct buf *out, struct str name)
{
	while (name.n) {
		struct str before = name;
		char c = next_shape(&name);

		if (!c) {
			buf_append(out, str_make(before.p, before.n - name.n));
			continue;
		}
		c = look_alike(c);
		if (c == '_' || c == '-' || c == '.' || c == '/' || c == ' ') {
			continue;
		}
		if (buf_len(out) && c == 'n' && out->p[out->end - 1] == 'r') {
			out->p[out->end - 1] = 'm';
		} else if (buf_len(out) && c == 'v' && out->p[out->end - 1] == 'v') {
			out->p[out->end - 1] = 'w';
		} else {
			buf_append_c(out, c);
		}
	}
}
