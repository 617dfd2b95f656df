/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of labels: which there are, how they join, and how Cedar says them. */
#include "policy/prove_flow_priv.h"

#include "policy/print.h"

/* -- which elements and numbers matter -- */

static bool is_path(const struct policy_expr *e, const struct str *texts, size_t n)
{
	bool found = false;
	struct buf b;

	if (e->kind != POLICY_EXPR_GET) {
		return false;
	}
	buf_init(&b, 1 << 16);
	policy_expr_print(&b, e);
	for (size_t i = 0; i < n && !found; i++) {
		found = !b.failed && str_eq(buf_str(&b), texts[i]);
	}
	buf_done(&b);
	return found;
}

static bool add_item(struct arena *a, struct flow_place *p, struct policy_value v)
{
	bool set = p->type->kind == TYPE_SET;
	size_t at = 0;

	if (v.kind == POLICY_SET) {
		for (uint32_t i = 0; set && i < v.n; i++) {
			if (!add_item(a, p, v.elems[i])) {
				return false;
			}
		}
		return true;
	}
	if (set ? v.kind != POLICY_STRING && v.kind != POLICY_ENTITY : v.kind != POLICY_LONG) {
		return true;
	}
	while (at < p->n && policy_value_cmp(p->items[at], v) < 0) {
		at++;
	}
	if ((at < p->n && policy_value_eq(p->items[at], v)) ||
	    p->n == (set ? PROVE_FLOW_ELEMENTS : PROVE_FLOW_CUTS)) {
		return true;
	}
	if (!ARENA_GROW(a, &p->items, p->n, &p->cap)) {
		return false;
	}
	memmove(&p->items[at + 1], &p->items[at], (p->n - at) * sizeof(*p->items));
	p->items[at] = v;
	p->n++;
	return true;
}

/* Every constant of an expression: what stands beside a place. */
static bool add_constants(struct arena *a, struct flow_place *p, const struct policy_expr *e)
{
	bool ok = e->kind != POLICY_EXPR_LIT || add_item(a, p, e->lit);

	for (uint32_t i = 0; ok && i < e->n_args; i++) {
		ok = add_constants(a, p, e->arg[i]);
	}
	return ok;
}

/* Does the test of the i-th argument look at all of a set? */
static bool is_whole(const struct policy_expr *e, uint32_t i)
{
	const struct policy_expr *other = e->n_args == 2 ? e->arg[1 - i] : NULL;

	if (e->kind == POLICY_EXPR_CALL && i == 0 && e->fn == POLICY_FN_CONTAINS) {
		return false;
	}
	return e->kind != POLICY_EXPR_CALL || i > 0 || !other ||
	       (other->kind != POLICY_EXPR_SET && other->kind != POLICY_EXPR_LIT);
}

static bool learn_expr(struct arena *a, struct flow_place *p, const struct str *texts, size_t n,
		       const struct policy_expr *e)
{
	bool beside = false, ok = true;

	for (uint32_t i = 0; i < e->n_args; i++) {
		if (is_path(e->arg[i], texts, n)) {
			beside = true;
			p->whole = p->whole || is_whole(e, i);
		}
	}
	for (uint32_t i = 0; ok && i < e->n_args; i++) {
		ok = (!beside || add_constants(a, p, e->arg[i])) &&
		     learn_expr(a, p, texts, n, e->arg[i]);
	}
	return ok;
}

bool flow_learn(struct arena *a, struct prove_flow *flow, const struct policy *p)
{
	for (uint32_t i = 0; i < flow->n_places; i++) {
		struct flow_place *place = &flow->places[i];
		struct str texts[1 + PROVE_FLOW_RULES];
		size_t n = 0;

		if (place->type->kind == TYPE_BOOL) {
			continue;
		}
		texts[n++] = place->path.text;
		for (uint32_t k = 0; k < flow->n_rules; k++) {
			for (uint32_t m = 0; m < flow->rules[k].n; m++) {
				const struct flow_effect *e = &flow->rules[k].effects[m];

				if (e->place == i && e->op != FLOW_SET) {
					texts[n++] = e->source.text;
				} else if (e->place == i && !add_item(a, place, e->value)) {
					return false;
				}
			}
		}
		for (size_t k = 0; k < p->n_conds; k++) {
			if (!learn_expr(a, place, texts, n, p->conds[k].body)) {
				return false;
			}
		}
	}
	return true;
}

/* -- classes -- */

static uint64_t set_class(const struct flow_place *p, struct policy_value v)
{
	uint64_t bits = 0;
	size_t known = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (policy_set_has(v, p->items[i])) {
			bits |= UINT64_C(1) << i;
			known++;
		}
	}
	return p->whole && known < v.n ? bits | FLOW_OTHERS : bits;
}

static uint64_t number_class(const struct flow_place *p, int64_t v)
{
	for (size_t i = 0; i < p->n; i++) {
		if (v <= p->items[i].i) {
			return 2 * i + (v == p->items[i].i);
		}
	}
	return 2 * p->n;
}

uint64_t flow_class(const struct flow_place *p, struct policy_value v)
{
	if (p->type->kind == TYPE_SET) {
		return set_class(p, v);
	}
	return p->type->kind == TYPE_LONG ? number_class(p, v.i) : v.b;
}

uint64_t flow_apply(const struct flow_place *p, const struct flow_effect *e, uint64_t before,
		    struct policy_value source)
{
	uint64_t added;

	if (e->op == FLOW_SET) {
		return flow_class(p, e->value);
	}
	if (source.kind == POLICY_NONE) {
		return before;
	}
	added = flow_class(p, source);
	switch (e->op) {
	case FLOW_ADD:
	case FLOW_OR:
		return before | added;
	case FLOW_MAX:
		return added > before ? added : before;
	case FLOW_MIN:
		return added < before ? added : before;
	case FLOW_SET:
		break;
	}
	return before;
}

struct policy_value flow_join(struct arena *a, const struct flow_effect *e,
			      struct policy_value before, struct policy_value source)
{
	struct policy_value *elems;

	if (e->op == FLOW_SET) {
		return e->value;
	}
	if (source.kind == POLICY_NONE) {
		return before;
	}
	switch (e->op) {
	case FLOW_ADD:
		elems = ARENA_ARRAY(a, (size_t)before.n + source.n + 1, struct policy_value);
		if (!elems) {
			return (struct policy_value){0};
		}
		for (uint32_t i = 0; i < before.n; i++) {
			elems[i] = before.elems[i];
		}
		for (uint32_t i = 0; i < source.n; i++) {
			elems[before.n + i] = source.elems[i];
		}
		return policy_value_set(elems, (size_t)before.n + source.n);
	case FLOW_MAX:
		return source.i > before.i ? source : before;
	case FLOW_MIN:
		return source.i < before.i ? source : before;
	case FLOW_OR:
		return policy_bool(before.b || source.b);
	case FLOW_SET:
		break;
	}
	return before;
}

/* -- as Cedar -- */

static void put_elements(struct buf *to, const struct flow_place *p, struct str text,
			 uint64_t without, uint64_t v)
{
	const char *between = "";

	for (size_t i = 0; i < p->n; i++) {
		if (without >> i & 1) {
			continue;
		}
		buf_printf(to, "%s%s" STR_FMT ".contains(", between, v >> i & 1 ? "" : "!",
			   STR_ARG(text));
		policy_value_write(to, p->items[i]);
		buf_append_c(to, ')');
		between = " && ";
	}
	if (without & FLOW_OTHERS || !p->whole) {
		buf_append(to, *between ? STR("") : STR("true"));
		return;
	}
	buf_printf(to, "%s%s", between, v & FLOW_OTHERS ? "!" : "");
	if (p->n == 0) {
		buf_append(to, text);
		buf_append(to, STR(".isEmpty()"));
		return;
	}
	buf_append_c(to, '[');
	for (size_t i = 0; i < p->n; i++) {
		buf_append(to, i > 0 ? STR(", ") : STR(""));
		policy_value_write(to, p->items[i]);
	}
	buf_printf(to, "].containsAll(" STR_FMT ")", STR_ARG(text));
}

static void put_number(struct buf *to, const struct flow_place *p, struct str text, uint64_t v,
		       bool low, bool high)
{
	size_t i = (size_t)(v / 2);
	const char *between = "";

	if (v % 2 == 1) {
		buf_printf(to, STR_FMT " %s %lld", STR_ARG(text),
			   low && high ? "=="
			   : high      ? "<="
				       : ">=",
			   (long long)p->items[i].i);
		return;
	}
	if (low && i > 0) {
		buf_printf(to, STR_FMT " > %lld", STR_ARG(text), (long long)p->items[i - 1].i);
		between = " && ";
	}
	if (high && i < p->n) {
		buf_printf(to, "%s" STR_FMT " < %lld", between, STR_ARG(text),
			   (long long)p->items[i].i);
		between = " && ";
	}
	buf_append(to, *between ? STR("") : STR("true"));
}

void flow_put_class(struct buf *to, const struct flow_place *p, struct str text, uint64_t v)
{
	if (p->type->kind == TYPE_SET) {
		put_elements(to, p, text, 0, v);
	} else if (p->type->kind == TYPE_LONG) {
		put_number(to, p, text, v, true, true);
	} else {
		buf_printf(to, "%s" STR_FMT, v ? "" : "!", STR_ARG(text));
	}
}

void flow_put_place(struct buf *to, const struct flow_place *p, uint64_t v)
{
	buf_printf(to, "(if " STR_FMT " then ", STR_ARG(p->path.guard));
	flow_put_class(to, p, p->path.text, v);
	buf_append(to, STR(" else true)"));
}

void flow_put_value(struct buf *to, const struct flow_place *p, struct policy_value v)
{
	buf_printf(to, "(if " STR_FMT " then " STR_FMT, STR_ARG(p->path.guard),
		   STR_ARG(p->path.text));
	if (v.kind == POLICY_SET && v.n == 0) {
		buf_append(to, STR(".isEmpty()"));
	} else {
		buf_append(to, STR(" == "));
		policy_value_write(to, v);
	}
	buf_append(to, STR(" else true)"));
}

void flow_put_effect(struct buf *to, const struct flow_place *p, const struct flow_effect *e,
		     uint64_t before, uint64_t after)
{
	struct str text = e->source.text;

	if (e->op == FLOW_SET) {
		buf_append(to, after == flow_class(p, e->value) ? STR("true") : STR("false"));
		return;
	}
	buf_printf(to, "(if " STR_FMT " then ", STR_ARG(e->source.guard));
	switch (e->op) {
	case FLOW_ADD:
		if (before & ~after) {
			buf_append(to, STR("false"));
		} else {
			put_elements(to, p, text, before, after);
		}
		break;
	case FLOW_MAX:
	case FLOW_MIN:
		if (after == before) {
			put_number(to, p, text, before, e->op == FLOW_MIN, e->op == FLOW_MAX);
		} else if ((after > before) == (e->op == FLOW_MAX)) {
			put_number(to, p, text, after, true, true);
		} else {
			buf_append(to, STR("false"));
		}
		break;
	case FLOW_OR:
		buf_append(to, before && !after ? STR("false") : before ? STR("true") : STR(""));
		if (!before) {
			flow_put_class(to, p, text, after);
		}
		break;
	case FLOW_SET:
		break;
	}
	buf_printf(to, " else %s)", before == after ? "true" : "false");
}
