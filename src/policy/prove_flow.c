/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Breadth first over classes of states. For a class and a rule the prover is asked for an
 * allowed request of the rule that leads to a class not met before, until there is none;
 * then, for every class, for a request of the claim. A path of classes is walked
 * again with values, so that what is shown fits together.
 */
#include "policy/prove_flow_priv.h"

#include "policy/case.h"
#include "policy/diag.h"
#include "policy/print.h"

#define CONDITION_MAX ((size_t)32 << 20)
#define SCRATCH_MAX   ((size_t)2 << 30)

struct node {
	struct flow_state state;
	uint32_t parent, move; /* of the first node: UINT32_MAX */
};

/* Rules that apply to one request, as one: rules of other places, and what is of all of them. */
struct move {
	struct flow_rule rule;
	uint64_t members; /* a bit for each rule of the flow */
};

struct search {
	struct arena *a;
	struct arena scratch; /* of one question */
	struct prove_flow flow;
	const struct policy_list *policies;
	const struct prove_invariant *inv;
	const struct prove_opts *opts;
	struct prove_flow_result *ret;
	struct node *nodes;
	size_t n, cap;
	struct move *moves;
	size_t n_moves, cap_moves;
	struct str refused; /* unsupported, with the reason */
	struct err *err;
};

static enum err_code no_memory(struct search *x)
{
	return ERR(x->err, ERR_NOMEM, "out of memory");
}

/* The policy with one more condition, in the arena. */
static enum err_code narrow(struct search *x, struct arena *a, const struct policy *p,
			    const struct buf *more, const struct policy **ret)
{
	struct policy_source *src = ARENA_NEW(a, struct policy_source);
	struct policy *q = ARENA_NEW(a, struct policy);
	struct policy_cond *conds = ARENA_ARRAY(a, p->n_conds + 1, struct policy_cond);
	struct policy_list list = {0};
	struct policy_diags diags;

	if (!src || !q || !conds || more->failed) {
		return no_memory(x);
	}
	*src = (struct policy_source){
		STR("<flow>"),
		arena_printf(a, "permit(principal, action, resource) when {" STR_FMT "};",
			     STR_ARG(buf_str(more)))};
	if (!src->text.p) {
		return no_memory(x);
	}
	policy_diags_init(&diags, a);
	TRY(policy_parse(a, src, POLICY_ID_ORDER, &list, &diags, x->err));
	for (size_t i = 0; i < p->n_conds; i++) {
		conds[i] = p->conds[i];
	}
	conds[p->n_conds] = list.items[0]->conds[0];
	*q = *p;
	q->conds = conds;
	q->n_conds = p->n_conds + 1;
	q->n_annotations = 0;
	q->effect = POLICY_PERMIT;
	*ret = q;
	return ERR_OK;
}

/* Some request of the query that is allowed, or with `any` just some request. */
static enum err_code ask(struct search *x, const struct policy *query, const struct buf *more,
			 bool any, bool *found, struct prove_result *ret)
{
	struct prove_invariant inv = {.claim = PROVE_REACHABLE};
	struct prove_opts opts = *x->opts;
	struct policy_list one = {0};
	const struct policy *q;

	opts.any_names = true; /* not every action has the places */
	opts.shrink = false;   /* most of what is found only shows that it can be */

	TRY(narrow(x, &x->scratch, query, more, &q));
	inv.query = q;
	if (any) {
		one.items = ARENA_ARRAY(&x->scratch, 1, struct policy *);
		if (!one.items) {
			return no_memory(x);
		}
		memcpy(&one.items[0], &q, sizeof(q));
		one.n = one.cap = 1;
	}
	TRY(prove(&x->scratch, any ? &one : x->policies, &inv, &opts, ret, x->err));
	x->ret->last.steps += ret->steps;
	x->ret->last.n_envs += ret->n_envs;
	*found = ret->verdict == PROVE_HOLDS;
	if (ret->verdict == PROVE_UNSUPPORTED && !x->refused.p) {
		x->refused = arena_dup(x->a, ret->reason);
	}
	return ERR_OK;
}

/* The request that was found, ready for evaluation. */
static enum err_code read_found(struct search *x, const struct prove_result *r,
				struct policy_env *env)
{
	const struct policy_source req_src = {STR("request"), r->request};
	const struct policy_source ent_src = {STR("entities"), r->entities};
	struct policy_case c = {.schema = x->opts->schema};
	struct policy_entity *items;
	struct policy_store *store;
	struct policy_request req;
	const struct json *doc;
	size_t n;

	TRY(policy_case_json(&x->scratch, &ent_src, &doc, x->err));
	TRY(policy_json_entities(&x->scratch, doc, c.schema, &items, &n, x->err));
	TRY(policy_store_build(&x->scratch, items, n, &store, x->err));
	c.store = store;
	TRY(policy_case_json(&x->scratch, &req_src, &doc, x->err));
	TRY(policy_case_request(&x->scratch, &c, doc, false, &req, x->err));
	*env = (struct policy_env){.principal = req.principal,
				   .action = req.action,
				   .resource = req.resource,
				   .context = req.context,
				   .store = store,
				   .scratch = &x->scratch};
	policy_env_prepare(env);
	return ERR_OK;
}

/* NONE when it is not there. */
static struct policy_value value_at(const struct policy_env *env, const struct flow_path *path)
{
	struct policy_value v = {0};

	if (!path->expr || policy_eval(env, path->expr, &v).code) {
		return (struct policy_value){0};
	}
	return v;
}

static bool same_state(const struct search *x, const struct flow_state *a,
		       const struct flow_state *b)
{
	for (uint32_t i = 0; i < x->flow.n_places; i++) {
		if (a->v[i] != b->v[i]) {
			return false;
		}
	}
	return true;
}

static enum err_code add_node(struct search *x, const struct flow_state *s, uint32_t parent,
			      uint32_t move)
{
	if (x->n == PROVE_FLOW_STATES) {
		return ERR(x->err, ERR_LIMIT, "more than %u classes of labels can come about",
			   PROVE_FLOW_STATES);
	}
	for (size_t i = 0; i < x->n; i++) {
		if (same_state(x, &x->nodes[i].state, s)) {
			return ERR(x->err, ERR_INVALID, "a class of labels came about twice");
		}
	}
	if (!ARENA_GROW(x->a, &x->nodes, x->n, &x->cap)) {
		return no_memory(x);
	}
	x->nodes[x->n++] = (struct node){*s, parent, move};
	return ERR_OK;
}

static void put_state(struct search *x, struct buf *to, const struct flow_state *s)
{
	buf_append(to, STR("true"));
	for (uint32_t i = 0; i < x->flow.n_places; i++) {
		buf_append(to, STR(" && "));
		flow_put_place(to, &x->flow.places[i], s->v[i]);
	}
}

/* -- where it begins -- */

static void put_present(const struct search *x, struct buf *to)
{
	buf_append(to, STR("true"));
	for (uint32_t i = 0; i < x->flow.n_places; i++) {
		buf_printf(to, " && " STR_FMT, STR_ARG(x->flow.places[i].path.guard));
	}
}

static struct policy_value least(const struct flow_place *p)
{
	return p->type->kind == TYPE_SET    ? policy_value_set(NULL, 0)
	       : p->type->kind == TYPE_LONG ? policy_long(0)
					    : policy_bool(false);
}

static enum err_code begin_least(struct search *x)
{
	struct flow_state s = {0};

	for (uint32_t i = 0; i < x->flow.n_places; i++) {
		s.v[i] = flow_class(&x->flow.places[i], least(&x->flow.places[i]));
	}
	return add_node(x, &s, UINT32_MAX, UINT32_MAX);
}

static enum err_code begin(struct search *x)
{
	if (!x->flow.start) {
		return begin_least(x);
	}
	for (;;) {
		struct flow_state s = {0};
		struct prove_result r;
		struct policy_env env;
		struct buf more;
		enum err_code code;
		bool found;

		arena_reset(&x->scratch);
		buf_init(&more, CONDITION_MAX);
		put_present(x, &more);
		for (size_t i = 0; i < x->n; i++) {
			buf_append(&more, STR(" && !("));
			put_state(x, &more, &x->nodes[i].state);
			buf_append_c(&more, ')');
		}
		code = ask(x, x->flow.start, &more, true, &found, &r);
		buf_done(&more);
		TRY(code);
		if (!found) {
			break;
		}
		TRY(read_found(x, &r, &env));
		for (uint32_t i = 0; i < x->flow.n_places; i++) {
			s.v[i] = flow_class(&x->flow.places[i],
					    value_at(&env, &x->flow.places[i].path));
		}
		TRY(add_node(x, &s, UINT32_MAX, UINT32_MAX));
	}
	if (x->n == 0 && !x->refused.p) {
		return ERR(x->err, ERR_INVALID,
			   "no action's context has all the places of the flow as @start says");
	}
	return ERR_OK;
}

/* -- which rules apply together -- */

static void put_part(struct buf *to, const char *name, const struct policy_scope *s)
{
	if (s->op == POLICY_SCOPE_ANY) {
		return;
	}
	buf_printf(to, " && %s", name);
	if (s->op == POLICY_SCOPE_IS || s->op == POLICY_SCOPE_IS_IN) {
		buf_printf(to, " is " STR_FMT, STR_ARG(s->type));
	}
	if (s->op == POLICY_SCOPE_IS) {
		return;
	}
	buf_append(to, s->op == POLICY_SCOPE_EQ ? STR(" == ") : STR(" in ["));
	for (size_t i = 0; i < s->n_uids; i++) {
		buf_append(to, i > 0 ? STR(", ") : STR(""));
		policy_uid_write(to, &s->uids[i]);
	}
	buf_append(to, s->op == POLICY_SCOPE_EQ ? STR("") : STR("]"));
}

/* The request is of the policy. */
static void put_matches(struct buf *to, const struct policy *p)
{
	buf_append(to, STR("true"));
	put_part(to, "principal", &p->principal);
	put_part(to, "action", &p->action);
	put_part(to, "resource", &p->resource);
	for (size_t i = 0; i < p->n_conds; i++) {
		buf_append(to, p->conds[i].unless ? STR(" && !(") : STR(" && ("));
		policy_expr_print(to, p->conds[i].body);
		buf_append_c(to, ')');
	}
}

static bool share_place(const struct flow_rule *a, const struct flow_rule *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		for (uint32_t k = 0; k < b->n; k++) {
			if (a->effects[i].place == b->effects[k].place) {
				return true;
			}
		}
	}
	return false;
}

/* One more rule beside those of a move, when some request is of all of them. */
static enum err_code widen(struct search *x, const struct move *m, uint32_t with)
{
	const struct flow_rule *more = &x->flow.rules[with];
	struct move wide = *m;
	struct prove_result r;
	struct buf matches;
	enum err_code code;
	bool found = false;

	arena_reset(&x->scratch);
	buf_init(&matches, CONDITION_MAX);
	put_matches(&matches, more->policy);
	code = ask(x, m->rule.policy, &matches, true, &found, &r);
	if (!code && found) {
		code = narrow(x, x->a, m->rule.policy, &matches, &wide.rule.policy);
	}
	buf_done(&matches);
	TRY(code);
	if (!found) {
		return ERR_OK;
	}
	if (share_place(&m->rule, more)) {
		x->refused = STR("two rules of the flow change one place in the same request; keep "
				 "them apart by their conditions");
		return ERR_OK;
	}
	if (x->n_moves == PROVE_FLOW_MOVES) {
		return ERR(x->err, ERR_LIMIT, "more than %u ways in which rules apply together",
			   PROVE_FLOW_MOVES);
	}
	for (uint32_t i = 0; i < more->n; i++) {
		wide.rule.effects[wide.rule.n++] = more->effects[i];
	}
	wide.members |= UINT64_C(1) << with;
	if (!ARENA_GROW(x->a, &x->moves, x->n_moves, &x->cap_moves)) {
		return no_memory(x);
	}
	x->moves[x->n_moves++] = wide;
	return ERR_OK;
}

/* Every rule by itself, and all that may apply to one request at once. */
static enum err_code find_moves(struct search *x)
{
	for (uint32_t i = 0; i < x->flow.n_rules; i++) {
		if (!ARENA_GROW(x->a, &x->moves, x->n_moves, &x->cap_moves)) {
			return no_memory(x);
		}
		x->moves[x->n_moves++] = (struct move){x->flow.rules[i], UINT64_C(1) << i};
	}
	for (size_t i = 0; i < x->n_moves && !x->refused.p; i++) {
		uint32_t next = 64u - (uint32_t)__builtin_clzll(x->moves[i].members);

		for (uint32_t k = next; k < x->flow.n_rules && !x->refused.p; k++) {
			const struct move m = x->moves[i];

			TRY(widen(x, &m, k));
		}
	}
	return ERR_OK;
}

/* -- where it leads -- */

/* The rule leads from a class to another. False when it cannot. */
static bool put_step(struct search *x, struct buf *to, const struct flow_rule *rule,
		     const struct flow_state *from, const struct flow_state *into)
{
	bool touched[PROVE_FLOW_PLACES] = {false};

	buf_append(to, STR("true"));
	for (uint32_t i = 0; i < rule->n; i++) {
		const struct flow_effect *e = &rule->effects[i];

		touched[e->place] = true;
		buf_append(to, STR(" && "));
		flow_put_effect(to, &x->flow.places[e->place], e, from->v[e->place],
				into->v[e->place]);
	}
	for (uint32_t i = 0; i < x->flow.n_places; i++) {
		if (!touched[i] && from->v[i] != into->v[i]) {
			return false;
		}
	}
	return true;
}

static void put_exclusions(struct search *x, struct buf *to, const struct flow_rule *rule,
			   const struct flow_state *from)
{
	for (size_t i = 0; i < x->n; i++) {
		struct buf one;

		buf_init(&one, CONDITION_MAX);
		if (put_step(x, &one, rule, from, &x->nodes[i].state)) {
			buf_printf(to, " && !(" STR_FMT ")", STR_ARG(buf_str(&one)));
		}
		to->failed |= one.failed;
		buf_done(&one);
	}
}

static enum err_code follow(struct search *x, uint32_t at, uint32_t move)
{
	const struct flow_rule *rule = &x->moves[move].rule;

	for (;;) {
		struct flow_state from = x->nodes[at].state, into = from;
		struct prove_result r;
		struct policy_env env;
		struct buf more;
		enum err_code code;
		bool found;

		arena_reset(&x->scratch);
		buf_init(&more, CONDITION_MAX);
		put_state(x, &more, &from);
		put_exclusions(x, &more, rule, &from);
		code = ask(x, rule->policy, &more, false, &found, &r);
		buf_done(&more);
		TRY(code);
		if (!found) {
			return ERR_OK;
		}
		TRY(read_found(x, &r, &env));
		for (uint32_t i = 0; i < rule->n; i++) {
			const struct flow_effect *e = &rule->effects[i];

			into.v[e->place] = flow_apply(&x->flow.places[e->place], e,
						      from.v[e->place], value_at(&env, &e->source));
		}
		TRY(add_node(x, &into, at, move));
	}
}

/* -- what is shown -- */

/* The labels after a request, by every rule that it is of. */
static bool apply_all(struct search *x, const struct policy_env *env, struct policy_value *labels)
{
	for (uint32_t i = 0; i < x->flow.n_rules; i++) {
		const struct flow_rule *rule = &x->flow.rules[i];
		bool is = false;

		if (policy_eval_policy(env, rule->policy, &is).code || !is) {
			continue;
		}
		for (uint32_t k = 0; k < rule->n; k++) {
			const struct flow_effect *e = &rule->effects[k];

			labels[e->place] =
				policy_value_dup(x->a, flow_join(&x->scratch, e, labels[e->place],
								 value_at(env, &e->source)));
			if (labels[e->place].kind == POLICY_NONE) {
				return false;
			}
		}
	}
	return true;
}

static enum err_code keep(struct search *x, const struct prove_result *r, struct prove_step *ret)
{
	ret->request = arena_dup(x->a, r->request);
	ret->entities = arena_dup(x->a, r->entities);
	return ret->request.p && ret->entities.p ? ERR_OK : no_memory(x);
}

/* One request that begins with the labels and is of the query; `more` may say where it leads. */
static enum err_code one_step(struct search *x, const struct policy *query,
			      const struct policy_value *labels, struct buf *more,
			      struct prove_step *ret, struct policy_env *env, bool *found)
{
	struct prove_result r;

	for (uint32_t i = 0; i < x->flow.n_places; i++) {
		buf_append(more, STR(" && "));
		flow_put_value(more, &x->flow.places[i], labels[i]);
	}
	TRY(ask(x, query, more, false, found, &r));
	if (!*found) {
		return ERR_OK;
	}
	TRY(keep(x, &r, ret));
	return read_found(x, &r, env);
}

/* Values for the labels of the first class. */
static enum err_code first_labels(struct search *x, const struct flow_state *s,
				  struct policy_value *labels, bool *found)
{
	struct prove_result r;
	struct policy_env env;
	struct buf more;
	enum err_code code;

	*found = true;
	for (uint32_t i = 0; i < x->flow.n_places; i++) {
		labels[i] = least(&x->flow.places[i]);
	}
	if (!x->flow.start) {
		return ERR_OK;
	}
	arena_reset(&x->scratch);
	buf_init(&more, CONDITION_MAX);
	put_present(x, &more);
	buf_append(&more, STR(" && "));
	put_state(x, &more, s);
	code = ask(x, x->flow.start, &more, true, found, &r);
	buf_done(&more);
	TRY(code);
	if (!*found) {
		return ERR_OK;
	}
	TRY(read_found(x, &r, &env));
	for (uint32_t i = 0; i < x->flow.n_places; i++) {
		labels[i] = policy_value_dup(x->a, value_at(&env, &x->flow.places[i].path));
	}
	return ERR_OK;
}

static enum err_code walk(struct search *x, const uint32_t *path, size_t n, bool *ret_fits)
{
	struct policy_value labels[PROVE_FLOW_PLACES];
	struct policy_env env;
	struct buf more;
	enum err_code code = ERR_OK;
	bool found;

	x->ret->steps = ARENA_ARRAY(x->a, n + 1, struct prove_step);
	if (!x->ret->steps) {
		return no_memory(x);
	}
	TRY(first_labels(x, &x->nodes[path[0]].state, labels, &found));
	for (size_t i = 0; i < n && found && !code; i++) {
		bool last = i + 1 == n;
		const struct node *to = last ? NULL : &x->nodes[path[i + 1]];
		const struct policy *query = last ? x->inv->query : x->moves[to->move].rule.policy;

		arena_reset(&x->scratch);
		buf_init(&more, CONDITION_MAX);
		if (last || !put_step(x, &more, &x->moves[to->move].rule, &x->nodes[path[i]].state,
				      &to->state)) {
			buf_clear(&more);
			buf_append(&more, STR("true"));
		}
		code = one_step(x, query, labels, &more, &x->ret->steps[i], &env, &found);
		buf_done(&more);
		if (!code && found && !last && !apply_all(x, &env, labels)) {
			code = no_memory(x);
		}
	}
	*ret_fits = found;
	return code;
}

/* The way to the class that was met last of all, and the claim's request there. */
static enum err_code show(struct search *x, uint32_t at)
{
	uint32_t path[PROVE_FLOW_STATES];
	struct prove_flow_result *ret = x->ret;
	size_t n = 0;
	bool fits = false;

	for (uint32_t i = at; i != UINT32_MAX; i = x->nodes[i].parent) {
		path[n++] = i;
	}
	for (size_t i = 0; i < n / 2; i++) {
		uint32_t keep_it = path[i];

		path[i] = path[n - 1 - i];
		path[n - 1 - i] = keep_it;
	}
	TRY(walk(x, path, n, &fits));
	if (!fits) {
		x->refused = x->refused.p ? x->refused
					  : STR("a way was found whose steps do not fit together");
		return ERR_OK;
	}
	ret->n_steps = n - 1;
	ret->last.request = ret->steps[n - 1].request;
	ret->last.entities = ret->steps[n - 1].entities;
	return ERR_OK;
}

static enum err_code explore(struct search *x, bool *ret_found)
{
	*ret_found = false;
	TRY(begin(x));
	for (uint32_t at = 0; at < x->n && !x->refused.p; at++) {
		struct prove_result r;
		struct buf more;
		enum err_code code;

		arena_reset(&x->scratch);
		buf_init(&more, CONDITION_MAX);
		put_state(x, &more, &x->nodes[at].state);
		code = ask(x, x->inv->query, &more, false, ret_found, &r);
		buf_done(&more);
		TRY(code);
		if (*ret_found) {
			return show(x, at);
		}
		for (uint32_t i = 0; i < x->n_moves && !x->refused.p; i++) {
			TRY(follow(x, at, i));
		}
	}
	return ERR_OK;
}

static enum err_code learn(struct search *x)
{
	bool ok = flow_learn(x->a, &x->flow, x->inv->query);

	for (size_t i = 0; ok && i < x->policies->n; i++) {
		ok = flow_learn(x->a, &x->flow, x->policies->items[i]);
	}
	return ok ? ERR_OK : no_memory(x);
}

enum err_code prove_flow(struct arena *a, const struct policy_list *policies,
			 const struct prove_invariant *inv, const struct prove_flow *flow,
			 const struct prove_opts *opts, struct prove_flow_result *ret,
			 struct err *err)
{
	struct prove_flow_result result = {0};
	bool reach = inv->claim == PROVE_REACHABLE, found = false;
	struct search x = {.a = a,
			   .flow = *flow,
			   .policies = policies,
			   .inv = inv,
			   .opts = opts,
			   .ret = &result,
			   .err = err};
	enum err_code code;

	if ((!reach && inv->claim != PROVE_ALWAYS_DENIES) || !inv->query) {
		return ERR(err, ERR_UNSUPPORTED,
			   "with a flow the claims are reachable and unreachable, of a query");
	}
	TRY(prove_query_names(a, opts->schema, inv->query, err));
	for (uint32_t i = 0; i < x.flow.n_places; i++) {
		x.flow.places[i].cap = x.flow.places[i].n; /* the flow's own stay as they are */
	}
	arena_init(&x.scratch, SCRATCH_MAX);
	code = learn(&x);
	code = code ? code : find_moves(&x);
	code = code ? code : explore(&x, &found);
	arena_done(&x.scratch);
	if (code) {
		return code;
	}
	result.n_states = x.n;
	if (x.refused.p) {
		result.last.verdict = PROVE_UNSUPPORTED;
		result.last.reason = x.refused;
	} else {
		result.last.verdict = found == reach ? PROVE_HOLDS : PROVE_BROKEN;
	}
	*ret = result;
	return ERR_OK;
}
