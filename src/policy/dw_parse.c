/* SPDX-License-Identifier: Apache-2.0 */
/* Policy files: macros, scopes in any order, clauses, and the leaves in expressions. */
#include "policy/dw_parse.h"

#include <stdio.h>

static const char standard_text[] =
	"def temporal count_within(?w, ?s) {\n"
	"  count for ($t: Timepoint). where (formerly within ?w (?s && tp($t)))\n};\n"
	"def temporal sum_within(?a, ?w, ?body) {\n"
	"  sum ?a for (?a: Long), ($t: Timepoint). where (formerly within ?w (?body && "
	"tp($t)))\n};\n"
	"def temporal count_distinct_within(?k, ?w, ?s) {\n"
	"  count for (?k: String). where (formerly within ?w ?s)\n};\n"
	"def temporal bind(?n, ?A, ?B) { exists (?n: Long). (?A == ?n && ?B) };\n";
static const struct policy_source standard = {STR_INIT("<macros>"), STR_INIT(standard_text)};

/* What the hooks need. */
struct file {
	struct dw_parser d;
	struct arena scratch; /* of one temporal block */
	struct dw_parsed *out;
	const struct dw_providers *providers;
	uint32_t n_leaves, n_calls; /* of this policy */
};

static struct file *file_of(struct dw_parser *d)
{
	return d->arg;
}

/* context.attr */
static struct policy_expr *attribute(struct dw_parser *d, struct str attr, struct policy_span span)
{
	struct policy_expr *var = parse_node(&d->p, POLICY_EXPR_VAR, span);
	struct policy_expr *get = parse_node(&d->p, POLICY_EXPR_GET, span);
	struct policy_expr **arg = ARENA_ARRAY(d->p.a, 1, struct policy_expr *);
	struct str *names = ARENA_NEW(d->p.a, struct str);

	if (!var || !get || !arg || !names || !attr.p) {
		temporal_no_memory(d);
		return NULL;
	}
	var->var = POLICY_VAR_CONTEXT;
	arg[0] = var;
	names[0] = attr;
	get->names = names;
	get->n_names = 1;
	return parse_adopt(&d->p, get, arg, 1) ? get : NULL;
}

/* Macros leave much behind while a condition is made, so only the result comes to stay. */
static struct temporal_expr *block_body(struct dw_parser *d)
{
	struct arena *stays = d->p.a;
	struct temporal_expr *e;

	d->nodes = 0;
	d->depth = 0;
	d->p.a = &file_of(d)->scratch;
	e = temporal_parse(d, false);
	d->p.a = stays;
	if (e) {
		e = temporal_copy(stays, e);
		if (!e) {
			temporal_no_memory(d);
		}
	}
	arena_reset(&file_of(d)->scratch);
	return e;
}

/* `temporal {` is at the current token. */
static struct policy_expr *temporal_block(struct dw_parser *d)
{
	struct policy_span start = d->p.lx.tok.span;
	struct file *f = file_of(d);
	struct temporal_leaf leaf = {.source = d->p.lx.src};

	if (d->in_macro) {
		temporal_fail(d, start, "a Cedar macro cannot hold a temporal block");
		return NULL;
	}
	policy_lex_next(&d->p.lx);
	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_LBRACE, "after `temporal`")) {
		return NULL;
	}
	if (f->n_leaves == DW_LEAVES_POLICY_MAX || f->out->n_leaves == DW_LEAVES_MAX) {
		d->p.limit = true;
		temporal_fail(d, start, "more than %u temporal blocks in a policy, or %u in all",
			      DW_LEAVES_POLICY_MAX, DW_LEAVES_MAX);
		return NULL;
	}
	leaf.expr = block_body(d);
	if (!leaf.expr ||
	    !policy_lex_expect(&d->p.lx, POLICY_TOK_RBRACE, "after the temporal condition")) {
		return NULL;
	}
	leaf.span = policy_span_join(start, d->p.lx.last);
	leaf.policy = (uint32_t)f->out->policies.n;
	leaf.attr = arena_printf(d->p.a, "policy_%u__temporal_%u", leaf.policy, f->n_leaves++);
	if (!ARENA_GROW(d->p.a, &f->out->leaves, f->out->n_leaves, &f->out->cap_leaves)) {
		temporal_no_memory(d);
		return NULL;
	}
	f->out->leaves[f->out->n_leaves++] = leaf;
	return attribute(d, leaf.attr, leaf.span);
}

static struct policy_expr *provider_call(struct dw_parser *d)
{
	struct policy_span start = d->p.lx.tok.span;
	struct file *f = file_of(d);
	struct arena *stays = d->p.a;
	struct dw_call call;
	bool good;

	if (d->in_macro) {
		temporal_fail(d, start, "a Cedar macro cannot call a provider");
		return NULL;
	}
	d->p.a = f->out->calls_in;
	good = dw_call_parse(d, f->providers, &call);
	d->p.a = stays;
	if (!good) {
		return NULL;
	}
	if (f->n_calls == DW_LEAVES_POLICY_MAX || f->out->n_calls == DW_LEAVES_MAX) {
		d->p.limit = true;
		temporal_fail(d, start, "more than %u provider calls in a policy, or %u in all",
			      DW_LEAVES_POLICY_MAX, DW_LEAVES_MAX);
		return NULL;
	}
	call.source = d->p.lx.src;
	call.policy = (uint32_t)f->out->policies.n;
	call.attr =
		arena_printf(f->out->calls_in, "policy_%u__provider_%u", call.policy, f->n_calls++);
	if (!ARENA_GROW(d->p.a, &f->out->calls, f->out->n_calls, &f->out->cap_calls)) {
		temporal_no_memory(d);
		return NULL;
	}
	f->out->calls[f->out->n_calls++] = call;
	return attribute(d, call.attr, call.span);
}

static struct policy_expr *macro_call(struct dw_parser *d, const struct dw_macro *m)
{
	struct policy_span start = d->p.lx.tok.span;
	struct policy_expr **args;
	size_t n;

	if (d->in_macro) {
		temporal_fail(d, start, "a macro cannot call another one");
		return NULL;
	}
	if (m->temporal) {
		temporal_fail(d, start,
			      "`" STR_FMT "` is a temporal macro; it stands in "
			      "`temporal { }`",
			      STR_ARG(m->name));
		return NULL;
	}
	policy_lex_next(&d->p.lx);
	policy_lex_next(&d->p.lx);
	if (!parse_list(&d->p, POLICY_TOK_RPAREN, &args, &n)) {
		return NULL;
	}
	return dw_macro_expand_cedar(d, m, args, n, policy_span_join(start, d->p.lx.last));
}

/* ?x in the body of a Cedar macro. */
static struct policy_expr *parameter(struct dw_parser *d)
{
	struct policy_token tok = d->p.lx.tok;
	struct policy_expr *e = parse_node(&d->p, POLICY_EXPR_LIT, tok.span);

	for (size_t i = 0; e && i < d->in_macro->n_params; i++) {
		if (str_eq(d->in_macro->params[i], tok.text)) {
			e->lit.i = (int64_t)i;
			policy_lex_next(&d->p.lx);
			return e;
		}
	}
	temporal_fail(d, tok.span, "`" STR_FMT "` is not a parameter of this macro",
		      STR_ARG(tok.text));
	return NULL;
}

/* The parser of expressions asks here first. */
static struct policy_expr *extra(struct parser *p, bool *taken)
{
	struct dw_parser *d = (struct dw_parser *)p;
	struct policy_lex ahead = p->lx;
	const struct dw_macro *m;
	size_t parts = 1;

	if (p->lx.tok.kind == POLICY_TOK_SLOT && d->in_macro) {
		*taken = true;
		return parameter(d);
	}
	if (p->lx.tok.kind != POLICY_TOK_IDENT) {
		return NULL;
	}
	ahead.diags = NULL;
	policy_lex_next(&ahead);
	if (policy_lex_is(&p->lx, STR("temporal")) && ahead.tok.kind == POLICY_TOK_LBRACE) {
		*taken = true;
		return temporal_block(d);
	}
	for (; ahead.tok.kind == POLICY_TOK_PATH; parts++) {
		policy_lex_next(&ahead);
		if (ahead.tok.kind != POLICY_TOK_IDENT) {
			return NULL;
		}
		policy_lex_next(&ahead);
	}
	if (ahead.tok.kind != POLICY_TOK_LPAREN) {
		return NULL;
	}
	if (parts > 1) {
		*taken = true;
		return provider_call(d);
	}
	m = dw_macro_find(d, p->lx.tok.text);
	if (!m) {
		return NULL;
	}
	*taken = true;
	return macro_call(d, m);
}

/* ---- policies ---- */

static bool scope(struct dw_parser *d, struct policy *pol)
{
	bool seen[POLICY_VAR_CONTEXT] = {false};

	pol->principal.span = pol->action.span = pol->resource.span = d->p.lx.tok.span;
	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_LPAREN, "before the scope")) {
		return false;
	}
	while (d->p.lx.tok.kind != POLICY_TOK_RPAREN) {
		struct policy_span span = d->p.lx.tok.span;
		enum policy_var var;

		if (!parse_scope_part(&d->p, pol, &var)) {
			return false;
		}
		if (seen[var]) {
			return temporal_fail(d, span, "`" STR_FMT "` stands twice in the scope",
					     STR_ARG(policy_var_name(var)));
		}
		seen[var] = true;
		if (!policy_lex_accept(&d->p.lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	if (pol->principal.slot || pol->resource.slot) {
		return temporal_fail(d, d->p.lx.last, "temporal policies have no templates");
	}
	return policy_lex_expect(&d->p.lx, POLICY_TOK_RPAREN, "after the scope");
}

static bool clause(struct dw_parser *d, struct policy *pol, size_t *cap)
{
	static const struct str words[] = {STR_INIT("when"), STR_INIT("unless")};
	struct policy_cond cond = {.span = d->p.lx.tok.span};

	cond.unless = policy_lex_is(&d->p.lx, words[1]);
	if (!cond.unless && !policy_lex_is(&d->p.lx, words[0])) {
		policy_lex_unexpected(&d->p.lx, "`when`, `unless` or `;`");
		policy_diag_suggest(d->p.lx.diags, d->p.lx.tok.text, words, 2);
		return false;
	}
	policy_lex_next(&d->p.lx);
	if (policy_lex_is(&d->p.lx, STR("temporal"))) {
		cond.body = temporal_block(d);
		if (!cond.body) {
			return false;
		}
	} else {
		if (policy_lex_is(&d->p.lx, STR("guardrails"))) {
			policy_lex_next(&d->p.lx);
		}
		if (!policy_lex_expect(&d->p.lx, POLICY_TOK_LBRACE, NULL)) {
			return false;
		}
		if (d->p.lx.tok.kind == POLICY_TOK_RBRACE) {
			return temporal_fail(d, d->p.lx.tok.span, "a condition cannot be empty");
		}
		cond.body = parse_expr(&d->p);
		if (!cond.body ||
		    !policy_lex_expect(&d->p.lx, POLICY_TOK_RBRACE, "after the condition")) {
			return false;
		}
	}
	cond.span = policy_span_join(cond.span, d->p.lx.last);
	if (!ARENA_GROW(d->p.a, &pol->conds, pol->n_conds, cap)) {
		return temporal_no_memory(d);
	}
	pol->conds[pol->n_conds++] = cond;
	return true;
}

static bool one_policy(struct file *f, struct policy *pol)
{
	struct dw_parser *d = &f->d;
	struct policy_span start = d->p.lx.tok.span;
	size_t cap_annotations = 0, cap_conds = 0;

	f->n_leaves = f->n_calls = 0;
	while (d->p.lx.tok.kind == POLICY_TOK_AT) {
		if (!parse_annotation(&d->p, pol, &cap_annotations)) {
			return false;
		}
	}
	if (!parse_effect(&d->p, pol) || !scope(d, pol)) {
		return false;
	}
	while (d->p.lx.tok.kind == POLICY_TOK_IDENT) {
		if (!clause(d, pol, &cap_conds)) {
			return false;
		}
	}
	if (!policy_lex_expect(&d->p.lx, POLICY_TOK_SEMICOLON, "after the policy")) {
		return false;
	}
	pol->span = policy_span_join(start, d->p.lx.last);
	if (pol->span.n > POLICY_TEXT_MAX) {
		d->p.limit = true;
		return temporal_fail(d, pol->effect_span, "policy longer than %u bytes",
				     POLICY_TEXT_MAX);
	}
	pol->id = arena_printf(d->p.a, "policy_%zu", f->out->policies.n);
	return pol->id.p || temporal_no_memory(d);
}

static bool add_policy(struct file *f)
{
	struct policy_list *list = &f->out->policies;
	struct policy *pol = ARENA_NEW(f->d.p.a, struct policy);

	if (!pol || !ARENA_GROW(f->d.p.a, &list->items, list->n, &list->cap)) {
		return temporal_no_memory(&f->d);
	}
	if (list->n == POLICY_COUNT_MAX) {
		f->d.p.limit = true;
		return temporal_fail(&f->d, f->d.p.lx.tok.span, "more than %u policies",
				     POLICY_COUNT_MAX);
	}
	pol->source = f->d.p.lx.src;
	if (!one_policy(f, pol)) {
		return false;
	}
	list->items[list->n++] = pol;
	return true;
}

/* To behind the next semicolon outside braces. */
static void skip_item(struct policy_lex *lx)
{
	int depth = 0;

	while (lx->tok.kind != POLICY_TOK_END && lx->tok.kind != POLICY_TOK_BAD) {
		enum policy_tok kind = lx->tok.kind;

		policy_lex_next(lx);
		depth += kind == POLICY_TOK_LBRACE ? 1 : kind == POLICY_TOK_RBRACE ? -1 : 0;
		if (kind == POLICY_TOK_SEMICOLON && depth <= 0) {
			return;
		}
	}
}

/* Macros first, wherever they stand, and then the policies. */
static bool pass(struct file *f, bool macros)
{
	while (f->d.p.lx.tok.kind != POLICY_TOK_END) {
		bool def = policy_lex_is(&f->d.p.lx, STR("def"));

		if (f->d.p.lx.tok.kind == POLICY_TOK_BAD) {
			return false;
		}
		if (def != macros) {
			skip_item(&f->d.p.lx);
		} else if (def ? !dw_macro_parse(&f->d) : !add_policy(f)) {
			return false;
		}
	}
	return true;
}

static enum err_code parse_both(struct file *f, const struct policy_source *src,
				struct policy_diags *diags, struct err *err)
{
	bool only_macros = f->out == NULL;

	f->d.arg = f;
	f->d.p.extra = extra;
	if (!policy_lex_init(&f->d.p.lx, src, diags) || !pass(f, true)) {
		return parse_failed(&f->d.p, err);
	}
	if (!policy_lex_init(&f->d.p.lx, src, diags)) {
		return parse_failed(&f->d.p, err);
	}
	if (!only_macros) {
		return pass(f, false) ? ERR_OK : parse_failed(&f->d.p, err);
	}
	while (policy_lex_is(&f->d.p.lx, STR("def"))) {
		skip_item(&f->d.p.lx);
	}
	if (f->d.p.lx.tok.kind != POLICY_TOK_END) {
		policy_lex_unexpected(&f->d.p.lx, "nothing but macros in this file");
		return parse_failed(&f->d.p, err);
	}
	return ERR_OK;
}

static enum err_code parse_file(struct file *f, const struct policy_source *src,
				struct policy_diags *diags, struct err *err)
{
	enum err_code code;

	arena_init(&f->scratch, f->d.p.a->limit);
	code = parse_both(f, src, diags, err);
	arena_done(&f->scratch);
	return code;
}

enum err_code dw_parse_macros(struct arena *a, const struct policy_source *src,
			      struct dw_macros *ret, struct policy_diags *diags, struct err *err)
{
	struct dw_macros macros = {0};
	struct file f = {.d = {.p = {.a = a}, .macros = &macros}};

	TRY(parse_file(&f, src ? src : &standard, diags, err));
	*ret = macros;
	return ERR_OK;
}

enum err_code dw_parse(struct arena *a, const struct policy_source *src,
		       const struct dw_macros *standard_macros,
		       const struct dw_providers *providers, struct dw_parsed *out,
		       struct policy_diags *diags, struct err *err)
{
	struct dw_macros macros = {0};
	struct dw_parsed grown = *out;
	struct file f = {.out = &grown, .providers = providers};

	f.d = (struct dw_parser){.p.a = a, .macros = &macros, .standard_macros = standard_macros};
	TRY(parse_file(&f, src, diags, err));
	*out = grown;
	return ERR_OK;
}
