/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict type checking of one expression in one request environment: the types
 * of principal and resource, one action, and its context. Cedar 4 rules: types
 * with singleton booleans, and capabilities (which optional attributes and tags
 * are known to be present where an expression stands).
 *
 * A well-typed expression, on data that conforms to the schema, can only fail
 * by a missing entity, an integer overflow, or an extension error.
 */
#ifndef POLICY_TYPECHECK_H
#define POLICY_TYPECHECK_H

#include "policy/ast.h"
#include "policy/schema.h"

struct typecheck_env {
	const struct schema_entity *principal, *resource;
	const struct schema_action *action;
};

/* What is known to be present: a set of (expression, attribute or tag). */
struct typecheck_caps;

struct typecheck {
	const struct schema *s;
	struct typecheck_env env;
	struct arena *a; /* scratch: may be reset once no result is used any more */
	struct type_pool pool;
	const struct policy_source *src;
	struct policy_diags *diags;
	struct str policy;  /* id, for diagnostics */
	size_t first_diag;  /* diagnostics from here on are this policy's */
	size_t n_errors;    /* found so far */
	bool repeated;      /* the last one had been reported before */
	enum err_code code; /* ERR_NOMEM or ERR_LIMIT: nothing else counts then */
	struct err *err;
};

struct typecheck_result {
	const struct type *type;           /* kind TYPE_NONE after an error was reported */
	const struct typecheck_caps *caps; /* known to be present if the value is true */
};

void typecheck_init(struct typecheck *tc, const struct schema *s, struct arena *scratch);

/* The type of `e` where `known` holds. Recursion is bounded by the depth of the tree. */
struct typecheck_result typecheck_expr(struct typecheck *tc, const struct policy_expr *e,
				       const struct typecheck_caps *known);

/* Like typecheck_expr, and reports when it is not a boolean. */
struct typecheck_result typecheck_bool(struct typecheck *tc, const struct policy_expr *e,
				       const struct typecheck_caps *known);

/* What holds when both hold; either may be NULL. */
const struct typecheck_caps *typecheck_caps_union(struct typecheck *tc,
						  const struct typecheck_caps *a,
						  const struct typecheck_caps *b);

#endif
