/* SPDX-License-Identifier: Apache-2.0 */
#include "model/request.h"

#include "model/pick_priv.h"
#include "json/write.h"

static const struct model_api_info apis[MODEL_API_MAX] = {
	[MODEL_API_CHAT] = {STR_INIT("chat/completions"), STR_INIT("chat"), MODEL_DIALECT_OPENAI,
			    true},
	[MODEL_API_COMPLETIONS] = {STR_INIT("completions"), STR_INIT("completions"),
				   MODEL_DIALECT_OPENAI, true},
	[MODEL_API_EMBEDDINGS] = {STR_INIT("embeddings"), STR_INIT("embeddings"),
				  MODEL_DIALECT_OPENAI, false},
	[MODEL_API_RESPONSES] = {STR_INIT("responses"), STR_INIT("responses"), MODEL_DIALECT_OPENAI,
				 true},
	[MODEL_API_MESSAGES] = {STR_INIT("messages"), STR_INIT("messages"), MODEL_DIALECT_ANTHROPIC,
				true},
	[MODEL_API_COUNT_TOKENS] = {STR_INIT("messages/count_tokens"), STR_INIT("count_tokens"),
				    MODEL_DIALECT_ANTHROPIC, false},
};

const struct model_api_info *model_api_info(enum model_api api)
{
	ASSERT(api < MODEL_API_MAX);
	return &apis[api];
}

enum model_api model_api_find(struct str path)
{
	for (enum model_api api = MODEL_API_CHAT; api < MODEL_API_MAX; api++) {
		if (str_eq(apis[api].path, path)) {
			return api;
		}
	}
	return MODEL_API_NONE;
}

enum {
	R_MODEL,
	R_STREAM,
	R_STORE,
	R_CACHE_SALT,
	R_TOOLS,
	R_INPUT,
	R_MESSAGES,
	R_PROMPT,
	R_SYSTEM,
	R_INSTRUCTIONS,
	R_MAX_TOKENS,
	R_MAX_OUTPUT_TOKENS,
	R_N,
	R_MAX
};

static const struct str names[R_MAX] = {
	[R_MODEL] = STR_INIT("model"),
	[R_STREAM] = STR_INIT("stream"),
	[R_STORE] = STR_INIT("store"),
	[R_CACHE_SALT] = STR_INIT("cache_salt"),
	[R_TOOLS] = STR_INIT("tools"),
	[R_INPUT] = STR_INIT("input"),
	[R_MESSAGES] = STR_INIT("messages"),
	[R_PROMPT] = STR_INIT("prompt"),
	[R_SYSTEM] = STR_INIT("system"),
	[R_INSTRUCTIONS] = STR_INIT("instructions"),
	[R_MAX_TOKENS] = STR_INIT("max_tokens"),
	[R_MAX_OUTPUT_TOKENS] = STR_INIT("max_output_tokens"),
	[R_N] = STR_INIT("n"),
};

/* What the address is about is there, and text or a list. */
static bool has_input(enum model_api api, const struct str *r)
{
	struct str raw = api == MODEL_API_COMPLETIONS ? r[R_PROMPT]
			 : api == MODEL_API_MESSAGES || api == MODEL_API_COUNT_TOKENS
				 ? r[R_MESSAGES]
				 : r[R_INPUT];

	return model_is_type(raw, JSON_ARRAY) ||
	       (model_is_type(raw, JSON_STRING) && api != MODEL_API_MESSAGES &&
		api != MODEL_API_COUNT_TOKENS);
}

static bool take_tools(struct arena *a, struct str raw, struct model_request *q)
{
	struct str name;
	size_t n = 0;

	if (model_is_absent(raw)) {
		return true;
	}
	if (json_raw_type(raw) != JSON_ARRAY) {
		return false;
	}
	q->tools = raw;
	for (struct json_walk w = json_walk(raw), copy = w;; copy = w) {
		struct json_member m;

		if (!json_walk_next(&w, &m)) {
			return true;
		}
		if (++n > MODEL_TOOLS_MAX || !model_request_tool(&copy, a, &name)) {
			return false;
		}
	}
}

static enum model_error take(struct arena *a, const struct str *r, struct model_request *q)
{
	q->model_raw = r[R_MODEL];
	if (!model_take_name(a, r[R_MODEL], &q->model)) {
		return MODEL_ERROR_NO_MODEL;
	}
	if (!model_take_bool(r[R_STREAM], &q->stream) || (q->stream && !apis[q->api].streams)) {
		return MODEL_ERROR_STREAM;
	}
	if (!has_input(q->api, r)) {
		return MODEL_ERROR_INPUT;
	}
	if (!model_take_limit(r[R_MAX_TOKENS], &q->max_tokens) ||
	    !model_take_limit(r[R_MAX_OUTPUT_TOKENS], &q->max_tokens)) {
		return MODEL_ERROR_MAX_TOKENS;
	}
	if (!model_take_limit(r[R_N], &q->n) || q->n > MODEL_N_MAX) {
		return MODEL_ERROR_N;
	}
	if (!take_tools(a, r[R_TOOLS], q)) {
		return MODEL_ERROR_TOOLS;
	}
	q->store_raw = r[R_STORE];
	q->salt_raw = r[R_CACHE_SALT];
	q->begins = r[R_SYSTEM].p         ? r[R_SYSTEM]
		    : r[R_INSTRUCTIONS].p ? r[R_INSTRUCTIONS]
		    : r[R_MESSAGES].p     ? r[R_MESSAGES]
		    : r[R_INPUT].p        ? r[R_INPUT]
					  : r[R_PROMPT];
	q->input_bytes = r[R_INPUT].n + r[R_MESSAGES].n + r[R_PROMPT].n + r[R_SYSTEM].n +
			 r[R_INSTRUCTIONS].n + q->tools.n;
	return MODEL_ERROR_NONE;
}

/* Chat has a parser of its own, which looks at more. */
static enum model_error parse_chat(struct arena *a, struct str body, const struct json_opts *opts,
				   struct model_request *q, struct err *why)
{
	static const struct str own[] = {STR_INIT("store"), STR_INIT("cache_salt")};
	struct str r[ARRAY_LEN(own)];
	struct model_chat c;
	enum model_error e = model_chat_parse(a, body, opts, &c, why);

	if (e) {
		return e;
	}
	*q = (struct model_request){.api = MODEL_API_CHAT,
				    .whole = c.whole,
				    .model_raw = c.model_raw,
				    .model = c.model,
				    .tools = c.tools,
				    .n = c.n,
				    .begins = c.messages,
				    .stream = c.stream,
				    .include_usage = c.include_usage,
				    .max_tokens = c.max_tokens,
				    .input_bytes = c.input_bytes};
	if (!model_pick(a, c.whole, own, ARRAY_LEN(own), r)) {
		return MODEL_ERROR_IMITATION;
	}
	q->store_raw = r[0];
	q->salt_raw = r[1];
	return MODEL_ERROR_NONE;
}

enum model_error model_request_parse(struct arena *a, enum model_api api, struct str body,
				     const struct json_opts *opts, struct model_request *ret,
				     struct err *why)
{
	struct model_request q = {.api = api, .n = 1};
	struct str r[R_MAX];
	enum model_error e;

	if (api == MODEL_API_CHAT) {
		e = parse_chat(a, body, opts, &q, why);
	} else {
		struct json_scan scan;
		enum err_code code = json_scan(a, body, opts, &scan, why);

		if (code) {
			return code == ERR_LIMIT || code == ERR_NOMEM ? MODEL_ERROR_TOO_LARGE
								      : MODEL_ERROR_JSON;
		}
		q.whole = scan.value;
		e = scan.type != JSON_OBJECT                      ? MODEL_ERROR_SHAPE
		    : !model_pick(a, scan.value, names, R_MAX, r) ? MODEL_ERROR_IMITATION
								  : take(a, r, &q);
	}
	e = e ? e : model_guard(a, api, q.whole, &q.unmeasured);
	if (!e) {
		*ret = q;
	}
	return e;
}

struct edit {
	struct str old; /* in the request */
	struct str text;
	bool quoted;
};

static void put_edit(struct buf *out, const struct edit *e)
{
	if (e->quoted) {
		json_put_str(out, e->text);
	} else {
		buf_append(out, e->text);
	}
}

/* Members that the client has not. */
static void put_besides(struct buf *out, const struct model_request *r)
{
	if (!r->store_raw.p && r->api == MODEL_API_RESPONSES) {
		buf_append(out, STR("\"store\":false,"));
	}
	if (r->say_max_tokens) {
		json_put_str(out, r->say_max_tokens_as);
		buf_append_c(out, ':');
		buf_append_u64(out, r->say_max_tokens);
		buf_append_c(out, ',');
	}
	if (r->say_usage) {
		buf_append(out, STR("\"stream_options\":{\"include_usage\":true},"));
	}
	if (r->say_salt.n && !r->salt_raw.p) {
		buf_append(out, STR("\"cache_salt\":"));
		json_put_str(out, r->say_salt);
		buf_append_c(out, ',');
	}
}

/* The first of those that lie behind `at`; NULL: none does. */
static const struct edit *next_edit(const struct edit *edits, size_t n, const char *at)
{
	const struct edit *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (edits[i].old.p >= at && (!best || edits[i].old.p < best->old.p)) {
			best = &edits[i];
		}
	}
	return best;
}

void model_request_splice(struct buf *out, const struct model_request *r, struct str model)
{
	struct edit edits[3] = {{r->model_raw, model, true}};
	const char *at = r->whole.p + 1;
	const struct edit *e;
	size_t n = 1;

	if (r->store_raw.p) {
		edits[n++] = (struct edit){r->store_raw, STR("false"), false};
	}
	if (r->salt_raw.p && r->say_salt.n) {
		edits[n++] = (struct edit){r->salt_raw, r->say_salt, true};
	}
	buf_append_c(out, '{');
	put_besides(out, r);
	for (; (e = next_edit(edits, n, at)) != NULL; at = e->old.p + e->old.n) {
		buf_append(out, str_make(at, (size_t)(e->old.p - at)));
		put_edit(out, e);
	}
	buf_append(out, str_make(at, (size_t)(r->whole.p + r->whole.n - at)));
}

/* {"type":"function","function":{"name":...}}, or the name beside the type, or only a type. */
bool model_request_tool(struct json_walk *w, struct arena *a, struct str *ret_name)
{
	static const struct str members[] = {STR_INIT("name"), STR_INIT("function"),
					     STR_INIT("type")};
	static const struct str name = STR_INIT("name");
	struct str r[ARRAY_LEN(members)], raw;
	struct json_member m;

	if (!json_walk_next(w, &m) || json_raw_type(m.value) != JSON_OBJECT ||
	    !model_pick(a, m.value, members, ARRAY_LEN(members), r)) {
		return false;
	}
	raw = r[0].p ? r[0] : r[2];
	if (model_is_type(r[1], JSON_OBJECT) && !model_pick(a, r[1], &name, 1, &raw)) {
		return false;
	}
	return model_is_type(raw, JSON_STRING) && json_unquote(a, raw, ret_name, NULL) == ERR_OK;
}
