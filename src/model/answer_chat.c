/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to clients of chat completions. */
#include "model/answer_priv.h"

static void put_head(struct json_writer *j, const struct model_answer_writer *w, struct str object)
{
	answer_put_id(j, w, STR("chatcmpl-"));
	json_w_member_str(j, STR("object"), object);
	json_w_member_u64(j, STR("created"), w->created);
	json_w_member_str(j, STR("model"), w->model);
}

static void put_usage(struct json_writer *j, const struct model_usage *u)
{
	json_w_key(j, STR("usage"));
	json_w_object(j);
	json_w_member_u64(j, STR("prompt_tokens"), u->input);
	json_w_member_u64(j, STR("completion_tokens"), u->output);
	json_w_member_u64(j, STR("total_tokens"), u->input + u->output);
	json_w_key(j, STR("prompt_tokens_details"));
	json_w_object(j);
	json_w_member_u64(j, STR("cached_tokens"), u->cached);
	json_w_end(j);
	json_w_end(j);
}

static struct str finish_name(const struct model_answer_writer *w)
{
	return w->finish == MODEL_FINISH_NONE || w->finish == MODEL_FINISH_OTHER
		       ? w->called ? STR("tool_calls") : STR("stop")
		       : model_finish_name(w->finish);
}

/* Opens {...,"choices":[{"index":0,"delta":{ */
static struct json_writer begin_chunk(struct model_answer_writer *w)
{
	struct json_writer j = answer_event(w, STR(""));

	put_head(&j, w, STR("chat.completion.chunk"));
	json_w_key(&j, STR("choices"));
	json_w_array(&j);
	json_w_object(&j);
	json_w_member_u64(&j, STR("index"), 0);
	json_w_key(&j, STR("delta"));
	json_w_object(&j);
	return j;
}

static void end_chunk(struct model_answer_writer *w, struct json_writer *j, struct str finish)
{
	json_w_end(j);
	json_w_key(j, STR("finish_reason"));
	if (finish.n) {
		json_w_str(j, finish);
	} else {
		json_w_null(j);
	}
	json_w_end(j);
	json_w_end(j);
	if (w->include_usage) {
		json_w_key(j, STR("usage"));
		json_w_null(j);
	}
	answer_event_end(w, j);
}

static void on_begin(struct model_answer_writer *w)
{
	struct json_writer j;

	if (w->stream) {
		j = begin_chunk(w);
		json_w_member_str(&j, STR("role"), STR("assistant"));
		json_w_member_str(&j, STR("content"), STR(""));
		end_chunk(w, &j, STR(""));
	}
}

static void put_call(struct json_writer *j, const struct model_answer_writer *w, bool numbered,
		     struct str arguments)
{
	json_w_object(j);
	if (numbered) {
		json_w_member_u64(j, STR("index"), w->call);
	}
	json_w_member_str(j, STR("id"), buf_str(&w->call_id));
	json_w_member_str(j, STR("type"), STR("function"));
	json_w_key(j, STR("function"));
	json_w_object(j);
	json_w_member_str(j, STR("name"), buf_str(&w->call_name));
	json_w_member_str(j, STR("arguments"), arguments);
	json_w_end(j);
	json_w_end(j);
}

static void on_open(struct model_answer_writer *w)
{
	struct json_writer j;

	if (w->stream && w->block == MODEL_BLOCK_CALL) {
		j = begin_chunk(w);
		json_w_key(&j, STR("tool_calls"));
		json_w_array(&j);
		put_call(&j, w, true, STR(""));
		json_w_end(&j);
		end_chunk(w, &j, STR(""));
	}
}

static void on_grow(struct model_answer_writer *w, struct str text)
{
	struct json_writer j;

	if (!w->stream) {
		return;
	}
	j = begin_chunk(w);
	if (w->block == MODEL_BLOCK_CALL) {
		json_w_key(&j, STR("tool_calls"));
		json_w_array(&j);
		json_w_object(&j);
		json_w_member_u64(&j, STR("index"), w->call);
		json_w_key(&j, STR("function"));
		json_w_object(&j);
		json_w_member_str(&j, STR("arguments"), text);
		json_w_end(&j);
		json_w_end(&j);
		json_w_end(&j);
	} else {
		json_w_member_str(&j,
				  w->block == MODEL_BLOCK_TEXT ? STR("content")
							       : STR("reasoning_content"),
				  text);
	}
	end_chunk(w, &j, STR(""));
}

static void on_close(struct model_answer_writer *w)
{
	struct json_writer j;

	if (w->stream) {
		return;
	}
	if (w->block == MODEL_BLOCK_CALL) {
		j = answer_item(w);
		put_call(&j, w, false, buf_len(&w->text) ? buf_str(&w->text) : STR("{}"));
	} else {
		buf_append(w->block == MODEL_BLOCK_TEXT ? &w->said : &w->thought,
			   buf_str(&w->text));
	}
}

static void end_stream(struct model_answer_writer *w)
{
	struct json_writer j = begin_chunk(w);

	end_chunk(w, &j, finish_name(w));
	if (w->include_usage && w->usage.given) {
		j = answer_event(w, STR(""));
		put_head(&j, w, STR("chat.completion.chunk"));
		json_w_key(&j, STR("choices"));
		json_w_array(&j);
		json_w_end(&j);
		put_usage(&j, &w->usage);
		answer_event_end(w, &j);
	}
	buf_append(w->out, STR("data: [DONE]\n\n"));
}

static void on_end(struct model_answer_writer *w)
{
	struct json_writer j = json_writer(w->out);

	if (w->stream) {
		end_stream(w);
		return;
	}
	json_w_object(&j);
	put_head(&j, w, STR("chat.completion"));
	json_w_key(&j, STR("choices"));
	json_w_array(&j);
	json_w_object(&j);
	json_w_member_u64(&j, STR("index"), 0);
	json_w_key(&j, STR("message"));
	json_w_object(&j);
	json_w_member_str(&j, STR("role"), STR("assistant"));
	json_w_key(&j, STR("content"));
	if (buf_len(&w->said) || !w->called) {
		json_w_str(&j, buf_str(&w->said));
	} else {
		json_w_null(&j);
	}
	if (buf_len(&w->thought)) {
		json_w_member_str(&j, STR("reasoning_content"), buf_str(&w->thought));
	}
	if (w->called) {
		json_w_key(&j, STR("tool_calls"));
		json_w_array(&j);
		json_w_raw(&j, buf_str(&w->items));
		json_w_end(&j);
	}
	json_w_end(&j);
	json_w_member_str(&j, STR("finish_reason"), finish_name(w));
	json_w_end(&j);
	json_w_end(&j);
	if (w->usage.given) {
		put_usage(&j, &w->usage);
	}
	json_w_end(&j);
}

static void on_error(struct model_answer_writer *w, struct str text)
{
	struct json_writer j = answer_event(w, STR(""));

	json_w_key(&j, STR("error"));
	json_w_object(&j);
	json_w_member_str(&j, STR("message"), text);
	json_w_member_str(&j, STR("type"), STR("server_error"));
	json_w_key(&j, STR("param"));
	json_w_null(&j);
	json_w_member_str(&j, STR("code"), STR("upstream_failed"));
	json_w_end(&j);
	answer_event_end(w, &j);
}

const struct answer_ops answer_chat_ops = {
	.begin = on_begin,
	.open = on_open,
	.grow = on_grow,
	.close = on_close,
	.end = on_end,
	.error = on_error,
};
