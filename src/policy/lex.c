/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lex.h"

#include <stdio.h>

static const char *const tok_names[] = {
	[POLICY_TOK_BAD] = "invalid text",
	[POLICY_TOK_END] = "the end of the text",
	[POLICY_TOK_IDENT] = "an identifier",
	[POLICY_TOK_NUMBER] = "a number",
	[POLICY_TOK_STRING] = "a string",
	[POLICY_TOK_SLOT] = "a slot",
	[POLICY_TOK_FRESH] = "a fresh variable",
	[POLICY_TOK_QUESTION] = "`?`",
	[POLICY_TOK_AT] = "`@`",
	[POLICY_TOK_LPAREN] = "`(`",
	[POLICY_TOK_RPAREN] = "`)`",
	[POLICY_TOK_LBRACE] = "`{`",
	[POLICY_TOK_RBRACE] = "`}`",
	[POLICY_TOK_LBRACKET] = "`[`",
	[POLICY_TOK_RBRACKET] = "`]`",
	[POLICY_TOK_COMMA] = "`,`",
	[POLICY_TOK_SEMICOLON] = "`;`",
	[POLICY_TOK_COLON] = "`:`",
	[POLICY_TOK_PATH] = "`::`",
	[POLICY_TOK_DOT] = "`.`",
	[POLICY_TOK_ASSIGN] = "`=`",
	[POLICY_TOK_EQ] = "`==`",
	[POLICY_TOK_NE] = "`!=`",
	[POLICY_TOK_LT] = "`<`",
	[POLICY_TOK_LE] = "`<=`",
	[POLICY_TOK_GT] = "`>`",
	[POLICY_TOK_GE] = "`>=`",
	[POLICY_TOK_AND] = "`&&`",
	[POLICY_TOK_OR] = "`||`",
	[POLICY_TOK_NOT] = "`!`",
	[POLICY_TOK_PLUS] = "`+`",
	[POLICY_TOK_MINUS] = "`-`",
	[POLICY_TOK_STAR] = "`*`",
	[POLICY_TOK_SLASH] = "`/`",
	[POLICY_TOK_PERCENT] = "`%`",
};

const char *policy_tok_name(enum policy_tok kind)
{
	return tok_names[kind];
}

static bool is_ident_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool policy_is_ident(struct str word)
{
	if (word.n == 0 || !is_ident_start(word.p[0])) {
		return false;
	}
	for (size_t i = 1; i < word.n; i++) {
		if (!is_ident_start(word.p[i]) && !is_digit(word.p[i])) {
			return false;
		}
	}
	return true;
}

bool policy_is_reserved(struct str word)
{
	static const struct str reserved[] = {
		STR_INIT("true"), STR_INIT("false"),   STR_INIT("if"), STR_INIT("then"),
		STR_INIT("else"), STR_INIT("in"),      STR_INIT("is"), STR_INIT("like"),
		STR_INIT("has"),  STR_INIT("__cedar"),
	};

	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		if (str_eq(word, reserved[i])) {
			return true;
		}
	}
	return false;
}

/* Bytes of the white space character at p (Unicode White_Space), 0 when there is none. */
static uint32_t space_at(const unsigned char *p, size_t n)
{
	if (n == 0) {
		return 0;
	}
	if ((p[0] >= 0x09 && p[0] <= 0x0D) || p[0] == ' ') {
		return 1;
	}
	if (n >= 2 && p[0] == 0xC2 && (p[1] == 0x85 || p[1] == 0xA0)) {
		return 2;
	}
	if (n < 3) {
		return 0;
	}
	if (p[0] == 0xE1 && p[1] == 0x9A && p[2] == 0x80) { /* U+1680 */
		return 3;
	}
	if (p[0] == 0xE2 && p[1] == 0x80 &&
	    ((p[2] >= 0x80 && p[2] <= 0x8A) || p[2] == 0xA8 || p[2] == 0xA9 || p[2] == 0xAF)) {
		return 3; /* U+2000..200A, 2028, 2029, 202F */
	}
	if ((p[0] == 0xE2 && p[1] == 0x81 && p[2] == 0x9F) || /* U+205F */
	    (p[0] == 0xE3 && p[1] == 0x80 && p[2] == 0x80)) { /* U+3000 */
		return 3;
	}
	return 0;
}

/* Skips white space and comments from `at`. */
static uint32_t skip(struct str text, uint32_t at)
{
	for (;;) {
		uint32_t n = space_at((const unsigned char *)text.p + at, text.n - at);

		if (n > 0) {
			at += n;
		} else if (text.n - at >= 2 && text.p[at] == '/' && text.p[at + 1] == '/') {
			while (at < text.n && text.p[at] != '\n' && text.p[at] != '\r') {
				at++;
			}
		} else {
			return at;
		}
	}
}

/* Bytes of the word at `at`: identifier characters. */
static uint32_t word_at(struct str text, uint32_t at)
{
	uint32_t n = 0;

	while (at + n < text.n && (is_ident_start(text.p[at + n]) || is_digit(text.p[at + n]))) {
		n++;
	}
	return n;
}

/* Bytes of the string literal at `at`, 0 when it does not end or holds a backslash-newline. */
static uint32_t string_at(struct str text, uint32_t at)
{
	for (uint32_t i = at + 1; i < text.n; i++) {
		if (text.p[i] == '"') {
			return i + 1 - at;
		}
		if (text.p[i] == '\\') {
			i++;
			if (i < text.n && text.p[i] == '\n') {
				return 0;
			}
		}
	}
	return 0;
}

struct punct {
	char text[3];
	enum policy_tok kind;
};

/* Longer ones first. */
static const struct punct puncts[] = {
	{"::", POLICY_TOK_PATH},     {"==", POLICY_TOK_EQ},      {"!=", POLICY_TOK_NE},
	{"<=", POLICY_TOK_LE},       {">=", POLICY_TOK_GE},      {"&&", POLICY_TOK_AND},
	{"||", POLICY_TOK_OR},       {"@", POLICY_TOK_AT},       {"(", POLICY_TOK_LPAREN},
	{")", POLICY_TOK_RPAREN},    {"{", POLICY_TOK_LBRACE},   {"}", POLICY_TOK_RBRACE},
	{"[", POLICY_TOK_LBRACKET},  {"]", POLICY_TOK_RBRACKET}, {",", POLICY_TOK_COMMA},
	{";", POLICY_TOK_SEMICOLON}, {":", POLICY_TOK_COLON},    {".", POLICY_TOK_DOT},
	{"=", POLICY_TOK_ASSIGN},    {"<", POLICY_TOK_LT},       {">", POLICY_TOK_GT},
	{"!", POLICY_TOK_NOT},       {"+", POLICY_TOK_PLUS},     {"-", POLICY_TOK_MINUS},
	{"*", POLICY_TOK_STAR},      {"/", POLICY_TOK_SLASH},    {"%", POLICY_TOK_PERCENT},
	{"?", POLICY_TOK_QUESTION},
};

static enum policy_tok punct_at(struct str text, uint32_t at, uint32_t *n)
{
	for (size_t i = 0; i < ARRAY_LEN(puncts); i++) {
		size_t len = puncts[i].text[1] ? 2 : 1;

		if (text.n - at >= len && memcmp(text.p + at, puncts[i].text, len) == 0) {
			*n = (uint32_t)len;
			return puncts[i].kind;
		}
	}
	*n = 1;
	while (at + *n < text.n && ((unsigned char)text.p[at + *n] & 0xC0) == 0x80) {
		(*n)++;
	}
	return POLICY_TOK_BAD;
}

/* The token that starts at or after `at`. */
static struct policy_token scan(struct str text, uint32_t at)
{
	struct policy_token tok = {0};
	uint32_t n = 0;
	char c;

	at = skip(text, at);
	c = at < text.n ? text.p[at] : '\0';
	if (at >= text.n) {
		tok.kind = POLICY_TOK_END;
	} else if (is_ident_start(c)) {
		tok.kind = POLICY_TOK_IDENT;
		n = word_at(text, at);
	} else if (is_digit(c)) {
		tok.kind = POLICY_TOK_NUMBER;
		while (at + n < text.n && is_digit(text.p[at + n])) {
			n++;
		}
	} else if (c == '"') {
		n = string_at(text, at);
		tok.kind = n > 0 ? POLICY_TOK_STRING : POLICY_TOK_BAD;
		n = n > 0 ? n : 1;
	} else if ((c == '?' || c == '$') && at + 1 < text.n && is_ident_start(text.p[at + 1])) {
		tok.kind = c == '?' ? POLICY_TOK_SLOT : POLICY_TOK_FRESH;
		n = 1 + word_at(text, at + 1);
	} else {
		tok.kind = punct_at(text, at, &n);
	}
	tok.span = (struct policy_span){at, n};
	tok.text = str_make(text.p + at, n);
	return tok;
}

bool policy_lex_init(struct policy_lex *lx, const struct policy_source *src,
		     struct policy_diags *diags)
{
	*lx = (struct policy_lex){.src = src, .diags = diags};
	if (src->text.n > POLICY_SOURCE_MAX) {
		policy_diag_error(diags, src, (struct policy_span){0}, "longer than %u bytes",
				  POLICY_SOURCE_MAX);
		return false;
	}
	if (!str_is_utf8(src->text)) {
		policy_diag_error(diags, src, (struct policy_span){0}, "not UTF-8");
		return false;
	}
	policy_lex_next(lx);
	lx->last = (struct policy_span){0};
	return true;
}

static void report_bad(struct policy_lex *lx)
{
	if (lx->tok.text.p[0] == '"') {
		policy_diag_error(lx->diags, lx->src, lx->tok.span,
				  "this string does not end, or has a backslash before a line end");
	} else if (lx->tok.text.p[0] == '&' || lx->tok.text.p[0] == '|') {
		policy_diag_error(lx->diags, lx->src, lx->tok.span, "`%c` is not an operator",
				  lx->tok.text.p[0]);
		policy_diag_help(lx->diags, "did you mean `%c%c`?", lx->tok.text.p[0],
				 lx->tok.text.p[0]);
	} else {
		policy_diag_error(lx->diags, lx->src, lx->tok.span,
				  "`" STR_FMT "` is not part of the language",
				  STR_ARG(lx->tok.text));
	}
}

void policy_lex_next(struct policy_lex *lx)
{
	if (lx->tok.kind == POLICY_TOK_BAD && lx->tok.text.p) {
		return;
	}
	lx->last = lx->tok.span;
	lx->tok = scan(lx->src->text, lx->at);
	lx->at = lx->tok.span.at + lx->tok.span.n;
	if (lx->tok.kind == POLICY_TOK_BAD) {
		report_bad(lx);
	}
}

struct policy_token policy_lex_peek(const struct policy_lex *lx)
{
	return scan(lx->src->text, lx->at);
}

bool policy_lex_accept(struct policy_lex *lx, enum policy_tok kind)
{
	if (lx->tok.kind != kind) {
		return false;
	}
	policy_lex_next(lx);
	return true;
}

void policy_lex_unexpected(struct policy_lex *lx, const char *what)
{
	const struct policy_token *tok = &lx->tok;

	if (tok->kind == POLICY_TOK_BAD) {
		return;
	}
	if (tok->kind == POLICY_TOK_END) {
		policy_diag_error(lx->diags, lx->src, tok->span, "expected %s, found %s", what,
				  policy_tok_name(tok->kind));
		return;
	}
	policy_diag_error(lx->diags, lx->src, tok->span, "expected %s, found `" STR_FMT "`", what,
			  (int)(tok->text.n > 40 ? 40 : tok->text.n), tok->text.p);
}

bool policy_lex_expect(struct policy_lex *lx, enum policy_tok kind, const char *after)
{
	char what[96];

	if (policy_lex_accept(lx, kind)) {
		return true;
	}
	(void)snprintf(what, sizeof(what), "%s%s%s", policy_tok_name(kind), after ? " " : "",
		       after ? after : "");
	policy_lex_unexpected(lx, what);
	return false;
}
