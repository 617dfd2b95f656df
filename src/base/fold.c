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
