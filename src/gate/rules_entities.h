/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration says about the world, as Cedar entities: the groups of
 * actions, agents with their teams and owners, servers, models, sites and the
 * jurisdictions they lie in.
 *
 * With a schema (temporal policies) its actions are there too, and what it declares of an entity
 * has to be so: an attribute that it requires and that nobody gave is an error. What it does not
 * declare no policy can ask about.
 */
#ifndef GATE_RULES_ENTITIES_H
#define GATE_RULES_ENTITIES_H

#include "config/config.h"
#include "policy/schema.h"
#include "policy/store.h"

#define RULES_ACTION STR("Writ::Action")

enum { RULES_GROUPS_MAX = 2 };

struct residency_site;

/*
 * Everything lives in the arena and borrows from configuration and schema (may be NULL). `sites`
 * says what is known of each site of the configuration; NULL: of none, which is the worst.
 */
enum err_code rules_entities(struct arena *a, const struct config *config,
			     const struct residency_site *sites, const struct schema *schema,
			     struct policy_store **ret, struct err *err) MUST_USE;

/* The groups that an action of Writ's own is a member of, RULES_GROUPS_MAX, the last empty; or NULL. */
const struct str *rules_action_groups(struct str id);

/* Is the entity, as far as the schema declares it, as it says? ERR_INVALID tells what is not. */
enum err_code rules_check_entity(struct arena *a, const struct schema *schema,
				 const struct policy_entity *e, struct err *err) MUST_USE;

/* Of a record, the members that the type declares, at all depths. False when memory is short. */
bool rules_fit(struct arena *a, const struct type *t, struct policy_value v,
	       struct policy_value *ret) MUST_USE;

#endif
