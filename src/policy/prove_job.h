/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the prover: what prove.c begins, prove_claim.c tries and prove_answer.c gives out. */
#ifndef POLICY_PROVE_JOB_H
#define POLICY_PROVE_JOB_H

#include "policy/prove_priv.h"

/* A policy and its text, by which policies of two sets are the same. */
struct item {
	const struct policy *policy;
	struct str text;
};

struct side {
	struct policy_list list;
	struct item *items;
	const struct policy_set *set;
};

struct job {
	struct arena *a; /* the caller's */
	const struct prove_invariant *inv;
	const struct prove_opts *opts;
	struct side one, two;
	const struct policy *named; /* SHADOWED, NEVER_MATCHES */
	struct prove_result *ret;
	uint64_t limit;
	struct arena model_arena, world_arena, replay_arena;
	struct prove_model m;
	struct prove_world w;
	struct prove_literal *goal;
	size_t n_goal;
	bool found;
	bool smallest;                /* nothing smaller is to be looked for, or can be */
	const struct policy *failing; /* NEVER_ERRORS: of the request that was found */
	enum policy_fault_code fault;
	size_t n_errors[2]; /* of each side; the request gets smaller, these do not grow */
	unsigned undecided; /* environments, or requests that the engine did not confirm */
	struct str refused; /* the first reason */
	size_t env, n_envs;
};

static inline enum err_code prove_no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "out of memory");
}

/* Can the policy's scope hold in the environment? */
bool prove_concerns(const struct prove_model *m, const struct policy *p);

/* Is the fact about the environment? */
bool prove_is_about(const struct job *j, const struct prove_never *never);

/* The environment, or a request, is not decided, for this reason. */
void prove_undecided(struct job *j, const char *why);

/* Is there nothing more to look for? */
bool prove_is_over(const struct job *j);

/* All that would break the claim in the environment at hand. */
enum err_code prove_try_claim(struct job *j, struct err *err) MUST_USE;

/* The world that was found becomes the answer, if the engine agrees and none before it was better. */
enum err_code prove_deliver(struct job *j, struct err *err) MUST_USE;

#endif
