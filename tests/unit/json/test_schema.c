/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "base/buf.h"
#include "json/parse.h"
#include "json/schema.h"

static struct arena arena;
static struct err err;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 64 << 20);
	memset(&err, 0, sizeof(err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static struct json_schema_fault fault;

static enum err_code check(struct str schema, struct str value)
{
	const struct json_schema *s;
	const struct json *doc;

	if (json_schema_compile(&arena, &arena, schema, &s, &err)) {
		fail_msg("%.*s: %s", STR_ARG(schema), err.msg);
	}
	assert_int_equal(json_parse(&arena, value, NULL, &doc, NULL), ERR_OK);
	return json_schema_check(s, &arena, doc->raw, &fault, &err);
}

/* The values of `fits` and `fails` are the elements of an array each. */
struct row {
	struct str schema, fits, fails;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct json *fits, *fails;

		assert_int_equal(json_parse(&arena, rows[i].fits, NULL, &fits, NULL), ERR_OK);
		assert_int_equal(json_parse(&arena, rows[i].fails, NULL, &fails, NULL), ERR_OK);
		JSON_EACH (v, fits) {
			if (check(rows[i].schema, v->raw) != ERR_OK) {
				fail_msg("%.*s refuses %.*s: %s: %s", STR_ARG(rows[i].schema),
					 STR_ARG(v->raw), fault.path, fault.expected);
			}
		}
		JSON_EACH (w, fails) {
			if (check(rows[i].schema, w->raw) != ERR_INVALID) {
				fail_msg("%.*s takes %.*s", STR_ARG(rows[i].schema),
					 STR_ARG(w->raw));
			}
			assert_true(fault.keyword[0]);
		}
	}
}

#define CHECK_ROWS(...)                                                                            \
	do {                                                                                       \
		static const struct row rows_[] = {__VA_ARGS__};                                   \
		check_rows(rows_, ARRAY_LEN(rows_));                                               \
	} while (0)
#define ROW(schema, fits, fails)                                                                   \
	{                                                                                          \
		STR_INIT(schema), STR_INIT(fits), STR_INIT(fails)                                  \
	}

/* clang-format off */
static void scalars(void **state)
{
	(void)state;
	CHECK_ROWS(
	ROW("true", "[1,null,{}]", "[]"),
	ROW("false", "[]", "[1,null,{}]"),
	ROW("{}", "[1,null,{}]", "[]"),
	ROW("{\"type\":\"integer\"}", "[1,1.0,-1e3,10e-1]", "[1.5,\"1\",null,1e-1]"),
	ROW("{\"type\":\"number\"}", "[1,1.5]", "[\"1\",true]"),
	ROW("{\"type\":[\"string\",\"null\"]}", "[\"\",null]", "[0,false,[]]"),
	ROW("{\"type\":[\"integer\",\"boolean\"]}", "[2,true]", "[2.5,\"x\"]"),
	ROW("{\"enum\":[1,\"a\",{\"a\":[1,2]},null]}", "[1.0,\"\\u0061\",{\"a\":[1e0,2]},null]",
	    "[2,\"b\",{\"a\":[2,1]},false,{}]"),
	ROW("{\"const\":{\"a\":1,\"b\":[]}}", "[{\"b\":[],\"a\":1.0}]", "[{\"a\":1},{\"a\":1,\"b\":{}}]"),
	ROW("{\"const\":9007199254740993}", "[9007199254740993]", "[9007199254740992]"),
	ROW("{\"minimum\":0.1,\"exclusiveMaximum\":3}", "[0.1,2.999,\"x\"]", "[0.0999,3,3.0,-1]"),
	ROW("{\"exclusiveMinimum\":0,\"maximum\":1e400}", "[1e-300,1e400]", "[0,-0.0,1.1e400]"),
	ROW("{\"multipleOf\":0.01}", "[0.3,19.99,4,-0.01]", "[0.001,19.995]"),
	ROW("{\"minLength\":2,\"maxLength\":3}", "[\"ab\",\"\\ud83d\\ude00b\",5]", "[\"a\",\"abcd\",\"\\n\"]"),
	ROW("{\"minLength\":2.0}", "[\"ab\"]", "[\"a\"]"),
	ROW("{\"pattern\":\"^x\"}", "[\"x\",1]", "[\"ax\",\"\"]"),
	ROW("{\"format\":\"email\"}", "[\"anything\"]", "[]"));
}

static void arrays(void **state)
{
	(void)state;
	CHECK_ROWS(
	ROW("{\"items\":{\"type\":\"string\"}}", "[[],[\"a\"],{}]", "[[1],[\"a\",null]]"),
	ROW("{\"prefixItems\":[{\"type\":\"string\"},true],\"items\":false}", "[[],[\"a\"],[\"a\",1]]",
	    "[[1],[\"a\",1,2]]"),
	ROW("{\"minItems\":1,\"maxItems\":2}", "[[1],[1,2],\"x\"]", "[[],[1,2,3]]"),
	ROW("{\"uniqueItems\":true}", "[[1,2,\"1\",true,[1],{\"a\":1}],[[1,2],[2,1]]]",
	    "[[1,1.0],[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}],[\"a\",\"\\u0061\"],[null,null]]"),
	ROW("{\"contains\":{\"type\":\"integer\"}}", "[[\"a\",1]]", "[[],[\"a\"]]"),
	ROW("{\"contains\":{\"type\":\"integer\"},\"minContains\":2,\"maxContains\":3}", "[[1,2],[1,2,\"a\",3]]",
	    "[[1],[1,2,3,4]]"),
	ROW("{\"contains\":{\"type\":\"integer\"},\"minContains\":0}", "[[],[\"a\"],[1]]", "[]"),
	ROW("{\"prefixItems\":[true],\"unevaluatedItems\":false}", "[[],[1]]", "[[1,2]]"),
	ROW("{\"allOf\":[{\"prefixItems\":[true,true]}],\"unevaluatedItems\":{\"type\":\"null\"}}",
	    "[[1,2,null]]", "[[1,2,3]]"),
	ROW("{\"contains\":{\"const\":1},\"unevaluatedItems\":{\"const\":2}}", "[[1,2,1]]", "[[1,3],[2]]"),
	ROW("{\"anyOf\":[{\"prefixItems\":[{\"const\":1}]},{\"prefixItems\":[true,{\"const\":2}]}],"
	    "\"unevaluatedItems\":false}", "[[1],[3,2],[1,2]]", "[[1,3],[1,2,3]]"));
}

static void objects(void **state)
{
	(void)state;
	CHECK_ROWS(
	ROW("{\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\",\"b\"]}",
	    "[{\"a\":\"x\",\"b\":1},{\"\\u0061\":\"x\",\"b\":1},7]", "[{\"a\":\"x\"},{\"b\":1},{\"a\":1,\"b\":1},{}]"),
	ROW("{\"properties\":{\"a\":true},\"additionalProperties\":false}", "[{},{\"a\":1}]", "[{\"b\":1},{\"A\":1}]"),
	ROW("{\"patternProperties\":{\"^x\":{\"type\":\"integer\"}},\"additionalProperties\":{\"type\":\"null\"}}",
	    "[{\"x1\":1,\"y\":null}]", "[{\"x1\":\"a\"},{\"y\":1}]"),
	ROW("{\"properties\":{\"xa\":{\"minimum\":5}},\"patternProperties\":{\"^x\":{\"maximum\":9}}}",
	    "[{\"xa\":7}]", "[{\"xa\":4},{\"xa\":10}]"),
	ROW("{\"propertyNames\":{\"maxLength\":2}}", "[{\"ab\":1},{\"\\u00e9x\":1}]", "[{\"abc\":1}]"),
	ROW("{\"minProperties\":1,\"maxProperties\":2}", "[{\"a\":1}]", "[{},{\"a\":1,\"b\":2,\"c\":3}]"),
	ROW("{\"dependentRequired\":{\"a\":[\"b\"]}}", "[{},{\"b\":1},{\"a\":1,\"b\":1}]", "[{\"a\":1}]"),
	ROW("{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "[{},{\"a\":1,\"b\":1}]", "[{\"a\":1}]"),
	ROW("{\"properties\":{\"a\":true},\"unevaluatedProperties\":false}", "[{\"a\":1}]", "[{\"b\":1}]"),
	ROW("{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}", "[{\"a\":1}]",
	    "[{\"a\":1,\"b\":1}]"),
	ROW("{\"oneOf\":[{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},{\"properties\":{\"b\":true},"
	    "\"required\":[\"b\"]}],\"unevaluatedProperties\":false}", "[{\"a\":1},{\"b\":1}]", "[{\"a\":2},{\"a\":2,\"b\":1},{\"a\":1,\"c\":1}]"),
	ROW("{\"if\":{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},\"then\":{\"properties\":{\"b\":true}},"
	    "\"else\":{\"properties\":{\"c\":true}},\"unevaluatedProperties\":false}",
	    "[{\"a\":1,\"b\":2},{\"c\":1}]", "[{\"a\":1,\"c\":2},{\"b\":1},{\"a\":2}]"),
	ROW("{\"not\":{\"properties\":{\"a\":true}},\"unevaluatedProperties\":true}", "[]", "[{},{\"a\":1}]"));
}

static void logic(void **state)
{
	(void)state;
	CHECK_ROWS(
	ROW("{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "[2]", "[0,4]"),
	ROW("{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "[\"a\",3]", "[1]"),
	ROW("{\"oneOf\":[{\"minimum\":1},{\"maximum\":3}]}", "[0,4]", "[2]"),
	ROW("{\"not\":{\"type\":\"string\"}}", "[1]", "[\"a\"]"),
	ROW("{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":2},\"else\":{\"minimum\":5}}", "[\"ab\",5]", "[\"a\",4]"),
	ROW("{\"then\":false}", "[1]", "[]"),
	ROW("{\"$defs\":{\"n\":{\"type\":\"integer\"}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/n\"}}}",
	    "[{\"a\":1}]", "[{\"a\":\"x\"}]"),
	ROW("{\"$defs\":{\"a/b~c%\":{\"const\":1}},\"$ref\":\"#/$defs/a~1b~0c%25\"}", "[1]", "[2]"),
	ROW("{\"$defs\":{\"x\":{\"$anchor\":\"here\",\"const\":1}},\"$ref\":\"#here\"}", "[1]", "[2]"),
	ROW("{\"$id\":\"https://e.org/s\",\"$defs\":{\"x\":{\"const\":1}},\"$ref\":\"https://e.org/s#/$defs/x\"}", "[1]", "[2]"),
	ROW("{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
	    "[{\"next\":{\"next\":{}}}]", "[{\"next\":{\"next\":{\"x\":1}}},{\"next\":1}]"),
	ROW("{\"$dynamicAnchor\":\"n\",\"items\":{\"$dynamicRef\":\"#n\"},\"type\":\"array\"}", "[[[],[[]]]]", "[[1]]"),
	ROW("{\"enum\":[{\"$anchor\":\"x\"}],\"$defs\":{\"d\":{\"$anchor\":\"x\",\"const\":{\"$anchor\":\"x\"}}},\"$ref\":\"#x\"}",
	    "[{\"$anchor\":\"x\"}]", "[1]"));
}

static void older_drafts(void **state)
{
	(void)state;
	CHECK_ROWS(
	ROW("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}",
	    "[[\"a\"],[]]", "[[1],[\"a\",1]]"),
	ROW("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"dependencies\":{\"a\":[\"b\"],\"c\":{\"required\":[\"d\"]}}}",
	    "[{\"a\":1,\"b\":1},{\"c\":1,\"d\":1}]", "[{\"a\":1},{\"c\":1}]"),
	ROW("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"definitions\":{\"x\":{\"$id\":\"#y\",\"type\":\"string\"}},"
	    "\"properties\":{\"a\":{\"$ref\":\"#y\",\"maxLength\":1}}}", "[{\"a\":\"long\"}]", "[{\"a\":1}]"),
	ROW("{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\",\"$recursiveAnchor\":true,\"properties\":{\"a\":{\"$recursiveRef\":\"#\"}},"
	    "\"unevaluatedProperties\":false}", "[{\"a\":{}}]", "[{\"a\":{\"b\":1}}]"));
}

static void what_cannot_be_checked_is_refused_with_a_reason(void **state)
{
	static const struct { struct str schema; enum err_code code; const char *says; } t[] = {
		{STR_INIT("{\"$ref\":\"https://e.org/x\"}"), ERR_UNSUPPORTED, "nothing is fetched"},
		{STR_INIT("{\"$ref\":\"file:///etc/passwd\"}"), ERR_UNSUPPORTED, "nothing is fetched"},
		{STR_INIT("{\"$ref\":\"other.json#/a\"}"), ERR_UNSUPPORTED, "nothing is fetched"},
		{STR_INIT("{\"$ref\":\"#/$defs/none\"}"), ERR_INVALID, "nothing is where a reference leads"},
		{STR_INIT("{\"$ref\":\"#none\"}"), ERR_INVALID, "nothing is where a reference leads"},
		{STR_INIT("{\"$ref\":1}"), ERR_INVALID, "a string"},
		{STR_INIT("{\"items\":{\"$id\":\"https://e.org/y\"}}"), ERR_UNSUPPORTED, "document of its own"},
		{STR_INIT("{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}"), ERR_UNSUPPORTED, "dialect"},
		{STR_INIT("{\"pattern\":\"(a)\\\\1\"}"), ERR_UNSUPPORTED, "back reference"},
		{STR_INIT("{\"type\":\"text\"}"), ERR_INVALID, "name of a type"},
		{STR_INIT("{\"type\":[]}"), ERR_INVALID, "no type"},
		{STR_INIT("{\"minLength\":-1}"), ERR_INVALID, "from 0 on"},
		{STR_INIT("{\"minLength\":1.5}"), ERR_INVALID, "from 0 on"},
		{STR_INIT("{\"multipleOf\":0}"), ERR_INVALID, "above 0"},
		{STR_INIT("{\"multipleOf\":0.1234567890123456789}"), ERR_LIMIT, "18 digits"},
		{STR_INIT("{\"properties\":[]}"), ERR_INVALID, "object"},
		{STR_INIT("{\"required\":[1]}"), ERR_INVALID, "names"},
		{STR_INIT("{\"allOf\":[]}"), ERR_INVALID, "not empty"},
		{STR_INIT("{\"items\":[true]}"), ERR_INVALID, "object or a boolean"},
		{STR_INIT("{\"additionalProperties\":1}"), ERR_INVALID, "object or a boolean"},
		{STR_INIT("7"), ERR_INVALID, "object or a boolean"},
		{STR_INIT("{\"a\":"), ERR_SYNTAX, ""},
	};
	const struct json_schema *s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		enum err_code code = json_schema_compile(&arena, &arena, t[i].schema, &s, &err);

		if (code != t[i].code || !strstr(err.msg, t[i].says)) {
			fail_msg("%.*s: %d %s", STR_ARG(t[i].schema), (int)code, err.msg);
		}
	}
}
/* clang-format on */

static void faults_name_path_keyword_and_what_was_expected(void **state)
{
	const struct str schema =
		STR("{\"type\":\"object\",\"properties\":{\"to\":{\"items\":{\"properties\":{\"a/"
		    "b\":{\"maxLength\":3},\"n\":{\"type\":[\"integer\",\"null\"]}},\"required\":["
		    "\"n\"]}}},\"additionalProperties\":false}");
	static const struct {
		struct str value;
		const char *path, *keyword, *expected;
	} t[] = {
		{STR_INIT("[]"), "", "type", "an object"},
		{STR_INIT("{\"to\":[{\"n\":1},{\"n\":null,\"a/b\":\"long\"}]}"), "/to/1/a~1b",
		 "maxLength", "at most 3 characters"},
		{STR_INIT("{\"to\":[{}]}"), "/to/0", "required", "a member \"n\""},
		{STR_INIT("{\"to\":[{\"n\":\"1\"}]}"), "/to/0/n", "type", "null or an integer"},
		{STR_INIT("{\"bcc\":1}"), "/bcc", "additionalProperties", "no member of this name"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(check(schema, t[i].value), ERR_INVALID);
		assert_string_equal(fault.path, t[i].path);
		assert_string_equal(fault.keyword, t[i].keyword);
		assert_string_equal(fault.expected, t[i].expected);
	}
}

/* Schemas and values made to cost much end, and fail closed. */
static void work_is_bounded(void **state)
{
	struct buf schema, value;

	(void)state;
	assert_int_equal(check(STR("{\"$ref\":\"#\"}"), STR("1")), ERR_LIMIT);
	assert_int_equal(check(STR("{\"allOf\":[{\"anyOf\":[{\"$ref\":\"#\"}]}]}"), STR("1")),
			 ERR_LIMIT);
	/* each level twice: 2 to the 40 */
	buf_init(&schema, 1 << 20);
	buf_append(&schema, STR("{\"$defs\":{\"d40\":{\"const\":2}"));
	for (unsigned i = 0; i < 40; i++) {
		buf_printf(&schema,
			   ",\"d%u\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%u\"},{\"$ref\":\"#/$defs/"
			   "d%u\"}]}",
			   i, i + 1, i + 1);
	}
	buf_append(&schema, STR("},\"$ref\":\"#/$defs/d0\"}"));
	assert_int_equal(check(buf_str(&schema), STR("1")), ERR_LIMIT);
	buf_done(&schema);
	/* many elements of one print would be compared with each other: they are equal at once */
	buf_init(&value, 8 << 20);
	buf_append_c(&value, '[');
	for (unsigned i = 0; i < 100000; i++) {
		buf_printf(&value, "%s%u", i ? "," : "", i);
	}
	buf_append_c(&value, ']');
	assert_int_equal(check(STR("{\"uniqueItems\":true}"), buf_str(&value)), ERR_OK);
	buf_done(&value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(scalars, set_up, tear_down),
		cmocka_unit_test_setup_teardown(arrays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(objects, set_up, tear_down),
		cmocka_unit_test_setup_teardown(logic, set_up, tear_down),
		cmocka_unit_test_setup_teardown(older_drafts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_checked_is_refused_with_a_reason,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(faults_name_path_keyword_and_what_was_expected,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(work_is_bounded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
