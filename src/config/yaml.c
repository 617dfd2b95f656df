/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events, not documents: libfyaml's document builder resolves and compares keys
 * in ways whose cost grows faster than the text. Here each event becomes a node
 * at once, and the open collections are an explicit stack of bounded depth.
 */
#include "config/yaml.h"

#include "base/map.h"

#include <libfyaml.h>

struct yaml_frame {
	struct json *node;
	struct json *last; /* last child, NULL when empty */
	struct map keys;   /* mappings: names seen */
	bool have_key;     /* mappings: the next node is a value */
	struct str key;
	size_t key_at;
};

struct yaml_run {
	struct arena *a;
	struct str name, text;
	struct err *err;
	struct fy_diag *diag;
	struct fy_parser *parser;
	struct json *root;
	bool have_document;
	size_t depth, n_nodes;
	struct yaml_frame stack[YAML_MAX_DEPTH];
};

static enum err_code yaml_error(struct yaml_run *r, enum err_code code, size_t at, const char *what)
{
	size_t line, column;

	json_position(r->text, at, &line, &column);
	return ERR(r->err, code, STR_FMT ":%zu:%zu: %s", STR_ARG(r->name), line, column, what);
}

/* Ours counts every byte we were given; libfyaml's marks are into the same bytes. */
static size_t token_at(const struct yaml_run *r, struct fy_token *t)
{
	const struct fy_mark *mark = t ? fy_token_start_mark(t) : NULL;
	size_t at = mark ? mark->input_pos : 0;

	return at < r->text.n ? at : r->text.n;
}

/* libfyaml's mark of an anchor, an alias or a quoted scalar stands behind the sign or quote. */
static size_t sign_at(const struct yaml_run *r, struct fy_token *t)
{
	size_t at = token_at(r, t);

	return at && strchr("&*'\"", r->text.p[at - 1]) ? at - 1 : at;
}

static bool is_digits(struct str s, const char *set)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!strchr(set, s.p[i])) {
			return false;
		}
	}
	return s.n > 0;
}

/* YAML 1.2.2 10.3.2: 0o[0-7]+ and 0x[0-9a-fA-F]+ */
static bool radix_number(struct yaml_run *r, struct str s, struct json *node)
{
	unsigned shift = s.n > 2 && s.p[0] == '0' && s.p[1] == 'x' ? 4 : 3;
	struct str digits = str_from(s, 2);
	uint64_t v = 0;

	if (s.n < 3 || s.p[0] != '0' || (s.p[1] != 'x' && s.p[1] != 'o') ||
	    !is_digits(digits, shift == 4 ? "0123456789abcdefABCDEF" : "01234567")) {
		return false;
	}
	for (size_t i = 0; i < digits.n; i++) {
		char c = digits.p[i];
		unsigned d = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;

		if (v >> (64 - shift)) {
			return false; /* larger than any number we use: stays text */
		}
		v = v << shift | d;
	}
	node->type = JSON_NUMBER;
	node->text = arena_printf(r->a, "%llu", (unsigned long long)v);
	return true;
}

static size_t span_digits(struct str s, size_t at)
{
	while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9') {
		at++;
	}
	return at;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, rewritten as JSON. */
static bool decimal_number(struct yaml_run *r, struct str s, struct json *node)
{
	bool minus = s.n && s.p[0] == '-';
	size_t at = s.n && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
	size_t whole = at, whole_end = span_digits(s, at), fraction = whole_end, fraction_end;
	struct str exponent, w, f;

	if (fraction < s.n && s.p[fraction] == '.') {
		fraction++;
	}
	fraction_end = fraction > whole_end ? span_digits(s, fraction) : whole_end;
	if (whole_end == whole && fraction_end == fraction) {
		return false;
	}
	exponent = str_from(s, fraction_end);
	if (exponent.n) {
		size_t sign = exponent.n > 1 && (exponent.p[1] == '-' || exponent.p[1] == '+');

		if ((exponent.p[0] | 0x20) != 'e' ||
		    !is_digits(str_from(exponent, 1 + sign), "0123456789")) {
			return false;
		}
	}
	while (whole + 1 < whole_end && s.p[whole] == '0') {
		whole++;
	}
	w = whole_end > whole ? str_make(s.p + whole, whole_end - whole) : STR("0");
	f = str_make(s.p + fraction, fraction_end - fraction);
	node->type = JSON_NUMBER;
	node->text = arena_printf(r->a, "%s" STR_FMT "%s" STR_FMT STR_FMT, minus ? "-" : "",
				  STR_ARG(w), f.n ? "." : "", STR_ARG(f), STR_ARG(exponent));
	return true;
}

static bool one_of(struct str s, const char *const *words)
{
	for (; *words; words++) {
		if (str_eq(s, str_from_c(*words))) {
			return true;
		}
	}
	return false;
}

static enum err_code type_plain(struct yaml_run *r, struct str s, struct json *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const not_json[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
					       "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
					       ".NaN",  ".NAN",  NULL};

	if (one_of(s, nulls)) {
		node->type = JSON_NULL;
	} else if (one_of(s, trues) || one_of(s, falses)) {
		node->type = JSON_BOOL;
		node->boolean = one_of(s, trues);
	} else if (one_of(s, not_json)) {
		return yaml_error(r, ERR_INVALID, node->at,
				  "infinity and not-a-number are not accepted; quote it if it is "
				  "text");
	} else if (!radix_number(r, s, node) && !decimal_number(r, s, node)) {
		node->type = JSON_STRING;
		node->text = arena_dup(r->a, s);
	}
	return r->a->exhausted ? ERR(r->err, ERR_NOMEM, "out of memory") : ERR_OK;
}

static struct yaml_frame *top(struct yaml_run *r)
{
	return r->depth ? &r->stack[r->depth - 1] : NULL;
}

/* Hangs a finished or just opened node into the tree. */
static void attach(struct yaml_run *r, struct json *node)
{
	struct yaml_frame *f = top(r);

	if (!f) {
		r->root = node;
		return;
	}
	if (f->node->type == JSON_OBJECT) {
		node->key = f->key;
		node->key_at = (uint32_t)f->key_at;
		f->have_key = false;
	}
	if (f->last) {
		f->last->next = node;
	} else {
		f->node->first = node;
	}
	f->last = node;
	f->node->n++;
}

static enum err_code new_node(struct yaml_run *r, struct fy_token *token, struct json **ret)
{
	struct json *node;

	if (r->n_nodes++ == YAML_MAX_NODES) {
		return yaml_error(r, ERR_LIMIT, token_at(r, token),
				  "more values than a file may have");
	}
	node = ARENA_NEW(r->a, struct json);
	if (!node) {
		return ERR(r->err, ERR_NOMEM, "out of memory");
	}
	node->at = (uint32_t)token_at(r, token);
	*ret = node;
	return ERR_OK;
}

static enum err_code take_key(struct yaml_run *r, struct yaml_frame *f, struct str text, size_t at,
			      bool plain)
{
	struct err *err = r->err;

	if (plain && str_eq(text, STR("<<"))) {
		return yaml_error(r, ERR_INVALID, at, "merge keys (<<) are not accepted");
	}
	if (text.n == 0) {
		return yaml_error(r, ERR_INVALID, at, "a key is empty");
	}
	if (map_find(&f->keys, text)) {
		size_t line, column;

		json_position(r->text, at, &line, &column);
		return ERR(err, ERR_INVALID, STR_FMT ":%zu:%zu: key '" STR_FMT "' comes twice",
			   STR_ARG(r->name), line, column, (int)(text.n < 64 ? text.n : 64),
			   text.p);
	}
	f->key = arena_dup(r->a, text);
	if (!f->key.p || !map_put(&f->keys, f->key, f->node)) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	f->key_at = at;
	f->have_key = true;
	return ERR_OK;
}

static enum err_code on_scalar(struct yaml_run *r, struct fy_token *token)
{
	struct yaml_frame *f = top(r);
	struct json *node = NULL;
	struct str text = {0};
	bool plain = true;
	size_t at = token_at(r, token);

	if (!f) {
		/* libfyaml 0.7.12 miscounts an indented block scalar that is the whole document. */
		return yaml_error(r, ERR_INVALID, at, "expected a mapping or a list");
	}
	if (token) { /* no token: an empty value, as in "key:" */
		text.p = fy_token_get_text(token, &text.n);
		plain = fy_token_scalar_style(token) == FYSS_PLAIN;
		if (!text.p) {
			return ERR(r->err, ERR_NOMEM, "out of memory");
		}
		at = plain ? at : sign_at(r, token);
	}
	if (!str_is_utf8(text)) {
		return yaml_error(r, ERR_INVALID, at, "not UTF-8");
	}
	if (text.n && memchr(text.p, '\0', text.n)) {
		return yaml_error(r, ERR_INVALID, at, "a NUL character is not accepted");
	}
	if (f->node->type == JSON_OBJECT && !f->have_key) {
		return take_key(r, f, text, at, plain);
	}
	TRY(new_node(r, token, &node));
	node->at = (uint32_t)(!token && f->node->type == JSON_OBJECT ? f->key_at : at);
	if (plain) {
		TRY(type_plain(r, text, node));
	} else {
		node->type = JSON_STRING;
		node->text = arena_dup(r->a, text);
		if (!node->text.p) {
			return ERR(r->err, ERR_NOMEM, "out of memory");
		}
	}
	attach(r, node);
	return ERR_OK;
}

static enum err_code open_collection(struct yaml_run *r, struct fy_token *token,
				     enum json_type type)
{
	struct yaml_frame *f = top(r);
	struct json *node = NULL;

	if (f && f->node->type == JSON_OBJECT && !f->have_key) {
		return yaml_error(r, ERR_INVALID, token_at(r, token), "a key must be a plain word");
	}
	if (r->depth == YAML_MAX_DEPTH) {
		return ERR(r->err, ERR_LIMIT, STR_FMT ": nesting deeper than %d", STR_ARG(r->name),
			   YAML_MAX_DEPTH);
	}
	TRY(new_node(r, token, &node));
	node->type = type;
	attach(r, node);
	r->stack[r->depth] = (struct yaml_frame){.node = node};
	map_init(&r->stack[r->depth].keys, (struct hash_key){0});
	r->depth++;
	return ERR_OK;
}

static void close_collection(struct yaml_run *r)
{
	ASSERT(r->depth > 0);
	map_done(&r->stack[--r->depth].keys);
}

/* Anchors and tags stand before scalars and collections alike. */
static enum err_code refuse_properties(struct yaml_run *r, struct fy_token *anchor,
				       struct fy_token *tag)
{
	if (anchor) {
		return yaml_error(r, ERR_INVALID, sign_at(r, anchor),
				  "anchors (&name) are not accepted");
	}
	if (tag) {
		return yaml_error(r, ERR_INVALID, token_at(r, tag),
				  "tags (!name) are not accepted");
	}
	return ERR_OK;
}

static enum err_code on_event(struct yaml_run *r, struct fy_event *e)
{
	switch (e->type) {
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		return ERR_OK;
	case FYET_DOCUMENT_START:
		if (r->have_document) {
			return yaml_error(r, ERR_INVALID,
					  token_at(r, e->document_start.document_start),
					  "a second document (---) is not accepted");
		}
		r->have_document = true;
		return ERR_OK;
	case FYET_ALIAS:
		return yaml_error(r, ERR_INVALID, sign_at(r, e->alias.anchor),
				  "aliases (*name) are not accepted");
	case FYET_SCALAR:
		TRY(refuse_properties(r, e->scalar.anchor, e->scalar.tag));
		return on_scalar(r, e->scalar.value);
	case FYET_MAPPING_START:
		TRY(refuse_properties(r, e->mapping_start.anchor, e->mapping_start.tag));
		return open_collection(r, e->mapping_start.mapping_start, JSON_OBJECT);
	case FYET_SEQUENCE_START:
		TRY(refuse_properties(r, e->sequence_start.anchor, e->sequence_start.tag));
		return open_collection(r, e->sequence_start.sequence_start, JSON_ARRAY);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		close_collection(r);
		return ERR_OK;
	}
	return ERR(r->err, ERR_SYNTAX, "an event that libfyaml does not document");
}

/* The first thing libfyaml complained about; it counts lines and columns from 1. */
static enum err_code syntax_error(struct yaml_run *r)
{
	void *prev = NULL;
	const struct fy_diag_error *first = fy_diag_errors_iterate(r->diag, &prev);

	if (!first || !first->msg || first->line < 1) {
		return ERR(r->err, ERR_SYNTAX, STR_FMT ":1:1: not YAML", STR_ARG(r->name));
	}
	return ERR(r->err, ERR_SYNTAX, STR_FMT ":%d:%d: %s", STR_ARG(r->name), first->line,
		   first->column, first->msg);
}

static enum err_code pump(struct yaml_run *r)
{
	struct fy_event *e;

	while ((e = fy_parser_parse(r->parser))) {
		enum err_code code = on_event(r, e);

		fy_parser_event_free(r->parser, e);
		if (code) {
			return code;
		}
	}
	if (fy_parser_get_stream_error(r->parser)) {
		return syntax_error(r);
	}
	if (!r->root) {
		return ERR(r->err, ERR_INVALID, STR_FMT ":1:1: the file is empty",
			   STR_ARG(r->name));
	}
	return ERR_OK;
}

/* What can be refused before a parser sees it. */
static enum err_code check_text(struct yaml_run *r)
{
	if (r->text.n > YAML_MAX_BYTES) {
		return ERR(r->err, ERR_LIMIT, STR_FMT ": larger than %d KiB", STR_ARG(r->name),
			   YAML_MAX_BYTES >> 10);
	}
	if (!str_is_utf8(r->text)) {
		return ERR(r->err, ERR_INVALID, STR_FMT ": not UTF-8", STR_ARG(r->name));
	}
	if (str_starts_with(r->text, STR("\xef\xbb\xbf"))) {
		return yaml_error(r, ERR_INVALID, 0,
				  "starts with a byte order mark; save it without one");
	}
	for (size_t i = 0; i < r->text.n; i++) {
		unsigned char c = (unsigned char)r->text.p[i];

		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
			return yaml_error(r, ERR_INVALID, i, "a control character is not accepted");
		}
		if (c == '%' && (i == 0 || r->text.p[i - 1] == '\n')) {
			return yaml_error(r, ERR_INVALID, i, "directives (%) are not accepted");
		}
	}
	return ERR_OK;
}

static void discard(struct fy_diag *diag, void *user, const char *text, size_t n)
{
	(void)diag;
	(void)user;
	(void)text;
	(void)n;
}

/* FYPCF_QUIET alone does not keep a parser from printing: it needs a diag of its own. */
static enum err_code open_parser(struct yaml_run *r)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = {
		.search_path = "",
		.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
	};

	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.output_fn = discard;
	diag_cfg.colorize = false;
	r->diag = fy_diag_create(&diag_cfg);
	if (!r->diag) {
		return ERR(r->err, ERR_NOMEM, "out of memory");
	}
	fy_diag_set_collect_errors(r->diag, true);
	cfg.diag = r->diag;
	r->parser = fy_parser_create(&cfg);
	/* An empty string would be measured with strlen. */
	if (!r->parser || fy_parser_set_string(r->parser, r->text.n ? r->text.p : "\n",
					       r->text.n ? r->text.n : 1)) {
		return ERR(r->err, ERR_NOMEM, "out of memory");
	}
	return ERR_OK;
}

enum err_code yaml_parse(struct arena *a, struct str name, struct str text, const struct json **ret,
			 struct err *err)
{
	struct yaml_run r = {.a = a, .name = name, .text = text, .err = err};
	enum err_code code;

	TRY(check_text(&r));
	code = open_parser(&r);
	if (code == ERR_OK) {
		code = pump(&r);
	}
	while (r.depth) {
		close_collection(&r);
	}
	fy_parser_destroy(r.parser);
	fy_diag_destroy(r.diag);
	if (code == ERR_OK) {
		*ret = r.root;
	}
	return code;
}
