/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "json/decimal.h"

static int cmp(const char *a, const char *b)
{
	struct json_decimal x = json_decimal(str_from_c(a)), y = json_decimal(str_from_c(b));

	return json_decimal_cmp(&x, &y);
}

static void what_is_equal_however_written_compares_equal(void **state)
{
	static const char *const pairs[][2] = {
		{"0", "-0.00e5"},    {"1", "1.0"},     {"1", "10e-1"},    {"-120", "-1.2E+2"},
		{"0.001", "1e-3"},   {"100", "1e2"},   {"12.50", "12.5"}, {"0.0120", "1.20e-2"},
		{"1e400", "10e399"}, {"-0.5e1", "-5"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct json_decimal a = json_decimal(str_from_c(pairs[i][0]));
		struct json_decimal b = json_decimal(str_from_c(pairs[i][1]));

		assert_int_equal(json_decimal_cmp(&a, &b), 0);
		assert_true(json_decimal_print(&a) == json_decimal_print(&b));
	}
}

static void order_is_exact_where_doubles_are_not(void **state)
{
	static const char *const rising[] = {
		"-1e400",
		"-9007199254740993",
		"-9007199254740992",
		"-2",
		"-1.5",
		"-1",
		"-0.1",
		"0",
		"1e-400",
		"0.1",
		"0.10000000000000000000000000001",
		"0.2",
		"1",
		"9.99",
		"10",
		"9007199254740992",
		"9007199254740993",
		"1e400",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rising); i++) {
		for (size_t j = 0; j < ARRAY_LEN(rising); j++) {
			int c = cmp(rising[i], rising[j]);

			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
	}
}

static void multiples_are_exact(void **state)
{
	static const struct {
		const char *a, *b;
		bool is;
	} t[] = {
		{"0", "7", true},
		{"0.3", "0.1", true}, /* not so with doubles */
		{"19.99", "0.01", true},
		{"4.35", "0.01", true},
		{"0.0075", "0.0001", true},
		{"0.00751", "0.0001", false},
		{"9007199254740993", "2", false},
		{"9007199254740994", "2", true},
		{"1e308", "0.5", true},
		{"1e1000000000", "7", false},
		{"7e1000000000", "7", true},
		{"-21", "7", true},
		{"22", "7", false},
		{"10", "4", false},
		{"100", "4", true},
		{"1", "999999999999999999", false},
		{"999999999999999999000", "999999999999999999", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct json_decimal a = json_decimal(str_from_c(t[i].a));
		struct json_decimal b = json_decimal(str_from_c(t[i].b));

		if (json_decimal_is_multiple(&a, &b) != t[i].is) {
			fail_msg("%s of %s", t[i].a, t[i].b);
		}
	}
}

static void integers_are_known_by_value(void **state)
{
	static const char *const yes[] = {"0", "1.0", "10e-1", "1e300", "-3.00", "0.0"};
	static const char *const no[] = {"0.5", "1e-1", "12.34e1", "-0.001"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		struct json_decimal d = json_decimal(str_from_c(yes[i]));

		assert_true(json_decimal_is_integer(&d));
	}
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		struct json_decimal d = json_decimal(str_from_c(no[i]));

		assert_false(json_decimal_is_integer(&d));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_equal_however_written_compares_equal),
		cmocka_unit_test(order_is_exact_where_doubles_are_not),
		cmocka_unit_test(multiples_are_exact),
		cmocka_unit_test(integers_are_known_by_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
