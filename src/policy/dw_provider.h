/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Information providers: pure functions that policies call by name, such as
 * Strings::Length(context.input.name). What exists, with which types, is said by
 * a JSON document:
 *
 *   {"availableProviders": {"Ns::Fn": {
 *       "argumentTypes": [T, ...], "outputType": T,
 *       "implementation": {"kind": "rhai", "script": "fn evaluate(x) { ... }"}}}}
 *   T = {"paramType": "string|integer|decimal|boolean|set|record",
 *        "items": T, "fields": {name: T}, "required": [name]}
 *
 * The scripts run in an interpreter of their own (policy/dw_script.h): no I/O, no
 * clock, a bounded number of steps.
 *
 * Limits: DW_PROVIDERS_MAX providers, DW_PROVIDER_ARGS_MAX arguments.
 */
#ifndef POLICY_DW_PROVIDER_H
#define POLICY_DW_PROVIDER_H

#include "policy/ast.h"
#include "policy/eval.h"
#include "policy/schema.h"

#define DW_PROVIDERS_MAX     256u
#define DW_PROVIDER_ARGS_MAX 16u

struct dw_script;

struct dw_provider {
	struct str name;
	const struct type *args[DW_PROVIDER_ARGS_MAX];
	size_t n_args;
	const struct type *output;
	const struct dw_script *script;
};

struct dw_providers {
	struct dw_provider *items;
	size_t n;
	struct type_pool pool;
};

/* An argument: a literal, or a path of the request. */
struct dw_call_arg {
	bool path;
	struct policy_value value;
	enum policy_var base;
	struct str *names;
	uint32_t n_names;
};

/* A call where it stands in a policy; it has become the attribute `attr`. */
struct dw_call {
	const struct dw_provider *provider;
	struct dw_call_arg *args;
	size_t n_args;
	struct str attr;
	struct policy_span span;
	const struct policy_source *source;
	uint32_t policy;
};

enum err_code dw_providers_load(struct arena *a, const struct policy_source *src,
				const struct schema *schema, const struct dw_providers **ret,
				struct err *err) MUST_USE;

const struct dw_provider *dw_provider_find(const struct dw_providers *ps, struct str name);

/* principal.id, resource.type: parts of the name, whatever the attributes are. */
bool dw_arg_is_name(const struct dw_call_arg *arg);

/* Is a literal of an argument's type? */
bool dw_literal_fits(const struct type *want, struct policy_value v);

/*
 * Computes a call for a request: arguments that are absent count as such. The
 * result has the declared type, or it is an error.
 */
enum err_code dw_call_eval(const struct dw_call *call, const struct policy_env *env,
			   const struct schema *schema, struct arena *scratch,
			   struct policy_value *ret, struct err *err) MUST_USE;

#endif
