/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments against their declared types, and computing a call for a request. */
#include "policy/dw_call.h"

#include "policy/conform.h"
#include "policy/dw_script.h"
#include "policy/temporal_reference.h"
#include "policy/temporal_scope.h"

/* principal.id, resource.type: parts of the name, whatever the attributes are. */
static bool is_name(const struct dw_call_arg *arg)
{
	return arg->kind == DW_ARG_PATH && arg->base != POLICY_VAR_CONTEXT && arg->n_names == 1 &&
	       (str_eq(arg->names[0], STR("id")) || str_eq(arg->names[0], STR("type")));
}

/* ---- checking ---- */

struct checker {
	struct arena *a;
	const struct schema *schema;
	const struct policy *scope;
	const struct schema_action **actions;
	size_t n_actions;
	const struct dw_call *call;
	struct policy_diags *diags;
	struct err *err;
};

static bool literal_fits(const struct type *want, struct policy_value v)
{
	if (want->kind == TYPE_SET && v.kind == POLICY_SET) {
		for (uint32_t i = 0; i < v.n; i++) {
			if (!want->element || !literal_fits(want->element, v.elems[i])) {
				return false;
			}
		}
		return true;
	}
	return (want->kind == TYPE_STRING && v.kind == POLICY_STRING) ||
	       (want->kind == TYPE_LONG && v.kind == POLICY_LONG) ||
	       (want->kind == TYPE_DECIMAL && v.kind == POLICY_DECIMAL) ||
	       (want->kind == TYPE_BOOL && v.kind == POLICY_BOOL);
}

/* The same kind, and of a set the same down to its elements. Fields are not compared. */
static bool type_fits(const struct type *want, const struct type *have)
{
	while (want && have && want->kind == TYPE_SET && have->kind == TYPE_SET) {
		want = want->element;
		have = have->element;
	}
	return want == have || (want && have && want->kind == have->kind);
}

static enum err_code wrong_type(struct checker *c, size_t i, struct str of)
{
	policy_diag_error(c->diags, c->call->source, c->call->span,
			  "provider `" STR_FMT "`%s" STR_FMT ": argument %zu is of the wrong type",
			  STR_ARG(c->call->provider->name), of.n ? ", method " : "", STR_ARG(of),
			  i + 1);
	return policy_diags_err(c->diags, ERR_INVALID, c->err);
}

static enum err_code missing_path(struct checker *c, const struct dw_call_arg *arg,
				  const struct schema_action *action)
{
	struct buf path;

	buf_init(&path, 4096);
	buf_append(&path, policy_var_name(arg->base));
	for (uint32_t k = 0; k < arg->n_names; k++) {
		buf_append_c(&path, '.');
		buf_append(&path, arg->names[k]);
	}
	policy_diag_error(c->diags, c->call->source, c->call->span,
			  "provider `" STR_FMT "`: argument `" STR_FMT
			  "` does not exist for action `" STR_FMT "::\"" STR_FMT
			  "\"`, which this policy covers",
			  STR_ARG(c->call->provider->name), STR_ARG(buf_str(&path)),
			  STR_ARG(action->type->name), STR_ARG(action->id));
	buf_done(&path);
	return policy_diags_err(c->diags, ERR_INVALID, c->err);
}

static enum err_code check_path(struct checker *c, const struct dw_call_arg *arg,
				const struct type *want, size_t i, struct str of)
{
	const struct schema_action *missing = NULL;
	struct dw_types types = {0};

	if (is_name(arg)) {
		return want->kind == TYPE_STRING ? ERR_OK : wrong_type(c, i, of);
	}
	if (!temporal_path_types(c->a, c->scope, c->actions, c->n_actions, arg->base, arg->names,
				 arg->n_names, &types, &missing)) {
		return missing ? missing_path(c, arg, missing)
			       : ERR(c->err, ERR_NOMEM, "providers: out of memory");
	}
	for (size_t k = 0; k < types.n; k++) {
		if (!type_fits(want, types.items[k])) {
			return wrong_type(c, i, of);
		}
	}
	return ERR_OK;
}

/* Recursion is bounded by the parser's. */
static enum err_code check_arg(struct checker *c, const struct dw_call_arg *arg,
			       const struct type *want, size_t i, struct str of)
{
	if (arg->kind == DW_ARG_PATH) {
		return check_path(c, arg, want, i, of);
	}
	if (arg->kind == DW_ARG_VALUE) {
		return literal_fits(want, arg->value) ? ERR_OK : wrong_type(c, i, of);
	}
	if (want->kind != TYPE_SET || !want->element) {
		return wrong_type(c, i, of);
	}
	for (uint32_t k = 0; k < arg->n_items; k++) {
		TRY(check_arg(c, &arg->items[k], want->element, i, of));
	}
	return ERR_OK;
}

static enum err_code check_stages(struct checker *c)
{
	const struct type *before = c->call->provider->output;

	for (size_t i = 0; i < c->call->n_stages; i++) {
		const struct dw_method *m = c->call->stages[i].method;

		if (m->input && !type_fits(m->input, before)) {
			policy_diag_error(c->diags, c->call->source, c->call->span,
					  "provider `" STR_FMT "`: method `" STR_FMT
					  "` does not take what stands before it",
					  STR_ARG(c->call->provider->name), STR_ARG(m->name));
			return policy_diags_err(c->diags, ERR_INVALID, c->err);
		}
		for (size_t k = 0; k < m->n_args; k++) {
			TRY(check_arg(c, &c->call->stages[i].args[k], m->args[k], k, m->name));
		}
		before = m->output;
	}
	return ERR_OK;
}

static enum err_code check_call(struct checker *c)
{
	TRY(temporal_scope_actions(c->a, c->schema, c->scope, &c->actions, &c->n_actions, c->err));
	for (size_t i = 0; i < c->call->n_args; i++) {
		TRY(check_arg(c, &c->call->args[i], c->call->provider->args[i], i, STR("")));
	}
	return check_stages(c);
}

enum err_code dw_call_check(const struct schema *schema, const struct policy *scope,
			    const struct dw_call *call, struct policy_diags *diags, struct err *err)
{
	struct arena scratch;
	struct checker c = {.a = &scratch,
			    .schema = schema,
			    .scope = scope,
			    .call = call,
			    .diags = diags,
			    .err = err};
	enum err_code code;

	arena_init(&scratch, SIZE_MAX / 2);
	code = check_call(&c);
	arena_done(&scratch);
	return code;
}

/* ---- comparing ---- */

static bool same_arg(const struct dw_call_arg *a, const struct dw_call_arg *b)
{
	if (a->kind != b->kind || a->base != b->base || a->n_names != b->n_names ||
	    a->n_items != b->n_items) {
		return false;
	}
	for (uint32_t i = 0; i < a->n_names; i++) {
		if (!str_eq(a->names[i], b->names[i])) {
			return false;
		}
	}
	for (uint32_t i = 0; a->kind == DW_ARG_SET && i < a->n_items; i++) {
		if (!same_arg(&a->items[i], &b->items[i])) {
			return false;
		}
	}
	return a->kind != DW_ARG_VALUE || policy_value_eq(a->value, b->value);
}

static bool same_args(const struct dw_call_arg *a, const struct dw_call_arg *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!same_arg(&a[i], &b[i])) {
			return false;
		}
	}
	return true;
}

bool dw_call_same(const struct dw_call *a, const struct dw_call *b)
{
	if (a->provider != b->provider || a->n_stages != b->n_stages ||
	    !same_args(a->args, b->args, a->n_args)) {
		return false;
	}
	for (size_t i = 0; i < a->n_stages; i++) {
		const struct dw_stage *x = &a->stages[i], *y = &b->stages[i];

		if (x->method != y->method || !same_args(x->args, y->args, x->method->n_args)) {
			return false;
		}
	}
	return true;
}

/* ---- computing ---- */

/* The value of an argument for this request; POLICY_NONE when it has none. */
static bool arg_value(const struct dw_call_arg *arg, const struct policy_env *env,
		      struct arena *scratch, struct policy_value *ret)
{
	const struct policy_uid *uid =
		arg->base == POLICY_VAR_PRINCIPAL ? env->principal : env->resource;
	struct policy_value *elems;

	switch (arg->kind) {
	case DW_ARG_VALUE:
		*ret = arg->value;
		return true;
	case DW_ARG_PATH:
		*ret = is_name(arg)
			       ? policy_string(arg->names[0].n == 2 ? uid->id : uid->type)
			       : temporal_request_path(env, arg->base, arg->names, arg->n_names);
		return true;
	case DW_ARG_SET:
		break;
	}
	elems = ARENA_ARRAY(scratch, arg->n_items, struct policy_value);
	if (!elems) {
		return false;
	}
	for (uint32_t i = 0; i < arg->n_items; i++) {
		if (!arg_value(&arg->items[i], env, scratch, &elems[i])) {
			return false;
		}
	}
	*ret = (struct policy_value){.kind = POLICY_SET, .n = arg->n_items, .elems = elems};
	return true;
}

static enum err_code arg_values(const struct dw_call_arg *list, size_t n,
				const struct policy_env *env, struct arena *scratch,
				struct policy_value *ret, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!arg_value(&list[i], env, scratch, &ret[i])) {
			return ERR(err, ERR_NOMEM, "providers: out of memory");
		}
	}
	return ERR_OK;
}

/* What a stage gave, as the script has it, and whether it is what was declared. */
static enum err_code conforms(const struct schema *schema, const struct type *want,
			      struct policy_value raw, struct arena *scratch,
			      struct policy_value *ret, struct err *err)
{
	TRY(dw_script_value(raw, scratch, ret, err));
	return conform_value(schema, want, *ret, err);
}

static enum err_code compute(const struct dw_call *call, const struct policy_env *env,
			     const struct schema *schema, struct arena *scratch,
			     struct policy_value *ret, struct err *err)
{
	const struct dw_provider *p = call->provider;
	struct policy_value args[DW_PROVIDER_ARGS_MAX + 1] = {0}, raw;

	TRY(arg_values(call->args, call->n_args, env, scratch, args, err));
	if (p->native) {
		TRY(p->native->fn(p->native->arg, args, call->n_args, scratch, &raw, err));
	} else {
		TRY(dw_script_call(p->script, p->evaluate, args, scratch, &raw, err));
	}
	TRY(conforms(schema, p->output, raw, scratch, ret, err));
	for (size_t i = 0; i < call->n_stages; i++) {
		const struct dw_method *m = call->stages[i].method;

		args[0] = raw;
		TRY(arg_values(call->stages[i].args, m->n_args, env, scratch, args + 1, err));
		TRY(dw_script_call(p->script, m->fn, args, scratch, &raw, err));
		TRY(conforms(schema, m->output, raw, scratch, ret, err));
	}
	return ERR_OK;
}

enum err_code dw_call_eval(const struct dw_call *call, const struct policy_env *env,
			   const struct schema *schema, struct arena *scratch,
			   struct policy_value *ret, struct err *err)
{
	struct policy_value v;
	enum err_code code = compute(call, env, schema, scratch, &v, err);

	if (code) {
		err_wrap(err, "provider `" STR_FMT "`", STR_ARG(call->provider->name));
		return code;
	}
	*ret = v;
	return ERR_OK;
}
