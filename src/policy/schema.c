/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema.h"

#include "policy/schema_ast.h"

/* How far a name may be from the one that was meant. */
#define NEAR_MAX 3u

const struct schema_entity *schema_entity_find(const struct schema *s, struct str name)
{
	size_t lo = 0, hi = s->n_entities;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(name, s->entities[mid].name);

		if (c == 0) {
			return &s->entities[mid];
		}
		if (c < 0) {
			hi = mid;
		} else {
			lo = mid + 1;
		}
	}
	return NULL;
}

const struct schema_action *schema_action_find(const struct schema *s, struct str type,
					       struct str id)
{
	size_t lo = 0, hi = s->n_actions;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(type, s->actions[mid].type->name);

		c = c ? c : str_cmp(id, s->actions[mid].id);
		if (c == 0) {
			return &s->actions[mid];
		}
		if (c < 0) {
			hi = mid;
		} else {
			lo = mid + 1;
		}
	}
	return NULL;
}

bool schema_entity_may_be_in(const struct schema_entity *e, const struct schema_entity *of)
{
	size_t lo = 0, hi = e->n_ancestors;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (e->ancestors[mid] == of) {
			return true;
		}
		if ((uintptr_t)of < (uintptr_t)e->ancestors[mid]) {
			hi = mid;
		} else {
			lo = mid + 1;
		}
	}
	return false;
}

bool schema_action_is_in(const struct schema_action *a, const struct schema_action *of)
{
	bool in = a == of;

	for (size_t i = 0; i < a->n_ancestors && !in; i++) {
		in = a->ancestors[i] == of;
	}
	return in;
}

bool schema_entity_id_ok(const struct schema_entity *e, struct str id)
{
	bool ok = e->n_ids == 0;

	for (size_t i = 0; i < e->n_ids && !ok; i++) {
		ok = str_eq(e->ids[i], id);
	}
	return ok;
}

static void nearer(struct str name, struct str candidate, unsigned *best, struct str *ret)
{
	unsigned d;

	if (*best == 0 || candidate.n > 64 || name.n > 64) {
		return;
	}
	d = str_distance(name, candidate, *best - 1);
	if (d < *best && d < candidate.n) {
		*best = d;
		*ret = candidate;
	}
}

struct str schema_near_entity(const struct schema *s, struct str name)
{
	unsigned best = NEAR_MAX;
	struct str found = STR("");

	for (size_t i = 0; i < s->n_entities; i++) {
		nearer(name, s->entities[i].name, &best, &found);
	}
	/* A forgotten namespace is the commonest slip: "User" for "Ns::User". */
	for (size_t i = 0; i < s->n_entities && found.n == 0; i++) {
		struct str full = s->entities[i].name;
		size_t at = full.n - name.n;

		if (full.n > name.n + 2 && full.p[at - 1] == ':' &&
		    str_eq(str_from(full, at), name)) {
			found = full;
		}
	}
	return found;
}

struct str schema_near_action(const struct schema *s, struct str id)
{
	unsigned best = NEAR_MAX;
	struct str found = STR("");

	for (size_t i = 0; i < s->n_actions; i++) {
		nearer(id, s->actions[i].id, &best, &found);
	}
	return found;
}

struct str schema_near_field(const struct type *record, struct str name)
{
	unsigned best = NEAR_MAX;
	struct str found = STR("");

	for (size_t i = 0; i < record->n_fields; i++) {
		nearer(name, record->fields[i].name, &best, &found);
	}
	return found;
}

struct schema_ns *schema_ns_find(const struct schema_doc *doc, struct str name)
{
	for (size_t i = 0; i < doc->n_ns; i++) {
		if (str_eq(doc->ns[i].name.text, name)) {
			return &doc->ns[i];
		}
	}
	return NULL;
}

static enum err_code no_room(struct err *err)
{
	return ERR(err, ERR_NOMEM, "no memory for the schema");
}

enum err_code schema_merge(struct arena *a, struct schema_doc *to, const struct schema_doc *from,
			   struct err *err)
{
	for (size_t i = 0; i < from->n_ns; i++) {
		const struct schema_ns *more = &from->ns[i];
		struct schema_ns *ns = schema_ns_find(to, more->name.text);

		if (!ns) {
			if (!ARENA_GROW(a, &to->ns, to->n_ns, &to->cap)) {
				return no_room(err);
			}
			ns = &to->ns[to->n_ns++];
			*ns = (struct schema_ns){.name = more->name};
		}
		for (size_t k = 0; k < more->n_decls; k++) {
			if (!ARENA_GROW(a, &ns->decls, ns->n_decls, &ns->cap)) {
				return no_room(err);
			}
			ns->decls[ns->n_decls++] = more->decls[k];
		}
	}
	return ERR_OK;
}
