/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots. All integers are little endian, 8 bytes unless said:
 *
 *   "WTS1" (4)  identity of the plan  events  now  earlier  flags (4: 1 saturated, 2 last kept)
 *   n (4)   entries: hash[2] ts last before run  monitor (4)  m (4)  ring: times (and values)
 *   n (4)   kept events: ts  topic (4)  m (4)  bytes
 *
 * Valid if and only if (1) the identity is the plan's; (2) entries rise strictly by
 * hash and name a monitor; (3) times in a ring do not fall and none is past `now`;
 * (4) each kept event names a topic or none and its bytes are one value; (5) nothing
 * follows. Entries and times that cannot matter any more are not written.
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
		     const struct temporal_entry *e)
{
	int64_t ttl = s->plan->monitors[e->monitor].ttl_ms;
	struct temporal_ring *r = e->ring;
	uint32_t from = 0;

	while (r && from < r->n && temporal_older(s->now, temporal_ring_at(r, from)[0], ttl)) {
		from++;
	}
	put_u32(out, r ? r->n - from : 0);
	for (uint32_t i = from; r && i < r->n; i++) {
		put_u64(out, (uint64_t)temporal_ring_at(r, i)[0]);
		if (r->values) {
			put_u64(out, (uint64_t)temporal_ring_at(r, i)[1]);
		}
	}
}

static bool is_live(const struct temporal_state *s, const struct temporal_entry *e)
{
	return !temporal_entry_free(e) &&
	       !temporal_older(s->now, e->ts, s->plan->monitors[e->monitor].ttl_ms);
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
	for (size_t i = 0; i < s->cap; i++) {
		if (is_live(s, &s->entries[i])) {
			order[n++] = &s->entries[i];
		}
	}
	policy_sort(order, n, sizeof(*order), entry_cmp);
	put_u32(out, n);
	for (uint32_t i = 0; i < n; i++) {
		put_u64(out, order[i]->hash[0]);
		put_u64(out, order[i]->hash[1]);
		put_u64(out, (uint64_t)order[i]->ts);
		put_u64(out, order[i]->last);
		put_u64(out, order[i]->before);
		put_u64(out, order[i]->run);
		put_u32(out, order[i]->monitor);
		put_ring(out, s, order[i]);
	}
	arena_done(&a);
}

void temporal_state_save(const struct temporal_state *s, struct buf *out)
{
	buf_append(out, STR("WTS1"));
	put_u64(out, s->plan->identity);
	put_u64(out, s->events);
	put_u64(out, (uint64_t)s->now);
	put_u64(out, (uint64_t)s->earlier);
	put_u32(out, (s->saturated ? 1u : 0u) | (s->last_kept ? 2u : 0u));
	put_entries(out, s);
	put_u32(out, (uint32_t)s->kept_n);
	for (size_t i = 0; i < s->kept_n; i++) {
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
	if (l->s->saturated) {
		return ERR(l->err, ERR_LIMIT, "snapshot: needs more than %zu bytes",
			   l->s->plan->max_bytes);
	}
	return ERR(l->err, ERR_CORRUPT, "snapshot: damaged");
}

static bool get_ring(struct loader *l, struct temporal_entry *e)
{
	bool values = l->s->plan->monitors[e->monitor].sum != NULL;
	bool ring = l->s->plan->monitors[e->monitor].kind == TEMPORAL_MONITOR_RING;
	int64_t before = INT64_MIN;
	uint32_t n, cap = 4;

	if (!temporal_get_u32(&l->in, &n) || (n > 0 && !ring) || n > l->in.n / (values ? 16 : 8)) {
		return false;
	}
	if (!ring) {
		return true;
	}
	while (cap < n) {
		cap *= 2;
	}
	e->ring = temporal_ring_new(l->s, values, cap);
	if (!e->ring) {
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		int64_t *at;

		e->ring->n++;
		at = temporal_ring_at(e->ring, i);
		if (!get_i64(l, &at[0]) || at[0] < before || at[0] > l->s->now) {
			return false;
		}
		before = at[0];
		if (values) {
			if (!get_i64(l, &at[1])) {
				return false;
			}
			e->ring->sum += at[1];
		}
	}
	return true;
}

static bool get_entry(struct loader *l)
{
	struct temporal_entry e = {0}, *at;

	if (!temporal_get_u64(&l->in, &e.hash[0]) || !temporal_get_u64(&l->in, &e.hash[1]) ||
	    !get_i64(l, &e.ts) || !temporal_get_u64(&l->in, &e.last) ||
	    !temporal_get_u64(&l->in, &e.before) || !temporal_get_u64(&l->in, &e.run) ||
	    !temporal_get_u32(&l->in, &e.monitor)) {
		return false;
	}
	if (e.monitor >= l->s->plan->n_monitors || hash_cmp(e.hash, l->above) <= 0 ||
	    e.ts > l->s->now || e.last > l->s->events || e.run > e.last || e.before >= e.last ||
	    e.run == 0) {
		return false;
	}
	l->above[0] = e.hash[0];
	l->above[1] = e.hash[1];
	at = temporal_state_insert(l->s, e.hash, e.monitor);
	if (!at) {
		return false;
	}
	*at = e;
	return get_ring(l, at);
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
	k = temporal_state_keep(l->s, n);
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
	    *flags > 3 || !temporal_get_u32(&l->in, &n)) {
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
	if (!str_starts_with(bytes, STR("WTS1")) || !temporal_get_u64(&l.in, &identity)) {
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
	l.s->saturated = flags & 1;
	l.s->last_kept = flags & 2;
	*ret = l.s;
	return ERR_OK;
}
