/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/model_route.h"

#include "gate/model_priv.h"
#include "gate/residency.h"
#include "gate/rules_residency.h"

enum {
	FAILURES = 5,
	FAILURES_ALONE = 3, /* of one agent */
	REST_SECONDS = 1,
	REST_SECONDS_MAX = 30,
	PROBE_SECONDS = 5,
	PREFIX_BYTES = 2048,  /* what conversations of one kind begin with */
	TOKENS_SLACK = 32768, /* in flight, before load counts */
};

/* ---- names ---- */

static struct str resolve(const struct exchange *x, struct str name)
{
	const struct config_agent *agent = config_agent_find(x->gate->rules->config, x->agent);

	for (size_t i = 0; agent && i < agent->n_aliases; i++) {
		if (str_eq(agent->aliases[i].name, name)) {
			return agent->aliases[i].to;
		}
	}
	return name;
}

static struct gate_model *find(struct gate *g, struct str name)
{
	LIST_FOREACH (node, &g->models) {
		struct gate_model *m = CONTAINER_OF(node, struct gate_model, node);

		if (!m->retired && str_eq(m->name, name)) {
			return m;
		}
	}
	return NULL;
}

/* What a name of the configuration stands for, behind the candidates that there are. */
static bool add_candidates(struct exchange *x, struct str name)
{
	const struct config *config = x->gate->rules->config;
	const struct config_route *route = config_route_find(config, name);
	struct model_reply *r = x->reply;
	size_t n = route ? route->n : 1;
	struct model_candidate *all =
		ARENA_ARRAY(&x->req->arena, r->n_candidates + n, struct model_candidate);

	if (!all) {
		return false;
	}
	for (size_t i = 0; i < r->n_candidates; i++) {
		all[i] = r->candidates[i];
	}
	r->candidates = all;
	r->first = r->n_candidates;
	r->judged = false;
	r->hedge_after = route ? route->hedge_ns : 0;
	for (size_t i = 0; i < n; i++) {
		struct gate_model *m =
			find(x->gate, route ? config->models[route->models[i]].name : name);

		if (m) {
			m->uses++; /* until the request ends */
			r->candidates[r->n_candidates++].model = m;
		}
	}
	return r->n_candidates > r->first;
}

bool model_route_find(struct exchange *x, struct str name)
{
	return add_candidates(x, resolve(x, name));
}

bool model_route_elsewhere(struct exchange *x, struct str name)
{
	struct model_reply *r = x->reply;

	if (r->routed == MODEL_ROUTES || !add_candidates(x, name)) {
		return false;
	}
	r->routed++;
	r->tries = 0;
	return true;
}

/* ---- law ---- */

/* With temporal policies only the decision itself can tell: here the matrix is all that is asked. */
static bool may_ask(struct exchange *x, const struct rules_query *q, const struct gate_model *m)
{
	struct rules *rules = x->gate->rules;
	struct rules_query own = *q;
	struct rules_answer answer;

	own.object = m->name;
	own.agent = x->session->agent;
	own.session = str_from_c(x->session->id);
	own.labels = (struct rules_labels){.integrity = 2};
	own.now_ms = x->gate->loop.real / CLOCK_MS;
	rules_residency_label(rules, &own);
	if (x->gate->history.engine) {
		return residency_allows(&rules->world->residency, &own.row, m->name);
	}
	rules_decide(rules, &own, &x->req->arena, &answer);
	return answer.outcome == POLICY_ALLOW;
}

static void judge(struct exchange *x, const struct rules_query *q)
{
	struct model_reply *r = x->reply;

	for (size_t i = r->first; i < r->n_candidates; i++) {
		r->candidates[i].allowed = may_ask(x, q, r->candidates[i].model);
	}
	r->judged = true;
}

/* ---- health ---- */

static uint64_t rest_after(unsigned failures)
{
	uint64_t rest = REST_SECONDS;

	for (unsigned i = FAILURES; i < failures && rest < REST_SECONDS_MAX; i++) {
		rest *= 2;
	}
	return (rest < REST_SECONDS_MAX ? rest : REST_SECONDS_MAX) * CLOCK_SEC;
}

static uint64_t hash_agent(const struct gate_model *m, struct str agent)
{
	return hash_str(m->gate->seed, agent) | 1;
}

/* Whether one more failure of this agent's counts. Agents that find no place are many: theirs do. */
static bool count_against(struct gate_model *m, struct str agent)
{
	uint64_t h = hash_agent(m, agent);

	for (size_t i = 0; i < ARRAY_LEN(m->blame); i++) {
		struct gate_blame *b = &m->blame[i];

		if (b->agent == h || b->agent == 0) {
			b->agent = h;
			b->n++;
			b->until = b->n < FAILURES ? 0 : m->gate->loop.now + rest_after(b->n);
			return b->n <= FAILURES_ALONE;
		}
	}
	return true;
}

static bool is_ill_for(const struct gate_model *m, struct str agent)
{
	uint64_t h = m->blame[0].agent ? hash_agent(m, agent) : 0;

	for (size_t i = 0; i < ARRAY_LEN(m->blame); i++) {
		if (h && m->blame[i].agent == h) {
			return m->gate->loop.now < m->blame[i].until;
		}
	}
	return false;
}

void model_health_note(struct gate_model *m, enum model_health how, struct str agent)
{
	m->probing = false;
	if (how == MODEL_WELL) {
		m->failures = 0;
		m->ill_until = 0;
		memset(m->blame, 0, sizeof(m->blame));
		return;
	}
	if (how == MODEL_FAILED && !count_against(m, agent)) {
		return;
	}
	m->failures++;
	if (m->failures >= FAILURES) {
		m->ill_until = m->gate->loop.now + rest_after(m->failures);
	}
}

static void on_healthy(struct http_call *c)
{
	struct gate_model *m = CONTAINER_OF(c, struct gate_model, probe);

	m->probe_runs = false;
	model_health_note(m, c->answer->status == 200 ? MODEL_WELL : MODEL_UNREACHED, STR(""));
}

static void on_ill(struct http_call *c, enum http_fail why, const struct err *err)
{
	struct gate_model *m = CONTAINER_OF(c, struct gate_model, probe);

	(void)why;
	(void)err;
	m->probe_runs = false;
	model_health_note(m, MODEL_UNREACHED, STR(""));
}

void model_health_done(struct gate_model *m)
{
	if (m->probe_runs) {
		m->probe_runs = false;
		http_call_cancel(&m->probe);
	}
}

/* It carries nothing of anybody's: the address is the engine's, by the connector's own table. */
static bool probe(struct gate_model *m)
{
	static const struct http_call_events events = {.on_done = on_healthy, .on_fail = on_ill};

	if (!m->pool.pool || !m->engine->health.n) {
		return false;
	}
	if (!m->probe_runs) {
		m->probe_runs = true;
		m->probe = (struct http_call){
			.on = &events,
			.pool = m->pool.pool,
			.request = {.method = STR("GET"), .target = m->engine->health},
			.timeout = PROBE_SECONDS * CLOCK_SEC,
		};
		http_call_start(&m->probe);
	}
	return true;
}

/* May it be asked now? One that has rested is probed, or gets this one request. */
static bool is_well(struct gate_model *m, struct str agent)
{
	if (is_ill_for(m, agent)) {
		return false;
	}
	if (m->failures < FAILURES) {
		return true;
	}
	if (m->gate->loop.now < m->ill_until || m->probing || probe(m)) {
		return false;
	}
	m->probing = true;
	return true;
}

/* ---- choice ---- */

static uint64_t affinity(const struct exchange *x, const struct gate_model *m)
{
	const struct model_request *q = x->reply->asked;
	struct hash_key key;
	uint64_t tenant, prefix;

	/* The same in every gate, and not the caller's to know. */
	memcpy(&key, x->gate->rules->digest, sizeof(key));
	tenant = hash_str(key, x->agent);
	prefix = hash_str(
		(struct hash_key){key.k0 ^ tenant, key.k1},
		str_make(q->begins.p, q->begins.n < PREFIX_BYTES ? q->begins.n : PREFIX_BYTES));
	return hash_str((struct hash_key){prefix, tenant}, m->name);
}

static bool is_open(const struct model_candidate *c)
{
	return c->allowed && !c->asked;
}

static struct model_candidate *choose(struct exchange *x, bool hedge)
{
	struct model_reply *r = x->reply;
	struct model_candidate *idlest = NULL, *preferred = NULL, *due = NULL;
	uint64_t best = 0;

	for (size_t i = r->first; i < r->n_candidates; i++) {
		struct model_candidate *c = &r->candidates[i];
		uint64_t weight;

		if (!is_open(c)) {
			continue;
		}
		due = !due || c->model->ill_until < due->model->ill_until ? c : due;
		if (!is_well(c->model, x->agent)) {
			continue;
		}
		weight = affinity(x, c->model);
		if (!preferred || weight > best) {
			preferred = c;
			best = weight;
		}
		idlest = !idlest || c->model->tokens < idlest->model->tokens ? c : idlest;
	}
	if (!preferred) {
		return hedge ? NULL : due;
	}
	return preferred->model->tokens > 2 * idlest->model->tokens + TOKENS_SLACK ? idlest
										   : preferred;
}

struct gate_model *model_route_next(struct exchange *x, const struct rules_query *q, bool hedge)
{
	struct model_reply *r = x->reply;
	struct model_candidate *c;

	if (r->n_candidates - r->first == 1) {
		c = r->candidates[r->first].asked ? NULL : &r->candidates[r->first];
	} else {
		if (!r->judged) {
			judge(x, q);
		}
		c = choose(x, hedge);
		if (!c && !hedge && r->tries == 0) {
			c = &r->candidates[r->first];
		}
	}
	if (!c || r->tries == MODEL_TRIES) {
		return NULL;
	}
	c->asked = true;
	r->tries++;
	return c->model;
}
