/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt at a model: asked in its dialect, decided, recorded, sent. When it fails before the client has heard a
 * byte another model of the same route is tried, with a decision and a record of its own.
 */
#include "base/hex.h"
#include "gate/model_hedge.h"
#include "gate/model_priv.h"
#include "gate/model_queue.h"
#include "gate/model_route.h"

enum { CALL_SECONDS = 600 };

static void not_sent(struct model_attempt *t, enum model_error e, enum ledger_status status)
{
	t->answer = gate_buf_take(t->model->gate, 64 << 10);
	model_error_append(&t->answer, model_dialect_of(t->exchange), e);
	t->status = (int)model_error_info(e)->http_status;
	t->again = true;
	action_answered(&t->action, status, 0, str_make(NULL, 0));
}

static void send_request(struct model_attempt *t)
{
	struct str version = h1_get(&t->exchange->req->head, HTTP_F_ANTHROPIC_VERSION);
	const struct egress_about about = egress_about(&t->action);
	struct http_field *fields = ARENA_ARRAY(t->action.arena, 3, struct http_field);
	size_t n_fields = 2;

	if (!fields) {
		not_sent(t, MODEL_ERROR_INTERNAL, LEDGER_UNREACHABLE);
		return;
	}
	fields[0] = (struct http_field){STR("Content-Type"), STR("application/json")};
	fields[1] = (struct http_field){STR("Accept"), t->request.stream ? STR("text/event-stream")
									 : STR("application/json")};
	if (model_api_info(t->api)->dialect == MODEL_DIALECT_ANTHROPIC) {
		fields[n_fields++] = (struct http_field){STR("anthropic-version"),
							 version.n ? version : STR("2023-06-01")};
	}
	t->call = (struct http_call){
		.on = &model_call_events,
		.pool = t->model->pool.pool,
		.request = {.method = STR("POST"),
			    .target = t->target,
			    .fields = fields,
			    .n_fields = n_fields,
			    .framing = HTTP_LENGTH,
			    .body_len = buf_len(&t->body)},
		.body = buf_str(&t->body),
		.max_body = MODEL_BODY_MAX,
		.timeout = CALL_SECONDS * CLOCK_SEC,
		.about = &about,
	};
	t->calling = true;
	t->spent = MODEL_SPENT_UNKNOWN; /* until it says */
	http_call_start(&t->call);
}

static void not_reached(struct model_attempt *t)
{
	model_health_note(t->model, MODEL_UNREACHED, t->exchange->agent);
	not_sent(t, MODEL_ERROR_UPSTREAM, LEDGER_UNREACHABLE);
}

void model_opened(struct gate_model *m, bool ok)
{
	m->opening = false;
	while (!list_empty(&m->waiting)) {
		struct model_attempt *t = CONTAINER_OF(m->waiting.next, struct model_attempt, wait);

		list_remove(&t->wait);
		t->wait = (struct list){0};
		if (ok) {
			send_request(t);
		} else {
			not_reached(t);
		}
	}
}

/* There is a place for it at the back end. */
void model_on_place(struct model_attempt *t)
{
	struct gate_model *m = t->model;

	if (m->pool.pool) {
		send_request(t);
	} else if (m->opening || gate_pool_open(&m->pool, NULL) == ERR_OK) {
		m->opening = true;
		list_append(&m->waiting, &t->wait);
	} else {
		not_reached(t);
	}
}

void model_on_late(struct model_attempt *t)
{
	not_sent(t, MODEL_ERROR_BUSY, LEDGER_TIMEOUT);
}

static void forward(struct action *a)
{
	struct model_attempt *t = CONTAINER_OF(a, struct model_attempt, action);
	struct exchange *x = t->exchange;
	struct gate_model *m = t->model;

	if (x->gone) {
		action_answered(a, LEDGER_CALLER_GONE, 0, str_make(NULL, 0));
		return;
	}
	if (!t->translation) {
		t->body = gate_buf_take(x->gate, MODEL_BODY_MAX);
		model_request_splice(&t->body, &t->request, m->back_name);
	}
	t->target = arena_printf(
		&x->req->arena, STR_FMT "/" STR_FMT,
		STR_ARG(str_make(m->pool.target.p,
				 m->pool.target.n - str_ends_with(m->pool.target, STR("/")))),
		STR_ARG(model_api_info(t->api)->path));
	if (t->body.failed || !t->target.p) {
		not_sent(t, MODEL_ERROR_INTERNAL, LEDGER_UNREACHABLE);
		return;
	}
	switch (model_queue_enter(t)) {
	case MODEL_HAS_PLACE:
		model_on_place(t);
		break;
	case MODEL_WAITS:
		break;
	case MODEL_FULL:
		not_sent(t, MODEL_ERROR_BUSY, LEDGER_UNREACHABLE);
		break;
	}
}

/* Clients that try again by themselves are told when, or that it will not help soon. */
static void answer_over(struct model_attempt *t)
{
	enum { SOON = 60 };
	struct exchange *x = t->exchange;
	const struct budget_refusal *over = &t->over;
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
		http_respond(x->req, 429, fields, n, buf_str(&t->answer));
	}
}

static void answer_refused(struct model_attempt *t)
{
	struct exchange *x = t->exchange;
	const struct rules_answer *answer = &t->action.answer;
	const struct model_refusal refusal = {
		.ask = answer->outcome == POLICY_ASK,
		.policy = answer->policy,
		.reason = answer->reason,
		.retry_after = answer->retry_after,
		.budget = t->over.name,
		.record = t->action.index,
		.has_record = true,
	};

	if (t->action.unrecorded) {
		model_fail(x, MODEL_ERROR_NO_RECORD);
		return;
	}
	t->answer = gate_buf_take(x->gate, 64 << 10);
	model_denied_append(&t->answer, model_dialect_of(x), &refusal);
	if (refusal.budget.n) {
		answer_over(t);
	} else {
		exchange_json(x, 403, buf_str(&t->answer));
	}
}

/* Another model may answer as long as the client has heard nothing. */
static bool try_again(struct model_attempt *t)
{
	struct exchange *x = t->exchange;
	struct model_reply *r = x->reply;
	struct str route = t->action.answer.route;
	bool refused = t->action.refused;

	if (x->gone || t->broken || x->streaming || t->action.unrecorded) {
		return false;
	}
	if (refused && route.n && model_route_elsewhere(x, route)) {
		return model_try(t);
	}
	if (r->n_candidates - r->first == 1 || !(t->again || refused)) {
		return false;
	}
	/* The answer of a refusal is the first one's; of failures, the last one's. */
	return model_try(t);
}

static void reply(struct action *a)
{
	struct model_attempt *t = CONTAINER_OF(a, struct model_attempt, action);
	struct exchange *x = t->exchange;

	model_queue_leave(t);
	if (model_hedge_over(t) || try_again(t)) {
		return;
	}
	if (a->refused && x->reply->tries > 1 && !a->unrecorded && !t->over.name.n) {
		model_fail(x, x->reply->failed ? MODEL_ERROR_UPSTREAM : MODEL_ERROR_DENIED);
	} else if (a->refused) {
		answer_refused(t);
	} else if (x->gone || t->broken) {
		http_req_drop(x->req); /* a stream that broke must not look complete */
	} else if (x->streaming) {
		http_respond_end(x->req);
	} else if (buf_len(&t->answer) == 0) { /* another was tried that could not be asked */
		model_fail(x, MODEL_ERROR_UPSTREAM);
	} else {
		exchange_json(x, t->status, buf_str(&t->answer));
	}
}

static const struct action_events try_events = {
	.forward = forward, .reply = reply, .redact = model_redact, .tell = model_tell};

/* What is left of an attempt whose answer nobody heard. */
static void drop(struct model_attempt *t)
{
	struct exchange *x = t->exchange;

	loop_defer_cancel(&t->flush);
	gate_buf_give(x->gate, &t->body);
	gate_buf_give(x->gate, &t->answer);
	t->body = t->answer = (struct buf){0};
	buf_done(&t->told);
	if (t->translating) {
		model_translation_done(t->translation);
	}
	if (t->events) {
		model_stream_done(&t->stream);
	}
	if (t->metered) {
		model_meter_done(&t->meter);
	}
	model_settle_budgets(t);
	x->reply->failed |= t->again;
	t->translation = NULL;
	t->translating = t->events = t->begun = t->again = t->metered = false;
	t->spent = MODEL_SPENT_NOTHING;
	t->said = (struct model_usage){.given = false};
	t->over.name = STR("");
}

void model_try_done(struct model_attempt *t)
{
	model_vault_end(t);
	drop(t);
	model_vault_forget(t);
}

/*
 * Whether something was asked before shows in how fast it is answered, and in what is said to come from the cache: the caches
 * of teams, and of agents without one, are kept apart. Nobody says another's salt, since it takes the place of what a client says.
 */
static struct str cache_salt(const struct exchange *x)
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
static enum model_error translate(struct model_attempt *t)
{
	struct arena *a = &t->exchange->req->arena;
	struct gate_model *m = t->model;

	t->api = model_api_for(t->request.api, m->speaks);
	t->request.say_salt = STR("");
	if (m->engine->quirks.cache_salt &&
	    (t->api == MODEL_API_CHAT || t->api == MODEL_API_COMPLETIONS ||
	     t->api == MODEL_API_RESPONSES)) {
		t->request.say_salt = cache_salt(t->exchange);
		if (!t->request.say_salt.p) {
			return MODEL_ERROR_INTERNAL;
		}
	}
	if (t->api == t->request.api &&
	    !(t->request.include_usage && m->engine->quirks.no_stream_options)) {
		return MODEL_ERROR_NONE;
	}
	if (t->api == MODEL_API_NONE) {
		return MODEL_ERROR_UNSPOKEN;
	}
	t->translation = ARENA_NEW(a, struct model_translation);
	if (!t->translation) {
		return MODEL_ERROR_INTERNAL;
	}
	t->body = gate_buf_take(m->gate, MODEL_BODY_MAX);
	return model_translate_request(&t->body, a, &t->request, t->api, m->back_name,
				       &m->engine->quirks, m->max_tokens,
				       &t->exchange->reply->untold);
}

enum model_error model_prepare(struct model_attempt *t)
{
	enum model_error e;

	drop(t);
	e = translate(t);
	return !e && t->model->gate->rules->config->n_budgets ? model_take_budgets(t) : e;
}

bool model_try(struct model_attempt *t)
{
	struct exchange *x = t->exchange;
	struct model_reply *r = x->reply;
	struct rules_query q = {.kind = RULES_INFER,
				.input = r->input,
				.found = r->found,
				.prompt = r->asked->whole,
				.claims = exchange_claims(x)};
	struct gate_model *m;

	while ((m = model_route_next(x, &q, t == r->hedge)) != NULL) {
		model_try_done(t);
		t->request = *r->asked;
		t->model = m;
		r->error = model_prepare(t);
		if (r->error) {
			continue;
		}
		t->number = ++r->attempts;
		q.object = m->name;
		q.over = t->over.name.n ? t->over.text : STR("");
		t->action = (struct action){.gate = x->gate,
					    .on = &try_events,
					    .session = x->session,
					    .arena = &x->req->arena};
		action_start(&t->action, &q,
			     r->tries + r->routed == 1 ? x->req->started : clock_mono());
		return true;
	}
	return false;
}

bool model_waits(const struct model_attempt *t)
{
	return t->action.active && t->action.step == STEP_FORWARD;
}

void model_end(struct model_attempt *t, enum ledger_status status)
{
	if (t->calling) {
		t->calling = false;
		http_call_cancel(&t->call);
	}
	model_note_stream(t);
	if (t->wait.next) {
		list_remove(&t->wait);
		t->wait = (struct list){0};
	}
	if (t->model) {
		model_queue_leave(t);
	}
	action_cut(&t->action, status, 0);
	model_try_done(t);
	t->hold = NULL; /* settled; where the other one's stream rests, its arena goes */
}
