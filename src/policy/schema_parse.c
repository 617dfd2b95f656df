/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema_ast.h"

#include "policy/lex.h"
#include "policy/value.h"

#include <stdlib.h>

/* One parse. Functions answer false after a diagnostic, or when the arena is exhausted. */
struct parser {
	struct policy_lex lx;
	struct arena *a;
	struct policy_diags *diags;
	struct schema_doc *doc;
	size_t n_decls;
	bool limit; /* the diagnostic is about a limit */
};

static bool fail_limit(struct parser *p, const char *what, size_t max)
{
	policy_diag_error(p->diags, p->lx.src, p->lx.tok.span, "more than %zu %s", max, what);
	p->limit = true;
	return false;
}

static bool is_reserved(struct str word)
{
	return policy_is_reserved(word) && !str_eq(word, STR("__cedar"));
}

static bool accept_word(struct parser *p, struct str word)
{
	bool is = policy_lex_is(&p->lx, word);

	if (is) {
		policy_lex_next(&p->lx);
	}
	return is;
}

/* The parts of an identifier that name a thing: keywords of expressions are refused. */
static bool parse_ident(struct parser *p, const char *what, struct schema_name *ret)
{
	struct policy_token tok = p->lx.tok;

	if (tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(&p->lx, what);
		return false;
	}
	if (is_reserved(tok.text)) {
		policy_diag_error(p->diags, p->lx.src, tok.span, "`" STR_FMT "` is a reserved word",
				  STR_ARG(tok.text));
		return false;
	}
	policy_lex_next(&p->lx);
	*ret = (struct schema_name){tok.text, tok.span};
	return true;
}

static bool parse_string(struct parser *p, struct schema_name *ret)
{
	struct policy_token tok = p->lx.tok;

	if (tok.kind != POLICY_TOK_STRING) {
		policy_lex_unexpected(&p->lx, "a string");
		return false;
	}
	if (!policy_unescape(&p->lx, &tok, p->a, &ret->text)) {
		return false;
	}
	ret->span = tok.span;
	policy_lex_next(&p->lx);
	return true;
}

/* Name := Ident | STRING */
static bool parse_name(struct parser *p, const char *what, struct schema_name *ret)
{
	return p->lx.tok.kind == POLICY_TOK_STRING ? parse_string(p, ret)
						   : parse_ident(p, what, ret);
}

/* Joins one more part to a path; most paths have one part and borrow the source. */
static bool path_append(struct parser *p, struct schema_name *path, struct schema_name part)
{
	if (path->text.n + part.text.n + 2 > POLICY_PATH_MAX) {
		return fail_limit(p, "bytes in a type name", POLICY_PATH_MAX);
	}
	path->text =
		arena_printf(p->a, STR_FMT "::" STR_FMT, STR_ARG(path->text), STR_ARG(part.text));
	path->span = policy_span_join(path->span, part.span);
	return path->text.p != NULL;
}

/* Path := Ident { '::' Ident } */
static bool parse_path(struct parser *p, const char *what, struct schema_name *ret)
{
	struct schema_name part;

	if (!parse_ident(p, what, ret)) {
		return false;
	}
	while (policy_lex_accept(&p->lx, POLICY_TOK_PATH)) {
		if (!parse_ident(p, "a name", &part) || !path_append(p, ret, part)) {
			return false;
		}
	}
	return true;
}

static bool parse_notes(struct parser *p, struct schema_note **ret, size_t *ret_n)
{
	struct schema_note *notes = NULL;
	size_t n = 0, cap = 0;

	while (policy_lex_accept(&p->lx, POLICY_TOK_AT)) {
		struct policy_token key = p->lx.tok;
		struct schema_name value = {.text = STR("")};

		if (key.kind != POLICY_TOK_IDENT) {
			policy_lex_unexpected(&p->lx, "the name of an annotation");
			return false;
		}
		policy_lex_next(&p->lx);
		if (policy_lex_accept(&p->lx, POLICY_TOK_LPAREN) &&
		    (!parse_string(p, &value) ||
		     !policy_lex_expect(&p->lx, POLICY_TOK_RPAREN,
					"after the annotation's text"))) {
			return false;
		}
		for (size_t i = 0; i < n; i++) {
			if (str_eq(notes[i].key, key.text)) {
				policy_diag_error(p->diags, p->lx.src, key.span,
						  "annotation `@" STR_FMT "` is given twice",
						  STR_ARG(key.text));
				return false;
			}
		}
		if (n == SCHEMA_MAX_NOTES) {
			return fail_limit(p, "annotations", SCHEMA_MAX_NOTES);
		}
		if (!ARENA_GROW(p->a, &notes, n, &cap)) {
			return false;
		}
		notes[n++] = (struct schema_note){key.text, value.text};
	}
	*ret = notes;
	*ret_n = n;
	return true;
}

static bool parse_type(struct parser *p, unsigned depth, struct schema_te **ret);

static bool parse_field(struct parser *p, unsigned depth, struct schema_te_field *ret)
{
	if (!parse_notes(p, &ret->notes, &ret->n_notes) ||
	    !parse_name(p, "an attribute name", &ret->name)) {
		return false;
	}
	ret->optional = policy_lex_accept(&p->lx, POLICY_TOK_QUESTION);
	return policy_lex_expect(&p->lx, POLICY_TOK_COLON, "after the attribute name") &&
	       parse_type(p, depth + 1, &ret->type);
}

struct field_rank {
	struct str name;
	size_t at;
};

static int by_name(const void *a, const void *b)
{
	const struct field_rank *x = a, *y = b;
	int c = str_cmp(x->name, y->name);

	return c ? c : (x->at > y->at) - (x->at < y->at);
}

/* Of attributes with one name the last one counts; the others are as if never written. */
static bool drop_repeated(struct parser *p, struct schema_te *te)
{
	struct field_rank *ranks = ARENA_ARRAY(p->a, te->n_fields, struct field_rank);
	size_t n = 0;

	if (!ranks) {
		return false;
	}
	for (size_t i = 0; i < te->n_fields; i++) {
		ranks[i] = (struct field_rank){te->fields[i].name.text, i};
	}
	if (te->n_fields > 1) {
		qsort(ranks, te->n_fields, sizeof(*ranks), by_name);
	}
	for (size_t i = 1; i < te->n_fields; i++) {
		struct schema_te_field *f = &te->fields[ranks[i - 1].at];

		if (str_eq(ranks[i - 1].name, ranks[i].name)) {
			policy_diag_warn(p->diags, p->lx.src, f->name.span,
					 "attribute `" STR_FMT "` is declared again below",
					 STR_ARG(f->name.text));
			policy_diag_help(p->diags, "only the last declaration counts");
			f->type = NULL;
		}
	}
	for (size_t i = 0; i < te->n_fields; i++) {
		if (te->fields[i].type) {
			te->fields[n++] = te->fields[i];
		}
	}
	te->n_fields = n;
	return true;
}

/* Rec := '{' [ Ann* Name ['?'] ':' TypeE {',' ...} [','] ] '}' */
static bool parse_record(struct parser *p, unsigned depth, struct schema_te *te)
{
	size_t cap = 0;

	te->kind = SCHEMA_TE_RECORD;
	policy_lex_next(&p->lx);
	while (!policy_lex_accept(&p->lx, POLICY_TOK_RBRACE)) {
		struct schema_te_field field = {0};

		if (te->n_fields == SCHEMA_MAX_ITEMS) {
			return fail_limit(p, "attributes in a record", SCHEMA_MAX_ITEMS);
		}
		if (!parse_field(p, depth, &field) ||
		    !ARENA_GROW(p->a, &te->fields, te->n_fields, &cap)) {
			return false;
		}
		te->fields[te->n_fields++] = field;
		if (p->lx.tok.kind != POLICY_TOK_RBRACE &&
		    !policy_lex_expect(&p->lx, POLICY_TOK_COMMA, "between attributes")) {
			return false;
		}
	}
	return drop_repeated(p, te);
}

/* TypeE := Path | 'Set' '<' TypeE '>' | Rec; recursion is bounded by SCHEMA_MAX_DEPTH. */
static bool parse_type(struct parser *p, unsigned depth, struct schema_te **ret)
{
	struct policy_span from = p->lx.tok.span;
	struct schema_te *te = ARENA_NEW(p->a, struct schema_te);
	struct schema_name path;

	if (!te) {
		return false;
	}
	if (depth > SCHEMA_MAX_DEPTH) {
		return fail_limit(p, "levels of nested types", SCHEMA_MAX_DEPTH);
	}
	if (p->lx.tok.kind == POLICY_TOK_LBRACE) {
		if (!parse_record(p, depth, te)) {
			return false;
		}
	} else if (policy_lex_is(&p->lx, STR("Set")) &&
		   policy_lex_peek(&p->lx).kind == POLICY_TOK_LT) {
		te->kind = SCHEMA_TE_SET;
		policy_lex_next(&p->lx);
		policy_lex_next(&p->lx);
		if (!parse_type(p, depth + 1, &te->element) ||
		    !policy_lex_expect(&p->lx, POLICY_TOK_GT, "after the element type")) {
			return false;
		}
	} else {
		if (!parse_path(p, "a type", &path)) {
			return false;
		}
		te->name = path.text;
	}
	te->span = policy_span_join(from, p->lx.last);
	*ret = te;
	return true;
}

/* Path | '[' [Path {',' Path}] ']' */
static bool parse_paths(struct parser *p, struct schema_name **ret, size_t *ret_n)
{
	bool list = policy_lex_accept(&p->lx, POLICY_TOK_LBRACKET);
	size_t n = 0, cap = 0;

	*ret = NULL;
	*ret_n = 0;
	if (list && policy_lex_accept(&p->lx, POLICY_TOK_RBRACKET)) {
		return true;
	}
	do {
		struct schema_name path;

		if (n == SCHEMA_MAX_ITEMS) {
			return fail_limit(p, "entity types in a list", SCHEMA_MAX_ITEMS);
		}
		if (!parse_path(p, "an entity type", &path) || !ARENA_GROW(p->a, ret, n, &cap)) {
			return false;
		}
		(*ret)[n++] = path;
	} while (list && policy_lex_accept(&p->lx, POLICY_TOK_COMMA));
	*ret_n = n;
	return !list || policy_lex_expect(&p->lx, POLICY_TOK_RBRACKET, "after the list");
}

/* Name {',' Name} */
static bool parse_names(struct parser *p, bool strings, struct schema_name **ret, size_t *ret_n)
{
	size_t n = 0, cap = 0;

	*ret = NULL;
	do {
		struct schema_name name;

		if (n == SCHEMA_MAX_ITEMS) {
			return fail_limit(p, "names in a list", SCHEMA_MAX_ITEMS);
		}
		if (strings ? !parse_name(p, "an action name", &name)
			    : !parse_ident(p, "an entity type name", &name)) {
			return false;
		}
		if (!ARENA_GROW(p->a, ret, n, &cap)) {
			return false;
		}
		(*ret)[n++] = name;
	} while (policy_lex_accept(&p->lx, POLICY_TOK_COMMA));
	*ret_n = n;
	return true;
}

static bool ns_append(struct parser *p, struct schema_ns *ns, struct schema_decl *decl)
{
	if (p->n_decls == SCHEMA_MAX_DECLS) {
		return fail_limit(p, "declarations", SCHEMA_MAX_DECLS);
	}
	if (!ARENA_GROW(p->a, &ns->decls, ns->n_decls, &ns->cap)) {
		return false;
	}
	ns->decls[ns->n_decls++] = *decl;
	p->n_decls++;
	return true;
}

static bool append_each(struct parser *p, struct schema_ns *ns, struct schema_decl *decl,
			const struct schema_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		decl->name = names[i];
		if (!ns_append(p, ns, decl)) {
			return false;
		}
	}
	return true;
}

/* 'enum' '[' STRING {',' STRING} ']' */
static bool parse_enum(struct parser *p, struct schema_decl *decl)
{
	size_t cap = 0;

	decl->kind = SCHEMA_DECL_ENUM;
	if (!policy_lex_expect(&p->lx, POLICY_TOK_LBRACKET, "after `enum`")) {
		return false;
	}
	do {
		struct schema_name id;

		if (decl->n_ids == SCHEMA_MAX_ITEMS) {
			return fail_limit(p, "ids of an enumerated entity", SCHEMA_MAX_ITEMS);
		}
		if (!parse_string(p, &id) || !ARENA_GROW(p->a, &decl->ids, decl->n_ids, &cap)) {
			return false;
		}
		decl->ids[decl->n_ids++] = id;
	} while (policy_lex_accept(&p->lx, POLICY_TOK_COMMA));
	return policy_lex_expect(&p->lx, POLICY_TOK_RBRACKET, "after the ids");
}

/* [ 'in' EntTypes ] [ ['='] Rec ] [ 'tags' TypeE ] */
static bool parse_entity_body(struct parser *p, struct schema_decl *decl)
{
	if (accept_word(p, STR("in")) && !parse_paths(p, &decl->parents, &decl->n_parents)) {
		return false;
	}
	if (policy_lex_accept(&p->lx, POLICY_TOK_ASSIGN) && p->lx.tok.kind != POLICY_TOK_LBRACE) {
		policy_lex_unexpected(&p->lx, "a record `{...}`");
		return false;
	}
	if (p->lx.tok.kind == POLICY_TOK_LBRACE && !parse_type(p, 0, &decl->type)) {
		return false;
	}
	return !accept_word(p, STR("tags")) || parse_type(p, 0, &decl->tags);
}

static bool parse_entity(struct parser *p, struct schema_ns *ns, struct schema_decl *decl)
{
	struct schema_name *names;
	size_t n;

	decl->kind = SCHEMA_DECL_ENTITY;
	if (!parse_names(p, false, &names, &n)) {
		return false;
	}
	if (accept_word(p, STR("enum")) ? !parse_enum(p, decl) : !parse_entity_body(p, decl)) {
		return false;
	}
	return policy_lex_expect(&p->lx, POLICY_TOK_SEMICOLON, "after the entity declaration") &&
	       append_each(p, ns, decl, names, n);
}

/* Ref := [Path '::'] STRING | Name */
static bool parse_ref(struct parser *p, struct schema_action_ref *ret)
{
	struct schema_name part = {0}, path = {0};

	if (p->lx.tok.kind == POLICY_TOK_STRING) {
		if (!parse_string(p, &part)) {
			return false;
		}
		*ret = (struct schema_action_ref){.id = part.text, .span = part.span};
		return true;
	}
	if (!parse_ident(p, "an action name", &path)) {
		return false;
	}
	*ret = (struct schema_action_ref){.id = path.text, .span = path.span};
	while (policy_lex_accept(&p->lx, POLICY_TOK_PATH)) {
		if (p->lx.tok.kind == POLICY_TOK_STRING) {
			if (!parse_string(p, &part)) {
				return false;
			}
			ret->type = path.text;
			ret->id = part.text;
			ret->span = policy_span_join(path.span, part.span);
			return true;
		}
		if (!parse_ident(p, "a name", &part) || !path_append(p, &path, part)) {
			return false;
		}
		if (p->lx.tok.kind != POLICY_TOK_PATH) {
			policy_lex_unexpected(&p->lx, "`::` and the action's id as a string");
			return false;
		}
	}
	return true;
}

static bool parse_refs(struct parser *p, struct schema_decl *decl)
{
	bool list = policy_lex_accept(&p->lx, POLICY_TOK_LBRACKET);
	size_t cap = 0;

	do {
		struct schema_action_ref ref;

		if (decl->n_refs == SCHEMA_MAX_ITEMS) {
			return fail_limit(p, "parents of an action", SCHEMA_MAX_ITEMS);
		}
		if (!parse_ref(p, &ref) || !ARENA_GROW(p->a, &decl->refs, decl->n_refs, &cap)) {
			return false;
		}
		decl->refs[decl->n_refs++] = ref;
	} while (list && policy_lex_accept(&p->lx, POLICY_TOK_COMMA));
	return !list || policy_lex_expect(&p->lx, POLICY_TOK_RBRACKET, "after the actions");
}

/* Refuses `principal: []`: an action either applies to something or has no appliesTo. */
static bool parse_targets(struct parser *p, const char *what, bool *seen, struct schema_name **ret,
			  size_t *ret_n)
{
	struct policy_span at = p->lx.last;

	if (*seen) {
		policy_diag_error(p->diags, p->lx.src, at, "`%s` is given twice", what);
		return false;
	}
	*seen = true;
	if (!policy_lex_expect(&p->lx, POLICY_TOK_COLON, NULL) || !parse_paths(p, ret, ret_n)) {
		return false;
	}
	if (*ret_n == 0) {
		policy_diag_error(p->diags, p->lx.src, at, "`%s` lists no entity type", what);
		policy_diag_help(p->diags, "name at least one type, or leave out `appliesTo`");
		return false;
	}
	return true;
}

static bool parse_context(struct parser *p, struct schema_decl *decl)
{
	if (decl->context) {
		policy_diag_error(p->diags, p->lx.src, p->lx.last, "`context` is given twice");
		return false;
	}
	if (!policy_lex_expect(&p->lx, POLICY_TOK_COLON, NULL)) {
		return false;
	}
	if (policy_lex_is(&p->lx, STR("Set")) && policy_lex_peek(&p->lx).kind == POLICY_TOK_LT) {
		policy_diag_error(p->diags, p->lx.src, p->lx.tok.span,
				  "a context is a record, not a set");
		return false;
	}
	if (!parse_type(p, 0, &decl->context)) {
		return false;
	}
	if (decl->context->kind == SCHEMA_TE_NAME) {
		decl->context->kind = SCHEMA_TE_COMMON;
	}
	return true;
}

/* App := ('principal'|'resource') ':' EntTypes | 'context' ':' (Path | Rec) */
static bool parse_app(struct parser *p, struct schema_decl *decl, bool *principal, bool *resource)
{
	if (accept_word(p, STR("principal"))) {
		return parse_targets(p, "principal", principal, &decl->principals,
				     &decl->n_principals);
	}
	if (accept_word(p, STR("resource"))) {
		return parse_targets(p, "resource", resource, &decl->resources, &decl->n_resources);
	}
	if (accept_word(p, STR("context"))) {
		return parse_context(p, decl);
	}
	policy_lex_unexpected(&p->lx, "`principal`, `resource` or `context`");
	return false;
}

static bool parse_applies(struct parser *p, struct schema_decl *decl)
{
	struct policy_span at = p->lx.last;
	bool principal = false, resource = false;

	decl->applies = true;
	if (!policy_lex_expect(&p->lx, POLICY_TOK_LBRACE, "after `appliesTo`")) {
		return false;
	}
	do {
		if (!parse_app(p, decl, &principal, &resource)) {
			return false;
		}
	} while (policy_lex_accept(&p->lx, POLICY_TOK_COMMA) &&
		 p->lx.tok.kind != POLICY_TOK_RBRACE);
	if (!policy_lex_expect(&p->lx, POLICY_TOK_RBRACE, "after what the action applies to")) {
		return false;
	}
	if (!principal || !resource) {
		policy_diag_error(p->diags, p->lx.src, at, "`appliesTo` does not name its `%s`",
				  principal ? "resource" : "principal");
		policy_diag_help(p->diags, "an action applies to principals and resources, or has "
					   "no `appliesTo` and is a group");
		return false;
	}
	return true;
}

/* Name{','Name} [ 'in' ... ] [ 'appliesTo' {...} ] [ 'attributes' '{' '}' ] ';' */
static bool parse_action(struct parser *p, struct schema_ns *ns, struct schema_decl *decl)
{
	struct schema_name *names;
	size_t n;

	decl->kind = SCHEMA_DECL_ACTION;
	if (!parse_names(p, true, &names, &n)) {
		return false;
	}
	if (accept_word(p, STR("in")) && !parse_refs(p, decl)) {
		return false;
	}
	if (accept_word(p, STR("appliesTo")) && !parse_applies(p, decl)) {
		return false;
	}
	if (accept_word(p, STR("attributes")) &&
	    (!policy_lex_expect(&p->lx, POLICY_TOK_LBRACE, "after `attributes`") ||
	     !policy_lex_expect(&p->lx, POLICY_TOK_RBRACE, "(actions have no attributes)"))) {
		return false;
	}
	return policy_lex_expect(&p->lx, POLICY_TOK_SEMICOLON, "after the action declaration") &&
	       append_each(p, ns, decl, names, n);
}

static bool parse_common(struct parser *p, struct schema_ns *ns, struct schema_decl *decl)
{
	decl->kind = SCHEMA_DECL_COMMON;
	return parse_ident(p, "a type name", &decl->name) &&
	       policy_lex_expect(&p->lx, POLICY_TOK_ASSIGN, "after the type name") &&
	       parse_type(p, 0, &decl->type) &&
	       policy_lex_expect(&p->lx, POLICY_TOK_SEMICOLON, "after the type declaration") &&
	       ns_append(p, ns, decl);
}

static bool parse_decl(struct parser *p, struct schema_ns *ns, struct schema_note *notes,
		       size_t n_notes)
{
	struct schema_decl decl = {.notes = notes, .n_notes = n_notes};

	if (accept_word(p, STR("entity"))) {
		return parse_entity(p, ns, &decl);
	}
	if (accept_word(p, STR("action"))) {
		return parse_action(p, ns, &decl);
	}
	if (accept_word(p, STR("type"))) {
		return parse_common(p, ns, &decl);
	}
	policy_lex_unexpected(&p->lx, ns->name.text.n
					      ? "`entity`, `action`, `type` or `}`"
					      : "`entity`, `action`, `type` or `namespace`");
	return false;
}

static struct schema_ns *ns_new(struct parser *p)
{
	if (!ARENA_GROW(p->a, &p->doc->ns, p->doc->n_ns, &p->doc->cap)) {
		return NULL;
	}
	p->doc->ns[p->doc->n_ns] = (struct schema_ns){0};
	return &p->doc->ns[p->doc->n_ns++];
}

static bool parse_namespace(struct parser *p, struct schema_note *notes, size_t n_notes)
{
	struct schema_ns *ns;
	struct schema_name name;

	if (!parse_path(p, "the name of the namespace", &name)) {
		return false;
	}
	for (size_t i = 1; i < p->doc->n_ns; i++) {
		if (str_eq(p->doc->ns[i].name.text, name.text)) {
			policy_diag_error(p->diags, p->lx.src, name.span,
					  "namespace `" STR_FMT "` is declared twice",
					  STR_ARG(name.text));
			return false;
		}
	}
	if (p->doc->n_ns > SCHEMA_MAX_DECLS / 16) {
		return fail_limit(p, "namespaces", SCHEMA_MAX_DECLS / 16);
	}
	ns = ns_new(p);
	if (!ns || !policy_lex_expect(&p->lx, POLICY_TOK_LBRACE, "after the namespace")) {
		return false;
	}
	ns->name = name;
	ns->notes = notes;
	ns->n_notes = n_notes;
	while (!policy_lex_accept(&p->lx, POLICY_TOK_RBRACE)) {
		if (!parse_notes(p, &notes, &n_notes) || !parse_decl(p, ns, notes, n_notes)) {
			return false;
		}
	}
	return true;
}

static bool parse_doc(struct parser *p)
{
	if (!ns_new(p)) {
		return false;
	}
	while (p->lx.tok.kind != POLICY_TOK_END) {
		struct schema_note *notes;
		size_t n_notes;

		if (!parse_notes(p, &notes, &n_notes)) {
			return false;
		}
		if (accept_word(p, STR("namespace"))
			    ? !parse_namespace(p, notes, n_notes)
			    : !parse_decl(p, &p->doc->ns[0], notes, n_notes)) {
			return false;
		}
	}
	return true;
}

enum err_code schema_parse(struct arena *a, const struct policy_source *src,
			   struct schema_doc **ret, struct policy_diags *diags, struct err *err)
{
	struct policy_diags own;
	struct parser p = {.a = a, .diags = diags};

	if (!diags) {
		policy_diags_init(&own, a);
		p.diags = &own;
	}
	if (src->text.n > SCHEMA_MAX_BYTES) {
		return ERR(err, ERR_LIMIT, STR_FMT ": schema larger than %u bytes",
			   STR_ARG(src->name), SCHEMA_MAX_BYTES);
	}
	p.doc = ARENA_NEW(a, struct schema_doc);
	if (p.doc && policy_lex_init(&p.lx, src, p.diags) && parse_doc(&p)) {
		p.doc->source = src;
		*ret = p.doc;
		return ERR_OK;
	}
	if (a->exhausted || p.diags->n_errors == 0) {
		return ERR(err, ERR_NOMEM, STR_FMT ": no memory for the schema",
			   STR_ARG(src->name));
	}
	return policy_diags_err(p.diags, p.limit ? ERR_LIMIT : ERR_SYNTAX, err);
}
