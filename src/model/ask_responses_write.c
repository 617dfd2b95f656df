/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's responses: what a back end is asked that speaks only these. Nothing is stored there. */
#include "model/ask_priv.h"
#include "json/write.h"

static void put_type(struct json_writer *w, struct str type)
{
	json_w_object(w);
	json_w_member_str(w, STR("type"), type);
}

/* A part of a message; true: it is one. */
static bool is_said(const struct model_part *p)
{
	return p->kind == MODEL_PART_TEXT || p->kind == MODEL_PART_IMAGE;
}

static void put_said(struct json_writer *w, enum model_role role, const struct model_part *p)
{
	struct buf url;

	if (p->kind == MODEL_PART_TEXT) {
		put_type(w, role == MODEL_ROLE_ASSISTANT ? STR("output_text") : STR("input_text"));
		json_w_member_str(w, STR("text"), p->text);
		json_w_end(w);
		return;
	}
	buf_init(&url, p->media.n + p->text.n + 32);
	buf_append(&url, STR("data:"));
	buf_append(&url, p->media);
	buf_append(&url, STR(";base64,"));
	buf_append(&url, p->text);
	put_type(w, STR("input_image"));
	json_w_member_str(w, STR("image_url"), buf_str(&url));
	json_w_end(w);
	w->out->failed |= url.failed;
	buf_done(&url);
}

/* Neighbours that are said are one message; the first that is not. */
static const struct model_part *put_message(struct json_writer *w, enum model_role role,
					    const struct model_part *p)
{
	static const struct str roles[] = {
		[MODEL_ROLE_NONE] = STR_INIT("user"),
		[MODEL_ROLE_SYSTEM] = STR_INIT("system"),
		[MODEL_ROLE_USER] = STR_INIT("user"),
		[MODEL_ROLE_ASSISTANT] = STR_INIT("assistant"),
	};

	put_type(w, STR("message"));
	json_w_member_str(w, STR("role"), roles[role]);
	json_w_key(w, STR("content"));
	json_w_array(w);
	for (; p && is_said(p); p = p->next) {
		put_said(w, role, p);
	}
	json_w_end(w);
	json_w_end(w);
	return p;
}

static void put_result(struct json_writer *w, const struct model_part *p)
{
	struct buf text;

	put_type(w, STR("function_call_output"));
	json_w_member_str(w, STR("call_id"), p->id);
	buf_init(&text, p->text.n + 16);
	buf_append(&text,
		   p->is_error ? STR("Error: ") : STR("")); /* there is no other place for it */
	buf_append(&text, p->text);
	json_w_member_str(w, STR("output"), buf_str(&text));
	json_w_end(w);
	w->out->failed |= text.failed;
	buf_done(&text);
}

static void put_item(struct json_writer *w, const struct model_part *p)
{
	if (p->kind == MODEL_PART_RESULT) {
		put_result(w, p);
		return;
	}
	if (p->kind == MODEL_PART_CALL) {
		put_type(w, STR("function_call"));
		json_w_member_str(w, STR("call_id"), p->id);
		json_w_member_str(w, STR("name"), p->name);
		json_w_member_str(w, STR("arguments"), p->text);
		json_w_end(w);
		return;
	}
	put_type(w, STR("reasoning"));
	json_w_member_raw(w, STR("summary"), STR("[]"));
	json_w_key(w, STR("content"));
	json_w_array(w);
	put_type(w, STR("reasoning_text"));
	json_w_member_str(w, STR("text"), p->text);
	json_w_end(w);
	json_w_end(w);
	json_w_end(w);
}

static void put_input(struct json_writer *w, const struct model_ask *ask)
{
	json_w_key(w, STR("input"));
	json_w_array(w);
	for (const struct model_turn *t = ask->first; t; t = t->next) {
		for (const struct model_part *p = t->first; p;) {
			if (is_said(p)) {
				p = put_message(w, t->role, p);
			} else {
				put_item(w, p);
				p = p->next;
			}
		}
	}
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
		put_type(w, STR("function"));
		json_w_member_str(w, STR("name"), t->name);
		if (t->description.p) {
			json_w_member_str(w, STR("description"), t->description);
		}
		json_w_member_raw(w, STR("parameters"),
				  t->schema ? t->schema->raw
					    : STR("{\"type\":\"object\",\"properties\":{}}"));
		json_w_member_bool(w, STR("strict"), t->strict); /* it is, where nothing is said */
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_choice(struct json_writer *w, const struct model_ask *ask)
{
	if (ask->choice_said && ask->choice == MODEL_CHOICE_ONE) {
		json_w_key(w, STR("tool_choice"));
		put_type(w, STR("function"));
		json_w_member_str(w, STR("name"), ask->choice_name);
		json_w_end(w);
	} else if (ask->choice_said) {
		json_w_member_str(w, STR("tool_choice"),
				  ask->choice == MODEL_CHOICE_NONE  ? STR("none")
				  : ask->choice == MODEL_CHOICE_ANY ? STR("required")
								    : STR("auto"));
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
	json_w_key(w, STR("text"));
	json_w_object(w);
	json_w_key(w, STR("format"));
	put_type(w, ask->format ? STR("json_schema") : STR("json_object"));
	JSON_EACH (m, ask->format) {
		if (!str_eq(m->key, STR("type"))) {
			json_w_member_raw(w, m->key, m->raw);
		}
	}
	json_w_end(w);
	json_w_end(w);
}

static void put_settings(struct json_writer *w, const struct model_ask *ask)
{
	if (ask->max_tokens) {
		json_w_member_u64(w, STR("max_output_tokens"), ask->max_tokens);
	}
	if (ask->temperature) {
		json_w_member_raw(w, STR("temperature"), ask->temperature->raw);
	}
	if (ask->top_p) {
		json_w_member_raw(w, STR("top_p"), ask->top_p->raw);
	}
	if (ask->effort.n) {
		json_w_key(w, STR("reasoning"));
		json_w_object(w);
		json_w_member_str(w, STR("effort"), ask->effort);
		json_w_end(w);
	}
	if (ask->user.n) {
		json_w_member_str(w, STR("user"), ask->user);
	}
	if (ask->salt.n) {
		json_w_member_str(w, STR("cache_salt"), ask->salt);
	}
	if (ask->stream) {
		json_w_member_bool(w, STR("stream"), true);
	}
}

struct str ask_write_responses(struct buf *out, const struct model_ask *ask, struct str model)
{
	struct json_writer w = json_writer(out);

	if (ask->stop) {
		return STR("stop");
	}
	if (ask->top_k) {
		return STR("top_k");
	}
	json_w_object(&w);
	json_w_member_str(&w, STR("model"), model);
	json_w_member_bool(&w, STR("store"), false);
	put_input(&w, ask);
	put_tools(&w, ask);
	put_choice(&w, ask);
	put_format(&w, ask);
	put_settings(&w, ask);
	json_w_end(&w);
	return str_make(NULL, 0);
}
