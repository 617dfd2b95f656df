/* SPDX-License-Identifier: Apache-2.0 */
#include "model/stream.h"

static const struct str finish_names[] = {
	[MODEL_FINISH_NONE] = STR_INIT("none"),
	[MODEL_FINISH_STOP] = STR_INIT("stop"),
	[MODEL_FINISH_LENGTH] = STR_INIT("length"),
	[MODEL_FINISH_TOOL_CALLS] = STR_INIT("tool_calls"),
	[MODEL_FINISH_CONTENT_FILTER] = STR_INIT("content_filter"),
	[MODEL_FINISH_OTHER] = STR_INIT("other"),
};

struct str model_finish_name(enum model_finish f)
{
	ASSERT(f < ARRAY_LEN(finish_names));
	return finish_names[f];
}

static bool is_type(struct str raw, enum json_type type)
{
	return raw.p && json_raw_type(raw) == type;
}

static struct str member(struct str object, struct str name)
{
	struct str r = {NULL, 0};

	if (is_type(object, JSON_OBJECT)) {
		(void)json_scan_members(object, &name, 1, &r, NULL);
	}
	return r;
}

/* Beyond 2^53 no reader of JSON agrees with another about the number. */
static bool take_count(struct str raw, uint64_t *ret)
{
	uint64_t v;

	if (!is_type(raw, JSON_NUMBER) || !str_to_u64(raw, &v) || v > (UINT64_C(1) << 53)) {
		return false;
	}
	*ret = v;
	return true;
}

/* Responses and Messages call them input and output; Messages tells them one after the other. */
static void take_usage_named_otherwise(struct str raw, struct model_usage *ret)
{
	uint64_t cached = 0, kept = 0;
	bool in = take_count(member(raw, STR("input_tokens")), &ret->input);
	bool out = take_count(member(raw, STR("output_tokens")), &ret->output);

	ret->given = ret->given || in || out;
	/* Messages count what comes from the cache, and goes there, beside the rest. */
	(void)take_count(member(raw, STR("cache_creation_input_tokens")), &kept);
	if (take_count(member(raw, STR("cache_read_input_tokens")), &cached)) {
		ret->cached = cached;
	}
	if (in) {
		ret->input += cached + kept;
	}
	(void)take_count(member(member(raw, STR("input_tokens_details")), STR("cached_tokens")),
			 &ret->cached);
	(void)take_count(member(member(raw, STR("output_tokens_details")), STR("reasoning_tokens")),
			 &ret->reasoning);
}

static void take_usage(struct str raw, struct model_usage *ret)
{
	struct model_usage u = {.given = true};
	uint64_t total;

	if (!take_count(member(raw, STR("prompt_tokens")), &u.input)) {
		take_usage_named_otherwise(raw, ret);
		return;
	}
	/* An embedding has no output, only a total. */
	if (!take_count(member(raw, STR("completion_tokens")), &u.output) &&
	    (member(raw, STR("completion_tokens")).p ||
	     !take_count(member(raw, STR("total_tokens")), &total))) {
		return;
	}
	(void)take_count(member(member(raw, STR("prompt_tokens_details")), STR("cached_tokens")),
			 &u.cached);
	(void)take_count(
		member(member(raw, STR("completion_tokens_details")), STR("reasoning_tokens")),
		&u.reasoning);
	*ret = u;
}

static void take_finish(struct str raw, enum model_finish *ret)
{
	if (!is_type(raw, JSON_STRING)) {
		return;
	}
	*ret = MODEL_FINISH_OTHER;
	raw = str_make(raw.p + 1, raw.n - 2);
	for (enum model_finish f = MODEL_FINISH_STOP; f < MODEL_FINISH_OTHER; f++) {
		if (str_eq(raw, finish_names[f])) {
			*ret = f;
		}
	}
	/* the name that the interface had before tools */
	if (str_eq(raw, STR("function_call"))) {
		*ret = MODEL_FINISH_TOOL_CALLS;
	}
}

/* One answer or one chunk of it: what it says replaces what was said before. */
void model_outcome_take(struct str object, struct model_outcome *ret)
{
	static const struct str names[] = {STR_INIT("usage"),    STR_INIT("choices"),
					   STR_INIT("error"),    STR_INIT("type"),
					   STR_INIT("response"), STR_INIT("message")};
	struct str r[ARRAY_LEN(names)];
	struct json_member choice;
	struct str inner;

	(void)json_scan_members(object, names, ARRAY_LEN(names), r, NULL);
	if (is_type(r[0], JSON_OBJECT)) {
		take_usage(r[0], &ret->usage);
	}
	/* An event of Responses or Messages holds the object that has the counts. */
	inner = is_type(r[4], JSON_OBJECT) ? r[4] : r[5];
	if (is_type(member(inner, STR("usage")), JSON_OBJECT)) {
		take_usage(member(inner, STR("usage")), &ret->usage);
	}
	if (is_type(r[2], JSON_OBJECT) || str_eq(r[3], STR("\"error\"")) ||
	    str_eq(r[3], STR("\"response.failed\""))) {
		ret->is_error = true;
	}
	if (!is_type(r[1], JSON_ARRAY)) {
		return;
	}
	for (struct json_walk w = json_walk(r[1]); json_walk_next(&w, &choice);) {
		take_finish(member(choice.value, STR("finish_reason")), &ret->finish);
	}
}

enum err_code model_outcome_parse(struct arena *scratch, struct str body,
				  const struct json_opts *opts, struct model_outcome *ret,
				  struct err *err)
{
	struct model_outcome o = {.is_error = false};
	struct json_scan scan;

	TRY(json_scan(scratch, body, opts, &scan, err));
	if (scan.type != JSON_OBJECT) {
		return ERR(err, ERR_INVALID, "the answer is not an object");
	}
	model_outcome_take(scan.value, &o);
	*ret = o;
	return ERR_OK;
}

void model_stream_init(struct model_stream *s)
{
	*s = (struct model_stream){.done = false};
	sse_parser_init(&s->sse, MODEL_EVENT_MAX);
}

void model_stream_done(struct model_stream *s)
{
	sse_parser_done(&s->sse);
}

static void take_event(struct model_stream *s, struct arena *scratch, const struct sse_event *e)
{
	struct json_scan scan;

	if (!e->has_data) {
		return;
	}
	s->events++;
	if (str_eq(str_trim(e->data), STR("[DONE]"))) {
		s->done = true;
		return;
	}
	if (json_scan(scratch, e->data, NULL, &scan, NULL) || scan.type != JSON_OBJECT) {
		s->bad_events++;
		s->blind = s->bad_events >= MODEL_ERROR_EVENTS;
	} else {
		model_outcome_take(scan.value, &s->outcome);
	}
	arena_reset(scratch);
}

void model_stream_feed(struct model_stream *s, struct arena *scratch, struct str bytes)
{
	struct sse_event e;

	while (!s->blind) {
		enum sse_result r = sse_parse(&s->sse, &bytes, &e, NULL);

		if (r == SSE_MORE) {
			return;
		}
		if (r == SSE_BAD) {
			s->blind = true;
			return;
		}
		take_event(s, scratch, &e);
	}
}

size_t model_event_length(struct str bytes)
{
	size_t lf = str_find_str(bytes, STR("\n\n")), crlf = str_find_str(bytes, STR("\r\n\r\n"));

	return lf < bytes.n && lf < crlf ? lf + 2 : crlf < bytes.n ? crlf + 4 : 0;
}
