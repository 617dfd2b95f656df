/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/pick.h"

#include "base/fold.h"

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
		if (key.n == names[i].n && str_eq(key, names[i])) {
			*ret = i;
			return !m->key_escaped || only_slashes_escaped(m->key);
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (fold_resembles(key, names[i])) {
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
