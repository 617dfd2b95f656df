/* SPDX-License-Identifier: Apache-2.0 */
/* A flow from its text. */
#include "policy/prove_flow_priv.h"

#include "policy/print.h"
#include "policy/validate.h"

#define TEXT_MAX ((size_t)1 << 20)

struct loading {
	struct arena *a;
	const struct schema *s;
	struct prove_flow *flow;
	struct policy_diags *diags;
	struct err *err;
	const struct policy *p; /* the rule being read */
	struct policy_span span;
	bool has_min;
};

static const struct op {
	struct str word;
	enum flow_op op;
	enum type_kind kind;
} ops[] = {
	{STR_INIT("+="), FLOW_ADD, TYPE_SET},    {STR_INIT("max="), FLOW_MAX, TYPE_LONG},
	{STR_INIT("min="), FLOW_MIN, TYPE_LONG}, {STR_INIT("or="), FLOW_OR, TYPE_BOOL},
	{STR_INIT("="), FLOW_SET, TYPE_NONE},
};

static enum err_code wrong(struct loading *l, const char *what, struct str about)
{
	policy_diag_error(l->diags, l->p->source, l->span, "%s: `" STR_FMT "`", what,
			  STR_ARG(about));
	return policy_diags_err(l->diags, ERR_INVALID, l->err);
}

static enum err_code no_memory(struct loading *l)
{
	return ERR(l->err, ERR_NOMEM, "out of memory");
}

/* One expression out of the text of an effect. */
static enum err_code read_expr(struct loading *l, struct str text, const struct policy_expr **ret)
{
	struct policy_source *src = ARENA_NEW(l->a, struct policy_source);
	struct policy_list list = {0};
	struct policy_diags diags;

	if (!src) {
		return no_memory(l);
	}
	*src = (struct policy_source){
		STR("<effect>"),
		arena_printf(l->a, "permit(principal, action, resource) when {" STR_FMT "\n};",
			     STR_ARG(text))};
	policy_diags_init(&diags, l->a);
	if (!src->text.p) {
		return no_memory(l);
	}
	if (policy_parse(l->a, src, POLICY_ID_ORDER, &list, &diags, l->err)) {
		return l->err->code == ERR_NOMEM ? ERR_NOMEM : wrong(l, "not an expression", text);
	}
	if (list.n != 1 || list.items[0]->n_conds != 1) {
		return wrong(l, "not an expression", text);
	}
	*ret = list.items[0]->conds[0].body;
	return ERR_OK;
}

/* `base has a && base.a has b` for base.a.b. */
static void put_guard(struct buf *to, const struct policy_expr *e)
{
	if (e->kind != POLICY_EXPR_GET) {
		return;
	}
	put_guard(to, e->arg[0]);
	buf_append(to, e->arg[0]->kind == POLICY_EXPR_GET ? STR(" && ") : STR(""));
	policy_expr_print(to, e->arg[0]);
	buf_append(to, STR(" has \""));
	buf_append(to, e->names[0]);
	buf_append_c(to, '"');
}

static bool is_plain(const struct policy_expr *e, bool context_only)
{
	for (; e->kind == POLICY_EXPR_GET; e = e->arg[0]) {
		if (str_find(e->names[0], '"') < e->names[0].n ||
		    str_find(e->names[0], '\\') < e->names[0].n) {
			return false;
		}
	}
	return e->kind == POLICY_EXPR_VAR && (!context_only || e->var == POLICY_VAR_CONTEXT);
}

static enum err_code read_path(struct loading *l, struct str text, bool place,
			       struct flow_path *ret)
{
	struct buf b;

	TRY(read_expr(l, text, &ret->expr));
	if (ret->expr->kind != POLICY_EXPR_GET || !is_plain(ret->expr, place)) {
		return wrong(l, place ? "not an attribute of the context" : "not an attribute",
			     text);
	}
	buf_init(&b, TEXT_MAX);
	policy_expr_print(&b, ret->expr);
	ret->text = arena_dup(l->a, buf_str(&b));
	buf_clear(&b);
	put_guard(&b, ret->expr);
	ret->guard = arena_dup(l->a, buf_str(&b));
	buf_done(&b);
	return ret->text.p && ret->guard.p ? ERR_OK : no_memory(l);
}

/* The attribute's type in the context of some action; NULL when none has it. */
static const struct type *context_type(const struct type *context, const struct policy_expr *e)
{
	const struct type_field *f;
	const struct type *of = context;

	if (e->arg[0]->kind == POLICY_EXPR_GET) {
		of = context_type(context, e->arg[0]);
	}
	if (of && of->kind == TYPE_ENTITY) {
		return NULL;
	}
	f = of && of->kind == TYPE_RECORD ? type_field_find(of, e->names[0]) : NULL;
	return f ? f->type : NULL;
}

static const struct type *place_type(const struct schema *s, const struct policy_expr *e)
{
	for (size_t i = 0; i < s->n_actions; i++) {
		const struct type *t =
			s->actions[i].context ? context_type(s->actions[i].context, e) : NULL;

		if (t) {
			return t;
		}
	}
	return NULL;
}

static enum err_code find_place(struct loading *l, struct str text, uint32_t *ret)
{
	struct prove_flow *f = l->flow;
	struct flow_place place = {0};

	TRY(read_path(l, text, true, &place.path));
	for (uint32_t i = 0; i < f->n_places; i++) {
		if (str_eq(f->places[i].path.text, place.path.text)) {
			*ret = i;
			return ERR_OK;
		}
	}
	place.type = place_type(l->s, place.path.expr);
	if (!place.type) {
		return wrong(l, "no action's context has", text);
	}
	if (place.type->kind != TYPE_LONG && place.type->kind != TYPE_BOOL &&
	    (place.type->kind != TYPE_SET || !place.type->element ||
	     (place.type->element->kind != TYPE_STRING &&
	      place.type->element->kind != TYPE_ENTITY))) {
		return wrong(l, "not a Long, a Bool, or a set of texts or entities", text);
	}
	if (f->n_places == PROVE_FLOW_PLACES) {
		return wrong(l, "more than 8 places", text);
	}
	*ret = f->n_places;
	f->places[f->n_places++] = place;
	return ERR_OK;
}

/* What stands right of a plain `=`. */
static enum err_code read_value(struct loading *l, const struct flow_place *p, struct str text,
				struct policy_value *ret)
{
	const struct policy_uid nobody = policy_uid_make(STR("?"), STR("?"));
	const struct policy_env env = {.principal = &nobody,
				       .action = &nobody,
				       .resource = &nobody,
				       .context = {.kind = POLICY_RECORD},
				       .scratch = l->a};
	enum policy_kind want = p->type->kind == TYPE_SET    ? POLICY_SET
				: p->type->kind == TYPE_LONG ? POLICY_LONG
							     : POLICY_BOOL;
	const struct policy_expr *e;

	TRY(read_expr(l, text, &e));
	if (policy_eval(&env, e, ret).code || ret->kind != want) {
		return wrong(l, "not a constant of the attribute's type", text);
	}
	return ERR_OK;
}

static enum err_code read_effect(struct loading *l, struct str text, struct flow_rule *rule)
{
	size_t at = str_find(text, '='), begin = at;
	struct flow_effect e = {0};
	const struct op *op = NULL;
	const struct flow_place *p;

	while (begin > 0 && text.p[begin - 1] != ' ' && begin < text.n) {
		begin--;
	}
	for (size_t i = 0; i < ARRAY_LEN(ops) && at < text.n; i++) {
		if (str_eq(ops[i].word, str_make(text.p + begin, at + 1 - begin))) {
			op = &ops[i];
			break;
		}
	}
	if (!op) {
		return wrong(l, "expected PLACE += PATH, max=, min=, or= or =", text);
	}
	if (rule->n == PROVE_FLOW_PLACES) {
		return wrong(l, "more than 8 effects", text);
	}
	TRY(find_place(l, str_trim(str_make(text.p, begin)), &e.place));
	p = &l->flow->places[e.place];
	e.op = op->op;
	l->has_min = l->has_min || e.op == FLOW_MIN;
	for (uint32_t i = 0; i < rule->n; i++) {
		if (rule->effects[i].place == e.place) {
			return wrong(l, "the place stands on the left twice", text);
		}
	}
	if (e.op == FLOW_SET) {
		TRY(read_value(l, p, str_trim(str_from(text, at + 1)), &e.value));
	} else if (p->type->kind != op->kind) {
		return wrong(l, "the operator does not fit the attribute's type", text);
	} else {
		TRY(read_path(l, str_trim(str_from(text, at + 1)), false, &e.source));
	}
	rule->effects[rule->n++] = e;
	return ERR_OK;
}

static enum err_code read_rule(struct loading *l, const struct policy *p)
{
	const struct policy_annotation *start = policy_annotation_find(p, STR("start"));
	const struct policy_annotation *effect = policy_annotation_find(p, STR("effect"));
	struct flow_rule *rule;
	struct str rest;

	l->p = p;
	l->span = effect ? effect->span : p->effect_span;
	if (start && !l->flow->start) {
		l->flow->start = p;
		return ERR_OK;
	}
	if (!effect || start) {
		return wrong(l, "expected @effect, or @start once", p->id);
	}
	if (l->flow->n_rules == PROVE_FLOW_RULES) {
		return wrong(l, "more than 64 rules", p->id);
	}
	rule = &l->flow->rules[l->flow->n_rules++];
	rule->policy = p;
	rest = effect->value;
	while (rest.p) {
		struct str one = str_trim(str_cut(&rest, ';'));

		if (one.n > 0) {
			TRY(read_effect(l, one, rule));
		}
	}
	return ERR_OK;
}

enum err_code prove_flow_load(struct arena *a, const struct policy_source *src,
			      const struct schema *s, const struct prove_flow **ret,
			      struct policy_diags *diags, struct err *err)
{
	struct loading l = {.a = a, .s = s, .diags = diags, .err = err};
	struct policy_list list = {0};

	l.flow = ARENA_NEW(a, struct prove_flow);
	if (!l.flow) {
		return no_memory(&l);
	}
	TRY(policy_parse(a, src, POLICY_ID_ORDER, &list, diags, err));
	TRY(validate_policies(s, &list, diags, err));
	if (diags->n_errors > 0) {
		return policy_diags_err(diags, ERR_INVALID, err);
	}
	for (size_t i = 0; i < list.n; i++) {
		TRY(read_rule(&l, list.items[i]));
	}
	if (l.flow->n_rules == 0) {
		return ERR(err, ERR_INVALID, STR_FMT ": no @effect", STR_ARG(src->name));
	}
	if (l.has_min && !l.flow->start) {
		return ERR(err, ERR_INVALID,
			   STR_FMT ": where there is a min= a @start has to say where it begins",
			   STR_ARG(src->name));
	}
	/* That sets are empty in the beginning makes nothing depend on them. */
	for (size_t i = 0; i < list.n; i++) {
		if (list.items[i] != l.flow->start && !flow_learn(a, l.flow, list.items[i])) {
			return no_memory(&l);
		}
	}
	*ret = l.flow;
	return ERR_OK;
}
