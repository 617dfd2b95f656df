/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots. All integers are little endian, 8 bytes unless said:
 *
 *   "WTS3" (4)  identity of the plan  events  now  earlier  flags (4: 1 saturated, 2 last kept)
 *   lost_at
 *   n (4)   entries: hash[2]  ts  monitor (4), and by the monitor's kind
 *             LAST    last  before  run
 *             RING    m (4)  times (each with its value in a sum), oldest first
 *             VALUES  m (4)  hash[2]  ts  (the value in a sum, or the time of each atom of
 *                     a join), oldest first
 *   n (4)   kept events: ts  topic (4)  m (4)  bytes
 *
 * Valid if and only if (1) the identity is the plan's; (2) entries rise strictly by
 * hash and name a monitor; (3) times of an entry do not fall, are in its window and none is
 * past its ts, nor that past `now`; no value occurs twice; (4) each kept event names a
 * topic or none and its bytes are one value; (5) nothing follows. Entries and times that
 * cannot matter any more are not written.
 */
#include "policy/temporal_state_priv.h"

#include "base/num.h"
#include "policy/sort.h"
#include "policy/temporal_bytes.h"

static void put_u32(struct buf *out, uint32_t v)
{
	unsigned char raw[4];

	num_put_u32(raw, v);
	buf_append(out, str_make((const char *)raw, sizeof(raw)));
}

static void put_u64(struct buf *out, uint64_t v)
{
	unsigned char raw[8];

	num_put_u64(raw, v);
	buf_append(out, str_make((const char *)raw, sizeof(raw)));
}

static void put_ring(struct buf *out, const struct temporal_state *s,
		     const struct temporal_monitor *m, const struct temporal_ring *r)
{
	uint32_t from = temporal_ring_gone(r, s->now, m->ttl_ms), n = temporal_ring_n(r);

	put_u32(out, n - from);
	for (uint32_t i = from; i < n; i++) {
		put_u64(out, (uint64_t)temporal_ring_time(r, i));
		if (m->sum) {
			put_u64(out, (uint64_t)temporal_ring_value(r, i));
		}
	}
}

static void put_values(struct buf *out, const struct temporal_state *s,
		       const struct temporal_monitor *m, const struct temporal_values *v)
{
	uint32_t n, at = temporal_values_first(v, s->now, m->ttl_ms, &n);
	uint32_t more = temporal_values_more(m);

	put_u32(out, n);
	for (; n > 0; n--) {
		struct temporal_value value;

		at = temporal_values_next(v, at, &value);
		put_u64(out, value.hash[0]);
		put_u64(out, value.hash[1]);
		put_u64(out, (uint64_t)value.ts);
		for (uint32_t i = 0; i < more; i++) {
			put_u64(out, (uint64_t)value.more[i]);
		}
	}
}

static bool is_live(const struct temporal_state *s, const struct temporal_entry *e)
{
	return !temporal_entry_free(e) && !temporal_entry_dead(s, e);
}

static void put_entry(struct buf *out, const struct temporal_state *s,
		      const struct temporal_entry *e)
{
	const struct temporal_monitor *m = &s->plan->monitors[e->monitor];

	put_u64(out, e->hash[0]);
	put_u64(out, e->hash[1]);
	put_u64(out, (uint64_t)e->ts);
	put_u32(out, e->monitor);
	switch (m->kind) {
	case TEMPORAL_MONITOR_LAST:
		put_u64(out, e->last);
		put_u64(out, e->before);
		put_u64(out, e->run);
		break;
	case TEMPORAL_MONITOR_RING:
		put_ring(out, s, m, e->ring);
		break;
	case TEMPORAL_MONITOR_VALUES:
		put_values(out, s, m, e->values);
		break;
	}
}

static int hash_cmp(const uint64_t a[2], const uint64_t b[2])
{
	if (a[0] != b[0]) {
		return a[0] < b[0] ? -1 : 1;
	}
	return (a[1] > b[1]) - (a[1] < b[1]);
}

static int entry_cmp(const void *pa, const void *pb)
{
	const struct temporal_entry *const *a = pa, *const *b = pb;

	return hash_cmp((*a)->hash, (*b)->hash);
}

static void put_entries(struct buf *out, const struct temporal_state *s)
{
	const struct temporal_entry **order;
	struct arena a;
	uint32_t n = 0;

	arena_init(&a, SIZE_MAX / 2);
	order = ARENA_ARRAY(&a, s->n, const struct temporal_entry *);
	if (!order) {
		out->failed = true;
		return;
	}
	for (uint32_t i = 0; i < s->cap; i++) {
		if (is_live(s, &s->entries[i])) {
			order[n++] = &s->entries[i];
		}
	}
	policy_sort(order, n, sizeof(*order), entry_cmp);
	put_u32(out, n);
	for (uint32_t i = 0; i < n; i++) {
		put_entry(out, s, order[i]);
	}
	arena_done(&a);
}

void temporal_state_save(const struct temporal_state *s, struct buf *out)
{
	buf_append(out, STR("WTS3"));
	put_u64(out, s->plan->identity);
	put_u64(out, s->events);
	put_u64(out, (uint64_t)s->now);
	put_u64(out, (uint64_t)s->earlier);
	put_u32(out, (s->lost ? 1u : 0u) | (s->last_kept ? 2u : 0u));
	put_u64(out, (uint64_t)(s->lost ? s->lost_at : INT64_MIN));
	put_entries(out, s);
	put_u32(out, (uint32_t)s->kept_n);
	for (uint32_t i = 0; i < s->kept_n; i++) {
		const struct temporal_kept *k = &s->kept[(s->kept_start + i) % s->kept_cap];

		put_u64(out, (uint64_t)k->ts);
		put_u32(out, k->topic);
		put_u32(out, k->n);
		buf_append(out, str_make(k->bytes, k->n));
	}
}

/* ---- reading ---- */

struct loader {
	struct temporal_state *s;
	struct str in;
	struct arena *a;
	uint64_t above[2];
	struct err *err;
};

static bool get_i64(struct loader *l, int64_t *ret)
{
	uint64_t v;

	if (!temporal_get_u64(&l->in, &v)) {
		return false;
	}
	*ret = (int64_t)v;
	return true;
}

static enum err_code corrupt(struct loader *l)
{
	if (l->s->failed) {
		return ERR(l->err, ERR_LIMIT, "snapshot: needs more than %zu bytes",
			   l->s->plan->max_bytes);
	}
	return ERR(l->err, ERR_CORRUPT, "snapshot: damaged");
}

static bool get_ring(struct loader *l, const struct temporal_monitor *m, struct temporal_entry *e)
{
	int64_t before = INT64_MIN, ts, value = 0;
	uint32_t n;

	if (!temporal_get_u32(&l->in, &n) || n > l->in.n / (m->sum ? 16 : 8)) {
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!get_i64(l, &ts) || (m->sum && !get_i64(l, &value)) || ts < before ||
		    ts > e->ts || temporal_older(l->s->now, ts, m->ttl_ms) ||
		    (m->cap > 0 && i >= m->cap) ||
		    !temporal_ring_add(l->s, &e->ring, m, ts, value)) {
			return false;
		}
		before = ts;
	}
	return true;
}

static bool get_values(struct loader *l, const struct temporal_monitor *m, struct temporal_entry *e)
{
	uint32_t n, more = temporal_values_more(m);
	int64_t before = INT64_MIN, times[TEMPORAL_ATOMS_MAX];

	if (!temporal_get_u32(&l->in, &n) || n > l->in.n / (24 + 8 * (size_t)more)) {
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct temporal_value v = {.more = times};

		if (!temporal_get_u64(&l->in, &v.hash[0]) ||
		    !temporal_get_u64(&l->in, &v.hash[1]) || !get_i64(l, &v.ts)) {
			return false;
		}
		for (uint32_t k = 0; k < more; k++) {
			if (!get_i64(l, &times[k]) || (m->n_atoms > 1 && times[k] > v.ts)) {
				return false;
			}
		}
		if (v.ts < before || v.ts > e->ts || temporal_older(l->s->now, v.ts, m->ttl_ms) ||
		    !temporal_values_load(l->s, &e->values, m, &v)) {
			return false;
		}
		before = v.ts;
	}
	return true;
}

static bool get_last(struct loader *l, struct temporal_entry *e)
{
	return temporal_get_u64(&l->in, &e->last) && temporal_get_u64(&l->in, &e->before) &&
	       temporal_get_u64(&l->in, &e->run) && e->last <= l->s->events && e->run <= e->last &&
	       e->before < e->last && e->run > 0;
}

static bool get_entry(struct loader *l)
{
	const struct temporal_monitor *m;
	struct temporal_entry *e;
	uint64_t hash[2];
	uint32_t monitor;
	int64_t ts;

	if (!temporal_get_u64(&l->in, &hash[0]) || !temporal_get_u64(&l->in, &hash[1]) ||
	    !get_i64(l, &ts) || !temporal_get_u32(&l->in, &monitor) ||
	    monitor >= l->s->plan->n_monitors || hash_cmp(hash, l->above) <= 0 || ts > l->s->now) {
		return false;
	}
	l->above[0] = hash[0];
	l->above[1] = hash[1];
	e = temporal_entry_add(l->s, hash, monitor);
	if (!e) {
		return false;
	}
	e->ts = ts;
	m = &l->s->plan->monitors[monitor];
	switch (m->kind) {
	case TEMPORAL_MONITOR_LAST:
		break;
	case TEMPORAL_MONITOR_RING:
		return get_ring(l, m, e);
	case TEMPORAL_MONITOR_VALUES:
		return get_values(l, m, e);
	}
	return get_last(l, e);
}

static bool get_kept(struct loader *l, int64_t *before)
{
	struct temporal_kept *k;
	struct policy_value v;
	struct str bytes;
	uint32_t topic, n;
	int64_t ts;

	if (!get_i64(l, &ts) || !temporal_get_u32(&l->in, &topic) ||
	    !temporal_get_u32(&l->in, &n) || n > l->in.n || topic > l->s->plan->n_topics ||
	    ts < *before || ts > l->s->now) {
		return false;
	}
	bytes = str_make(l->in.p, n);
	l->in = str_from(l->in, n);
	*before = ts;
	k = temporal_kept_add(l->s, n);
	if (!k) {
		return false;
	}
	if (n > 0) {
		memcpy(k->bytes, bytes.p, n);
	}
	k->ts = ts;
	k->topic = topic;
	if (topic == 0) {
		return n == 0;
	}
	return temporal_get_value(&bytes, l->a, &v) && v.kind == POLICY_RECORD && bytes.n == 0;
}

static bool get_all(struct loader *l, uint32_t *flags)
{
	struct temporal_state *s = l->s;
	int64_t before = INT64_MIN;
	uint32_t n;

	if (!temporal_get_u64(&l->in, &s->events) || !get_i64(l, &s->now) ||
	    !get_i64(l, &s->earlier) || s->earlier > s->now || !temporal_get_u32(&l->in, flags) ||
	    *flags > 3 || !get_i64(l, &s->lost_at) || s->lost_at > s->now ||
	    (!(*flags & 1) && s->lost_at != INT64_MIN) || !temporal_get_u32(&l->in, &n)) {
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!get_entry(l)) {
			return false;
		}
	}
	if (!temporal_get_u32(&l->in, &n)) {
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!get_kept(l, &before)) {
			return false;
		}
	}
	return l->in.n == 0 && (!(*flags & 2) || s->kept_n > 0);
}

enum err_code temporal_state_load(const struct temporal_plan *plan, struct str bytes,
				  struct arena *scratch, struct temporal_state **ret,
				  struct err *err)
{
	struct loader l = {.s = temporal_state_new(plan), .a = scratch, .err = err};
	enum err_code code = ERR_OK;
	uint64_t identity;
	uint32_t flags = 0;

	if (!l.s) {
		return ERR(err, ERR_NOMEM, "snapshot: out of memory");
	}
	l.in = str_from(bytes, 4);
	if (!str_starts_with(bytes, STR("WTS3")) || !temporal_get_u64(&l.in, &identity)) {
		code = corrupt(&l);
	} else if (identity != plan->identity) {
		code = ERR(err, ERR_INVALID, "snapshot: of other policies");
	} else if (!get_all(&l, &flags)) {
		code = corrupt(&l);
	}
	if (code) {
		temporal_state_free(l.s);
		return code;
	}
	l.s->lost = flags & 1;
	l.s->last_kept = flags & 2;
	*ret = l.s;
	return ERR_OK;
}
