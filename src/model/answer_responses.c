/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to clients of OpenAI's responses. Each block is an item of the output; a stream tells
 * everything three times: in pieces, as whole items, and in the last event.
 */
#include "model/answer_priv.h"

#include <stdio.h>

static struct json_writer begin_event(struct model_answer_writer *w, struct str name)
{
	struct json_writer j = answer_event(w, name);

	json_w_member_u64(&j, STR("sequence_number"), w->sequence++);
	return j;
}

static void put_usage(struct json_writer *j, const struct model_usage *u)
{
	json_w_key(j, STR("usage"));
	if (!u->given) {
		json_w_null(j);
		return;
	}
	json_w_object(j);
	json_w_member_u64(j, STR("input_tokens"), u->input);
	json_w_key(j, STR("input_tokens_details"));
	json_w_object(j);
	json_w_member_u64(j, STR("cached_tokens"), u->cached);
	json_w_end(j);
	json_w_member_u64(j, STR("output_tokens"), u->output);
	json_w_key(j, STR("output_tokens_details"));
	json_w_object(j);
	json_w_member_u64(j, STR("reasoning_tokens"), u->reasoning);
	json_w_end(j);
	json_w_member_u64(j, STR("total_tokens"), u->input + u->output);
	json_w_end(j);
}

static void put_details(struct json_writer *j, const struct model_answer_writer *w,
			struct str status, struct str error)
{
	json_w_key(j, STR("error"));
	if (error.n) {
		json_w_object(j);
		json_w_member_str(j, STR("code"), STR("server_error"));
		json_w_member_str(j, STR("message"), error);
		json_w_end(j);
	} else {
		json_w_null(j);
	}
	json_w_key(j, STR("incomplete_details"));
	if (str_eq(status, STR("incomplete"))) {
		json_w_object(j);
		json_w_member_str(j, STR("reason"),
				  w->finish == MODEL_FINISH_LENGTH ? STR("max_output_tokens")
								   : STR("content_filter"));
		json_w_end(j);
	} else {
		json_w_null(j);
	}
}

/* The object that whole answers are, and the first and last events have. */
static void put_response(struct json_writer *j, const struct model_answer_writer *w,
			 struct str status, struct str error)
{
	bool over = !str_eq(status, STR("in_progress"));

	json_w_object(j);
	answer_put_id(j, w, STR("resp_"));
	json_w_member_str(j, STR("object"), STR("response"));
	json_w_member_u64(j, STR("created_at"), w->created);
	json_w_member_str(j, STR("status"), status);
	put_details(j, w, status, error);
	json_w_member_str(j, STR("model"), w->model);
	json_w_key(j, STR("output"));
	json_w_array(j);
	if (over && buf_len(&w->items)) {
		json_w_raw(j, buf_str(&w->items));
	}
	json_w_end(j);
	json_w_member_bool(j, STR("parallel_tool_calls"), true);
	json_w_member_str(j, STR("tool_choice"), STR("auto"));
	json_w_member_raw(j, STR("tools"), STR("[]"));
	json_w_member_bool(j, STR("store"), false);
	json_w_member_raw(j, STR("previous_response_id"), STR("null"));
	json_w_member_raw(j, STR("instructions"), STR("null"));
	json_w_member_raw(j, STR("metadata"), STR("{}"));
	if (over) {
		put_usage(j, &w->usage);
	}
	json_w_end(j);
}

static void put_item_id(struct json_writer *j, const struct model_answer_writer *w, struct str key)
{
	static const char *const prefixes[] = {
		[MODEL_BLOCK_NONE] = "msg",
		[MODEL_BLOCK_TEXT] = "msg",
		[MODEL_BLOCK_REASONING] = "rs",
		[MODEL_BLOCK_CALL] = "fc",
	};
	char text[MODEL_ID_MAX + 32];
	int n = snprintf(text, sizeof(text), "%s_%.*s_%u", prefixes[w->block], (int)w->id_n, w->id,
			 w->n_blocks - 1);

	json_w_member_str(j, key, str_make(text, (size_t)n));
}

static struct str part_type(const struct model_answer_writer *w)
{
	return w->block == MODEL_BLOCK_TEXT ? STR("output_text") : STR("reasoning_text");
}

static void put_part(struct json_writer *j, const struct model_answer_writer *w, struct str text)
{
	json_w_object(j);
	json_w_member_str(j, STR("type"), part_type(w));
	json_w_member_str(j, STR("text"), text);
	if (w->block == MODEL_BLOCK_TEXT) {
		json_w_member_raw(j, STR("annotations"), STR("[]"));
		json_w_member_raw(j, STR("logprobs"), STR("[]"));
	}
	json_w_end(j);
}

static void put_item(struct json_writer *j, const struct model_answer_writer *w, bool done)
{
	struct str text = done ? buf_str(&w->text) : STR("");

	json_w_object(j);
	put_item_id(j, w, STR("id"));
	if (w->block == MODEL_BLOCK_CALL) {
		json_w_member_str(j, STR("type"), STR("function_call"));
		json_w_member_str(j, STR("call_id"), buf_str(&w->call_id));
		json_w_member_str(j, STR("name"), buf_str(&w->call_name));
		json_w_member_str(j, STR("arguments"), done && !text.n ? STR("{}") : text);
	} else if (w->block == MODEL_BLOCK_TEXT) {
		json_w_member_str(j, STR("type"), STR("message"));
		json_w_member_str(j, STR("role"), STR("assistant"));
	} else {
		json_w_member_str(j, STR("type"), STR("reasoning"));
		json_w_member_raw(j, STR("summary"), STR("[]"));
	}
	json_w_member_str(j, STR("status"), done ? STR("completed") : STR("in_progress"));
	if (w->block != MODEL_BLOCK_CALL) {
		json_w_key(j, STR("content"));
		json_w_array(j);
		if (done) {
			put_part(j, w, text);
		}
		json_w_end(j);
	}
	json_w_end(j);
}

/* Names the item, and in it the part, that an event is about. */
static void put_place(struct json_writer *j, const struct model_answer_writer *w)
{
	put_item_id(j, w, STR("item_id"));
	json_w_member_u64(j, STR("output_index"), w->n_blocks - 1);
	if (w->block != MODEL_BLOCK_CALL) {
		json_w_member_u64(j, STR("content_index"), 0);
	}
}

static void tell_item(struct model_answer_writer *w, struct str event, bool done)
{
	struct json_writer j = begin_event(w, event);

	json_w_member_u64(&j, STR("output_index"), w->n_blocks - 1);
	json_w_key(&j, STR("item"));
	put_item(&j, w, done);
	answer_event_end(w, &j);
}

static void tell_part(struct model_answer_writer *w, struct str event, struct str text)
{
	struct json_writer j = begin_event(w, event);

	put_place(&j, w);
	json_w_key(&j, STR("part"));
	put_part(&j, w, text);
	answer_event_end(w, &j);
}

/* A piece of text, or all of it. */
static void tell_text(struct model_answer_writer *w, bool done, struct str text)
{
	static const struct str names[][2] = {
		[MODEL_BLOCK_NONE] = {STR_INIT("error"), STR_INIT("error")},
		[MODEL_BLOCK_TEXT] = {STR_INIT("response.output_text.delta"),
				      STR_INIT("response.output_text.done")},
		[MODEL_BLOCK_REASONING] = {STR_INIT("response.reasoning_text.delta"),
					   STR_INIT("response.reasoning_text.done")},
		[MODEL_BLOCK_CALL] = {STR_INIT("response.function_call_arguments.delta"),
				      STR_INIT("response.function_call_arguments.done")},
	};
	struct json_writer j = begin_event(w, names[w->block][done]);
	bool call = w->block == MODEL_BLOCK_CALL;

	put_place(&j, w);
	json_w_member_str(&j,
			  !done  ? STR("delta")
			  : call ? STR("arguments")
				 : STR("text"),
			  done && call && !text.n ? STR("{}") : text);
	if (done && call) {
		json_w_member_str(&j, STR("name"), buf_str(&w->call_name));
	}
	if (w->block == MODEL_BLOCK_TEXT) {
		json_w_member_raw(&j, STR("logprobs"), STR("[]"));
	}
	answer_event_end(w, &j);
}

static void tell_response(struct model_answer_writer *w, struct str event, struct str status,
			  struct str error)
{
	struct json_writer j = begin_event(w, event);

	json_w_key(&j, STR("response"));
	put_response(&j, w, status, error);
	answer_event_end(w, &j);
}

static void on_begin(struct model_answer_writer *w)
{
	if (w->stream) {
		tell_response(w, STR("response.created"), STR("in_progress"), STR(""));
		tell_response(w, STR("response.in_progress"), STR("in_progress"), STR(""));
	}
}

static void on_open(struct model_answer_writer *w)
{
	if (!w->stream) {
		return;
	}
	tell_item(w, STR("response.output_item.added"), false);
	if (w->block != MODEL_BLOCK_CALL) {
		tell_part(w, STR("response.content_part.added"), STR(""));
	}
}

static void on_grow(struct model_answer_writer *w, struct str text)
{
	if (w->stream) {
		tell_text(w, false, text);
	}
}

static void on_close(struct model_answer_writer *w)
{
	struct json_writer j = answer_item(w);

	put_item(&j, w, true);
	if (!w->stream) {
		return;
	}
	tell_text(w, true, buf_str(&w->text));
	if (w->block != MODEL_BLOCK_CALL) {
		tell_part(w, STR("response.content_part.done"), buf_str(&w->text));
	}
	tell_item(w, STR("response.output_item.done"), true);
}

static void on_end(struct model_answer_writer *w)
{
	bool cut = w->finish == MODEL_FINISH_LENGTH || w->finish == MODEL_FINISH_CONTENT_FILTER;
	struct str status = cut ? STR("incomplete") : STR("completed");
	struct json_writer j = json_writer(w->out);

	if (w->stream) {
		tell_response(w, cut ? STR("response.incomplete") : STR("response.completed"),
			      status, STR(""));
	} else {
		put_response(&j, w, status, STR(""));
	}
}

static void on_error(struct model_answer_writer *w, struct str text)
{
	tell_response(w, STR("response.failed"), STR("failed"), text);
}

const struct answer_ops answer_responses_ops = {
	.keeps = true,
	.begin = on_begin,
	.open = on_open,
	.grow = on_grow,
	.close = on_close,
	.end = on_end,
	.error = on_error,
};
