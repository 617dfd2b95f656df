/* SPDX-License-Identifier: Apache-2.0 */
/* The schema with the attributes that leaves and calls have become. */
#include "policy/dw.h"

#include "policy/temporal_scope.h"

struct lowering {
	struct arena *a;
	const struct dw_program *prog;
	struct policy_diags *diags;
};

struct added {
	struct type_field *fields;
	size_t n, cap;
};

static enum err_code add_field(struct lowering *l, struct added *to, const struct policy *pol,
			       struct str attr, const struct type *t, struct err *err)
{
	const struct schema_action **actions;
	size_t n;

	TRY(temporal_scope_actions(l->a, l->prog->schema, pol, &actions, &n, err));
	for (size_t i = 0; i < n; i++) {
		struct added *ad = &to[actions[i] - l->prog->schema->actions];

		if (type_field_find(actions[i]->context, attr)) {
			policy_diag_error(l->diags, pol->source, pol->effect_span,
					  "the context of `" STR_FMT "` already has `" STR_FMT "`",
					  STR_ARG(actions[i]->id), STR_ARG(attr));
			return policy_diags_err(l->diags, ERR_INVALID, err);
		}
		if (!ARENA_GROW(l->a, &ad->fields, ad->n, &ad->cap)) {
			return ERR(err, ERR_NOMEM, "temporal policies: out of memory");
		}
		ad->fields[ad->n++] = (struct type_field){attr, t, true};
	}
	return ERR_OK;
}

static const struct schema_action **moved(struct arena *a, const struct schema *from,
					  const struct schema *to,
					  const struct schema_action *const *list, size_t n)
{
	const struct schema_action **ret = ARENA_ARRAY(a, n, const struct schema_action *);

	for (size_t i = 0; ret && i < n; i++) {
		ret[i] = &to->actions[list[i] - from->actions];
	}
	return ret;
}

static enum err_code copy_action(struct lowering *l, struct schema *to, size_t i, struct added *ad,
				 struct err *err)
{
	const struct schema *from = l->prog->schema;
	const struct schema_action *old = &from->actions[i];
	struct schema_action *action = &to->actions[i];
	struct type_field *fields =
		ARENA_ARRAY(l->a, old->context->n_fields + ad->n, struct type_field);

	*action = *old;
	action->parents = moved(l->a, from, to, old->parents, old->n_parents);
	action->ancestors = moved(l->a, from, to, old->ancestors, old->n_ancestors);
	if (!fields || !action->parents || !action->ancestors) {
		return ERR(err, ERR_NOMEM, "temporal policies: out of memory");
	}
	if (ad->n == 0) {
		return ERR_OK;
	}
	if (old->context->n_fields > 0) {
		memcpy(fields, old->context->fields, old->context->n_fields * sizeof(*fields));
	}
	memcpy(fields + old->context->n_fields, ad->fields, ad->n * sizeof(*fields));
	return type_record(&to->pool, fields, old->context->n_fields + ad->n, &action->context,
			   err);
}

static enum err_code add_fields(struct lowering *l, struct added *added, struct err *err)
{
	for (size_t i = 0; i < l->prog->n_leaves; i++) {
		const struct temporal_leaf *leaf = &l->prog->leaves[i];

		TRY(add_field(l, added, l->prog->policies.items[leaf->policy], leaf->attr,
			      type_scalar(TYPE_BOOL), err));
	}
	for (size_t i = 0; i < l->prog->n_calls; i++) {
		const struct dw_call *call = &l->prog->calls[i];

		TRY(add_field(l, added, l->prog->policies.items[call->policy], call->attr,
			      call->output, err));
	}
	return ERR_OK;
}

enum err_code dw_lower(struct arena *a, const struct dw_program *prog, struct policy_diags *diags,
		       const struct schema **ret, struct err *err)
{
	struct lowering l = {.a = a, .prog = prog, .diags = diags};
	const struct schema *from = prog->schema;
	struct schema *to = ARENA_NEW(a, struct schema);
	struct added *added = ARENA_ARRAY(a, from->n_actions, struct added);

	if (!to || !added) {
		return ERR(err, ERR_NOMEM, "temporal policies: out of memory");
	}
	*to = *from;
	to->actions = ARENA_ARRAY(a, from->n_actions, struct schema_action);
	if (!to->actions) {
		return ERR(err, ERR_NOMEM, "temporal policies: out of memory");
	}
	type_pool_init(&to->pool, a, prog->providers ? &prog->providers->pool : &from->pool);
	TRY(add_fields(&l, added, err));
	for (size_t i = 0; i < from->n_actions; i++) {
		TRY(copy_action(&l, to, i, &added[i], err));
	}
	*ret = to;
	return ERR_OK;
}
