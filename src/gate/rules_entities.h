/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration says about the world, as Cedar entities: the groups of
 * actions, agents with their teams and owners, servers, models, sites and the
 * jurisdictions they lie in.
 */
#ifndef GATE_RULES_ENTITIES_H
#define GATE_RULES_ENTITIES_H

#include "config/config.h"
#include "policy/store.h"

/* Everything lives in the arena and borrows from the configuration. */
enum err_code rules_entities(struct arena *a, const struct config *config,
			     struct policy_store **ret, struct err *err) MUST_USE;

#endif
