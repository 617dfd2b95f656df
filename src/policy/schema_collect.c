/* SPDX-License-Identifier: Apache-2.0 */
/* Which names a schema declares, and which of them it may not. */
#include "policy/schema_priv.h"

#include "policy/value.h"

#include <stdlib.h>

bool schema_no_memory(struct schema_resolver *r)
{
	if (!r->code) {
		r->code = ERR(r->err, ERR_NOMEM, "no memory to resolve the schema");
	}
	return false;
}

struct str schema_full_name(struct schema_resolver *r, struct str ns, struct str name)
{
	struct str full = name;

	if (ns.n > 0) {
		full = arena_printf(r->a, STR_FMT "::" STR_FMT, STR_ARG(ns), STR_ARG(name));
	}
	if (!full.p) {
		schema_no_memory(r);
	} else if (full.n > POLICY_PATH_MAX && !r->code) {
		r->code = ERR(r->err, ERR_LIMIT, "a type name of more than %d bytes",
			      POLICY_PATH_MAX);
	}
	return full;
}

static int cmp_entry(const void *x, const void *y)
{
	const struct schema_entry *a = x, *b = y;
	int c = str_cmp(a->name, b->name);

	return c ? c : str_cmp(a->id, b->id);
}

struct schema_entry *schema_table_find(const struct schema_table *t, struct str name, struct str id)
{
	const struct schema_entry key = {.name = name, .id = id};

	return t->n ? bsearch(&key, t->items, t->n, sizeof(key), cmp_entry) : NULL;
}

static bool table_append(struct schema_resolver *r, struct schema_table *t,
			 const struct schema_entry *e)
{
	if (t->n == SCHEMA_MAX_DECLS) {
		r->code = ERR(r->err, ERR_LIMIT, "more than %d declarations", SCHEMA_MAX_DECLS);
		return false;
	}
	if (!ARENA_GROW(r->a, &t->items, t->n, &t->cap)) {
		return schema_no_memory(r);
	}
	t->items[t->n++] = *e;
	return true;
}

static bool is_word_of(struct str s, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(s, words[i])) {
			return true;
		}
	}
	return false;
}

static bool is_common_keyword(struct str s)
{
	static const struct str words[] = {
		STR_INIT("Bool"), STR_INIT("Boolean"), STR_INIT("Entity"), STR_INIT("Extension"),
		STR_INIT("Long"), STR_INIT("Record"),  STR_INIT("Set"),    STR_INIT("String")};

	return is_word_of(s, words, ARRAY_LEN(words));
}

enum type_kind schema_builtin_kind(struct str name)
{
	static const struct {
		struct str name;
		enum type_kind kind;
	} builtins[] = {
		{STR_INIT("Bool"), TYPE_BOOL},         {STR_INIT("Long"), TYPE_LONG},
		{STR_INIT("String"), TYPE_STRING},     {STR_INIT("decimal"), TYPE_DECIMAL},
		{STR_INIT("ipaddr"), TYPE_IPADDR},     {STR_INIT("datetime"), TYPE_DATETIME},
		{STR_INIT("duration"), TYPE_DURATION},
	};

	if (str_starts_with(name, STR("__cedar::"))) {
		name = str_from(name, 9);
	}
	for (size_t i = 0; i < ARRAY_LEN(builtins); i++) {
		if (str_eq(builtins[i].name, name)) {
			return builtins[i].kind;
		}
	}
	return TYPE_NONE;
}

static bool has_part(struct str path, struct str part)
{
	while (path.n > 0) {
		size_t at = str_find_str(path, STR("::"));

		if (str_eq(str_make(path.p, at), part)) {
			return true;
		}
		path = str_from(path, at + 2);
	}
	return false;
}

/* What a single declaration may not be called. */
static void check_name(struct schema_resolver *r, const struct policy_source *src,
		       const struct schema_decl *d)
{
	struct str name = d->name.text;

	if (d->kind == SCHEMA_DECL_ACTION) {
		return;
	}
	if (str_eq(name, STR("__cedar"))) {
		SCHEMA_PROBLEM(r, src, d->name.span, "`__cedar` is reserved");
	} else if (d->kind == SCHEMA_DECL_COMMON && is_common_keyword(name)) {
		SCHEMA_PROBLEM(r, src, d->name.span,
			       "`" STR_FMT "` cannot be the name of a common type", STR_ARG(name));
	} else if (d->kind != SCHEMA_DECL_COMMON && str_eq(name, STR("Action"))) {
		SCHEMA_PROBLEM(r, src, d->name.span,
			       "`Action` is the type of actions: an entity type "
			       "cannot have this name");
	} else if (schema_builtin_kind(name) != TYPE_NONE) {
		policy_diag_warn(r->diags, src, d->name.span,
				 "`" STR_FMT "` hides the built-in type of this name",
				 STR_ARG(name));
		policy_diag_help(r->diags, "the built-in type is still `__cedar::" STR_FMT "`",
				 STR_ARG(name));
	}
}

static bool collect_decl(struct schema_resolver *r, const struct policy_source *src,
			 const struct schema_ns *ns, const struct schema_decl *d)
{
	struct schema_entry e = {.decl = d, .ns = ns, .src = src};
	bool action = d->kind == SCHEMA_DECL_ACTION;

	check_name(r, src, d);
	e.name = schema_full_name(r, ns->name.text, action ? STR("Action") : d->name.text);
	e.id = action ? d->name.text : STR("");
	return !r->code && table_append(r,
					action                          ? &r->actions
					: d->kind == SCHEMA_DECL_COMMON ? &r->commons
									: &r->entities,
					&e);
}

/* Every namespace with actions has a type for them. */
static bool collect_action_type(struct schema_resolver *r, const struct policy_source *src,
				const struct schema_ns *ns)
{
	struct schema_entry e = {.ns = ns, .src = src};
	bool any = false;

	for (size_t i = 0; i < ns->n_decls && !any; i++) {
		any = ns->decls[i].kind == SCHEMA_DECL_ACTION;
	}
	e.name = schema_full_name(r, ns->name.text, STR("Action"));
	return !any || (!r->code && table_append(r, &r->entities, &e));
}

static bool collect(struct schema_resolver *r, const struct schema_doc *doc)
{
	for (size_t i = 0; i < doc->n_ns; i++) {
		const struct schema_ns *ns = &doc->ns[i];

		if (has_part(ns->name.text, STR("__cedar"))) {
			SCHEMA_PROBLEM(r, doc->source, ns->name.span, "`__cedar` is reserved");
		}
		for (size_t k = 0; k < ns->n_decls; k++) {
			if (!collect_decl(r, doc->source, ns, &ns->decls[k])) {
				return false;
			}
		}
		if (!collect_action_type(r, doc->source, ns)) {
			return false;
		}
	}
	return true;
}

/* Sorts and reports what is declared twice; the first stays. */
static void table_settle(struct schema_resolver *r, struct schema_table *t)
{
	size_t n = 0;

	if (t->n == 0) {
		return;
	}
	qsort(t->items, t->n, sizeof(*t->items), cmp_entry);
	for (size_t i = 0; i < t->n; i++) {
		struct schema_entry *e = &t->items[i];

		if (n > 0 && cmp_entry(&t->items[n - 1], e) == 0) {
			if (e->decl && t->items[n - 1].decl) {
				SCHEMA_PROBLEM(r, e->src, e->decl->name.span,
					       "`" STR_FMT "` is declared twice",
					       STR_ARG(e->decl->name.text));
			}
			continue;
		}
		t->items[n++] = *e;
	}
	t->n = n;
}

/* As a type; the type that actions have without being declared does not count. */
static bool is_declared(const struct schema_resolver *r, struct str name)
{
	const struct schema_entry *e = schema_table_find(&r->entities, name, STR(""));

	return (e && e->decl) || schema_table_find(&r->commons, name, STR(""));
}

/* A namespace may not declare again what the nameless one declares. */
static void check_shadows(struct schema_resolver *r, const struct schema_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct schema_entry *e = &t->items[i];
		bool shadows;

		if (!e->decl || e->ns->name.text.n == 0) {
			continue;
		}
		if (e->decl->kind == SCHEMA_DECL_ACTION) {
			shadows = schema_table_find(&r->actions, STR("Action"), e->id) != NULL;
		} else {
			shadows = is_declared(r, e->decl->name.text);
		}
		if (shadows) {
			SCHEMA_PROBLEM(r, e->src, e->decl->name.span,
				       "`" STR_FMT "` in namespace `" STR_FMT
				       "` hides the one declared outside",
				       STR_ARG(e->decl->name.text), STR_ARG(e->ns->name.text));
			policy_diag_help(r->diags, "rename one of the two");
		}
	}
}

static void warn_twins(struct schema_resolver *r)
{
	for (size_t i = 0; i < r->commons.n; i++) {
		const struct schema_entry *e = &r->commons.items[i];

		if (schema_table_find(&r->entities, e->name, STR(""))) {
			policy_diag_warn(r->diags, e->src, e->decl->name.span,
					 "common type `" STR_FMT
					 "` hides the entity type of this name",
					 STR_ARG(e->name));
		}
	}
}

bool schema_collect(struct schema_resolver *r, struct schema_doc *const *docs, size_t n_docs)
{
	for (size_t i = 0; i < n_docs; i++) {
		if (!collect(r, docs[i])) {
			return false;
		}
	}
	table_settle(r, &r->commons);
	table_settle(r, &r->entities);
	table_settle(r, &r->actions);
	check_shadows(r, &r->commons);
	check_shadows(r, &r->entities);
	check_shadows(r, &r->actions);
	warn_twins(r);
	return true;
}
