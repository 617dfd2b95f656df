/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/temporal_reference.h"

#include "base/num.h"
#include "policy/sort.h"

/* Assignments: rows of `width` values, POLICY_NONE where a variable is free. */
struct rows {
	struct policy_value *at;
	size_t n, cap; /* in rows */
};

struct search {
	const struct temporal_history *h;
	const struct policy_env *env;
	struct arena *a;
	size_t width;
	uint64_t steps, max_steps;
	bool failed; /* too long, or out of memory */
};

struct sorted {
	const struct policy_value *v;
	size_t width;
};

static bool eval(struct search *s, const struct temporal_expr *e, size_t i,
		 const struct policy_value *row, struct rows *out);

static bool step(struct search *s, uint64_t n)
{
	s->steps += n;
	if (s->steps > s->max_steps) {
		s->failed = true;
	}
	return !s->failed;
}

static struct policy_value *add_row(struct search *s, struct rows *r,
				    const struct policy_value *row)
{
	struct policy_value *to;

	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 4, bytes;
		struct policy_value *grown = num_mul(cap, s->width * sizeof(*grown), &bytes)
						     ? arena_alloc(s->a, bytes)
						     : NULL;

		if (!grown) {
			s->failed = true;
			return NULL;
		}
		if (r->n > 0) {
			memcpy(grown, r->at, r->n * s->width * sizeof(*grown));
		}
		r->at = grown;
		r->cap = cap;
	}
	to = &r->at[r->n++ * s->width];
	memcpy(to, row, s->width * sizeof(*to));
	return to;
}

static int slot_cmp(struct policy_value a, struct policy_value b)
{
	if (a.kind == POLICY_NONE || b.kind == POLICY_NONE) {
		return (int)(a.kind != POLICY_NONE) - (int)(b.kind != POLICY_NONE);
	}
	return policy_value_cmp(a, b);
}

static int row_cmp(const void *pa, const void *pb)
{
	const struct sorted *a = pa, *b = pb;

	for (size_t i = 0; i < a->width; i++) {
		int c = slot_cmp(a->v[i], b->v[i]);

		if (c != 0) {
			return c;
		}
	}
	return 0;
}

/* Drops equal rows from `from` on. */
static bool distinct(struct search *s, struct rows *r, size_t width)
{
	struct sorted *order;
	struct rows kept = {0};
	size_t n = r->n;

	if (n < 2) {
		return true;
	}
	order = ARENA_ARRAY(s->a, n, struct sorted);
	kept.at = ARENA_ARRAY(s->a, n * width, struct policy_value);
	if (!order || !kept.at) {
		s->failed = true;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		order[i] = (struct sorted){&r->at[i * width], width};
	}
	policy_sort(order, n, sizeof(*order), row_cmp);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || row_cmp(&order[i - 1], &order[i]) != 0) {
			memcpy(&kept.at[kept.n++ * width], order[i].v, width * sizeof(*order[i].v));
		}
	}
	kept.cap = n;
	*r = kept;
	return step(s, n);
}

struct policy_value temporal_request_path(const struct policy_env *env, enum policy_var base,
					  const struct str *names, uint32_t n)
{
	struct policy_value v = env->context;

	if (base == POLICY_VAR_PRINCIPAL) {
		v = policy_entity(env->principal);
	} else if (base == POLICY_VAR_RESOURCE) {
		v = policy_entity(env->resource);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct policy_value next;

		if (policy_op_get(env, v, names[i], &next) != POLICY_FAULT_NONE) {
			return (struct policy_value){0};
		}
		v = next;
	}
	return v;
}

const struct policy_value *temporal_event_field(struct policy_value fields, const struct str *path,
						uint32_t n)
{
	const struct policy_value *v = &fields, *found = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (v->kind != POLICY_RECORD) {
			return NULL;
		}
		found = policy_record_find(*v, path[i]);
		if (!found) {
			return NULL;
		}
		v = found;
	}
	return found;
}

static int64_t clamp(__int128 v)
{
	if (v > INT64_MAX) {
		return INT64_MAX;
	}
	return v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

/* Distinct projections onto the aggregate's variables: their number, or the sum of one. */
static bool aggregate(struct search *s, const struct temporal_agg *g, size_t i,
		      const struct policy_value *row, struct policy_value *ret)
{
	struct rows all = {0}, some = {0};
	__int128 sum = 0;
	size_t column = 0;

	if (!eval(s, g->body, i, row, &all)) {
		return false;
	}
	some.at = ARENA_ARRAY(s->a, all.n * g->n_binders, struct policy_value);
	if (!some.at) {
		s->failed = true;
		return false;
	}
	for (size_t r = 0; r < all.n; r++) {
		for (size_t b = 0; b < g->n_binders; b++) {
			some.at[r * g->n_binders + b] = all.at[r * s->width + g->binders[b].slot];
		}
	}
	some.n = all.n;
	if (!distinct(s, &some, g->n_binders)) {
		return false;
	}
	for (size_t b = 0; b < g->n_binders; b++) {
		if (g->sum && g->binders[b].slot == g->summand_slot) {
			column = b;
		}
	}
	for (size_t r = 0; r < some.n; r++) {
		struct policy_value v = some.at[r * g->n_binders + column];

		sum += v.kind == POLICY_LONG ? v.i : 0;
	}
	*ret = policy_long(g->sum ? clamp(sum) : (int64_t)some.n);
	return true;
}

/* A term's value; POLICY_NONE when it has none. */
static bool term(struct search *s, const struct temporal_term *t, size_t i,
		 const struct policy_value *row, struct policy_value *ret)
{
	*ret = (struct policy_value){0};
	if (t->kind == TEMPORAL_VALUE) {
		*ret = t->value;
	} else if (t->kind == TEMPORAL_PATH) {
		*ret = temporal_request_path(s->env, t->base, t->names, t->n_names);
	} else if (t->kind == TEMPORAL_VAR) {
		*ret = row[t->slot];
	} else if (t->kind == TEMPORAL_AGG) {
		return aggregate(s, t->agg, i, row, ret);
	}
	return true;
}

static bool event(struct search *s, const struct temporal_expr *e, size_t i,
		  const struct policy_value *row, struct rows *out)
{
	const struct temporal_event *ev = s->h->events[i];
	struct policy_value *m;

	if (!policy_uid_eq(ev->action, &e->action) || !str_eq(ev->kind, e->event_kind)) {
		return true;
	}
	m = add_row(s, out, row);
	if (!m) {
		return false;
	}
	for (uint32_t k = 0; k < e->n_fields; k++) {
		const struct temporal_field *f = &e->fields[k];
		const struct policy_value *v = temporal_event_field(ev->fields, f->path, f->n_path);
		struct policy_value want;

		if (!v || !term(s, &f->term, i, m, &want)) {
			out->n--;
			return !s->failed;
		}
		if (f->term.kind == TEMPORAL_WILD) {
			continue;
		}
		if (f->term.kind == TEMPORAL_VAR && want.kind == POLICY_NONE) {
			m[f->term.slot] = *v;
		} else if (want.kind == POLICY_NONE || !policy_value_eq(want, *v)) {
			out->n--;
			return true;
		}
	}
	return true;
}

static bool ordered(enum policy_expr_kind op, int64_t a, int64_t b)
{
	if (op == POLICY_EXPR_LT) {
		return a < b;
	}
	if (op == POLICY_EXPR_LE) {
		return a <= b;
	}
	return op == POLICY_EXPR_GT ? a > b : a >= b;
}

static bool compare(struct search *s, const struct temporal_expr *e, size_t i,
		    const struct policy_value *row, struct rows *out)
{
	struct policy_value l, r;
	bool holds;

	if (!term(s, &e->left, i, row, &l) || !term(s, &e->right, i, row, &r)) {
		return false;
	}
	if (l.kind == POLICY_NONE || r.kind == POLICY_NONE) {
		const struct temporal_term *var = l.kind == POLICY_NONE ? &e->left : &e->right;
		struct policy_value *m;

		if (e->op != POLICY_EXPR_EQ || var->kind != TEMPORAL_VAR || l.kind == r.kind) {
			return true;
		}
		m = add_row(s, out, row);
		if (m) {
			m[var->slot] = l.kind == POLICY_NONE ? r : l;
		}
		return m != NULL;
	}
	if (e->op == POLICY_EXPR_EQ || e->op == POLICY_EXPR_NE) {
		holds = policy_value_eq(l, r) == (e->op == POLICY_EXPR_EQ);
	} else {
		holds = l.kind == POLICY_LONG && r.kind == POLICY_LONG && ordered(e->op, l.i, r.i);
	}
	return !holds || add_row(s, out, row) != NULL;
}

static bool conjunction(struct search *s, const struct temporal_expr *e, size_t i,
			const struct policy_value *row, struct rows *out)
{
	struct rows now = {0};

	if (!add_row(s, &now, row)) {
		return false;
	}
	for (uint32_t k = 0; k < e->n_args; k++) {
		struct rows next = {0};

		for (size_t r = 0; r < now.n; r++) {
			if (!eval(s, e->arg[k], i, &now.at[r * s->width], &next)) {
				return false;
			}
		}
		now = next;
	}
	for (size_t r = 0; r < now.n; r++) {
		if (!add_row(s, out, &now.at[r * s->width])) {
			return false;
		}
	}
	return true;
}

/* Is event j in the window that ends at event i? Time that runs backwards counts as 0. */
static bool in_window(const struct search *s, size_t i, size_t j, int64_t window_ms)
{
	int64_t now = s->h->events[i]->ts_ms, then = s->h->events[j]->ts_ms, d;

	if (then >= now) {
		return true;
	}
	return !__builtin_sub_overflow(now, then, &d) && d <= window_ms;
}

/* Appends what was gathered apart, once each. */
static bool gather(struct search *s, struct rows *found, struct rows *out)
{
	if (!distinct(s, found, s->width)) {
		return false;
	}
	for (size_t r = 0; r < found->n; r++) {
		if (!add_row(s, out, &found->at[r * s->width])) {
			return false;
		}
	}
	return true;
}

static bool formerly(struct search *s, const struct temporal_expr *e, size_t i,
		     const struct policy_value *row, struct rows *out)
{
	struct rows found = {0};

	for (size_t j = i + 1; j-- > 0;) {
		if (in_window(s, i, j, e->window_ms) && !eval(s, e->arg[0], j, row, &found)) {
			return false;
		}
		if (!step(s, 1)) {
			return false;
		}
	}
	return gather(s, &found, out);
}

/* Does the left side hold at every point after j up to i, under the row? */
static bool held_since(struct search *s, const struct temporal_expr *left, size_t j, size_t i,
		       const struct policy_value *row, bool *ret)
{
	*ret = true;
	for (size_t k = j + 1; k <= i && *ret; k++) {
		struct rows found = {0};

		if (!eval(s, left, k, row, &found) || !step(s, 1)) {
			return false;
		}
		*ret = found.n > 0;
	}
	return true;
}

static bool since(struct search *s, const struct temporal_expr *e, size_t i,
		  const struct policy_value *row, struct rows *out)
{
	struct rows kept = {0};

	for (size_t j = i + 1; j-- > 0;) {
		struct rows anchors = {0};

		if (!step(s, 1)) {
			return false;
		}
		if (!in_window(s, i, j, e->window_ms)) {
			continue;
		}
		if (!eval(s, e->arg[1], j, row, &anchors)) {
			return false;
		}
		for (size_t r = 0; r < anchors.n; r++) {
			const struct policy_value *m = &anchors.at[r * s->width];
			bool held;

			if (!held_since(s, e->arg[0], j, i, m, &held) ||
			    (held && !add_row(s, &kept, m))) {
				return false;
			}
		}
	}
	return gather(s, &kept, out);
}

static bool exists(struct search *s, const struct temporal_expr *e, size_t i,
		   const struct policy_value *row, struct rows *out)
{
	struct rows found = {0};

	if (!eval(s, e->arg[0], i, row, &found)) {
		return false;
	}
	for (size_t r = 0; r < found.n; r++) {
		found.at[r * s->width + e->binder.slot] = (struct policy_value){0};
	}
	return gather(s, &found, out);
}

static bool negation(struct search *s, const struct temporal_expr *e, size_t i,
		     const struct policy_value *row, struct rows *out)
{
	struct rows found = {0};

	if (!eval(s, e->arg[0], i, row, &found)) {
		return false;
	}
	return found.n > 0 || add_row(s, out, row) != NULL;
}

static bool time_point(struct search *s, const struct temporal_expr *e, size_t i,
		       const struct policy_value *row, struct rows *out)
{
	struct policy_value *m;

	if (row[e->left.slot].kind != POLICY_NONE) {
		return row[e->left.slot].i != (int64_t)i || add_row(s, out, row) != NULL;
	}
	m = add_row(s, out, row);
	if (m) {
		m[e->left.slot] = policy_long((int64_t)i);
	}
	return m != NULL;
}

static bool eval(struct search *s, const struct temporal_expr *e, size_t i,
		 const struct policy_value *row, struct rows *out)
{
	if (!step(s, 1)) {
		return false;
	}
	switch (e->kind) {
	case TEMPORAL_AND:
		return conjunction(s, e, i, row, out);
	case TEMPORAL_NOT:
		return negation(s, e, i, row, out);
	case TEMPORAL_FORMERLY:
		return formerly(s, e, i, row, out);
	case TEMPORAL_PREVIOUS:
		return i == 0 || !in_window(s, i, i - 1, e->window_ms) ||
		       eval(s, e->arg[0], i - 1, row, out);
	case TEMPORAL_SINCE:
		return since(s, e, i, row, out);
	case TEMPORAL_EXISTS:
		return exists(s, e, i, row, out);
	case TEMPORAL_TP:
		return time_point(s, e, i, row, out);
	case TEMPORAL_COMPARE:
		return compare(s, e, i, row, out);
	case TEMPORAL_EVENT:
		return event(s, e, i, row, out);
	case TEMPORAL_PARAM:
	case TEMPORAL_TERM:
		break;
	}
	s->failed = true;
	return false;
}

enum err_code temporal_holds_within(const struct temporal_leaf *leaf,
				    const struct temporal_history *h, const struct policy_env *env,
				    struct arena *scratch, uint64_t max_steps, bool *ret,
				    struct err *err)
{
	struct search s = {.h = h, .env = env, .a = scratch, .max_steps = max_steps};
	struct policy_value row[TEMPORAL_SLOTS_MAX] = {0};
	struct rows out = {0};

	s.width = leaf->n_slots > 0 ? leaf->n_slots : 1;
	if (!eval(&s, leaf->expr, h->n - 1, row, &out)) {
		if (s.steps > max_steps) {
			return ERR(err, ERR_LIMIT, "temporal condition took more than %llu steps",
				   (unsigned long long)max_steps);
		}
		return ERR(err, ERR_NOMEM, "temporal condition: out of memory");
	}
	*ret = out.n > 0;
	return ERR_OK;
}

enum err_code temporal_holds(const struct temporal_leaf *leaf, const struct temporal_history *h,
			     const struct policy_env *env, struct arena *scratch, bool *ret,
			     struct err *err)
{
	return temporal_holds_within(leaf, h, env, scratch, TEMPORAL_STEPS_MAX, ret, err);
}
