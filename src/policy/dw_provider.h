/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Information providers: pure functions that policies call by name, such as
 * Strings::Length(context.input.name). What exists, with which types, is said by
 * a JSON document:
 *
 *   {"availableProviders": {"Ns::Fn": {
 *       "argumentTypes": [T, ...], "outputType": T,
 *       "availableMethods": {"name": {"argumentTypes": [T, ...], "outputType": T,
 *                                     "inputType": T}},
 *       "implementation": {"kind": "rhai", "script": "fn evaluate(x) { ... }"}}}}
 *   T = {"paramType": "string|integer|decimal|boolean|set|record",
 *        "items": T, "fields": {name: T}, "required": [name]}
 *
 * A method is a function of the same script: Ns::Fn(x).name(y) calls name(evaluate(x), y).
 * Instead of "script", "scriptFile" names a file beside the document; the host reads it.
 *
 * The scripts run in an interpreter of their own (policy/dw_script.h): no I/O, no
 * clock, a bounded number of steps. A provider without an implementation is one that
 * the host computes (struct dw_native); a policy that calls one which nobody computes
 * is not loaded.
 *
 * Limits: DW_PROVIDERS_MAX providers, DW_PROVIDER_ARGS_MAX arguments,
 * DW_METHODS_MAX methods of one, DW_STAGES_MAX methods in one call.
 */
#ifndef POLICY_DW_PROVIDER_H
#define POLICY_DW_PROVIDER_H

#include "policy/ast.h"
#include "policy/eval.h"
#include "policy/schema.h"

#define DW_PROVIDERS_MAX     256u
#define DW_PROVIDER_ARGS_MAX 16u
#define DW_METHODS_MAX       64u
#define DW_STAGES_MAX        16u

struct dw_script;
struct script_fn;

/*
 * Computes a provider of the host. Absent arguments are POLICY_NONE. It must answer the
 * same when it is asked the same again about one request. The result lives in scratch.
 */
typedef enum err_code dw_native_fn(void *arg, const struct policy_value *args, size_t n,
				   struct arena *scratch, struct policy_value *ret,
				   struct err *err);

struct dw_native {
	struct str name;
	dw_native_fn *fn;
	void *arg;
};

struct dw_method {
	struct str name;
	const struct type *args[DW_PROVIDER_ARGS_MAX];
	size_t n_args;
	const struct type *input; /* NULL: not said */
	const struct type *output;
	const struct script_fn *fn;
};

struct dw_provider {
	struct str name;
	const struct type *args[DW_PROVIDER_ARGS_MAX];
	size_t n_args;
	const struct type *output;
	const struct dw_script *script; /* NULL: native, or nobody computes it */
	const struct script_fn *evaluate;
	const struct dw_native *native;
	struct dw_method *methods;
	size_t n_methods, cap_methods;
};

struct dw_providers {
	struct dw_provider *items;
	size_t n;
	struct type_pool pool;
};

/* What the document alone does not hold. */
struct dw_provider_opts {
	const struct policy_source *scripts; /* named as `scriptFile` says */
	size_t n_scripts;
	const struct dw_native *natives;
	size_t n_natives;
};

/* `opts` may be NULL. */
enum err_code dw_providers_load(struct arena *a, const struct policy_source *src,
				const struct schema *schema, const struct dw_provider_opts *opts,
				const struct dw_providers **ret, struct err *err) MUST_USE;

/*
 * The files that `scriptFile` names, each once, for the host to read from the document's
 * folder. A name that leaves it is refused.
 */
enum err_code dw_provider_scripts(struct arena *a, const struct policy_source *src,
				  struct str **ret, size_t *n, struct err *err) MUST_USE;

/* Borrowed, or NULL. */
const struct dw_provider *dw_provider_find(const struct dw_providers *ps, struct str name);
const struct dw_method *dw_method_find(const struct dw_provider *p, struct str name);

#endif
