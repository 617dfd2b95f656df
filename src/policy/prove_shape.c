/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an expression can be in one environment, found without evaluating: never a
 * value (it fails for every request), a constant, or something read from the request.
 * On the way every comparison tells the domains of what it compares about the other
 * side. Too much told is harmless: it only cuts values finer than needed.
 */
#include "policy/prove_priv.h"

#include "base/hash.h"

/* Of a number computed from one attribute x: factor * x + add. */
__extension__ typedef __int128 wide;

#define WIDE_MAX ((wide)1 << 100)

struct shape {
	enum policy_kind kind; /* NONE: never a value */
	bool is_const;
	struct policy_value value;        /* a constant's */
	struct prove_path *record;        /* kind RECORD, when not constant */
	struct prove_domain *domain;      /* what is read, or a set's elements */
	const struct schema_entity *type; /* kind ENTITY; NULL: not in the schema */
	bool whole;                       /* a set that is read from the request */
	bool computed;                    /* not x itself */
	wide factor, add;
	uint64_t term; /* which x */
};

static struct shape shape(struct prove_model *m, const struct policy_expr *e);

static const struct shape never = {0};
static const struct shape some_bool = {.kind = POLICY_BOOL, .computed = true};

static uint64_t mix(uint64_t h, uint64_t x)
{
	struct {
		uint64_t h, x;
	} both = {h, x};
	const struct hash_key key = {0};

	return hash_str(key, str_make((const char *)&both, sizeof(both)));
}

static uint64_t hash_text(uint64_t h, struct str s)
{
	const struct hash_key key = {0};

	return mix(h, hash_str(key, s));
}

/* Equal expressions have equal hashes; used to tell terms apart, 64 bits are enough for that. */
static uint64_t hash_expr(const struct policy_expr *e)
{
	uint64_t h = mix(e->kind, (uint64_t)e->fn << 8 | e->var);

	if (e->kind == POLICY_EXPR_LIT) {
		h = mix(h, e->lit.kind);
		if (e->lit.kind == POLICY_STRING) {
			return hash_text(h, policy_value_str(e->lit));
		}
		return mix(h, e->lit.kind == POLICY_ENTITY ? e->lit.uid->hash
			      : e->lit.kind == POLICY_BOOL ? e->lit.b
							   : (uint64_t)e->lit.i);
	}
	if (e->kind == POLICY_EXPR_LIKE) {
		for (uint32_t i = 0; i < e->pattern.n; i++) {
			h = hash_text(h, e->pattern.parts[i]);
		}
	} else {
		for (uint32_t i = 0; i < e->n_names; i++) {
			h = hash_text(h, e->names[i]);
		}
	}
	for (uint32_t i = 0; i < e->n_args; i++) {
		h = mix(h, hash_expr(e->arg[i]));
	}
	return h;
}

static void add_literal(struct prove_model *m, const struct policy_uid *uid)
{
	for (size_t i = 0; i < m->n_literals; i++) {
		if (policy_uid_eq(m->literals[i], uid)) {
			return;
		}
	}
	if (!ARENA_GROW(m->a, &m->literals, m->n_literals, &m->cap_literals)) {
		m->nomem = true;
		return;
	}
	m->literals[m->n_literals++] = uid;
}

static struct shape constant(struct prove_model *m, struct policy_value v)
{
	struct shape s = {.kind = v.kind, .is_const = true, .value = v, .add = v.i};

	if (v.kind == POLICY_ENTITY) {
		s.type = schema_entity_find(m->s, v.uid->type);
		s.domain = s.type ? prove_domain_entity(m, s.type) : NULL;
	}
	return s;
}

/* What is read at a place. */
static struct shape at_path(struct prove_model *m, struct prove_path *p,
			    const struct policy_expr *e)
{
	struct shape s = {.kind = conform_kind(p->type), .factor = 1, .domain = p->domain};

	s.term = hash_expr(e);
	if (s.kind == POLICY_RECORD) {
		s.record = p;
		return s;
	}
	if (s.kind == POLICY_ENTITY) {
		s.type = p->type->entity;
	}
	s.whole = s.kind == POLICY_SET;
	prove_domain_term(m, s.domain, s.term);
	return s;
}

static bool is_numeric(enum policy_kind kind)
{
	return kind == POLICY_LONG || kind == POLICY_DATETIME || kind == POLICY_DURATION ||
	       kind == POLICY_DECIMAL;
}

/* Where factor * x + add passes v, and a little to both sides. */
static void cut(struct prove_model *m, const struct shape *s, wide v)
{
	wide t;

	if (s->is_const || s->factor == 0) {
		return;
	}
	t = (v - s->add) / s->factor;
	for (wide x = t - 2; x <= t + 2; x++) {
		if (x >= INT64_MIN && x <= INT64_MAX) {
			prove_domain_const(m, s->domain,
					   policy_scalar(s->domain->kind, (int64_t)x));
		}
	}
}

/* Two values of the same kind meet. */
static void meet(struct prove_model *m, struct shape *a, struct shape *b)
{
	if (a->is_const && b->is_const) {
		return;
	}
	if (!a->domain || !b->domain) {
		struct shape *c = a->is_const ? a : b, *x = a->is_const ? b : a;

		if (x->domain && c->is_const && is_numeric(x->kind) && x->computed) {
			cut(m, x, c->value.i);
		} else if (x->domain && c->is_const) {
			prove_domain_const(m, x->domain, c->value);
		}
		return;
	}
	if (a->kind == POLICY_ENTITY) {
		return;
	}
	if (a->computed || b->computed) {
		struct shape d = *a;

		if (a->term != b->term) {
			prove_refuse(m, "arithmetic over two attributes");
			return;
		}
		d.factor -= b->factor;
		d.add -= b->add;
		cut(m, &d, 0);
		return;
	}
	prove_domain_join(a->domain, b->domain);
	prove_domain_root(a->domain)->linked = true;
}

/* The same test about a whole set needs one witness, however often it stands there. */
static void begin_test(struct prove_model *m, const struct policy_expr *e)
{
	uint64_t hash = hash_expr(e);

	m->new_test = true;
	for (size_t i = 0; i < m->n_tests && m->new_test; i++) {
		m->new_test = m->tests[i] != hash;
	}
	if (!m->new_test) {
		return;
	}
	if (!ARENA_GROW(m->a, &m->tests, m->n_tests, &m->cap_tests)) {
		m->nomem = true;
		return;
	}
	m->tests[m->n_tests++] = hash;
}

/* Tests about whole sets need a witness each. */
static void test_set(const struct prove_model *m, const struct shape *s)
{
	if (s->domain) {
		s->domain->n_sets += m->new_test;
		s->domain->linked = true;
	}
}

/* The elements of a constant set become known to a domain. */
static void know_elements(struct prove_model *m, struct prove_domain *d, struct policy_value set)
{
	for (uint32_t i = 0; i < set.n; i++) {
		if (set.elems[i].kind == d->kind && d->kind != POLICY_ENTITY) {
			prove_domain_const(m, d, set.elems[i]);
		}
	}
}

static bool plain_elements(struct prove_model *m, const struct shape *set)
{
	if (set->is_const || !set->domain) {
		return true;
	}
	if (set->domain->kind == POLICY_SET || set->domain->kind == POLICY_RECORD ||
	    set->domain->kind == POLICY_IP) {
		return prove_refuse(m, "a set of sets, records or addresses is looked into");
	}
	return true;
}

static void meet_sets(struct prove_model *m, struct shape *a, struct shape *b)
{
	if (!plain_elements(m, a) || !plain_elements(m, b)) {
		return;
	}
	test_set(m, a);
	test_set(m, b);
	if (a->domain && b->domain) {
		if (a->domain->kind == b->domain->kind && a->domain->entity == b->domain->entity) {
			prove_domain_join(a->domain, b->domain);
		}
	} else if (a->domain && b->is_const) {
		know_elements(m, a->domain, b->value);
	} else if (b->domain && a->is_const) {
		know_elements(m, b->domain, a->value);
	}
}

/* x may be an element of set. */
static void meet_element(struct prove_model *m, struct shape *set, struct shape *x)
{
	if (!plain_elements(m, set)) {
		return;
	}
	if (x->kind == POLICY_RECORD || x->kind == POLICY_SET || x->computed) {
		if (!x->is_const) {
			prove_refuse(m, "a set is asked for what was computed");
		}
		return;
	}
	if (set->domain && set->domain->kind == x->kind && x->kind != POLICY_ENTITY) {
		set->domain->linked = true;
		if (x->is_const) {
			prove_domain_const(m, set->domain, x->value);
		} else if (x->domain) {
			prove_domain_join(set->domain, x->domain);
		}
	} else if (set->is_const && x->domain && x->kind != POLICY_ENTITY) {
		know_elements(m, x->domain, set->value);
	}
}

/* Evaluates what depends on no request. */
static struct shape fold(struct prove_model *m, const struct policy_expr *e)
{
	const struct policy_uid nobody = policy_uid_make(STR("?"), STR("?"));
	struct policy_env env = {.principal = &nobody,
				 .action = &nobody,
				 .resource = &nobody,
				 .context = {.kind = POLICY_RECORD},
				 .scratch = m->a};
	struct policy_value v;
	struct policy_fault fault = policy_eval(&env, e, &v);

	if (fault.code == POLICY_FAULT_MEMORY) {
		m->nomem = true;
	}
	return fault.code ? never : constant(m, v);
}

static bool all_const(const struct shape *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!s[i].is_const) {
			return false;
		}
	}
	return true;
}

/* The result of arithmetic; its value overflows where it leaves 64 bits. */
static struct shape computed(struct prove_model *m, const struct shape *x, enum policy_kind kind,
			     wide factor, wide add)
{
	struct shape s = *x;

	if (factor > WIDE_MAX || factor < -WIDE_MAX || add > WIDE_MAX || add < -WIDE_MAX) {
		prove_refuse(m, "arithmetic with numbers too large");
		return never;
	}
	s.kind = kind;
	s.computed = true;
	s.factor = factor;
	s.add = add;
	cut(m, &s, INT64_MAX);
	cut(m, &s, INT64_MIN);
	return s;
}

static struct shape arithmetic(struct prove_model *m, enum policy_expr_kind op, enum policy_kind to,
			       const struct shape *a, const struct shape *b)
{
	const struct shape *x = a->is_const ? b : a;
	wide af = a->is_const ? 0 : a->factor, bf = b->is_const ? 0 : b->factor;

	if (!x->domain) {
		prove_refuse(m, "arithmetic over what was chosen by a condition");
		return never;
	}
	if (op == POLICY_EXPR_MUL) {
		if (!a->is_const && !b->is_const) {
			prove_refuse(m, "a product of attributes");
			return never;
		}
		return computed(m, x, to, af * b->add + bf * a->add, a->add * b->add);
	}
	if (!a->is_const && !b->is_const && a->term != b->term) {
		prove_refuse(m, "arithmetic over two attributes");
		return never;
	}
	return op == POLICY_EXPR_ADD ? computed(m, x, to, af + bf, a->add + b->add)
				     : computed(m, x, to, af - bf, a->add - b->add);
}

static struct shape shape_arith(struct prove_model *m, const struct policy_expr *e)
{
	struct shape a = shape(m, e->arg[0]);
	struct shape b = e->n_args > 1 ? shape(m, e->arg[1]) : constant(m, policy_long(0));

	if (a.kind != POLICY_LONG || b.kind != POLICY_LONG) {
		return never;
	}
	if (a.is_const && b.is_const) {
		return fold(m, e);
	}
	if (e->kind == POLICY_EXPR_NEG) {
		return arithmetic(m, POLICY_EXPR_SUB, POLICY_LONG, &b, &a);
	}
	return arithmetic(m, e->kind, POLICY_LONG, &a, &b);
}

static struct shape shape_compare(struct prove_model *m, const struct policy_expr *e)
{
	struct shape s[2] = {shape(m, e->arg[0]), shape(m, e->arg[1])};

	if (s[0].kind == POLICY_NONE || s[1].kind == POLICY_NONE) {
		return never;
	}
	if (all_const(s, 2)) {
		return fold(m, e);
	}
	if (s[0].kind != s[1].kind) {
		return some_bool;
	}
	if (s[0].kind == POLICY_RECORD) {
		prove_refuse(m, "whole records are compared");
	} else if (s[0].kind == POLICY_SET) {
		begin_test(m, e);
		meet_sets(m, &s[0], &s[1]);
	} else {
		meet(m, &s[0], &s[1]);
	}
	return some_bool;
}

/* Either of two values. */
static struct shape either(struct prove_model *m, struct shape a, struct shape b, uint64_t term)
{
	struct shape s = a;

	if (a.kind == POLICY_NONE || b.kind == POLICY_NONE) {
		return a.kind == POLICY_NONE ? b : a;
	}
	if (a.kind != b.kind || a.kind == POLICY_RECORD || a.type != b.type) {
		prove_refuse(m, "an `if` between records or different types");
		return never;
	}
	if (a.kind == POLICY_BOOL) {
		return some_bool;
	}
	if ((a.computed && !a.is_const) || (b.computed && !b.is_const)) {
		prove_refuse(m, "an `if` between computed numbers");
		return never;
	}
	s.is_const = false;
	s.value = (struct policy_value){0};
	s.factor = 1;
	s.add = 0;
	s.term = term;
	s.whole = a.whole || b.whole;
	if (a.kind == POLICY_SET) {
		prove_refuse(m, "an `if` between sets");
		return never;
	}
	if (a.kind != POLICY_ENTITY) {
		s.domain = prove_domain_new(m, a.kind, NULL);
		for (int i = 0; s.domain && i < 2; i++) {
			struct shape *x = i == 0 ? &a : &b;

			if (x->is_const) {
				prove_domain_const(m, s.domain, x->value);
			} else {
				prove_domain_join(s.domain, x->domain);
			}
		}
	}
	return s;
}

static struct shape shape_logic(struct prove_model *m, const struct policy_expr *e)
{
	bool possible = true;

	for (uint32_t i = 0; i < e->n_args; i++) {
		struct shape s = shape(m, e->arg[i]);

		possible = possible && (i > 0 || s.kind == POLICY_BOOL);
	}
	return possible ? some_bool : never;
}

static struct shape shape_if(struct prove_model *m, const struct policy_expr *e)
{
	struct shape c = shape(m, e->arg[0]);
	struct shape a = shape(m, e->arg[1]);
	struct shape b = shape(m, e->arg[2]);

	return c.kind == POLICY_BOOL ? either(m, a, b, hash_expr(e)) : never;
}

static struct shape shape_in(struct prove_model *m, const struct policy_expr *e)
{
	struct shape a = shape(m, e->arg[0]);
	struct shape b = shape(m, e->arg[1]);

	if (a.kind != POLICY_ENTITY || (b.kind != POLICY_ENTITY && b.kind != POLICY_SET)) {
		return never;
	}
	begin_test(m, e);
	if (b.kind == POLICY_SET && b.whole && plain_elements(m, &b)) {
		test_set(m, &b);
	}
	return some_bool;
}

static struct shape get_attr(struct prove_model *m, struct shape of, struct str name,
			     const struct policy_expr *e)
{
	struct prove_path *p = NULL;

	if (of.is_const && of.kind == POLICY_RECORD) {
		const struct policy_value *v = policy_record_find(of.value, name);

		return v ? constant(m, *v) : never;
	}
	if (of.kind == POLICY_ENTITY) {
		struct prove_path *root = of.type ? prove_path_type(m, of.type) : NULL;

		p = root ? prove_path_attr(m, root, name) : NULL;
	} else if (of.kind == POLICY_RECORD) {
		if (!of.record) {
			prove_refuse(m, "a record made of attributes is looked into");
			return never;
		}
		p = prove_path_attr(m, of.record, name);
	}
	return p ? at_path(m, p, e) : never;
}

/* The attributes on the way are looked at too. */
static struct shape shape_has(struct prove_model *m, const struct policy_expr *e)
{
	struct shape s = shape(m, e->arg[0]);

	if (s.kind != POLICY_ENTITY && s.kind != POLICY_RECORD) {
		return never;
	}
	for (uint32_t i = 0; i < e->n_names && s.kind != POLICY_NONE; i++) {
		s = get_attr(m, s, e->names[i], e);
	}
	return some_bool;
}

static struct shape shape_like(struct prove_model *m, const struct policy_expr *e)
{
	struct shape s = shape(m, e->arg[0]);

	if (s.kind != POLICY_STRING) {
		return never;
	}
	if (s.is_const) {
		return fold(m, e);
	}
	prove_domain_pattern(m, s.domain, &e->pattern);
	return some_bool;
}

static struct shape shape_set(struct prove_model *m, const struct policy_expr *e)
{
	struct shape s = {.kind = POLICY_SET};
	bool fixed = true;

	for (uint32_t i = 0; i < e->n_args; i++) {
		struct shape x = shape(m, e->arg[i]);

		if (x.kind == POLICY_NONE) {
			return never;
		}
		fixed = fixed && x.is_const;
		if (!x.is_const &&
		    (x.kind == POLICY_RECORD || x.kind == POLICY_SET || x.computed)) {
			prove_refuse(m, "a set of what was computed");
			return never;
		}
		if (!s.domain) {
			s.domain = x.kind == POLICY_ENTITY && x.type
					   ? prove_domain_entity(m, x.type)
					   : prove_domain_new(m, x.kind, NULL);
		}
		if (s.domain && s.domain->kind == x.kind && x.kind != POLICY_ENTITY) {
			s.domain->linked = true;
			if (x.is_const) {
				prove_domain_const(m, s.domain, x.value);
			} else {
				prove_domain_join(s.domain, x.domain);
			}
		} else if (s.domain && s.domain->kind != x.kind) {
			prove_refuse(m, "a set of different types");
		}
	}
	return fixed ? fold(m, e) : s;
}

static struct shape shape_record(struct prove_model *m, const struct policy_expr *e)
{
	struct shape s = {.kind = POLICY_RECORD};
	bool fixed = true;

	for (uint32_t i = 0; i < e->n_args; i++) {
		struct shape x = shape(m, e->arg[i]);

		if (x.kind == POLICY_NONE) {
			return never;
		}
		fixed = fixed && x.is_const;
	}
	return fixed ? fold(m, e) : s;
}

static struct shape shape_tags(struct prove_model *m, const struct policy_expr *e,
			       const struct shape *s)
{
	struct prove_path *p;

	if (s[0].kind != POLICY_ENTITY || s[1].kind != POLICY_STRING) {
		return never;
	}
	p = s[0].type ? prove_path_tags(m, s[0].type) : NULL;
	if (!p) {
		return e->fn == POLICY_FN_HAS_TAG ? some_bool : never;
	}
	if (s[1].is_const) {
		prove_domain_const(m, p->keys, s[1].value);
	} else if (s[1].domain) {
		prove_domain_join(p->keys, s[1].domain);
		prove_domain_root(p->keys)->linked = true;
	}
	return e->fn == POLICY_FN_HAS_TAG ? some_bool : at_path(m, p, e);
}

/* Extension methods over what is read from the request. */
static struct shape shape_ext(struct prove_model *m, const struct policy_expr *e, struct shape *s)
{
	switch (e->fn) {
	case POLICY_FN_LESS_THAN:
	case POLICY_FN_LESS_THAN_OR_EQUAL:
	case POLICY_FN_GREATER_THAN:
	case POLICY_FN_GREATER_THAN_OR_EQUAL:
		if (s[0].kind == s[1].kind) {
			meet(m, &s[0], &s[1]);
		}
		return some_bool;
	case POLICY_FN_IS_IN_RANGE:
		if (s[0].kind == POLICY_IP && s[1].kind == POLICY_IP) {
			if (!s[1].is_const) {
				prove_refuse(m, "a range of addresses comes from the request");
			} else {
				meet(m, &s[0], &s[1]);
			}
		}
		return some_bool;
	case POLICY_FN_IS_IPV4:
	case POLICY_FN_IS_IPV6:
	case POLICY_FN_IS_LOOPBACK:
	case POLICY_FN_IS_MULTICAST:
		return some_bool;
	case POLICY_FN_OFFSET:
		return s[0].kind == POLICY_DATETIME && s[1].kind == POLICY_DURATION
			       ? arithmetic(m, POLICY_EXPR_ADD, POLICY_DATETIME, &s[0], &s[1])
			       : never;
	case POLICY_FN_DURATION_SINCE:
		return s[0].kind == POLICY_DATETIME && s[1].kind == POLICY_DATETIME
			       ? arithmetic(m, POLICY_EXPR_SUB, POLICY_DURATION, &s[0], &s[1])
			       : never;
	case POLICY_FN_TO_MILLISECONDS:
		return s[0].kind == POLICY_DURATION
			       ? computed(m, &s[0], POLICY_LONG, s[0].factor, s[0].add)
			       : never;
	case POLICY_FN_TO_DATE:
	case POLICY_FN_TO_TIME:
	case POLICY_FN_TO_SECONDS:
	case POLICY_FN_TO_MINUTES:
	case POLICY_FN_TO_HOURS:
	case POLICY_FN_TO_DAYS:
		prove_refuse(m, "parts of dates, times and durations");
		return never;
	case POLICY_FN_DECIMAL:
	case POLICY_FN_IP:
	case POLICY_FN_DATETIME:
	case POLICY_FN_DURATION:
		prove_refuse(m, "a text of the request is read as another type");
		return never;
	case POLICY_FN_NONE:
	case POLICY_FN_CONTAINS:
	case POLICY_FN_CONTAINS_ALL:
	case POLICY_FN_CONTAINS_ANY:
	case POLICY_FN_IS_EMPTY:
	case POLICY_FN_HAS_TAG:
	case POLICY_FN_GET_TAG:
	case POLICY_FN_MAX:
		break;
	}
	return never;
}

static struct shape shape_call(struct prove_model *m, const struct policy_expr *e)
{
	const struct policy_fn_info *info = policy_fn_info(e->fn);
	struct shape s[2] = {0};

	for (uint32_t i = 0; i < e->n_args; i++) {
		struct shape x = shape(m, e->arg[i]);

		if (x.kind == POLICY_NONE) {
			return never;
		}
		if (i < ARRAY_LEN(s)) {
			s[i] = x;
		}
	}
	if (e->n_args != info->n_args) {
		return never;
	}
	if (e->fn == POLICY_FN_HAS_TAG || e->fn == POLICY_FN_GET_TAG) {
		return shape_tags(m, e, s);
	}
	if (all_const(s, e->n_args)) {
		return fold(m, e);
	}
	if (!info->builtin) {
		return shape_ext(m, e, s);
	}
	if (s[0].kind != POLICY_SET) {
		return never;
	}
	begin_test(m, e);
	if (e->fn == POLICY_FN_CONTAINS) {
		meet_element(m, &s[0], &s[1]);
	} else if (e->fn == POLICY_FN_IS_EMPTY) {
		if (plain_elements(m, &s[0])) {
			test_set(m, &s[0]);
		}
	} else if (s[1].kind == POLICY_SET) {
		meet_sets(m, &s[0], &s[1]);
	}
	return some_bool;
}

static struct shape shape_var(struct prove_model *m, const struct policy_expr *e)
{
	switch (e->var) {
	case POLICY_VAR_PRINCIPAL:
		return at_path(m, &m->var_principal, e);
	case POLICY_VAR_ACTION:
		return constant(m, policy_entity(&m->action_uid));
	case POLICY_VAR_RESOURCE:
		return at_path(m, &m->var_resource, e);
	case POLICY_VAR_CONTEXT:
		break;
	}
	return at_path(m, &m->context, e);
}

/* Is: the first part never fails on entities, the second is an `in`. */
static struct shape shape_is(struct prove_model *m, const struct policy_expr *e)
{
	struct shape s = shape(m, e->arg[0]);

	if (e->n_args > 1) {
		struct shape group = shape(m, e->arg[1]);

		begin_test(m, e);
		if (group.kind == POLICY_SET && group.whole && plain_elements(m, &group)) {
			test_set(m, &group);
		}
	}
	return s.kind == POLICY_ENTITY ? some_bool : never;
}

static struct shape shape(struct prove_model *m, const struct policy_expr *e)
{
	switch (e->kind) {
	case POLICY_EXPR_LIT:
		if (e->lit.kind == POLICY_ENTITY) {
			add_literal(m, e->lit.uid);
		}
		return constant(m, e->lit);
	case POLICY_EXPR_VAR:
		return shape_var(m, e);
	case POLICY_EXPR_IF:
		return shape_if(m, e);
	case POLICY_EXPR_AND:
	case POLICY_EXPR_OR:
	case POLICY_EXPR_NOT:
		return shape_logic(m, e);
	case POLICY_EXPR_NEG:
	case POLICY_EXPR_ADD:
	case POLICY_EXPR_SUB:
	case POLICY_EXPR_MUL:
		return shape_arith(m, e);
	case POLICY_EXPR_EQ:
	case POLICY_EXPR_NE:
	case POLICY_EXPR_LT:
	case POLICY_EXPR_LE:
	case POLICY_EXPR_GT:
	case POLICY_EXPR_GE:
		return shape_compare(m, e);
	case POLICY_EXPR_IN:
		return shape_in(m, e);
	case POLICY_EXPR_IS:
		return shape_is(m, e);
	case POLICY_EXPR_HAS:
		return shape_has(m, e);
	case POLICY_EXPR_GET:
		return get_attr(m, shape(m, e->arg[0]), e->names[0], e);
	case POLICY_EXPR_LIKE:
		return shape_like(m, e);
	case POLICY_EXPR_CALL:
		return shape_call(m, e);
	case POLICY_EXPR_SET:
		return shape_set(m, e);
	case POLICY_EXPR_RECORD:
		return shape_record(m, e);
	}
	return never;
}

static void scope_literals(struct prove_model *m, const struct policy_scope *s)
{
	for (size_t i = 0; !s->slot && i < s->n_uids; i++) {
		add_literal(m, &s->uids[i]);
	}
}

bool prove_shape_policy(struct prove_model *m, const struct policy *p)
{
	scope_literals(m, &p->principal);
	scope_literals(m, &p->resource);
	for (size_t i = 0; i < p->n_conds; i++) {
		(void)shape(m, p->conds[i].body);
	}
	return !m->why.p && !m->nomem;
}
