/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the leaves of a program are kept up to date event by event, decided once.
 *
 * A leaf is split at its top (&&, !, exists over an aggregate) into parts that
 * have no free variables. Each part is one of
 *
 *   NOW       looks at the decision's event only
 *   LAST      formerly W P              one entry a key: the last time P happened
 *   PREVIOUS  previous W P              the same entry
 *   SINCE     !P since W Q, P since W Q the entries of P and Q
 *   WINDOW    count, sum of formerly W (P && tp(t))   one ring a key
 *
 * where P and Q are one event whose fields are literals, wildcards or paths of
 * the request (the key). A leaf with any other part is GENERAL: the events it
 * could look at are kept, and the reference evaluator runs over those.
 *
 * Monitors are shared: leaves that watch the same pattern have one entry.
 */
#ifndef POLICY_TEMPORAL_PLAN_H
#define POLICY_TEMPORAL_PLAN_H

#include "base/map.h"
#include "policy/dw.h"

/* One event whose fields need not be bound: literals and wildcards to test, paths to key by. */
struct temporal_pattern {
	struct policy_uid action;
	struct str kind;
	const struct temporal_field *tests; /* VALUE or WILD */
	size_t n_tests;
	const struct temporal_field
		*keys; /* the paths are the event's; terms are each leaf's own */
	size_t n_keys;
};

struct temporal_filter {
	const struct temporal_field *field;
	enum policy_expr_kind op;
	struct policy_value value;
	bool reversed; /* value op field */
};

enum temporal_monitor_kind { TEMPORAL_MONITOR_LAST = 0, TEMPORAL_MONITOR_RING };

struct temporal_monitor {
	enum temporal_monitor_kind kind;
	struct temporal_pattern pattern;
	int64_t ttl_ms; /* an entry older than this cannot matter */
	/* RING */
	const struct temporal_field *sum; /* NULL: count */
	struct temporal_filter *filters;
	size_t n_filters;
	uint64_t cap; /* entries that can matter; 0: all */
	struct str signature;
};

enum temporal_part_kind {
	TEMPORAL_PART_NOW = 0, /* expr */
	TEMPORAL_PART_AND,
	TEMPORAL_PART_NOT,
	TEMPORAL_PART_LAST,
	TEMPORAL_PART_PREVIOUS,
	TEMPORAL_PART_SINCE,  /* monitor holds the anchor, other the left side */
	TEMPORAL_PART_WINDOW, /* one or two windows compared */
};

/* What a monitor is asked with: the request's side of its keys. */
struct temporal_query {
	uint32_t monitor;
	const struct temporal_term **terms; /* one for each key */
};

struct temporal_part {
	enum temporal_part_kind kind;
	bool negated; /* SINCE: the left side is !P */
	int64_t window_ms;
	const struct temporal_expr *expr;
	struct temporal_part **kid;
	size_t n_kids;
	struct temporal_query query, other;
	/* WINDOW: `expr` compares; or binds slot and then `rest` compares */
	bool left_window, right_window, binds;
	uint32_t slot;
	const struct temporal_expr **rest;
	size_t n_rest;
};

struct temporal_leaf_plan {
	struct temporal_part *part; /* NULL: general */
};

/* Events of one (action, kind), and what wants to hear of them. */
struct temporal_topic {
	struct policy_uid action;
	struct str kind;
	uint32_t *monitors;
	size_t n_monitors, cap_monitors;
	bool kept;                            /* some general leaf looks at these events */
	const struct temporal_field **fields; /* of which it needs these */
	size_t n_fields, cap_fields;
};

struct temporal_plan {
	const struct dw_program *prog;
	struct hash_key seed[2];
	size_t max_bytes; /* of one history */
	struct temporal_leaf_plan *leaves;
	struct temporal_monitor *monitors;
	size_t n_monitors, cap_monitors;
	struct temporal_topic *topics;
	size_t n_topics, cap_topics;
	uint32_t *topic_slots; /* open addressing, number + 1 */
	size_t n_topic_slots;
	bool general;         /* some leaf is */
	bool keeps_all;       /* a general leaf looks at points where any event happens */
	int64_t retention_ms; /* of events kept */
	int64_t longest_ms;   /* a history without events for so long is empty */
	uint64_t identity;    /* of program and plan, for snapshots */
};

struct temporal_plan_opts {
	struct hash_key seed[2]; /* secret where strangers choose values */
	size_t max_bytes;        /* of one history; 0: TEMPORAL_STATE_BYTES */
	bool all_general;        /* no fast parts: for comparing */
};

#define TEMPORAL_STATE_BYTES (256u << 10)

/* Lives in the arena, borrows the program. */
enum err_code temporal_plan_build(struct arena *a, const struct dw_program *prog,
				  const struct temporal_plan_opts *opts,
				  const struct temporal_plan **ret, struct err *err) MUST_USE;

/* NULL when nobody cares about such events. */
const struct temporal_topic *temporal_plan_topic(const struct temporal_plan *plan,
						 const struct policy_uid *action, struct str kind);

#endif
