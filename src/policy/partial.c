/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/partial.h"

#include "policy/decide_priv.h"
#include "policy/ext.h"
#include "policy/text.h"

/* The results of an expression that are possible. */
enum part_kind {
	FAILS = 0,
	KNOWN, /* v, some of whose members may be unknown */
	BOOLS, /* these, and nothing else that is a value */
	OPEN,  /* any value; with MAY_FAIL or none at all */
};

struct part {
	enum part_kind kind;
	unsigned may; /* BOOLS: HOLD is true, NOT is false; OPEN: MAY_FAIL or nothing */
	struct policy_value v;
};

struct partial {
	struct policy_env env;
	bool open, nomem;
};

static struct part eval(struct partial *x, const struct policy_expr *e);

static const struct part fails = {.kind = FAILS};
static const struct part anything = {.kind = OPEN, .may = POLICY_MAY_FAIL};

static struct part known(struct policy_value v)
{
	return (struct part){.kind = v.kind == POLICY_NONE ? OPEN : KNOWN, .v = v};
}

static struct part bools(unsigned may)
{
	switch (may) {
	case POLICY_MAY_HOLD:
		return known(policy_bool(true));
	case POLICY_MAY_NOT:
		return known(policy_bool(false));
	case POLICY_MAY_FAIL:
		return fails;
	default:
		return (struct part){.kind = BOOLS, .may = may};
	}
}

/* Where a boolean is needed. */
static unsigned as_bool(struct part p)
{
	switch (p.kind) {
	case FAILS:
		return POLICY_MAY_FAIL;
	case KNOWN:
		return p.v.kind != POLICY_BOOL ? POLICY_MAY_FAIL
		       : p.v.b                 ? POLICY_MAY_HOLD
					       : POLICY_MAY_NOT;
	case BOOLS:
		return p.may;
	case OPEN:
		break;
	}
	return POLICY_MAY_ALL;
}

static bool may_fail(struct part p)
{
	return p.kind == FAILS || (p.kind != KNOWN && (p.may & POLICY_MAY_FAIL) != 0);
}

/* Nothing in it is unknown. Values of a context are at most POLICY_DATA_DEPTH deep. */
static bool is_whole(struct policy_value v)
{
	if (v.kind == POLICY_NONE) {
		return false;
	}
	for (uint32_t i = 0; v.kind == POLICY_SET && i < v.n; i++) {
		if (!is_whole(v.elems[i])) {
			return false;
		}
	}
	for (uint32_t i = 0; v.kind == POLICY_RECORD && i < v.n; i++) {
		if (!is_whole(v.fields[i].value)) {
			return false;
		}
	}
	return true;
}

static bool is_exact(struct part p)
{
	return p.kind == KNOWN && is_whole(p.v);
}

static bool has_unknown(struct policy_value record)
{
	for (uint32_t i = 0; i < record.n; i++) {
		if (record.fields[i].value.kind == POLICY_NONE) {
			return true;
		}
	}
	return false;
}

static struct part result(struct partial *x, enum policy_fault_code code, struct policy_value v)
{
	x->nomem = x->nomem || code == POLICY_FAULT_MEMORY;
	return code == POLICY_FAULT_NONE ? known(v) : fails;
}

static struct part either(struct part a, struct part b)
{
	bool logic = (a.kind != OPEN && (a.kind != KNOWN || a.v.kind == POLICY_BOOL)) &&
		     (b.kind != OPEN && (b.kind != KNOWN || b.v.kind == POLICY_BOOL));

	if (logic) {
		return bools(as_bool(a) | as_bool(b));
	}
	return is_exact(a) && is_exact(b) && policy_value_eq(a.v, b.v) ? a : anything;
}

static struct part eval_if(struct partial *x, const struct policy_expr *e)
{
	unsigned c = as_bool(eval(x, e->arg[0]));
	struct part p = fails;

	if (c & POLICY_MAY_HOLD) {
		p = eval(x, e->arg[1]);
		p = c & POLICY_MAY_FAIL ? either(p, fails) : p;
	}
	if (c & POLICY_MAY_NOT) {
		struct part other = eval(x, e->arg[2]);

		p = c == POLICY_MAY_NOT ? other : either(p, other);
	}
	return p;
}

static struct part eval_logic(struct partial *x, const struct policy_expr *e)
{
	unsigned stops = e->kind == POLICY_EXPR_AND ? POLICY_MAY_NOT : POLICY_MAY_HOLD;
	unsigned goes = e->kind == POLICY_EXPR_AND ? POLICY_MAY_HOLD : POLICY_MAY_NOT;
	unsigned a = as_bool(eval(x, e->arg[0]));

	return bools((a & (stops | POLICY_MAY_FAIL)) |
		     (a & goes ? as_bool(eval(x, e->arg[1])) : 0));
}

static unsigned turn(unsigned may)
{
	return (may & POLICY_MAY_FAIL) | (may & POLICY_MAY_HOLD ? POLICY_MAY_NOT : 0) |
	       (may & POLICY_MAY_NOT ? POLICY_MAY_HOLD : 0);
}

static struct part eval_neg(struct partial *x, const struct policy_expr *e)
{
	struct part p = eval(x, e->arg[0]);
	struct policy_value v;

	if (p.kind == OPEN) {
		return p;
	}
	if (p.kind != KNOWN || p.v.kind != POLICY_LONG) {
		return fails;
	}
	return result(x, policy_op_binary(POLICY_EXPR_SUB, policy_long(0), p.v, &v), v);
}

/* May the parents of an entity be more than those that are given? */
static bool parents_open(const struct partial *x, const struct policy_uid *uid)
{
	const struct policy_entity *e = policy_env_entity(&x->env, uid);

	if (!x->open || !e) {
		return x->open;
	}
	for (uint32_t i = 0; i < e->ancestors.n; i++) {
		if (!policy_env_entity(&x->env, e->ancestors.uids[i])) {
			return true;
		}
	}
	return false;
}

static unsigned in_entity(const struct partial *x, const struct policy_uid *a,
			  const struct policy_uid *b)
{
	if (policy_env_in(&x->env, a, b)) {
		return POLICY_MAY_HOLD;
	}
	return parents_open(x, a) ? POLICY_MAY_HOLD | POLICY_MAY_NOT : POLICY_MAY_NOT;
}

static struct part eval_in(struct partial *x, struct part a, struct part b)
{
	unsigned may = POLICY_MAY_NOT;

	if (a.kind == FAILS || b.kind == FAILS) {
		return fails;
	}
	if (a.kind != KNOWN || b.kind != KNOWN) {
		bool wrong = (a.kind == KNOWN && a.v.kind != POLICY_ENTITY) || a.kind == BOOLS ||
			     b.kind == BOOLS;

		return wrong ? fails : bools(POLICY_MAY_ALL);
	}
	if (a.v.kind != POLICY_ENTITY) {
		return fails;
	}
	if (b.v.kind == POLICY_ENTITY) {
		return bools(in_entity(x, a.v.uid, b.v.uid));
	}
	if (b.v.kind != POLICY_SET || !is_whole(b.v)) {
		return b.v.kind != POLICY_SET ? fails : bools(POLICY_MAY_ALL);
	}
	for (uint32_t i = 0; i < b.v.n; i++) {
		if (b.v.elems[i].kind != POLICY_ENTITY) {
			return fails;
		}
	}
	for (uint32_t i = 0; i < b.v.n; i++) {
		unsigned one = in_entity(x, a.v.uid, b.v.elems[i].uid);

		if (one == POLICY_MAY_HOLD) {
			return bools(one);
		}
		may |= one;
	}
	return bools(may);
}

static bool is_test(enum policy_expr_kind kind)
{
	return kind != POLICY_EXPR_ADD && kind != POLICY_EXPR_SUB && kind != POLICY_EXPR_MUL;
}

static struct part eval_binary(struct partial *x, const struct policy_expr *e)
{
	struct part a = eval(x, e->arg[0]), b = eval(x, e->arg[1]);
	bool equality = e->kind == POLICY_EXPR_EQ || e->kind == POLICY_EXPR_NE;
	struct policy_value v;

	if (e->kind == POLICY_EXPR_IN) {
		return eval_in(x, a, b);
	}
	if (a.kind == FAILS || b.kind == FAILS) {
		return fails;
	}
	if (is_exact(a) && is_exact(b)) {
		return result(x, policy_op_binary(e->kind, a.v, b.v, &v), v);
	}
	if (!equality) {
		return is_test(e->kind) ? bools(POLICY_MAY_ALL) : anything;
	}
	if (a.kind == KNOWN && b.kind == KNOWN && a.v.kind != b.v.kind) {
		return known(policy_bool(e->kind == POLICY_EXPR_NE));
	}
	return bools(POLICY_MAY_HOLD | POLICY_MAY_NOT |
		     (may_fail(a) || may_fail(b) ? POLICY_MAY_FAIL : 0));
}

static struct part eval_is(struct partial *x, const struct policy_expr *e)
{
	struct part p = eval(x, e->arg[0]);

	if (p.kind == OPEN) {
		return bools(POLICY_MAY_ALL);
	}
	if (p.kind != KNOWN || p.v.kind != POLICY_ENTITY) {
		return fails;
	}
	if (!str_eq(p.v.uid->type, e->names[0]) || e->n_args == 1) {
		return known(policy_bool(str_eq(p.v.uid->type, e->names[0])));
	}
	return eval_in(x, p, eval(x, e->arg[1]));
}

/* The attribute in *ret; the bits say whether it is there. FAIL: no attributes at all. */
static unsigned find_attr(const struct partial *x, struct part of, struct str name,
			  struct part *ret)
{
	const struct policy_value *found = NULL;
	bool more = false;

	*ret = anything;
	if (of.kind == OPEN) {
		return POLICY_MAY_ALL;
	}
	if (of.kind != KNOWN || (of.v.kind != POLICY_ENTITY && of.v.kind != POLICY_RECORD)) {
		return POLICY_MAY_FAIL;
	}
	if (of.v.kind == POLICY_RECORD) {
		found = policy_record_find(of.v, name);
		more = has_unknown(of.v);
	} else {
		const struct policy_entity *e = policy_env_entity(&x->env, of.v.uid);

		found = e && e->attrs.kind == POLICY_RECORD ? policy_record_find(e->attrs, name)
							    : NULL;
		more = !e && x->open;
	}
	if (found) {
		*ret = known(*found);
		return POLICY_MAY_HOLD;
	}
	return more ? POLICY_MAY_HOLD | POLICY_MAY_NOT : POLICY_MAY_NOT;
}

static struct part eval_get(struct partial *x, const struct policy_expr *e)
{
	struct part ret;

	/* Whatever is there is `ret`; what may be missing is unknown as well. */
	return find_attr(x, eval(x, e->arg[0]), e->names[0], &ret) & POLICY_MAY_HOLD ? ret : fails;
}

static struct part eval_has(struct partial *x, const struct policy_expr *e)
{
	struct part p = eval(x, e->arg[0]);
	unsigned may = 0;

	for (uint32_t i = 0; i < e->n_names; i++) {
		unsigned there = find_attr(x, p, e->names[i], &p);

		may |= there & (POLICY_MAY_NOT | POLICY_MAY_FAIL);
		if (!(there & POLICY_MAY_HOLD)) {
			return bools(may);
		}
	}
	return bools(may | POLICY_MAY_HOLD);
}

static struct part eval_like(struct partial *x, const struct policy_expr *e)
{
	struct part p = eval(x, e->arg[0]);

	if (p.kind == OPEN) {
		return bools(POLICY_MAY_ALL);
	}
	if (p.kind != KNOWN || p.v.kind != POLICY_STRING) {
		return fails;
	}
	return known(policy_bool(policy_pattern_match(&e->pattern, policy_value_str(p.v))));
}

static struct part no_memory(struct partial *x)
{
	x->nomem = true;
	return anything;
}

/* All arguments; *exact when every one is known, *fails when one fails. */
static struct policy_value *eval_args(struct partial *x, const struct policy_expr *e, bool *exact,
				      bool *failed)
{
	struct policy_value *v = ARENA_ARRAY(x->env.scratch, e->n_args, struct policy_value);

	*exact = true;
	*failed = false;
	for (uint32_t i = 0; v && i < e->n_args; i++) {
		struct part p = eval(x, e->arg[i]);

		*exact = *exact && is_exact(p);
		*failed = *failed || p.kind == FAILS;
		v[i] = p.v;
	}
	return v;
}

static bool needs_entity(const struct partial *x, const struct policy_expr *e,
			 const struct policy_value *v)
{
	return (e->fn == POLICY_FN_HAS_TAG || e->fn == POLICY_FN_GET_TAG) && x->open &&
	       e->n_args > 0 && v[0].kind == POLICY_ENTITY && !policy_env_entity(&x->env, v[0].uid);
}

static struct part eval_call(struct partial *x, const struct policy_expr *e)
{
	bool exact, failed;
	struct policy_value *v = eval_args(x, e, &exact, &failed), ret;

	if (!v) {
		return no_memory(x);
	}
	if (failed) {
		return fails;
	}
	if (!exact || needs_entity(x, e, v)) {
		return anything;
	}
	return result(x, policy_op_call(&x->env, e->fn, v, e->n_args, &ret), ret);
}

static struct part eval_set(struct partial *x, const struct policy_expr *e)
{
	bool exact, failed;
	struct policy_value *v = eval_args(x, e, &exact, &failed);

	if (!v) {
		return no_memory(x);
	}
	return failed ? fails : exact ? known(policy_value_set(v, e->n_args)) : anything;
}

static struct part eval_record(struct partial *x, const struct policy_expr *e)
{
	struct policy_field *f = ARENA_ARRAY(x->env.scratch, e->n_args, struct policy_field);
	bool exact, failed;
	struct policy_value *v = eval_args(x, e, &exact, &failed), ret;

	if (!v || !f) {
		return no_memory(x);
	}
	if (failed || !exact) {
		return failed ? fails : anything;
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		f[i] = (struct policy_field){e->names[i], v[i]};
	}
	return policy_value_record(f, e->n_args, &ret) ? known(ret) : fails;
}

static struct part eval_var(const struct partial *x, enum policy_var var)
{
	switch (var) {
	case POLICY_VAR_PRINCIPAL:
		return known(policy_entity(x->env.principal));
	case POLICY_VAR_ACTION:
		return known(policy_entity(x->env.action));
	case POLICY_VAR_RESOURCE:
		return known(policy_entity(x->env.resource));
	case POLICY_VAR_CONTEXT:
		break;
	}
	return known(x->env.context);
}

static struct part eval(struct partial *x, const struct policy_expr *e)
{
	switch (e->kind) {
	case POLICY_EXPR_LIT:
		return known(e->lit);
	case POLICY_EXPR_VAR:
		return eval_var(x, e->var);
	case POLICY_EXPR_IF:
		return eval_if(x, e);
	case POLICY_EXPR_AND:
	case POLICY_EXPR_OR:
		return eval_logic(x, e);
	case POLICY_EXPR_NOT:
		return bools(turn(as_bool(eval(x, e->arg[0]))));
	case POLICY_EXPR_NEG:
		return eval_neg(x, e);
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
		return eval_binary(x, e);
	case POLICY_EXPR_IS:
		return eval_is(x, e);
	case POLICY_EXPR_HAS:
		return eval_has(x, e);
	case POLICY_EXPR_GET:
		return eval_get(x, e);
	case POLICY_EXPR_LIKE:
		return eval_like(x, e);
	case POLICY_EXPR_CALL:
		return eval_call(x, e);
	case POLICY_EXPR_SET:
		return eval_set(x, e);
	case POLICY_EXPR_RECORD:
		return eval_record(x, e);
	}
	return fails;
}

static unsigned part_matches(const struct partial *x, const struct policy_scope *s,
			     const struct policy_uid *uid)
{
	unsigned may = POLICY_MAY_NOT;

	if (s->op == POLICY_SCOPE_ANY) {
		return POLICY_MAY_HOLD;
	}
	if (s->slot) {
		return POLICY_MAY_NOT;
	}
	if (s->op == POLICY_SCOPE_EQ) {
		return policy_uid_eq(uid, &s->uids[0]) ? POLICY_MAY_HOLD : POLICY_MAY_NOT;
	}
	if (s->op == POLICY_SCOPE_IS || s->op == POLICY_SCOPE_IS_IN) {
		bool is = str_eq(uid->type, s->type);

		if (!is || s->op == POLICY_SCOPE_IS) {
			return is ? POLICY_MAY_HOLD : POLICY_MAY_NOT;
		}
	}
	for (size_t i = 0; i < s->n_uids; i++) {
		unsigned one = in_entity(x, uid, &s->uids[i]);

		if (one == POLICY_MAY_HOLD) {
			return one;
		}
		may |= one;
	}
	return may;
}

/* a, and then b. */
static unsigned both(unsigned a, unsigned b)
{
	return (a & (POLICY_MAY_NOT | POLICY_MAY_FAIL)) | (a & POLICY_MAY_HOLD ? b : 0);
}

enum err_code policy_partial(const struct policy_partial *given, const struct policy *p,
			     struct arena *scratch, unsigned *ret, struct err *err)
{
	struct partial x = {.open = given->open};
	unsigned may;

	if (!policy_request_env(given->request, scratch, &x.env)) {
		return scratch->exhausted ? ERR(err, ERR_NOMEM, "out of memory")
					  : ERR(err, ERR_INVALID, "the request cannot be decided");
	}
	may = part_matches(&x, &p->principal, x.env.principal);
	may = both(may, part_matches(&x, &p->action, x.env.action));
	may = both(may, part_matches(&x, &p->resource, x.env.resource));
	for (size_t i = 0; (may & POLICY_MAY_HOLD) && i < p->n_conds; i++) {
		unsigned c = as_bool(eval(&x, p->conds[i].body));

		may = both(may, p->conds[i].unless ? turn(c) : c);
	}
	if (x.nomem || scratch->exhausted) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	*ret = may;
	return ERR_OK;
}
