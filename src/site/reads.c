/* SPDX-License-Identifier: Apache-2.0 */
#include "site/compile_priv.h"

/* A tree is at most POLICY_DEPTH_MAX deep: recursion over it is bounded. */

static bool flatten(struct arena *a, struct policy_expr *e, bool negated,
		    struct site_conditions *to)
{
	if (e->kind == POLICY_EXPR_NOT) {
		return flatten(a, e->arg[0], !negated, to);
	}
	if (e->kind == (negated ? POLICY_EXPR_OR : POLICY_EXPR_AND)) {
		return flatten(a, e->arg[0], negated, to) && flatten(a, e->arg[1], negated, to);
	}
	if (!ARENA_GROW(a, &to->items, to->n, &to->cap)) {
		return false;
	}
	to->items[to->n++] = (struct site_condition){.body = e, .negated = negated};
	return true;
}

bool site_conditions(struct arena *a, const struct policy *p, struct site_conditions *ret)
{
	for (size_t i = 0; i < p->n_conds; i++) {
		if (!flatten(a, p->conds[i].body, p->conds[i].unless, ret)) {
			return false;
		}
	}
	return true;
}

enum leaf { NOT_CONTEXT = 0, WHOLE, ELSEWHERE, CATEGORIES, LEVEL, PURPOSE, ORIGIN };

static bool is_path(const struct str *names, size_t n, const char *const *want, size_t n_want)
{
	bool same = n == n_want;

	/* names[0] is the last part of the path */
	for (size_t i = 0; same && i < n; i++) {
		same = str_eq(names[n - 1 - i], str_from_c(want[i]));
	}
	return same;
}

/* What context.a.b.c is. */
static enum leaf leaf_of(const struct policy_expr *e)
{
	static const char *const categories[] = {"w", "labels", "categories"};
	static const char *const level[] = {"w", "labels", "confidentiality"};
	static const char *const purpose[] = {"w", "purpose"}, *const origin[] = {"w", "origin"};
	struct str names[3];
	size_t n = 0;

	while (e->kind == POLICY_EXPR_GET) {
		if (n < ARRAY_LEN(names)) {
			names[n] = e->names[0];
		}
		n++;
		e = e->arg[0];
	}
	if (e->kind != POLICY_EXPR_VAR || e->var != POLICY_VAR_CONTEXT) {
		return NOT_CONTEXT;
	}
	if (n > 3) {
		return ELSEWHERE;
	}
	if (is_path(names, n, categories, 3)) {
		return CATEGORIES;
	}
	if (is_path(names, n, level, 3)) {
		return LEVEL;
	}
	if (is_path(names, n, purpose, 2)) {
		return PURPOSE;
	}
	if (is_path(names, n, origin, 2)) {
		return ORIGIN;
	}
	return n == 0 || is_path(names, n, categories, 1) || is_path(names, n, categories, 2)
		       ? WHOLE
		       : ELSEWHERE;
}

static uint16_t all_categories(const struct site_words *w)
{
	return (uint16_t)((1u << w->n_categories) - 1);
}

/* The categories a literal or a set of literals names; *plain is false for anything else. */
static uint16_t named(const struct policy_expr *e, const struct site_words *w, bool *plain)
{
	uint16_t bits = 0;

	if (e->kind == POLICY_EXPR_LIT && e->lit.kind == POLICY_STRING) {
		return site_category_find(w, policy_value_str(e->lit));
	}
	*plain = *plain && e->kind == POLICY_EXPR_SET;
	for (uint32_t i = 0; *plain && i < e->n_args; i++) {
		const struct policy_expr *x = e->arg[i];

		*plain = x->kind == POLICY_EXPR_LIT && x->lit.kind == POLICY_STRING;
		bits |= *plain ? site_category_find(w, policy_value_str(x->lit)) : 0;
	}
	return bits;
}

/* categories.contains("x") and its like look at the categories they name only. */
static bool reads_named(const struct policy_expr *e, const struct site_words *w,
			struct site_reads *ret)
{
	bool plain = true;
	uint16_t bits;

	if (e->kind != POLICY_EXPR_CALL || e->n_args != 2 || leaf_of(e->arg[0]) != CATEGORIES ||
	    (e->fn != POLICY_FN_CONTAINS && e->fn != POLICY_FN_CONTAINS_ANY &&
	     e->fn != POLICY_FN_CONTAINS_ALL)) {
		return false;
	}
	bits = named(e->arg[1], w, &plain);
	ret->categories |= bits;
	return plain;
}

void site_reads_of(const struct policy_expr *e, const struct site_words *w, struct site_reads *ret)
{
	if (e->kind == POLICY_EXPR_VAR && e->var != POLICY_VAR_CONTEXT) {
		ret->open = ret->open || e->var == POLICY_VAR_PRINCIPAL;
		ret->column = ret->column || e->var == POLICY_VAR_RESOURCE;
		return;
	}
	/* Which members there are is the same for every request; what is in them is not asked. */
	if (e->kind == POLICY_EXPR_HAS && leaf_of(e->arg[0]) != NOT_CONTEXT) {
		return;
	}
	switch (leaf_of(e)) {
	case WHOLE:
		ret->open = true;
		return;
	case ELSEWHERE:
		return;
	case CATEGORIES:
		ret->categories |= all_categories(w);
		return;
	case LEVEL:
		ret->level = true;
		return;
	case PURPOSE:
		ret->purpose = true;
		return;
	case ORIGIN:
		ret->origin = true;
		return;
	case NOT_CONTEXT:
		break;
	}
	if (reads_named(e, w, ret)) {
		return;
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		site_reads_of(e->arg[i], w, ret);
	}
}
