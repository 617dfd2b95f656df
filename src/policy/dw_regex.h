/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions for the scripts of information providers: leftmost first
 * match over Unicode scalars, in time proportional to |text| times |pattern|
 * whatever the pattern (a set of states advances; nothing backtracks).
 *
 * Literals, . [a-z] [^...] \d \w \s \D \W \S \b \B, ^ $, ( ) (?: ), |, * + ? {m,n}
 * and their lazy forms, (?i) at the start. No backward references, no look-around.
 *
 * Limits: DW_REGEX_PROG_MAX instructions, nesting DW_REGEX_DEPTH, counts up to
 * DW_REGEX_REPEAT_MAX.
 */
#ifndef POLICY_DW_REGEX_H
#define POLICY_DW_REGEX_H

#include "base/arena.h"
#include "base/err.h"

#define DW_REGEX_PROG_MAX   4096u
#define DW_REGEX_DEPTH      32
#define DW_REGEX_REPEAT_MAX 1000u

struct dw_regex;

/* ERR_SYNTAX: no regular expression; ERR_UNSUPPORTED: perhaps one elsewhere; ERR_LIMIT. */
enum err_code dw_regex_compile(struct arena *a, struct str pattern, const struct dw_regex **ret,
			       struct err *err) MUST_USE;

/*
 * The first match at or after byte `from`: *ret_start and *ret_end as offsets.
 * *steps counts work and stops it at zero (ERR_LIMIT). ERR_NOT_FOUND: no match.
 */
enum err_code dw_regex_find(const struct dw_regex *re, struct arena *scratch, struct str text,
			    size_t from, uint64_t *steps, size_t *ret_start, size_t *ret_end,
			    struct err *err) MUST_USE;

#endif
