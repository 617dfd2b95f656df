/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/prove_temporal.h"

/* Steps that the comparison of two conditions may take; past that nothing is claimed. */
enum { STEPS_MAX = 2000 };

/* Variables of the two conditions that stand for each other: the same number, not 0. */
struct match {
	uint32_t a[TEMPORAL_SLOTS_MAX], b[TEMPORAL_SLOTS_MAX];
	uint32_t pairs;
	unsigned steps;
};

/* The numbers that satisfy a comparison with a constant. */
struct range {
	const struct temporal_term *term;
	int64_t from, to;
	bool except; /* all integers but from, and what is no integer */
};

static bool implies(struct match *m, const struct temporal_expr *a, const struct temporal_expr *b);
static bool same_expr(struct match *m, const struct temporal_expr *a,
		      const struct temporal_expr *b);

static bool step(struct match *m)
{
	return m->steps++ < STEPS_MAX;
}

/* -- terms -- */

static bool same_names(const struct str *a, uint32_t n_a, const struct str *b, uint32_t n_b)
{
	bool same = n_a == n_b;

	for (uint32_t i = 0; same && i < n_a; i++) {
		same = str_eq(a[i], b[i]);
	}
	return same;
}

/* The variables of two binders stand for each other from here on; *keep gives them back. */
static bool pair(struct match *m, const struct temporal_binder *a, const struct temporal_binder *b,
		 uint32_t keep[2])
{
	if (a->slot >= TEMPORAL_SLOTS_MAX || b->slot >= TEMPORAL_SLOTS_MAX) {
		return false;
	}
	keep[0] = m->a[a->slot];
	keep[1] = m->b[b->slot];
	m->a[a->slot] = m->b[b->slot] = ++m->pairs;
	return true;
}

static void unpair(struct match *m, const struct temporal_binder *a,
		   const struct temporal_binder *b, const uint32_t keep[2])
{
	m->a[a->slot] = keep[0];
	m->b[b->slot] = keep[1];
}

/* The sides change places. */
static void turn(struct match *m)
{
	for (size_t i = 0; i < ARRAY_LEN(m->a); i++) {
		uint32_t keep = m->a[i];

		m->a[i] = m->b[i];
		m->b[i] = keep;
	}
}

static bool same_binder(const struct temporal_binder *a, const struct temporal_binder *b)
{
	return a->type == b->type && (a->type || str_eq(a->type_name, b->type_name));
}

/* The bodies of two aggregates under their binders, by `how`. */
static bool bodies(struct match *m, const struct temporal_agg *a, const struct temporal_agg *b,
		   bool (*how)(struct match *m, const struct temporal_expr *a,
			       const struct temporal_expr *b))
{
	uint32_t keep[TEMPORAL_SLOTS_MAX][2];
	size_t n = 0;
	bool good = a->sum == b->sum && a->n_binders == b->n_binders &&
		    a->n_binders <= TEMPORAL_SLOTS_MAX;

	for (; good && n < a->n_binders; n++) {
		if (!same_binder(&a->binders[n], &b->binders[n]) ||
		    !pair(m, &a->binders[n], &b->binders[n], keep[n])) {
			good = false;
			break;
		}
	}
	if (good && a->sum) {
		good = m->a[a->summand_slot] == m->b[b->summand_slot];
	}
	good = good && how(m, a->body, b->body);
	while (n-- > 0) {
		unpair(m, &a->binders[n], &b->binders[n], keep[n]);
	}
	return good;
}

static bool same_term(struct match *m, const struct temporal_term *a, const struct temporal_term *b)
{
	if (!step(m) || a->kind != b->kind) {
		return false;
	}
	switch (a->kind) {
	case TEMPORAL_VALUE:
	case TEMPORAL_SET:
		return policy_value_eq(a->value, b->value);
	case TEMPORAL_PATH:
		return a->base == b->base && same_names(a->names, a->n_names, b->names, b->n_names);
	case TEMPORAL_VAR:
		return a->slot < TEMPORAL_SLOTS_MAX && b->slot < TEMPORAL_SLOTS_MAX &&
		       m->a[a->slot] != 0 && m->a[a->slot] == m->b[b->slot];
	case TEMPORAL_WILD:
		return true;
	case TEMPORAL_AGG:
		return bodies(m, a->agg, b->agg, same_expr);
	case TEMPORAL_TERM_PARAM:
		break;
	}
	return false;
}

/* -- comparisons with numbers -- */

static bool range_of(const struct temporal_term *term, enum policy_expr_kind op, int64_t c,
		     struct range *ret)
{
	*ret = (struct range){.term = term, .from = INT64_MIN, .to = INT64_MAX};
	switch (op) {
	case POLICY_EXPR_EQ:
		ret->from = ret->to = c;
		return true;
	case POLICY_EXPR_NE:
		ret->from = ret->to = c;
		ret->except = true;
		return true;
	case POLICY_EXPR_LT:
		ret->to = c > INT64_MIN ? c - 1 : c;
		return c > INT64_MIN;
	case POLICY_EXPR_LE:
		ret->to = c;
		return true;
	case POLICY_EXPR_GT:
		ret->from = c < INT64_MAX ? c + 1 : c;
		return c < INT64_MAX;
	case POLICY_EXPR_GE:
		ret->from = c;
		return true;
	case POLICY_EXPR_LIT:
	case POLICY_EXPR_VAR:
	case POLICY_EXPR_IF:
	case POLICY_EXPR_AND:
	case POLICY_EXPR_OR:
	case POLICY_EXPR_NOT:
	case POLICY_EXPR_NEG:
	case POLICY_EXPR_ADD:
	case POLICY_EXPR_SUB:
	case POLICY_EXPR_MUL:
	case POLICY_EXPR_IN:
	case POLICY_EXPR_IS:
	case POLICY_EXPR_HAS:
	case POLICY_EXPR_GET:
	case POLICY_EXPR_LIKE:
	case POLICY_EXPR_CALL:
	case POLICY_EXPR_SET:
	case POLICY_EXPR_RECORD:
		break;
	}
	return false;
}

static enum policy_expr_kind mirrored(enum policy_expr_kind op)
{
	return op == POLICY_EXPR_LT   ? POLICY_EXPR_GT
	       : op == POLICY_EXPR_LE ? POLICY_EXPR_GE
	       : op == POLICY_EXPR_GT ? POLICY_EXPR_LT
	       : op == POLICY_EXPR_GE ? POLICY_EXPR_LE
				      : op;
}

static bool is_number(const struct temporal_term *t)
{
	return t->kind == TEMPORAL_VALUE && t->value.kind == POLICY_LONG;
}

/* `term op 3` or `3 op term`. */
static bool compare_range(const struct temporal_expr *e, struct range *ret)
{
	if (e->kind != TEMPORAL_COMPARE) {
		return false;
	}
	if (is_number(&e->right) && !is_number(&e->left)) {
		return range_of(&e->left, e->op, e->right.value.i, ret);
	}
	return is_number(&e->left) && !is_number(&e->right) &&
	       range_of(&e->right, mirrored(e->op), e->left.value.i, ret);
}

static bool is_var(const struct temporal_term *t, uint32_t slot)
{
	return t->kind == TEMPORAL_VAR && t->slot == slot;
}

/* exists (n: Long). (aggregate == n && n op 3): the same about the aggregate itself. */
static bool bound_range(const struct temporal_expr *e, struct range *ret)
{
	const struct temporal_expr *body, *is, *test;
	const struct temporal_term *agg;

	if (e->kind != TEMPORAL_EXISTS || e->n_args != 1) {
		return false;
	}
	body = e->arg[0];
	if (body->kind != TEMPORAL_AND || body->n_args != 2) {
		return false;
	}
	is = body->arg[0];
	test = body->arg[1];
	if (is->kind != TEMPORAL_COMPARE || is->op != POLICY_EXPR_EQ || !compare_range(test, ret) ||
	    !is_var(ret->term, e->binder.slot)) {
		return false;
	}
	agg = is_var(&is->left, e->binder.slot) ? &is->right : &is->left;
	if (agg->kind != TEMPORAL_AGG ||
	    !is_var(agg == &is->left ? &is->right : &is->left, e->binder.slot)) {
		return false;
	}
	ret->term = agg;
	return true;
}

static bool find_range(const struct temporal_expr *e, struct range *ret)
{
	return compare_range(e, ret) || bound_range(e, ret);
}

static bool within(const struct range *a, const struct range *b)
{
	if (a->except || b->except) {
		return !a->except ? b->from < a->from || b->from > a->to
				  : b->except && a->from == b->from;
	}
	return b->from <= a->from && a->to <= b->to;
}

/* Counts of more are larger; a count is never negative. */
static bool counts_imply(struct match *m, const struct range *a, const struct range *b)
{
	struct range up = *a, down = *a;

	if (a->except || a->term->kind != TEMPORAL_AGG || b->term->kind != TEMPORAL_AGG ||
	    a->term->agg->sum || b->term->agg->sum) {
		return false;
	}
	up.to = INT64_MAX;
	down.from = 0;
	if (within(&up, b) && bodies(m, a->term->agg, b->term->agg, implies)) {
		return true;
	}
	if (within(&down, b)) {
		bool good;

		turn(m);
		good = bodies(m, b->term->agg, a->term->agg, implies);
		turn(m);
		return good;
	}
	return false;
}

static bool ranges_imply(struct match *m, const struct temporal_expr *a,
			 const struct temporal_expr *b)
{
	struct range x, y;

	if (!find_range(a, &x) || !find_range(b, &y)) {
		return false;
	}
	return (within(&x, &y) && same_term(m, x.term, y.term)) || counts_imply(m, &x, &y);
}

/* -- conditions -- */

static const struct temporal_field *find_field(const struct temporal_expr *e,
					       const struct temporal_field *like, uint32_t from)
{
	for (uint32_t i = from; i < e->n_fields; i++) {
		if (same_names(e->fields[i].path, e->fields[i].n_path, like->path, like->n_path)) {
			return &e->fields[i];
		}
	}
	return NULL;
}

/* Everything that b demands of the event, a demands too. */
static bool event_implies(struct match *m, const struct temporal_expr *a,
			  const struct temporal_expr *b)
{
	if (!policy_uid_eq(&a->action, &b->action) || !str_eq(a->event_kind, b->event_kind)) {
		return false;
	}
	for (uint32_t i = 0; i < b->n_fields; i++) {
		const struct temporal_field *want = &b->fields[i], *f = find_field(a, want, 0);
		bool found = f && want->term.kind == TEMPORAL_WILD;

		while (f && !found) {
			found = same_term(m, &f->term, &want->term);
			f = find_field(a, want, (uint32_t)(f - a->fields) + 1);
		}
		if (!found) {
			return false;
		}
	}
	return true;
}

static bool event_implied(struct match *m, const struct temporal_expr *a,
			  const struct temporal_expr *b)
{
	bool good;

	turn(m);
	good = event_implies(m, b, a);
	turn(m);
	return good;
}

static bool under_binder(struct match *m, const struct temporal_expr *a,
			 const struct temporal_expr *b,
			 bool (*how)(struct match *m, const struct temporal_expr *a,
				     const struct temporal_expr *b))
{
	uint32_t keep[2];
	bool good;

	if (!same_binder(&a->binder, &b->binder) || !pair(m, &a->binder, &b->binder, keep)) {
		return false;
	}
	good = how(m, a->arg[0], b->arg[0]);
	unpair(m, &a->binder, &b->binder, keep);
	return good;
}

static bool same_args(struct match *m, const struct temporal_expr *a, const struct temporal_expr *b)
{
	bool same = a->n_args == b->n_args && a->window_ms == b->window_ms;

	for (uint32_t i = 0; same && i < a->n_args; i++) {
		same = same_expr(m, a->arg[i], b->arg[i]);
	}
	return same;
}

static bool same_expr(struct match *m, const struct temporal_expr *a, const struct temporal_expr *b)
{
	if (!step(m) || a->kind != b->kind) {
		return false;
	}
	switch (a->kind) {
	case TEMPORAL_AND:
	case TEMPORAL_NOT:
	case TEMPORAL_FORMERLY:
	case TEMPORAL_PREVIOUS:
	case TEMPORAL_SINCE:
		return same_args(m, a, b);
	case TEMPORAL_EXISTS:
		return under_binder(m, a, b, same_expr);
	case TEMPORAL_TP:
		return same_term(m, &a->left, &b->left);
	case TEMPORAL_COMPARE:
		return a->op == b->op && same_term(m, &a->left, &b->left) &&
		       same_term(m, &a->right, &b->right);
	case TEMPORAL_EVENT:
		return a->n_fields == b->n_fields && event_implies(m, a, b) &&
		       event_implied(m, a, b);
	case TEMPORAL_PARAM:
	case TEMPORAL_TERM:
		break;
	}
	return false;
}

/* a is a past operator or an event; b looks at least as far. */
static bool past_implies(struct match *m, const struct temporal_expr *a,
			 const struct temporal_expr *b)
{
	bool wider = a->window_ms <= b->window_ms;

	if (b->kind == TEMPORAL_FORMERLY) {
		if (wider && (a->kind == TEMPORAL_FORMERLY || a->kind == TEMPORAL_PREVIOUS) &&
		    implies(m, a->arg[0], b->arg[0])) {
			return true;
		}
		if (wider && a->kind == TEMPORAL_SINCE && implies(m, a->arg[1], b->arg[0])) {
			return true;
		}
		return implies(m, a, b->arg[0]); /* now is within every window */
	}
	if (a->kind != b->kind || !wider) {
		return false;
	}
	return a->kind == TEMPORAL_PREVIOUS
		       ? implies(m, a->arg[0], b->arg[0])
		       : a->kind == TEMPORAL_SINCE && implies(m, a->arg[0], b->arg[0]) &&
				 implies(m, a->arg[1], b->arg[1]);
}

/* !a implies !b when b implies a. */
static bool not_implies(struct match *m, const struct temporal_expr *a,
			const struct temporal_expr *b)
{
	bool good;

	turn(m);
	good = implies(m, b->arg[0], a->arg[0]);
	turn(m);
	return good;
}

static bool implies(struct match *m, const struct temporal_expr *a, const struct temporal_expr *b)
{
	if (!step(m)) {
		return false;
	}
	if (b->kind == TEMPORAL_AND) {
		for (uint32_t i = 0; i < b->n_args; i++) {
			if (!implies(m, a, b->arg[i])) {
				return false;
			}
		}
		return true;
	}
	for (uint32_t i = 0; a->kind == TEMPORAL_AND && i < a->n_args; i++) {
		if (implies(m, a->arg[i], b)) {
			return true;
		}
	}
	if (same_expr(m, a, b) || ranges_imply(m, a, b) || past_implies(m, a, b)) {
		return true;
	}
	if (a->kind == TEMPORAL_NOT && b->kind == TEMPORAL_NOT) {
		return not_implies(m, a, b);
	}
	if (a->kind == TEMPORAL_EXISTS && b->kind == TEMPORAL_EXISTS) {
		return under_binder(m, a, b, implies);
	}
	return a->kind == TEMPORAL_EVENT && b->kind == TEMPORAL_EVENT && event_implies(m, a, b);
}

static bool holds_between(const struct temporal_expr *a, const struct temporal_expr *b)
{
	struct match m = {0};

	return implies(&m, a, b);
}

bool prove_temporal_implies(const struct temporal_leaf *a, const struct temporal_leaf *b)
{
	return holds_between(a->expr, b->expr);
}

/* -- what follows for the prover -- */

struct facts {
	struct arena *a;
	struct prove_never *items;
	size_t n, cap;
	struct err *err;
};

/* No request satisfies `condition`, which names the two attributes. */
static enum err_code add_fact(struct facts *f, struct str condition, struct str x, struct str y)
{
	struct policy_source *src = ARENA_NEW(f->a, struct policy_source);
	struct policy_list list = {0};
	struct policy_diags diags;

	if (!src || !condition.p || !ARENA_GROW(f->a, &f->items, f->n, &f->cap)) {
		return ERR(f->err, ERR_NOMEM, "out of memory");
	}
	*src = (struct policy_source){
		STR("<fact>"),
		arena_printf(f->a, "permit(principal, action, resource) when {" STR_FMT "};",
			     STR_ARG(condition))};
	if (!src->text.p) {
		return ERR(f->err, ERR_NOMEM, "out of memory");
	}
	policy_diags_init(&diags, f->a);
	TRY(policy_parse(f->a, src, POLICY_ID_ORDER, &list, &diags, f->err));
	f->items[f->n++] = (struct prove_never){.policy = list.items[0], .attrs = {x, y}};
	return ERR_OK;
}

#define BOTH     "context." STR_FMT " && context." STR_FMT
#define NEITHER  "!context." STR_FMT " && !context." STR_FMT
#define ONE_ONLY "context." STR_FMT " && !context." STR_FMT
#define DIFFER   "context." STR_FMT " != context." STR_FMT

static enum err_code compare_leaves(struct facts *f, const struct temporal_leaf *x,
				    const struct temporal_leaf *y)
{
	bool not_x = x->expr->kind == TEMPORAL_NOT;

	if (holds_between(x->expr, y->expr)) {
		TRY(add_fact(f, arena_printf(f->a, ONE_ONLY, STR_ARG(x->attr), STR_ARG(y->attr)),
			     x->attr, y->attr));
	}
	if (not_x && holds_between(y->expr, x->expr->arg[0])) {
		TRY(add_fact(f, arena_printf(f->a, BOTH, STR_ARG(x->attr), STR_ARG(y->attr)),
			     x->attr, y->attr));
	}
	if (not_x && holds_between(x->expr->arg[0], y->expr)) {
		TRY(add_fact(f, arena_printf(f->a, NEITHER, STR_ARG(x->attr), STR_ARG(y->attr)),
			     x->attr, y->attr));
	}
	return ERR_OK;
}

bool prove_temporal_same_call(const struct dw_call *a, const struct dw_call *b)
{
	return dw_call_same(a, b) && a->output->kind != TYPE_RECORD && a->output->kind != TYPE_SET;
}

enum err_code prove_temporal(struct arena *a, const struct dw_program *prog,
			     struct prove_never **ret, size_t *ret_n, struct err *err)
{
	struct facts f = {.a = a, .err = err};

	for (size_t i = 0; i < prog->n_leaves && prog->n_leaves <= PROVE_TEMPORAL_LEAVES; i++) {
		for (size_t k = 0; k < prog->n_leaves; k++) {
			if (k != i) {
				TRY(compare_leaves(&f, &prog->leaves[i], &prog->leaves[k]));
			}
		}
	}
	for (size_t i = 0; i < prog->n_calls && prog->n_calls <= PROVE_TEMPORAL_LEAVES; i++) {
		for (size_t k = 0; k < i; k++) {
			if (prove_temporal_same_call(&prog->calls[i], &prog->calls[k])) {
				TRY(add_fact(&f,
					     arena_printf(a, DIFFER, STR_ARG(prog->calls[i].attr),
							  STR_ARG(prog->calls[k].attr)),
					     prog->calls[i].attr, prog->calls[k].attr));
			}
		}
	}
	*ret = f.items;
	*ret_n = f.n;
	return ERR_OK;
}
