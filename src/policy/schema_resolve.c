/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to declarations. Order: collect all declarations under their full names
 * and refuse clashes; resolve common types (each once, cycles refused); resolve
 * what entities and actions say; close the two hierarchies.
 *
 * A name without :: in namespace N means N::name if there is such a thing, else
 * name; a name with :: means itself. Where both are possible a common type wins
 * over an entity type, and both win over a built-in type.
 */
#include "policy/schema_ast.h"

#include "policy/lex.h"

#include <stdlib.h>

/* Searching for what was meant costs the whole schema; not for each of many errors. */
#define SUGGEST_MAX 20

/* A declaration under its full name. */
struct entry {
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

struct table {
	struct entry *items; /* sorted by name, then id */
	size_t n, cap;
};

struct resolver {
	struct arena *a;
	struct policy_diags *diags;
	struct err *err;
	enum err_code code; /* what ends the work at once: memory or a limit */
	size_t n_errors;
	struct table commons, entities, actions;
	struct schema *s;
};

static bool no_memory(struct resolver *r)
{
	if (!r->code) {
		r->code = ERR(r->err, ERR_NOMEM, "no memory to resolve the schema");
	}
	return false;
}

/* Reports an error of the schema, after which the others are still looked for. */
#define PROBLEM(r, src, span, ...)                                                                 \
	((r)->n_errors++, policy_diag_error((r)->diags, (src), (span), __VA_ARGS__))

static struct str full_name(struct resolver *r, struct str ns, struct str name)
{
	struct str full =
		ns.n ? arena_printf(r->a, STR_FMT "::" STR_FMT, STR_ARG(ns), STR_ARG(name)) : name;

	if (!full.p) {
		no_memory(r);
	}
	return full;
}

static int cmp_entry(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int c = str_cmp(a->name, b->name);

	return c ? c : str_cmp(a->id, b->id);
}

static struct entry *table_find(const struct table *t, struct str name, struct str id)
{
	const struct entry key = {.name = name, .id = id};

	return t->n ? bsearch(&key, t->items, t->n, sizeof(key), cmp_entry) : NULL;
}

static bool table_append(struct resolver *r, struct table *t, const struct entry *e)
{
	if (t->n == SCHEMA_MAX_DECLS) {
		r->code = ERR(r->err, ERR_LIMIT, "more than %d declarations", SCHEMA_MAX_DECLS);
		return false;
	}
	if (!ARENA_GROW(r->a, &t->items, t->n, &t->cap)) {
		return no_memory(r);
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

static enum type_kind builtin_kind(struct str name)
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
static void check_name(struct resolver *r, const struct policy_source *src,
		       const struct schema_decl *d)
{
	struct str name = d->name.text;

	if (d->kind == SCHEMA_DECL_ACTION) {
		return;
	}
	if (str_eq(name, STR("__cedar"))) {
		PROBLEM(r, src, d->name.span, "`__cedar` is reserved");
	} else if (d->kind == SCHEMA_DECL_COMMON && is_common_keyword(name)) {
		PROBLEM(r, src, d->name.span, "`" STR_FMT "` cannot be the name of a common type",
			STR_ARG(name));
	} else if (d->kind != SCHEMA_DECL_COMMON && str_eq(name, STR("Action"))) {
		PROBLEM(r, src, d->name.span,
			"`Action` is the type of actions: an entity type "
			"cannot have this name");
	} else if (builtin_kind(name) != TYPE_NONE) {
		policy_diag_warn(r->diags, src, d->name.span,
				 "`" STR_FMT "` hides the built-in type of this name",
				 STR_ARG(name));
		policy_diag_help(r->diags, "the built-in type is still `__cedar::" STR_FMT "`",
				 STR_ARG(name));
	}
}

static bool collect_decl(struct resolver *r, const struct policy_source *src,
			 const struct schema_ns *ns, const struct schema_decl *d)
{
	struct entry e = {.decl = d, .ns = ns, .src = src};
	bool action = d->kind == SCHEMA_DECL_ACTION;

	check_name(r, src, d);
	e.name = full_name(r, ns->name.text, action ? STR("Action") : d->name.text);
	e.id = action ? d->name.text : STR("");
	return !r->code && table_append(r,
					action                          ? &r->actions
					: d->kind == SCHEMA_DECL_COMMON ? &r->commons
									: &r->entities,
					&e);
}

/* Every namespace with actions has a type for them. */
static bool collect_action_type(struct resolver *r, const struct policy_source *src,
				const struct schema_ns *ns)
{
	struct entry e = {.ns = ns, .src = src};
	bool any = false;

	for (size_t i = 0; i < ns->n_decls && !any; i++) {
		any = ns->decls[i].kind == SCHEMA_DECL_ACTION;
	}
	e.name = full_name(r, ns->name.text, STR("Action"));
	return !any || (!r->code && table_append(r, &r->entities, &e));
}

static bool collect(struct resolver *r, const struct schema_doc *doc)
{
	for (size_t i = 0; i < doc->n_ns; i++) {
		const struct schema_ns *ns = &doc->ns[i];

		if (has_part(ns->name.text, STR("__cedar"))) {
			PROBLEM(r, doc->source, ns->name.span, "`__cedar` is reserved");
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
static void table_settle(struct resolver *r, struct table *t)
{
	size_t n = 0;

	if (t->n == 0) {
		return;
	}
	qsort(t->items, t->n, sizeof(*t->items), cmp_entry);
	for (size_t i = 0; i < t->n; i++) {
		struct entry *e = &t->items[i];

		if (n > 0 && cmp_entry(&t->items[n - 1], e) == 0) {
			if (e->decl && t->items[n - 1].decl) {
				PROBLEM(r, e->src, e->decl->name.span,
					"`" STR_FMT "` is declared twice",
					STR_ARG(e->decl->name.text));
			}
			continue;
		}
		t->items[n++] = *e;
	}
	t->n = n;
}

/* A namespace may not declare again what the nameless one declares. */
static void check_shadows(struct resolver *r, const struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct entry *e = &t->items[i];
		bool shadows;

		if (!e->decl || e->ns->name.text.n == 0) {
			continue;
		}
		if (e->decl->kind == SCHEMA_DECL_ACTION) {
			shadows = table_find(&r->actions, STR("Action"), e->id) != NULL;
		} else {
			shadows = table_find(&r->commons, e->decl->name.text, STR("")) ||
				  table_find(&r->entities, e->decl->name.text, STR(""));
		}
		if (shadows) {
			PROBLEM(r, e->src, e->decl->name.span,
				"`" STR_FMT "` in namespace `" STR_FMT
				"` hides the one declared outside",
				STR_ARG(e->decl->name.text), STR_ARG(e->ns->name.text));
			policy_diag_help(r->diags, "rename one of the two");
		}
	}
}

static void warn_twins(struct resolver *r)
{
	for (size_t i = 0; i < r->commons.n; i++) {
		const struct entry *e = &r->commons.items[i];

		if (table_find(&r->entities, e->name, STR(""))) {
			policy_diag_warn(r->diags, e->src, e->decl->name.span,
					 "common type `" STR_FMT
					 "` hides the entity type of this name",
					 STR_ARG(e->name));
		}
	}
}

/* Where a name is written: decides its namespace and what messages point at. */
struct place {
	const struct schema_ns *ns;
	const struct policy_source *src;
	struct policy_span span;
};

/* The full names a written name may stand for, best first. */
static size_t candidates(struct resolver *r, const struct schema_ns *ns, struct str name,
			 struct str out[2])
{
	size_t n = 0;

	if (ns->name.text.n > 0 && str_find_str(name, STR("::")) == name.n) {
		out[n++] = full_name(r, ns->name.text, name);
	}
	out[n++] = name;
	return n;
}

static void suggest(struct resolver *r, struct str name, bool commons)
{
	size_t n = 0, max = r->entities.n + (commons ? r->commons.n : 0);
	struct str *names;

	if (r->n_errors > SUGGEST_MAX || !(names = ARENA_ARRAY(r->a, max, struct str))) {
		return;
	}
	for (size_t i = 0; i < r->entities.n; i++) {
		names[n++] = r->entities.items[i].name;
	}
	for (size_t i = 0; commons && i < r->commons.n; i++) {
		names[n++] = r->commons.items[i].name;
	}
	policy_diag_suggest(r->diags, name, names, n);
}

/* The declared entity type a name means; NULL after a report. Types of actions do not count. */
static struct entry *find_entity(struct resolver *r, struct place at, struct str name)
{
	struct str names[2];
	size_t n = candidates(r, at.ns, name, names);

	for (size_t i = 0; i < n && !r->code; i++) {
		struct entry *e = table_find(&r->entities, names[i], STR(""));

		if (e && e->decl) {
			return e;
		}
	}
	if (!r->code) {
		PROBLEM(r, at.src, at.span, "no entity type `" STR_FMT "` is declared",
			STR_ARG(name));
		suggest(r, name, false);
	}
	return NULL;
}

static const struct schema_entity *entity_of(const struct resolver *r, const struct entry *e)
{
	return &r->s->entities[e - r->entities.items];
}

static const struct type *resolve_te(struct resolver *r, const struct policy_source *src,
				     const struct schema_ns *ns, const struct schema_te *te,
				     unsigned depth);

static const struct type *resolve_common(struct resolver *r, struct entry *e, struct place at,
					 unsigned depth)
{
	if (e->done) {
		return e->type;
	}
	if (e->busy) {
		PROBLEM(r, at.src, at.span, "common type `" STR_FMT "` is defined by itself",
			STR_ARG(e->name));
		policy_diag_help(r->diags, "only entity types may refer to themselves");
		return NULL;
	}
	e->busy = true;
	e->type = resolve_te(r, e->src, e->ns, e->decl->type, depth + 1);
	e->busy = false;
	e->done = true;
	return e->type;
}

static const struct type *unknown_type(struct resolver *r, struct place at,
				       const struct schema_te *te)
{
	const char *what = te->kind == SCHEMA_TE_ENTITY   ? "entity type"
			   : te->kind == SCHEMA_TE_COMMON ? "common type"
							  : "type";

	if (!r->code) {
		PROBLEM(r, at.src, at.span, "no %s `" STR_FMT "` is declared", what,
			STR_ARG(te->name));
		if (str_eq(te->name, STR("Boolean"))) {
			policy_diag_help(r->diags, "the built-in type is called `Bool`");
		} else {
			suggest(r, te->name, te->kind != SCHEMA_TE_ENTITY);
		}
	}
	return NULL;
}

static const struct type *resolve_named(struct resolver *r, struct place at,
					const struct schema_te *te, unsigned depth)
{
	struct str names[2];
	size_t n = candidates(r, at.ns, te->name, names);
	enum type_kind builtin;

	for (size_t i = 0; i < n && !r->code; i++) {
		struct entry *e;

		e = te->kind == SCHEMA_TE_ENTITY ? NULL
						 : table_find(&r->commons, names[i], STR(""));
		if (e) {
			return resolve_common(r, e, at, depth);
		}
		e = te->kind == SCHEMA_TE_COMMON ? NULL
						 : table_find(&r->entities, names[i], STR(""));
		if (e) {
			return &entity_of(r, e)->type;
		}
	}
	builtin = te->kind == SCHEMA_TE_ENTITY ? TYPE_NONE : builtin_kind(te->name);
	return builtin != TYPE_NONE ? type_scalar(builtin) : unknown_type(r, at, te);
}

static const struct type *resolve_record(struct resolver *r, const struct policy_source *src,
					 const struct schema_ns *ns, const struct schema_te *te,
					 unsigned depth)
{
	struct type_field *fields = ARENA_ARRAY(r->a, te->n_fields, struct type_field);
	const struct type *t = NULL;
	bool ok = fields || no_memory(r);

	for (size_t i = 0; i < te->n_fields && fields && !r->code; i++) {
		const struct schema_te_field *f = &te->fields[i];

		fields[i] = (struct type_field){
			.name = f->name.text,
			.required = !f->optional,
			.type = resolve_te(r, src, ns, f->type, depth + 1),
		};
		ok = ok && fields[i].type;
	}
	if (ok && !r->code) {
		r->code = type_record(&r->s->pool, fields, te->n_fields, &t, r->err);
	}
	return r->code ? NULL : t;
}

/* NULL after a report, or when r->code is set. `depth` counts nesting through common types too. */
static const struct type *resolve_te(struct resolver *r, const struct policy_source *src,
				     const struct schema_ns *ns, const struct schema_te *te,
				     unsigned depth)
{
	const struct type *t = NULL;

	if (depth > SCHEMA_MAX_CHAIN) {
		r->code = ERR(r->err, ERR_LIMIT, "types refer to one another more than %d deep",
			      SCHEMA_MAX_CHAIN);
		return NULL;
	}
	switch (te->kind) {
	case SCHEMA_TE_NAME:
	case SCHEMA_TE_ENTITY:
	case SCHEMA_TE_COMMON:
		return resolve_named(r, (struct place){ns, src, te->span}, te, depth);
	case SCHEMA_TE_BUILTIN:
		return type_scalar(te->builtin);
	case SCHEMA_TE_SET:
		t = resolve_te(r, src, ns, te->element, depth + 1);
		if (t && !r->code) {
			r->code = type_set(&r->s->pool, t, &t, r->err);
		}
		return r->code ? NULL : t;
	case SCHEMA_TE_RECORD:
		return resolve_record(r, src, ns, te, depth);
	}
	return NULL;
}

/* The empty record stands for a missing or broken one. */
static const struct type *empty_record(struct resolver *r)
{
	const struct type *t = NULL;

	if (!r->code) {
		r->code = type_record(&r->s->pool, NULL, 0, &t, r->err);
	}
	return r->code ? NULL : t;
}

static const struct type *record_or_empty(struct resolver *r, const struct entry *e,
					  const struct schema_te *te, const char *what)
{
	const struct type *t = te ? resolve_te(r, e->src, e->ns, te, 0) : NULL;

	if (t && t->kind != TYPE_RECORD) {
		PROBLEM(r, e->src, te->span, "the %s of `" STR_FMT "` is not a record", what,
			STR_ARG(e->decl->name.text));
		t = NULL;
	}
	return t ? t : empty_record(r);
}

static bool entity_parents(struct resolver *r, struct entry *e)
{
	const struct schema_decl *d = e->decl;

	e->parents = ARENA_ARRAY(r->a, d->n_parents, uint32_t);
	if (!e->parents) {
		return no_memory(r);
	}
	for (size_t i = 0; i < d->n_parents && !r->code; i++) {
		const struct entry *parent = find_entity(
			r, (struct place){e->ns, e->src, d->parents[i].span}, d->parents[i].text);

		if (parent) {
			e->parents[e->n_parents++] = (uint32_t)(parent - r->entities.items);
		}
	}
	return !r->code;
}

static bool entity_ids(struct resolver *r, const struct schema_decl *d, struct schema_entity *out)
{
	struct str *ids = ARENA_ARRAY(r->a, d->n_ids, struct str);

	if (!ids) {
		return no_memory(r);
	}
	for (size_t i = 0; i < d->n_ids; i++) {
		ids[i] = d->ids[i].text;
	}
	out->ids = ids;
	out->n_ids = d->n_ids;
	return true;
}

static bool resolve_entity(struct resolver *r, struct entry *e, struct schema_entity *out)
{
	const struct schema_decl *d = e->decl;

	if (!d) {
		out->is_action = true;
		out->attrs = empty_record(r);
		return !r->code;
	}
	out->notes = d->notes;
	out->n_notes = d->n_notes;
	out->attrs = record_or_empty(r, e, d->type, "shape");
	out->tags = d->tags ? resolve_te(r, e->src, e->ns, d->tags, 0) : NULL;
	return !r->code && entity_ids(r, d, out) && entity_parents(r, e);
}

/*
 * All entries reachable from `from` over parents, in `out` (room for t->n) by
 * index. `mark` holds one stamp per entry.
 */
static size_t closure(const struct table *t, uint32_t from, uint32_t *mark, uint32_t *out)
{
	size_t n = 0, next = 0;
	const struct entry *e = &t->items[from];

	for (;;) {
		for (uint32_t i = 0; i < e->n_parents; i++) {
			if (mark[e->parents[i]] != from + 1) {
				mark[e->parents[i]] = from + 1;
				out[n++] = e->parents[i];
			}
		}
		if (next == n) {
			return n;
		}
		e = &t->items[out[next++]];
	}
}

static int cmp_u32(const void *x, const void *y)
{
	const uint32_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static bool close_entities(struct resolver *r)
{
	size_t n = r->entities.n;
	uint32_t *mark = ARENA_ARRAY(r->a, n, uint32_t), *found = ARENA_ARRAY(r->a, n, uint32_t);

	if (!mark || !found) {
		return no_memory(r);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct schema_entity *e = &r->s->entities[i];
		size_t n_found = closure(&r->entities, i, mark, found);

		e->ancestors = ARENA_ARRAY(r->a, n_found, const struct schema_entity *);
		if (!e->ancestors) {
			return no_memory(r);
		}
		if (n_found > 0) {
			qsort(found, n_found, sizeof(*found), cmp_u32);
		}
		for (size_t k = 0; k < n_found; k++) {
			e->ancestors[k] = &r->s->entities[found[k]];
		}
		e->n_ancestors = n_found;
	}
	return true;
}

static struct entry *find_action(struct resolver *r, const struct entry *of,
				 const struct schema_action_ref *ref)
{
	struct str names[2];
	size_t n = candidates(r, of->ns, ref->type.n ? ref->type : STR("Action"), names);

	for (size_t i = 0; i < n && !r->code; i++) {
		struct entry *e = table_find(&r->actions, names[i], ref->id);

		if (e) {
			return e;
		}
	}
	if (!r->code) {
		PROBLEM(r, of->src, ref->span, "no action `" STR_FMT "` is declared",
			STR_ARG(ref->id));
		policy_diag_help(r->diags, "the parents of an action are actions of the schema");
	}
	return NULL;
}

static bool action_parents(struct resolver *r, struct entry *e, struct schema_action *out)
{
	const struct schema_decl *d = e->decl;

	e->parents = ARENA_ARRAY(r->a, d->n_refs, uint32_t);
	out->parents = ARENA_ARRAY(r->a, d->n_refs, const struct schema_action *);
	if (!e->parents || !out->parents) {
		return no_memory(r);
	}
	for (size_t i = 0; i < d->n_refs && !r->code; i++) {
		const struct entry *parent = find_action(r, e, &d->refs[i]);
		uint32_t at = parent ? (uint32_t)(parent - r->actions.items) : 0;

		if (parent) {
			e->parents[e->n_parents++] = at;
			out->parents[out->n_parents++] = &r->s->actions[at];
		}
	}
	return !r->code;
}

static bool action_targets(struct resolver *r, const struct entry *e,
			   const struct schema_name *names, size_t n,
			   const struct schema_entity ***ret, size_t *ret_n)
{
	const struct schema_entity **out = ARENA_ARRAY(r->a, n, const struct schema_entity *);
	size_t n_out = 0;

	if (!out) {
		return no_memory(r);
	}
	for (size_t i = 0; i < n && !r->code; i++) {
		const struct entry *t =
			find_entity(r, (struct place){e->ns, e->src, names[i].span}, names[i].text);
		const struct schema_entity *target = t ? entity_of(r, t) : NULL;
		bool known = !t;

		for (size_t k = 0; k < n_out && !known; k++) {
			known = out[k] == target;
		}
		if (!known) {
			out[n_out++] = target;
		}
	}
	*ret = out;
	*ret_n = n_out;
	return !r->code;
}

static bool resolve_action(struct resolver *r, struct entry *e, struct schema_action *out)
{
	const struct schema_decl *d = e->decl;

	out->id = e->id;
	out->type = schema_entity_find(r->s, e->name);
	out->notes = d->notes;
	out->n_notes = d->n_notes;
	out->context = record_or_empty(r, e, d->context, "context");
	return !r->code && action_parents(r, e, out) &&
	       action_targets(r, e, d->principals, d->n_principals, &out->principals,
			      &out->n_principals) &&
	       action_targets(r, e, d->resources, d->n_resources, &out->resources,
			      &out->n_resources);
}

static bool close_actions(struct resolver *r)
{
	size_t n = r->actions.n;
	uint32_t *mark = ARENA_ARRAY(r->a, n, uint32_t), *found = ARENA_ARRAY(r->a, n, uint32_t);

	if (!mark || !found) {
		return no_memory(r);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct schema_action *a = &r->s->actions[i];
		const struct entry *e = &r->actions.items[i];
		size_t n_found = closure(&r->actions, i, mark, found);

		a->ancestors = ARENA_ARRAY(r->a, n_found, const struct schema_action *);
		if (!a->ancestors) {
			return no_memory(r);
		}
		for (size_t k = 0; k < n_found; k++) {
			if (found[k] == i) {
				PROBLEM(r, e->src, e->decl->name.span,
					"action `" STR_FMT "` is a member of itself",
					STR_ARG(e->id));
			}
			a->ancestors[k] = &r->s->actions[found[k]];
		}
		a->n_ancestors = n_found;
	}
	return true;
}

static bool resolve_all(struct resolver *r)
{
	struct schema *s = r->s;

	for (size_t i = 0; i < r->commons.n && !r->code; i++) {
		struct entry *e = &r->commons.items[i];

		resolve_common(r, e, (struct place){e->ns, e->src, e->decl->name.span}, 0);
	}
	for (size_t i = 0; i < s->n_entities && !r->code; i++) {
		resolve_entity(r, &r->entities.items[i], &s->entities[i]);
	}
	for (size_t i = 0; i < s->n_actions && !r->code; i++) {
		resolve_action(r, &r->actions.items[i], &s->actions[i]);
	}
	return !r->code && close_entities(r) && close_actions(r);
}

static bool make_tables(struct resolver *r, struct schema_doc *const *docs, size_t n_docs)
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

/* Places for all declarations, with their names, so that types can point at them. */
static bool make_schema(struct resolver *r)
{
	struct schema *s = r->s;

	type_pool_init(&s->pool, r->a, NULL);
	s->entities = ARENA_ARRAY(r->a, r->entities.n, struct schema_entity);
	s->actions = ARENA_ARRAY(r->a, r->actions.n, struct schema_action);
	if (!s->entities || !s->actions) {
		return no_memory(r);
	}
	s->n_entities = r->entities.n;
	s->n_actions = r->actions.n;
	for (size_t i = 0; i < s->n_entities; i++) {
		struct schema_entity *e = &s->entities[i];

		e->name = r->entities.items[i].name;
		e->type = (struct type){
			.kind = TYPE_ENTITY, .hash = (uint64_t)(uintptr_t)e, .entity = e};
	}
	return true;
}

enum err_code schema_resolve(struct arena *a, struct schema_doc *const *docs, size_t n_docs,
			     const struct schema **ret, struct policy_diags *diags, struct err *err)
{
	struct policy_diags own;
	struct resolver r = {.a = a, .diags = diags, .err = err};

	if (!diags) {
		policy_diags_init(&own, a);
		r.diags = &own;
	}
	if (n_docs > SCHEMA_MAX_SOURCE) {
		return ERR(err, ERR_LIMIT, "more than %d schema sources", SCHEMA_MAX_SOURCE);
	}
	r.s = ARENA_NEW(a, struct schema);
	if (!r.s) {
		return ERR(err, ERR_NOMEM, "no memory to resolve the schema");
	}
	if (!make_tables(&r, docs, n_docs) || !make_schema(&r) || !resolve_all(&r)) {
		return r.code;
	}
	if (r.n_errors > 0) {
		return policy_diags_err(r.diags, ERR_INVALID, err);
	}
	*ret = r.s;
	return ERR_OK;
}

enum err_code schema_load(struct arena *a, const struct policy_source *src,
			  const struct schema **ret, struct policy_diags *diags, struct err *err)
{
	struct schema_doc *doc;

	TRY(schema_parse_any(a, src, &doc, diags, err));
	return schema_resolve(a, &doc, 1, ret, diags, err);
}
