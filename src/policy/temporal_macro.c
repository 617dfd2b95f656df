/* SPDX-License-Identifier: Apache-2.0 */
/* Macros: definitions and their expansion, which copies the body with the arguments in place. */
#include "policy/temporal_priv.h"

#include <stdio.h>

const struct dw_macro *dw_macro_find(const struct dw_parser *d, struct str name)
{
	for (size_t i = 0; d->macros && i < d->macros->n; i++) {
		if (str_eq(d->macros->items[i].name, name)) {
			return &d->macros->items[i];
		}
	}
	for (size_t i = 0; d->standard_macros && i < d->standard_macros->n; i++) {
		if (str_eq(d->standard_macros->items[i].name, name)) {
			return &d->standard_macros->items[i];
		}
	}
	return NULL;
}

/* Which argument a parameter stands for. `name` begins with a question mark. */
static bool param_index(struct dw_parser *d, const struct dw_macro *m, struct str name,
			struct policy_span span, size_t *ret)
{
	for (size_t i = 0; i < m->n_params; i++) {
		if (str_eq(m->params[i], name)) {
			*ret = i;
			return true;
		}
	}
	return temporal_fail(d, span, "`" STR_FMT "` is not a parameter of `" STR_FMT "`",
			     STR_ARG(name), STR_ARG(m->name));
}

static bool name_free(struct dw_parser *d, struct str name)
{
	static const struct str reserved[] = {
		STR_INIT("decimal"),  STR_INIT("datetime"), STR_INIT("duration"),
		STR_INIT("ip"),       STR_INIT("let"),      STR_INIT("in"),
		STR_INIT("where"),    STR_INIT("for"),      STR_INIT("sum"),
		STR_INIT("count"),    STR_INIT("tp"),       STR_INIT("formerly"),
		STR_INIT("previous"), STR_INIT("since"),    STR_INIT("true"),
		STR_INIT("false"),    STR_INIT("exists"),   STR_INIT("within"),
		STR_INIT("temporal"),
	};

	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		if (str_eq(name, reserved[i])) {
			return temporal_fail(d, d->p.lx.last,
					     "a macro cannot be called `" STR_FMT "`",
					     STR_ARG(name));
		}
	}
	for (size_t i = 0; i < d->macros->n; i++) {
		if (str_eq(name, d->macros->items[i].name)) {
			return temporal_fail(d, d->p.lx.last,
					     "macro `" STR_FMT "` is defined twice", STR_ARG(name));
		}
	}
	return true;
}

static bool params(struct dw_parser *d, struct dw_macro *m)
{
	size_t cap = 0;

	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_LPAREN, "before the parameters")) {
		return false;
	}
	while (d->p.lx.tok.kind != POLICY_TOK_RPAREN) {
		struct policy_token tok = d->p.lx.tok;

		if (tok.kind != POLICY_TOK_SLOT) {
			policy_lex_unexpected(&d->p.lx, "a parameter such as ?x");
			return false;
		}
		for (size_t i = 0; i < m->n_params; i++) {
			if (str_eq(m->params[i], tok.text)) {
				return temporal_fail(d, tok.span, "parameter named twice");
			}
		}
		if (m->n_params == DW_PARAMS_MAX) {
			d->p.limit = true;
			return temporal_fail(d, tok.span, "more than %u parameters", DW_PARAMS_MAX);
		}
		if (!ARENA_GROW(d->p.a, &m->params, m->n_params, &cap)) {
			return temporal_no_memory(d);
		}
		m->params[m->n_params++] = tok.text;
		policy_lex_next(&d->p.lx);
		if (!policy_lex_accept(&d->p.lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	return policy_lex_expect(&d->p.lx, POLICY_TOK_RPAREN, "after the parameters");
}

static bool body(struct dw_parser *d, struct dw_macro *m)
{
	bool good;

	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_LBRACE, "before the body")) {
		return false;
	}
	d->in_macro = m;
	d->nodes = 0;
	if (m->temporal) {
		m->body = temporal_parse(d, true);
		good = m->body != NULL;
	} else {
		m->cedar = parse_expr(&d->p);
		good = m->cedar != NULL;
	}
	d->in_macro = NULL;
	return good && policy_lex_expect(&d->p.lx, POLICY_TOK_RBRACE, "after the body") &&
	       policy_lex_expect(&d->p.lx, POLICY_TOK_SEMICOLON, "after a macro");
}

bool dw_macro_parse(struct dw_parser *d)
{
	struct dw_macro m = {0};

	policy_lex_next(&d->p.lx);
	m.temporal = policy_lex_is(&d->p.lx, STR("temporal"));
	if (!m.temporal && !policy_lex_is(&d->p.lx, STR("cedar"))) {
		policy_lex_unexpected(&d->p.lx, "`cedar` or `temporal` after `def`");
		return false;
	}
	policy_lex_next(&d->p.lx);
	m.name = d->p.lx.tok.text;
	if (d->p.lx.tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(&d->p.lx, "the macro's name");
		return false;
	}
	policy_lex_next(&d->p.lx);
	if (!name_free(d, m.name) || !params(d, &m) || !body(d, &m)) {
		return false;
	}
	if (d->macros->n == DW_MACROS_MAX) {
		d->p.limit = true;
		return temporal_fail(d, d->p.lx.last, "more than %u macros", DW_MACROS_MAX);
	}
	if (!ARENA_GROW(d->p.a, &d->macros->items, d->macros->n, &d->macros->cap)) {
		return temporal_no_memory(d);
	}
	d->macros->items[d->macros->n++] = m;
	return true;
}

static bool call_ok(struct dw_parser *d, const struct dw_macro *m, size_t n,
		    struct policy_span call)
{
	if (n != m->n_params) {
		return temporal_fail(d, call, "`" STR_FMT "` takes %zu arguments, not %zu",
				     STR_ARG(m->name), m->n_params, n);
	}
	if (++d->calls > DW_MACRO_CALLS_MAX) {
		d->p.limit = true;
		return temporal_fail(d, call, "more than %u calls of macros", DW_MACRO_CALLS_MAX);
	}
	return true;
}

struct copy {
	struct dw_parser *d;
	const struct dw_macro *m; /* NULL inside an argument */
	struct policy_expr **cedar;
	const struct temporal_arg *args;
	struct policy_span call;
	uint32_t number, nodes;
};

static struct policy_expr *copy_cedar(struct copy *c, const struct policy_expr *from, bool own)
{
	struct policy_expr *e, **arg;

	if (own && from->kind == POLICY_EXPR_LIT && from->lit.kind == POLICY_NONE) {
		return copy_cedar(c, c->cedar[from->lit.i], false);
	}
	if (++c->nodes > DW_EXPANSION_MAX) {
		c->d->p.limit = true;
		temporal_fail(c->d, c->call, "a macro grows to more than %u nodes",
			      DW_EXPANSION_MAX);
		return NULL;
	}
	e = parse_node(&c->d->p, from->kind, own ? c->call : from->span);
	arg = ARENA_ARRAY(c->d->p.a, from->n_args, struct policy_expr *);
	if (!e || !arg) {
		temporal_no_memory(c->d);
		return NULL;
	}
	*e = *from;
	e->span = own ? c->call : from->span;
	if (own) {
		e->name_spans = NULL; /* they point into the macro's text */
	}
	for (uint32_t i = 0; i < from->n_args; i++) {
		arg[i] = copy_cedar(c, from->arg[i], own);
		if (!arg[i]) {
			return NULL;
		}
	}
	e->depth = 1;
	return from->n_args == 0 || parse_adopt(&c->d->p, e, arg, from->n_args) ? e : NULL;
}

struct policy_expr *dw_macro_expand_cedar(struct dw_parser *d, const struct dw_macro *m,
					  struct policy_expr **args, size_t n,
					  struct policy_span call)
{
	struct copy c = {.d = d, .m = m, .cedar = args, .call = call};

	return call_ok(d, m, n, call) ? copy_cedar(&c, m->cedar, true) : NULL;
}

static bool arg_of(struct copy *c, struct str name, const struct temporal_arg **ret)
{
	size_t i = 0;

	if (!param_index(c->d, c->m, name, c->call, &i)) {
		return false;
	}
	*ret = &c->args[i];
	return true;
}

/* A binder's or summand's name. */
static bool copy_name(struct copy *c, struct str from, struct str *ret)
{
	const struct temporal_arg *arg;

	*ret = from;
	if (!c->m || from.n == 0) {
		return true;
	}
	if (from.p[0] == '$') {
		*ret = arena_printf(c->d->p.a, STR_FMT "#%u", STR_ARG(from), c->number);
		return ret->p || temporal_no_memory(c->d);
	}
	if (from.p[0] != '?') {
		return true;
	}
	if (!arg_of(c, from, &arg)) {
		return false;
	}
	if (arg->interval || arg->expr->kind != TEMPORAL_TERM ||
	    arg->expr->left.kind != TEMPORAL_VAR) {
		return temporal_fail(c->d, c->call,
				     "`" STR_FMT "` of `" STR_FMT "` must be a variable's name",
				     STR_ARG(from), STR_ARG(c->m->name));
	}
	*ret = arg->expr->left.name;
	return true;
}

static bool copy_binder(struct copy *c, const struct temporal_binder *from,
			struct temporal_binder *ret)
{
	*ret = *from;
	if (c->m) {
		ret->span = c->call;
	}
	return copy_name(c, from->name, &ret->name);
}

static struct temporal_expr *copy(struct copy *c, const struct temporal_expr *from);

static bool copy_agg(struct copy *c, const struct temporal_agg *from, struct temporal_agg **ret)
{
	struct temporal_agg *agg = ARENA_NEW(c->d->p.a, struct temporal_agg);

	if (!agg) {
		return temporal_no_memory(c->d);
	}
	*agg = *from;
	agg->binders = ARENA_ARRAY(c->d->p.a, from->n_binders, struct temporal_binder);
	if (!agg->binders) {
		return temporal_no_memory(c->d);
	}
	for (size_t i = 0; i < from->n_binders; i++) {
		if (!copy_binder(c, &from->binders[i], &agg->binders[i])) {
			return false;
		}
	}
	if (!copy_name(c, from->summand, &agg->summand)) {
		return false;
	}
	agg->body = copy(c, from->body);
	*ret = agg;
	return agg->body != NULL;
}

static bool copy_term(struct copy *c, const struct temporal_term *from, struct temporal_term *ret)
{
	const struct temporal_arg *arg;

	if (c->m && from->kind == TEMPORAL_TERM_PARAM) {
		struct copy inner = *c;
		bool good;

		if (!arg_of(c, from->name, &arg)) {
			return false;
		}
		if (arg->interval || arg->expr->kind != TEMPORAL_TERM) {
			return temporal_fail(c->d, c->call,
					     "`" STR_FMT "` of `" STR_FMT "` must be a term",
					     STR_ARG(from->name), STR_ARG(c->m->name));
		}
		inner.m = NULL;
		good = copy_term(&inner, &arg->expr->left, ret);
		c->nodes = inner.nodes;
		return good;
	}
	*ret = *from;
	if (c->m) {
		ret->span = c->call;
	}
	if (from->kind == TEMPORAL_VAR) {
		return copy_name(c, from->name, &ret->name);
	}
	if (from->kind == TEMPORAL_AGG) {
		return copy_agg(c, from->agg, &ret->agg);
	}
	if (from->kind != TEMPORAL_SET) {
		return true;
	}
	ret->items = ARENA_ARRAY(c->d->p.a, from->n_names, struct temporal_term);
	if (!ret->items) {
		return temporal_no_memory(c->d);
	}
	for (uint32_t i = 0; i < from->n_names; i++) {
		if (!copy_term(c, &from->items[i], &ret->items[i])) {
			return false;
		}
	}
	return true;
}

static bool copy_fields(struct copy *c, const struct temporal_field *from, uint32_t n,
			struct temporal_expr *e)
{
	struct temporal_field *fields =
		ARENA_ARRAY(c->d->p.a, e->n_fields + n, struct temporal_field);

	if (!fields) {
		return temporal_no_memory(c->d);
	}
	if (e->n_fields + n > TEMPORAL_FIELDS_MAX) {
		c->d->p.limit = true;
		return temporal_fail(c->d, c->call, "more than %d fields of a predicate",
				     TEMPORAL_FIELDS_MAX);
	}
	if (e->n_fields > 0) {
		memcpy(fields, e->fields, e->n_fields * sizeof(*fields));
	}
	for (uint32_t i = 0; i < n; i++) {
		fields[e->n_fields + i] = from[i];
		if (c->m) {
			fields[e->n_fields + i].span = c->call;
		}
		if (!copy_term(c, &from[i].term, &fields[e->n_fields + i].term)) {
			return false;
		}
	}
	e->fields = fields;
	e->n_fields += n;
	return true;
}

/* ?x{...}: the argument, with the fields added to it. */
static struct temporal_expr *copy_param(struct copy *c, const struct temporal_expr *from)
{
	const struct temporal_arg *arg;
	struct copy inner = *c;
	struct temporal_expr *e;

	if (!arg_of(c, from->name, &arg)) {
		return NULL;
	}
	if (arg->interval) {
		temporal_fail(c->d, c->call, "`" STR_FMT "` of `" STR_FMT "` must be a condition",
			      STR_ARG(from->name), STR_ARG(c->m->name));
		return NULL;
	}
	inner.m = NULL;
	e = copy(&inner, arg->expr);
	c->nodes = inner.nodes;
	if (!e || from->n_fields == 0) {
		return e;
	}
	if (e->kind != TEMPORAL_EVENT) {
		temporal_fail(c->d, c->call, "`" STR_FMT "` of `" STR_FMT "` must be an event",
			      STR_ARG(from->name), STR_ARG(c->m->name));
		return NULL;
	}
	return copy_fields(c, from->fields, from->n_fields, e) ? e : NULL;
}

static bool copy_window(struct copy *c, struct temporal_expr *e)
{
	const struct temporal_arg *arg;

	if (!c->m || e->name.n == 0) {
		return true;
	}
	if (!arg_of(c, e->name, &arg)) {
		return false;
	}
	if (!arg->interval) {
		return temporal_fail(c->d, c->call,
				     "`" STR_FMT "` of `" STR_FMT "` must be a time such as 1h",
				     STR_ARG(e->name), STR_ARG(c->m->name));
	}
	e->window_ms = arg->window_ms;
	e->name = str_make(NULL, 0);
	return true;
}

static struct temporal_expr *copy(struct copy *c, const struct temporal_expr *from)
{
	struct temporal_expr *e, **arg;

	if (c->m && from->kind == TEMPORAL_PARAM) {
		return copy_param(c, from);
	}
	e = temporal_node(c->d, from->kind, c->m ? c->call : from->span);
	arg = ARENA_ARRAY(c->d->p.a, from->n_args, struct temporal_expr *);
	if (!e || !arg) {
		temporal_no_memory(c->d);
		return NULL;
	}
	e->op = from->op;
	e->window_ms = from->window_ms;
	e->name = from->name;
	e->action = from->action;
	e->event_kind = from->event_kind;
	if (!copy_window(c, e) || !copy_binder(c, &from->binder, &e->binder) ||
	    !copy_term(c, &from->left, &e->left) || !copy_term(c, &from->right, &e->right) ||
	    !copy_fields(c, from->fields, from->n_fields, e)) {
		return NULL;
	}
	for (uint32_t i = 0; i < from->n_args; i++) {
		arg[i] = copy(c, from->arg[i]);
		if (!arg[i]) {
			return NULL;
		}
		if (arg[i]->kind == TEMPORAL_TERM) {
			temporal_fail(c->d, c->call,
				      "a term stands where `" STR_FMT "` needs a condition",
				      STR_ARG(c->m ? c->m->name : STR("the macro")));
			return NULL;
		}
	}
	if (!temporal_adopt(e, arg, from->n_args)) {
		c->d->p.limit = true;
		temporal_fail(c->d, c->call, "temporal condition nested deeper than %d",
			      TEMPORAL_DEPTH_MAX);
		return NULL;
	}
	return e;
}

struct temporal_expr *dw_macro_expand(struct dw_parser *d, const struct dw_macro *m,
				      const struct temporal_arg *args, size_t n,
				      struct policy_span call)
{
	struct copy c = {.d = d, .m = m, .args = args, .call = call, .number = d->calls};

	return call_ok(d, m, n, call) ? copy(&c, m->body) : NULL;
}
