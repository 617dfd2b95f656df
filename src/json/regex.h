/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a pattern of ECMA-262 (with the flag u, as JSON Schema 2020-12 core 6.4 asks)
 * match anywhere in a text? Over code points, in time proportional to |text| times
 * |pattern| whatever the pattern: a set of states advances, nothing backtracks.
 *
 * Everything of the grammar is read but what has no such bound or needs tables of
 * Unicode, each refused by name: back references, \p{...}, modifiers (?i: ). A look
 * ahead or behind is a pattern of its own, run once over the whole text beforehand.
 * A brace that begins no quantifier is a literal, as browsers read it.
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

struct json_regex;

/*
 * `keep` holds the result, `scratch` what is needed on the way. ERR_SYNTAX: no regular
 * expression; ERR_UNSUPPORTED: one that is refused; ERR_LIMIT: past the limits above.
 */
enum err_code json_regex_compile(struct arena *keep, struct arena *scratch, struct str pattern,
				 const struct json_regex **ret, struct err *err) MUST_USE;

/*
 * `text` is UTF-8. *steps counts the work down and stops it at zero: ERR_LIMIT. A text
 * takes four bytes of the arena for each of its own, and one more for each look.
 */
enum err_code json_regex_test(const struct json_regex *re, struct arena *scratch, struct str text,
			      uint64_t *steps, bool *ret, struct err *err) MUST_USE;

#endif
