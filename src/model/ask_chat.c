/* SPDX-License-Identifier: Apache-2.0 */
/* Chat completions: what its clients ask, and the same asked of a back end. */
#include "model/ask_priv.h"

#include "json/write.h"

/* ---- reading ---- */

struct chat_message {
	struct str role, call_id, reasoning;
	const struct json *content, *calls;
};

static bool read_image(struct ask_reader *r, const struct json *part)
{
	static const struct ask_member url[] = {
		ASK("url", ask_str, struct model_part, text),
		ASK_ALL("detail", ask_auto),
	};
	static const struct ask_member members[] = {
		ASK_ALL("type", ask_hint),
		ASK("image_url", ask_json, struct chat_message, content),
	};
	struct chat_message m = {.content = NULL};
	struct model_part p = {.text = {NULL, 0}};

	return ask_members(r, part, "image_url", members, ARRAY_LEN(members), &m) &&
	       ask_members(r, m.content, "image_url", url, ARRAY_LEN(url), &p) &&
	       (ask_data_url(r, MODEL_ROLE_USER, p.text) || ask_refuse(r, "image_url", STR("url")));
}

static bool read_text(struct ask_reader *r, enum model_role role, const struct json *part)
{
	static const struct ask_member members[] = {
		ASK_ALL("type", ask_hint),
		ASK("text", ask_str, struct model_part, text),
		ASK_ALL("cache_control", ask_hint),
	};
	struct model_part *p = ask_part(r, role, MODEL_PART_TEXT);

	return p && ask_members(r, part, "messages[].content[]", members, ARRAY_LEN(members), p);
}

static bool read_content(struct ask_reader *r, enum model_role role, const struct json *content)
{
	if (json_is_string(content)) {
		struct model_part *p = ask_part(r, role, MODEL_PART_TEXT);

		if (p) {
			p->text = content->text;
		}
		return p != NULL;
	}
	if (content && content->type != JSON_ARRAY) {
		return ask_refuse(r, "messages[]", STR("content"));
	}
	JSON_EACH (part, content) {
		const struct json *type = json_get(part, STR("type"));
		bool ok = json_str_is(type, STR("text")) ? read_text(r, role, part)
			  : json_str_is(type, STR("image_url")) && role == MODEL_ROLE_USER
				  ? read_image(r, part)
				  : ask_refuse(r, "messages[].content[]", json_str(type));

		if (!ok) {
			return false;
		}
	}
	return true;
}

static bool read_call(struct ask_reader *r, const struct json *call)
{
	static const struct ask_member members[] = {
		ASK("id", ask_str, struct model_part, id),
		ASK_ALL("type", ask_hint),
		ASK_ALL("index", ask_hint),
		ASK_ALL("function", ask_hint),
	};
	static const struct ask_member function[] = {
		ASK("name", ask_str, struct model_part, name),
		ASK("arguments", ask_str, struct model_part, text),
	};
	const struct json *type = json_get(call, STR("type"));
	struct model_part *p = ask_part(r, MODEL_ROLE_ASSISTANT, MODEL_PART_CALL);

	if (type && !json_is_null(type) && !json_str_is(type, STR("function"))) {
		return ask_refuse(r, "messages[].tool_calls[]", json_str(type));
	}
	return p &&
	       ask_members(r, call, "messages[].tool_calls[]", members, ARRAY_LEN(members), p) &&
	       ask_members(r, json_get(call, STR("function")), "messages[].tool_calls[].function",
			   function, ARRAY_LEN(function), p);
}

static bool read_assistant(struct ask_reader *r, const struct chat_message *m)
{
	if (m->reasoning.n) {
		struct model_part *p = ask_part(r, MODEL_ROLE_ASSISTANT, MODEL_PART_REASONING);

		if (!p) {
			return false;
		}
		p->text = m->reasoning;
	}
	/* Beside calls an empty text says nothing. */
	if (!(json_str_is(m->content, STR("")) && m->calls) &&
	    !read_content(r, MODEL_ROLE_ASSISTANT, m->content)) {
		return false;
	}
	JSON_EACH (call, m->calls) {
		if (!read_call(r, call)) {
			return false;
		}
	}
	return true;
}

static bool read_result(struct ask_reader *r, const struct chat_message *m)
{
	static const struct str text = STR_INIT("text");
	struct model_part *p = ask_part(r, MODEL_ROLE_USER, MODEL_PART_RESULT);

	if (!p) {
		return false;
	}
	p->id = m->call_id;
	return ask_result_text(r, m->content, &text, 1, &p->text) ||
	       ask_refuse(r, "messages[]", STR("content"));
}

static bool read_message(struct ask_reader *r, const struct json *message)
{
	static const struct ask_member members[] = {
		ASK("role", ask_str, struct chat_message, role),
		ASK("content", ask_json, struct chat_message, content),
		ASK("tool_calls", ask_json, struct chat_message, calls),
		ASK("tool_call_id", ask_str, struct chat_message, call_id),
		ASK("reasoning_content", ask_str, struct chat_message, reasoning),
		ASK("reasoning", ask_str, struct chat_message, reasoning),
		ASK_ALL("annotations", ask_empty),
		ASK_ALL("prefix", ask_false),
	};
	struct chat_message m = {.content = NULL};

	if (!ask_members(r, message, "messages[]", members, ARRAY_LEN(members), &m)) {
		return false;
	}
	if (str_eq(m.role, STR("system")) || str_eq(m.role, STR("developer"))) {
		return read_content(r, MODEL_ROLE_SYSTEM, m.content);
	}
	if (str_eq(m.role, STR("user"))) {
		return read_content(r, MODEL_ROLE_USER, m.content);
	}
	return str_eq(m.role, STR("assistant")) ? read_assistant(r, &m)
	       : str_eq(m.role, STR("tool"))    ? read_result(r, &m)
						: ask_refuse(r, "messages[].role", m.role);
}

static bool take_messages(struct ask_reader *r, const struct json *v, void *to)
{
	(void)to;
	JSON_EACH (message, v) {
		if (!read_message(r, message)) {
			return false;
		}
	}
	return true;
}

static bool take_tools(struct ask_reader *r, const struct json *v, void *to)
{
	static const struct ask_member members[] = {
		ASK_ALL("type", ask_hint),
		ASK_ALL("function", ask_hint),
	};
	static const struct ask_member function[] = {
		ASK("name", ask_str, struct model_tool, name),
		ASK("description", ask_str, struct model_tool, description),
		ASK("parameters", ask_json, struct model_tool, schema),
		ASK("strict", ask_bool, struct model_tool, strict),
	};

	(void)to;
	JSON_EACH (item, v) {
		struct model_tool *tool = ask_tool(r);

		if (!json_str_is(json_get(item, STR("type")), STR("function"))) {
			return ask_refuse(r, "tools[]", json_str(json_get(item, STR("type"))));
		}
		if (!tool || !ask_members(r, item, "tools[]", members, ARRAY_LEN(members), tool) ||
		    !ask_members(r, json_get(item, STR("function")), "tools[].function", function,
				 ARRAY_LEN(function), tool)) {
			return false;
		}
	}
	return true;
}

/* "auto", "none", "required", or {"type":"function","function":{"name"}}. */
static bool take_choice(struct ask_reader *r, const struct json *v, void *to)
{
	const struct json *name = json_get(json_get(v, STR("function")), STR("name"));
	struct model_ask *ask = to;

	(void)r;
	ask->choice_said = true;
	ask->choice = json_str_is(v, STR("none"))       ? MODEL_CHOICE_NONE
		      : json_str_is(v, STR("required")) ? MODEL_CHOICE_ANY
		      : name                            ? MODEL_CHOICE_ONE
							: MODEL_CHOICE_AUTO;
	ask->choice_name = json_str(name);
	return json_is_string(v) ? ask->choice != MODEL_CHOICE_AUTO || json_str_is(v, STR("auto"))
				 : json_is_string(name);
}

static bool take_parallel(struct ask_reader *r, const struct json *v, void *to)
{
	bool many = false;
	bool ok = ask_bool(r, v, &many);

	((struct model_ask *)to)->one_call = !many;
	return ok;
}

static bool take_limit(struct ask_reader *r, const struct json *v, void *to)
{
	uint64_t n = 0, *limit = to;
	bool ok = ask_u64(r, v, &n);

	*limit = n > *limit ? n : *limit;
	return ok;
}

static bool take_format(struct ask_reader *r, const struct json *v, void *to)
{
	const struct json *type = json_get(v, STR("type"));
	struct model_ask *ask = to;

	ask->format_any = json_str_is(type, STR("json_object"));
	ask->format =
		json_str_is(type, STR("json_schema")) ? json_get(v, STR("json_schema")) : NULL;
	return ask->format_any || ask->format || json_str_is(type, STR("text")) ||
	       ask_refuse(r, "response_format", json_str(type));
}

static bool take_stream_options(struct ask_reader *r, const struct json *v, void *to)
{
	static const struct ask_member members[] = {
		ASK("include_usage", ask_bool, struct model_ask, include_usage),
		ASK_ALL("include_obfuscation", ask_hint),
	};

	return ask_members(r, v, "stream_options", members, ARRAY_LEN(members), to);
}

bool ask_read_chat(struct ask_reader *r, const struct json *whole)
{
	static const struct ask_member members[] = {
		ASK_ALL("model", ask_hint), /* read before */
		ASK_ALL("store", ask_hint), /* always false */
		ASK_ALL("messages", take_messages),
		ASK("stream", ask_bool, struct model_ask, stream),
		ASK_ALL("stream_options", take_stream_options),
		ASK("max_tokens", take_limit, struct model_ask, max_tokens),
		ASK("max_completion_tokens", take_limit, struct model_ask, max_tokens),
		ASK("temperature", ask_json, struct model_ask, temperature),
		ASK("top_p", ask_json, struct model_ask, top_p),
		ASK("top_k", ask_json, struct model_ask, top_k),
		ASK("stop", ask_stop, struct model_ask, stop),
		ASK_ALL("tools", take_tools),
		ASK_ALL("tool_choice", take_choice),
		ASK_ALL("parallel_tool_calls", take_parallel),
		ASK_ALL("response_format", take_format),
		ASK("reasoning_effort", ask_str, struct model_ask, effort),
		ASK("user", ask_str, struct model_ask, user),
		/* left at what they are without being said */
		ASK_ALL("n", ask_one),
		ASK_ALL("frequency_penalty", ask_zero),
		ASK_ALL("presence_penalty", ask_zero),
		ASK_ALL("logit_bias", ask_empty),
		ASK_ALL("logprobs", ask_false),
		ASK_ALL("metadata", ask_empty),
		ASK_ALL("safe_prompt", ask_false),
		ASK_ALL("service_tier", ask_auto),
		ASK_ALL("prompt_cache_key", ask_hint),
	};

	return ask_members(r, whole, "", members, ARRAY_LEN(members), r->ask);
}

/* ---- writing ---- */

/* Nine letters and digits, the same for the same id. */
static void put_id(struct json_writer *w, struct str key, struct str id, bool shorten)
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint64_t h = hash_str((struct hash_key){0}, id);
	bool plain = id.n == 9;
	char text[9];

	for (size_t i = 0; i < id.n && plain; i++) {
		plain = memchr(digits, id.p[i], sizeof(digits) - 1) != NULL;
	}
	for (size_t i = 0; i < sizeof(text); i++, h /= 62) {
		text[i] = digits[h % 62];
	}
	json_w_member_str(w, key, shorten && !plain ? str_make(text, sizeof(text)) : id);
}

static void put_part(struct json_writer *w, struct arena *a, const struct model_part *p)
{
	json_w_object(w);
	if (p->kind == MODEL_PART_IMAGE) {
		struct str url = arena_printf(a, "data:" STR_FMT ";base64,", STR_ARG(p->media));
		char *both = arena_alloc(a, url.n + p->text.n + 1);

		if (both) {
			memcpy(both, url.p, url.n);
			memcpy(both + url.n, p->text.p, p->text.n);
		}
		w->out->failed |= !both;
		json_w_member_str(w, STR("type"), STR("image_url"));
		json_w_key(w, STR("image_url"));
		json_w_object(w);
		json_w_member_str(w, STR("url"), str_make(both, both ? url.n + p->text.n : 0));
		json_w_end(w);
	} else {
		json_w_member_str(w, STR("type"), STR("text"));
		json_w_member_str(w, STR("text"), p->text);
	}
	json_w_end(w);
}

static bool is_content(const struct model_part *p)
{
	return p->kind == MODEL_PART_TEXT || p->kind == MODEL_PART_IMAGE;
}

/* One text is a string, which every back end takes; more are a list. */
static void put_content(struct json_writer *w, struct arena *a, const struct model_turn *t)
{
	const struct model_part *only = NULL;
	size_t n = 0;

	for (const struct model_part *p = t->first; p; p = p->next) {
		if (is_content(p)) {
			only = p;
			n++;
		}
	}
	json_w_key(w, STR("content"));
	if (n == 0) {
		json_w_null(w);
	} else if (n == 1 && only->kind == MODEL_PART_TEXT) {
		json_w_str(w, only->text);
	} else {
		json_w_array(w);
		for (const struct model_part *p = t->first; p; p = p->next) {
			if (is_content(p)) {
				put_part(w, a, p);
			}
		}
		json_w_end(w);
	}
}

static void put_calls(struct json_writer *w, const struct model_turn *t,
		      const struct model_quirks *q)
{
	bool any = false;

	for (const struct model_part *p = t->first; p; p = p->next) {
		if (p->kind != MODEL_PART_CALL) {
			continue;
		}
		if (!any) {
			json_w_key(w, STR("tool_calls"));
			json_w_array(w);
			any = true;
		}
		json_w_object(w);
		put_id(w, STR("id"), p->id, q->short_ids);
		json_w_member_str(w, STR("type"), STR("function"));
		json_w_key(w, STR("function"));
		json_w_object(w);
		json_w_member_str(w, STR("name"), p->name);
		json_w_member_str(w, STR("arguments"), p->text);
		json_w_end(w);
		json_w_end(w);
	}
	if (any) {
		json_w_end(w);
	}
}

/* Results are messages of their own, before what the user says. */
static bool put_results(struct json_writer *w, const struct model_turn *t,
			const struct model_quirks *q)
{
	bool more = false;

	for (const struct model_part *p = t->first; p; p = p->next) {
		if (p->kind != MODEL_PART_RESULT) {
			more = true;
			continue;
		}
		json_w_object(w);
		json_w_member_str(w, STR("role"), STR("tool"));
		put_id(w, STR("tool_call_id"), p->id, q->short_ids);
		json_w_key(w, STR("content"));
		if (p->is_error) { /* the dialect has no other place to say so */
			struct buf text;

			buf_init(&text, p->text.n + 16);
			buf_append(&text, STR("Error: "));
			buf_append(&text, p->text);
			json_w_str(w, buf_str(&text));
			w->out->failed |= text.failed;
			buf_done(&text);
		} else {
			json_w_str(w, p->text);
		}
		json_w_end(w);
	}
	return more;
}

static void put_reasoning(struct json_writer *w, const struct model_turn *t)
{
	for (const struct model_part *p = t->first; p; p = p->next) {
		if (p->kind == MODEL_PART_REASONING) {
			json_w_member_str(w, STR("reasoning_content"), p->text);
			return;
		}
	}
}

static void put_turn(struct json_writer *w, struct arena *a, const struct model_turn *t,
		     const struct model_quirks *q)
{
	static const struct str roles[] = {
		[MODEL_ROLE_NONE] = STR_INIT("user"),
		[MODEL_ROLE_SYSTEM] = STR_INIT("system"),
		[MODEL_ROLE_USER] = STR_INIT("user"),
		[MODEL_ROLE_ASSISTANT] = STR_INIT("assistant"),
	};

	if (!put_results(w, t, q)) {
		return;
	}
	json_w_object(w);
	json_w_member_str(w, STR("role"), roles[t->role]);
	put_content(w, a, t);
	put_reasoning(w, t);
	put_calls(w, t, q);
	json_w_end(w);
}

static void put_tools(struct json_writer *w, const struct model_ask *ask)
{
	if (!ask->first_tool) {
		return;
	}
	json_w_key(w, STR("tools"));
	json_w_array(w);
	for (const struct model_tool *t = ask->first_tool; t; t = t->next) {
		json_w_object(w);
		json_w_member_str(w, STR("type"), STR("function"));
		json_w_key(w, STR("function"));
		json_w_object(w);
		json_w_member_str(w, STR("name"), t->name);
		if (t->description.p) {
			json_w_member_str(w, STR("description"), t->description);
		}
		json_w_member_raw(w, STR("parameters"),
				  t->schema ? t->schema->raw
					    : STR("{\"type\":\"object\",\"properties\":{}}"));
		if (t->strict) {
			json_w_member_bool(w, STR("strict"), true);
		}
		json_w_end(w);
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_choice(struct json_writer *w, const struct model_ask *ask)
{
	if (ask->choice_said) {
		json_w_key(w, STR("tool_choice"));
		if (ask->choice == MODEL_CHOICE_ONE) {
			json_w_object(w);
			json_w_member_str(w, STR("type"), STR("function"));
			json_w_key(w, STR("function"));
			json_w_object(w);
			json_w_member_str(w, STR("name"), ask->choice_name);
			json_w_end(w);
			json_w_end(w);
		} else {
			json_w_str(w, ask->choice == MODEL_CHOICE_NONE  ? STR("none")
				      : ask->choice == MODEL_CHOICE_ANY ? STR("required")
									: STR("auto"));
		}
	}
	if (ask->one_call) {
		json_w_member_bool(w, STR("parallel_tool_calls"), false);
	}
}

static void put_format(struct json_writer *w, const struct model_ask *ask)
{
	if (!ask->format && !ask->format_any) {
		return;
	}
	json_w_key(w, STR("response_format"));
	json_w_object(w);
	json_w_member_str(w, STR("type"), ask->format ? STR("json_schema") : STR("json_object"));
	if (ask->format) {
		json_w_key(w, STR("json_schema"));
		json_w_object(w);
		JSON_EACH (m, ask->format) {
			if (!str_eq(m->key, STR("type"))) { /* responses have it in here */
				json_w_member_raw(w, m->key, m->raw);
			}
		}
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_raw(struct json_writer *w, struct str key, const struct json *v)
{
	if (v) {
		json_w_member_raw(w, key, v->raw);
	}
}

struct str ask_write_chat(struct buf *out, struct arena *a, const struct model_ask *ask,
			  struct str model, const struct model_quirks *q)
{
	struct json_writer w = json_writer(out);

	json_w_object(&w);
	json_w_member_str(&w, STR("model"), model);
	json_w_key(&w, STR("messages"));
	json_w_array(&w);
	for (const struct model_turn *t = ask->first; t; t = t->next) {
		put_turn(&w, a, t, q);
	}
	json_w_end(&w);
	put_tools(&w, ask);
	put_choice(&w, ask);
	put_format(&w, ask);
	if (ask->max_tokens) {
		json_w_member_u64(&w,
				  q->max_completion_tokens ? STR("max_completion_tokens")
							   : STR("max_tokens"),
				  ask->max_tokens);
	}
	put_raw(&w, STR("temperature"), ask->temperature);
	put_raw(&w, STR("top_p"), ask->top_p);
	put_raw(&w, STR("top_k"), ask->top_k);
	put_raw(&w, STR("stop"), ask->stop);
	if (ask->effort.n) {
		json_w_member_str(&w, STR("reasoning_effort"), ask->effort);
	}
	if (ask->user.n) {
		json_w_member_str(&w, STR("user"), ask->user);
	}
	if (ask->salt.n) {
		json_w_member_str(&w, STR("cache_salt"), ask->salt);
	}
	if (ask->stream) {
		json_w_member_bool(&w, STR("stream"), true);
		if (!q->no_stream_options) {
			json_w_member_raw(&w, STR("stream_options"),
					  STR("{\"include_usage\":true}"));
		}
	}
	json_w_end(&w);
	return str_make(NULL, 0);
}
