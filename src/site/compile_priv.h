/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the compiler: how a policy falls into conditions, and what each depends on. */
#ifndef SITE_COMPILE_PRIV_H
#define SITE_COMPILE_PRIV_H

#include "policy/ast.h"
#include "site/compile.h"

/* What of a request a condition looks at. */
struct site_reads {
	uint16_t categories;         /* bits: its value depends on these */
	bool level, purpose, origin; /* likewise */
	bool column;                 /* the model or its site */
	bool open; /* the agent, or the context as a whole: anything is possible */
};

void site_reads_of(const struct policy_expr *e, const struct site_words *w, struct site_reads *ret);

/* One of the conditions that must all hold. */
struct site_condition {
	struct policy_expr *body;
	bool negated;
};

struct site_conditions {
	struct site_condition *items;
	size_t n, cap;
};

/* `when a && b` and `unless a || b` are two conditions each. False: no memory. */
bool site_conditions(struct arena *a, const struct policy *p, struct site_conditions *ret) MUST_USE;

/* A term without its policy. */
struct site_piece {
	uint8_t levels;
	uint16_t required, excluded;
	uint32_t origins;
	uint64_t purposes;
	struct site_set columns;
};

struct site_pieces {
	struct site_piece *items;
	size_t n, cap;
};

#endif
