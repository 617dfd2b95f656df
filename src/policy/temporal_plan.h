/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the leaves of a program are kept up to date event by event, decided once.
 *
 * A leaf is split at its top (&&, !, exists) into parts that have no free
 * variables. Each part is one of
 *
 *   NOW       looks at the decision's event only
 *   LAST      formerly W P                 one entry a key: the last time P happened
 *   PREVIOUS  previous W P                 the same entry
 *   SINCE     !P since W Q, P since W Q    the entries of P and Q
 *   WINDOW    count, sum of formerly W (P && tp(t))     the times in the window
 *             count, sum of formerly W P over its values: the last time of each value
 *   JOIN      exists x. formerly W P{x} && formerly V Q{x} ...
 *             exists x. R{x} && formerly W P{x} && !formerly V Q{x} ...
 *             the last time of each value in each of them
 *
 * where P and Q are one event whose fields are literals, wildcards or paths of
 * the request (the key); R is the decision's own event. A leaf with any other part
 * is GENERAL: the events it could look at are kept, and the reference evaluator
 * runs over those, for at most max_steps.
 *
 * Monitors are shared: leaves that watch the same have one. A plan borrows from its program
 * what is no syntax tree: the trees may be gone while it is used.
 */
#ifndef POLICY_TEMPORAL_PLAN_H
#define POLICY_TEMPORAL_PLAN_H

#include "base/hash.h"
#include "policy/dw.h"

struct temporal_filter {
	const struct temporal_field *field;
	enum policy_expr_kind op;
	struct policy_value value;
	bool reversed; /* value op field */
};

/* One event with what it has to satisfy, and which of its fields are told apart. */
struct temporal_atom {
	struct policy_uid action;
	struct str kind;
	const struct temporal_field *tests; /* VALUE or WILD */
	size_t n_tests;
	/* The paths are the event's. The terms are each leaf's own: struct temporal_terms. */
	const struct temporal_field *keys;
	size_t n_keys;
	const struct temporal_field **values; /* VALUES */
	size_t n_values;
	struct temporal_filter *filters;
	size_t n_filters;
	int64_t window_ms; /* VALUES */
};

#define TEMPORAL_ATOMS_MAX 8u /* of a join */

enum temporal_monitor_kind {
	TEMPORAL_MONITOR_LAST = 0, /* one time a key */
	TEMPORAL_MONITOR_RING,     /* the times of a window */
	TEMPORAL_MONITOR_VALUES    /* the last time of each value */
};

struct temporal_monitor {
	enum temporal_monitor_kind kind;
	struct temporal_atom *atoms; /* one; VALUES of a join: several */
	uint32_t n_atoms;
	int64_t ttl_ms;                   /* an entry older than this cannot matter */
	const struct temporal_field *sum; /* of atoms[0]; NULL: count */
	uint64_t cap;                     /* how many decide; 0: all */
	struct str signature;             /* while a plan is made */
};

enum temporal_part_kind {
	TEMPORAL_PART_NOW = 0, /* expr */
	TEMPORAL_PART_AND,
	TEMPORAL_PART_NOT,
	TEMPORAL_PART_LAST,
	TEMPORAL_PART_PREVIOUS,
	TEMPORAL_PART_SINCE,  /* query holds the anchor, other the left side */
	TEMPORAL_PART_WINDOW, /* one or two windows compared */
	TEMPORAL_PART_JOIN
};

/* The request's side of a key. Leaves that ask with the same terms share them. */
struct temporal_terms {
	const struct temporal_term **items;
	size_t n;
};

/* What a monitor is asked. */
struct temporal_query {
	uint32_t monitor;
	uint32_t terms; /* number in the plan */
	int64_t window_ms;
};

struct temporal_compare {
	enum policy_expr_kind op;
	struct temporal_term left, right; /* VALUE, PATH; the window's: VAR */
};

struct temporal_part {
	enum temporal_part_kind kind;
	bool negated;                     /* SINCE: the left side is !P */
	const struct temporal_expr *expr; /* NOW */
	struct temporal_part **kid;
	size_t n_kids;
	struct temporal_query query, other;
	/* WINDOW: one comparison, of one window or of two; or all of the comparisons of one */
	bool left_window, right_window;
	struct temporal_compare *compares;
	uint32_t n_compares;
	/* JOIN: NULL, or the decision's own event, which gives the value */
	const struct temporal_atom *now;
	uint32_t not_atoms; /* bits: atoms that must not have happened */
};

struct temporal_leaf_plan {
	struct temporal_part *part; /* NULL: general */
	struct temporal_expr *expr; /* general: the whole leaf; else NULL */
};

/* One atom of a monitor. */
struct temporal_watch {
	uint32_t monitor, atom;
};

/* Watches that tell events apart by the same fields. */
struct temporal_group {
	const struct temporal_field *keys;
	size_t n_keys;
	struct temporal_watch *watches;
	size_t n_watches, cap_watches;
};

/* Events of one (action, kind), and what wants to hear of them. */
struct temporal_topic {
	struct policy_uid action;
	struct str kind;
	struct temporal_group *groups;
	size_t n_groups, cap_groups;
	bool kept;                            /* some general leaf looks at these events */
	const struct temporal_field **fields; /* of which it needs these */
	size_t n_fields, cap_fields;
};

struct temporal_plan {
	const struct dw_program *prog;
	struct hash_key seed[2];
	size_t max_bytes; /* of one history */
	uint64_t max_steps;
	struct temporal_leaf_plan *leaves;
	struct temporal_monitor *monitors;
	size_t n_monitors, cap_monitors;
	uint64_t (*salts)[2]; /* one for each monitor: makes hashes of keys the monitor's */
	struct temporal_terms *terms;
	size_t n_terms, cap_terms;
	struct temporal_topic *topics;
	size_t n_topics, cap_topics;
	uint32_t *topic_slots; /* open addressing, number + 1 */
	size_t n_topic_slots;
	size_t n_general;     /* leaves */
	bool keeps_all;       /* a general leaf looks at points where any event happens */
	int64_t retention_ms; /* of events kept */
	int64_t longest_ms;   /* a history without events for so long is empty */
	uint64_t identity;    /* of program and plan, for snapshots */
};

struct temporal_plan_opts {
	struct hash_key seed[2]; /* secret where strangers choose values */
	size_t max_bytes;        /* of one history; 0: TEMPORAL_STATE_BYTES */
	bool all_general;        /* no fast parts: for comparing */
	uint64_t max_steps;      /* of a general leaf at one decision; 0: TEMPORAL_STATE_STEPS */
};

#define TEMPORAL_STATE_BYTES (256u << 10)
#define TEMPORAL_STATE_MOST  (1u << 31) /* what more is asked for is this */
#define TEMPORAL_STATE_STEPS 1000000u

/*
 * What does not depend on options: it needs the program's trees, and not to be seeded it cannot be
 * used as it is. `all_general`: no fast parts, for comparing.
 */
enum err_code temporal_plan_make(struct arena *a, const struct dw_program *prog, bool all_general,
				 const struct temporal_plan **ret, struct err *err) MUST_USE;

/* Lives in the arena, borrows the program, and its plan when it has one. */
enum err_code temporal_plan_build(struct arena *a, const struct dw_program *prog,
				  const struct temporal_plan_opts *opts,
				  const struct temporal_plan **ret, struct err *err) MUST_USE;

/* NULL when nobody cares about such events. */
const struct temporal_topic *temporal_plan_topic(const struct temporal_plan *plan,
						 const struct policy_uid *action, struct str kind);

#endif
