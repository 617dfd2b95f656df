/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text. Oracle: what is found is found once each, and a name that is appended to the text is found too
 * whenever the text had tokens: nothing in a policy can hide another.
 */
#include <stdint.h>
#include <stdlib.h>

#include "policy/literals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool has(const struct str *items, size_t n, struct str id)
{
	size_t times = 0;

	for (size_t i = 0; i < n; i++) {
		times += str_eq(items[i], id);
	}
	ASSERT(times <= 1);
	return times == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char more[] = "\nWrit::Path::\"/appended\"";
	char *text = malloc(n + sizeof(more));
	struct policy_source src = {.name = STR("fuzz")};
	const struct str *found, *again;
	size_t n_found, n_again;
	struct arena a;
	struct err err;

	ASSERT(text);
	if (n) {
		memcpy(text, data, n);
	}
	memcpy(text + n, more, sizeof(more));
	arena_init(&a, 8 << 20);
	src.text = str_make(text, n);
	if (policy_literals(&a, &src, 1, STR("Path"), &found, &n_found, &err) == ERR_OK &&
	    n_found < POLICY_LITERALS_MAX) {
		for (size_t i = 0; i < n_found; i++) {
			ASSERT(has(found, n_found, found[i]));
		}
		src.text.n = n + sizeof(more) - 1;
		/* Without the word nobody looks at the tokens, so broken text may show only now. */
		if (policy_literals(&a, &src, 1, STR("Path"), &again, &n_again, &err) == ERR_OK) {
			ASSERT(has(again, n_again, STR("/appended")));
			ASSERT(n_again >= n_found);
		}
	}
	arena_done(&a);
	free(text);
	return 0;
}
