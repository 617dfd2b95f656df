/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "egress/names.h"

#include <stdio.h>

static struct egress_ip give(struct egress_names *t, const char *name)
{
	struct egress_ip ip;

	assert_true(egress_names_give(t, str_from_c(name), false, &ip));
	return ip;
}

static void a_name_has_one_address_and_an_address_one_name(void **state)
{
	struct egress_names t = {0};
	struct egress_ip a = give(&t, "a.test"), b = give(&t, "b.test"), again = give(&t, "a.test");

	(void)state;
	assert_true(egress_ip_eq(&a, &again));
	assert_false(egress_ip_eq(&a, &b));
	assert_true(str_eq(egress_names_find(&t, &a), STR("a.test")));
	assert_true(str_eq(egress_names_find(&t, &b), STR("b.test")));
	assert_int_equal(egress_classify(&a), EGRESS_BENCHMARK); /* leads nowhere outside */
	egress_names_done(&t);
}

static void a_name_has_an_address_of_each_kind(void **state)
{
	struct egress_names t = {0};
	struct egress_ip four = give(&t, "a.test"), six;
	struct egress_ip other;

	(void)state;
	assert_true(egress_names_give(&t, STR("a.test"), true, &six));
	assert_true(egress_ip_parse(STR("2001:2::c612:1"), &other));
	assert_true(egress_ip_eq(&six, &other));
	assert_true(egress_names_holds(&six) && egress_names_holds(&four));
	assert_true(str_eq(egress_names_find(&t, &six), STR("a.test")));
	assert_int_equal(egress_classify(&six), EGRESS_BENCHMARK);
	egress_names_done(&t);
}

static void what_was_not_given_stands_for_nothing(void **state)
{
	static const char *const texts[] = {
		"198.18.0.0", "198.18.0.2",        "198.19.255.255", "8.8.8.8",
		"::1",        "::ffff:198.18.0.1", "2001:2::c612:2", "2001:2:1::c612:1"};
	struct egress_names t = {0}, empty = {0};
	struct egress_ip ip;

	(void)state;
	ip = give(&t, "a.test");
	assert_null(egress_names_find(&empty, &ip).p);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_true(egress_ip_parse(str_from_c(texts[i]), &ip));
		assert_null(egress_names_find(&t, &ip).p);
	}
	egress_names_done(&t);
}

/* However often the pool went round: a kept address is never another name's. */
static void the_oldest_make_way_and_addresses_are_not_reused_soon(void **state)
{
	struct egress_names t = {0};
	struct egress_ip first, kept = {0}, now;
	char name[32];

	(void)state;
	first = give(&t, "first.test");
	for (int i = 0; i < EGRESS_NAMES_POOL + 10; i++) {
		(void)snprintf(name, sizeof(name), "h%d.test", i);
		now = give(&t, name);
		assert_true(egress_names_holds(&now));
		assert_true(str_eq(egress_names_find(&t, &now), str_from_c(name)));
		if (i == EGRESS_NAMES_MAX - 1) {
			assert_null(egress_names_find(&t, &first).p);
			kept = now;
		}
		if (i > 3 * EGRESS_NAMES_MAX && i < 4 * EGRESS_NAMES_MAX) {
			assert_null(egress_names_find(&t, &kept).p);
		}
	}
	egress_names_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_has_one_address_and_an_address_one_name),
		cmocka_unit_test(a_name_has_an_address_of_each_kind),
		cmocka_unit_test(what_was_not_given_stands_for_nothing),
		cmocka_unit_test(the_oldest_make_way_and_addresses_are_not_reused_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
