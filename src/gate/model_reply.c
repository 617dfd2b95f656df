/* SPDX-License-Identifier: Apache-2.0 */
/* What a back end answers, on its way to the client: as it is, or translated. */
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
static void note_cost(struct exchange *x, int status, const struct model_usage *u)
{
	struct model_reply *r = x->reply;

	if (!u) {
		r->spent = refused_to_begin(status) ? MODEL_SPENT_NOTHING : MODEL_SPENT_UNKNOWN;
		return;
	}
	if (!u->given || (u->output == 0 && r->request.api != MODEL_API_EMBEDDINGS &&
			  r->request.api != MODEL_API_COUNT_TOKENS)) {
		return;
	}
	r->spent = MODEL_SPENT_KNOWN;
	r->used = *u;
	if (r->hold && budget_is_over(r->hold, u)) {
		x->action.finding = arena_printf(
			&x->req->arena, STR_FMT "%sit used more tokens than its limit lets it",
			STR_ARG(x->action.finding), x->action.finding.n ? "; " : "");
	}
}

static void begin_translation(struct exchange *x, bool stream, struct buf *to)
{
	struct model_reply *r = x->reply;

	model_translation_init(r->translation, r->api, r->request.api, stream,
			       r->request.include_usage, r->request.model,
			       x->gate->loop.real / CLOCK_SEC, to);
	r->translating = true;
}

static void on_head(struct http_call *c)
{
	static const struct http_field fields[] = {
		{STR_INIT("Content-Type"), STR_INIT("text/event-stream; charset=utf-8")},
		{STR_INIT("Cache-Control"), STR_INIT("no-cache, no-transform")},
		{STR_INIT("X-Accel-Buffering"), STR_INIT("no")},
	};
	struct exchange *x = CONTAINER_OF(c, struct exchange, model_call);
	struct model_reply *r = x->reply;

	r->status = c->answer->status;
	if (r->status != 200 || !r->request.stream ||
	    !http_type_is(h1_get(c->answer, HTTP_F_CONTENT_TYPE), STR("text/event-stream"))) {
		return;
	}
	r->events = true;
	r->exchange = x;
	buf_init(&r->told, MODEL_ANSWER_MAX);
	action_commit_begin(&x->action, &r->commitment);
	model_stream_init(&r->stream);
	model_vault_begin(x);
	if (r->translation) {
		begin_translation(x, true, r->restore ? &r->plain : &r->told);
	}
	http_call_stream(c);
	if (http_respond_begin(x->req, 200, fields, ARRAY_LEN(fields), -1)) {
		x->streaming = true;
		model_rest(x);
	}
}

/* What came in one turn of the loop goes out in one piece. */
static void flush(struct exchange *x)
{
	struct model_reply *r = x->reply;

	loop_defer_cancel(&r->flush);
	if (!x->gone && buf_len(&r->told) && http_respond_write(x->req, buf_str(&r->told)) &&
	    x->model_calling && http_respond_pending(x->req) > HTTP_HIGH_WATER) {
		http_call_pause(&x->model_call, true);
	}
	buf_done(&r->told); /* many streams are open, and few have something to say */
}

static void on_flush(struct loop_hook *h)
{
	struct model_reply *r = CONTAINER_OF(h, struct model_reply, flush);

	flush(r->exchange);
}

/* A stream that cannot be told on is cut off after what could be told. */
static void cut_off(struct exchange *x)
{
	struct model_reply *r = x->reply;

	x->broken = true;
	x->model_calling = false;
	http_call_cancel(&x->model_call);
	flush(x);
	model_note_stream(x);
	action_answered_stream(&x->action, LEDGER_PROTOCOL_ERROR, 200, &r->commitment, r->bytes);
}

static void on_data(struct http_call *c, struct str bytes)
{
	struct exchange *x = CONTAINER_OF(c, struct exchange, model_call);
	struct model_reply *r = x->reply;
	struct buf *to = r->restore ? &r->plain : &r->told;

	sha256_update(&r->commitment, bytes.p, bytes.n);
	r->bytes += bytes.n;
	model_stream_feed(&r->stream, &x->gate->scratch, bytes);
	if (r->translation) {
		model_translation_feed(r->translation, bytes);
	} else if (r->metered) {
		model_meter_feed(&r->meter, bytes, to);
	} else {
		buf_append(to, bytes);
	}
	model_vault_tell(x);
	if (r->told.failed || (r->translation && r->translation->failed)) {
		cut_off(x);
		return;
	}
	r->flush.on_turn_end = on_flush;
	loop_defer(&x->gate->loop, &r->flush);
}

/* Its server has no time, or fell over: another may not have. */
static bool status_is_ill(int status)
{
	return status == 429 || status == 500 || (status >= 502 && status <= 504);
}

static bool translate_body(struct exchange *x, struct str body)
{
	struct model_translation *t = x->reply->translation;

	begin_translation(x, false, &x->answer);
	if (model_translation_whole(t, body, &x->gate->json_limits) && !t->is_error) {
		return true;
	}
	buf_clear(&x->answer);
	model_error_append(&x->answer, model_dialect_of(x), MODEL_ERROR_UPSTREAM);
	x->reply->status = 502;
	return false;
}

/* A whole answer: what is the back end's own affair (its keys, its faults) stays behind Writ. */
static void take_body(struct exchange *x, struct str body)
{
	struct model_reply *r = x->reply;
	struct model_outcome outcome;
	enum ledger_status status = LEDGER_OK;
	int told = r->status; /* the client may be told another */
	struct err err;

	r->again = status_is_ill(r->status);
	model_health_note(x->model, r->again ? MODEL_FAILED : MODEL_WELL, x->agent);
	arena_reset(&x->gate->scratch);
	x->answer = gate_buf_take(x->gate, MODEL_BODY_MAX);
	if (model_outcome_parse(&x->gate->scratch, body, &x->gate->json_limits, &outcome, &err)) {
		status = LEDGER_PROTOCOL_ERROR;
	} else if (r->status >= 400 || outcome.is_error) {
		status = LEDGER_TOOL_ERROR;
	}
	if (status == LEDGER_PROTOCOL_ERROR || r->status >= 500 || r->status == 401 ||
	    r->status == 403 || r->status < 200 || (r->status >= 300 && r->status < 400)) {
		model_error_append(&x->answer, model_dialect_of(x), MODEL_ERROR_UPSTREAM);
		r->status = 502;
	} else if (!r->translation) {
		buf_append(&x->answer, body);
	} else if (r->status >= 400) {
		model_error_append_text(
			&x->answer, model_dialect_of(x), (unsigned)r->status,
			model_error_text(&x->gate->scratch, body, &x->gate->json_limits));
	} else if (!translate_body(x, body)) {
		status = LEDGER_PROTOCOL_ERROR;
	}
	if (r->vault && !model_vault_whole(x)) {
		status = LEDGER_WITHHELD;
	}
	r->said = status == LEDGER_PROTOCOL_ERROR ? r->said : outcome.usage;
	note_cost(x, told, status == LEDGER_OK ? &outcome.usage : NULL);
	if (status == LEDGER_OK) {
		history_output_model(&x->action, &outcome, body.n);
	}
	action_answered(&x->action, status, (uint64_t)r->status, body.p ? body : STR(""));
}

/* What has passed by was answered, whoever hangs up now. */
void model_note_stream(struct exchange *x)
{
	const struct model_reply *r = x->reply;

	if (r && r->events && !r->stream.outcome.is_error) {
		history_output_model(&x->action, &r->stream.outcome, r->bytes);
	}
}

/* What was held back, and the last event if the back end left it out; false: it broke off. */
static bool end_stream(struct exchange *x)
{
	struct model_reply *r = x->reply;
	bool whole = true;

	if (r->metered) {
		model_meter_end(&r->meter, r->restore ? &r->plain : &r->told);
	}
	if (r->translation) {
		whole = model_translation_end(r->translation);
	}
	model_vault_end(x);
	flush(x);
	return whole;
}

static void on_done(struct http_call *c)
{
	struct exchange *x = CONTAINER_OF(c, struct exchange, model_call);
	struct model_reply *r = x->reply;

	x->model_calling = false;
	if (!r->events) {
		take_body(x, c->answer_body);
		return;
	}
	model_note_stream(x);
	model_health_note(x->model, MODEL_WELL, x->agent);
	note_cost(x, r->status, r->stream.outcome.is_error ? NULL : &r->stream.outcome.usage);
	if (!end_stream(x)) {
		x->broken = true;
		action_answered_stream(&x->action, LEDGER_DIED, 200, &r->commitment, r->bytes);
		return;
	}
	action_answered_stream(&x->action,
			       r->stream.outcome.is_error ? LEDGER_TOOL_ERROR : LEDGER_OK, 200,
			       &r->commitment, r->bytes);
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct exchange *x = CONTAINER_OF(c, struct exchange, model_call);

	(void)err;
	x->model_calling = false;
	model_health_note(x->model, why == HTTP_FAIL_DIAL ? MODEL_UNREACHED : MODEL_FAILED,
			  x->agent);
	if (why == HTTP_FAIL_DIAL || why == HTTP_FAIL_QUEUE) {
		x->reply->spent = MODEL_SPENT_NOTHING;
	}
	x->reply->again = why != HTTP_FAIL_TIMEOUT && why != HTTP_FAIL_LIMIT &&
			  why != HTTP_FAIL_INVALID && why != HTTP_FAIL_NOMEM;
	if (x->reply->events) {
		flush(x);
		x->broken = true;
		model_note_stream(x);
		action_answered_stream(&x->action, status_of(why), 200, &x->reply->commitment,
				       x->reply->bytes);
		return;
	}
	x->answer = gate_buf_take(x->gate, 64 << 10);
	model_error_append(&x->answer, model_dialect_of(x),
			   why == HTTP_FAIL_TIMEOUT ? MODEL_ERROR_TIMEOUT
			   : why == HTTP_FAIL_QUEUE ? MODEL_ERROR_BUSY
						    : MODEL_ERROR_UPSTREAM);
	x->reply->status = why == HTTP_FAIL_TIMEOUT ? 504 : why == HTTP_FAIL_QUEUE ? 429 : 502;
	action_answered(&x->action, status_of(why), 0, str_make(NULL, 0));
}

const struct http_call_events model_call_events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
};
