/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world is decided while it is looked at. Every decision is a choice with a number;
 * whoever reads it leaves the number in `reads`, so that the search knows on what an
 * outcome rests. Where the options themselves depend on earlier choices, those are
 * named when the choice is made.
 */
#include "policy/prove_priv.h"

static bool stop(struct prove_world *w, const char *why)
{
	w->stopped = true;
	if (why) {
		prove_refuse(w->m, why);
	} else {
		w->m->nomem = true;
	}
	return false;
}

void prove_world_reset(struct prove_world *w)
{
	arena_reset(w->a);
	w->cursor = 0;
	w->spent = 0;
	w->reads = w->names = w->edges_made = (struct prove_bits){0};
	w->crowded = w->whole = w->dead = w->stopped = false;
	w->entities = NULL;
	w->slots = NULL;
	w->edges = NULL;
	w->n_entities = w->cap_entities = 0;
	w->n_slots = w->cap_slots = 0;
	w->n_edges = w->cap_edges = 0;
}

/* All choices of this try until now. */
static struct prove_bits all_choices(const struct prove_world *w)
{
	struct prove_bits b = {0};

	for (uint32_t i = 0; i < w->cursor; i++) {
		prove_bits_add(&b, (int)i);
	}
	return b;
}

/* One part more. What has too many rests on all that was chosen. */
static void spend(struct prove_world *w)
{
	if (++w->spent > w->budget && !w->dead) {
		w->reads = all_choices(w);
		w->dead = true;
	}
}

uint32_t prove_choose(struct prove_world *w, uint32_t n, const struct prove_bits *rests_on,
		      int *choice)
{
	*choice = PROVE_NO_CHOICE;
	if (w->stopped || w->dead || n == 0 || (n == 1 && !rests_on)) {
		return 0;
	}
	if (w->cursor == w->depth) {
		if (w->depth == PROVE_CHOICES) {
			stop(w, "one request rests on more than 1024 choices");
			return 0;
		}
		w->frames[w->depth] = (struct prove_frame){.n = n};
		if (rests_on) {
			w->frames[w->depth].conflict = *rests_on;
		}
		w->depth++;
	}
	*choice = (int)w->cursor;
	prove_bits_add(&w->reads, *choice);
	return w->frames[w->cursor++].at;
}

uint32_t prove_entity_at(struct prove_world *w, const struct policy_uid *uid)
{
	struct prove_entity *e;

	for (uint32_t i = 0; i < w->n_entities; i++) {
		if (policy_uid_eq(w->entities[i].uid, uid)) {
			return i;
		}
	}
	if (!ARENA_GROW(w->a, &w->entities, w->n_entities, &w->cap_entities)) {
		stop(w, NULL);
		return 0;
	}
	e = &w->entities[w->n_entities];
	*e = (struct prove_entity){.uid = uid, .choice = PROVE_NO_CHOICE};
	e->type = schema_entity_find(w->m->s, uid->type);
	e->known = policy_store_find(w->m->opts->store, uid);
	return (uint32_t)w->n_entities++;
}

bool prove_exists(struct prove_world *w, uint32_t e)
{
	struct prove_entity *x = &w->entities[e];

	if (w->stopped || w->n_entities == 0) {
		return false;
	}
	if (x->known || (x->type && x->type->is_action)) {
		return true;
	}
	if (!x->type || !schema_entity_id_ok(x->type, x->uid->id) || w->m->opts->closed) {
		return false;
	}
	if (w->m->opts->complete) {
		x->exists = PROVE_YES;
	} else if (x->exists == PROVE_MAYBE) {
		x->exists = prove_choose(w, 2, NULL, &x->choice) == 0 ? PROVE_YES : PROVE_NO;
		if (x->exists == PROVE_YES) {
			spend(w);
		}
	}
	prove_bits_add(&w->reads, x->choice);
	return x->exists == PROVE_YES;
}

/* Does the hierarchy as decided lead from a to b? */
bool prove_reaches(struct prove_world *w, uint32_t a, uint32_t b)
{
	bool *seen = arena_zalloc(w->a, w->n_entities);
	uint32_t *todo = ARENA_ARRAY(w->a, w->n_entities, uint32_t);
	size_t n = 0;

	if (!seen || !todo) {
		return stop(w, NULL);
	}
	todo[n++] = a;
	seen[a] = true;
	while (n > 0) {
		uint32_t at = todo[--n];
		const struct prove_entity *e = &w->entities[at];

		for (size_t i = 0; i < w->n_edges; i++) {
			uint32_t to = w->edges[i].b;

			if (w->edges[i].a == at && w->edges[i].in && !seen[to]) {
				seen[to] = true;
				todo[n++] = to;
			}
		}
		for (uint32_t i = 0; e->known && i < w->n_entities; i++) {
			if (!seen[i] &&
			    policy_ancestors_have(&e->known->ancestors, w->entities[i].uid)) {
				seen[i] = true;
				todo[n++] = i;
			}
		}
	}
	return a != b && seen[b];
}

/* Would "a is below b" contradict what was decided? */
static bool contradicts(struct prove_world *w, uint32_t a, uint32_t b)
{
	if (prove_reaches(w, b, a)) {
		return true;
	}
	for (size_t i = 0; i < w->n_edges; i++) {
		const struct prove_edge *x = &w->edges[i];

		if (!x->in && (x->a == a || prove_reaches(w, x->a, a)) &&
		    (x->b == b || prove_reaches(w, b, x->b))) {
			return true;
		}
	}
	return false;
}

static bool may_be_in(const struct prove_world *w, uint32_t a, uint32_t b)
{
	const struct schema_entity *x = w->entities[a].type, *y = w->entities[b].type;

	return x && y && schema_entity_may_be_in(x, y) &&
	       schema_entity_id_ok(y, w->entities[b].uid->id);
}

static bool has_parent(const struct prove_world *w, uint32_t a)
{
	for (size_t i = 0; i < w->n_edges; i++) {
		if (w->edges[i].a == a && w->edges[i].in) {
			return true;
		}
	}
	return false;
}

static bool free_in(struct prove_world *w, uint32_t a, uint32_t b)
{
	struct prove_edge edge = {.a = a, .b = b};

	if (!may_be_in(w, a, b) || !prove_exists(w, a)) {
		return false;
	}
	for (size_t i = 0; i < w->n_edges; i++) {
		if (w->edges[i].a == a && w->edges[i].b == b) {
			prove_bits_add(&w->reads, w->edges[i].choice);
			return w->edges[i].in;
		}
	}
	if (prove_reaches(w, a, b)) {
		prove_bits_join(&w->reads, &w->edges_made);
		return true;
	}
	if (contradicts(w, a, b)) {
		prove_bits_join(&w->reads, &w->edges_made);
		return false;
	}
	edge.in = prove_choose(w, 2, &w->edges_made, &edge.choice) == 1;
	if (edge.in && !has_parent(w, a)) {
		spend(w); /* of several some may follow from others */
	}
	if (!ARENA_GROW(w->a, &w->edges, w->n_edges, &w->cap_edges)) {
		return stop(w, NULL);
	}
	w->edges[w->n_edges++] = edge;
	prove_bits_add(&w->edges_made, edge.choice);
	return edge.in;
}

/* Of a known entity the parents are known; only what those are in may be open. */
static bool known_in(struct prove_world *w, const struct policy_entity *e,
		     const struct policy_uid *b)
{
	if (policy_ancestors_have(&e->ancestors, b)) {
		return true;
	}
	for (uint32_t i = 0; i < e->ancestors.n && !w->stopped; i++) {
		const struct policy_uid *up = e->ancestors.uids[i];

		if (!policy_store_find(w->m->opts->store, up) &&
		    free_in(w, prove_entity_at(w, up), prove_entity_at(w, b))) {
			return true;
		}
	}
	return false;
}

bool prove_in(struct prove_world *w, const struct policy_uid *a, const struct policy_uid *b)
{
	uint32_t x, y;

	if (policy_uid_eq(a, b)) {
		return true;
	}
	x = prove_entity_at(w, a);
	y = prove_entity_at(w, b);
	if (w->stopped) {
		return false;
	}
	if (w->entities[x].type && w->entities[x].type->is_action) {
		const struct schema_action *p = schema_action_find(w->m->s, a->type, a->id);
		const struct schema_action *q = schema_action_find(w->m->s, b->type, b->id);

		return p && q && schema_action_is_in(p, q);
	}
	return w->entities[x].known ? known_in(w, w->entities[x].known, b) : free_in(w, x, y);
}

uint32_t prove_slot_at(struct prove_world *w, const struct prove_path *path, uint32_t owner,
		       struct str tag)
{
	for (uint32_t i = 0; i < w->n_slots; i++) {
		const struct prove_slot *s = &w->slots[i];

		if (s->path == path && s->owner == owner && str_eq(s->tag, tag)) {
			return i;
		}
	}
	if (!ARENA_GROW(w->a, &w->slots, w->n_slots, &w->cap_slots)) {
		stop(w, NULL);
		return 0;
	}
	w->slots[w->n_slots] = (struct prove_slot){.path = path,
						   .owner = owner,
						   .tag = tag,
						   .presence_choice = PROVE_NO_CHOICE,
						   .choice = PROVE_NO_CHOICE};
	return (uint32_t)w->n_slots++;
}

bool prove_present(struct prove_world *w, uint32_t slot)
{
	struct prove_slot *s;

	if (w->stopped) {
		return false;
	}
	s = &w->slots[slot];
	if (s->path->required) {
		return true;
	}
	if (s->presence == PROVE_OPEN) {
		s->presence = prove_choose(w, 2, NULL, &s->presence_choice) == 0 ? PROVE_ABSENT
										 : PROVE_THERE;
		if (s->presence == PROVE_THERE) {
			spend(w);
		}
	}
	prove_bits_add(&w->reads, s->presence_choice);
	return s->presence == PROVE_THERE;
}

/* A name that nobody has: x1, x2, ... */
static const struct policy_uid *new_name(struct prove_world *w, const struct schema_entity *type)
{
	struct policy_uid *uid = ARENA_NEW(w->a, struct policy_uid);

	for (unsigned i = 1; uid; i++) {
		struct str id = arena_printf(w->a, "x%u", i);
		bool used = false;

		if (!id.p) {
			break;
		}
		*uid = policy_uid_make(type->name, id);
		for (size_t k = 0; k < w->n_entities && !used; k++) {
			used = policy_uid_eq(w->entities[k].uid, uid);
		}
		for (size_t k = 0; k < w->m->n_literals && !used; k++) {
			used = policy_uid_eq(w->m->literals[k], uid);
		}
		if (!used && !policy_store_find(w->m->opts->store, uid)) {
			return uid;
		}
	}
	stop(w, NULL);
	return NULL;
}

struct names {
	const struct policy_uid **items;
	size_t n, cap;
};

static void offer(struct prove_world *w, struct names *l, const struct policy_uid *uid)
{
	for (size_t i = 0; i < l->n; i++) {
		if (policy_uid_eq(l->items[i], uid)) {
			return;
		}
	}
	if (!ARENA_GROW(w->a, &l->items, l->n, &l->cap)) {
		stop(w, NULL);
		return;
	}
	l->items[l->n++] = uid;
}

static void offer_ids(struct prove_world *w, struct names *l, const struct schema_entity *type)
{
	for (size_t i = 0; i < type->n_ids; i++) {
		struct policy_uid *uid = ARENA_NEW(w->a, struct policy_uid);

		if (!uid) {
			stop(w, NULL);
			return;
		}
		*uid = policy_uid_make(type->name, type->ids[i]);
		offer(w, l, uid);
	}
}

static void offer_actions(struct prove_world *w, struct names *l, const struct schema_entity *type)
{
	for (size_t i = 0; i < w->m->s->n_actions; i++) {
		const struct schema_action *action = &w->m->s->actions[i];
		struct policy_uid *uid;

		if (action->type != type) {
			continue;
		}
		uid = ARENA_NEW(w->a, struct policy_uid);
		if (!uid) {
			stop(w, NULL);
			return;
		}
		*uid = policy_uid_make(type->name, action->id);
		offer(w, l, uid);
	}
}

/* Every entity of the type that could matter and has a name already. */
static struct names named(struct prove_world *w, const struct schema_entity *type)
{
	const struct policy_entity *e;
	struct names l = {0};
	size_t n = 0;

	if (type->n_ids > 0) {
		offer_ids(w, &l, type);
		return l;
	}
	if (type->is_action) {
		offer_actions(w, &l, type);
		return l;
	}
	for (size_t i = 0; i < w->n_entities && !w->m->opts->closed; i++) {
		if (w->entities[i].type == type) {
			offer(w, &l, w->entities[i].uid);
		}
	}
	for (size_t i = 0; i < w->m->n_literals && !w->m->opts->closed; i++) {
		if (str_eq(w->m->literals[i]->type, type->name)) {
			offer(w, &l, w->m->literals[i]);
		}
	}
	e = w->m->opts->store ? policy_store_entities(w->m->opts->store, &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(e[i].uid.type, type->name)) {
			offer(w, &l, &e[i].uid);
		}
	}
	return l;
}

static bool is_open(const struct prove_world *w, const struct schema_entity *type)
{
	return type->n_ids == 0 && !type->is_action && !w->m->opts->closed;
}

/* Somebody new, or anyone who is there already: all ways to be equal or not. */
static struct policy_value choose_entity(struct prove_world *w, const struct schema_entity *type,
					 int *choice)
{
	struct names l = named(w, type);
	uint32_t fresh = is_open(w, type) ? 1 : 0, at;
	struct prove_bits on = w->crowded ? all_choices(w) : w->names;
	const struct policy_uid *uid;

	*choice = PROVE_NO_CHOICE;
	if (l.n + fresh == 0) {
		prove_bits_join(&w->reads, &on);
		w->dead = true;
		return (struct policy_value){0};
	}
	at = prove_choose(w, (uint32_t)l.n + fresh, &on, choice);
	prove_bits_add(&w->names, *choice);
	uid = fresh > 0 && at == 0 ? new_name(w, type) : l.items[at - fresh];
	if (!uid || w->stopped) {
		return (struct policy_value){0};
	}
	at = prove_entity_at(w, uid);
	return w->stopped ? (struct policy_value){0} : policy_entity(w->entities[at].uid);
}

struct policy_value prove_slot_value(struct prove_world *w, uint32_t slot)
{
	struct prove_slot *s;
	struct policy_value v;
	int choice;

	if (w->stopped) {
		return (struct policy_value){0};
	}
	s = &w->slots[slot];
	if (s->value.kind != POLICY_NONE) {
		prove_bits_add(&w->reads, s->choice);
		return s->value;
	}
	if (s->path->type->kind == TYPE_ENTITY) {
		v = choose_entity(w, s->path->type->entity, &choice);
	} else {
		const struct prove_domain *d = prove_domain_root(s->path->domain);

		if (d->n_values == 0) {
			stop(w, "an attribute whose values were not foreseen");
			return (struct policy_value){0};
		}
		v = d->values[prove_choose(w, (uint32_t)d->n_values, NULL, &choice)];
	}
	w->slots[slot].value = v;
	w->slots[slot].choice = choice;
	return v;
}

static bool may_hold(const struct prove_world *w, const struct prove_slot *s, struct policy_value v)
{
	const struct type *t = s->path->type->element;
	const struct schema_entity *e;

	if (!t || conform_kind(t) != v.kind) {
		return false;
	}
	if (v.kind != POLICY_ENTITY) {
		return true;
	}
	e = schema_entity_find(w->m->s, v.uid->type);
	return e == t->entity && schema_entity_id_ok(e, v.uid->id);
}

/* The index of the member, which is added when it is new. */
static size_t member_at(struct prove_world *w, struct prove_slot *s, struct policy_value v)
{
	for (size_t i = 0; i < s->n_members; i++) {
		if (policy_value_eq(s->members[i].v, v)) {
			return i;
		}
	}
	if (s->closed) {
		return SIZE_MAX;
	}
	if (!ARENA_GROW(w->a, &s->members, s->n_members, &s->cap_members)) {
		stop(w, NULL);
		return SIZE_MAX;
	}
	s->members[s->n_members] = (struct prove_member){.v = v, .choice = PROVE_NO_CHOICE};
	return s->n_members++;
}

bool prove_set_has(struct prove_world *w, uint32_t slot, struct policy_value v)
{
	struct prove_slot *s;
	struct prove_member *x;
	size_t at;

	if (w->stopped || !may_hold(w, &w->slots[slot], v)) {
		return false;
	}
	s = &w->slots[slot];
	if (v.kind == POLICY_ENTITY) {
		(void)prove_entity_at(w, v.uid);
	}
	at = member_at(w, s, v);
	if (at == SIZE_MAX) {
		struct prove_bits all = all_choices(w);

		prove_bits_join(&w->reads, &all);
		return v.kind == POLICY_ENTITY ? false
					       : stop(w, "an element that was not foreseen");
	}
	x = &s->members[at];
	if (!x->asked) {
		x->in = prove_choose(w, 2, NULL, &x->choice) == 1;
		x->asked = true;
		if (x->in) {
			spend(w);
		}
	}
	prove_bits_add(&w->reads, x->choice);
	return x->in;
}

/* Entities: all that are named, and as many new ones as could all be told apart. */
static void close_entities(struct prove_world *w, uint32_t slot)
{
	const struct prove_path *path = w->slots[slot].path;
	const struct schema_entity *type = path->type->element->entity;
	uint32_t spare = prove_domain_root(path->domain)->spare;
	struct names l;

	for (uint32_t i = 0; is_open(w, type) && i < spare && !w->stopped; i++) {
		const struct policy_uid *uid = new_name(w, type);

		if (uid) {
			(void)prove_entity_at(w, uid);
		}
	}
	w->crowded = true;
	l = named(w, type);
	for (size_t i = 0; i < l.n && !w->stopped; i++) {
		(void)prove_entity_at(w, l.items[i]);
		(void)member_at(w, &w->slots[slot], policy_entity(l.items[i]));
	}
}

size_t prove_set_close(struct prove_world *w, uint32_t slot)
{
	const struct type *t;

	if (w->stopped) {
		return 0;
	}
	t = w->slots[slot].path->type->element;
	if (t && t->kind == TYPE_ENTITY) {
		struct prove_bits all = all_choices(w);

		prove_bits_join(&w->reads, &all);
	}
	if (!w->slots[slot].closed && t && t->kind == TYPE_ENTITY) {
		close_entities(w, slot);
	} else if (!w->slots[slot].closed && t) {
		const struct prove_domain *d = prove_domain_root(w->slots[slot].path->domain);

		for (size_t i = 0; i < d->n_values; i++) {
			(void)member_at(w, &w->slots[slot], d->values[i]);
		}
	}
	w->slots[slot].closed = true;
	return w->slots[slot].n_members;
}
