/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/validate.h"

struct range {
	uint32_t from, to;
	const char *what;
};

static const struct range strange[] = {
	{0x00AD, 0x00AD, "a soft hyphen"},
	{0x061C, 0x061C, "a control of writing direction"},
	{0x180E, 0x180E, "an invisible character"},
	{0x200B, 0x200D, "an invisible character"},
	{0x200E, 0x200F, "a control of writing direction"},
	{0x202A, 0x202E, "a control of writing direction"},
	{0x2060, 0x2064, "an invisible character"},
	{0x2066, 0x2069, "a control of writing direction"},
	{0xFEFF, 0xFEFF, "an invisible character"},
	{0xE0000, 0xE007F, "an invisible character"},
};

/* The code point at `at` of well-formed UTF-8 that is not ASCII, and its length. */
static uint32_t decode(struct str s, size_t at, uint32_t *ret_n)
{
	unsigned char c = (unsigned char)s.p[at];
	uint32_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2, v = c & (0xFFu >> (n + 1));

	for (uint32_t i = 1; i < n && at + i < s.n; i++) {
		v = v << 6 | ((unsigned char)s.p[at + i] & 0x3F);
	}
	*ret_n = n;
	return v;
}

static const char *what_is_strange(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
		if (c >= strange[i].from && c <= strange[i].to) {
			return strange[i].what;
		}
	}
	return NULL;
}

void validate_text(const struct policy_source *src, struct policy_diags *diags)
{
	unsigned n_found = 0;

	for (size_t at = 0; at < src->text.n && n_found < VALIDATE_MAX_STRANGE;) {
		uint32_t n = 1, c;
		const char *what;

		if ((unsigned char)src->text.p[at] >= 0xC2) {
			c = decode(src->text, at, &n);
			what = what_is_strange(c);
			if (what) {
				n_found++;
				policy_diag_warn(diags, src, (struct policy_span){(uint32_t)at, n},
						 "the text holds U+%04X, %s", c, what);
				policy_diag_help(diags, "write it as \\u{%X} if it is meant", c);
			}
		}
		at += n;
	}
}
