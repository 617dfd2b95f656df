/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporal policies (.dw files): Cedar policies with `temporal { }` conditions
 * over what already happened, calls of information providers, and macros.
 *
 * Loading lowers everything to Cedar: each temporal block and each provider call
 * becomes an attribute of the context, `policy_N__temporal_M` or
 * `policy_N__provider_M`, that is computed before Cedar runs. The schema gets
 * the same attributes, so strict validation covers the lowered policies. All or
 * nothing: a program that does not load says why in `diags`.
 *
 * Pure, as the engine is: events bring their time.
 *
 * Limits: POLICY_COUNT_MAX policies, DW_LEAVES_MAX temporal blocks and as many
 * provider calls in all, DW_LEAVES_POLICY_MAX of each in one policy; those of
 * temporal.h for each block.
 */
#ifndef POLICY_DW_H
#define POLICY_DW_H

#include "policy/dw_call.h"
#include "policy/dw_events.h"
#include "policy/engine.h"
#include "policy/temporal_reference.h"

#define DW_LEAVES_MAX        1000000u
#define DW_LEAVES_POLICY_MAX 256u

struct dw_texts {
	const struct policy_source *policies; /* .dw */
	size_t n_policies;
	const bool *cedar; /* one for each: plain Cedar, text or JSON; NULL: none is */
	const struct policy_source *schema;    /* Cedar; NULL: no block and no call may occur */
	const struct policy_source *events;    /* NULL: the built-in event schema */
	const struct policy_source *providers; /* NULL: none */
	const struct policy_source *macros;    /* NULL: the standard library */
	/* For providers, see policy/dw_provider.h. */
	const struct policy_source *scripts;
	size_t n_scripts;
	const struct dw_native *natives; /* they outlive the program */
	size_t n_natives;
	enum policy_id_scheme ids; /* ORDER: policy_0, policy_1, ... */
	bool strict_annotations;   /* as in policy_set_opts */
	policy_check_fn *check;    /* likewise */
	const void *check_arg;
	bool no_past; /* refuse what one request does not say: events, providers */
	/*
	 * The program will decide and nothing else. It keeps no syntax trees: `policies` is empty,
	 * leaves have neither expr nor place, and `plan` is made at once.
	 */
	bool decide_only;
};

/* What the conditions of one policy look at: its leaves and calls stand in a row. */
struct dw_rule {
	uint32_t leaf, n_leaves, call, n_calls;
};

struct temporal_plan;

struct dw_program {
	const struct schema *schema; /* as given; NULL: so are events, providers, store */
	const struct dw_events *events;
	const struct dw_providers *providers;
	struct policy_list policies; /* lowered */
	const struct policy_set *set;
	const struct temporal_plan *plan; /* decide_only, with leaves; else NULL */
	struct temporal_leaf *leaves;
	size_t n_leaves;
	struct dw_call *calls;
	size_t n_calls;
	struct dw_rule *rules;            /* one for each policy */
	uint32_t *slots;                  /* actions by hash: number + 1 */
	size_t n_slots;                   /* a power of two */
	const struct policy_store *store; /* the schema's actions and nothing else */
};

/* Does the schema have this action? */
bool dw_action_known(const struct dw_program *prog, const struct policy_uid *action);

/* Texts and diags outlive the program; everything is in the arena. */
enum err_code dw_load(struct arena *a, const struct dw_texts *texts, struct policy_diags *diags,
		      const struct dw_program **ret, struct err *err) MUST_USE;

/*
 * The schema with the attributes of leaves and calls, for whoever has to type the lowered
 * policies: large where many policies meet many actions. The program outlives it.
 */
enum err_code dw_lower(struct arena *a, const struct dw_program *prog, struct policy_diags *diags,
		       const struct schema **ret, struct err *err) MUST_USE;

/* A line of a trace, or what a gateway saw happen. */
struct dw_event {
	struct temporal_event event;
	const struct policy_uid *principal, *resource; /* NULL when there is none */
	struct policy_value context;                   /* RECORD; NONE when there is none */
	const struct policy_entity *entities;
	size_t n_entities;
	int64_t now; /* for @since and @until, milliseconds since 1970; 0: the event's time */
};

/* Does its kind ask for a decision? */
bool dw_is_decision(const struct dw_program *prog, const struct dw_event *ev);

/*
 * The values of the fields that split the history; false when one is missing.
 * `ret` has room for DW_PINS_MAX.
 */
bool dw_event_key(const struct dw_program *prog, const struct temporal_event *ev,
		  struct policy_value *ret) MUST_USE;

/* Says what the leaf's value is. Asked only for leaves of policies that may apply. */
typedef enum err_code dw_leaf_fn(void *arg, const struct temporal_leaf *leaf, size_t index,
				 const struct policy_env *env, struct arena *scratch, bool *ret,
				 struct err *err);

/*
 * Decides. The history is behind `leaf_value`. The store holds the schema's actions too,
 * as policy_json_entities makes it; NULL: prog->store. An unknown action is denied. Never
 * fails open: what cannot be computed is a denial with `failure` set, and
 * err->msg says more.
 */
void dw_decide(const struct dw_program *prog, const struct dw_event *ev,
	       const struct policy_store *store, dw_leaf_fn *leaf_value, void *arg,
	       struct arena *scratch, struct policy_decision *ret, struct err *err);

/* Is the key of the decision's own event the one its request says? Else deny. */
bool dw_request_key(const struct dw_program *prog, const struct policy_env *env,
		    struct policy_value *ret) MUST_USE;

#endif
