/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: parse, check, lower the schema, validate strictly, compile, plan. */
#include "policy/dw.h"

#include "policy/case.h"
#include "policy/data.h"
#include "policy/dw_parse.h"
#include "policy/schema_ast.h"
#include "policy/sort.h"
#include "policy/temporal_check.h"
#include "policy/temporal_plan.h"
#include "policy/temporal_scope.h"
#include "policy/validate.h"

struct loader {
	struct arena *a;
	struct arena *trees; /* of what only loading looks at */
	struct policy_diags *diags;
	struct dw_program *prog;
	struct dw_parsed parsed;
};

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "temporal policies: out of memory");
}

/* ---- polarity ---- */

static int find_attr(const void *pa, const void *pb)
{
	const struct temporal_leaf *const *a = pa, *const *b = pb;

	return str_cmp((*a)->attr, (*b)->attr);
}

struct polarity {
	struct temporal_leaf **sorted;
	size_t n;
};

static struct temporal_leaf *leaf_of(const struct polarity *p, const struct policy_expr *e)
{
	size_t lo = 0, hi = p->n;

	if (e->kind != POLICY_EXPR_GET || e->arg[0]->kind != POLICY_EXPR_VAR ||
	    e->arg[0]->var != POLICY_VAR_CONTEXT) {
		return NULL;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(p->sorted[mid]->attr, e->names[0]);

		if (c == 0) {
			return p->sorted[mid];
		}
		if (c < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return NULL;
}

/*
 * `safe` is the value of e that is safe to assume. A leaf that occurs with both
 * has none; 2 marks one that was not seen yet.
 */
static void mark(const struct polarity *p, const struct policy_expr *e, int safe)
{
	struct temporal_leaf *leaf = leaf_of(p, e);
	int inner = 0;

	if (leaf) {
		leaf->safe = leaf->safe == 2 || leaf->safe == safe ? safe : 0;
		return;
	}
	if (e->kind == POLICY_EXPR_AND || e->kind == POLICY_EXPR_OR) {
		inner = safe;
	} else if (e->kind == POLICY_EXPR_NOT) {
		inner = -safe;
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		mark(p, e->arg[i], e->kind == POLICY_EXPR_IF && i > 0 ? safe : inner);
	}
}

static enum err_code find_polarity(struct loader *l, struct err *err)
{
	struct polarity p = {.n = l->parsed.n_leaves};

	p.sorted = ARENA_ARRAY(l->trees, p.n, struct temporal_leaf *);
	if (!p.sorted) {
		return no_memory(err);
	}
	for (size_t i = 0; i < p.n; i++) {
		l->parsed.leaves[i].safe = 2;
		p.sorted[i] = &l->parsed.leaves[i];
	}
	policy_sort(p.sorted, p.n, sizeof(*p.sorted), find_attr);
	for (size_t i = 0; i < l->parsed.policies.n; i++) {
		const struct policy *pol = l->parsed.policies.items[i];

		for (size_t j = 0; j < pol->n_conds; j++) {
			int safe = pol->effect == POLICY_FORBID ? 1 : -1;

			mark(&p, pol->conds[j].body, pol->conds[j].unless ? -safe : safe);
		}
	}
	return ERR_OK;
}

static enum err_code check_calls(struct loader *l, struct err *err)
{
	for (size_t i = 0; i < l->parsed.n_calls; i++) {
		const struct dw_call *call = &l->parsed.calls[i];

		TRY(dw_call_check(l->prog->schema, l->parsed.policies.items[call->policy], call,
				  l->diags, err));
	}
	return ERR_OK;
}

/* ---- actions, and what each policy looks at ---- */

static size_t slot_of(const struct dw_program *prog, const struct policy_uid *action)
{
	size_t at = (size_t)action->hash & (prog->n_slots - 1);

	for (; prog->slots[at]; at = (at + 1) & (prog->n_slots - 1)) {
		const struct schema_action *a = &prog->schema->actions[prog->slots[at] - 1];

		if (str_eq(a->id, action->id) && str_eq(a->type->name, action->type)) {
			break;
		}
	}
	return at;
}

bool dw_action_known(const struct dw_program *prog, const struct policy_uid *action)
{
	return prog->slots[slot_of(prog, action)] != 0;
}

static enum err_code index_actions(struct loader *l, struct err *err)
{
	struct dw_program *prog = l->prog;

	prog->n_slots = 16;
	while (prog->n_slots < prog->schema->n_actions * 2) {
		prog->n_slots *= 2;
	}
	prog->slots = ARENA_ARRAY(l->a, prog->n_slots, uint32_t);
	if (!prog->slots) {
		return no_memory(err);
	}
	for (uint32_t i = 0; i < prog->schema->n_actions; i++) {
		const struct schema_action *a = &prog->schema->actions[i];
		struct policy_uid uid = policy_uid_make(a->type->name, a->id);

		prog->slots[slot_of(prog, &uid)] = i + 1;
	}
	return ERR_OK;
}

/* In which order the attributes stand in the context, so that a decision need not sort texts. */
static enum err_code rank_attrs(struct loader *l, struct err *err)
{
	size_t n = l->parsed.n_leaves + l->parsed.n_calls;
	struct policy_field *fields;
	struct policy_value all;
	struct arena scratch;
	bool good;

	arena_init(&scratch, SIZE_MAX / 2);
	fields = ARENA_ARRAY(&scratch, n, struct policy_field);
	for (size_t i = 0; fields && i < n; i++) {
		fields[i].key = i < l->parsed.n_leaves
					? l->parsed.leaves[i].attr
					: l->parsed.calls[i - l->parsed.n_leaves].attr;
		fields[i].value = policy_long((int64_t)i);
	}
	good = fields && policy_value_record(fields, n, &all);
	for (uint32_t rank = 0; good && rank < n; rank++) {
		size_t i = (size_t)fields[rank].value.i;

		if (i < l->parsed.n_leaves) {
			l->parsed.leaves[i].rank = rank;
		} else {
			l->parsed.calls[i - l->parsed.n_leaves].rank = rank;
		}
	}
	arena_done(&scratch);
	return good ? ERR_OK : no_memory(err);
}

static enum err_code index_rules(struct loader *l, struct err *err)
{
	struct dw_rule *rules = ARENA_ARRAY(l->a, l->parsed.policies.n, struct dw_rule);

	if (!rules) {
		return no_memory(err);
	}
	for (uint32_t i = 0; i < l->parsed.n_leaves; i++) {
		struct dw_rule *r = &rules[l->parsed.leaves[i].policy];

		r->leaf = r->n_leaves++ == 0 ? i : r->leaf;
	}
	for (uint32_t i = 0; i < l->parsed.n_calls; i++) {
		struct dw_rule *r = &rules[l->parsed.calls[i].policy];

		r->call = r->n_calls++ == 0 ? i : r->call;
	}
	l->prog->rules = rules;
	return rank_attrs(l, err);
}

/* The hierarchy of actions, for `action in`. */
static enum err_code make_store(struct loader *l, struct err *err)
{
	struct policy_entity *entities;
	struct policy_store *store;
	const struct json *none;
	size_t n;

	TRY(json_parse(l->a, STR("[]"), NULL, &none, err));
	TRY(policy_json_entities(l->a, none, l->prog->schema, &entities, &n, err));
	TRY(policy_store_build(l->a, entities, n, &store, err));
	l->prog->store = store;
	return ERR_OK;
}

/* ---- loading ---- */

static enum err_code name_policies(struct loader *l, size_t from, const struct policy_source *src,
				   struct err *err)
{
	for (size_t i = from; i < l->parsed.policies.n; i++) {
		struct policy *pol = l->parsed.policies.items[i];
		const struct policy_annotation *id = policy_annotation_find(pol, STR("id"));

		pol->id = id && id->value.n > 0 ? id->value
						: arena_printf(l->trees, STR_FMT ":policy%zu",
							       STR_ARG(src->name), i - from);
		if (!pol->id.p) {
			return no_memory(err);
		}
	}
	return ERR_OK;
}

static enum err_code parse_one(struct loader *l, const struct dw_texts *t, size_t i,
			       const struct dw_macros *macros, struct err *err)
{
	const struct policy_source *src = &t->policies[i];
	size_t before = l->parsed.policies.n;

	if (t->cedar && t->cedar[i]) {
		return policy_case_policies(l->trees, src, t->ids, &l->parsed.policies, l->diags,
					    err);
	}
	TRY(dw_parse(l->trees, src, macros, l->prog->providers, &l->parsed, l->diags, err));
	return t->ids == POLICY_ID_ANNOTATION ? name_policies(l, before, src, err) : ERR_OK;
}

static enum err_code parse_all(struct loader *l, const struct dw_texts *t, struct err *err)
{
	const struct dw_provider_opts opts = {t->scripts, t->n_scripts, t->natives, t->n_natives};
	struct dw_macros macros;

	if (t->schema) {
		TRY(schema_load(l->a, t->schema, &l->prog->schema, l->diags, err));
		TRY(dw_events_load(l->a, t->events, l->prog->schema, &l->prog->events, l->diags,
				   err));
	}
	if (t->schema && t->providers) {
		TRY(dw_providers_load(l->a, t->providers, l->prog->schema, &opts,
				      &l->prog->providers, err));
	}
	TRY(dw_parse_macros(l->trees, t->macros, &macros, l->diags, err));
	for (size_t i = 0; i < t->n_policies; i++) {
		TRY(parse_one(l, t, i, &macros, err));
	}
	return ERR_OK;
}

/* Without a schema nothing is known about events, nor about what a provider is given. */
static enum err_code refuse_without_schema(struct loader *l, struct err *err)
{
	const struct temporal_leaf *leaf = l->parsed.leaves;
	const struct dw_call *call = l->parsed.calls;

	if (l->parsed.n_leaves > 0) {
		policy_diag_error(l->diags, leaf->source, leaf->span,
				  "a temporal condition needs a schema: it says which events there "
				  "are and what they hold");
	} else if (l->parsed.n_calls > 0) {
		policy_diag_error(l->diags, call->source, call->span,
				  "a call of a provider needs a schema: it says what there is to "
				  "give to it");
	} else {
		return ERR_OK;
	}
	return policy_diags_err(l->diags, ERR_INVALID, err);
}

static enum err_code refuse_past(struct loader *l, struct err *err)
{
	for (size_t i = 0; i < l->parsed.n_leaves; i++) {
		policy_diag_error(
			l->diags, l->parsed.leaves[i].source, l->parsed.leaves[i].span,
			"this condition asks what happened before, which one request does "
			"not say");
		policy_diag_help(l->diags, "writ policy replay decides over a trace of events");
	}
	for (size_t i = 0; i < l->parsed.n_calls; i++) {
		policy_diag_error(l->diags, l->parsed.calls[i].source, l->parsed.calls[i].span,
				  "a provider is called, and none is known here");
		policy_diag_help(l->diags, "writ policy replay knows those of --providers");
	}
	return l->parsed.n_leaves + l->parsed.n_calls > 0
		       ? policy_diags_err(l->diags, ERR_UNSUPPORTED, err)
		       : ERR_OK;
}

static enum err_code check_leaves(struct loader *l, struct err *err)
{
	struct err first = {0};
	enum err_code code = ERR_OK;

	for (size_t i = 0; i < l->parsed.n_leaves; i++) {
		struct temporal_leaf *leaf = &l->parsed.leaves[i];
		struct err e = {0};
		enum err_code one =
			temporal_check(l->trees, l->prog->schema, l->prog->events,
				       l->parsed.policies.items[leaf->policy], leaf, l->diags, &e);

		if (one == ERR_NOMEM) {
			return no_memory(err);
		}
		if (one && !code) {
			code = one;
			first = e;
		}
	}
	if (code && err) {
		*err = first;
	}
	return code;
}

/* Policies times actions: the lowered schema is large, and only needed here. */
static enum err_code validate_lowered(struct loader *l, struct err *err)
{
	const struct schema *lowered;
	struct arena scratch;
	enum err_code code;

	arena_init(&scratch, l->a->limit);
	code = dw_lower(&scratch, l->prog, l->diags, &lowered, err);
	if (!code) {
		code = validate_policies(lowered, &l->parsed.policies, l->diags, err);
	}
	arena_done(&scratch);
	if (!code && l->diags->n_errors > 0) {
		code = policy_diags_err(l->diags, ERR_INVALID, err);
	}
	return code;
}

/* Reference order: Cedar first, then temporal conditions, then providers. */
static enum err_code fit_to_schema(struct loader *l, struct err *err)
{
	TRY(validate_lowered(l, err));
	TRY(check_leaves(l, err));
	TRY(check_calls(l, err));
	TRY(find_polarity(l, err));
	TRY(index_actions(l, err));
	TRY(index_rules(l, err));
	return make_store(l, err);
}

static enum err_code load(struct loader *l, const struct dw_texts *t, struct err *err)
{
	const struct policy_set_opts opts = {.ids = t->ids,
					     .strict_annotations = t->strict_annotations,
					     .check = t->check,
					     .check_arg = t->check_arg,
					     .drop_trees = t->decide_only};

	TRY(parse_all(l, t, err));
	l->prog->policies = l->parsed.policies;
	l->prog->leaves = l->parsed.leaves;
	l->prog->n_leaves = l->parsed.n_leaves;
	l->prog->calls = l->parsed.calls;
	l->prog->n_calls = l->parsed.n_calls;
	if (t->no_past) {
		TRY(refuse_past(l, err));
	}
	if (t->schema) {
		TRY(fit_to_schema(l, err));
	} else {
		TRY(refuse_without_schema(l, err));
	}
	return policy_set_build(l->a, &l->parsed.policies, &opts, l->diags, &l->prog->set, err);
}

/* What decisions need of leaves and calls, which stand in an array that has grown. */
static bool keep_leaves(struct loader *l)
{
	struct dw_program *prog = l->prog;
	struct temporal_leaf *leaves = ARENA_ARRAY(l->a, prog->n_leaves, struct temporal_leaf);
	struct dw_call *calls = ARENA_ARRAY(l->a, prog->n_calls, struct dw_call);

	for (size_t i = 0; leaves && i < prog->n_leaves; i++) {
		leaves[i] = prog->leaves[i];
		leaves[i].expr = NULL;
		leaves[i].source = NULL;
		leaves[i].attr = arena_dup(l->a, leaves[i].attr);
	}
	for (size_t i = 0; calls && i < prog->n_calls; i++) {
		calls[i] = prog->calls[i];
	}
	prog->leaves = leaves;
	prog->calls = calls;
	return leaves && calls && !l->a->exhausted;
}

/* Trees are many times as large as what is made of them. */
static enum err_code load_to_decide(struct loader *l, const struct dw_texts *t, struct err *err)
{
	TRY(load(l, t, err));
	if (l->prog->n_leaves > 0) {
		TRY(temporal_plan_make(l->a, l->prog, false, &l->prog->plan, err));
	}
	l->prog->policies = (struct policy_list){0};
	return keep_leaves(l) ? ERR_OK : no_memory(err);
}

enum err_code dw_load(struct arena *a, const struct dw_texts *texts, struct policy_diags *diags,
		      const struct dw_program **ret, struct err *err)
{
	struct loader l = {.a = a, .trees = a, .diags = diags};
	struct arena trees;
	enum err_code code;

	l.prog = ARENA_NEW(a, struct dw_program);
	l.parsed.calls_in = a;
	if (!l.prog) {
		return no_memory(err);
	}
	if (texts->decide_only) {
		arena_init(&trees, a->limit);
		l.trees = &trees;
		code = load_to_decide(&l, texts, err);
		if (code) {
			policy_diags_keep(diags);
		}
		arena_done(&trees);
	} else {
		code = load(&l, texts, err);
	}
	if (!code) {
		*ret = l.prog;
	}
	return code;
}
