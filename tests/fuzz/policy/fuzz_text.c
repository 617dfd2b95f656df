/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as policy text. Oracle: formatting is stable and keeps the tokens;
 * JSON and text turn into each other without loss; the compiled form decides as
 * the reference evaluator does.
 */
#include "policy/est.h"
#include "policy/fmt.h"
#include "policy/print.h"

#include "tests/fuzz/policy/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_format(struct arena *a, const struct policy_source *src)
{
	struct policy_source once = {STR("once"), {0}};
	struct buf first, second, before, after;
	struct policy_diags diags;

	policy_diags_init(&diags, a);
	buf_init(&first, 64 << 20);
	buf_init(&second, 64 << 20);
	buf_init(&before, 64 << 20);
	buf_init(&after, 64 << 20);
	if (policy_fmt(a, src, &first, &diags, NULL) == ERR_OK) {
		once.text = buf_str(&first);
		ASSERT(policy_fmt(a, &once, &second, &diags, NULL) == ERR_OK);
		ASSERT(str_eq(buf_str(&first), buf_str(&second)));
		ASSERT(policy_canonical(src, 1, &before, NULL) == ERR_OK);
		ASSERT(policy_canonical(&once, 1, &after, NULL) == ERR_OK);
		ASSERT(str_eq(buf_str(&before), buf_str(&after)));
	}
	buf_done(&first);
	buf_done(&second);
	buf_done(&before);
	buf_done(&after);
}

static void check_json(struct arena *a, const struct policy_list *list)
{
	struct policy_source json = {STR("json"), {0}}, text = {STR("text"), {0}};
	struct policy_list back = {0}, again = {0};
	struct policy_diags diags;
	struct buf first, printed, second;

	policy_diags_init(&diags, a);
	buf_init(&first, 64 << 20);
	buf_init(&second, 64 << 20);
	buf_init(&printed, 64 << 20);
	policy_est_write_set(&first, list);
	json.text = buf_str(&first);
	if (policy_est_read(a, &json, &back, &diags, NULL) == ERR_OK) {
		for (size_t i = 0; i < back.n; i++) {
			policy_print(&printed, back.items[i]);
		}
		text.text = buf_str(&printed);
		ASSERT(policy_parse(a, &text, POLICY_ID_ORDER, &again, &diags, NULL) == ERR_OK);
		for (size_t i = 0; i < back.n; i++) {
			again.items[i]->id = back.items[i]->id;
		}
		policy_est_write_set(&second, &again);
		ASSERT(str_eq(buf_str(&first), buf_str(&second)));
	}
	buf_done(&first);
	buf_done(&second);
	buf_done(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct policy_source src = {STR("fuzz"), str_make((const char *)data, n)};
	struct policy_list list = {0};
	struct policy_diags diags;
	struct buf shown;
	struct arena a;

	arena_init(&a, 256 << 20);
	policy_diags_init(&diags, &a);
	if (policy_parse(&a, &src, POLICY_ID_ORDER, &list, &diags, NULL) == ERR_OK) {
		check_format(&a, &src);
		check_json(&a, &list);
		world_run(&a, &list);
	} else {
		ASSERT(diags.n_errors > 0 && list.n == 0);
		buf_init(&shown, 1 << 20);
		policy_diags_render(&diags, &shown);
		ASSERT(shown.failed || buf_len(&shown) > 0);
		buf_done(&shown);
	}
	arena_done(&a);
	return 0;
}
