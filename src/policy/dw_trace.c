/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/dw_trace.h"

#include "policy/data.h"
#include "policy/parse.h"

struct reader {
	struct policy_lex lx;
	struct arena *a;
	int depth;
	bool limit, nomem;
};

static bool value(struct reader *r, struct policy_value *ret);

static bool fail(struct reader *r, const char *message)
{
	policy_diag_error(r->lx.diags, r->lx.src, r->lx.tok.span, "%s", message);
	return false;
}

static bool no_memory(struct reader *r)
{
	r->nomem = true;
	return fail(r, "out of memory");
}

static bool string(struct reader *r, struct str *ret)
{
	struct policy_token tok = r->lx.tok;

	if (tok.kind != POLICY_TOK_STRING) {
		policy_lex_unexpected(&r->lx, "a string");
		return false;
	}
	if (!policy_unescape(&r->lx, &tok, r->a, ret)) {
		return false;
	}
	policy_lex_next(&r->lx);
	return true;
}

/* Type::"id"; its type may have been read. */
static bool uid(struct reader *r, struct str type, const struct policy_uid **ret)
{
	struct policy_uid *u = ARENA_NEW(r->a, struct policy_uid);
	struct policy_span span;
	struct str id;

	if (!u) {
		return no_memory(r);
	}
	if (type.n == 0 && (!policy_parse_path(&r->lx, r->a, &type, &span) ||
			    !policy_lex_expect(&r->lx, POLICY_TOK_PATH, "after a type"))) {
		return false;
	}
	if (!string(r, &id)) {
		return false;
	}
	*u = policy_uid_make(type, id);
	*ret = u;
	return true;
}

/* 12, -3, 02.5: a point right behind the digits makes it a decimal. */
static bool number(struct reader *r, struct policy_value *ret)
{
	struct policy_span start = r->lx.tok.span;
	struct str text;
	int64_t v;

	(void)policy_lex_accept(&r->lx, POLICY_TOK_MINUS);
	if (!policy_lex_expect(&r->lx, POLICY_TOK_NUMBER, NULL)) {
		return false;
	}
	if (r->lx.tok.kind == POLICY_TOK_DOT) {
		policy_lex_next(&r->lx);
		if (!policy_lex_expect(&r->lx, POLICY_TOK_NUMBER, "after the point")) {
			return false;
		}
		text = str_make(r->lx.src->text.p + start.at,
				policy_span_join(start, r->lx.last).n);
		if (!policy_decimal_parse(text, &v)) {
			return fail(r, "not a decimal");
		}
		*ret = policy_scalar(POLICY_DECIMAL, v);
		return true;
	}
	text = str_make(r->lx.src->text.p + start.at, policy_span_join(start, r->lx.last).n);
	if (!str_to_i64(text, &v)) {
		return fail(r, "number does not fit in 64 bits");
	}
	*ret = policy_long(v);
	return true;
}

static bool list(struct reader *r, struct policy_value *ret)
{
	struct policy_value *items = NULL;
	size_t n = 0, cap = 0;

	while (r->lx.tok.kind != POLICY_TOK_RBRACKET) {
		if (n == POLICY_SET_MAX) {
			r->limit = true;
			return fail(r, "more than 4096 elements");
		}
		if (!ARENA_GROW(r->a, &items, n, &cap)) {
			return no_memory(r);
		}
		if (!value(r, &items[n])) {
			return false;
		}
		if (items[n].kind != POLICY_NONE) {
			n++;
		}
		if (!policy_lex_accept(&r->lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	*ret = policy_value_set(items, n);
	return policy_lex_expect(&r->lx, POLICY_TOK_RBRACKET, "after the elements");
}

/* k: v, ... up to the closing token. */
static bool members(struct reader *r, enum policy_tok close, struct policy_value *ret)
{
	struct policy_record rec;

	policy_record_begin(&rec, r->a);
	while (r->lx.tok.kind != close) {
		struct policy_value v;
		struct str key;

		if (rec.n == POLICY_SET_MAX) {
			r->limit = true;
			return fail(r, "more than 4096 members");
		}
		if (r->lx.tok.kind == POLICY_TOK_STRING) {
			if (!string(r, &key)) {
				return false;
			}
		} else if (r->lx.tok.kind == POLICY_TOK_IDENT) {
			key = r->lx.tok.text;
			policy_lex_next(&r->lx);
		} else {
			policy_lex_unexpected(&r->lx, "a name");
			return false;
		}
		if (!policy_lex_expect(&r->lx, POLICY_TOK_COLON, "after a name") || !value(r, &v)) {
			return false;
		}
		if (v.kind != POLICY_NONE) {
			policy_record_put(&rec, key, v);
		}
		if (!policy_lex_accept(&r->lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	if (!policy_lex_expect(&r->lx, close, "after the members")) {
		return false;
	}
	if (!policy_record_end(&rec, ret)) {
		return r->a->exhausted ? no_memory(r) : fail(r, "a name occurs twice");
	}
	return true;
}

/* true, false, null, fn("..."), or an entity. */
static bool named(struct reader *r, struct policy_value *ret)
{
	struct str word = r->lx.tok.text, type, text;
	const struct policy_uid *u;
	struct policy_span span;
	enum policy_fn fn;

	if (str_eq(word, STR("true")) || str_eq(word, STR("false"))) {
		*ret = policy_bool(word.n == 4);
		policy_lex_next(&r->lx);
		return true;
	}
	if (str_eq(word, STR("null"))) {
		*ret = (struct policy_value){0};
		policy_lex_next(&r->lx);
		return true;
	}
	if (!policy_parse_path(&r->lx, r->a, &type, &span)) {
		return false;
	}
	if (policy_lex_accept(&r->lx, POLICY_TOK_PATH)) {
		if (!uid(r, type, &u)) {
			return false;
		}
		*ret = policy_entity(u);
		return true;
	}
	fn = policy_fn_find(type);
	if (fn < POLICY_FN_DECIMAL || fn > POLICY_FN_DURATION) {
		return fail(r, "expected a value");
	}
	if (!policy_lex_expect(&r->lx, POLICY_TOK_LPAREN, NULL) || !string(r, &text)) {
		return false;
	}
	if (!policy_ext_parse(fn, text, r->a, ret)) {
		return fail(r, "malformed or out of range");
	}
	return policy_lex_expect(&r->lx, POLICY_TOK_RPAREN, NULL);
}

static bool value(struct reader *r, struct policy_value *ret)
{
	bool good;

	if (r->depth >= DW_VALUE_DEPTH) {
		r->limit = true;
		return fail(r, "values nested deeper than 128");
	}
	r->depth++;
	if (policy_lex_accept(&r->lx, POLICY_TOK_LBRACKET)) {
		good = list(r, ret);
	} else if (policy_lex_accept(&r->lx, POLICY_TOK_LBRACE)) {
		good = members(r, POLICY_TOK_RBRACE, ret);
	} else if (r->lx.tok.kind == POLICY_TOK_IDENT) {
		good = named(r, ret);
	} else if (r->lx.tok.kind == POLICY_TOK_STRING) {
		struct str s;

		good = string(r, &s);
		*ret = good ? policy_string(s) : (struct policy_value){0};
	} else if (r->lx.tok.kind == POLICY_TOK_NUMBER || r->lx.tok.kind == POLICY_TOK_MINUS) {
		good = number(r, ret);
	} else {
		policy_lex_unexpected(&r->lx, "a value");
		good = false;
	}
	r->depth--;
	return good;
}

static bool scope(struct reader *r, struct dw_event *ev)
{
	while (r->lx.tok.kind != POLICY_TOK_RPAREN) {
		bool principal = policy_lex_is(&r->lx, STR("principal"));
		const struct policy_uid **to = principal ? &ev->principal : &ev->resource;

		if ((!principal && !policy_lex_is(&r->lx, STR("resource"))) || *to) {
			policy_lex_unexpected(&r->lx, "`principal` or `resource`, once each");
			return false;
		}
		policy_lex_next(&r->lx);
		if (!policy_lex_expect(&r->lx, POLICY_TOK_COLON, NULL) ||
		    !uid(r, str_make(NULL, 0), to)) {
			return false;
		}
		if (!policy_lex_accept(&r->lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	return policy_lex_expect(&r->lx, POLICY_TOK_RPAREN, "after the scope");
}

/* `in [E, ...]` behind an entity. */
static bool parents(struct reader *r, struct policy_entity *e)
{
	struct policy_uid *list = NULL;
	size_t n = 0, cap = 0;

	if (!policy_lex_expect(&r->lx, POLICY_TOK_LBRACKET, "after `in`")) {
		return false;
	}
	while (r->lx.tok.kind != POLICY_TOK_RBRACKET) {
		const struct policy_uid *u;

		if (n == POLICY_SET_MAX) {
			r->limit = true;
			return fail(r, "more than 4096 parents");
		}
		if (!ARENA_GROW(r->a, &list, n, &cap)) {
			return no_memory(r);
		}
		if (!uid(r, str_make(NULL, 0), &u)) {
			return false;
		}
		list[n++] = *u;
		if (!policy_lex_accept(&r->lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	e->parents = list;
	e->n_parents = (uint32_t)n;
	return policy_lex_expect(&r->lx, POLICY_TOK_RBRACKET, "after the parents");
}

static bool entities(struct reader *r, struct dw_event *ev)
{
	struct policy_entity *list = NULL;
	size_t n = 0, cap = 0;

	while (r->lx.tok.kind != POLICY_TOK_RPAREN) {
		struct policy_entity e = {0};
		const struct policy_uid *u;

		if (n == POLICY_SET_MAX) {
			r->limit = true;
			return fail(r, "more than 4096 entities");
		}
		if (!uid(r, str_make(NULL, 0), &u) ||
		    !policy_lex_expect(&r->lx, POLICY_TOK_COLON, "after an entity") ||
		    !policy_lex_expect(&r->lx, POLICY_TOK_LBRACE, "before attributes") ||
		    !members(r, POLICY_TOK_RBRACE, &e.attrs)) {
			return false;
		}
		e.uid = *u;
		for (size_t i = 0; i < n; i++) {
			if (policy_uid_eq(&list[i].uid, u)) {
				return fail(r, "an entity occurs twice");
			}
		}
		if (policy_lex_is(&r->lx, STR("in"))) {
			policy_lex_next(&r->lx);
			if (!parents(r, &e)) {
				return false;
			}
		}
		if (!ARENA_GROW(r->a, &list, n, &cap)) {
			return no_memory(r);
		}
		list[n++] = e;
		if (!policy_lex_accept(&r->lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	ev->entities = list;
	ev->n_entities = n;
	return policy_lex_expect(&r->lx, POLICY_TOK_RPAREN, "after the entities");
}

static bool section(struct reader *r, struct str word)
{
	if (!policy_lex_is(&r->lx, word) || policy_lex_peek(&r->lx).kind != POLICY_TOK_LPAREN) {
		return false;
	}
	policy_lex_next(&r->lx);
	policy_lex_next(&r->lx);
	return true;
}

static bool event(struct reader *r, struct dw_event *ev)
{
	if (!uid(r, str_make(NULL, 0), &ev->event.action) ||
	    !policy_lex_expect(&r->lx, POLICY_TOK_PATH, "after the action")) {
		return false;
	}
	if (r->lx.tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(&r->lx, "an event kind");
		return false;
	}
	ev->event.kind = r->lx.tok.text;
	policy_lex_next(&r->lx);
	if (!policy_lex_expect(&r->lx, POLICY_TOK_LPAREN, "after the kind") ||
	    !members(r, POLICY_TOK_RPAREN, &ev->event.fields)) {
		return false;
	}
	if (r->lx.tok.kind != POLICY_TOK_END) {
		policy_lex_unexpected(&r->lx, "the end of the line");
		return false;
	}
	return true;
}

static bool line_of(struct reader *r, int64_t *ts, struct dw_event *ev)
{
	if (!policy_lex_expect(&r->lx, POLICY_TOK_AT, "and the time")) {
		return false;
	}
	if (r->lx.tok.kind != POLICY_TOK_NUMBER || !str_to_i64(r->lx.tok.text, ts) ||
	    __builtin_mul_overflow(*ts, (int64_t)1000, &ev->event.ts_ms)) {
		return fail(r, "expected the time in seconds");
	}
	policy_lex_next(&r->lx);
	if (section(r, STR("scope")) && !scope(r, ev)) {
		return false;
	}
	if (section(r, STR("entities")) && !entities(r, ev)) {
		return false;
	}
	if (section(r, STR("request_context")) && !members(r, POLICY_TOK_RPAREN, &ev->context)) {
		return false;
	}
	return event(r, ev);
}

enum err_code dw_trace_line(struct arena *a, struct str line, size_t number_, int64_t *ret_ts,
			    struct dw_event *ret, struct err *err)
{
	struct policy_source *src = ARENA_NEW(a, struct policy_source);
	struct reader r = {.a = a};
	struct dw_event ev = {0};
	struct policy_diags diags;
	int64_t ts;

	if (line.n > DW_LINE_MAX) {
		return ERR(err, ERR_LIMIT, "line %zu: longer than %u bytes", number_, DW_LINE_MAX);
	}
	if (!src) {
		return ERR(err, ERR_NOMEM, "line %zu: out of memory", number_);
	}
	policy_diags_init(&diags, a);
	src->text = line;
	if (!policy_lex_init(&r.lx, src, &diags) || !line_of(&r, &ts, &ev)) {
		if (r.nomem || a->exhausted) {
			return ERR(err, ERR_NOMEM, "line %zu: out of memory", number_);
		}
		return ERR(err, r.limit ? ERR_LIMIT : ERR_SYNTAX, "line %zu, column %u: " STR_FMT,
			   number_, policy_position(line, diags.items[0].span.at).column,
			   STR_ARG(diags.items[0].message));
	}
	*ret_ts = ts;
	*ret = ev;
	return ERR_OK;
}
