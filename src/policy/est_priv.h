/* SPDX-License-Identifier: Apache-2.0 */
/* What est_read.c (expressions) and est_set.c (policies, sets) share. */
#ifndef POLICY_EST_PRIV_H
#define POLICY_EST_PRIV_H

#include "policy/parse_priv.h"
#include "json/parse.h"

/* NULL after a diagnostic, or with nomem set. */
struct policy_expr *est_expr(struct parser *p, const struct json *j);

/* An object with these members and no other; the last `optional` may lack. */
bool est_members(struct parser *p, const struct json *j, const struct str *names, size_t n,
		 size_t optional);

/* Reports at the place of `at` (may be NULL); always false. */
bool est_fail(struct parser *p, const struct json *at, const char *what);

#endif
