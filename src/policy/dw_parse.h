/* SPDX-License-Identifier: Apache-2.0 */
/* .dw files to lowered policies, with the leaves and calls that were found in them. */
#ifndef POLICY_DW_PARSE_H
#define POLICY_DW_PARSE_H

#include "policy/dw.h"
#include "policy/temporal_priv.h"

struct dw_parsed {
	struct arena *calls_in; /* where calls are made; the rest is in the parser's */
	struct policy_list policies;
	struct temporal_leaf *leaves;
	size_t n_leaves, cap_leaves;
	struct dw_call *calls;
	size_t n_calls, cap_calls;
};

/* A file that holds nothing but macros. NULL: the standard library. */
enum err_code dw_parse_macros(struct arena *a, const struct policy_source *src,
			      struct dw_macros *ret, struct policy_diags *diags,
			      struct err *err) MUST_USE;

/* Appends to *out; leaves are not checked yet. Providers may be NULL. */
enum err_code dw_parse(struct arena *a, const struct policy_source *src,
		       const struct dw_macros *standard_macros,
		       const struct dw_providers *providers, struct dw_parsed *out,
		       struct policy_diags *diags, struct err *err) MUST_USE;

#endif
