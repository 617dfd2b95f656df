/* SPDX-License-Identifier: Apache-2.0 */
/* Words that stand for numbers: durations and sizes; and what a name may look like. */
#include "config/decode_priv.h"

struct unit {
	struct str name;
	uint64_t factor;
};

static bool with_unit(struct str s, const struct unit *units, size_t n, uint64_t *ret)
{
	size_t digits = 0;
	uint64_t v;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9') {
		digits++;
	}
	if (!str_to_u64(str_make(s.p, digits), &v)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (str_eq(str_from(s, digits), units[i].name)) {
			return !__builtin_mul_overflow(v, units[i].factor, ret);
		}
	}
	return false;
}

bool config_parse_duration(struct str s, uint64_t *ret_ns)
{
	static const struct unit units[] = {
		{STR_INIT("ns"), 1},
		{STR_INIT("us"), 1000},
		{STR_INIT("ms"), 1000000},
		{STR_INIT("s"), 1000000000},
		{STR_INIT("m"), UINT64_C(60) * 1000000000},
		{STR_INIT("h"), UINT64_C(3600) * 1000000000},
		{STR_INIT("d"), UINT64_C(86400) * 1000000000},
	};

	return with_unit(s, units, ARRAY_LEN(units), ret_ns);
}

bool config_parse_size(struct str s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{STR_INIT("B"), 1},
		{STR_INIT("KiB"), UINT64_C(1) << 10},
		{STR_INIT("MiB"), UINT64_C(1) << 20},
		{STR_INIT("GiB"), UINT64_C(1) << 30},
	};

	return with_unit(s, units, ARRAY_LEN(units), ret_bytes);
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool config_is_id(struct str id)
{
	if (id.n == 0 || id.n > CONFIG_MAX_ID || id.p[0] == '_' || id.p[0] == '-') {
		return false;
	}
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-') {
			return false;
		}
	}
	return true;
}

bool config_is_agent_name(struct str name)
{
	if (name.n == 0 || name.n > 128 || !is_alnum(name.p[0])) {
		return false;
	}
	for (size_t i = 0; i < name.n; i++) {
		if (!is_alnum(name.p[i]) && !memchr("._@:/+-|%~", name.p[i], 10)) {
			return false;
		}
	}
	return true;
}
