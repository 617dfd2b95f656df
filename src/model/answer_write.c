/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces, made into an answer of the client's dialect: what all dialects have in common. */
#include "model/answer_priv.h"

#include "base/hash.h"
#include "base/num.h"

enum { CALL_TEXT_MAX = 1024 };

static const struct answer_ops *ops_of(const struct model_answer_writer *w)
{
	return w->api == MODEL_API_CHAT       ? &answer_chat_ops
	       : w->api == MODEL_API_MESSAGES ? &answer_messages_ops
					      : &answer_responses_ops;
}

void model_answer_writer_init(struct model_answer_writer *w)
{
	ASSERT(w->api == MODEL_API_CHAT || w->api == MODEL_API_MESSAGES ||
	       w->api == MODEL_API_RESPONSES);
	buf_init(&w->text, MODEL_ANSWER_MAX);
	buf_init(&w->items, MODEL_ANSWER_MAX);
	buf_init(&w->said, MODEL_ANSWER_MAX);
	buf_init(&w->thought, MODEL_ANSWER_MAX);
	buf_init(&w->call_id, CALL_TEXT_MAX);
	buf_init(&w->call_name, CALL_TEXT_MAX);
	buf_init(&w->stop, CALL_TEXT_MAX);
}

void model_answer_writer_done(struct model_answer_writer *w)
{
	buf_done(&w->text);
	buf_done(&w->items);
	buf_done(&w->said);
	buf_done(&w->thought);
	buf_done(&w->call_id);
	buf_done(&w->call_name);
	buf_done(&w->stop);
}

struct json_writer answer_event(struct model_answer_writer *w, struct str name)
{
	struct json_writer j = json_writer(w->out);

	if (name.n) {
		buf_append(w->out, STR("event: "));
		buf_append(w->out, name);
		buf_append_c(w->out, '\n');
	}
	buf_append(w->out, STR("data: "));
	json_w_object(&j);
	if (name.n) {
		json_w_member_str(&j, STR("type"), name);
	}
	return j;
}

void answer_event_end(struct model_answer_writer *w, struct json_writer *j)
{
	json_w_end(j);
	buf_append(w->out, STR("\n\n"));
}

struct json_writer answer_item(struct model_answer_writer *w)
{
	if (buf_len(&w->items)) {
		buf_append_c(&w->items, ',');
	}
	return json_writer(&w->items);
}

void answer_put_id(struct json_writer *j, const struct model_answer_writer *w, struct str prefix)
{
	struct str id = str_make(w->id, w->id_n);
	char text[MODEL_ID_MAX + 16];

	if (!str_starts_with(id, prefix)) {
		memcpy(text, prefix.p, prefix.n);
		memcpy(text + prefix.n, id.p, id.n);
		id = str_make(text, prefix.n + id.n);
	}
	json_w_member_str(j, STR("id"), id);
}

/* An answer without an id gets one, and so do calls: clients tell by them what belongs to what. */
static void take_id(struct model_answer_writer *w, struct str id)
{
	w->id_n = 0;
	for (size_t i = 0; i < id.n && w->id_n < sizeof(w->id); i++) {
		unsigned char ch = (unsigned char)id.p[i];

		if (ch > 0x20 && ch < 0x7f) {
			w->id[w->id_n++] = (char)ch;
		}
	}
	if (w->id_n == 0) {
		w->id_n = num_write_u64(w->id, w->created);
	}
}

static void take_call(struct model_answer_writer *w, const struct model_delta *d)
{
	buf_clear(&w->call_id);
	buf_clear(&w->call_name);
	buf_append(&w->call_name, d->name);
	if (d->id.n) {
		buf_append(&w->call_id, d->id);
	} else {
		uint64_t h = hash_str((struct hash_key){.k0 = d->index}, str_make(w->id, w->id_n));

		buf_printf(&w->call_id, "call_%016llx", (unsigned long long)h);
	}
	w->call = d->index;
	w->called = true;
}

static void close_block(struct model_answer_writer *w)
{
	if (w->block != MODEL_BLOCK_NONE) {
		ops_of(w)->close(w);
		w->block = MODEL_BLOCK_NONE;
		buf_clear(&w->text);
	}
}

static void open_block(struct model_answer_writer *w, enum model_block block)
{
	w->block = block;
	w->n_blocks++;
	ops_of(w)->open(w);
}

static void grow(struct model_answer_writer *w, enum model_block block, const struct model_delta *d)
{
	if (block != MODEL_BLOCK_CALL && w->block != block) {
		close_block(w);
		open_block(w, block);
	}
	/* Blocks come one after the other, in every dialect but the one that this came from. */
	if (w->block != block || (block == MODEL_BLOCK_CALL && w->call != d->index)) {
		w->failed = true;
		return;
	}
	if (!w->stream || ops_of(w)->keeps) {
		buf_append(&w->text, d->text);
	}
	ops_of(w)->grow(w, d->text);
}

static void ping(struct model_answer_writer *w)
{
	if (w->stream && w->api == MODEL_API_MESSAGES && w->begun) {
		struct json_writer j = answer_event(w, STR("ping"));

		answer_event_end(w, &j);
	} else if (w->stream) {
		sse_write_keep_alive(w->out);
	}
}

static bool has_failed(const struct model_answer_writer *w)
{
	return w->failed || w->out->failed || w->text.failed || w->items.failed || w->said.failed ||
	       w->thought.failed || w->call_id.failed || w->call_name.failed || w->stop.failed;
}

static void take(struct model_answer_writer *w, const struct model_delta *d)
{
	switch (d->kind) {
	case MODEL_DELTA_START:
		w->begun = true;
		take_id(w, d->id);
		ops_of(w)->begin(w);
		break;
	case MODEL_DELTA_TEXT:
		grow(w, MODEL_BLOCK_TEXT, d);
		break;
	case MODEL_DELTA_REASONING:
		grow(w, MODEL_BLOCK_REASONING, d);
		break;
	case MODEL_DELTA_CALL:
		close_block(w);
		take_call(w, d);
		open_block(w, MODEL_BLOCK_CALL);
		break;
	case MODEL_DELTA_ARGUMENTS:
		grow(w, MODEL_BLOCK_CALL, d);
		break;
	case MODEL_DELTA_FINISH:
		w->finish = d->finish;
		buf_clear(&w->stop);
		buf_append(&w->stop, d->text);
		break;
	case MODEL_DELTA_USAGE:
		w->usage = d->usage;
		break;
	case MODEL_DELTA_PING:
		ping(w);
		break;
	case MODEL_DELTA_ERROR:
		w->ended = true;
		if (w->stream) {
			ops_of(w)->error(w, d->text);
		}
		break;
	case MODEL_DELTA_END:
		close_block(w);
		w->ended = true;
		ops_of(w)->end(w);
		break;
	case MODEL_DELTA_NONE:
		break;
	}
}

bool model_answer_write(struct model_answer_writer *w, const struct model_delta *d)
{
	if (!w->ended && !has_failed(w)) {
		take(w, d);
	}
	return !has_failed(w);
}
