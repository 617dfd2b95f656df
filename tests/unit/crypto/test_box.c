/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "crypto/box.h"

static const uint8_t key[BOX_KEY_LEN] = {1, 2, 3}, other[BOX_KEY_LEN] = {1, 2, 4};

static void a_box_opens_with_its_key_and_binding_only(void **state)
{
	struct buf box, plain;

	(void)state;
	buf_init(&box, 256);
	buf_init(&plain, 256);
	box_seal(key, STR("for a"), STR("hidden"), &box);
	assert_int_equal(buf_len(&box), 6 + BOX_OVERHEAD);
	assert_int_equal(str_find_str(buf_str(&box), STR("hidden")), buf_len(&box));
	assert_int_equal(box_open(other, STR("for a"), buf_str(&box), &plain, NULL), ERR_CORRUPT);
	assert_int_equal(box_open(key, STR("for b"), buf_str(&box), &plain, NULL), ERR_CORRUPT);
	assert_int_equal(buf_len(&plain), 0);
	assert_int_equal(box_open(key, STR("for a"), buf_str(&box), &plain, NULL), ERR_OK);
	assert_str_equal(buf_str(&plain), STR("hidden"));
	buf_done(&box);
	buf_done(&plain);
}

static void a_changed_or_cut_box_does_not_open(void **state)
{
	struct buf box, plain;

	(void)state;
	buf_init(&box, 256);
	buf_init(&plain, 256);
	box_seal(key, STR(""), STR("hidden"), &box);
	for (size_t i = 0; i < buf_len(&box); i++) {
		box.p[i] ^= 1;
		assert_int_equal(box_open(key, STR(""), buf_str(&box), &plain, NULL), ERR_CORRUPT);
		box.p[i] ^= 1;
		assert_int_equal(box_open(key, STR(""), str_make(box.p, i), &plain, NULL),
				 ERR_CORRUPT);
	}
	assert_int_equal(box_open(key, STR(""), buf_str(&box), &plain, NULL), ERR_OK);
	buf_done(&box);
	buf_done(&plain);
}

static void the_same_is_sealed_differently_each_time(void **state)
{
	struct buf a, b;

	(void)state;
	buf_init(&a, 256);
	buf_init(&b, 256);
	box_seal(key, STR(""), STR(""), &a);
	box_seal(key, STR(""), STR(""), &b);
	assert_false(str_eq(buf_str(&a), buf_str(&b)));
	buf_done(&a);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_box_opens_with_its_key_and_binding_only),
		cmocka_unit_test(a_changed_or_cut_box_does_not_open),
		cmocka_unit_test(the_same_is_sealed_differently_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
