/* SPDX-License-Identifier: Apache-2.0 */
#include "model/chat.h"

#include "model/pick_priv.h"
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

static enum model_error refuse(enum model_error e, struct err *why)
{
	err_ignore(ERR(why, ERR_INVALID, STR_FMT, STR_ARG(model_error_info(e)->text)));
	return e;
}

static bool take_model(struct arena *a, struct str raw, struct model_chat *c)
{
	c->model_raw = raw;
	return model_take_name(a, raw, &c->model);
}

static bool take_messages(struct arena *a, struct str raw, struct model_chat *c)
{
	static const struct str role = STR_INIT("role");
	struct json_member m;
	struct str r;

	if (!model_is_type(raw, JSON_ARRAY)) {
		return false;
	}
	for (struct json_walk w = json_walk(raw); json_walk_next(&w, &m);) {
		if (json_raw_type(m.value) != JSON_OBJECT ||
		    !model_pick(a, m.value, &role, 1, &r) || !model_is_type(r, JSON_STRING)) {
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

	if (json_raw_type(tool) != JSON_OBJECT ||
	    !model_pick(a, tool, members, ARRAY_LEN(members), r)) {
		return false;
	}
	raw = r[0];
	if (model_is_type(r[1], JSON_OBJECT) && !model_pick(a, r[1], &name, 1, &raw)) {
		return false;
	}
	return model_is_type(raw, JSON_STRING) && json_unquote(a, raw, ret, NULL) == ERR_OK;
}

static bool take_tools(struct arena *a, struct str raw, struct model_chat *c)
{
	struct json_member m;
	struct str name;

	if (model_is_absent(raw)) {
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

	if (!model_take_bool(r[C_STREAM], &c->stream)) {
		return false;
	}
	if (!model_is_absent(r[C_STREAM_OPTIONS]) &&
	    (json_raw_type(r[C_STREAM_OPTIONS]) != JSON_OBJECT ||
	     !model_pick(a, r[C_STREAM_OPTIONS], &name, 1, &usage))) {
		return false;
	}
	return model_take_bool(usage, &c->include_usage);
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
	if (!model_pick(a, scan.value, names, C_MAX, r)) {
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
	if (!model_take_limit(r[C_MAX_TOKENS], &ret->max_tokens) ||
	    !model_take_limit(r[C_MAX_COMPLETION_TOKENS], &ret->max_tokens)) {
		return refuse(MODEL_ERROR_MAX_TOKENS, why);
	}
	if (!model_take_limit(r[C_N], &n) || n > MODEL_N_MAX) {
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
