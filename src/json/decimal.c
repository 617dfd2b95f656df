/* SPDX-License-Identifier: Apache-2.0 */
#include "json/decimal.h"

#define EXPONENT_MAX INT64_C(1000000000000000)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Behind the e: saturated, since no text holds as many digits as that. */
static int64_t exponent(struct str s)
{
	bool negative = s.n && s.p[0] == '-';
	int64_t v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (is_digit(s.p[i])) {
			v = v >= EXPONENT_MAX / 10 ? EXPONENT_MAX : v * 10 + (s.p[i] - '0');
		}
	}
	return negative ? -v : v;
}

struct json_decimal json_decimal(struct str text)
{
	struct json_decimal d = {.negative = text.n && text.p[0] == '-'};
	size_t end = 0, first, last, whole;

	while (end < text.n && (text.p[end] | 0x20) != 'e') {
		end++;
	}
	whole = str_find(str_make(text.p, end), '.'); /* where the point is, or would be */
	for (first = 0; first < end && (text.p[first] < '1' || text.p[first] > '9'); first++) {
	}
	if (first == end) {
		return (struct json_decimal){.digits = str_make(text.p, 0)};
	}
	for (last = end; text.p[last - 1] < '1' || text.p[last - 1] > '9'; last--) {
	}
	d.digits = str_make(text.p + first, last - first);
	d.n = d.digits.n - (first < whole && whole < last);
	/* digits before the point, or zeros behind it that were passed over */
	d.point = first < whole ? (int64_t)(whole - first) : (int64_t)whole + 1 - (int64_t)first;
	d.point += exponent(str_from(text, end + (end < text.n)));
	return d;
}

/* The next digit from *at on; 0 behind the last one. */
static char next(const struct json_decimal *d, size_t *at)
{
	if (*at < d->digits.n && d->digits.p[*at] == '.') {
		++*at;
	}
	return *at < d->digits.n ? d->digits.p[(*at)++] : '0';
}

static int cmp_size(const struct json_decimal *a, const struct json_decimal *b)
{
	size_t most = a->n > b->n ? a->n : b->n, i = 0, j = 0;

	if (a->n == 0 || b->n == 0) {
		return (a->n != 0) - (b->n != 0);
	}
	if (a->point != b->point) {
		return a->point < b->point ? -1 : 1;
	}
	for (size_t k = 0; k < most; k++) {
		char x = next(a, &i), y = next(b, &j);

		if (x != y) {
			return x < y ? -1 : 1;
		}
	}
	return 0;
}

int json_decimal_cmp(const struct json_decimal *a, const struct json_decimal *b)
{
	if (a->negative != b->negative) {
		return a->negative ? -1 : 1;
	}
	return a->negative ? cmp_size(b, a) : cmp_size(a, b);
}

static uint64_t times(uint64_t a, uint64_t b, uint64_t m)
{
	return (uint64_t)((unsigned __int128)a * b % m);
}

/*
 * a is x times 10^e and b is y times 10^f, with x and y integers that do not end in zero. For e < f
 * ten would have to divide x; else x * 10^(e-f) modulo y tells.
 */
bool json_decimal_is_multiple(const struct json_decimal *a, const struct json_decimal *b)
{
	int64_t e = a->point - (int64_t)a->n, f = b->point - (int64_t)b->n;
	uint64_t y = 0, x = 0, power, base;
	size_t at = 0;

	if (a->n == 0) {
		return true;
	}
	if (e < f) {
		return false;
	}
	for (size_t k = 0; k < b->n; k++) {
		y = y * 10 + (uint64_t)(next(b, &at) - '0');
	}
	at = 0;
	for (size_t k = 0; k < a->n; k++) {
		x = (times(x, 10, y) + (uint64_t)(next(a, &at) - '0')) % y; /* y is below 2^60 */
	}
	base = 10 % y;
	power = 1 % y;
	for (uint64_t k = (uint64_t)(e - f); k; k >>= 1) {
		power = k & 1 ? times(power, base, y) : power;
		base = times(base, base, y);
	}
	return times(x, power, y) == 0;
}

uint64_t json_decimal_print(const struct json_decimal *d)
{
	uint64_t h = (uint64_t)d->point * 2 + d->negative;
	size_t at = 0;

	for (size_t k = 0; k < d->n; k++) {
		h = (h ^ (uint64_t)next(d, &at)) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return d->n ? h : 0;
}
