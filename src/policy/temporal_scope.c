/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/temporal_scope.h"

static bool scope_admits(const struct policy_scope *s, const struct schema_action *action,
			 const struct schema *schema)
{
	if (s->op == POLICY_SCOPE_ANY) {
		return true;
	}
	for (size_t i = 0; i < s->n_uids; i++) {
		const struct schema_action *of =
			schema_action_find(schema, s->uids[i].type, s->uids[i].id);

		if (of && (of == action ||
			   (s->op == POLICY_SCOPE_IN && schema_action_is_in(action, of)))) {
			return true;
		}
	}
	return false;
}

static bool is_requestable(const struct schema_action *action)
{
	return action->n_principals > 0 && action->n_resources > 0;
}

enum err_code temporal_scope_actions(struct arena *a, const struct schema *schema,
				     const struct policy *scope, const struct schema_action ***ret,
				     size_t *n, struct err *err)
{
	const struct policy_scope *s = &scope->action;
	bool one = s->op == POLICY_SCOPE_EQ && s->n_uids == 1;
	const struct schema_action **list =
		ARENA_ARRAY(a, one ? 1 : schema->n_actions, const struct schema_action *);
	const struct schema_action *action;

	*n = 0;
	if (!list) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	*ret = list;
	if (one) {
		action = schema_action_find(schema, s->uids[0].type, s->uids[0].id);
		if (action && is_requestable(action)) {
			list[(*n)++] = action;
		}
		return ERR_OK;
	}
	for (size_t i = 0; i < schema->n_actions; i++) {
		action = &schema->actions[i];
		if (is_requestable(action) && scope_admits(s, action, schema)) {
			list[(*n)++] = action;
		}
	}
	return ERR_OK;
}

static bool entity_paths(struct arena *a, const struct policy_scope *s,
			 const struct schema_entity *const *es, size_t n_es, const struct str *path,
			 size_t n, struct dw_types *ret, bool *missing)
{
	bool is = s->op == POLICY_SCOPE_IS || s->op == POLICY_SCOPE_IS_IN;

	for (size_t i = 0; i < n_es; i++) {
		const struct type *t;

		if ((is && !str_eq(es[i]->name, s->type)) ||
		    (s->op == POLICY_SCOPE_EQ && !str_eq(es[i]->name, s->uids[0].type))) {
			continue;
		}
		t = dw_type_path(&es[i]->type, path, n);
		if (!t) {
			*missing = true;
			return false;
		}
		if (!dw_types_add(a, ret, t)) {
			return false;
		}
	}
	return true;
}

bool temporal_path_types(struct arena *a, const struct policy *scope,
			 const struct schema_action *const *actions, size_t n_actions,
			 enum policy_var base, const struct str *path, size_t n,
			 struct dw_types *ret, const struct schema_action **ret_missing)
{
	*ret_missing = NULL;
	for (size_t i = 0; i < n_actions; i++) {
		const struct schema_action *action = actions[i];
		bool missing = false, good;

		if (base == POLICY_VAR_PRINCIPAL) {
			good = entity_paths(a, &scope->principal, action->principals,
					    action->n_principals, path, n, ret, &missing);
		} else if (base == POLICY_VAR_RESOURCE) {
			good = entity_paths(a, &scope->resource, action->resources,
					    action->n_resources, path, n, ret, &missing);
		} else {
			const struct type *t = dw_type_path(action->context, path, n);

			missing = !t;
			good = t && dw_types_add(a, ret, t);
		}
		if (!good) {
			*ret_missing = missing ? action : NULL;
			return false;
		}
	}
	return true;
}
