/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/json_priv.h"

enum { BASE64_LEAST = 64 };

/* One past the string that begins at `at`. */
static size_t string_end(struct str json, size_t at)
{
	for (at++; at < json.n && json.p[at] != '"'; at++) {
		at += json.p[at] == '\\';
	}
	return at < json.n ? at + 1 : json.n;
}

static bool is_number(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* A name is followed by a colon. */
static bool is_name(struct str json, size_t after)
{
	while (after < json.n && (json.p[after] == ' ' || json.p[after] == '\t' ||
				  json.p[after] == '\n' || json.p[after] == '\r')) {
		after++;
	}
	return after < json.n && json.p[after] == ':';
}

/* Past a name or a bracket; false: a value begins here. */
static bool pass(struct detect_tokens *t)
{
	char c = t->json.p[t->at];

	if (c == '"') {
		size_t end = string_end(t->json, t->at);

		if (!is_name(t->json, end)) {
			return false;
		}
		t->name = str_make(t->json.p + t->at + 1, end - t->at - 2);
		t->at = end;
		return true;
	}
	if (c == '-' || (c >= '0' && c <= '9')) {
		return false;
	}
	if (c == '{' || c == '[') {
		t->depth++;
	} else if (c == '}' || c == ']') {
		t->depth--;
	}
	if (c == '{' || c == '[' || c == ',') {
		t->name = STR("");
	}
	t->at++;
	return true;
}

enum detect_token detect_token_next(struct detect_tokens *t, struct str *ret)
{
	size_t from;

	while (t->at < t->json.n && pass(t)) {
	}
	from = t->at;
	if (from >= t->json.n) {
		return DETECT_END;
	}
	if (t->json.p[from] == '"') {
		t->at = string_end(t->json, from);
		*ret = str_make(t->json.p + from, t->at - from);
		return DETECT_STRING;
	}
	while (t->at < t->json.n && is_number(t->json.p[t->at])) {
		t->at++;
	}
	*ret = str_make(t->json.p + from, t->at - from);
	return DETECT_NUMBER;
}

static bool is_base64(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '+' || c == '/' || c == '=')) {
			return false;
		}
	}
	return s.n >= BASE64_LEAST;
}

bool detect_is_opaque(struct str name, struct str text)
{
	static const struct str names[] = {STR_INIT("data"), STR_INIT("signature"),
					   STR_INIT("encrypted_content")};

	if (str_starts_with(text, STR("data:"))) {
		size_t comma = str_find(text, ',');

		return str_ends_with(str_make(text.p, comma), STR(";base64")) &&
		       is_base64(str_from(text, comma + 1));
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (str_eq(name, names[i])) {
			return is_base64(text);
		}
	}
	return false;
}
