/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions from JSON. Policies and sets are in est_set.c. */
#include "policy/est_priv.h"

#include "policy/data.h"

#define OPS_MAX 4

bool est_fail(struct parser *p, const struct json *at, const char *what)
{
	struct policy_span span = {at ? at->at : 0, at ? (uint32_t)at->raw.n : 0};

	policy_diag_error(p->lx.diags, p->lx.src, span, "%s", what);
	return false;
}

static struct policy_expr *fail(struct parser *p, const struct json *at, const char *what)
{
	(void)est_fail(p, at, what);
	return NULL;
}

static struct policy_span span_of(const struct json *j)
{
	return (struct policy_span){j->at, (uint32_t)j->raw.n};
}

static struct policy_expr *node(struct parser *p, const struct json *j, enum policy_expr_kind kind,
				struct policy_expr *const *args, size_t n)
{
	struct policy_expr *e = parse_node(p, kind, span_of(j));
	struct policy_expr **kept = ARENA_ARRAY(p->a, n, struct policy_expr *);

	if (!e || !kept) {
		p->nomem = true;
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		kept[i] = args[i];
	}
	return parse_adopt(p, e, kept, n) ? e : NULL;
}

/* The object has exactly these members (the last `optional` of them may lack). */
bool est_members(struct parser *p, const struct json *j, const struct str *names, size_t n,
		 size_t optional)
{
	if (!json_is_object(j)) {
		return est_fail(p, j, "expected an object");
	}
	JSON_EACH (m, j) {
		bool known = false;

		for (size_t i = 0; i < n && !known; i++) {
			known = str_eq(m->key, names[i]);
		}
		if (!known) {
			policy_diag_error(p->lx.diags, p->lx.src, span_of(m),
					  "unknown member `" STR_FMT "`", STR_ARG(m->key));
			policy_diag_suggest(p->lx.diags, m->key, names, n);
			return false;
		}
	}
	for (size_t i = 0; i + optional < n; i++) {
		if (!json_get(j, names[i])) {
			policy_diag_error(p->lx.diags, p->lx.src, span_of(j),
					  "`" STR_FMT "` is missing", STR_ARG(names[i]));
			return false;
		}
	}
	return true;
}

static struct policy_expr *value(struct parser *p, const struct json *j);

static struct policy_expr *literal(struct parser *p, const struct json *j, struct policy_value v)
{
	struct policy_expr *e = parse_node(p, POLICY_EXPR_LIT, span_of(j));

	if (e) {
		e->lit = v;
	}
	return e;
}

/* An array of items by `item` into a node. */
typedef struct policy_expr *read_fn(struct parser *p, const struct json *j);

static struct policy_expr *many(struct parser *p, const struct json *j, const struct json *items,
				enum policy_expr_kind kind, read_fn *item)
{
	struct policy_expr **args = ARENA_ARRAY(p->a, items->n, struct policy_expr *);
	size_t n = 0;

	if (!args) {
		p->nomem = true;
		return NULL;
	}
	if (items->n > POLICY_SET_MAX) {
		p->limit = true;
		return fail(p, items, "more than 4096 elements");
	}
	JSON_EACH (i, items) {
		args[n] = item(p, i);
		if (!args[n++]) {
			return NULL;
		}
	}
	return node(p, j, kind, args, n);
}

static struct policy_expr *record(struct parser *p, const struct json *j,
				  const struct json *members, read_fn *item)
{
	struct policy_expr *e = many(p, j, members, POLICY_EXPR_RECORD, item);
	uint32_t n = 0;

	if (!e) {
		return NULL;
	}
	e->names = ARENA_ARRAY(p->a, members->n, struct str);
	if (!e->names) {
		p->nomem = true;
		return NULL;
	}
	JSON_EACH (m, members) {
		e->names[n++] = m->key;
	}
	e->n_names = n;
	return e;
}

static struct policy_expr *uid_value(struct parser *p, const struct json *j)
{
	struct policy_uid *uid = ARENA_NEW(p->a, struct policy_uid);
	struct err err = {0};

	if (!uid) {
		p->nomem = true;
		return NULL;
	}
	if (policy_json_uid(p->a, j, uid, &err)) {
		return fail(p, j, err.msg);
	}
	return literal(p, j, policy_entity(uid));
}

/* {"fn": "ip", "arg": "..."} */
static struct policy_expr *extension_value(struct parser *p, const struct json *j)
{
	enum policy_fn fn = policy_fn_find(json_str(json_get(j, STR("fn"))));
	const struct json *arg = json_get(j, STR("arg")), *args = json_get(j, STR("args"));
	struct policy_expr *e;

	if (fn == POLICY_FN_NONE || policy_fn_info(fn)->builtin || (!arg && !json_is_array(args))) {
		return fail(p, j, "not an extension value");
	}
	if (arg) {
		struct policy_expr *one = value(p, arg);

		e = one ? node(p, j, POLICY_EXPR_CALL, &one, 1) : NULL;
	} else {
		e = many(p, j, args, POLICY_EXPR_CALL, value);
	}
	if (e) {
		e->fn = fn;
	}
	return e;
}

/* What stands under "Value". */
static struct policy_expr *value(struct parser *p, const struct json *j)
{
	int64_t i;

	if (p->nesting > POLICY_DEPTH_MAX) {
		p->limit = true;
		return fail(p, j, "expression nested deeper than 512");
	}
	switch (j->type) {
	case JSON_NULL:
		return fail(p, j, "null is not a value");
	case JSON_BOOL:
		return literal(p, j, policy_bool(j->boolean));
	case JSON_NUMBER:
		return json_i64(j, &i) ? literal(p, j, policy_long(i))
				       : fail(p, j, "not a 64-bit integer");
	case JSON_STRING:
		return literal(p, j, policy_string(j->text));
	case JSON_ARRAY:
		break;
	case JSON_OBJECT:
		if (j->n == 1 && str_eq(j->first->key, STR("__entity"))) {
			return uid_value(p, j);
		}
		if (j->n == 1 && str_eq(j->first->key, STR("__extn"))) {
			return extension_value(p, j->first);
		}
		break;
	}
	{
		struct policy_expr *e;

		p->nesting++;
		e = j->type == JSON_ARRAY ? many(p, j, j, POLICY_EXPR_SET, value)
					  : record(p, j, j, value);
		p->nesting--;
		return e;
	}
}

static struct policy_expr *variable(struct parser *p, const struct json *j)
{
	for (unsigned i = POLICY_VAR_PRINCIPAL; i <= POLICY_VAR_CONTEXT; i++) {
		if (json_str_is(j, policy_var_name((enum policy_var)i))) {
			struct policy_expr *e = parse_node(p, POLICY_EXPR_VAR, span_of(j));

			if (e) {
				e->var = (enum policy_var)i;
			}
			return e;
		}
	}
	return fail(p, j, "not a variable");
}

static struct policy_expr *one(struct parser *p, const struct json *j, enum policy_expr_kind kind)
{
	static const struct str names[] = {STR_INIT("arg")};
	struct policy_expr *arg;

	if (!est_members(p, j, names, 1, 0)) {
		return NULL;
	}
	arg = est_expr(p, json_get(j, names[0]));
	return arg ? node(p, j, kind, &arg, 1) : NULL;
}

static struct policy_expr *two(struct parser *p, const struct json *j, enum policy_expr_kind kind)
{
	static const struct str names[] = {STR_INIT("left"), STR_INIT("right")};
	struct policy_expr *args[2];

	if (!est_members(p, j, names, 2, 0)) {
		return NULL;
	}
	args[0] = est_expr(p, json_get(j, names[0]));
	args[1] = args[0] ? est_expr(p, json_get(j, names[1])) : NULL;
	if (!args[1]) {
		return NULL;
	}
	/* So that the printer keeps a chain that leans to the right as it is. */
	args[1]->parens = args[1]->kind == kind;
	return node(p, j, kind, args, 2);
}

static bool put_names(struct parser *p, struct policy_expr *e, const struct json *attr)
{
	uint32_t n = attr->type == JSON_ARRAY ? attr->n : 1;
	uint32_t k = 0;

	e->names = ARENA_ARRAY(p->a, n, struct str);
	if (!e->names) {
		p->nomem = true;
		return false;
	}
	if (attr->type == JSON_STRING) {
		e->names[k++] = attr->text;
	}
	JSON_EACH (item, attr) {
		bool plain = policy_is_ident(json_str(item)) && !policy_is_reserved(item->text);

		if (item->type != JSON_STRING || (n > 1 && !plain)) {
			return est_fail(p, item, "not an attribute name");
		}
		e->names[k++] = item->text;
	}
	e->n_names = k;
	return k > 0 || est_fail(p, attr, "not an attribute name");
}

static struct policy_expr *attribute(struct parser *p, const struct json *j,
				     enum policy_expr_kind kind)
{
	static const struct str names[] = {STR_INIT("left"), STR_INIT("attr")};
	const struct json *attr;
	struct policy_expr *left, *e;

	if (!est_members(p, j, names, 2, 0)) {
		return NULL;
	}
	attr = json_get(j, names[1]);
	if (attr->type != JSON_STRING && (kind == POLICY_EXPR_GET || attr->type != JSON_ARRAY)) {
		return fail(p, attr, "not an attribute name");
	}
	left = est_expr(p, json_get(j, names[0]));
	e = left ? node(p, j, kind, &left, 1) : NULL;
	return e && put_names(p, e, attr) ? e : NULL;
}

static struct policy_expr *is(struct parser *p, const struct json *j)
{
	static const struct str names[] = {STR_INIT("left"), STR_INIT("entity_type"),
					   STR_INIT("in")};
	const struct json *type, *in;
	struct policy_expr *args[2], *e;

	if (!est_members(p, j, names, 3, 1)) {
		return NULL;
	}
	type = json_get(j, names[1]);
	in = json_get(j, names[2]);
	if (!policy_is_type_name(json_str(type))) {
		return fail(p, type, "not a type name");
	}
	args[0] = est_expr(p, json_get(j, names[0]));
	args[1] = args[0] && in ? est_expr(p, in) : NULL;
	if (!args[0] || (in && !args[1])) {
		return NULL;
	}
	e = node(p, j, POLICY_EXPR_IS, args, in ? 2 : 1);
	return e && put_names(p, e, type) ? e : NULL;
}

/* Ends the part that has grown from `start` on and makes room for another one. */
static bool end_part(struct parser *p, struct policy_pattern *ret, size_t *cap, struct str part)
{
	ret->parts[ret->n++] = part;
	if (!ARENA_GROW(p->a, &ret->parts, ret->n, cap)) {
		p->nomem = true;
		return false;
	}
	return true;
}

static bool pattern(struct parser *p, const struct json *items, struct policy_pattern *ret)
{
	char *text = arena_alloc(p->a, items->raw.n); /* no literal is longer than it was written */
	struct policy_pattern made = {0};
	size_t start = 0, n = 0, cap = 0;

	if (!text || !ARENA_GROW(p->a, &made.parts, 0, &cap)) {
		p->nomem = true;
		return false;
	}
	JSON_EACH (item, items) {
		struct str literal = json_str(json_get(item, STR("Literal")));

		if (json_str_is(item, STR("Wildcard"))) {
			if (!end_part(p, &made, &cap, str_make(text + start, n - start))) {
				return false;
			}
			start = n;
		} else if (literal.p && item->n == 1) {
			memcpy(text + n, literal.p, literal.n);
			n += literal.n;
		} else {
			return est_fail(p, item, "not a part of a pattern");
		}
	}
	made.parts[made.n++] = str_make(text + start, n - start);
	*ret = made;
	return n <= POLICY_STRING_MAX || est_fail(p, items, "the pattern is too long");
}

static struct policy_expr *like(struct parser *p, const struct json *j)
{
	static const struct str names[] = {STR_INIT("left"), STR_INIT("pattern")};
	const struct json *items;
	struct policy_expr *left, *e;

	if (!est_members(p, j, names, 2, 0)) {
		return NULL;
	}
	items = json_get(j, names[1]);
	if (!json_is_array(items)) {
		return fail(p, items, "not a pattern");
	}
	left = est_expr(p, json_get(j, names[0]));
	e = left ? node(p, j, POLICY_EXPR_LIKE, &left, 1) : NULL;
	if (!e) {
		return NULL;
	}
	return pattern(p, items, &e->pattern) ? e : NULL;
}

static struct policy_expr *conditional(struct parser *p, const struct json *j)
{
	static const struct str names[] = {STR_INIT("if"), STR_INIT("then"), STR_INIT("else")};
	struct policy_expr *args[3];

	if (!est_members(p, j, names, 3, 0)) {
		return NULL;
	}
	for (int i = 0; i < 3; i++) {
		args[i] = est_expr(p, json_get(j, names[i]));
		if (!args[i]) {
			return NULL;
		}
	}
	return node(p, j, POLICY_EXPR_IF, args, 3);
}

static struct policy_expr *call(struct parser *p, const struct json *j, enum policy_fn fn)
{
	const struct policy_fn_info *info = policy_fn_info(fn);
	struct policy_expr *e;

	if (info->builtin) {
		e = info->n_args == 1 ? one(p, j, POLICY_EXPR_CALL) : two(p, j, POLICY_EXPR_CALL);
	} else if (!json_is_array(j)) {
		return fail(p, j, "expected a list of arguments");
	} else if (info->method && j->n == 0) {
		return fail(p, j, "a method needs at least one argument");
	} else {
		e = many(p, j, j, POLICY_EXPR_CALL, est_expr);
	}
	if (e) {
		e->fn = fn;
	}
	return e;
}

static bool find_binary(struct str op, enum policy_expr_kind *ret)
{
	for (unsigned k = POLICY_EXPR_AND; k <= POLICY_EXPR_IN; k++) {
		if (k != POLICY_EXPR_NOT && k != POLICY_EXPR_NEG &&
		    str_eq(op, str_from_c(policy_expr_op_name((enum policy_expr_kind)k)))) {
			*ret = (enum policy_expr_kind)k;
			return true;
		}
	}
	return false;
}

/* The one member of an expression object. */
static struct policy_expr *operation(struct parser *p, const struct json *j)
{
	static const struct {
		struct str op;
		struct policy_expr *(*read)(struct parser *p, const struct json *j);
	} forms[] = {
		{STR_INIT("Value"), value},
		{STR_INIT("Var"), variable},
		{STR_INIT("is"), is},
		{STR_INIT("like"), like},
		{STR_INIT("if-then-else"), conditional},
	};
	enum policy_expr_kind kind;
	enum policy_fn fn;

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (str_eq(j->key, forms[i].op)) {
			return forms[i].read(p, j);
		}
	}
	if (str_eq(j->key, STR("!")) || str_eq(j->key, STR("neg"))) {
		return one(p, j, j->key.n == 1 ? POLICY_EXPR_NOT : POLICY_EXPR_NEG);
	}
	if (str_eq(j->key, STR(".")) || str_eq(j->key, STR("has"))) {
		return attribute(p, j, j->key.n == 1 ? POLICY_EXPR_GET : POLICY_EXPR_HAS);
	}
	if (str_eq(j->key, STR("Set"))) {
		return json_is_array(j) ? many(p, j, j, POLICY_EXPR_SET, est_expr)
					: fail(p, j, "expected a list");
	}
	if (str_eq(j->key, STR("Record"))) {
		return json_is_object(j) ? record(p, j, j, est_expr)
					 : fail(p, j, "expected an object");
	}
	if (find_binary(j->key, &kind)) {
		return two(p, j, kind);
	}
	fn = policy_fn_find(j->key);
	return fn == POLICY_FN_NONE ? fail(p, j, "not an operator or a function") : call(p, j, fn);
}

struct policy_expr *est_expr(struct parser *p, const struct json *j)
{
	struct policy_expr *e;

	if (!json_is_object(j) || j->n != 1) {
		return fail(p, j, "an expression is an object with one member");
	}
	if (p->nesting >= POLICY_DEPTH_MAX) {
		p->limit = true;
		return fail(p, j, "expression nested deeper than 512");
	}
	p->nesting++;
	e = operation(p, j->first);
	p->nesting--;
	return e;
}
