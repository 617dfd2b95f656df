/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sort.h"

#include "base/attr.h"

#include <string.h>

static void swap(char *a, char *b, size_t size)
{
	char tmp[POLICY_SORT_ITEM_MAX];

	memcpy(tmp, a, size);
	memcpy(a, b, size);
	memcpy(b, tmp, size);
}

static void sift(char *items, size_t n, size_t at, size_t size, policy_order_fn *order)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= n) {
			return;
		}
		if (child + 1 < n && order(items + child * size, items + (child + 1) * size) < 0) {
			child++;
		}
		if (order(items + at * size, items + child * size) >= 0) {
			return;
		}
		swap(items + at * size, items + child * size, size);
		at = child;
	}
}

void policy_sort(void *array, size_t n, size_t size, policy_order_fn *order)
{
	char *items = array;

	ASSERT(size <= POLICY_SORT_ITEM_MAX);

	if (n <= 12) {
		for (size_t i = 1; i < n; i++) {
			for (size_t k = i;
			     k > 0 && order(items + (k - 1) * size, items + k * size) > 0; k--) {
				swap(items + (k - 1) * size, items + k * size, size);
			}
		}
		return;
	}
	for (size_t i = n / 2; i > 0; i--) {
		sift(items, n, i - 1, size, order);
	}
	for (size_t i = n - 1; i > 0; i--) {
		swap(items, items + i * size, size);
		sift(items, i, 0, size, order);
	}
}
