/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/models, and requests to models (chat, completions, embeddings, responses, messages) over
 * configured back ends. The decision sees the model, its site and where that lies; a back end
 * that the policies do not allow is never dialled.
 */
#include "gate/exchange.h"

#include "model/list.h"
#include "model/request.h"
#include "model/stream.h"
#include "json/write.h"

enum { CHAT_ANSWER_MAX = 32 << 20, CHAT_SECONDS = 600, MAX_TOOL_NAMES = 64 };

/* An answer on its way to the client. */
struct model_reply {
	struct model_request request;
	struct buf body; /* of the request to the back end */
	struct str target;
	struct http_field fields[3];
	int status;
	bool events; /* a stream */
	struct sha256 commitment;
	struct model_stream stream;
	uint64_t bytes;
};

static enum model_dialect dialect_of(const struct exchange *x)
{
	return model_api_info(x->model_api)->dialect;
}

static void model_fail(struct exchange *x, enum model_error e)
{
	struct buf out = gate_buf_take(x->gate, 64 << 10);

	model_error_append(&out, dialect_of(x), e);
	gate_buf_give(x->gate, &x->answer);
	x->answer = out;
	exchange_json(x, (int)model_error_info(e)->http_status, buf_str(&x->answer));
}

/* ---- the answer of the back end ---- */

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
	action_commit_begin(&x->action, &r->commitment);
	model_stream_init(&r->stream);
	http_call_stream(c);
	if (http_respond_begin(x->req, 200, fields, ARRAY_LEN(fields), -1)) {
		x->streaming = true;
	}
}

static void on_data(struct http_call *c, struct str bytes)
{
	struct exchange *x = CONTAINER_OF(c, struct exchange, model_call);
	struct model_reply *r = x->reply;

	sha256_update(&r->commitment, bytes.p, bytes.n);
	r->bytes += bytes.n;
	model_stream_feed(&r->stream, bytes);
	if (!x->gone && http_respond_write(x->req, bytes) &&
	    http_respond_pending(x->req) > HTTP_HIGH_WATER) {
		http_call_pause(c, true);
	}
}

/* A whole answer: what is the back end's own affair (its keys, its faults) stays behind Writ. */
static void take_body(struct exchange *x, struct str body)
{
	struct model_reply *r = x->reply;
	struct model_outcome outcome;
	enum ledger_status status = LEDGER_OK;
	struct err err;

	arena_reset(&x->gate->scratch);
	x->answer = gate_buf_take(x->gate, CHAT_ANSWER_MAX);
	if (model_outcome_parse(&x->gate->scratch, body, &x->gate->json_limits, &outcome, &err)) {
		status = LEDGER_PROTOCOL_ERROR;
	} else if (r->status >= 400 || outcome.is_error) {
		status = LEDGER_TOOL_ERROR;
	}
	if (status == LEDGER_PROTOCOL_ERROR || r->status >= 500 || r->status == 401 ||
	    r->status == 403 || r->status < 200 || (r->status >= 300 && r->status < 400)) {
		model_error_append(&x->answer, dialect_of(x), MODEL_ERROR_UPSTREAM);
		r->status = 502;
	} else {
		buf_append(&x->answer, body);
	}
	if (status == LEDGER_OK) {
		history_output_model(&x->action, &outcome, body.n);
	}
	action_answered(&x->action, status, (uint64_t)r->status, body.p ? body : STR(""));
}

/* What has passed by was answered, whoever hangs up now. */
static void note_stream(struct exchange *x)
{
	const struct model_reply *r = x->reply;

	if (r && r->events && !r->stream.outcome.is_error) {
		history_output_model(&x->action, &r->stream.outcome, r->bytes);
	}
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
	note_stream(x);
	action_answered_stream(&x->action,
			       r->stream.outcome.is_error ? LEDGER_TOOL_ERROR : LEDGER_OK, 200,
			       &r->commitment, r->bytes);
}

static void on_fail(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct exchange *x = CONTAINER_OF(c, struct exchange, model_call);

	(void)err;
	x->model_calling = false;
	if (x->reply->events) {
		x->broken = true;
		note_stream(x);
		action_answered_stream(&x->action, status_of(why), 200, &x->reply->commitment,
				       x->reply->bytes);
		return;
	}
	x->answer = gate_buf_take(x->gate, 64 << 10);
	model_error_append(&x->answer, dialect_of(x),
			   why == HTTP_FAIL_TIMEOUT ? MODEL_ERROR_TIMEOUT
			   : why == HTTP_FAIL_QUEUE ? MODEL_ERROR_BUSY
						    : MODEL_ERROR_UPSTREAM);
	x->reply->status = why == HTTP_FAIL_TIMEOUT ? 504 : why == HTTP_FAIL_QUEUE ? 429 : 502;
	action_answered(&x->action, status_of(why), 0, str_make(NULL, 0));
}

static const struct http_call_events call_events = {
	.on_head = on_head,
	.on_data = on_data,
	.on_done = on_done,
	.on_fail = on_fail,
};

/* ---- the action ---- */

static void send_request(struct exchange *x)
{
	struct str version = h1_get(&x->req->head, HTTP_F_ANTHROPIC_VERSION);
	struct model_reply *r = x->reply;
	size_t n_fields = 2;

	r->fields[0] = (struct http_field){STR("Content-Type"), STR("application/json")};
	r->fields[1] =
		(struct http_field){STR("Accept"), r->request.stream ? STR("text/event-stream")
								     : STR("application/json")};
	if (dialect_of(x) == MODEL_DIALECT_ANTHROPIC) {
		r->fields[n_fields++] = (struct http_field){
			STR("anthropic-version"), version.n ? version : STR("2023-06-01")};
	}
	x->model_call = (struct http_call){
		.on = &call_events,
		.pool = x->model->pool.pool,
		.request = {.method = STR("POST"),
			    .target = r->target,
			    .fields = r->fields,
			    .n_fields = n_fields,
			    .framing = HTTP_LENGTH,
			    .body_len = buf_len(&r->body)},
		.body = buf_str(&r->body),
		.max_body = CHAT_ANSWER_MAX,
		.timeout = CHAT_SECONDS * CLOCK_SEC,
	};
	x->model_calling = true;
	http_call_start(&x->model_call);
}

static void not_reached(struct exchange *x)
{
	x->answer = gate_buf_take(x->gate, 64 << 10);
	model_error_append(&x->answer, dialect_of(x), MODEL_ERROR_UPSTREAM);
	x->reply->status = 502;
	action_answered(&x->action, LEDGER_UNREACHABLE, 0, str_make(NULL, 0));
}

void model_opened(struct gate_model *m, bool ok)
{
	m->opening = false;
	while (!list_empty(&m->waiting)) {
		struct exchange *x = CONTAINER_OF(m->waiting.next, struct exchange, model_wait);

		list_remove(&x->model_wait);
		x->model_wait = (struct list){0};
		if (ok) {
			send_request(x);
		} else {
			not_reached(x);
		}
	}
}

static void forward(struct action *a)
{
	struct exchange *x = CONTAINER_OF(a, struct exchange, action);
	struct gate_model *m = x->model;
	struct model_reply *r = x->reply;

	if (x->gone) {
		action_answered(a, LEDGER_CALLER_GONE, 0, str_make(NULL, 0));
		return;
	}
	r->body = gate_buf_take(x->gate, CHAT_ANSWER_MAX);
	model_request_splice(&r->body, &r->request, m->back_name);
	r->target = arena_printf(
		&x->req->arena, STR_FMT "/" STR_FMT,
		STR_ARG(str_make(m->pool.target.p,
				 m->pool.target.n - str_ends_with(m->pool.target, STR("/")))),
		STR_ARG(model_api_info(r->request.api)->path));
	if (r->body.failed || !r->target.p) {
		not_reached(x);
	} else if (m->pool.pool) {
		send_request(x);
	} else if (m->opening || gate_pool_open(&m->pool, NULL) == ERR_OK) {
		m->opening = true;
		list_append(&m->waiting, &x->model_wait);
	} else {
		not_reached(x);
	}
}

static void answer_refused(struct exchange *x)
{
	const struct rules_answer *answer = &x->action.answer;
	const struct model_refusal refusal = {
		.ask = answer->outcome == POLICY_ASK,
		.policy = answer->policy,
		.reason = answer->reason,
		.retry_after = answer->retry_after,
		.record = x->action.index,
		.has_record = true,
	};

	if (x->action.unrecorded) {
		model_fail(x, MODEL_ERROR_NO_RECORD);
		return;
	}
	x->answer = gate_buf_take(x->gate, 64 << 10);
	model_denied_append(&x->answer, dialect_of(x), &refusal);
	exchange_json(x, 403, buf_str(&x->answer));
}

static void reply(struct action *a)
{
	struct exchange *x = CONTAINER_OF(a, struct exchange, action);

	if (a->refused) {
		answer_refused(x);
	} else if (x->gone || x->broken) {
		http_req_drop(x->req); /* a stream that broke must not look complete */
	} else if (x->streaming) {
		http_respond_end(x->req);
	} else {
		exchange_json(x, x->reply->status, buf_str(&x->answer));
	}
}

static const struct action_events chat_events = {.forward = forward, .reply = reply};

/* context.input of `infer`: what the policies can ask about. Tokens are at most bytes. */
static struct str describe(struct exchange *x, const struct model_request *q)
{
	struct json_walk walk = json_walk(q->tools);
	struct json_writer w;
	struct str name, text;
	struct buf out;

	buf_init(&out, 256 << 10);
	w = json_writer(&out);
	json_w_object(&w);
	json_w_member_str(&w, STR("api"), model_api_info(q->api)->name);
	json_w_member_u64(&w, STR("max_tokens"), q->max_tokens);
	json_w_member_bool(&w, STR("stream"), q->stream);
	json_w_member_u64(&w, STR("tokens"), q->input_bytes);
	json_w_key(&w, STR("tools"));
	json_w_array(&w);
	while (q->tools.p && model_request_tool(&walk, &x->req->arena, &name)) {
		json_w_str(&w, name);
	}
	json_w_end(&w);
	json_w_end(&w);
	text = out.failed ? str_make(NULL, 0) : arena_dup(&x->req->arena, buf_str(&out));
	buf_done(&out);
	return text;
}

static struct gate_model *model_find(struct gate *g, struct str name)
{
	LIST_FOREACH (node, &g->models) {
		struct gate_model *m = CONTAINER_OF(node, struct gate_model, node);

		if (!m->retired && str_eq(m->name, name)) {
			return m;
		}
	}
	return NULL;
}

static void on_chat_body(struct exchange *x)
{
	struct rules_query q = {.kind = RULES_INFER};
	enum model_error e;
	struct err why;

	x->reply = ARENA_NEW(&x->req->arena, struct model_reply);
	if (!x->reply) {
		model_fail(x, MODEL_ERROR_INTERNAL);
		return;
	}
	e = model_request_parse(&x->req->arena, x->model_api, x->req->body, &x->gate->json_limits,
				&x->reply->request, &why);
	if (e) {
		model_fail(x, e);
		return;
	}
	x->model = model_find(x->gate, x->reply->request.model);
	x->session = exchange_session(x);
	if (!x->model || !x->session) {
		x->model = NULL;
		model_fail(x, x->session ? MODEL_ERROR_UNKNOWN_MODEL : MODEL_ERROR_BUSY);
		return;
	}
	x->model->uses++;
	q.object = x->model->name;
	q.input = describe(x, &x->reply->request);
	if (!q.input.p) {
		model_fail(x, MODEL_ERROR_TOO_LARGE);
		return;
	}
	x->action = (struct action){.gate = x->gate,
				    .on = &chat_events,
				    .session = x->session,
				    .arena = &x->req->arena};
	action_start(&x->action, &q, x->req->started);
}

static void on_chat_gone(struct exchange *x)
{
	if (x->model_calling) {
		x->model_calling = false;
		http_call_cancel(&x->model_call);
		note_stream(x);
		action_answered(&x->action, LEDGER_CALLER_GONE, 0, str_make(NULL, 0));
		return;
	}
	if (x->model_wait.next) {
		list_remove(&x->model_wait);
		x->model_wait = (struct list){0};
		action_answered(&x->action, LEDGER_CALLER_GONE, 0, str_make(NULL, 0));
		return;
	}
	if (!x->action.active) {
		http_req_drop(x->req);
	}
}

static void on_chat_drain(struct exchange *x)
{
	if (x->model_calling && x->streaming) {
		http_call_pause(&x->model_call, false);
	}
}

static void on_chat_end(struct exchange *x)
{
	if (x->model_calling) {
		x->model_calling = false;
		http_call_cancel(&x->model_call);
	}
	if (x->model_wait.next) {
		list_remove(&x->model_wait);
	}
	note_stream(x);
	action_abandon(&x->action);
	if (x->reply) {
		gate_buf_give(x->gate, &x->reply->body);
		if (x->reply->events) {
			model_stream_done(&x->reply->stream);
		}
	}
	if (x->model) {
		gate_model_release(x->model);
	}
}

const struct exchange_ops model_chat_ops = {
	.on_body = on_chat_body,
	.on_gone = on_chat_gone,
	.on_end = on_chat_end,
	.on_drain = on_chat_drain,
};

/* ---- the door of /v1 ---- */

static void answer_models(struct exchange *x, struct str name)
{
	const struct config *config = x->gate->rules->config;
	struct model_listing *models =
		ARENA_ARRAY(&x->req->arena, config->n_models + 1, struct model_listing);
	size_t n = 0;

	if (!models) {
		model_fail(x, MODEL_ERROR_INTERNAL);
		return;
	}
	for (size_t i = 0; i < config->n_models; i++) {
		const struct config_model *m = &config->models[i];

		if (name.n == 0 || str_eq(m->name, name)) {
			models[n++] = (struct model_listing){.id = m->name,
							     .owned_by = m->site->operator_name};
		}
	}
	if (name.n && n == 0) {
		model_fail(x, MODEL_ERROR_UNKNOWN_MODEL);
		return;
	}
	x->answer = gate_buf_take(x->gate, 1 << 20);
	if (name.n) {
		model_list_append_one(&x->answer, &models[0]);
	} else {
		model_list_append(&x->answer, models, n, NULL, NULL);
	}
	exchange_reply(x, 200);
}

/* What happens is remembered of the principal, in one gate: elsewhere it could not be decided. */
static void chat_begin(struct exchange *x)
{
	unsigned home = x->listener->run ? x->gate->index : gate_home(x->gate, x->agent);

	if (home == x->gate->index) {
		x->ops = &model_chat_ops;
		http_collect(x->req, 0);
	} else if (!gate_hand_off(x->gate, x->req, x->listener->index, home)) {
		model_fail(x, MODEL_ERROR_BUSY);
	}
}

void model_begin(struct exchange *x, struct str what)
{
	bool get = x->req->head.method == HTTP_GET;
	enum model_api api = model_api_find(what);

	if (str_eq(what, STR("models")) && get) {
		answer_models(x, STR(""));
	} else if (str_starts_with(what, STR("models/")) && get) {
		answer_models(x, str_from(what, 7));
	} else if (api && x->req->head.method == HTTP_POST) {
		x->model_api = api;
		chat_begin(x);
	} else {
		model_fail(x, api || str_eq(what, STR("models")) ? MODEL_ERROR_METHOD
								 : MODEL_ERROR_NO_ROUTE);
	}
}
