/* SPDX-License-Identifier: Apache-2.0 */
/* The matchers of the classes. */
#ifndef DETECT_DETECT_PRIV_H
#define DETECT_DETECT_PRIV_H

#include "detect/detect.h"

/* How many bytes from `at` on are one; 0: none begins there. */
typedef size_t detect_match(struct str text, size_t at);

detect_match detect_secret, detect_iban, detect_card, detect_email, detect_phone;

static inline bool detect_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool detect_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool detect_alnum(char c)
{
	return detect_digit(c) || detect_alpha(c);
}

/* Is there no letter or digit at this place? Also true behind the end. */
static inline bool detect_apart(struct str text, size_t at)
{
	return at >= text.n || !detect_alnum(text.p[at]);
}

/* Nothing begins in the middle of a word, nor with what none of them begins with. */
static inline bool detect_may_begin(struct str text, size_t at)
{
	char c = text.p[at];

	return (at == 0 || !detect_alnum(text.p[at - 1])) &&
	       (detect_alnum(c) || (unsigned char)c >= 0x80 || c == '+' || c == '(' || c == '-' ||
		c == '_');
}

#endif
