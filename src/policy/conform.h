/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does data have the shape that the schema declares? Records are closed: every
 * attribute is declared, every required one is there. Ids of enumerated entity
 * types are checked wherever they occur. ERR_INVALID says what is wrong.
 */
#ifndef POLICY_CONFORM_H
#define POLICY_CONFORM_H

#include "policy/schema.h"
#include "policy/store.h"

/* The kind of this type's values. */
enum policy_kind conform_kind(const struct type *t);

/* Recursion is bounded by the depth of the type. */
enum err_code conform_value(const struct schema *s, const struct type *t, struct policy_value v,
			    struct err *err) MUST_USE;

/*
 * Entities as read from a document, before or after a store was made of them.
 * Each is checked by itself: with all of them the whole hierarchy is as declared.
 * An action must have the ancestors that the schema gives it.
 */
enum err_code conform_entities(const struct schema *s, const struct policy_entity *entities,
			       size_t n, struct err *err) MUST_USE;

/*
 * A request: the action is declared and applies to these types, and the context
 * is of the action's context type.
 */
enum err_code conform_request(const struct schema *s, const struct policy_uid *principal,
			      const struct policy_uid *action, const struct policy_uid *resource,
			      struct policy_value context, struct err *err) MUST_USE;

#endif
