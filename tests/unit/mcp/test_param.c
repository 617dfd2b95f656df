/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "mcp/modern.h"
#include "mcp/param.h"

static struct arena arena;
static struct mcp_param params[MCP_PARAMS_MAX];
static size_t n;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static bool read(const char *properties, const char *arguments)
{
	struct str tool = arena_printf(
		&arena, "{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",%s}}", properties);

	return mcp_params_read(&arena, tool, str_from_c(arguments), params, &n);
}

static void annotated_arguments_are_found_with_their_values(void **state)
{
	(void)state;
	assert_true(read("\"properties\":{"
			 "\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
			 "\"n\":{\"type\":\"integer\",\"x-mcp-header\":\"Count\"},"
			 "\"dry\":{\"type\":\"boolean\",\"x-mcp-header\":\"Dry-Run\"},"
			 "\"other\":{\"type\":\"string\"}}",
			 "{\"region\":\"a\\u0062\",\"n\":-12,\"dry\":true,\"other\":\"x\"}"));
	assert_int_equal(n, 3);
	assert_str_equal(params[0].name, STR("Region"));
	assert_str_equal(params[0].value, STR("ab"));
	assert_str_equal(params[1].value, STR("-12"));
	assert_str_equal(params[2].value, STR("true"));
}

static void nested_properties_lead_to_an_annotation(void **state)
{
	(void)state;
	assert_true(read("\"properties\":{\"where\":{\"type\":\"object\",\"properties\":{"
			 "\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"}}}}",
			 "{\"where\":{\"region\":\"eu\"}}"));
	assert_int_equal(n, 1);
	assert_str_equal(params[0].value, STR("eu"));
}

static void absent_and_null_have_no_header(void **state)
{
	const char *schema =
		"\"properties\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"}}";

	(void)state;
	assert_true(read(schema, "{}"));
	assert_null(params[0].value.p);
	assert_false(params[0].mismatch);
	assert_true(read(schema, "{\"r\":null}"));
	assert_null(params[0].value.p);
	assert_false(params[0].mismatch);
	assert_true(read(schema, "{\"r\":7}"));
	assert_true(params[0].mismatch);
}

static void integers_past_2_to_the_53_cannot_be_shown(void **state)
{
	const char *schema = "\"properties\":{\"r\":{\"type\":\"integer\",\"x-mcp-header\":\"N\"}}";

	(void)state;
	assert_true(read(schema, "{\"r\":9007199254740991}"));
	assert_false(params[0].mismatch);
	assert_true(read(schema, "{\"r\":9007199254740992}"));
	assert_true(params[0].mismatch);
	assert_true(read(schema, "{\"r\":99999999999999999999}"));
	assert_true(params[0].mismatch);
	assert_true(read(schema, "{\"r\":1.0}"));
	assert_true(params[0].mismatch);
}

static void annotations_against_the_rules_are_refused(void **state)
{
	(void)state;
	/* no token, a type without one text, twice in different case */
	assert_false(read("\"properties\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":\"a b\"}}",
			  "{}"));
	assert_false(
		read("\"properties\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":\"\"}}", "{}"));
	assert_false(read("\"properties\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":7}}", "{}"));
	assert_false(
		read("\"properties\":{\"r\":{\"type\":\"number\",\"x-mcp-header\":\"R\"}}", "{}"));
	assert_false(read("\"properties\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":\"R\"},"
			  "\"s\":{\"type\":\"string\",\"x-mcp-header\":\"r\"}}",
			  "{}"));
	/* behind an array, an alternative or a definition */
	assert_false(read("\"properties\":{\"r\":{\"type\":\"array\",\"items\":"
			  "{\"type\":\"string\",\"x-mcp-header\":\"R\"}}}",
			  "{}"));
	assert_false(read("\"anyOf\":[{\"properties\":{\"r\":"
			  "{\"type\":\"string\",\"x-mcp-header\":\"R\"}}}]",
			  "{}"));
	assert_false(read("\"$defs\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":\"R\"}}", "{}"));
}

static void an_argument_may_be_called_like_the_annotation(void **state)
{
	(void)state;
	assert_true(read("\"properties\":{\"x-mcp-header\":{\"type\":\"string\"}}", "{}"));
	assert_int_equal(n, 0);
}

static void header_values_survive_both_ways(void **state)
{
	static const char *const texts[] = {
		"plain",           " leading",  "trailing ",   "", "Gr\xc3\xbcn", "a\nb",
		"=?base64?QQ==?=", "=?base64?", "a=?base64?b",
	};
	struct str back;
	struct buf out;

	(void)state;
	buf_init(&out, 1024);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		buf_clear(&out);
		mcp_header_encode(&out, str_from_c(texts[i]));
		for (size_t k = 0; k < buf_len(&out); k++) {
			assert_in_range(buf_str(&out).p[k], 0x20, 0x7e);
		}
		assert_true(mcp_header_decode(&arena, buf_str(&out), &back));
		assert_str_equal(back, str_from_c(texts[i]));
	}
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(annotated_arguments_are_found_with_their_values,
						setup, teardown),
		cmocka_unit_test_setup_teardown(nested_properties_lead_to_an_annotation, setup,
						teardown),
		cmocka_unit_test_setup_teardown(absent_and_null_have_no_header, setup, teardown),
		cmocka_unit_test_setup_teardown(integers_past_2_to_the_53_cannot_be_shown, setup,
						teardown),
		cmocka_unit_test_setup_teardown(annotations_against_the_rules_are_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_argument_may_be_called_like_the_annotation,
						setup, teardown),
		cmocka_unit_test_setup_teardown(header_values_survive_both_ways, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
