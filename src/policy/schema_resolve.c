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
#include "policy/schema_priv.h"

#include <stdlib.h>

/* Searching for what was meant costs the whole schema; not for each of many errors. */
#define SUGGEST_MAX 20

/* Where a name is written: decides its namespace and what messages point at. */
struct place {
	const struct schema_ns *ns;
	const struct policy_source *src;
	struct policy_span span;
};

/* The full names a written name may stand for, best first. */
static size_t candidates(struct schema_resolver *r, const struct schema_ns *ns, struct str name,
			 struct str out[2])
{
	size_t n = 0;

	if (ns->name.text.n > 0 && str_find_str(name, STR("::")) == name.n) {
		out[n++] = schema_full_name(r, ns->name.text, name);
	}
	out[n++] = name;
	return n;
}

static void suggest(struct schema_resolver *r, struct str name, bool commons)
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
static struct schema_entry *find_entity(struct schema_resolver *r, struct place at, struct str name)
{
	struct str names[2];
	size_t n = candidates(r, at.ns, name, names);

	for (size_t i = 0; i < n && !r->code; i++) {
		struct schema_entry *e = schema_table_find(&r->entities, names[i], STR(""));

		if (e && e->decl) {
			return e;
		}
	}
	if (!r->code) {
		SCHEMA_PROBLEM(r, at.src, at.span, "no entity type `" STR_FMT "` is declared",
			       STR_ARG(name));
		suggest(r, name, false);
	}
	return NULL;
}

static const struct schema_entity *entity_of(const struct schema_resolver *r,
					     const struct schema_entry *e)
{
	return &r->s->entities[e - r->entities.items];
}

static const struct type *resolve_te(struct schema_resolver *r, const struct policy_source *src,
				     const struct schema_ns *ns, const struct schema_te *te,
				     unsigned depth);

static const struct type *resolve_common(struct schema_resolver *r, struct schema_entry *e,
					 struct place at, unsigned depth)
{
	if (e->done) {
		return e->type;
	}
	if (e->busy) {
		SCHEMA_PROBLEM(r, at.src, at.span, "common type `" STR_FMT "` is defined by itself",
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

static const struct type *unknown_type(struct schema_resolver *r, struct place at,
				       const struct schema_te *te)
{
	const char *what = te->kind == SCHEMA_TE_ENTITY   ? "entity type"
			   : te->kind == SCHEMA_TE_COMMON ? "common type"
							  : "type";

	if (!r->code) {
		SCHEMA_PROBLEM(r, at.src, at.span, "no %s `" STR_FMT "` is declared", what,
			       STR_ARG(te->name));
		if (str_eq(te->name, STR("Boolean"))) {
			policy_diag_help(r->diags, "the built-in type is called `Bool`");
		} else {
			suggest(r, te->name, te->kind != SCHEMA_TE_ENTITY);
		}
	}
	return NULL;
}

static const struct type *resolve_named(struct schema_resolver *r, struct place at,
					const struct schema_te *te, unsigned depth)
{
	struct str names[2];
	size_t n = candidates(r, at.ns, te->name, names);
	enum type_kind builtin;

	for (size_t i = 0; i < n && !r->code; i++) {
		struct schema_entry *e;

		e = te->kind == SCHEMA_TE_ENTITY
			    ? NULL
			    : schema_table_find(&r->commons, names[i], STR(""));
		if (e) {
			return resolve_common(r, e, at, depth);
		}
		e = te->kind == SCHEMA_TE_COMMON
			    ? NULL
			    : schema_table_find(&r->entities, names[i], STR(""));
		if (e) {
			return &entity_of(r, e)->type;
		}
	}
	/* An entity type called like a built-in one hides it, also where it cannot stand itself. */
	builtin = te->kind == SCHEMA_TE_ENTITY || schema_table_find(&r->entities, te->name, STR(""))
			  ? TYPE_NONE
			  : schema_builtin_kind(te->name);
	return builtin != TYPE_NONE ? type_scalar(builtin) : unknown_type(r, at, te);
}

static const struct type *resolve_record(struct schema_resolver *r, const struct policy_source *src,
					 const struct schema_ns *ns, const struct schema_te *te,
					 unsigned depth)
{
	struct type_field *fields = ARENA_ARRAY(r->a, te->n_fields, struct type_field);
	const struct type *t = NULL;
	bool ok = fields || schema_no_memory(r);

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
static const struct type *resolve_te(struct schema_resolver *r, const struct policy_source *src,
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
static const struct type *empty_record(struct schema_resolver *r)
{
	const struct type *t = NULL;

	if (!r->code) {
		r->code = type_record(&r->s->pool, NULL, 0, &t, r->err);
	}
	return r->code ? NULL : t;
}

static const struct type *record_or_empty(struct schema_resolver *r, const struct schema_entry *e,
					  const struct schema_te *te, const char *what)
{
	const struct type *t = te ? resolve_te(r, e->src, e->ns, te, 0) : NULL;

	if (t && t->kind != TYPE_RECORD) {
		SCHEMA_PROBLEM(r, e->src, te->span, "the %s of `" STR_FMT "` is not a record", what,
			       STR_ARG(e->decl->name.text));
		t = NULL;
	}
	return t ? t : empty_record(r);
}

static bool entity_parents(struct schema_resolver *r, struct schema_entry *e)
{
	const struct schema_decl *d = e->decl;

	e->parents = ARENA_ARRAY(r->a, d->n_parents, uint32_t);
	if (!e->parents) {
		return schema_no_memory(r);
	}
	for (size_t i = 0; i < d->n_parents && !r->code; i++) {
		const struct schema_entry *parent = find_entity(
			r, (struct place){e->ns, e->src, d->parents[i].span}, d->parents[i].text);

		if (parent) {
			e->parents[e->n_parents++] = (uint32_t)(parent - r->entities.items);
		}
	}
	return !r->code;
}

static bool entity_ids(struct schema_resolver *r, const struct schema_decl *d,
		       struct schema_entity *out)
{
	struct str *ids = ARENA_ARRAY(r->a, d->n_ids, struct str);

	if (!ids) {
		return schema_no_memory(r);
	}
	for (size_t i = 0; i < d->n_ids; i++) {
		ids[i] = d->ids[i].text;
	}
	out->ids = ids;
	out->n_ids = d->n_ids;
	return true;
}

static bool resolve_entity(struct schema_resolver *r, struct schema_entry *e,
			   struct schema_entity *out)
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
static size_t closure(const struct schema_table *t, uint32_t from, uint32_t *mark, uint32_t *out)
{
	size_t n = 0, next = 0;
	const struct schema_entry *e = &t->items[from];

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

static bool close_entities(struct schema_resolver *r)
{
	size_t n = r->entities.n;
	uint32_t *mark = ARENA_ARRAY(r->a, n, uint32_t), *found = ARENA_ARRAY(r->a, n, uint32_t);

	if (!mark || !found) {
		return schema_no_memory(r);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct schema_entity *e = &r->s->entities[i];
		size_t n_found = closure(&r->entities, i, mark, found);

		e->ancestors = ARENA_ARRAY(r->a, n_found, const struct schema_entity *);
		if (!e->ancestors) {
			return schema_no_memory(r);
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

static struct schema_entry *find_action(struct schema_resolver *r, const struct schema_entry *of,
					const struct schema_action_ref *ref)
{
	struct str names[2];
	size_t n = candidates(r, of->ns, ref->type.n ? ref->type : STR("Action"), names);

	for (size_t i = 0; i < n && !r->code; i++) {
		struct schema_entry *e = schema_table_find(&r->actions, names[i], ref->id);

		if (e) {
			return e;
		}
	}
	if (!r->code) {
		SCHEMA_PROBLEM(r, of->src, ref->span, "no action `" STR_FMT "` is declared",
			       STR_ARG(ref->id));
		policy_diag_help(r->diags, "the parents of an action are actions of the schema");
	}
	return NULL;
}

static bool action_parents(struct schema_resolver *r, struct schema_entry *e,
			   struct schema_action *out)
{
	const struct schema_decl *d = e->decl;

	e->parents = ARENA_ARRAY(r->a, d->n_refs, uint32_t);
	out->parents = ARENA_ARRAY(r->a, d->n_refs, const struct schema_action *);
	if (!e->parents || !out->parents) {
		return schema_no_memory(r);
	}
	for (size_t i = 0; i < d->n_refs && !r->code; i++) {
		const struct schema_entry *parent = find_action(r, e, &d->refs[i]);
		uint32_t at = parent ? (uint32_t)(parent - r->actions.items) : 0;

		if (parent) {
			e->parents[e->n_parents++] = at;
			out->parents[out->n_parents++] = &r->s->actions[at];
		}
	}
	return !r->code;
}

static bool action_targets(struct schema_resolver *r, const struct schema_entry *e,
			   const struct schema_name *names, size_t n,
			   const struct schema_entity ***ret, size_t *ret_n)
{
	const struct schema_entity **out = ARENA_ARRAY(r->a, n, const struct schema_entity *);
	size_t n_out = 0;

	if (!out) {
		return schema_no_memory(r);
	}
	for (size_t i = 0; i < n && !r->code; i++) {
		const struct schema_entry *t =
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

static bool resolve_action(struct schema_resolver *r, struct schema_entry *e,
			   struct schema_action *out)
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

static bool close_actions(struct schema_resolver *r)
{
	size_t n = r->actions.n;
	uint32_t *mark = ARENA_ARRAY(r->a, n, uint32_t), *found = ARENA_ARRAY(r->a, n, uint32_t);

	if (!mark || !found) {
		return schema_no_memory(r);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct schema_action *a = &r->s->actions[i];
		const struct schema_entry *e = &r->actions.items[i];
		size_t n_found = closure(&r->actions, i, mark, found);

		a->ancestors = ARENA_ARRAY(r->a, n_found, const struct schema_action *);
		if (!a->ancestors) {
			return schema_no_memory(r);
		}
		for (size_t k = 0; k < n_found; k++) {
			if (found[k] == i) {
				SCHEMA_PROBLEM(r, e->src, e->decl->name.span,
					       "action `" STR_FMT "` is a member of itself",
					       STR_ARG(e->id));
			}
			a->ancestors[k] = &r->s->actions[found[k]];
		}
		a->n_ancestors = n_found;
	}
	return true;
}

static bool resolve_all(struct schema_resolver *r)
{
	struct schema *s = r->s;

	for (size_t i = 0; i < r->commons.n && !r->code; i++) {
		struct schema_entry *e = &r->commons.items[i];

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

/* Places for all declarations, with their names, so that types can point at them. */
static bool make_schema(struct schema_resolver *r)
{
	struct schema *s = r->s;

	type_pool_init(&s->pool, r->a, NULL);
	s->entities = ARENA_ARRAY(r->a, r->entities.n, struct schema_entity);
	s->actions = ARENA_ARRAY(r->a, r->actions.n, struct schema_action);
	if (!s->entities || !s->actions) {
		return schema_no_memory(r);
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
	struct schema_resolver r = {.a = a, .diags = diags, .err = err};

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
	if (!schema_collect(&r, docs, n_docs) || !make_schema(&r) || !resolve_all(&r)) {
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
