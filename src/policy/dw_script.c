/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of provider scripts. The interpreter is dw_script_run.c. */
#include "policy/dw_script_priv.h"

#define FNS_MAX   256
#define NODES_MAX 65536

enum token {
	T_END = 0,
	T_NAME,
	T_INT,
	T_TEXT,
	T_PUNCT, /* text: one or two characters */
};

struct reader {
	struct arena *a;
	struct str src;
	size_t at;
	uint32_t line;
	enum token tok;
	struct str text;
	int depth;
	size_t nodes;
	struct dw_script *script;
	struct script_node **calls; /* by name, to be looked up at the end */
	size_t n_calls, cap_calls;
	struct err *err;
	enum err_code code;
};

static struct script_node *expression(struct reader *r);
static struct script_node *block(struct reader *r);

static bool fail(struct reader *r, enum err_code code, const char *what)
{
	if (!r->code) {
		r->code = ERR(r->err, code, "script, line %u: %s", r->line, what);
	}
	return false;
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip(struct reader *r)
{
	while (r->at < r->src.n) {
		char c = r->src.p[r->at];

		if (c == '\n') {
			r->line++;
		}
		if (c == '/' && r->at + 1 < r->src.n && r->src.p[r->at + 1] == '/') {
			while (r->at < r->src.n && r->src.p[r->at] != '\n') {
				r->at++;
			}
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			r->at++;
		} else {
			return;
		}
	}
}

static bool text_token(struct reader *r)
{
	char *out = arena_alloc(r->a, r->src.n - r->at);
	size_t n = 0;

	if (!out) {
		return fail(r, ERR_NOMEM, "out of memory");
	}
	for (r->at++; r->at < r->src.n && r->src.p[r->at] != '"'; r->at++) {
		char c = r->src.p[r->at];

		if (c == '\n') {
			break;
		}
		if (c == '\\') {
			c = ++r->at < r->src.n ? r->src.p[r->at] : '\0';
			if (c == 'n' || c == 't' || c == 'r') {
				c = c == 'n' ? '\n' : c == 't' ? '\t' : '\r';
			} else if (c != '\\' && c != '"' && c != '\'') {
				return fail(r, ERR_SYNTAX, "unknown escape");
			}
		}
		out[n++] = c;
	}
	if (r->at >= r->src.n || r->src.p[r->at] != '"') {
		return fail(r, ERR_SYNTAX, "a text does not end");
	}
	r->at++;
	r->tok = T_TEXT;
	r->text = str_make(out, n);
	return true;
}

static bool next(struct reader *r)
{
	static const char *const pairs[] = {"||", "&&", "==", "!=", "<=", ">=", "+=", "-=", "#{"};
	size_t start;
	char c;

	skip(r);
	start = r->at;
	r->tok = T_END;
	r->text = str_make(NULL, 0);
	if (r->at >= r->src.n) {
		return true;
	}
	c = r->src.p[r->at];
	if (c == '"') {
		return text_token(r);
	}
	r->tok = is_name(c) ? T_NAME : is_digit(c) ? T_INT : T_PUNCT;
	if (r->tok == T_PUNCT) {
		size_t n = 1;

		for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
			if (str_starts_with(str_from(r->src, start), str_from_c(pairs[i]))) {
				n = 2;
			}
		}
		r->at += n;
	} else {
		while (r->at < r->src.n && (is_digit(r->src.p[r->at]) ||
					    (r->tok == T_NAME && is_name(r->src.p[r->at])))) {
			r->at++;
		}
	}
	r->text = str_make(r->src.p + start, r->at - start);
	return true;
}

static bool is(const struct reader *r, const char *what)
{
	return (r->tok == T_PUNCT || r->tok == T_NAME) && str_eq(r->text, str_from_c(what));
}

static bool accept(struct reader *r, const char *what)
{
	return is(r, what) && next(r);
}

static bool expect(struct reader *r, const char *what)
{
	if (is(r, what)) {
		return next(r);
	}
	if (!r->code) {
		r->code = ERR(r->err, ERR_SYNTAX, "script, line %u: expected `%s`", r->line, what);
	}
	return false;
}

static struct script_node *node(struct reader *r, enum script_kind kind)
{
	struct script_node *n = r->nodes < NODES_MAX ? ARENA_NEW(r->a, struct script_node) : NULL;

	if (!n) {
		fail(r, r->nodes < NODES_MAX ? ERR_NOMEM : ERR_LIMIT,
		     "out of memory, or more than 65536 nodes");
		return NULL;
	}
	r->nodes++;
	n->kind = kind;
	n->line = r->line;
	return n;
}

static bool add(struct reader *r, struct script_node *to, struct script_node *kid)
{
	if (!kid) {
		return false;
	}
	if (!ARENA_GROW(r->a, &to->kid, to->n, &to->cap)) {
		return fail(r, ERR_NOMEM, "out of memory");
	}
	to->kid[to->n++] = kid;
	return true;
}

static bool list(struct reader *r, struct script_node *to, const char *close)
{
	while (!is(r, close)) {
		if (!add(r, to, expression(r))) {
			return false;
		}
		if (!accept(r, ",")) {
			break;
		}
	}
	return expect(r, close);
}

static struct script_node *map(struct reader *r)
{
	struct script_node *n = node(r, SCRIPT_MAP);

	while (n && !is(r, "}")) {
		struct str key = r->text;

		if (r->tok != T_NAME && r->tok != T_TEXT) {
			fail(r, ERR_SYNTAX, "expected a key");
			return NULL;
		}
		if (!next(r) || !expect(r, ":")) {
			return NULL;
		}
		if (!ARENA_GROW(r->a, &n->names, n->n, &n->cap_names)) {
			fail(r, ERR_NOMEM, "out of memory");
			return NULL;
		}
		n->names[n->n] = key;
		if (!add(r, n, expression(r))) {
			return NULL;
		}
		if (!accept(r, ",")) {
			break;
		}
	}
	return n && expect(r, "}") ? n : NULL;
}

static struct script_node *conditional(struct reader *r)
{
	struct script_node *n = node(r, SCRIPT_IF);

	if (!n || !add(r, n, expression(r)) || !add(r, n, block(r))) {
		return NULL;
	}
	if (accept(r, "else")) {
		struct script_node *other = accept(r, "if") ? conditional(r) : block(r);

		return add(r, n, other) ? n : NULL;
	}
	return n;
}

static bool note_call(struct reader *r, struct script_node *n)
{
	if (!ARENA_GROW(r->a, &r->calls, r->n_calls, &r->cap_calls)) {
		return fail(r, ERR_NOMEM, "out of memory");
	}
	r->calls[r->n_calls++] = n;
	return true;
}

static struct script_node *named(struct reader *r)
{
	static const char *const unknown[] = {"loop",  "switch", "import", "try",    "throw",
					      "const", "do",     "global", "export", "eval"};
	struct script_node *n;

	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		if (is(r, unknown[i])) {
			fail(r, ERR_UNSUPPORTED, "this part of the language is not supported");
			return NULL;
		}
	}
	if (accept(r, "if")) {
		return conditional(r);
	}
	if (is(r, "true") || is(r, "false")) {
		n = node(r, SCRIPT_BOOL);
		if (n) {
			n->number = is(r, "true");
		}
		return n && next(r) ? n : NULL;
	}
	n = node(r, SCRIPT_NAME);
	if (!n) {
		return NULL;
	}
	n->text = r->text;
	if (!next(r)) {
		return NULL;
	}
	if (accept(r, "(")) {
		n->kind = SCRIPT_CALL;
		return list(r, n, ")") && note_call(r, n) ? n : NULL;
	}
	return n;
}

static struct script_node *primary(struct reader *r)
{
	struct script_node *n;

	if (r->tok == T_NAME) {
		return named(r);
	}
	if (r->tok == T_INT || r->tok == T_TEXT) {
		n = node(r, r->tok == T_INT ? SCRIPT_INT : SCRIPT_TEXT);
		if (!n) {
			return NULL;
		}
		n->text = r->text;
		if (r->tok == T_INT && !str_to_i64(r->text, &n->number)) {
			fail(r, ERR_SYNTAX, "number does not fit in 64 bits");
			return NULL;
		}
		return next(r) ? n : NULL;
	}
	if (is(r, "{")) {
		return block(r);
	}
	if (accept(r, "(")) {
		if (accept(r, ")")) {
			return node(r, SCRIPT_UNIT);
		}
		n = expression(r);
		return n && expect(r, ")") ? n : NULL;
	}
	if (accept(r, "[")) {
		n = node(r, SCRIPT_ARRAY);
		return n && list(r, n, "]") ? n : NULL;
	}
	if (accept(r, "#{")) {
		return map(r);
	}
	fail(r, ERR_SYNTAX, "expected an expression");
	return NULL;
}

static struct script_node *postfix(struct reader *r)
{
	struct script_node *left = primary(r);
	size_t chain = 0;

	while (left && (is(r, ".") || is(r, "["))) {
		bool dot = is(r, ".");
		struct script_node *n = node(r, dot ? SCRIPT_FIELD : SCRIPT_INDEX);

		if (++chain > DW_SCRIPT_DEPTH) {
			fail(r, ERR_LIMIT, "more than 64 accesses in a row");
			return NULL;
		}
		if (!n || !next(r) || !add(r, n, left)) {
			return NULL;
		}
		left = n;
		if (!dot) {
			if (!add(r, n, expression(r)) || !expect(r, "]")) {
				return NULL;
			}
			continue;
		}
		if (r->tok != T_NAME) {
			fail(r, ERR_SYNTAX, "expected a name after the point");
			return NULL;
		}
		n->text = r->text;
		if (!next(r)) {
			return NULL;
		}
		if (accept(r, "(")) {
			n->kind = SCRIPT_METHOD;
			if (!list(r, n, ")")) {
				return NULL;
			}
		}
	}
	return left;
}

static struct script_node *unary(struct reader *r)
{
	struct script_node *n, *kid;

	if (!is(r, "!") && !is(r, "-")) {
		return postfix(r);
	}
	if (r->depth >= DW_SCRIPT_DEPTH) {
		fail(r, ERR_LIMIT, "nested deeper than 64");
		return NULL;
	}
	n = node(r, SCRIPT_UNARY);
	if (!n) {
		return NULL;
	}
	n->op = is(r, "!") ? SCRIPT_NOT : SCRIPT_NEG;
	r->depth++;
	kid = next(r) ? unary(r) : NULL;
	r->depth--;
	return add(r, n, kid) ? n : NULL;
}

static int precedence(const struct reader *r, enum script_op *op)
{
	static const struct {
		const char *text;
		enum script_op op;
		int level;
	} ops[] = {
		{"||", SCRIPT_OR, 1}, {"&&", SCRIPT_AND, 2}, {"==", SCRIPT_EQ, 3},
		{"!=", SCRIPT_NE, 3}, {"<", SCRIPT_LT, 4},   {"<=", SCRIPT_LE, 4},
		{">", SCRIPT_GT, 4},  {">=", SCRIPT_GE, 4},  {"+", SCRIPT_ADD, 5},
		{"-", SCRIPT_SUB, 5}, {"*", SCRIPT_MUL, 6},  {"/", SCRIPT_DIV, 6},
		{"%", SCRIPT_REM, 6},
	};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (is(r, ops[i].text)) {
			*op = ops[i].op;
			return ops[i].level;
		}
	}
	return 0;
}

static struct script_node *binary(struct reader *r, int level)
{
	struct script_node *left = level == 7 ? unary(r) : binary(r, level + 1);
	size_t chain = 0;
	enum script_op op = SCRIPT_NOP;

	while (left && level < 7 && precedence(r, &op) == level) {
		struct script_node *n = node(r, SCRIPT_BINARY);

		if (++chain > DW_SCRIPT_DEPTH) {
			fail(r, ERR_LIMIT, "more than 64 operators in a row");
			return NULL;
		}
		if (!n || !next(r) || !add(r, n, left) || !add(r, n, binary(r, level + 1))) {
			return NULL;
		}
		n->op = op;
		left = n;
	}
	return left;
}

static struct script_node *expression(struct reader *r)
{
	struct script_node *n;

	if (r->depth >= DW_SCRIPT_DEPTH) {
		fail(r, ERR_LIMIT, "nested deeper than 64");
		return NULL;
	}
	r->depth++;
	n = binary(r, 1);
	r->depth--;
	return n;
}

static struct script_node *loop(struct reader *r, bool is_for)
{
	struct script_node *n = node(r, is_for ? SCRIPT_FOR : SCRIPT_WHILE);

	if (!n) {
		return NULL;
	}
	if (is_for) {
		n->text = r->text;
		if (r->tok != T_NAME || !next(r) || !expect(r, "in")) {
			fail(r, ERR_SYNTAX, "expected `for NAME in`");
			return NULL;
		}
	}
	return add(r, n, expression(r)) && add(r, n, block(r)) ? n : NULL;
}

/* *open: no semicolon behind it. */
static struct script_node *statement(struct reader *r, bool *open)
{
	struct script_node *n, *e;

	*open = false;
	if (accept(r, "for") || is(r, "while")) {
		bool is_for = !is(r, "while") || !accept(r, "while");

		return loop(r, is_for);
	}
	if (accept(r, "let")) {
		n = node(r, SCRIPT_LET);
		if (!n) {
			return NULL;
		}
		n->text = r->text;
		if (r->tok != T_NAME || !next(r)) {
			fail(r, ERR_SYNTAX, "expected a name after `let`");
			return NULL;
		}
		return expect(r, "=") && add(r, n, expression(r)) && expect(r, ";") ? n : NULL;
	}
	if (accept(r, "return")) {
		n = node(r, SCRIPT_RETURN);
		if (!n || (!is(r, ";") && !is(r, "}") && !add(r, n, expression(r)))) {
			return NULL;
		}
		return is(r, "}") || expect(r, ";") ? n : NULL;
	}
	if (is(r, "break") || is(r, "continue")) {
		n = node(r, is(r, "break") ? SCRIPT_BREAK : SCRIPT_CONTINUE);
		return n && next(r) && expect(r, ";") ? n : NULL;
	}
	e = expression(r);
	if (!e) {
		return NULL;
	}
	if (is(r, "=") || is(r, "+=") || is(r, "-=")) {
		n = node(r, SCRIPT_ASSIGN);
		if (!n || !add(r, n, e)) {
			return NULL;
		}
		n->op = is(r, "=") ? SCRIPT_NOP : is(r, "+=") ? SCRIPT_ADD : SCRIPT_SUB;
		return next(r) && add(r, n, expression(r)) && expect(r, ";") ? n : NULL;
	}
	*open = !accept(r, ";");
	return e;
}

static struct script_node *block(struct reader *r)
{
	struct script_node *n = node(r, SCRIPT_BLOCK);

	if (r->depth >= DW_SCRIPT_DEPTH) {
		fail(r, ERR_LIMIT, "nested deeper than 64");
		return NULL;
	}
	if (!n || !expect(r, "{")) {
		return NULL;
	}
	r->depth++;
	while (!is(r, "}")) {
		bool open;
		struct script_node *s = statement(r, &open);

		if (!add(r, n, s)) {
			return NULL;
		}
		n->value = open;
		if (open && !is(r, "}") && s->kind != SCRIPT_IF && s->kind != SCRIPT_BLOCK) {
			fail(r, ERR_SYNTAX, "expected `;`");
			return NULL;
		}
	}
	r->depth--;
	return next(r) ? n : NULL;
}

static bool function(struct reader *r)
{
	struct script_fn f = {0};

	if (!expect(r, "fn")) {
		return false;
	}
	f.name = r->text;
	if (r->tok != T_NAME || !next(r) || !expect(r, "(")) {
		return fail(r, ERR_SYNTAX, "expected `fn NAME(`");
	}
	while (!is(r, ")")) {
		if (r->tok != T_NAME) {
			return fail(r, ERR_SYNTAX, "expected a parameter");
		}
		if (f.n_params == ARRAY_LEN(f.params)) {
			return fail(r, ERR_LIMIT, "more than 16 parameters");
		}
		f.params[f.n_params++] = r->text;
		if (!next(r)) {
			return false;
		}
		if (!accept(r, ",")) {
			break;
		}
	}
	if (!expect(r, ")")) {
		return false;
	}
	if (script_fn_find(r->script, f.name, f.n_params)) {
		return fail(r, ERR_SYNTAX, "function defined twice");
	}
	if (r->script->n == FNS_MAX) {
		return fail(r, ERR_LIMIT, "more than 256 functions");
	}
	f.body = block(r);
	if (!f.body) {
		return false;
	}
	if (!ARENA_GROW(r->a, &r->script->fns, r->script->n, &r->script->cap)) {
		return fail(r, ERR_NOMEM, "out of memory");
	}
	r->script->fns[r->script->n++] = f;
	return true;
}

const struct script_fn *script_fn_find(const struct dw_script *s, struct str name, size_t n)
{
	for (size_t i = 0; i < s->n; i++) {
		if (str_eq(s->fns[i].name, name) && s->fns[i].n_params == n) {
			return &s->fns[i];
		}
	}
	return NULL;
}

const struct script_fn *dw_script_find(const struct dw_script *script, struct str name,
				       size_t n_params)
{
	return script_fn_find(script, name, n_params);
}

/* What the interpreter has besides the script's own. */
static bool is_builtin(struct str name, size_t n_args)
{
	static const struct {
		struct str name;
		size_t n_args;
	} fns[] = {
		{STR_INIT("type_of"), 1},     {STR_INIT("parse_decimal"), 1},
		{STR_INIT("regex_find"), 2},  {STR_INIT("regex_is_match"), 2},
		{STR_INIT("regex_count"), 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(fns); i++) {
		if (str_eq(fns[i].name, name) && fns[i].n_args == n_args) {
			return true;
		}
	}
	return false;
}

static enum err_code check_calls(struct reader *r)
{
	for (size_t i = 0; i < r->n_calls; i++) {
		const struct script_node *n = r->calls[i];

		if (str_eq(n->text, STR("http_get"))) {
			return ERR(
				r->err, ERR_UNSUPPORTED,
				"script, line %u: `http_get`: scripts have no network, a decision "
				"must be the same when it is replayed",
				n->line);
		}
		if (!script_fn_find(r->script, n->text, n->n) && !is_builtin(n->text, n->n)) {
			return ERR(r->err, ERR_INVALID,
				   "script, line %u: no function `" STR_FMT "` with %zu arguments",
				   n->line, STR_ARG(n->text), n->n);
		}
	}
	return ERR_OK;
}

enum err_code dw_script_parse(struct arena *a, struct str text, struct str entry, size_t n_params,
			      const struct dw_script **ret, struct err *err)
{
	struct reader r = {.a = a,
			   .src = text,
			   .line = 1,
			   .script = ARENA_NEW(a, struct dw_script),
			   .err = err};

	if (!r.script) {
		return ERR(err, ERR_NOMEM, "script: out of memory");
	}
	if (!str_is_utf8(text)) {
		return ERR(err, ERR_SYNTAX, "script: not UTF-8");
	}
	if (!next(&r)) {
		return r.code;
	}
	while (r.tok != T_END) {
		if (!function(&r)) {
			return r.code ? r.code : ERR(err, ERR_SYNTAX, "script: malformed");
		}
	}
	TRY(check_calls(&r));
	r.script->entry = script_fn_find(r.script, entry, n_params);
	if (!r.script->entry) {
		return ERR(err, ERR_INVALID, "script: no function " STR_FMT " with %zu parameters",
			   STR_ARG(entry), n_params);
	}
	*ret = r.script;
	return ERR_OK;
}
