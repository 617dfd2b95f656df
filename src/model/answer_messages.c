/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to clients of Anthropic's messages. */
#include "model/answer_priv.h"

/* What came from the cache stands beside the rest. */
static void put_usage(struct json_writer *j, const struct model_usage *u)
{
	json_w_key(j, STR("usage"));
	json_w_object(j);
	json_w_member_u64(j, STR("input_tokens"),
			  u->input - (u->cached < u->input ? u->cached : 0));
	json_w_member_u64(j, STR("cache_creation_input_tokens"), 0);
	json_w_member_u64(j, STR("cache_read_input_tokens"), u->cached < u->input ? u->cached : 0);
	json_w_member_u64(j, STR("output_tokens"), u->output);
	json_w_end(j);
}

static struct str reason(const struct model_answer_writer *w)
{
	if (buf_len(&w->stop) && w->finish == MODEL_FINISH_STOP) {
		return STR("stop_sequence");
	}
	switch (w->finish) {
	case MODEL_FINISH_LENGTH:
		return STR("max_tokens");
	case MODEL_FINISH_CONTENT_FILTER:
		return STR("refusal");
	case MODEL_FINISH_TOOL_CALLS:
	case MODEL_FINISH_NONE:
	case MODEL_FINISH_STOP:
	case MODEL_FINISH_OTHER:
		break;
	}
	/* Some engines say "stop" where a tool is called. */
	return w->called ? STR("tool_use") : STR("end_turn");
}

static void put_stop(struct json_writer *j, const struct model_answer_writer *w)
{
	json_w_member_str(j, STR("stop_reason"), reason(w));
	json_w_key(j, STR("stop_sequence"));
	if (buf_len(&w->stop) && w->finish == MODEL_FINISH_STOP) {
		json_w_str(j, buf_str(&w->stop));
	} else {
		json_w_null(j);
	}
}

static void put_head(struct json_writer *j, const struct model_answer_writer *w)
{
	answer_put_id(j, w, STR("msg_"));
	json_w_member_str(j, STR("type"), STR("message"));
	json_w_member_str(j, STR("role"), STR("assistant"));
	json_w_member_str(j, STR("model"), w->model);
}

static void on_begin(struct model_answer_writer *w)
{
	struct json_writer j;

	if (!w->stream) {
		return;
	}
	j = answer_event(w, STR("message_start"));
	json_w_key(&j, STR("message"));
	json_w_object(&j);
	put_head(&j, w);
	json_w_key(&j, STR("content"));
	json_w_array(&j);
	json_w_end(&j);
	json_w_key(&j, STR("stop_reason"));
	json_w_null(&j);
	json_w_key(&j, STR("stop_sequence"));
	json_w_null(&j);
	put_usage(&j, &w->usage); /* not known yet: message_delta tells it */
	json_w_end(&j);
	answer_event_end(w, &j);
}

/* Without its text in a stream, which follows. */
static void put_block(struct json_writer *j, const struct model_answer_writer *w, struct str text)
{
	json_w_object(j);
	switch (w->block) {
	case MODEL_BLOCK_TEXT:
	case MODEL_BLOCK_NONE:
		json_w_member_str(j, STR("type"), STR("text"));
		json_w_member_str(j, STR("text"), text);
		break;
	case MODEL_BLOCK_REASONING:
		json_w_member_str(j, STR("type"), STR("thinking"));
		json_w_member_str(j, STR("thinking"), text);
		json_w_member_str(j, STR("signature"), STR(""));
		break;
	case MODEL_BLOCK_CALL:
		json_w_member_str(j, STR("type"), STR("tool_use"));
		json_w_member_str(j, STR("id"), buf_str(&w->call_id));
		json_w_member_str(j, STR("name"), buf_str(&w->call_name));
		json_w_member_raw(j, STR("input"), text.n ? text : STR("{}"));
		break;
	}
	json_w_end(j);
}

static void on_open(struct model_answer_writer *w)
{
	struct json_writer j;

	if (w->stream) {
		j = answer_event(w, STR("content_block_start"));
		json_w_member_u64(&j, STR("index"), w->n_blocks - 1);
		json_w_key(&j, STR("content_block"));
		put_block(&j, w, STR(""));
		answer_event_end(w, &j);
	}
}

static void on_grow(struct model_answer_writer *w, struct str text)
{
	static const struct str types[][2] = {
		[MODEL_BLOCK_NONE] = {STR_INIT("text_delta"), STR_INIT("text")},
		[MODEL_BLOCK_TEXT] = {STR_INIT("text_delta"), STR_INIT("text")},
		[MODEL_BLOCK_REASONING] = {STR_INIT("thinking_delta"), STR_INIT("thinking")},
		[MODEL_BLOCK_CALL] = {STR_INIT("input_json_delta"), STR_INIT("partial_json")},
	};
	struct json_writer j;

	if (w->stream) {
		j = answer_event(w, STR("content_block_delta"));
		json_w_member_u64(&j, STR("index"), w->n_blocks - 1);
		json_w_key(&j, STR("delta"));
		json_w_object(&j);
		json_w_member_str(&j, STR("type"), types[w->block][0]);
		json_w_member_str(&j, types[w->block][1], text);
		json_w_end(&j);
		answer_event_end(w, &j);
	}
}

/* A call's arguments become part of our JSON, so they have to be an object. */
static bool is_object(struct str text)
{
	struct json_scan scan;
	struct arena a;
	bool ok;

	arena_init(&a, 1 << 20);
	ok = json_scan(&a, text, NULL, &scan, NULL) == ERR_OK && scan.type == JSON_OBJECT;
	arena_done(&a);
	return ok;
}

static void on_close(struct model_answer_writer *w)
{
	struct json_writer j;

	if (w->stream) {
		j = answer_event(w, STR("content_block_stop"));
		json_w_member_u64(&j, STR("index"), w->n_blocks - 1);
		answer_event_end(w, &j);
		return;
	}
	if (w->block == MODEL_BLOCK_CALL && buf_len(&w->text) && !is_object(buf_str(&w->text))) {
		w->failed = true;
		return;
	}
	j = answer_item(w);
	put_block(&j, w, buf_str(&w->text));
}

static void on_end(struct model_answer_writer *w)
{
	struct json_writer j = json_writer(w->out);

	if (!w->stream) {
		json_w_object(&j);
		put_head(&j, w);
		json_w_key(&j, STR("content"));
		json_w_array(&j);
		if (buf_len(&w->items)) {
			json_w_raw(&j, buf_str(&w->items));
		}
		json_w_end(&j);
		put_stop(&j, w);
		put_usage(&j, &w->usage);
		json_w_end(&j);
		return;
	}
	j = answer_event(w, STR("message_delta"));
	json_w_key(&j, STR("delta"));
	json_w_object(&j);
	put_stop(&j, w);
	json_w_end(&j);
	put_usage(&j, &w->usage);
	answer_event_end(w, &j);
	j = answer_event(w, STR("message_stop"));
	answer_event_end(w, &j);
}

static void on_error(struct model_answer_writer *w, struct str text)
{
	struct json_writer j = answer_event(w, STR("error"));

	json_w_key(&j, STR("error"));
	json_w_object(&j);
	json_w_member_str(&j, STR("type"), STR("api_error"));
	json_w_member_str(&j, STR("message"), text);
	json_w_end(&j);
	answer_event_end(w, &j);
}

const struct answer_ops answer_messages_ops = {
	.begin = on_begin,
	.open = on_open,
	.grow = on_grow,
	.close = on_close,
	.end = on_end,
	.error = on_error,
};
