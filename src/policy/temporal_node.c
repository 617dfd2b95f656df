/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of temporal conditions while they are made, and what can be wrong with one. */
#include "policy/temporal_parse_priv.h"

#include <stdarg.h>
#include <stdio.h>

bool temporal_fail(struct dw_parser *d, struct policy_span span, const char *fmt, ...)
{
	char msg[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	policy_diag_error(d->p.lx.diags, d->p.lx.src, span, "%s", msg);
	return false;
}

bool temporal_no_memory(struct dw_parser *d)
{
	if (!d->p.nomem) {
		d->p.nomem = true;
		return temporal_fail(d, d->p.lx.tok.span, "out of memory");
	}
	return false;
}

bool temporal_limit(struct dw_parser *d, struct policy_span span, const char *what, unsigned max)
{
	d->p.limit = true;
	return temporal_fail(d, span, "more than %u %s", max, what);
}

struct temporal_expr *temporal_node(struct dw_parser *d, enum temporal_kind kind,
				    struct policy_span span)
{
	struct temporal_expr *e;

	if (++d->nodes > TEMPORAL_NODES_MAX) {
		temporal_limit(d, span, "nodes in one temporal condition", TEMPORAL_NODES_MAX);
		return NULL;
	}
	e = ARENA_NEW(d->p.a, struct temporal_expr);
	if (!e) {
		temporal_no_memory(d);
		return NULL;
	}
	e->kind = kind;
	e->span = span;
	e->depth = 1;
	return e;
}

bool temporal_adopt(struct temporal_expr *e, struct temporal_expr **arg, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (arg[i]->depth >= e->depth) {
			e->depth = (uint16_t)(arg[i]->depth + 1);
		}
	}
	e->arg = arg;
	e->n_args = (uint32_t)n;
	return e->depth <= TEMPORAL_DEPTH_MAX;
}

bool temporal_parse_adopt(struct dw_parser *d, struct temporal_expr *e, struct temporal_expr *a,
			  struct temporal_expr *b)
{
	struct temporal_expr **arg = ARENA_ARRAY(d->p.a, 2, struct temporal_expr *);

	if (!arg) {
		return temporal_no_memory(d);
	}
	arg[0] = a;
	arg[1] = b;
	if (!temporal_adopt(e, arg, b ? 2 : 1)) {
		d->p.limit = true;
		return temporal_fail(d, e->span, "temporal condition nested deeper than %d",
				     TEMPORAL_DEPTH_MAX);
	}
	e->span = policy_span_join(e->span, d->p.lx.last);
	return true;
}

/* A condition and not a lone term. */
struct temporal_expr *temporal_condition(struct dw_parser *d, struct temporal_expr *e)
{
	if (e && e->kind == TEMPORAL_TERM) {
		if (d->p.lx.tok.kind != POLICY_TOK_BAD) {
			temporal_fail(d, e->span,
				      "a term is not a condition; compare it, as in `... == 3`");
		}
		return NULL;
	}
	return e;
}
