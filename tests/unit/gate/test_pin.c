/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/pin.h"

static void ids_tell_server_kind_and_name_apart(void **state)
{
	struct pin_id a = pin_id(STR("fs"), PIN_TOOL, STR("read"));
	struct pin_id same = pin_id(STR("fs"), PIN_TOOL, STR("read"));
	const struct pin_id others[] = {
		pin_id(STR("fs"), PIN_PROMPT, STR("read")),
		pin_id(STR("f"), PIN_TOOL, STR("sread")),
		pin_id(STR("fsr"), PIN_TOOL, STR("ead")),
		pin_id(STR("fs"), PIN_TOOL, STR("")),
	};

	(void)state;
	assert_memory_equal(&a, &same, sizeof(a));
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_memory_not_equal(&a, &others[i], sizeof(a));
	}
}

static void a_table_knows_digests_not_names(void **state)
{
	uint8_t one[SHA256_LEN] = {1}, two[SHA256_LEN] = {2};
	struct buf table;

	(void)state;
	buf_init(&table, 1 << 20);
	for (unsigned i = 0; i < 100; i++) {
		char name[8];
		struct pin_id id;

		(void)snprintf(name, sizeof(name), "t%u", i);
		id = pin_id(STR("s"), PIN_TOOL, str_from_c(name));
		pin_table_put(&table, &id, one, PIN_PINNED);
		pin_table_put(&table, &id, two, PIN_HELD);
	}
	pin_table_sort(&table);
	for (unsigned i = 0; i < 100; i++) {
		uint8_t three[SHA256_LEN] = {3};
		char name[8];
		struct pin_id id;

		(void)snprintf(name, sizeof(name), "t%u", i);
		id = pin_id(STR("s"), PIN_TOOL, str_from_c(name));
		assert_int_equal(pin_table_find(buf_str(&table), &id, one), PIN_PINNED);
		assert_int_equal(pin_table_find(buf_str(&table), &id, two), PIN_HELD);
		assert_int_equal(pin_table_find(buf_str(&table), &id, three), PIN_UNKNOWN);
		id = pin_id(STR("other"), PIN_TOOL, str_from_c(name));
		assert_int_equal(pin_table_find(buf_str(&table), &id, one), PIN_UNKNOWN);
	}
	assert_int_equal(pin_table_find(STR(""), &(struct pin_id){{0}}, one), PIN_UNKNOWN);
	buf_done(&table);
}

static void reports_are_read_as_they_were_written(void **state)
{
	const struct pin_seen seen = {.kind = PIN_PROMPT,
				      .score = 300,
				      .digest = {7},
				      .name = STR_INIT("p"),
				      .text = STR_INIT("{}")};
	struct str server, rest;
	struct pin_seen read;
	struct buf b;
	bool valid;

	(void)state;
	buf_init(&b, PIN_REPORT_MAX);
	pin_report_begin(&b, STR("fs"));
	assert_true(pin_report_put(&b, &seen));
	assert_true(pin_report_open(buf_str(&b), &server, &rest));
	assert_str_equal(server, STR("fs"));
	assert_true(pin_report_next(&rest, &read, &valid) && valid);
	assert_int_equal(read.kind, PIN_PROMPT);
	assert_int_equal(read.score, 300);
	assert_memory_equal(read.digest, seen.digest, SHA256_LEN);
	assert_str_equal(read.name, seen.name);
	assert_str_equal(read.text, seen.text);
	assert_false(pin_report_next(&rest, &read, &valid));
	assert_true(valid);
	/* cut anywhere behind its head it is none */
	for (size_t n = PIN_HEADER + 2 + 1; n < buf_len(&b); n++) {
		assert_true(pin_report_open(str_make(buf_str(&b).p, n), &server, &rest));
		assert_false(pin_report_next(&rest, &read, &valid));
		assert_false(valid);
	}
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_tell_server_kind_and_name_apart),
		cmocka_unit_test(a_table_knows_digests_not_names),
		cmocka_unit_test(reports_are_read_as_they_were_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
