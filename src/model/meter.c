/* SPDX-License-Identifier: Apache-2.0 */
#include "model/meter.h"

#include "model/pick_priv.h"
#include "model/stream.h"

uint64_t model_input_bound(const struct model_request *q, uint64_t per_image)
{
	/* A picture is told by its URL, or of Messages by its type. */
	static const struct str marks[] = {STR_INIT("data:"), STR_INIT("\"media_type\"")};
	uint64_t n = q->input_bytes;

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		struct str rest = q->whole;

		for (size_t at; (at = str_find_str(rest, marks[i])) < rest.n;) {
			rest = str_from(rest, at + marks[i].n);
			n += per_image;
		}
	}
	/* Members beside the content may become part of the prompt too: a schema, for one. */
	return n > q->whole.n ? n : q->whole.n + (n - q->input_bytes);
}

/* Each is answered by itself; numbers are the tokens of one. */
static uint64_t prompts_in(struct str raw)
{
	struct json_member m;
	uint64_t n = 0;

	if (!model_is_type(raw, JSON_ARRAY)) {
		return 1;
	}
	for (struct json_walk w = json_walk(raw); json_walk_next(&w, &m);) {
		n += json_raw_type(m.value) != JSON_NUMBER;
	}
	return n ? n : 1;
}

bool model_stated_limit(struct arena *a, const struct model_request *q, uint64_t *ret)
{
	static const struct str names[] = {STR_INIT("n_predict"), STR_INIT("max_completion_tokens"),
					   STR_INIT("max_tokens"), STR_INIT("max_output_tokens")};
	struct str r[ARRAY_LEN(names)];
	bool ok = model_pick(a, q->whole, names, ARRAY_LEN(names), r);

	for (size_t i = 0; ok && i < ARRAY_LEN(names); i++) {
		ok = model_take_limit(r[i], ret);
	}
	return ok;
}

bool model_output_bound(struct arena *a, const struct model_request *q, uint64_t limit,
			uint64_t *ret)
{
	static const struct str names[] = {STR_INIT("prompt"), STR_INIT("best_of")};
	struct str r[ARRAY_LEN(names)];
	uint64_t answers = q->n;

	if (!model_pick(a, q->whole, names, ARRAY_LEN(names), r) ||
	    !model_take_limit(r[1], &answers) || !model_stated_limit(a, q, &limit) ||
	    (q->api == MODEL_API_COMPLETIONS &&
	     __builtin_mul_overflow(answers, prompts_in(r[0]), &answers))) {
		return false;
	}
	return !__builtin_mul_overflow(answers, limit, ret);
}

bool model_request_meter(struct arena *a, struct model_request *q, uint64_t max_tokens,
			 const struct model_quirks *quirks)
{
	static const struct str name = STR_INIT("stream_options");
	struct str options = {NULL, 0};

	if (!q->max_tokens && q->api != MODEL_API_EMBEDDINGS && q->api != MODEL_API_COUNT_TOKENS) {
		q->say_max_tokens = max_tokens;
		q->say_max_tokens_as = q->api == MODEL_API_RESPONSES ? STR("max_output_tokens")
				       : q->api == MODEL_API_CHAT && quirks->max_completion_tokens
					       ? STR("max_completion_tokens")
					       : STR("max_tokens");
	}
	q->say_usage = q->stream && !quirks->no_stream_options &&
		       (q->api == MODEL_API_CHAT || q->api == MODEL_API_COMPLETIONS) &&
		       model_pick(a, q->whole, &name, 1, &options) && !options.p;
	return q->say_usage;
}

void model_meter_init(struct model_meter *m)
{
	*m = (struct model_meter){.open = false};
	buf_init(&m->held, MODEL_EVENT_MAX);
}

void model_meter_done(struct model_meter *m)
{
	buf_done(&m->held);
}

/* "data: {...,"choices":[],...,"usage":{...}}" */
static bool is_usage(struct str event)
{
	static const struct str names[] = {STR_INIT("choices"), STR_INIT("usage")};
	struct json_scan scan;
	struct str r[2], data = event;
	struct arena a;
	bool ok;

	if (!str_starts_with(data, STR("data:")) ||
	    str_find_str(data, STR("\"usage\"")) == data.n) {
		return false;
	}
	data = str_trim(str_from(data, 5));
	while (data.n && (data.p[data.n - 1] == '\n' || data.p[data.n - 1] == '\r')) {
		data.n--;
	}
	arena_init(&a, 1 << 20);
	ok = json_scan(&a, data, NULL, &scan, NULL) == ERR_OK && scan.type == JSON_OBJECT;
	if (ok) {
		struct json_walk w;
		struct json_member m;

		(void)json_scan_members(scan.value, names, 2, r, NULL);
		w = json_walk(r[0].p ? r[0] : STR("0"));
		ok = model_is_type(r[0], JSON_ARRAY) && !json_walk_next(&w, &m) &&
		     model_is_type(r[1], JSON_OBJECT);
	}
	arena_done(&a);
	return ok;
}

void model_meter_feed(struct model_meter *m, struct str bytes, struct buf *out)
{
	size_t n;

	buf_append(&m->held, bytes);
	if (m->held.failed) { /* no usage is so long: it goes out, and so does what comes */
		buf_append(out, buf_str(&m->held));
		buf_clear(&m->held);
		buf_append(out, bytes);
		m->open = true;
		return;
	}
	while ((n = model_event_length(buf_str(&m->held))) > 0) {
		struct str event = str_make(buf_str(&m->held).p, n);

		if (m->open || !is_usage(event)) {
			buf_append(out, event);
		}
		m->open = false;
		buf_consume(&m->held, n);
	}
	if (buf_len(&m->held) == 0) {
		buf_done(
			&m->held); /* many streams are open, and few are in the middle of an event */
	}
}

void model_meter_end(struct model_meter *m, struct buf *out)
{
	buf_append(out, buf_str(&m->held));
	buf_clear(&m->held);
}
