/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the parser of temporal conditions share. */
#ifndef POLICY_TEMPORAL_PARSE_PRIV_H
#define POLICY_TEMPORAL_PARSE_PRIV_H

#include "policy/temporal_priv.h"

/* All give NULL or false after a diagnostic or with nomem set. */

/* ---- temporal_node.c ---- */

/* "more than MAX WHAT"; false. */
bool temporal_limit(struct dw_parser *d, struct policy_span span, const char *what, unsigned max);

/* Makes e the parent of a and, when it is not NULL, b. */
bool temporal_parse_adopt(struct dw_parser *d, struct temporal_expr *e, struct temporal_expr *a,
			  struct temporal_expr *b);

/* e, when it is a condition and not a lone term. */
struct temporal_expr *temporal_condition(struct dw_parser *d, struct temporal_expr *e);

/* ---- temporal_parse_term.c ---- */

/* `within 1h`, or `within ?w` in a macro. */
bool temporal_within(struct dw_parser *d, struct temporal_expr *e);

/* A variable's name where one is bound or used: x, $x or, in a macro, ?x. */
bool temporal_var_name(struct dw_parser *d, struct str *ret);

/* (x: T) */
bool temporal_binder_parse(struct dw_parser *d, struct temporal_binder *b);

/* An event, tp(x), a call of a macro, or a term alone. */
struct temporal_expr *temporal_operand(struct dw_parser *d);
bool temporal_term_parse(struct dw_parser *d, struct temporal_term *ret);

/* ---- temporal_parse.c ---- */

struct temporal_expr *temporal_conjunction(struct dw_parser *d);

#endif
