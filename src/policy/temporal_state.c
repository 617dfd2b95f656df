/* SPDX-License-Identifier: Apache-2.0 */
/* Taking events in. Questions are in temporal_ask.c. */
#include "policy/temporal_state_priv.h"

#include "policy/temporal_bytes.h"

#include <stdlib.h>

struct temporal_state *temporal_state_new(const struct temporal_plan *plan)
{
	struct temporal_state *s = calloc(1, sizeof(*s));

	if (s) {
		s->plan = plan;
		s->now = s->earlier = s->lost_at = INT64_MIN;
		s->bytes = sizeof(*s);
	}
	return s;
}

static void forget_all(struct temporal_state *s)
{
	for (uint32_t i = 0; i < s->cap; i++) {
		if (!temporal_entry_free(&s->entries[i])) {
			temporal_entry_drop(s, &s->entries[i]);
		}
	}
	for (uint32_t i = 0; i < s->kept_n; i++) {
		free(s->kept[(s->kept_start + i) % s->kept_cap].bytes);
	}
	free(s->entries);
	free(s->kept);
	s->entries = NULL;
	s->kept = NULL;
	s->cap = s->n = s->kept_start = s->kept_n = s->kept_cap = 0;
	s->last_kept = false;
	s->bytes = sizeof(*s);
}

void temporal_state_free(struct temporal_state *s)
{
	if (s) {
		forget_all(s);
		free(s);
	}
}

/* What is remembered from here on will be all that counts once the loss is out of every window. */
void temporal_state_saturate(struct temporal_state *s)
{
	forget_all(s);
	s->lost = true;
	s->lost_at = s->now;
}

bool temporal_state_saturated(const struct temporal_state *s)
{
	return s->lost;
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
	if (s->failed || n > s->plan->max_bytes || s->bytes > s->plan->max_bytes - n) {
		s->failed = true;
		return false;
	}
	s->bytes += (uint32_t)n;
	return true;
}

void temporal_state_give(struct temporal_state *s, size_t n)
{
	s->bytes -= (uint32_t)n;
}

void temporal_hash(const struct temporal_plan *plan, const struct temporal_bytes *b,
		   uint64_t ret[2])
{
	ret[0] = b->n > 0 ? hash_str(plan->seed[0], str_make(b->p, b->n)) : 0;
	ret[1] = b->n > 0 ? hash_str(plan->seed[1], str_make(b->p, b->n)) : 0;
}

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

bool temporal_atom_matches(const struct temporal_atom *m, const struct temporal_event *ev)
{
	for (size_t i = 0; i < m->n_tests; i++) {
		const struct temporal_field *f = &m->tests[i];
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
	return true;
}

bool temporal_atom_value(const struct temporal_plan *plan, const struct temporal_atom *m,
			 const struct temporal_event *ev, struct arena *scratch, uint64_t ret[2],
			 bool *nomem)
{
	char small[256];
	struct temporal_bytes b = {.a = scratch, .p = small, .cap = sizeof(small)};

	for (size_t i = 0; i < m->n_values; i++) {
		const struct temporal_field *f = m->values[i];
		const struct policy_value *v = temporal_event_field(ev->fields, f->path, f->n_path);

		if (!v) {
			return false;
		}
		temporal_put_value(&b, *v);
	}
	*nomem = b.failed;
	temporal_hash(plan, &b, ret);
	return !b.failed;
}

/* Hash of the event's own key. */
static bool key_of(struct temporal_state *s, const struct temporal_group *g,
		   const struct temporal_event *ev, struct arena *scratch, uint64_t ret[2])
{
	char small[256];
	struct temporal_bytes b = {.a = scratch, .p = small, .cap = sizeof(small)};

	for (size_t i = 0; i < g->n_keys; i++) {
		const struct temporal_field *f = &g->keys[i];
		const struct policy_value *v = temporal_event_field(ev->fields, f->path, f->n_path);

		if (!v) {
			return false;
		}
		temporal_put_value(&b, *v);
	}
	s->failed = s->failed || b.failed;
	temporal_hash(s->plan, &b, ret);
	return !b.failed;
}

static void note(struct temporal_state *s, const struct temporal_watch *w, const uint64_t key[2],
		 const struct temporal_event *ev, struct arena *scratch)
{
	const struct temporal_monitor *m = &s->plan->monitors[w->monitor];
	const struct temporal_atom *atom = &m->atoms[w->atom];
	const struct policy_value *v = NULL;
	struct temporal_entry *e;
	uint64_t hash[2], value[2];
	bool nomem = false;

	if (!temporal_atom_matches(atom, ev)) {
		return;
	}
	if (m->kind == TEMPORAL_MONITOR_VALUES &&
	    !temporal_atom_value(s->plan, atom, ev, scratch, value, &nomem)) {
		s->failed = s->failed || nomem;
		return;
	}
	temporal_salt(s->plan, w->monitor, key, hash);
	e = temporal_entry_find(s, hash);
	if (!e) {
		e = temporal_entry_add(s, hash, w->monitor);
	}
	if (!e) {
		return;
	}
	e->ts = ev->ts_ms;
	if (m->kind == TEMPORAL_MONITOR_LAST) {
		e->run = e->last + 1 == s->events && e->last > 0 ? e->run : s->events;
		e->before = e->last;
		e->last = s->events;
		return;
	}
	v = m->sum ? temporal_event_field(ev->fields, m->sum->path, m->sum->n_path) : NULL;
	if (m->kind == TEMPORAL_MONITOR_RING
		    ? !temporal_ring_add(s, &e->ring, m, ev->ts_ms,
					 v && v->kind == POLICY_LONG ? v->i : 0)
		    : !temporal_values_add(s, &e->values, m, w->atom, value, ev->ts_ms,
					   v && v->kind == POLICY_LONG ? v->i : 0)) {
		s->failed = true;
	}
}

enum err_code temporal_state_add(struct temporal_state *s, const struct temporal_event *ev,
				 struct arena *scratch, struct err *err)
{
	const struct temporal_topic *t = temporal_plan_topic(s->plan, ev->action, ev->kind);
	uint64_t key[2];

	if (ev->ts_ms < s->now) {
		return ERR(err, ERR_INVALID, "an event is older than the one before it");
	}
	s->earlier = s->now;
	s->now = ev->ts_ms;
	s->last_kept = false;
	s->events++;
	if (s->lost && s->lost_at == INT64_MIN) {
		s->lost_at = s->now;
	}
	s->lost = s->lost && !temporal_older(s->now, s->lost_at, s->plan->longest_ms);
	for (size_t i = 0; t && i < t->n_groups; i++) {
		const struct temporal_group *g = &t->groups[i];

		if (g->n_watches > 0 && key_of(s, g, ev, scratch, key)) {
			for (size_t k = 0; k < g->n_watches; k++) {
				note(s, &g->watches[k], key, ev, scratch);
			}
		}
	}
	if (s->plan->n_general > 0) {
		temporal_kept_expire(s);
		temporal_kept_event(s, t, ev, scratch);
	}
	if (s->failed) {
		s->failed = false;
		temporal_state_saturate(s);
	}
	return ERR_OK;
}
