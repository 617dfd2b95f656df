/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formatter: a policy text laid out anew. It moves white space only: tokens
 * stay, in order, and so does every comment. Layout depends on nothing but
 * tokens and comments, so formatting twice gives the same text.
 */
#ifndef POLICY_FMT_H
#define POLICY_FMT_H

#include "policy/diag.h"

#define POLICY_FMT_WIDTH  80
#define POLICY_FMT_INDENT 2

/* Appends the formatted text. Refuses a text that does not parse; ERR_NOMEM, ERR_LIMIT. */
enum err_code policy_fmt(struct arena *a, const struct policy_source *src, struct buf *out,
			 struct policy_diags *diags, struct err *err) MUST_USE;

#endif
