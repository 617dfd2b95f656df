/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as it stays: no room to spare, each text once, nothing borrowed from syntax trees. */
#include "policy/temporal_plan_priv.h"

/* Out of memory shows in the arena, and for the map here. */
struct keeper {
	struct arena *a;
	struct map texts;
	bool nomem;
};

static struct str keep_text(struct keeper *k, struct str s)
{
	const char *found = s.n > 0 ? map_find(&k->texts, s) : NULL;
	struct str copy;

	if (s.n == 0 || found) {
		return str_make(found, s.n);
	}
	copy = arena_dup(k->a, s);
	if (!copy.p || !map_put(&k->texts, copy, (void *)(uintptr_t)copy.p)) {
		k->nomem = true;
	}
	return copy;
}

static struct str *keep_texts(struct keeper *k, const struct str *from, uint32_t n)
{
	struct str *to = n > 0 ? ARENA_ARRAY(k->a, n, struct str) : NULL;

	for (uint32_t i = 0; to && i < n; i++) {
		to[i] = keep_text(k, from[i]);
	}
	return to;
}

static struct policy_uid keep_uid(struct keeper *k, const struct policy_uid *from)
{
	return (struct policy_uid){keep_text(k, from->type), keep_text(k, from->id), from->hash};
}

/* Of the kinds that plans compare with. */
static struct temporal_term keep_term(struct keeper *k, const struct temporal_term *from)
{
	struct temporal_term to = {.kind = from->kind, .base = from->base, .slot = from->slot};

	if (from->kind == TEMPORAL_VALUE) {
		to.value = policy_value_dup(k->a, from->value);
	} else if (from->kind == TEMPORAL_PATH) {
		to.n_names = from->n_names;
		to.names = keep_texts(k, from->names, from->n_names);
	}
	return to;
}

static struct temporal_field keep_path(struct keeper *k, const struct temporal_field *from)
{
	return (struct temporal_field){.path = keep_texts(k, from->path, from->n_path),
				       .n_path = from->n_path};
}

static const struct temporal_field *keep_field(struct keeper *k, const struct temporal_field *from)
{
	struct temporal_field *to = ARENA_NEW(k->a, struct temporal_field);

	if (to) {
		*to = keep_path(k, from);
	}
	return to;
}

static const struct temporal_field *keep_tests(struct keeper *k, const struct temporal_field *from,
					       size_t n)
{
	struct temporal_field *to = n > 0 ? ARENA_ARRAY(k->a, n, struct temporal_field) : NULL;

	for (size_t i = 0; to && i < n; i++) {
		to[i] = keep_path(k, &from[i]);
		to[i].term = keep_term(k, &from[i].term);
	}
	return to;
}

static const struct temporal_field **keep_fields(struct keeper *k,
						 const struct temporal_field *const *from, size_t n)
{
	const struct temporal_field **to =
		n > 0 ? ARENA_ARRAY(k->a, n, const struct temporal_field *) : NULL;

	for (size_t i = 0; to && i < n; i++) {
		to[i] = keep_field(k, from[i]);
	}
	return to;
}

static struct temporal_atom keep_atom(struct keeper *k, const struct temporal_atom *from)
{
	struct temporal_atom to = *from;

	to.action = keep_uid(k, &from->action);
	to.kind = keep_text(k, from->kind);
	to.tests = keep_tests(k, from->tests, from->n_tests);
	to.keys = keep_tests(k, from->keys, from->n_keys);
	to.values = keep_fields(k, from->values, from->n_values);
	to.filters = from->n_filters > 0
			     ? ARENA_ARRAY(k->a, from->n_filters, struct temporal_filter)
			     : NULL;
	for (size_t i = 0; to.filters && i < from->n_filters; i++) {
		to.filters[i] = from->filters[i];
		to.filters[i].field = keep_field(k, from->filters[i].field);
		to.filters[i].value = policy_value_dup(k->a, from->filters[i].value);
	}
	return to;
}

static void keep_monitors(struct keeper *k, struct temporal_plan *plan)
{
	struct temporal_monitor *from = plan->monitors;

	plan->monitors = ARENA_ARRAY(k->a, plan->n_monitors, struct temporal_monitor);
	plan->cap_monitors = plan->n_monitors;
	for (size_t i = 0; plan->monitors && i < plan->n_monitors; i++) {
		struct temporal_monitor *m = &plan->monitors[i];

		*m = from[i];
		m->signature = str_make(NULL, 0);
		m->sum = m->sum ? keep_field(k, m->sum) : NULL;
		m->atoms = ARENA_ARRAY(k->a, m->n_atoms, struct temporal_atom);
		for (uint32_t j = 0; m->atoms && j < m->n_atoms; j++) {
			m->atoms[j] = keep_atom(k, &from[i].atoms[j]);
		}
	}
}

static void keep_terms(struct keeper *k, struct temporal_plan *plan)
{
	const struct temporal_terms *from = plan->terms;

	plan->terms = ARENA_ARRAY(k->a, plan->n_terms, struct temporal_terms);
	plan->cap_terms = plan->n_terms;
	for (size_t i = 0; plan->terms && i < plan->n_terms; i++) {
		struct temporal_terms *to = &plan->terms[i];

		*to = (struct temporal_terms){
			ARENA_ARRAY(k->a, from[i].n, const struct temporal_term *), from[i].n};
		for (size_t j = 0; to->items && j < to->n; j++) {
			struct temporal_term *t = ARENA_NEW(k->a, struct temporal_term);

			if (t) {
				*t = keep_term(k, from[i].items[j]);
			}
			to->items[j] = t;
		}
	}
}

static void keep_group(struct keeper *k, const struct temporal_plan *plan, struct temporal_group *g)
{
	const struct temporal_watch *from = g->watches;

	g->watches = ARENA_ARRAY(k->a, g->n_watches, struct temporal_watch);
	g->cap_watches = g->n_watches;
	for (size_t i = 0; g->watches && i < g->n_watches; i++) {
		g->watches[i] = from[i];
	}
	/* All watches of a group have the same keys. */
	if (g->watches && plan->monitors && plan->monitors[g->watches[0].monitor].atoms) {
		g->keys = plan->monitors[g->watches[0].monitor].atoms[g->watches[0].atom].keys;
	}
}

static void keep_topics(struct keeper *k, struct temporal_plan *plan)
{
	const struct temporal_topic *from = plan->topics;
	const uint32_t *slots = plan->topic_slots;

	plan->topics = ARENA_ARRAY(k->a, plan->n_topics, struct temporal_topic);
	plan->cap_topics = plan->n_topics;
	for (size_t i = 0; plan->topics && i < plan->n_topics; i++) {
		struct temporal_topic *t = &plan->topics[i];

		*t = from[i];
		t->action = keep_uid(k, &from[i].action);
		t->kind = keep_text(k, from[i].kind);
		t->fields = keep_fields(k, from[i].fields, from[i].n_fields);
		t->cap_fields = t->n_fields;
		t->groups = ARENA_ARRAY(k->a, t->n_groups, struct temporal_group);
		t->cap_groups = t->n_groups;
		for (size_t j = 0; t->groups && j < t->n_groups; j++) {
			t->groups[j] = from[i].groups[j];
			keep_group(k, plan, &t->groups[j]);
		}
	}
	plan->topic_slots = ARENA_ARRAY(k->a, plan->n_topic_slots, uint32_t);
	if (plan->topic_slots) {
		memcpy(plan->topic_slots, slots, plan->n_topic_slots * sizeof(*slots));
	}
}

/* Recursion is bounded by the depth of conditions. */
static struct temporal_part *keep_part(struct keeper *k, const struct temporal_part *from)
{
	struct temporal_part *to = ARENA_NEW(k->a, struct temporal_part);
	struct temporal_atom *now;

	if (!to) {
		return NULL;
	}
	*to = *from;
	to->expr = from->expr ? temporal_copy(k->a, from->expr) : NULL;
	if (from->now) {
		to->now = now = ARENA_NEW(k->a, struct temporal_atom);
		if (now) {
			*now = keep_atom(k, from->now);
		}
	}
	to->compares = from->n_compares > 0
			       ? ARENA_ARRAY(k->a, from->n_compares, struct temporal_compare)
			       : NULL;
	for (uint32_t i = 0; to->compares && i < from->n_compares; i++) {
		to->compares[i] = (struct temporal_compare){from->compares[i].op,
							    keep_term(k, &from->compares[i].left),
							    keep_term(k, &from->compares[i].right)};
	}
	to->kid = from->n_kids > 0 ? ARENA_ARRAY(k->a, from->n_kids, struct temporal_part *) : NULL;
	for (size_t i = 0; to->kid && i < from->n_kids; i++) {
		to->kid[i] = keep_part(k, from->kid[i]);
	}
	return to;
}

static void keep_leaves(struct keeper *k, struct temporal_plan *plan)
{
	const struct temporal_leaf_plan *from = plan->leaves;

	plan->leaves = ARENA_ARRAY(k->a, plan->prog->n_leaves, struct temporal_leaf_plan);
	for (size_t i = 0; plan->leaves && i < plan->prog->n_leaves; i++) {
		struct temporal_leaf_plan *to = &plan->leaves[i];

		to->part = from[i].part ? keep_part(k, from[i].part) : NULL;
		to->expr = from[i].expr ? temporal_copy(k->a, from[i].expr) : NULL;
	}
}

const struct temporal_plan *temporal_plan_keep(struct arena *a, const struct temporal_plan *from)
{
	struct temporal_plan *plan = ARENA_NEW(a, struct temporal_plan);
	struct keeper k = {.a = a};

	if (!plan) {
		return NULL;
	}
	*plan = *from;
	map_init(&k.texts, (struct hash_key){0});
	keep_monitors(&k, plan);
	keep_terms(&k, plan);
	keep_topics(&k, plan);
	keep_leaves(&k, plan);
	map_done(&k.texts);
	return k.nomem || a->exhausted ? NULL : plan;
}
