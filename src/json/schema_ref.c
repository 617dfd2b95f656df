/* SPDX-License-Identifier: Apache-2.0 */
/* Where a reference within a schema leads: by pointer (RFC 6901) or by anchor. */
#include "json/schema_priv.h"

static int hex_digit(char ch)
{
	char l = (char)(ch | 0x20);

	return ch >= '0' && ch <= '9' ? ch - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* RFC 6901 section 6: percent-encoded in a fragment, and ~0 and ~1 within. */
static struct str unescape(char *to, struct str s, bool pointer)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && hex_digit(s.p[i + 1]) >= 0 &&
		    hex_digit(s.p[i + 2]) >= 0) {
			to[n++] = (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2]));
			i += 2;
		} else {
			to[n++] = s.p[i];
		}
	}
	if (pointer) {
		size_t kept = 0;

		for (size_t i = 0; i < n; i++, kept++) {
			bool is =
				to[i] == '~' && i + 1 < n && (to[i + 1] == '0' || to[i + 1] == '1');

			to[kept] = is ? (to[i + 1] == '0' ? '~' : '/') : to[i];
			i += is;
		}
		n = kept;
	}
	return str_make(to, n);
}

static const struct json *step(const struct json *j, struct str token)
{
	uint64_t i;

	if (json_is_object(j)) {
		return json_get(j, token);
	}
	if (!json_is_array(j) || !str_to_u64(token, &i) || (token.n > 1 && token.p[0] == '0')) {
		return NULL;
	}
	j = j->first;
	while (j && i--) {
		j = j->next;
	}
	return j;
}

static const struct json *by_pointer(const struct json *doc, struct str pointer, char *room)
{
	const struct json *j = doc;
	struct str rest = str_from(pointer, 1);

	while (j && rest.p) {
		j = step(j, unescape(room, str_cut(&rest, '/'), true));
	}
	return j;
}

static bool is_anchor(const struct json *j, struct str name)
{
	struct str id = json_str(json_get(j, STR("$id")));

	return json_str_is(json_get(j, STR("$anchor")), name) ||
	       json_str_is(json_get(j, STR("$dynamicAnchor")), name) ||
	       (id.n == name.n + 1 && id.p[0] == '#' && str_ends_with(id, name));
}

/* Values that are data hold no schemas, whatever they look like. */
static bool is_data(const struct json *j)
{
	return str_eq(j->key, STR("enum")) || str_eq(j->key, STR("const")) ||
	       str_eq(j->key, STR("default")) || str_eq(j->key, STR("examples"));
}

static enum err_code by_anchor(struct arena *scratch, const struct json *doc, struct str name,
			       const struct json **ret, struct err *err)
{
	const struct json **stack = NULL;
	size_t n = 0, cap = 0;

	*ret = NULL;
	if (!ARENA_GROW(scratch, &stack, n, &cap)) {
		return ERR(err, ERR_NOMEM, "no memory for the schema");
	}
	stack[n++] = doc;
	while (n && !*ret) {
		const struct json *j = stack[--n];

		if (json_is_object(j) && is_anchor(j, name)) {
			*ret = j;
		}
		JSON_EACH (item, j) {
			if (item->n == 0 || is_data(item)) {
				continue;
			}
			if (!ARENA_GROW(scratch, &stack, n, &cap)) {
				return ERR(err, ERR_NOMEM, "no memory for the schema");
			}
			stack[n++] = item;
		}
	}
	return ERR_OK;
}

enum err_code json_schema_resolve(struct arena *scratch, const struct json *doc, struct str id,
				  const struct json *ref, const struct json **ret, struct err *err)
{
	struct str text = json_str(ref), base = str_make(text.p, str_find(text, '#')), fragment;
	const struct json *target = NULL;
	char *room = arena_alloc(scratch, text.n + 1);

	if (!json_is_string(ref)) {
		return ERR(err, ERR_INVALID, "byte %u: a reference is a string", ref->at);
	}
	if (!room) {
		return ERR(err, ERR_NOMEM, "no memory for the schema");
	}
	if (base.n && !str_eq(base, id)) {
		return ERR(err, ERR_UNSUPPORTED,
			   "byte %u: a reference leads out of its document, and nothing is fetched",
			   ref->at);
	}
	fragment = str_from(text, base.n + 1);
	if (fragment.n == 0) {
		target = doc;
	} else if (fragment.p[0] == '/') {
		target = by_pointer(doc, fragment, room);
	} else {
		TRY(by_anchor(scratch, doc, unescape(room, fragment, false), &target, err));
	}
	if (!target) {
		return ERR(err, ERR_INVALID, "byte %u: nothing is where a reference leads",
			   ref->at);
	}
	*ret = target;
	return ERR_OK;
}
