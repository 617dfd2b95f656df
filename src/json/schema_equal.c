/* SPDX-License-Identifier: Apache-2.0 */
/* When two JSON values are the same: numbers by value, objects in any order. */
#include "json/schema_priv.h"
#include "json/walk.h"

bool json_schema_spend(struct schema_work *w, uint64_t steps)
{
	if (w->steps < steps || w->code) {
		w->code = w->code ? w->code : ERR_LIMIT;
		w->steps = 0;
		return false;
	}
	w->steps -= steps;
	return true;
}

struct str json_schema_text(struct schema_work *w, struct str raw)
{
	struct str text = {0};

	if (json_unquote(w->scratch, raw, &text, NULL) != ERR_OK) {
		w->code = w->code ? w->code : ERR_NOMEM;
	}
	return text;
}

/* The key as a raw string: its quotes stand around it. */
static struct str raw_key(const struct json_member *m)
{
	return str_make(m->key.p - 1, m->key.n + 2);
}

static struct str key_text(struct schema_work *w, const struct json_member *m)
{
	return m->key_escaped ? json_schema_text(w, raw_key(m)) : m->key;
}

static bool equal_strings(struct schema_work *w, struct str a, struct str b)
{
	if (str_eq(a, b)) {
		return true;
	}
	if (!memchr(a.p, '\\', a.n) && !memchr(b.p, '\\', b.n)) {
		return false;
	}
	return str_eq(json_schema_text(w, a), json_schema_text(w, b)) && !w->code;
}

static size_t count(struct str v)
{
	struct json_member m;
	size_t n = 0;

	for (struct json_walk i = json_walk(v); json_walk_next(&i, &m);) {
		n++;
	}
	return n;
}

static bool find(struct schema_work *w, struct str object, struct str key, struct str *ret)
{
	struct json_member m;

	for (struct json_walk i = json_walk(object); json_walk_next(&i, &m);) {
		if (str_eq(key_text(w, &m), key)) {
			*ret = m.value;
			return !w->code;
		}
	}
	return false;
}

static bool equal_objects(struct schema_work *w, struct str a, struct str b)
{
	struct json_member m;
	struct str other;

	if (count(a) != count(b)) {
		return false;
	}
	for (struct json_walk i = json_walk(a); json_walk_next(&i, &m);) {
		if (!json_schema_spend(w, 1 + b.n / 16) || !find(w, b, key_text(w, &m), &other) ||
		    !json_schema_equal(w, m.value, other)) {
			return false;
		}
	}
	return true;
}

static bool equal_arrays(struct schema_work *w, struct str a, struct str b)
{
	struct json_walk i = json_walk(a), j = json_walk(b);
	struct json_member x, y;

	for (;;) {
		bool more = json_walk_next(&i, &x), more_too = json_walk_next(&j, &y);

		if (more != more_too) {
			return false;
		}
		if (!more) {
			return true;
		}
		if (!json_schema_equal(w, x.value, y.value)) {
			return false;
		}
	}
}

/* As deep as the values: JSON_MAX_DEPTH. */
bool json_schema_equal(struct schema_work *w, struct str a, struct str b)
{
	enum json_type type = json_raw_type(a);

	if (type != json_raw_type(b) || !json_schema_spend(w, 1 + a.n / 16)) {
		return false;
	}
	switch (type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return a.p[0] == b.p[0];
	case JSON_NUMBER: {
		struct json_decimal x = json_decimal(a), y = json_decimal(b);

		return json_decimal_cmp(&x, &y) == 0;
	}
	case JSON_STRING:
		return equal_strings(w, a, b);
	case JSON_ARRAY:
		return equal_arrays(w, a, b);
	case JSON_OBJECT:
		return equal_objects(w, a, b);
	}
	return false;
}

uint64_t json_schema_print(struct schema_work *w, struct str v)
{
	const struct hash_key key = {0};
	enum json_type type = json_raw_type(v);
	uint64_t h = (uint64_t)type + 1;
	struct json_member m;

	if (!json_schema_spend(w, 1 + v.n / 16)) {
		return 0;
	}
	switch (type) {
	case JSON_NULL:
		break;
	case JSON_BOOL:
		h = v.p[0] == 't' ? 7 : 8;
		break;
	case JSON_NUMBER: {
		struct json_decimal d = json_decimal(v);

		h = json_decimal_print(&d) + 11;
		break;
	}
	case JSON_STRING:
		h = hash_str(key, json_schema_text(w, v));
		break;
	case JSON_ARRAY:
		for (struct json_walk i = json_walk(v); json_walk_next(&i, &m);) {
			h = (h + json_schema_print(w, m.value)) * UINT64_C(0x9e3779b97f4a7c15);
		}
		break;
	case JSON_OBJECT:
		for (struct json_walk i = json_walk(v); json_walk_next(&i, &m);) {
			h += hash_str(key, key_text(w, &m)) ^
			     json_schema_print(w, m.value) * UINT64_C(0xff51afd7ed558ccd);
		}
		break;
	}
	return h;
}
