/* SPDX-License-Identifier: Apache-2.0 */
/* Monitors, topics, and what general leaves need. How leaves are split is in temporal_part.c. */
#include "policy/temporal_plan_priv.h"

#include "base/num.h"
#include "policy/temporal_bytes.h"

bool plan_no_memory(struct planner *p)
{
	p->nomem = true;
	return false;
}

/* ---- signatures: bytes that are equal for what can be one ---- */

static void sign_path(struct temporal_bytes *b, const struct temporal_field *f)
{
	temporal_put_u32(b, f->n_path);
	for (uint32_t i = 0; i < f->n_path; i++) {
		temporal_put_value(b, policy_string(f->path[i]));
	}
}

static void sign_atom(struct temporal_bytes *b, const struct temporal_atom *m)
{
	temporal_put_value(b, policy_entity(&m->action));
	temporal_put_value(b, policy_string(m->kind));
	temporal_put_u32(b, (uint32_t)m->n_tests);
	for (size_t i = 0; i < m->n_tests; i++) {
		sign_path(b, &m->tests[i]);
		temporal_put_value(b, m->tests[i].term.value);
	}
	temporal_put_u32(b, (uint32_t)m->n_keys);
	for (size_t i = 0; i < m->n_keys; i++) {
		sign_path(b, &m->keys[i]);
	}
	temporal_put_u32(b, (uint32_t)m->n_values);
	for (size_t i = 0; i < m->n_values; i++) {
		sign_path(b, m->values[i]);
	}
	temporal_put_u32(b, (uint32_t)m->n_filters);
	for (size_t i = 0; i < m->n_filters; i++) {
		sign_path(b, m->filters[i].field);
		temporal_put_u32(b, (uint32_t)m->filters[i].op);
		temporal_put_u32(b, m->filters[i].reversed);
		temporal_put_value(b, m->filters[i].value);
	}
	temporal_put_u64(b, (uint64_t)m->window_ms);
}

/* Times of one window serve a shorter one too; what is summed or told apart by value does not. */
static bool sign(struct planner *p, struct temporal_monitor *m)
{
	struct temporal_bytes b = {.a = p->a};

	temporal_put_u32(&b, (uint32_t)m->kind);
	temporal_put_u32(&b, m->n_atoms);
	for (uint32_t i = 0; i < m->n_atoms; i++) {
		sign_atom(&b, &m->atoms[i]);
	}
	temporal_put_u32(&b, m->sum != NULL);
	if (m->sum) {
		sign_path(&b, m->sum);
	}
	if (m->sum || m->kind == TEMPORAL_MONITOR_VALUES) {
		temporal_put_u64(&b, (uint64_t)m->ttl_ms);
	}
	m->signature = str_make(b.p, b.n);
	return !b.failed || plan_no_memory(p);
}

bool plan_terms(struct planner *p, const struct temporal_term **items, size_t n, uint32_t *ret)
{
	struct temporal_bytes b = {.a = p->a};
	struct temporal_plan *plan = p->plan;
	uint32_t *found;

	temporal_put(&b, "terms", 5);
	for (size_t i = 0; i < n; i++) {
		temporal_put_u32(&b, (uint32_t)items[i]->base);
		temporal_put_u32(&b, items[i]->n_names);
		for (uint32_t k = 0; k < items[i]->n_names; k++) {
			temporal_put_value(&b, policy_string(items[i]->names[k]));
		}
	}
	found = b.failed ? NULL : map_find(&p->by_signature, str_make(b.p, b.n));
	if (found) {
		*ret = *found;
		return true;
	}
	found = ARENA_NEW(p->a, uint32_t);
	if (b.failed || !found ||
	    !ARENA_GROW(p->a, &plan->terms, plan->n_terms, &plan->cap_terms) ||
	    !map_put(&p->by_signature, str_make(b.p, b.n), found)) {
		return plan_no_memory(p);
	}
	*found = *ret = (uint32_t)plan->n_terms;
	plan->terms[plan->n_terms++] = (struct temporal_terms){items, n};
	return true;
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

struct temporal_topic *plan_topic(struct planner *p, const struct policy_uid *action,
				  struct str kind)
{
	struct temporal_plan *plan = p->plan;
	size_t at;

	if ((plan->n_topics + 1) * 2 > plan->n_topic_slots) {
		size_t n = plan->n_topic_slots * 2;

		plan->topic_slots = ARENA_ARRAY(p->a, n, uint32_t);
		if (!plan->topic_slots) {
			plan_no_memory(p);
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
			plan_no_memory(p);
			return NULL;
		}
		plan->topics[plan->n_topics++] =
			(struct temporal_topic){.action = *action, .kind = kind};
		plan->topic_slots[at] = (uint32_t)plan->n_topics;
	}
	return &plan->topics[plan->topic_slots[at] - 1];
}

static bool same_keys(const struct temporal_group *g, const struct temporal_atom *m)
{
	if (g->n_keys != m->n_keys) {
		return false;
	}
	for (size_t i = 0; i < g->n_keys; i++) {
		if (g->keys[i].n_path != m->keys[i].n_path) {
			return false;
		}
		for (uint32_t k = 0; k < g->keys[i].n_path; k++) {
			if (!str_eq(g->keys[i].path[k], m->keys[i].path[k])) {
				return false;
			}
		}
	}
	return true;
}

static bool watch(struct planner *p, const struct temporal_atom *m, struct temporal_watch w)
{
	struct temporal_topic *t = plan_topic(p, &m->action, m->kind);
	struct temporal_group *g = NULL;

	if (!t) {
		return false;
	}
	for (size_t i = 0; i < t->n_groups && !g; i++) {
		g = same_keys(&t->groups[i], m) ? &t->groups[i] : NULL;
	}
	if (!g) {
		if (!ARENA_GROW(p->a, &t->groups, t->n_groups, &t->cap_groups)) {
			return plan_no_memory(p);
		}
		g = &t->groups[t->n_groups++];
		*g = (struct temporal_group){.keys = m->keys, .n_keys = m->n_keys};
	}
	if (!ARENA_GROW(p->a, &g->watches, g->n_watches, &g->cap_watches)) {
		return plan_no_memory(p);
	}
	g->watches[g->n_watches++] = w;
	return true;
}

/* An equal monitor serves both: it looks back as far, and counts as many, as either needs. */
static void widen(struct temporal_monitor *old, const struct temporal_monitor *m)
{
	old->ttl_ms = m->ttl_ms > old->ttl_ms ? m->ttl_ms : old->ttl_ms;
	old->cap = old->cap == 0 || m->cap == 0 ? 0 : m->cap > old->cap ? m->cap : old->cap;
}

bool plan_monitor(struct planner *p, struct temporal_monitor m, uint32_t *ret)
{
	struct temporal_plan *plan = p->plan;
	uint32_t *found;

	if (!sign(p, &m)) {
		return false;
	}
	found = map_find(&p->by_signature, m.signature);
	if (found) {
		widen(&plan->monitors[*found], &m);
		*ret = *found;
		return true;
	}
	found = ARENA_NEW(p->a, uint32_t);
	if (!found || !ARENA_GROW(p->a, &plan->monitors, plan->n_monitors, &plan->cap_monitors) ||
	    !map_put(&p->by_signature, m.signature, found)) {
		return plan_no_memory(p);
	}
	*found = *ret = (uint32_t)plan->n_monitors;
	for (uint32_t i = 0; i < m.n_atoms; i++) {
		if (!watch(p, &m.atoms[i], (struct temporal_watch){*ret, i})) {
			return false;
		}
	}
	plan->monitors[plan->n_monitors++] = m;
	return true;
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
		struct temporal_topic *t = plan_topic(p, &e->action, e->event_kind);

		if (!t) {
			return false;
		}
		t->kept = true;
		for (uint32_t i = 0; i < e->n_fields; i++) {
			if (!ARENA_GROW(p->a, &t->fields, t->n_fields, &t->cap_fields)) {
				return plan_no_memory(p);
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
	return hash_str((struct hash_key){0}, str_make(b.p, b.n));
}

static bool plan_leaf(struct planner *p, size_t i, bool general)
{
	struct temporal_plan *plan = p->plan;
	const struct temporal_leaf *leaf = &plan->prog->leaves[i];

	if (leaf->retention_ms > plan->longest_ms) {
		plan->longest_ms = leaf->retention_ms;
	}
	if (!general) {
		plan->leaves[i].part = plan_part(p, leaf->expr);
		if (plan->leaves[i].part || p->nomem) {
			return !p->nomem;
		}
	}
	plan->n_general++;
	if (leaf->retention_ms > plan->retention_ms) {
		plan->retention_ms = leaf->retention_ms;
	}
	plan->leaves[i].expr = leaf->expr;
	return keep_events(p, leaf->expr);
}

static bool plan_leaves(struct planner *p, bool general)
{
	struct temporal_plan *plan = p->plan;
	bool good = true;

	plan->n_topic_slots = 16;
	plan->topic_slots = ARENA_ARRAY(p->a, plan->n_topic_slots, uint32_t);
	plan->leaves = ARENA_ARRAY(p->a, plan->prog->n_leaves, struct temporal_leaf_plan);
	if (!plan->topic_slots || !plan->leaves) {
		return plan_no_memory(p);
	}
	for (size_t i = 0; good && i < plan->prog->n_leaves; i++) {
		good = plan_leaf(p, i, general);
	}
	plan->identity = good ? identity(p) : 0;
	return good && !p->nomem;
}

/* Much of what is tried is not needed in the end, so only the result comes to stay. */
enum err_code temporal_plan_make(struct arena *a, const struct dw_program *prog, bool all_general,
				 const struct temporal_plan **ret, struct err *err)
{
	struct temporal_plan plan = {.prog = prog};
	struct arena scratch;
	struct planner p = {.a = &scratch, .plan = &plan};
	const struct temporal_plan *kept = NULL;

	arena_init(&scratch, SIZE_MAX / 2);
	map_init(&p.by_signature, (struct hash_key){0});
	if (plan_leaves(&p, all_general)) {
		kept = temporal_plan_keep(a, &plan);
	}
	map_done(&p.by_signature);
	arena_done(&scratch);
	if (!kept) {
		return ERR(err, ERR_NOMEM, "temporal plan: out of memory");
	}
	*ret = kept;
	return ERR_OK;
}

/* What is secret, and what is the host's choice. */
static bool seed(struct arena *a, struct temporal_plan *plan, const struct temporal_plan_opts *opts)
{
	unsigned char raw[8];

	plan->seed[0] = opts->seed[0];
	plan->seed[1] = opts->seed[1];
	plan->max_bytes = opts->max_bytes ? opts->max_bytes : TEMPORAL_STATE_BYTES;
	plan->max_bytes =
		plan->max_bytes > TEMPORAL_STATE_MOST ? TEMPORAL_STATE_MOST : plan->max_bytes;
	plan->max_steps = opts->max_steps ? opts->max_steps : TEMPORAL_STATE_STEPS;
	plan->salts = arena_array(a, plan->n_monitors, sizeof(*plan->salts));
	for (uint32_t i = 0; plan->salts && i < plan->n_monitors; i++) {
		num_put_u32(raw, i);
		plan->salts[i][0] = hash_str(plan->seed[0], str_make((const char *)raw, 4));
		plan->salts[i][1] = hash_str(plan->seed[1], str_make((const char *)raw, 4));
	}
	num_put_u64(raw, plan->identity);
	plan->identity = hash_str(plan->seed[0], str_make((const char *)raw, sizeof(raw)));
	return plan->salts != NULL;
}

enum err_code temporal_plan_build(struct arena *a, const struct dw_program *prog,
				  const struct temporal_plan_opts *opts,
				  const struct temporal_plan **ret, struct err *err)
{
	struct temporal_plan *plan = ARENA_NEW(a, struct temporal_plan);
	const struct temporal_plan *made = prog->plan;

	ASSERT(!made || !opts->all_general);
	if (!made) {
		TRY(temporal_plan_make(a, prog, opts->all_general, &made, err));
	}
	if (plan) {
		*plan = *made;
	}
	if (!plan || !seed(a, plan, opts)) {
		return ERR(err, ERR_NOMEM, "temporal plan: out of memory");
	}
	*ret = plan;
	return ERR_OK;
}
