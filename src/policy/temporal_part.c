/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting a leaf into parts, and which monitors they ask. */
#include "policy/temporal_plan_priv.h"

static struct temporal_part *part_new(struct planner *p, enum temporal_part_kind kind)
{
	struct temporal_part *part = ARENA_NEW(p->a, struct temporal_part);

	if (!part) {
		plan_no_memory(p);
		return NULL;
	}
	part->kind = kind;
	return part;
}

/* ---- monitors ---- */

/* A monitor of one event. */
static bool ask_one(struct planner *p, struct temporal_monitor m, const struct temporal_atom *atom,
		    const struct temporal_term **terms, int64_t window_ms,
		    struct temporal_query *ret)
{
	m.atoms = ARENA_NEW(p->a, struct temporal_atom);
	if (!m.atoms) {
		return plan_no_memory(p);
	}
	m.atoms[0] = *atom;
	m.n_atoms = 1;
	ret->window_ms = window_ms;
	return plan_terms(p, terms, atom->n_keys, &ret->terms) && plan_monitor(p, m, &ret->monitor);
}

static bool last_of(struct planner *p, const struct temporal_expr *e, int64_t window_ms,
		    struct temporal_query *ret)
{
	struct temporal_monitor m = {.kind = TEMPORAL_MONITOR_LAST, .ttl_ms = window_ms};
	const struct temporal_term **terms;
	struct temporal_atom atom;

	return plan_atom(p, e, false, &atom, &terms) && ask_one(p, m, &atom, terms, window_ms, ret);
}

/* ---- windows ---- */

struct window {
	const struct temporal_expr *event;
	const struct temporal_expr *filters[TEMPORAL_FIELDS_MAX];
	size_t n_filters;
	bool tp; /* each event counts; otherwise each value does */
};

/* P, or P && tp(t) && x > 3 ... with t among the variables. */
static bool window_body(const struct temporal_expr *e, const struct plan_vars *v,
			struct window *ret)
{
	if (e->kind == TEMPORAL_EVENT) {
		ret->event = e;
		return true;
	}
	for (uint32_t i = 0; e->kind == TEMPORAL_AND && i < e->n_args; i++) {
		const struct temporal_expr *c = e->arg[i];

		if (c->kind == TEMPORAL_EVENT && !ret->event) {
			ret->event = c;
		} else if (c->kind == TEMPORAL_TP && plan_vars_have(v, c->left.slot) && !ret->tp) {
			ret->tp = true;
		} else if (c->kind == TEMPORAL_COMPARE && ret->event &&
			   ret->n_filters < TEMPORAL_FIELDS_MAX) {
			ret->filters[ret->n_filters++] = c;
		} else {
			return false;
		}
	}
	return ret->event != NULL;
}

/* formerly W (...) under count or sum. */
static bool window_of(struct planner *p, const struct temporal_agg *g, uint64_t cap,
		      struct temporal_query *ret)
{
	struct temporal_monitor m = {.kind = TEMPORAL_MONITOR_VALUES, .cap = cap};
	const struct temporal_term **terms;
	struct temporal_atom atom;
	struct window w = {0};
	struct plan_vars v = {0};

	if (g->body->kind != TEMPORAL_FORMERLY || g->n_binders > TEMPORAL_SLOTS_MAX) {
		return false;
	}
	for (size_t i = 0; i < g->n_binders; i++) {
		v.slots[v.n++] = g->binders[i].slot;
	}
	m.ttl_ms = g->body->window_ms;
	if (!window_body(g->body->arg[0], &v, &w) || !plan_vars_plain(&v, w.event) ||
	    !plan_atom(p, w.event, true, &atom, &terms)) {
		return false;
	}
	for (size_t i = 0; i < w.n_filters; i++) {
		if (!plan_filter(p, w.event, w.filters[i], &atom)) {
			return false;
		}
	}
	if (w.tp) {
		m.kind = TEMPORAL_MONITOR_RING;
	} else if (!plan_values(p, &v, w.event, &atom)) {
		return false;
	}
	if (g->sum) {
		m.sum = plan_var_field(w.event, g->summand_slot);
		m.cap = 0;
		if (!m.sum) {
			return false;
		}
	}
	return ask_one(p, m, &atom, terms, m.ttl_ms, ret);
}

/* How many entries decide a comparison with this constant. */
static uint64_t cap_of(const struct temporal_term *t)
{
	return t->kind == TEMPORAL_VALUE && t->value.kind == POLICY_LONG && t->value.i >= 0 &&
			       t->value.i < INT32_MAX
		       ? (uint64_t)t->value.i + 1
		       : 0;
}

static bool is_plain(const struct temporal_term *t)
{
	return t->kind == TEMPORAL_VALUE || t->kind == TEMPORAL_PATH;
}

/* What is compared, with the windows' places marked. */
static struct temporal_term term_of(const struct temporal_term *t)
{
	return is_plain(t) ? *t : (struct temporal_term){.kind = TEMPORAL_VAR};
}

static void add_compare(struct temporal_part *part, const struct temporal_expr *e)
{
	part->compares[part->n_compares++] =
		(struct temporal_compare){e->op, term_of(&e->left), term_of(&e->right)};
}

static struct temporal_part *part_window(struct planner *p, uint32_t max)
{
	struct temporal_part *part = part_new(p, TEMPORAL_PART_WINDOW);

	if (part) {
		part->compares = ARENA_ARRAY(p->a, max, struct temporal_compare);
		if (!part->compares) {
			plan_no_memory(p);
			return NULL;
		}
	}
	return part;
}

/* (count ...) op 3, 3 op (count ...), (count ...) op (count ...) */
static struct temporal_part *compare(struct planner *p, const struct temporal_expr *e)
{
	struct temporal_part *part = part_window(p, 1);
	const struct temporal_term *l = &e->left, *r = &e->right;

	if (!part || (l->kind != TEMPORAL_AGG && !is_plain(l)) ||
	    (r->kind != TEMPORAL_AGG && !is_plain(r))) {
		return NULL;
	}
	part->left_window = l->kind == TEMPORAL_AGG;
	part->right_window = r->kind == TEMPORAL_AGG;
	if (part->left_window && !window_of(p, l->agg, cap_of(r), &part->query)) {
		return NULL;
	}
	if (part->right_window && !window_of(p, r->agg, cap_of(l), &part->other)) {
		return NULL;
	}
	add_compare(part, e);
	return part;
}

/* exists (n: Long). ((count ...) == n && n > 3 && ...) */
static struct temporal_part *bound(struct planner *p, const struct temporal_expr *e)
{
	const struct temporal_expr *body = e->arg[0], *first;
	struct temporal_part *part = part_window(p, body->n_args + 1);
	const struct temporal_term *agg, *var;
	uint64_t cap = UINT64_MAX;

	if (!part || body->kind != TEMPORAL_AND || body->arg[0]->kind != TEMPORAL_COMPARE) {
		return NULL;
	}
	first = body->arg[0];
	agg = first->left.kind == TEMPORAL_AGG ? &first->left : &first->right;
	var = first->left.kind == TEMPORAL_AGG ? &first->right : &first->left;
	if (first->op != POLICY_EXPR_EQ || agg->kind != TEMPORAL_AGG || var->kind != TEMPORAL_VAR ||
	    var->slot != e->binder.slot) {
		return NULL;
	}
	for (uint32_t i = 1; i < body->n_args; i++) {
		const struct temporal_expr *c = body->arg[i];
		bool right = c->right.kind == TEMPORAL_VAR;
		const struct temporal_term *v = right ? &c->right : &c->left;
		const struct temporal_term *k = right ? &c->left : &c->right;

		if (c->kind != TEMPORAL_COMPARE || v->kind != TEMPORAL_VAR ||
		    v->slot != e->binder.slot || !is_plain(k)) {
			return NULL;
		}
		if (cap_of(k) == 0 || cap == 0) {
			cap = 0;
		} else if (cap == UINT64_MAX || cap_of(k) > cap) {
			cap = cap_of(k);
		}
		add_compare(part, c);
	}
	part->left_window = true;
	return window_of(p, agg->agg, cap == UINT64_MAX ? 0 : cap, &part->query) ? part : NULL;
}

/* ---- joins ---- */

struct join {
	struct plan_vars vars;
	const struct temporal_expr *now;
	const struct temporal_expr *events[TEMPORAL_ATOMS_MAX];
	int64_t windows[TEMPORAL_ATOMS_MAX];
	uint32_t not_atoms;
	size_t n;
	const struct temporal_expr *filters[TEMPORAL_FIELDS_MAX];
	size_t n_filters;
	/* what names none of the variables */
	const struct temporal_expr *apart[TEMPORAL_FIELDS_MAX];
	size_t n_apart;
};

static bool names_any(const struct temporal_expr *e, const struct plan_vars *v);

static bool term_names_any(const struct temporal_term *t, const struct plan_vars *v)
{
	return t->kind == TEMPORAL_AGG ? names_any(t->agg->body, v)
				       : t->kind == TEMPORAL_VAR && plan_vars_have(v, t->slot);
}

static bool names_any(const struct temporal_expr *e, const struct plan_vars *v)
{
	if (term_names_any(&e->left, v) || term_names_any(&e->right, v)) {
		return true;
	}
	for (uint32_t i = 0; i < e->n_fields; i++) {
		if (term_names_any(&e->fields[i].term, v)) {
			return true;
		}
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (names_any(e->arg[i], v)) {
			return true;
		}
	}
	return false;
}

static bool join_event(struct join *j, const struct temporal_expr *e)
{
	bool not = e->kind == TEMPORAL_NOT;

	e = not ? e->arg[0] : e;
	if (e->kind == TEMPORAL_EVENT && !not &&!j->now) {
		j->now = e;
		return true;
	}
	if (e->kind != TEMPORAL_FORMERLY || e->arg[0]->kind != TEMPORAL_EVENT ||
	    j->n == TEMPORAL_ATOMS_MAX) {
		return false;
	}
	j->not_atoms |= not ? 1u << j->n : 0;
	j->windows[j->n] = e->window_ms;
	j->events[j->n++] = e->arg[0];
	return true;
}

/* The conjuncts of the body of one exists or several in a row. */
static bool join_of(const struct temporal_expr *e, struct join *j)
{
	const struct temporal_expr *const *list = NULL;
	uint32_t n = 1;

	for (; e->kind == TEMPORAL_EXISTS; e = e->arg[0]) {
		j->vars.slots[j->vars.n++] = e->binder.slot;
	}
	if (e->kind == TEMPORAL_AND) {
		list = (const struct temporal_expr *const *)e->arg;
		n = e->n_args;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct temporal_expr *c = list ? list[i] : e;

		if (j->n_apart == TEMPORAL_FIELDS_MAX || j->n_filters == TEMPORAL_FIELDS_MAX) {
			return false;
		}
		if (!names_any(c, &j->vars)) {
			j->apart[j->n_apart++] = c;
		} else if (c->kind == TEMPORAL_COMPARE) {
			j->filters[j->n_filters++] = c;
		} else if (!join_event(j, c)) {
			return false;
		}
	}
	return j->n > 0 || j->now;
}

/* The event with its values and the filters over them. */
static bool join_atom(struct planner *p, const struct join *j, const struct temporal_expr *event,
		      struct temporal_atom *ret, const struct temporal_term ***terms)
{
	if (!plan_vars_plain(&j->vars, event) || !plan_atom(p, event, true, ret, terms) ||
	    !plan_values(p, &j->vars, event, ret)) {
		return false;
	}
	for (size_t i = 0; i < j->n_filters; i++) {
		if (!plan_filter(p, event, j->filters[i], ret)) {
			return false;
		}
	}
	return true;
}

static bool same_terms(const struct temporal_term *const *a, size_t n_a,
		       const struct temporal_term *const *b, size_t n_b)
{
	if (n_a != n_b) {
		return false;
	}
	for (size_t i = 0; i < n_a; i++) {
		if (plan_term_cmp(a[i], b[i]) != 0) {
			return false;
		}
	}
	return true;
}

static bool join_monitor(struct planner *p, const struct join *j, struct temporal_query *ret)
{
	struct temporal_monitor m = {.kind = TEMPORAL_MONITOR_VALUES, .n_atoms = (uint32_t)j->n};
	const struct temporal_term **terms = NULL, **other;

	m.atoms = ARENA_ARRAY(p->a, j->n, struct temporal_atom);
	if (!m.atoms) {
		return plan_no_memory(p);
	}
	for (size_t i = 0; i < j->n; i++) {
		if (!join_atom(p, j, j->events[i], &m.atoms[i], &other)) {
			return false;
		}
		terms = i == 0 ? other : terms;
		if (!same_terms(terms, m.atoms[0].n_keys, other, m.atoms[i].n_keys)) {
			return false;
		}
		m.atoms[i].window_ms = j->windows[i];
		m.ttl_ms = j->windows[i] > m.ttl_ms ? j->windows[i] : m.ttl_ms;
	}
	return plan_terms(p, terms, m.atoms[0].n_keys, &ret->terms) &&
	       plan_monitor(p, m, &ret->monitor);
}

/* The only event: whether any value will do, so the last time is enough. */
static bool join_single(struct planner *p, const struct join *j, struct temporal_query *ret)
{
	struct temporal_monitor m = {.kind = TEMPORAL_MONITOR_LAST, .ttl_ms = j->windows[0]};
	const struct temporal_term **terms;
	struct temporal_atom atom;

	if (!join_atom(p, j, j->events[0], &atom, &terms)) {
		return false;
	}
	atom.values = NULL;
	atom.n_values = 0;
	return ask_one(p, m, &atom, terms, j->windows[0], ret);
}

static struct temporal_part *join_part(struct planner *p, const struct join *j)
{
	struct temporal_part *part = part_new(p, TEMPORAL_PART_JOIN);
	const struct temporal_term **terms;
	struct temporal_atom *now;

	if (!part) {
		return NULL;
	}
	if (!j->now && j->n == 1 && !j->not_atoms) {
		part->kind = TEMPORAL_PART_LAST;
		return join_single(p, j, &part->query) ? part : NULL;
	}
	if (j->n == 0 || (j->not_atoms && !j->now) || !join_monitor(p, j, &part->query)) {
		return NULL;
	}
	part->not_atoms = j->not_atoms;
	if (j->now) {
		now = ARENA_NEW(p->a, struct temporal_atom);
		if (!now) {
			plan_no_memory(p);
			return NULL;
		}
		/* Its own keys are compared when it is asked: their terms are in them. */
		if (!join_atom(p, j, j->now, now, &terms)) {
			return NULL;
		}
		part->now = now;
	}
	return part;
}

/* exists x. (P{x} && formerly W Q{x} && x != 3 && what does not name x) */
static struct temporal_part *join(struct planner *p, const struct temporal_expr *e)
{
	struct temporal_part *part = part_new(p, TEMPORAL_PART_AND);
	struct join *j = ARENA_NEW(p->a, struct join);

	if (!part || !j) {
		plan_no_memory(p);
		return NULL;
	}
	if (!join_of(e, j)) {
		return NULL;
	}
	part->kid = ARENA_ARRAY(p->a, j->n_apart + 1, struct temporal_part *);
	if (!part->kid) {
		plan_no_memory(p);
		return NULL;
	}
	for (size_t i = 0; i <= j->n_apart; i++) {
		part->kid[i] = i < j->n_apart ? plan_part(p, j->apart[i]) : join_part(p, j);
		if (!part->kid[i]) {
			return NULL;
		}
		part->n_kids++;
	}
	return part;
}

/* ---- parts ---- */

static bool is_now(const struct temporal_expr *e);

static bool term_now(const struct temporal_term *t)
{
	return t->kind != TEMPORAL_AGG || is_now(t->agg->body);
}

static bool is_now(const struct temporal_expr *e)
{
	if (e->kind == TEMPORAL_FORMERLY || e->kind == TEMPORAL_PREVIOUS ||
	    e->kind == TEMPORAL_SINCE || !term_now(&e->left) || !term_now(&e->right)) {
		return false;
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (!is_now(e->arg[i])) {
			return false;
		}
	}
	return true;
}

static struct temporal_part *since(struct planner *p, const struct temporal_expr *e)
{
	struct temporal_part *part = part_new(p, TEMPORAL_PART_SINCE);
	const struct temporal_expr *left = e->arg[0];

	if (!part) {
		return NULL;
	}
	if (left->kind == TEMPORAL_NOT) {
		part->negated = true;
		left = left->arg[0];
	}
	return last_of(p, e->arg[1], e->window_ms, &part->query) &&
			       last_of(p, left, e->window_ms, &part->other)
		       ? part
		       : NULL;
}

/* All of && or the one of !; none has free variables, since none is bound outside. */
static struct temporal_part *kids(struct planner *p, const struct temporal_expr *e,
				  enum temporal_part_kind kind)
{
	struct temporal_part *part = part_new(p, kind);

	if (!part) {
		return NULL;
	}
	part->kid = ARENA_ARRAY(p->a, e->n_args, struct temporal_part *);
	if (!part->kid) {
		plan_no_memory(p);
		return NULL;
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		part->kid[i] = plan_part(p, e->arg[i]);
		if (!part->kid[i]) {
			return NULL;
		}
		part->n_kids++;
	}
	return part;
}

static struct temporal_part *formerly(struct planner *p, const struct temporal_expr *e)
{
	struct temporal_part *part = part_new(
		p, e->kind == TEMPORAL_FORMERLY ? TEMPORAL_PART_LAST : TEMPORAL_PART_PREVIOUS);

	return part && last_of(p, e->arg[0], e->window_ms, &part->query) ? part : NULL;
}

struct temporal_part *plan_part(struct planner *p, const struct temporal_expr *e)
{
	struct temporal_part *part;

	if (is_now(e) && e->kind != TEMPORAL_AND && e->kind != TEMPORAL_NOT) {
		part = part_new(p, TEMPORAL_PART_NOW);
		if (part) {
			part->expr = e;
		}
		return part;
	}
	switch (e->kind) {
	case TEMPORAL_AND:
		return kids(p, e, TEMPORAL_PART_AND);
	case TEMPORAL_NOT:
		return kids(p, e, TEMPORAL_PART_NOT);
	case TEMPORAL_FORMERLY:
	case TEMPORAL_PREVIOUS:
		return formerly(p, e);
	case TEMPORAL_SINCE:
		return since(p, e);
	case TEMPORAL_COMPARE:
		return compare(p, e);
	case TEMPORAL_EXISTS:
		part = bound(p, e);
		return part || p->nomem ? part : join(p, e);
	case TEMPORAL_TP:
	case TEMPORAL_EVENT:
	case TEMPORAL_PARAM:
	case TEMPORAL_TERM:
		break;
	}
	return NULL;
}
