/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, by precedence climbing: if < || < && < relations < + - < * < ! - < members. */
#include "policy/parse_priv.h"
#include "policy/text.h"

#define CHAIN_FLAT 64 /* longer chains of && or || are balanced */
#define SIGNS_MAX  4  /* ! or - in a row */

static void out_of_memory(struct parser *p)
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
		out_of_memory(p);
		return NULL;
	}
	e->kind = kind;
	e->span = span;
	e->depth = 1;
	return e;
}

static bool too_deep(struct parser *p, struct policy_span span)
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
		return too_deep(p, e->span);
	}
	e->arg = arg;
	e->n_args = (uint32_t)n;
	e->depth = (uint16_t)(deepest + 1);
	return true;
}

/* A node with one to three children, its span from the first to what was read last. */
static struct policy_expr *branch(struct parser *p, enum policy_expr_kind kind,
				  struct policy_span start, struct policy_expr *a,
				  struct policy_expr *b, struct policy_expr *c)
{
	struct policy_expr *e = parse_node(p, kind, policy_span_join(start, p->lx.last));
	size_t n = c ? 3 : b ? 2 : 1;
	struct policy_expr **arg = ARENA_ARRAY(p->a, n, struct policy_expr *);

	if (!e || !arg) {
		out_of_memory(p);
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

static bool name_node(struct parser *p, struct policy_expr *e, struct str name,
		      struct policy_span span)
{
	e->names = ARENA_NEW(p->a, struct str);
	e->name_spans = ARENA_NEW(p->a, struct policy_span);
	if (!e->names || !e->name_spans) {
		out_of_memory(p);
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
static bool attr_name(struct parser *p, struct str *ret, const char *what)
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
static struct policy_expr *number(struct parser *p, struct policy_span start, bool negative)
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
static bool list(struct parser *p, enum policy_tok close, struct policy_expr ***ret, size_t *n)
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
			out_of_memory(p);
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
	if (!list(p, POLICY_TOK_RBRACKET, &items, &n)) {
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
		out_of_memory(p);
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
						: !attr_name(p, &name, "a member name")) {
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
static enum policy_fn find_fn(struct parser *p, struct str name, struct policy_span span,
			      bool method)
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
static struct policy_expr *call(struct parser *p, struct policy_span start, enum policy_fn fn,
				struct policy_expr *receiver)
{
	struct policy_expr **items, **arg;
	struct policy_expr *e;
	size_t n, extra = receiver ? 1 : 0;

	policy_lex_next(&p->lx);
	if (!list(p, POLICY_TOK_RPAREN, &items, &n)) {
		return NULL;
	}
	e = parse_node(p, POLICY_EXPR_CALL, policy_span_join(start, p->lx.last));
	arg = ARENA_ARRAY(p->a, n + 1, struct policy_expr *);
	if (!e || !arg) {
		out_of_memory(p);
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
		out_of_memory(p);
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
		enum policy_fn fn = find_fn(p, path, span, false);

		return fn == POLICY_FN_NONE ? NULL : call(p, start, fn, NULL);
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

static struct policy_expr *primary(struct parser *p)
{
	const struct policy_token *tok = &p->lx.tok;

	if (tok->kind == POLICY_TOK_IDENT) {
		return named(p);
	}
	if (tok->kind == POLICY_TOK_NUMBER) {
		return number(p, tok->span, false);
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

/* .name, .name(args) or ["name"] behind e. */
static struct policy_expr *access(struct parser *p, struct policy_expr *e)
{
	struct policy_span start = e->span, span;
	bool quoted = p->lx.tok.kind == POLICY_TOK_LBRACKET;
	struct policy_expr *get;
	struct str name;

	policy_lex_next(&p->lx);
	span = p->lx.tok.span;
	if (quoted) {
		if (p->lx.tok.kind != POLICY_TOK_STRING) {
			policy_lex_unexpected(&p->lx, "an attribute name in quotes");
			return NULL;
		}
		if (!parse_string(p, &name) ||
		    !policy_lex_expect(&p->lx, POLICY_TOK_RBRACKET, NULL)) {
			return NULL;
		}
	} else if (!attr_name(p, &name, "an attribute or a method")) {
		return NULL;
	}
	if (!quoted && p->lx.tok.kind == POLICY_TOK_LPAREN) {
		enum policy_fn fn = find_fn(p, name, span, true);

		return fn == POLICY_FN_NONE ? NULL : call(p, start, fn, e);
	}
	get = branch(p, POLICY_EXPR_GET, start, e, NULL, NULL);
	if (!get || !name_node(p, get, name, span)) {
		return NULL;
	}
	get->quoted = quoted;
	return get;
}

static struct policy_expr *members(struct parser *p, struct policy_expr *e)
{
	while (e && (p->lx.tok.kind == POLICY_TOK_DOT || p->lx.tok.kind == POLICY_TOK_LBRACKET)) {
		e = access(p, e);
	}
	return e;
}

/* The operand of signs: a number directly behind a minus takes it in. */
static struct policy_expr *signed_operand(struct parser *p, enum policy_tok sign,
					  struct policy_span last_sign, size_t *n)
{
	struct policy_token next;

	if (sign != POLICY_TOK_MINUS || p->lx.tok.kind != POLICY_TOK_NUMBER) {
		return members(p, primary(p));
	}
	next = policy_lex_peek(&p->lx);
	if (next.kind == POLICY_TOK_DOT || next.kind == POLICY_TOK_LBRACKET) {
		return members(p, primary(p));
	}
	(*n)--;
	return number(p, last_sign, true);
}

static struct policy_expr *unary(struct parser *p)
{
	enum policy_tok sign = p->lx.tok.kind;
	struct policy_span spans[SIGNS_MAX];
	struct policy_expr *e;
	size_t n = 0;

	if (sign != POLICY_TOK_NOT && sign != POLICY_TOK_MINUS) {
		return members(p, primary(p));
	}
	for (; p->lx.tok.kind == sign; n++) {
		if (n == SIGNS_MAX) {
			policy_diag_error(p->lx.diags, p->lx.src, p->lx.tok.span,
					  "more than %d `%s` in a row", SIGNS_MAX,
					  sign == POLICY_TOK_NOT ? "!" : "-");
			return NULL;
		}
		spans[n] = p->lx.tok.span;
		policy_lex_next(&p->lx);
	}
	e = signed_operand(p, sign, spans[n - 1], &n);
	for (size_t i = n; e && i > 0; i--) {
		e = branch(p, sign == POLICY_TOK_NOT ? POLICY_EXPR_NOT : POLICY_EXPR_NEG,
			   spans[i - 1], e, NULL, NULL);
	}
	return e;
}

static struct policy_expr *product(struct parser *p)
{
	struct policy_expr *e = unary(p);

	while (e && p->lx.tok.kind == POLICY_TOK_STAR) {
		struct policy_expr *right;

		policy_lex_next(&p->lx);
		right = unary(p);
		e = right ? branch(p, POLICY_EXPR_MUL, e->span, e, right, NULL) : NULL;
	}
	if (e && (p->lx.tok.kind == POLICY_TOK_SLASH || p->lx.tok.kind == POLICY_TOK_PERCENT)) {
		policy_diag_error(p->lx.diags, p->lx.src, p->lx.tok.span, "%s is not supported",
				  p->lx.tok.kind == POLICY_TOK_SLASH ? "division" : "remainder");
		return NULL;
	}
	return e;
}

static struct policy_expr *sum(struct parser *p)
{
	struct policy_expr *e = product(p);

	while (e && (p->lx.tok.kind == POLICY_TOK_PLUS || p->lx.tok.kind == POLICY_TOK_MINUS)) {
		bool plus = p->lx.tok.kind == POLICY_TOK_PLUS;
		struct policy_expr *right;

		policy_lex_next(&p->lx);
		right = product(p);
		e = right ? branch(p, plus ? POLICY_EXPR_ADD : POLICY_EXPR_SUB, e->span, e, right,
				   NULL)
			  : NULL;
	}
	return e;
}

/* `has` was read: "name" or name.name.name */
static struct policy_expr *has(struct parser *p, struct policy_expr *left)
{
	struct policy_expr *e = branch(p, POLICY_EXPR_HAS, left->span, left, NULL, NULL);
	bool quoted = p->lx.tok.kind == POLICY_TOK_STRING;
	size_t n = 0, cap = 0, cap_spans = 0;

	if (!e) {
		return NULL;
	}
	do {
		struct policy_span span = p->lx.tok.span;
		struct str name;

		if (quoted ? !parse_string(p, &name)
			   : !attr_name(p, &name, "an attribute name or a string")) {
			return NULL;
		}
		if (n == POLICY_DEPTH_MAX) {
			too_deep(p, span);
			return NULL;
		}
		if (!ARENA_GROW(p->a, &e->names, n, &cap) ||
		    !ARENA_GROW(p->a, &e->name_spans, n, &cap_spans)) {
			out_of_memory(p);
			return NULL;
		}
		e->name_spans[n] = span;
		e->names[n++] = name;
	} while (!quoted && policy_lex_accept(&p->lx, POLICY_TOK_DOT));
	e->n_names = (uint32_t)n;
	e->quoted = quoted;
	e->span = policy_span_join(e->span, p->lx.last);
	return e;
}

static struct policy_expr *like(struct parser *p, struct policy_expr *left)
{
	struct policy_expr *e = branch(p, POLICY_EXPR_LIKE, left->span, left, NULL, NULL);
	struct policy_token tok = p->lx.tok;

	if (!e) {
		return NULL;
	}
	if (tok.kind != POLICY_TOK_STRING) {
		policy_lex_unexpected(&p->lx, "a pattern in quotes after `like`");
		return NULL;
	}
	if (!policy_unescape_pattern(&p->lx, &tok, p->a, &e->pattern)) {
		return NULL;
	}
	policy_lex_next(&p->lx);
	e->span = policy_span_join(e->span, tok.span);
	return e;
}

static struct policy_expr *is(struct parser *p, struct policy_expr *left)
{
	struct policy_expr *e, *in = NULL;
	struct policy_span span;
	struct str type;

	if (p->lx.tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(&p->lx, "an entity type after `is`");
		return NULL;
	}
	if (!policy_parse_path(&p->lx, p->a, &type, &span)) {
		return NULL;
	}
	if (policy_lex_is(&p->lx, STR("in"))) {
		policy_lex_next(&p->lx);
		in = sum(p);
		if (!in) {
			return NULL;
		}
	}
	e = branch(p, POLICY_EXPR_IS, left->span, left, in, NULL);
	return e && name_node(p, e, type, span) ? e : NULL;
}

static bool relop(const struct parser *p, enum policy_expr_kind *ret)
{
	static const struct {
		enum policy_tok tok;
		enum policy_expr_kind kind;
	} ops[] = {
		{POLICY_TOK_EQ, POLICY_EXPR_EQ}, {POLICY_TOK_NE, POLICY_EXPR_NE},
		{POLICY_TOK_LT, POLICY_EXPR_LT}, {POLICY_TOK_LE, POLICY_EXPR_LE},
		{POLICY_TOK_GT, POLICY_EXPR_GT}, {POLICY_TOK_GE, POLICY_EXPR_GE},
	};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (p->lx.tok.kind == ops[i].tok) {
			*ret = ops[i].kind;
			return true;
		}
	}
	*ret = POLICY_EXPR_IN;
	return policy_lex_is(&p->lx, STR("in"));
}

static bool at_relation(const struct parser *p)
{
	enum policy_expr_kind kind;

	return relop(p, &kind) || policy_lex_is(&p->lx, STR("has")) ||
	       policy_lex_is(&p->lx, STR("like")) || policy_lex_is(&p->lx, STR("is"));
}

static struct policy_expr *relation_tail(struct parser *p, struct policy_expr *left)
{
	enum policy_expr_kind kind;
	struct policy_expr *right;

	if (relop(p, &kind)) {
		policy_lex_next(&p->lx);
		right = sum(p);
		return right ? branch(p, kind, left->span, left, right, NULL) : NULL;
	}
	if (policy_lex_is(&p->lx, STR("has"))) {
		policy_lex_next(&p->lx);
		return has(p, left);
	}
	if (policy_lex_is(&p->lx, STR("like"))) {
		policy_lex_next(&p->lx);
		return like(p, left);
	}
	policy_lex_next(&p->lx);
	return is(p, left);
}

static struct policy_expr *relation(struct parser *p)
{
	struct policy_expr *e = sum(p);

	if (e && at_relation(p)) {
		e = relation_tail(p, e);
	}
	if (e && at_relation(p)) {
		policy_diag_error(p->lx.diags, p->lx.src, p->lx.tok.span,
				  "relations such as ==, <, in, has cannot be chained");
		policy_diag_help(p->lx.diags, "use parentheses, or && between two relations");
		return NULL;
	}
	if (e && p->lx.tok.kind == POLICY_TOK_ASSIGN) {
		policy_diag_error(p->lx.diags, p->lx.src, p->lx.tok.span, "`=` is not an operator");
		policy_diag_help(p->lx.diags, "use `==` to compare");
		return NULL;
	}
	return e;
}

/* A balanced tree over n operands; depth of recursion is log2(n). */
static struct policy_expr *balance(struct parser *p, enum policy_expr_kind kind,
				   struct policy_expr **items, size_t n)
{
	struct policy_expr *left, *right, *e;

	if (n == 1) {
		return items[0];
	}
	left = balance(p, kind, items, n / 2);
	right = balance(p, kind, items + n / 2, n - n / 2);
	if (!left || !right) {
		return NULL;
	}
	e = branch(p, kind, left->span, left, right, NULL);
	if (e) {
		e->span = policy_span_join(left->span, right->span);
	}
	return e;
}

static struct policy_expr *join(struct parser *p, enum policy_expr_kind kind,
				struct policy_expr **items, size_t n)
{
	struct policy_expr *e = items[0];

	if (n > CHAIN_FLAT) {
		return balance(p, kind, items, n);
	}
	for (size_t i = 1; e && i < n; i++) {
		struct policy_expr *left = e;

		e = branch(p, kind, left->span, left, items[i], NULL);
		if (e) {
			e->span = policy_span_join(left->span, items[i]->span);
		}
	}
	return e;
}

/* Operands of || (level 0) or && (level 1). */
static struct policy_expr *chain(struct parser *p, int level)
{
	enum policy_tok tok = level == 0 ? POLICY_TOK_OR : POLICY_TOK_AND;
	struct policy_expr *first = level == 0 ? chain(p, 1) : relation(p);
	struct policy_expr **items = NULL;
	size_t n = 0, cap = 0;

	if (!first || p->lx.tok.kind != tok) {
		return first;
	}
	for (struct policy_expr *e = first; e; e = level == 0 ? chain(p, 1) : relation(p)) {
		if (!ARENA_GROW(p->a, &items, n, &cap)) {
			out_of_memory(p);
			return NULL;
		}
		items[n++] = e;
		if (!policy_lex_accept(&p->lx, tok)) {
			return join(p, level == 0 ? POLICY_EXPR_OR : POLICY_EXPR_AND, items, n);
		}
	}
	return NULL;
}

static bool keyword(struct parser *p, struct str word, const char *what)
{
	if (!policy_lex_is(&p->lx, word)) {
		policy_lex_unexpected(&p->lx, what);
		return false;
	}
	policy_lex_next(&p->lx);
	return true;
}

static struct policy_expr *conditional(struct parser *p)
{
	struct policy_span start = p->lx.tok.span;
	struct policy_expr *a, *b, *c;

	policy_lex_next(&p->lx);
	a = parse_expr(p);
	if (!a || !keyword(p, STR("then"), "`then`")) {
		return NULL;
	}
	b = parse_expr(p);
	if (!b || !keyword(p, STR("else"), "`else`")) {
		return NULL;
	}
	c = parse_expr(p);
	return c ? branch(p, POLICY_EXPR_IF, start, a, b, c) : NULL;
}

struct policy_expr *parse_expr(struct parser *p)
{
	struct policy_expr *e;

	if (p->nesting >= POLICY_DEPTH_MAX) {
		too_deep(p, p->lx.tok.span);
		return NULL;
	}
	p->nesting++;
	e = policy_lex_is(&p->lx, STR("if")) ? conditional(p) : chain(p, 0);
	p->nesting--;
	return e;
}

enum err_code policy_parse_expr(struct arena *a, const struct policy_source *src,
				struct policy_expr **ret, struct policy_diags *diags,
				struct err *err)
{
	struct parser p = {.a = a};
	struct policy_expr *e;

	if (!policy_lex_init(&p.lx, src, diags)) {
		return parse_failed(&p, err);
	}
	e = parse_expr(&p);
	if (e && p.lx.tok.kind != POLICY_TOK_END) {
		policy_lex_unexpected(&p.lx, "the end");
		e = NULL;
	}
	if (!e) {
		return parse_failed(&p, err);
	}
	*ret = e;
	return ERR_OK;
}
