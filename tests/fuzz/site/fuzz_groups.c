/* SPDX-License-Identifier: Apache-2.0 */
/* What a file of groups says holds at the time it says, and as long as the answer claims. */
#include "site/groups.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static bool have(const struct site_groups *g, const struct site_member *m, int64_t now,
		 struct site_window *w)
{
	return site_groups_have(g, m->group, m->code, &m->scheme, m->scheme.n ? 1 : 0, now, w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct site_groups g = {0};
	struct arena a;
	struct err err;

	if (n > 4096) {
		return 0;
	}
	arena_init(&a, 8 << 20);
	if (site_groups_parse(&a, STR("g"), str_make((const char *)data, n), &g, &err)) {
		CHECK(err.msg[0] != '\0');
		g.n = 0;
	}
	for (size_t i = 0; i < g.n && i < 16; i++) {
		const struct site_member *m = &g.items[i];
		int64_t now = m->from == INT64_MIN ? 0 : m->from;
		struct site_window w = SITE_WINDOW_ALL, again = SITE_WINDOW_ALL;
		bool is;

		CHECK(m->basis.n > 0 && m->from < m->until);
		if (m->is_group) {
			continue;
		}
		is = have(&g, m, now, &w);
		CHECK(is || now >= m->until);
		CHECK(w.from <= now && now < w.until);
		if (w.until != INT64_MAX) {
			CHECK(have(&g, m, w.until - 1, &again) == is);
		}
		if (w.from != INT64_MIN) {
			CHECK(have(&g, m, w.from, &again) == is);
		}
	}
	arena_done(&a);
	return 0;
}
