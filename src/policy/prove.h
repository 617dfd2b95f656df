/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact answers about all requests at once. For every request environment that the
 * schema allows (principal type, action, resource type) the policies can tell only
 * finitely many requests apart: each attribute they look at falls into a few classes
 * of values, cut out by the constants and patterns it is compared with. The search
 * tries the classes, in the order in which the policies ask, until a request breaks
 * the claim or none is left.
 *
 * A counterexample is made into JSON, read back and decided by the engine; only one
 * that the engine confirms is given out. What the classes cannot express (arithmetic
 * over two attributes, comparing whole records) is answered with "unsupported" and
 * the reason, work past the limit with ERR_LIMIT. Neither is ever called proved.
 *
 * With `shrink` it is made smaller as long as the engine says that it still breaks the
 * claim. A step leaves out an entity, an optional attribute, a tag, a parent or an element
 * of a set, or puts a simpler value of its domain in place of an attribute: false, 0, "",
 * a shorter string, a number nearer to zero, an entity met earlier. Smallest means that no
 * single step is left, not that no smaller request exists. No step may make more policies
 * fail, or (NEVER_ERRORS) the policy fail for another reason. What is given stays as it is;
 * with `complete` an entity that is referred to stays, unless its type requires nothing.
 *
 * What counts as a request: whatever the schema allows, and entities that fit it.
 * Entities that are given are as they are given, all others may be anything. An
 * entity may be missing from the entities, unless `complete` says that none is.
 * "Allowed" is Cedar's decision; annotations do not change it.
 */
#ifndef POLICY_PROVE_H
#define POLICY_PROVE_H

#include "policy/engine.h"
#include "policy/schema.h"

#define PROVE_STEPS_MAX   5000000u /* requests tried, when the caller names no limit */
#define PROVE_REPLAYS_MAX 4000u    /* smaller requests tried, to shrink one that was found */

enum prove_claim {
	PROVE_NONE = 0,
	PROVE_ALWAYS_DENIES, /* no request of the query is allowed; so is UNREACHABLE */
	PROVE_ALWAYS_ALLOWS, /* every request of the query is allowed */
	PROVE_NEVER_ERRORS,  /* no policy fails to evaluate for a request of the query */
	PROVE_EQUIVALENT,    /* `other` decides every request of the query the same way */
	PROVE_IMPLIES,       /* what is allowed is allowed by `other` too */
	PROVE_SHADOWED,      /* without policy `id` every request is decided the same way */
	PROVE_REACHABLE,     /* some request of the query is allowed */
	PROVE_NEVER_MATCHES, /* policy `id` is never satisfied */
};

enum prove_verdict {
	PROVE_UNSUPPORTED = 0, /* `reason` says why */
	PROVE_HOLDS,           /* REACHABLE: with the request that shows it */
	PROVE_BROKEN,          /* with a counterexample, but for REACHABLE */
};

struct prove_invariant {
	enum prove_claim claim;
	const struct policy *query;      /* scope and conditions as a policy; NULL: all requests */
	const struct policy_list *other; /* EQUIVALENT, IMPLIES */
	struct str id;                   /* SHADOWED, NEVER_MATCHES */
};

/* A condition that no request meets, over attributes of the context that are otherwise free. */
struct prove_never {
	const struct policy *policy;
	struct str attrs[2]; /* it is about actions whose context has both */
};

struct prove_opts {
	const struct schema *schema;      /* not NULL */
	const struct policy_store *store; /* the known entities, may be NULL */
	bool complete;                    /* every entity that is referred to exists */
	bool closed;                      /* there are no entities but the known ones */
	const struct prove_never *never;
	size_t n_never;
	bool any_names; /* the query may look at what nothing has */
	bool shrink;    /* give out the smallest request, not the first */
	uint64_t steps; /* limit; 0: PROVE_STEPS_MAX */
	/* Called now and then in long work; may be NULL. False stops it with ERR_LIMIT. */
	bool (*progress)(void *arg, uint64_t steps, size_t env, size_t n_envs);
	void *progress_arg;
};

struct json;

struct prove_result {
	enum prove_verdict verdict;
	struct str reason;   /* UNSUPPORTED */
	struct str request;  /* JSON as `writ policy eval --request` reads it, or empty */
	struct str entities; /* JSON as --entities reads it: the known ones and those that matter */
	struct str policy;   /* NEVER_ERRORS: the one that fails */
	/*
	 * With `shrink`: no counterexample in which as few policies fail is smaller
	 * (prove_documents_size), and no single value of this one can be simpler.
	 */
	bool minimal;
	uint64_t steps; /* requests tried */
	size_t n_envs;  /* request environments looked at */
};

/* How many parts a counterexample is written with; the first n_known entities do not count. */
uint64_t prove_documents_size(const struct json *request, const struct json *entities,
			      size_t n_known);

/*
 * The texts of *ret live in `a`. Errors: ERR_NOMEM, ERR_LIMIT, ERR_NOT_FOUND when
 * there is no policy `id`, ERR_INVALID for templates.
 */
enum err_code prove(struct arena *a, const struct policy_list *policies,
		    const struct prove_invariant *inv, const struct prove_opts *opts,
		    struct prove_result *ret, struct err *err) MUST_USE;

/*
 * Every attribute that the query looks at exists in some environment of it; else ERR_INVALID.
 * prove() asks first: a claim about a mistyped name would hold for the sake of nothing.
 */
enum err_code prove_query_names(struct arena *a, const struct schema *s, const struct policy *query,
				struct err *err) MUST_USE;

/*
 * An invariant from text: a word and what follows it.
 *
 *   always-denies | always-allows | never-errors | reachable | unreachable [QUERY]
 *   equivalent FILE | implies FILE | shadowed POLICYID | never-matches POLICYID
 *
 * QUERY is the rest of a Cedar policy, `(principal, action == Action::"x", resource)
 * when { ... }`, or only a condition. *ret_file is FILE, else empty; the caller reads
 * it and fills in `other`. Borrows the text. ERR_SYNTAX, ERR_NOMEM.
 */
enum err_code prove_parse(struct arena *a, struct str text, struct prove_invariant *ret,
			  struct str *ret_file, struct policy_diags *diags,
			  struct err *err) MUST_USE;

/* The first word of an invariant, borrowed. */
struct str prove_word(struct str text);

/* Whether the word begins an invariant. */
bool prove_is_claim(struct str word);

#endif
