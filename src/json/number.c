/* SPDX-License-Identifier: Apache-2.0 */
/* Number::toString of ECMAScript (ECMA-262, 6.1.6.1.20), which RFC 8785 prescribes. */
#include "json/write.h"

#include <stdio.h>
#include <stdlib.h>

struct decimal {
	char digits[24]; /* no leading or trailing zero */
	int n;           /* how many */
	int point;       /* the value is 0.DIGITS * 10^point */
};

/* Reads "d.ddde+xx" as snprintf writes it. */
static struct decimal from_text(const char *text)
{
	struct decimal d = {.n = 0};
	const char *p = text;

	for (; *p && *p != 'e'; p++) {
		if (*p != '.') {
			d.digits[d.n++] = *p;
		}
	}
	d.point = (int)strtol(p + 1, NULL, 10) + 1;
	while (d.n > 1 && d.digits[d.n - 1] == '0') {
		d.n--;
	}
	return d;
}

/* The next decimal with one unit more in the last digit of `text`. */
static bool next_up(const char *text, char *ret, size_t size)
{
	char mantissa[24];
	size_t n = 0, exponent;

	for (exponent = 0; text[exponent] != 'e'; exponent++) {
		mantissa[n++] = text[exponent];
	}
	for (size_t i = n; i-- > 0;) {
		if (mantissa[i] == '.') {
			continue;
		}
		if (mantissa[i] != '9') {
			mantissa[i]++;
			(void)snprintf(ret, size, "%.*s%s", (int)n, mantissa, text + exponent);
			return true;
		}
		mantissa[i] = '0';
	}
	return false; /* all nines: the carry gives a shorter number, which was tried before */
}

static bool reads_back(const char *text, double v)
{
	double r = strtod(text, NULL);

	return memcmp(&r, &v, sizeof(r)) == 0;
}

/*
 * The fewest digits that read back as v (> 0), and of those the nearest to v. The
 * nearest decimal of a length is what printf gives; only where v is a power of
 * two, whose neighbour below is nearer than the one above, may the nearest miss
 * and the next one up still hit.
 */
static struct decimal shortest(double v)
{
	char text[40], up[40];
	/* Up to 15 digits survive the way to a normal double and back: 15 digits less zeros. */
	int first = v < 2.2250738585072014e-308 ? 0 : 14;

	for (int n = first; n < 16; n++) {
		(void)snprintf(text, sizeof(text), "%.*e", n, v);
		if (reads_back(text, v)) {
			return from_text(text);
		}
		if (next_up(text, up, sizeof(up)) && reads_back(up, v)) {
			return from_text(up);
		}
	}
	(void)snprintf(text, sizeof(text), "%.16e", v);
	return from_text(text);
}

static void put_zeros(struct buf *out, int n)
{
	for (int i = 0; i < n; i++) {
		buf_append_c(out, '0');
	}
}

static void put_decimal(struct buf *out, const struct decimal *d)
{
	struct str digits = str_make(d->digits, (size_t)d->n);

	if (d->n <= d->point && d->point <= 21) {
		buf_append(out, digits);
		put_zeros(out, d->point - d->n);
	} else if (d->point > 0 && d->point <= 21) {
		buf_append(out, str_make(digits.p, (size_t)d->point));
		buf_append_c(out, '.');
		buf_append(out, str_from(digits, (size_t)d->point));
	} else if (d->point > -6 && d->point <= 0) {
		buf_append(out, STR("0."));
		put_zeros(out, -d->point);
		buf_append(out, digits);
	} else {
		buf_append_c(out, digits.p[0]);
		if (d->n > 1) {
			buf_append_c(out, '.');
			buf_append(out, str_from(digits, 1));
		}
		buf_append(out, d->point > 0 ? STR("e+") : STR("e"));
		buf_append_i64(out, d->point - 1);
	}
}

void json_put_f64(struct buf *out, double v)
{
	struct decimal d;

	ASSERT(v - v == 0.0); /* neither infinite nor NaN: JSON has no spelling for them */
	if (v == 0.0) {
		buf_append_c(out, '0'); /* of -0 too */
		return;
	}
	if (v < 0) {
		buf_append_c(out, '-');
		v = -v;
	}
	d = shortest(v);
	put_decimal(out, &d);
}
