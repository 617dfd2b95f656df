/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, by precedence climbing: if < || < && < relations < + - < * < ! - < members. */
#include "policy/parse_priv.h"
#include "policy/text.h"

#define CHAIN_FLAT 64 /* longer chains of && or || are balanced */
#define SIGNS_MAX  4  /* ! or - in a row */

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
	} else if (!parse_attr_name(p, &name, "an attribute or a method")) {
		return NULL;
	}
	if (!quoted && p->lx.tok.kind == POLICY_TOK_LPAREN) {
		enum policy_fn fn = parse_fn(p, name, span, true);

		return fn == POLICY_FN_NONE ? NULL : parse_call(p, start, fn, e);
	}
	get = parse_branch(p, POLICY_EXPR_GET, start, e, NULL, NULL);
	if (!get || !parse_name_node(p, get, name, span)) {
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
		return members(p, parse_primary(p));
	}
	next = policy_lex_peek(&p->lx);
	if (next.kind == POLICY_TOK_DOT || next.kind == POLICY_TOK_LBRACKET) {
		return members(p, parse_primary(p));
	}
	(*n)--;
	return parse_number(p, last_sign, true);
}

static struct policy_expr *unary(struct parser *p)
{
	enum policy_tok sign = p->lx.tok.kind;
	struct policy_span spans[SIGNS_MAX];
	struct policy_expr *e;
	size_t n = 0;

	if (sign != POLICY_TOK_NOT && sign != POLICY_TOK_MINUS) {
		return members(p, parse_primary(p));
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
		e = parse_branch(p, sign == POLICY_TOK_NOT ? POLICY_EXPR_NOT : POLICY_EXPR_NEG,
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
		e = right ? parse_branch(p, POLICY_EXPR_MUL, e->span, e, right, NULL) : NULL;
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
		e = right ? parse_branch(p, plus ? POLICY_EXPR_ADD : POLICY_EXPR_SUB, e->span, e,
					 right, NULL)
			  : NULL;
	}
	return e;
}

/* `has` was read: "name" or name.name.name */
static struct policy_expr *has(struct parser *p, struct policy_expr *left)
{
	struct policy_expr *e = parse_branch(p, POLICY_EXPR_HAS, left->span, left, NULL, NULL);
	bool quoted = p->lx.tok.kind == POLICY_TOK_STRING;
	size_t n = 0, cap = 0, cap_spans = 0;

	if (!e) {
		return NULL;
	}
	do {
		struct policy_span span = p->lx.tok.span;
		struct str name;

		if (quoted ? !parse_string(p, &name)
			   : !parse_attr_name(p, &name, "an attribute name or a string")) {
			return NULL;
		}
		if (n == POLICY_DEPTH_MAX) {
			parse_too_deep(p, span);
			return NULL;
		}
		if (!ARENA_GROW(p->a, &e->names, n, &cap) ||
		    !ARENA_GROW(p->a, &e->name_spans, n, &cap_spans)) {
			parse_no_memory(p);
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
	struct policy_expr *e = parse_branch(p, POLICY_EXPR_LIKE, left->span, left, NULL, NULL);
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
	e = parse_branch(p, POLICY_EXPR_IS, left->span, left, in, NULL);
	return e && parse_name_node(p, e, type, span) ? e : NULL;
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
		return right ? parse_branch(p, kind, left->span, left, right, NULL) : NULL;
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
	e = parse_branch(p, kind, left->span, left, right, NULL);
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

		e = parse_branch(p, kind, left->span, left, items[i], NULL);
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
			parse_no_memory(p);
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
	return c ? parse_branch(p, POLICY_EXPR_IF, start, a, b, c) : NULL;
}

struct policy_expr *parse_expr(struct parser *p)
{
	struct policy_expr *e;

	if (p->nesting >= POLICY_DEPTH_MAX) {
		parse_too_deep(p, p->lx.tok.span);
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
