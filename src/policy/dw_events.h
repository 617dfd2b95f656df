/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event schemas (.dwschema): which kinds of events exist, which of them ask for
 * a decision, which fields they carry, and which fields are pinned to the
 * request. From it and the Cedar schema follows the type of every field of
 * every (action, kind).
 *
 * A pin that every kind has, and that says the same everywhere in the form
 * `pin f: T = context.f`, `pin callerPrincipal: ... = principal` or `pin
 * callerResource: ... = resource`, splits the history: see `partition`. Every
 * other pin only adds a field to the predicates of its kind.
 *
 * Limits: DW_KINDS_MAX kinds, DW_FIELDS_MAX fields of a kind.
 */
#ifndef POLICY_DW_EVENTS_H
#define POLICY_DW_EVENTS_H

#include "policy/ast.h"
#include "policy/schema.h"

#define DW_KINDS_MAX  64u
#define DW_FIELDS_MAX 256u
#define DW_PINS_MAX   8u
#define DW_NEST_MAX   16

enum dw_field_kind {
	DW_FIELD_TYPE = 0,  /* type */
	DW_FIELD_INPUTS,    /* the action's context.input; also a spread: then named `input` */
	DW_FIELD_OUTPUTS,   /* context.output */
	DW_FIELD_PRINCIPAL, /* any principal type of the action */
	DW_FIELD_RESOURCE,
	DW_FIELD_GROUP /* fields of its own */
};

struct dw_field {
	struct str name;
	enum dw_field_kind kind;
	const struct type *type;
	struct dw_field *fields;
	size_t n_fields, cap;
	bool pin;
	enum policy_var pin_base;
	struct str *pin_path;
	uint32_t n_pin_path;
};

struct dw_kind {
	struct str name;
	bool decision;
	struct dw_field *fields;
	size_t n_fields, cap;
};

struct dw_events {
	int64_t max_window_ms;
	struct dw_kind *kinds;
	size_t n_kinds;
	const struct dw_field *partition[DW_PINS_MAX]; /* the pins that split the history */
	size_t n_partition;
};

/* Types of which a field, a term or a value may be one. */
struct dw_types {
	const struct type **items;
	size_t n, cap;
};

/* `src` NULL: the built-in schema (request, response and error; 24 hours; no pins). */
enum err_code dw_events_load(struct arena *a, const struct policy_source *src,
			     const struct schema *schema, const struct dw_events **ret,
			     struct policy_diags *diags, struct err *err) MUST_USE;

/*
 * What Writ's gateway says happens, and the histories it keeps: request, response, error
 * and denied, 24 hours, split by session.
 */
extern const struct policy_source dw_gateway_events;

/* Borrowed or NULL. */
const struct dw_kind *dw_events_kind(const struct dw_events *ev, struct str name);

enum dw_lookup { DW_FOUND = 0, DW_MISSING, DW_IS_GROUP, DW_NOMEM };

/* Appends the types of a field of (action, kind). */
enum dw_lookup dw_events_field(struct arena *a, const struct dw_kind *kind,
			       const struct schema_action *action, const struct str *path, size_t n,
			       struct dw_types *ret);

/* Long, String, Bool, decimal, ..., or a declared entity type; NULL when there is none. */
const struct type *dw_type_find(const struct schema *s, struct str name);

/* Adds a type once. False when out of memory. */
bool dw_types_add(struct arena *a, struct dw_types *ts, const struct type *t) MUST_USE;
bool dw_types_have(const struct dw_types *ts, const struct type *t);

/* Follows attributes from a type: of records and of entities. NULL when there is no such path. */
const struct type *dw_type_path(const struct type *t, const struct str *path, size_t n);

#endif
