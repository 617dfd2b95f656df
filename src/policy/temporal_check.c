/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/temporal_check.h"

#include "policy/temporal_scope.h"

#include "policy/conform.h"

#include <stdarg.h>
#include <stdio.h>

/* One bit for each variable of the condition. */
typedef uint64_t slots;

struct binding {
	const struct temporal_binder *b;
	const struct binding *outer;
};

struct check {
	struct arena *a;   /* what becomes part of the leaf */
	struct arena *tmp; /* the rest */
	const struct schema *schema;
	const struct dw_events *events;
	const struct policy *scope;
	struct temporal_leaf *leaf;
	struct policy_diags *diags;
	const struct schema_action **actions;
	size_t n_actions;
	const struct temporal_binder *binders[TEMPORAL_SLOTS_MAX]; /* by slot */
	bool nomem, limit;

	/* The first variable used too early: reported when nothing is worse. */
	const char *late_where;
	slots late;
	struct policy_span late_span;
};

static bool fail(struct check *c, struct policy_span span, const char *fmt, ...) PRINTF(3, 4);

static bool fail(struct check *c, struct policy_span span, const char *fmt, ...)
{
	char msg[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	policy_diag_error(c->diags, c->leaf->source, span, "%s", msg);
	return false;
}

static bool no_memory(struct check *c)
{
	c->nomem = true;
	return false;
}

static slots bit(uint32_t slot)
{
	return (slots)1 << slot;
}

/* ---- types of terms ---- */

static void print_types(const struct dw_types *ts, char *to, size_t size)
{
	struct buf b;

	buf_init(&b, 256);
	for (size_t i = 0; i < ts->n; i++) {
		buf_append(&b, i > 0 ? STR(" or ") : STR(""));
		type_print(&b, ts->items[i]);
	}
	(void)snprintf(to, size, STR_FMT, STR_ARG(buf_str(&b)));
	buf_done(&b);
}

static const struct binding *lookup(const struct binding *env, struct str name)
{
	while (env && !str_eq(env->b->name, name)) {
		env = env->outer;
	}
	return env;
}

/* A set of literals becomes one value. */
static bool fold_set(struct check *c, struct temporal_term *t)
{
	struct policy_value *elems = ARENA_ARRAY(c->a, t->n_names, struct policy_value);

	if (!elems) {
		return no_memory(c);
	}
	for (uint32_t i = 0; i < t->n_names; i++) {
		if (t->items[i].kind == TEMPORAL_SET && !fold_set(c, &t->items[i])) {
			return false;
		}
		if (t->items[i].kind != TEMPORAL_VALUE) {
			return fail(c, t->items[i].span, "a set here can only hold literals");
		}
		elems[i] = t->items[i].value;
	}
	t->value = policy_value_set(elems, t->n_names);
	t->kind = TEMPORAL_VALUE;
	t->items = NULL;
	return true;
}

static bool path_types(struct check *c, const struct temporal_term *t, struct dw_types *ret)
{
	const struct schema_action *missing;
	struct str last;

	if (temporal_path_types(c->tmp, c->scope, c->actions, c->n_actions, t->base, t->names,
				t->n_names, ret, &missing)) {
		return true;
	}
	if (!missing) {
		return no_memory(c);
	}
	last = t->n_names > 0 ? t->names[t->n_names - 1] : STR("");
	return fail(c, t->span,
		    "`" STR_FMT "...." STR_FMT "` does not exist for action `" STR_FMT
		    "::\"" STR_FMT "\"`, which this policy covers",
		    STR_ARG(policy_var_name(t->base)), STR_ARG(last), STR_ARG(missing->type->name),
		    STR_ARG(missing->id));
}

static slots agg(struct check *c, struct temporal_agg *g, struct policy_span span,
		 const struct binding *env, slots bound, bool *ok);

/* Binds a variable's name; its types, or *time when it is a time point. */
static bool var_types(struct check *c, struct temporal_term *t, const struct binding *env,
		      struct dw_types *ret, bool *time)
{
	const struct binding *b = lookup(env, t->name);

	if (!b) {
		return fail(c, t->span, "variable `" STR_FMT "` is not bound by `exists` or `for`",
			    STR_ARG(t->name));
	}
	t->slot = b->b->slot;
	*time = b->b->type == NULL;
	return *time || dw_types_add(c->tmp, ret, b->b->type) || no_memory(c);
}

/* Literals: does it fit one of the types? */
static bool value_fits(struct check *c, struct policy_value v, const struct dw_types *ts)
{
	for (size_t i = 0; i < ts->n; i++) {
		if (conform_value(c->schema, ts->items[i], v, NULL) == ERR_OK) {
			return true;
		}
	}
	return false;
}

/* Types of what a decision or a variable gives, against what stands on the other side. */
static bool types_agree(const struct dw_types *a, const struct dw_types *b)
{
	bool some = false, all = true;

	for (size_t i = 0; i < a->n; i++) {
		bool in = dw_types_have(b, a->items[i]);

		some = some || in;
		all = all && (in || a->items[i]->kind == TYPE_ENTITY);
	}
	return some && all;
}

/* The term of a predicate's field whose types are `want`. Adds the variable's bit to *rr. */
static bool field_term(struct check *c, struct temporal_term *t, const struct binding *env,
		       const struct dw_types *want, slots *rr)
{
	struct dw_types have = {0};
	char a[100], b[100];
	bool time = false;

	switch (t->kind) {
	case TEMPORAL_WILD:
		return true;
	case TEMPORAL_SET:
		if (!fold_set(c, t)) {
			return false;
		}
		break;
	case TEMPORAL_VALUE:
		break;
	case TEMPORAL_PATH:
		if (!path_types(c, t, &have)) {
			return false;
		}
		break;
	case TEMPORAL_VAR:
		if (!var_types(c, t, env, &have, &time)) {
			return false;
		}
		if (time) {
			return fail(c, t->span,
				    "`" STR_FMT "` is a time point, not a field's value",
				    STR_ARG(t->name));
		}
		*rr |= bit(t->slot);
		break;
	case TEMPORAL_AGG:
		return fail(c, t->span, "an aggregate can only stand in a comparison");
	case TEMPORAL_TERM_PARAM:
		return fail(c, t->span, "a macro's parameter outside a macro");
	}
	if (t->kind == TEMPORAL_VALUE ? value_fits(c, t->value, want) : types_agree(&have, want)) {
		return true;
	}
	print_types(want, a, sizeof(a));
	if (t->kind == TEMPORAL_VALUE) {
		return fail(c, t->span, "this value is not of the field's type %s", a);
	}
	print_types(&have, b, sizeof(b));
	return fail(c, t->span, "this is of type %s; the field is of type %s", b, a);
}

/* ---- events ---- */

static bool add_pins(struct check *c, const struct dw_kind *kind, struct temporal_expr *e)
{
	struct temporal_field *all =
		ARENA_ARRAY(c->a, e->n_fields + kind->n_fields, struct temporal_field);
	size_t n = e->n_fields;

	if (!all) {
		return no_memory(c);
	}
	if (n > 0) {
		memcpy(all, e->fields, n * sizeof(*all));
	}
	for (size_t i = 0; i < kind->n_fields; i++) {
		const struct dw_field *f = &kind->fields[i];
		bool splits = false;

		for (size_t j = 0; j < c->events->n_partition; j++) {
			splits = splits || str_eq(c->events->partition[j]->name, f->name);
		}
		if (!f->pin || splits) {
			continue;
		}
		all[n].path = ARENA_NEW(c->a, struct str);
		if (!all[n].path) {
			return no_memory(c);
		}
		all[n].path[0] = f->name;
		all[n].n_path = 1;
		all[n].pinned = true;
		all[n].span = e->span;
		all[n].term = (struct temporal_term){.kind = TEMPORAL_PATH,
						     .base = f->pin_base,
						     .names = f->pin_path,
						     .n_names = f->n_pin_path,
						     .span = e->span};
		n++;
	}
	e->fields = all;
	e->n_fields = (uint32_t)n;
	return true;
}

static void suggest_kind(struct check *c, struct str name)
{
	struct str names[DW_KINDS_MAX];

	for (size_t i = 0; i < c->events->n_kinds; i++) {
		names[i] = c->events->kinds[i].name;
	}
	policy_diag_suggest(c->diags, name, names, c->events->n_kinds);
}

static bool check_event(struct check *c, struct temporal_expr *e, const struct binding *env,
			slots *rr)
{
	const struct schema_action *action =
		schema_action_find(c->schema, e->action.type, e->action.id);
	const struct dw_kind *kind = dw_events_kind(c->events, e->event_kind);
	bool good = true;

	if (!action) {
		return fail(c, e->span, "unknown action `" STR_FMT "::\"" STR_FMT "\"`",
			    STR_ARG(e->action.type), STR_ARG(e->action.id));
	}
	if (action->n_principals == 0 || action->n_resources == 0) {
		return fail(c, e->span, "`" STR_FMT "` is a group of actions; it has no events",
			    STR_ARG(e->action.id));
	}
	if (!kind) {
		fail(c, e->span, "unknown event kind `" STR_FMT "`", STR_ARG(e->event_kind));
		suggest_kind(c, e->event_kind);
		return false;
	}
	for (uint32_t i = 0; i < e->n_fields; i++) {
		struct temporal_field *f = &e->fields[i];
		struct dw_types want = {0};
		struct str last = f->path[f->n_path - 1];

		switch (dw_events_field(c->tmp, kind, action, f->path, f->n_path, &want)) {
		case DW_FOUND:
			good = field_term(c, &f->term, env, &want, rr) && good;
			break;
		case DW_MISSING:
			good = fail(c, f->span,
				    "no field `" STR_FMT "` in `" STR_FMT "::" STR_FMT "`",
				    STR_ARG(last), STR_ARG(e->action.id), STR_ARG(kind->name));
			break;
		case DW_IS_GROUP:
			good = fail(c, f->span, "`" STR_FMT "` is a group of fields, not a field",
				    STR_ARG(last));
			break;
		case DW_NOMEM:
			return no_memory(c);
		}
	}
	e->id = c->leaf->n_events++;
	return add_pins(c, kind, e) && good;
}

/* ---- binders ---- */

static bool bind(struct check *c, struct temporal_binder *b)
{
	b->type = NULL;
	if (!str_eq(b->type_name, STR("Timepoint"))) {
		b->type = dw_type_find(c->schema, b->type_name);
		if (!b->type) {
			return fail(c, b->span, "unknown type `" STR_FMT "`",
				    STR_ARG(b->type_name));
		}
	}
	if (c->leaf->n_slots == TEMPORAL_SLOTS_MAX) {
		c->limit = true;
		return fail(c, b->span, "more than %d variables in one temporal condition",
			    TEMPORAL_SLOTS_MAX);
	}
	b->slot = c->leaf->n_slots++;
	c->binders[b->slot] = b;
	return true;
}

/* The names of variables in a set, for messages: the first one. */
static struct str first_name(struct check *c, slots s)
{
	return s ? c->binders[__builtin_ctzll(s)]->name : STR("");
}

/*
 * What is used must be bound further left. A variable that nothing binds at all
 * has a better message, so this one waits.
 */
static void demand(struct check *c, struct policy_span span, slots needs, slots bound,
		   const char *where)
{
	slots lacks = needs & ~bound;

	if (lacks && !c->late) {
		c->late = lacks;
		c->late_span = span;
		c->late_where = where;
	}
}

/* Free variables, after the names are bound. */
static slots free_vars(const struct temporal_expr *e);

static slots term_vars(const struct temporal_term *t)
{
	slots s;

	if (t->kind == TEMPORAL_VAR) {
		return bit(t->slot);
	}
	if (t->kind != TEMPORAL_AGG) {
		return 0;
	}
	s = free_vars(t->agg->body);
	for (size_t i = 0; i < t->agg->n_binders; i++) {
		s &= ~bit(t->agg->binders[i].slot);
	}
	return s;
}

static slots free_vars(const struct temporal_expr *e)
{
	slots s = 0;

	for (uint32_t i = 0; i < e->n_args; i++) {
		s |= free_vars(e->arg[i]);
	}
	if (e->kind == TEMPORAL_EXISTS) {
		return s & ~bit(e->binder.slot);
	}
	if (e->kind == TEMPORAL_TP || e->kind == TEMPORAL_COMPARE) {
		s |= term_vars(&e->left) | term_vars(&e->right);
	}
	for (uint32_t i = 0; i < e->n_fields; i++) {
		s |= term_vars(&e->fields[i].term);
	}
	return s;
}

/* ---- the walk: binds, checks, answers what the expression restricts ---- */

static slots walk(struct check *c, struct temporal_expr *e, const struct binding *env, slots bound,
		  bool *ok);

static bool window(struct check *c, const struct temporal_expr *e)
{
	if (e->window_ms > c->events->max_window_ms) {
		return fail(c, e->span, "window longer than max_window (%lld s)",
			    (long long)(c->events->max_window_ms / 1000));
	}
	return true;
}

static slots agg(struct check *c, struct temporal_agg *g, struct policy_span span,
		 const struct binding *env, slots bound, bool *ok)
{
	struct binding *inner = ARENA_ARRAY(c->tmp, g->n_binders, struct binding);
	slots own = 0, rr, outward;

	if (!inner) {
		*ok = no_memory(c);
		return 0;
	}
	for (size_t i = 0; i < g->n_binders; i++) {
		if (!bind(c, &g->binders[i])) {
			*ok = false;
			return 0;
		}
		own |= bit(g->binders[i].slot);
		inner[i] = (struct binding){&g->binders[i], i > 0 ? &inner[i - 1] : env};
		if (g->sum && str_eq(g->binders[i].name, g->summand)) {
			g->summand_slot = g->binders[i].slot;
			if (!g->binders[i].type || g->binders[i].type->kind != TYPE_LONG) {
				*ok = fail(c, g->binders[i].span, "only a Long can be summed");
			}
		}
	}
	if (g->sum && !lookup(&inner[g->n_binders - 1], g->summand)) {
		*ok = fail(c, span, "`" STR_FMT "` is summed but not in the `for` list",
			   STR_ARG(g->summand));
	} else if (g->sum && !(own & bit(g->summand_slot))) {
		*ok = fail(c, span, "`" STR_FMT "` is summed but not in the `for` list",
			   STR_ARG(g->summand));
	}
	rr = walk(c, g->body, &inner[g->n_binders - 1], bound, ok);
	if (!*ok) {
		return 0;
	}
	if (own & ~rr) {
		*ok = fail(c, span,
			   "`for` variable `" STR_FMT
			   "` is not range-restricted: in the `where` body an event, tp() or `==` "
			   "must bind it, outside of negations and of the left side of `since`",
			   STR_ARG(first_name(c, own & ~rr)));
	}
	outward = free_vars(g->body) & ~own;
	demand(c, span, outward, bound, "an aggregate");
	return outward;
}

struct side {
	struct dw_types types;
	bool time, var, wild, literal;
	slots vars;
};

static bool side_of(struct check *c, struct temporal_term *t, const struct binding *env,
		    slots bound, struct side *s)
{
	bool ok = true;

	switch (t->kind) {
	case TEMPORAL_SET:
		if (!fold_set(c, t)) {
			return false;
		}
		s->literal = true;
		return true;
	case TEMPORAL_VALUE:
		s->literal = true;
		return true;
	case TEMPORAL_WILD:
		return fail(c, t->span, "a wildcard cannot be compared");
	case TEMPORAL_PATH:
		return path_types(c, t, &s->types);
	case TEMPORAL_VAR:
		s->var = true;
		if (!var_types(c, t, env, &s->types, &s->time)) {
			return false;
		}
		s->vars = bit(t->slot);
		return true;
	case TEMPORAL_AGG:
		s->vars = agg(c, t->agg, t->span, env, bound, &ok);
		return ok &&
		       (dw_types_add(c->tmp, &s->types, type_scalar(TYPE_LONG)) || no_memory(c));
	case TEMPORAL_TERM_PARAM:
		break;
	}
	return fail(c, t->span, "a macro's parameter outside a macro");
}

static bool is_long(struct check *c, const struct temporal_term *t, const struct side *s)
{
	(void)c;
	if (s->literal) {
		return t->value.kind == POLICY_LONG;
	}
	return !s->time && s->types.n == 1 && s->types.items[0]->kind == TYPE_LONG;
}

static bool sides_agree(struct check *c, const struct temporal_expr *e, const struct side *l,
			const struct side *r)
{
	if (l->time || r->time) {
		return (l->time && r->time) ||
		       fail(c, e->span, "a time point can only be compared with a time point");
	}
	if (e->op != POLICY_EXPR_EQ && e->op != POLICY_EXPR_NE) {
		return (is_long(c, &e->left, l) && is_long(c, &e->right, r)) ||
		       fail(c, e->span, "only integers can be ordered");
	}
	if (l->literal && r->literal) {
		return e->left.value.kind == e->right.value.kind ||
		       fail(c, e->span, "these can never be equal");
	}
	if (l->literal) {
		return value_fits(c, e->left.value, &r->types) ||
		       fail(c, e->left.span, "this value is not of the other side's type");
	}
	if (r->literal) {
		return value_fits(c, e->right.value, &l->types) ||
		       fail(c, e->right.span, "this value is not of the other side's type");
	}
	return types_agree(&l->types, &r->types) ||
	       fail(c, e->span, "the sides of this comparison are of different types");
}

static slots comparison(struct check *c, struct temporal_expr *e, const struct binding *env,
			slots bound, bool *ok)
{
	struct side l = {0}, r = {0};

	if (!side_of(c, &e->left, env, bound, &l) || !side_of(c, &e->right, env, bound, &r) ||
	    !sides_agree(c, e, &l, &r)) {
		*ok = false;
		return 0;
	}
	if (e->op == POLICY_EXPR_EQ && l.var != r.var) {
		demand(c, e->span, l.var ? r.vars : l.vars, bound, "an aggregate");
		return l.var ? l.vars : r.vars;
	}
	demand(c, e->span, l.vars | r.vars, bound, "a comparison");
	return 0;
}

static slots exists(struct check *c, struct temporal_expr *e, const struct binding *env,
		    slots bound, bool *ok)
{
	struct binding inner = {&e->binder, env};
	slots rr;

	if (!bind(c, &e->binder)) {
		*ok = false;
		return 0;
	}
	rr = walk(c, e->arg[0], &inner, bound, ok);
	if (*ok && !(rr & bit(e->binder.slot))) {
		*ok = fail(
			c, e->binder.span,
			"`exists` variable `" STR_FMT
			"` is not range-restricted: an event, tp() or `==` must bind it, outside "
			"of negations and of the left side of `since`",
			STR_ARG(e->binder.name));
	}
	return rr & ~bit(e->binder.slot);
}

static slots walk_since(struct check *c, struct temporal_expr *e, const struct binding *env,
			slots bound, bool *ok)
{
	slots rr = walk(c, e->arg[1], env, bound, ok);

	*ok = window(c, e) && *ok;
	if (*ok) {
		(void)walk(c, e->arg[0], env, bound | rr, ok);
	}
	if (*ok) {
		demand(c, e->arg[0]->span, free_vars(e->arg[0]) & ~rr, bound,
		       "the left side of `since`");
	}
	return rr;
}

static slots walk(struct check *c, struct temporal_expr *e, const struct binding *env, slots bound,
		  bool *ok)
{
	struct dw_types none = {0};
	bool time = false;
	slots rr = 0;

	switch (e->kind) {
	case TEMPORAL_AND:
		for (uint32_t i = 0; i < e->n_args && *ok; i++) {
			rr |= walk(c, e->arg[i], env, bound | rr, ok);
		}
		return rr;
	case TEMPORAL_NOT:
		(void)walk(c, e->arg[0], env, bound, ok);
		if (*ok) {
			demand(c, e->span, free_vars(e->arg[0]), bound, "a negation");
		}
		return 0;
	case TEMPORAL_FORMERLY:
	case TEMPORAL_PREVIOUS:
		*ok = window(c, e) && *ok;
		return walk(c, e->arg[0], env, bound, ok);
	case TEMPORAL_SINCE:
		return walk_since(c, e, env, bound, ok);
	case TEMPORAL_EXISTS:
		return exists(c, e, env, bound, ok);
	case TEMPORAL_TP:
		if (!var_types(c, &e->left, env, &none, &time)) {
			*ok = false;
		} else if (!time) {
			*ok = fail(c, e->left.span, "`" STR_FMT "` is not a Timepoint",
				   STR_ARG(e->left.name));
		} else {
			rr = bit(e->left.slot);
		}
		return rr;
	case TEMPORAL_COMPARE:
		return comparison(c, e, env, bound, ok);
	case TEMPORAL_EVENT:
		*ok = check_event(c, e, env, &rr) && *ok;
		return rr;
	case TEMPORAL_PARAM:
	case TEMPORAL_TERM:
		break;
	}
	*ok = fail(c, e->span, "a macro's parameter outside a macro");
	return 0;
}

static int64_t retention(const struct temporal_expr *e);

static int64_t term_retention(const struct temporal_term *t)
{
	return t->kind == TEMPORAL_AGG ? retention(t->agg->body) : 0;
}

static int64_t retention(const struct temporal_expr *e)
{
	int64_t most = 0, r;

	for (uint32_t i = 0; i < e->n_args; i++) {
		r = retention(e->arg[i]);
		most = r > most ? r : most;
	}
	if (e->kind == TEMPORAL_COMPARE) {
		r = term_retention(&e->left);
		most = r > most ? r : most;
		r = term_retention(&e->right);
		most = r > most ? r : most;
	}
	return __builtin_add_overflow(most, e->window_ms, &r) ? INT64_MAX : r;
}

static enum err_code check_leaf(struct check *c, struct err *err)
{
	bool ok = true;

	TRY(temporal_scope_actions(c->tmp, c->schema, c->scope, &c->actions, &c->n_actions, err));
	(void)walk(c, c->leaf->expr, NULL, 0, &ok);
	if (ok && c->late) {
		ok = fail(c, c->late_span,
			  "variable `" STR_FMT "` is used in %s before anything binds it; put an "
			  "event or `==` that binds it to the left",
			  STR_ARG(first_name(c, c->late)), c->late_where);
	}
	if (c->nomem || c->a->exhausted || c->tmp->exhausted) {
		return ERR(err, ERR_NOMEM, "temporal condition: out of memory");
	}
	if (!ok) {
		return policy_diags_err(c->diags, c->limit ? ERR_LIMIT : ERR_INVALID, err);
	}
	c->leaf->retention_ms = retention(c->leaf->expr);
	return ERR_OK;
}

enum err_code temporal_check(struct arena *a, const struct schema *schema,
			     const struct dw_events *events, const struct policy *scope,
			     struct temporal_leaf *leaf, struct policy_diags *diags,
			     struct err *err)
{
	struct arena scratch;
	struct check c = {.a = a,
			  .tmp = &scratch,
			  .schema = schema,
			  .events = events,
			  .scope = scope,
			  .leaf = leaf,
			  .diags = diags};
	enum err_code code;

	arena_init(&scratch, a->limit);
	code = check_leaf(&c, err);
	arena_done(&scratch);
	return code;
}
