/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/validate_priv.h"

static bool is_var(const struct policy_expr *e, enum policy_var var)
{
	return e->kind == POLICY_EXPR_VAR && e->var == var;
}

static void add_name(struct validate_uses *u, struct str name)
{
	for (size_t i = 0; i < u->n_names; i++) {
		if (str_eq(u->names[i], name)) {
			return;
		}
	}
	if (u->n_names == VALIDATE_NAMES) {
		u->context = true;
	} else {
		u->names[u->n_names++] = name;
	}
}

/* Recursion is bounded by the depth of the tree. */
static void collect(struct validate_uses *u, const struct policy_expr *e)
{
	uint32_t i = 0;

	if ((e->kind == POLICY_EXPR_GET || e->kind == POLICY_EXPR_HAS) &&
	    is_var(e->arg[0], POLICY_VAR_CONTEXT)) {
		add_name(u, e->names[0]);
		i = 1;
	}
	u->action = u->action || is_var(e, POLICY_VAR_ACTION);
	u->context = u->context || is_var(e, POLICY_VAR_CONTEXT);
	for (; i < e->n_args; i++) {
		collect(u, e->arg[i]);
	}
}

void validate_uses_collect(struct validate_uses *u, const struct policy *p)
{
	for (size_t i = 0; i < p->n_conds; i++) {
		collect(u, p->conds[i].body);
	}
}

/* Types are pooled, so equal types are one pointer. */
static bool same_field(const struct type_field *a, const struct type_field *b)
{
	return a == b || (a && b && a->type == b->type && a->required == b->required);
}

static bool same_key(const struct validate_uses *u, const struct validate_key *a,
		     const struct validate_key *b)
{
	bool same = a->principal == b->principal && a->resource == b->resource &&
		    a->context == b->context;

	for (size_t i = 0; same && !a->context && i < u->n_names; i++) {
		same = same_field(a->fields[i], b->fields[i]);
	}
	return same;
}

bool validate_uses_seen(struct validate_uses *u, const struct typecheck_env *env)
{
	const struct type *context = env->action->context;
	struct validate_key key = {.principal = env->principal, .resource = env->resource};

	if (u->action) {
		return false;
	}
	if (u->context) {
		key.context = context;
	}
	for (size_t i = 0; !u->context && i < u->n_names; i++) {
		key.fields[i] = type_field_find(context, u->names[i]);
	}
	for (size_t i = 0; i < u->n_seen; i++) {
		if (same_key(u, &u->seen[i], &key)) {
			return true;
		}
	}
	if (u->n_seen < VALIDATE_SEEN) {
		u->seen[u->n_seen++] = key;
	}
	return false;
}
