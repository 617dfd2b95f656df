/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of temporal conditions: what stands in `temporal { ... }` (Dogwood). Past
 * only, metric, with aggregates. A tree is made by temporal_parse, its names are
 * bound and its rules checked by temporal_check, and then it never changes.
 *
 * Limits, each with its own message: TEMPORAL_DEPTH_MAX nesting,
 * TEMPORAL_NODES_MAX nodes of one condition after macros, TEMPORAL_SLOTS_MAX
 * variables of one condition, TEMPORAL_FIELDS_MAX fields of one predicate.
 */
#ifndef POLICY_TEMPORAL_H
#define POLICY_TEMPORAL_H

#include "policy/ast.h"
#include "policy/schema.h"

#define TEMPORAL_DEPTH_MAX  64
#define TEMPORAL_NODES_MAX  4096
#define TEMPORAL_SLOTS_MAX  64
#define TEMPORAL_FIELDS_MAX 256

struct temporal_expr;

enum temporal_term_kind {
	TEMPORAL_VALUE = 0, /* value: a literal, an entity, a decimal */
	TEMPORAL_SET,       /* [item, ...] */
	TEMPORAL_PATH,      /* of the decision: context.a.b, principal, resource.x */
	TEMPORAL_VAR,       /* bound by exists, for; slot after checking */
	TEMPORAL_WILD,      /* any value */
	TEMPORAL_AGG,       /* count or sum */
	TEMPORAL_TERM_PARAM /* ?x in the body of a macro, never afterwards */
};

struct temporal_binder {
	struct str name, type_name;
	struct policy_span span;
	const struct type *type; /* after checking; NULL for a time point */
	uint32_t slot;
};

struct temporal_agg {
	bool sum;
	struct str summand; /* sum: one of the binders */
	uint32_t summand_slot;
	struct temporal_binder *binders;
	size_t n_binders;
	struct temporal_expr *body;
};

struct temporal_term {
	enum temporal_term_kind kind;
	enum policy_var base; /* PATH */
	uint32_t slot;        /* VAR */
	uint32_t n_names;     /* PATH; items of a SET */
	struct policy_span span;
	struct policy_value value; /* VALUE; SET after checking */
	struct str name;           /* VAR, TERM_PARAM */
	union {
		struct str *names;           /* PATH */
		struct temporal_term *items; /* SET */
		struct temporal_agg *agg;    /* AGG */
	};
};

/* One `a.b: term` of a predicate. */
struct temporal_field {
	struct str *path;
	uint32_t n_path;
	struct policy_span span;
	struct temporal_term term;
	bool pinned; /* added by the event schema */
};

enum temporal_kind {
	TEMPORAL_AND = 0, /* arg[0] && arg[1] && ... */
	TEMPORAL_NOT,
	TEMPORAL_FORMERLY, /* within window_ms arg[0] */
	TEMPORAL_PREVIOUS,
	TEMPORAL_SINCE,   /* arg[0] since within window_ms arg[1] */
	TEMPORAL_EXISTS,  /* binder. arg[0] */
	TEMPORAL_TP,      /* left: the variable */
	TEMPORAL_COMPARE, /* left op right; op is EQ ... GE */
	TEMPORAL_EVENT,   /* action::kind{fields} */
	TEMPORAL_PARAM,   /* ?x{fields} in the body of a macro, never afterwards */
	TEMPORAL_TERM     /* left alone: only as argument or body of a macro */
};

struct temporal_expr {
	enum temporal_kind kind : 8;
	enum policy_expr_kind op : 8; /* COMPARE */
	uint16_t depth;
	uint32_t n_args;
	struct policy_span span;
	struct temporal_expr **arg;
	int64_t window_ms;
	struct str name; /* PARAM; the window's parameter in a macro */
	struct temporal_binder binder;
	struct temporal_term left, right;
	struct policy_uid action; /* EVENT */
	struct str event_kind;
	struct temporal_field *fields;
	uint32_t n_fields;
	uint32_t id; /* EVENT: its number in the condition, from 0 */
};

/*
 * A temporal condition where it stands in a policy. It has become the attribute
 * `attr` of the context.
 */
struct temporal_leaf {
	struct temporal_expr *expr;
	const struct policy_source *source;
	struct policy_span span;
	struct str attr;
	uint32_t rank; /* of attr, in the order of members, among all of the program */
	uint32_t n_slots, n_events;
	uint32_t policy;      /* position of its policy */
	int64_t retention_ms; /* how far back it can see: the deepest sum of windows */
	/*
	 * Fail closed: what an unknown value has to be. +1: true is safe (a forbid
	 * fires, a permit does not); -1: false is safe; 0: neither, deny.
	 */
	int safe;
};

/* Makes a node a parent; false when that is too deep. */
bool temporal_adopt(struct temporal_expr *e, struct temporal_expr **arg, size_t n) MUST_USE;

/* A copy that shares nothing with the original, before checking; NULL when out of memory. */
struct temporal_expr *temporal_copy(struct arena *a, const struct temporal_expr *from) MUST_USE;

#endif
