/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detect_priv.h"

static const struct str names[DETECT_CLASSES] = {
	[DETECT_SECRET] = STR_INIT("secret"), [DETECT_IBAN] = STR_INIT("iban"),
	[DETECT_CARD] = STR_INIT("card"),     [DETECT_EMAIL] = STR_INIT("email"),
	[DETECT_PHONE] = STR_INIT("phone"),
};

static detect_match *const matches[DETECT_CLASSES] = {
	[DETECT_SECRET] = detect_secret, [DETECT_IBAN] = detect_iban,   [DETECT_CARD] = detect_card,
	[DETECT_EMAIL] = detect_email,   [DETECT_PHONE] = detect_phone,
};

struct str detect_name(enum detect_class c)
{
	return c < DETECT_CLASSES ? names[c] : STR("?");
}

unsigned detect_classes(struct str list)
{
	unsigned bits = 0;

	while (list.p) {
		struct str word = str_trim(str_cut(&list, ','));
		unsigned bit = 0;

		for (unsigned c = 0; c < DETECT_CLASSES; c++) {
			bit = str_eq(word, names[c]) ? DETECT_BIT(c) : bit;
		}
		if (str_eq(word, STR("all"))) {
			bit = DETECT_ALL;
		} else if (str_eq(word, STR("pii"))) {
			bit = DETECT_ALL & ~DETECT_BIT(DETECT_SECRET);
		} else if (str_eq(word, STR("secrets"))) {
			bit = DETECT_BIT(DETECT_SECRET);
		}
		if (!bit) {
			return 0;
		}
		bits |= bit;
	}
	return bits;
}

bool detect_next(struct str text, size_t from, unsigned classes, struct detect_found *ret)
{
	for (size_t at = from; at < text.n; at++) {
		if (!detect_may_begin(text, at)) {
			continue;
		}
		for (unsigned c = 0; c < DETECT_CLASSES; c++) {
			size_t n = classes & DETECT_BIT(c) ? matches[c](text, at) : 0;

			if (n > 0) {
				*ret = (struct detect_found){(enum detect_class)c, at, n};
				return true;
			}
		}
	}
	return false;
}
