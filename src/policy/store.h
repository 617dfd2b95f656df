/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities and their hierarchy. A store is built once and never changes; it
 * holds the transitive closure of parents. A parent that is not in the store is
 * only a name: it has no attributes, no tags and no parents.
 */
#ifndef POLICY_STORE_H
#define POLICY_STORE_H

#include "policy/value.h"

#define POLICY_ANCESTORS_MAX 65536 /* of one entity */

/* What an entity is above: uids with their hashes beside them. Sorted by hash. */
struct policy_ancestors {
	const uint64_t *hashes;
	const struct policy_uid *const *uids;
	uint32_t n;
};

struct policy_entity {
	struct policy_uid uid;
	struct policy_value attrs; /* RECORD; POLICY_NONE counts as empty */
	struct policy_value tags;  /* the same */
	const struct policy_uid *parents;
	uint32_t n_parents;
	struct policy_ancestors ancestors; /* computed by the store; the caller leaves it zero */
};

struct policy_store;

/*
 * Takes the array over (arena memory; it is reordered and completed). Entities
 * that occur twice must be the same. Errors: ERR_EXISTS for different entities
 * of one name, ERR_INVALID for a cycle, ERR_LIMIT, ERR_NOMEM.
 */
enum err_code policy_store_build(struct arena *a, struct policy_entity *entities, size_t n,
				 struct policy_store **ret, struct err *err) MUST_USE;

/* Borrowed, or NULL. `store` may be NULL. */
const struct policy_entity *policy_store_find(const struct policy_store *store,
					      const struct policy_uid *uid);

/* All entities, in no particular order. */
const struct policy_entity *policy_store_entities(const struct policy_store *store, size_t *n);

bool policy_ancestors_have(const struct policy_ancestors *an, const struct policy_uid *uid);

/* Sorts pointers by hash, drops equal ones and makes the table; false when out of memory. */
bool policy_ancestors_make(struct arena *a, const struct policy_uid **uids, size_t n,
			   struct policy_ancestors *ret) MUST_USE;

#endif
