/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pick_priv.h"

#include "base/fold.h"
#include "model/chat.h"

bool model_pick(struct arena *a, struct str object, const struct str *wanted, size_t n,
		struct str *spans)
{
	struct json_member m;

	memset(spans, 0, n * sizeof(*spans));
	for (struct json_walk w = json_walk(object); json_walk_next(&w, &m);) {
		struct str key = m.key;

		if (m.key_escaped && json_unquote(a, str_make(key.p - 1, key.n + 2), &key, NULL)) {
			return false;
		}
		for (size_t i = 0; i < n; i++) {
			if (str_eq(key, wanted[i]) ? m.key_escaped
						   : fold_resembles(key, wanted[i])) {
				return false;
			}
			if (str_eq(key, wanted[i])) {
				spans[i] = m.value;
			}
		}
	}
	return true;
}

bool model_take_bool(struct str raw, bool *ret)
{
	*ret = str_eq(raw, STR("true"));
	return model_is_absent(raw) || json_raw_type(raw) == JSON_BOOL;
}

bool model_take_limit(struct str raw, uint64_t *ret)
{
	uint64_t v;

	if (model_is_absent(raw)) {
		return true;
	}
	if (json_raw_type(raw) != JSON_NUMBER || !str_to_u64(raw, &v) || v == 0) {
		return false;
	}
	*ret = v > *ret ? v : *ret;
	return true;
}

bool model_take_name(struct arena *a, struct str raw, struct str *ret)
{
	if (!model_is_type(raw, JSON_STRING) || json_unquote(a, raw, ret, NULL) || ret->n == 0 ||
	    ret->n > MODEL_NAME_MAX) {
		return false;
	}
	for (size_t i = 0; i < ret->n; i++) {
		unsigned char ch = (unsigned char)ret->p[i];

		if (ch <= 0x20 || ch == 0x7f) {
			return false;
		}
	}
	return true;
}
