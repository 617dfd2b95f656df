/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions are parsed in memory that is forgotten: macros leave much behind. What stays is copied. */
#include "policy/temporal.h"

static struct temporal_agg *copy_agg(struct arena *a, const struct temporal_agg *from);

static struct str copy_text(struct arena *a, struct str s)
{
	return s.n > 0 ? arena_dup(a, s) : str_make(NULL, 0);
}

static void copy_names(struct arena *a, const struct str *from, uint32_t n, struct str **ret)
{
	struct str *names = ARENA_ARRAY(a, n, struct str);

	for (uint32_t i = 0; names && i < n; i++) {
		names[i] = arena_dup(a, from[i]);
	}
	*ret = names;
}

static void copy_term(struct arena *a, const struct temporal_term *from, struct temporal_term *to)
{
	*to = *from;
	to->name = copy_text(a, from->name);
	to->value = policy_value_dup(a, from->value);
	if (from->kind == TEMPORAL_PATH) {
		copy_names(a, from->names, from->n_names, &to->names);
	} else if (from->kind == TEMPORAL_AGG) {
		to->agg = copy_agg(a, from->agg);
	} else if (from->kind == TEMPORAL_SET) {
		to->items = ARENA_ARRAY(a, from->n_names, struct temporal_term);
		for (uint32_t i = 0; to->items && i < from->n_names; i++) {
			copy_term(a, &from->items[i], &to->items[i]);
		}
	}
}

static void copy_binder(struct arena *a, struct temporal_binder *b)
{
	b->name = copy_text(a, b->name);
	b->type_name = copy_text(a, b->type_name);
}

static void copy_fields(struct arena *a, struct temporal_expr *e)
{
	const struct temporal_field *from = e->fields;

	if (e->n_fields == 0) {
		return;
	}
	e->fields = ARENA_ARRAY(a, e->n_fields, struct temporal_field);
	for (uint32_t i = 0; e->fields && i < e->n_fields; i++) {
		e->fields[i] = from[i];
		copy_names(a, from[i].path, from[i].n_path, &e->fields[i].path);
		copy_term(a, &from[i].term, &e->fields[i].term);
	}
}

/* Recursion is bounded by the depth of conditions. Out of memory shows in the arena. */
static struct temporal_expr *copy(struct arena *a, const struct temporal_expr *from)
{
	struct temporal_expr *e = ARENA_NEW(a, struct temporal_expr);

	if (!e) {
		return NULL;
	}
	*e = *from;
	e->name = copy_text(a, from->name);
	e->event_kind = copy_text(a, from->event_kind);
	e->action.type = copy_text(a, from->action.type);
	e->action.id = copy_text(a, from->action.id);
	copy_binder(a, &e->binder);
	copy_term(a, &from->left, &e->left);
	copy_term(a, &from->right, &e->right);
	copy_fields(a, e);
	if (from->n_args == 0) {
		return e;
	}
	e->arg = ARENA_ARRAY(a, from->n_args, struct temporal_expr *);
	for (uint32_t i = 0; e->arg && i < from->n_args; i++) {
		e->arg[i] = copy(a, from->arg[i]);
	}
	return e;
}

static struct temporal_agg *copy_agg(struct arena *a, const struct temporal_agg *from)
{
	struct temporal_agg *agg = ARENA_NEW(a, struct temporal_agg);

	if (!agg) {
		return NULL;
	}
	*agg = *from;
	agg->summand = copy_text(a, from->summand);
	agg->binders = ARENA_ARRAY(a, from->n_binders, struct temporal_binder);
	for (size_t i = 0; agg->binders && i < from->n_binders; i++) {
		agg->binders[i] = from->binders[i];
		copy_binder(a, &agg->binders[i]);
	}
	agg->body = copy(a, from->body);
	return agg;
}

struct temporal_expr *temporal_copy(struct arena *a, const struct temporal_expr *from)
{
	struct temporal_expr *e = copy(a, from);

	return a->exhausted ? NULL : e;
}
