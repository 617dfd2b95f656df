/* SPDX-License-Identifier: Apache-2.0 */
#include "model/translate.h"

#include "model/answer_priv.h"

enum { TREE_LIMIT = 256 << 20, EVENT_TREE_LIMIT = 16 << 20, ERROR_MAX = 4096 };

/* What a client asked for that decides the answer's form is read again from its own request. */
enum model_error model_translate_request(struct buf *out, struct arena *a,
					 const struct model_request *q, enum model_api to,
					 struct str model, const struct model_quirks *quirks,
					 uint64_t max_tokens, struct str *ret_what)
{
	enum model_error e = MODEL_ERROR_NONE;
	const struct json *tree;
	struct model_ask ask;
	struct arena scratch;

	*ret_what = str_make(NULL, 0);
	arena_init(&scratch, TREE_LIMIT);
	if (json_parse(&scratch, q->whole, NULL, &tree, NULL)) {
		e = MODEL_ERROR_TOO_LARGE;
	} else {
		bool ok = model_ask_read(&scratch, q->api, tree, &ask, ret_what);

		if (ok) {
			ask.salt = q->say_salt;
			ask.max_tokens = ask.max_tokens ? ask.max_tokens : max_tokens;
			ok = model_ask_write(out, &scratch, to, &ask, model, quirks, ret_what);
		}
		if (!ok) {
			*ret_what = arena_dup(a, *ret_what);
			e = ret_what->n ? MODEL_ERROR_UNTOLD : MODEL_ERROR_TOO_LARGE;
		}
	}
	arena_done(&scratch);
	return e;
}

static void on_delta(void *ctx, const struct model_delta *d)
{
	struct model_translation *t = ctx;

	t->finished |= d->kind == MODEL_DELTA_FINISH;
	if (d->kind == MODEL_DELTA_ERROR) {
		t->is_error = true;
		buf_append(&t->error,
			   str_make(d->text.p, d->text.n < ERROR_MAX ? d->text.n : ERROR_MAX));
	}
	if (!model_answer_write(&t->out, d)) {
		t->failed = true;
	}
}

void model_translation_init(struct model_translation *t, enum model_api from, enum model_api client,
			    bool stream, bool include_usage, struct str model, uint64_t created,
			    struct buf *to)
{
	*t = (struct model_translation){.out = {.api = client,
						.stream = stream,
						.include_usage = include_usage,
						.model = model,
						.created = created,
						.out = to}};
	model_answer_reader_init(&t->in, from, on_delta, t);
	model_answer_writer_init(&t->out);
	sse_parser_init(&t->sse, MODEL_EVENT_MAX);
	arena_init(&t->scratch, EVENT_TREE_LIMIT);
	buf_init(&t->error, ERROR_MAX);
}

void model_translation_done(struct model_translation *t)
{
	model_answer_writer_done(&t->out);
	sse_parser_done(&t->sse);
	arena_done(&t->scratch);
	buf_done(&t->error);
}

void model_translation_feed(struct model_translation *t, struct str bytes)
{
	struct sse_event e;

	while (!t->failed && !t->in.ended) {
		enum sse_result r = sse_parse(&t->sse, &bytes, &e, NULL);

		if (r == SSE_MORE) {
			break;
		}
		t->failed = r == SSE_BAD ||
			    (e.has_data && model_answer_read_event(&t->in, &t->scratch, e.data,
								   NULL) != ERR_OK) ||
			    t->failed;
		arena_reset(&t->scratch);
	}
	/* A comment says that the back end lives: so does ours, between events. */
	if (t->sse.comments != t->comments && !t->failed) {
		struct model_delta d = {.kind = MODEL_DELTA_PING};

		t->comments = t->sse.comments;
		on_delta(t, &d);
	}
}

bool model_translation_end(struct model_translation *t)
{
	/* Some engines leave out their last event; why they stopped they all say. */
	if (!t->failed && !t->in.ended && t->finished && !t->is_error) {
		answer_tell(&t->in, (struct model_delta){.kind = MODEL_DELTA_END});
	}
	return !t->failed && (t->in.ended || t->is_error);
}

bool model_translation_whole(struct model_translation *t, struct str body,
			     const struct json_opts *opts)
{
	enum err_code code = model_answer_read_whole(&t->in, &t->scratch, body, opts, NULL);

	t->failed |= code != ERR_OK;
	return !t->failed;
}

struct str model_error_text(struct arena *a, struct str body, const struct json_opts *opts)
{
	const struct json *object;

	if (json_parse(a, body, opts, &object, NULL)) {
		return STR("The model's server reported an error.");
	}
	return answer_error_text(object);
}
