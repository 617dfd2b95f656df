/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a state, and taking events in. Questions are in temporal_ask.c. */
#include "policy/temporal_state_priv.h"

#include "policy/temporal_bytes.h"

#include <stdlib.h>

#define KEYS_MAX TEMPORAL_FIELDS_MAX

struct temporal_state *temporal_state_new(const struct temporal_plan *plan)
{
	struct temporal_state *s = calloc(1, sizeof(*s));

	if (s) {
		s->plan = plan;
		s->now = s->earlier = INT64_MIN;
		s->bytes = sizeof(*s);
	}
	return s;
}

static void free_kept(struct temporal_state *s, struct temporal_kept *k)
{
	temporal_state_give(s, k->n);
	free(k->bytes);
	k->bytes = NULL;
}

void temporal_state_free(struct temporal_state *s)
{
	if (!s) {
		return;
	}
	for (size_t i = 0; i < s->cap; i++) {
		free(s->entries[i].ring);
	}
	for (size_t i = 0; i < s->kept_n; i++) {
		free(s->kept[(s->kept_start + i) % s->kept_cap].bytes);
	}
	free(s->entries);
	free(s->kept);
	free(s);
}

void temporal_state_saturate(struct temporal_state *s)
{
	s->saturated = true;
}

bool temporal_state_saturated(const struct temporal_state *s)
{
	return s->saturated;
}

size_t temporal_state_bytes(const struct temporal_state *s)
{
	return s->bytes;
}

int64_t temporal_state_time(const struct temporal_state *s)
{
	return s->now;
}

bool temporal_state_take(struct temporal_state *s, size_t n)
{
	if (s->saturated || n > s->plan->max_bytes || s->bytes > s->plan->max_bytes - n) {
		s->saturated = true;
		return false;
	}
	s->bytes += n;
	return true;
}

void temporal_state_give(struct temporal_state *s, size_t n)
{
	s->bytes -= n;
}

/* ---- rings ---- */

static size_t ring_bytes(bool values, uint32_t cap)
{
	return sizeof(struct temporal_ring) + (size_t)cap * (values ? 2 : 1) * sizeof(int64_t);
}

struct temporal_ring *temporal_ring_new(struct temporal_state *s, bool values, uint32_t cap)
{
	struct temporal_ring *r;

	if (!temporal_state_take(s, ring_bytes(values, cap))) {
		return NULL;
	}
	r = calloc(1, ring_bytes(values, cap));
	if (!r) {
		s->saturated = true;
		return NULL;
	}
	r->cap = cap;
	r->values = values;
	return r;
}

void temporal_ring_free(struct temporal_state *s, struct temporal_ring *r)
{
	if (r) {
		temporal_state_give(s, ring_bytes(r->values, r->cap));
		free(r);
	}
}

static void ring_drop(struct temporal_ring *r)
{
	if (r->values) {
		r->sum -= temporal_ring_at(r, 0)[1];
	}
	r->start = (r->start + 1) % r->cap;
	r->n--;
}

static void ring_expire(struct temporal_ring *r, int64_t now, int64_t ttl)
{
	while (r->n > 0 && temporal_older(now, temporal_ring_at(r, 0)[0], ttl)) {
		ring_drop(r);
	}
}

/* A larger one with the same content. */
static struct temporal_ring *ring_grow(struct temporal_state *s, struct temporal_ring *old,
				       bool values)
{
	uint32_t cap = old ? old->cap * 2 : 4;
	struct temporal_ring *r =
		old && old->cap >= 1u << 30 ? NULL : temporal_ring_new(s, values, cap);

	for (uint32_t i = 0; r && old && i < old->n; i++) {
		memcpy(&r->items[(size_t)i * temporal_ring_stride(r)], temporal_ring_at(old, i),
		       temporal_ring_stride(r) * sizeof(int64_t));
	}
	if (r && old) {
		r->n = old->n;
		r->sum = old->sum;
		temporal_ring_free(s, old);
	}
	return r;
}

static void ring_add(struct temporal_state *s, struct temporal_entry *e,
		     const struct temporal_monitor *m, int64_t ts, int64_t value)
{
	struct temporal_ring *r = e->ring;
	int64_t *at;

	if (r) {
		ring_expire(r, ts, m->ttl_ms);
		if (m->cap > 0 && r->n >= m->cap) {
			ring_drop(r); /* the newest `cap` decide */
		}
	}
	if (!r || r->n == r->cap) {
		r = ring_grow(s, r, m->sum != NULL);
		if (!r) {
			s->saturated = true;
			return;
		}
		e->ring = r;
	}
	r->n++;
	at = temporal_ring_at(r, r->n - 1);
	at[0] = ts;
	if (r->values) {
		at[1] = value;
		r->sum += value;
	}
}

/* ---- entries ---- */

/* There is a table, and it has a free place. */
static struct temporal_entry *place_of(const struct temporal_state *s, const uint64_t hash[2])
{
	size_t at = (size_t)hash[0] & (s->cap - 1);

	for (; !temporal_entry_free(&s->entries[at]); at = (at + 1) & (s->cap - 1)) {
		if (s->entries[at].hash[0] == hash[0] && s->entries[at].hash[1] == hash[1]) {
			break;
		}
	}
	return &s->entries[at];
}

struct temporal_entry *temporal_state_find(const struct temporal_state *s, const uint64_t hash[2])
{
	return s->cap > 0 ? place_of(s, hash) : NULL;
}

static bool is_dead(const struct temporal_state *s, const struct temporal_entry *e)
{
	return temporal_older(s->now, e->ts, s->plan->monitors[e->monitor].ttl_ms);
}

/* A table for the living entries and one more. */
static bool rehash(struct temporal_state *s)
{
	size_t live = 0, cap = 4;
	struct temporal_entry *old = s->entries, *fresh;
	size_t old_cap = s->cap;

	for (size_t i = 0; i < old_cap; i++) {
		live += !temporal_entry_free(&old[i]) && !is_dead(s, &old[i]);
	}
	while (cap * 3 < (live + 1) * 4 + live) {
		cap *= 2;
	}
	if (!temporal_state_take(s, cap * sizeof(*fresh))) {
		return false;
	}
	fresh = calloc(cap, sizeof(*fresh));
	if (!fresh) {
		s->saturated = true;
		return false;
	}
	s->entries = fresh;
	s->cap = cap;
	s->n = live;
	for (size_t i = 0; i < old_cap; i++) {
		if (temporal_entry_free(&old[i])) {
			continue;
		}
		if (is_dead(s, &old[i])) {
			temporal_ring_free(s, old[i].ring);
		} else {
			*place_of(s, old[i].hash) = old[i];
		}
	}
	temporal_state_give(s, old_cap * sizeof(*old));
	free(old);
	return true;
}

struct temporal_entry *temporal_state_insert(struct temporal_state *s, const uint64_t hash[2],
					     uint32_t monitor)
{
	struct temporal_entry *e;

	if ((s->n + 1) * 4 > s->cap * 3 && !rehash(s)) {
		return NULL;
	}
	e = place_of(s, hash);
	*e = (struct temporal_entry){.hash = {hash[0], hash[1]}, .monitor = monitor};
	s->n++;
	return e;
}

bool temporal_key_hash(const struct temporal_plan *plan, uint32_t monitor,
		       const struct policy_value *keys, size_t n, struct arena *scratch,
		       uint64_t ret[2], bool *nomem)
{
	char small[256];
	struct temporal_bytes b = {.a = scratch, .p = small, .cap = sizeof(small)};

	temporal_put_u32(&b, monitor);
	for (size_t i = 0; i < n; i++) {
		temporal_put_value(&b, keys[i]);
	}
	if (b.failed) {
		*nomem = true;
		return false;
	}
	ret[0] = hash_str(plan->seed[0], str_make(b.p, b.n));
	ret[1] = hash_str(plan->seed[1], str_make(b.p, b.n)) | 1;
	return true;
}

/* ---- taking events in ---- */

static bool holds(enum policy_expr_kind op, struct policy_value a, struct policy_value b)
{
	if (op == POLICY_EXPR_EQ || op == POLICY_EXPR_NE) {
		return policy_value_eq(a, b) == (op == POLICY_EXPR_EQ);
	}
	if (a.kind != POLICY_LONG || b.kind != POLICY_LONG) {
		return false;
	}
	if (op == POLICY_EXPR_LT || op == POLICY_EXPR_GE) {
		return (a.i < b.i) == (op == POLICY_EXPR_LT);
	}
	return (a.i <= b.i) == (op == POLICY_EXPR_LE);
}

/* Tests and filters; the keys' values. */
static bool matches(const struct temporal_monitor *m, const struct temporal_event *ev,
		    struct policy_value *keys)
{
	for (size_t i = 0; i < m->pattern.n_tests; i++) {
		const struct temporal_field *f = &m->pattern.tests[i];
		const struct policy_value *v = temporal_event_field(ev->fields, f->path, f->n_path);

		if (!v || (f->term.kind == TEMPORAL_VALUE && !policy_value_eq(*v, f->term.value))) {
			return false;
		}
	}
	for (size_t i = 0; i < m->n_filters; i++) {
		const struct temporal_filter *f = &m->filters[i];
		const struct policy_value *v =
			temporal_event_field(ev->fields, f->field->path, f->field->n_path);

		if (!v ||
		    !(f->reversed ? holds(f->op, f->value, *v) : holds(f->op, *v, f->value))) {
			return false;
		}
	}
	for (size_t i = 0; i < m->pattern.n_keys; i++) {
		const struct temporal_field *f = &m->pattern.keys[i];
		const struct policy_value *v = temporal_event_field(ev->fields, f->path, f->n_path);

		if (!v) {
			return false;
		}
		keys[i] = *v;
	}
	return true;
}

static void note(struct temporal_state *s, uint32_t monitor, const struct temporal_event *ev,
		 struct arena *scratch)
{
	const struct temporal_monitor *m = &s->plan->monitors[monitor];
	struct policy_value keys[KEYS_MAX];
	const struct policy_value *v = NULL;
	struct temporal_entry *e;
	uint64_t hash[2];
	bool nomem = false;

	if (!matches(m, ev, keys)) {
		return;
	}
	if (!temporal_key_hash(s->plan, monitor, keys, m->pattern.n_keys, scratch, hash, &nomem)) {
		s->saturated = true;
		return;
	}
	e = temporal_state_find(s, hash);
	if (!e || temporal_entry_free(e)) {
		e = temporal_state_insert(s, hash, monitor);
	}
	if (!e) {
		return;
	}
	if (m->kind == TEMPORAL_MONITOR_RING) {
		v = m->sum ? temporal_event_field(ev->fields, m->sum->path, m->sum->n_path) : NULL;
		ring_add(s, e, m, ev->ts_ms, v && v->kind == POLICY_LONG ? v->i : 0);
	}
	e->run = e->last + 1 == s->events && e->last > 0 ? e->run : s->events;
	e->before = e->last;
	e->last = s->events;
	e->ts = ev->ts_ms;
}

/* ---- events that general leaves look at ---- */

static bool grow_kept(struct temporal_state *s)
{
	size_t cap = s->kept_cap ? s->kept_cap * 2 : 4;
	struct temporal_kept *fresh;

	if (!temporal_state_take(s, cap * sizeof(*fresh))) {
		return false;
	}
	fresh = calloc(cap, sizeof(*fresh));
	if (!fresh) {
		s->saturated = true;
		return false;
	}
	for (size_t i = 0; i < s->kept_n; i++) {
		fresh[i] = s->kept[(s->kept_start + i) % s->kept_cap];
	}
	temporal_state_give(s, s->kept_cap * sizeof(*fresh));
	free(s->kept);
	s->kept = fresh;
	s->kept_cap = cap;
	s->kept_start = 0;
	return true;
}

struct temporal_kept *temporal_state_keep(struct temporal_state *s, size_t bytes)
{
	struct temporal_kept *k;

	if (s->kept_n == s->kept_cap && !grow_kept(s)) {
		return NULL;
	}
	if (!temporal_state_take(s, bytes)) {
		return NULL;
	}
	k = &s->kept[(s->kept_start + s->kept_n) % s->kept_cap];
	*k = (struct temporal_kept){.n = (uint32_t)bytes, .bytes = malloc(bytes ? bytes : 1)};
	if (!k->bytes) {
		temporal_state_give(s, bytes);
		s->saturated = true;
		return NULL;
	}
	s->kept_n++;
	return k;
}

static void expire_kept(struct temporal_state *s)
{
	while (s->kept_n > 0 &&
	       temporal_older(s->now, s->kept[s->kept_start].ts, s->plan->retention_ms)) {
		free_kept(s, &s->kept[s->kept_start]);
		s->kept_start = (s->kept_start + 1) % s->kept_cap;
		s->kept_n--;
	}
}

/* The fields that are asked for, as a record of the same shape. */
static void put_fields(struct temporal_bytes *b, struct policy_value v,
		       const struct temporal_field *const *fields, size_t n, uint32_t depth,
		       struct arena *scratch)
{
	const struct temporal_field **inner =
		ARENA_ARRAY(scratch, n, const struct temporal_field *);
	struct temporal_bytes body = {.a = scratch};
	uint32_t count = 0;
	unsigned char kind = POLICY_RECORD;

	for (uint32_t i = 0; inner && i < v.n; i++) {
		size_t k = 0;
		bool whole = false;

		for (size_t j = 0; j < n; j++) {
			if (fields[j]->n_path > depth &&
			    str_eq(fields[j]->path[depth], v.fields[i].key)) {
				whole = whole || fields[j]->n_path == depth + 1;
				inner[k++] = fields[j];
			}
		}
		if (k == 0) {
			continue;
		}
		count++;
		temporal_put_u32(&body, (uint32_t)v.fields[i].key.n);
		temporal_put(&body, v.fields[i].key.p, v.fields[i].key.n);
		if (whole || v.fields[i].value.kind != POLICY_RECORD) {
			temporal_put_value(&body, v.fields[i].value);
		} else {
			put_fields(&body, v.fields[i].value, inner, k, depth + 1, scratch);
		}
	}
	b->failed = b->failed || body.failed || !inner;
	temporal_put(b, &kind, 1);
	temporal_put_u32(b, count);
	temporal_put(b, body.p, body.n);
}

static void keep(struct temporal_state *s, const struct temporal_topic *t,
		 const struct temporal_event *ev, struct arena *scratch)
{
	struct temporal_bytes b = {.a = scratch};
	bool wanted = t && t->kept;
	struct temporal_kept *k;

	if (!wanted && !s->plan->keeps_all) {
		return;
	}
	if (wanted) {
		put_fields(&b, ev->fields, t->fields, t->n_fields, 0, scratch);
	}
	if (b.failed || b.n > UINT32_MAX) {
		s->saturated = true;
		return;
	}
	k = temporal_state_keep(s, b.n);
	if (k) {
		s->last_kept = true;
		k->ts = ev->ts_ms;
		k->topic = wanted ? (uint32_t)(t - s->plan->topics) + 1 : 0;
		if (b.n > 0) {
			memcpy(k->bytes, b.p, b.n);
		}
	}
}

enum err_code temporal_state_add(struct temporal_state *s, const struct temporal_event *ev,
				 struct arena *scratch, struct err *err)
{
	const struct temporal_topic *t = temporal_plan_topic(s->plan, ev->action, ev->kind);

	if (ev->ts_ms < s->now) {
		return ERR(err, ERR_INVALID, "an event is older than the one before it");
	}
	s->earlier = s->now;
	s->now = ev->ts_ms;
	s->last_kept = false;
	s->events++;
	if (s->saturated) {
		return ERR_OK;
	}
	for (size_t i = 0; t && i < t->n_monitors; i++) {
		note(s, t->monitors[i], ev, scratch);
	}
	if (s->plan->general) {
		expire_kept(s);
		keep(s, t, ev, scratch);
	}
	return ERR_OK;
}
