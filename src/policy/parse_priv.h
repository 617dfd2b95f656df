/* SPDX-License-Identifier: Apache-2.0 */
/* What parse.c (policies, scopes) and parse_expr.c (expressions) share. */
#ifndef POLICY_PARSE_PRIV_H
#define POLICY_PARSE_PRIV_H

#include "policy/parse.h"

struct parser {
	struct policy_lex lx;
	struct arena *a;
	int nesting;       /* expressions open at this point */
	bool nomem, limit; /* why, when it is not the syntax */
};

/* All return NULL or false after a diagnostic, or with nomem set. */
struct policy_expr *parse_expr(struct parser *p);
struct policy_expr *parse_node(struct parser *p, enum policy_expr_kind kind,
			       struct policy_span span);

/* Gives a node its children and its depth; refuses one that is too deep. */
bool parse_adopt(struct parser *p, struct policy_expr *e, struct policy_expr **arg, size_t n);

/* Consumes a string token into its value. */
bool parse_string(struct parser *p, struct str *ret);

/* Finishes a uid whose type has been read, at its string token. */
bool parse_uid_id(struct parser *p, struct str type, struct policy_uid *ret);

enum err_code parse_failed(struct parser *p, struct err *err);

#endif
