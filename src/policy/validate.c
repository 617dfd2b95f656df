/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/validate.h"

#include "policy/validate_priv.h"

#include <stdarg.h>
#include <stdio.h>

struct validator {
	const struct schema *s;
	const struct policy *p;
	struct policy_diags *diags;
	size_t n_envs; /* that the scope admits */
	bool possible; /* in one of them the policy may be true */
	struct typecheck tc;
	struct validate_uses uses;
	struct arena scratch;
	size_t n_errors;
};

static void problem(struct validator *v, struct policy_span span, const char *fmt, ...)
	PRINTF(3, 4);

static void problem(struct validator *v, struct policy_span span, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	size_t n = v->diags->n;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	v->n_errors++;
	policy_diag_error(v->diags, v->p->source, span, "%s", text);
	if (v->diags->n > n) {
		v->diags->items[n].policy = v->p->id;
	}
}

static void check_type_name(struct validator *v, struct str name, struct policy_span span)
{
	struct str near;

	if (schema_entity_find(v->s, name)) {
		return;
	}
	problem(v, span, "the schema declares no entity type `" STR_FMT "`", STR_ARG(name));
	near = schema_near_entity(v->s, name);
	if (near.n > 0) {
		policy_diag_help(v->diags, "did you mean `" STR_FMT "`?", STR_ARG(near));
	}
}

static void check_action_name(struct validator *v, const struct policy_uid *uid,
			      struct policy_span span)
{
	struct str near;

	if (schema_action_find(v->s, uid->type, uid->id)) {
		return;
	}
	problem(v, span, "the schema declares no action `" STR_FMT "::\"" STR_FMT "\"`",
		STR_ARG(uid->type), STR_ARG(uid->id));
	near = schema_near_action(v->s, uid->id);
	if (near.n > 0) {
		policy_diag_help(v->diags, "did you mean `\"" STR_FMT "\"`?", STR_ARG(near));
	}
}

static void check_uid(struct validator *v, const struct policy_uid *uid, struct policy_span span)
{
	const struct schema_entity *e = schema_entity_find(v->s, uid->type);

	if (str_eq(policy_type_basename(uid->type), STR("Action"))) {
		check_action_name(v, uid, span);
	} else if (!e) {
		check_type_name(v, uid->type, span);
	} else if (!schema_entity_id_ok(e, uid->id)) {
		problem(v, span, "`\"" STR_FMT "\"` is not one of the ids of `" STR_FMT "`",
			STR_ARG(uid->id), STR_ARG(uid->type));
		policy_diag_suggest(v->diags, uid->id, e->ids, e->n_ids);
	}
}

/* Everything that is named, also where the type checker does not look. */
static void check_names(struct validator *v, const struct policy_expr *e)
{
	if (e->kind == POLICY_EXPR_LIT && e->lit.kind == POLICY_ENTITY) {
		check_uid(v, e->lit.uid, e->span);
	} else if (e->kind == POLICY_EXPR_IS) {
		check_type_name(v, e->names[0], e->name_spans ? e->name_spans[0] : e->span);
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		check_names(v, e->arg[i]);
	}
}

static void check_scope_names(struct validator *v, const struct policy_scope *scope)
{
	if (scope->op == POLICY_SCOPE_IS || scope->op == POLICY_SCOPE_IS_IN) {
		check_type_name(v, scope->type, scope->type_span);
	}
	for (size_t i = 0; i < scope->n_uids && !scope->slot; i++) {
		check_uid(v, &scope->uids[i], scope->uid_spans ? scope->uid_spans[i] : scope->span);
	}
}

/* May an entity of type `e` be equal to, or in, what the scope names? */
static bool scope_admits(const struct schema *s, const struct policy_scope *scope,
			 const struct schema_entity *e)
{
	const struct schema_entity *of;

	if ((scope->op == POLICY_SCOPE_IS || scope->op == POLICY_SCOPE_IS_IN) &&
	    !str_eq(scope->type, e->name)) {
		return false;
	}
	if (scope->op == POLICY_SCOPE_ANY || scope->op == POLICY_SCOPE_IS || scope->slot) {
		return true;
	}
	of = schema_entity_find(s, scope->uids[0].type);
	return of == e || (of && scope->op != POLICY_SCOPE_EQ && schema_entity_may_be_in(e, of));
}

static bool action_admits(const struct schema *s, const struct policy_scope *scope,
			  const struct schema_action *a)
{
	if (scope->op == POLICY_SCOPE_ANY) {
		return true;
	}
	if (scope->op == POLICY_SCOPE_EQ && scope->n_uids == 1) {
		return str_eq(scope->uids[0].id, a->id) &&
		       str_eq(scope->uids[0].type, a->type->name);
	}
	for (size_t i = 0; i < scope->n_uids; i++) {
		const struct schema_action *of =
			schema_action_find(s, scope->uids[i].type, scope->uids[i].id);

		if (of &&
		    (of == a || (scope->op == POLICY_SCOPE_IN && schema_action_is_in(a, of)))) {
			return true;
		}
	}
	return false;
}

/* Conditions hold together: what an earlier one established, later ones may use. */
static enum type_kind check_conditions(struct typecheck *tc, const struct policy *p)
{
	const struct typecheck_caps *known = NULL;

	for (size_t i = 0; i < p->n_conds; i++) {
		struct typecheck_result r = typecheck_bool(tc, p->conds[i].body, known);
		enum type_kind never = p->conds[i].unless ? TYPE_TRUE : TYPE_FALSE;

		if (r.type->kind == never) {
			return TYPE_FALSE;
		}
		if (!p->conds[i].unless) {
			known = typecheck_caps_union(tc, known, r.caps);
		}
	}
	return TYPE_BOOL;
}

static bool is_unchecked(const struct schema_action *action)
{
	for (size_t i = 0; i < action->n_notes; i++) {
		if (str_eq(action->notes[i].key, STR("unchecked"))) {
			return true;
		}
	}
	return false;
}

static enum err_code check_env(struct validator *v, struct typecheck_env env, struct err *err)
{
	struct typecheck *tc = &v->tc;
	size_t before = tc->n_errors, n = v->diags->n;

	if (v->n_envs++ == VALIDATE_MAX_ENVS) {
		return ERR(err, ERR_LIMIT,
			   "policy " STR_FMT " applies in more than %u request environments",
			   STR_ARG(v->p->id), VALIDATE_MAX_ENVS);
	}
	if (is_unchecked(env.action)) {
		v->possible = true;
		return ERR_OK;
	}
	if (validate_uses_seen(&v->uses, &env)) {
		return ERR_OK;
	}
	arena_reset(&v->scratch);
	type_pool_init(&tc->pool, &v->scratch, &v->s->pool);
	tc->env = env;
	tc->err = err;
	if (check_conditions(tc, v->p) != TYPE_FALSE || tc->n_errors > before) {
		v->possible = true;
	}
	/* The first of several environments is enough to understand an error. */
	for (; n < v->diags->n && !v->diags->items[n].help.n; n++) {
		v->diags->items[n].help =
			arena_printf(v->diags->arena,
				     "when principal is `" STR_FMT "`, action `" STR_FMT
				     "`, resource `" STR_FMT "`",
				     STR_ARG(env.principal->name), STR_ARG(env.action->id),
				     STR_ARG(env.resource->name));
	}
	return tc->code;
}

static enum err_code check_action_envs(struct validator *v, const struct schema_action *a,
				       struct err *err)
{
	for (size_t i = 0; i < a->n_principals; i++) {
		if (!scope_admits(v->s, &v->p->principal, a->principals[i])) {
			continue;
		}
		for (size_t k = 0; k < a->n_resources; k++) {
			if (scope_admits(v->s, &v->p->resource, a->resources[k])) {
				TRY(check_env(v,
					      (struct typecheck_env){a->principals[i],
								     a->resources[k], a},
					      err));
			}
		}
	}
	return ERR_OK;
}

static enum err_code check_envs(struct validator *v, struct err *err)
{
	typecheck_init(&v->tc, v->s, &v->scratch);
	v->tc.src = v->p->source;
	v->tc.diags = v->diags;
	v->tc.policy = v->p->id;
	v->tc.first_diag = v->diags->n;
	validate_uses_collect(&v->uses, v->p);
	for (size_t i = 0; i < v->s->n_actions; i++) {
		if (action_admits(v->s, &v->p->action, &v->s->actions[i])) {
			TRY(check_action_envs(v, &v->s->actions[i], err));
		}
	}
	return ERR_OK;
}

static struct policy_span scope_span(const struct policy *p)
{
	return policy_span_join(policy_span_join(p->principal.span, p->action.span),
				p->resource.span);
}

/* What is to be said of the policy as a whole. */
static void conclude(struct validator *v)
{
	size_t n = v->diags->n;

	if (v->n_envs == 0 && v->n_errors == 0) {
		problem(v, scope_span(v->p),
			"no action of the schema applies to what this scope admits");
		policy_diag_help(v->diags, "look at `appliesTo` of the actions: principal and "
					   "resource types must fit the action");
	} else if (v->n_envs > 0 && !v->possible) {
		policy_diag_warn(v->diags, v->p->source, v->p->effect_span,
				 "the policy never applies: it is false for every valid request");
		if (v->diags->n > n) {
			v->diags->items[n].policy = v->p->id;
		}
	}
}

static void check_all_names(struct validator *v, const struct policy *p)
{
	check_scope_names(v, &p->principal);
	check_scope_names(v, &p->action);
	check_scope_names(v, &p->resource);
	for (size_t i = 0; i < p->n_conds; i++) {
		check_names(v, p->conds[i].body);
	}
}

void validate_names(const struct schema *s, const struct policy *p, struct policy_diags *diags)
{
	struct validator v = {.s = s, .p = p, .diags = diags};

	check_all_names(&v, p);
}

enum err_code validate_policy(const struct schema *s, const struct policy *p,
			      struct policy_diags *diags, struct err *err)
{
	struct validator v = {.s = s, .p = p, .diags = diags};
	enum err_code code;

	check_all_names(&v, p);
	arena_init(&v.scratch, VALIDATE_MAX_SCRATCH);
	code = check_envs(&v, err);
	arena_done(&v.scratch);
	if (code == ERR_OK) {
		conclude(&v);
		code = diags->arena->exhausted ? ERR(err, ERR_NOMEM, "no memory for diagnostics")
					       : ERR_OK;
	}
	return code;
}

enum err_code validate_policies(const struct schema *s, const struct policy_list *policies,
				struct policy_diags *diags, struct err *err)
{
	for (size_t i = 0; i < policies->n; i++) {
		TRY(validate_policy(s, policies->items[i], diags, err));
	}
	return ERR_OK;
}
