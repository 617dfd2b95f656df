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

static bool look_alike(const char *a, const char *b)
{
	struct buf x, y;
	bool same;

	buf_init(&x, 512);
	buf_init(&y, 512);
	fold_skeleton(&x, str_from_c(a));
	fold_skeleton(&y, str_from_c(b));
	same = str_eq(buf_str(&x), buf_str(&y));
	buf_done(&x);
	buf_done(&y);
	return same;
}

static void names_that_look_alike_have_one_skeleton(void **state)
{
	static const char *const alike[][2] = {
		{"send_email", "send_emaiI"},
		{"send_email", "send-emai1"},
		{"read_file", "readFile"},
		{"read.file", "read/file"},
		{"transform", "transforrn"},
		{"view", "vievv"},
		{"list_users", "1ist_u5ers"},
		{"cop0", "copo"},
		{"paypal", "p\xd0\xb0yp\xd0\xb0l"},
		{"scope", "\xd1\x95\xd1\x81\xd0\xbe\xd1\x80\xd0\xb5"},
		{"run", "\xef\xbd\x92\xef\xbd\x95\xef\xbd\x8e"},
		{"kill", "\xe2\x84\xaa\xc4\xb1ll"},
	};
	static const char *const apart[][2] = {
		{"send_email", "send_emails"}, {"read_file", "read_line"}, {"a", "b"}, {"v2", "v3"},
		{"caf\xc3\xa9", "cafe"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(alike); i++) {
		if (!look_alike(alike[i][0], alike[i][1])) {
			fail_msg("%s and %s", alike[i][0], alike[i][1]);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(apart); i++) {
		assert_false(look_alike(apart[i][0], apart[i][1]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_in_another_case_or_with_folding_letters_resembles),
		cmocka_unit_test(the_name_itself_and_other_names_do_not),
		cmocka_unit_test(names_that_look_alike_have_one_skeleton),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
