/* SPDX-License-Identifier: Apache-2.0 */
#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *cond, const char *file, int line)
{
	(void)fprintf(stderr, "writ: broken invariant at %s:%d: %s\n", file, line, cond);
	abort();
}
