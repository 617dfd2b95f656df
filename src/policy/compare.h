/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sets of policies over requests that are known in part: which outcomes are
 * possible under each, together. What is unknown is weighed policy by policy, but
 * policies that say the same (scope and conditions, whatever their annotations) have the
 * same result, and what a record says about them counts. So the answer never leaves
 * out a pair that is possible; it may name one that is not.
 */
#ifndef POLICY_COMPARE_H
#define POLICY_COMPARE_H

#include "policy/partial.h"

/* A set with the policies it was made from, in the same order. */
struct policy_compare_set {
	const struct policy_list *policies;
	const struct policy_set *set;
};

struct policy_compare;

/* Everything is borrowed. ERR_NOMEM. */
enum err_code policy_compare_new(struct arena *a, const struct policy_compare_set *before,
				 const struct policy_compare_set *after,
				 const struct policy_compare **ret, struct err *err) MUST_USE;

/* How a request was decided by one of the two sets. */
struct policy_recorded {
	bool known; /* false: nothing is known */
	bool after; /* by the second set */
	enum policy_outcome outcome;
	const struct str *deciding, *errors; /* ids */
	size_t n_deciding, n_errors;
	bool all_deciding, all_errors; /* nothing was cut off */
};

/* A pair is bit 3 * before + after. */
#define POLICY_COMPARE_BIT(before, after) (1u << (3 * (unsigned)(before) + (unsigned)(after)))

struct policy_compared {
	unsigned pairs;    /* possible pairs of outcomes; never none */
	bool contradicted; /* the record cannot be so with these entities; it is believed */
	const struct policy **open; /* policies whose result is not known and counts */
	size_t n_open;
};

/* Everything in *ret lives in scratch. ERR_NOMEM, ERR_INVALID. */
enum err_code policy_compare(const struct policy_compare *c, const struct policy_partial *request,
			     const struct policy_recorded *recorded, struct arena *scratch,
			     struct policy_compared *ret, struct err *err) MUST_USE;

#endif
