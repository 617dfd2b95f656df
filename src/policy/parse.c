/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: annotations, effect, scope, conditions. Expressions are in parse_expr.c. */
#include "policy/parse.h"

#include "policy/parse_priv.h"

#include <stdio.h>

enum err_code parse_failed(struct parser *p, struct err *err)
{
	if (p->nomem || p->a->exhausted) {
		return ERR(err, ERR_NOMEM, STR_FMT ": out of memory", STR_ARG(p->lx.src->name));
	}
	if (p->lx.diags) {
		return policy_diags_err(p->lx.diags, p->limit ? ERR_LIMIT : ERR_SYNTAX, err);
	}
	return ERR(err, p->limit ? ERR_LIMIT : ERR_SYNTAX, STR_FMT ": not a policy",
		   STR_ARG(p->lx.src->name));
}

static bool fail(struct parser *p, struct policy_span span, const char *message)
{
	policy_diag_error(p->lx.diags, p->lx.src, span, "%s", message);
	return false;
}

static bool no_memory(struct parser *p)
{
	p->nomem = true;
	return fail(p, p->lx.tok.span, "out of memory");
}

/* One part of a path; reserved words are not allowed. */
static bool path_part(struct policy_lex *lx)
{
	if (lx->tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(lx, "a name");
		return false;
	}
	if (policy_is_reserved(lx->tok.text)) {
		policy_diag_error(lx->diags, lx->src, lx->tok.span,
				  "`" STR_FMT "` is a reserved word", STR_ARG(lx->tok.text));
		return false;
	}
	policy_lex_next(lx);
	return true;
}

/* The source text of a path without white space and comments, in the arena. */
static bool squeeze(struct policy_lex *lx, struct arena *a, struct policy_span span,
		    struct str *ret)
{
	struct policy_lex again = {.src = lx->src, .at = span.at};
	char *out = arena_alloc(a, span.n);
	size_t n = 0;

	if (!out) {
		policy_diag_error(lx->diags, lx->src, span, "out of memory");
		return false;
	}
	for (policy_lex_next(&again);
	     again.tok.span.at < span.at + span.n && again.tok.kind != POLICY_TOK_END;
	     policy_lex_next(&again)) {
		memcpy(out + n, again.tok.text.p, again.tok.text.n);
		n += again.tok.text.n;
	}
	*ret = str_make(out, n);
	return true;
}

bool policy_parse_path(struct policy_lex *lx, struct arena *a, struct str *ret,
		       struct policy_span *span)
{
	struct policy_span start = lx->tok.span;
	size_t letters = lx->tok.text.n;

	if (!path_part(lx)) {
		return false;
	}
	while (lx->tok.kind == POLICY_TOK_PATH && policy_lex_peek(lx).kind == POLICY_TOK_IDENT) {
		policy_lex_next(lx);
		letters += 2 + lx->tok.text.n;
		if (!path_part(lx)) {
			return false;
		}
	}
	*span = policy_span_join(start, lx->last);
	if (letters > POLICY_PATH_MAX) {
		policy_diag_error(lx->diags, lx->src, *span, "name longer than %d bytes",
				  POLICY_PATH_MAX);
		return false;
	}
	if (letters == span->n) {
		*ret = str_make(lx->src->text.p + span->at, span->n);
		return true;
	}
	return squeeze(lx, a, *span, ret);
}

bool parse_annotation(struct parser *p, struct policy *pol, size_t *cap)
{
	struct policy_annotation an = {.value = STR("")};
	struct policy_span start = p->lx.tok.span;

	policy_lex_next(&p->lx);
	if (p->lx.tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(&p->lx, "an annotation key");
		return false;
	}
	an.key = p->lx.tok.text;
	policy_lex_next(&p->lx);
	if (policy_lex_accept(&p->lx, POLICY_TOK_LPAREN)) {
		an.has_value = true;
		if (!parse_string(p, &an.value) ||
		    !policy_lex_expect(&p->lx, POLICY_TOK_RPAREN, NULL)) {
			return false;
		}
	}
	an.span = policy_span_join(start, p->lx.last);
	if (policy_annotation_find(pol, an.key)) {
		policy_diag_error(p->lx.diags, p->lx.src, an.span, "duplicate annotation @" STR_FMT,
				  STR_ARG(an.key));
		return false;
	}
	if (!ARENA_GROW(p->a, &pol->annotations, pol->n_annotations, cap)) {
		return no_memory(p);
	}
	pol->annotations[pol->n_annotations++] = an;
	return true;
}

bool parse_effect(struct parser *p, struct policy *pol)
{
	static const struct str words[] = {STR_INIT("permit"), STR_INIT("forbid")};

	pol->effect_span = p->lx.tok.span;
	if (policy_lex_is(&p->lx, words[0])) {
		pol->effect = POLICY_PERMIT;
	} else if (policy_lex_is(&p->lx, words[1])) {
		pol->effect = POLICY_FORBID;
	} else {
		policy_lex_unexpected(&p->lx, "`permit` or `forbid`");
		if (p->lx.tok.kind == POLICY_TOK_IDENT) {
			policy_diag_suggest(p->lx.diags, p->lx.tok.text, words, 2);
		}
		return false;
	}
	policy_lex_next(&p->lx);
	return true;
}

/* Type::"id" at the current token. */
static bool scope_uid(struct parser *p, struct policy_uid *ret, struct policy_span *span)
{
	struct str type;

	if (p->lx.tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(&p->lx, "an entity such as User::\"alice\"");
		return false;
	}
	if (!policy_parse_path(&p->lx, p->a, &type, span)) {
		return false;
	}
	if (!policy_lex_accept(&p->lx, POLICY_TOK_PATH)) {
		policy_diag_error(p->lx.diags, p->lx.src, *span,
				  "expected an entity such as " STR_FMT "::\"id\", found a name",
				  STR_ARG(type));
		policy_diag_help(p->lx.diags, "to test the type, use `is " STR_FMT "`",
				 STR_ARG(type));
		return false;
	}
	if (!parse_uid_id(p, type, ret)) {
		return false;
	}
	*span = policy_span_join(*span, p->lx.last);
	return true;
}

static bool scope_one(struct parser *p, struct policy_scope *s)
{
	struct policy_uid *uid = ARENA_NEW(p->a, struct policy_uid);

	s->uid_spans = ARENA_NEW(p->a, struct policy_span);
	if (!uid || !s->uid_spans) {
		return no_memory(p);
	}
	if (!scope_uid(p, uid, &s->uid_spans[0])) {
		return false;
	}
	s->uids = uid;
	s->n_uids = 1;
	return true;
}

/* ?principal or ?resource, according to the variable; or an entity. */
static bool slot_or_uid(struct parser *p, struct policy_scope *s, struct str var)
{
	if (p->lx.tok.kind != POLICY_TOK_SLOT) {
		return scope_one(p, s);
	}
	if (!str_eq(str_from(p->lx.tok.text, 1), var)) {
		policy_diag_error(p->lx.diags, p->lx.src, p->lx.tok.span,
				  "the slot here is ?" STR_FMT, STR_ARG(var));
		return false;
	}
	s->slot = true;
	policy_lex_next(&p->lx);
	return true;
}

static bool scope_is(struct parser *p, struct policy_scope *s, struct str var)
{
	s->op = POLICY_SCOPE_IS;
	policy_lex_next(&p->lx);
	if (!policy_parse_path(&p->lx, p->a, &s->type, &s->type_span)) {
		return false;
	}
	if (!policy_lex_is(&p->lx, STR("in"))) {
		return true;
	}
	s->op = POLICY_SCOPE_IS_IN;
	policy_lex_next(&p->lx);
	return slot_or_uid(p, s, var);
}

/* The variable of this place in the scope. */
static bool scope_var(struct parser *p, struct str var)
{
	if (policy_lex_is(&p->lx, var)) {
		policy_lex_next(&p->lx);
		return true;
	}
	if (p->lx.tok.kind == POLICY_TOK_RPAREN) {
		policy_diag_error(p->lx.diags, p->lx.src, p->lx.tok.span,
				  "the scope lacks `" STR_FMT "`", STR_ARG(var));
	} else {
		char what[40];

		(void)snprintf(what, sizeof(what), "`" STR_FMT "`", STR_ARG(var));
		policy_lex_unexpected(&p->lx, what);
	}
	policy_diag_help(p->lx.diags, "a scope is (principal, action, resource), in that order");
	return false;
}

static bool scope(struct parser *p, struct policy_scope *s, struct str var)
{
	struct policy_span start = p->lx.tok.span;
	bool good = true;

	if (!scope_var(p, var)) {
		return false;
	}
	if (policy_lex_accept(&p->lx, POLICY_TOK_EQ)) {
		s->op = POLICY_SCOPE_EQ;
		good = slot_or_uid(p, s, var);
	} else if (policy_lex_is(&p->lx, STR("in"))) {
		s->op = POLICY_SCOPE_IN;
		policy_lex_next(&p->lx);
		if (p->lx.tok.kind == POLICY_TOK_LBRACKET) {
			return fail(p, p->lx.tok.span, "only an action can be `in` a list");
		}
		good = slot_or_uid(p, s, var);
	} else if (policy_lex_is(&p->lx, STR("is"))) {
		good = scope_is(p, s, var);
	}
	if (good && policy_lex_is(&p->lx, STR("is"))) {
		return fail(p, p->lx.tok.span, "`is` must stand before `in`");
	}
	s->span = policy_span_join(start, p->lx.last);
	return good;
}

static bool check_action(struct parser *p, const struct policy_uid *uid, struct policy_span span)
{
	if (str_eq(policy_type_basename(uid->type), STR("Action"))) {
		return true;
	}
	policy_diag_error(p->lx.diags, p->lx.src, span,
			  "an action's type must be `Action`, not `" STR_FMT "`",
			  STR_ARG(uid->type));
	policy_diag_help(p->lx.diags, "such as Action::\"view\" or Ns::Action::\"view\"");
	return false;
}

static bool action_list(struct parser *p, struct policy_scope *s)
{
	struct policy_uid *uids = NULL;
	size_t cap = 0, cap_spans = 0;

	s->list = true;
	policy_lex_next(&p->lx);
	while (p->lx.tok.kind != POLICY_TOK_RBRACKET) {
		if (!ARENA_GROW(p->a, &uids, s->n_uids, &cap) ||
		    !ARENA_GROW(p->a, &s->uid_spans, s->n_uids, &cap_spans)) {
			return no_memory(p);
		}
		if (s->n_uids == POLICY_SET_MAX) {
			p->limit = true;
			return fail(p, p->lx.tok.span, "more than 4096 actions");
		}
		if (!scope_uid(p, &uids[s->n_uids], &s->uid_spans[s->n_uids]) ||
		    !check_action(p, &uids[s->n_uids], s->uid_spans[s->n_uids])) {
			return false;
		}
		s->n_uids++;
		if (!policy_lex_accept(&p->lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	s->uids = uids;
	return policy_lex_expect(&p->lx, POLICY_TOK_RBRACKET, NULL);
}

static bool action_one(struct parser *p, struct policy_scope *s)
{
	if (p->lx.tok.kind == POLICY_TOK_SLOT) {
		return fail(p, p->lx.tok.span, "a slot cannot stand for an action");
	}
	return scope_one(p, s) && check_action(p, &s->uids[0], s->uid_spans[0]);
}

static bool action_scope(struct parser *p, struct policy_scope *s)
{
	struct policy_span start = p->lx.tok.span;
	bool good = true;

	if (!scope_var(p, STR("action"))) {
		return false;
	}
	if (policy_lex_accept(&p->lx, POLICY_TOK_EQ)) {
		s->op = POLICY_SCOPE_EQ;
		if (p->lx.tok.kind == POLICY_TOK_LBRACKET) {
			return fail(p, p->lx.tok.span, "for a list of actions use `in`");
		}
		good = action_one(p, s);
	} else if (policy_lex_is(&p->lx, STR("in"))) {
		s->op = POLICY_SCOPE_IN;
		policy_lex_next(&p->lx);
		good = p->lx.tok.kind == POLICY_TOK_LBRACKET ? action_list(p, s) : action_one(p, s);
	} else if (policy_lex_is(&p->lx, STR("is"))) {
		fail(p, p->lx.tok.span, "`is` cannot be used with the action");
		policy_diag_help(p->lx.diags, "move it into a `when` condition");
		return false;
	}
	s->span = policy_span_join(start, p->lx.last);
	return good;
}

bool parse_scope_part(struct parser *p, struct policy *pol, enum policy_var *ret)
{
	if (policy_lex_is(&p->lx, STR("action"))) {
		*ret = POLICY_VAR_ACTION;
		return action_scope(p, &pol->action);
	}
	if (policy_lex_is(&p->lx, STR("resource"))) {
		*ret = POLICY_VAR_RESOURCE;
		return scope(p, &pol->resource, STR("resource"));
	}
	*ret = POLICY_VAR_PRINCIPAL;
	return scope(p, &pol->principal, STR("principal"));
}

static bool scopes(struct parser *p, struct policy *pol)
{
	if (!policy_lex_expect(&p->lx, POLICY_TOK_LPAREN, "before the scope") ||
	    !scope(p, &pol->principal, STR("principal")) ||
	    (p->lx.tok.kind != POLICY_TOK_RPAREN &&
	     !policy_lex_expect(&p->lx, POLICY_TOK_COMMA, "after the principal")) ||
	    !action_scope(p, &pol->action) ||
	    (p->lx.tok.kind != POLICY_TOK_RPAREN &&
	     !policy_lex_expect(&p->lx, POLICY_TOK_COMMA, "after the action")) ||
	    !scope(p, &pol->resource, STR("resource"))) {
		return false;
	}
	if (policy_lex_accept(&p->lx, POLICY_TOK_COMMA) && p->lx.tok.kind != POLICY_TOK_RPAREN) {
		policy_lex_unexpected(&p->lx, "`)` after the three parts of the scope");
		return false;
	}
	pol->template = pol->principal.slot || pol->resource.slot;
	return policy_lex_expect(&p->lx, POLICY_TOK_RPAREN, "after the scope");
}

static bool condition(struct parser *p, struct policy *pol, size_t *cap)
{
	static const struct str words[] = {STR_INIT("when"), STR_INIT("unless")};
	struct policy_cond cond = {.span = p->lx.tok.span};

	cond.unless = policy_lex_is(&p->lx, words[1]);
	if (!cond.unless && !policy_lex_is(&p->lx, words[0])) {
		policy_lex_unexpected(&p->lx, "`when`, `unless` or `;`");
		policy_diag_suggest(p->lx.diags, p->lx.tok.text, words, 2);
		return false;
	}
	policy_lex_next(&p->lx);
	if (!policy_lex_expect(&p->lx, POLICY_TOK_LBRACE, NULL)) {
		return false;
	}
	if (p->lx.tok.kind == POLICY_TOK_RBRACE) {
		return fail(p, p->lx.tok.span, "a condition cannot be empty");
	}
	cond.body = parse_expr(p);
	if (!cond.body || !policy_lex_expect(&p->lx, POLICY_TOK_RBRACE, "after the condition")) {
		return false;
	}
	cond.span = policy_span_join(cond.span, p->lx.last);
	if (!ARENA_GROW(p->a, &pol->conds, pol->n_conds, cap)) {
		return no_memory(p);
	}
	pol->conds[pol->n_conds++] = cond;
	return true;
}

static bool one_policy(struct parser *p, struct policy *pol)
{
	struct policy_span start = p->lx.tok.span;
	size_t cap_annotations = 0, cap_conds = 0;

	while (p->lx.tok.kind == POLICY_TOK_AT) {
		if (!parse_annotation(p, pol, &cap_annotations)) {
			return false;
		}
	}
	if (!parse_effect(p, pol) || !scopes(p, pol)) {
		return false;
	}
	while (p->lx.tok.kind == POLICY_TOK_IDENT) {
		if (!condition(p, pol, &cap_conds)) {
			return false;
		}
	}
	if (!policy_lex_expect(&p->lx, POLICY_TOK_SEMICOLON, "after the policy")) {
		return false;
	}
	pol->span = policy_span_join(start, p->lx.last);
	if (pol->span.n > POLICY_TEXT_MAX) {
		p->limit = true;
		policy_diag_error(p->lx.diags, p->lx.src, pol->effect_span,
				  "policy longer than %u bytes", POLICY_TEXT_MAX);
		return false;
	}
	return true;
}

static bool name_policy(struct parser *p, struct policy *pol, enum policy_id_scheme ids,
			size_t in_list, size_t in_source)
{
	const struct policy_annotation *id = policy_annotation_find(pol, STR("id"));

	if (ids == POLICY_ID_ORDER) {
		pol->id = arena_printf(p->a, "policy%zu", in_list);
	} else if (id && id->value.n > 0) {
		pol->id = id->value;
	} else {
		pol->id = arena_printf(p->a, STR_FMT ":policy%zu", STR_ARG(p->lx.src->name),
				       in_source);
	}
	return pol->id.p || no_memory(p);
}

static bool whole_source(struct parser *p, enum policy_id_scheme ids, struct policy_list *list)
{
	for (size_t n = 0; p->lx.tok.kind != POLICY_TOK_END; n++) {
		struct policy *pol = ARENA_NEW(p->a, struct policy);

		if (!pol || !ARENA_GROW(p->a, &list->items, list->n, &list->cap)) {
			return no_memory(p);
		}
		if (list->n == POLICY_COUNT_MAX) {
			p->limit = true;
			return fail(p, p->lx.tok.span, "more than 1000000 policies");
		}
		pol->source = p->lx.src;
		if (!one_policy(p, pol) || !name_policy(p, pol, ids, list->n, n)) {
			return false;
		}
		list->items[list->n++] = pol;
	}
	return true;
}

enum err_code policy_parse(struct arena *a, const struct policy_source *src,
			   enum policy_id_scheme ids, struct policy_list *list,
			   struct policy_diags *diags, struct err *err)
{
	struct policy_list grown = *list;
	struct parser p = {.a = a};

	if (!policy_lex_init(&p.lx, src, diags) || !whole_source(&p, ids, &grown)) {
		return parse_failed(&p, err);
	}
	*list = grown;
	return ERR_OK;
}

bool policy_uid_parse(struct arena *a, struct str text, struct policy_uid *ret)
{
	struct policy_source *src = ARENA_NEW(a, struct policy_source);
	struct parser p = {.a = a};
	struct policy_span span;

	if (!src) {
		return false;
	}
	src->text = text;
	return policy_lex_init(&p.lx, src, NULL) && scope_uid(&p, ret, &span) &&
	       p.lx.tok.kind == POLICY_TOK_END;
}
