/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ast.h"

const struct policy_annotation *policy_annotation_find(const struct policy *p, struct str key)
{
	for (size_t i = 0; i < p->n_annotations; i++) {
		if (str_eq(p->annotations[i].key, key)) {
			return &p->annotations[i];
		}
	}
	return NULL;
}

struct str policy_var_name(enum policy_var var)
{
	static const struct str names[] = {
		[POLICY_VAR_PRINCIPAL] = STR_INIT("principal"),
		[POLICY_VAR_ACTION] = STR_INIT("action"),
		[POLICY_VAR_RESOURCE] = STR_INIT("resource"),
		[POLICY_VAR_CONTEXT] = STR_INIT("context"),
	};

	return names[var];
}

const char *policy_expr_op_name(enum policy_expr_kind kind)
{
	static const char *const names[] = {
		[POLICY_EXPR_LIT] = "literal", [POLICY_EXPR_VAR] = "variable",
		[POLICY_EXPR_IF] = "if",       [POLICY_EXPR_AND] = "&&",
		[POLICY_EXPR_OR] = "||",       [POLICY_EXPR_NOT] = "!",
		[POLICY_EXPR_NEG] = "-",       [POLICY_EXPR_ADD] = "+",
		[POLICY_EXPR_SUB] = "-",       [POLICY_EXPR_MUL] = "*",
		[POLICY_EXPR_EQ] = "==",       [POLICY_EXPR_NE] = "!=",
		[POLICY_EXPR_LT] = "<",        [POLICY_EXPR_LE] = "<=",
		[POLICY_EXPR_GT] = ">",        [POLICY_EXPR_GE] = ">=",
		[POLICY_EXPR_IN] = "in",       [POLICY_EXPR_IS] = "is",
		[POLICY_EXPR_HAS] = "has",     [POLICY_EXPR_GET] = ".",
		[POLICY_EXPR_LIKE] = "like",   [POLICY_EXPR_CALL] = "call",
		[POLICY_EXPR_SET] = "set",     [POLICY_EXPR_RECORD] = "record",
	};

	return names[kind];
}
