/* SPDX-License-Identifier: Apache-2.0 */
/* What a leaf's value is, from the state. */
#include "policy/temporal_state_priv.h"

#include "policy/temporal_bytes.h"

struct ask {
	struct temporal_state *s;
	const struct temporal_leaf *leaf;
	struct temporal_expr *expr; /* the leaf's, when it is general */
	struct temporal_asking *q;
	struct err *err;
};

void temporal_asking_init(struct temporal_asking *q, const struct temporal_event *ev,
			  const struct policy_env *env, struct arena *scratch)
{
	*q = (struct temporal_asking){.ev = ev, .env = env, .scratch = scratch};
}

/* Hash of the request's side of a key; false: it lacks a part, so nothing can match. */
static enum err_code key_of(struct ask *k, uint32_t terms, const struct temporal_key **ret)
{
	const struct temporal_terms *list = &k->s->plan->terms[terms];
	struct temporal_key *key = &k->q->keys[terms % TEMPORAL_KEYS];
	char small[256];
	struct temporal_bytes b = {.a = k->q->scratch, .p = small, .cap = sizeof(small)};

	*ret = key;
	if (key->terms == terms + 1) {
		return ERR_OK;
	}
	*key = (struct temporal_key){.terms = terms + 1};
	for (size_t i = 0; i < list->n; i++) {
		struct policy_value v =
			temporal_request_path(k->q->env, list->items[i]->base,
					      list->items[i]->names, list->items[i]->n_names);

		if (v.kind == POLICY_NONE) {
			key->missing = true;
			return ERR_OK;
		}
		temporal_put_value(&b, v);
	}
	if (b.failed) {
		key->terms = 0;
		return ERR(k->err, ERR_NOMEM, "temporal condition: out of memory");
	}
	temporal_hash(k->s->plan, &b, key->hash);
	return ERR_OK;
}

/* The entry for this request's key, or NULL. */
static enum err_code entry_of(struct ask *k, const struct temporal_query *q,
			      struct temporal_entry **ret)
{
	const struct temporal_key *key;
	uint64_t hash[2];

	*ret = NULL;
	TRY(key_of(k, q->terms, &key));
	if (!key->missing) {
		temporal_salt(k->s->plan, q->monitor, key->hash, hash);
		*ret = temporal_entry_find(k->s, hash);
	}
	return ERR_OK;
}

static enum err_code last(struct ask *k, const struct temporal_part *p, bool *ret)
{
	struct temporal_entry *e;

	TRY(entry_of(k, &p->query, &e));
	*ret = e && !temporal_older(k->s->now, e->ts, p->query.window_ms);
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
		       !temporal_older(k->s->now, k->s->earlier, p->query.window_ms);
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
	if (!anchor || temporal_older(k->s->now, anchor->ts, p->query.window_ms)) {
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

static enum err_code window(struct ask *k, const struct temporal_query *q, struct policy_value *ret)
{
	const struct temporal_monitor *m = &k->s->plan->monitors[q->monitor];
	struct temporal_entry *e;

	TRY(entry_of(k, q, &e));
	*ret = policy_long(0);
	if (e && m->kind == TEMPORAL_MONITOR_RING) {
		*ret = policy_long(temporal_ring_total(e->ring, m, k->s->now, q->window_ms));
	} else if (e) {
		*ret = policy_long(temporal_values_total(k->s, e->values, m));
	}
	return ERR_OK;
}

/* Does the decision's own event match, with the request in its keys? */
static bool matches_now(struct ask *k, const struct temporal_atom *m)
{
	const struct temporal_event *ev = k->q->ev;

	if (!policy_uid_eq(ev->action, &m->action) || !str_eq(ev->kind, m->kind) ||
	    !temporal_atom_matches(m, ev)) {
		return false;
	}
	for (size_t i = 0; i < m->n_keys; i++) {
		const struct temporal_field *f = &m->keys[i];
		const struct policy_value *v = temporal_event_field(ev->fields, f->path, f->n_path);
		struct policy_value want = temporal_request_path(k->q->env, f->term.base,
								 f->term.names, f->term.n_names);

		if (!v || want.kind == POLICY_NONE || !policy_value_eq(*v, want)) {
			return false;
		}
	}
	return true;
}

static enum err_code join(struct ask *k, const struct temporal_part *p, bool *ret)
{
	const struct temporal_monitor *m = &k->s->plan->monitors[p->query.monitor];
	struct temporal_entry *e;
	uint64_t value[2];
	bool nomem = false;

	*ret = false;
	TRY(entry_of(k, &p->query, &e));
	if (!p->now) {
		*ret = e && temporal_values_any(e->values, k->s->now);
		return ERR_OK;
	}
	if (!matches_now(k, p->now)) {
		return ERR_OK;
	}
	if (!temporal_atom_value(k->s->plan, p->now, k->q->ev, k->q->scratch, value, &nomem)) {
		return nomem ? ERR(k->err, ERR_NOMEM, "temporal condition: out of memory") : ERR_OK;
	}
	*ret = temporal_values_have(e ? e->values : NULL, m, value, k->s->now, p->not_atoms);
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

static struct policy_value operand(struct ask *k, const struct temporal_term *t,
				   struct policy_value window)
{
	if (t->kind == TEMPORAL_VAR) {
		return window;
	}
	return t->kind == TEMPORAL_PATH
		       ? temporal_request_path(k->q->env, t->base, t->names, t->n_names)
		       : t->value;
}

static enum err_code windows(struct ask *k, const struct temporal_part *p, bool *ret)
{
	struct policy_value l = {0}, r = {0};

	if (p->left_window) {
		TRY(window(k, &p->query, &l));
	}
	if (p->right_window) {
		TRY(window(k, &p->other, &r));
	}
	*ret = true;
	for (uint32_t i = 0; i < p->n_compares && *ret; i++) {
		const struct temporal_compare *c = &p->compares[i];

		*ret = compare(c->op, operand(k, &c->left, l),
			       operand(k, &c->right, p->right_window ? r : l));
	}
	return ERR_OK;
}

static enum err_code now(struct ask *k, const struct temporal_part *p, bool *ret)
{
	struct temporal_leaf leaf = *k->leaf;
	const struct temporal_history h = {&k->q->ev, 1};

	leaf.expr = (struct temporal_expr *)(uintptr_t)p->expr; /* only read */
	return temporal_holds(&leaf, &h, k->q->env, k->q->scratch, ret, k->err);
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
	case TEMPORAL_PART_JOIN:
		return join(k, p, ret);
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
	if (!temporal_get_value(&bytes, k->q->scratch, &ev->fields)) {
		return ERR(k->err, k->q->scratch->exhausted ? ERR_NOMEM : ERR_CORRUPT,
			   "temporal condition: out of memory, or a kept event is damaged");
	}
	return ERR_OK;
}

/* The reference evaluator over the events kept; the decision's own event is the last of them. */
static enum err_code general(struct ask *k, bool *ret)
{
	struct temporal_leaf leaf = *k->leaf;
	struct temporal_state *s = k->s;
	struct temporal_event *events =
		ARENA_ARRAY(k->q->scratch, s->kept_n + 1, struct temporal_event);
	const struct temporal_event **list =
		ARENA_ARRAY(k->q->scratch, s->kept_n + 1, const struct temporal_event *);
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
		list[h.n++] = k->q->ev;
	}
	leaf.expr = k->expr;
	return temporal_holds_within(&leaf, &h, k->q->env, k->q->scratch, s->plan->max_steps, ret,
				     k->err);
}

enum err_code temporal_state_leaf(struct temporal_state *s, size_t leaf, struct temporal_asking *q,
				  bool *ret, struct err *err)
{
	struct ask k = {s, &s->plan->prog->leaves[leaf], s->plan->leaves[leaf].expr, q, err};
	const struct temporal_part *p = s->plan->leaves[leaf].part;

	if (!s->lost) {
		return p ? part(&k, p, ret) : general(&k, ret);
	}
	if (k.leaf->safe == 0) {
		return ERR(err, ERR_LIMIT,
			   "some of what happened is not known any more: a history has room for "
			   "%zu bytes",
			   s->plan->max_bytes);
	}
	*ret = k.leaf->safe > 0;
	return ERR_OK;
}
