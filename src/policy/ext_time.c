/* SPDX-License-Identifier: Apache-2.0 */
/* datetime and duration: milliseconds since 1970-01-01 UTC, proleptic Gregorian calendar. */
#include "policy/ext.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Days from 1970-01-01; years start in March so that the leap day comes last. */
static int64_t days_from_date(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int m = month <= 2 ? month + 9 : month - 3;
	int era = (y >= 0 ? y : y - 399) / 400;
	int of_era = y - era * 400;
	int of_year = (153 * m + 2) / 5 + day - 1;
	int of_era_days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;

	return (int64_t)era * 146097 + of_era_days - 719468;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Reads exactly n digits at *at. */
static bool digits(struct str s, size_t *at, size_t n, int *ret)
{
	int v = 0;

	if (s.n - *at < n) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		char c = s.p[*at + i];

		if (!is_digit(c)) {
			return false;
		}
		v = v * 10 + (c - '0');
	}
	*at += n;
	*ret = v;
	return true;
}

static bool literal(struct str s, size_t *at, char c)
{
	if (*at >= s.n || s.p[*at] != c) {
		return false;
	}
	(*at)++;
	return true;
}

/* Z or a sign with hhmm; *ret is what to subtract. */
static bool read_zone(struct str s, size_t *at, int64_t *ret)
{
	bool plus;
	int hh, mm;

	if (literal(s, at, 'Z')) {
		*ret = 0;
		return true;
	}
	plus = literal(s, at, '+');
	if (!plus && !literal(s, at, '-')) {
		return false;
	}
	if (!digits(s, at, 2, &hh) || !digits(s, at, 2, &mm) || hh > 23 || mm > 59) {
		return false;
	}
	*ret = (plus ? 1 : -1) * (hh * HOUR + mm * MINUTE);
	return true;
}

bool policy_datetime_parse(struct str s, int64_t *ret)
{
	int year, month, day, h, m, sec, ms = 0;
	int64_t zone, v;
	size_t at = 0;

	if (!digits(s, &at, 4, &year) || !literal(s, &at, '-') || !digits(s, &at, 2, &month) ||
	    !literal(s, &at, '-') || !digits(s, &at, 2, &day)) {
		return false;
	}
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
		return false;
	}
	v = days_from_date(year, month, day) * DAY;
	if (at == s.n) {
		*ret = v;
		return true;
	}
	if (!literal(s, &at, 'T') || !digits(s, &at, 2, &h) || !literal(s, &at, ':') ||
	    !digits(s, &at, 2, &m) || !literal(s, &at, ':') || !digits(s, &at, 2, &sec) || h > 23 ||
	    m > 59 || sec > 59) {
		return false;
	}
	if (literal(s, &at, '.') && !digits(s, &at, 3, &ms)) {
		return false;
	}
	if (!read_zone(s, &at, &zone) || at != s.n) {
		return false;
	}
	*ret = v + h * HOUR + m * MINUTE + sec * SECOND + ms - zone;
	return true;
}

static const struct unit {
	struct str name;
	int64_t ms;
} units[] = {
	{STR_INIT("d"), DAY},    {STR_INIT("h"), HOUR}, {STR_INIT("m"), MINUTE},
	{STR_INIT("s"), SECOND}, {STR_INIT("ms"), 1},
};

/* Subtracts digits times unit from *v: the negative range is the larger one. */
static bool take_away(int64_t *v, struct str number, int64_t unit)
{
	int64_t part = 0;

	for (size_t i = 0; i < number.n; i++) {
		if (__builtin_mul_overflow(part, (int64_t)10, &part) ||
		    __builtin_sub_overflow(part, (int64_t)(number.p[i] - '0'), &part)) {
			return false;
		}
	}
	return !__builtin_mul_overflow(part, unit, &part) && !__builtin_add_overflow(*v, part, v);
}

bool policy_duration_parse(struct str s, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	size_t at = negative ? 1 : 0;
	size_t next = 0; /* the first unit still allowed */
	int64_t v = 0;

	if (at == s.n) {
		return false;
	}
	while (at < s.n) {
		size_t start = at, letters;
		struct str number, name;

		while (at < s.n && is_digit(s.p[at])) {
			at++;
		}
		number = str_make(s.p + start, at - start);
		letters = at;
		while (at < s.n && !is_digit(s.p[at])) {
			at++;
		}
		name = str_make(s.p + letters, at - letters);
		while (next < ARRAY_LEN(units) && !str_eq(units[next].name, name)) {
			next++;
		}
		if (number.n == 0 || next == ARRAY_LEN(units) ||
		    !take_away(&v, number, units[next].ms)) {
			return false;
		}
		next++;
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, v, &v)) {
		return false;
	}
	*ret = v;
	return true;
}

bool policy_datetime_to_date(int64_t ms, int64_t *ret)
{
	int64_t rest = ms % DAY;

	return !__builtin_sub_overflow(ms, rest < 0 ? rest + DAY : rest, ret);
}

int64_t policy_datetime_to_time(int64_t ms)
{
	int64_t rest = ms % DAY;

	return rest < 0 ? rest + DAY : rest;
}

void policy_datetime_write(struct buf *out, int64_t ms)
{
	int64_t time = policy_datetime_to_time(ms);
	int64_t days = ms / DAY - (ms % DAY < 0 ? 1 : 0);
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t yoe = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * of_year + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);

	if (year < 0 || year > 9999) {
		buf_append_c(out, '@');
		buf_append_i64(out, ms);
		return;
	}
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year, (int)month,
		   (int)(of_year - (153 * mp + 2) / 5 + 1), (int)(time / HOUR),
		   (int)(time / MINUTE % 60), (int)(time / SECOND % 60), (int)(time % SECOND));
}
