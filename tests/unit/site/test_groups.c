/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/arena.h"
#include "site/groups.h"

#define DAY INT64_C(86400000)

static const char text[] = "# comment\n"
			   "EEA @EU - - TFEU Art. 355\r\n"
			   "EU DE 1970-01-11 - TEU Art. 52  # the first day counts\n"
			   "EU XX 1970-01-01 1970-01-21 left again\n"
			   "\n"
			   "OK @EEA - - Art. 44\n"
			   "OK US+dpf 1970-01-01 - Decision 2023/1795\n"
			   "LOOP @LOOP - - itself";

struct fixture {
	struct arena arena;
	struct site_groups groups;
	struct err err;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	arena_init(&f.arena, 8 << 20);
	*state = &f;
	return site_groups_parse(&f.arena, STR("g"), str_from_c(text), &f.groups, &f.err) ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_done(&f->arena);
	return 0;
}

static bool have(struct fixture *f, const char *group, const char *code, const char *scheme,
		 int64_t now, struct site_window *w)
{
	struct site_window none = SITE_WINDOW_ALL;
	struct str s = str_from_c(scheme);

	return site_groups_have(&f->groups, str_from_c(group), str_from_c(code), &s, scheme ? 1 : 0,
				now, w ? w : &none);
}

static void membership_has_dates_and_the_first_day_counts(void **state)
{
	struct fixture *f = *state;

	assert_false(have(f, "EU", "DE", NULL, 10 * DAY - 1, NULL));
	assert_true(have(f, "EU", "DE", NULL, 10 * DAY, NULL));
	assert_true(have(f, "EU", "XX", NULL, 20 * DAY - 1, NULL));
	assert_false(have(f, "EU", "XX", NULL, 20 * DAY, NULL));
	assert_false(have(f, "EU", "FR", NULL, 20 * DAY, NULL));
}

static void groups_contain_groups_and_cycles_end(void **state)
{
	struct fixture *f = *state;

	assert_true(have(f, "OK", "DE", NULL, 10 * DAY, NULL));
	assert_false(have(f, "LOOP", "DE", NULL, 10 * DAY, NULL));
}

static void a_scheme_is_a_condition(void **state)
{
	struct fixture *f = *state;

	assert_false(have(f, "OK", "US", NULL, DAY, NULL));
	assert_false(have(f, "OK", "US", "other", DAY, NULL));
	assert_true(have(f, "OK", "US", "dpf", DAY, NULL));
}

static void an_answer_says_how_long_it_holds(void **state)
{
	struct fixture *f = *state;
	struct site_window w = SITE_WINDOW_ALL;

	assert_true(have(f, "EU", "XX", NULL, 5 * DAY, &w));
	assert_true(w.from == 0 && w.until == 20 * DAY);
	w = SITE_WINDOW_ALL;
	assert_false(have(f, "EU", "DE", NULL, 5 * DAY, &w));
	assert_true(w.until == 10 * DAY);
}

static void a_revoked_basis_is_as_if_it_had_ended(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(site_groups_revoke(&f->groups, STR("2023/1795")), 1);
	assert_false(have(f, "OK", "US", "dpf", DAY, NULL));
	assert_true(have(f, "OK", "DE", NULL, 10 * DAY, NULL));
	assert_int_equal(site_groups_revoke(&f->groups, STR("EU:DE")), 1);
	assert_false(have(f, "OK", "DE", NULL, 10 * DAY, NULL));
	assert_int_equal(site_groups_revoke(&f->groups, STR("nothing")), 0);
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
	static const char *const bad[] = {"EU",
					  "eu DE - - x",
					  "EU de - - x",
					  "EU DE 1970-13-01 - x",
					  "EU DE - soon x",
					  "EU DE - -",
					  "EU DE 1970-01-02 1970-01-02 x",
					  "EU DE+ - - x",
					  "EU @ - - x",
					  "EU DE - - \xff"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct site_groups g = {0};

		assert_int_equal(
			site_groups_parse(&f->arena, STR("g"), str_from_c(bad[i]), &g, &f->err),
			ERR_SYNTAX);
		assert_non_null(strstr(f->err.msg, "g:1: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(membership_has_dates_and_the_first_day_counts,
						setup, teardown),
		cmocka_unit_test_setup_teardown(groups_contain_groups_and_cycles_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_scheme_is_a_condition, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_says_how_long_it_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(a_revoked_basis_is_as_if_it_had_ended, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_named_with_its_line, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
