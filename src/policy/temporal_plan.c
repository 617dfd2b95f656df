/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/temporal_plan.h"

#include "policy/temporal_bytes.h"

struct planner {
	struct arena *a;
	struct temporal_plan *plan;
	struct map by_signature; /* to monitor number + 1 */
	bool nomem;
};

static bool no_memory(struct planner *p)
{
	p->nomem = true;
	return false;
}

static struct temporal_part *part_new(struct planner *p, enum temporal_part_kind kind,
				      const struct temporal_expr *e)
{
	struct temporal_part *part = ARENA_NEW(p->a, struct temporal_part);

	if (!part) {
		no_memory(p);
		return NULL;
	}
	part->kind = kind;
	part->expr = e;
	return part;
}

/* ---- patterns ---- */

/* Tests and keys of an event without variables; with `vars` variables are left to the caller. */
static bool pattern_of(struct planner *p, const struct temporal_expr *e, bool vars,
		       struct temporal_pattern *ret, const struct temporal_term ***terms)
{
	struct temporal_field *tests, *keys;
	const struct temporal_term **own;
	size_t n_tests = 0, n_keys = 0;

	if (e->kind != TEMPORAL_EVENT) {
		return false;
	}
	tests = ARENA_ARRAY(p->a, e->n_fields, struct temporal_field);
	keys = ARENA_ARRAY(p->a, e->n_fields, struct temporal_field);
	own = ARENA_ARRAY(p->a, e->n_fields, const struct temporal_term *);
	if (!tests || !keys || !own) {
		return no_memory(p);
	}
	for (uint32_t i = 0; i < e->n_fields; i++) {
		const struct temporal_field *f = &e->fields[i];

		if (f->term.kind == TEMPORAL_PATH) {
			keys[n_keys] = *f;
			own[n_keys++] = &f->term;
		} else if (f->term.kind == TEMPORAL_VALUE || f->term.kind == TEMPORAL_WILD) {
			tests[n_tests++] = *f;
		} else if (f->term.kind == TEMPORAL_VAR && vars) {
			tests[n_tests] = *f; /* it only has to be there */
			tests[n_tests++].term = (struct temporal_term){.kind = TEMPORAL_WILD};
		} else {
			return false;
		}
	}
	*ret = (struct temporal_pattern){.action = e->action,
					 .kind = e->event_kind,
					 .tests = tests,
					 .n_tests = n_tests,
					 .keys = keys,
					 .n_keys = n_keys};
	*terms = own;
	return true;
}

static void sign_path(struct temporal_bytes *b, const struct temporal_field *f)
{
	temporal_put_u32(b, f->n_path);
	for (uint32_t i = 0; i < f->n_path; i++) {
		temporal_put_value(b, policy_string(f->path[i]));
	}
}

/* Bytes that are equal for monitors that can be one. */
static bool sign(struct planner *p, struct temporal_monitor *m)
{
	struct temporal_bytes b = {.a = p->a};

	temporal_put_u32(&b, (uint32_t)m->kind);
	temporal_put_value(&b, policy_entity(&m->pattern.action));
	temporal_put_value(&b, policy_string(m->pattern.kind));
	temporal_put_u32(&b, (uint32_t)m->pattern.n_tests);
	for (size_t i = 0; i < m->pattern.n_tests; i++) {
		sign_path(&b, &m->pattern.tests[i]);
		temporal_put_value(&b, m->pattern.tests[i].term.value);
	}
	temporal_put_u32(&b, (uint32_t)m->pattern.n_keys);
	for (size_t i = 0; i < m->pattern.n_keys; i++) {
		sign_path(&b, &m->pattern.keys[i]);
	}
	if (m->kind == TEMPORAL_MONITOR_RING) {
		temporal_put_u64(&b, (uint64_t)m->ttl_ms);
		temporal_put_u32(&b, m->sum != NULL);
		if (m->sum) {
			sign_path(&b, m->sum);
		}
		for (size_t i = 0; i < m->n_filters; i++) {
			sign_path(&b, m->filters[i].field);
			temporal_put_u32(&b, (uint32_t)m->filters[i].op);
			temporal_put_u32(&b, m->filters[i].reversed);
			temporal_put_value(&b, m->filters[i].value);
		}
	}
	m->signature = str_make(b.p, b.n);
	return !b.failed || no_memory(p);
}

/* ---- topics ---- */

static size_t topic_at(const struct temporal_plan *plan, const struct policy_uid *action,
		       struct str kind)
{
	size_t at = (size_t)(action->hash ^ hash_str((struct hash_key){0}, kind));

	for (at &= plan->n_topic_slots - 1; plan->topic_slots[at];
	     at = (at + 1) & (plan->n_topic_slots - 1)) {
		const struct temporal_topic *t = &plan->topics[plan->topic_slots[at] - 1];

		if (policy_uid_eq(&t->action, action) && str_eq(t->kind, kind)) {
			break;
		}
	}
	return at;
}

const struct temporal_topic *temporal_plan_topic(const struct temporal_plan *plan,
						 const struct policy_uid *action, struct str kind)
{
	uint32_t n = plan->topic_slots[topic_at(plan, action, kind)];

	return n ? &plan->topics[n - 1] : NULL;
}

static struct temporal_topic *topic_for(struct planner *p, const struct policy_uid *action,
					struct str kind)
{
	struct temporal_plan *plan = p->plan;
	size_t at;

	if ((plan->n_topics + 1) * 2 > plan->n_topic_slots) {
		size_t n = plan->n_topic_slots * 2;

		plan->topic_slots = ARENA_ARRAY(p->a, n, uint32_t);
		if (!plan->topic_slots) {
			no_memory(p);
			return NULL;
		}
		plan->n_topic_slots = n;
		for (uint32_t i = 0; i < plan->n_topics; i++) {
			at = topic_at(plan, &plan->topics[i].action, plan->topics[i].kind);
			plan->topic_slots[at] = i + 1;
		}
	}
	at = topic_at(plan, action, kind);
	if (!plan->topic_slots[at]) {
		if (!ARENA_GROW(p->a, &plan->topics, plan->n_topics, &plan->cap_topics)) {
			no_memory(p);
			return NULL;
		}
		plan->topics[plan->n_topics++] =
			(struct temporal_topic){.action = *action, .kind = kind};
		plan->topic_slots[at] = (uint32_t)plan->n_topics;
	}
	return &plan->topics[plan->topic_slots[at] - 1];
}

/* The monitor's number, of an equal one when there is one already. */
static bool add_monitor(struct planner *p, struct temporal_monitor m, uint32_t *ret)
{
	struct temporal_topic *t;
	struct temporal_monitor *old;
	uint32_t *found;

	if (!sign(p, &m)) {
		return false;
	}
	found = map_find(&p->by_signature, m.signature);
	if (found) {
		old = &p->plan->monitors[*found];
		old->ttl_ms = m.ttl_ms > old->ttl_ms ? m.ttl_ms : old->ttl_ms;
		old->cap = old->cap == 0 || m.cap == 0 ? 0 : m.cap > old->cap ? m.cap : old->cap;
		*ret = *found;
		return true;
	}
	t = topic_for(p, &m.pattern.action, m.pattern.kind);
	found = ARENA_NEW(p->a, uint32_t);
	if (!t || !found ||
	    !ARENA_GROW(p->a, &p->plan->monitors, p->plan->n_monitors, &p->plan->cap_monitors) ||
	    !ARENA_GROW(p->a, &t->monitors, t->n_monitors, &t->cap_monitors) ||
	    !map_put(&p->by_signature, m.signature, found)) {
		return no_memory(p);
	}
	*found = *ret = (uint32_t)p->plan->n_monitors;
	t->monitors[t->n_monitors++] = *ret;
	p->plan->monitors[p->plan->n_monitors++] = m;
	return true;
}

static bool last_of(struct planner *p, const struct temporal_expr *e, int64_t ttl,
		    struct temporal_query *ret)
{
	struct temporal_monitor m = {.kind = TEMPORAL_MONITOR_LAST, .ttl_ms = ttl};

	return pattern_of(p, e, false, &m.pattern, &ret->terms) && add_monitor(p, m, &ret->monitor);
}

/* ---- windows ---- */

static const struct temporal_field *var_field(const struct temporal_expr *event, uint32_t slot)
{
	for (uint32_t i = 0; i < event->n_fields; i++) {
		if (event->fields[i].term.kind == TEMPORAL_VAR &&
		    event->fields[i].term.slot == slot) {
			return &event->fields[i];
		}
	}
	return NULL;
}

static bool is_own(const struct temporal_agg *g, uint32_t slot)
{
	for (size_t i = 0; i < g->n_binders; i++) {
		if (g->binders[i].slot == slot) {
			return true;
		}
	}
	return false;
}

/* Each variable is one of the aggregate's and stands once. */
static bool vars_plain(const struct temporal_agg *g, const struct temporal_expr *event)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < event->n_fields; i++) {
		const struct temporal_term *t = &event->fields[i].term;

		if (t->kind == TEMPORAL_VAR) {
			if (!is_own(g, t->slot) || (seen >> t->slot & 1)) {
				return false;
			}
			seen |= (uint64_t)1 << t->slot;
		}
	}
	return true;
}

static bool filter_of(struct planner *p, const struct temporal_expr *event,
		      const struct temporal_expr *c, struct temporal_monitor *m)
{
	bool reversed = c->right.kind == TEMPORAL_VAR;
	const struct temporal_term *var = reversed ? &c->right : &c->left;
	const struct temporal_term *value = reversed ? &c->left : &c->right;
	const struct temporal_field *f;

	if (var->kind != TEMPORAL_VAR || value->kind != TEMPORAL_VALUE) {
		return false;
	}
	f = var_field(event, var->slot);
	if (!f) {
		return false;
	}
	(void)p;
	m->filters[m->n_filters++] = (struct temporal_filter){f, c->op, value->value, reversed};
	return true;
}

/* formerly W (P && tp(t) && x > 3 ...) under count or sum with t among its variables. */
static bool window_of(struct planner *p, const struct temporal_agg *g, uint64_t cap,
		      struct temporal_query *ret)
{
	struct temporal_monitor m = {.kind = TEMPORAL_MONITOR_RING, .cap = cap};
	const struct temporal_expr *event = NULL, *body = g->body;
	bool tp = false;

	if (body->kind != TEMPORAL_FORMERLY || body->arg[0]->kind != TEMPORAL_AND) {
		return false;
	}
	m.ttl_ms = body->window_ms;
	body = body->arg[0];
	m.filters = ARENA_ARRAY(p->a, body->n_args, struct temporal_filter);
	if (!m.filters) {
		return no_memory(p);
	}
	for (uint32_t i = 0; i < body->n_args; i++) {
		const struct temporal_expr *e = body->arg[i];

		if (e->kind == TEMPORAL_EVENT && !event) {
			event = e;
		} else if (e->kind == TEMPORAL_TP && is_own(g, e->left.slot) && !tp) {
			tp = true;
		} else if (e->kind != TEMPORAL_COMPARE || !event || !filter_of(p, event, e, &m)) {
			return false;
		}
	}
	if (!event || !tp || !vars_plain(g, event) ||
	    !pattern_of(p, event, true, &m.pattern, &ret->terms)) {
		return false;
	}
	if (g->sum) {
		m.sum = var_field(event, g->summand_slot);
		m.cap = 0;
		if (!m.sum) {
			return false;
		}
	}
	return add_monitor(p, m, &ret->monitor);
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

/* (count ...) op 3, 3 op (count ...), (count ...) op (count ...) */
static struct temporal_part *compare(struct planner *p, const struct temporal_expr *e)
{
	struct temporal_part *part = part_new(p, TEMPORAL_PART_WINDOW, e);
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
	return part;
}

/* exists (n: Long). ((count ...) == n && n > 3 && ...) */
static struct temporal_part *bound(struct planner *p, const struct temporal_expr *e)
{
	struct temporal_part *part = part_new(p, TEMPORAL_PART_WINDOW, e);
	const struct temporal_expr *body = e->arg[0], *first;
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
	part->rest = ARENA_ARRAY(p->a, body->n_args, const struct temporal_expr *);
	if (!part->rest) {
		no_memory(p);
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
		part->rest[part->n_rest++] = c;
	}
	part->binds = true;
	part->slot = e->binder.slot;
	return window_of(p, agg->agg, cap == UINT64_MAX ? 0 : cap, &part->query) ? part : NULL;
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

static bool has_vars(const struct temporal_expr *e)
{
	for (uint32_t i = 0; i < e->n_fields; i++) {
		if (e->fields[i].term.kind == TEMPORAL_VAR) {
			return true;
		}
	}
	return false;
}

static struct temporal_part *part_of(struct planner *p, const struct temporal_expr *e);

static struct temporal_part *since(struct planner *p, const struct temporal_expr *e)
{
	struct temporal_part *part = part_new(p, TEMPORAL_PART_SINCE, e);
	const struct temporal_expr *left = e->arg[0];

	if (!part) {
		return NULL;
	}
	part->window_ms = e->window_ms;
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
	struct temporal_part *part = part_new(p, kind, e);

	if (!part) {
		return NULL;
	}
	part->kid = ARENA_ARRAY(p->a, e->n_args, struct temporal_part *);
	if (!part->kid) {
		no_memory(p);
		return NULL;
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		part->kid[i] = part_of(p, e->arg[i]);
		if (!part->kid[i]) {
			return NULL;
		}
		part->n_kids++;
	}
	return part;
}

static struct temporal_part *part_of(struct planner *p, const struct temporal_expr *e)
{
	struct temporal_part *part;

	if (e->kind == TEMPORAL_AND) {
		return kids(p, e, TEMPORAL_PART_AND);
	}
	if (e->kind == TEMPORAL_NOT) {
		return kids(p, e, TEMPORAL_PART_NOT);
	}
	if (is_now(e)) {
		return has_vars(e) ? NULL : part_new(p, TEMPORAL_PART_NOW, e);
	}
	if (e->kind == TEMPORAL_FORMERLY || e->kind == TEMPORAL_PREVIOUS) {
		part = part_new(p,
				e->kind == TEMPORAL_FORMERLY ? TEMPORAL_PART_LAST
							     : TEMPORAL_PART_PREVIOUS,
				e);
		if (!part) {
			return NULL;
		}
		part->window_ms = e->window_ms;
		return last_of(p, e->arg[0], e->window_ms, &part->query) ? part : NULL;
	}
	if (e->kind == TEMPORAL_SINCE) {
		return since(p, e);
	}
	if (e->kind == TEMPORAL_COMPARE) {
		return compare(p, e);
	}
	return e->kind == TEMPORAL_EXISTS ? bound(p, e) : NULL;
}

/* ---- general leaves ---- */

static bool keep_events(struct planner *p, const struct temporal_expr *e);

/* True only at points where an event that it names happens; so other points do not matter. */
static bool is_anchored(const struct temporal_expr *e)
{
	bool any = e->kind == TEMPORAL_EVENT;

	for (uint32_t i = 0; i < e->n_args && !any; i++) {
		any = (e->kind == TEMPORAL_AND || e->kind == TEMPORAL_EXISTS) &&
		      is_anchored(e->arg[i]);
	}
	return any;
}

static bool keep_term(struct planner *p, const struct temporal_term *t)
{
	return t->kind != TEMPORAL_AGG || keep_events(p, t->agg->body);
}

static bool keep_events(struct planner *p, const struct temporal_expr *e)
{
	if (e->kind == TEMPORAL_PREVIOUS || e->kind == TEMPORAL_SINCE ||
	    (e->kind == TEMPORAL_FORMERLY && !is_anchored(e->arg[0]))) {
		p->plan->keeps_all = true;
	}
	if (e->kind == TEMPORAL_EVENT) {
		struct temporal_topic *t = topic_for(p, &e->action, e->event_kind);

		if (!t) {
			return false;
		}
		t->kept = true;
		for (uint32_t i = 0; i < e->n_fields; i++) {
			if (!ARENA_GROW(p->a, &t->fields, t->n_fields, &t->cap_fields)) {
				return no_memory(p);
			}
			t->fields[t->n_fields++] = &e->fields[i];
		}
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (!keep_events(p, e->arg[i])) {
			return false;
		}
	}
	return keep_term(p, &e->left) && keep_term(p, &e->right);
}

static uint64_t identity(struct planner *p)
{
	const struct dw_program *prog = p->plan->prog;
	struct temporal_bytes b = {.a = p->a};

	for (size_t i = 0; i < prog->events->n_partition; i++) {
		temporal_put_value(&b, policy_string(prog->events->partition[i]->name));
	}
	for (size_t i = 0; i < p->plan->n_monitors; i++) {
		const struct temporal_monitor *m = &p->plan->monitors[i];

		temporal_put_value(&b, policy_string(m->signature));
		temporal_put_u64(&b, (uint64_t)m->ttl_ms);
		temporal_put_u64(&b, m->cap);
	}
	for (size_t i = 0; i < p->plan->n_topics; i++) {
		const struct temporal_topic *t = &p->plan->topics[i];

		temporal_put_value(&b, policy_entity(&t->action));
		temporal_put_value(&b, policy_string(t->kind));
		for (size_t k = 0; k < t->n_fields; k++) {
			sign_path(&b, t->fields[k]);
		}
	}
	temporal_put_u64(&b, (uint64_t)p->plan->retention_ms);
	temporal_put_u32(&b, p->plan->keeps_all);
	p->nomem = p->nomem || b.failed;
	return hash_str(p->plan->seed[0], str_make(b.p, b.n));
}

static bool plan_leaf(struct planner *p, size_t i, bool general)
{
	struct temporal_plan *plan = p->plan;
	const struct temporal_leaf *leaf = &plan->prog->leaves[i];

	if (leaf->retention_ms > plan->longest_ms) {
		plan->longest_ms = leaf->retention_ms;
	}
	if (!general) {
		plan->leaves[i].part = part_of(p, leaf->expr);
		if (plan->leaves[i].part || p->nomem) {
			return !p->nomem;
		}
	}
	plan->general = true;
	if (leaf->retention_ms > plan->retention_ms) {
		plan->retention_ms = leaf->retention_ms;
	}
	return keep_events(p, leaf->expr);
}

enum err_code temporal_plan_build(struct arena *a, const struct dw_program *prog,
				  const struct temporal_plan_opts *opts,
				  const struct temporal_plan **ret, struct err *err)
{
	struct temporal_plan *plan = ARENA_NEW(a, struct temporal_plan);
	struct planner p = {.a = a, .plan = plan};
	bool good = true;

	if (!plan) {
		return ERR(err, ERR_NOMEM, "temporal plan: out of memory");
	}
	plan->prog = prog;
	plan->seed[0] = opts->seed[0];
	plan->seed[1] = opts->seed[1];
	plan->max_bytes = opts->max_bytes ? opts->max_bytes : TEMPORAL_STATE_BYTES;
	plan->n_topic_slots = 16;
	plan->topic_slots = ARENA_ARRAY(a, plan->n_topic_slots, uint32_t);
	plan->leaves = ARENA_ARRAY(a, prog->n_leaves, struct temporal_leaf_plan);
	if (!plan->topic_slots || !plan->leaves) {
		return ERR(err, ERR_NOMEM, "temporal plan: out of memory");
	}
	map_init(&p.by_signature, (struct hash_key){0});
	for (size_t i = 0; good && i < prog->n_leaves; i++) {
		good = plan_leaf(&p, i, opts->all_general);
	}
	map_done(&p.by_signature);
	plan->identity = good ? identity(&p) : 0;
	if (!good || p.nomem) {
		return ERR(err, ERR_NOMEM, "temporal plan: out of memory");
	}
	*ret = plan;
	return ERR_OK;
}
