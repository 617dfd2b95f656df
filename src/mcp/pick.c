/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/pick.h"

/* The ASCII letter, in lower case, to which a character folds; takes its bytes off *s. */
static char fold_next(struct str *s)
{
	static const struct {
		struct str bytes;
		char to;
	} folds[] = {
		{STR_INIT("\xc5\xbf"), 's'},     /* U+017F long s */
		{STR_INIT("\xe2\x84\xaa"), 'k'}, /* U+212A Kelvin sign */
		{STR_INIT("\xc4\xb0"), 'i'},     /* U+0130 I with dot */
		{STR_INIT("\xc4\xb1"), 'i'},     /* U+0131 i without dot */
	};
	char c = s->p[0];

	if ((unsigned char)c >= 0x80) {
		for (size_t i = 0; i < ARRAY_LEN(folds); i++) {
			if (str_starts_with(*s, folds[i].bytes)) {
				*s = str_from(*s, folds[i].bytes.n);
				return folds[i].to;
			}
		}
	}
	*s = str_from(*s, 1);
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool mcp_key_resembles(struct str key, struct str name)
{
	if (key.n < name.n || key.n > 3 * name.n || str_eq(key, name)) {
		return false;
	}
	while (key.n && name.n) {
		if (fold_next(&key) != fold_next(&name)) {
			return false;
		}
	}
	return key.n == 0 && name.n == 0;
}

/* Names written without need in another way hide; a slash is escaped by some writers always. */
static bool only_slashes_escaped(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		if (key.p[i] == '\\' && key.p[++i] != '/') {
			return false;
		}
	}
	return true;
}

bool mcp_key_is_plain(struct arena *scratch, const struct json_member *m, const struct str *names,
		      size_t n, size_t *ret)
{
	struct str key = m->key;

	if (m->key_escaped && json_unquote(scratch, str_make(key.p - 1, key.n + 2), &key, NULL)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (str_eq(key, names[i])) {
			*ret = i;
			return !m->key_escaped || only_slashes_escaped(m->key);
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (mcp_key_resembles(key, names[i])) {
			return false;
		}
	}
	*ret = n;
	return true;
}

bool mcp_pick(struct arena *scratch, struct str object, const struct str *names, size_t n,
	      struct str *spans)
{
	struct json_member m;

	memset(spans, 0, n * sizeof(*spans));
	for (struct json_walk w = json_walk(object); json_walk_next(&w, &m);) {
		size_t i;

		if (!mcp_key_is_plain(scratch, &m, names, n, &i)) {
			return false;
		}
		if (i < n) {
			spans[i] = m.value;
		}
	}
	return true;
}
