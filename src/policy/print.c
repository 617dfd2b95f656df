/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/print.h"

#include "policy/lex.h"
#include "policy/text.h"

/* How tightly an expression binds; an operand that binds less needs parentheses. */
enum level { ANY = 0, OR, AND, RELATION, SUM, PRODUCT, UNARY, MEMBER };

static void print(struct buf *out, const struct policy_expr *e, enum level level);

static enum level level_of(const struct policy_expr *e)
{
	switch (e->kind) {
	case POLICY_EXPR_IF:
		return ANY;
	case POLICY_EXPR_OR:
		return OR;
	case POLICY_EXPR_AND:
		return AND;
	case POLICY_EXPR_EQ:
	case POLICY_EXPR_NE:
	case POLICY_EXPR_LT:
	case POLICY_EXPR_LE:
	case POLICY_EXPR_GT:
	case POLICY_EXPR_GE:
	case POLICY_EXPR_IN:
	case POLICY_EXPR_IS:
	case POLICY_EXPR_HAS:
	case POLICY_EXPR_LIKE:
		return RELATION;
	case POLICY_EXPR_ADD:
	case POLICY_EXPR_SUB:
		return SUM;
	case POLICY_EXPR_MUL:
		return PRODUCT;
	case POLICY_EXPR_NOT:
	case POLICY_EXPR_NEG:
		return UNARY;
	case POLICY_EXPR_LIT:
		return e->lit.kind == POLICY_LONG && e->lit.i < 0 ? UNARY : MEMBER;
	case POLICY_EXPR_VAR:
	case POLICY_EXPR_GET:
	case POLICY_EXPR_CALL:
	case POLICY_EXPR_SET:
	case POLICY_EXPR_RECORD:
		break;
	}
	return MEMBER;
}

static void quoted(struct buf *out, struct str s)
{
	buf_append_c(out, '"');
	policy_escape(out, s);
	buf_append_c(out, '"');
}

static bool is_plain(struct str name)
{
	return policy_is_ident(name) && !policy_is_reserved(name);
}

static void name(struct buf *out, struct str s)
{
	if (is_plain(s)) {
		buf_append(out, s);
	} else {
		quoted(out, s);
	}
}

static void list(struct buf *out, struct policy_expr *const *arg, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < n; i++) {
		buf_append(out, i > from ? STR(", ") : STR(""));
		print(out, arg[i], ANY);
	}
}

/*
 * Chains of && and || lean to the left. One that leans to the right without
 * having been written in parentheses was balanced by the parser.
 */
static void logic(struct buf *out, const struct policy_expr *e)
{
	enum level level = level_of(e);
	const struct policy_expr *right = e->arg[1];

	print(out, e->arg[0], level);
	buf_printf(out, " %s ", policy_expr_op_name(e->kind));
	print(out, right, right->kind == e->kind && !right->parens ? level : level + 1);
}

static void binary(struct buf *out, const struct policy_expr *e)
{
	enum level level = level_of(e);

	print(out, e->arg[0], level == RELATION ? SUM : level);
	buf_printf(out, " %s ", policy_expr_op_name(e->kind));
	print(out, e->arg[1], level + 1);
}

static void unary(struct buf *out, const struct policy_expr *e)
{
	const struct policy_expr *arg = e->arg[0];
	bool bare = level_of(arg) == MEMBER &&
		    !(arg->kind == POLICY_EXPR_LIT && arg->lit.kind == POLICY_LONG);

	buf_append(out, str_from_c(policy_expr_op_name(e->kind)));
	if (!bare) {
		buf_append_c(out, '(');
	}
	print(out, arg, ANY);
	if (!bare) {
		buf_append_c(out, ')');
	}
}

static void conditional(struct buf *out, const struct policy_expr *e)
{
	buf_append(out, STR("if "));
	print(out, e->arg[0], ANY);
	buf_append(out, STR(" then "));
	print(out, e->arg[1], ANY);
	buf_append(out, STR(" else "));
	print(out, e->arg[2], ANY);
}

static void relation_word(struct buf *out, const struct policy_expr *e)
{
	print(out, e->arg[0], SUM);
	buf_printf(out, " %s ", policy_expr_op_name(e->kind));
	if (e->kind == POLICY_EXPR_LIKE) {
		buf_append_c(out, '"');
		policy_pattern_write(out, &e->pattern);
		buf_append_c(out, '"');
		return;
	}
	if (e->kind == POLICY_EXPR_IS) {
		buf_append(out, e->names[0]);
		if (e->n_args == 2) {
			buf_append(out, STR(" in "));
			print(out, e->arg[1], SUM);
		}
		return;
	}
	for (uint32_t i = 0; i < e->n_names; i++) {
		buf_append(out, i > 0 ? STR(".") : STR(""));
		name(out, e->names[i]);
	}
}

static void get(struct buf *out, const struct policy_expr *e)
{
	print(out, e->arg[0], MEMBER);
	if (is_plain(e->names[0])) {
		buf_append_c(out, '.');
		buf_append(out, e->names[0]);
	} else {
		buf_append_c(out, '[');
		quoted(out, e->names[0]);
		buf_append_c(out, ']');
	}
}

static void call(struct buf *out, const struct policy_expr *e)
{
	const struct policy_fn_info *info = policy_fn_info(e->fn);

	if (info->method) {
		print(out, e->arg[0], MEMBER);
		buf_append_c(out, '.');
	}
	buf_append(out, info->name);
	buf_append_c(out, '(');
	list(out, e->arg, info->method ? 1 : 0, e->n_args);
	buf_append_c(out, ')');
}

static void record(struct buf *out, const struct policy_expr *e)
{
	buf_append_c(out, '{');
	for (uint32_t i = 0; i < e->n_args; i++) {
		buf_append(out, i > 0 ? STR(", ") : STR(""));
		name(out, e->names[i]);
		buf_append(out, STR(": "));
		print(out, e->arg[i], ANY);
	}
	buf_append_c(out, '}');
}

static void bare(struct buf *out, const struct policy_expr *e)
{
	switch (e->kind) {
	case POLICY_EXPR_LIT:
		policy_value_write(out, e->lit);
		break;
	case POLICY_EXPR_VAR:
		buf_append(out, policy_var_name(e->var));
		break;
	case POLICY_EXPR_IF:
		conditional(out, e);
		break;
	case POLICY_EXPR_AND:
	case POLICY_EXPR_OR:
		logic(out, e);
		break;
	case POLICY_EXPR_NOT:
	case POLICY_EXPR_NEG:
		unary(out, e);
		break;
	case POLICY_EXPR_ADD:
	case POLICY_EXPR_SUB:
	case POLICY_EXPR_MUL:
	case POLICY_EXPR_EQ:
	case POLICY_EXPR_NE:
	case POLICY_EXPR_LT:
	case POLICY_EXPR_LE:
	case POLICY_EXPR_GT:
	case POLICY_EXPR_GE:
	case POLICY_EXPR_IN:
		binary(out, e);
		break;
	case POLICY_EXPR_IS:
	case POLICY_EXPR_HAS:
	case POLICY_EXPR_LIKE:
		relation_word(out, e);
		break;
	case POLICY_EXPR_GET:
		get(out, e);
		break;
	case POLICY_EXPR_CALL:
		call(out, e);
		break;
	case POLICY_EXPR_SET:
		buf_append_c(out, '[');
		list(out, e->arg, 0, e->n_args);
		buf_append_c(out, ']');
		break;
	case POLICY_EXPR_RECORD:
		record(out, e);
		break;
	}
}

static void print(struct buf *out, const struct policy_expr *e, enum level level)
{
	bool parens = level_of(e) < level;

	if (parens) {
		buf_append_c(out, '(');
	}
	bare(out, e);
	if (parens) {
		buf_append_c(out, ')');
	}
}

void policy_expr_print(struct buf *out, const struct policy_expr *e)
{
	print(out, e, ANY);
}

static void scope_uids(struct buf *out, const struct policy_scope *s, struct str var)
{
	if (s->slot) {
		buf_append_c(out, '?');
		buf_append(out, var);
		return;
	}
	if (s->list) {
		buf_append_c(out, '[');
	}
	for (size_t i = 0; i < s->n_uids; i++) {
		buf_append(out, i > 0 ? STR(", ") : STR(""));
		policy_uid_write(out, &s->uids[i]);
	}
	if (s->list) {
		buf_append_c(out, ']');
	}
}

static void scope(struct buf *out, const struct policy_scope *s, struct str var)
{
	buf_append(out, var);
	if (s->op == POLICY_SCOPE_IS || s->op == POLICY_SCOPE_IS_IN) {
		buf_append(out, STR(" is "));
		buf_append(out, s->type);
	}
	if (s->op == POLICY_SCOPE_EQ) {
		buf_append(out, STR(" == "));
		scope_uids(out, s, var);
	} else if (s->op == POLICY_SCOPE_IN || s->op == POLICY_SCOPE_IS_IN) {
		buf_append(out, STR(" in "));
		scope_uids(out, s, var);
	}
}

void policy_print(struct buf *out, const struct policy *p)
{
	for (size_t i = 0; i < p->n_annotations; i++) {
		buf_append_c(out, '@');
		buf_append(out, p->annotations[i].key);
		if (p->annotations[i].has_value) {
			buf_append_c(out, '(');
			quoted(out, p->annotations[i].value);
			buf_append_c(out, ')');
		}
		buf_append_c(out, '\n');
	}
	buf_append(out, p->effect == POLICY_PERMIT ? STR("permit (") : STR("forbid ("));
	scope(out, &p->principal, STR("principal"));
	buf_append(out, STR(", "));
	scope(out, &p->action, STR("action"));
	buf_append(out, STR(", "));
	scope(out, &p->resource, STR("resource"));
	buf_append_c(out, ')');
	for (size_t i = 0; i < p->n_conds; i++) {
		buf_append(out, p->conds[i].unless ? STR("\nunless { ") : STR("\nwhen { "));
		print(out, p->conds[i].body, ANY);
		buf_append(out, STR(" }"));
	}
	buf_append(out, STR(";\n"));
}
