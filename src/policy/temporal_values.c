/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When each value was seen last, for counting distinct values and for joins: a hash
 * table whose nodes are chained from the oldest to the newest, so that what leaves
 * the window leaves at one end.
 *
 * For a join every node has one time for each atom. A value satisfies the join until
 * the first of its times leaves its window: min(time + window). That moment only
 * ever moves on, so the latest of all values' is kept in `best` and answers without
 * looking at any value.
 *
 *   head  nodes (stride bytes each)  buckets (4 bytes each)
 */
#include "policy/temporal_state_priv.h"

#include <stdlib.h>

#define LEAST 4u
#define NONE  UINT32_MAX

struct node {
	uint64_t hash[2];
	int64_t ts; /* the newest of its times */
	uint32_t older, newer;
	uint32_t chain; /* the next one of its bucket, or of the free ones */
	uint32_t unused;
	int64_t more[]; /* a join: the time of each atom; a sum: the value */
};

struct temporal_values {
	uint32_t n, cap, more;
	uint32_t oldest, newest, free;
	int64_t best;
	__int128 sum;
	char room[];
};

uint32_t temporal_values_more(const struct temporal_monitor *m)
{
	return m->n_atoms > 1 ? m->n_atoms : m->sum ? 1 : 0;
}

static size_t stride(uint32_t more)
{
	return sizeof(struct node) + (size_t)more * sizeof(int64_t);
}

static uint32_t n_buckets(uint32_t cap)
{
	uint32_t n = LEAST;

	while (n < cap) {
		n *= 2;
	}
	return n;
}

static size_t values_bytes(uint32_t cap, uint32_t more)
{
	return sizeof(struct temporal_values) + cap * stride(more) +
	       n_buckets(cap) * sizeof(uint32_t);
}

static const struct node *look(const struct temporal_values *v, uint32_t at)
{
	const void *p = v->room + at * stride(v->more);

	return p;
}

static struct node *node(struct temporal_values *v, uint32_t at)
{
	void *p = v->room + at * stride(v->more);

	return p;
}

static uint32_t *bucket(struct temporal_values *v, const uint64_t hash[2])
{
	void *all = v->room + v->cap * stride(v->more);

	return (uint32_t *)all + ((uint32_t)hash[0] & (n_buckets(v->cap) - 1));
}

static uint32_t find(const struct temporal_values *v, const uint64_t hash[2])
{
	const void *all = v->room + v->cap * stride(v->more);
	uint32_t at = ((const uint32_t *)all)[(uint32_t)hash[0] & (n_buckets(v->cap) - 1)];

	while (at != NONE) {
		const struct node *k = look(v, at);

		if (k->hash[0] == hash[0] && k->hash[1] == hash[1]) {
			break;
		}
		at = k->chain;
	}
	return at;
}

static void unlink_age(struct temporal_values *v, const struct node *k)
{
	if (k->older == NONE) {
		v->oldest = k->newer;
	} else {
		node(v, k->older)->newer = k->newer;
	}
	if (k->newer == NONE) {
		v->newest = k->older;
	} else {
		node(v, k->newer)->older = k->older;
	}
}

static void link_newest(struct temporal_values *v, uint32_t at)
{
	struct node *k = node(v, at);

	k->older = v->newest;
	k->newer = NONE;
	if (v->newest == NONE) {
		v->oldest = at;
	} else {
		node(v, v->newest)->newer = at;
	}
	v->newest = at;
}

static void drop_oldest(struct temporal_values *v)
{
	uint32_t at = v->oldest;
	struct node *k = node(v, at);
	uint32_t *from = bucket(v, k->hash);

	while (*from != at) {
		from = &node(v, *from)->chain;
	}
	*from = k->chain;
	unlink_age(v, k);
	v->sum -= v->more == 1 ? k->more[0] : 0;
	k->chain = v->free;
	v->free = at;
	v->n--;
}

static void expire(struct temporal_values *v, int64_t now, int64_t ttl)
{
	while (v->n > 0 && temporal_older(now, node(v, v->oldest)->ts, ttl)) {
		drop_oldest(v);
	}
}

/* There is a free node. It becomes the newest. */
static struct node *insert(struct temporal_values *v, const uint64_t hash[2])
{
	uint32_t at = v->free, *to = bucket(v, hash);
	struct node *k = node(v, at);

	v->free = k->chain;
	k->hash[0] = hash[0];
	k->hash[1] = hash[1];
	k->chain = *to;
	*to = at;
	for (uint32_t i = 0; i < v->more; i++) {
		k->more[i] = v->more == 1 ? 0 : INT64_MIN;
	}
	v->n++;
	link_newest(v, at);
	return k;
}

void temporal_values_free(struct temporal_state *s, struct temporal_values *v)
{
	if (v) {
		temporal_state_give(s, values_bytes(v->cap, v->more));
		free(v);
	}
}

static struct temporal_values *values_new(struct temporal_state *s, uint32_t cap, uint32_t more)
{
	struct temporal_values *v = NULL;

	if (cap <= 1u << 24 && temporal_state_take(s, values_bytes(cap, more))) {
		v = calloc(1, values_bytes(cap, more));
	}
	if (!v) {
		s->failed = true;
		return NULL;
	}
	v->cap = cap;
	v->more = more;
	v->oldest = v->newest = NONE;
	v->best = INT64_MIN;
	memset(v->room + cap * stride(more), 0xff, n_buckets(cap) * sizeof(uint32_t));
	for (uint32_t i = 0; i < cap; i++) {
		node(v, i)->chain = i + 1 < cap ? i + 1 : NONE;
	}
	return v;
}

/* A larger one with the same content. */
static bool grow(struct temporal_state *s, struct temporal_values **values,
		 const struct temporal_monitor *m)
{
	struct temporal_values *old = *values, *v;
	uint32_t cap = old ? old->cap * 2 : LEAST;

	if (m->cap > 0 && cap > m->cap) {
		cap = (uint32_t)m->cap;
	}
	v = values_new(s, cap, temporal_values_more(m));
	if (!v) {
		return false;
	}
	for (uint32_t at = old ? old->oldest : NONE; at != NONE; at = look(old, at)->newer) {
		const struct node *from = look(old, at);
		struct node *to = insert(v, from->hash);

		to->ts = from->ts;
		memcpy(to->more, from->more, v->more * sizeof(int64_t));
	}
	if (old) {
		v->best = old->best;
		v->sum = old->sum;
		temporal_values_free(s, old);
	}
	*values = v;
	return true;
}

/* Until when the value satisfies the join; INT64_MIN: it does not. */
static int64_t until(const struct node *k, const struct temporal_monitor *m)
{
	int64_t least = INT64_MAX;

	for (uint32_t i = 0; i < m->n_atoms; i++) {
		int64_t end;

		if (k->more[i] == INT64_MIN) {
			return INT64_MIN;
		}
		if (__builtin_add_overflow(k->more[i], m->atoms[i].window_ms, &end)) {
			end = INT64_MAX;
		}
		least = end < least ? end : least;
	}
	return least;
}

/* The node of this value, made the newest. NULL when it failed. */
static struct node *touch(struct temporal_state *s, struct temporal_values **values,
			  const struct temporal_monitor *m, const uint64_t hash[2])
{
	struct temporal_values *v = *values;
	uint32_t at = v ? find(v, hash) : NONE;

	if (at != NONE) {
		unlink_age(v, node(v, at));
		link_newest(v, at);
		return node(v, at);
	}
	if (v && m->cap > 0 && v->n >= m->cap) {
		drop_oldest(v); /* the newest `cap` decide */
	}
	if ((!v || v->n == v->cap) && !grow(s, values, m)) {
		return NULL;
	}
	return insert(*values, hash);
}

bool temporal_values_add(struct temporal_state *s, struct temporal_values **values,
			 const struct temporal_monitor *m, uint32_t atom, const uint64_t hash[2],
			 int64_t ts, int64_t value)
{
	struct node *k;
	int64_t end;

	if (*values) {
		expire(*values, ts, m->ttl_ms);
	}
	k = touch(s, values, m, hash);
	if (!k) {
		return false;
	}
	k->ts = ts;
	if (m->n_atoms > 1) {
		k->more[atom] = ts;
		end = until(k, m);
		(*values)->best = end > (*values)->best ? end : (*values)->best;
	} else if (m->sum) {
		(*values)->sum += (__int128)value - k->more[0];
		k->more[0] = value;
	}
	return true;
}

int64_t temporal_values_total(struct temporal_state *s, struct temporal_values *v,
			      const struct temporal_monitor *m)
{
	if (!v) {
		return 0;
	}
	expire(v, s->now, m->ttl_ms);
	return m->sum ? temporal_clamp(v->sum) : (int64_t)v->n;
}

bool temporal_values_any(const struct temporal_values *v, int64_t now)
{
	return v && v->best >= now;
}

bool temporal_values_have(const struct temporal_values *v, const struct temporal_monitor *m,
			  const uint64_t hash[2], int64_t now, uint32_t not_atoms)
{
	uint32_t at = v ? find(v, hash) : NONE;
	const struct node *k = at == NONE ? NULL : look(v, at);

	for (uint32_t i = 0; i < m->n_atoms; i++) {
		int64_t ts = !k ? INT64_MIN : m->n_atoms > 1 ? k->more[i] : k->ts;
		bool seen = ts != INT64_MIN && !temporal_older(now, ts, m->atoms[i].window_ms);

		if (seen == (not_atoms >> i & 1)) {
			return false;
		}
	}
	return true;
}

/* ---- snapshots ---- */

uint32_t temporal_values_first(const struct temporal_values *v, int64_t now, int64_t ttl,
			       uint32_t *n)
{
	uint32_t at = v ? v->oldest : NONE;

	*n = v ? v->n : 0;
	while (at != NONE && temporal_older(now, look(v, at)->ts, ttl)) {
		at = look(v, at)->newer;
		(*n)--;
	}
	return at;
}

uint32_t temporal_values_next(const struct temporal_values *v, uint32_t at,
			      struct temporal_value *ret)
{
	const struct node *k = look(v, at);

	*ret = (struct temporal_value){{k->hash[0], k->hash[1]}, k->ts, k->more};
	return k->newer;
}

bool temporal_values_load(struct temporal_state *s, struct temporal_values **values,
			  const struct temporal_monitor *m, const struct temporal_value *value)
{
	struct node *k;
	int64_t end;

	if (*values &&
	    (find(*values, value->hash) != NONE || (m->cap > 0 && (*values)->n >= m->cap))) {
		return false;
	}
	k = touch(s, values, m, value->hash);
	if (!k) {
		return false;
	}
	k->ts = value->ts;
	memcpy(k->more, value->more, (*values)->more * sizeof(int64_t));
	if (m->n_atoms > 1) {
		end = until(k, m);
		(*values)->best = end > (*values)->best ? end : (*values)->best;
	} else if (m->sum) {
		(*values)->sum += k->more[0];
	}
	return true;
}
