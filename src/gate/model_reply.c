/* SPDX-License-Identifier: Apache-2.0 */
/* What a back end answers, on its way to the client: as it is, or translated. */
#include "gate/model_hedge.h"
#include "gate/model_priv.h"
#include "gate/model_route.h"

static enum ledger_status status_of(enum http_fail why)
{
	switch (why) {
	case HTTP_FAIL_NONE:
	case HTTP_FAIL_QUEUE:
	case HTTP_FAIL_DIAL:
	case HTTP_FAIL_NOMEM:
	case HTTP_FAIL_INVALID:
		return LEDGER_UNREACHABLE;
	case HTTP_FAIL_RETRYABLE:
	case HTTP_FAIL_CLOSED:
		return LEDGER_DIED;
	case HTTP_FAIL_BAD:
	case HTTP_FAIL_LIMIT:
		return LEDGER_PROTOCOL_ERROR;
	case HTTP_FAIL_TIMEOUT:
		return LEDGER_TIMEOUT;
	}
	return LEDGER_LOST;
}

/* Its own word that it did no work. Behind another 5xx (a proxy's 504) it may have done all of it. */
static bool refused_to_begin(int status)
{
	return (status >= 400 && status < 500) || status == 503;
}

/*
 * `status` is the back end's. NULL: it was refused or failed there, or did not make sense. A count without
 * output is what a stream began with.
 */
static void note_cost(struct model_attempt *t, int status, const struct model_usage *u)
{
	if (!u) {
		t->spent = refused_to_begin(status) ? MODEL_SPENT_NOTHING : MODEL_SPENT_UNKNOWN;
		return;
	}
	if (!u->given || (u->output == 0 && t->request.api != MODEL_API_EMBEDDINGS &&
			  t->request.api != MODEL_API_COUNT_TOKENS)) {
		return;
	}
	t->spent = MODEL_SPENT_KNOWN;
	t->used = *u;
	if (t->hold && budget_is_over(t->hold, u)) {
		t->action.finding = arena_printf(
			t->action.arena, STR_FMT "%sit used more tokens than its limit lets it",
			STR_ARG(t->action.finding), t->action.finding.n ? "; " : "");
	}
}

static void begin_translation(struct model_attempt *t, bool stream, struct buf *to)
{
	model_translation_init(t->translation, t->api, t->request.api, stream,
			       t->request.include_usage, t->request.model,
			       t->exchange->gate->loop.real / CLOCK_SEC, to);
	t->translating = true;
}

/* A stream that begins with its head goes on without what it was made of. */
static void begin_stream(struct model_attempt *t, bool with_head)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("text/event-stream; charset=utf-8")},
		{STR_INIT("Cache-Control"), STR_INIT("no-cache, no-transform")},
		{STR_INIT("X-Accel-Buffering"), STR_INIT("no")},
	};
	struct exchange *x = t->exchange;

	t->begun = true;
	model_won(t);
	if (http_respond_begin(x->req, 200, fields, ARRAY_LEN(fields), -1)) {
		x->streaming = true;
		if (with_head) {
			model_rest(t);
		}
	}
}

/* A head, and comments that keep a connection open, say nothing of how long the first word takes. */
static bool begins(struct model_attempt *t, struct str bytes)
{
	if (!t->begun && bytes.n && bytes.p[0] != ':') {
		begin_stream(t, false);
	}
	return t->begun;
}

static void on_head(struct http_call *c)
{
	struct model_attempt *t = CONTAINER_OF(c, struct model_attempt, call);
	struct exchange *x = t->exchange;

	t->status = c->answer->status;
	if (t->status != 200 || !t->request.stream ||
	    !http_type_is(h1_get(c->answer, HTTP_F_CONTENT_TYPE), STR("text/event-stream"))) {
		return;
	}
	t->events = true;
	buf_init(&t->told, MODEL_ANSWER_MAX);
	action_commit_begin(&t->action, &t->commitment);
	model_stream_init(&t->stream);
	model_vault_begin(t);
	if (t->translation) {
		begin_translation(t, true, model_vault_door(t));
	}
	http_call_stream(c);
	if (!x->reply->hedge_after) {
		begin_stream(t, true);
	}
}

/* What came in one turn of the loop goes out in one piece. */
static void flush(struct model_attempt *t)
{
	struct exchange *x = t->exchange;

	loop_defer_cancel(&t->flush);
	if (!x->gone && buf_len(&t->told) && http_respond_write(x->req, buf_str(&t->told)) &&
	    t->calling && http_respond_pending(x->req) > HTTP_HIGH_WATER) {
		http_call_pause(&t->call, true);
	}
	buf_done(&t->told); /* many streams are open, and few have something to say */
}

static void on_flush(struct loop_hook *h)
{
	flush(CONTAINER_OF(h, struct model_attempt, flush));
}

/* A stream that cannot be told on is cut off after what could be told; before a word was, another may be asked. */
static void cut_off(struct model_attempt *t)
{
	t->calling = false;
	http_call_cancel(&t->call);
	if (t->begun) {
		t->broken = true;
		flush(t);
	} else {
		model_health_note(t->model, MODEL_FAILED, t->exchange->agent);
		t->again = true;
		t->answer = gate_buf_take(t->exchange->gate, 64 << 10);
		model_error_append(&t->answer, model_dialect_of(t->exchange), MODEL_ERROR_UPSTREAM);
		t->status = 502;
	}
	model_note_stream(t);
	action_answered_stream(&t->action, LEDGER_PROTOCOL_ERROR, 200, &t->commitment, t->bytes);
}

static void on_data(struct http_call *c, struct str bytes)
{
	struct model_attempt *t = CONTAINER_OF(c, struct model_attempt, call);
	struct exchange *x = t->exchange;
	struct buf *to = model_vault_door(t);

	sha256_update(&t->commitment, bytes.p, bytes.n);
	t->bytes += bytes.n;
	model_stream_feed(&t->stream, &x->gate->scratch, bytes);
	if (t->translation) {
		model_translation_feed(t->translation, bytes);
	} else if (t->metered) {
		model_meter_feed(&t->meter, bytes, to);
	} else {
		buf_append(to, bytes);
	}
	model_vault_tell(t);
	if (t->told.failed || (t->translation && t->translation->failed)) {
		cut_off(t);
		return;
	}
	if (!begins(t, bytes)) {
		return;
	}
	t->flush.on_turn_end = on_flush;
	loop_defer(&x->gate->loop, &t->flush);
}

/* Its server has no time, or fell over: another may not have. */
static bool status_is_ill(int status)
{
	return status == 429 || status == 500 || (status >= 502 && status <= 504);
}

static bool translate_body(struct model_attempt *t, struct str body)
{
	struct exchange *x = t->exchange;

	begin_translation(t, false, &t->answer);
	if (model_translation_whole(t->translation, body, &x->gate->json_limits) &&
	    !t->translation->is_error) {
		return true;
	}
	buf_clear(&t->answer);
	model_error_append(&t->answer, model_dialect_of(x), MODEL_ERROR_UPSTREAM);
	t->status = 502;
	return false;
}

/* A whole answer: what is the back end's own affair (its keys, its faults) stays behind Writ. */
static void take_body(struct model_attempt *t, struct str body)
{
	struct exchange *x = t->exchange;
	struct model_outcome outcome;
	enum ledger_status status = LEDGER_OK;
	int told = t->status; /* the client may be told another */
	struct err err;

	t->again = status_is_ill(t->status);
	model_health_note(t->model, t->again ? MODEL_FAILED : MODEL_WELL, x->agent);
	arena_reset(&x->gate->scratch);
	t->answer = gate_buf_take(x->gate, MODEL_BODY_MAX);
	if (model_outcome_parse(&x->gate->scratch, body, &x->gate->json_limits, &outcome, &err)) {
		status = LEDGER_PROTOCOL_ERROR;
	} else if (t->status >= 400 || outcome.is_error) {
		status = LEDGER_TOOL_ERROR;
	}
	if (status == LEDGER_PROTOCOL_ERROR || t->status >= 500 || t->status == 401 ||
	    t->status == 403 || t->status < 200 || (t->status >= 300 && t->status < 400)) {
		model_error_append(&t->answer, model_dialect_of(x), MODEL_ERROR_UPSTREAM);
		t->status = 502;
	} else if (!t->translation) {
		buf_append(&t->answer, body);
	} else if (t->status >= 400) {
		model_error_append_text(
			&t->answer, model_dialect_of(x), (unsigned)t->status,
			model_error_text(&x->gate->scratch, body, &x->gate->json_limits));
	} else if (!translate_body(t, body)) {
		status = LEDGER_PROTOCOL_ERROR;
	}
	if (t->vault && !model_vault_whole(t)) {
		status = LEDGER_WITHHELD;
	}
	t->said = status == LEDGER_PROTOCOL_ERROR ? t->said : outcome.usage;
	note_cost(t, told, status == LEDGER_OK ? &outcome.usage : NULL);
	if (status == LEDGER_OK) {
		model_won(t);
		history_output_model(&t->action, &outcome, body.n);
	}
	action_answered(&t->action, status, (uint64_t)t->status, body.p ? body : STR(""));
}

/* What has passed by was answered, whoever hangs up now. */
void model_note_stream(struct model_attempt *t)
{
	if (t->events && !t->stream.outcome.is_error) {
		history_output_model(&t->action, &t->stream.outcome, t->bytes);
	}
}

/* What was held back, and the last event if the back end left it out; false: it broke off. */
static bool end_stream(struct model_attempt *t)
{
	bool whole = true;

	if (t->metered) {
		model_meter_end(&t->meter, model_vault_door(t));
	}
	if (t->translation) {
		whole = model_translation_end(t->translation);
	}
	model_vault_end(t);
	flush(t);
	return whole;
}

static void on_done(struct http_call *c)
{
	struct model_attempt *t = CONTAINER_OF(c, struct model_attempt, call);
	struct exchange *x = t->exchange;

	t->calling = false;
	if (!t->events) {
		take_body(t, c->answer_body);
		return;
	}
	if (!t->begun) {
		begin_stream(t, false);
	}
	model_note_stream(t);
	model_health_note(t->model, MODEL_WELL, x->agent);
	note_cost(t, t->status, t->stream.outcome.is_error ? NULL : &t->stream.outcome.usage);
	if (!end_stream(t)) {
		t->broken = true;
		action_answered_stream(&t->action, LEDGER_DIED, 200, &t->commitment, t->bytes);
		return;
	}
	action_answered_stream(&t->action,
			       t->stream.outcome.is_error ? LEDGER_TOOL_ERROR : LEDGER_OK, 200,
			       &t->commitment, t->bytes);
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct model_attempt *t = CONTAINER_OF(c, struct model_attempt, call);
	struct exchange *x = t->exchange;

	(void)err;
	t->calling = false;
	model_health_note(t->model, why == HTTP_FAIL_DIAL ? MODEL_UNREACHED : MODEL_FAILED,
			  x->agent);
	if (why == HTTP_FAIL_DIAL || why == HTTP_FAIL_QUEUE) {
		t->spent = MODEL_SPENT_NOTHING;
	}
	t->again = why != HTTP_FAIL_TIMEOUT && why != HTTP_FAIL_LIMIT && why != HTTP_FAIL_INVALID &&
		   why != HTTP_FAIL_NOMEM;
	if (t->begun) {
		flush(t);
		t->broken = true;
		model_note_stream(t);
		action_answered_stream(&t->action, status_of(why), 200, &t->commitment, t->bytes);
		return;
	}
	t->answer = gate_buf_take(x->gate, 64 << 10);
	model_error_append(&t->answer, model_dialect_of(x),
			   why == HTTP_FAIL_TIMEOUT ? MODEL_ERROR_TIMEOUT
			   : why == HTTP_FAIL_QUEUE ? MODEL_ERROR_BUSY
						    : MODEL_ERROR_UPSTREAM);
	t->status = why == HTTP_FAIL_TIMEOUT ? 504 : why == HTTP_FAIL_QUEUE ? 429 : 502;
	action_answered(&t->action, status_of(why), 0, str_make(NULL, 0));
}

const struct http_call_events model_call_events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
};
