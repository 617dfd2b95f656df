/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as policies in JSON. Oracle: what is read is printed as text that
 * parses, gives the same JSON again, and decides alike both ways.
 */
#include "policy/est.h"
#include "policy/print.h"

#include "tests/fuzz/policy/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(struct arena *a, const struct policy_list *list)
{
	struct policy_source text = {STR("text"), {0}};
	struct policy_list again = {0};
	struct policy_diags diags;
	struct buf printed, first, second;

	policy_diags_init(&diags, a);
	buf_init(&printed, 64 << 20);
	buf_init(&first, 64 << 20);
	buf_init(&second, 64 << 20);
	for (size_t i = 0; i < list->n; i++) {
		policy_print(&printed, list->items[i]);
	}
	text.text = buf_str(&printed);
	if (policy_parse(a, &text, POLICY_ID_ORDER, &again, &diags, NULL) == ERR_OK) {
		ASSERT(again.n == list->n);
		for (size_t i = 0; i < list->n; i++) {
			buf_clear(&first);
			buf_clear(&second);
			policy_est_write(&first, list->items[i]);
			policy_est_write(&second, again.items[i]);
			ASSERT(str_eq(buf_str(&first), buf_str(&second)));
		}
	} else {
		ASSERT(diags.n_errors > 0);
	}
	buf_done(&printed);
	buf_done(&first);
	buf_done(&second);
	world_run(a, list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct policy_source src = {STR("fuzz"), str_make((const char *)data, n)};
	struct policy_list list = {0};
	struct policy_diags diags;
	struct arena a;

	arena_init(&a, 256 << 20);
	policy_diags_init(&diags, &a);
	if (policy_est_read(&a, &src, &list, &diags, NULL) == ERR_OK) {
		check(&a, &list);
	} else {
		ASSERT(list.n == 0);
	}
	arena_done(&a);
	return 0;
}
