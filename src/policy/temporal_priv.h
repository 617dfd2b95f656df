/* SPDX-License-Identifier: Apache-2.0 */
/* What the parser of temporal conditions, macros and policy files (dw_parse.c) share. */
#ifndef POLICY_TEMPORAL_PRIV_H
#define POLICY_TEMPORAL_PRIV_H

#include "policy/parse_priv.h"
#include "policy/temporal.h"

#define DW_MACROS_MAX      1000u
#define DW_PARAMS_MAX      16u
#define DW_MACRO_CALLS_MAX 100000u /* in one file */
#define DW_EXPANSION_MAX   65536u  /* nodes made by one call of a Cedar macro */

struct dw_macro {
	struct str name;
	bool temporal;
	struct str *params;
	size_t n_params;
	struct policy_expr *cedar;  /* a parameter is a LIT of kind NONE, its number in lit.i */
	struct temporal_expr *body; /* TERM when the macro is an aggregate or another term */
};

struct dw_macros {
	struct dw_macro *items;
	size_t n, cap;
};

/* The parser with what .dw files add. `p` stays first: hooks get a pointer to it. */
struct dw_parser {
	struct parser p;
	struct dw_macros *macros;                /* of this file and before it */
	const struct dw_macros *standard_macros; /* the rest; macros of the file come first */
	const struct dw_macro *in_macro;         /* whose body is being read */
	void *arg;                               /* dw_parse.c's own */
	uint32_t calls, nodes;
	int depth;
};

/* An argument of a call of a temporal macro. */
struct temporal_arg {
	bool interval;
	int64_t window_ms;
	struct temporal_expr *expr; /* a TERM when it is one */
};

/* All return NULL or false after a diagnostic or with nomem set. */

/* A whole condition, up to what cannot belong to it. TERM only when `term_ok`. */
struct temporal_expr *temporal_parse(struct dw_parser *d, bool term_ok);

struct temporal_expr *temporal_node(struct dw_parser *d, enum temporal_kind kind,
				    struct policy_span span);
bool temporal_fail(struct dw_parser *d, struct policy_span span, const char *fmt, ...) PRINTF(3, 4);
bool temporal_no_memory(struct dw_parser *d);

const struct dw_macro *dw_macro_find(const struct dw_parser *d, struct str name);

/* `def` is the current token. Puts the macro into d->macros. */
bool dw_macro_parse(struct dw_parser *d);

struct policy_expr *dw_macro_expand_cedar(struct dw_parser *d, const struct dw_macro *m,
					  struct policy_expr **args, size_t n,
					  struct policy_span call);
struct temporal_expr *dw_macro_expand(struct dw_parser *d, const struct dw_macro *m,
				      const struct temporal_arg *args, size_t n,
				      struct policy_span call);

#endif
