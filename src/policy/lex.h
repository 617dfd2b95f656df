/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of the policy language and of the schema language (Cedar 4). A pull
 * lexer with one token of look-ahead in `tok`. White space is what Unicode calls
 * White_Space; comments run from // to the end of the line; text is UTF-8.
 *
 * Limits: a source has at most POLICY_SOURCE_MAX bytes. Text that is no token
 * gives POLICY_TOK_BAD after a diagnostic, and every later token is BAD too.
 */
#ifndef POLICY_LEX_H
#define POLICY_LEX_H

#include "policy/diag.h"

#define POLICY_SOURCE_MAX (64u << 20) /* bytes; file limits are the loader's */
#define POLICY_STRING_MAX (64u << 10) /* bytes of one string literal after unescaping */

enum policy_tok {
	POLICY_TOK_BAD = 0,
	POLICY_TOK_END,
	POLICY_TOK_IDENT,  /* also reserved words: see policy_is_reserved */
	POLICY_TOK_NUMBER, /* decimal digits */
	POLICY_TOK_STRING, /* `text` includes the quotes; see policy_unescape */
	POLICY_TOK_SLOT,   /* ?principal: `text` includes the question mark */
	POLICY_TOK_FRESH,  /* $t: `text` includes the dollar; only macros of temporal policies */
	POLICY_TOK_QUESTION,
	POLICY_TOK_AT,
	POLICY_TOK_LPAREN,
	POLICY_TOK_RPAREN,
	POLICY_TOK_LBRACE,
	POLICY_TOK_RBRACE,
	POLICY_TOK_LBRACKET,
	POLICY_TOK_RBRACKET,
	POLICY_TOK_COMMA,
	POLICY_TOK_SEMICOLON,
	POLICY_TOK_COLON,
	POLICY_TOK_PATH, /* :: */
	POLICY_TOK_DOT,
	POLICY_TOK_ASSIGN, /* = */
	POLICY_TOK_EQ,
	POLICY_TOK_NE,
	POLICY_TOK_LT,
	POLICY_TOK_LE,
	POLICY_TOK_GT,
	POLICY_TOK_GE,
	POLICY_TOK_AND,
	POLICY_TOK_OR,
	POLICY_TOK_NOT,
	POLICY_TOK_PLUS,
	POLICY_TOK_MINUS,
	POLICY_TOK_STAR,
	POLICY_TOK_SLASH,
	POLICY_TOK_PERCENT,
};

struct policy_token {
	enum policy_tok kind;
	struct policy_span span;
	struct str text; /* into the source */
};

struct policy_lex {
	const struct policy_source *src;
	struct policy_diags *diags;
	struct policy_token tok; /* the current token */
	struct policy_span last; /* the one consumed before it */
	uint32_t at;             /* where the next one is looked for */
};

/* Positions on the first token. False (with a diagnostic) when too long or not UTF-8. */
bool policy_lex_init(struct policy_lex *lx, const struct policy_source *src,
		     struct policy_diags *diags) MUST_USE;

/* Moves to the next token; stays on END and BAD. */
void policy_lex_next(struct policy_lex *lx);

/* The token after the current one, without moving and without diagnostics. */
struct policy_token policy_lex_peek(const struct policy_lex *lx);

/* True, and moved on, when the current token is of this kind. */
bool policy_lex_accept(struct policy_lex *lx, enum policy_tok kind);

/* The same, or a diagnostic "expected X, found Y". `after` may say where, or be NULL. */
bool policy_lex_expect(struct policy_lex *lx, enum policy_tok kind, const char *after) MUST_USE;

/* Reports "expected WHAT, found (current token)", with no second report for a BAD token. */
void policy_lex_unexpected(struct policy_lex *lx, const char *what);

/* The current token is this identifier. */
static inline bool policy_lex_is(const struct policy_lex *lx, struct str word)
{
	return lx->tok.kind == POLICY_TOK_IDENT && str_eq(lx->tok.text, word);
}

/* "`;`", "a string", ... for messages; static storage. */
const char *policy_tok_name(enum policy_tok kind);

/* true false if then else in is like has __cedar: not usable as identifiers in policies. */
bool policy_is_reserved(struct str word);

/* [_a-zA-Z][_a-zA-Z0-9]* */
bool policy_is_ident(struct str word);

/*
 * The value of a STRING token, in the arena (or borrowed from the source when it
 * has no escape). False, with a diagnostic, on a bad escape or above
 * POLICY_STRING_MAX.
 */
bool policy_unescape(struct policy_lex *lx, const struct policy_token *tok, struct arena *a,
		     struct str *ret) MUST_USE;

/* Appends text as the inside of a string literal: the inverse of policy_unescape. */
void policy_escape(struct buf *out, struct str text);

#endif
