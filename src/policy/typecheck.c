/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/typecheck_priv.h"

#include "policy/lex.h"
#include "policy/print.h"

#include <stdarg.h>
#include <stdio.h>

/* What a message shows of a type or of a piece of source. */
#define TEXT_MAX 200u

/* A policy with this many errors is not checked in further environments. */
#define ERRORS_MAX 20u

static const struct type *scalar(enum type_kind kind)
{
	return type_scalar(kind);
}

static struct typecheck_result plain(enum type_kind kind)
{
	return (struct typecheck_result){.type = type_scalar(kind)};
}

static struct typecheck_result of_type(const struct type *t)
{
	return (struct typecheck_result){.type = t};
}

void typecheck_init(struct typecheck *tc, const struct schema *s, struct arena *scratch)
{
	*tc = (struct typecheck){.s = s, .a = scratch};
	type_pool_init(&tc->pool, scratch, &s->pool);
}

const struct type *typecheck_stop(struct typecheck *tc, enum err_code code)
{
	if (!tc->code) {
		tc->code = ERR(tc->err, code, "no memory to check a policy");
	}
	return scalar(TYPE_NONE);
}

/* What the buffer holds, cut and in scratch memory. */
static struct str cut_text(struct typecheck *tc, struct buf *out)
{
	struct str text = buf_str(out);

	text = text.n > TEXT_MAX ? arena_printf(tc->a, STR_FMT "...", (int)TEXT_MAX, text.p)
				 : arena_dup(tc->a, text);
	buf_done(out);
	return text.p ? text : STR("?");
}

struct str typecheck_text(struct typecheck *tc, const struct type *t)
{
	struct buf out;

	buf_init(&out, 1u << 16);
	type_print(&out, t);
	return cut_text(tc, &out);
}

struct str typecheck_source(struct typecheck *tc, const struct policy_expr *e)
{
	struct buf out;

	buf_init(&out, 1u << 20);
	policy_expr_print(&out, e);
	return cut_text(tc, &out);
}

/* The same message at the same place, from another environment. */
static bool is_known(const struct typecheck *tc, const struct policy_expr *e, struct str message)
{
	const struct policy_diags *ds = tc->diags;

	for (size_t i = tc->first_diag; i < ds->n; i++) {
		const struct policy_diag *d = &ds->items[i];

		if (d->span.at == e->span.at && d->span.n == e->span.n &&
		    str_eq(d->message, message)) {
			return true;
		}
	}
	return false;
}

const struct type *typecheck_error(struct typecheck *tc, const struct policy_expr *e,
				   const char *fmt, ...)
{
	char text[512];
	va_list ap;
	size_t n = tc->diags->n;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tc->n_errors++;
	tc->repeated = is_known(tc, e, str_from_c(text));
	if (!tc->repeated) {
		policy_diag_error(tc->diags, tc->src, e->span, "%s", text);
	}
	tc->repeated = tc->repeated || tc->diags->n == n;
	if (!tc->repeated) {
		tc->diags->items[tc->diags->n - 1].policy = tc->policy;
	}
	return scalar(TYPE_NONE);
}

void typecheck_help(struct typecheck *tc, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (tc->repeated) {
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	policy_diag_help(tc->diags, "%s", text);
}

bool typecheck_want(struct typecheck *tc, const struct policy_expr *e, const struct type *got,
		    enum type_kind kind)
{
	bool ok = kind == TYPE_BOOL ? type_is_bool(got) : got->kind == kind;

	if (!ok && got->kind != TYPE_NONE) {
		const char *what = kind == TYPE_ENTITY ? "an entity" : "a set";
		struct str name = typecheck_text(tc, type_scalar(kind));

		if (kind == TYPE_ENTITY || kind == TYPE_SET) {
			name = str_from_c(what);
		}
		typecheck_error(tc, e, "expected " STR_FMT ", found " STR_FMT, STR_ARG(name),
				STR_ARG(typecheck_text(tc, got)));
	}
	return ok;
}

const struct type *typecheck_lub(struct typecheck *tc, const struct policy_expr *e,
				 const struct type *a, const struct type *b)
{
	const struct type *t = NULL;
	enum err_code code;

	if (a->kind == TYPE_NONE || b->kind == TYPE_NONE) {
		return scalar(TYPE_NONE);
	}
	code = type_lub(&tc->pool, a, b, &t, tc->err);
	if (code) {
		return typecheck_stop(tc, code);
	}
	if (!t) {
		return typecheck_error(tc, e, STR_FMT " and " STR_FMT " are different types",
				       STR_ARG(typecheck_text(tc, a)),
				       STR_ARG(typecheck_text(tc, b)));
	}
	return t;
}

/* The declared action that an expression names, or NULL: a literal, or `action` itself. */
static const struct schema_action *action_of(const struct typecheck *tc,
					     const struct policy_expr *e)
{
	if (e->kind == POLICY_EXPR_VAR && e->var == POLICY_VAR_ACTION) {
		return tc->env.action;
	}
	if (e->kind == POLICY_EXPR_LIT && e->lit.kind == POLICY_ENTITY) {
		return schema_action_find(tc->s, e->lit.uid->type, e->lit.uid->id);
	}
	return NULL;
}

static struct typecheck_result check_lit(struct typecheck *tc, const struct policy_expr *e)
{
	const struct schema_entity *entity;

	switch (e->lit.kind) {
	case POLICY_BOOL:
		return plain(e->lit.b ? TYPE_TRUE : TYPE_FALSE);
	case POLICY_LONG:
		return plain(TYPE_LONG);
	case POLICY_STRING:
		return plain(TYPE_STRING);
	case POLICY_ENTITY:
		/* What is not declared was reported when names were checked. */
		entity = schema_entity_find(tc->s, e->lit.uid->type);
		return entity ? of_type(&entity->type) : plain(TYPE_NONE);
	case POLICY_NONE:
	case POLICY_SET:
	case POLICY_RECORD:
	case POLICY_DECIMAL:
	case POLICY_IP:
	case POLICY_DATETIME:
	case POLICY_DURATION:
		break;
	}
	return of_type(typecheck_error(tc, e, "not a literal"));
}

static struct typecheck_result check_var(const struct typecheck *tc, const struct policy_expr *e)
{
	switch (e->var) {
	case POLICY_VAR_PRINCIPAL:
		return of_type(&tc->env.principal->type);
	case POLICY_VAR_ACTION:
		return of_type(&tc->env.action->type->type);
	case POLICY_VAR_RESOURCE:
		return of_type(&tc->env.resource->type);
	case POLICY_VAR_CONTEXT:
		return of_type(tc->env.action->context);
	}
	return plain(TYPE_NONE);
}

struct typecheck_result typecheck_bool(struct typecheck *tc, const struct policy_expr *e,
				       const struct typecheck_caps *known)
{
	struct typecheck_result r = typecheck_expr(tc, e, known);

	if (!typecheck_want(tc, e, r.type, TYPE_BOOL)) {
		return plain(TYPE_NONE);
	}
	return r;
}

static struct typecheck_result check_if(struct typecheck *tc, const struct policy_expr *e,
					const struct typecheck_caps *known)
{
	struct typecheck_result c = typecheck_bool(tc, e->arg[0], known), x, y;
	const struct typecheck_caps *then = typecheck_caps_union(tc, known, c.caps);

	if (c.type->kind == TYPE_FALSE) {
		return typecheck_expr(tc, e->arg[2], known);
	}
	x = typecheck_expr(tc, e->arg[1], then);
	x.caps = typecheck_caps_union(tc, c.caps, x.caps);
	if (c.type->kind == TYPE_TRUE) {
		return x;
	}
	y = typecheck_expr(tc, e->arg[2], known);
	x.type = typecheck_lub(tc, e, x.type, y.type);
	x.caps = typecheck_caps_both(tc, x.caps, y.caps);
	return x;
}

/* An operand that failed counts as an unknown boolean, so that its neighbour is checked too. */
static enum type_kind bool_kind(struct typecheck_result r)
{
	return r.type->kind == TYPE_NONE ? TYPE_BOOL : r.type->kind;
}

static struct typecheck_result check_and(struct typecheck *tc, const struct policy_expr *e,
					 const struct typecheck_caps *known)
{
	struct typecheck_result a = typecheck_bool(tc, e->arg[0], known), b;

	if (a.type->kind == TYPE_FALSE) {
		return plain(TYPE_FALSE);
	}
	b = typecheck_bool(tc, e->arg[1], typecheck_caps_union(tc, known, a.caps));
	if (b.type->kind == TYPE_FALSE) {
		return plain(TYPE_FALSE);
	}
	a.type = scalar(bool_kind(a) == TYPE_TRUE && bool_kind(b) == TYPE_TRUE ? TYPE_TRUE
									       : TYPE_BOOL);
	a.caps = typecheck_caps_union(tc, a.caps, b.caps);
	return a;
}

static struct typecheck_result check_or(struct typecheck *tc, const struct policy_expr *e,
					const struct typecheck_caps *known)
{
	struct typecheck_result a = typecheck_bool(tc, e->arg[0], known), b;

	if (a.type->kind == TYPE_TRUE) {
		return a;
	}
	b = typecheck_bool(tc, e->arg[1], known);
	if (a.type->kind == TYPE_FALSE || b.type->kind == TYPE_TRUE) {
		return b;
	}
	if (b.type->kind == TYPE_FALSE) {
		return a;
	}
	b.type = scalar(TYPE_BOOL);
	b.caps = typecheck_caps_both(tc, a.caps, b.caps);
	return b;
}

static enum type_kind negated(enum type_kind kind)
{
	return kind == TYPE_TRUE ? TYPE_FALSE : kind == TYPE_FALSE ? TYPE_TRUE : TYPE_BOOL;
}

static struct typecheck_result check_not(struct typecheck *tc, const struct policy_expr *e,
					 const struct typecheck_caps *known)
{
	return plain(negated(typecheck_bool(tc, e->arg[0], known).type->kind));
}

static struct typecheck_result check_arithmetic(struct typecheck *tc, const struct policy_expr *e,
						const struct typecheck_caps *known)
{
	for (uint32_t i = 0; i < e->n_args; i++) {
		typecheck_want(tc, e->arg[i], typecheck_expr(tc, e->arg[i], known).type, TYPE_LONG);
	}
	return plain(TYPE_LONG);
}

/* && and || of true and false: the language reads them as the literal they give. */
static bool bool_literal(const struct policy_expr *e, bool *ret)
{
	bool a, b;

	if (e->kind == POLICY_EXPR_LIT && e->lit.kind == POLICY_BOOL) {
		*ret = e->lit.b;
		return true;
	}
	if ((e->kind != POLICY_EXPR_AND && e->kind != POLICY_EXPR_OR) ||
	    !bool_literal(e->arg[0], &a) || !bool_literal(e->arg[1], &b)) {
		return false;
	}
	*ret = e->kind == POLICY_EXPR_AND ? a && b : a || b;
	return true;
}

/* A literal, or `action`, which stands for one. */
static bool literal_of(const struct typecheck *tc, const struct policy_expr *e,
		       struct policy_uid *uid, struct policy_value *ret)
{
	bool b;

	if (e->kind == POLICY_EXPR_LIT) {
		*ret = e->lit;
		return true;
	}
	if (e->kind == POLICY_EXPR_VAR && e->var == POLICY_VAR_ACTION) {
		*uid = policy_uid_make(tc->env.action->type->name, tc->env.action->id);
		*ret = policy_entity(uid);
		return true;
	}
	if (bool_literal(e, &b)) {
		*ret = policy_bool(b);
		return true;
	}
	return false;
}

static struct typecheck_result check_eq(struct typecheck *tc, const struct policy_expr *e,
					const struct typecheck_caps *known)
{
	const struct type *a = typecheck_expr(tc, e->arg[0], known).type;
	const struct type *b = typecheck_expr(tc, e->arg[1], known).type;
	enum type_kind kind = TYPE_BOOL;
	struct policy_uid uids[2];
	struct policy_value x, y;

	if (literal_of(tc, e->arg[0], &uids[0], &x) && literal_of(tc, e->arg[1], &uids[1], &y)) {
		kind = policy_value_eq(x, y) ? TYPE_TRUE : TYPE_FALSE;
	} else if (a->kind == TYPE_ENTITY && b->kind == TYPE_ENTITY && a != b) {
		kind = TYPE_FALSE;
	} else {
		typecheck_lub(tc, e, a, b);
	}
	return plain(e->kind == POLICY_EXPR_NE ? negated(kind) : kind);
}

static bool is_ordered(const struct type *t)
{
	return t->kind == TYPE_LONG || t->kind == TYPE_DATETIME || t->kind == TYPE_DURATION;
}

static struct typecheck_result check_order(struct typecheck *tc, const struct policy_expr *e,
					   const struct typecheck_caps *known)
{
	const struct type *a = typecheck_expr(tc, e->arg[0], known).type;
	const struct type *b = typecheck_expr(tc, e->arg[1], known).type;

	if (is_ordered(a)) {
		typecheck_want(tc, e->arg[1], b, a->kind);
	} else if (is_ordered(b)) {
		typecheck_want(tc, e->arg[0], a, b->kind);
	} else if (a->kind != TYPE_NONE) {
		typecheck_error(tc, e->arg[0],
				"expected Long, datetime or duration, found " STR_FMT,
				STR_ARG(typecheck_text(tc, a)));
		if (a->kind == TYPE_DECIMAL) {
			typecheck_help(tc, "decimals are compared by methods, as `a.lessThan(b)`");
		}
	}
	return plain(TYPE_BOOL);
}

/* May an entity of type `a` be in one of type `b`? */
static bool may_be_in(const struct typecheck *tc, const struct schema_entity *a,
		      const struct schema_entity *b)
{
	if (a == b || schema_entity_may_be_in(a, b)) {
		return true;
	}
	for (size_t i = 0; a->is_action && b->is_action && i < tc->s->n_actions; i++) {
		const struct schema_action *action = &tc->s->actions[i];

		for (size_t k = 0; action->type == a && k < action->n_ancestors; k++) {
			if (action->ancestors[k]->type == b) {
				return true;
			}
		}
	}
	return false;
}

/* `in` between named actions is decided by the schema. False when it is not between such. */
static bool decide_actions(const struct typecheck *tc, const struct policy_expr *a,
			   const struct policy_expr *b, enum type_kind *ret)
{
	const struct schema_action *left = action_of(tc, a);
	uint32_t n = b->kind == POLICY_EXPR_SET ? b->n_args : 1;

	if (!left) {
		return false;
	}
	*ret = TYPE_FALSE;
	for (uint32_t i = 0; i < n; i++) {
		const struct policy_expr *item = b->kind == POLICY_EXPR_SET ? b->arg[i] : b;
		const struct schema_action *right = action_of(tc, item);

		if (!right) {
			return false;
		}
		if (schema_action_is_in(left, right)) {
			*ret = TYPE_TRUE;
		}
	}
	return true;
}

static const struct type *group_of(struct typecheck *tc, const struct policy_expr *e,
				   const struct type *t)
{
	if (t->kind == TYPE_SET && t->element && t->element->kind == TYPE_ENTITY) {
		return t->element;
	}
	if (t->kind != TYPE_ENTITY && t->kind != TYPE_NONE) {
		return typecheck_error(tc, e,
				       "expected an entity or a set of entities, found " STR_FMT,
				       STR_ARG(typecheck_text(tc, t)));
	}
	return t;
}

static struct typecheck_result check_in_pair(struct typecheck *tc, const struct policy_expr *a,
					     const struct policy_expr *b,
					     const struct typecheck_caps *known)
{
	const struct type *left = typecheck_expr(tc, a, known).type, *right;
	enum type_kind kind = TYPE_BOOL;
	bool ok = typecheck_want(tc, a, left, TYPE_ENTITY);

	right = group_of(tc, b, typecheck_expr(tc, b, known).type);
	if (ok && right->kind == TYPE_ENTITY && !decide_actions(tc, a, b, &kind)) {
		kind = may_be_in(tc, left->entity, right->entity) ? TYPE_BOOL : TYPE_FALSE;
	}
	return plain(kind);
}

static struct typecheck_result check_in(struct typecheck *tc, const struct policy_expr *e,
					const struct typecheck_caps *known)
{
	return check_in_pair(tc, e->arg[0], e->arg[1], known);
}

/* `a is T in e` is `a is T && a in e`. */
static struct typecheck_result check_is(struct typecheck *tc, const struct policy_expr *e,
					const struct typecheck_caps *known)
{
	const struct type *t = typecheck_expr(tc, e->arg[0], known).type;
	const struct schema_entity *named = schema_entity_find(tc->s, e->names[0]);
	enum type_kind kind = TYPE_BOOL;

	if (typecheck_want(tc, e->arg[0], t, TYPE_ENTITY) && named) {
		kind = t->entity == named ? TYPE_TRUE : TYPE_FALSE;
	}
	if (e->n_args < 2 || kind == TYPE_FALSE) {
		return plain(kind);
	}
	return check_in_pair(tc, e->arg[0], e->arg[1], known);
}

/* Attributes of an entity or a record; NULL with a report for anything else. */
static const struct type *attrs_of(struct typecheck *tc, const struct policy_expr *e,
				   const struct type *t)
{
	if (t->kind == TYPE_ENTITY) {
		return t->entity->attrs;
	}
	if (t->kind == TYPE_RECORD) {
		return t;
	}
	if (t->kind != TYPE_NONE) {
		typecheck_error(tc, e, "expected an entity or a record, found " STR_FMT,
				STR_ARG(typecheck_text(tc, t)));
	}
	return NULL;
}

static struct typecheck_result check_has_one(struct typecheck *tc, const struct policy_expr *e,
					     const struct type *t, struct str attr,
					     const struct typecheck_caps *known)
{
	const struct type *attrs = attrs_of(tc, e, t);
	const struct type_field *f = attrs ? type_field_find(attrs, attr) : NULL;
	struct typecheck_cap cap;
	struct typecheck_result r = plain(TYPE_BOOL);

	if (!attrs) {
		return r;
	}
	if (!f) {
		return plain(TYPE_FALSE);
	}
	if (f->required && t->kind == TYPE_RECORD) {
		return plain(TYPE_TRUE);
	}
	cap = typecheck_cap_attr(e, attr);
	if (typecheck_caps_have(known, &cap)) {
		r.type = scalar(TYPE_TRUE);
	}
	r.caps = typecheck_caps_one(tc, cap);
	return r;
}

static const struct type *unknown_attr(struct typecheck *tc, const struct policy_expr *e,
				       const struct type *t, const struct type *attrs)
{
	struct str near = schema_near_field(attrs, e->names[0]);
	const struct policy_expr *of = e->arg[0];

	if (t->kind == TYPE_ENTITY) {
		typecheck_error(tc, e, "entity type `" STR_FMT "` has no attribute `" STR_FMT "`",
				STR_ARG(t->entity->name), STR_ARG(e->names[0]));
	} else if (of->kind == POLICY_EXPR_VAR && of->var == POLICY_VAR_CONTEXT) {
		typecheck_error(
			tc, e, "the context of action `" STR_FMT "` has no attribute `" STR_FMT "`",
			STR_ARG(tc->env.action->id), STR_ARG(e->names[0]));
	} else {
		typecheck_error(tc, e, "record " STR_FMT " has no attribute `" STR_FMT "`",
				STR_ARG(typecheck_text(tc, t)), STR_ARG(e->names[0]));
	}
	if (near.n > 0) {
		typecheck_help(tc, "did you mean `" STR_FMT "`?", STR_ARG(near));
	}
	return scalar(TYPE_NONE);
}

/* The type of the node `e`, an attribute of something of type `t`. */
static const struct type *get_of(struct typecheck *tc, const struct policy_expr *e,
				 const struct type *t, const struct typecheck_caps *known)
{
	const struct type *attrs = attrs_of(tc, e->arg[0], t);
	const struct type_field *f;
	struct typecheck_cap cap;
	const char *quote;

	if (!attrs) {
		return scalar(TYPE_NONE);
	}
	f = type_field_find(attrs, e->names[0]);
	if (!f) {
		return unknown_attr(tc, e, t, attrs);
	}
	if (f->required) {
		return f->type;
	}
	cap = typecheck_cap_attr(e->arg[0], e->names[0]);
	if (typecheck_caps_have(known, &cap)) {
		return f->type;
	}
	quote = policy_is_ident(e->names[0]) ? "" : "\"";
	typecheck_error(tc, e, "attribute `" STR_FMT "` is optional and may be absent here",
			STR_ARG(e->names[0]));
	typecheck_help(tc, "test it first: `" STR_FMT " has %s" STR_FMT "%s && ...`",
		       STR_ARG(typecheck_source(tc, e->arg[0])), quote, STR_ARG(e->names[0]),
		       quote);
	return scalar(TYPE_NONE);
}

static struct typecheck_result check_get(struct typecheck *tc, const struct policy_expr *e,
					 const struct typecheck_caps *known)
{
	const struct type *t = typecheck_expr(tc, e->arg[0], known).type;

	return of_type(get_of(tc, e, t, known));
}

/* The node for `e.attr`, as if it had been written. */
static struct policy_expr *make_get(struct typecheck *tc, struct policy_expr *e, struct str *attr,
				    struct policy_span span)
{
	struct policy_expr *get = ARENA_NEW(tc->a, struct policy_expr);
	struct policy_expr **arg = ARENA_NEW(tc->a, struct policy_expr *);

	if (!get || !arg) {
		typecheck_stop(tc, ERR_NOMEM);
		return NULL;
	}
	*arg = e;
	*get = (struct policy_expr){.kind = POLICY_EXPR_GET,
				    .depth = (uint16_t)(e->depth + 1),
				    .n_args = 1,
				    .n_names = 1,
				    .span = span,
				    .arg = arg,
				    .names = attr};
	return get;
}

/* `e has a.b.c` is `e has a && e.a has b && e.a.b has c`. */
static struct typecheck_result check_has(struct typecheck *tc, const struct policy_expr *e,
					 const struct typecheck_caps *known)
{
	struct policy_expr *at = e->arg[0];
	const struct type *t = typecheck_expr(tc, at, known).type;
	struct typecheck_result all = plain(TYPE_TRUE);

	for (uint32_t i = 0; i < e->n_names; i++) {
		struct typecheck_result one;

		if (i > 0) {
			at = make_get(tc, at, &e->names[i - 1], e->span);
			if (!at) {
				return plain(TYPE_NONE);
			}
			t = get_of(tc, at, t, known);
		}
		one = check_has_one(tc, at, t, e->names[i], known);
		if (one.type->kind == TYPE_FALSE) {
			return plain(TYPE_FALSE);
		}
		if (one.type->kind != TYPE_TRUE) {
			all.type = scalar(TYPE_BOOL);
		}
		known = typecheck_caps_union(tc, known, one.caps);
		all.caps = typecheck_caps_union(tc, all.caps, one.caps);
	}
	return all;
}

static struct typecheck_result check_like(struct typecheck *tc, const struct policy_expr *e,
					  const struct typecheck_caps *known)
{
	typecheck_want(tc, e->arg[0], typecheck_expr(tc, e->arg[0], known).type, TYPE_STRING);
	return plain(TYPE_BOOL);
}

static struct typecheck_result check_set(struct typecheck *tc, const struct policy_expr *e,
					 const struct typecheck_caps *known)
{
	const struct type *element = NULL, *set;
	enum err_code code;

	if (e->n_args == 0) {
		typecheck_error(tc, e, "an empty set literal has no element type");
		typecheck_help(tc, "use `isEmpty()` to test for the empty set");
		return plain(TYPE_NONE);
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		const struct type *t = typecheck_expr(tc, e->arg[i], known).type;

		element = element ? typecheck_lub(tc, e->arg[i], element, t) : t;
	}
	if (element->kind == TYPE_NONE) {
		return plain(TYPE_NONE);
	}
	code = type_set(&tc->pool, element, &set, tc->err);
	return of_type(code ? typecheck_stop(tc, code) : set);
}

static struct typecheck_result check_record(struct typecheck *tc, const struct policy_expr *e,
					    const struct typecheck_caps *known)
{
	struct type_field *fields = ARENA_ARRAY(tc->a, e->n_args, struct type_field);
	const struct type *t = NULL;
	enum err_code code;
	bool ok = true;

	if (!fields) {
		return of_type(typecheck_stop(tc, ERR_NOMEM));
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		fields[i] = (struct type_field){
			.name = e->names[i],
			.required = true,
			.type = typecheck_expr(tc, e->arg[i], known).type,
		};
		ok = ok && fields[i].type->kind != TYPE_NONE;
	}
	if (!ok) {
		return plain(TYPE_NONE);
	}
	code = type_record(&tc->pool, fields, e->n_args, &t, tc->err);
	return of_type(code ? typecheck_stop(tc, code) : t);
}

struct typecheck_result typecheck_expr(struct typecheck *tc, const struct policy_expr *e,
				       const struct typecheck_caps *known)
{
	if (tc->code || tc->n_errors > ERRORS_MAX) {
		return plain(TYPE_NONE);
	}
	switch (e->kind) {
	case POLICY_EXPR_LIT:
		return check_lit(tc, e);
	case POLICY_EXPR_VAR:
		return check_var(tc, e);
	case POLICY_EXPR_IF:
		return check_if(tc, e, known);
	case POLICY_EXPR_AND:
		return check_and(tc, e, known);
	case POLICY_EXPR_OR:
		return check_or(tc, e, known);
	case POLICY_EXPR_NOT:
		return check_not(tc, e, known);
	case POLICY_EXPR_NEG:
	case POLICY_EXPR_ADD:
	case POLICY_EXPR_SUB:
	case POLICY_EXPR_MUL:
		return check_arithmetic(tc, e, known);
	case POLICY_EXPR_EQ:
	case POLICY_EXPR_NE:
		return check_eq(tc, e, known);
	case POLICY_EXPR_LT:
	case POLICY_EXPR_LE:
	case POLICY_EXPR_GT:
	case POLICY_EXPR_GE:
		return check_order(tc, e, known);
	case POLICY_EXPR_IN:
		return check_in(tc, e, known);
	case POLICY_EXPR_IS:
		return check_is(tc, e, known);
	case POLICY_EXPR_HAS:
		return check_has(tc, e, known);
	case POLICY_EXPR_GET:
		return check_get(tc, e, known);
	case POLICY_EXPR_LIKE:
		return check_like(tc, e, known);
	case POLICY_EXPR_CALL:
		return typecheck_call(tc, e, known);
	case POLICY_EXPR_SET:
		return check_set(tc, e, known);
	case POLICY_EXPR_RECORD:
		return check_record(tc, e, known);
	}
	return plain(TYPE_NONE);
}
