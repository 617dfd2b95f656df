/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of information providers in policies: parsed, checked, computed. */
#ifndef POLICY_DW_CALL_H
#define POLICY_DW_CALL_H

#include "policy/dw_provider.h"

enum dw_arg_kind {
	DW_ARG_VALUE = 0, /* value: a literal */
	DW_ARG_PATH,      /* base and names: of the request */
	DW_ARG_SET        /* items: some of them are paths */
};

struct dw_call_arg {
	enum dw_arg_kind kind;
	struct policy_value value;
	enum policy_var base;
	struct str *names;
	uint32_t n_names;
	struct dw_call_arg *items;
	uint32_t n_items;
};

/* .name(args) directly behind a call or another method. */
struct dw_stage {
	const struct dw_method *method;
	struct dw_call_arg *args;
};

/* A call where it stands in a policy; it has become the attribute `attr`. */
struct dw_call {
	const struct dw_provider *provider;
	struct dw_call_arg *args;
	size_t n_args;
	struct dw_stage *stages;
	size_t n_stages, cap_stages;
	const struct type *output; /* of the last stage */
	struct str attr;
	uint32_t rank; /* as of a leaf */
	struct policy_span span;
	const struct policy_source *source;
	uint32_t policy;
};

struct dw_parser;

/*
 * Ns::Fn(args).method(args)... is at the current token. Fills in all but attr, policy and
 * source. False after a diagnostic.
 */
bool dw_call_parse(struct dw_parser *d, const struct dw_providers *providers,
		   struct dw_call *ret) MUST_USE;

/* Are the arguments of the declared types, wherever the policy applies? ERR_INVALID with a diag. */
enum err_code dw_call_check(const struct schema *schema, const struct policy *scope,
			    const struct dw_call *call, struct policy_diags *diags,
			    struct err *err) MUST_USE;

/* Do they give the same for every request? False when that is not seen. */
bool dw_call_same(const struct dw_call *a, const struct dw_call *b);

/*
 * Computes a call for a request: arguments that are absent count as such. The
 * result has the declared type, or it is an error.
 */
enum err_code dw_call_eval(const struct dw_call *call, const struct policy_env *env,
			   const struct schema *schema, struct arena *scratch,
			   struct policy_value *ret, struct err *err) MUST_USE;

#endif
