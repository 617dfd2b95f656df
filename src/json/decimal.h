/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of JSON as what is written, not as doubles: 0.1 is a tenth, and 2^53 + 1 is
 * not 2^53. A number borrows its text; nothing is allocated.
 */
#ifndef JSON_DECIMAL_H
#define JSON_DECIMAL_H

#include "base/str.h"

/* 0.DIGITS times ten to `point`, where DIGITS neither begin nor end with a zero. */
struct json_decimal {
	struct str digits; /* may hold the decimal point, to be passed over; empty: zero */
	size_t n;          /* how many digits */
	int64_t point;     /* an exponent past ten to the 15 counts as that */
	bool negative;     /* never of zero */
};

/* `text` follows the grammar of RFC 8259 section 6. */
struct json_decimal json_decimal(struct str text);

/* Below zero, zero or above, as a is less than, equal to or greater than b. */
int json_decimal_cmp(const struct json_decimal *a, const struct json_decimal *b);

/* Without a fraction, however it is written: 1.0 and 10e-1 are. */
static inline bool json_decimal_is_integer(const struct json_decimal *d)
{
	return d->point >= (int64_t)d->n;
}

enum { JSON_DECIMAL_DIVISOR = 18 };

/* Is a / b an integer? b is not zero and has at most JSON_DECIMAL_DIVISOR digits. */
bool json_decimal_is_multiple(const struct json_decimal *a, const struct json_decimal *b);

/* Equal numbers have equal prints, however they are written. */
uint64_t json_decimal_print(const struct json_decimal *d);

#endif
