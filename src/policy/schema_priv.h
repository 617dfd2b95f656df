/* SPDX-License-Identifier: Apache-2.0 */
/* Declarations under their full names, while a schema is resolved. Only for schema_*.c. */
#ifndef POLICY_SCHEMA_PRIV_H
#define POLICY_SCHEMA_PRIV_H

#include "policy/schema_ast.h"

/* A declaration under its full name. */
struct schema_entry {
	struct str name;                /* with the namespace; for an action: of its type */
	struct str id;                  /* of an action, else empty */
	const struct schema_decl *decl; /* NULL for the type of actions */
	const struct schema_ns *ns;
	const struct policy_source *src;
	const struct type *type; /* common type, once resolved */
	bool busy, done;
	uint32_t *parents; /* indexes of entries of the same table */
	uint32_t n_parents;
};

struct schema_table {
	struct schema_entry *items; /* sorted by name, then id */
	size_t n, cap;
};

struct schema_resolver {
	struct arena *a;
	struct policy_diags *diags;
	struct err *err;
	enum err_code code; /* what ends the work at once: memory or a limit */
	size_t n_errors;
	struct schema_table commons, entities, actions;
	struct schema *s;
};

/* Reports an error of the schema, after which the others are still looked for. */
#define SCHEMA_PROBLEM(r, src, span, ...)                                                          \
	((r)->n_errors++, policy_diag_error((r)->diags, (src), (span), __VA_ARGS__))

/* Remembers that memory is short; false. */
bool schema_no_memory(struct schema_resolver *r);

/* ns::name, or the name alone outside namespaces. Empty, with r->code set, without memory. */
struct str schema_full_name(struct schema_resolver *r, struct str ns, struct str name);

/* What a built-in type is called, also as __cedar::name; else TYPE_NONE. */
enum type_kind schema_builtin_kind(struct str name);

/* `id` is that of an action, else empty. Borrowed, or NULL. */
struct schema_entry *schema_table_find(const struct schema_table *t, struct str name,
				       struct str id);

/*
 * Fills the three tables and reports what is declared twice, hidden, or called as
 * nothing may be called. False when r->code is set.
 */
bool schema_collect(struct schema_resolver *r, struct schema_doc *const *docs, size_t n_docs);

#endif
