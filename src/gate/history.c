/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/history.h"

#include "crypto/secret.h"
#include "gate/gate.h"
#include "gate/rules_entities.h"
#include "policy/conform.h"
#include "policy/data.h"
#include "json/walk.h"

#include <stdio.h>

enum { SNAPSHOT_MAX = 1 << 30, KEY_MEMORY = 16 << 10 };

void history_init(struct history *h)
{
	*h = (struct history){.boot_ns = clock_boot(), .real_ns = clock_real()};
	rand_bytes(h->seed, sizeof(h->seed));
}

void history_done(struct history *h)
{
	dw_engine_free(h->engine);
	rules_unref(h->rules);
	h->engine = NULL;
	h->rules = NULL;
}

static int64_t time_now(const struct history *h)
{
	return (int64_t)((h->real_ns + (clock_boot() - h->boot_ns)) / CLOCK_MS);
}

/* ---- reload ---- */

/* All histories move by a snapshot, and only when it says the same there as here. */
static enum err_code carry(const struct dw_engine *from, struct dw_engine *to, struct err *err)
{
	struct buf before, after;
	struct arena scratch;
	enum err_code code;

	buf_init(&before, SNAPSHOT_MAX);
	buf_init(&after, SNAPSHOT_MAX);
	arena_init(&scratch, SNAPSHOT_MAX);
	dw_engine_save(from, &before);
	code = before.failed ? ERR(err, ERR_LIMIT, "the histories are too large to be taken along")
			     : dw_engine_load(to, buf_str(&before), &scratch, err);
	if (!code) {
		dw_engine_save(to, &after);
		if (after.failed || !str_eq(buf_str(&before), buf_str(&after))) {
			code = ERR(err, ERR_CORRUPT, "the histories changed on their way");
		}
	}
	arena_done(&scratch);
	buf_done(&after);
	buf_done(&before);
	return code;
}

static enum err_code engine_for(const struct history *h, const struct rules *rules,
				struct dw_engine **ret, struct err *err)
{
	const struct config_identity *id = &rules->config->identity;
	const struct dw_engine_opts opts = {
		.plan = {.seed = {h->seed[0], h->seed[1]},
			 .max_bytes = (size_t)rules->config->limits.history},
		/* Each session, and each principal without one, fits. */
		.max_histories = (size_t)rules->config->limits.sessions + id->n_api_keys +
				 id->n_mtls + id->n_unix_peers + 1,
	};

	return dw_engine_new(rules->policies.temporal, &opts, ret, err);
}

/* Their connections cannot be given away, or their servers or runs are the first gate's. */
static bool is_first_only(const struct rules *rules)
{
	const struct config *config = rules->config;
	bool only = rules->policies.by_principal;

	for (size_t i = 0; i < config->n_servers; i++) {
		only = only || config->servers[i].kind == CONFIG_SERVER_STDIO;
	}
	for (size_t i = 0; i < config->n_listen; i++) {
		only = only || config->listen[i].has_tls || config->listen[i].http2;
	}
	return only;
}

/* Of the same conditions, in the same gates: else what is known here says nothing there. */
static enum err_code take_along(const struct history *h, const struct rules *rules,
				struct dw_engine *to, struct err *err)
{
	if (h->first_only != is_first_only(rules)) {
		return ERR(err, ERR_INVALID, "the gates at which principals are served changed");
	}
	return carry(h->engine, to, err);
}

static void say(struct gate *g, const char *what, const char *why)
{
	char text[320];
	int n = snprintf(text, sizeof(text), "%s: %.200s", what, why);

	log_line(LOG_WARN, "temporal policies: %s", text);
	gate_event(g, &(struct ledger_event){.event = LEDGER_FINDING,
					     .subject = STR("histories"),
					     .detail = str_make(text, n < 0 ? 0 : (size_t)n)});
}

/* The new engine knows what the old one knew, or that it does not, or begins anew: that is said. */
static enum err_code succeed(struct gate *g, const struct rules *rules, struct dw_engine **fresh,
			     struct err *err)
{
	struct history *h = &g->history;
	struct err why = {0};
	enum err_code code = take_along(h, rules, *fresh, &why);

	if (code == ERR_OK) {
		return ERR_OK;
	}
	dw_engine_free(*fresh); /* it may hold a part */
	*fresh = NULL;
	TRY(engine_for(h, rules, fresh, err));
	if (code == ERR_INVALID) {
		say(g, "what happened before this reload does not count", why.msg);
	} else {
		dw_engine_saturate_all(*fresh, time_now(h));
		say(g, "what happened before this reload is not known and taken for the worst",
		    why.msg);
	}
	return ERR_OK;
}

enum err_code history_apply(struct gate *g, struct rules *rules, struct err *err)
{
	struct history *h = &g->history;
	struct dw_engine *fresh = NULL;

	if (rules->policies.temporal) {
		TRY(engine_for(h, rules, &fresh, err));
	}
	if (h->engine && fresh) {
		TRY(succeed(g, rules, &fresh, err));
	} else if (h->engine) {
		say(g, "what happened before this reload does not count",
		    "there are no temporal conditions any more");
	}
	dw_engine_free(h->engine);
	rules_unref(h->rules);
	h->engine = fresh;
	h->rules = fresh ? rules_ref(rules) : NULL;
	h->first_only = is_first_only(rules);
	h->losses = fresh ? dw_engine_losses(fresh) : 0;
	return ERR_OK;
}

/* ---- events ---- */

/* An event that has nothing but what says to which history it belongs. */
static bool key_event(const struct session *s, struct arena *a, struct temporal_event *ev)
{
	struct policy_uid *who = ARENA_NEW(a, struct policy_uid);
	struct policy_record r;

	if (!who) {
		return false;
	}
	*who = policy_uid_make(STR("Writ::Agent"), s->agent);
	*ev = (struct temporal_event){.kind = STR("request")};
	policy_record_begin(&r, a);
	policy_record_put(&r, STR("callerPrincipal"), policy_entity(who));
	policy_record_put(&r, STR("sessionId"), policy_string(str_from_c(s->id)));
	return policy_record_end(&r, &ev->fields);
}

/* Something is not remembered any more: the ledger says of whom. */
static void tell_losses(struct gate *g, const struct session *s)
{
	struct history *h = &g->history;
	uint64_t losses = dw_engine_losses(h->engine);

	if (losses != h->losses) {
		h->losses = losses;
		gate_finding(g, str_from_c(s->id),
			     "not all that happened is known: until that is out of every window, "
			     "conditions over it take the value that refuses");
	}
}

/*
 * The first event of a history that may have begun in a gate that died. Sessions ended with that
 * gate; a principal did not, so what it did before has to be taken for anything.
 */
static void meet(struct gate *g, struct session *s, struct arena *a, int64_t now)
{
	struct history *h = &g->history;
	bool outlives = s->outlives || h->rules->policies.by_principal;
	struct temporal_event ev;
	struct err err;

	if (s->met || !h->again || !outlives ||
	    now - (int64_t)(h->real_ns / CLOCK_MS) > dw_engine_memory(h->engine)) {
		s->met = true;
		return;
	}
	/* When it fails it is tried again: till then nothing can be decided either. */
	s->met = key_event(s, a, &ev) && (dw_engine_knows(h->engine, &ev, a) ||
					  dw_engine_saturate(h->engine, &ev, a, &err) == ERR_OK);
}

enum err_code history_suppose(const struct gate *g, struct dw_engine **ret, struct rules_query *q,
			      struct err *err)
{
	*ret = NULL;
	if (g->history.engine) {
		TRY(engine_for(&g->history, g->history.rules, ret, err));
	}
	q->engine = *ret;
	q->event_ms = time_now(&g->history);
	return ERR_OK;
}

void history_ask(struct gate *g, struct session *s, struct arena *a, struct rules_query *q)
{
	q->event_ms = time_now(&g->history);
	meet(g, s, a, q->event_ms);
	if (s->met) {
		q->engine = g->history.engine;
	}
}

static struct policy_value whole(uint64_t n)
{
	return policy_long(n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

static void take_output(struct action *a, struct policy_record *r)
{
	if (!policy_record_end(r, &a->output)) {
		a->output = (struct policy_value){0};
	}
}

void history_output_bytes(struct action *a, size_t bytes)
{
	struct policy_record r;

	if (!a->answer.event) {
		return;
	}
	policy_record_begin(&r, a->arena);
	policy_record_put(&r, STR("bytes"), whole(bytes));
	take_output(a, &r);
}

void history_output_transfer(struct action *a, uint64_t sent, uint64_t received, uint64_t status)
{
	struct policy_record r;

	if (!a->answer.event) {
		return;
	}
	policy_record_begin(&r, a->arena);
	policy_record_put(&r, STR("received"), whole(received));
	policy_record_put(&r, STR("sent"), whole(sent));
	policy_record_put(&r, STR("status"), whole(status));
	take_output(a, &r);
}

void history_output_model(struct action *a, const struct model_outcome *outcome, uint64_t bytes)
{
	uint64_t tokens = outcome->usage.given ? outcome->usage.output : bytes;
	struct policy_record r;

	if (!a->answer.event) {
		return;
	}
	policy_record_begin(&r, a->arena);
	if (outcome->finish != MODEL_FINISH_NONE) {
		policy_record_put(&r, STR("finish"),
				  policy_string(model_finish_name(outcome->finish)));
	}
	policy_record_put(&r, STR("tokens"), whole(tokens));
	take_output(a, &r);
}

/* What the answer says, as far as the schema declares it; false when that cannot be told. */
static bool output_of(const struct action *a, const struct rules *r, struct str result,
		      struct policy_value *ret)
{
	const struct policy_uid *action = a->answer.event->event.action;
	const struct schema *schema = r->policies.temporal->schema;
	const struct schema_action *decl = schema_action_find(schema, action->type, action->id);
	const struct type_field *f = decl ? type_field_find(decl->context, STR("output")) : NULL;
	const struct str key = STR("structuredContent");
	struct str content = str_make(NULL, 0);
	struct policy_value v = a->output;
	struct err err;

	if (!f) {
		return false;
	}
	if (v.kind == POLICY_NONE) {
		(void)json_scan_members(result, &key, 1, &content, NULL);
		if (!content.p || content.n > RULES_INPUT_MAX ||
		    policy_input_parse(a->arena, content, &v, &err)) {
			return false;
		}
	}
	return rules_fit(a->arena, f->type, v, ret) &&
	       conform_value(schema, f->type, *ret, &err) == ERR_OK;
}

static bool add_output(struct action *a, struct policy_value output, struct temporal_event *ev)
{
	struct policy_record r;

	policy_record_begin(&r, a->arena);
	for (uint32_t i = 0; i < ev->fields.n; i++) {
		policy_record_put(&r, ev->fields.fields[i].key, ev->fields.fields[i].value);
	}
	policy_record_put(&r, STR("output"), output);
	return policy_record_end(&r, &ev->fields);
}

/* A condition looks at what the answer says: without it the history is not complete. */
static void answer_event(struct action *a, struct str result, struct temporal_event *ev)
{
	struct history *h = &a->gate->history;
	struct policy_value output;
	struct err err;

	if (!dw_engine_looks_at(h->engine, ev->action, ev->kind, STR("output"))) {
		return;
	}
	if (!output_of(a, h->rules, result, &output) || !add_output(a, output, ev)) {
		gate_finding(a->gate, str_from_c(a->session->id),
			     "an answer is not what the schema declares");
		/* Without a place for the history its next request is refused. */
		err_ignore(dw_engine_saturate(h->engine, ev, a->arena, &err));
	}
}

void history_ended(struct action *a, enum history_end end, struct str result)
{
	struct history *h = &a->gate->history;
	struct temporal_event ev;
	struct err err;

	if (!a->answer.event) {
		return;
	}
	ev = a->answer.event->event;
	if (h->engine) {
		ev.ts_ms = time_now(h);
		ev.kind = end == HISTORY_RESPONSE ? STR("response") : STR("error");
		if (end == HISTORY_DENIED && h->rules->policies.has_denied) {
			ev.kind = STR("denied");
		}
		if (end == HISTORY_RESPONSE) {
			answer_event(a, result, &ev);
		}
		/* What finds no place is counted as lost, and its kind may be none that is watched. */
		err_ignore(dw_engine_observe(h->engine, &ev, a->arena, &err));
		tell_losses(a->gate, a->session);
	}
	a->answer.event = NULL;
}

void history_forget(struct gate *g, const struct session *s)
{
	struct temporal_event ev;
	struct arena a;

	if (!g->history.engine || g->history.rules->policies.by_principal) {
		return;
	}
	arena_init(&a, KEY_MEMORY);
	if (key_event(s, &a, &ev)) {
		dw_engine_forget(g->history.engine, &ev, &a);
	}
	arena_done(&a);
}
