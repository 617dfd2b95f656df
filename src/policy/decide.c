/* SPDX-License-Identifier: Apache-2.0 */
/* The authorisation algorithm, and the outcome for the host. */
#include "policy/annotation.h"
#include "policy/decide_priv.h"
#include "policy/sort.h"

#define OVERLAY_MAX 256

const char *policy_outcome_name(enum policy_outcome outcome)
{
	static const char *const names[] = {
		[POLICY_DENY] = "deny", [POLICY_ASK] = "ask", [POLICY_ALLOW] = "allow"};

	return names[outcome];
}

static bool rules_put(struct arena *a, struct policy_rules *list, const struct policy_rule *rule)
{
	if (!ARENA_GROW(a, &list->items, list->n, &list->cap)) {
		return false;
	}
	list->items[list->n++] = rule;
	return true;
}

static const struct policy_entity *overlay_find(const struct policy_request *req,
						const struct policy_uid *uid)
{
	for (size_t i = 0; i < req->n_entities; i++) {
		if (policy_uid_eq(&req->entities[i].uid, uid)) {
			return &req->entities[i];
		}
	}
	return NULL;
}

struct closure {
	const struct policy_uid **uids;
	size_t n, cap;
};

static bool closure_put(struct arena *a, struct closure *c, const struct policy_uid *uid)
{
	for (size_t i = 0; i < c->n; i++) {
		if (policy_uid_eq(c->uids[i], uid)) {
			return true;
		}
	}
	if (c->n >= POLICY_ANCESTORS_MAX || !ARENA_GROW(a, &c->uids, c->n, &c->cap)) {
		return false;
	}
	c->uids[c->n++] = uid;
	return true;
}

/* Everything above one request-time entity, through such entities and the store. */
static bool close_overlay(const struct policy_request *req, struct arena *a,
			  struct policy_entity *e)
{
	struct closure c = {0};

	for (uint32_t i = 0; i < e->n_parents; i++) {
		if (!closure_put(a, &c, &e->parents[i])) {
			return false;
		}
	}
	for (size_t at = 0; at < c.n; at++) {
		const struct policy_entity *up = overlay_find(req, c.uids[at]);
		bool stored = !up;

		if (policy_uid_eq(c.uids[at], &e->uid)) {
			return false; /* a cycle */
		}
		if (stored) {
			up = policy_store_find(req->store, c.uids[at]);
		}
		for (uint32_t i = 0; up && i < (stored ? up->ancestors.n : up->n_parents); i++) {
			if (!closure_put(a, &c, stored ? up->ancestors.uids[i] : &up->parents[i])) {
				return false;
			}
		}
	}
	return policy_ancestors_make(a, c.uids, c.n, &e->ancestors);
}

bool policy_request_env(const struct policy_request *req, struct arena *scratch,
			struct policy_env *env)
{
	struct policy_entity *overlay = NULL;

	if (req->n_entities > OVERLAY_MAX || req->context.kind != POLICY_RECORD) {
		return false;
	}
	if (req->n_entities > 0) {
		overlay = ARENA_ARRAY(scratch, req->n_entities, struct policy_entity);
		if (!overlay) {
			return false;
		}
		memcpy(overlay, req->entities, req->n_entities * sizeof(*overlay));
	}
	for (size_t i = 0; i < req->n_entities; i++) {
		if (!close_overlay(req, scratch, &overlay[i])) {
			return false;
		}
	}
	*env = (struct policy_env){
		.principal = req->principal,
		.action = req->action,
		.resource = req->resource,
		.context = req->context,
		.store = req->store,
		.overlay = overlay,
		.n_overlay = req->n_entities,
		.scratch = scratch,
	};
	policy_env_prepare(env);
	return true;
}

static bool counts(const struct policy_rule *rule, int64_t now)
{
	return !rule->log_only && now >= rule->since && now < rule->until;
}

static bool rules_have(const struct policy_rules *list, const struct policy_rule *rule)
{
	for (size_t i = list->n; i > 0; i--) {
		if (list->items[i - 1] == rule) {
			return true;
		}
	}
	return false;
}

static bool errors_have(const struct policy_tally *t, const struct policy_rule *rule)
{
	for (size_t i = t->n_errors; i > 0; i--) {
		if (t->errors[i - 1].rule == rule) {
			return true;
		}
	}
	return false;
}

static bool errors_put(struct policy_tally *t, const struct policy_rule *rule,
		       enum policy_fault_code fault)
{
	if (!ARENA_GROW(t->scratch, &t->errors, t->n_errors, &t->cap_errors)) {
		return false;
	}
	t->errors[t->n_errors++] = (struct policy_error){rule, fault};
	return true;
}

bool policy_tally_put(struct policy_tally *t, const struct policy_rule *rule, bool satisfied,
		      enum policy_fault_code fault, bool twice)
{
	bool errored = fault != POLICY_FAULT_NONE;
	bool permit = rule->effect == POLICY_PERMIT;
	struct policy_rules *list = permit ? &t->permits : &t->forbids;

	if (fault == POLICY_FAULT_MEMORY) {
		return false;
	}
	if (!satisfied && !errored) {
		return true;
	}
	if (twice && (errored ? errors_have(t, rule) : rules_have(list, rule))) {
		return true;
	}
	if (errored ? !errors_put(t, rule, fault) : !rules_put(t->scratch, list, rule)) {
		return false;
	}
	if (rule->log_only) {
		return rules_put(t->scratch, &t->logged, rule);
	}
	if (!counts(rule, t->now) || (errored && permit)) {
		return true;
	}
	t->final = t->final || (!permit && (errored || !rule->remedy));
	return rules_put(t->scratch, permit ? &t->may : &t->must_not, rule);
}

static int rule_order(const void *a, const void *b)
{
	const struct policy_rule *x = *(const struct policy_rule *const *)a;
	const struct policy_rule *y = *(const struct policy_rule *const *)b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static int error_order(const void *a, const void *b)
{
	const struct policy_error *x = a, *y = b;

	return x->rule->index < y->rule->index ? -1 : x->rule->index > y->rule->index;
}

/* Candidates mostly come in order already. */
static void in_order(struct policy_rules *list)
{
	size_t i = 1;

	while (i < list->n && list->items[i - 1]->index < list->items[i]->index) {
		i++;
	}
	if (i >= list->n) {
		return;
	}
	policy_sort(list->items, list->n, sizeof(*list->items), rule_order);
}

/* Least weight, then least id: the same on every machine. */
static const struct policy_rule *cheapest(const struct policy_rules *permits)
{
	const struct policy_rule *best = permits->items[0];

	for (size_t i = 1; i < permits->n; i++) {
		const struct policy_rule *r = permits->items[i];

		if (r->weight < best->weight ||
		    (r->weight == best->weight && str_cmp(r->id, best->id) < 0)) {
			best = r;
		}
	}
	return best;
}

struct notes {
	const struct policy_note **items;
	size_t n, cap;
};

static bool notes_put(struct arena *a, struct notes *list, const struct policy_note *note)
{
	for (size_t i = 0; i < list->n; i++) {
		if (str_eq(list->items[i]->key, note->key) &&
		    str_eq(list->items[i]->value, note->value)) {
			return true;
		}
	}
	if (!ARENA_GROW(a, &list->items, list->n, &list->cap)) {
		return false;
	}
	list->items[list->n++] = note;
	return true;
}

/* The duties of the chosen permit, and of the others those that always hold. */
static bool collect_duties(struct policy_tally *t, struct policy_decision *d)
{
	struct notes list = {0};

	d->permit = cheapest(&t->may);
	for (size_t i = 0; i < t->may.n; i++) {
		const struct policy_rule *r = t->may.items[i];

		if (r != d->permit && r->always == 0) {
			continue;
		}
		for (uint32_t k = 0; k < r->n_notes; k++) {
			unsigned duty = policy_duty_of(r->notes[k].key);

			if (duty && (r == d->permit || (duty & r->always)) &&
			    !notes_put(t->scratch, &list, &r->notes[k])) {
				return false;
			}
		}
	}
	d->duties = list.items;
	d->n_duties = list.n;
	return true;
}

static bool collect_remedies(struct policy_tally *t, struct policy_decision *d)
{
	struct notes list = {0};

	for (size_t i = 0; i < t->must_not.n; i++) {
		const struct policy_rule *r = t->must_not.items[i];

		for (uint32_t k = 0; k < r->n_notes; k++) {
			if (policy_is_remedy(r->notes[k].key) &&
			    !notes_put(t->scratch, &list, &r->notes[k])) {
				return false;
			}
		}
	}
	d->remedies = list.items;
	d->n_remedies = list.n;
	return true;
}

static bool settle_outcome(struct policy_tally *t, struct policy_decision *d)
{
	d->deciding = t->must_not;
	if (t->must_not.n > 0) {
		if (t->final || t->may.n == 0) {
			return true;
		}
		d->outcome = POLICY_ASK;
		return collect_remedies(t, d);
	}
	if (t->may.n == 0) {
		return true;
	}
	d->outcome = POLICY_ALLOW;
	d->deciding = t->may;
	return collect_duties(t, d);
}

static bool settle_errors(struct policy_tally *t, struct policy_decision *d)
{
	size_t n = t->n_errors;

	if (n == 0) {
		return true;
	}
	policy_sort(t->errors, n, sizeof(*t->errors), error_order);
	d->errors.items = ARENA_ARRAY(t->scratch, n, const struct policy_rule *);
	d->faults = ARENA_ARRAY(t->scratch, n, enum policy_fault_code);
	if (!d->errors.items || !d->faults) {
		return false;
	}
	d->errors.n = n;
	for (size_t i = 0; i < n; i++) {
		d->errors.items[i] = t->errors[i].rule;
		d->faults[i] = t->errors[i].fault;
	}
	return true;
}

void policy_tally_settle(struct policy_tally *t, struct policy_decision *ret)
{
	struct policy_decision d = {0};

	in_order(&t->permits);
	in_order(&t->forbids);
	in_order(&t->may);
	in_order(&t->must_not);
	in_order(&t->logged);
	d.allow = t->permits.n > 0 && t->forbids.n == 0;
	d.reasons = d.allow ? t->permits : t->forbids;
	d.logged = t->logged;
	if (!settle_errors(t, &d) || !settle_outcome(t, &d)) {
		policy_decision_fail(ret, "memory");
		return;
	}
	*ret = d;
}

void policy_decision_fail(struct policy_decision *ret, const char *why)
{
	*ret = (struct policy_decision){.failure = why};
}

void policy_decide_reference(const struct policy_set *set, const struct policy_request *req,
			     struct arena *scratch, struct policy_decision *ret)
{
	struct policy_tally t = {.scratch = scratch, .now = req->now};
	struct policy_env env;

	if (!set->trees || !policy_request_env(req, scratch, &env)) {
		policy_decision_fail(ret, set->trees ? "request" : "trees");
		return;
	}
	for (size_t i = 0; i < set->n; i++) {
		bool satisfied = false;
		struct policy_fault fault = policy_eval_policy(&env, set->trees[i], &satisfied);

		if (!policy_tally_put(&t, &set->rules[i], satisfied, fault.code, false)) {
			policy_decision_fail(ret, "memory");
			return;
		}
	}
	policy_tally_settle(&t, ret);
}

/* One candidate; false when memory is short. */
static bool decide_one(const struct policy_set *set, uint32_t number, struct policy_machine *m,
		       struct policy_tally *t)
{
	const struct policy_code_entry *e = &set->code.entries[number];
	enum policy_fault_code fault;
	bool satisfied = false;

	if (!policy_code_scope_matches(&set->code, e, m->env)) {
		return true;
	}
	fault = policy_run(m, e, &satisfied);
	return policy_tally_put(t, &set->rules[number], satisfied, fault, e->twice);
}

void policy_decide(const struct policy_set *set, const struct policy_request *req,
		   struct arena *scratch, struct policy_decision *ret)
{
	struct policy_tally t = {.scratch = scratch, .now = req->now};
	struct policy_index_walk walk;
	struct policy_machine machine;
	struct policy_env env;
	const uint32_t *items;
	uint32_t n;

	if (!policy_request_env(req, scratch, &env)) {
		policy_decision_fail(ret, "request");
		return;
	}
	policy_machine_begin(&machine, &set->code, &env);
	policy_index_begin(&walk, &set->index, &env);
	while ((items = policy_index_next(&walk, &n)) != NULL) {
		for (uint32_t i = 0; i < n; i++) {
			if (!decide_one(set, items[i], &machine, &t)) {
				policy_decision_fail(ret, "memory");
				return;
			}
		}
	}
	policy_tally_settle(&t, ret);
}

static bool matches_have(const struct policy_matches *list, uint32_t number)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i] == number) {
			return true;
		}
	}
	return false;
}

bool policy_matches_find(const struct policy_set *set, const struct policy_env *env,
			 struct policy_matches *ret)
{
	struct policy_index_walk walk;
	const uint32_t *items;
	uint32_t n;

	*ret = (struct policy_matches){0};
	policy_index_begin(&walk, &set->index, env);
	while ((items = policy_index_next(&walk, &n)) != NULL) {
		for (uint32_t i = 0; i < n; i++) {
			const struct policy_code_entry *e = &set->code.entries[items[i]];

			if (!policy_code_scope_matches(&set->code, e, env) ||
			    (e->twice && matches_have(ret, items[i]))) {
				continue;
			}
			if (!ARENA_GROW(env->scratch, &ret->items, ret->n, &ret->cap)) {
				return false;
			}
			ret->items[ret->n++] = items[i];
		}
	}
	return true;
}

/* For whatever its scope matches: at any time, and nothing lifts it. */
static bool holds_always(const struct policy_set *set, const struct policy_rule *rule)
{
	const struct policy_code_entry *e = &set->code.entries[rule->index];

	return !rule->remedy && rule->since == INT64_MIN && rule->until == INT64_MAX &&
	       set->code.insns[e->start].op == POLICY_OP_DONE;
}

bool policy_may_permit(const struct policy_set *set, const struct policy_request *req,
		       struct arena *scratch)
{
	struct policy_matches matches;
	struct policy_env env;
	bool permitted = false;

	if (!policy_request_env(req, scratch, &env) || !policy_matches_find(set, &env, &matches)) {
		return true;
	}
	for (size_t i = 0; i < matches.n; i++) {
		const struct policy_rule *rule = &set->rules[matches.items[i]];

		if (rule->log_only) {
			continue;
		}
		if (rule->effect == POLICY_FORBID && holds_always(set, rule)) {
			return false;
		}
		permitted = permitted || rule->effect == POLICY_PERMIT;
	}
	return permitted;
}

void policy_matches_decide(const struct policy_set *set, const struct policy_env *env,
			   const struct policy_matches *matches, int64_t now,
			   struct policy_decision *ret)
{
	struct policy_tally t = {.scratch = env->scratch, .now = now};
	struct policy_machine machine;

	policy_machine_begin(&machine, &set->code, env);
	for (size_t i = 0; i < matches->n; i++) {
		uint32_t number = matches->items[i];
		bool satisfied = false;
		enum policy_fault_code fault =
			policy_run(&machine, &set->code.entries[number], &satisfied);

		if (!policy_tally_put(&t, &set->rules[number], satisfied, fault, false)) {
			policy_decision_fail(ret, "memory");
			return;
		}
	}
	policy_tally_settle(&t, ret);
}
