/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/dw_engine.h"

#include "base/num.h"
#include "policy/sort.h"
#include "policy/temporal_bytes.h"

#include <stdlib.h>

struct place {
	uint64_t hash[2];
	struct temporal_state *state; /* NULL: free */
};

struct dw_engine {
	struct arena a; /* the plan's */
	const struct dw_program *prog;
	const struct temporal_plan *plan;
	struct place *places;
	size_t cap, n, max;
	int64_t now;     /* the newest time seen in any history */
	bool lost;       /* an event found no place, */
	int64_t lost_at; /* the last one then */
	uint64_t losses;
};

enum err_code dw_engine_new(const struct dw_program *prog, const struct dw_engine_opts *opts,
			    struct dw_engine **ret, struct err *err)
{
	struct dw_engine *e = calloc(1, sizeof(*e));
	enum err_code code;

	if (!e) {
		return ERR(err, ERR_NOMEM, "engine: out of memory");
	}
	arena_init(&e->a, SIZE_MAX / 2);
	e->prog = prog;
	e->now = INT64_MIN;
	e->max = opts->max_histories ? opts->max_histories : DW_ENGINE_HISTORIES;
	code = temporal_plan_build(&e->a, prog, &opts->plan, &e->plan, err);
	if (code) {
		dw_engine_free(e);
		return code;
	}
	*ret = e;
	return ERR_OK;
}

void dw_engine_free(struct dw_engine *e)
{
	if (!e) {
		return;
	}
	for (size_t i = 0; i < e->cap; i++) {
		temporal_state_free(e->places[i].state);
	}
	free(e->places);
	arena_done(&e->a);
	free(e);
}

static struct place *find(const struct dw_engine *e, const uint64_t hash[2])
{
	size_t at = (size_t)hash[0] & (e->cap - 1);

	while (e->places[at].state &&
	       (e->places[at].hash[0] != hash[0] || e->places[at].hash[1] != hash[1])) {
		at = (at + 1) & (e->cap - 1);
	}
	return &e->places[at];
}

/* Nothing in it can be asked about any more: all its events are out of every window. */
static bool is_empty(const struct dw_engine *e, const struct temporal_state *s)
{
	int64_t d;

	return __builtin_sub_overflow(e->now, temporal_state_time(s), &d) ||
	       d > e->plan->longest_ms;
}

/* A table for the histories that matter and one more. On failure nothing changed. */
static enum err_code make_room(struct dw_engine *e, struct err *err)
{
	struct place *old = e->places, *fresh;
	size_t old_cap = e->cap, live = 0, cap = 16;

	for (size_t i = 0; i < old_cap; i++) {
		live += old[i].state && !is_empty(e, old[i].state);
	}
	while (cap < live * 2 + 2) {
		cap *= 2;
	}
	fresh = calloc(cap, sizeof(*fresh));
	if (!fresh) {
		return ERR(err, ERR_NOMEM, "engine: out of memory");
	}
	e->places = fresh;
	e->cap = cap;
	e->n = live;
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i].state && is_empty(e, old[i].state)) {
			temporal_state_free(old[i].state);
		} else if (old[i].state) {
			*find(e, old[i].hash) = old[i];
		}
	}
	free(old);
	return ERR_OK;
}

/* A history without the events that had no place must not look complete. */
static struct temporal_state *new_state(struct dw_engine *e)
{
	struct temporal_state *s = temporal_state_new(e->plan);
	int64_t d;

	if (s && e->lost && !__builtin_sub_overflow(e->now, e->lost_at, &d) &&
	    d <= e->plan->longest_ms) {
		temporal_state_saturate(s);
	}
	return s;
}

static enum err_code key_of(const struct dw_engine *e, const struct temporal_event *ev,
			    struct arena *scratch, uint64_t hash[2], struct err *err)
{
	struct policy_value key[DW_PINS_MAX];
	char small[256];
	struct temporal_bytes b = {.a = scratch, .p = small, .cap = sizeof(small)};

	if (!dw_event_key(e->prog, ev, key)) {
		return ERR(err, ERR_INVALID, "the event lacks a field that events are pinned to");
	}
	for (size_t i = 0; i < e->prog->events->n_partition; i++) {
		temporal_put_value(&b, key[i]);
	}
	if (b.failed) {
		return ERR(err, ERR_NOMEM, "engine: out of memory");
	}
	hash[0] = hash_str(e->plan->seed[0], str_make(b.p, b.n));
	hash[1] = hash_str(e->plan->seed[1], str_make(b.p, b.n));
	return ERR_OK;
}

static enum err_code history(struct dw_engine *e, const struct temporal_event *ev,
			     struct arena *scratch, struct temporal_state **ret, struct err *err)
{
	struct place *p;
	uint64_t hash[2];

	TRY(key_of(e, ev, scratch, hash, err));
	p = e->cap > 0 ? find(e, hash) : NULL;
	if (p && p->state) {
		*ret = p->state;
		return ERR_OK;
	}
	if (e->n * 4 >= e->cap * 3 || e->n >= e->max) {
		TRY(make_room(e, err));
	}
	if (e->n >= e->max) {
		return ERR(err, ERR_LIMIT, "more than %zu histories", e->max);
	}
	p = find(e, hash);
	p->state = new_state(e);
	if (!p->state) {
		return ERR(err, ERR_NOMEM, "engine: out of memory");
	}
	p->hash[0] = hash[0];
	p->hash[1] = hash[1];
	e->n++;
	*ret = p->state;
	return ERR_OK;
}

static enum err_code observe(struct dw_engine *e, const struct temporal_event *ev,
			     struct arena *scratch, struct temporal_state **ret, struct err *err)
{
	enum err_code code;
	bool knew_all;

	if (!dw_events_kind(e->prog->events, ev->kind)) {
		return ERR(err, ERR_INVALID, "unknown event kind `" STR_FMT "`", STR_ARG(ev->kind));
	}
	e->now = ev->ts_ms > e->now ? ev->ts_ms : e->now;
	code = history(e, ev, scratch, ret, err);
	if (code == ERR_LIMIT || code == ERR_NOMEM) {
		e->lost = true;
		e->lost_at = e->now;
		e->losses++;
	}
	TRY(code);
	knew_all = !temporal_state_saturated(*ret);
	TRY(temporal_state_add(*ret, ev, scratch, err));
	e->losses += knew_all && temporal_state_saturated(*ret);
	return ERR_OK;
}

enum err_code dw_engine_observe(struct dw_engine *e, const struct temporal_event *ev,
				struct arena *scratch, struct err *err)
{
	struct temporal_state *s;

	return observe(e, ev, scratch, &s, err);
}

struct asked {
	struct temporal_state *s;
	const struct temporal_event *ev;
	struct temporal_asking q;
};

static enum err_code leaf_value(void *arg, const struct temporal_leaf *leaf, size_t index,
				const struct policy_env *env, struct arena *scratch, bool *ret,
				struct err *err)
{
	struct asked *asked = arg;

	(void)leaf;
	if (asked->q.env != env) {
		temporal_asking_init(&asked->q, asked->ev, env, scratch);
	}
	return temporal_state_leaf(asked->s, index, &asked->q, ret, err);
}

void dw_engine_decide(struct dw_engine *e, const struct dw_event *ev,
		      const struct policy_store *store, struct arena *scratch,
		      struct policy_decision *ret, struct err *err)
{
	struct asked asked = {.ev = &ev->event};

	if (observe(e, &ev->event, scratch, &asked.s, err)) {
		*ret = (struct policy_decision){.failure = "the event could not be recorded"};
		return;
	}
	dw_decide(e->prog, ev, store, leaf_value, &asked, scratch, ret, err);
}

void dw_engine_decide_again(struct dw_engine *e, const struct dw_event *ev,
			    const struct policy_store *store, struct arena *scratch,
			    struct policy_decision *ret, struct err *err)
{
	struct asked asked = {.ev = &ev->event};

	if (history(e, &ev->event, scratch, &asked.s, err)) {
		*ret = (struct policy_decision){.failure = "the event is not known"};
		return;
	}
	dw_decide(e->prog, ev, store, leaf_value, &asked, scratch, ret, err);
}

enum err_code dw_engine_saturate(struct dw_engine *e, const struct temporal_event *ev,
				 struct arena *scratch, struct err *err)
{
	struct temporal_state *s;

	TRY(history(e, ev, scratch, &s, err));
	e->losses += !temporal_state_saturated(s);
	temporal_state_saturate(s);
	return ERR_OK;
}

void dw_engine_saturate_all(struct dw_engine *e, int64_t now)
{
	for (size_t i = 0; i < e->cap; i++) {
		if (e->places[i].state) {
			temporal_state_saturate(e->places[i].state);
		}
	}
	e->now = now > e->now ? now : e->now;
	e->lost = true;
	e->lost_at = e->now;
	e->losses++;
}

bool dw_engine_knows(const struct dw_engine *e, const struct temporal_event *ev,
		     struct arena *scratch)
{
	struct err err;
	uint64_t hash[2];

	return e->cap > 0 && key_of(e, ev, scratch, hash, &err) == ERR_OK && find(e, hash)->state;
}

/* What stands behind a place that becomes free, and would not be found any more, moves up. */
static void close_gap(struct dw_engine *e, size_t gap)
{
	size_t mask = e->cap - 1;

	for (size_t at = (gap + 1) & mask; e->places[at].state; at = (at + 1) & mask) {
		size_t home = (size_t)e->places[at].hash[0] & mask;

		if (((at - home) & mask) >= ((at - gap) & mask)) {
			e->places[gap] = e->places[at];
			e->places[at].state = NULL;
			gap = at;
		}
	}
}

void dw_engine_forget(struct dw_engine *e, const struct temporal_event *ev, struct arena *scratch)
{
	struct err err;
	uint64_t hash[2];
	struct place *p;

	if (e->cap == 0 || key_of(e, ev, scratch, hash, &err)) {
		return; /* it ends when it is out of every window */
	}
	p = find(e, hash);
	if (p->state) {
		temporal_state_free(p->state);
		p->state = NULL;
		e->n--;
		close_gap(e, (size_t)(p - e->places));
	}
}

static bool is_below(const struct temporal_field *f, struct str field)
{
	return f->n_path > 0 && str_eq(f->path[0], field);
}

static bool monitor_looks_at(const struct temporal_monitor *m, const struct temporal_atom *atom,
			     struct str field)
{
	bool any = m->sum && is_below(m->sum, field);

	for (size_t i = 0; i < atom->n_tests; i++) {
		any = any || is_below(&atom->tests[i], field);
	}
	for (size_t i = 0; i < atom->n_keys; i++) {
		any = any || is_below(&atom->keys[i], field);
	}
	for (size_t i = 0; i < atom->n_values; i++) {
		any = any || is_below(atom->values[i], field);
	}
	for (size_t i = 0; i < atom->n_filters; i++) {
		any = any || is_below(atom->filters[i].field, field);
	}
	return any;
}

static bool group_looks_at(const struct temporal_plan *plan, const struct temporal_group *g,
			   struct str field)
{
	bool any = false;

	for (size_t i = 0; i < g->n_watches && !any; i++) {
		const struct temporal_monitor *m = &plan->monitors[g->watches[i].monitor];

		any = monitor_looks_at(m, &m->atoms[g->watches[i].atom], field);
	}
	return any;
}

bool dw_engine_looks_at(const struct dw_engine *e, const struct policy_uid *action, struct str kind,
			struct str field)
{
	const struct temporal_topic *t = temporal_plan_topic(e->plan, action, kind);
	bool any = false;

	for (size_t i = 0; t && i < t->n_groups && !any; i++) {
		any = group_looks_at(e->plan, &t->groups[i], field);
	}
	for (size_t i = 0; t && i < t->n_fields && !any; i++) {
		any = is_below(t->fields[i], field);
	}
	return any;
}

uint64_t dw_engine_losses(const struct dw_engine *e)
{
	return e->losses;
}

int64_t dw_engine_memory(const struct dw_engine *e)
{
	return e->plan->longest_ms;
}

struct dw_engine_stats dw_engine_stats(const struct dw_engine *e)
{
	struct dw_engine_stats st = {.histories = e->n, .bytes = e->cap * sizeof(*e->places)};

	for (size_t i = 0; i < e->cap; i++) {
		if (e->places[i].state) {
			st.bytes += temporal_state_bytes(e->places[i].state);
			st.saturated += temporal_state_saturated(e->places[i].state);
		}
	}
	return st;
}

/* ---- snapshots: "WTE1", now, lost (1 or 0), when, count, and each history: hash[2], length, its snapshot ---- */

static void put_u64(struct buf *out, uint64_t v)
{
	unsigned char raw[8];

	num_put_u64(raw, v);
	buf_append(out, str_make((const char *)raw, sizeof(raw)));
}

static int place_cmp(const void *pa, const void *pb)
{
	const struct place *const *a = pa, *const *b = pb;

	for (int i = 0; i < 2; i++) {
		if ((*a)->hash[i] != (*b)->hash[i]) {
			return (*a)->hash[i] < (*b)->hash[i] ? -1 : 1;
		}
	}
	return 0;
}

void dw_engine_save(const struct dw_engine *e, struct buf *out)
{
	const struct place **order;
	struct arena a;
	size_t n = 0;

	arena_init(&a, SIZE_MAX / 2);
	order = ARENA_ARRAY(&a, e->n, const struct place *);
	out->failed = out->failed || !order;
	for (size_t i = 0; order && i < e->cap; i++) {
		if (e->places[i].state) {
			order[n++] = &e->places[i];
		}
	}
	policy_sort(order, n, sizeof(*order), place_cmp);
	buf_append(out, STR("WTE1"));
	put_u64(out, (uint64_t)e->now);
	put_u64(out, e->lost);
	put_u64(out, (uint64_t)e->lost_at);
	put_u64(out, n);
	for (size_t i = 0; i < n && !out->failed; i++) {
		size_t at;

		put_u64(out, order[i]->hash[0]);
		put_u64(out, order[i]->hash[1]);
		at = out->end - out->start;
		put_u64(out, 0);
		temporal_state_save(order[i]->state, out);
		if (!out->failed) {
			num_put_u64(out->p + out->start + at, out->end - out->start - at - 8);
		}
	}
	arena_done(&a);
}

static enum err_code load_one(struct dw_engine *e, struct str *in, struct arena *scratch,
			      struct err *err)
{
	struct temporal_state *s;
	struct place *p;
	uint64_t hash[2], n;

	if (!temporal_get_u64(in, &hash[0]) || !temporal_get_u64(in, &hash[1]) ||
	    !temporal_get_u64(in, &n) || n > in->n) {
		return ERR(err, ERR_CORRUPT, "snapshot: damaged");
	}
	if (e->n >= e->max) {
		return ERR(err, ERR_LIMIT, "snapshot: more than %zu histories", e->max);
	}
	if (e->n * 4 >= e->cap * 3) {
		TRY(make_room(e, err));
	}
	p = find(e, hash);
	if (p->state) {
		return ERR(err, ERR_CORRUPT, "snapshot: a history occurs twice");
	}
	TRY(temporal_state_load(e->plan, str_make(in->p, (size_t)n), scratch, &s, err));
	*in = str_from(*in, (size_t)n);
	*p = (struct place){{hash[0], hash[1]}, s};
	e->n++;
	return ERR_OK;
}

enum err_code dw_engine_load(struct dw_engine *e, struct str bytes, struct arena *scratch,
			     struct err *err)
{
	struct str in = str_from(bytes, 4);
	uint64_t now, lost, lost_at, n;

	ASSERT(e->n == 0);
	if (!str_starts_with(bytes, STR("WTE1")) || !temporal_get_u64(&in, &now) ||
	    !temporal_get_u64(&in, &lost) || !temporal_get_u64(&in, &lost_at) || lost > 1 ||
	    !temporal_get_u64(&in, &n)) {
		return ERR(err, ERR_CORRUPT, "snapshot: damaged");
	}
	for (uint64_t i = 0; i < n; i++) {
		TRY(load_one(e, &in, scratch, err));
	}
	if (in.n > 0) {
		return ERR(err, ERR_CORRUPT, "snapshot: something follows it");
	}
	e->now = (int64_t)now;
	e->lost = lost == 1;
	e->lost_at = (int64_t)lost_at;
	return ERR_OK;
}
