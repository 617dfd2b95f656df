/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/models, and requests to models (chat, completions, embeddings, responses, messages) over
 * configured back ends. The decision sees the model, its site and where that lies; a back end
 * that the policies do not allow is never dialled.
 */
#include "gate/model_priv.h"

#include "model/list.h"
#include "json/write.h"

enum { CHAT_SECONDS = 600 };

enum model_dialect model_dialect_of(const struct exchange *x)
{
	return model_api_info(x->model_api)->dialect;
}

static void model_fail(struct exchange *x, enum model_error e)
{
	struct buf out = gate_buf_take(x->gate, 64 << 10);

	model_error_append(&out, model_dialect_of(x), e);
	gate_buf_give(x->gate, &x->answer);
	x->answer = out;
	exchange_json(x, (int)model_error_info(e)->http_status, buf_str(&x->answer));
}

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
	if (model_api_info(r->api)->dialect == MODEL_DIALECT_ANTHROPIC) {
		r->fields[n_fields++] = (struct http_field){
			STR("anthropic-version"), version.n ? version : STR("2023-06-01")};
	}
	x->model_call = (struct http_call){
		.on = &model_call_events,
		.pool = x->model->pool.pool,
		.request = {.method = STR("POST"),
			    .target = r->target,
			    .fields = r->fields,
			    .n_fields = n_fields,
			    .framing = HTTP_LENGTH,
			    .body_len = buf_len(&r->body)},
		.body = buf_str(&r->body),
		.max_body = MODEL_BODY_MAX,
		.timeout = CHAT_SECONDS * CLOCK_SEC,
	};
	x->model_calling = true;
	http_call_start(&x->model_call);
}

static void not_reached(struct exchange *x)
{
	x->answer = gate_buf_take(x->gate, 64 << 10);
	model_error_append(&x->answer, model_dialect_of(x), MODEL_ERROR_UPSTREAM);
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
	if (!r->translation) {
		r->body = gate_buf_take(x->gate, MODEL_BODY_MAX);
		model_request_splice(&r->body, &r->request, m->back_name);
	}
	r->target = arena_printf(
		&x->req->arena, STR_FMT "/" STR_FMT,
		STR_ARG(str_make(m->pool.target.p,
				 m->pool.target.n - str_ends_with(m->pool.target, STR("/")))),
		STR_ARG(model_api_info(r->api)->path));
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
	model_denied_append(&x->answer, model_dialect_of(x), &refusal);
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

/* What the model's back end is asked in. Another dialect is translated into before anything is decided, and so is
 * its own when the back end would refuse how it is asked. */
static bool prepare(struct exchange *x)
{
	struct model_reply *r = x->reply;
	struct gate_model *m = x->model;
	struct str what = {NULL, 0};
	enum model_error e;

	r->api = model_api_for(r->request.api, m->speaks);
	if (r->api == r->request.api &&
	    !(r->request.include_usage && m->engine->quirks.no_stream_options)) {
		return true;
	}
	if (r->api == MODEL_API_NONE) {
		model_fail(x, MODEL_ERROR_UNSPOKEN);
		return false;
	}
	r->translation = ARENA_NEW(&x->req->arena, struct model_translation);
	r->body = gate_buf_take(x->gate, MODEL_BODY_MAX);
	buf_init(&r->told, MODEL_ANSWER_MAX);
	e = !r->translation ? MODEL_ERROR_INTERNAL
			    : model_translate_request(&r->body, &x->req->arena, &r->request, r->api,
						      m->back_name, &m->engine->quirks,
						      m->max_tokens, &what);
	if (e == MODEL_ERROR_UNTOLD) {
		x->answer = gate_buf_take(x->gate, 64 << 10);
		model_error_append_about(&x->answer, model_dialect_of(x), e, what);
		exchange_json(x, 400, buf_str(&x->answer));
	} else if (e) {
		model_fail(x, e);
	}
	return e == MODEL_ERROR_NONE;
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
	exchange_set_session(x, exchange_session(x));
	q.claims = exchange_claims(x);
	if (!x->model || !x->session) {
		x->model = NULL;
		model_fail(x, x->session ? MODEL_ERROR_UNKNOWN_MODEL : MODEL_ERROR_BUSY);
		return;
	}
	x->model->uses++;
	if (!prepare(x)) {
		return;
	}
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
		model_note_stream(x);
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
	model_note_stream(x);
	action_abandon(&x->action);
	if (x->reply) {
		gate_buf_give(x->gate, &x->reply->body);
		buf_done(&x->reply->told);
		if (x->reply->translating) {
			model_translation_done(x->reply->translation);
		}
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
