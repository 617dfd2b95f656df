/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which entities of a type the texts of a policy set name. For hosts that derive a static plan from
 * policies: where no policy names anything, nothing can be decided differently by name.
 */
#ifndef POLICY_LITERALS_H
#define POLICY_LITERALS_H

#include "policy/diag.h"

#include "base/err.h"

enum { POLICY_LITERALS_MAX = 4096 };

/*
 * Every id written as NS::TYPE::"id", whatever NS, in the order of the text, each once; in the arena. More than
 * may be meant: one that stands in a string's place of a macro counts too, one in a comment does
 * not. ERR_SYNTAX for text that has no tokens; ERR_LIMIT.
 */
enum err_code policy_literals(struct arena *a, const struct policy_source *sources, size_t n,
			      struct str type, const struct str **ret, size_t *ret_n,
			      struct err *err) MUST_USE;

#endif
