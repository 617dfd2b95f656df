/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of `like`: reading, writing, matching. Strings are in policy/lex.h. */
#ifndef POLICY_TEXT_H
#define POLICY_TEXT_H

#include "policy/ast.h"
#include "policy/lex.h"

/* The same as policy_unescape for the right side of `like`: a star is a wildcard, \* a star. */
bool policy_unescape_pattern(struct policy_lex *lx, const struct policy_token *tok, struct arena *a,
			     struct policy_pattern *ret) MUST_USE;

/* Appends the inside of the literal that reads back to this pattern. */
void policy_pattern_write(struct buf *out, const struct policy_pattern *pattern);

/* Time at most |s| times |longest part|; no recursion, no backtracking over wildcards. */
bool policy_pattern_match(const struct policy_pattern *pattern, struct str s);

#endif
