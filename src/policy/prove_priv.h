/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the prover. Only for prove*.c.
 *
 *   prove_shape   walks the policies once for an environment: which attributes are
 *                 looked at, and with what each is compared
 *   prove_domain  from that, the values that stand for all others
 *   prove_world   a request and entities that are made up while a policy asks
 *   prove_eval    the language over such a world
 *   prove_search  tries the choices of worlds
 *   prove_shrink  makes the world that was found as small as it can be
 *   prove_json    the world that was found, as JSON
 *   prove_names   whether a query is about attributes that exist
 */
#ifndef POLICY_PROVE_PRIV_H
#define POLICY_PROVE_PRIV_H

#include "policy/conform.h"
#include "policy/eval.h"
#include "policy/prove.h"

enum {
	PROVE_CHOICES = 1024,  /* open decisions of one request */
	PROVE_VALUES = 65536,  /* values of one domain */
	PROVE_STATES = 200000, /* states of the patterns of one attribute */
	PROVE_NO_CHOICE = -1,
};

/* The address that is written where any will do. */
#define PROVE_USUAL_IP                                                                             \
	{                                                                                          \
		{127, 0, 0, 1}, 32, false                                                          \
	}

#define PROVE_CONTEXT UINT32_MAX /* the owner of what belongs to no entity */

/* A set of choices. */
struct prove_bits {
	uint64_t w[PROVE_CHOICES / 64];
};

static inline void prove_bits_add(struct prove_bits *b, int choice)
{
	if (choice >= 0) {
		b->w[choice / 64] |= UINT64_C(1) << (choice % 64);
	}
}

static inline void prove_bits_drop(struct prove_bits *b, uint32_t choice)
{
	b->w[choice / 64] &= ~(UINT64_C(1) << (choice % 64));
}

static inline bool prove_bits_have(const struct prove_bits *b, uint32_t choice)
{
	return b->w[choice / 64] >> (choice % 64) & 1;
}

static inline void prove_bits_join(struct prove_bits *b, const struct prove_bits *more)
{
	for (size_t i = 0; i < ARRAY_LEN(b->w); i++) {
		b->w[i] |= more->w[i];
	}
}

/*
 * Attributes whose values meet each other somewhere, and all they are compared with.
 * `up` makes several into one; only prove_domain_root of one counts.
 */
struct prove_domain {
	struct prove_domain *up, *next;
	enum policy_kind kind;
	const struct schema_entity *entity; /* kind ENTITY */
	struct policy_value *consts;
	size_t n_consts, cap_consts;
	const struct policy_pattern **patterns;
	size_t n_patterns, cap_patterns;
	uint64_t *terms; /* hashes of the expressions that read one */
	size_t n_terms, cap_terms;
	uint32_t n_sets;             /* tests about whole sets of them */
	bool linked;                 /* two of them are compared */
	uint32_t spare;              /* of the root: values of one class that must differ */
	struct policy_value *values; /* of the root */
	size_t n_values, cap_values;
};

/* An attribute, a tag, or a variable; of the context or of all entities of a type. */
struct prove_path {
	struct prove_path *up, *kids, *next;
	struct str name;
	const struct type *type;
	bool required;
	struct prove_domain *domain;       /* of the value, or of a set's elements */
	struct prove_domain *keys;         /* of tags: their names */
	const struct schema_entity *owner; /* NULL: of the request */
};

/* One environment, and what was learnt about it. */
struct prove_model {
	const struct prove_opts *opts;
	const struct schema *s;
	struct arena *a;
	const struct schema_entity *principal, *resource;
	const struct schema_action *action;
	struct policy_uid action_uid;
	struct prove_path var_principal, var_resource, context;
	struct prove_path *types; /* a root for the attributes of each type met */
	struct prove_path *tags;  /* one for each type whose tags are looked at */
	struct prove_domain *domains;
	const struct policy_uid **literals;
	size_t n_literals, cap_literals;
	uint64_t *tests; /* hashes of the tests about whole sets */
	size_t n_tests, cap_tests;
	bool new_test;  /* the expression at hand was not met before */
	struct str why; /* unsupported, with the reason */
	bool nomem;
};

/* Keeps the first reason. Returns false. */
bool prove_refuse(struct prove_model *m, const char *why);

struct prove_domain *prove_domain_new(struct prove_model *m, enum policy_kind kind,
				      const struct schema_entity *entity);
struct prove_domain *prove_domain_root(struct prove_domain *d);
/* The domain of an entity type: one for all. */
struct prove_domain *prove_domain_entity(struct prove_model *m, const struct schema_entity *e);
void prove_domain_join(struct prove_domain *a, struct prove_domain *b);
void prove_domain_const(struct prove_model *m, struct prove_domain *d, struct policy_value v);
void prove_domain_pattern(struct prove_model *m, struct prove_domain *d,
			  const struct policy_pattern *p);
void prove_domain_term(struct prove_model *m, struct prove_domain *d, uint64_t term);
/* Fills the values of all domains, once every policy was walked. False: m->why or nomem. */
bool prove_domains_fill(struct prove_model *m);
/* The classes of strings that patterns and constants make. */
bool prove_strings_fill(struct prove_model *m, struct prove_domain *root);
bool prove_domain_value(struct prove_model *m, struct prove_domain *root, struct policy_value v);

struct prove_path *prove_path_find(const struct prove_path *root, struct str name);
/* Made on first use; NULL when the type has none, or out of memory. */
struct prove_path *prove_path_attr(struct prove_model *m, struct prove_path *of, struct str name);
struct prove_path *prove_path_type(struct prove_model *m, const struct schema_entity *e);
struct prove_path *prove_path_tags(struct prove_model *m, const struct schema_entity *e);

/* Walks a policy; false when it holds what is not supported. */
bool prove_shape_policy(struct prove_model *m, const struct policy *p);

bool prove_model_init(struct prove_model *m);

/* What was learnt about the attributes of a query, environment by environment. Zero, but `arena`. */
struct prove_names {
	struct arena *arena;
	struct prove_name *items;
	size_t n, cap;
	bool nomem;
};

void prove_names_look(struct prove_names *n, const struct prove_model *m,
		      const struct policy *query);
/* ERR_INVALID names the first attribute that was found in none. */
enum err_code prove_names_missing(struct prove_names *n, struct err *err) MUST_USE;

/* -- worlds -- */

struct prove_entity {
	const struct policy_uid *uid;
	const struct schema_entity *type;  /* NULL: not in the schema */
	const struct policy_entity *known; /* given by the caller */
	enum { PROVE_MAYBE = 0, PROVE_YES, PROVE_NO } exists;
	int choice;
};

struct prove_member {
	struct policy_value v;
	bool asked, in;
	int choice;
};

struct prove_slot {
	const struct prove_path *path;
	uint32_t owner;
	struct str tag;
	enum { PROVE_OPEN = 0, PROVE_THERE, PROVE_ABSENT } presence;
	int presence_choice;
	struct policy_value value; /* NONE: open */
	int choice;
	struct prove_member *members; /* of a set */
	size_t n_members, cap_members;
	bool closed; /* nothing but `members` may be in it */
};

/* The entity `a` is below `b`, or it is not. */
struct prove_edge {
	uint32_t a, b;
	bool in;
	int choice;
};

/* A choice that was made; the search goes on with the next option. */
struct prove_frame {
	uint32_t n, at;
	struct prove_bits conflict; /* what its failed options and its list of options rest on */
};

struct prove_world {
	struct prove_model *m;
	struct arena *a; /* forgotten with every new try */
	struct prove_frame *frames;
	uint32_t depth, cursor;  /* frames, and how many of them this try has passed */
	struct prove_bits reads; /* choices that the outcome at hand rests on */
	struct prove_bits names; /* choices of which entity stands somewhere */
	struct prove_bits edges_made;
	bool crowded; /* entities were made without a choice */
	struct prove_entity *entities;
	size_t n_entities, cap_entities;
	struct prove_slot *slots;
	size_t n_slots, cap_slots;
	struct prove_edge *edges;
	size_t n_edges, cap_edges;
	uint64_t spent;  /* parts that every counterexample of this try has: see prove_size */
	uint64_t budget; /* a try that has more is dead; UINT64_MAX: none */
	size_t fails[2]; /* so many policies WHATEVER may fail, of each side */
	uint32_t found;  /* frames of the try that was found last */
	bool whole;      /* what is written down refers to no entity that is missing */
	bool dead;       /* something must be chosen and there is nothing to choose from */
	bool stopped;    /* m->why or m->nomem: the outcome counts for nothing */
};

void prove_world_reset(struct prove_world *w);
/* Which of n options; `rests_on` may be NULL. The index of the choice in *choice. */
uint32_t prove_choose(struct prove_world *w, uint32_t n, const struct prove_bits *rests_on,
		      int *choice);
uint32_t prove_entity_at(struct prove_world *w, const struct policy_uid *uid);
bool prove_exists(struct prove_world *w, uint32_t e);
bool prove_in(struct prove_world *w, const struct policy_uid *a, const struct policy_uid *b);
/* Index of the slot; it may move what was got before. */
uint32_t prove_slot_at(struct prove_world *w, const struct prove_path *path, uint32_t owner,
		       struct str tag);
bool prove_present(struct prove_world *w, uint32_t slot);
/* A scalar or an entity. */
struct policy_value prove_slot_value(struct prove_world *w, uint32_t slot);
bool prove_set_has(struct prove_world *w, uint32_t slot, struct policy_value v);
/* Everything that may be in the set; nothing else is, from now on. */
size_t prove_set_close(struct prove_world *w, uint32_t slot);

/* -- evaluation -- */

enum prove_truth { PROVE_FALSE = 0, PROVE_TRUE, PROVE_FAILS };

enum prove_truth prove_eval_policy(struct prove_world *w, const struct policy *p);

/* -- search -- */

enum prove_want {
	PROVE_SATISFIED = 0,
	PROVE_UNSATISFIED,
	PROVE_FAILING,
	PROVE_WHATEVER, /* it counts only when it fails; behind all others */
};

struct prove_literal {
	const struct policy *policy;
	enum prove_want want;
	size_t side; /* WHATEVER: index into `fails` */
};

enum prove_from { PROVE_ANEW = 0, PROVE_AT_FOUND, PROVE_BEHIND_FOUND };

/*
 * A conjunction. True in *ret_found when some world has it, within w->budget; the world is then in
 * `w`. It begins anew, or with the one that was found last (when more is wanted of it now), or behind
 * that one.
 */
enum err_code prove_search(struct prove_world *w, const struct prove_literal *goal, size_t n,
			   enum prove_from from, uint64_t *steps, uint64_t limit,
			   bool (*tick)(void *arg, uint64_t steps), void *arg, bool *ret_found,
			   struct err *err) MUST_USE;

/*
 * With `whole`: the entity is written down too. One whose type requires nothing may be left
 * out: no policy can tell an entity without attributes, tags and parents from a missing one.
 */
void prove_make_exist(struct prove_world *w, const struct policy_uid *uid);

/* Whether the documents still say what the first ones said; *ret is false when they do not. */
typedef enum err_code prove_check(void *arg, struct str request, struct str entities, bool *ret,
				  struct err *err);

/*
 * Undoes, one at a time, what the world has more than it must have, as long as `check` holds,
 * until no single step does; then *ret_minimal is true. After PROVE_REPLAYS_MAX checks it
 * stops. The world is then the smallest one, to be written with prove_json. ERR_NOMEM.
 */
enum err_code prove_shrink(struct prove_world *w, prove_check *check, void *arg, bool *ret_minimal,
			   struct err *err) MUST_USE;

/*
 * The size of a counterexample, as it is written: entities that are not known, their parents without
 * those that follow from others, attributes and members of records, tags, elements of sets. Marks the
 * edges that follow from others. False: out of memory.
 */
bool prove_size(struct prove_world *w, struct arena *a, struct str request, struct str entities,
		uint64_t *ret);
bool prove_reaches(struct prove_world *w, uint32_t a, uint32_t b);

/* The world as two documents; what was left open is filled in. False: why or nomem. */
bool prove_json(struct prove_world *w, struct buf *request, struct buf *entities);
void prove_json_uid(struct buf *out, const struct policy_uid *uid);

#endif
