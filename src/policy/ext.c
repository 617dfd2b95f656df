/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ext.h"

#define NONE POLICY_NONE

/* clang-format off */
static const struct policy_fn_info infos[POLICY_FN_MAX] = {
#define BUILTIN(fn, name, n, a, b, r) [fn] = {STR_INIT(name), true, true, n, {a, b}, r}
#define CTOR(fn, name, r) [fn] = {STR_INIT(name), false, false, 1, {POLICY_STRING, NONE}, r}
#define METHOD(fn, name, n, a, b, r) [fn] = {STR_INIT(name), true, false, n, {a, b}, r}
	BUILTIN(POLICY_FN_CONTAINS, "contains", 2, POLICY_SET, NONE, POLICY_BOOL),
	BUILTIN(POLICY_FN_CONTAINS_ALL, "containsAll", 2, POLICY_SET, POLICY_SET, POLICY_BOOL),
	BUILTIN(POLICY_FN_CONTAINS_ANY, "containsAny", 2, POLICY_SET, POLICY_SET, POLICY_BOOL),
	BUILTIN(POLICY_FN_IS_EMPTY, "isEmpty", 1, POLICY_SET, NONE, POLICY_BOOL),
	BUILTIN(POLICY_FN_HAS_TAG, "hasTag", 2, POLICY_ENTITY, POLICY_STRING, POLICY_BOOL),
	BUILTIN(POLICY_FN_GET_TAG, "getTag", 2, POLICY_ENTITY, POLICY_STRING, NONE),
	CTOR(POLICY_FN_DECIMAL, "decimal", POLICY_DECIMAL),
	CTOR(POLICY_FN_IP, "ip", POLICY_IP),
	CTOR(POLICY_FN_DATETIME, "datetime", POLICY_DATETIME),
	CTOR(POLICY_FN_DURATION, "duration", POLICY_DURATION),
	METHOD(POLICY_FN_LESS_THAN, "lessThan", 2, POLICY_DECIMAL, POLICY_DECIMAL, POLICY_BOOL),
	METHOD(POLICY_FN_LESS_THAN_OR_EQUAL, "lessThanOrEqual", 2, POLICY_DECIMAL, POLICY_DECIMAL, POLICY_BOOL),
	METHOD(POLICY_FN_GREATER_THAN, "greaterThan", 2, POLICY_DECIMAL, POLICY_DECIMAL, POLICY_BOOL),
	METHOD(POLICY_FN_GREATER_THAN_OR_EQUAL, "greaterThanOrEqual", 2, POLICY_DECIMAL, POLICY_DECIMAL, POLICY_BOOL),
	METHOD(POLICY_FN_IS_IPV4, "isIpv4", 1, POLICY_IP, NONE, POLICY_BOOL),
	METHOD(POLICY_FN_IS_IPV6, "isIpv6", 1, POLICY_IP, NONE, POLICY_BOOL),
	METHOD(POLICY_FN_IS_LOOPBACK, "isLoopback", 1, POLICY_IP, NONE, POLICY_BOOL),
	METHOD(POLICY_FN_IS_MULTICAST, "isMulticast", 1, POLICY_IP, NONE, POLICY_BOOL),
	METHOD(POLICY_FN_IS_IN_RANGE, "isInRange", 2, POLICY_IP, POLICY_IP, POLICY_BOOL),
	METHOD(POLICY_FN_OFFSET, "offset", 2, POLICY_DATETIME, POLICY_DURATION, POLICY_DATETIME),
	METHOD(POLICY_FN_DURATION_SINCE, "durationSince", 2, POLICY_DATETIME, POLICY_DATETIME, POLICY_DURATION),
	METHOD(POLICY_FN_TO_DATE, "toDate", 1, POLICY_DATETIME, NONE, POLICY_DATETIME),
	METHOD(POLICY_FN_TO_TIME, "toTime", 1, POLICY_DATETIME, NONE, POLICY_DURATION),
	METHOD(POLICY_FN_TO_MILLISECONDS, "toMilliseconds", 1, POLICY_DURATION, NONE, POLICY_LONG),
	METHOD(POLICY_FN_TO_SECONDS, "toSeconds", 1, POLICY_DURATION, NONE, POLICY_LONG),
	METHOD(POLICY_FN_TO_MINUTES, "toMinutes", 1, POLICY_DURATION, NONE, POLICY_LONG),
	METHOD(POLICY_FN_TO_HOURS, "toHours", 1, POLICY_DURATION, NONE, POLICY_LONG),
	METHOD(POLICY_FN_TO_DAYS, "toDays", 1, POLICY_DURATION, NONE, POLICY_LONG),
#undef BUILTIN
#undef CTOR
#undef METHOD
};
/* clang-format on */

const struct policy_fn_info *policy_fn_info(enum policy_fn fn)
{
	ASSERT(fn > POLICY_FN_NONE && fn < POLICY_FN_MAX);
	return &infos[fn];
}

enum policy_fn policy_fn_find(struct str name)
{
	for (unsigned i = 1; i < POLICY_FN_MAX; i++) {
		if (str_eq(infos[i].name, name)) {
			return (enum policy_fn)i;
		}
	}
	return POLICY_FN_NONE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* -?[0-9]+\.[0-9]{1,4}; counted downwards because the negative range is the larger one. */
bool policy_decimal_parse(struct str s, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	size_t i = negative ? 1 : 0, start = i, dot;
	int64_t v = 0;

	while (i < s.n && is_digit(s.p[i])) {
		i++;
	}
	dot = i;
	if (dot == start || dot >= s.n || s.p[dot] != '.' || s.n - dot < 2 || s.n - dot > 5) {
		return false;
	}
	for (i = start; i < dot + 5; i++) {
		int digit = 0;

		if (i == dot) {
			continue;
		}
		if (i < s.n) {
			if (!is_digit(s.p[i])) {
				return false;
			}
			digit = s.p[i] - '0';
		}
		if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
		    __builtin_sub_overflow(v, (int64_t)digit, &v)) {
			return false;
		}
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, v, &v)) {
		return false;
	}
	*ret = v;
	return true;
}

/* Decimal digits without a leading zero, at most `max`. */
static bool small_number(struct str s, unsigned max_digits, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	if (s.n == 0 || s.n > max_digits || (s.n > 1 && s.p[0] == '0')) {
		return false;
	}
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i])) {
			return false;
		}
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	*ret = v;
	return v <= max;
}

static bool parse_v4(struct str s, uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		struct str part = str_cut(&s, '.');
		unsigned v;

		if ((s.p == NULL) != (i == 3) || !small_number(part, 3, 255, &v)) {
			return false;
		}
		bytes[i] = (uint8_t)v;
	}
	return true;
}

/* Hexadecimal groups separated by single colons; returns how many (at most max) and their end. */
static int read_groups(struct str s, int max, uint16_t *groups, size_t *end)
{
	size_t i = 0;
	int n = 0;

	*end = 0;
	while (n < max) {
		unsigned v = 0, digits = 0;

		if (n > 0) {
			if (i >= s.n || s.p[i] != ':') {
				break;
			}
			i++;
		}
		for (; i < s.n && digits < 4; i++, digits++) {
			char c = s.p[i];
			bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

			if (!is_digit(c) && !letter) {
				break;
			}
			v = v << 4 | (unsigned)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
		}
		if (digits == 0) {
			break;
		}
		groups[n++] = (uint16_t)v;
		*end = i;
	}
	return n;
}

static bool parse_v6(struct str s, uint8_t *bytes)
{
	uint16_t groups[8] = {0}, tail[8] = {0};
	size_t end, tail_end;
	int n = read_groups(s, 8, groups, &end);

	if (n < 8) {
		struct str rest = str_from(s, end);
		int m;

		/* "::" stands for at least one group. */
		if (!str_starts_with(rest, STR("::"))) {
			return false;
		}
		m = read_groups(str_from(rest, 2), 7 - n, tail, &tail_end);
		memcpy(groups + 8 - m, tail, (size_t)m * sizeof(tail[0]));
		end += 2 + tail_end;
	}
	for (int i = 0; i < 8; i++) {
		bytes[2 * i] = (uint8_t)(groups[i] >> 8);
		bytes[2 * i + 1] = (uint8_t)groups[i];
	}
	return end == s.n;
}

bool policy_ip_parse(struct str s, struct policy_ip *ret)
{
	struct policy_ip ip = {0};
	struct str rest = s, addr;
	unsigned prefix;

	if (s.n == 0 || s.n > 43) {
		return false;
	}
	addr = str_cut(&rest, '/');
	ip.v6 = str_find(addr, ':') < addr.n;
	if (ip.v6 ? !parse_v6(addr, ip.bytes) : !parse_v4(addr, ip.bytes)) {
		return false;
	}
	prefix = ip.v6 ? 128 : 32;
	if (rest.p && !small_number(rest, ip.v6 ? 3 : 2, prefix, &prefix)) {
		return false;
	}
	ip.prefix = (uint8_t)prefix;
	*ret = ip;
	return true;
}

/* The first `bits` bits of a and b are the same. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, left = bits % 8;
	unsigned mask = 0xFF00u >> left & 0xFF;

	return memcmp(a, b, whole) == 0 && (left == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

bool policy_ip_in_range(const struct policy_ip *a, const struct policy_ip *range)
{
	return a->v6 == range->v6 && a->prefix >= range->prefix &&
	       same_prefix(a->bytes, range->bytes, range->prefix);
}

bool policy_ip_is_loopback(const struct policy_ip *a)
{
	static const struct policy_ip v4 = {{127}, 8, false};
	static const struct policy_ip v6 = {{[15] = 1}, 128, true};

	return policy_ip_in_range(a, a->v6 ? &v6 : &v4);
}

bool policy_ip_is_multicast(const struct policy_ip *a)
{
	static const struct policy_ip v4 = {{224}, 4, false};
	static const struct policy_ip v6 = {{255}, 8, true};

	return policy_ip_in_range(a, a->v6 ? &v6 : &v4);
}

bool policy_ext_parse(enum policy_fn ctor, struct str text, struct arena *a,
		      struct policy_value *ret)
{
	struct policy_ip *ip;
	bool good = false;
	int64_t i = 0;

	if (ctor == POLICY_FN_IP) {
		ip = ARENA_NEW(a, struct policy_ip);
		if (!ip || !policy_ip_parse(text, ip)) {
			return false;
		}
		*ret = (struct policy_value){.kind = POLICY_IP, .ip = ip};
		return true;
	}
	if (ctor == POLICY_FN_DECIMAL) {
		good = policy_decimal_parse(text, &i);
	} else if (ctor == POLICY_FN_DATETIME) {
		good = policy_datetime_parse(text, &i);
	} else if (ctor == POLICY_FN_DURATION) {
		good = policy_duration_parse(text, &i);
	}
	if (!good) {
		return false;
	}
	*ret = policy_scalar(policy_fn_info(ctor)->result, i);
	return true;
}

static void write_decimal(struct buf *out, int64_t v)
{
	uint64_t abs = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	unsigned frac = (unsigned)(abs % 10000);
	int digits = 4;

	while (digits > 1 && frac % 10 == 0) {
		frac /= 10;
		digits--;
	}
	buf_append(out, v < 0 ? STR("-") : STR(""));
	buf_append_u64(out, abs / 10000);
	buf_printf(out, ".%0*u", digits, frac);
}

static void write_ip(struct buf *out, const struct policy_ip *ip)
{
	const uint8_t *b = ip->bytes;

	if (ip->v6) {
		for (int i = 0; i < 16; i += 2) {
			buf_printf(out, "%s%x", i > 0 ? ":" : "", (unsigned)(b[i] << 8 | b[i + 1]));
		}
	} else {
		buf_printf(out, "%u.%u.%u.%u", (unsigned)b[0], (unsigned)b[1], (unsigned)b[2],
			   (unsigned)b[3]);
	}
	buf_printf(out, "/%u", (unsigned)ip->prefix);
}

void policy_ext_write(struct buf *out, struct policy_value v)
{
	if (v.kind == POLICY_DECIMAL) {
		write_decimal(out, v.i);
	} else if (v.kind == POLICY_IP) {
		write_ip(out, v.ip);
	} else if (v.kind == POLICY_DATETIME) {
		policy_datetime_write(out, v.i);
	} else if (v.kind == POLICY_DURATION) {
		buf_append_i64(out, v.i);
		buf_append(out, STR("ms"));
	}
}
