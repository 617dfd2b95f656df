/* SPDX-License-Identifier: Apache-2.0 */
/* The leaves of expressions and what stands in brackets: literals, names, sets, records, calls. */
#include "policy/parse_priv.h"

void parse_no_memory(struct parser *p)
{
	if (!p->nomem) {
		p->nomem = true;
		policy_diag_error(p->lx.diags, p->lx.src, p->lx.tok.span, "out of memory");
	}
}

struct policy_expr *parse_node(struct parser *p, enum policy_expr_kind kind,
			       struct policy_span span)
{
	struct policy_expr *e = ARENA_NEW(p->a, struct policy_expr);

	if (!e) {
		parse_no_memory(p);
		return NULL;
	}
	e->kind = kind;
	e->span = span;
	e->depth = 1;
	return e;
}

bool parse_too_deep(struct parser *p, struct policy_span span)
{
	p->limit = true;
	policy_diag_error(p->lx.diags, p->lx.src, span, "expression nested deeper than %d",
			  POLICY_DEPTH_MAX);
	return false;
}

/* Gives the node its children and its depth. */
bool parse_adopt(struct parser *p, struct policy_expr *e, struct policy_expr **arg, size_t n)
{
	uint16_t deepest = 0;

	for (size_t i = 0; i < n; i++) {
		if (arg[i]->depth > deepest) {
			deepest = arg[i]->depth;
		}
	}
	if (deepest >= POLICY_DEPTH_MAX) {
		return parse_too_deep(p, e->span);
	}
	e->arg = arg;
	e->n_args = (uint32_t)n;
	e->depth = (uint16_t)(deepest + 1);
	return true;
}

/* A node with one to three children, its span from the first to what was read last. */
struct policy_expr *parse_branch(struct parser *p, enum policy_expr_kind kind,
				 struct policy_span start, struct policy_expr *a,
				 struct policy_expr *b, struct policy_expr *c)
{
	struct policy_expr *e = parse_node(p, kind, policy_span_join(start, p->lx.last));
	size_t n = c ? 3 : b ? 2 : 1;
	struct policy_expr **arg = ARENA_ARRAY(p->a, n, struct policy_expr *);

	if (!e || !arg) {
		parse_no_memory(p);
		return NULL;
	}
	arg[0] = a;
	if (b) {
		arg[1] = b;
	}
	if (c) {
		arg[2] = c;
	}
	return parse_adopt(p, e, arg, n) ? e : NULL;
}

bool parse_name_node(struct parser *p, struct policy_expr *e, struct str name,
		     struct policy_span span)
{
	e->names = ARENA_NEW(p->a, struct str);
	e->name_spans = ARENA_NEW(p->a, struct policy_span);
	if (!e->names || !e->name_spans) {
		parse_no_memory(p);
		return false;
	}
	e->n_names = 1;
	e->names[0] = name;
	e->name_spans[0] = span;
	return true;
}

bool parse_string(struct parser *p, struct str *ret)
{
	struct policy_token tok = p->lx.tok;

	if (tok.kind != POLICY_TOK_STRING) {
		policy_lex_unexpected(&p->lx, "a string");
		return false;
	}
	if (!policy_unescape(&p->lx, &tok, p->a, ret)) {
		return false;
	}
	policy_lex_next(&p->lx);
	return true;
}

/* An identifier that is not reserved, as an attribute name. */
bool parse_attr_name(struct parser *p, struct str *ret, const char *what)
{
	if (p->lx.tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(&p->lx, what);
		return false;
	}
	if (policy_is_reserved(p->lx.tok.text)) {
		policy_diag_error(p->lx.diags, p->lx.src, p->lx.tok.span,
				  "`" STR_FMT "` is a reserved word", STR_ARG(p->lx.tok.text));
		policy_diag_help(p->lx.diags, "write it as a string: \"" STR_FMT "\"",
				 STR_ARG(p->lx.tok.text));
		return false;
	}
	*ret = p->lx.tok.text;
	policy_lex_next(&p->lx);
	return true;
}

bool parse_uid_id(struct parser *p, struct str type, struct policy_uid *ret)
{
	struct str id;

	if (!parse_string(p, &id)) {
		return false;
	}
	*ret = policy_uid_make(type, id);
	return true;
}

static struct policy_expr *literal(struct parser *p, struct policy_span span, struct policy_value v)
{
	struct policy_expr *e = parse_node(p, POLICY_EXPR_LIT, span);

	if (e) {
		e->lit = v;
	}
	return e;
}

/* A NUMBER token; `negative` when a minus stands directly before it. */
struct policy_expr *parse_number(struct parser *p, struct policy_span start, bool negative)
{
	struct policy_token tok = p->lx.tok;
	int64_t v = 0;

	for (size_t i = 0; i < tok.text.n; i++) {
		if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
		    __builtin_sub_overflow(v, (int64_t)(tok.text.p[i] - '0'), &v)) {
			goto too_large;
		}
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, v, &v)) {
		goto too_large;
	}
	policy_lex_next(&p->lx);
	return literal(p, policy_span_join(start, tok.span), policy_long(v));
too_large:
	policy_diag_error(p->lx.diags, p->lx.src, tok.span,
			  "integer literal does not fit in 64 bits");
	policy_diag_help(p->lx.diags,
			 "integers go from -9223372036854775808 to 9223372036854775807");
	return NULL;
}

/* `item (',' item)* ','? close` into an array; the opening token has been read. */
bool parse_list(struct parser *p, enum policy_tok close, struct policy_expr ***ret, size_t *n)
{
	struct policy_expr **items = NULL;
	size_t cap = 0;

	*n = 0;
	while (p->lx.tok.kind != close) {
		struct policy_expr *item;

		if (*n == POLICY_SET_MAX) {
			p->limit = true;
			policy_diag_error(p->lx.diags, p->lx.src, p->lx.tok.span,
					  "more than %d elements", POLICY_SET_MAX);
			return false;
		}
		item = parse_expr(p);
		if (!item) {
			return false;
		}
		if (!ARENA_GROW(p->a, &items, *n, &cap)) {
			parse_no_memory(p);
			return false;
		}
		items[(*n)++] = item;
		if (!policy_lex_accept(&p->lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	*ret = items;
	return policy_lex_expect(&p->lx, close, NULL);
}

static struct policy_expr *set(struct parser *p)
{
	struct policy_span start = p->lx.tok.span;
	struct policy_expr **items;
	struct policy_expr *e;
	size_t n;

	policy_lex_next(&p->lx);
	if (!parse_list(p, POLICY_TOK_RBRACKET, &items, &n)) {
		return NULL;
	}
	e = parse_node(p, POLICY_EXPR_SET, policy_span_join(start, p->lx.last));
	return e && parse_adopt(p, e, items, n) ? e : NULL;
}

struct members {
	struct policy_expr **values;
	struct str *names;
	struct policy_span *spans;
	size_t n, cap_values, cap_names, cap_spans;
};

static bool member_put(struct parser *p, struct members *m, struct str name,
		       struct policy_span span, struct policy_expr *value)
{
	if (!ARENA_GROW(p->a, &m->values, m->n, &m->cap_values) ||
	    !ARENA_GROW(p->a, &m->names, m->n, &m->cap_names) ||
	    !ARENA_GROW(p->a, &m->spans, m->n, &m->cap_spans)) {
		parse_no_memory(p);
		return false;
	}
	m->values[m->n] = value;
	m->names[m->n] = name;
	m->spans[m->n++] = span;
	return true;
}

static bool member(struct parser *p, struct members *m)
{
	struct policy_span span = p->lx.tok.span;
	struct policy_expr *value;
	struct str name;

	if (p->lx.tok.kind == POLICY_TOK_STRING ? !parse_string(p, &name)
						: !parse_attr_name(p, &name, "a member name")) {
		return false;
	}
	for (size_t i = 0; i < m->n; i++) {
		if (str_eq(m->names[i], name)) {
			policy_diag_error(p->lx.diags, p->lx.src, span,
					  "duplicate key `" STR_FMT "` in a record", STR_ARG(name));
			return false;
		}
	}
	if (m->n == POLICY_SET_MAX) {
		p->limit = true;
		policy_diag_error(p->lx.diags, p->lx.src, span, "more than %d members",
				  POLICY_SET_MAX);
		return false;
	}
	if (!policy_lex_expect(&p->lx, POLICY_TOK_COLON, "after a member name")) {
		return false;
	}
	value = parse_expr(p);
	return value && member_put(p, m, name, span, value);
}

static struct policy_expr *record(struct parser *p)
{
	struct policy_span start = p->lx.tok.span;
	struct members m = {0};
	struct policy_expr *e;

	policy_lex_next(&p->lx);
	while (p->lx.tok.kind != POLICY_TOK_RBRACE) {
		if (!member(p, &m)) {
			return NULL;
		}
		if (!policy_lex_accept(&p->lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	if (!policy_lex_expect(&p->lx, POLICY_TOK_RBRACE, NULL)) {
		return NULL;
	}
	e = parse_node(p, POLICY_EXPR_RECORD, policy_span_join(start, p->lx.last));
	if (!e || !parse_adopt(p, e, m.values, m.n)) {
		return NULL;
	}
	e->names = m.names;
	e->name_spans = m.spans;
	e->n_names = (uint32_t)m.n;
	return e;
}

static void suggest_fn(struct parser *p, struct str name, bool method)
{
	struct str names[POLICY_FN_MAX];
	size_t n = 0;

	for (unsigned i = 1; i < POLICY_FN_MAX; i++) {
		const struct policy_fn_info *info = policy_fn_info((enum policy_fn)i);

		if (info->method == method) {
			names[n++] = info->name;
		}
	}
	policy_diag_suggest(p->lx.diags, name, names, n);
}

/* Which function is meant, with its style checked. */
enum policy_fn parse_fn(struct parser *p, struct str name, struct policy_span span, bool method)
{
	enum policy_fn fn = policy_fn_find(name);

	if (fn == POLICY_FN_NONE) {
		policy_diag_error(p->lx.diags, p->lx.src, span, "`" STR_FMT "` is not a valid %s",
				  STR_ARG(name), method ? "method" : "function");
		suggest_fn(p, name, method);
		return fn;
	}
	if (policy_fn_info(fn)->method == method) {
		return fn;
	}
	policy_diag_error(p->lx.diags, p->lx.src, span, "`" STR_FMT "` is a %s", STR_ARG(name),
			  method ? "function, not a method" : "method, not a function");
	policy_diag_help(p->lx.diags,
			 method ? "write " STR_FMT "(...)" : "write e." STR_FMT "(...)",
			 STR_ARG(name));
	return POLICY_FN_NONE;
}

/* Arity of the built-in methods; that of extension functions is checked at evaluation. */
static bool check_arity(struct parser *p, const struct policy_expr *e)
{
	const struct policy_fn_info *info = policy_fn_info(e->fn);

	if (!info->builtin || e->n_args == info->n_args) {
		return true;
	}
	policy_diag_error(p->lx.diags, p->lx.src, e->span,
			  "`" STR_FMT "` takes %u argument%s, not %u", STR_ARG(info->name),
			  info->n_args - 1u, info->n_args == 2 ? "" : "s", e->n_args - 1);
	return false;
}

/* The argument list behind a name; `receiver` is NULL for a function. */
struct policy_expr *parse_call(struct parser *p, struct policy_span start, enum policy_fn fn,
			       struct policy_expr *receiver)
{
	struct policy_expr **items, **arg;
	struct policy_expr *e;
	size_t n, extra = receiver ? 1 : 0;

	policy_lex_next(&p->lx);
	if (!parse_list(p, POLICY_TOK_RPAREN, &items, &n)) {
		return NULL;
	}
	e = parse_node(p, POLICY_EXPR_CALL, policy_span_join(start, p->lx.last));
	arg = ARENA_ARRAY(p->a, n + 1, struct policy_expr *);
	if (!e || !arg) {
		parse_no_memory(p);
		return NULL;
	}
	e->fn = fn;
	arg[0] = receiver;
	for (size_t i = 0; i < n; i++) {
		arg[i + extra] = items[i];
	}
	return parse_adopt(p, e, arg, n + extra) && check_arity(p, e) ? e : NULL;
}

static bool is_var(struct str name, enum policy_var *ret)
{
	for (unsigned i = POLICY_VAR_PRINCIPAL; i <= POLICY_VAR_CONTEXT; i++) {
		if (str_eq(policy_var_name((enum policy_var)i), name)) {
			*ret = (enum policy_var)i;
			return true;
		}
	}
	return false;
}

static void report_bad_var(struct parser *p, struct str name, struct policy_span span)
{
	static const struct str vars[] = {STR_INIT("principal"), STR_INIT("action"),
					  STR_INIT("resource"), STR_INIT("context")};

	policy_diag_error(p->lx.diags, p->lx.src, span, "`" STR_FMT "` is not a variable",
			  STR_ARG(name));
	if (policy_nearest(name, vars, ARRAY_LEN(vars)).n > 0) {
		policy_diag_suggest(p->lx.diags, name, vars, ARRAY_LEN(vars));
	} else {
		policy_diag_help(p->lx.diags,
				 "the variables are principal, action, resource, context; an "
				 "entity is written Type::\"id\"");
	}
}

static struct policy_expr *uid_literal(struct parser *p, struct str type, struct policy_span start)
{
	struct policy_uid *uid = ARENA_NEW(p->a, struct policy_uid);

	if (!uid) {
		parse_no_memory(p);
		return NULL;
	}
	if (p->lx.tok.kind != POLICY_TOK_STRING) {
		policy_lex_unexpected(&p->lx, "an entity id in quotes");
		return NULL;
	}
	if (!parse_uid_id(p, type, uid)) {
		return NULL;
	}
	return literal(p, policy_span_join(start, p->lx.last), policy_entity(uid));
}

/* What begins with a name: a constant, a variable, an entity, or a function call. */
static struct policy_expr *named(struct parser *p)
{
	struct policy_span start = p->lx.tok.span, span;
	struct policy_expr *e;
	enum policy_var var;
	struct str path;

	if (policy_lex_is(&p->lx, STR("true")) || policy_lex_is(&p->lx, STR("false"))) {
		bool value = p->lx.tok.text.n == 4;

		policy_lex_next(&p->lx);
		return literal(p, start, policy_bool(value));
	}
	if (policy_lex_is(&p->lx, STR("if"))) {
		policy_diag_error(p->lx.diags, p->lx.src, start, "`if` cannot stand here");
		policy_diag_help(p->lx.diags, "put it in parentheses: (if a then b else c)");
		return NULL;
	}
	if (!policy_parse_path(&p->lx, p->a, &path, &span)) {
		return NULL;
	}
	if (policy_lex_accept(&p->lx, POLICY_TOK_PATH)) {
		return uid_literal(p, path, start);
	}
	if (p->lx.tok.kind == POLICY_TOK_LPAREN) {
		enum policy_fn fn = parse_fn(p, path, span, false);

		return fn == POLICY_FN_NONE ? NULL : parse_call(p, start, fn, NULL);
	}
	if (!is_var(path, &var)) {
		report_bad_var(p, path, span);
		return NULL;
	}
	e = parse_node(p, POLICY_EXPR_VAR, start);
	if (e) {
		e->var = var;
	}
	return e;
}

static struct policy_expr *parenthesised(struct parser *p)
{
	struct policy_expr *e;

	policy_lex_next(&p->lx);
	e = parse_expr(p);
	if (!e || !policy_lex_expect(&p->lx, POLICY_TOK_RPAREN, NULL)) {
		return NULL;
	}
	e->parens = true;
	return e;
}

static struct policy_expr *string_literal(struct parser *p)
{
	struct policy_span start = p->lx.tok.span;
	struct str s;

	return parse_string(p, &s) ? literal(p, start, policy_string(s)) : NULL;
}

struct policy_expr *parse_primary(struct parser *p)
{
	const struct policy_token *tok = &p->lx.tok;

	if (p->extra) {
		bool taken = false;
		struct policy_expr *e = p->extra(p, &taken);

		if (taken) {
			return e;
		}
	}
	if (tok->kind == POLICY_TOK_IDENT) {
		return named(p);
	}
	if (tok->kind == POLICY_TOK_NUMBER) {
		return parse_number(p, tok->span, false);
	}
	if (tok->kind == POLICY_TOK_STRING) {
		return string_literal(p);
	}
	if (tok->kind == POLICY_TOK_LPAREN) {
		return parenthesised(p);
	}
	if (tok->kind == POLICY_TOK_LBRACKET) {
		return set(p);
	}
	if (tok->kind == POLICY_TOK_LBRACE) {
		return record(p);
	}
	if (tok->kind == POLICY_TOK_SLOT) {
		policy_diag_error(p->lx.diags, p->lx.src, tok->span,
				  "a template slot can only stand in the scope");
		return NULL;
	}
	policy_lex_unexpected(&p->lx, "an expression");
	return NULL;
}
