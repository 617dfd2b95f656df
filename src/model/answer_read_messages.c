/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's messages: answers of back ends that speak them. */
#include "model/answer_priv.h"

static enum model_finish finish_of(struct str reason)
{
	static const struct {
		struct str name;
		enum model_finish finish;
	} reasons[] = {
		{STR_INIT("end_turn"), MODEL_FINISH_STOP},
		{STR_INIT("stop_sequence"), MODEL_FINISH_STOP},
		{STR_INIT("tool_use"), MODEL_FINISH_TOOL_CALLS},
		{STR_INIT("max_tokens"), MODEL_FINISH_LENGTH},
		{STR_INIT("model_context_window_exceeded"), MODEL_FINISH_LENGTH},
		{STR_INIT("refusal"), MODEL_FINISH_CONTENT_FILTER},
	};

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (str_eq(reasons[i].name, reason)) {
			return reasons[i].finish;
		}
	}
	return MODEL_FINISH_OTHER;
}

static void tell_finish(struct model_answer_reader *r, const struct json *object)
{
	const struct json *reason = json_get(object, STR("stop_reason"));

	if (json_is_string(reason)) {
		answer_tell(r, (struct model_delta){
				       .kind = MODEL_DELTA_FINISH,
				       .finish = finish_of(reason->text),
				       .text = json_str(json_get(object, STR("stop_sequence")))});
	}
}

static void tell_usage(struct model_answer_reader *r, const struct json *object, bool last)
{
	const struct json *usage = json_get(object, STR("usage"));

	if (json_is_object(usage)) {
		struct model_outcome o = {.usage = r->usage};

		model_outcome_take(object->raw, &o);
		r->usage = o.usage;
	}
	if (last && r->usage.given) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_USAGE, .usage = r->usage});
	}
}

/* A block that begins, or is whole. What no client of another dialect could be told ends it. */
static enum err_code take_block(struct model_answer_reader *r, const struct json *block,
				uint64_t index, bool whole, struct err *err)
{
	const struct json *type = json_get(block, STR("type"));
	const struct json *input = json_get(block, STR("input"));

	if (json_str_is(type, STR("text"))) {
		answer_text(r, MODEL_DELTA_TEXT, json_get(block, STR("text")));
	} else if (json_str_is(type, STR("thinking"))) {
		answer_text(r, MODEL_DELTA_REASONING, json_get(block, STR("thinking")));
	} else if (json_str_is(type, STR("tool_use"))) {
		if (!answer_call(r, index, json_str(json_get(block, STR("id"))),
				 json_str(json_get(block, STR("name"))))) {
			return ERR(err, ERR_LIMIT, "too many calls");
		}
		/* In a stream it is empty, and the arguments follow. */
		if (json_is_object(input) && (whole || input->n)) {
			answer_arguments(r, r->n_calls - 1, input->raw);
		}
	} else {
		return ERR(err, ERR_INVALID, "a block of a kind that has no equal elsewhere");
	}
	return ERR_OK;
}

static enum err_code take_delta(struct model_answer_reader *r, const struct json *object,
				struct err *err)
{
	const struct json *delta = json_get(object, STR("delta"));
	const struct json *type = json_get(delta, STR("type"));
	uint64_t index = 0;
	unsigned call;

	if (json_str_is(type, STR("text_delta"))) {
		answer_text(r, MODEL_DELTA_TEXT, json_get(delta, STR("text")));
	} else if (json_str_is(type, STR("thinking_delta"))) {
		answer_text(r, MODEL_DELTA_REASONING, json_get(delta, STR("thinking")));
	} else if (json_str_is(type, STR("input_json_delta"))) {
		if (!json_u64(json_get(object, STR("index")), &index) ||
		    !answer_find_call(r, index, &call)) {
			return ERR(err, ERR_INVALID, "arguments of a call that has not begun");
		}
		answer_arguments(r, call, json_str(json_get(delta, STR("partial_json"))));
	} else if (!json_str_is(type, STR("signature_delta"))) {
		return ERR(err, ERR_INVALID, "a piece of a kind that has no equal elsewhere");
	}
	return ERR_OK;
}

enum err_code answer_read_messages_event(struct model_answer_reader *r, const struct json *object,
					 struct err *err)
{
	const struct json *type = json_get(object, STR("type"));
	const struct json *message = json_get(object, STR("message"));
	uint64_t index = 0;

	if (json_str_is(type, STR("message_start"))) {
		tell_usage(r, message, false);
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_START,
						    .id = json_str(json_get(message, STR("id")))});
	} else if (json_str_is(type, STR("content_block_start"))) {
		(void)json_u64(json_get(object, STR("index")), &index);
		return take_block(r, json_get(object, STR("content_block")), index, false, err);
	} else if (json_str_is(type, STR("content_block_delta"))) {
		return take_delta(r, object, err);
	} else if (json_str_is(type, STR("message_delta"))) {
		tell_finish(r, json_get(object, STR("delta")));
		tell_usage(r, object, true);
	} else if (json_str_is(type, STR("message_stop"))) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_END});
	} else if (json_str_is(type, STR("error"))) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_ERROR,
						    .text = answer_error_text(object)});
	} else if (json_str_is(type, STR("ping"))) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_PING});
	}
	/* Other events may come, says the dialect; they carry nothing that is told here. */
	return ERR_OK;
}

enum err_code answer_read_messages(struct model_answer_reader *r, const struct json *object,
				   struct err *err)
{
	const struct json *content = json_get(object, STR("content"));
	uint64_t index = 0;

	if (json_str_is(json_get(object, STR("type")), STR("error"))) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_ERROR,
						    .text = answer_error_text(object)});
		return ERR_OK;
	}
	if (!json_is_array(content)) {
		return ERR(err, ERR_INVALID, "not an answer of messages");
	}
	answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_START,
					    .id = json_str(json_get(object, STR("id")))});
	JSON_EACH (block, content) {
		TRY(take_block(r, block, index++, true, err));
	}
	tell_finish(r, object);
	tell_usage(r, object, true);
	return ERR_OK;
}
