/* SPDX-License-Identifier: Apache-2.0 */
#include "model/chat.h"

#include "base/fold.h"
#include "json/write.h"

enum {
	C_MODEL,
	C_MESSAGES,
	C_STREAM,
	C_STREAM_OPTIONS,
	C_MAX_TOKENS,
	C_MAX_COMPLETION_TOKENS,
	C_N,
	C_TOOLS,
	C_MAX
};

static const struct str names[C_MAX] = {
	[C_MODEL] = STR_INIT("model"),
	[C_MESSAGES] = STR_INIT("messages"),
	[C_STREAM] = STR_INIT("stream"),
	[C_STREAM_OPTIONS] = STR_INIT("stream_options"),
	[C_MAX_TOKENS] = STR_INIT("max_tokens"),
	[C_MAX_COMPLETION_TOKENS] = STR_INIT("max_completion_tokens"),
	[C_N] = STR_INIT("n"),
	[C_TOOLS] = STR_INIT("tools"),
};

/* spans[i] becomes the value of wanted[i]; false when a member imitates one of them. */
static bool pick(struct arena *a, struct str object, const struct str *wanted, size_t n,
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

static bool is_type(struct str raw, enum json_type type)
{
	return raw.p && json_raw_type(raw) == type;
}

/* Absent and null mean the same to every back end. */
static bool is_absent(struct str raw)
{
	return !raw.p || json_raw_type(raw) == JSON_NULL;
}

static enum model_error refuse(enum model_error e, struct err *why)
{
	err_ignore(ERR(why, ERR_INVALID, STR_FMT, STR_ARG(model_error_info(e)->text)));
	return e;
}

static bool take_bool(struct str raw, bool *ret)
{
	*ret = str_eq(raw, STR("true"));
	return is_absent(raw) || json_raw_type(raw) == JSON_BOOL;
}

/* Raises *ret to a positive integer; false when it is something else. */
static bool take_limit(struct str raw, uint64_t *ret)
{
	uint64_t v;

	if (is_absent(raw)) {
		return true;
	}
	if (json_raw_type(raw) != JSON_NUMBER || !str_to_u64(raw, &v) || v == 0) {
		return false;
	}
	*ret = v > *ret ? v : *ret;
	return true;
}

static bool take_model(struct arena *a, struct str raw, struct model_chat *c)
{
	if (!is_type(raw, JSON_STRING) || json_unquote(a, raw, &c->model, NULL) ||
	    c->model.n == 0 || c->model.n > MODEL_NAME_MAX) {
		return false;
	}
	c->model_raw = raw;
	for (size_t i = 0; i < c->model.n; i++) {
		unsigned char ch = (unsigned char)c->model.p[i];

		if (ch <= 0x20 || ch == 0x7f) {
			return false;
		}
	}
	return true;
}

static bool take_messages(struct arena *a, struct str raw, struct model_chat *c)
{
	static const struct str role = STR_INIT("role");
	struct json_member m;
	struct str r;

	if (!is_type(raw, JSON_ARRAY)) {
		return false;
	}
	for (struct json_walk w = json_walk(raw); json_walk_next(&w, &m);) {
		if (json_raw_type(m.value) != JSON_OBJECT || !pick(a, m.value, &role, 1, &r) ||
		    !is_type(r, JSON_STRING)) {
			return false;
		}
		c->n_messages++;
	}
	c->messages = raw;
	return c->n_messages > 0;
}

/* The function's name, or the type of a tool of another kind; false when it has neither. */
static bool tool_name(struct arena *a, struct str tool, struct str *ret)
{
	static const struct str members[] = {STR_INIT("type"), STR_INIT("function")};
	static const struct str name = STR_INIT("name");
	struct str r[ARRAY_LEN(members)], raw;

	if (json_raw_type(tool) != JSON_OBJECT || !pick(a, tool, members, ARRAY_LEN(members), r)) {
		return false;
	}
	raw = r[0];
	if (is_type(r[1], JSON_OBJECT) && !pick(a, r[1], &name, 1, &raw)) {
		return false;
	}
	return is_type(raw, JSON_STRING) && json_unquote(a, raw, ret, NULL) == ERR_OK;
}

static bool take_tools(struct arena *a, struct str raw, struct model_chat *c)
{
	struct json_member m;
	struct str name;

	if (is_absent(raw)) {
		return true;
	}
	if (json_raw_type(raw) != JSON_ARRAY) {
		return false;
	}
	for (struct json_walk w = json_walk(raw); json_walk_next(&w, &m);) {
		if (++c->n_tools > MODEL_TOOLS_MAX || !tool_name(a, m.value, &name)) {
			return false;
		}
	}
	c->tools = raw;
	return true;
}

static bool take_stream(struct arena *a, const struct str *r, struct model_chat *c)
{
	static const struct str name = STR_INIT("include_usage");
	struct str usage = {NULL, 0};

	if (!take_bool(r[C_STREAM], &c->stream)) {
		return false;
	}
	if (!is_absent(r[C_STREAM_OPTIONS]) && (json_raw_type(r[C_STREAM_OPTIONS]) != JSON_OBJECT ||
						!pick(a, r[C_STREAM_OPTIONS], &name, 1, &usage))) {
		return false;
	}
	return take_bool(usage, &c->include_usage);
}

enum model_error model_chat_parse(struct arena *a, struct str body, const struct json_opts *opts,
				  struct model_chat *ret, struct err *why)
{
	uint64_t n = 0;
	struct json_scan scan;
	struct str r[C_MAX];
	enum err_code code = json_scan(a, body, opts, &scan, why);

	*ret = (struct model_chat){.n = 1};
	if (code) {
		return code == ERR_LIMIT || code == ERR_NOMEM ? MODEL_ERROR_TOO_LARGE
							      : MODEL_ERROR_JSON;
	}
	if (scan.type != JSON_OBJECT) {
		return refuse(MODEL_ERROR_SHAPE, why);
	}
	ret->whole = scan.value;
	if (!pick(a, scan.value, names, C_MAX, r)) {
		return refuse(MODEL_ERROR_IMITATION, why);
	}
	if (!take_model(a, r[C_MODEL], ret)) {
		return refuse(MODEL_ERROR_NO_MODEL, why);
	}
	if (!take_messages(a, r[C_MESSAGES], ret)) {
		return refuse(MODEL_ERROR_MESSAGES, why);
	}
	if (!take_stream(a, r, ret)) {
		return refuse(MODEL_ERROR_STREAM, why);
	}
	if (!take_limit(r[C_MAX_TOKENS], &ret->max_tokens) ||
	    !take_limit(r[C_MAX_COMPLETION_TOKENS], &ret->max_tokens)) {
		return refuse(MODEL_ERROR_MAX_TOKENS, why);
	}
	if (!take_limit(r[C_N], &n) || n > MODEL_N_MAX) {
		return refuse(MODEL_ERROR_N, why);
	}
	ret->n = n ? (uint32_t)n : 1;
	if (!take_tools(a, r[C_TOOLS], ret)) {
		return refuse(MODEL_ERROR_TOOLS, why);
	}
	ret->input_bytes = ret->messages.n + ret->tools.n;
	return MODEL_ERROR_NONE;
}

void model_chat_splice(struct buf *out, const struct model_chat *c, struct str model)
{
	size_t before = (size_t)(c->model_raw.p - c->whole.p);

	buf_append(out, str_make(c->whole.p, before));
	json_put_str(out, model);
	buf_append(out, str_from(c->whole, before + c->model_raw.n));
}

bool model_chat_tool(struct json_walk *w, struct arena *a, struct str *ret_name)
{
	struct json_member m;

	return json_walk_next(w, &m) && tool_name(a, m.value, ret_name);
}
