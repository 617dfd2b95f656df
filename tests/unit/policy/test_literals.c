/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "policy/literals.h"

static void check(const char *text, const char *const *wanted, size_t n)
{
	struct policy_source src = {.name = STR("a.cedar"), .text = str_from_c(text)};
	const struct str *found;
	struct arena a;
	struct err err;
	size_t n_found;

	arena_init(&a, 1 << 20);
	assert_int_equal(policy_literals(&a, &src, 1, STR("Path"), &found, &n_found, &err), ERR_OK);
	assert_int_equal(n_found, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(str_eq(found[i], str_from_c(wanted[i])));
	}
	arena_done(&a);
}

static void every_way_to_write_a_name_is_found_once(void **state)
{
	static const char *const all[] = {"/a", "/b \"c\"", "/d", "/e"};

	(void)state;
	check("permit (principal, action, resource in Writ::Path::\"/a\")\n"
	      "when { resource == Writ :: Path // Path::\"/not\"\n :: \"/b \\\"c\\\"\" ||\n"
	      "  [Path::\"/d\", Writ::Path::\"/a\"].contains(resource) } unless { "
	      "\"Path::\\\"/x\\\"\" == "
	      "\"\" };\n forbid (principal, action, resource is Writ::Path in Writ::Path::\"/e\");",
	      all, ARRAY_LEN(all));
}

static void other_types_and_bare_words_are_not_names(void **state)
{
	(void)state;
	check("permit (principal, action, resource is Writ::Path) when { resource.Path == "
	      "Writ::PathGroup::\"/g\" };",
	      NULL, 0);
	check("", NULL, 0);
}

static void text_that_is_no_policy_is_an_error(void **state)
{
	struct policy_source src = {.name = STR("a"), .text = STR("Path \"unfinished")};
	const struct str *found;
	struct arena a;
	struct err err;
	size_t n;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(policy_literals(&a, &src, 1, STR("Path"), &found, &n, &err), ERR_SYNTAX);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_write_a_name_is_found_once),
		cmocka_unit_test(other_types_and_bare_words_are_not_names),
		cmocka_unit_test(text_that_is_no_policy_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
