/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of back ends, made into pieces. */
#include "model/delta.h"

#include "base/hash.h"
#include "model/answer_priv.h"

void model_answer_reader_init(struct model_answer_reader *r, enum model_api api, model_delta_fn *on,
			      void *ctx)
{
	ASSERT(api == MODEL_API_CHAT || api == MODEL_API_MESSAGES || api == MODEL_API_RESPONSES);
	*r = (struct model_answer_reader){.api = api, .on = on, .ctx = ctx};
}

void answer_tell(struct model_answer_reader *r, struct model_delta d)
{
	if (!r->started && d.kind != MODEL_DELTA_PING && d.kind != MODEL_DELTA_ERROR) {
		struct model_delta start = {.kind = MODEL_DELTA_START, .id = d.id};

		r->started = true;
		if (d.kind != MODEL_DELTA_START) {
			start.id = str_make(NULL, 0);
			r->on(r->ctx, &start);
		}
	} else if (d.kind == MODEL_DELTA_START) {
		return;
	}
	if (!r->ended) {
		r->ended = d.kind == MODEL_DELTA_END;
		r->on(r->ctx, &d);
	}
}

void answer_text(struct model_answer_reader *r, enum model_delta_kind kind, const struct json *text)
{
	if (json_str(text).n) {
		answer_tell(r, (struct model_delta){.kind = kind, .text = text->text});
	}
}

void answer_arguments(struct model_answer_reader *r, unsigned index, struct str text)
{
	if (text.n) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_ARGUMENTS,
						    .index = index,
						    .text = text});
	}
}

bool answer_call(struct model_answer_reader *r, uint64_t theirs, struct str id, struct str name)
{
	if (r->n_calls == MODEL_CALLS_MAX) {
		return false;
	}
	r->calls[r->n_calls].theirs = theirs;
	r->calls[r->n_calls].id = hash_str((struct hash_key){0}, id);
	answer_tell(r,
		    (struct model_delta){
			    .kind = MODEL_DELTA_CALL, .index = r->n_calls, .id = id, .name = name});
	r->n_calls++;
	return true;
}

bool answer_find_call(const struct model_answer_reader *r, uint64_t theirs, unsigned *ret)
{
	for (unsigned i = r->n_calls; i-- > 0;) {
		if (r->calls[i].theirs == theirs) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* {"error":{"message":...}}, {"message":...}, or {"detail":...}: what engines say of themselves. */
struct str answer_error_text(const struct json *object)
{
	const struct json *error = json_get(object, STR("error"));
	const struct json *text = json_is_string(error) ? error : json_get(error, STR("message"));

	text = text ? text : json_get(object, STR("message"));
	text = text ? text : json_get(object, STR("detail"));
	return json_is_string(text) ? text->text : STR("The model's server reported an error.");
}

static enum err_code read_chat_call(struct model_answer_reader *r, const struct json *call,
				    uint64_t position, struct err *err)
{
	const struct json *function = json_get(call, STR("function"));
	struct str id = json_str(json_get(call, STR("id")));
	struct str name = json_str(json_get(function, STR("name")));
	const struct json *arguments = json_get(function, STR("arguments"));
	uint64_t theirs = position;
	unsigned index = 0;
	bool known;

	(void)json_u64(json_get(call, STR("index")), &theirs);
	known = answer_find_call(r, theirs, &index);
	/* Some give every call the number 0: a new id is a new call. */
	if (!known ||
	    (id.n && name.n && r->calls[index].id != hash_str((struct hash_key){0}, id))) {
		index = r->n_calls;
		if (!name.n || !answer_call(r, theirs, id, name)) {
			return ERR(err, ERR_INVALID, "a call without a name, or too many calls");
		}
	}
	/* Ollama's and others' older versions give the object itself. */
	answer_arguments(r, index,
			 json_is_object(arguments) ? arguments->raw : json_str(arguments));
	return ERR_OK;
}

static enum err_code read_said(struct model_answer_reader *r, const struct json *said,
			       struct err *err)
{
	const struct json *calls = json_get(said, STR("tool_calls"));
	uint64_t position = 0;

	answer_text(r, MODEL_DELTA_REASONING, json_get(said, STR("reasoning_content")));
	answer_text(r, MODEL_DELTA_REASONING, json_get(said, STR("reasoning")));
	answer_text(r, MODEL_DELTA_TEXT, json_get(said, STR("content")));
	/* Mistral's and others' content may be parts. */
	JSON_EACH (part, json_is_array(json_get(said, STR("content")))
				 ? json_get(said, STR("content"))
				 : NULL) {
		answer_text(r, MODEL_DELTA_TEXT, json_get(part, STR("text")));
	}
	answer_text(r, MODEL_DELTA_TEXT, json_get(said, STR("refusal")));
	JSON_EACH (call, calls) {
		TRY(read_chat_call(r, call, position++, err));
	}
	return ERR_OK;
}

static enum err_code read_chat(struct model_answer_reader *r, const struct json *object,
			       struct str member, struct err *err)
{
	const struct json *choices = json_get(object, STR("choices"));
	const struct json *choice = json_first(choices);
	const struct json *error = json_get(object, STR("error"));
	struct model_outcome o = {.is_error = false};

	if (error && !json_is_null(error)) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_ERROR,
						    .text = answer_error_text(object)});
		return ERR_OK;
	}
	if (!json_is_array(choices) || choices->n > 1) {
		return ERR(err, ERR_INVALID, "not an answer of chat completions with one choice");
	}
	answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_START,
					    .id = json_str(json_get(object, STR("id")))});
	if (choice) {
		TRY(read_said(r, json_get(choice, member), err));
	}
	model_outcome_take(object->raw, &o);
	if (o.finish != MODEL_FINISH_NONE) {
		answer_tell(r, (struct model_delta){
				       .kind = MODEL_DELTA_FINISH,
				       .finish = o.finish,
				       /* vLLM and SGLang say which sequence it was */
				       .text = json_str(json_get(choice, STR("stop_reason")))});
	}
	if (o.usage.given) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_USAGE, .usage = o.usage});
	}
	return ERR_OK;
}

enum err_code model_answer_read_event(struct model_answer_reader *r, struct arena *scratch,
				      struct str data, struct err *err)
{
	const struct json *object;

	if (r->api == MODEL_API_CHAT && str_eq(str_trim(data), STR("[DONE]"))) {
		answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_END});
		return ERR_OK;
	}
	TRY(json_parse(scratch, data, NULL, &object, err));
	return r->api == MODEL_API_CHAT        ? read_chat(r, object, STR("delta"), err)
	       : r->api == MODEL_API_RESPONSES ? answer_read_responses_event(r, object, err)
					       : answer_read_messages_event(r, object, err);
}

enum err_code model_answer_read_whole(struct model_answer_reader *r, struct arena *scratch,
				      struct str body, const struct json_opts *opts,
				      struct err *err)
{
	const struct json *object;

	TRY(json_parse(scratch, body, opts, &object, err));
	TRY(r->api == MODEL_API_CHAT        ? read_chat(r, object, STR("message"), err)
	    : r->api == MODEL_API_RESPONSES ? answer_read_responses(r, object, err)
					    : answer_read_messages(r, object, err));
	answer_tell(r, (struct model_delta){.kind = MODEL_DELTA_END});
	return ERR_OK;
}
