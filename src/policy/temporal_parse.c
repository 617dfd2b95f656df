/* SPDX-License-Identifier: Apache-2.0 */
/* Temporal conditions from text. See temporal.h for the tree. */
#include "policy/temporal_parse_priv.h"

static bool comparison_op(const struct dw_parser *d, enum policy_expr_kind *ret)
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
		if (d->p.lx.tok.kind == ops[i].tok) {
			*ret = ops[i].kind;
			return true;
		}
	}
	return false;
}

/* A comparison when an operator follows; a parameter by itself is a condition. */
static struct temporal_expr *comparison(struct dw_parser *d, struct temporal_expr *e)
{
	enum policy_expr_kind op;

	if (!e || e->kind != TEMPORAL_TERM) {
		return e;
	}
	if (!comparison_op(d, &op)) {
		if (e->left.kind == TEMPORAL_TERM_PARAM) {
			e->kind = TEMPORAL_PARAM;
			e->name = e->left.name;
		}
		return e;
	}
	policy_lex_next(&d->p.lx);
	e->kind = TEMPORAL_COMPARE;
	e->op = op;
	if (!temporal_term_parse(d, &e->right)) {
		return NULL;
	}
	if (comparison_op(d, &op)) {
		temporal_fail(d, d->p.lx.tok.span, "comparisons cannot be chained");
		return NULL;
	}
	e->span = policy_span_join(e->span, d->p.lx.last);
	return e;
}

static struct temporal_expr *parenthesised(struct dw_parser *d)
{
	struct policy_span start = d->p.lx.tok.span;
	struct temporal_expr *e;

	policy_lex_next(&d->p.lx);
	e = temporal_conjunction(d);
	if (!e || !policy_lex_expect(&d->p.lx, POLICY_TOK_RPAREN, NULL)) {
		return NULL;
	}
	if (e->kind == TEMPORAL_TERM && e->left.kind != TEMPORAL_AGG) {
		temporal_fail(d, start, "only an aggregate can stand alone in parentheses");
		return NULL;
	}
	return e;
}

/* The right side of formerly, previous and since. */
static struct temporal_expr *atom(struct dw_parser *d)
{
	static const struct str not_atoms[] = {STR_INIT("formerly"), STR_INIT("previous"),
					       STR_INIT("exists")};
	struct temporal_expr *e;

	for (size_t i = 0; i < ARRAY_LEN(not_atoms); i++) {
		if (policy_lex_is(&d->p.lx, not_atoms[i])) {
			temporal_fail(d, d->p.lx.tok.span,
				      "`" STR_FMT "` must stand in parentheses here",
				      STR_ARG(not_atoms[i]));
			return NULL;
		}
	}
	if (d->p.lx.tok.kind == POLICY_TOK_LPAREN) {
		return temporal_condition(d, comparison(d, parenthesised(d)));
	}
	if (policy_lex_is(&d->p.lx, STR("tp")) &&
	    policy_lex_peek(&d->p.lx).kind == POLICY_TOK_LPAREN) {
		e = temporal_node(d, TEMPORAL_TP, d->p.lx.tok.span);
		policy_lex_next(&d->p.lx);
		policy_lex_next(&d->p.lx);
		if (!e) {
			return NULL;
		}
		e->left.kind =
			d->p.lx.tok.kind == POLICY_TOK_SLOT ? TEMPORAL_TERM_PARAM : TEMPORAL_VAR;
		e->left.span = d->p.lx.tok.span;
		if (!temporal_var_name(d, &e->left.name) ||
		    !policy_lex_expect(&d->p.lx, POLICY_TOK_RPAREN, "after the variable")) {
			return NULL;
		}
		e->span = policy_span_join(e->span, d->p.lx.last);
		return e;
	}
	return temporal_condition(d, comparison(d, temporal_operand(d)));
}

static struct temporal_expr *past(struct dw_parser *d, enum temporal_kind kind)
{
	struct temporal_expr *e = temporal_node(d, kind, d->p.lx.tok.span), *body;

	policy_lex_next(&d->p.lx);
	if (!e || !temporal_within(d, e)) {
		return NULL;
	}
	body = atom(d);
	return body && temporal_parse_adopt(d, e, body, NULL) ? e : NULL;
}

static struct temporal_expr *exists(struct dw_parser *d)
{
	struct temporal_expr *e = temporal_node(d, TEMPORAL_EXISTS, d->p.lx.tok.span), *body;

	policy_lex_next(&d->p.lx);
	if (!e || !temporal_binder_parse(d, &e->binder) ||
	    !policy_lex_expect(&d->p.lx, POLICY_TOK_DOT, "after the variable")) {
		return NULL;
	}
	body = temporal_condition(d, temporal_conjunction(d));
	return body && temporal_parse_adopt(d, e, body, NULL) ? e : NULL;
}

static struct temporal_expr *prim(struct dw_parser *d)
{
	if (policy_lex_is(&d->p.lx, STR("formerly"))) {
		return past(d, TEMPORAL_FORMERLY);
	}
	if (policy_lex_is(&d->p.lx, STR("previous"))) {
		return past(d, TEMPORAL_PREVIOUS);
	}
	if (policy_lex_is(&d->p.lx, STR("exists"))) {
		return exists(d);
	}
	if (d->p.lx.tok.kind == POLICY_TOK_LPAREN) {
		return comparison(d, parenthesised(d));
	}
	if (policy_lex_is(&d->p.lx, STR("tp")) &&
	    policy_lex_peek(&d->p.lx).kind == POLICY_TOK_LPAREN) {
		return atom(d);
	}
	return comparison(d, temporal_operand(d));
}

/* Negations: an even number cancels out in meaning, but the rules look at each. */
static struct temporal_expr *negation(struct dw_parser *d)
{
	struct policy_span spans[TEMPORAL_DEPTH_MAX];
	struct temporal_expr *e, *not ;
	size_t n = 0;

	for (; d->p.lx.tok.kind == POLICY_TOK_NOT; n++) {
		if (n == TEMPORAL_DEPTH_MAX) {
			temporal_limit(d, d->p.lx.tok.span, "`!` in a row", TEMPORAL_DEPTH_MAX);
			return NULL;
		}
		spans[n] = d->p.lx.tok.span;
		policy_lex_next(&d->p.lx);
	}
	e = prim(d);
	if (n > 0) {
		e = temporal_condition(d, e);
	}
	for (; e && n > 0; n--) {
		not = temporal_node(d, TEMPORAL_NOT, spans[n - 1]);
		e = not &&temporal_parse_adopt(d, not, e, NULL) ? not : NULL;
	}
	return e;
}

static struct temporal_expr *since(struct dw_parser *d)
{
	struct temporal_expr *left = negation(d), *right, *e;

	if (!left || !policy_lex_is(&d->p.lx, STR("since"))) {
		return left;
	}
	left = temporal_condition(d, left);
	e = left ? temporal_node(d, TEMPORAL_SINCE, left->span) : NULL;
	policy_lex_next(&d->p.lx);
	if (!e || !temporal_within(d, e)) {
		return NULL;
	}
	right = atom(d);
	if (!right || !temporal_parse_adopt(d, e, left, right)) {
		return NULL;
	}
	if (policy_lex_is(&d->p.lx, STR("since"))) {
		temporal_fail(d, d->p.lx.tok.span, "`since` cannot be chained; use parentheses");
		return NULL;
	}
	return e;
}

static struct temporal_expr *join(struct dw_parser *d, struct temporal_expr *first)
{
	struct temporal_expr *e = temporal_node(d, TEMPORAL_AND, first->span), **items = NULL;
	struct temporal_expr *next = first;
	size_t n = 0, cap = 0;

	while (e) {
		if (!temporal_condition(d, next)) {
			return NULL;
		}
		if (!ARENA_GROW(d->p.a, &items, n, &cap)) {
			temporal_no_memory(d);
			return NULL;
		}
		items[n++] = next;
		if (!policy_lex_accept(&d->p.lx, POLICY_TOK_AND)) {
			break;
		}
		next = since(d);
		if (!next) {
			return NULL;
		}
	}
	if (e && !temporal_adopt(e, items, n)) {
		d->p.limit = true;
		temporal_fail(d, e->span, "temporal condition nested deeper than %d",
			      TEMPORAL_DEPTH_MAX);
		return NULL;
	}
	if (e) {
		e->span = policy_span_join(e->span, d->p.lx.last);
	}
	return e;
}

struct temporal_expr *temporal_conjunction(struct dw_parser *d)
{
	struct temporal_expr *e;

	if (d->depth >= TEMPORAL_DEPTH_MAX) {
		d->p.limit = true;
		temporal_fail(d, d->p.lx.tok.span, "temporal condition nested deeper than %d",
			      TEMPORAL_DEPTH_MAX);
		return NULL;
	}
	d->depth++;
	e = since(d);
	if (e && d->p.lx.tok.kind == POLICY_TOK_AND) {
		e = join(d, e);
	}
	d->depth--;
	if (e && d->p.lx.tok.kind == POLICY_TOK_OR) {
		temporal_fail(d, d->p.lx.tok.span, "`||` cannot stand in a temporal condition");
		policy_diag_help(d->p.lx.diags,
				 "use two policies, or || between two `temporal { }` blocks");
		return NULL;
	}
	return e;
}

struct temporal_expr *temporal_parse(struct dw_parser *d, bool term_ok)
{
	struct temporal_expr *e = temporal_conjunction(d);

	return term_ok ? e : temporal_condition(d, e);
}
