/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether one decision about a place of a sandbox holds for all files in it, or each has to be decided by itself: when
 * a policy looks at a file's path, at what happened before, at the time, or asks a person.
 */
#ifndef GATE_RULES_VARY_H
#define GATE_RULES_VARY_H

#include "gate/rules.h"

/*
 * The answer to this query (READ_FILE or WRITE_FILE of a place) is known: is it anew for each file there? A refusal that
 * rests on a policy that does not vary is one of the whole place.
 */
bool rules_vary(const struct rules *r, const struct rules_query *q,
		const struct rules_answer *answer);

/*
 * A policy about the programs of this agent that comes to something else as time passes or things happen, while a run's
 * programs are decided once, at its start; NULL: none, or all say so themselves (@decided("start")).
 */
const struct policy_rule *rules_vary_exec(const struct rules *r, struct str agent);

/* Could some permit hold for a program that no policy names, by its path? Never false where one could. */
bool rules_permit_by_path(const struct rules *r, struct str agent);

/*
 * In a run that learns: a file or a host that was refused since no policy is about it is allowed, and the record says so
 * ("learned"). What a policy refuses, what is neither, and what could not be decided stays refused.
 */
void rules_learn(const struct rules_query *q, struct rules_answer *answer);

#endif
