/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees back to text. The text parses to the same tree (spans apart); layout is
 * the formatter's business (policy/fmt.h).
 */
#ifndef POLICY_PRINT_H
#define POLICY_PRINT_H

#include "policy/ast.h"

void policy_expr_print(struct buf *out, const struct policy_expr *e);
void policy_print(struct buf *out, const struct policy *p);

#endif
