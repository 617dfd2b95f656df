/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/models, and requests to models (chat, completions, embeddings, responses, messages) over
 * configured back ends. The decision sees the model, its site and where that lies; a back end
 * that the policies do not allow is never dialled.
 */
#include "gate/model_priv.h"

#include "gate/model_hedge.h"
#include "gate/model_queue.h"
#include "gate/model_route.h"
#include "gate/rules_raise.h"
#include "model/list.h"
#include "json/write.h"

#include <stdlib.h>

enum model_dialect model_dialect_of(const struct exchange *x)
{
	return model_api_info(x->model_api)->dialect;
}

void model_fail(struct exchange *x, enum model_error e)
{
	struct buf out = gate_buf_take(x->gate, 64 << 10);

	model_error_append(&out, model_dialect_of(x), e);
	gate_buf_give(x->gate, &x->answer);
	x->answer = out;
	exchange_json(x, (int)model_error_info(e)->http_status, buf_str(&x->answer));
}

/* 0: none that is heeded everywhere, or one that is no limit at all. */
static uint64_t stated_limit(struct exchange *x, const struct model_request *q)
{
	uint64_t limit = q->max_tokens;

	return model_stated_limit(&x->req->arena, q, &limit) && q->max_tokens ? limit : 0;
}

/* Tokens are at most bytes. */
struct str model_describe(struct exchange *x, const struct model_request *q)
{
	struct json_walk walk = json_walk(q->tools);
	struct json_writer w;
	struct str name, text;
	struct buf out;

	buf_init(&out, 256 << 10);
	w = json_writer(&out);
	json_w_object(&w);
	json_w_member_str(&w, STR("api"), model_api_info(q->api)->name);
	json_w_member_u64(&w, STR("max_tokens"), stated_limit(x, q));
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

/* No model could be asked. */
static void fail_untold(struct exchange *x)
{
	const struct model_reply *r = x->reply;

	if (r->error != MODEL_ERROR_UNTOLD) {
		model_fail(x, r->error ? r->error : MODEL_ERROR_UNKNOWN_MODEL);
		return;
	}
	x->answer = gate_buf_take(x->gate, 64 << 10);
	model_error_append_about(&x->answer, model_dialect_of(x), r->error, r->untold);
	exchange_json(x, 400, buf_str(&x->answer));
}

static void on_chat_body(struct exchange *x)
{
	struct model_request *asked = ARENA_NEW(&x->req->arena, struct model_request);
	struct model_reply *r = &x->model_reply;
	enum model_error e;
	struct err why;

	x->reply = r;
	r->own.exchange = x;
	r->asked = asked;
	if (!asked) {
		model_fail(x, MODEL_ERROR_INTERNAL);
		return;
	}
	e = model_request_parse(&x->req->arena, x->model_api, x->req->body, &x->gate->json_limits,
				asked, &why);
	if (e) {
		model_fail(x, e);
		return;
	}
	exchange_set_session(x, exchange_session(x));
	if (!x->session || !model_route_find(x, asked->model)) {
		model_fail(x, x->session ? MODEL_ERROR_UNKNOWN_MODEL : MODEL_ERROR_BUSY);
		return;
	}
	if (x->gate->rules->seeks) {
		r->found = rules_raise_look(x->gate->rules, x->session, x->req->body);
	}
	r->input = model_describe(x, asked);
	if (!r->input.p) {
		model_fail(x, MODEL_ERROR_TOO_LARGE);
	} else if (!model_try(&r->own)) {
		fail_untold(x);
	} else {
		model_hedge_plan(x);
	}
}

static void on_chat_gone(struct exchange *x)
{
	struct model_attempt *t = x->reply ? model_hedge_drop(x) : NULL;

	if (!t || !t->action.active) {
		http_req_drop(x->req);
		return;
	}
	if (t->calling) {
		t->calling = false;
		http_call_cancel(&t->call);
		model_note_stream(t);
	} else if (t->wait.next) {
		list_remove(&t->wait);
		t->wait = (struct list){0};
	} else if (t->queued.next) {
		model_queue_leave(t);
	} else {
		return; /* it is being recorded */
	}
	action_answered(&t->action, LEDGER_CALLER_GONE, 0, str_make(NULL, 0));
}

static void on_chat_drain(struct exchange *x)
{
	struct model_attempt *t = x->streaming ? model_current(x->reply) : NULL;

	if (t && t->calling) {
		http_call_pause(&t->call, false);
	}
}

static void on_chat_end(struct exchange *x)
{
	struct model_reply *r = x->reply;
	struct budget_hold *kept;

	if (!r) {
		return;
	}
	kept = r->rests ? model_current(r)->hold : NULL;
	model_hedge_end(x, LEDGER_LOST);
	model_end(&r->own, LEDGER_LOST);
	for (size_t i = 0; i < r->n_candidates; i++) {
		gate_model_release(r->candidates[i].model);
	}
	free(kept);
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
	struct model_listing *models = ARENA_ARRAY(
		&x->req->arena, config->n_models + config->n_routes + 1, struct model_listing);
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
	for (size_t i = 0; i < config->n_routes; i++) {
		const struct config_route *route = &config->routes[i];

		if (name.n == 0 || str_eq(route->name, name)) {
			models[n++] =
				(struct model_listing){.id = route->name, .owned_by = config->node};
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
