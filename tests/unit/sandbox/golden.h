/* SPDX-License-Identifier: Apache-2.0 */
/* Texts under git. With WRIT_GOLDEN=write in the environment they are written anew. */
#ifndef TESTS_UNIT_SANDBOX_GOLDEN_H
#define TESTS_UNIT_SANDBOX_GOLDEN_H

#include "tests/test.h"

static inline void golden(const char *name, struct str text)
{
	char path[512];
	char *old;
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, name);
	if (getenv("WRIT_GOLDEN")) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
		assert_int_equal(fclose(f), 0);
		return;
	}
	f = fopen(path, "r");
	old = malloc(text.n + 2);
	assert_non_null(f);
	assert_non_null(old);
	n = fread(old, 1, text.n + 2, f);
	(void)fclose(f);
	if (!str_eq(str_make(old, n), text)) {
		fail_msg("%s differs: if the change is meant, run with WRIT_GOLDEN=write", path);
	}
	free(old);
}

#endif
