/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/catalogue.h"

static const struct hash_key seed = {1, 2};

static enum err_code page(struct mcp_list *l, const char *result)
{
	struct err err;

	return mcp_list_page(l, str_from_c(result), &err);
}

static void items_are_kept_as_the_bytes_that_came(void **state)
{
	struct mcp_list l;
	const struct mcp_item *i;

	(void)state;
	mcp_list_init(&l, MCP_LIST_TOOLS, seed);
	assert_int_equal(page(&l, "{\"tools\":[{\"odd\":1.0,\"name\":\"b\",\"_meta\":{\"x\":[]}} , "
				  "{\"name\":\"a\\u0062\"}],\"nextCursor\":null,\"_meta\":{}}"),
			 ERR_OK);
	assert_true(l.complete);
	assert_int_equal(l.n, 2);
	i = mcp_list_find(&l, STR("b"));
	assert_non_null(i);
	assert_str_equal(i->raw, STR("{\"odd\":1.0,\"name\":\"b\",\"_meta\":{\"x\":[]}}"));
	assert_str_equal(i->key_raw, STR("\"b\""));
	assert_ptr_equal(i->key_raw.p, i->raw.p + 18);
	i = mcp_list_find(&l, STR("ab"));
	assert_non_null(i);
	assert_str_equal(i->key_raw, STR("\"a\\u0062\""));
	assert_int_equal(l.findings.n, 0);
	mcp_list_done(&l);
}

static void pages_follow_each_other_and_the_empty_cursor_is_a_cursor(void **state)
{
	struct mcp_list l;

	(void)state;
	mcp_list_init(&l, MCP_LIST_PROMPTS, seed);
	assert_int_equal(page(&l, "{\"prompts\":[{\"name\":\"a\"}],\"nextCursor\":\"\"}"), ERR_OK);
	assert_false(l.complete);
	assert_str_equal(l.cursor, STR("\"\""));
	assert_int_equal(page(&l, "{\"prompts\":[{\"name\":\"b\"}],\"nextCursor\":\"2\"}"), ERR_OK);
	assert_str_equal(l.cursor, STR("\"2\""));
	assert_int_equal(page(&l, "{\"prompts\":[]}"), ERR_OK);
	assert_true(l.complete);
	assert_int_equal(l.n, 2);
	mcp_list_done(&l);
}

static void a_server_that_goes_in_circles_is_stopped(void **state)
{
	struct mcp_list l;

	(void)state;
	mcp_list_init(&l, MCP_LIST_TOOLS, seed);
	assert_int_equal(page(&l, "{\"tools\":[{\"name\":\"a\"}],\"nextCursor\":\"x\"}"), ERR_OK);
	assert_int_equal(page(&l, "{\"tools\":[{\"name\":\"b\"}],\"nextCursor\":\"y\"}"), ERR_OK);
	assert_int_equal(page(&l, "{\"tools\":[{\"name\":\"c\"}],\"nextCursor\":\"x\"}"), ERR_OK);
	assert_true(l.complete);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.findings.n, 1);
	assert_int_equal(l.findings.at[0].kind, MCP_FINDING_CURSOR_LOOP);
	mcp_list_done(&l);
}

static void what_breaks_the_rules_is_left_out_and_found(void **state)
{
	static const enum mcp_finding_kind want[] = {
		MCP_FINDING_NAME,      MCP_FINDING_NAME,     MCP_FINDING_NAME,
		MCP_FINDING_NOT_ITEM,  MCP_FINDING_NOT_ITEM, MCP_FINDING_NOT_ITEM,
		MCP_FINDING_DUPLICATE,
	};
	struct mcp_list l;

	(void)state;
	mcp_list_init(&l, MCP_LIST_TOOLS, seed);
	assert_int_equal(page(&l, "{\"tools\":[{\"name\":\"ok\"},{\"name\":\"with space\"},"
				  "{\"name\":\"\"},{\"name\":\"x\",\"Name\":\"y\"},{},7,"
				  "{\"name\":null},{\"name\":\"o\\u006b\",\"evil\":1}]}"),
			 ERR_OK);
	assert_int_equal(l.n, 1);
	assert_str_equal(l.items[0]->raw, STR("{\"name\":\"ok\"}"));
	assert_int_equal(l.findings.n, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(l.findings.at[i].kind, want[i]);
		assert_true(mcp_finding_text(want[i]).n > 0);
	}
	mcp_list_done(&l);
}

static void a_result_that_is_no_list_is_refused(void **state)
{
	struct mcp_list l;

	(void)state;
	mcp_list_init(&l, MCP_LIST_RESOURCES, seed);
	assert_int_equal(page(&l, "{}"), ERR_INVALID);
	assert_int_equal(page(&l, "{\"resources\":{}}"), ERR_INVALID);
	assert_int_equal(page(&l, "{\"tools\":[]}"), ERR_INVALID);
	assert_int_equal(page(&l, "{\"resources\":[],\"Resources\":[]}"), ERR_INVALID);
	assert_int_equal(page(&l, "{\"resources\":[],\"nextCursor\":7}"), ERR_INVALID);
	mcp_list_done(&l);
}

static void a_list_without_end_stops_at_its_limits(void **state)
{
	struct mcp_list l;
	char text[200];

	(void)state;
	mcp_list_init(&l, MCP_LIST_TOOLS, seed);
	for (int i = 0; !l.complete; i++) {
		assert_true(i <= MCP_LIST_PAGES);
		(void)snprintf(text, sizeof(text),
			       "{\"tools\":[{\"name\":\"t%d\"}],\"nextCursor\":\"%d\"}", i, i);
		assert_int_equal(page(&l, text), ERR_OK);
	}
	assert_int_equal(l.n, MCP_LIST_PAGES);
	assert_int_equal(l.findings.at[0].kind, MCP_FINDING_TOO_MANY);
	mcp_list_done(&l);
}

static void items_and_bytes_are_limited(void **state)
{
	struct mcp_list l;
	struct buf b;

	(void)state;
	buf_init(&b, 64 << 20);
	buf_append(&b, STR("{\"tools\":["));
	for (int i = 0; i < MCP_LIST_ITEMS + 10; i++) {
		buf_printf(&b, "%s{\"name\":\"t%d\"}", i ? "," : "", i);
	}
	buf_append(&b, STR("],\"nextCursor\":\"more\"}"));
	mcp_list_init(&l, MCP_LIST_TOOLS, seed);
	assert_int_equal(mcp_list_page(&l, buf_str(&b), NULL), ERR_OK);
	assert_true(l.complete);
	assert_int_equal(l.n, MCP_LIST_ITEMS);
	mcp_list_done(&l);

	buf_clear(&b);
	buf_printf(&b, "{\"tools\":[{\"name\":\"big\",\"d\":\"%0*d\"},{\"name\":\"a\"}]}",
		   MCP_ITEM_BYTES, 1);
	mcp_list_init(&l, MCP_LIST_TOOLS, seed);
	assert_int_equal(mcp_list_page(&l, buf_str(&b), NULL), ERR_OK);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.findings.at[0].kind, MCP_FINDING_TOO_LARGE);
	assert_true(l.findings.at[0].what.n <= 128);
	mcp_list_done(&l);
	buf_done(&b);
}

static void many_findings_are_counted(void **state)
{
	struct mcp_list l;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_append(&b, STR("{\"tools\":[0"));
	for (int i = 0; i < 99; i++) {
		buf_append(&b, STR(",0"));
	}
	buf_append(&b, STR("]}"));
	mcp_list_init(&l, MCP_LIST_TOOLS, seed);
	assert_int_equal(mcp_list_page(&l, buf_str(&b), NULL), ERR_OK);
	assert_int_equal(l.findings.n, MCP_FINDINGS);
	assert_int_equal(l.findings.more, 100 - MCP_FINDINGS);
	mcp_list_done(&l);
	buf_done(&b);
}

static void each_kind_has_its_method_and_member(void **state)
{
	enum mcp_list_kind k;

	(void)state;
	assert_true(mcp_list_kind_of(MCP_RESOURCES_TEMPLATES_LIST, &k));
	assert_int_equal(k, MCP_LIST_TEMPLATES);
	assert_int_equal(mcp_list_method(k), MCP_RESOURCES_TEMPLATES_LIST);
	assert_str_equal(mcp_list_member(k), STR("resourceTemplates"));
	assert_false(mcp_list_kind_of(MCP_TOOLS_CALL, &k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_kept_as_the_bytes_that_came),
		cmocka_unit_test(pages_follow_each_other_and_the_empty_cursor_is_a_cursor),
		cmocka_unit_test(a_server_that_goes_in_circles_is_stopped),
		cmocka_unit_test(what_breaks_the_rules_is_left_out_and_found),
		cmocka_unit_test(a_result_that_is_no_list_is_refused),
		cmocka_unit_test(a_list_without_end_stops_at_its_limits),
		cmocka_unit_test(items_and_bytes_are_limited),
		cmocka_unit_test(many_findings_are_counted),
		cmocka_unit_test(each_kind_has_its_method_and_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
