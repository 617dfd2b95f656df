/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/fold.h"

static void a_name_in_another_case_or_with_folding_letters_resembles(void **state)
{
	(void)state;
	assert_true(fold_resembles(STR("Method"), STR("method")));
	assert_true(fold_resembles(STR("param\xc5\xbf"), STR("params")));
	assert_true(fold_resembles(STR("progressTo\xe2\x84\xaa"
				       "en"),
				   STR("progressToken")));
	assert_true(fold_resembles(STR("\xc4\xb1"
				       "d"),
				   STR("id")));
	assert_true(fold_resembles(STR("\xc4\xb0"
				       "D"),
				   STR("id")));
}

static void the_name_itself_and_other_names_do_not(void **state)
{
	(void)state;
	assert_false(fold_resembles(STR("method"), STR("method")));
	assert_false(fold_resembles(STR("methods"), STR("method")));
	assert_false(fold_resembles(STR("metho"), STR("method")));
	assert_false(fold_resembles(STR(""), STR("id")));
	assert_false(fold_resembles(STR("\xc5"), STR("s")));
	assert_false(fold_resembles(STR("m\xc3\xa9thod"), STR("method")));
	assert_false(fold_resembles(STR("\xe2\x84"), STR("k")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_in_another_case_or_with_folding_letters_resembles),
		cmocka_unit_test(the_name_itself_and_other_names_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
