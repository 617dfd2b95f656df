/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A claim about a name that does not exist holds for the sake of nothing: a
 * mistyped attribute would be "never allowed" for ever. So every attribute that a query
 * looks at must exist in some environment of it.
 */
#include "policy/prove_priv.h"

/* One place of the query; a path of `has` counts as one. */
struct prove_name {
	const struct policy_expr *expr;
	struct str name;
	bool found;
	const struct type *record; /* where it was missed */
};

static struct prove_name *name_of(struct prove_names *n, const struct policy_expr *e,
				  struct str name)
{
	for (size_t i = 0; i < n->n; i++) {
		if (n->items[i].expr == e && str_eq(n->items[i].name, name)) {
			return &n->items[i];
		}
	}
	if (!ARENA_GROW(n->arena, &n->items, n->n, &n->cap)) {
		n->nomem = true;
		return NULL;
	}
	n->items[n->n] = (struct prove_name){.expr = e, .name = name};
	return &n->items[n->n++];
}

static const struct type *attrs_of(const struct type *t)
{
	if (!t || t->kind == TYPE_RECORD) {
		return t;
	}
	return t->kind == TYPE_ENTITY && !t->entity->is_action ? t->entity->attrs : NULL;
}

/* The attribute's type; NULL when it is not known, or is not there. */
static const struct type *look(struct prove_names *n, const struct policy_expr *e,
			       const struct type *of, struct str name)
{
	const struct type *record = attrs_of(of);
	const struct type_field *f;
	struct prove_name *item;

	if (!record) {
		return NULL;
	}
	f = type_field_find(record, name);
	item = name_of(n, e, name);
	if (item && f) {
		item->found = true;
	} else if (item && !item->record) {
		item->record = record;
	}
	return f ? f->type : NULL;
}

static const struct type *walk(struct prove_names *n, const struct prove_model *m,
			       const struct policy_expr *e)
{
	const struct type *arg[3] = {NULL};

	for (uint32_t i = 0; i < e->n_args; i++) {
		const struct type *t = walk(n, m, e->arg[i]);

		if (i < ARRAY_LEN(arg)) {
			arg[i] = t;
		}
	}
	if (e->kind == POLICY_EXPR_VAR) {
		return e->var == POLICY_VAR_PRINCIPAL  ? &m->principal->type
		       : e->var == POLICY_VAR_RESOURCE ? &m->resource->type
		       : e->var == POLICY_VAR_CONTEXT  ? m->action->context
						       : NULL;
	}
	if (e->kind == POLICY_EXPR_IF) {
		return arg[1];
	}
	if (e->kind == POLICY_EXPR_CALL && e->fn == POLICY_FN_GET_TAG) {
		return arg[0] && arg[0]->kind == TYPE_ENTITY ? arg[0]->entity->tags : NULL;
	}
	if (e->kind == POLICY_EXPR_GET || e->kind == POLICY_EXPR_HAS) {
		for (uint32_t i = 0; i < e->n_names; i++) {
			arg[0] = look(n, e, arg[0], e->names[i]);
		}
		return e->kind == POLICY_EXPR_GET ? arg[0] : NULL;
	}
	return NULL;
}

void prove_names_look(struct prove_names *n, const struct prove_model *m,
		      const struct policy *query)
{
	for (size_t i = 0; i < query->n_conds; i++) {
		(void)walk(n, m, query->conds[i].body);
	}
}

static struct str nearest(struct prove_names *n, const struct prove_name *item)
{
	struct str *names = ARENA_ARRAY(n->arena, item->record->n_fields, struct str);

	if (!names) {
		return str_make(NULL, 0);
	}
	for (size_t i = 0; i < item->record->n_fields; i++) {
		names[i] = item->record->fields[i].name;
	}
	return policy_nearest(item->name, names, item->record->n_fields);
}

enum err_code prove_names_missing(struct prove_names *n, struct err *err)
{
	if (n->nomem) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct prove_name *item = &n->items[i];
		struct str near;

		if (item->found || !item->record) {
			continue;
		}
		near = nearest(n, item);
		return ERR(err, ERR_INVALID,
			   "nothing that is asked about has an attribute `" STR_FMT "`%s" STR_FMT
			   "%s",
			   STR_ARG(item->name), near.n > 0 ? "; did you mean `" : "", STR_ARG(near),
			   near.n > 0 ? "`?" : "");
	}
	return ERR_OK;
}
