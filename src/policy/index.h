/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which policies can matter for a request: an index over scopes, so that the
 * cost of a decision follows the candidates and not the size of the set.
 *
 * Every policy stands in a bucket for each action (or action group) its scope
 * names, or in the bucket of any action; inside, under the rarer of its principal
 * and resource constraints (the entity, the group, or the type), or in the
 * bucket's rest. Besides the scope, a test that comes first in the first `when`
 * and cannot fail (`principal in Group::"g" && ...`) narrows too.
 *
 * The index only ever leaves out policies whose scope, or such a test, is false;
 * those cannot be satisfied and cannot fail, so reasons and errors stay exact.
 * Keys are hashes: a collision gives a candidate too many, never one too few.
 */
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include "policy/code.h"

struct policy_index_list {
	uint64_t key;
	uint32_t at, n; /* in `items`; n 0 marks a free slot */
};

struct policy_index_bucket {
	uint64_t action; /* hash of the action, or of "any" */
	uint32_t flags;  /* which kinds of lists it has; 0 marks a free slot */
};

struct policy_index {
	struct policy_index_bucket *buckets;
	struct policy_index_list *lists;
	uint32_t *items; /* policy numbers */
	size_t cap_buckets, cap_lists, n_items;
};

/* Also sets `twice` in the entries of `code` that stand under several keys. */
enum err_code policy_index_build(struct arena *a, const struct policy *const *policies, size_t n,
				 struct policy_code *code, struct policy_index *ret,
				 struct err *err) MUST_USE;

/* A walk over the candidates, list by list. */
struct policy_index_walk {
	const struct policy_index *index;
	const struct policy_env *env;
	uint64_t principal_type, resource_type; /* hashes */
	uint32_t action;                        /* 0: any, 1: itself, then its ancestors */
	uint32_t step;                          /* which kind of list is next */
	uint32_t up;                            /* which ancestor of the principal or resource */
	uint64_t key;                           /* of the action in hand */
	uint32_t flags;
};

void policy_index_begin(struct policy_index_walk *w, const struct policy_index *index,
			const struct policy_env *env);

/* The next list of candidates, or NULL at the end. A policy may come twice. */
const uint32_t *policy_index_next(struct policy_index_walk *w, uint32_t *n);

#endif
