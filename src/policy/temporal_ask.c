/* SPDX-License-Identifier: Apache-2.0 */
/* What a leaf's value is, from the state. */
#include "policy/temporal_state_priv.h"

#include "policy/temporal_bytes.h"

struct ask {
	struct temporal_state *s;
	const struct temporal_leaf *leaf;
	const struct temporal_event *ev;
	const struct policy_env *env;
	struct arena *a;
	struct err *err;
};

/* The entry for this request's key, or NULL. */
static enum err_code entry_of(struct ask *k, const struct temporal_query *q,
			      struct temporal_entry **ret)
{
	const struct temporal_monitor *m = &k->s->plan->monitors[q->monitor];
	struct policy_value keys[TEMPORAL_FIELDS_MAX];
	uint64_t hash[2];
	bool nomem = false;

	*ret = NULL;
	for (size_t i = 0; i < m->pattern.n_keys; i++) {
		keys[i] = temporal_request_path(k->env, q->terms[i]->base, q->terms[i]->names,
						q->terms[i]->n_names);
		if (keys[i].kind == POLICY_NONE) {
			return ERR_OK;
		}
	}
	if (!temporal_key_hash(k->s->plan, q->monitor, keys, m->pattern.n_keys, k->a, hash,
			       &nomem)) {
		return ERR(k->err, ERR_NOMEM, "temporal condition: out of memory");
	}
	*ret = temporal_state_find(k->s, hash);
	if (*ret && temporal_entry_free(*ret)) {
		*ret = NULL;
	}
	return ERR_OK;
}

static enum err_code last(struct ask *k, const struct temporal_part *p, bool *ret)
{
	struct temporal_entry *e;

	TRY(entry_of(k, &p->query, &e));
	*ret = e && !temporal_older(k->s->now, e->ts, p->window_ms);
	return ERR_OK;
}

/* Was the event before this one a match? Its time is looked up in the history's own clock. */
static enum err_code previous(struct ask *k, const struct temporal_part *p, bool *ret)
{
	struct temporal_entry *e;

	TRY(entry_of(k, &p->query, &e));
	*ret = false;
	if (e && k->s->events > 1) {
		uint64_t wanted = k->s->events - 1;

		*ret = (e->last == wanted || (e->last == k->s->events && e->before == wanted)) &&
		       !temporal_older(k->s->now, k->s->earlier, p->window_ms);
	}
	return ERR_OK;
}

/* The newest anchor is the best one: nearest in time, and with the fewest events behind it. */
static enum err_code since(struct ask *k, const struct temporal_part *p, bool *ret)
{
	struct temporal_entry *anchor, *left;

	TRY(entry_of(k, &p->query, &anchor));
	TRY(entry_of(k, &p->other, &left));
	*ret = false;
	if (!anchor || temporal_older(k->s->now, anchor->ts, p->window_ms)) {
		return ERR_OK;
	}
	if (p->negated) {
		*ret = !left || left->last <= anchor->last;
	} else {
		*ret = anchor->last == k->s->events ||
		       (left && left->last == k->s->events && left->run <= anchor->last + 1);
	}
	return ERR_OK;
}

static int64_t clamp(__int128 v)
{
	if (v > INT64_MAX) {
		return INT64_MAX;
	}
	return v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

static enum err_code window(struct ask *k, const struct temporal_query *q, struct policy_value *ret)
{
	const struct temporal_monitor *m = &k->s->plan->monitors[q->monitor];
	struct temporal_entry *e;
	__int128 gone = 0;
	uint32_t n = 0;

	TRY(entry_of(k, q, &e));
	*ret = policy_long(0);
	if (!e || !e->ring) {
		return ERR_OK;
	}
	while (n < e->ring->n &&
	       temporal_older(k->s->now, temporal_ring_at(e->ring, n)[0], m->ttl_ms)) {
		gone += e->ring->values ? temporal_ring_at(e->ring, n)[1] : 0;
		n++;
	}
	*ret = policy_long(m->sum ? clamp(e->ring->sum - gone) : (int64_t)(e->ring->n - n));
	return ERR_OK;
}

static bool compare(enum policy_expr_kind op, struct policy_value a, struct policy_value b)
{
	if (a.kind == POLICY_NONE || b.kind == POLICY_NONE) {
		return false;
	}
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

static struct policy_value plain(struct ask *k, const struct temporal_term *t,
				 struct policy_value var)
{
	if (t->kind == TEMPORAL_VAR) {
		return var;
	}
	return t->kind == TEMPORAL_PATH
		       ? temporal_request_path(k->env, t->base, t->names, t->n_names)
		       : t->value;
}

static enum err_code windows(struct ask *k, const struct temporal_part *p, bool *ret)
{
	struct policy_value l = {0}, r = {0};

	if (!p->binds) {
		if (p->left_window) {
			TRY(window(k, &p->query, &l));
		} else {
			l = plain(k, &p->expr->left, l);
		}
		if (p->right_window) {
			TRY(window(k, &p->other, &r));
		} else {
			r = plain(k, &p->expr->right, r);
		}
		*ret = compare(p->expr->op, l, r);
		return ERR_OK;
	}
	TRY(window(k, &p->query, &l));
	*ret = true;
	for (size_t i = 0; i < p->n_rest && *ret; i++) {
		*ret = compare(p->rest[i]->op, plain(k, &p->rest[i]->left, l),
			       plain(k, &p->rest[i]->right, l));
	}
	return ERR_OK;
}

static enum err_code now(struct ask *k, const struct temporal_part *p, bool *ret)
{
	struct temporal_leaf leaf = *k->leaf;
	const struct temporal_history h = {&k->ev, 1};

	leaf.expr = (struct temporal_expr *)(uintptr_t)p->expr; /* only read */
	return temporal_holds(&leaf, &h, k->env, k->a, ret, k->err);
}

static enum err_code part(struct ask *k, const struct temporal_part *p, bool *ret)
{
	switch (p->kind) {
	case TEMPORAL_PART_NOW:
		return now(k, p, ret);
	case TEMPORAL_PART_LAST:
		return last(k, p, ret);
	case TEMPORAL_PART_PREVIOUS:
		return previous(k, p, ret);
	case TEMPORAL_PART_SINCE:
		return since(k, p, ret);
	case TEMPORAL_PART_WINDOW:
		return windows(k, p, ret);
	case TEMPORAL_PART_NOT:
		TRY(part(k, p->kid[0], ret));
		*ret = !*ret;
		return ERR_OK;
	case TEMPORAL_PART_AND:
		break;
	}
	*ret = true;
	for (size_t i = 0; i < p->n_kids && *ret; i++) {
		TRY(part(k, p->kid[i], ret));
	}
	return ERR_OK;
}

static enum err_code open_kept(struct ask *k, const struct temporal_kept *kept,
			       struct temporal_event *ev)
{
	static const struct policy_uid nobody;
	const struct temporal_topic *t;
	struct str bytes = str_make(kept->bytes, kept->n);

	ev->ts_ms = kept->ts;
	ev->action = &nobody;
	if (kept->topic == 0) {
		return ERR_OK;
	}
	t = &k->s->plan->topics[kept->topic - 1];
	ev->action = &t->action;
	ev->kind = t->kind;
	if (!temporal_get_value(&bytes, k->a, &ev->fields)) {
		return ERR(k->err, k->a->exhausted ? ERR_NOMEM : ERR_CORRUPT,
			   "temporal condition: out of memory, or a kept event is damaged");
	}
	return ERR_OK;
}

/* The reference evaluator over the events kept; the decision's own event is the last of them. */
static enum err_code general(struct ask *k, bool *ret)
{
	struct temporal_state *s = k->s;
	struct temporal_event *events = ARENA_ARRAY(k->a, s->kept_n + 1, struct temporal_event);
	const struct temporal_event **list =
		ARENA_ARRAY(k->a, s->kept_n + 1, const struct temporal_event *);
	struct temporal_history h = {list, 0};

	if (!events || !list) {
		return ERR(k->err, ERR_NOMEM, "temporal condition: out of memory");
	}
	for (size_t i = 0; i < s->kept_n; i++) {
		const struct temporal_kept *kept = &s->kept[(s->kept_start + i) % s->kept_cap];

		TRY(open_kept(k, kept, &events[i]));
		list[h.n++] = &events[i];
	}
	if (!s->last_kept) {
		list[h.n++] = k->ev;
	}
	return temporal_holds(k->leaf, &h, k->env, k->a, ret, k->err);
}

enum err_code temporal_state_leaf(struct temporal_state *s, size_t leaf,
				  const struct temporal_event *ev, const struct policy_env *env,
				  struct arena *scratch, bool *ret, struct err *err)
{
	struct ask k = {s, &s->plan->prog->leaves[leaf], ev, env, scratch, err};
	const struct temporal_part *p = s->plan->leaves[leaf].part;

	if (!s->saturated) {
		return p ? part(&k, p, ret) : general(&k, ret);
	}
	if (k.leaf->safe == 0) {
		return ERR(err, ERR_LIMIT, "the history needs more than %zu bytes",
			   s->plan->max_bytes);
	}
	*ret = k.leaf->safe > 0;
	return ERR_OK;
}
