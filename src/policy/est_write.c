/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/est.h"
#include "json/write.h"

#include <stdio.h>

static void expr(struct buf *out, const struct policy_expr *e);

static void put(struct buf *out, const char *text)
{
	buf_append(out, str_from_c(text));
}

static void put_key(struct buf *out, struct str key)
{
	json_put_str(out, key);
	buf_append_c(out, ':');
}

/* {"type":...,"id":...} */
static void put_uid(struct buf *out, const struct policy_uid *uid)
{
	put(out, "{\"type\":");
	json_put_str(out, uid->type);
	put(out, ",\"id\":");
	json_put_str(out, uid->id);
	buf_append_c(out, '}');
}

static void literal(struct buf *out, struct policy_value v)
{
	put(out, "{\"Value\":");
	if (v.kind == POLICY_ENTITY) {
		put(out, "{\"__entity\":");
		put_uid(out, v.uid);
		buf_append_c(out, '}');
	} else if (v.kind == POLICY_STRING) {
		json_put_str(out, policy_value_str(v));
	} else {
		policy_value_write(out, v); /* Bool and Long are written alike */
	}
	buf_append_c(out, '}');
}

static void one(struct buf *out, const char *op, const struct policy_expr *arg)
{
	buf_printf(out, "{\"%s\":{\"arg\":", op);
	expr(out, arg);
	put(out, "}}");
}

static void two(struct buf *out, const char *op, const struct policy_expr *left,
		const struct policy_expr *right)
{
	buf_printf(out, "{\"%s\":{\"left\":", op);
	expr(out, left);
	put(out, ",\"right\":");
	expr(out, right);
	put(out, "}}");
}

/* Does the right side continue a chain that the parser balanced? */
static bool continues(const struct policy_expr *e)
{
	return e->arg[1]->kind == e->kind && !e->arg[1]->parens;
}

/* How many objects a chain opens before its first operand. */
static uint32_t chain_length(const struct policy_expr *e, enum policy_expr_kind kind)
{
	if (e->kind != kind) {
		return 0;
	}
	return chain_length(e->arg[0], kind) + 1 +
	       (continues(e) ? chain_length(e->arg[1], kind) : 0);
}

/* The operands from left to right; each but the first closes two objects. */
static void chain_operands(struct buf *out, const struct policy_expr *e, enum policy_expr_kind kind,
			   bool *first)
{
	if (e->kind == kind) {
		chain_operands(out, e->arg[0], kind, first);
		if (continues(e)) {
			chain_operands(out, e->arg[1], kind, first);
			return;
		}
		put(out, ",\"right\":");
		expr(out, e->arg[1]);
		put(out, "}}");
		return;
	}
	if (!*first) {
		put(out, ",\"right\":");
	}
	expr(out, e);
	if (!*first) {
		put(out, "}}");
	}
	*first = false;
}

/* Leaning to the left, as other tools write it. */
static void chain(struct buf *out, const struct policy_expr *e)
{
	bool first = true;

	for (uint32_t n = chain_length(e, e->kind); n > 0; n--) {
		buf_printf(out, "{\"%s\":{\"left\":", policy_expr_op_name(e->kind));
	}
	chain_operands(out, e, e->kind, &first);
}

static void attr(struct buf *out, const char *op, const struct policy_expr *e)
{
	buf_printf(out, "{\"%s\":{\"left\":", op);
	expr(out, e->arg[0]);
	put(out, ",\"attr\":");
	if (e->n_names > 1) {
		buf_append_c(out, '[');
	}
	for (uint32_t i = 0; i < e->n_names; i++) {
		put(out, i > 0 ? "," : "");
		json_put_str(out, e->names[i]);
	}
	put(out, e->n_names > 1 ? "]}}" : "}}");
}

static void is(struct buf *out, const struct policy_expr *e)
{
	put(out, "{\"is\":{\"left\":");
	expr(out, e->arg[0]);
	put(out, ",\"entity_type\":");
	json_put_str(out, e->names[0]);
	if (e->n_args == 2) {
		put(out, ",\"in\":");
		expr(out, e->arg[1]);
	}
	put(out, "}}");
}

static size_t code_point(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

	return n > s.n ? s.n : n;
}

/* One literal for each character. */
static void like(struct buf *out, const struct policy_expr *e)
{
	bool first = true;

	put(out, "{\"like\":{\"left\":");
	expr(out, e->arg[0]);
	put(out, ",\"pattern\":[");
	for (uint32_t i = 0; i < e->pattern.n; i++) {
		struct str s = e->pattern.parts[i];

		if (i > 0) {
			put(out, first ? "\"Wildcard\"" : ",\"Wildcard\"");
			first = false;
		}
		while (s.n > 0) {
			size_t n = code_point(s);

			put(out, first ? "{\"Literal\":" : ",{\"Literal\":");
			json_put_str(out, str_make(s.p, n));
			buf_append_c(out, '}');
			s = str_from(s, n);
			first = false;
		}
	}
	put(out, "]}}");
}

static void args(struct buf *out, const struct policy_expr *e)
{
	buf_append_c(out, '[');
	for (uint32_t i = 0; i < e->n_args; i++) {
		put(out, i > 0 ? "," : "");
		expr(out, e->arg[i]);
	}
	buf_append_c(out, ']');
}

static void call(struct buf *out, const struct policy_expr *e)
{
	const struct policy_fn_info *info = policy_fn_info(e->fn);

	if (info->builtin) {
		char op[32];

		(void)snprintf(op, sizeof(op), STR_FMT, STR_ARG(info->name));
		if (info->n_args == 1) {
			one(out, op, e->arg[0]);
		} else {
			two(out, op, e->arg[0], e->arg[1]);
		}
		return;
	}
	buf_append_c(out, '{');
	put_key(out, info->name);
	args(out, e);
	buf_append_c(out, '}');
}

static void record(struct buf *out, const struct policy_expr *e)
{
	put(out, "{\"Record\":{");
	for (uint32_t i = 0; i < e->n_args; i++) {
		put(out, i > 0 ? "," : "");
		put_key(out, e->names[i]);
		expr(out, e->arg[i]);
	}
	put(out, "}}");
}

static void conditional(struct buf *out, const struct policy_expr *e)
{
	put(out, "{\"if-then-else\":{\"if\":");
	expr(out, e->arg[0]);
	put(out, ",\"then\":");
	expr(out, e->arg[1]);
	put(out, ",\"else\":");
	expr(out, e->arg[2]);
	put(out, "}}");
}

static void expr(struct buf *out, const struct policy_expr *e)
{
	switch (e->kind) {
	case POLICY_EXPR_LIT:
		literal(out, e->lit);
		break;
	case POLICY_EXPR_VAR:
		put(out, "{\"Var\":");
		json_put_str(out, policy_var_name(e->var));
		buf_append_c(out, '}');
		break;
	case POLICY_EXPR_IF:
		conditional(out, e);
		break;
	case POLICY_EXPR_AND:
	case POLICY_EXPR_OR:
		chain(out, e);
		break;
	case POLICY_EXPR_NOT:
		one(out, "!", e->arg[0]);
		break;
	case POLICY_EXPR_NEG:
		one(out, "neg", e->arg[0]);
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
		two(out, policy_expr_op_name(e->kind), e->arg[0], e->arg[1]);
		break;
	case POLICY_EXPR_IS:
		is(out, e);
		break;
	case POLICY_EXPR_HAS:
		attr(out, "has", e);
		break;
	case POLICY_EXPR_GET:
		attr(out, ".", e);
		break;
	case POLICY_EXPR_LIKE:
		like(out, e);
		break;
	case POLICY_EXPR_CALL:
		call(out, e);
		break;
	case POLICY_EXPR_SET:
		put(out, "{\"Set\":");
		args(out, e);
		buf_append_c(out, '}');
		break;
	case POLICY_EXPR_RECORD:
		record(out, e);
		break;
	}
}

/* "entity": U, "entities": [U...] or "slot": "?var" */
static void scope_target(struct buf *out, const struct policy_scope *s, struct str var)
{
	if (s->slot) {
		put(out, "\"slot\":\"?");
		buf_append(out, var);
		buf_append_c(out, '"');
		return;
	}
	if (s->n_uids == 1) {
		put(out, "\"entity\":");
		put_uid(out, &s->uids[0]);
		return;
	}
	put(out, "\"entities\":[");
	for (size_t i = 0; i < s->n_uids; i++) {
		put(out, i > 0 ? "," : "");
		put_uid(out, &s->uids[i]);
	}
	buf_append_c(out, ']');
}

static void scope(struct buf *out, const struct policy_scope *s, struct str var)
{
	put_key(out, var);
	switch (s->op) {
	case POLICY_SCOPE_ANY:
		put(out, "{\"op\":\"All\"");
		break;
	case POLICY_SCOPE_EQ:
	case POLICY_SCOPE_IN:
		put(out, s->op == POLICY_SCOPE_EQ ? "{\"op\":\"==\"," : "{\"op\":\"in\",");
		scope_target(out, s, var);
		break;
	case POLICY_SCOPE_IS:
	case POLICY_SCOPE_IS_IN:
		put(out, "{\"op\":\"is\",\"entity_type\":");
		json_put_str(out, s->type);
		if (s->op == POLICY_SCOPE_IS_IN) {
			put(out, ",\"in\":{");
			scope_target(out, s, var);
			buf_append_c(out, '}');
		}
		break;
	}
	put(out, "},");
}

static void annotations(struct buf *out, const struct policy *p)
{
	if (p->n_annotations == 0) {
		return;
	}
	put(out, ",\"annotations\":{");
	for (size_t i = 0; i < p->n_annotations; i++) {
		put(out, i > 0 ? "," : "");
		put_key(out, p->annotations[i].key);
		if (p->annotations[i].has_value) {
			json_put_str(out, p->annotations[i].value);
		} else {
			put(out, "null");
		}
	}
	buf_append_c(out, '}');
}

void policy_est_write(struct buf *out, const struct policy *p)
{
	put(out,
	    p->effect == POLICY_PERMIT ? "{\"effect\":\"permit\"," : "{\"effect\":\"forbid\",");
	scope(out, &p->principal, STR("principal"));
	scope(out, &p->action, STR("action"));
	scope(out, &p->resource, STR("resource"));
	put(out, "\"conditions\":[");
	for (size_t i = 0; i < p->n_conds; i++) {
		put(out, i > 0 ? "," : "");
		put(out, p->conds[i].unless ? "{\"kind\":\"unless\",\"body\":"
					    : "{\"kind\":\"when\",\"body\":");
		expr(out, p->conds[i].body);
		buf_append_c(out, '}');
	}
	buf_append_c(out, ']');
	annotations(out, p);
	buf_append_c(out, '}');
}

static void members(struct buf *out, const struct policy_list *list, bool templates)
{
	bool first = true;

	for (size_t i = 0; i < list->n; i++) {
		if (list->items[i]->template != templates) {
			continue;
		}
		put(out, first ? "" : ",");
		put_key(out, list->items[i]->id);
		policy_est_write(out, list->items[i]);
		first = false;
	}
}

void policy_est_write_set(struct buf *out, const struct policy_list *list)
{
	put(out, "{\"staticPolicies\":{");
	members(out, list, false);
	put(out, "},\"templates\":{");
	members(out, list, true);
	put(out, "},\"templateLinks\":[]}");
}
