/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first: cmocka with the headers it needs before it. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#define assert_str_equal(a, b) assert_test_str_equal((a), (b), __FILE__, __LINE__)

static inline void assert_test_str_equal(struct str a, struct str b, const char *file, int line)
{
	if (!str_eq(a, b)) {
		print_error("%s:%d: \"%.*s\" is not \"%.*s\"\n", file, line, STR_ARG(a),
			    STR_ARG(b));
		fail();
	}
}

#endif
