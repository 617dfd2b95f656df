/* SPDX-License-Identifier: Apache-2.0 */
#include "http/field.h"

static const struct {
	struct str name;
	unsigned flags;
} known[HTTP_F_MAX + 1] = {
#define X(id, text, f) [HTTP_F_##id] = {STR_INIT(text), (f)},
	HTTP_KNOWN_FIELDS(X)
#undef X
};

/* The first known name of each length; a unit test checks that every name is found. */
static const uint8_t first_of_length[] = {
	[2] = HTTP_F_TE,
	[4] = HTTP_F_DATE,
	[6] = HTTP_F_ACCEPT,
	[7] = HTTP_F_TRAILER,
	[8] = HTTP_F_LOCATION,
	[9] = HTTP_F_X_API_KEY,
	[10] = HTTP_F_CONNECTION,
	[11] = HTTP_F_RETRY_AFTER,
	[12] = HTTP_F_CONTENT_TYPE,
	[13] = HTTP_F_AUTHORIZATION,
	[14] = HTTP_F_CONTENT_LENGTH,
	[15] = HTTP_F_ACCEPT_ENCODING,
	[16] = HTTP_F_CONTENT_ENCODING,
	[17] = HTTP_F_ANTHROPIC_VERSION,
	[18] = HTTP_F_PROXY_AUTHENTICATE,
	[19] = HTTP_F_PROXY_AUTHORIZATION,
	[20] = HTTP_F_MCP_PROTOCOL_VERSION,
};

enum http_field_id http_field_find(struct str name)
{
	unsigned id;

	if (name.n >= ARRAY_LEN(first_of_length) || first_of_length[name.n] == 0) {
		return HTTP_F_UNKNOWN;
	}
	for (id = first_of_length[name.n]; known[id].name.n == name.n; id++) {
		if ((name.p[0] | 0x20) == known[id].name.p[0] && str_ieq(known[id].name, name)) {
			return (enum http_field_id)id;
		}
	}
	return HTTP_F_UNKNOWN;
}

unsigned http_field_flags(enum http_field_id id)
{
	return known[id].flags;
}

/* RFC 9110 section 5.6.2: the 15 marks of a token, digits and letters. */
static const bool token_char[256] = {
	['!'] = true,         ['#'] = true,         ['$'] = true, ['%'] = true,
	['&'] = true,         ['\''] = true,        ['*'] = true, ['+'] = true,
	['-'] = true,         ['.'] = true,         ['^'] = true, ['_'] = true,
	['`'] = true,         ['|'] = true,         ['~'] = true, ['0' ... '9'] = true,
	['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

bool http_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!token_char[(unsigned char)s.p[i]]) {
			return false;
		}
	}
	return s.n != 0;
}

static bool value_char(unsigned char c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

/*
 * Whether any of 8 bytes may be a control character: each byte below 0x20 borrows in the
 * first difference, each 0x7f in the second. Bytes from 0x80 on are left out by the mask.
 */
static bool maybe_control(uint64_t w)
{
	const uint64_t ones = UINT64_MAX / 255, high = ones * 0x80;
	uint64_t del = w ^ ones * 0x7f;

	return (((w - ones * 0x20) | (del - ones)) & ~w & high) != 0;
}

bool http_is_value(struct str s)
{
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t w;

		memcpy(&w, s.p + i, sizeof(w));
		if (!maybe_control(w)) {
			continue;
		}
		for (size_t k = i; k < i + 8; k++) {
			if (!value_char((unsigned char)s.p[k])) {
				return false;
			}
		}
	}
	for (; i < s.n; i++) {
		if (!value_char((unsigned char)s.p[i])) {
			return false;
		}
	}
	return true;
}

bool http_list_next(struct str *rest, struct str *ret)
{
	while (rest->p) {
		struct str element = str_trim(str_cut(rest, ','));

		if (element.n) {
			*ret = element;
			return true;
		}
	}
	return false;
}

bool http_list_has(struct str list, struct str token)
{
	struct str element;

	while (http_list_next(&list, &element)) {
		if (str_ieq(element, token)) {
			return true;
		}
	}
	return false;
}

bool http_field_is_connections(const struct http_field *f, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++) {
		if (http_field_find(f[i].name) == HTTP_F_CONNECTION &&
		    http_list_has(f[i].value, name)) {
			return true;
		}
	}
	return false;
}

/* RFC 9110 section 12.4.2: "0", "0.", "0.0" to "0.000" all mean "not acceptable". */
static bool is_q_zero(struct str parameter)
{
	struct str value = parameter, name = str_trim(str_cut(&value, '='));

	value = str_trim(value);
	if (!str_ieq(name, STR("q")) || value.n == 0) {
		return false;
	}
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] != '0' && !(i == 1 && value.p[i] == '.')) {
			return false;
		}
	}
	return true;
}

static bool range_admits(struct str range, struct str type, struct str subtype, bool *ret_refused)
{
	struct str rest = range, media = str_trim(str_cut(&rest, ';'));
	struct str sub = media, main = str_cut(&sub, '/');
	bool any = str_eq(main, STR("*")), any_sub = str_eq(sub, STR("*"));

	if (!(any || str_ieq(main, type)) || !(any_sub || str_ieq(sub, subtype))) {
		return false;
	}
	while (rest.p) {
		if (is_q_zero(str_cut(&rest, ';'))) {
			*ret_refused |= !any && !any_sub; /* an exact "no" beats a wild card */
			return false;
		}
	}
	return true;
}

bool http_accepts(struct str accept, struct str type, struct str subtype)
{
	struct str range;
	bool admitted = accept.n == 0, refused = false;

	while (http_list_next(&accept, &range)) {
		admitted |= range_admits(range, type, subtype, &refused);
	}
	return admitted && !refused;
}

bool http_type_is(struct str content_type, struct str type)
{
	return str_ieq(str_trim(str_cut(&content_type, ';')), type);
}
