/* SPDX-License-Identifier: Apache-2.0 */
/* What conditions are made of: windows, variables, terms, aggregates, events, calls of macros. */
#include "policy/temporal_parse_priv.h"

#include <stdio.h>

static bool keyword(struct dw_parser *d, struct str word)
{
	if (!policy_lex_is(&d->p.lx, word)) {
		char what[40];

		(void)snprintf(what, sizeof(what), "`" STR_FMT "`", STR_ARG(word));
		policy_lex_unexpected(&d->p.lx, what);
		return false;
	}
	policy_lex_next(&d->p.lx);
	return true;
}

static bool known_param(struct dw_parser *d, const struct policy_token *tok)
{
	for (size_t i = 0; i < d->in_macro->n_params; i++) {
		if (str_eq(d->in_macro->params[i], tok->text)) {
			return true;
		}
	}
	return temporal_fail(d, tok->span, "`" STR_FMT "` is not a parameter of `" STR_FMT "`",
			     STR_ARG(tok->text), STR_ARG(d->in_macro->name));
}

/* A variable's name where one is bound or used: x, $x or, in a macro, ?x. */
bool temporal_var_name(struct dw_parser *d, struct str *ret)
{
	const struct policy_token *tok = &d->p.lx.tok;

	if ((tok->kind == POLICY_TOK_SLOT || tok->kind == POLICY_TOK_FRESH) && !d->in_macro) {
		return temporal_fail(d, tok->span, "`" STR_FMT "` can only stand in a macro",
				     STR_ARG(tok->text));
	}
	if (tok->kind != POLICY_TOK_IDENT && tok->kind != POLICY_TOK_SLOT &&
	    tok->kind != POLICY_TOK_FRESH) {
		policy_lex_unexpected(&d->p.lx, "a variable");
		return false;
	}
	if (tok->kind == POLICY_TOK_SLOT && !known_param(d, tok)) {
		return false;
	}
	*ret = tok->text;
	policy_lex_next(&d->p.lx);
	return true;
}

/* NUMBER and its unit, one word in the text. */
static bool interval(struct dw_parser *d, int64_t *ret)
{
	static const struct {
		struct str unit;
		int64_t ms;
	} units[] = {{STR_INIT("s"), 1000},
		     {STR_INIT("m"), 60000},
		     {STR_INIT("h"), 3600000},
		     {STR_INIT("d"), 86400000}};
	struct policy_token tok = d->p.lx.tok;
	int64_t n;

	if (tok.kind != POLICY_TOK_NUMBER) {
		policy_lex_unexpected(&d->p.lx, "a time such as 1h");
		return false;
	}
	policy_lex_next(&d->p.lx);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (policy_lex_is(&d->p.lx, units[i].unit)) {
			policy_lex_next(&d->p.lx);
			if (!str_to_i64(tok.text, &n) ||
			    __builtin_mul_overflow(n, units[i].ms, ret)) {
				return temporal_fail(d, tok.span, "this time is too long");
			}
			if (n == 0) {
				return temporal_fail(d, tok.span, "a window cannot be empty");
			}
			return true;
		}
	}
	policy_lex_unexpected(&d->p.lx, "a unit of time: s, m, h or d");
	return false;
}

/* `within 1h`, or `within ?w` in a macro. */
bool temporal_within(struct dw_parser *d, struct temporal_expr *e)
{
	if (!keyword(d, STR("within"))) {
		return false;
	}
	if (d->p.lx.tok.kind == POLICY_TOK_SLOT) {
		return temporal_var_name(d, &e->name);
	}
	return interval(d, &e->window_ms);
}

bool temporal_binder_parse(struct dw_parser *d, struct temporal_binder *b)
{
	static const struct str taken[] = {STR_INIT("principal"), STR_INIT("action"),
					   STR_INIT("resource"), STR_INIT("context"),
					   STR_INIT("_")};
	struct policy_span span;

	b->span = d->p.lx.tok.span;
	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_LPAREN, "before a variable") ||
	    !temporal_var_name(d, &b->name)) {
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		if (str_eq(b->name, taken[i])) {
			return temporal_fail(d, d->p.lx.last, "`" STR_FMT "` cannot be bound",
					     STR_ARG(b->name));
		}
	}
	return policy_lex_expect(&d->p.lx, POLICY_TOK_COLON, "after a variable") &&
	       policy_parse_path(&d->p.lx, d->p.a, &b->type_name, &span) &&
	       policy_lex_expect(&d->p.lx, POLICY_TOK_RPAREN, "after the type of a variable");
}

/* `sum x for (x: T), ... . where C` and `count for ...`; the word has been read. */
static bool aggregate(struct dw_parser *d, bool sum, struct policy_span start,
		      struct temporal_term *ret)
{
	struct temporal_agg *agg = ARENA_NEW(d->p.a, struct temporal_agg);
	size_t cap = 0;

	if (!agg) {
		return temporal_no_memory(d);
	}
	agg->sum = sum;
	if ((sum && !temporal_var_name(d, &agg->summand)) || !keyword(d, STR("for"))) {
		return false;
	}
	do {
		if (!ARENA_GROW(d->p.a, &agg->binders, agg->n_binders, &cap)) {
			return temporal_no_memory(d);
		}
		if (agg->n_binders == TEMPORAL_SLOTS_MAX) {
			return temporal_limit(d, start, "variables", TEMPORAL_SLOTS_MAX);
		}
		agg->binders[agg->n_binders] = (struct temporal_binder){0};
		if (!temporal_binder_parse(d, &agg->binders[agg->n_binders++])) {
			return false;
		}
	} while (policy_lex_accept(&d->p.lx, POLICY_TOK_COMMA));
	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_DOT, "after the variables") ||
	    !keyword(d, STR("where"))) {
		return false;
	}
	agg->body = temporal_condition(d, temporal_conjunction(d));
	ret->kind = TEMPORAL_AGG;
	ret->agg = agg;
	ret->span = policy_span_join(start, d->p.lx.last);
	return agg->body != NULL;
}

/* .name.name behind context, principal or resource. */
static bool path(struct dw_parser *d, enum policy_var base, struct temporal_term *ret)
{
	struct policy_span start = d->p.lx.tok.span;
	size_t n = 0, cap = 0;

	ret->kind = TEMPORAL_PATH;
	ret->base = base;
	policy_lex_next(&d->p.lx);
	while (policy_lex_accept(&d->p.lx, POLICY_TOK_DOT)) {
		if (d->p.lx.tok.kind != POLICY_TOK_IDENT) {
			policy_lex_unexpected(&d->p.lx, "an attribute");
			return false;
		}
		if (n == TEMPORAL_FIELDS_MAX) {
			return temporal_limit(d, start, "attributes in a path",
					      TEMPORAL_FIELDS_MAX);
		}
		if (!ARENA_GROW(d->p.a, &ret->names, n, &cap)) {
			return temporal_no_memory(d);
		}
		ret->names[n++] = d->p.lx.tok.text;
		policy_lex_next(&d->p.lx);
	}
	ret->n_names = (uint32_t)n;
	ret->span = policy_span_join(start, d->p.lx.last);
	if (base == POLICY_VAR_CONTEXT && n == 0) {
		return temporal_fail(d, start, "which attribute of `context`?");
	}
	return true;
}

static bool number(struct dw_parser *d, struct temporal_term *ret)
{
	struct policy_span start = d->p.lx.tok.span;
	bool minus = policy_lex_accept(&d->p.lx, POLICY_TOK_MINUS);
	struct policy_token tok = d->p.lx.tok;
	int64_t v = 0;

	if (tok.kind != POLICY_TOK_NUMBER) {
		policy_lex_unexpected(&d->p.lx, "a number");
		return false;
	}
	for (size_t i = 0; i < tok.text.n; i++) {
		if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
		    __builtin_sub_overflow(v, (int64_t)(tok.text.p[i] - '0'), &v)) {
			return temporal_fail(d, tok.span, "number does not fit in 64 bits");
		}
	}
	if (!minus && __builtin_sub_overflow((int64_t)0, v, &v)) {
		return temporal_fail(d, tok.span, "number does not fit in 64 bits");
	}
	policy_lex_next(&d->p.lx);
	ret->value = policy_long(v);
	ret->span = policy_span_join(start, tok.span);
	return true;
}

static bool decimal(struct dw_parser *d, struct temporal_term *ret)
{
	struct policy_span start = d->p.lx.last;
	struct str text;
	int64_t v;

	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_LPAREN, NULL) || !parse_string(&d->p, &text)) {
		return false;
	}
	if (!policy_decimal_parse(text, &v)) {
		return temporal_fail(d, d->p.lx.last, "not a decimal");
	}
	ret->value = policy_scalar(POLICY_DECIMAL, v);
	ret->span = policy_span_join(start, d->p.lx.tok.span);
	return policy_lex_expect(&d->p.lx, POLICY_TOK_RPAREN, "after a decimal");
}

static bool set(struct dw_parser *d, struct temporal_term *ret)
{
	struct policy_span start = d->p.lx.tok.span;
	size_t n = 0, cap = 0;

	if (d->depth >= TEMPORAL_DEPTH_MAX) {
		d->p.limit = true;
		return temporal_fail(d, start, "sets nested deeper than %d", TEMPORAL_DEPTH_MAX);
	}
	d->depth++;
	policy_lex_next(&d->p.lx);
	ret->kind = TEMPORAL_SET;
	while (d->p.lx.tok.kind != POLICY_TOK_RBRACKET) {
		if (n == TEMPORAL_FIELDS_MAX) {
			return temporal_limit(d, start, "elements of a set", TEMPORAL_FIELDS_MAX);
		}
		if (!ARENA_GROW(d->p.a, &ret->items, n, &cap)) {
			return temporal_no_memory(d);
		}
		ret->items[n] = (struct temporal_term){0};
		if (!temporal_term_parse(d, &ret->items[n++])) {
			return false;
		}
		if (!policy_lex_accept(&d->p.lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	d->depth--;
	ret->n_names = (uint32_t)n;
	ret->span = policy_span_join(start, d->p.lx.tok.span);
	return policy_lex_expect(&d->p.lx, POLICY_TOK_RBRACKET, "after a set");
}

/* Adds `{ a.b: term, ... }` at the current token to a predicate or parameter. */
static bool block(struct dw_parser *d, struct temporal_expr *e, size_t *cap)
{
	policy_lex_next(&d->p.lx);
	if (policy_lex_accept(&d->p.lx, POLICY_TOK_RBRACE)) {
		return true;
	}
	do {
		struct temporal_field f = {.span = d->p.lx.tok.span};
		size_t n = 0, cap_path = 0;

		do {
			if (d->p.lx.tok.kind != POLICY_TOK_IDENT) {
				policy_lex_unexpected(&d->p.lx, "a field");
				return false;
			}
			if (n == TEMPORAL_FIELDS_MAX) {
				return temporal_limit(d, f.span, "names in a field",
						      TEMPORAL_FIELDS_MAX);
			}
			if (!ARENA_GROW(d->p.a, &f.path, n, &cap_path)) {
				return temporal_no_memory(d);
			}
			f.path[n++] = d->p.lx.tok.text;
			policy_lex_next(&d->p.lx);
		} while (policy_lex_accept(&d->p.lx, POLICY_TOK_DOT));
		f.n_path = (uint32_t)n;
		f.span = policy_span_join(f.span, d->p.lx.last);
		if (e->n_fields == TEMPORAL_FIELDS_MAX) {
			return temporal_limit(d, f.span, "fields of a predicate",
					      TEMPORAL_FIELDS_MAX);
		}
		if (!policy_lex_expect(&d->p.lx, POLICY_TOK_COLON, "after a field") ||
		    !temporal_term_parse(d, &f.term)) {
			return false;
		}
		if (!ARENA_GROW(d->p.a, &e->fields, e->n_fields, cap)) {
			return temporal_no_memory(d);
		}
		e->fields[e->n_fields++] = f;
	} while (policy_lex_accept(&d->p.lx, POLICY_TOK_COMMA));
	return policy_lex_expect(&d->p.lx, POLICY_TOK_RBRACE, "after the fields");
}

static bool blocks(struct dw_parser *d, struct temporal_expr *e)
{
	size_t cap = 0;

	while (d->p.lx.tok.kind == POLICY_TOK_LBRACE) {
		if (!block(d, e, &cap)) {
			return false;
		}
	}
	e->span = policy_span_join(e->span, d->p.lx.last);
	return true;
}

/* Behind Path:: an id: an entity, or with ::kind{...} an event. */
static struct temporal_expr *entity_or_event(struct dw_parser *d, struct str type,
					     struct policy_span start)
{
	struct temporal_expr *e = temporal_node(d, TEMPORAL_TERM, start);
	struct policy_uid *uid = ARENA_NEW(d->p.a, struct policy_uid);

	if (!e || !uid) {
		temporal_no_memory(d);
		return NULL;
	}
	if (!parse_uid_id(&d->p, type, uid)) {
		return NULL;
	}
	e->left.span = e->span = policy_span_join(start, d->p.lx.last);
	if (!policy_lex_accept(&d->p.lx, POLICY_TOK_PATH)) {
		e->left.value = policy_entity(uid);
		return e;
	}
	e->kind = TEMPORAL_EVENT;
	e->action = *uid;
	if (d->p.lx.tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(&d->p.lx, "an event kind such as `request`");
		return NULL;
	}
	e->event_kind = d->p.lx.tok.text;
	policy_lex_next(&d->p.lx);
	if (d->p.lx.tok.kind != POLICY_TOK_LBRACE) {
		policy_lex_unexpected(&d->p.lx, "`{` and the fields of the event");
		return NULL;
	}
	return blocks(d, e) ? e : NULL;
}

/* Arguments of a macro, the parenthesis being the current token. */
static struct temporal_expr *macro_call(struct dw_parser *d, const struct dw_macro *m,
					struct policy_span start)
{
	struct temporal_arg args[DW_PARAMS_MAX];
	size_t n = 0;

	if (d->in_macro) {
		temporal_fail(d, start, "a macro cannot call another one");
		return NULL;
	}
	policy_lex_next(&d->p.lx);
	while (d->p.lx.tok.kind != POLICY_TOK_RPAREN) {
		enum policy_tok next = policy_lex_peek(&d->p.lx).kind;

		if (n == DW_PARAMS_MAX) {
			temporal_limit(d, start, "arguments of a macro", DW_PARAMS_MAX);
			return NULL;
		}
		args[n] = (struct temporal_arg){0};
		args[n].interval =
			d->p.lx.tok.kind == POLICY_TOK_NUMBER && next == POLICY_TOK_IDENT;
		if (args[n].interval) {
			if (!interval(d, &args[n].window_ms)) {
				return NULL;
			}
		} else {
			args[n].expr = temporal_parse(d, true);
			if (!args[n].expr) {
				return NULL;
			}
		}
		n++;
		if (!policy_lex_accept(&d->p.lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_RPAREN, "after the arguments")) {
		return NULL;
	}
	return dw_macro_expand(d, m, args, n, policy_span_join(start, d->p.lx.last));
}

static struct temporal_expr *named_call(struct dw_parser *d, struct str name,
					struct policy_span start)
{
	const struct dw_macro *m = dw_macro_find(d, name);

	if (!m) {
		temporal_fail(d, start, "no macro is called `" STR_FMT "`", STR_ARG(name));
		return NULL;
	}
	if (!m->temporal) {
		temporal_fail(d, start,
			      "`" STR_FMT "` is a Cedar macro; it cannot stand in a "
			      "temporal condition",
			      STR_ARG(name));
		return NULL;
	}
	return macro_call(d, m, start);
}

/* What begins with a name and is no operator: a term, an event or a call. */
static struct temporal_expr *named(struct dw_parser *d)
{
	struct policy_span start = d->p.lx.tok.span, span;
	struct str word = d->p.lx.tok.text;
	struct temporal_expr *e;
	struct str type;

	if (str_eq(word, STR("let"))) {
		temporal_fail(d, start, "`let` is not recognized");
		policy_diag_help(d->p.lx.diags, "to name the result of an aggregate, write `exists "
						"(n: Long). ((count ...) == n && ...)`");
		return NULL;
	}
	if (policy_lex_peek(&d->p.lx).kind == POLICY_TOK_PATH) {
		if (!policy_parse_path(&d->p.lx, d->p.a, &type, &span) ||
		    !policy_lex_expect(&d->p.lx, POLICY_TOK_PATH, "after a type")) {
			return NULL;
		}
		return entity_or_event(d, type, start);
	}
	e = temporal_node(d, TEMPORAL_TERM, start);
	if (!e) {
		return NULL;
	}
	e->left.span = start;
	if (str_eq(word, STR("context")) || str_eq(word, STR("principal")) ||
	    str_eq(word, STR("resource"))) {
		enum policy_var base = word.p[0] == 'c'   ? POLICY_VAR_CONTEXT
				       : word.p[0] == 'p' ? POLICY_VAR_PRINCIPAL
							  : POLICY_VAR_RESOURCE;

		return path(d, base, &e->left) ? e : NULL;
	}
	policy_lex_next(&d->p.lx);
	if (str_eq(word, STR("sum")) || str_eq(word, STR("count"))) {
		return aggregate(d, word.n == 3, start, &e->left) ? e : NULL;
	}
	if (str_eq(word, STR("decimal")) && d->p.lx.tok.kind == POLICY_TOK_LPAREN) {
		return decimal(d, &e->left) ? e : NULL;
	}
	if (d->p.lx.tok.kind == POLICY_TOK_LPAREN) {
		return named_call(d, word, start);
	}
	if (str_eq(word, STR("true")) || str_eq(word, STR("false"))) {
		e->left.value = policy_bool(word.n == 4);
	} else if (str_eq(word, STR("_"))) {
		e->left.kind = TEMPORAL_WILD;
	} else if (policy_is_reserved(word)) {
		temporal_fail(d, start, "`" STR_FMT "` is a reserved word", STR_ARG(word));
		return NULL;
	} else {
		e->left.kind = TEMPORAL_VAR;
		e->left.name = word;
	}
	return e;
}

/* ?x or $x: a term, or (before `{` or anything but a comparison) a condition. */
static struct temporal_expr *parameter(struct dw_parser *d)
{
	bool fresh = d->p.lx.tok.kind == POLICY_TOK_FRESH;
	struct temporal_expr *e = temporal_node(d, TEMPORAL_TERM, d->p.lx.tok.span);

	if (!e || !temporal_var_name(d, &e->left.name)) {
		return NULL;
	}
	e->left.kind = fresh ? TEMPORAL_VAR : TEMPORAL_TERM_PARAM;
	e->left.span = e->span;
	if (!fresh && d->p.lx.tok.kind == POLICY_TOK_LBRACE) {
		e->kind = TEMPORAL_PARAM;
		e->name = e->left.name;
		return blocks(d, e) ? e : NULL;
	}
	return e;
}

/* A term, an event, a call or a parameter. TERM is undecided: the caller looks at what follows. */
struct temporal_expr *temporal_operand(struct dw_parser *d)
{
	struct policy_span start = d->p.lx.tok.span;
	enum policy_tok kind = d->p.lx.tok.kind;
	struct temporal_expr *e;

	if (kind == POLICY_TOK_IDENT) {
		return named(d);
	}
	if (kind == POLICY_TOK_SLOT || kind == POLICY_TOK_FRESH) {
		return parameter(d);
	}
	e = temporal_node(d, TEMPORAL_TERM, start);
	if (!e) {
		return NULL;
	}
	e->left.span = start;
	if (kind == POLICY_TOK_NUMBER || kind == POLICY_TOK_MINUS) {
		return number(d, &e->left) ? e : NULL;
	}
	if (kind == POLICY_TOK_LBRACKET) {
		return set(d, &e->left) ? e : NULL;
	}
	if (kind == POLICY_TOK_STAR) {
		policy_lex_next(&d->p.lx);
		e->left.kind = TEMPORAL_WILD;
		return e;
	}
	if (kind == POLICY_TOK_STRING) {
		struct str s;

		if (!parse_string(&d->p, &s)) {
			return NULL;
		}
		e->left.value = policy_string(s);
		return e;
	}
	policy_lex_unexpected(&d->p.lx, "a temporal condition");
	return NULL;
}

/* The other side of a comparison, a field's value, an element of a set. */
bool temporal_term_parse(struct dw_parser *d, struct temporal_term *ret)
{
	struct policy_span start = d->p.lx.tok.span;
	bool parens = policy_lex_accept(&d->p.lx, POLICY_TOK_LPAREN);
	struct temporal_expr *e = temporal_operand(d);

	if (!e) {
		return false;
	}
	if (e->kind != TEMPORAL_TERM) {
		return temporal_fail(d, start, "expected a term, found a condition");
	}
	*ret = e->left;
	return !parens || policy_lex_expect(&d->p.lx, POLICY_TOK_RPAREN, "after a term");
}
