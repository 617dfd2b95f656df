/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval.h"

#include "policy/text.h"

struct eval {
	const struct policy_env *env;
	struct policy_fault fault;
};

static bool eval(struct eval *ev, const struct policy_expr *e, struct policy_value *ret);

static bool fail(struct eval *ev, const struct policy_expr *e, enum policy_fault_code code)
{
	ev->fault = (struct policy_fault){code, e};
	return false;
}

/* A shared operation's outcome. */
static bool done(struct eval *ev, const struct policy_expr *e, enum policy_fault_code code)
{
	return code == POLICY_FAULT_NONE || fail(ev, e, code);
}

static bool eval_bool(struct eval *ev, const struct policy_expr *e, bool *ret)
{
	struct policy_value v;

	if (!eval(ev, e, &v)) {
		return false;
	}
	if (v.kind != POLICY_BOOL) {
		return fail(ev, e, POLICY_FAULT_TYPE);
	}
	*ret = v.b;
	return true;
}

/* && stops at false, || stops at true; both sides must be Bool when they are evaluated. */
static bool eval_logic(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	bool stop = e->kind == POLICY_EXPR_OR;
	bool v;

	if (!eval_bool(ev, e->arg[0], &v) || (v != stop && !eval_bool(ev, e->arg[1], &v))) {
		return false;
	}
	*ret = policy_bool(v);
	return true;
}

static bool eval_if(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	bool v;

	return eval_bool(ev, e->arg[0], &v) && eval(ev, e->arg[v ? 1 : 2], ret);
}

static bool eval_not(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	bool v;

	if (!eval_bool(ev, e->arg[0], &v)) {
		return false;
	}
	*ret = policy_bool(!v);
	return true;
}

static bool eval_neg(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	struct policy_value v;

	if (!eval(ev, e->arg[0], &v)) {
		return false;
	}
	if (v.kind != POLICY_LONG) {
		return fail(ev, e->arg[0], POLICY_FAULT_TYPE);
	}
	return done(ev, e, policy_op_binary(POLICY_EXPR_SUB, policy_long(0), v, ret));
}

static bool eval_binary(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	struct policy_value a, b;

	if (!eval(ev, e->arg[0], &a) || !eval(ev, e->arg[1], &b)) {
		return false;
	}
	if (e->kind == POLICY_EXPR_IN) {
		return done(ev, e, policy_op_in(ev->env, a, b, ret));
	}
	return done(ev, e, policy_op_binary(e->kind, a, b, ret));
}

static bool eval_is(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	struct policy_value v, group;

	if (!eval(ev, e->arg[0], &v)) {
		return false;
	}
	if (v.kind != POLICY_ENTITY) {
		return fail(ev, e->arg[0], POLICY_FAULT_TYPE);
	}
	*ret = policy_bool(str_eq(v.uid->type, e->names[0]));
	if (e->n_args == 1 || !ret->b) {
		return true;
	}
	return eval(ev, e->arg[1], &group) && done(ev, e, policy_op_in(ev->env, v, group, ret));
}

/* a has b.c is a has b && a.b has c. */
static bool eval_has(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	struct policy_value v;

	if (!eval(ev, e->arg[0], &v)) {
		return false;
	}
	for (uint32_t i = 0; i < e->n_names; i++) {
		if (!done(ev, e, policy_op_has(ev->env, v, e->names[i], ret))) {
			return false;
		}
		if (!ret->b || i + 1 == e->n_names) {
			return true;
		}
		if (!done(ev, e, policy_op_get(ev->env, v, e->names[i], &v))) {
			return false;
		}
	}
	return true;
}

static bool eval_get(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	struct policy_value v;

	return eval(ev, e->arg[0], &v) && done(ev, e, policy_op_get(ev->env, v, e->names[0], ret));
}

static bool eval_like(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	struct policy_value v;

	if (!eval(ev, e->arg[0], &v)) {
		return false;
	}
	if (v.kind != POLICY_STRING) {
		return fail(ev, e->arg[0], POLICY_FAULT_TYPE);
	}
	*ret = policy_bool(policy_pattern_match(&e->pattern, policy_value_str(v)));
	return true;
}

/* All of them, from left to right; the first that fails ends it. */
static struct policy_value *eval_args(struct eval *ev, const struct policy_expr *e)
{
	struct policy_value *v = ARENA_ARRAY(ev->env->scratch, e->n_args, struct policy_value);

	if (!v) {
		fail(ev, e, POLICY_FAULT_MEMORY);
		return NULL;
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (!eval(ev, e->arg[i], &v[i])) {
			return NULL;
		}
	}
	return v;
}

static bool eval_call(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	struct policy_value *v = eval_args(ev, e);

	return v && done(ev, e, policy_op_call(ev->env, e->fn, v, e->n_args, ret));
}

static bool eval_set(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	struct policy_value *v = eval_args(ev, e);

	if (!v) {
		return false;
	}
	*ret = policy_value_set(v, e->n_args);
	return true;
}

static bool eval_record(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	struct policy_field *f = ARENA_ARRAY(ev->env->scratch, e->n_args, struct policy_field);

	if (!f) {
		return fail(ev, e, POLICY_FAULT_MEMORY);
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		f[i].key = e->names[i];
		if (!eval(ev, e->arg[i], &f[i].value)) {
			return false;
		}
	}
	return policy_value_record(f, e->n_args, ret) || fail(ev, e, POLICY_FAULT_TYPE);
}

struct policy_value policy_env_var(const struct policy_env *env, enum policy_var var)
{
	switch (var) {
	case POLICY_VAR_PRINCIPAL:
		return policy_entity(env->principal);
	case POLICY_VAR_ACTION:
		return policy_entity(env->action);
	case POLICY_VAR_RESOURCE:
		return policy_entity(env->resource);
	case POLICY_VAR_CONTEXT:
		break;
	}
	return env->context;
}

static bool eval(struct eval *ev, const struct policy_expr *e, struct policy_value *ret)
{
	switch (e->kind) {
	case POLICY_EXPR_LIT:
		*ret = e->lit;
		return true;
	case POLICY_EXPR_VAR:
		*ret = policy_env_var(ev->env, e->var);
		return true;
	case POLICY_EXPR_IF:
		return eval_if(ev, e, ret);
	case POLICY_EXPR_AND:
	case POLICY_EXPR_OR:
		return eval_logic(ev, e, ret);
	case POLICY_EXPR_NOT:
		return eval_not(ev, e, ret);
	case POLICY_EXPR_NEG:
		return eval_neg(ev, e, ret);
	case POLICY_EXPR_ADD:
	case POLICY_EXPR_SUB:
	case POLICY_EXPR_MUL:
	case POLICY_EXPR_EQ:
	case POLICY_EXPR_NE:
	case POLICY_EXPR_LT:
	case POLICY_EXPR_LE:
	case POLICY_EXPR_GT:
	case POLICY_EXPR_GE:
	case POLICY_EXPR_IN:
		return eval_binary(ev, e, ret);
	case POLICY_EXPR_IS:
		return eval_is(ev, e, ret);
	case POLICY_EXPR_HAS:
		return eval_has(ev, e, ret);
	case POLICY_EXPR_GET:
		return eval_get(ev, e, ret);
	case POLICY_EXPR_LIKE:
		return eval_like(ev, e, ret);
	case POLICY_EXPR_CALL:
		return eval_call(ev, e, ret);
	case POLICY_EXPR_SET:
		return eval_set(ev, e, ret);
	case POLICY_EXPR_RECORD:
		return eval_record(ev, e, ret);
	}
	return fail(ev, e, POLICY_FAULT_TYPE);
}

struct policy_fault policy_eval(const struct policy_env *env, const struct policy_expr *e,
				struct policy_value *ret)
{
	struct eval ev = {.env = env};
	struct policy_value v;

	if (eval(&ev, e, &v)) {
		*ret = v;
	}
	return ev.fault;
}

static bool part_matches(const struct policy_env *env, const struct policy_scope *s,
			 const struct policy_uid *uid)
{
	switch (s->op) {
	case POLICY_SCOPE_ANY:
		return true;
	case POLICY_SCOPE_EQ:
		return !s->slot && policy_uid_eq(uid, &s->uids[0]);
	case POLICY_SCOPE_IS:
		return str_eq(uid->type, s->type);
	case POLICY_SCOPE_IS_IN:
		if (!str_eq(uid->type, s->type)) {
			return false;
		}
		break;
	case POLICY_SCOPE_IN:
		break;
	}
	for (size_t i = 0; i < s->n_uids; i++) {
		if (policy_env_in(env, uid, &s->uids[i])) {
			return true;
		}
	}
	return false;
}

bool policy_scope_matches(const struct policy_env *env, const struct policy *p)
{
	return part_matches(env, &p->principal, env->principal) &&
	       part_matches(env, &p->action, env->action) &&
	       part_matches(env, &p->resource, env->resource);
}

struct policy_fault policy_eval_policy(const struct policy_env *env, const struct policy *p,
				       bool *ret)
{
	struct eval ev = {.env = env};
	bool v = policy_scope_matches(env, p);

	for (size_t i = 0; v && i < p->n_conds; i++) {
		if (!eval_bool(&ev, p->conds[i].body, &v)) {
			return ev.fault;
		}
		v = v != p->conds[i].unless;
	}
	*ret = v;
	return ev.fault;
}
