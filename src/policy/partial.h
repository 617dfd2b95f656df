/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy can come to when only a part of the request is known: a record of a
 * decision, for instance, that does not hold the arguments. The answer never
 * leaves out what is possible; it may name something that is not, since parts of one
 * unknown value are weighed each by itself.
 */
#ifndef POLICY_PARTIAL_H
#define POLICY_PARTIAL_H

#include "policy/engine.h"

enum policy_may {
	POLICY_MAY_HOLD = 1, /* satisfied */
	POLICY_MAY_NOT = 2,
	POLICY_MAY_FAIL = 4, /* fails to evaluate */
	POLICY_MAY_ALL = 7,
};

struct policy_partial {
	/*
	 * As for policy_decide, but that a member of the context, or of a record in it, may
	 * be of kind NONE: it is there, and nobody knows what it is. A record with such a member
	 * may also have others.
	 */
	const struct policy_request *request;
	bool open; /* there may be entities that are not given, like anything */
};

/* Bits of enum policy_may, never none. ERR_NOMEM, ERR_INVALID for a cycle of entities. */
enum err_code policy_partial(const struct policy_partial *given, const struct policy *p,
			     struct arena *scratch, unsigned *ret, struct err *err) MUST_USE;

#endif
