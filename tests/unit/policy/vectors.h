/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the conformance data that WRIT_DATA names; tests skip themselves without it. */
#ifndef TESTS_POLICY_VECTORS_H
#define TESTS_POLICY_VECTORS_H

#include "tests/test.h"

#include "base/arena.h"
#include "json/parse.h"

/* The file's bytes in the arena; skips the test when WRIT_DATA is not set. */
static inline struct str vectors_read(struct arena *a, const char *path)
{
	const char *data = getenv("WRIT_DATA");
	char full[512];
	char *bytes;
	size_t n;
	FILE *f;

	if (!data) {
		print_message("skipped: WRIT_DATA not set\n");
		skip();
	}
	(void)snprintf(full, sizeof(full), "%s/%s", data, path);
	f = fopen(full, "rb");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = (size_t)ftell(f);
	rewind(f);
	bytes = arena_alloc(a, n);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, n, f), n);
	(void)fclose(f);
	return str_make(bytes, n);
}

static inline const struct json *vectors_json(struct arena *a, const char *path)
{
	const struct json *doc = NULL;
	struct err err = {0};

	if (json_parse(a, vectors_read(a, path), NULL, &doc, &err) != ERR_OK) {
		print_error("%s\n", err.msg);
		fail();
	}
	return doc;
}

#endif
