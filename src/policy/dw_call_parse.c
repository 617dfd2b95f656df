/* SPDX-License-Identifier: Apache-2.0 */
/* Ns::Fn(args).method(args): literals and paths of the request, nothing computed. */
#include "policy/dw_call.h"
#include "policy/ext.h"
#include "policy/temporal_priv.h"

static bool one_arg(struct dw_parser *d, const struct policy_expr *e, int depth,
		    struct dw_call_arg *ret);

/* Path of GETs over a variable. */
static bool path_arg(struct dw_parser *d, const struct policy_expr *e, struct dw_call_arg *ret)
{
	const struct policy_expr *at = e;
	uint32_t n = 0;

	for (; at->kind == POLICY_EXPR_GET; at = at->arg[0]) {
		n++;
	}
	if (at->kind != POLICY_EXPR_VAR || at->var == POLICY_VAR_ACTION ||
	    (at->var == POLICY_VAR_CONTEXT && n == 0)) {
		return temporal_fail(d, e->span,
				     "an argument of a provider is a literal or a path of "
				     "context, principal or resource");
	}
	ret->kind = DW_ARG_PATH;
	ret->base = at->var;
	ret->n_names = n;
	ret->names = ARENA_ARRAY(d->p.a, n, struct str);
	if (!ret->names) {
		return temporal_no_memory(d);
	}
	for (at = e; at->kind == POLICY_EXPR_GET; at = at->arg[0]) {
		ret->names[--n] = at->names[0];
	}
	return true;
}

static bool set_arg(struct dw_parser *d, const struct policy_expr *e, int depth,
		    struct dw_call_arg *ret)
{
	struct policy_value *elems = ARENA_ARRAY(d->p.a, e->n_args, struct policy_value);
	bool literal = true;

	ret->items = ARENA_ARRAY(d->p.a, e->n_args, struct dw_call_arg);
	if (!elems || !ret->items) {
		return temporal_no_memory(d);
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (!one_arg(d, e->arg[i], depth + 1, &ret->items[i])) {
			return false;
		}
		literal = literal && ret->items[i].kind == DW_ARG_VALUE;
		elems[i] = ret->items[i].value;
	}
	ret->kind = literal ? DW_ARG_VALUE : DW_ARG_SET;
	ret->n_items = e->n_args;
	if (literal) {
		ret->value = policy_value_set(elems, e->n_args);
	}
	return true;
}

static bool decimal_arg(struct dw_parser *d, const struct policy_expr *e, struct dw_call_arg *ret)
{
	const struct policy_expr *text = e->arg[0];
	int64_t units;

	if (text->kind != POLICY_EXPR_LIT || text->lit.kind != POLICY_STRING ||
	    !policy_decimal_parse(policy_value_str(text->lit), &units)) {
		return temporal_fail(d, e->span, "not a decimal such as decimal(\"0.5\")");
	}
	ret->value = policy_scalar(POLICY_DECIMAL, units);
	return true;
}

/* Sets are nested as deep as the parser of expressions allows; types are not. */
static bool one_arg(struct dw_parser *d, const struct policy_expr *e, int depth,
		    struct dw_call_arg *ret)
{
	if (depth > TEMPORAL_DEPTH_MAX) {
		d->p.limit = true;
		return temporal_fail(d, e->span, "nested deeper than %d", TEMPORAL_DEPTH_MAX);
	}
	if (e->kind == POLICY_EXPR_LIT) {
		ret->value = e->lit;
		return true;
	}
	if (e->kind == POLICY_EXPR_CALL && e->fn == POLICY_FN_DECIMAL && e->n_args == 1) {
		return decimal_arg(d, e, ret);
	}
	return e->kind == POLICY_EXPR_SET ? set_arg(d, e, depth, ret) : path_arg(d, e, ret);
}

/* The list up to the closing parenthesis, which is behind the current token. */
static bool args(struct dw_parser *d, struct str name, struct policy_span span, size_t want,
		 struct dw_call_arg **ret)
{
	struct policy_expr **list;
	size_t n;

	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_LPAREN, NULL) ||
	    !parse_list(&d->p, POLICY_TOK_RPAREN, &list, &n)) {
		return false;
	}
	if (n != want) {
		return temporal_fail(d, span, "`" STR_FMT "` takes %zu arguments, not %zu",
				     STR_ARG(name), want, n);
	}
	*ret = ARENA_ARRAY(d->p.a, n, struct dw_call_arg);
	if (!*ret) {
		return temporal_no_memory(d);
	}
	for (size_t i = 0; i < n; i++) {
		if (!one_arg(d, list[i], 0, &(*ret)[i])) {
			return false;
		}
	}
	return true;
}

/* Is .name( at the current token, and not one of Cedar's methods? */
static bool at_method(const struct dw_parser *d, struct str *ret, struct policy_span *span)
{
	struct policy_lex ahead = d->p.lx;

	if (ahead.tok.kind != POLICY_TOK_DOT) {
		return false;
	}
	ahead.diags = NULL;
	policy_lex_next(&ahead);
	if (ahead.tok.kind != POLICY_TOK_IDENT) {
		return false;
	}
	*ret = ahead.tok.text;
	*span = ahead.tok.span;
	policy_lex_next(&ahead);
	return ahead.tok.kind == POLICY_TOK_LPAREN && policy_fn_find(*ret) == POLICY_FN_NONE;
}

static bool stages(struct dw_parser *d, struct dw_call *call)
{
	struct policy_span span;
	struct str name;

	while (at_method(d, &name, &span)) {
		struct dw_stage stage = {.method = dw_method_find(call->provider, name)};

		if (!stage.method) {
			return temporal_fail(d, span,
					     "provider `" STR_FMT "` has no method `" STR_FMT "`",
					     STR_ARG(call->provider->name), STR_ARG(name));
		}
		if (call->n_stages == DW_STAGES_MAX) {
			d->p.limit = true;
			return temporal_fail(d, span, "more than %u methods in a row",
					     DW_STAGES_MAX);
		}
		policy_lex_next(&d->p.lx);
		policy_lex_next(&d->p.lx);
		if (!args(d, name, span, stage.method->n_args, &stage.args)) {
			return false;
		}
		if (!ARENA_GROW(d->p.a, &call->stages, call->n_stages, &call->cap_stages)) {
			return temporal_no_memory(d);
		}
		call->stages[call->n_stages++] = stage;
		call->output = stage.method->output;
	}
	return true;
}

bool dw_call_parse(struct dw_parser *d, const struct dw_providers *providers, struct dw_call *ret)
{
	struct policy_span start = d->p.lx.tok.span, span;
	struct str name;

	*ret = (struct dw_call){0};
	if (!policy_parse_path(&d->p.lx, d->p.a, &name, &span)) {
		return false;
	}
	ret->provider = providers ? dw_provider_find(providers, name) : NULL;
	if (!ret->provider) {
		return temporal_fail(d, span, "no provider is called `" STR_FMT "`", STR_ARG(name));
	}
	if (!ret->provider->script && !ret->provider->native) {
		return temporal_fail(d, span,
				     "nobody computes `" STR_FMT "`: it has no implementation, and "
				     "this program has none of its own",
				     STR_ARG(name));
	}
	ret->n_args = ret->provider->n_args;
	ret->output = ret->provider->output;
	if (!args(d, name, span, ret->n_args, &ret->args) || !stages(d, ret)) {
		return false;
	}
	ret->span = policy_span_join(start, d->p.lx.last);
	return true;
}
