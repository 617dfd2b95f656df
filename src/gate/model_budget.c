/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt at a model takes from budgets, and gives back. */
#include "gate/model_priv.h"
#include "ledger/canon.h"

static struct str team_of(const struct config *cfg, struct str agent)
{
	const struct config_agent *a = config_agent_find(cfg, agent);

	return a ? a->team : STR("");
}

enum model_error model_take_budgets(struct model_attempt *t)
{
	struct exchange *x = t->exchange;
	const struct config *cfg = x->gate->rules->config;
	struct gate_model *m = t->model;
	struct model_request *q = &t->request;
	struct budget_ask ask = {.agent = x->session->agent,
				 .team = team_of(cfg, x->session->agent),
				 .model = config_model_find(cfg, m->name),
				 .input = model_input_bound(q, BUDGET_IMAGE_TOKENS),
				 .now = x->gate->loop.real / CLOCK_SEC};
	uint64_t limit = q->max_tokens ? q->max_tokens : m->max_tokens;

	if (q->api == MODEL_API_COUNT_TOKENS || !ask.model) {
		return MODEL_ERROR_NONE;
	}
	if (q->unmeasured) {
		return MODEL_ERROR_UNMEASURED;
	}
	if (q->api != MODEL_API_EMBEDDINGS) {
		if (!limit) {
			return MODEL_ERROR_UNBOUNDED;
		}
		if (!model_output_bound(&x->req->arena, q, limit, &ask.output)) {
			return MODEL_ERROR_MAX_TOKENS;
		}
	}
	q->say_max_tokens = 0;
	q->say_usage = false;
	if (!t->translation &&
	    model_request_meter(&x->req->arena, q, m->max_tokens, &m->engine->quirks)) {
		model_meter_init(&t->meter);
		t->metered = true;
	}
	t->hold = t->hold ? t->hold : ARENA_NEW(&x->req->arena, struct budget_hold);
	if (!t->hold) {
		return MODEL_ERROR_INTERNAL;
	}
	if (!budget_reserve(&x->gate->treasury, cfg, &ask, &x->req->arena, t->hold, &t->over) &&
	    !t->over.name.n) {
		return MODEL_ERROR_INTERNAL;
	}
	return MODEL_ERROR_NONE;
}

void model_settle_budgets(struct model_attempt *t)
{
	struct treasury *from = &t->exchange->gate->treasury;

	if (!t->hold) {
		return;
	}
	switch (t->spent) {
	case MODEL_SPENT_NOTHING:
		budget_settle(from, t->hold, NULL);
		break;
	case MODEL_SPENT_KNOWN:
		budget_settle(from, t->hold, &t->used);
		break;
	case MODEL_SPENT_UNKNOWN:
		budget_keep(t->hold);
		break;
	}
}

static uint64_t countable(uint64_t n)
{
	return n < CANON_INT_MAX ? n : CANON_INT_MAX;
}

static uint64_t cost_in_the_end(const struct model_attempt *t, const struct model_usage *said)
{
	const struct config_model *m = config_model_find(t->action.rules->config, t->model->name);
	const struct model_usage *u = t->spent == MODEL_SPENT_KNOWN ? &t->used : said;

	if (t->spent == MODEL_SPENT_NOTHING || !m) {
		return 0;
	}
	return t->spent == MODEL_SPENT_UNKNOWN && t->hold ? t->hold->money
							  : budget_cost(m, u->input, u->output);
}

void model_tell(struct action *a, struct ledger_outcome *ret)
{
	const struct model_attempt *t = CONTAINER_OF(a, struct model_attempt, action);
	const struct model_usage *said = t->events ? &t->stream.outcome.usage : &t->said;

	ret->attempt = t->number;
	ret->deployment = t->model->deployment;
	ret->cost = countable(cost_in_the_end(t, said));
	if (t->hold) {
		ret->reserved_tokens = countable(t->hold->tokens);
		ret->reserved_cost = countable(t->hold->money);
	}
	if (said->given) {
		ret->tokens_in = countable(said->input);
		ret->tokens_out = countable(said->output);
		ret->tokens_cached = countable(said->cached);
	}
}
