/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's messages: what its clients ask, and the same asked of a back end. */
#include "model/ask_priv.h"

#include "json/write.h"

/* ---- reading ---- */

struct block {
	struct str type, text, id, name, thinking;
	const struct json *source, *input, *content;
	bool is_error;
};

static const struct ask_member block_members[] = {
	ASK("type", ask_str, struct block, type),
	ASK("text", ask_str, struct block, text),
	ASK("source", ask_json, struct block, source),
	ASK("id", ask_str, struct block, id),
	ASK("tool_use_id", ask_str, struct block, id),
	ASK("name", ask_str, struct block, name),
	ASK("input", ask_json, struct block, input),
	ASK("content", ask_json, struct block, content),
	ASK("is_error", ask_bool, struct block, is_error),
	ASK("thinking", ask_str, struct block, thinking),
	ASK_ALL("signature", ask_hint), /* of whoever thought; nobody else can check it */
	ASK_ALL("cache_control", ask_hint),
	ASK_ALL("citations", ask_empty),
	ASK_ALL("caller", ask_hint),
};

static bool read_image(struct ask_reader *r, const struct json *source)
{
	static const struct ask_member members[] = {
		ASK("type", ask_str, struct model_part, name),
		ASK("media_type", ask_str, struct model_part, media),
		ASK("data", ask_str, struct model_part, text),
	};
	struct model_part *p = ask_part(r, MODEL_ROLE_USER, MODEL_PART_IMAGE);

	return p && ask_members(r, source, "source", members, ARRAY_LEN(members), p) &&
	       (str_eq(p->name, STR("base64")) || ask_refuse(r, "source.type", p->name));
}

static bool read_block(struct ask_reader *r, enum model_role role, const struct json *block)
{
	static const struct str text = STR_INIT("text");
	struct block b = {.is_error = false};
	struct model_part *p;

	if (!ask_members(r, block, "messages[].content[]", block_members, ARRAY_LEN(block_members),
			 &b)) {
		return false;
	}
	if (str_eq(b.type, STR("image")) && role == MODEL_ROLE_USER) {
		return read_image(r, b.source);
	}
	if (str_eq(b.type, STR("text"))) {
		p = ask_part(r, role, MODEL_PART_TEXT);
	} else if (str_eq(b.type, STR("tool_use")) && role == MODEL_ROLE_ASSISTANT) {
		p = ask_part(r, role, MODEL_PART_CALL);
	} else if (str_eq(b.type, STR("tool_result")) && role == MODEL_ROLE_USER) {
		p = ask_part(r, role, MODEL_PART_RESULT);
	} else if (str_eq(b.type, STR("thinking")) && role == MODEL_ROLE_ASSISTANT) {
		p = ask_part(r, role, MODEL_PART_REASONING);
	} else {
		return ask_refuse(r, "messages[].content[]", b.type);
	}
	if (!p) {
		return false;
	}
	p->id = b.id;
	p->name = b.name;
	p->is_error = b.is_error;
	p->text = p->kind == MODEL_PART_CALL        ? b.input ? b.input->raw : STR("{}")
			 : p->kind == MODEL_PART_REASONING ? b.thinking
						    : b.text;
	return p->kind != MODEL_PART_RESULT || !b.content ||
	       ask_result_text(r, b.content, &text, 1, &p->text);
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
	if (!json_is_array(content)) {
		return ask_refuse(r, "messages[]", STR("content"));
	}
	JSON_EACH (block, content) {
		if (!read_block(r, role, block)) {
			return false;
		}
	}
	return true;
}

static bool take_system(struct ask_reader *r, const struct json *v, void *to)
{
	(void)to;
	return read_content(r, MODEL_ROLE_SYSTEM, v);
}

static bool take_messages(struct ask_reader *r, const struct json *v, void *to)
{
	static const struct ask_member members[] = {
		ASK("role", ask_str, struct block, type),
		ASK("content", ask_json, struct block, content),
	};

	(void)to;
	JSON_EACH (message, v) {
		struct block b = {.is_error = false};

		if (!ask_members(r, message, "messages[]", members, ARRAY_LEN(members), &b)) {
			return false;
		}
		if (!str_eq(b.type, STR("user")) && !str_eq(b.type, STR("assistant"))) {
			return ask_refuse(r, "messages[].role", b.type);
		}
		if (!read_content(
			    r, str_eq(b.type, STR("user")) ? MODEL_ROLE_USER : MODEL_ROLE_ASSISTANT,
			    b.content)) {
			return false;
		}
	}
	return true;
}

static bool take_tools(struct ask_reader *r, const struct json *v, void *to)
{
	static const struct ask_member members[] = {
		ASK_ALL("type", ask_hint), /* a custom tool: the guard lets no other through */
		ASK("name", ask_str, struct model_tool, name),
		ASK("description", ask_str, struct model_tool, description),
		ASK("input_schema", ask_json, struct model_tool, schema),
		ASK("strict", ask_bool, struct model_tool, strict),
		ASK_ALL("cache_control", ask_hint),
		ASK_ALL("eager_input_streaming", ask_hint),
	};

	(void)to;
	JSON_EACH (item, v) {
		struct model_tool *tool = ask_tool(r);

		if (!tool || !ask_members(r, item, "tools[]", members, ARRAY_LEN(members), tool)) {
			return false;
		}
	}
	return true;
}

static bool take_choice(struct ask_reader *r, const struct json *v, void *to)
{
	static const struct ask_member members[] = {
		ASK("type", ask_str, struct block, type),
		ASK("name", ask_str, struct block, name),
		ASK("disable_parallel_tool_use", ask_bool, struct block, is_error),
	};
	struct model_ask *ask = to;
	struct block b = {.is_error = false};

	if (!ask_members(r, v, "tool_choice", members, ARRAY_LEN(members), &b)) {
		return false;
	}
	ask->choice_said = true;
	ask->one_call = b.is_error;
	ask->choice_name = b.name;
	ask->choice = str_eq(b.type, STR("none"))   ? MODEL_CHOICE_NONE
		      : str_eq(b.type, STR("any"))  ? MODEL_CHOICE_ANY
		      : str_eq(b.type, STR("tool")) ? MODEL_CHOICE_ONE
						    : MODEL_CHOICE_AUTO;
	return ask->choice != MODEL_CHOICE_AUTO || str_eq(b.type, STR("auto"));
}

static bool take_metadata(struct ask_reader *r, const struct json *v, void *to)
{
	static const struct ask_member members[] = {
		ASK("user_id", ask_str, struct model_ask, user),
	};

	return ask_members(r, v, "metadata", members, ARRAY_LEN(members), to);
}

/* Only that there be none. */
static bool take_thinking(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)to;
	return json_str_is(json_get(v, STR("type")), STR("disabled"));
}

static bool take_tier(struct ask_reader *r, const struct json *v, void *to)
{
	return ask_auto(r, v, to) || json_str_is(v, STR("standard_only"));
}

bool ask_read_messages(struct ask_reader *r, const struct json *whole)
{
	static const struct ask_member members[] = {
		ASK_ALL("model", ask_hint),
		ASK_ALL("store", ask_hint),
		ASK_ALL("system", ask_hint), /* read first */
		ASK_ALL("messages", take_messages),
		ASK("stream", ask_bool, struct model_ask, stream),
		ASK("max_tokens", ask_u64, struct model_ask, max_tokens),
		ASK("temperature", ask_json, struct model_ask, temperature),
		ASK("top_p", ask_json, struct model_ask, top_p),
		ASK("top_k", ask_json, struct model_ask, top_k),
		ASK("stop_sequences", ask_stop, struct model_ask, stop),
		ASK_ALL("tools", take_tools),
		ASK_ALL("tool_choice", take_choice),
		ASK_ALL("metadata", take_metadata),
		ASK_ALL("thinking", take_thinking),
		ASK_ALL("service_tier", take_tier),
		ASK_ALL("cache_control", ask_hint),
	};
	const struct json *system = json_get(whole, STR("system"));

	r->ask->include_usage = true;
	if (system && !json_is_null(system) && !take_system(r, system, NULL)) {
		return ask_refuse(r, "", STR("system"));
	}
	return ask_members(r, whole, "", members, ARRAY_LEN(members), r->ask);
}

/* ---- writing ---- */

static bool put_input(struct json_writer *w, struct arena *a, struct str arguments)
{
	const struct json *tree;

	json_w_key(w, STR("input"));
	if (str_trim(arguments).n == 0) {
		json_w_raw(w, STR("{}"));
		return true;
	}
	if (json_parse(a, arguments, NULL, &tree, NULL) || tree->type != JSON_OBJECT) {
		json_w_null(w);
		return false;
	}
	json_w_raw(w, tree->raw);
	return true;
}

static struct str put_part(struct json_writer *w, struct arena *a, const struct model_part *p)
{
	bool ok = true;

	json_w_object(w);
	switch (p->kind) {
	case MODEL_PART_TEXT:
		json_w_member_str(w, STR("type"), STR("text"));
		json_w_member_str(w, STR("text"), p->text);
		break;
	case MODEL_PART_IMAGE:
		json_w_member_str(w, STR("type"), STR("image"));
		json_w_key(w, STR("source"));
		json_w_object(w);
		json_w_member_str(w, STR("type"), STR("base64"));
		json_w_member_str(w, STR("media_type"), p->media);
		json_w_member_str(w, STR("data"), p->text);
		json_w_end(w);
		break;
	case MODEL_PART_CALL:
		json_w_member_str(w, STR("type"), STR("tool_use"));
		json_w_member_str(w, STR("id"), p->id);
		json_w_member_str(w, STR("name"), p->name);
		ok = put_input(w, a, p->text);
		break;
	case MODEL_PART_RESULT:
		json_w_member_str(w, STR("type"), STR("tool_result"));
		json_w_member_str(w, STR("tool_use_id"), p->id);
		json_w_member_str(w, STR("content"), p->text);
		if (p->is_error) {
			json_w_member_bool(w, STR("is_error"), true);
		}
		break;
	case MODEL_PART_REASONING:
	case MODEL_PART_NONE:
		json_w_end(w);
		return STR("reasoning without its signature");
	}
	json_w_end(w);
	return ok ? str_make(NULL, 0) : STR("arguments of a call that are no JSON object");
}

/* The dialect refuses empty texts. */
static bool is_said(const struct model_part *p)
{
	return p->kind != MODEL_PART_TEXT || p->text.n;
}

static bool says_nothing(const struct model_turn *t)
{
	for (const struct model_part *p = t->first; p; p = p->next) {
		if (is_said(p)) {
			return false;
		}
	}
	return true;
}

static struct str put_parts(struct json_writer *w, struct arena *a, struct str key,
			    const struct model_turn *t)
{
	struct str what = {NULL, 0};

	json_w_key(w, key);
	json_w_array(w);
	for (const struct model_part *p = t->first; p && !what.p; p = p->next) {
		if (is_said(p)) {
			what = put_part(w, a, p);
		}
	}
	json_w_end(w);
	return what;
}

static struct str put_turns(struct json_writer *w, struct arena *a, const struct model_ask *ask)
{
	const struct model_turn *t = ask->first;
	struct str what = {NULL, 0};

	if (t && t->role == MODEL_ROLE_SYSTEM) {
		what = says_nothing(t) ? what : put_parts(w, a, STR("system"), t);
		t = t->next;
	}
	json_w_key(w, STR("messages"));
	json_w_array(w);
	for (; t && !what.p; t = t->next) {
		if (t->role == MODEL_ROLE_SYSTEM) {
			what = STR("a system message after others");
			break;
		}
		if (says_nothing(t)) {
			what = STR("a message without content");
			break;
		}
		json_w_object(w);
		json_w_member_str(w, STR("role"),
				  t->role == MODEL_ROLE_USER ? STR("user") : STR("assistant"));
		what = put_parts(w, a, STR("content"), t);
		json_w_end(w);
	}
	json_w_end(w);
	return what;
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
		json_w_member_str(w, STR("name"), t->name);
		if (t->description.p) {
			json_w_member_str(w, STR("description"), t->description);
		}
		json_w_member_raw(w, STR("input_schema"),
				  t->schema ? t->schema->raw
					    : STR("{\"type\":\"object\",\"properties\":{}}"));
		if (t->strict) {
			json_w_member_bool(w, STR("strict"), true);
		}
		json_w_end(w);
	}
	json_w_end(w);
}

static void put_choice(struct json_writer *w, const struct model_ask *ask)
{
	static const struct str types[] = {
		[MODEL_CHOICE_AUTO] = STR_INIT("auto"),
		[MODEL_CHOICE_NONE] = STR_INIT("none"),
		[MODEL_CHOICE_ANY] = STR_INIT("any"),
		[MODEL_CHOICE_ONE] = STR_INIT("tool"),
	};

	if (!ask->choice_said && !(ask->one_call && ask->first_tool)) {
		return;
	}
	json_w_key(w, STR("tool_choice"));
	json_w_object(w);
	json_w_member_str(w, STR("type"), types[ask->choice]);
	if (ask->choice == MODEL_CHOICE_ONE) {
		json_w_member_str(w, STR("name"), ask->choice_name);
	}
	if (ask->one_call && ask->choice != MODEL_CHOICE_NONE) {
		json_w_member_bool(w, STR("disable_parallel_tool_use"), true);
	}
	json_w_end(w);
}

static void put_stop(struct json_writer *w, const struct json *stop)
{
	if (!stop) {
		return;
	}
	json_w_key(w, STR("stop_sequences"));
	if (json_is_array(stop)) {
		json_w_raw(w, stop->raw);
	} else {
		json_w_array(w);
		json_w_raw(w, stop->raw);
		json_w_end(w);
	}
}

static void put_raw(struct json_writer *w, struct str key, const struct json *v)
{
	if (v) {
		json_w_member_raw(w, key, v->raw);
	}
}

struct str ask_write_messages(struct buf *out, struct arena *a, const struct model_ask *ask,
			      struct str model)
{
	struct json_writer w = json_writer(out);
	struct str what;

	if (ask->format || ask->format_any) {
		return STR("response_format");
	}
	if (ask->effort.n) {
		return STR("reasoning_effort");
	}
	if (!ask->max_tokens) {
		return STR("a request without max_tokens");
	}
	json_w_object(&w);
	json_w_member_str(&w, STR("model"), model);
	json_w_member_u64(&w, STR("max_tokens"), ask->max_tokens);
	what = put_turns(&w, a, ask);
	put_tools(&w, ask);
	put_choice(&w, ask);
	put_raw(&w, STR("temperature"), ask->temperature);
	put_raw(&w, STR("top_p"), ask->top_p);
	put_raw(&w, STR("top_k"), ask->top_k);
	put_stop(&w, ask->stop);
	if (ask->user.n) {
		json_w_key(&w, STR("metadata"));
		json_w_object(&w);
		json_w_member_str(&w, STR("user_id"), ask->user);
		json_w_end(&w);
	}
	if (ask->stream) {
		json_w_member_bool(&w, STR("stream"), true);
	}
	json_w_end(&w);
	return what;
}
