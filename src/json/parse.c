/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document is read by one loop with an explicit stack:
 *
 *   value -> scalar ----------------> after
 *         -> [ or { -> push --------> value          (or straight to after, when empty)
 *   after -> , ---------------------> value          (a member's name first, in an object)
 *         -> ] or } -> check, pop --> after
 *         -> stack empty -----------> end of text
 */
#include "json/parse.h"

#include "json/bytes_priv.h"

#include <stdio.h>

enum { SMALL_OBJECT = 8 }; /* up to here names are compared pair by pair */

struct frame {
	struct json *node;
	struct json *last; /* last child so far */
};

struct parser {
	struct arena *a;
	struct str text;
	struct str name;
	size_t at;
	size_t max_depth, max_nodes;
	struct hash_key seed;
	struct frame *stack;
	size_t depth, stack_cap;
	size_t nodes;
	const struct json **slots; /* reused by the duplicate check of every large object */
	size_t slots_cap;
	struct err *err;
};

static enum err_code fail(struct parser *p, enum err_code code, size_t at, const char *what)
{
	size_t line, column;

	if (!p->err) {
		return code;
	}
	json_position(p->text, at, &line, &column);
	return ERR(p->err, code, STR_FMT ":%zu:%zu: %s (byte %zu)", STR_ARG(p->name), line, column,
		   what, at);
}

static int peek(const struct parser *p)
{
	return p->at < p->text.n ? (unsigned char)p->text.p[p->at] : -1;
}

static void skip_space(struct parser *p)
{
	for (int c = peek(p); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(p)) {
		p->at++;
	}
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static struct str span_from(const struct parser *p, size_t start)
{
	return str_make(p->text.p + start, p->at - start);
}

/* ---- strings ---- */

/* At "\u". RFC 8259 section 7: beyond the BMP, a pair of surrogates. */
static enum err_code check_unicode(struct parser *p)
{
	const char *at = p->text.p + p->at, *end = p->text.p + p->text.n;
	int v = bytes_hex4(at + 2, end), low;

	if (v < 0) {
		return fail(p, ERR_SYNTAX, p->at, "\\u needs four hexadecimal digits");
	}
	if (v >= 0xdc00 && v <= 0xdfff) {
		return fail(p, ERR_INVALID, p->at, "low surrogate without a high one");
	}
	if (v >= 0xd800 && v <= 0xdbff) {
		low = end - at >= 8 && at[6] == '\\' && at[7] == 'u' ? bytes_hex4(at + 8, end) : -1;
		if (low < 0xdc00 || low > 0xdfff) {
			return fail(p, ERR_INVALID, p->at, "high surrogate without a low one");
		}
		p->at += 6;
	}
	p->at += 6;
	return ERR_OK;
}

/* Checks every escape in [start, end) of the text, then decodes all into the arena. */
static enum err_code decode_string(struct parser *p, size_t start, size_t end, struct str *ret)
{
	char *to;

	for (p->at = start; p->at < end;) {
		if (p->text.p[p->at] != '\\') {
			p->at++;
		} else if (p->text.p[p->at + 1] == 'u') {
			TRY(check_unicode(p));
		} else if (!memchr("\"\\/bfnrt", p->text.p[p->at + 1], 8)) {
			return fail(p, ERR_SYNTAX, p->at, "unknown escape in a string");
		} else {
			p->at += 2;
		}
	}
	to = arena_alloc(p->a, end - start);
	if (!to) {
		return fail(p, ERR_NOMEM, start, "out of memory for this document");
	}
	*ret = str_make(to, bytes_decode(str_make(p->text.p + start, end - start), to));
	return ERR_OK;
}

static enum err_code parse_string(struct parser *p, struct str *ret)
{
	size_t quote = p->at, start = quote + 1;
	bool escaped = false, ascii = true;
	struct str s;

	for (p->at = start;;) {
		const char *end = p->text.p + p->text.n;
		int c;

		p->at = (size_t)(bytes_plain(p->text.p + p->at, end, BYTES_SIMD) - p->text.p);
		c = peek(p);
		if (c == '"') {
			break;
		}
		if (c < 0) {
			return fail(p, ERR_SYNTAX, quote, "string without an end");
		}
		if (c < 0x20) {
			return fail(p, ERR_SYNTAX, p->at, "control character in a string");
		}
		escaped |= c == '\\';
		ascii &= c < 0x80;
		p->at++;
		if (c == '\\' && p->at < p->text.n) {
			p->at++; /* this byte ends nothing; decode_string judges it */
		}
	}
	s = span_from(p, start);
	if (!ascii && !str_is_utf8(s)) {
		return fail(p, ERR_INVALID, quote, "string is not UTF-8");
	}
	if (escaped) {
		TRY(decode_string(p, start, start + s.n, &s));
	}
	p->at++;
	*ret = s;
	return ERR_OK;
}

/* ---- numbers and words ---- */

static bool skip_digits(struct parser *p)
{
	size_t start = p->at;

	while (is_digit(peek(p))) {
		p->at++;
	}
	return p->at > start;
}

static enum err_code parse_number(struct parser *p, struct json *j)
{
	size_t start = p->at;

	if (peek(p) == '-') {
		p->at++;
	}
	if (peek(p) == '0') {
		p->at++;
		if (is_digit(peek(p))) {
			return fail(p, ERR_SYNTAX, start, "number with a leading zero");
		}
	} else if (!skip_digits(p)) {
		return fail(p, ERR_SYNTAX, start, "number without digits");
	}
	if (peek(p) == '.') {
		p->at++;
		if (!skip_digits(p)) {
			return fail(p, ERR_SYNTAX, start, "number without digits after the point");
		}
	}
	if (peek(p) == 'e' || peek(p) == 'E') {
		p->at++;
		if (peek(p) == '+' || peek(p) == '-') {
			p->at++;
		}
		if (!skip_digits(p)) {
			return fail(p, ERR_SYNTAX, start, "number without digits in its exponent");
		}
	}
	j->type = JSON_NUMBER;
	j->text = span_from(p, start);
	return ERR_OK;
}

static enum err_code parse_word(struct parser *p, struct json *j)
{
	struct str rest = str_from(p->text, p->at);

	if (str_starts_with(rest, STR("true"))) {
		j->type = JSON_BOOL;
		j->boolean = true;
		p->at += 4;
	} else if (str_starts_with(rest, STR("false"))) {
		j->type = JSON_BOOL;
		p->at += 5;
	} else if (str_starts_with(rest, STR("null"))) {
		j->type = JSON_NULL;
		p->at += 4;
	} else if (rest.n == 0) {
		return fail(p, ERR_SYNTAX, p->at, "the text ends where a value should be");
	} else if (p->at == 0 && str_starts_with(rest, STR("\xef\xbb\xbf"))) {
		return fail(p, ERR_SYNTAX, 0, "byte order mark before the text");
	} else {
		return fail(p, ERR_SYNTAX, p->at, "expected a value");
	}
	return ERR_OK;
}

/* ---- duplicate names ---- */

static enum err_code fail_duplicate(struct parser *p, const struct json *member)
{
	char what[96], name[40];
	size_t n = member->key.n < sizeof(name) ? member->key.n : sizeof(name);

	for (size_t i = 0; i < n; i++) {
		char c = member->key.p[i];

		name[i] = c >= ' ' && c <= '~' ? c
					       : '?'; /* hostile text, and a terminal may show it */
	}
	(void)snprintf(what, sizeof(what), "member \"%.*s\" appears twice in one object", (int)n,
		       name);
	return fail(p, ERR_INVALID, member->key_at, what);
}

static enum err_code check_small(struct parser *p, const struct json *obj)
{
	JSON_EACH (m, obj) {
		for (const struct json *o = m->next; o; o = o->next) {
			if (str_eq(m->key, o->key)) {
				return fail_duplicate(p, o);
			}
		}
	}
	return ERR_OK;
}

/* Linear probing over a table at most half full. */
static enum err_code check_large(struct parser *p, const struct json *obj)
{
	size_t want = 2 * SMALL_OBJECT;

	while (want < 2 * (size_t)obj->n) {
		want *= 2;
	}
	if (p->slots_cap < want) {
		p->slots = ARENA_ARRAY(p->a, want, const struct json *);
		if (!p->slots) {
			p->slots_cap = 0;
			return fail(p, ERR_NOMEM, obj->at, "out of memory for this document");
		}
		p->slots_cap = want;
	} else {
		memset((void *)p->slots, 0, want * sizeof(const struct json *));
	}
	JSON_EACH (m, obj) {
		size_t i = (size_t)hash_str(p->seed, m->key) & (want - 1);

		while (p->slots[i]) {
			if (str_eq(p->slots[i]->key, m->key)) {
				return fail_duplicate(p, m);
			}
			i = (i + 1) & (want - 1);
		}
		p->slots[i] = m;
	}
	return ERR_OK;
}

static enum err_code check_duplicates(struct parser *p, const struct json *obj)
{
	return obj->n <= SMALL_OBJECT ? check_small(p, obj) : check_large(p, obj);
}

/* ---- structure ---- */

/* p->at is where a member's name should begin; leaves it at the value. */
static enum err_code parse_key(struct parser *p, struct str *ret_key, uint32_t *ret_at)
{
	skip_space(p);
	if (peek(p) != '"') {
		return fail(p, ERR_SYNTAX, p->at, "expected a member name in double quotes");
	}
	*ret_at = (uint32_t)p->at;
	TRY(parse_string(p, ret_key));
	skip_space(p);
	if (peek(p) != ':') {
		return fail(p, ERR_SYNTAX, p->at, "expected ':' after a member name");
	}
	p->at++;
	return ERR_OK;
}

static enum err_code push(struct parser *p, struct json *node)
{
	if (p->depth >= p->max_depth) {
		return fail(p, ERR_LIMIT, node->at, "nested too deeply");
	}
	if (!ARENA_GROW(p->a, &p->stack, p->depth, &p->stack_cap)) {
		return fail(p, ERR_NOMEM, node->at, "out of memory for this document");
	}
	p->stack[p->depth++] = (struct frame){.node = node};
	return ERR_OK;
}

/* A new node at p->at, the next child of the open container; in an object, its name is read. */
static enum err_code open_node(struct parser *p, struct json **ret)
{
	struct frame *up = p->depth ? &p->stack[p->depth - 1] : NULL;
	struct json *j;

	if (p->nodes++ >= p->max_nodes) {
		return fail(p, ERR_LIMIT, p->at, "too many values in one document");
	}
	j = ARENA_NEW(p->a, struct json);
	if (!j) {
		return fail(p, ERR_NOMEM, p->at, "out of memory for this document");
	}
	if (up) {
		if (up->node->type == JSON_OBJECT) {
			TRY(parse_key(p, &j->key, &j->key_at));
		}
		if (up->last) {
			up->last->next = j;
		} else {
			up->node->first = j;
		}
		up->last = j;
		up->node->n++;
	}
	skip_space(p);
	j->at = (uint32_t)p->at;
	*ret = j;
	return ERR_OK;
}

/* Reads a scalar, or the opening of a container; *ret_open says that children follow. */
static enum err_code parse_value(struct parser *p, struct json *j, bool *ret_open)
{
	int c = peek(p);

	*ret_open = false;
	if (c == '{' || c == '[') {
		j->type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
		TRY(push(p, j));
		p->at++;
		skip_space(p);
		*ret_open = peek(p) != (c == '{' ? '}' : ']');
		return ERR_OK; /* an empty container is closed by close_values */
	}
	if (c == '"') {
		TRY(parse_string(p, &j->text));
		j->type = JSON_STRING;
	} else if (c == '-' || is_digit(c)) {
		TRY(parse_number(p, j));
	} else {
		TRY(parse_word(p, j));
	}
	j->raw = span_from(p, j->at);
	return ERR_OK;
}

/* After a value: closes containers until a comma asks for another value or none is open. */
static enum err_code close_values(struct parser *p)
{
	while (p->depth) {
		struct json *up = p->stack[p->depth - 1].node;
		bool object = up->type == JSON_OBJECT;
		int c;

		skip_space(p);
		c = peek(p);
		if (c == ',' && up->n > 0) {
			p->at++;
			skip_space(p);
			return ERR_OK;
		}
		if (c != (object ? '}' : ']')) {
			return fail(p, ERR_SYNTAX, p->at,
				    object ? "expected ',' or '}' in an object"
					   : "expected ',' or ']' in an array");
		}
		p->at++;
		up->raw = span_from(p, up->at);
		if (object) {
			TRY(check_duplicates(p, up));
		}
		p->depth--;
	}
	return ERR_OK;
}

static enum err_code parse_document(struct parser *p, const struct json **ret)
{
	struct json *root = NULL, *j = NULL;
	bool open;

	skip_space(p);
	do {
		TRY(open_node(p, &j));
		root = root ? root : j;
		TRY(parse_value(p, j, &open));
		if (!open) {
			TRY(close_values(p));
		}
	} while (p->depth);
	skip_space(p);
	if (p->at < p->text.n) {
		return fail(p, ERR_SYNTAX, p->at, "more text after the document");
	}
	*ret = root;
	return ERR_OK;
}

enum err_code json_parse(struct arena *a, struct str text, const struct json_opts *opts,
			 const struct json **ret, struct err *err)
{
	static const struct json_opts none;
	const struct json_opts *o = opts ? opts : &none;
	struct parser p = {
		.a = a,
		.text = text,
		.name = o->name.n ? o->name : STR("json"),
		.max_depth = bytes_limit(o->max_depth, JSON_MAX_DEPTH, JSON_DEPTH_CEILING),
		.max_nodes = bytes_limit(o->max_nodes, JSON_MAX_NODES, INT32_MAX),
		.seed = o->seed,
		.err = err,
	};

	if (text.n > bytes_limit(o->max_bytes, JSON_MAX_BYTES, UINT32_MAX)) {
		return ERR(err, ERR_LIMIT, STR_FMT ": %zu bytes are more than %zu", STR_ARG(p.name),
			   text.n, bytes_limit(o->max_bytes, JSON_MAX_BYTES, UINT32_MAX));
	}
	return parse_document(&p, ret);
}
