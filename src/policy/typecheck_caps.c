/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities. A set is a binary tree: a leaf holds one capability, an inner
 * node is the union of two. Union costs one node; a set is never changed.
 * Expressions are compared by structure: where and how they were written does
 * not matter.
 */
#include "policy/typecheck_priv.h"

#include "base/hash.h"

struct typecheck_caps {
	const struct typecheck_caps *left, *right; /* inner node */
	struct typecheck_cap cap;                  /* leaf: left is NULL */
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
	return h * 0xff51afd7ed558ccdu;
}

static uint64_t hash_text(struct str s)
{
	return hash_str((struct hash_key){0}, s);
}

/* Literals are of four kinds only. */
static uint64_t hash_literal(struct policy_value v)
{
	uint64_t h = v.kind;

	if (v.kind == POLICY_STRING) {
		return mix(h, hash_text(policy_value_str(v)));
	}
	if (v.kind == POLICY_ENTITY) {
		return mix(h, v.uid->hash);
	}
	return mix(h, v.kind == POLICY_BOOL ? (uint64_t)v.b : (uint64_t)v.i);
}

static bool has_names(const struct policy_expr *e)
{
	return e->kind == POLICY_EXPR_IS || e->kind == POLICY_EXPR_HAS ||
	       e->kind == POLICY_EXPR_GET || e->kind == POLICY_EXPR_RECORD;
}

/* Recursion is bounded by the depth of the tree. */
static uint64_t hash_expr(const struct policy_expr *e)
{
	uint64_t h = mix(e->kind, e->n_args);

	if (e->kind == POLICY_EXPR_LIT) {
		h = mix(h, hash_literal(e->lit));
	} else if (e->kind == POLICY_EXPR_VAR) {
		h = mix(h, e->var);
	} else if (e->kind == POLICY_EXPR_CALL) {
		h = mix(h, e->fn);
	} else if (e->kind == POLICY_EXPR_LIKE) {
		for (uint32_t i = 0; i < e->pattern.n; i++) {
			h = mix(h, hash_text(e->pattern.parts[i]));
		}
	} else if (has_names(e)) {
		for (uint32_t i = 0; i < e->n_names; i++) {
			h = mix(h, hash_text(e->names[i]));
		}
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		h = mix(h, hash_expr(e->arg[i]));
	}
	return h;
}

static bool same_texts(const struct str *a, uint32_t n_a, const struct str *b, uint32_t n_b)
{
	bool same = n_a == n_b;

	for (uint32_t i = 0; same && i < n_a; i++) {
		same = str_eq(a[i], b[i]);
	}
	return same;
}

static bool same_expr(const struct policy_expr *a, const struct policy_expr *b)
{
	bool same = a->kind == b->kind && a->n_args == b->n_args;

	if (a == b) {
		return true;
	}
	if (same && a->kind == POLICY_EXPR_LIT) {
		same = policy_value_eq(a->lit, b->lit);
	} else if (same && a->kind == POLICY_EXPR_VAR) {
		same = a->var == b->var;
	} else if (same && a->kind == POLICY_EXPR_CALL) {
		same = a->fn == b->fn;
	} else if (same && a->kind == POLICY_EXPR_LIKE) {
		same = same_texts(a->pattern.parts, a->pattern.n, b->pattern.parts, b->pattern.n);
	} else if (same && has_names(a)) {
		same = same_texts(a->names, a->n_names, b->names, b->n_names);
	}
	for (uint32_t i = 0; same && i < a->n_args; i++) {
		same = same_expr(a->arg[i], b->arg[i]);
	}
	return same;
}

struct typecheck_cap typecheck_cap_attr(const struct policy_expr *e, struct str attr)
{
	return (struct typecheck_cap){
		.expr = e, .attr = attr, .hash = mix(hash_expr(e), hash_text(attr))};
}

struct typecheck_cap typecheck_cap_tag(const struct policy_expr *e, const struct policy_expr *tag)
{
	return (struct typecheck_cap){
		.expr = e, .tag = tag, .hash = mix(hash_expr(e), mix(1, hash_expr(tag)))};
}

static bool same_cap(const struct typecheck_cap *a, const struct typecheck_cap *b)
{
	if (a->hash != b->hash || !a->tag != !b->tag || !str_eq(a->attr, b->attr)) {
		return false;
	}
	return same_expr(a->expr, b->expr) && (!a->tag || same_expr(a->tag, b->tag));
}

const struct typecheck_caps *typecheck_caps_one(struct typecheck *tc, struct typecheck_cap cap)
{
	struct typecheck_caps *set = ARENA_NEW(tc->a, struct typecheck_caps);

	if (!set) {
		typecheck_stop(tc, ERR_NOMEM);
		return NULL;
	}
	set->cap = cap;
	return set;
}

const struct typecheck_caps *typecheck_caps_union(struct typecheck *tc,
						  const struct typecheck_caps *a,
						  const struct typecheck_caps *b)
{
	struct typecheck_caps *set;

	if (!a || !b) {
		return a ? a : b;
	}
	set = ARENA_NEW(tc->a, struct typecheck_caps);
	if (!set) {
		typecheck_stop(tc, ERR_NOMEM);
		return NULL;
	}
	set->left = a;
	set->right = b;
	return set;
}

/* Recursion goes to the right only, where the sets of single operands hang. */
bool typecheck_caps_have(const struct typecheck_caps *set, const struct typecheck_cap *cap)
{
	while (set && set->left) {
		if (typecheck_caps_have(set->right, cap)) {
			return true;
		}
		set = set->left;
	}
	return set && same_cap(&set->cap, cap);
}

const struct typecheck_caps *typecheck_caps_both(struct typecheck *tc,
						 const struct typecheck_caps *a,
						 const struct typecheck_caps *b)
{
	const struct typecheck_caps *left;

	if (!a || !b) {
		return NULL;
	}
	if (!a->left) {
		return typecheck_caps_have(b, &a->cap) ? a : NULL;
	}
	left = typecheck_caps_both(tc, a->left, b);
	return typecheck_caps_union(tc, left, typecheck_caps_both(tc, a->right, b));
}
