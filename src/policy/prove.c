/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/prove_job.h"

#include "policy/print.h"

#define MODEL_MAX ((size_t)1 << 30)
#define WORLD_MAX ((size_t)64 << 20)
#define TEXT_MAX  ((size_t)256 << 20)

/* So many environments that cannot be decided end the search for one that can. */
#define UNDECIDED_MAX 16

static enum err_code print_items(struct job *j, struct side *s, struct err *err)
{
	s->items = ARENA_ARRAY(j->a, s->list.n, struct item);
	if (!s->items) {
		return prove_no_memory(err);
	}
	for (size_t i = 0; i < s->list.n; i++) {
		struct buf out;

		if (s->list.items[i]->template) {
			return ERR(err, ERR_INVALID, "policy " STR_FMT " is a template",
				   STR_ARG(s->list.items[i]->id));
		}
		buf_init(&out, TEXT_MAX);
		policy_print(&out, s->list.items[i]);
		s->items[i] = (struct item){s->list.items[i], arena_dup(j->a, buf_str(&out))};
		buf_done(&out);
		if (!s->items[i].text.p) {
			return prove_no_memory(err);
		}
	}
	return ERR_OK;
}

static enum err_code build(struct job *j, struct side *s, struct err *err)
{
	struct policy_diags diags;

	policy_diags_init(&diags, j->a);
	TRY(policy_set_build(j->a, &s->list, NULL, &diags, &s->set, err));
	return print_items(j, s, err);
}

/* The set without one policy. */
static enum err_code leave_out(struct job *j, struct side *to, const struct side *from,
			       const struct policy *without, struct err *err)
{
	to->list.items = ARENA_ARRAY(j->a, from->list.n, struct policy *);
	if (!to->list.items) {
		return prove_no_memory(err);
	}
	for (size_t i = 0; i < from->list.n; i++) {
		if (from->list.items[i] != without) {
			to->list.items[to->list.n++] = from->list.items[i];
		}
	}
	to->list.cap = to->list.n;
	return build(j, to, err);
}

static enum err_code prepare(struct job *j, const struct policy_list *policies, struct err *err)
{
	enum prove_claim claim = j->inv->claim;

	j->one.list = *policies;
	TRY(build(j, &j->one, err));
	if (claim == PROVE_SHADOWED || claim == PROVE_NEVER_MATCHES) {
		for (size_t i = 0; i < policies->n; i++) {
			if (str_eq(policies->items[i]->id, j->inv->id)) {
				j->named = policies->items[i];
			}
		}
		if (!j->named) {
			return ERR(err, ERR_NOT_FOUND, "there is no policy \"" STR_FMT "\"",
				   STR_ARG(j->inv->id));
		}
	}
	if (claim == PROVE_SHADOWED) {
		return leave_out(j, &j->two, &j->one, j->named, err);
	}
	if (claim == PROVE_EQUIVALENT || claim == PROVE_IMPLIES) {
		j->two.list = *j->inv->other;
		return build(j, &j->two, err);
	}
	return ERR_OK;
}

/* -- which policies an environment is about -- */

static bool part_possible(const struct schema *s, const struct policy_scope *p,
			  const struct schema_entity *type)
{
	bool possible = p->op != POLICY_SCOPE_EQ && p->op != POLICY_SCOPE_IN;

	if ((p->op == POLICY_SCOPE_IS || p->op == POLICY_SCOPE_IS_IN) &&
	    !str_eq(p->type, type->name)) {
		return false;
	}
	for (size_t i = 0; i < p->n_uids && !possible; i++) {
		const struct schema_entity *of = schema_entity_find(s, p->uids[i].type);

		possible = of && (of == type ||
				  (p->op == POLICY_SCOPE_IN && schema_entity_may_be_in(type, of)));
	}
	return possible;
}

static bool action_possible(const struct schema *s, const struct policy_scope *p,
			    const struct schema_action *action)
{
	bool possible = p->op == POLICY_SCOPE_ANY;

	for (size_t i = 0; i < p->n_uids && !possible; i++) {
		const struct schema_action *of =
			schema_action_find(s, p->uids[i].type, p->uids[i].id);

		possible = of && (of == action ||
				  (p->op == POLICY_SCOPE_IN && schema_action_is_in(action, of)));
	}
	return possible;
}

bool prove_concerns(const struct prove_model *m, const struct policy *p)
{
	return action_possible(m->s, &p->action, m->action) &&
	       part_possible(m->s, &p->principal, m->principal) &&
	       part_possible(m->s, &p->resource, m->resource);
}

/* -- environments -- */

static bool shape_side(struct prove_model *m, const struct side *s)
{
	for (size_t i = 0; i < s->list.n; i++) {
		if (prove_concerns(m, s->list.items[i]) &&
		    !prove_shape_policy(m, s->list.items[i])) {
			return false;
		}
	}
	return true;
}

static bool shape_facts(struct job *j)
{
	for (size_t i = 0; i < j->opts->n_never; i++) {
		const struct prove_never *never = &j->opts->never[i];

		if (prove_is_about(j, never) && !prove_shape_policy(&j->m, never->policy)) {
			return false;
		}
	}
	return true;
}

static bool learn(struct job *j)
{
	struct prove_model *m = &j->m;

	return prove_model_init(m) && shape_facts(j) &&
	       (!j->inv->query || prove_shape_policy(m, j->inv->query)) && shape_side(m, &j->one) &&
	       shape_side(m, &j->two) && prove_domains_fill(m);
}

/* With nobody but the known entities a type may have nobody. */
static bool is_inhabited(const struct job *j, const struct schema_entity *type)
{
	const struct policy_entity *e;
	size_t n = 0;

	if (!j->opts->closed || type->n_ids > 0) {
		return true;
	}
	e = j->opts->store ? policy_store_entities(j->opts->store, &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(e[i].uid.type, type->name)) {
			return true;
		}
	}
	return false;
}

static enum err_code try_env(struct job *j, const struct schema_entity *principal,
			     const struct schema_action *action,
			     const struct schema_entity *resource, struct err *err)
{
	enum err_code code = ERR_OK;

	j->env++;
	arena_reset(&j->model_arena);
	j->m = (struct prove_model){.opts = j->opts,
				    .s = j->opts->schema,
				    .a = &j->model_arena,
				    .principal = principal,
				    .action = action,
				    .resource = resource};
	j->w.m = &j->m;
	if ((j->inv->query && !prove_concerns(&j->m, j->inv->query)) ||
	    !is_inhabited(j, principal) || !is_inhabited(j, resource)) {
		return ERR_OK;
	}
	j->ret->n_envs++;
	if (learn(j)) {
		code = prove_try_claim(j, err);
	}
	if (!code && j->m.nomem) {
		return prove_no_memory(err);
	}
	if (j->m.why.p && j->found) {
		j->ret->minimal = false;
	} else if (j->m.why.p) {
		prove_undecided(j, j->m.why.p);
	}
	return code;
}

static enum err_code try_envs(struct job *j, struct err *err)
{
	const struct schema *s = j->opts->schema;

	for (size_t i = 0; i < s->n_actions; i++) {
		j->n_envs += s->actions[i].n_principals * s->actions[i].n_resources;
	}
	for (size_t i = 0; i < s->n_actions; i++) {
		const struct schema_action *action = &s->actions[i];

		for (size_t k = 0; k < action->n_principals; k++) {
			for (size_t n = 0; n < action->n_resources && !prove_is_over(j) &&
					   j->undecided < UNDECIDED_MAX;
			     n++) {
				TRY(try_env(j, action->principals[k], action, action->resources[n],
					    err));
			}
		}
	}
	return ERR_OK;
}

enum err_code prove_query_names(struct arena *a, const struct schema *s, const struct policy *query,
				struct err *err)
{
	struct prove_names names = {.arena = a};

	for (size_t i = 0; i < s->n_actions; i++) {
		const struct schema_action *action = &s->actions[i];

		for (size_t k = 0; k < action->n_principals * action->n_resources; k++) {
			const struct prove_model m = {
				.s = s,
				.principal = action->principals[k / action->n_resources],
				.action = action,
				.resource = action->resources[k % action->n_resources]};

			if (prove_concerns(&m, query)) {
				prove_names_look(&names, &m, query);
			}
		}
	}
	return prove_names_missing(&names, err);
}

static enum err_code run(struct job *j, const struct policy_list *policies, struct err *err)
{
	bool reach = j->inv->claim == PROVE_REACHABLE;

	TRY(prepare(j, policies, err));
	/* The query, two policies, each side's permits and forbids at most, all of both, and the facts. */
	j->goal = ARENA_ARRAY(j->a, 3 * (j->one.list.n + j->two.list.n) + j->opts->n_never + 4,
			      struct prove_literal);
	j->w.frames = ARENA_ARRAY(j->a, PROVE_CHOICES, struct prove_frame);
	if (!j->goal || !j->w.frames) {
		return prove_no_memory(err);
	}
	TRY(try_envs(j, err));
	if (j->found) {
		j->ret->verdict = reach ? PROVE_HOLDS : PROVE_BROKEN;
	} else if (j->undecided > 0) {
		j->ret->verdict = PROVE_UNSUPPORTED;
		j->ret->reason = j->refused;
	} else {
		j->ret->verdict = reach ? PROVE_BROKEN : PROVE_HOLDS;
	}
	return ERR_OK;
}

enum err_code prove(struct arena *a, const struct policy_list *policies,
		    const struct prove_invariant *inv, const struct prove_opts *opts,
		    struct prove_result *ret, struct err *err)
{
	struct prove_result result = {0};
	struct job j = {.a = a, .inv = inv, .opts = opts, .ret = &result};
	enum err_code code;

	if (inv->query && !opts->any_names) {
		TRY(prove_query_names(a, opts->schema, inv->query, err));
	}
	j.limit = opts->steps > 0 ? opts->steps : PROVE_STEPS_MAX;
	arena_init(&j.model_arena, MODEL_MAX);
	arena_init(&j.world_arena, WORLD_MAX);
	arena_init(&j.replay_arena, MODEL_MAX);
	j.w.a = &j.world_arena;
	j.w.budget = UINT64_MAX;
	code = run(&j, policies, err);
	arena_done(&j.replay_arena);
	arena_done(&j.world_arena);
	arena_done(&j.model_arena);
	if (!code) {
		*ret = result;
	}
	return code;
}
