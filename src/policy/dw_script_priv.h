/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a script, between its parser and its interpreter. */
#ifndef POLICY_DW_SCRIPT_PRIV_H
#define POLICY_DW_SCRIPT_PRIV_H

#include "policy/dw_script.h"

enum script_kind {
	SCRIPT_UNIT = 0,
	SCRIPT_BOOL, /* number */
	SCRIPT_INT,  /* number */
	SCRIPT_TEXT, /* text */
	SCRIPT_NAME, /* text */
	SCRIPT_ARRAY,
	SCRIPT_MAP,    /* names[i]: kid[i] */
	SCRIPT_UNARY,  /* op kid[0] */
	SCRIPT_BINARY, /* kid[0] op kid[1] */
	SCRIPT_CALL,   /* text(kid...) */
	SCRIPT_METHOD, /* kid[0].text(kid[1]...) */
	SCRIPT_FIELD,  /* kid[0].text */
	SCRIPT_INDEX,  /* kid[0][kid[1]] */
	SCRIPT_IF,     /* kid[0] kid[1] [kid[2]] */
	SCRIPT_BLOCK,  /* kids; `value`: the last one is the value */
	SCRIPT_LET,    /* text = kid[0] */
	SCRIPT_ASSIGN, /* kid[0] op kid[1], op '=', '+', '-' */
	SCRIPT_RETURN, /* kid[0] or none */
	SCRIPT_FOR,    /* text in kid[0] kid[1] */
	SCRIPT_WHILE,  /* kid[0] kid[1] */
	SCRIPT_BREAK,
	SCRIPT_CONTINUE,
};

enum script_op {
	SCRIPT_NOP = 0,
	SCRIPT_OR,
	SCRIPT_AND,
	SCRIPT_EQ,
	SCRIPT_NE,
	SCRIPT_LT,
	SCRIPT_LE,
	SCRIPT_GT,
	SCRIPT_GE,
	SCRIPT_ADD,
	SCRIPT_SUB,
	SCRIPT_MUL,
	SCRIPT_DIV,
	SCRIPT_REM,
	SCRIPT_NOT,
	SCRIPT_NEG,
};

struct script_node {
	enum script_kind kind;
	enum script_op op;
	bool value;
	uint32_t line;
	int64_t number;
	struct str text;
	struct str *names;
	struct script_node **kid;
	size_t n, cap, cap_names;
};

struct script_fn {
	struct str name;
	struct str params[16];
	size_t n_params;
	struct script_node *body;
};

struct dw_script {
	struct script_fn *fns;
	size_t n, cap;
	const struct script_fn *entry;
};

const struct script_fn *script_fn_find(const struct dw_script *s, struct str name, size_t n);

/* ---- running ---- */

#define SCRIPT_VARS_MAX 256

enum script_flow { FLOW_ON = 0, FLOW_RETURN, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED };

struct script_var {
	struct str name;
	struct policy_value v;
};

struct script_run {
	const struct dw_script *script;
	struct arena *a;
	struct script_var vars[SCRIPT_VARS_MAX];
	size_t n, base; /* variables; where the function's own begin */
	int calls, depth;
	uint64_t steps;
	struct policy_value result; /* of return */
	struct err *err;
	enum err_code code;
};

/* "script, line N: WHAT"; FLOW_FAILED. */
enum script_flow script_fail(struct script_run *r, const struct script_node *n, enum err_code code,
			     const char *what);

/* ---- dw_script_builtin.c ---- */

/* Arrays keep their order, so this is not policy_value_eq. */
bool script_equal(struct policy_value a, struct policy_value b);

enum script_flow script_builtin(struct script_run *r, const struct script_node *n,
				const struct policy_value *arg, size_t n_arg,
				struct policy_value *ret);
enum script_flow script_method(struct script_run *r, const struct script_node *n,
			       const struct policy_value *arg, size_t n_arg,
			       struct policy_value *ret);

#endif
