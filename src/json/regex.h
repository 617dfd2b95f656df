/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions over code points, in time proportional to |text| times |pattern|
 * whatever the pattern: a set of states advances, nothing backtracks. Two syntaxes:
 *
 * ECMA: ECMA-262 with the flag u, as JSON Schema 2020-12 core 6.4 asks. Everything of
 * the grammar is read but what has no such bound or needs tables of Unicode, each refused
 * by name: back references, \p{...}, modifiers (?i: ). A look ahead or behind is a pattern
 * of its own, run once over the whole text beforehand. A brace that begins no quantifier
 * is a literal, as browsers read it.
 *
 * RUST: that of Rust's crate `regex`, as far as it is read here: literals and escapes of
 * one, . [a-z] [^...] \d \w \s \D \W \S \b \B (all ASCII), ^ $, ( ) (?: ), |, * + ? {m,n}
 * and their lazy forms, (?i) at the start (ASCII). No looks; a ] that comes first in a
 * class is a literal; a brace behind an item has to be a count.
 */
#ifndef JSON_REGEX_H
#define JSON_REGEX_H

#include "base/arena.h"
#include "base/err.h"

enum {
	JSON_REGEX_PATTERN = 4096, /* bytes of a pattern */
	JSON_REGEX_PROGRAM = 8192, /* steps of it, counted repetitions written out */
	JSON_REGEX_DEPTH = 32,     /* groups in groups */
	JSON_REGEX_LOOKS = 16,     /* looks ahead and behind */
};

enum json_regex_syntax { JSON_REGEX_ECMA = 0, JSON_REGEX_RUST };

struct json_regex;

/*
 * `keep` holds the result, `scratch` what is needed on the way. ERR_SYNTAX: no regular
 * expression; ERR_UNSUPPORTED: one that is refused; ERR_LIMIT: past the limits above.
 */
enum err_code json_regex_compile(struct arena *keep, struct arena *scratch, struct str pattern,
				 enum json_regex_syntax syntax, const struct json_regex **ret,
				 struct err *err) MUST_USE;

/*
 * Is there a match anywhere? `text` is UTF-8. *steps counts the work down and stops it at
 * zero: ERR_LIMIT. Each look takes a byte of the arena for each of the text.
 */
enum err_code json_regex_test(const struct json_regex *re, struct arena *scratch, struct str text,
			      uint64_t *steps, bool *ret, struct err *err) MUST_USE;

/*
 * The first match at or after byte `from`, and of those that begin there the one that the
 * pattern prefers, as offsets of bytes; ERR_NOT_FOUND. Otherwise as json_regex_test.
 */
enum err_code json_regex_find(const struct json_regex *re, struct arena *scratch, struct str text,
			      size_t from, uint64_t *steps, size_t *ret_start, size_t *ret_end,
			      struct err *err) MUST_USE;

#endif
