/* SPDX-License-Identifier: Apache-2.0 */
/* The reference evaluator once more, over a world that is decided as it is asked. */
#include "policy/prove_priv.h"

#include "policy/text.h"

enum lazy { LAZY_NO = 0, LAZY_RECORD, LAZY_SET };

/* A value, or a record or set of the world that nobody has looked into yet. */
struct value {
	struct policy_value v;
	enum lazy lazy;
	const struct prove_path *path; /* RECORD */
	uint32_t owner;
	struct str tag;
	uint32_t slot; /* SET */
};

static bool eval(struct prove_world *w, const struct policy_expr *e, struct value *ret);

/* No value: the expression fails, or the world stopped. */
static bool fail(void)
{
	return false;
}

static bool stop(struct prove_world *w, const char *why)
{
	w->stopped = true;
	if (why) {
		prove_refuse(w->m, why);
	} else {
		w->m->nomem = true;
	}
	return false;
}

static bool give(struct value *ret, struct policy_value v)
{
	*ret = (struct value){.v = v};
	return true;
}

static enum policy_kind kind_of(const struct value *x)
{
	return x->lazy == LAZY_RECORD ? POLICY_RECORD
	       : x->lazy == LAZY_SET  ? POLICY_SET
				      : x->v.kind;
}

static bool eval_bool(struct prove_world *w, const struct policy_expr *e, bool *ret)
{
	struct value x;

	if (!eval(w, e, &x) || kind_of(&x) != POLICY_BOOL) {
		return false;
	}
	*ret = x.v.b;
	return true;
}

/* A value that is whole. */
static bool eval_plain(struct prove_world *w, const struct policy_expr *e, struct policy_value *ret)
{
	struct value x;

	if (!eval(w, e, &x)) {
		return false;
	}
	if (x.lazy) {
		return stop(w, "a whole record or set is handed on");
	}
	*ret = x.v;
	return true;
}

static bool value_at(struct prove_world *w, const struct prove_path *p, uint32_t owner,
		     struct str tag, struct value *ret)
{
	if (p->type->kind == TYPE_RECORD) {
		*ret = (struct value){.lazy = LAZY_RECORD, .path = p, .owner = owner, .tag = tag};
		return true;
	}
	if (p->type->kind == TYPE_SET) {
		*ret = (struct value){.lazy = LAZY_SET, .slot = prove_slot_at(w, p, owner, tag)};
		return !w->stopped;
	}
	return give(ret, prove_slot_value(w, prove_slot_at(w, p, owner, tag))) && !w->stopped &&
	       !w->dead;
}

/* Where the attribute of a record or of an entity of the world stands; NULL when it is not there. */
static const struct prove_path *attr_path(struct prove_world *w, const struct prove_path *of,
					  uint32_t owner, struct str tag, struct str name)
{
	const struct prove_path *p = of ? prove_path_find(of, name) : NULL;

	if (!p) {
		if (!of || type_field_find(of->type, name)) {
			stop(w, "an attribute that was not foreseen");
		}
		return NULL;
	}
	return prove_present(w, prove_slot_at(w, p, owner, tag)) ? p : NULL;
}

static const struct prove_path *type_root(const struct prove_path *list,
					  const struct schema_entity *type)
{
	while (list && list->owner != type) {
		list = list->next;
	}
	return list;
}

/* The attribute in *ret, or *there is false. */
static bool find_attr(struct prove_world *w, const struct value *x, struct str name, bool *there,
		      struct value *ret)
{
	const struct policy_value *found = NULL;
	const struct prove_path *p = NULL, *of = x->path;
	uint32_t owner = x->owner;

	*there = false;
	if (kind_of(x) != POLICY_ENTITY && kind_of(x) != POLICY_RECORD) {
		return false;
	}
	if (x->lazy == LAZY_RECORD) {
		p = attr_path(w, of, owner, x->tag, name);
	} else if (kind_of(x) == POLICY_RECORD) {
		found = policy_record_find(x->v, name);
	} else {
		const struct prove_entity *e;

		owner = prove_entity_at(w, x->v.uid);
		if (w->stopped || !prove_exists(w, owner)) {
			return !w->stopped;
		}
		e = &w->entities[owner];
		if (e->known) {
			found = policy_record_find(e->known->attrs, name);
		} else if (!e->type->is_action) {
			of = type_root(w->m->types, e->type);
			p = attr_path(w, of, owner, x->tag, name);
		}
	}
	*there = found || p;
	if (found) {
		return give(ret, *found);
	}
	return p ? value_at(w, p, owner, x->tag, ret) : !w->stopped;
}

static bool eval_get(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	struct value x;
	bool there;

	return eval(w, e->arg[0], &x) && find_attr(w, &x, e->names[0], &there, ret) && there;
}

/* Presence only: what is at the end of the path stays open. */
static bool has_attr(struct prove_world *w, const struct value *x, struct str name, bool *there)
{
	struct prove_entity *e;
	uint32_t owner;

	*there = false;
	if (kind_of(x) != POLICY_ENTITY && kind_of(x) != POLICY_RECORD) {
		return false;
	}
	if (x->lazy == LAZY_RECORD) {
		*there = attr_path(w, x->path, x->owner, x->tag, name);
		return !w->stopped;
	}
	if (kind_of(x) == POLICY_RECORD) {
		*there = policy_record_find(x->v, name);
		return true;
	}
	owner = prove_entity_at(w, x->v.uid);
	if (w->stopped || !prove_exists(w, owner)) {
		return !w->stopped;
	}
	e = &w->entities[owner];
	if (e->known) {
		*there = policy_record_find(e->known->attrs, name);
	} else if (!e->type->is_action) {
		*there = attr_path(w, type_root(w->m->types, e->type), owner, x->tag, name);
	}
	return !w->stopped;
}

static bool eval_has(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	struct value x;
	bool there;

	if (!eval(w, e->arg[0], &x)) {
		return false;
	}
	for (uint32_t i = 0; i < e->n_names; i++) {
		if (!has_attr(w, &x, e->names[i], &there)) {
			return false;
		}
		if (!there || i + 1 == e->n_names) {
			return give(ret, policy_bool(there));
		}
		if (!find_attr(w, &x, e->names[i], &there, &x) || !there) {
			return false;
		}
	}
	return fail();
}

static bool set_has(struct prove_world *w, const struct value *set, struct policy_value v)
{
	return set->lazy ? prove_set_has(w, set->slot, v) : policy_set_has(set->v, v);
}

/* How many values may be in the set; then set_elem gives each. */
static size_t set_size(struct prove_world *w, const struct value *set)
{
	return set->lazy ? prove_set_close(w, set->slot) : set->v.n;
}

static struct policy_value set_elem(const struct prove_world *w, const struct value *set, size_t i)
{
	return set->lazy ? w->slots[set->slot].members[i].v : set->v.elems[i];
}

static bool contains_all(struct prove_world *w, const struct value *a, const struct value *b)
{
	size_t n = set_size(w, b);

	for (size_t i = 0; i < n && !w->stopped; i++) {
		struct policy_value v = set_elem(w, b, i);

		if (set_has(w, b, v) && !set_has(w, a, v)) {
			return false;
		}
	}
	return true;
}

static bool contains_any(struct prove_world *w, const struct value *a, const struct value *b)
{
	const struct value *walk = a->lazy ? b : a, *ask = a->lazy ? a : b;
	size_t n = set_size(w, walk);

	for (size_t i = 0; i < n && !w->stopped; i++) {
		struct policy_value v = set_elem(w, walk, i);

		if (set_has(w, walk, v) && set_has(w, ask, v)) {
			return true;
		}
	}
	return false;
}

static bool is_empty(struct prove_world *w, const struct value *a)
{
	size_t n = set_size(w, a);

	for (size_t i = 0; i < n && !w->stopped; i++) {
		if (set_has(w, a, set_elem(w, a, i))) {
			return false;
		}
	}
	return true;
}

static bool eval_equal(struct prove_world *w, const struct policy_expr *e, const struct value *a,
		       const struct value *b, struct value *ret)
{
	bool same;

	if (kind_of(a) != kind_of(b)) {
		same = false;
	} else if (a->lazy == LAZY_RECORD || b->lazy == LAZY_RECORD) {
		return stop(w, "whole records are compared");
	} else if (a->lazy || b->lazy) {
		same = contains_all(w, a, b) && contains_all(w, b, a);
	} else {
		same = policy_value_eq(a->v, b->v);
	}
	return give(ret, policy_bool(same == (e->kind == POLICY_EXPR_EQ))) && !w->stopped;
}

static bool eval_in(struct prove_world *w, const struct value *a, const struct value *b,
		    struct value *ret)
{
	bool found = false;
	size_t n;

	if (kind_of(a) != POLICY_ENTITY) {
		return fail();
	}
	if (kind_of(b) == POLICY_ENTITY) {
		found = prove_in(w, a->v.uid, b->v.uid);
		return give(ret, policy_bool(found)) && !w->stopped;
	}
	if (kind_of(b) != POLICY_SET) {
		return fail();
	}
	n = set_size(w, b);
	for (size_t i = 0; i < n; i++) {
		if (set_elem(w, b, i).kind != POLICY_ENTITY && set_has(w, b, set_elem(w, b, i))) {
			return fail();
		}
	}
	for (size_t i = 0; i < n && !found && !w->stopped; i++) {
		struct policy_value v = set_elem(w, b, i);

		found = v.kind == POLICY_ENTITY && set_has(w, b, v) && prove_in(w, a->v.uid, v.uid);
	}
	return give(ret, policy_bool(found)) && !w->stopped;
}

static bool eval_binary(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	struct policy_value v;
	struct value a, b;

	if (!eval(w, e->arg[0], &a) || !eval(w, e->arg[1], &b)) {
		return false;
	}
	if (e->kind == POLICY_EXPR_IN) {
		return eval_in(w, &a, &b, ret);
	}
	if (e->kind == POLICY_EXPR_EQ || e->kind == POLICY_EXPR_NE) {
		return eval_equal(w, e, &a, &b, ret);
	}
	if (a.lazy || b.lazy || policy_op_binary(e->kind, a.v, b.v, &v) != POLICY_FAULT_NONE) {
		return fail();
	}
	return give(ret, v);
}

static bool eval_logic(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	bool stops = e->kind == POLICY_EXPR_OR;
	bool v;

	if (!eval_bool(w, e->arg[0], &v) || (v != stops && !eval_bool(w, e->arg[1], &v))) {
		return false;
	}
	return give(ret, policy_bool(v));
}

static bool eval_if(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	bool v;

	return eval_bool(w, e->arg[0], &v) && eval(w, e->arg[v ? 1 : 2], ret);
}

static bool eval_not(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	bool v;

	return eval_bool(w, e->arg[0], &v) && give(ret, policy_bool(!v));
}

static bool eval_neg(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	struct policy_value v;
	struct value x;

	if (!eval(w, e->arg[0], &x) || kind_of(&x) != POLICY_LONG ||
	    policy_op_binary(POLICY_EXPR_SUB, policy_long(0), x.v, &v) != POLICY_FAULT_NONE) {
		return false;
	}
	return give(ret, v);
}

static bool eval_is(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	struct value x, group;

	if (!eval(w, e->arg[0], &x) || kind_of(&x) != POLICY_ENTITY) {
		return false;
	}
	if (!str_eq(x.v.uid->type, e->names[0]) || e->n_args == 1) {
		return give(ret, policy_bool(str_eq(x.v.uid->type, e->names[0])));
	}
	return eval(w, e->arg[1], &group) && eval_in(w, &x, &group, ret);
}

static bool eval_like(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	struct value x;

	if (!eval(w, e->arg[0], &x) || kind_of(&x) != POLICY_STRING) {
		return false;
	}
	return give(ret, policy_bool(policy_pattern_match(&e->pattern, policy_value_str(x.v))));
}

static bool eval_set(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	struct policy_value *v = ARENA_ARRAY(w->a, e->n_args, struct policy_value);

	if (!v) {
		return stop(w, NULL);
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (!eval_plain(w, e->arg[i], &v[i])) {
			return false;
		}
	}
	return give(ret, policy_value_set(v, e->n_args));
}

static bool eval_record(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	struct policy_field *f = ARENA_ARRAY(w->a, e->n_args, struct policy_field);
	struct policy_value v;

	if (!f) {
		return stop(w, NULL);
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		f[i].key = e->names[i];
		if (!eval_plain(w, e->arg[i], &f[i].value)) {
			return false;
		}
	}
	return policy_value_record(f, e->n_args, &v) && give(ret, v);
}

static bool eval_tag(struct prove_world *w, enum policy_fn fn, const struct value *of,
		     struct str key, struct value *ret)
{
	const struct policy_value *found = NULL;
	const struct prove_path *p = NULL;
	uint32_t owner = prove_entity_at(w, of->v.uid);

	if (!w->stopped && prove_exists(w, owner)) {
		const struct prove_entity *e = &w->entities[owner];

		if (e->known) {
			found = e->known->tags.kind == POLICY_RECORD
					? policy_record_find(e->known->tags, key)
					: NULL;
		} else if (e->type->tags) {
			p = type_root(w->m->tags, e->type);
			if (!p) {
				return stop(w, "a tag that was not foreseen");
			}
			p = prove_present(w, prove_slot_at(w, p, owner, key)) ? p : NULL;
		}
	}
	if (w->stopped) {
		return false;
	}
	if (fn == POLICY_FN_HAS_TAG) {
		return give(ret, policy_bool(found || p));
	}
	return found ? give(ret, *found) : p && value_at(w, p, owner, key, ret);
}

static bool call_set(struct prove_world *w, enum policy_fn fn, const struct value *a,
		     const struct value *b, struct value *ret)
{
	bool v;

	if (kind_of(a) != POLICY_SET) {
		return fail();
	}
	if (fn == POLICY_FN_IS_EMPTY) {
		v = is_empty(w, a);
	} else if (fn == POLICY_FN_CONTAINS) {
		if (b->lazy && a->lazy) {
			return stop(w, "a set of sets or records is looked into");
		}
		if (b->lazy) {
			return stop(w, "a set is asked for what was computed");
		}
		v = set_has(w, a, b->v);
	} else if (kind_of(b) != POLICY_SET) {
		return fail();
	} else {
		v = fn == POLICY_FN_CONTAINS_ALL ? contains_all(w, a, b) : contains_any(w, a, b);
	}
	return give(ret, policy_bool(v)) && !w->stopped;
}

static bool call_plain(struct prove_world *w, const struct policy_expr *e, const struct value *x,
		       struct value *ret)
{
	struct policy_value *v = ARENA_ARRAY(w->a, e->n_args, struct policy_value), r;
	struct policy_env env = {.scratch = w->a};
	enum policy_fault_code code;

	if (!v) {
		return stop(w, NULL);
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (x[i].lazy) {
			return fail(); /* no extension function takes a set or a record */
		}
		v[i] = x[i].v;
	}
	code = policy_op_call(&env, e->fn, v, e->n_args, &r);
	if (code == POLICY_FAULT_MEMORY) {
		return stop(w, NULL);
	}
	return code == POLICY_FAULT_NONE && give(ret, r);
}

static bool eval_call(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	struct value *x = ARENA_ARRAY(w->a, e->n_args, struct value);
	const struct policy_fn_info *info = policy_fn_info(e->fn);

	if (!x) {
		return stop(w, NULL);
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		if (!eval(w, e->arg[i], &x[i])) {
			return false;
		}
	}
	if (e->n_args != info->n_args) {
		return fail();
	}
	if (e->fn == POLICY_FN_HAS_TAG || e->fn == POLICY_FN_GET_TAG) {
		if (kind_of(&x[0]) != POLICY_ENTITY || kind_of(&x[1]) != POLICY_STRING) {
			return fail();
		}
		return eval_tag(w, e->fn, &x[0], policy_value_str(x[1].v), ret);
	}
	if (info->builtin) {
		return call_set(w, e->fn, &x[0], &x[info->n_args - 1], ret);
	}
	return call_plain(w, e, x, ret);
}

static bool eval_var(struct prove_world *w, enum policy_var var, struct value *ret)
{
	switch (var) {
	case POLICY_VAR_PRINCIPAL:
		return value_at(w, &w->m->var_principal, PROVE_CONTEXT, STR(""), ret);
	case POLICY_VAR_ACTION:
		return give(ret, policy_entity(&w->m->action_uid));
	case POLICY_VAR_RESOURCE:
		return value_at(w, &w->m->var_resource, PROVE_CONTEXT, STR(""), ret);
	case POLICY_VAR_CONTEXT:
		break;
	}
	return value_at(w, &w->m->context, PROVE_CONTEXT, STR(""), ret);
}

static bool eval(struct prove_world *w, const struct policy_expr *e, struct value *ret)
{
	switch (e->kind) {
	case POLICY_EXPR_LIT:
		return give(ret, e->lit);
	case POLICY_EXPR_VAR:
		return eval_var(w, e->var, ret);
	case POLICY_EXPR_IF:
		return eval_if(w, e, ret);
	case POLICY_EXPR_AND:
	case POLICY_EXPR_OR:
		return eval_logic(w, e, ret);
	case POLICY_EXPR_NOT:
		return eval_not(w, e, ret);
	case POLICY_EXPR_NEG:
		return eval_neg(w, e, ret);
	case POLICY_EXPR_ADD:
	case POLICY_EXPR_SUB:
	case POLICY_EXPR_MUL:
	case POLICY_EXPR_EQ:
	case POLICY_EXPR_NE:
	case POLICY_EXPR_LT:
	case POLICY_EXPR_LE:
	case POLICY_EXPR_GT:
	case POLICY_EXPR_GE:
	case POLICY_EXPR_IN:
		return eval_binary(w, e, ret);
	case POLICY_EXPR_IS:
		return eval_is(w, e, ret);
	case POLICY_EXPR_HAS:
		return eval_has(w, e, ret);
	case POLICY_EXPR_GET:
		return eval_get(w, e, ret);
	case POLICY_EXPR_LIKE:
		return eval_like(w, e, ret);
	case POLICY_EXPR_CALL:
		return eval_call(w, e, ret);
	case POLICY_EXPR_SET:
		return eval_set(w, e, ret);
	case POLICY_EXPR_RECORD:
		return eval_record(w, e, ret);
	}
	return fail();
}

static bool part_matches(struct prove_world *w, const struct policy_scope *s,
			 const struct prove_path *var)
{
	struct value x;

	if (s->op == POLICY_SCOPE_ANY) {
		return true;
	}
	if (s->op == POLICY_SCOPE_IS || s->op == POLICY_SCOPE_IS_IN) {
		if (!str_eq(var->type->entity->name, s->type)) {
			return false;
		}
		if (s->op == POLICY_SCOPE_IS) {
			return true;
		}
	}
	if (s->slot || !value_at(w, var, PROVE_CONTEXT, STR(""), &x)) {
		return false;
	}
	for (size_t i = 0; i < s->n_uids && !w->stopped; i++) {
		if (s->op == POLICY_SCOPE_EQ ? policy_uid_eq(x.v.uid, &s->uids[i])
					     : prove_in(w, x.v.uid, &s->uids[i])) {
			return true;
		}
	}
	return false;
}

static bool action_matches(struct prove_world *w, const struct policy_scope *s)
{
	bool found = s->op == POLICY_SCOPE_ANY;

	for (size_t i = 0; i < s->n_uids && !found; i++) {
		found = s->op == POLICY_SCOPE_EQ ? policy_uid_eq(&w->m->action_uid, &s->uids[i])
						 : prove_in(w, &w->m->action_uid, &s->uids[i]);
	}
	return found;
}

enum prove_truth prove_eval_policy(struct prove_world *w, const struct policy *p)
{
	bool v = action_matches(w, &p->action) &&
		 part_matches(w, &p->principal, &w->m->var_principal) &&
		 part_matches(w, &p->resource, &w->m->var_resource);

	for (size_t i = 0; v && !w->stopped && !w->dead && i < p->n_conds; i++) {
		if (!eval_bool(w, p->conds[i].body, &v)) {
			return PROVE_FAILS;
		}
		v = v != p->conds[i].unless;
	}
	return v ? PROVE_TRUE : PROVE_FALSE;
}
