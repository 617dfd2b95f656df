/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fold.h"
#include "model/pick_priv.h"
#include "model/request.h"

/* Members whose text is the address of something to fetch. */
static const struct str urls[] = {STR_INIT("url"), STR_INIT("image_url"), STR_INIT("video_url"),
				  STR_INIT("audio_url"), STR_INIT("file_url")};
/* Members that name what lies at the back end. */
static const struct str ids[] = {STR_INIT("file_id"), STR_INIT("container_id")};

/* Members that say of what kind content is. */
static const struct str medias[] = {STR_INIT("media_type"), STR_INIT("file_data"),
				    STR_INIT("input_audio")};

struct guard {
	struct arena *a;
	bool unmeasured;
};

/* Of the whole request: what has no content that a back end would read as such. */
static const struct str no_content[] = {STR_INIT("tools"), STR_INIT("tool_choice"),
					STR_INIT("response_format"), STR_INIT("text"),
					STR_INIT("metadata")};

/* *ret is whether `key` is one of the names; false when it imitates one. */
static bool is_one_of(struct str key, bool escaped, const struct str *names, size_t n, bool *ret)
{
	*ret = false;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(key, names[i])) {
			*ret = true;
			return !escaped;
		}
		if (fold_resembles(key, names[i])) {
			return false;
		}
	}
	return true;
}

static bool is_inline(struct str raw)
{
	return str_starts_with(raw, STR("\"data:"));
}

static bool is_tool_use(struct arena *a, struct str object)
{
	static const struct str type = STR_INIT("type");
	struct str r;

	return model_pick(a, object, &type, 1, &r) && str_eq(r, STR("\"tool_use\""));
}

/* As a back end is told that it is: an image is one picture, text is bytes. */
static bool is_measured(struct str media)
{
	return str_starts_with(media, STR("image/")) || str_starts_with(media, STR("text/"));
}

/* Content whose bytes do not bound its tokens. */
static bool is_unmeasured(struct str key, struct str value, bool url)
{
	bool text = json_raw_type(value) == JSON_STRING, data = text && is_inline(value);
	struct str inside = text ? str_make(value.p + 1, value.n - 2) : value;

	if (url || str_eq(key, STR("file_data"))) {
		return str_eq(key, STR("video_url")) || str_eq(key, STR("audio_url")) ||
		       (text && !(data && is_measured(str_from(inside, 5))));
	}
	return str_eq(key, STR("input_audio")) ||
	       (str_eq(key, STR("media_type")) && text && !is_measured(inside));
}

static enum model_error guard_content(struct guard *g, struct str raw);

static enum model_error guard_member(struct guard *g, const struct json_member *m)
{
	struct str key = m->key;
	struct arena *a = g->a;
	bool url, id, media;

	if (m->key_escaped && json_unquote(a, str_make(key.p - 1, key.n + 2), &key, NULL)) {
		return MODEL_ERROR_TOO_LARGE;
	}
	if (!is_one_of(key, m->key_escaped, urls, ARRAY_LEN(urls), &url) ||
	    !is_one_of(key, m->key_escaped, ids, ARRAY_LEN(ids), &id) ||
	    !is_one_of(key, m->key_escaped, medias, ARRAY_LEN(medias), &media)) {
		return MODEL_ERROR_IMITATION;
	}
	if (url && json_raw_type(m->value) == JSON_STRING && !is_inline(m->value)) {
		return MODEL_ERROR_REMOTE;
	}
	if (id && !model_is_absent(m->value)) {
		return MODEL_ERROR_STATE;
	}
	g->unmeasured |=
		(url || media) && !model_is_absent(m->value) && is_unmeasured(key, m->value, url);
	return guard_content(g, m->value);
}

/* Recursion is bounded by the depth that json_scan accepted. */
static enum model_error guard_content(struct guard *g, struct str raw)
{
	enum json_type type = json_raw_type(raw);
	enum model_error e = MODEL_ERROR_NONE;
	struct json_member m;
	bool arguments;

	if (type != JSON_OBJECT && type != JSON_ARRAY) {
		return MODEL_ERROR_NONE;
	}
	/* What a model once asked a tool for is told again, not fetched. */
	arguments = type == JSON_OBJECT && is_tool_use(g->a, raw);
	for (struct json_walk w = json_walk(raw); !e && json_walk_next(&w, &m);) {
		if (type == JSON_ARRAY) {
			e = guard_content(g, m.value);
		} else if (!(arguments && str_eq(m.key, STR("input")))) {
			e = guard_member(g, &m);
		}
	}
	return e;
}

/* Only what the caller itself runs: {"type":"function"}, "custom", or of Messages no type. */
static enum model_error guard_tools(struct arena *a, struct str tools)
{
	static const struct str type = STR_INIT("type");
	struct json_member m;
	struct str r;

	if (model_is_absent(tools)) {
		return MODEL_ERROR_NONE;
	}
	for (struct json_walk w = json_walk(tools); json_walk_next(&w, &m);) {
		if (json_raw_type(m.value) != JSON_OBJECT ||
		    !model_pick(a, m.value, &type, 1, &r)) {
			return MODEL_ERROR_TOOLS;
		}
		if (!model_is_absent(r) && !str_eq(r, STR("\"function\"")) &&
		    !str_eq(r, STR("\"custom\""))) {
			return MODEL_ERROR_BUILTIN;
		}
	}
	return MODEL_ERROR_NONE;
}

enum model_error model_guard(struct arena *a, enum model_api api, struct str whole,
			     bool *ret_unmeasured)
{
	static const struct str names[] = {
		STR_INIT("tools"),        STR_INIT("web_search_options"),
		STR_INIT("mcp_servers"),  STR_INIT("container"),
		STR_INIT("plugins"),      STR_INIT("previous_response_id"),
		STR_INIT("conversation"), STR_INIT("background"),
		STR_INIT("prompt"),
	};
	struct guard g = {.a = a};
	struct str r[ARRAY_LEN(names)];
	enum model_error e;
	struct json_member m;

	if (!model_pick(a, whole, names, ARRAY_LEN(names), r)) {
		return MODEL_ERROR_IMITATION;
	}
	e = guard_tools(a, r[0]);
	if (e) {
		return e;
	}
	for (size_t i = 1; i < 5; i++) {
		if (!model_is_absent(r[i])) {
			return MODEL_ERROR_BUILTIN;
		}
	}
	if (!model_is_absent(r[5]) || !model_is_absent(r[6]) ||
	    !(model_is_absent(r[7]) || str_eq(r[7], STR("false"))) ||
	    (api == MODEL_API_RESPONSES && !model_is_absent(r[8]))) {
		return MODEL_ERROR_STATE;
	}
	for (struct json_walk w = json_walk(whole); !e && json_walk_next(&w, &m);) {
		bool skip = false;

		for (size_t i = 0; i < ARRAY_LEN(no_content); i++) {
			skip = skip || str_eq(m.key, no_content[i]);
		}
		e = skip ? e : guard_member(&g, &m);
	}
	*ret_unmeasured = g.unmeasured;
	return e;
}
