/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One counterexample made smaller by itself; that none of the others is smaller is for the search
 * (prove.c). Greedy and in a fixed order: entities first, since all they have goes with them, then
 * what may be absent, then values. A step that is taken makes the world smaller in an order
 * that has no infinite descent, and passes go on until one takes no step. So it ends, and
 * at the end every single step was tried on the world that is left.
 */
#include "policy/prove_priv.h"

#define TEXT_MAX ((size_t)256 << 20)

struct shrink {
	struct prove_world *w;
	prove_check *check;
	void *arg;
	struct buf request, entities;
	unsigned replays;
	bool taken; /* a step, in this pass */
	enum err_code code;
	struct err *err;
};

static bool is_over(const struct shrink *x)
{
	return x->code != ERR_OK || x->replays == PROVE_REPLAYS_MAX;
}

static bool write_down(struct shrink *x)
{
	buf_clear(&x->request);
	buf_clear(&x->entities);
	return prove_json(x->w, &x->request, &x->entities);
}

/* Is the world, after a step, as good as before? The caller takes the step back if not. */
static bool is_kept(struct shrink *x)
{
	bool kept = false;

	if (!write_down(x)) {
		x->code = ERR(x->err, ERR_NOMEM, "out of memory");
		return false;
	}
	x->replays++;
	x->code = x->check(x->arg, buf_str(&x->request), buf_str(&x->entities), &kept, x->err);
	kept = kept && x->code == ERR_OK;
	x->taken = x->taken || kept;
	return kept;
}

static bool requires_nothing(const struct schema_entity *type)
{
	for (size_t i = 0; i < type->attrs->n_fields; i++) {
		if (type->attrs->fields[i].required) {
			return false;
		}
	}
	return true;
}

void prove_make_exist(struct prove_world *w, const struct policy_uid *uid)
{
	const struct schema_entity *type = schema_entity_find(w->m->s, uid->type);
	const struct policy_uid *own = NULL;
	struct policy_uid *copy;
	uint32_t at;

	if (!type || type->is_action || type->n_ids > 0 || requires_nothing(type) ||
	    policy_store_find(w->m->opts->store, uid)) {
		return;
	}
	for (size_t i = 0; i < w->n_entities && !own; i++) {
		own = policy_uid_eq(w->entities[i].uid, uid) ? w->entities[i].uid : NULL;
	}
	if (!own) {
		copy = ARENA_NEW(w->a, struct policy_uid);
		if (!copy) {
			w->stopped = w->m->nomem = true;
			return;
		}
		*copy = *uid;
		own = copy;
	}
	at = prove_entity_at(w, own);
	if (!w->stopped) {
		w->entities[at].exists = PROVE_YES;
	}
}

/* Does a policy or a document name it, elsewhere than where it is declared? */
static bool is_named(struct shrink *x, const struct prove_entity *e)
{
	const struct prove_world *w = x->w;
	struct buf all, name;
	size_t n = 0;

	for (size_t i = 0; i < w->m->n_literals; i++) {
		if (policy_uid_eq(w->m->literals[i], e->uid)) {
			return true;
		}
	}
	buf_init(&all, 2 * TEXT_MAX);
	buf_init(&name, TEXT_MAX);
	prove_json_uid(&name, e->uid);
	if (write_down(x)) {
		buf_append(&all, buf_str(&x->request));
		buf_append(&all, buf_str(&x->entities));
	}
	for (struct str rest = buf_str(&all); !all.failed && !name.failed && n < 2; n++) {
		size_t at = str_find_str(rest, buf_str(&name));

		if (at >= rest.n) {
			break;
		}
		rest = str_from(rest, at + buf_len(&name));
	}
	n = all.failed || name.failed || buf_len(&all) == 0 ? 2 : n;
	buf_done(&name);
	buf_done(&all);
	return n > 1;
}

static void drop_entities(struct shrink *x)
{
	for (size_t i = x->w->n_entities; i > 0 && !is_over(x); i--) {
		const struct prove_entity e = x->w->entities[i - 1];

		if (e.exists != PROVE_YES ||
		    (x->w->whole && !requires_nothing(e.type) && is_named(x, &e))) {
			continue;
		}
		x->w->entities[i - 1].exists = PROVE_NO;
		if (!is_kept(x)) {
			x->w->entities[i - 1].exists = PROVE_YES;
		}
	}
}

static void drop_attributes(struct shrink *x)
{
	for (size_t i = 0; i < x->w->n_slots && !is_over(x); i++) {
		if (x->w->slots[i].presence == PROVE_THERE) {
			x->w->slots[i].presence = PROVE_ABSENT;
			if (!is_kept(x)) {
				x->w->slots[i].presence = PROVE_THERE;
			}
		}
	}
}

static void drop_parents(struct shrink *x)
{
	for (size_t i = 0; i < x->w->n_edges && !is_over(x); i++) {
		if (x->w->edges[i].in) {
			x->w->edges[i].in = false;
			x->w->edges[i].in = !is_kept(x);
		}
	}
}

static void drop_members(struct shrink *x)
{
	for (size_t i = 0; i < x->w->n_slots; i++) {
		for (size_t k = 0; k < x->w->slots[i].n_members && !is_over(x); k++) {
			struct prove_member *one = &x->w->slots[i].members[k];

			if (one->in) {
				one->in = false;
				one->in = !is_kept(x);
			}
		}
	}
}

/* -- simpler values -- */

static uint64_t distance(int64_t i)
{
	return i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
}

static bool is_loopback(struct policy_value v)
{
	static const struct policy_ip usual = PROVE_USUAL_IP;

	return policy_value_eq(v, (struct policy_value){.kind = POLICY_IP, .ip = &usual});
}

/* A strict order of the values of one kind; the value that is written by default is first. */
static bool is_simpler(struct policy_value a, struct policy_value b)
{
	switch (a.kind) {
	case POLICY_BOOL:
		return !a.b && b.b;
	case POLICY_STRING:
		return a.n != b.n ? a.n < b.n : policy_value_cmp(a, b) < 0;
	case POLICY_LONG:
	case POLICY_DECIMAL:
	case POLICY_DATETIME:
	case POLICY_DURATION:
		return distance(a.i) != distance(b.i) ? distance(a.i) < distance(b.i) : a.i > b.i;
	case POLICY_IP:
		return !is_loopback(b) && (is_loopback(a) || policy_value_cmp(a, b) < 0);
	case POLICY_ENTITY:
	case POLICY_SET:
	case POLICY_RECORD:
	case POLICY_NONE:
		break;
	}
	return false;
}

static struct policy_value simplest(enum policy_kind kind)
{
	static const struct policy_ip usual = PROVE_USUAL_IP;

	if (kind == POLICY_BOOL) {
		return policy_bool(false);
	}
	if (kind == POLICY_STRING) {
		return policy_string(STR(""));
	}
	if (kind == POLICY_IP) {
		return (struct policy_value){.kind = POLICY_IP, .ip = &usual};
	}
	return policy_scalar(kind, 0);
}

/* The simplest value after `last` that is simpler than `than`; false when there is none. */
static bool next_value(const struct prove_domain *d, struct policy_value last,
		       struct policy_value than, struct policy_value *ret)
{
	bool found = false;

	for (size_t i = 0; i < d->n_values; i++) {
		if (is_simpler(last, d->values[i]) && is_simpler(d->values[i], than) &&
		    (!found || is_simpler(d->values[i], *ret))) {
			*ret = d->values[i];
			found = true;
		}
	}
	return found;
}

static void simplify_scalar(struct shrink *x, struct prove_slot *s)
{
	const struct prove_domain *d = prove_domain_root(s->path->domain);
	struct policy_value was = s->value, at = simplest(was.kind);
	bool more = is_simpler(at, was);

	while (more && !is_over(x)) {
		s->value = at;
		if (is_kept(x)) {
			return;
		}
		s->value = was;
		more = next_value(d, at, was, &at);
	}
}

/* Somebody who was met before; with `closed` only who is known. */
static void simplify_entity(struct shrink *x, struct prove_slot *s)
{
	const struct schema_entity *type = s->path->type->entity;
	struct policy_value was = s->value;

	for (size_t i = 0; i < x->w->n_entities && !is_over(x); i++) {
		const struct prove_entity *e = &x->w->entities[i];

		if (policy_uid_eq(e->uid, was.uid)) {
			return;
		}
		if (e->type != type || !schema_entity_id_ok(type, e->uid->id) ||
		    (x->w->m->opts->closed && !e->known && type->n_ids == 0)) {
			continue;
		}
		s->value = policy_entity(e->uid);
		if (is_kept(x)) {
			return;
		}
		s->value = was;
	}
}

static void simplify_values(struct shrink *x)
{
	for (size_t i = 0; i < x->w->n_slots && !is_over(x); i++) {
		struct prove_slot *s = &x->w->slots[i];

		if (s->value.kind == POLICY_ENTITY) {
			simplify_entity(x, s);
		} else if (s->value.kind != POLICY_NONE && s->path->domain) {
			simplify_scalar(x, s);
		}
	}
}

/* With `complete` no step may bring in an entity that is missing. */
static void make_whole(struct prove_world *w)
{
	w->whole = true;
	for (size_t i = 0; i < w->n_entities; i++) {
		prove_make_exist(w, w->entities[i].uid);
	}
	for (size_t i = 0; i < w->m->n_literals; i++) {
		prove_make_exist(w, w->m->literals[i]);
	}
}

enum err_code prove_shrink(struct prove_world *w, prove_check *check, void *arg, bool *ret_minimal,
			   struct err *err)
{
	struct shrink x = {.w = w, .check = check, .arg = arg, .err = err};

	if (w->m->opts->complete && !w->m->opts->closed) {
		make_whole(w);
	}
	buf_init(&x.request, TEXT_MAX);
	buf_init(&x.entities, TEXT_MAX);
	do {
		x.taken = false;
		drop_entities(&x);
		drop_attributes(&x);
		drop_parents(&x);
		drop_members(&x);
		simplify_values(&x);
	} while (x.taken && !is_over(&x));
	buf_done(&x.request);
	buf_done(&x.entities);
	*ret_minimal = !is_over(&x);
	if (!x.code && w->m->nomem) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	return x.code;
}
