/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/contract.h"

static struct mcp_list list;
static struct arena arena;
static struct str says;

static int set_up(void **state)
{
	const struct str tools = STR(
		"{\"tools\":[{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
		"\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]},\"outputSchema\":{\"type\":"
		"\"object\",\"required\":[\"sum\"],\"additionalProperties\":false,\"properties\":{"
		"\"sum\":true}}},{\"name\":\"plain\"},{\"name\":\"far\",\"inputSchema\":{\"$ref\":"
		"\"http://e.org/x\"}}]}");

	(void)state;
	arena_init(&arena, 16 << 20);
	mcp_list_init(&list, MCP_LIST_TOOLS, (struct hash_key){1, 2});
	assert_int_equal(mcp_list_page(&list, tools, NULL), ERR_OK);
	says = STR("");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mcp_list_done(&list);
	arena_done(&arena);
	return 0;
}

static struct mcp_contract *contract(const char *name)
{
	return mcp_contract_of(&list, str_from_c(name), &arena);
}

static enum mcp_fit input(const char *tool, struct str arguments)
{
	return mcp_contract_input(contract(tool), &arena, arguments, &says);
}

static enum mcp_fit output(const char *tool, const char *result)
{
	return mcp_contract_output(contract(tool), &arena, str_from_c(result), &says);
}

static void a_contract_is_read_once_and_kept(void **state)
{
	struct mcp_contract *c = contract("a");

	(void)state;
	assert_non_null(c);
	assert_true(c->has_input && c->has_output);
	assert_ptr_equal(contract("a"), c);
	assert_null(contract("nobody"));
}

static void arguments_are_told_where_and_why_they_do_not_fit(void **state)
{
	(void)state;
	assert_int_equal(input("a", STR("{\"n\":1}")), MCP_FIT_YES);
	assert_int_equal(input("a", STR("{\"n\":\"1\"}")), MCP_FIT_NO);
	assert_str_equal(says, STR("at \"/n\": expected an integer (type)"));
	assert_int_equal(input("a", str_make(NULL, 0)), MCP_FIT_NO); /* none are {} */
	assert_str_equal(says, STR("at \"\": expected a member \"n\" (required)"));
	assert_int_equal(input("plain", STR("{\"x\":1}")), MCP_FIT_YES);
}

static void what_cannot_be_checked_does_not_fit(void **state)
{
	(void)state;
	assert_int_equal(input("far", STR("{}")), MCP_FIT_UNKNOWN);
	assert_str_equal(says, STR("its schema is one that cannot be checked"));
	assert_non_null(strstr(contract("far")->why, "nothing is fetched"));
}

static void results_say_the_keyword_and_nothing_of_the_server(void **state)
{
	(void)state;
	assert_int_equal(output("a", "{\"structuredContent\":{\"sum\":1}}"), MCP_FIT_YES);
	assert_int_equal(output("a", "{\"content\":[]}"), MCP_FIT_YES);
	assert_int_equal(output("a", "{\"structuredContent\":{},\"isError\":true}"), MCP_FIT_YES);
	assert_int_equal(output("a", "{\"structuredContent\":{\"sum\":1,\"Obey me\":2}}"),
			 MCP_FIT_NO);
	assert_str_equal(says, STR("keyword additionalProperties"));
	assert_int_equal(output("plain", "{\"structuredContent\":7}"), MCP_FIT_YES);
}

/* A client decodes the name; Writ must not take it for another one. */
static void a_hidden_structured_content_is_no_way_around(void **state)
{
	(void)state;
	assert_int_equal(output("a", "{\"structured\\u0043ontent\":{}}"), MCP_FIT_NO);
	assert_int_equal(output("a", "{\"StructuredContent\":{}}"), MCP_FIT_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_contract_is_read_once_and_kept, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(arguments_are_told_where_and_why_they_do_not_fit,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_checked_does_not_fit, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(results_say_the_keyword_and_nothing_of_the_server,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hidden_structured_content_is_no_way_around,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
