/* SPDX-License-Identifier: Apache-2.0 */
/* What parse.c (policies, scopes), parse_expr.c (operators) and parse_primary.c (leaves) share. */
#ifndef POLICY_PARSE_PRIV_H
#define POLICY_PARSE_PRIV_H

#include "policy/parse.h"

struct parser {
	struct policy_lex lx;
	struct arena *a;
	int nesting;       /* expressions open at this point */
	bool nomem, limit; /* why, when it is not the syntax */

	/*
	 * What else may stand as a primary (temporal policies): asked first. Sets
	 * *taken when it consumed something; then its answer stands.
	 */
	struct policy_expr *(*extra)(struct parser *p, bool *taken);
};

/* All return NULL or false after a diagnostic, or with nomem set. */
struct policy_expr *parse_expr(struct parser *p);
struct policy_expr *parse_node(struct parser *p, enum policy_expr_kind kind,
			       struct policy_span span);

struct policy_expr *parse_primary(struct parser *p);
struct policy_expr *parse_number(struct parser *p, struct policy_span start, bool negative);

/* A node with one to three children (the rest NULL), its span up to what was read last. */
struct policy_expr *parse_branch(struct parser *p, enum policy_expr_kind kind,
				 struct policy_span start, struct policy_expr *a,
				 struct policy_expr *b, struct policy_expr *c);

/* The function or method called so, its style checked; POLICY_FN_NONE after a diagnostic. */
enum policy_fn parse_fn(struct parser *p, struct str name, struct policy_span span, bool method);

/* The argument list, at its parenthesis; `receiver` is NULL for a function. */
struct policy_expr *parse_call(struct parser *p, struct policy_span start, enum policy_fn fn,
			       struct policy_expr *receiver);

/* Gives a node its one name. */
bool parse_name_node(struct parser *p, struct policy_expr *e, struct str name,
		     struct policy_span span);

/* An identifier that is not reserved, as an attribute name. */
bool parse_attr_name(struct parser *p, struct str *ret, const char *what);

void parse_no_memory(struct parser *p);

/* Always false. */
bool parse_too_deep(struct parser *p, struct policy_span span);

/* Gives a node its children and its depth; refuses one that is too deep. */
bool parse_adopt(struct parser *p, struct policy_expr *e, struct policy_expr **arg, size_t n);

/* Consumes a string token into its value. */
bool parse_string(struct parser *p, struct str *ret);

/* Finishes a uid whose type has been read, at its string token. */
bool parse_uid_id(struct parser *p, struct str type, struct policy_uid *ret);

/* Operands of a call or a list up to and with the closing token; the opening one has been read. */
bool parse_list(struct parser *p, enum policy_tok close, struct policy_expr ***ret, size_t *n);

/* Parts of a policy. The scope's variables say themselves which part it is. */
bool parse_annotation(struct parser *p, struct policy *pol, size_t *cap);
bool parse_effect(struct parser *p, struct policy *pol);
bool parse_scope_part(struct parser *p, struct policy *pol, enum policy_var *ret);

enum err_code parse_failed(struct parser *p, struct err *err);

#endif
