/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest that is taken names whom it exposes data to: sorted, each once. Leaving a member
 * out can only make it worse: the exposure of {"version":1,"site":...} alone is to anyone.
 */
#include "site/manifest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct site_groups none;
	struct site_window w = SITE_WINDOW_ALL;
	struct site_exposure e;
	struct site_manifest m;
	struct arena a;
	struct err err;

	arena_init(&a, 32 << 20);
	if (site_manifest_parse(&a, STR("m"), str_make((const char *)data, n), &m, &err)) {
		CHECK(err.msg[0] != '\0');
		arena_done(&a);
		return 0;
	}
	CHECK(m.site.n > 0 && n <= SITE_MANIFEST_MAX);
	site_exposure(&m, &e);
	for (size_t i = 0; i < e.n; i++) {
		CHECK(e.codes[i].n >= 2 && e.codes[i].n <= SITE_CODE_MAX);
		CHECK(i == 0 || str_cmp(e.codes[i - 1], e.codes[i]) < 0);
	}
	CHECK(e.anyone || (m.country.n && m.operator_country.n && m.logs.n && m.subs_stated &&
			   m.admin_access.stated && m.support_from.stated));
	CHECK(e.n == 0 || site_within(&e, &none, e.codes[0], &m, 0, &w) == (e.n == 1 && !e.anyone));
	if (site_manifest_holds(&m, 1000, &w)) {
		CHECK(m.expires > 1000 && w.from <= 1000 && w.until > 1000);
	}
	arena_done(&a);
	return 0;
}
