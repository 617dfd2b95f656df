/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A resolved Cedar schema: which entity types exist, what they look like and
 * where they may stand in the hierarchy, and which actions apply to what.
 * Immutable; lives in one arena; safe to share between readers.
 *
 * Names are complete and normalised ("Ns::User"). Everything refers to
 * declarations by pointer, so a schema is never half resolved.
 */
#ifndef POLICY_SCHEMA_H
#define POLICY_SCHEMA_H

#include "policy/type.h"

struct schema_note {
	struct str key;
	struct str value; /* "" for an annotation without a value */
};

struct schema_entity {
	struct str name;
	struct type type;         /* TYPE_ENTITY of this declaration */
	const struct type *attrs; /* TYPE_RECORD, closed; never NULL */
	const struct type *tags;  /* NULL: no tags allowed */
	const struct str *ids;    /* enumerated entity: its ids, in order of declaration */
	size_t n_ids;             /* 0: not enumerated */
	const struct schema_entity *
		*ancestors; /* transitive `in`, sorted by address; may hold itself */
	size_t n_ancestors;
	const struct schema_note *notes;
	size_t n_notes;
	bool is_action; /* the type of an action entity ("Action", "Ns::Action") */
};

struct schema_action {
	struct str id;
	const struct schema_entity *type;
	const struct schema_action **parents; /* as declared */
	size_t n_parents;
	const struct schema_action **ancestors; /* transitive, without itself */
	size_t n_ancestors;
	const struct schema_entity **principals, **resources; /* both empty: a group */
	size_t n_principals, n_resources;
	const struct type *context; /* TYPE_RECORD, closed; never NULL */
	const struct schema_note *notes;
	size_t n_notes;
};

struct schema {
	struct type_pool pool;
	struct schema_entity *entities; /* sorted by name */
	size_t n_entities;
	struct schema_action *actions; /* sorted by type name, then id */
	size_t n_actions;
};

/* Borrowed declaration or NULL. */
const struct schema_entity *schema_entity_find(const struct schema *s, struct str name);
const struct schema_action *schema_action_find(const struct schema *s, struct str type,
					       struct str id);

/* Whether an entity of type `e` may have an ancestor of type `of` (never reflexive by itself). */
bool schema_entity_may_be_in(const struct schema_entity *e, const struct schema_entity *of);

/* Whether `a` is `of` or a descendant of it. */
bool schema_action_is_in(const struct schema_action *a, const struct schema_action *of);

/* Whether the id may be used: always, but for enumerated types. */
bool schema_entity_id_ok(const struct schema_entity *e, struct str id);

/* Of the names declared, the one most like `name` (for "did you mean"); empty when none is near. */
struct str schema_near_entity(const struct schema *s, struct str name);
/* The id of an action. */
struct str schema_near_action(const struct schema *s, struct str id);
struct str schema_near_field(const struct type *record, struct str name);

#endif
