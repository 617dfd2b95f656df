/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy text to trees (Cedar 4 grammar). All or nothing: on failure the result
 * is not written and `diags` says why, with at least one error.
 *
 * Limits: POLICY_TEXT_MAX bytes a policy, nesting POLICY_DEPTH_MAX, sets of
 * POLICY_SET_MAX elements, POLICY_COUNT_MAX policies.
 */
#ifndef POLICY_PARSE_H
#define POLICY_PARSE_H

#include "policy/ast.h"
#include "policy/lex.h"

#define POLICY_TEXT_MAX  (64u << 10)
#define POLICY_COUNT_MAX 1000000u

enum policy_id_scheme {
	POLICY_ID_ORDER = 0,  /* policy0, policy1, ...; @id is an ordinary annotation */
	POLICY_ID_ANNOTATION, /* @id("x") when present, else NAME:policyN of its source */
};

struct policy_list {
	struct policy **items;
	size_t n, cap;
};

/*
 * Appends the policies of one source to the list (zeroed at first). With
 * POLICY_ID_ORDER the numbers go on from list->n. Templates are accepted and
 * marked. Returns ERR_SYNTAX, ERR_LIMIT or ERR_NOMEM.
 */
enum err_code policy_parse(struct arena *a, const struct policy_source *src,
			   enum policy_id_scheme ids, struct policy_list *list,
			   struct policy_diags *diags, struct err *err) MUST_USE;

/* One expression and nothing else. */
enum err_code policy_parse_expr(struct arena *a, const struct policy_source *src,
				struct policy_expr **ret, struct policy_diags *diags,
				struct err *err) MUST_USE;

/*
 * A path (A::B) from the current token on, its parts joined by ::. False with a
 * diagnostic. Reserved words are refused.
 */
bool policy_parse_path(struct policy_lex *lx, struct arena *a, struct str *ret,
		       struct policy_span *span) MUST_USE;

/* Type::"id" as a whole text; no white space around. For command lines and tests. */
bool policy_uid_parse(struct arena *a, struct str text, struct policy_uid *ret) MUST_USE;

#endif
