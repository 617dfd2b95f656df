/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as trees, with the place of every node in its source. Trees are
 * immutable once parsed and live in the parser's arena; they borrow text from
 * the source. The depth of a tree is at most POLICY_DEPTH_MAX, so recursion
 * over it is bounded. Long chains of && and || (more than 64 operands) are
 * kept balanced; both are associative, so the meaning is the same.
 */
#ifndef POLICY_AST_H
#define POLICY_AST_H

#include "policy/diag.h"
#include "policy/ext.h"
#include "policy/value.h"

enum policy_expr_kind {
	POLICY_EXPR_LIT = 0, /* lit: Bool, Long, String or Entity */
	POLICY_EXPR_VAR,     /* var */
	POLICY_EXPR_IF,      /* arg[0] then arg[1] else arg[2] */
	POLICY_EXPR_AND,     /* arg[0], arg[1]; so are all binary operators */
	POLICY_EXPR_OR,
	POLICY_EXPR_NOT, /* arg[0] */
	POLICY_EXPR_NEG, /* arg[0]; never directly around a literal number */
	POLICY_EXPR_ADD,
	POLICY_EXPR_SUB,
	POLICY_EXPR_MUL,
	POLICY_EXPR_EQ,
	POLICY_EXPR_NE,
	POLICY_EXPR_LT,
	POLICY_EXPR_LE,
	POLICY_EXPR_GT,
	POLICY_EXPR_GE,
	POLICY_EXPR_IN,
	POLICY_EXPR_IS,     /* arg[0] is names[0], or (n_args 2) is names[0] in arg[1] */
	POLICY_EXPR_HAS,    /* arg[0] has names[0].names[1]... */
	POLICY_EXPR_GET,    /* arg[0].names[0], also written arg[0]["names[0]"] */
	POLICY_EXPR_LIKE,   /* arg[0] like pattern */
	POLICY_EXPR_CALL,   /* fn(arg...), the receiver of a method first */
	POLICY_EXPR_SET,    /* [arg...] */
	POLICY_EXPR_RECORD, /* {names[i]: arg[i]} in source order, names distinct */
};

enum policy_var {
	POLICY_VAR_PRINCIPAL = 0,
	POLICY_VAR_ACTION,
	POLICY_VAR_RESOURCE,
	POLICY_VAR_CONTEXT,
};

/* A like pattern: literal parts with one wildcard (any run) between neighbours. n >= 1. */
struct policy_pattern {
	struct str *parts;
	uint32_t n;
};

struct policy_expr {
	enum policy_expr_kind kind : 8;
	enum policy_fn fn : 8;   /* CALL */
	enum policy_var var : 8; /* VAR */
	bool quoted : 1;         /* GET, HAS: the name was written as a string */
	bool parens : 1;         /* was written in parentheses (only the formatter cares) */
	uint16_t depth;          /* 1 for a leaf */
	uint32_t n_args, n_names;
	struct policy_span span;
	struct policy_expr **arg;
	struct policy_span *name_spans; /* IS, HAS, GET, RECORD: one for each name; may be NULL */
	union {
		struct policy_value lit;
		struct str *names;
		struct policy_pattern pattern;
	};
};

/* One part of the scope. */
enum policy_scope_op {
	POLICY_SCOPE_ANY = 0, /* principal */
	POLICY_SCOPE_EQ,      /* principal == uid */
	POLICY_SCOPE_IN,      /* principal in uid; for actions: in [uids] too */
	POLICY_SCOPE_IS,      /* principal is type */
	POLICY_SCOPE_IS_IN,   /* principal is type in uid */
};

struct policy_scope {
	enum policy_scope_op op;
	bool slot; /* the uid is ?principal or ?resource: the policy is a template */
	bool list; /* actions: `in` was followed by a list, also an empty one */
	size_t n_uids;
	const struct policy_uid *uids; /* EQ, IN, IS_IN: n_uids 1, for a list any number */
	struct policy_span *uid_spans;
	struct str type; /* IS, IS_IN */
	struct policy_span span, type_span;
};

struct policy_annotation {
	struct str key, value; /* value "" when none was written */
	bool has_value;
	struct policy_span span;
};

struct policy_cond {
	bool unless;
	struct policy_expr *body;
	struct policy_span span;
};

enum policy_effect { POLICY_FORBID = 0, POLICY_PERMIT };

struct policy {
	struct str id;
	enum policy_effect effect;
	bool template;
	struct policy_scope principal, action, resource;
	struct policy_cond *conds;
	size_t n_conds;
	struct policy_annotation *annotations;
	size_t n_annotations;
	const struct policy_source *source;
	struct policy_span span; /* from the first annotation to the semicolon */
	struct policy_span effect_span;
};

/* NULL when absent. */
const struct policy_annotation *policy_annotation_find(const struct policy *p, struct str key);

/* "principal", ... */
struct str policy_var_name(enum policy_var var);

/* "&&", "<=", "in", "if", ...; for messages. */
const char *policy_expr_op_name(enum policy_expr_kind kind);

#endif
