/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's responses: answers of back ends that speak them. */
#include "model/answer_priv.h"

static enum model_finish finish_of(const struct model_answer_reader *r, const struct json *response)
{
	const struct json *why =
		json_get(json_get(response, STR("incomplete_details")), STR("reason"));

	if (!json_str_is(json_get(response, STR("status")), STR("incomplete"))) {
		return r->n_calls ? MODEL_FINISH_TOOL_CALLS : MODEL_FINISH_STOP;
	}
	return json_str_is(why, STR("max_output_tokens")) ? MODEL_FINISH_LENGTH
	       : json_str_is(why, STR("content_filter"))  ? MODEL_FINISH_CONTENT_FILTER
							  : MODEL_FINISH_OTHER;
}

static void tell_end(struct model_answer_reader *r, const struct json *response)
{
	struct model_outcome o = {.is_error = false};

	answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_FINISH,
					    .finish = finish_of(r, response)});
	model_outcome_take(response->raw, &o);
	if (o.usage.given) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_USAGE, .usage = o.usage});
	}
}

static void tell_error(struct model_answer_reader *r, const struct json *object)
{
	answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_ERROR,
					    .text = answer_error_text(object)});
}

static bool is_failed(const struct json *response)
{
	const struct json *error = json_get(response, STR("error"));

	return json_str_is(json_get(response, STR("status")), STR("failed")) ||
	       (error && !json_is_null(error));
}

/* What no client of another dialect could be told ends it. */
static enum err_code begin_item(struct model_answer_reader *r, const struct json *item,
				uint64_t index, struct err *err)
{
	const struct json *type = json_get(item, STR("type"));

	r->said = false;
	if (json_str_is(type, STR("function_call"))) {
		struct str name = json_str(json_get(item, STR("name")));

		if (!name.n ||
		    !answer_call(r, index, json_str(json_get(item, STR("call_id"))), name)) {
			return ERR(err, ERR_INVALID, "a call without a name, or too many calls");
		}
	} else if (!json_str_is(type, STR("message")) && !json_str_is(type, STR("reasoning"))) {
		return ERR(err, ERR_INVALID, "an item of a kind that has no equal elsewhere");
	}
	return ERR_OK;
}

static void tell_parts(struct model_answer_reader *r, enum model_delta_kind kind,
		       const struct json *parts)
{
	JSON_EACH (part, json_is_array(parts) ? parts : NULL) {
		answer_text(r, kind, json_get(part, STR("text")));
		answer_text(r, kind, json_get(part, STR("refusal")));
	}
}

/* All that an item says, unless its pieces came before. */
static enum err_code tell_item(struct model_answer_reader *r, const struct json *item,
			       uint64_t index, struct err *err)
{
	const struct json *type = json_get(item, STR("type"));
	const struct json *content = json_get(item, STR("content"));
	unsigned call;

	if (r->said) {
		return ERR_OK;
	}
	r->said = true;
	if (json_str_is(type, STR("function_call"))) {
		if (!answer_find_call(r, index, &call)) {
			return ERR(err, ERR_INVALID, "a call that has not begun");
		}
		answer_arguments(r, call, json_str(json_get(item, STR("arguments"))));
	} else if (json_str_is(type, STR("reasoning"))) {
		tell_parts(r, MODEL_DELTA_REASONING,
			   json_first(content) ? content : json_get(item, STR("summary")));
	} else {
		tell_parts(r, MODEL_DELTA_TEXT, content);
	}
	return ERR_OK;
}

static enum err_code take_piece(struct model_answer_reader *r, struct str type,
				const struct json *object, struct err *err)
{
	static const struct {
		struct str name;
		enum model_delta_kind kind;
	} pieces[] = {
		{STR_INIT("response.output_text.delta"), MODEL_DELTA_TEXT},
		{STR_INIT("response.refusal.delta"), MODEL_DELTA_TEXT},
		{STR_INIT("response.reasoning_text.delta"), MODEL_DELTA_REASONING},
		{STR_INIT("response.reasoning_summary_text.delta"), MODEL_DELTA_REASONING},
		{STR_INIT("response.function_call_arguments.delta"), MODEL_DELTA_ARGUMENTS},
	};
	const struct json *delta = json_get(object, STR("delta"));
	uint64_t index = 0;
	unsigned call;

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		if (!str_eq(type, pieces[i].name)) {
			continue;
		}
		r->said = true;
		if (pieces[i].kind != MODEL_DELTA_ARGUMENTS) {
			answer_text(r, pieces[i].kind, delta);
			return ERR_OK;
		}
		if (!json_u64(json_get(object, STR("output_index")), &index) ||
		    !answer_find_call(r, index, &call)) {
			return ERR(err, ERR_INVALID, "arguments of a call that has not begun");
		}
		answer_arguments(r, call, json_str(delta));
		return ERR_OK;
	}
	/* Other events say again what was said, or are of nothing that is told here. */
	return ERR_OK;
}

enum err_code answer_read_responses_event(struct model_answer_reader *r, const struct json *object,
					  struct err *err)
{
	struct str type = json_str(json_get(object, STR("type")));
	const struct json *response = json_get(object, STR("response"));
	const struct json *item = json_get(object, STR("item"));
	uint64_t index = 0;

	(void)json_u64(json_get(object, STR("output_index")), &index);
	if (str_eq(type, STR("response.created"))) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_START,
						    .id = json_str(json_get(response, STR("id")))});
	} else if (str_eq(type, STR("response.output_item.added"))) {
		return begin_item(r, item, index, err);
	} else if (str_eq(type, STR("response.output_item.done"))) {
		return tell_item(r, item, index, err);
	} else if (str_eq(type, STR("response.failed"))) {
		tell_error(r, response);
	} else if (str_eq(type, STR("error"))) {
		tell_error(r, object);
	} else if (str_eq(type, STR("response.completed")) ||
		   str_eq(type, STR("response.incomplete"))) {
		if (!json_is_object(response)) {
			return ERR(err, ERR_INVALID, "an end without a response");
		}
		tell_end(r, response);
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_END});
	} else {
		return take_piece(r, type, object, err);
	}
	return ERR_OK;
}

enum err_code answer_read_responses(struct model_answer_reader *r, const struct json *object,
				    struct err *err)
{
	const struct json *output = json_get(object, STR("output"));
	uint64_t index = 0;

	if (is_failed(object)) {
		tell_error(r, object);
		return ERR_OK;
	}
	if (!json_is_array(output)) {
		return ERR(err, ERR_INVALID, "not an answer of responses");
	}
	answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_START,
					    .id = json_str(json_get(object, STR("id")))});
	JSON_EACH (item, output) {
		TRY(begin_item(r, item, index, err));
		TRY(tell_item(r, item, index++, err));
	}
	tell_end(r, object);
	return ERR_OK;
}
