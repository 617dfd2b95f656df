/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt at a model: asked in its dialect, decided, recorded, sent. When it fails before the client has heard a
 * byte another model of the same route is tried, with a decision and a record of its own.
 */
#include "base/hex.h"
#include "gate/model_priv.h"
#include "gate/model_queue.h"
#include "gate/model_route.h"

enum { CALL_SECONDS = 600 };

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
		.timeout = CALL_SECONDS * CLOCK_SEC,
		.about = &x->action,
	};
	x->model_calling = true;
	r->spent = MODEL_SPENT_UNKNOWN; /* until it says */
	http_call_start(&x->model_call);
}

static void not_sent(struct exchange *x, enum model_error e, enum ledger_status status)
{
	x->answer = gate_buf_take(x->gate, 64 << 10);
	model_error_append(&x->answer, model_dialect_of(x), e);
	x->reply->status = (int)model_error_info(e)->http_status;
	x->reply->again = true;
	action_answered(&x->action, status, 0, str_make(NULL, 0));
}

static void not_reached(struct exchange *x)
{
	model_health_note(x->model, MODEL_UNREACHED, x->agent);
	not_sent(x, MODEL_ERROR_UPSTREAM, LEDGER_UNREACHABLE);
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

/* There is a place for it at the back end. */
void model_on_place(struct exchange *x)
{
	struct gate_model *m = x->model;

	if (m->pool.pool) {
		send_request(x);
	} else if (m->opening || gate_pool_open(&m->pool, NULL) == ERR_OK) {
		m->opening = true;
		list_append(&m->waiting, &x->model_wait);
	} else {
		not_reached(x);
	}
}

void model_on_late(struct exchange *x)
{
	not_sent(x, MODEL_ERROR_BUSY, LEDGER_TIMEOUT);
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
		not_sent(x, MODEL_ERROR_INTERNAL, LEDGER_UNREACHABLE);
		return;
	}
	switch (model_queue_enter(x)) {
	case MODEL_HAS_PLACE:
		model_on_place(x);
		break;
	case MODEL_WAITS:
		break;
	case MODEL_FULL:
		not_sent(x, MODEL_ERROR_BUSY, LEDGER_UNREACHABLE);
		break;
	}
}

/* Clients that try again by themselves are told when, or that it will not help soon. */
static void answer_over(struct exchange *x)
{
	enum { SOON = 60 };
	const struct budget_refusal *over = &x->reply->over;
	struct http_field fields[3] = {{STR("Content-Type"), STR("application/json")}};
	size_t n = 1;

	if (over->resets_in) {
		fields[n++] = (struct http_field){
			STR("Retry-After"),
			arena_printf(&x->req->arena, "%llu", (unsigned long long)over->resets_in)};
	}
	if (!over->resets_in || over->resets_in > SOON) {
		fields[n++] = (struct http_field){STR("x-should-retry"), STR("false")};
	}
	if (x->gone) {
		http_req_drop(x->req);
	} else {
		http_respond(x->req, 429, fields, n, buf_str(&x->answer));
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
		.budget = x->reply->over.name,
		.record = x->action.index,
		.has_record = true,
	};

	if (x->action.unrecorded) {
		model_fail(x, MODEL_ERROR_NO_RECORD);
		return;
	}
	x->answer = gate_buf_take(x->gate, 64 << 10);
	model_denied_append(&x->answer, model_dialect_of(x), &refusal);
	if (refusal.budget.n) {
		answer_over(x);
	} else {
		exchange_json(x, 403, buf_str(&x->answer));
	}
}

/* Another model may answer as long as the client has heard nothing. */
static bool try_again(struct exchange *x)
{
	struct model_reply *r = x->reply;
	struct str route = x->action.answer.route;
	bool refused = x->action.refused;

	if (x->gone || x->broken || x->streaming || x->action.unrecorded) {
		return false;
	}
	if (refused && route.n && model_route_elsewhere(x, route)) {
		return model_try(x);
	}
	if (r->n_candidates - r->first == 1 || !(r->again || refused)) {
		return false;
	}
	/* The answer of a refusal is the first one's; of failures, the last one's. */
	return model_try(x);
}

static void reply(struct action *a)
{
	struct exchange *x = CONTAINER_OF(a, struct exchange, action);

	model_queue_leave(x);
	if (try_again(x)) {
		return;
	}
	if (a->refused && x->reply->tries > 1 && !a->unrecorded && !x->reply->over.name.n) {
		model_fail(x, x->reply->failed ? MODEL_ERROR_UPSTREAM : MODEL_ERROR_DENIED);
	} else if (a->refused) {
		answer_refused(x);
	} else if (x->gone || x->broken) {
		http_req_drop(x->req); /* a stream that broke must not look complete */
	} else if (x->streaming) {
		http_respond_end(x->req);
	} else if (buf_len(&x->answer) == 0) { /* another was tried that could not be asked */
		model_fail(x, MODEL_ERROR_UPSTREAM);
	} else {
		exchange_json(x, x->reply->status, buf_str(&x->answer));
	}
}

static const struct action_events try_events = {
	.forward = forward, .reply = reply, .redact = model_redact, .tell = model_tell};

/* What is left of an attempt whose answer nobody heard. */
static void drop(struct exchange *x)
{
	struct model_reply *r = x->reply;

	loop_defer_cancel(&r->flush);
	gate_buf_give(x->gate, &r->body);
	r->body = (struct buf){0};
	buf_done(&r->told);
	if (r->translating) {
		model_translation_done(r->translation);
	}
	if (r->events) {
		model_stream_done(&r->stream);
	}
	if (r->metered) {
		model_meter_done(&r->meter);
	}
	model_settle_budgets(x);
	r->failed |= r->again;
	r->translation = NULL;
	r->translating = r->events = r->again = r->metered = false;
	r->spent = MODEL_SPENT_NOTHING;
	r->said = (struct model_usage){.given = false};
	r->over.name = STR("");
}

void model_try_done(struct exchange *x)
{
	model_vault_end(x);
	drop(x);
	model_vault_forget(x);
}

/*
 * Whether something was asked before shows in how fast it is answered, and in what is said to come from the cache: the caches
 * of teams, and of agents without one, are kept apart. Nobody says another's salt, since it takes the place of what a client says.
 */
static struct str cache_salt(struct exchange *x)
{
	const struct config_agent *agent =
		config_agent_find(x->gate->rules->config, x->session->agent);
	bool team = agent && agent->team.n;
	uint8_t digest[SHA256_LEN];
	char text[2 * SHA256_LEN];
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, x->gate->rules->digest, SHA256_LEN);
	sha256_update(&h, team ? "t" : "a", 1);
	sha256_update(&h, team ? agent->team.p : x->session->agent.p,
		      team ? agent->team.n : x->session->agent.n);
	sha256_final(&h, digest);
	hex_write(text, digest, sizeof(digest));
	return arena_dup(&x->req->arena, str_make(text, 32));
}

/* What the model's back end is asked in. Another dialect is translated into before anything is decided, and so is
 * its own when the back end would refuse how it is asked. */
static enum model_error translate(struct exchange *x)
{
	struct model_reply *r = x->reply;
	struct gate_model *m = x->model;

	r->api = model_api_for(r->request.api, m->speaks);
	r->request.say_salt = STR("");
	if (m->engine->quirks.cache_salt &&
	    (r->api == MODEL_API_CHAT || r->api == MODEL_API_COMPLETIONS ||
	     r->api == MODEL_API_RESPONSES)) {
		r->request.say_salt = cache_salt(x);
		if (!r->request.say_salt.p) {
			return MODEL_ERROR_INTERNAL;
		}
	}
	if (r->api == r->request.api &&
	    !(r->request.include_usage && m->engine->quirks.no_stream_options)) {
		return MODEL_ERROR_NONE;
	}
	if (r->api == MODEL_API_NONE) {
		return MODEL_ERROR_UNSPOKEN;
	}
	r->translation = ARENA_NEW(&x->req->arena, struct model_translation);
	if (!r->translation) {
		return MODEL_ERROR_INTERNAL;
	}
	r->body = gate_buf_take(x->gate, MODEL_BODY_MAX);
	return model_translate_request(&r->body, &x->req->arena, &r->request, r->api, m->back_name,
				       &m->engine->quirks, m->max_tokens, &r->untold);
}

enum model_error model_prepare(struct exchange *x)
{
	enum model_error e;

	drop(x);
	e = translate(x);
	return !e && x->gate->rules->config->n_budgets ? model_take_budgets(x) : e;
}

bool model_try(struct exchange *x)
{
	struct model_reply *r = x->reply;
	struct rules_query q = {
		.kind = RULES_INFER, .input = r->input, .claims = exchange_claims(x)};
	struct gate_model *m;

	while ((m = model_route_next(x, &q)) != NULL) {
		model_try_done(x);
		gate_buf_give(x->gate, &x->answer);
		x->answer = (struct buf){0};
		x->model = m;
		r->error = model_prepare(x);
		if (r->error) {
			continue;
		}
		r->attempt++;
		q.object = m->name;
		q.over = r->over.name.n ? r->over.text : STR("");
		x->action = (struct action){.gate = x->gate,
					    .on = &try_events,
					    .session = x->session,
					    .arena = &x->req->arena};
		action_start(&x->action, &q,
			     r->tries + r->routed == 1 ? x->req->started : clock_mono());
		return true;
	}
	return false;
}
