/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ask_priv.h"

enum { WHAT_MAX = 64 };

bool ask_refuse(struct ask_reader *r, const char *where, struct str key)
{
	struct str cut = key.p ? str_make(key.p, key.n < WHAT_MAX ? key.n : WHAT_MAX) : STR("");

	if (!r->what.p) {
		r->what = arena_printf(r->a, "%s%s" STR_FMT, where, where[0] && cut.n ? "." : "",
				       STR_ARG(cut));
		if (!r->what.p) {
			r->what = STR("");
		}
	}
	return false;
}

static bool no_memory(struct ask_reader *r)
{
	if (!r->what.p) {
		r->what = STR("");
	}
	return false;
}

bool ask_members(struct ask_reader *r, const struct json *object, const char *where,
		 const struct ask_member *table, size_t n, void *to)
{
	if (!json_is_object(object)) {
		return ask_refuse(r, where, str_make(NULL, 0));
	}
	JSON_EACH (m, object) {
		const struct ask_member *known = NULL;

		for (size_t i = 0; i < n && !known; i++) {
			known = str_eq(table[i].name, m->key) ? &table[i] : NULL;
		}
		if (!json_is_null(m) && (!known || !known->take(r, m, (char *)to + known->at))) {
			return ask_refuse(r, where, m->key);
		}
	}
	return true;
}

bool ask_str(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	*(struct str *)to = json_str(v);
	return json_is_string(v);
}

bool ask_json(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	*(const struct json **)to = v;
	return true;
}

bool ask_u64(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	return json_u64(v, to);
}

bool ask_bool(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	*(bool *)to = json_is_bool(v) && v->boolean;
	return json_is_bool(v);
}

bool ask_stop(struct ask_reader *r, const struct json *v, void *to)
{
	JSON_EACH (item, v) {
		if (!json_is_string(item)) {
			return false;
		}
	}
	return (json_is_string(v) || json_is_array(v)) && ask_json(r, v, to);
}

bool ask_hint(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)v;
	(void)to;
	return true;
}

bool ask_false(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)to;
	return json_is_bool(v) && !v->boolean;
}

static bool is_number(const struct json *v, double wanted)
{
	double d;

	return json_f64(v, &d) && d <= wanted && d >= wanted;
}

bool ask_zero(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)to;
	return is_number(v, 0);
}

bool ask_one(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)to;
	return is_number(v, 1);
}

bool ask_empty(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)to;
	return (v->type == JSON_ARRAY || v->type == JSON_OBJECT) && v->n == 0;
}

bool ask_auto(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)to;
	return json_str_is(v, STR("auto"));
}

struct model_part *ask_part(struct ask_reader *r, enum model_role role, enum model_part_kind kind)
{
	struct model_turn *turn = r->ask->last;
	struct model_part *part = ARENA_NEW(r->a, struct model_part);

	if (!part) {
		(void)no_memory(r);
		return NULL;
	}
	if (!turn || turn->role != role) {
		turn = ARENA_NEW(r->a, struct model_turn);
		if (!turn) {
			(void)no_memory(r);
			return NULL;
		}
		turn->role = role;
		if (r->ask->last) {
			r->ask->last->next = turn;
		} else {
			r->ask->first = turn;
		}
		r->ask->last = turn;
	}
	part->kind = kind;
	if (turn->last) {
		turn->last->next = part;
	} else {
		turn->first = part;
	}
	turn->last = part;
	return part;
}

struct model_tool *ask_tool(struct ask_reader *r)
{
	struct model_tool *tool = ARENA_NEW(r->a, struct model_tool);

	if (!tool) {
		(void)no_memory(r);
		return NULL;
	}
	if (r->ask->last_tool) {
		r->ask->last_tool->next = tool;
	} else {
		r->ask->first_tool = tool;
	}
	r->ask->last_tool = tool;
	return tool;
}

bool ask_data_url(struct ask_reader *r, enum model_role role, struct str url)
{
	static const struct str scheme = STR_INIT("data:"), coding = STR_INIT(";base64,");
	size_t at = str_find_str(url, coding);
	struct model_part *part;

	if (!str_starts_with(url, scheme) || at == url.n) {
		return false;
	}
	part = ask_part(r, role, MODEL_PART_IMAGE);
	if (part) {
		part->media = str_make(url.p + scheme.n, at - scheme.n);
		part->text = str_from(url, at + coding.n);
	}
	return part != NULL;
}

static bool is_one(const struct json *type, const struct str *types, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (json_str_is(type, types[i])) {
			return true;
		}
	}
	return false;
}

bool ask_result_text(struct ask_reader *r, const struct json *v, const struct str *types,
		     size_t n_types, struct str *ret)
{
	size_t n = 0;
	char *to;

	if (json_is_string(v)) {
		*ret = v->text;
		return true;
	}
	if (!json_is_array(v)) {
		return false;
	}
	JSON_EACH (item, v) {
		if (!is_one(json_get(item, STR("type")), types, n_types) ||
		    !json_is_string(json_get(item, STR("text")))) {
			return ask_refuse(r, "a tool's result with",
					  json_str(json_get(item, STR("type"))));
		}
		n += json_str(json_get(item, STR("text"))).n + 1;
	}
	to = arena_alloc(r->a, n + 1);
	if (!to) {
		return no_memory(r);
	}
	*ret = str_make(to, 0);
	JSON_EACH (part, v) {
		struct str text = json_str(json_get(part, STR("text")));

		if (ret->n) {
			to[ret->n++] = '\n';
		}
		if (text.n) {
			memcpy(to + ret->n, text.p, text.n);
		}
		ret->n += text.n;
	}
	return true;
}

bool model_ask_read(struct arena *a, enum model_api api, const struct json *whole,
		    struct model_ask *ret, struct str *ret_what)
{
	struct model_ask ask = {.choice = MODEL_CHOICE_AUTO};
	struct ask_reader r = {.a = a, .ask = &ask};
	bool ok = api == MODEL_API_CHAT        ? ask_read_chat(&r, whole)
		  : api == MODEL_API_MESSAGES  ? ask_read_messages(&r, whole)
		  : api == MODEL_API_RESPONSES ? ask_read_responses(&r, whole)
					       : ask_refuse(&r, "", model_api_info(api)->name);

	*ret_what = r.what;
	*ret = ask;
	return ok;
}

bool model_ask_write(struct buf *out, struct arena *a, enum model_api api,
		     const struct model_ask *ask, struct str model, const struct model_quirks *q,
		     struct str *ret_what)
{
	*ret_what = api == MODEL_API_CHAT        ? ask_write_chat(out, a, ask, model, q)
		    : api == MODEL_API_MESSAGES  ? ask_write_messages(out, a, ask, model)
		    : api == MODEL_API_RESPONSES ? ask_write_responses(out, ask, model)
						 : model_api_info(api)->name;
	return !ret_what->p && !out->failed;
}
