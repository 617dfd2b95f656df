/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Works on tokens and their brackets. A range of tokens is printed on one line
 * when it fits and holds no comment; else it is split at its loosest separator:
 * commas, `if` parts, ||, &&; and brackets inside are opened over several lines.
 *
 * A comment on the line of the token before it stays behind that token; any
 * other stands on lines of its own before the token it precedes.
 */
#include "policy/fmt.h"

#include "policy/parse.h"

#define INDENT_MAX (POLICY_FMT_WIDTH / 2) /* what is nested deeper stays in this column */

struct comment {
	struct str text; /* from the slashes on, without space at its end */
	bool blank;      /* an empty line stands before it */
};

struct tok {
	enum policy_tok kind;
	struct str text;
	uint32_t match;       /* brackets: the other one */
	uint32_t first, last; /* comments on own lines before it: [first, last) */
	struct str behind;    /* the comment behind it, p NULL when there is none */
	bool keyword;         /* a word that takes space around it: in, is, then, ... */
	bool prefix;          /* ! or - as a sign */
	bool glued;           /* no space before it on one line */
	size_t end;           /* width of everything up to its end, on one line */
	uint32_t comments;    /* comments before its end, not counting those of token 0 */
};

struct fmt {
	struct arena *a;
	struct buf *out;
	struct tok *toks;
	size_t n, cap;
	struct comment *comments;
	size_t n_comments, cap_comments;
	size_t column, indent;
	bool line_empty, must_break;
	bool failed;
};

static void print_range(struct fmt *f, uint32_t from, uint32_t to, size_t reserve);

/* Code points, which is what a column is. */
static size_t width(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	}
	return n;
}

static struct str rtrim(struct str s)
{
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r')) {
		s.n--;
	}
	return s;
}

/* The comments between two tokens. */
static bool read_gap(struct fmt *f, struct str gap, struct tok *before, struct tok *after)
{
	size_t newlines = 0;
	bool same_line = before != NULL;

	after->first = (uint32_t)f->n_comments;
	for (size_t i = 0; i < gap.n; i++) {
		struct str text;
		size_t end = i;

		if (gap.p[i] == '\n') {
			newlines++;
			same_line = false;
		}
		if (gap.p[i] != '/') {
			continue;
		}
		while (end < gap.n && gap.p[end] != '\n' && gap.p[end] != '\r') {
			end++;
		}
		text = rtrim(str_make(gap.p + i, end - i));
		i = end - 1;
		if (same_line) {
			before->behind = text;
			same_line = false;
			newlines = 0;
			continue;
		}
		if (!ARENA_GROW(f->a, &f->comments, f->n_comments, &f->cap_comments)) {
			return false;
		}
		f->comments[f->n_comments++] = (struct comment){text, newlines > 1};
		newlines = 0;
	}
	after->last = (uint32_t)f->n_comments;
	return true;
}

static bool read_tokens(struct fmt *f, const struct policy_source *src)
{
	struct policy_lex lx;
	uint32_t last_end = 0;

	if (!policy_lex_init(&lx, src, NULL)) {
		return false;
	}
	for (;; policy_lex_next(&lx)) {
		struct tok *t;

		if (!ARENA_GROW(f->a, &f->toks, f->n, &f->cap)) {
			return false;
		}
		t = &f->toks[f->n];
		*t = (struct tok){.kind = lx.tok.kind, .text = lx.tok.text};
		if (!read_gap(f, str_make(src->text.p + last_end, lx.tok.span.at - last_end),
			      f->n > 0 ? t - 1 : NULL, t)) {
			return false;
		}
		f->n++;
		last_end = lx.tok.span.at + lx.tok.span.n;
		if (t->kind == POLICY_TOK_END || t->kind == POLICY_TOK_BAD) {
			return t->kind == POLICY_TOK_END;
		}
	}
}

static bool is_open(enum policy_tok k)
{
	return k == POLICY_TOK_LPAREN || k == POLICY_TOK_LBRACE || k == POLICY_TOK_LBRACKET;
}

static bool is_close(enum policy_tok k)
{
	return k == POLICY_TOK_RPAREN || k == POLICY_TOK_RBRACE || k == POLICY_TOK_RBRACKET;
}

static bool match_brackets(struct fmt *f)
{
	uint32_t *stack = ARENA_ARRAY(f->a, f->n, uint32_t);
	size_t depth = 0;

	for (uint32_t i = 0; stack && i < f->n; i++) {
		if (is_open(f->toks[i].kind)) {
			stack[depth++] = i;
		} else if (is_close(f->toks[i].kind) && depth > 0) {
			uint32_t open = stack[--depth];

			f->toks[open].match = i;
			f->toks[i].match = open;
		}
	}
	return stack;
}

static bool is_word(struct str s)
{
	static const struct str words[] = {
		STR_INIT("in"),     STR_INIT("is"),     STR_INIT("has"),    STR_INIT("like"),
		STR_INIT("if"),     STR_INIT("then"),   STR_INIT("else"),   STR_INIT("when"),
		STR_INIT("unless"), STR_INIT("permit"), STR_INIT("forbid"),
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_eq(s, words[i])) {
			return true;
		}
	}
	return false;
}

/* Ends an operand, so that a minus behind it subtracts and a bracket behind it selects. */
static bool ends_operand(const struct tok *t)
{
	return (t->kind == POLICY_TOK_IDENT && !t->keyword) || t->kind == POLICY_TOK_NUMBER ||
	       t->kind == POLICY_TOK_STRING || t->kind == POLICY_TOK_SLOT || is_close(t->kind);
}

/*
 * Keywords are reserved but for when, unless, permit, forbid, which are names
 * behind a dot, before a colon, and so on: there they must not take space.
 */
static bool is_keyword(const struct fmt *f, uint32_t i)
{
	const struct tok *t = &f->toks[i];
	const struct tok *before = i > 0 ? &f->toks[i - 1] : NULL;
	const struct tok *after = &f->toks[i + 1];
	bool outer = str_eq(t->text, STR("when")) || str_eq(t->text, STR("unless"));

	if (t->kind != POLICY_TOK_IDENT || !is_word(t->text) ||
	    (before && (before->kind == POLICY_TOK_AT || before->kind == POLICY_TOK_DOT))) {
		return false;
	}
	if (outer) {
		return after->kind == POLICY_TOK_LBRACE;
	}
	if (str_eq(t->text, STR("permit")) || str_eq(t->text, STR("forbid"))) {
		return after->kind == POLICY_TOK_LPAREN;
	}
	return true;
}

static bool glued(const struct tok *before, const struct tok *t)
{
	if (before->kind == POLICY_TOK_LPAREN || before->kind == POLICY_TOK_LBRACKET ||
	    before->kind == POLICY_TOK_PATH || before->kind == POLICY_TOK_DOT ||
	    before->kind == POLICY_TOK_AT || before->prefix) {
		return true;
	}
	if (t->kind == POLICY_TOK_LPAREN || t->kind == POLICY_TOK_LBRACKET) {
		return before->kind == POLICY_TOK_IDENT
			       ? !before->keyword
			       : t->kind == POLICY_TOK_LBRACKET && ends_operand(before);
	}
	if (before->kind == POLICY_TOK_LBRACE && t->kind == POLICY_TOK_RBRACE) {
		return true;
	}
	return t->kind == POLICY_TOK_RPAREN || t->kind == POLICY_TOK_RBRACKET ||
	       t->kind == POLICY_TOK_COMMA || t->kind == POLICY_TOK_SEMICOLON ||
	       t->kind == POLICY_TOK_COLON || t->kind == POLICY_TOK_DOT ||
	       t->kind == POLICY_TOK_PATH;
}

static void classify(struct fmt *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		struct tok *t = &f->toks[i], *before = i > 0 ? t - 1 : NULL;

		t->keyword = i + 1 < f->n && is_keyword(f, i);
		t->prefix = t->kind == POLICY_TOK_NOT ||
			    (t->kind == POLICY_TOK_MINUS && !(before && ends_operand(before)));
		t->glued = !before || glued(before, t);
		t->end = (before ? before->end : 0) + (t->glued ? 0 : 1) + width(t->text);
		t->comments = (before ? before->comments + (before->behind.p ? 1 : 0) : 0) +
			      (before ? t->last - t->first : 0);
	}
}

/* ---- output ---- */

static void newline(struct fmt *f)
{
	f->must_break = false;
	if (f->line_empty) {
		return;
	}
	buf_append_c(f->out, '\n');
	f->line_empty = true;
	f->column = 0;
}

static void text(struct fmt *f, struct str s)
{
	if (f->line_empty) {
		size_t indent = f->indent < INDENT_MAX ? f->indent : INDENT_MAX;

		for (size_t i = 0; i < indent; i++) {
			buf_append_c(f->out, ' ');
		}
		f->column = indent;
		f->line_empty = false;
	}
	buf_append(f->out, s);
	f->column += width(s);
}

static void comments(struct fmt *f, uint32_t first, uint32_t last, bool keep_blank)
{
	for (uint32_t i = first; i < last; i++) {
		newline(f);
		if (keep_blank && f->comments[i].blank && buf_len(f->out) > 0) {
			buf_append_c(f->out, '\n');
		}
		text(f, f->comments[i].text);
		f->must_break = true;
	}
}

static void token(struct fmt *f, uint32_t i)
{
	const struct tok *t = &f->toks[i];

	comments(f, t->first, t->last, false);
	if (f->must_break) {
		newline(f);
	}
	if (!t->glued && !f->line_empty) {
		text(f, STR(" "));
	}
	text(f, t->text);
	if (t->behind.p) {
		text(f, STR(" "));
		text(f, t->behind);
		f->must_break = true;
	}
}

/* Width of tokens [from, to) on one line, without the space before the first. */
static size_t flat_width(const struct fmt *f, uint32_t from, uint32_t to)
{
	return f->toks[to - 1].end - f->toks[from].end + width(f->toks[from].text);
}

/* A comment anywhere in it but behind its last token. */
static bool has_comment(const struct fmt *f, uint32_t from, uint32_t to)
{
	return f->toks[to - 1].comments > f->toks[from].comments ||
	       f->toks[from].last > f->toks[from].first;
}

static bool fits(const struct fmt *f, uint32_t from, uint32_t to, size_t reserve)
{
	size_t at = f->line_empty || f->must_break ? f->indent
						   : f->column + (f->toks[from].glued ? 0 : 1);

	return !has_comment(f, from, to) &&
	       at + flat_width(f, from, to) + reserve <= POLICY_FMT_WIDTH;
}

static void flat(struct fmt *f, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		token(f, i);
	}
}

/* A bracket and what is in it, over several lines. */
static void open_group(struct fmt *f, uint32_t open)
{
	uint32_t close = f->toks[open].match;
	bool commented = f->toks[close].last > f->toks[close].first;

	token(f, open);
	if (open + 1 < close || commented) {
		f->indent += POLICY_FMT_INDENT;
		newline(f);
		print_range(f, open + 1, close, 0);
		comments(f, f->toks[close].first, f->toks[close].last, false);
		f->indent -= POLICY_FMT_INDENT;
		newline(f);
	}
	/* Its comments are out already, one step further in. */
	f->toks[close].first = f->toks[close].last;
	token(f, close);
}

/* Tokens in a row; brackets that do not fit are opened. */
static void sequence(struct fmt *f, uint32_t from, uint32_t to, size_t reserve)
{
	for (uint32_t i = from; i < to; i++) {
		uint32_t close = f->toks[i].match;

		if (!is_open(f->toks[i].kind) || close >= to) {
			token(f, i);
			continue;
		}
		if (fits(f, i, close + 1, close + 1 == to ? reserve : 1)) {
			flat(f, i, close + 1);
		} else {
			open_group(f, i);
		}
		i = close;
	}
}

static bool is_if(const struct tok *t)
{
	return t->keyword && str_eq(t->text, STR("if"));
}

/* The next token of this kind (or this keyword) at the range's own level, or `to`. */
static uint32_t find(const struct fmt *f, uint32_t from, uint32_t to, enum policy_tok kind,
		     struct str word)
{
	unsigned ifs = 0;

	for (uint32_t i = from; i < to; i++) {
		const struct tok *t = &f->toks[i];

		if (is_open(t->kind)) {
			i = t->match;
			continue;
		}
		if (word.n == 0 ? t->kind == kind && ifs == 0
				: ifs == 0 && t->keyword && str_eq(t->text, word)) {
			return i;
		}
		if (is_if(t)) {
			ifs++;
		} else if (ifs > 0 && t->keyword && str_eq(t->text, STR("else"))) {
			ifs--;
		}
	}
	return to;
}

/* Each part on its own lines, the separator behind it. */
static void split(struct fmt *f, uint32_t from, uint32_t to, enum policy_tok kind, size_t reserve)
{
	while (from < to) {
		uint32_t at = find(f, from, to, kind, STR(""));
		bool last = at == to;

		if (at > from) {
			size_t after = last ? reserve : kind == POLICY_TOK_COMMA ? 1 : 3;

			print_range(f, from, at, after);
		}
		if (!last) {
			token(f, at);
			if (at + 1 < to) {
				newline(f);
			}
		}
		from = last ? to : at + 1;
	}
}

/* if a / then b / else c, each at the start of a line. */
static void conditional(struct fmt *f, uint32_t from, uint32_t to, size_t reserve)
{
	uint32_t then = find(f, from + 1, to, POLICY_TOK_IDENT, STR("then"));
	uint32_t otherwise = find(f, then + 1, to, POLICY_TOK_IDENT, STR("else"));
	const uint32_t parts[] = {from, then, otherwise, to};

	for (int i = 0; i < 3; i++) {
		bool nested = parts[i] + 1 < parts[i + 1] && is_if(&f->toks[parts[i] + 1]);

		newline(f);
		token(f, parts[i]);
		f->indent += POLICY_FMT_INDENT;
		if (nested && i < 2) {
			newline(f);
		}
		if (nested && i == 2) {
			f->indent -= POLICY_FMT_INDENT;
		}
		print_range(f, parts[i] + 1, parts[i + 1], i == 2 ? reserve : 0);
		if (!nested || i < 2) {
			f->indent -= POLICY_FMT_INDENT;
		}
	}
}

static void print_range(struct fmt *f, uint32_t from, uint32_t to, size_t reserve)
{
	static const enum policy_tok order[] = {POLICY_TOK_COMMA, POLICY_TOK_OR, POLICY_TOK_AND};

	if (from >= to) {
		return;
	}
	if (fits(f, from, to, reserve)) {
		flat(f, from, to);
		return;
	}
	if (find(f, from, to, POLICY_TOK_COMMA, STR("")) < to) {
		split(f, from, to, POLICY_TOK_COMMA, reserve);
		return;
	}
	if (is_if(&f->toks[from])) {
		conditional(f, from, to, reserve);
		return;
	}
	for (size_t i = 1; i < ARRAY_LEN(order); i++) {
		if (find(f, from, to, order[i], STR("")) < to) {
			split(f, from, to, order[i], reserve);
			return;
		}
	}
	sequence(f, from, to, reserve);
}

/* @key or @key("value") */
static uint32_t annotation(struct fmt *f, uint32_t at)
{
	uint32_t end = at + 2;

	if (f->toks[end].kind == POLICY_TOK_LPAREN) {
		end = f->toks[end].match + 1;
	}
	flat(f, at, end);
	newline(f);
	return end;
}

/* From the effect or a condition's word up to its closing bracket. */
static uint32_t headed_group(struct fmt *f, uint32_t at)
{
	uint32_t close = f->toks[at + 1].match;
	size_t reserve = f->toks[close + 1].kind == POLICY_TOK_SEMICOLON ? 1 : 0;

	if (fits(f, at, close + 1, reserve)) {
		flat(f, at, close + 1);
	} else {
		token(f, at);
		open_group(f, at + 1);
	}
	return close + 1;
}

static uint32_t policy(struct fmt *f, uint32_t at)
{
	comments(f, f->toks[at].first, f->toks[at].last, true);
	f->toks[at].first = f->toks[at].last;
	while (f->toks[at].kind == POLICY_TOK_AT) {
		at = annotation(f, at);
	}
	at = headed_group(f, at);
	while (f->toks[at].kind == POLICY_TOK_IDENT) {
		newline(f);
		at = headed_group(f, at);
	}
	token(f, at);
	newline(f);
	return at + 1;
}

static enum err_code check(struct arena *a, const struct policy_source *src,
			   struct policy_diags *diags, struct err *err)
{
	struct policy_list list = {0};

	return policy_parse(a, src, POLICY_ID_ORDER, &list, diags, err);
}

/* White space may take a policy over its limit; then the text stays as it was. */
static enum err_code check_result(struct arena *a, const struct policy_source *src, struct buf *out,
				  struct err *err)
{
	const struct policy_source result = {src->name, buf_str(out)};

	if (!out->failed && check(a, &result, NULL, NULL) == ERR_OK) {
		return ERR_OK;
	}
	buf_clear(out);
	return ERR(err, ERR_LIMIT, STR_FMT ": too long once formatted", STR_ARG(src->name));
}

enum err_code policy_fmt(struct arena *a, const struct policy_source *src, struct buf *out,
			 struct policy_diags *diags, struct err *err)
{
	struct fmt f = {.a = a, .out = out, .line_empty = true};
	uint32_t at = 0;

	TRY(check(a, src, diags, err));
	if (!read_tokens(&f, src) || !match_brackets(&f)) {
		return ERR(err, ERR_NOMEM, STR_FMT ": out of memory", STR_ARG(src->name));
	}
	classify(&f);
	while (f.toks[at].kind != POLICY_TOK_END) {
		if (at > 0 &&
		    !(f.toks[at].last > f.toks[at].first && f.comments[f.toks[at].first].blank)) {
			buf_append_c(out, '\n');
		}
		at = policy(&f, at);
	}
	comments(&f, f.toks[at].first, f.toks[at].last, true);
	newline(&f);
	return check_result(a, src, out, err);
}
