/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/validate_priv.h"

static bool is_var(const struct policy_expr *e, enum policy_var var)
{
	return e->kind == POLICY_EXPR_VAR && e->var == var;
}

static bool is_access(const struct policy_expr *e)
{
	return e->kind == POLICY_EXPR_GET || e->kind == POLICY_EXPR_HAS;
}

static bool is_of_context(const struct policy_expr *e)
{
	while (e->kind == POLICY_EXPR_GET) {
		e = e->arg[0];
	}
	return is_var(e, POLICY_VAR_CONTEXT);
}

/* Recursion is bounded by the depth of the tree. */
static void make_path(const struct policy_expr *e, struct validate_path *path)
{
	if (e->kind == POLICY_EXPR_VAR) {
		return;
	}
	make_path(e->arg[0], path);
	for (uint32_t i = 0; i < e->n_names; i++) {
		if (path->n == VALIDATE_STEPS) {
			path->presence = false;
			return;
		}
		path->names[path->n++] = e->names[i];
		path->presence = e->kind == POLICY_EXPR_HAS;
	}
}

static bool same_path(const struct validate_path *a, const struct validate_path *b)
{
	bool same = a->n == b->n && a->presence == b->presence;

	for (uint32_t i = 0; same && i < a->n; i++) {
		same = str_eq(a->names[i], b->names[i]);
	}
	return same;
}

static void add_path(struct validate_uses *u, const struct policy_expr *e)
{
	struct validate_path path = {0};

	make_path(e, &path);
	for (size_t i = 0; i < u->n_paths; i++) {
		if (same_path(&u->paths[i], &path)) {
			return;
		}
	}
	if (u->n_paths == VALIDATE_PATHS) {
		u->context = true;
	} else {
		u->paths[u->n_paths++] = path;
	}
}

static void collect(struct validate_uses *u, const struct policy_expr *e)
{
	uint32_t i = 0;

	if (is_access(e) && is_of_context(e->arg[0])) {
		add_path(u, e);
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

/*
 * Follows a path as far as it goes through records. An entity type or anything
 * else on the way settles by itself what follows.
 */
static struct validate_found follow(const struct type *context, const struct validate_path *path)
{
	struct validate_found found = {.type = context};

	for (uint32_t i = 0; i < path->n && found.type->kind == TYPE_RECORD; i++) {
		const struct type_field *f = type_field_find(found.type, path->names[i]);

		if (!f) {
			found.type = NULL;
			break;
		}
		found.type = path->presence && i + 1 == path->n ? type_scalar(TYPE_BOOL) : f->type;
		found.required |= (uint32_t)f->required << i;
		found.steps++;
	}
	return found;
}

/* Types are pooled, so equal types are one pointer. */
static bool same_key(const struct validate_uses *u, const struct validate_key *a,
		     const struct validate_key *b)
{
	bool same = a->principal == b->principal && a->resource == b->resource &&
		    a->context == b->context;

	for (size_t i = 0; same && !a->context && i < u->n_paths; i++) {
		same = a->found[i].type == b->found[i].type &&
		       a->found[i].steps == b->found[i].steps &&
		       a->found[i].required == b->found[i].required;
	}
	return same;
}

bool validate_uses_seen(struct validate_uses *u, const struct typecheck_env *env)
{
	const struct type *context = env->action->context;
	struct validate_key key = {.principal = env->principal, .resource = env->resource};

	if (u->action || u->n_misses > VALIDATE_MISSES) {
		return false;
	}
	if (u->context) {
		key.context = context;
	}
	for (size_t i = 0; !u->context && i < u->n_paths; i++) {
		key.found[i] = follow(context, &u->paths[i]);
	}
	for (size_t i = 0; i < u->n_seen; i++) {
		if (same_key(u, &u->seen[i], &key)) {
			return true;
		}
	}
	u->n_misses++;
	if (u->n_seen < VALIDATE_SEEN) {
		u->seen[u->n_seen++] = key;
	}
	return false;
}
