/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's responses: what its clients ask. */
#include "model/ask_priv.h"

struct item {
	struct str type, role, id, name, arguments;
	const struct json *content, *summary, *output;
};

static const struct ask_member item_members[] = {
	ASK("type", ask_str, struct item, type),
	ASK("role", ask_str, struct item, role),
	ASK("content", ask_json, struct item, content),
	ASK("summary", ask_json, struct item, summary),
	ASK("call_id", ask_str, struct item, id),
	ASK("name", ask_str, struct item, name),
	ASK("arguments", ask_str, struct item, arguments),
	ASK("output", ask_json, struct item, output),
	ASK_ALL("id", ask_hint),
	ASK_ALL("status", ask_hint),
	ASK_ALL("phase", ask_hint),
};

struct part {
	struct str type, text, url;
};

static bool read_part(struct ask_reader *r, enum model_role role, const struct json *v)
{
	static const struct ask_member members[] = {
		ASK("type", ask_str, struct part, type),
		ASK("text", ask_str, struct part, text),
		ASK("refusal", ask_str, struct part, text),
		ASK("image_url", ask_str, struct part, url),
		ASK_ALL("detail", ask_auto),
		ASK_ALL("annotations", ask_empty),
		ASK_ALL("logprobs", ask_empty),
	};
	struct part part = {.text = {NULL, 0}};
	struct model_part *p;

	if (!ask_members(r, v, "input[].content[]", members, ARRAY_LEN(members), &part)) {
		return false;
	}
	if (str_eq(part.type, STR("input_image")) && role == MODEL_ROLE_USER) {
		return ask_data_url(r, role, part.url) ||
		       ask_refuse(r, "input[].content[]", STR("image_url"));
	}
	if (!str_eq(part.type, STR("input_text")) && !str_eq(part.type, STR("output_text")) &&
	    !str_eq(part.type, STR("refusal"))) {
		return ask_refuse(r, "input[].content[]", part.type);
	}
	p = ask_part(r, role, MODEL_PART_TEXT);
	if (p) {
		p->text = part.text;
	}
	return p != NULL;
}

static bool read_text(struct ask_reader *r, enum model_role role, struct str text)
{
	struct model_part *p = ask_part(r, role, MODEL_PART_TEXT);

	if (p) {
		p->text = text;
	}
	return p != NULL;
}

static bool read_message(struct ask_reader *r, const struct item *i)
{
	enum model_role role = str_eq(i->role, STR("user"))        ? MODEL_ROLE_USER
			       : str_eq(i->role, STR("assistant")) ? MODEL_ROLE_ASSISTANT
			       : str_eq(i->role, STR("system")) || str_eq(i->role, STR("developer"))
				       ? MODEL_ROLE_SYSTEM
				       : MODEL_ROLE_NONE;

	if (role == MODEL_ROLE_NONE) {
		return ask_refuse(r, "input[].role", i->role);
	}
	if (json_is_string(i->content)) {
		return read_text(r, role, i->content->text);
	}
	if (!json_is_array(i->content)) {
		return ask_refuse(r, "input[]", STR("content"));
	}
	JSON_EACH (part, i->content) {
		if (!read_part(r, role, part)) {
			return false;
		}
	}
	return true;
}

static bool read_reasoning(struct ask_reader *r, const struct item *i)
{
	static const struct str types[] = {STR_INIT("reasoning_text"), STR_INIT("summary_text")};
	const struct json *said = json_first(i->content) ? i->content : i->summary;
	struct model_part *p;

	if (!json_first(said)) {
		return true;
	}
	p = ask_part(r, MODEL_ROLE_ASSISTANT, MODEL_PART_REASONING);
	return p && ask_result_text(r, said, types, ARRAY_LEN(types), &p->text);
}

static bool read_item(struct ask_reader *r, const struct json *v)
{
	static const struct str types[] = {STR_INIT("input_text"), STR_INIT("output_text")};
	struct item i = {.content = NULL};
	struct model_part *p;

	if (!ask_members(r, v, "input[]", item_members, ARRAY_LEN(item_members), &i)) {
		return false;
	}
	if (!i.type.n || str_eq(i.type, STR("message"))) {
		return read_message(r, &i);
	}
	if (str_eq(i.type, STR("reasoning"))) {
		return read_reasoning(r, &i);
	}
	if (str_eq(i.type, STR("function_call"))) {
		p = ask_part(r, MODEL_ROLE_ASSISTANT, MODEL_PART_CALL);
		if (p) {
			p->id = i.id;
			p->name = i.name;
			p->text = i.arguments;
		}
		return p != NULL;
	}
	if (str_eq(i.type, STR("function_call_output"))) {
		p = ask_part(r, MODEL_ROLE_USER, MODEL_PART_RESULT);
		if (p) {
			p->id = i.id;
		}
		return p && (ask_result_text(r, i.output, types, ARRAY_LEN(types), &p->text) ||
			     ask_refuse(r, "input[]", STR("output")));
	}
	return ask_refuse(r, "input[].type", i.type);
}

static bool take_input(struct ask_reader *r, const struct json *v, void *to)
{
	(void)to;
	if (json_is_string(v)) {
		return read_text(r, MODEL_ROLE_USER, v->text);
	}
	JSON_EACH (item, v) {
		if (!read_item(r, item)) {
			return false;
		}
	}
	return true;
}

static bool take_tools(struct ask_reader *r, const struct json *v, void *to)
{
	static const struct ask_member members[] = {
		ASK_ALL("type", ask_hint),
		ASK("name", ask_str, struct model_tool, name),
		ASK("description", ask_str, struct model_tool, description),
		ASK("parameters", ask_json, struct model_tool, schema),
		ASK("strict", ask_bool, struct model_tool, strict),
	};

	(void)to;
	JSON_EACH (item, v) {
		const struct json *type = json_get(item, STR("type"));
		struct model_tool *tool = ask_tool(r);

		if (!json_str_is(type, STR("function"))) {
			return ask_refuse(r, "tools[]", json_str(type));
		}
		if (!tool || !ask_members(r, item, "tools[]", members, ARRAY_LEN(members), tool)) {
			return false;
		}
	}
	return true;
}

static bool take_choice(struct ask_reader *r, const struct json *v, void *to)
{
	bool one = json_str_is(json_get(v, STR("type")), STR("function"));
	struct model_ask *ask = to;

	(void)r;
	ask->choice_said = true;
	ask->choice_name = json_str(json_get(v, STR("name")));
	ask->choice = json_str_is(v, STR("none"))       ? MODEL_CHOICE_NONE
		      : json_str_is(v, STR("required")) ? MODEL_CHOICE_ANY
		      : one                             ? MODEL_CHOICE_ONE
							: MODEL_CHOICE_AUTO;
	return ask->choice != MODEL_CHOICE_AUTO || json_str_is(v, STR("auto"));
}

static bool take_parallel(struct ask_reader *r, const struct json *v, void *to)
{
	bool many = false;
	bool ok = ask_bool(r, v, &many);

	((struct model_ask *)to)->one_call = !many;
	return ok;
}

static bool take_format(struct ask_reader *r, const struct json *v, void *to)
{
	const struct json *type = json_get(v, STR("type"));
	struct model_ask *ask = to;

	/* Chat has the same members one level deeper. */
	ask->format_any = json_str_is(type, STR("json_object"));
	ask->format = json_str_is(type, STR("json_schema")) ? v : NULL;
	return ask->format_any || ask->format || json_str_is(type, STR("text")) ||
	       ask_refuse(r, "text.format", json_str(type));
}

static bool take_text(struct ask_reader *r, const struct json *v, void *to)
{
	static const struct ask_member members[] = {
		ASK_ALL("format", take_format),
	};

	return ask_members(r, v, "text", members, ARRAY_LEN(members), to);
}

static bool take_reasoning(struct ask_reader *r, const struct json *v, void *to)
{
	static const struct ask_member members[] = {
		ASK("effort", ask_str, struct model_ask, effort),
		ASK_ALL("summary", ask_auto),
	};

	return ask_members(r, v, "reasoning", members, ARRAY_LEN(members), to);
}

/* What the answer would have more of, if there were some: no reasoning here is encrypted. */
static bool take_include(struct ask_reader *r, const struct json *v, void *to)
{
	(void)to;
	JSON_EACH (item, v) {
		if (!json_str_is(item, STR("reasoning.encrypted_content"))) {
			return ask_refuse(r, "include", json_str(item));
		}
	}
	return json_is_array(v);
}

static bool take_truncation(struct ask_reader *r, const struct json *v, void *to)
{
	(void)r;
	(void)to;
	return json_str_is(v, STR("disabled"));
}

static bool take_instructions(struct ask_reader *r, const struct json *v, void *to)
{
	(void)to;
	return json_is_string(v) && read_text(r, MODEL_ROLE_SYSTEM, v->text);
}

bool ask_read_responses(struct ask_reader *r, const struct json *whole)
{
	static const struct ask_member members[] = {
		ASK_ALL("model", ask_hint),
		ASK_ALL("store", ask_hint),
		ASK_ALL("instructions", ask_hint), /* read first */
		ASK_ALL("input", take_input),
		ASK("stream", ask_bool, struct model_ask, stream),
		ASK_ALL("stream_options", ask_hint), /* only padding */
		ASK("max_output_tokens", ask_u64, struct model_ask, max_tokens),
		ASK("temperature", ask_json, struct model_ask, temperature),
		ASK("top_p", ask_json, struct model_ask, top_p),
		ASK_ALL("tools", take_tools),
		ASK_ALL("tool_choice", take_choice),
		ASK_ALL("parallel_tool_calls", take_parallel),
		ASK_ALL("text", take_text),
		ASK_ALL("reasoning", take_reasoning),
		ASK_ALL("include", take_include),
		ASK("user", ask_str, struct model_ask, user),
		ASK_ALL("truncation", take_truncation),
		ASK_ALL("background", ask_false),
		ASK_ALL("top_logprobs", ask_zero),
		ASK_ALL("metadata", ask_empty),
		ASK_ALL("service_tier", ask_auto),
		ASK_ALL("prompt_cache_key", ask_hint),
	};
	const struct json *instructions = json_get(whole, STR("instructions"));

	r->ask->include_usage = true;
	if (instructions && !json_is_null(instructions) &&
	    !take_instructions(r, instructions, NULL)) {
		return ask_refuse(r, "", STR("instructions"));
	}
	return ask_members(r, whole, "", members, ARRAY_LEN(members), r->ask);
}
