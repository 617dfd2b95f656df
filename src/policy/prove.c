/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/prove_priv.h"

#include "policy/case.h"
#include "policy/conform.h"
#include "policy/print.h"

#define MODEL_MAX ((size_t)1 << 30)
#define WORLD_MAX ((size_t)64 << 20)
#define TEXT_MAX  ((size_t)256 << 20)

/* So many environments that cannot be decided end the search for one that can. */
#define UNDECIDED_MAX       16
#define PROVE_SMALLER_STEPS (1u << 18) /* requests tried for one claim after the first was found */

/* A policy and its text, by which policies of two sets are the same. */
struct item {
	const struct policy *policy;
	struct str text;
};

struct side {
	struct policy_list list;
	struct item *items;
	const struct policy_set *set;
};

struct job {
	struct arena *a; /* the caller's */
	const struct prove_invariant *inv;
	const struct prove_opts *opts;
	struct side one, two;
	const struct policy *named; /* SHADOWED, NEVER_MATCHES */
	struct prove_result *ret;
	uint64_t limit;
	struct arena model_arena, world_arena, replay_arena;
	struct prove_model m;
	struct prove_world w;
	struct prove_literal *goal;
	size_t n_goal;
	bool found;
	bool smallest;                /* nothing smaller is to be looked for, or can be */
	const struct policy *failing; /* NEVER_ERRORS: of the request that was found */
	enum policy_fault_code fault;
	size_t n_errors[2]; /* of each side; the request gets smaller, these do not grow */
	unsigned undecided; /* environments, or requests that the engine did not confirm */
	struct str refused; /* the first reason */
	size_t env, n_envs;
};

static enum err_code nomem(struct err *err)
{
	return ERR(err, ERR_NOMEM, "out of memory");
}

static enum err_code print_items(struct job *j, struct side *s, struct err *err)
{
	s->items = ARENA_ARRAY(j->a, s->list.n, struct item);
	if (!s->items) {
		return nomem(err);
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
			return nomem(err);
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
		return nomem(err);
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

static bool concerns(const struct prove_model *m, const struct policy *p)
{
	return action_possible(m->s, &p->action, m->action) &&
	       part_possible(m->s, &p->principal, m->principal) &&
	       part_possible(m->s, &p->resource, m->resource);
}

/* -- what a found request must do when the engine decides it -- */

static bool matches(const struct policy_request *req, const struct policy *p, struct arena *scratch,
		    enum policy_fault_code *fault)
{
	struct policy_env env = {.principal = req->principal,
				 .action = req->action,
				 .resource = req->resource,
				 .context = req->context,
				 .store = req->store,
				 .scratch = scratch};
	bool v = false;

	policy_env_prepare(&env);
	*fault = policy_eval_policy(&env, p, &v).code;
	return v && *fault == POLICY_FAULT_NONE;
}

static bool breaks(struct job *j, const struct policy_request *req, struct arena *scratch,
		   size_t n_errors[2])
{
	struct policy_decision one, two = {0};
	enum policy_fault_code fault;

	if (j->inv->query && !matches(req, j->inv->query, scratch, &fault)) {
		return false;
	}
	policy_decide(j->one.set, req, scratch, &one);
	if (j->two.set) {
		policy_decide(j->two.set, req, scratch, &two);
	}
	if (one.failure || two.failure) {
		return false;
	}
	n_errors[0] = one.errors.n;
	n_errors[1] = two.errors.n;
	switch (j->inv->claim) {
	case PROVE_ALWAYS_DENIES:
	case PROVE_REACHABLE:
		return one.allow;
	case PROVE_ALWAYS_ALLOWS:
		return !one.allow;
	case PROVE_NEVER_ERRORS:
		return one.errors.n > 0;
	case PROVE_EQUIVALENT:
	case PROVE_SHADOWED:
		return one.allow != two.allow;
	case PROVE_IMPLIES:
		return one.allow && !two.allow;
	case PROVE_NEVER_MATCHES:
		return matches(req, j->named, scratch, &fault);
	case PROVE_NONE:
		break;
	}
	return false;
}

/* Reads the documents as `writ policy eval` would. */
static enum err_code read_documents(const struct job *j, struct arena *a, struct str request,
				    struct str entities, struct policy_request *ret,
				    struct err *err)
{
	const struct policy_source req_src = {STR("request"), request};
	const struct policy_source ent_src = {STR("entities"), entities};
	struct policy_case c = {.schema = j->opts->schema};
	struct policy_entity *items;
	struct policy_store *store;
	const struct json *doc;
	size_t n;

	TRY(policy_case_json(a, &ent_src, &doc, err));
	TRY(policy_json_entities(a, doc, c.schema, &items, &n, err));
	TRY(conform_entities(c.schema, items, n, err));
	TRY(policy_store_build(a, items, n, &store, err));
	c.store = store;
	TRY(policy_case_json(a, &req_src, &doc, err));
	return policy_case_request(a, &c, doc, true, ret, err);
}

/* Lets the engine decide, and keeps what a smaller request must not change. */
static enum err_code replay(struct job *j, struct str request, struct str entities, bool *ret,
			    struct err *err)
{
	struct policy_request req;

	TRY(read_documents(j, &j->replay_arena, request, entities, &req, err));
	*ret = breaks(j, &req, &j->replay_arena, j->n_errors);
	j->failing = NULL;
	for (size_t i = 0; i < j->n_goal; i++) {
		if (j->goal[i].want == PROVE_FAILING) {
			j->failing = j->goal[i].policy;
			(void)matches(&req, j->failing, &j->replay_arena, &j->fault);
		}
	}
	return ERR_OK;
}

/* Is the fact about the environment? */
static bool is_about(const struct job *j, const struct prove_never *never)
{
	const struct type *context = j->m.action->context;

	return type_field_find(context, never->attrs[0]) &&
	       type_field_find(context, never->attrs[1]);
}

/* Does the smaller request break the claim for the same reason, and can it be? */
static bool is_as_good(struct job *j, const struct policy_request *req)
{
	enum policy_fault_code fault;
	size_t n_errors[2];

	for (size_t i = 0; i < j->opts->n_never; i++) {
		const struct prove_never *never = &j->opts->never[i];

		if (is_about(j, never) && matches(req, never->policy, &j->replay_arena, &fault)) {
			return false;
		}
	}
	if (!breaks(j, req, &j->replay_arena, n_errors) || n_errors[0] > j->n_errors[0] ||
	    n_errors[1] > j->n_errors[1]) {
		return false;
	}
	if (j->failing) {
		(void)matches(req, j->failing, &j->replay_arena, &fault);
		if (fault != j->fault) {
			return false;
		}
	}
	j->n_errors[0] = n_errors[0];
	j->n_errors[1] = n_errors[1];
	return true;
}

static enum err_code check(void *arg, struct str request, struct str entities, bool *ret,
			   struct err *err)
{
	struct job *j = arg;
	struct policy_request req;
	struct err why = {0};
	enum err_code code;

	arena_reset(&j->replay_arena);
	code = read_documents(j, &j->replay_arena, request, entities, &req, &why);
	if (code == ERR_NOMEM) {
		return nomem(err);
	}
	*ret = code == ERR_OK && is_as_good(j, &req);
	return ERR_OK;
}

static void refuse(struct job *j, const char *why)
{
	struct str about = j->m.action ? j->m.action->id : STR("");

	j->undecided++;
	if (!j->refused.p) {
		j->refused = arena_printf(j->a, "%s (action \"" STR_FMT "\")", why, STR_ARG(about));
	}
}

/* The world as documents in the caller's arena. */
static enum err_code write_world(struct job *j, struct str *request, struct str *entities,
				 struct err *err)
{
	struct buf req, ent;
	bool good;

	buf_init(&req, TEXT_MAX);
	buf_init(&ent, TEXT_MAX);
	good = prove_json(&j->w, &req, &ent);
	*request = arena_dup(j->a, buf_str(&req));
	*entities = arena_dup(j->a, buf_str(&ent));
	buf_done(&req);
	buf_done(&ent);
	return good && request->p && entities->p ? ERR_OK : nomem(err);
}

/* The first counterexample, if the engine agrees. */
static enum err_code is_confirmed(struct job *j, struct str request, struct str entities, bool *ret,
				  struct err *err)
{
	struct err why = {0};
	enum err_code code;
	bool good = false;

	arena_reset(&j->replay_arena);
	code = replay(j, request, entities, &good, &why);
	if (code == ERR_NOMEM) {
		return nomem(err);
	}
	*ret = code == ERR_OK && good;
	if (!*ret) {
		refuse(j, code ? why.msg : "a request was found that the engine does not confirm");
	}
	return ERR_OK;
}

/* Another one, which is smaller and in which no more policies fail. */
static enum err_code is_smaller(struct job *j, struct str request, struct str entities, bool *ret,
				struct err *err)
{
	uint64_t size;

	arena_reset(&j->replay_arena);
	*ret = false;
	if (!prove_size(&j->w, &j->replay_arena, request, entities, &size)) {
		return nomem(err);
	}
	if (size > j->w.budget) {
		return ERR_OK;
	}
	j->failing = NULL; /* which one fails is the goal's business */
	TRY(check(j, request, entities, ret, err));
	if (*ret) {
		TRY(is_confirmed(j, request, entities, ret, err));
	}
	return ERR_OK;
}

/* The world that was found becomes the answer when it is as small as it can be by itself. */
static enum err_code deliver(struct job *j, struct err *err)
{
	const struct policy *failing = j->failing;
	struct str request, entities;
	bool good;

	TRY(write_world(j, &request, &entities, err));
	TRY(j->found ? is_smaller(j, request, entities, &good, err)
		     : is_confirmed(j, request, entities, &good, err));
	if (!good) {
		j->failing = j->found ? failing : j->failing;
		return ERR_OK;
	}
	if (j->opts->shrink) {
		uint64_t size;

		TRY(prove_shrink(&j->w, check, j, &j->ret->minimal, err));
		TRY(write_world(j, &request, &entities, err));
		arena_reset(&j->replay_arena);
		if (!prove_size(&j->w, &j->replay_arena, request, entities, &size)) {
			return nomem(err);
		}
		j->w.budget = size > 0 ? size - 1 : 0;
		j->smallest = size == 0 || !j->ret->minimal;
	}
	j->found = true;
	j->ret->request = request;
	j->ret->entities = entities;
	if (j->failing) {
		j->ret->policy = j->failing->id;
	}
	return ERR_OK;
}

/* -- goals: conjunctions whose requests would break the claim -- */

static bool tick(void *arg, uint64_t steps)
{
	struct job *j = arg;

	return j->opts->progress(j->opts->progress_arg, steps, j->env, j->n_envs);
}

static void want(struct job *j, const struct policy *p, enum prove_want what)
{
	j->goal[j->n_goal++] = (struct prove_literal){p, what, 0};
}

static void begin_goal(struct job *j)
{
	j->n_goal = 0;
	if (j->inv->query) {
		want(j, j->inv->query, PROVE_SATISFIED);
	}
}

/* None of the policies with this effect is satisfied. */
static void want_none(struct job *j, const struct side *s, enum policy_effect effect)
{
	for (size_t i = 0; i < s->list.n; i++) {
		const struct policy *p = s->list.items[i];

		if (p->effect == effect && concerns(&j->m, p)) {
			want(j, p, PROVE_UNSATISFIED);
		}
	}
}

/* Is there nothing more to look for? */
static bool is_over(const struct job *j)
{
	return j->found && (!j->opts->shrink || j->smallest);
}

/* Of both sides all, so that which of them fail is known. */
static void want_whatever(struct job *j)
{
	const struct side *sides[2] = {&j->one, &j->two};

	for (size_t k = 0; k < 2; k++) {
		j->w.fails[k] = j->n_errors[k];
		for (size_t i = 0; i < sides[k]->list.n; i++) {
			const struct policy *p = sides[k]->list.items[i];

			if (concerns(&j->m, p)) {
				j->goal[j->n_goal++] = (struct prove_literal){p, PROVE_WHATEVER, k};
			}
		}
	}
}

/* Once there is one, looking for a smaller one may end without an answer. */
static enum err_code search(struct job *j, enum prove_from from, bool *ret_found, struct err *err)
{
	size_t n_goal = j->n_goal;
	uint64_t limit = j->limit;
	enum err_code code;

	if (j->found) {
		want_whatever(j);
	}
	if (j->found && limit > j->ret->steps && limit - j->ret->steps > PROVE_SMALLER_STEPS) {
		limit = j->ret->steps + PROVE_SMALLER_STEPS;
	}
	code = prove_search(&j->w, j->goal, j->n_goal, from, &j->ret->steps, limit,
			    j->opts->progress ? tick : NULL, j, ret_found, err);
	j->n_goal = n_goal;
	if (j->found && (code == ERR_LIMIT || j->m.why.p)) {
		j->smallest = true;
		j->ret->minimal = false;
		return ERR_OK;
	}
	return code;
}

static enum err_code try_goal(struct job *j, struct err *err)
{
	enum prove_from next = j->found ? PROVE_BEHIND_FOUND : PROVE_AT_FOUND;
	bool found = false;

	for (size_t i = 0; i < j->opts->n_never; i++) {
		if (is_about(j, &j->opts->never[i])) {
			want(j, j->opts->never[i].policy, PROVE_UNSATISFIED);
		}
	}
	TRY(search(j, PROVE_ANEW, &found, err));
	while (found) {
		TRY(deliver(j, err));
		found = false;
		if (j->found && !is_over(j)) {
			TRY(search(j, next, &found, err));
			next = PROVE_BEHIND_FOUND;
		}
	}
	return ERR_OK;
}

static bool is_done(const struct job *j)
{
	return is_over(j) || j->m.why.p;
}

static bool has_text(const struct side *s, const struct item *x)
{
	for (size_t i = 0; i < s->list.n; i++) {
		if (s->items[i].policy == x->policy || str_eq(s->items[i].text, x->text)) {
			return true;
		}
	}
	return false;
}

/* Something allowed. */
static enum err_code try_allow(struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->one.list.n && !is_done(j); i++) {
		const struct policy *p = j->one.list.items[i];

		if (p->effect == POLICY_PERMIT && concerns(&j->m, p)) {
			begin_goal(j);
			want(j, p, PROVE_SATISFIED);
			want_none(j, &j->one, POLICY_FORBID);
			TRY(try_goal(j, err));
		}
	}
	return ERR_OK;
}

/* Something denied: a forbid is satisfied, or no permit is. */
static enum err_code try_deny(struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->one.list.n && !is_done(j); i++) {
		const struct policy *p = j->one.list.items[i];

		if (p->effect == POLICY_FORBID && concerns(&j->m, p)) {
			begin_goal(j);
			want(j, p, PROVE_SATISFIED);
			TRY(try_goal(j, err));
		}
	}
	if (is_done(j)) {
		return ERR_OK;
	}
	begin_goal(j);
	want_none(j, &j->one, POLICY_PERMIT);
	return try_goal(j, err);
}

/*
 * Allowed by `a` through permit p, denied by `b`: through a forbid that `a` lacks, or
 * because no permit of `b` is satisfied. Policies that both have decide nothing.
 */
static enum err_code try_permit(struct job *j, const struct side *a, const struct side *b,
				const struct item *p, struct err *err)
{
	for (size_t i = 0; i < b->list.n && !is_done(j); i++) {
		const struct item *f = &b->items[i];

		if (f->policy->effect == POLICY_FORBID && concerns(&j->m, f->policy) &&
		    !has_text(a, f)) {
			begin_goal(j);
			want(j, p->policy, PROVE_SATISFIED);
			want(j, f->policy, PROVE_SATISFIED);
			want_none(j, a, POLICY_FORBID);
			TRY(try_goal(j, err));
		}
	}
	if (is_done(j) || has_text(b, p)) {
		return ERR_OK;
	}
	begin_goal(j);
	want(j, p->policy, PROVE_SATISFIED);
	want_none(j, b, POLICY_PERMIT);
	want_none(j, a, POLICY_FORBID);
	return try_goal(j, err);
}

static enum err_code try_more(struct job *j, const struct side *a, const struct side *b,
			      struct err *err)
{
	for (size_t i = 0; i < a->list.n && !is_done(j); i++) {
		const struct item *p = &a->items[i];

		if (p->policy->effect == POLICY_PERMIT && concerns(&j->m, p->policy)) {
			TRY(try_permit(j, a, b, p, err));
		}
	}
	return ERR_OK;
}

static enum err_code try_errors(struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->one.list.n && !is_done(j); i++) {
		if (concerns(&j->m, j->one.list.items[i])) {
			begin_goal(j);
			want(j, j->one.list.items[i], PROVE_FAILING);
			TRY(try_goal(j, err));
		}
	}
	return ERR_OK;
}

static enum err_code try_match(struct job *j, struct err *err)
{
	if (!concerns(&j->m, j->named)) {
		return ERR_OK;
	}
	begin_goal(j);
	want(j, j->named, PROVE_SATISFIED);
	return try_goal(j, err);
}

static enum err_code try_claim(struct job *j, struct err *err)
{
	switch (j->inv->claim) {
	case PROVE_ALWAYS_DENIES:
	case PROVE_REACHABLE:
		return try_allow(j, err);
	case PROVE_ALWAYS_ALLOWS:
		return try_deny(j, err);
	case PROVE_NEVER_ERRORS:
		return try_errors(j, err);
	case PROVE_IMPLIES:
		return try_more(j, &j->one, &j->two, err);
	case PROVE_EQUIVALENT:
	case PROVE_SHADOWED:
		TRY(try_more(j, &j->one, &j->two, err));
		return is_done(j) ? ERR_OK : try_more(j, &j->two, &j->one, err);
	case PROVE_NEVER_MATCHES:
		return try_match(j, err);
	case PROVE_NONE:
		break;
	}
	return ERR(err, ERR_INVALID, "no claim");
}

/* -- environments -- */

static bool shape_side(struct prove_model *m, const struct side *s)
{
	for (size_t i = 0; i < s->list.n; i++) {
		if (concerns(m, s->list.items[i]) && !prove_shape_policy(m, s->list.items[i])) {
			return false;
		}
	}
	return true;
}

static bool shape_facts(struct job *j)
{
	for (size_t i = 0; i < j->opts->n_never; i++) {
		const struct prove_never *never = &j->opts->never[i];

		if (is_about(j, never) && !prove_shape_policy(&j->m, never->policy)) {
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
	if ((j->inv->query && !concerns(&j->m, j->inv->query)) || !is_inhabited(j, principal) ||
	    !is_inhabited(j, resource)) {
		return ERR_OK;
	}
	j->ret->n_envs++;
	if (learn(j)) {
		code = try_claim(j, err);
	}
	if (!code && j->m.nomem) {
		return nomem(err);
	}
	if (j->m.why.p && j->found) {
		j->ret->minimal = false;
	} else if (j->m.why.p) {
		refuse(j, j->m.why.p);
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
			for (size_t n = 0;
			     n < action->n_resources && !is_over(j) && j->undecided < UNDECIDED_MAX;
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

			if (concerns(&m, query)) {
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
		return nomem(err);
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
