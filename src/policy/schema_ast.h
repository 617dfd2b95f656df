/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema as written: what both syntaxes (.cedarschema and JSON) are read into
 * before names are resolved. Lives in the reader's arena and borrows from the
 * source text. `entity A, B ...` becomes two declarations that share their parts.
 */
#ifndef POLICY_SCHEMA_AST_H
#define POLICY_SCHEMA_AST_H

#include "policy/diag.h"
#include "policy/schema.h"

#define SCHEMA_MAX_BYTES  (16u << 20) /* of one source */
#define SCHEMA_MAX_DEPTH  64          /* nesting of one written type */
#define SCHEMA_MAX_DECLS  65536       /* declarations, in all sources together */
#define SCHEMA_MAX_ITEMS  65536       /* members of one list: parents, ids, attributes, ... */
#define SCHEMA_MAX_CHAIN  512         /* common types that refer to one another */
#define SCHEMA_MAX_NOTES  256         /* annotations of one thing */
#define SCHEMA_MAX_SOURCE 64          /* sources resolved together */

/* A name or an id, and where it was written. */
struct schema_name {
	struct str text;
	struct policy_span span;
};

enum schema_te_kind {
	SCHEMA_TE_NAME = 0, /* a common type, an entity type or a built-in one */
	SCHEMA_TE_ENTITY,   /* an entity type only: JSON {"type": "Entity", ...} */
	SCHEMA_TE_COMMON,   /* a common or built-in type only: JSON {"type": "Name"} */
	SCHEMA_TE_BUILTIN,  /* said by keyword, not by name: JSON Long, Boolean, Extension, ... */
	SCHEMA_TE_SET,
	SCHEMA_TE_RECORD,
};

struct schema_te_field;

/* A type expression. */
struct schema_te {
	enum schema_te_kind kind;
	enum type_kind builtin;         /* BUILTIN */
	struct str name;                /* NAME, ENTITY, COMMON: parts joined by :: */
	struct schema_te *element;      /* SET */
	struct schema_te_field *fields; /* RECORD: distinct names */
	size_t n_fields;
	struct policy_span span;
};

struct schema_te_field {
	struct schema_name name;
	struct schema_te *type;
	bool optional;
	struct schema_note *notes;
	size_t n_notes;
};

/* A parent of an action. `type` empty: the action type of the same namespace, or of none. */
struct schema_action_ref {
	struct str type, id;
	struct policy_span span;
};

enum schema_decl_kind {
	SCHEMA_DECL_ENTITY = 0,
	SCHEMA_DECL_ENUM,
	SCHEMA_DECL_COMMON,
	SCHEMA_DECL_ACTION,
};

struct schema_decl {
	enum schema_decl_kind kind;
	struct schema_name name; /* without the namespace */
	struct schema_note *notes;
	size_t n_notes;

	struct schema_name *parents; /* ENTITY: memberOfTypes */
	size_t n_parents;
	struct schema_te
		*type; /* ENTITY: shape; COMMON: what it stands for; may be NULL for ENTITY */
	struct schema_te *tags;  /* ENTITY, or NULL */
	struct schema_name *ids; /* ENUM */
	size_t n_ids;

	bool applies;                   /* ACTION: appliesTo was given */
	struct schema_action_ref *refs; /* ACTION: memberOf */
	size_t n_refs;
	struct schema_name *principals, *resources;
	size_t n_principals, n_resources;
	struct schema_te *context; /* ACTION, or NULL */
};

/* Declarations of one namespace; the name is empty for those outside any. */
struct schema_ns {
	struct schema_name name;
	struct schema_note *notes;
	size_t n_notes;
	struct schema_decl *decls;
	size_t n_decls, cap;
};

struct schema_doc {
	const struct policy_source *source;
	struct schema_ns *ns; /* ns[0] is the nameless one, also when it is empty */
	size_t n_ns, cap;
};

/*
 * Reads the human syntax. On failure the first problem is in `diags` (if any)
 * and in `err`: ERR_SYNTAX, ERR_LIMIT or ERR_NOMEM.
 */
enum err_code schema_parse(struct arena *a, const struct policy_source *src,
			   struct schema_doc **ret, struct policy_diags *diags,
			   struct err *err) MUST_USE;

/* Reads the JSON syntax; spans point into the JSON text. */
enum err_code schema_parse_json(struct arena *a, const struct policy_source *src,
				struct schema_doc **ret, struct policy_diags *diags,
				struct err *err) MUST_USE;

/* JSON when the first byte that is not white space is '{', else the human syntax. */
enum err_code schema_parse_any(struct arena *a, const struct policy_source *src,
			       struct schema_doc **ret, struct policy_diags *diags,
			       struct err *err) MUST_USE;

/* The namespace of this name, or NULL. */
struct schema_ns *schema_ns_find(const struct schema_doc *doc, struct str name);

/* Adds what `from` declares to `to`, whose text then has each namespace once. Nothing is copied. */
enum err_code schema_merge(struct arena *a, struct schema_doc *to, const struct schema_doc *from,
			   struct err *err) MUST_USE;

/*
 * The human syntax of a document; reading it again gives the same declarations.
 * What only JSON can say (an action that applies to nothing, a type that must be
 * an entity although a common type has its name) is ERR_UNSUPPORTED.
 */
enum err_code schema_print(struct buf *out, const struct schema_doc *doc, struct err *err);

/*
 * Resolves documents together: a namespace may be spread over several of them,
 * a declaration may not. All problems are reported, ERR_INVALID is returned for
 * the first. Cost is linear in the text but for the closure of `in`, whose size
 * the arena's limit bounds.
 */
enum err_code schema_resolve(struct arena *a, struct schema_doc *const *docs, size_t n_docs,
			     const struct schema **ret, struct policy_diags *diags,
			     struct err *err) MUST_USE;

/* schema_parse_any and schema_resolve of one text. */
enum err_code schema_load(struct arena *a, const struct policy_source *src,
			  const struct schema **ret, struct policy_diags *diags,
			  struct err *err) MUST_USE;

#endif
