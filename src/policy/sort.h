/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting in place, without allocation and with a bounded cost: insertion, then heap sort. */
#ifndef POLICY_SORT_H
#define POLICY_SORT_H

#include <stddef.h>

#define POLICY_SORT_ITEM_MAX 64

typedef int policy_order_fn(const void *a, const void *b);

/* size is at most POLICY_SORT_ITEM_MAX. Not stable. */
void policy_sort(void *array, size_t n, size_t size, policy_order_fn *order);

#endif
