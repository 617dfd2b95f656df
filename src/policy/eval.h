/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference evaluator: walks the tree exactly as the language defines it.
 * The compiled form (policy/code.h) must agree with it on every input; tests
 * compare them. Pure: the same environment gives the same result.
 */
#ifndef POLICY_EVAL_H
#define POLICY_EVAL_H

#include "policy/ast.h"
#include "policy/store.h"

enum policy_fault_code {
	POLICY_FAULT_NONE = 0,
	POLICY_FAULT_TYPE,     /* an operand of the wrong kind */
	POLICY_FAULT_ATTR,     /* no such attribute */
	POLICY_FAULT_TAG,      /* no such tag */
	POLICY_FAULT_ENTITY,   /* the entity does not exist */
	POLICY_FAULT_OVERFLOW, /* 64-bit arithmetic */
	POLICY_FAULT_EXT,      /* malformed or out of range extension value */
	POLICY_FAULT_ARITY,    /* wrong number of arguments */
	POLICY_FAULT_MEMORY,   /* ours, not the policy's: the scratch arena is exhausted */
};

/* What a policy is evaluated against. Everything is borrowed. */
struct policy_env {
	const struct policy_uid *principal, *action, *resource;
	struct policy_value context; /* RECORD */
	const struct policy_store *store;
	const struct policy_entity *overlay; /* looked at before the store */
	size_t n_overlay;
	struct arena *scratch;

	/* Filled by policy_env_prepare; NULL when the entity does not exist. */
	const struct policy_entity *principal_entity, *action_entity, *resource_entity;
};

struct policy_fault {
	enum policy_fault_code code;
	const struct policy_expr *at; /* may be NULL */
};

/* Finds the three entities once. */
void policy_env_prepare(struct policy_env *env);

/* principal, action, resource or context. */
struct policy_value policy_env_var(const struct policy_env *env, enum policy_var var);

/* Borrowed, or NULL when it does not exist. */
const struct policy_entity *policy_env_entity(const struct policy_env *env,
					      const struct policy_uid *uid);

/* Is a equal to b, or below it? */
bool policy_env_in(const struct policy_env *env, const struct policy_uid *a,
		   const struct policy_uid *b);

/* The value in *ret, or the fault (and *ret untouched). */
struct policy_fault policy_eval(const struct policy_env *env, const struct policy_expr *e,
				struct policy_value *ret) MUST_USE;

/* Do the three scope constraints hold? Never fails. A template's slots never match. */
bool policy_scope_matches(const struct policy_env *env, const struct policy *p);

/* Scope and conditions; *ret says whether the policy is satisfied. */
struct policy_fault policy_eval_policy(const struct policy_env *env, const struct policy *p,
				       bool *ret) MUST_USE;

/* "type error", "attribute missing", ...; static storage. */
const char *policy_fault_name(enum policy_fault_code code);

/*
 * The operations below are shared with the compiled form. Each gives the fault
 * code and writes *ret only when there is none.
 */
enum policy_fault_code policy_op_binary(enum policy_expr_kind kind, struct policy_value a,
					struct policy_value b, struct policy_value *ret);
enum policy_fault_code policy_op_in(const struct policy_env *env, struct policy_value a,
				    struct policy_value b, struct policy_value *ret);
enum policy_fault_code policy_op_has(const struct policy_env *env, struct policy_value a,
				     struct str name, struct policy_value *ret);
enum policy_fault_code policy_op_get(const struct policy_env *env, struct policy_value a,
				     struct str name, struct policy_value *ret);
enum policy_fault_code policy_op_call(const struct policy_env *env, enum policy_fn fn,
				      const struct policy_value *arg, size_t n,
				      struct policy_value *ret);

#endif
