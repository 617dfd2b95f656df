/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/method.h"

static void every_method_is_found_by_its_exact_name_only(void **state)
{
	(void)state;
	for (enum mcp_method m = MCP_METHOD_UNKNOWN + 1; m < MCP_METHOD_MAX; m++) {
		assert_int_equal(mcp_method_find(mcp_method_info(m)->name), m);
	}
	assert_int_equal(mcp_method_find(STR("Tools/call")), MCP_METHOD_UNKNOWN);
	assert_int_equal(mcp_method_find(STR("tools/call ")), MCP_METHOD_UNKNOWN);
	assert_int_equal(mcp_method_find(STR("tools/cal")), MCP_METHOD_UNKNOWN);
	assert_int_equal(mcp_method_find(STR("")), MCP_METHOD_UNKNOWN);
}

static void a_method_is_allowed_only_from_its_side_and_in_its_revisions(void **state)
{
	(void)state;
	assert_true(mcp_method_allowed(MCP_TOOLS_CALL, MCP_FROM_CLIENT, MCP_2024_11_05));
	assert_true(mcp_method_allowed(MCP_TOOLS_CALL, MCP_FROM_CLIENT, MCP_2026_07_28));
	assert_false(mcp_method_allowed(MCP_TOOLS_CALL, MCP_FROM_SERVER, MCP_2025_11_25));
	assert_false(mcp_method_allowed(MCP_PING, MCP_FROM_CLIENT, MCP_2026_07_28));
	assert_true(mcp_method_allowed(MCP_PING, MCP_FROM_SERVER, MCP_2025_06_18));
	assert_false(mcp_method_allowed(MCP_ELICIT, MCP_FROM_SERVER, MCP_2025_03_26));
	assert_false(mcp_method_allowed(MCP_DISCOVER, MCP_FROM_CLIENT, MCP_2025_11_25));
	assert_false(mcp_method_allowed(MCP_SAMPLE, MCP_FROM_SERVER, MCP_2026_07_28));
}

static void the_unknown_method_is_allowed_to_nobody(void **state)
{
	(void)state;
	for (enum mcp_version v = MCP_VERSION_NONE; v < MCP_VERSION_MAX; v++) {
		assert_false(mcp_method_allowed(MCP_METHOD_UNKNOWN, MCP_FROM_CLIENT, v));
		assert_false(mcp_method_allowed(MCP_METHOD_UNKNOWN, MCP_FROM_SERVER, v));
		assert_false(mcp_method_allowed(MCP_TOOLS_CALL, 0, v));
	}
	assert_false(mcp_method_allowed(MCP_TOOLS_CALL, MCP_FROM_CLIENT, MCP_VERSION_NONE));
}

static void what_touches_an_object_is_an_action_and_says_where_its_name_is(void **state)
{
	(void)state;
	assert_int_equal(mcp_method_info(MCP_TOOLS_CALL)->action, MCP_ACTION_CALL_TOOL);
	assert_int_equal(mcp_method_info(MCP_TOOLS_CALL)->object, MCP_OBJECT_NAME);
	assert_int_equal(mcp_method_info(MCP_RESOURCES_READ)->action, MCP_ACTION_READ_RESOURCE);
	assert_int_equal(mcp_method_info(MCP_RESOURCES_READ)->object, MCP_OBJECT_URI);
	assert_int_equal(mcp_method_info(MCP_COMPLETE)->object, MCP_OBJECT_REF);
	assert_int_equal(mcp_method_info(MCP_PING)->action, MCP_ACTION_NONE);
}

static void a_legacy_client_gets_its_revision_and_a_stranger_the_newest_legacy_one(void **state)
{
	(void)state;
	assert_int_equal(mcp_version_negotiate(STR("2024-11-05")), MCP_2024_11_05);
	assert_int_equal(mcp_version_negotiate(STR("2025-11-25")), MCP_2025_11_25);
	/* the modern revision has no handshake: asking for it in one is answered by a legacy one */
	assert_int_equal(mcp_version_negotiate(STR("2026-07-28")), MCP_2025_11_25);
	assert_int_equal(mcp_version_negotiate(STR("2024-10-07")), MCP_2025_11_25);
	assert_int_equal(mcp_version_negotiate(STR("")), MCP_2025_11_25);
	assert_int_equal(mcp_version_find(STR("")), MCP_VERSION_NONE);
	assert_int_equal(mcp_version_find(STR("2025-06-18 ")), MCP_VERSION_NONE);
	assert_str_equal(mcp_version_name(MCP_2026_07_28), STR("2026-07-28"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_is_found_by_its_exact_name_only),
		cmocka_unit_test(a_method_is_allowed_only_from_its_side_and_in_its_revisions),
		cmocka_unit_test(the_unknown_method_is_allowed_to_nobody),
		cmocka_unit_test(what_touches_an_object_is_an_action_and_says_where_its_name_is),
		cmocka_unit_test(
			a_legacy_client_gets_its_revision_and_a_stranger_the_newest_legacy_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
