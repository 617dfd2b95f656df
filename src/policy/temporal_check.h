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

#endif
