/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: what is found is what the score adds up to, excerpts are printable ASCII, and more of a text
 * never scores less.
 */
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "detect/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static unsigned score_of(struct arena *a, const struct json *j)
{
	static const struct str others[] = {STR_INIT("fs"), STR_INIT("mail")};
	struct lint l;

	lint_item(a, j, others, ARRAY_LEN(others), &l);
	ASSERT(l.score <= 1000 && l.n <= LINT_FINDINGS && (l.score == 0) == (l.n == 0));
	for (size_t i = 0; i < l.n; i++) {
		for (const char *c = l.findings[i].excerpt; *c; c++) {
			ASSERT(*c >= 0x20 && *c < 0x7f);
		}
	}
	return l.score;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct json *j;
	struct arena a;
	unsigned whole;

	arena_init(&a, 64 << 20);
	if (n < 65536 &&
	    json_parse(&a, str_make((const char *)data, n), NULL, &j, NULL) == ERR_OK) {
		whole = score_of(&a, j);
		JSON_EACH (item, j) {
			ASSERT(score_of(&a, item) <= whole);
		}
	}
	arena_done(&a);
	return 0;
}
