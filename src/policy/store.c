/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/store.h"

#include "policy/sort.h"

struct policy_store {
	struct policy_entity *entities;
	size_t n;
	uint32_t *slots; /* index + 1; linear probing */
	size_t cap;      /* a power of two, at least twice n */
};

enum color { WHITE = 0, GREY, BLACK };

bool policy_ancestors_have(const struct policy_ancestors *an, const struct policy_uid *uid)
{
	uint32_t lo = 0, hi = an->n;

	while (hi - lo > 16) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (an->hashes[mid] < uid->hash) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	for (; lo < an->n && an->hashes[lo] <= uid->hash; lo++) {
		if (an->hashes[lo] == uid->hash && policy_uid_eq(an->uids[lo], uid)) {
			return true;
		}
	}
	return false;
}

static int uid_hash_order(const void *a, const void *b)
{
	const struct policy_uid *x = *(const struct policy_uid *const *)a;
	const struct policy_uid *y = *(const struct policy_uid *const *)b;

	if (x->hash != y->hash) {
		return x->hash < y->hash ? -1 : 1;
	}
	return policy_value_cmp(policy_entity(x), policy_entity(y));
}

bool policy_ancestors_make(struct arena *a, const struct policy_uid **uids, size_t n,
			   struct policy_ancestors *ret)
{
	uint64_t *hashes;
	size_t kept = 0;

	policy_sort(uids, n, sizeof(*uids), uid_hash_order);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || !policy_uid_eq(uids[kept - 1], uids[i])) {
			uids[kept++] = uids[i];
		}
	}
	hashes = ARENA_ARRAY(a, kept, uint64_t);
	if (!hashes) {
		return false;
	}
	for (size_t i = 0; i < kept; i++) {
		hashes[i] = uids[i]->hash;
	}
	*ret = (struct policy_ancestors){hashes, uids, (uint32_t)kept};
	return true;
}

static uint32_t *slot_of(const struct policy_store *s, const struct policy_uid *uid)
{
	size_t at = (size_t)uid->hash & (s->cap - 1);

	while (s->slots[at] && !policy_uid_eq(&s->entities[s->slots[at] - 1].uid, uid)) {
		at = (at + 1) & (s->cap - 1);
	}
	return &s->slots[at];
}

const struct policy_entity *policy_store_find(const struct policy_store *store,
					      const struct policy_uid *uid)
{
	uint32_t index;

	if (!store) {
		return NULL;
	}
	index = *slot_of(store, uid);
	return index ? &store->entities[index - 1] : NULL;
}

const struct policy_entity *policy_store_entities(const struct policy_store *store, size_t *n)
{
	*n = store ? store->n : 0;
	return store ? store->entities : NULL;
}

static bool has_parent(const struct policy_entity *e, const struct policy_uid *uid)
{
	for (uint32_t i = 0; i < e->n_parents; i++) {
		if (policy_uid_eq(&e->parents[i], uid)) {
			return true;
		}
	}
	return false;
}

static bool same_entity(const struct policy_entity *a, const struct policy_entity *b)
{
	for (uint32_t i = 0; i < a->n_parents; i++) {
		if (!has_parent(b, &a->parents[i])) {
			return false;
		}
	}
	for (uint32_t i = 0; i < b->n_parents; i++) {
		if (!has_parent(a, &b->parents[i])) {
			return false;
		}
	}
	return policy_value_eq(a->attrs, b->attrs) && policy_value_eq(a->tags, b->tags);
}

static enum err_code name_error(struct err *err, enum err_code code, const char *what,
				const struct policy_uid *uid)
{
	return ERR(err, code, "%s " STR_FMT "::\"" STR_FMT "\"", what, STR_ARG(uid->type),
		   STR_ARG(uid->id));
}

static enum err_code fill_slots(struct policy_store *s, size_t n, struct err *err)
{
	const struct policy_value empty = {.kind = POLICY_RECORD};

	for (size_t i = 0; i < n; i++) {
		struct policy_entity *e = &s->entities[i];
		uint32_t *slot;

		e->attrs = e->attrs.kind == POLICY_NONE ? empty : e->attrs;
		e->tags = e->tags.kind == POLICY_NONE ? empty : e->tags;
		slot = slot_of(s, &e->uid);
		if (*slot) {
			if (!same_entity(&s->entities[*slot - 1], e)) {
				return name_error(err, ERR_EXISTS, "two different entities",
						  &e->uid);
			}
			continue;
		}
		s->entities[s->n] = *e;
		*slot = (uint32_t)++s->n;
	}
	return ERR_OK;
}

/* The union of the parents and what they are in, once every parent is finished. */
static enum err_code close_entity(struct arena *a, const struct policy_store *s,
				  struct policy_entity *e, struct err *err)
{
	const struct policy_uid **uids;
	size_t n = e->n_parents;

	for (uint32_t i = 0; i < e->n_parents; i++) {
		const struct policy_entity *p = policy_store_find(s, &e->parents[i]);

		n += p ? p->ancestors.n : 0;
	}
	if (n > POLICY_ANCESTORS_MAX) {
		return name_error(err, ERR_LIMIT, "more than 65536 ancestors of", &e->uid);
	}
	uids = ARENA_ARRAY(a, n, const struct policy_uid *);
	if (!uids) {
		return ERR(err, ERR_NOMEM, "entities: out of memory");
	}
	n = 0;
	for (uint32_t i = 0; i < e->n_parents; i++) {
		const struct policy_entity *p = policy_store_find(s, &e->parents[i]);

		uids[n++] = &e->parents[i];
		for (uint32_t k = 0; p && k < p->ancestors.n; k++) {
			uids[n++] = p->ancestors.uids[k];
		}
	}
	if (!policy_ancestors_make(a, uids, n, &e->ancestors)) {
		return ERR(err, ERR_NOMEM, "entities: out of memory");
	}
	return ERR_OK;
}

/* Depth first with a stack of our own: hierarchies may be deeper than the C stack. */
static enum err_code close_all(struct arena *a, struct policy_store *s, struct err *err)
{
	uint8_t *color = arena_zalloc(a, s->n);
	uint32_t *stack = ARENA_ARRAY(a, s->n, uint32_t);
	uint32_t *next = ARENA_ARRAY(a, s->n, uint32_t);

	if (!color || !stack || !next) {
		return ERR(err, ERR_NOMEM, "entities: out of memory");
	}
	for (uint32_t root = 0; root < s->n; root++) {
		size_t depth = 0;

		if (color[root] == BLACK) {
			continue;
		}
		stack[depth++] = root;
		color[root] = GREY;
		while (depth > 0) {
			uint32_t at = stack[depth - 1];
			struct policy_entity *e = &s->entities[at];
			uint32_t up;

			if (next[at] == e->n_parents) {
				TRY(close_entity(a, s, e, err));
				color[at] = BLACK;
				depth--;
				continue;
			}
			up = *slot_of(s, &e->parents[next[at]++]);
			if (up == 0 || color[up - 1] == BLACK) {
				continue;
			}
			if (color[up - 1] == GREY) {
				return name_error(err, ERR_INVALID, "a cycle in the hierarchy at",
						  &s->entities[up - 1].uid);
			}
			color[up - 1] = GREY;
			stack[depth++] = up - 1;
		}
	}
	return ERR_OK;
}

enum err_code policy_store_build(struct arena *a, struct policy_entity *entities, size_t n,
				 struct policy_store **ret, struct err *err)
{
	struct policy_store *s = ARENA_NEW(a, struct policy_store);
	size_t cap = 16;

	while (cap < n * 2) {
		cap *= 2;
	}
	if (n > UINT32_MAX / 4) {
		return ERR(err, ERR_LIMIT, "more than %u entities", UINT32_MAX / 4);
	}
	if (s) {
		s->entities = entities;
		s->cap = cap;
		s->slots = ARENA_ARRAY(a, cap, uint32_t);
	}
	if (!s || !s->slots) {
		return ERR(err, ERR_NOMEM, "entities: out of memory");
	}
	TRY(fill_slots(s, n, err));
	TRY(close_all(a, s, err));
	*ret = s;
	return ERR_OK;
}
