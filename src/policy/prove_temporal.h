/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known about temporal conditions without any history: that one implies
 * another, or that two exclude each other. To the prover each condition is an
 * attribute that may be true or false (policy/dw.h); these facts leave out what no
 * history can bring about. They are found by shape, soundly, not all of them: windows
 * that contain each other, more or fewer fields of an event, conjunctions, negations, and limits
 * of the same count. Calls of a provider with the same arguments give the same value.
 */
#ifndef POLICY_PROVE_TEMPORAL_H
#define POLICY_PROVE_TEMPORAL_H

#include "policy/dw.h"
#include "policy/prove.h"

#define PROVE_TEMPORAL_LEAVES 300u /* beyond so many nothing is compared */

/* In the arena. ERR_NOMEM. */
enum err_code prove_temporal(struct arena *a, const struct dw_program *prog,
			     struct prove_never **ret, size_t *ret_n, struct err *err) MUST_USE;

/* Whenever a is true, so is b, in every history and for every request. */
bool prove_temporal_implies(const struct temporal_leaf *a, const struct temporal_leaf *b);

/* Do two calls ask the same provider the same? Of values that are no sets and records. */
bool prove_temporal_same_call(const struct dw_call *a, const struct dw_call *b);

#endif
