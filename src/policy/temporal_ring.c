/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The times of a window, oldest first, and for sums the values: a circular array.
 * Times are 32 bits of milliseconds behind `base` where the window allows it (49 days),
 * so that a million histories fit into memory.
 *
 *   head  values (8 each, sums only)  times (4 or 8 each)
 */
#include "policy/temporal_state_priv.h"

#include <stdlib.h>

#define LEAST 4u

struct temporal_ring {
	int64_t base;
	uint64_t sum[2]; /* 128 bits, two's complement, low half first */
	uint32_t start, n, cap;
	bool values, wide;
	int64_t room[];
};

static size_t ring_bytes(bool values, bool wide, uint32_t cap)
{
	return sizeof(struct temporal_ring) + (size_t)cap * ((values ? 8u : 0u) + (wide ? 8u : 4u));
}

static __int128 get_sum(const struct temporal_ring *r)
{
	return (__int128)((unsigned __int128)r->sum[1] << 64 | r->sum[0]);
}

static void set_sum(struct temporal_ring *r, __int128 v)
{
	r->sum[0] = (uint64_t)v;
	r->sum[1] = (uint64_t)((unsigned __int128)v >> 64);
}

static uint32_t place(const struct temporal_ring *r, uint32_t i)
{
	uint32_t at = r->start + i;

	return at >= r->cap ? at - r->cap : at;
}

static const char *times(const struct temporal_ring *r)
{
	return (const char *)r->room + (r->values ? (size_t)r->cap * 8 : 0);
}

uint32_t temporal_ring_n(const struct temporal_ring *r)
{
	return r ? r->n : 0;
}

int64_t temporal_ring_time(const struct temporal_ring *r, uint32_t i)
{
	int64_t whole;
	uint32_t part;

	if (r->wide) {
		memcpy(&whole, times(r) + (size_t)place(r, i) * 8, sizeof(whole));
		return whole;
	}
	memcpy(&part, times(r) + (size_t)place(r, i) * 4, sizeof(part));
	return r->base + part;
}

int64_t temporal_ring_value(const struct temporal_ring *r, uint32_t i)
{
	return r->values ? r->room[place(r, i)] : 0;
}

static void set_time(struct temporal_ring *r, uint32_t i, int64_t ts)
{
	char *to = (char *)r->room + (times(r) - (const char *)r->room);
	uint32_t part = (uint32_t)(uint64_t)(ts - r->base);

	if (r->wide) {
		memcpy(to + (size_t)place(r, i) * 8, &ts, sizeof(ts));
	} else {
		memcpy(to + (size_t)place(r, i) * 4, &part, sizeof(part));
	}
}

static void put(struct temporal_ring *r, int64_t ts, int64_t value)
{
	r->n++;
	set_time(r, r->n - 1, ts);
	if (r->values) {
		r->room[place(r, r->n - 1)] = value;
		set_sum(r, get_sum(r) + value);
	}
}

static void drop(struct temporal_ring *r)
{
	if (r->values) {
		set_sum(r, get_sum(r) - r->room[r->start]);
	}
	r->start = place(r, 1);
	r->n--;
}

void temporal_ring_free(struct temporal_state *s, struct temporal_ring *r)
{
	if (r) {
		temporal_state_give(s, ring_bytes(r->values, r->wide, r->cap));
		free(r);
	}
}

/* A larger one with the same content. */
static bool grow(struct temporal_state *s, struct temporal_ring **ring,
		 const struct temporal_monitor *m, int64_t ts)
{
	struct temporal_ring *old = *ring, *r;
	bool values = m->sum != NULL, wide = m->ttl_ms >= UINT32_MAX;
	uint32_t cap = old ? old->cap * 2 : LEAST;

	if (m->cap > 0 && cap > m->cap) {
		cap = (uint32_t)m->cap;
	}
	if (cap > 1u << 30 || !temporal_state_take(s, ring_bytes(values, wide, cap))) {
		s->failed = true;
		return false;
	}
	r = calloc(1, ring_bytes(values, wide, cap));
	if (!r) {
		s->failed = true;
		return false;
	}
	r->cap = cap;
	r->values = values;
	r->wide = wide;
	r->base = old && old->n > 0 ? temporal_ring_time(old, 0) : ts;
	for (uint32_t i = 0; old && i < old->n; i++) {
		put(r, temporal_ring_time(old, i), temporal_ring_value(old, i));
	}
	temporal_ring_free(s, old);
	*ring = r;
	return true;
}

/* All that is left is in the window, so it fits behind the oldest. */
static void move_base(struct temporal_ring *r, int64_t ts)
{
	int64_t base = r->n > 0 ? temporal_ring_time(r, 0) : ts;

	for (uint32_t i = 0; i < r->n; i++) {
		int64_t t = temporal_ring_time(r, i) - base + r->base;

		set_time(r, i, t); /* behind the old base as it will be behind the new one */
	}
	r->base = base;
}

bool temporal_ring_add(struct temporal_state *s, struct temporal_ring **ring,
		       const struct temporal_monitor *m, int64_t ts, int64_t value)
{
	struct temporal_ring *r = *ring;

	while (r && r->n > 0 && temporal_older(ts, temporal_ring_time(r, 0), m->ttl_ms)) {
		drop(r);
	}
	if (r && m->cap > 0 && r->n >= m->cap) {
		drop(r); /* the newest `cap` decide */
	}
	if ((!r || r->n == r->cap) && !grow(s, ring, m, ts)) {
		return false;
	}
	r = *ring;
	if (!r->wide && temporal_older(ts, r->base, UINT32_MAX)) {
		move_base(r, ts);
	}
	put(r, ts, value);
	return true;
}

uint32_t temporal_ring_gone(const struct temporal_ring *r, int64_t now, int64_t window_ms)
{
	uint32_t lo = 0, hi = temporal_ring_n(r);

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (temporal_older(now, temporal_ring_time(r, mid), window_ms)) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

int64_t temporal_ring_total(const struct temporal_ring *r, const struct temporal_monitor *m,
			    int64_t now, int64_t window_ms)
{
	uint32_t gone = temporal_ring_gone(r, now, window_ms);
	__int128 sum;

	if (!r || !m->sum) {
		return (int64_t)temporal_ring_n(r) - gone;
	}
	sum = get_sum(r);
	for (uint32_t i = 0; i < gone; i++) {
		sum -= temporal_ring_value(r, i);
	}
	return temporal_clamp(sum);
}
