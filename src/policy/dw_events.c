/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/dw_events.h"

#include "policy/parse.h"

#include <stdio.h>

#define DAY_MS ((int64_t)86400000)

static const char builtin_text[] =
	"decision event <A>::request { ...inputs(A), callerPrincipal: principalType(A), "
	"callerResource: resourceType(A), requestId: String, sessionId: String }\n"
	"event <A>::response { ...inputs(A), ...outputs(A), callerPrincipal: principalType(A), "
	"callerResource: resourceType(A), requestId: String, sessionId: String }\n"
	"event <A>::error { ...inputs(A), callerPrincipal: principalType(A), "
	"callerResource: resourceType(A), requestId: String, sessionId: String }\n";
static const struct policy_source builtin = {STR_INIT("<events>"), STR_INIT(builtin_text)};

#define CALLER                                                                                     \
	"  callerPrincipal: principalType(A), callerResource: resourceType(A),\n"                  \
	"  requestId: String, pin sessionId: String = context.sessionId\n}\n"
static const char gateway_text[] = "max_window = 24h\n"
				   "decision event <A>::request {\n  ...inputs(A),\n" CALLER
				   "event <A>::response {\n  ...inputs(A), ...outputs(A),\n" CALLER
				   "event <A>::error {\n  ...inputs(A),\n" CALLER
				   "event <A>::denied {\n  ...inputs(A),\n" CALLER;
const struct policy_source dw_gateway_events = {STR_INIT("<events>"), STR_INIT(gateway_text)};

struct reader {
	struct policy_lex lx;
	struct arena *a;
	const struct schema *schema;
	struct dw_events *ev;
	size_t cap;
	struct str var; /* A of <A> */
	bool limit, nomem;
};

static bool fail(struct reader *r, struct policy_span span, const char *message)
{
	policy_diag_error(r->lx.diags, r->lx.src, span, "%s", message);
	return false;
}

static bool no_memory(struct reader *r)
{
	r->nomem = true;
	return fail(r, r->lx.tok.span, "out of memory");
}

static bool word(struct reader *r, struct str w)
{
	bool is = policy_lex_is(&r->lx, w);

	if (is) {
		policy_lex_next(&r->lx);
	}
	return is;
}

static bool name(struct reader *r, struct str *ret, const char *what)
{
	if (r->lx.tok.kind != POLICY_TOK_IDENT) {
		policy_lex_unexpected(&r->lx, what);
		return false;
	}
	*ret = r->lx.tok.text;
	policy_lex_next(&r->lx);
	return true;
}

/* (A) with the variable of this event. */
static bool of_action(struct reader *r)
{
	if (!policy_lex_expect(&r->lx, POLICY_TOK_LPAREN, NULL)) {
		return false;
	}
	if (!policy_lex_is(&r->lx, r->var)) {
		return fail(r, r->lx.tok.span, "expected the action's variable");
	}
	policy_lex_next(&r->lx);
	return policy_lex_expect(&r->lx, POLICY_TOK_RPAREN, NULL);
}

bool dw_types_have(const struct dw_types *ts, const struct type *t)
{
	for (size_t i = 0; i < ts->n; i++) {
		if (ts->items[i] == t) {
			return true;
		}
	}
	return false;
}

bool dw_types_add(struct arena *a, struct dw_types *ts, const struct type *t)
{
	if (dw_types_have(ts, t)) {
		return true;
	}
	if (!ARENA_GROW(a, &ts->items, ts->n, &ts->cap)) {
		return false;
	}
	ts->items[ts->n++] = t;
	return true;
}

const struct type *dw_type_find(const struct schema *s, struct str n)
{
	static const struct {
		struct str name;
		enum type_kind kind;
	} scalars[] = {
		{STR_INIT("Long"), TYPE_LONG},         {STR_INIT("String"), TYPE_STRING},
		{STR_INIT("Bool"), TYPE_BOOL},         {STR_INIT("Boolean"), TYPE_BOOL},
		{STR_INIT("decimal"), TYPE_DECIMAL},   {STR_INIT("ipaddr"), TYPE_IPADDR},
		{STR_INIT("datetime"), TYPE_DATETIME}, {STR_INIT("duration"), TYPE_DURATION},
	};
	const struct schema_entity *e = schema_entity_find(s, n);

	if (e) {
		return &e->type;
	}
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++) {
		if (str_eq(n, scalars[i].name)) {
			return type_scalar(scalars[i].kind);
		}
	}
	return NULL;
}

const struct type *dw_type_path(const struct type *t, const struct str *path, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct type_field *f;

		if (t->kind == TYPE_ENTITY) {
			t = t->entity->attrs;
		}
		if (t->kind != TYPE_RECORD) {
			return NULL;
		}
		f = type_field_find(t, path[i]);
		if (!f) {
			return NULL;
		}
		t = f->type;
	}
	return t;
}

static bool fields(struct reader *r, struct dw_field **list, size_t *n, size_t *cap, int depth);

static bool field_type(struct reader *r, struct dw_field *f, int depth)
{
	static const struct {
		struct str word;
		enum dw_field_kind kind;
	} of[] = {{STR_INIT("inputs"), DW_FIELD_INPUTS},
		  {STR_INIT("outputs"), DW_FIELD_OUTPUTS},
		  {STR_INIT("principalType"), DW_FIELD_PRINCIPAL},
		  {STR_INIT("resourceType"), DW_FIELD_RESOURCE}};
	struct policy_span span;
	struct str type;

	if (policy_lex_accept(&r->lx, POLICY_TOK_LBRACE)) {
		f->kind = DW_FIELD_GROUP;
		if (depth >= DW_NEST_MAX) {
			r->limit = true;
			return fail(r, r->lx.last, "fields nested deeper than 16");
		}
		return fields(r, &f->fields, &f->n_fields, &f->cap, depth + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		if (policy_lex_is(&r->lx, of[i].word) &&
		    policy_lex_peek(&r->lx).kind == POLICY_TOK_LPAREN) {
			f->kind = of[i].kind;
			policy_lex_next(&r->lx);
			return of_action(r);
		}
	}
	if (!policy_parse_path(&r->lx, r->a, &type, &span)) {
		return false;
	}
	f->type = dw_type_find(r->schema, type);
	if (!f->type) {
		policy_diag_error(r->lx.diags, r->lx.src, span, "unknown type `" STR_FMT "`",
				  STR_ARG(type));
		return false;
	}
	return true;
}

static bool pin_ref(struct reader *r, struct dw_field *f)
{
	struct policy_span span = r->lx.tok.span;
	struct str base;
	size_t cap = 0;

	if (!policy_lex_expect(&r->lx, POLICY_TOK_ASSIGN, "and what the field is pinned to") ||
	    !name(r, &base, "principal, resource or context")) {
		return false;
	}
	if (str_eq(base, STR("principal"))) {
		f->pin_base = POLICY_VAR_PRINCIPAL;
	} else if (str_eq(base, STR("resource"))) {
		f->pin_base = POLICY_VAR_RESOURCE;
	} else if (str_eq(base, STR("context"))) {
		f->pin_base = POLICY_VAR_CONTEXT;
	} else {
		return fail(r, span, "a pin refers to principal, resource or context");
	}
	while (policy_lex_accept(&r->lx, POLICY_TOK_DOT)) {
		if (f->n_pin_path == DW_FIELDS_MAX) {
			r->limit = true;
			return fail(r, span, "more than 256 attributes in a path");
		}
		if (!ARENA_GROW(r->a, &f->pin_path, f->n_pin_path, &cap)) {
			return no_memory(r);
		}
		if (!name(r, &f->pin_path[f->n_pin_path++], "an attribute")) {
			return false;
		}
	}
	if (f->pin_base == POLICY_VAR_CONTEXT && f->n_pin_path == 0) {
		return fail(r, span, "which attribute of `context`?");
	}
	return true;
}

/* Three dots and inputs(A) or outputs(A). */
static bool spread(struct reader *r, struct dw_field *f)
{
	for (int i = 0; i < 3; i++) {
		if (!policy_lex_expect(&r->lx, POLICY_TOK_DOT, "of `...`")) {
			return false;
		}
	}
	if (word(r, STR("inputs"))) {
		f->kind = DW_FIELD_INPUTS;
		f->name = STR("input");
	} else if (word(r, STR("outputs"))) {
		f->kind = DW_FIELD_OUTPUTS;
		f->name = STR("output");
	} else {
		policy_lex_unexpected(&r->lx, "`inputs` or `outputs` after `...`");
		return false;
	}
	return of_action(r);
}

static bool one_field(struct reader *r, struct dw_field *f, int depth)
{
	if (r->lx.tok.kind == POLICY_TOK_DOT) {
		return spread(r, f);
	}
	if (policy_lex_is(&r->lx, STR("pin")) && policy_lex_peek(&r->lx).kind == POLICY_TOK_IDENT) {
		f->pin = true;
		policy_lex_next(&r->lx);
		if (depth > 0) {
			return fail(r, r->lx.last,
				    "only a field of the event itself can be pinned");
		}
	}
	if (!name(r, &f->name, "a field") ||
	    !policy_lex_expect(&r->lx, POLICY_TOK_COLON, "after a field") ||
	    !field_type(r, f, depth)) {
		return false;
	}
	return !f->pin || pin_ref(r, f);
}

static bool fields(struct reader *r, struct dw_field **list, size_t *n, size_t *cap, int depth)
{
	while (r->lx.tok.kind != POLICY_TOK_RBRACE) {
		struct policy_span span = r->lx.tok.span;
		struct dw_field f = {0};

		if (!one_field(r, &f, depth)) {
			return false;
		}
		for (size_t i = 0; i < *n; i++) {
			if (str_eq((*list)[i].name, f.name)) {
				return fail(r, span, "field declared twice");
			}
		}
		if (*n == DW_FIELDS_MAX) {
			r->limit = true;
			return fail(r, span, "more than 256 fields");
		}
		if (!ARENA_GROW(r->a, list, *n, cap)) {
			return no_memory(r);
		}
		(*list)[(*n)++] = f;
		if (!policy_lex_accept(&r->lx, POLICY_TOK_COMMA)) {
			break;
		}
	}
	return policy_lex_expect(&r->lx, POLICY_TOK_RBRACE, "after the fields");
}

static bool event(struct reader *r)
{
	struct dw_kind k = {.decision = word(r, STR("decision"))};

	if (!word(r, STR("event"))) {
		policy_lex_unexpected(&r->lx, "`event`");
		return false;
	}
	if (!policy_lex_expect(&r->lx, POLICY_TOK_LT, "before the action's variable") ||
	    !name(r, &r->var, "the action's variable") ||
	    !policy_lex_expect(&r->lx, POLICY_TOK_GT, "after the action's variable") ||
	    !policy_lex_expect(&r->lx, POLICY_TOK_PATH, NULL) || !name(r, &k.name, "a kind") ||
	    !policy_lex_expect(&r->lx, POLICY_TOK_LBRACE, "before the fields")) {
		return false;
	}
	if (dw_events_kind(r->ev, k.name)) {
		return fail(r, r->lx.last, "kind declared twice");
	}
	if (r->ev->n_kinds == DW_KINDS_MAX) {
		r->limit = true;
		return fail(r, r->lx.last, "more than 64 kinds");
	}
	if (!fields(r, &k.fields, &k.n_fields, &k.cap, 0)) {
		return false;
	}
	if (!ARENA_GROW(r->a, &r->ev->kinds, r->ev->n_kinds, &r->cap)) {
		return no_memory(r);
	}
	r->ev->kinds[r->ev->n_kinds++] = k;
	return true;
}

static bool max_window(struct reader *r)
{
	static const struct {
		struct str unit;
		int64_t ms;
	} units[] = {{STR_INIT("s"), 1000},
		     {STR_INIT("m"), 60000},
		     {STR_INIT("h"), 3600000},
		     {STR_INIT("d"), DAY_MS}};
	struct policy_token tok;
	int64_t n;

	if (!policy_lex_expect(&r->lx, POLICY_TOK_ASSIGN, "after max_window")) {
		return false;
	}
	tok = r->lx.tok;
	if (!policy_lex_expect(&r->lx, POLICY_TOK_NUMBER, NULL)) {
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (word(r, units[i].unit)) {
			if (!str_to_i64(tok.text, &n) || n == 0 ||
			    __builtin_mul_overflow(n, units[i].ms, &r->ev->max_window_ms)) {
				return fail(r, tok.span, "max_window is out of range");
			}
			return true;
		}
	}
	policy_lex_unexpected(&r->lx, "a unit of time: s, m, h or d");
	return false;
}

const struct dw_kind *dw_events_kind(const struct dw_events *ev, struct str n)
{
	for (size_t i = 0; i < ev->n_kinds; i++) {
		if (str_eq(ev->kinds[i].name, n)) {
			return &ev->kinds[i];
		}
	}
	return NULL;
}

static const struct dw_field *field_find(const struct dw_kind *k, struct str n)
{
	for (size_t i = 0; i < k->n_fields; i++) {
		if (str_eq(k->fields[i].name, n)) {
			return &k->fields[i];
		}
	}
	return NULL;
}

/* The forms of a pin for which "events that agree on it" is the history of one key. */
static bool is_symmetric(const struct dw_field *f)
{
	if (!f->pin) {
		return false;
	}
	if (f->pin_base == POLICY_VAR_CONTEXT) {
		return f->n_pin_path == 1 && str_eq(f->pin_path[0], f->name);
	}
	return f->n_pin_path == 0 &&
	       str_eq(f->name, f->pin_base == POLICY_VAR_PRINCIPAL ? STR("callerPrincipal")
								   : STR("callerResource"));
}

static bool is_universal(const struct dw_events *ev, const struct dw_field *f)
{
	for (size_t i = 0; i < ev->n_kinds; i++) {
		const struct dw_field *g = field_find(&ev->kinds[i], f->name);

		if (!g || !is_symmetric(g) || g->pin_base != f->pin_base || g->type != f->type ||
		    g->kind != f->kind) {
			return false;
		}
	}
	return true;
}

static void find_partition(struct dw_events *ev)
{
	for (size_t i = 0; i < ev->kinds[0].n_fields; i++) {
		const struct dw_field *f = &ev->kinds[0].fields[i];

		if (is_symmetric(f) && is_universal(ev, f) && ev->n_partition < DW_PINS_MAX) {
			ev->partition[ev->n_partition++] = f;
		}
	}
}

static bool whole(struct reader *r)
{
	bool decision = false;

	if (word(r, STR("max_window")) && !max_window(r)) {
		return false;
	}
	while (r->lx.tok.kind != POLICY_TOK_END) {
		if (!event(r)) {
			return false;
		}
		decision = decision || r->ev->kinds[r->ev->n_kinds - 1].decision;
	}
	if (!decision) {
		return fail(r, r->lx.tok.span, "no kind is marked `decision`");
	}
	find_partition(r->ev);
	return true;
}

enum err_code dw_events_load(struct arena *a, const struct policy_source *src,
			     const struct schema *schema, const struct dw_events **ret,
			     struct policy_diags *diags, struct err *err)
{
	struct reader r = {.a = a, .schema = schema, .ev = ARENA_NEW(a, struct dw_events)};

	if (!r.ev) {
		return ERR(err, ERR_NOMEM, "event schema: out of memory");
	}
	r.ev->max_window_ms = DAY_MS;
	if (!policy_lex_init(&r.lx, src ? src : &builtin, diags) || !whole(&r)) {
		if (r.nomem || a->exhausted) {
			return ERR(err, ERR_NOMEM, "event schema: out of memory");
		}
		if (!diags) {
			return ERR(err, r.limit ? ERR_LIMIT : ERR_SYNTAX, "not an event schema");
		}
		return policy_diags_err(diags, r.limit ? ERR_LIMIT : ERR_SYNTAX, err);
	}
	*ret = r.ev;
	return ERR_OK;
}

static enum dw_lookup add_all(struct arena *a, const struct schema_entity *const *es, size_t n,
			      const struct str *path, size_t n_path, struct dw_types *ret)
{
	for (size_t i = 0; i < n; i++) {
		const struct type *t = dw_type_path(&es[i]->type, path, n_path);

		if (!t || n_path > 0) {
			return DW_MISSING; /* an event holds the entity's name, not the entity */
		}
		if (!dw_types_add(a, ret, t)) {
			return DW_NOMEM;
		}
	}
	return n > 0 ? DW_FOUND : DW_MISSING;
}

static enum dw_lookup add_path(struct arena *a, const struct type *t, const struct str *path,
			       size_t n, struct dw_types *ret)
{
	for (size_t i = 0; t && i < n; i++) {
		const struct type_field *f = NULL;

		if (t->kind == TYPE_RECORD) {
			f = type_field_find(t, path[i]);
		}
		t = f ? f->type : NULL;
	}
	if (!t) {
		return DW_MISSING;
	}
	if (t->kind == TYPE_RECORD) {
		return DW_IS_GROUP;
	}
	return dw_types_add(a, ret, t) ? DW_FOUND : DW_NOMEM;
}

static enum dw_lookup in_context(struct arena *a, const struct schema_action *action,
				 struct str group, const struct str *path, size_t n,
				 struct dw_types *ret)
{
	const struct type_field *f = type_field_find(action->context, group);

	return f ? add_path(a, f->type, path, n, ret) : DW_MISSING;
}

enum dw_lookup dw_events_field(struct arena *a, const struct dw_kind *kind,
			       const struct schema_action *action, const struct str *path, size_t n,
			       struct dw_types *ret)
{
	const struct dw_field *f = field_find(kind, path[0]);

	for (; f; f = NULL) {
		path++;
		n--;
		switch (f->kind) {
		case DW_FIELD_TYPE:
			return add_path(a, f->type, path, n, ret);
		case DW_FIELD_INPUTS:
			return in_context(a, action, STR("input"), path, n, ret);
		case DW_FIELD_OUTPUTS:
			return in_context(a, action, STR("output"), path, n, ret);
		case DW_FIELD_PRINCIPAL:
			return add_all(a, action->principals, action->n_principals, path, n, ret);
		case DW_FIELD_RESOURCE:
			return add_all(a, action->resources, action->n_resources, path, n, ret);
		case DW_FIELD_GROUP: {
			struct dw_kind inner = {.fields = f->fields, .n_fields = f->n_fields};

			return n == 0 ? DW_IS_GROUP
				      : dw_events_field(a, &inner, action, path, n, ret);
		}
		}
	}
	return DW_MISSING;
}
