/* SPDX-License-Identifier: Apache-2.0 */
/* Which actions and types a policy's scope admits, and so where a path of the request leads. */
#ifndef POLICY_TEMPORAL_SCOPE_H
#define POLICY_TEMPORAL_SCOPE_H

#include "policy/dw_events.h"

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
