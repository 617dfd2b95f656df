/* SPDX-License-Identifier: Apache-2.0 */
/* One event of a condition as monitors see it: what it tests, is keyed by, and tells apart. */
#include "policy/temporal_plan_priv.h"

#include "policy/sort.h"

struct key {
	const struct temporal_field *field;
};

int plan_term_cmp(const struct temporal_term *a, const struct temporal_term *b)
{
	if (a->base != b->base) {
		return a->base < b->base ? -1 : 1;
	}
	for (uint32_t i = 0; i < a->n_names && i < b->n_names; i++) {
		int c = str_cmp(a->names[i], b->names[i]);

		if (c != 0) {
			return c;
		}
	}
	return (a->n_names > b->n_names) - (a->n_names < b->n_names);
}

/* By what they are asked with, so that the events of a join have their keys in one order. */
static int key_cmp(const void *pa, const void *pb)
{
	const struct key *a = pa, *b = pb;
	int c = plan_term_cmp(&a->field->term, &b->field->term);

	return c != 0 ? c : a->field < b->field ? -1 : a->field > b->field;
}

static bool set_keys(struct planner *p, const struct temporal_expr *e, struct temporal_atom *ret,
		     const struct temporal_term ***terms)
{
	struct temporal_field *keys = ARENA_ARRAY(p->a, e->n_fields, struct temporal_field);
	struct key *order = ARENA_ARRAY(p->a, e->n_fields, struct key);
	size_t n = 0;

	*terms = ARENA_ARRAY(p->a, e->n_fields, const struct temporal_term *);
	if (!keys || !order || !*terms) {
		return plan_no_memory(p);
	}
	for (uint32_t i = 0; i < e->n_fields; i++) {
		if (e->fields[i].term.kind == TEMPORAL_PATH) {
			order[n++].field = &e->fields[i];
		}
	}
	policy_sort(order, n, sizeof(*order), key_cmp);
	for (size_t i = 0; i < n; i++) {
		keys[i] = *order[i].field;
		(*terms)[i] = &order[i].field->term;
	}
	ret->keys = keys;
	ret->n_keys = n;
	return true;
}

/* Variables are left to the caller when there may be some: their fields only have to be there. */
bool plan_atom(struct planner *p, const struct temporal_expr *e, bool vars,
	       struct temporal_atom *ret, const struct temporal_term ***terms)
{
	struct temporal_field *tests;

	if (e->kind != TEMPORAL_EVENT) {
		return false;
	}
	*ret = (struct temporal_atom){.action = e->action, .kind = e->event_kind};
	tests = ARENA_ARRAY(p->a, e->n_fields, struct temporal_field);
	if (!tests || !set_keys(p, e, ret, terms)) {
		return plan_no_memory(p);
	}
	for (uint32_t i = 0; i < e->n_fields; i++) {
		const struct temporal_field *f = &e->fields[i];

		if (f->term.kind == TEMPORAL_PATH) {
			continue;
		}
		if (f->term.kind == TEMPORAL_VAR && vars) {
			tests[ret->n_tests] = *f;
			tests[ret->n_tests++].term = (struct temporal_term){.kind = TEMPORAL_WILD};
		} else if (f->term.kind == TEMPORAL_VALUE || f->term.kind == TEMPORAL_WILD) {
			tests[ret->n_tests++] = *f;
		} else {
			return false;
		}
	}
	ret->tests = tests;
	return true;
}

const struct temporal_field *plan_var_field(const struct temporal_expr *event, uint32_t slot)
{
	for (uint32_t i = 0; i < event->n_fields; i++) {
		if (event->fields[i].term.kind == TEMPORAL_VAR &&
		    event->fields[i].term.slot == slot) {
			return &event->fields[i];
		}
	}
	return NULL;
}

bool plan_vars_have(const struct plan_vars *v, uint32_t slot)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->slots[i] == slot) {
			return true;
		}
	}
	return false;
}

/* Each variable of the event is one of these and stands once. */
bool plan_vars_plain(const struct plan_vars *v, const struct temporal_expr *event)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < event->n_fields; i++) {
		const struct temporal_term *t = &event->fields[i].term;

		if (t->kind == TEMPORAL_VAR) {
			if (!plan_vars_have(v, t->slot) || (seen >> t->slot & 1)) {
				return false;
			}
			seen |= (uint64_t)1 << t->slot;
		}
	}
	return true;
}

/* x > 3: what can be tested when the event comes. */
bool plan_filter(struct planner *p, const struct temporal_expr *event,
		 const struct temporal_expr *c, struct temporal_atom *atom)
{
	bool reversed = c->right.kind == TEMPORAL_VAR;
	const struct temporal_term *var = reversed ? &c->right : &c->left;
	const struct temporal_term *value = reversed ? &c->left : &c->right;
	const struct temporal_field *f;
	size_t cap = atom->n_filters;

	if (c->kind != TEMPORAL_COMPARE || var->kind != TEMPORAL_VAR ||
	    value->kind != TEMPORAL_VALUE) {
		return false;
	}
	f = plan_var_field(event, var->slot);
	if (!f) {
		return false;
	}
	if (!ARENA_GROW(p->a, &atom->filters, atom->n_filters, &cap)) {
		return plan_no_memory(p);
	}
	atom->filters[atom->n_filters++] =
		(struct temporal_filter){f, c->op, value->value, reversed};
	return true;
}

/* The fields of an event that the variables name, in their order; false when one is not named. */
bool plan_values(struct planner *p, const struct plan_vars *v, const struct temporal_expr *event,
		 struct temporal_atom *atom)
{
	atom->values = ARENA_ARRAY(p->a, v->n, const struct temporal_field *);
	if (!atom->values) {
		return plan_no_memory(p);
	}
	for (size_t i = 0; i < v->n; i++) {
		const struct temporal_field *f = plan_var_field(event, v->slots[i]);

		if (!f) {
			return false;
		}
		atom->values[atom->n_values++] = f;
	}
	return true;
}
