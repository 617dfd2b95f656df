/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/index.h"

#include "base/hash.h"
#include "policy/sort.h"

#define ANY_ACTION UINT64_C(0xA0761D6478BD642F)

/* Kinds of lists in a bucket; a bucket's flags are 1 << kind. */
enum list_kind {
	LIST_REST = 0,
	LIST_PRINCIPAL,    /* principal == E or in E: probed with the principal */
	LIST_PRINCIPAL_UP, /* flag only: some are `in`: probed with its ancestors too */
	LIST_PRINCIPAL_IS,
	LIST_RESOURCE,
	LIST_RESOURCE_UP,
	LIST_RESOURCE_IS,
	LIST_END
};

static uint64_t combine(uint64_t action, enum list_kind kind, uint64_t hash)
{
	uint64_t h = action ^ (hash << 23 | hash >> 41) ^ ((uint64_t)kind << 56);

	h = (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
	h = (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
	return h ^ h >> 32;
}

static uint64_t type_hash(struct str type)
{
	return hash_str((struct hash_key){0}, type);
}

/* What one policy says about its principal or resource. */
struct constraint {
	enum list_kind kind; /* LIST_REST: nothing */
	bool up;             /* `in` */
	uint64_t hash;
};

struct item {
	uint64_t key;
	uint32_t policy;
};

struct count {
	uint64_t key;
	uint32_t n;
};

struct builder {
	struct arena *a;
	struct policy_index index;
	struct count *counts; /* how often each constraint occurs in the set */
	size_t cap_counts;
	struct item *items;
	size_t n_items, cap_items;
};

static struct count *count_of(const struct builder *b, const struct constraint *c)
{
	uint64_t key = combine(0, c->kind, c->hash);
	size_t at = (size_t)key & (b->cap_counts - 1);

	while (b->counts[at].n && b->counts[at].key != key) {
		at = (at + 1) & (b->cap_counts - 1);
	}
	b->counts[at].key = key;
	return &b->counts[at];
}

static struct constraint from_scope(const struct policy_scope *s, bool principal)
{
	struct constraint c = {.kind = LIST_REST};

	if (s->op == POLICY_SCOPE_IS) {
		c.kind = principal ? LIST_PRINCIPAL_IS : LIST_RESOURCE_IS;
		c.hash = type_hash(s->type);
	} else if (s->op != POLICY_SCOPE_ANY && s->n_uids == 1) {
		c.kind = principal ? LIST_PRINCIPAL : LIST_RESOURCE;
		c.up = s->op != POLICY_SCOPE_EQ;
		c.hash = s->uids[0].hash;
	}
	return c;
}

/* The leftmost conjunct of the first `when`. */
static const struct policy_expr *first_test(const struct policy *p)
{
	const struct policy_expr *e;

	if (p->n_conds == 0 || p->conds[0].unless) {
		return NULL;
	}
	e = p->conds[0].body;
	while (e->kind == POLICY_EXPR_AND) {
		e = e->arg[0];
	}
	return e;
}

/*
 * principal == E, principal in E, principal is T (or resource) with a literal:
 * these cannot fail, and when they are false the policy is not satisfied.
 */
static struct constraint from_test(const struct policy_expr *e, enum policy_var var)
{
	struct constraint c = {.kind = LIST_REST};
	bool principal = var == POLICY_VAR_PRINCIPAL;

	if (!e || e->n_args == 0 || e->arg[0]->kind != POLICY_EXPR_VAR || e->arg[0]->var != var) {
		return c;
	}
	if (e->kind == POLICY_EXPR_IS) {
		c.kind = principal ? LIST_PRINCIPAL_IS : LIST_RESOURCE_IS;
		c.hash = type_hash(e->names[0]);
	} else if ((e->kind == POLICY_EXPR_EQ || e->kind == POLICY_EXPR_IN) &&
		   e->arg[1]->kind == POLICY_EXPR_LIT && e->arg[1]->lit.kind == POLICY_ENTITY) {
		c.kind = principal ? LIST_PRINCIPAL : LIST_RESOURCE;
		c.up = e->kind == POLICY_EXPR_IN;
		c.hash = e->arg[1]->lit.uid->hash;
	}
	return c;
}

#define CONSTRAINTS 4

static void constraints(const struct policy *p, struct constraint *c)
{
	const struct policy_expr *e = first_test(p);

	c[0] = from_scope(&p->principal, true);
	c[1] = from_scope(&p->resource, false);
	c[2] = from_test(e, POLICY_VAR_PRINCIPAL);
	c[3] = from_test(e, POLICY_VAR_RESOURCE);
}

/* The constraint that fewest policies share. */
static struct constraint rarest(const struct builder *b, const struct policy *p)
{
	struct constraint c[CONSTRAINTS], best = {.kind = LIST_REST};
	uint32_t least = UINT32_MAX;

	constraints(p, c);
	for (int i = 0; i < CONSTRAINTS; i++) {
		uint32_t n = c[i].kind == LIST_REST ? UINT32_MAX : count_of(b, &c[i])->n;

		if (n < least) {
			least = n;
			best = c[i];
		}
	}
	return best;
}

static struct policy_index_bucket *bucket_of(const struct policy_index *ix, uint64_t action)
{
	size_t at = (size_t)action & (ix->cap_buckets - 1);

	while (ix->buckets[at].flags && ix->buckets[at].action != action) {
		at = (at + 1) & (ix->cap_buckets - 1);
	}
	return &ix->buckets[at];
}

static bool add(struct builder *b, uint64_t action, const struct constraint *c, uint32_t policy)
{
	struct policy_index_bucket *bucket = bucket_of(&b->index, action);

	bucket->action = action;
	bucket->flags |= 1u << c->kind;
	if (c->up) {
		bucket->flags |= 1u << (c->kind + 1);
	}
	if (!ARENA_GROW(b->a, &b->items, b->n_items, &b->cap_items)) {
		return false;
	}
	b->items[b->n_items++] = (struct item){combine(action, c->kind, c->hash), policy};
	return true;
}

static bool add_policy(struct builder *b, const struct policy *p, uint32_t number, bool *twice)
{
	struct constraint c = rarest(b, p);

	*twice = p->action.n_uids > 1;
	if (p->action.op == POLICY_SCOPE_ANY) {
		return add(b, ANY_ACTION, &c, number);
	}
	for (size_t i = 0; i < p->action.n_uids; i++) {
		if (!add(b, p->action.uids[i].hash, &c, number)) {
			return false;
		}
	}
	return true;
}

static int item_order(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	if (a->key != b->key) {
		return a->key < b->key ? -1 : 1;
	}
	return a->policy < b->policy ? -1 : a->policy > b->policy;
}

static struct policy_index_list *list_of(const struct policy_index *ix, uint64_t key)
{
	size_t at = (size_t)key & (ix->cap_lists - 1);

	while (ix->lists[at].n && ix->lists[at].key != key) {
		at = (at + 1) & (ix->cap_lists - 1);
	}
	return &ix->lists[at];
}

static void fill_lists(struct builder *b)
{
	struct policy_index *ix = &b->index;

	policy_sort(b->items, b->n_items, sizeof(*b->items), item_order);
	for (size_t i = 0; i < b->n_items; i++) {
		struct policy_index_list *list = list_of(ix, b->items[i].key);

		if (list->n == 0) {
			list->key = b->items[i].key;
			list->at = (uint32_t)ix->n_items;
		} else if (ix->items[ix->n_items - 1] == b->items[i].policy) {
			continue; /* the same action twice in one list */
		}
		ix->items[ix->n_items++] = b->items[i].policy;
		list->n++;
	}
}

static size_t table_cap(size_t n)
{
	size_t cap = 16;

	while (cap < n * 2) {
		cap *= 2;
	}
	return cap;
}

static bool count_all(struct builder *b, const struct policy *const *policies, size_t n)
{
	b->cap_counts = table_cap(n * CONSTRAINTS);
	b->counts = ARENA_ARRAY(b->a, b->cap_counts, struct count);
	for (size_t i = 0; b->counts && i < n; i++) {
		struct constraint c[CONSTRAINTS];

		constraints(policies[i], c);
		for (int k = 0; k < CONSTRAINTS; k++) {
			if (c[k].kind != LIST_REST) {
				count_of(b, &c[k])->n++;
			}
		}
	}
	return b->counts;
}

static bool build(struct builder *b, struct arena *a, const struct policy *const *policies,
		  size_t n, struct policy_code *code)
{
	struct policy_index *ix = &b->index;
	size_t actions = 1;

	for (size_t i = 0; i < n; i++) {
		actions += policies[i]->action.n_uids;
	}
	ix->cap_buckets = table_cap(actions);
	ix->buckets = ARENA_ARRAY(b->a, ix->cap_buckets, struct policy_index_bucket);
	if (!ix->buckets || !count_all(b, policies, n)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!add_policy(b, policies[i], (uint32_t)i, &code->entries[i].twice)) {
			return false;
		}
	}
	ix->cap_lists = table_cap(b->n_items);
	ix->lists = ARENA_ARRAY(a, ix->cap_lists, struct policy_index_list);
	ix->items = ARENA_ARRAY(a, b->n_items, uint32_t);
	if (!ix->lists || !ix->items) {
		return false;
	}
	fill_lists(b);
	return true;
}

/* The table of buckets was sized for the worst case: give it the size it needs. */
static bool shrink_buckets(struct arena *a, struct policy_index *ix)
{
	struct policy_index old = *ix;
	size_t used = 0;

	for (size_t i = 0; i < old.cap_buckets; i++) {
		used += old.buckets[i].flags != 0;
	}
	ix->cap_buckets = table_cap(used);
	ix->buckets = ARENA_ARRAY(a, ix->cap_buckets, struct policy_index_bucket);
	for (size_t i = 0; ix->buckets && i < old.cap_buckets; i++) {
		if (old.buckets[i].flags) {
			*bucket_of(ix, old.buckets[i].action) = old.buckets[i];
		}
	}
	return ix->buckets;
}

enum err_code policy_index_build(struct arena *a, const struct policy *const *policies, size_t n,
				 struct policy_code *code, struct policy_index *ret,
				 struct err *err)
{
	struct builder b = {0};
	struct arena work;
	bool good;

	arena_init(&work, a->limit);
	b.a = &work;
	good = build(&b, a, policies, n, code) && shrink_buckets(a, &b.index);
	arena_done(&work);
	if (!good) {
		return ERR(err, ERR_NOMEM, "policies: out of memory");
	}
	*ret = b.index;
	return ERR_OK;
}

void policy_index_begin(struct policy_index_walk *w, const struct policy_index *index,
			const struct policy_env *env)
{
	*w = (struct policy_index_walk){.index = index, .env = env};
}

static const uint32_t *probe(const struct policy_index_walk *w, enum list_kind kind, uint64_t hash,
			     uint32_t *n)
{
	const struct policy_index_list *list = list_of(w->index, combine(w->key, kind, hash));

	*n = list->n;
	return list->n ? w->index->items + list->at : NULL;
}

/* Moves to the next action key that has a bucket. */
static bool next_action(struct policy_index_walk *w)
{
	const struct policy_entity *e = w->env->action_entity;
	uint32_t last = 2 + (e ? e->ancestors.n : 0);

	while (w->action < last) {
		uint32_t i = w->action++;

		w->key = i == 0   ? ANY_ACTION
			 : i == 1 ? w->env->action->hash
				  : e->ancestors.hashes[i - 2];
		w->flags = bucket_of(w->index, w->key)->flags;
		if (w->flags) {
			w->step = LIST_REST;
			w->up = 0;
			return true;
		}
	}
	return false;
}

/* Types are hashed only when some bucket has lists by type. */
static uint64_t lazy_type(uint64_t *hash, struct str type)
{
	if (*hash == 0) {
		*hash = type_hash(type);
	}
	return *hash;
}

/* One step in the bucket in hand. */
static const uint32_t *step(struct policy_index_walk *w, uint32_t *n)
{
	const struct policy_env *env = w->env;
	const struct policy_entity *e;
	enum list_kind kind = (enum list_kind)w->step;
	bool principal = kind < LIST_RESOURCE;
	const struct policy_uid *uid = principal ? env->principal : env->resource;

	if (kind == LIST_PRINCIPAL_UP || kind == LIST_RESOURCE_UP) {
		e = principal ? env->principal_entity : env->resource_entity;
		if (e && w->up < e->ancestors.n) {
			return probe(w, kind - 1, e->ancestors.hashes[w->up++], n);
		}
		w->up = 0;
		w->step++;
		return NULL;
	}
	w->step++;
	if (kind == LIST_REST) {
		return probe(w, kind, 0, n);
	}
	if (kind == LIST_PRINCIPAL || kind == LIST_RESOURCE) {
		return probe(w, kind, uid->hash, n);
	}
	return probe(w, kind,
		     lazy_type(principal ? &w->principal_type : &w->resource_type, uid->type), n);
}

const uint32_t *policy_index_next(struct policy_index_walk *w, uint32_t *n)
{
	for (;;) {
		while (w->flags && w->step < LIST_END) {
			const uint32_t *items;

			if (!(w->flags & 1u << w->step)) {
				w->step++;
				continue;
			}
			items = step(w, n);
			if (items) {
				return items;
			}
		}
		if (!next_action(w)) {
			return NULL;
		}
	}
}
