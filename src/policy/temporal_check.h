/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binds the names of a temporal condition and checks the rules that make it
 * meaningful and boundable: every variable is bound and range-restricted, what
 * filters or negates only looks at variables already bound, aggregates stand
 * where they may, windows fit, and events, fields, paths and types exist and
 * agree. Pins of the event schema are added to its predicates.
 */
#ifndef POLICY_TEMPORAL_CHECK_H
#define POLICY_TEMPORAL_CHECK_H

#include "policy/dw_events.h"
#include "policy/temporal.h"

/*
 * Completes leaf->expr in place (slots, types, retention). What is wrong goes into
 * diags and gives ERR_INVALID; ERR_LIMIT and ERR_NOMEM as usual. `scope` is the
 * policy the leaf belongs to.
 */
enum err_code temporal_check(struct arena *a, const struct schema *schema,
			     const struct dw_events *events, const struct policy *scope,
			     struct temporal_leaf *leaf, struct policy_diags *diags,
			     struct err *err) MUST_USE;

/* Actions that can be requested and that the scope admits, in the schema's order. */
enum err_code temporal_scope_actions(struct arena *a, const struct schema *schema,
				     const struct policy *scope, const struct schema_action ***ret,
				     size_t *n, struct err *err) MUST_USE;

/*
 * The types of principal, resource or context followed by attributes, over all
 * actions given and the types that the scope admits. False when the path is
 * missing for some (*ret_missing says for which action), or out of memory.
 */
bool temporal_path_types(struct arena *a, const struct policy *scope,
			 const struct schema_action *const *actions, size_t n_actions,
			 enum policy_var base, const struct str *path, size_t n,
			 struct dw_types *ret, const struct schema_action **ret_missing) MUST_USE;

#endif
