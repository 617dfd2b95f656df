/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of the Cedar validator. Set and record types are made in a pool that
 * never makes the same type twice, so two types are equal if and only if their
 * pointers are, however deep they go. Types are immutable and live as long as
 * the arena of their pool.
 *
 * A boolean type may be a singleton (TYPE_TRUE, TYPE_FALSE): the typechecker
 * knows the value. Types that come from a schema never hold singletons.
 */
#ifndef POLICY_TYPE_H
#define POLICY_TYPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Deepest nesting of a resolved type (sets and records), common types expanded. */
#define TYPE_MAX_DEPTH 256

struct schema_entity;

enum type_kind {
	TYPE_NONE = 0, /* no type: an error was reported where it arose */
	TYPE_BOOL,
	TYPE_TRUE,
	TYPE_FALSE,
	TYPE_LONG,
	TYPE_STRING,
	TYPE_DECIMAL,
	TYPE_IPADDR,
	TYPE_DATETIME,
	TYPE_DURATION,
	TYPE_ENTITY,
	TYPE_SET,
	TYPE_RECORD,
	TYPE_KIND_MAX
};

struct type_field {
	struct str name;
	const struct type *type;
	bool required;
};

struct type {
	enum type_kind kind;
	unsigned depth; /* 0 for scalars and entities */
	uint64_t hash;
	const struct schema_entity *entity; /* TYPE_ENTITY: its declaration */
	const struct type *element;         /* TYPE_SET; NULL for the set with nothing in it */
	const struct type_field *fields;    /* TYPE_RECORD: sorted by name, no duplicates */
	size_t n_fields;
};

/* The types without parts; static storage. `kind` must be none of entity, set and record. */
const struct type *type_scalar(enum type_kind kind);

/*
 * The pool's arena holds the types. A pool with a `parent` first looks there and
 * never changes it, so many checks can share one schema's pool.
 */
struct type_pool {
	struct arena *arena;
	const struct type_pool *parent;
	const struct type **slots;
	size_t cap, n;
};

void type_pool_init(struct type_pool *pool, struct arena *a, const struct type_pool *parent);

/* ERR_NOMEM, or ERR_LIMIT when deeper than TYPE_MAX_DEPTH. `element` may be NULL. */
enum err_code type_set(struct type_pool *pool, const struct type *element, const struct type **ret,
		       struct err *err);

/*
 * `fields` is sorted in place and copied; a later field of the same name replaces
 * an earlier one. Names are borrowed.
 */
enum err_code type_record(struct type_pool *pool, struct type_field *fields, size_t n,
			  const struct type **ret, struct err *err);

/* The field of a record type, or NULL. */
const struct type_field *type_field_find(const struct type *record, struct str name);

static inline bool type_is_bool(const struct type *t)
{
	return t->kind == TYPE_BOOL || t->kind == TYPE_TRUE || t->kind == TYPE_FALSE;
}

/*
 * The least type that holds both (strict mode): booleans join; records need the
 * same names with the same optionality; everything else must be equal. *ret is
 * NULL when there is none.
 */
enum err_code type_lub(struct type_pool *pool, const struct type *a, const struct type *b,
		       const struct type **ret, struct err *err);

/* As a person writes it in a schema: `Set<{a: Long, b?: User}>`; cut with "..." when long. */
void type_print(struct buf *out, const struct type *t);

#endif
