/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/schema_help.h"

#include "policy/conform.h"
#include "policy/schema_mcp.h"
#include "policy/validate.h"

#define BASE                                                                                       \
	"namespace Writ { entity McpServer; entity Agent; entity Tool in McpServer;"               \
	" type Common = {now: datetime}; action mcp; action call_tool in mcp; }"

struct made {
	struct arena a;
	struct schema_mcp m;
	const struct schema *s;
	struct policy_diags diags;
	struct err err;
};

static const struct json *parse(struct arena *a, const char *text)
{
	const struct json *j = NULL;
	struct err err = {0};

	if (json_parse(a, str_from_c(text), NULL, &j, &err)) {
		print_error("%s: %s\n", text, err.msg);
		fail();
	}
	return j;
}

static void begin(struct made *x)
{
	static const struct str principals[] = {STR_INIT("Agent")},
				resources[] = {STR_INIT("Tool")};
	static const struct schema_mcp_field context[] = {
		{STR_INIT("w"), STR_INIT("Common"), false},
		{STR_INIT("sessionId"), STR_INIT("String"), false},
	};
	const struct schema_mcp_opts opts = {
		.ns = STR("Writ"),
		.group = STR("call_tool"),
		.principals = principals,
		.n_principals = 1,
		.resources = resources,
		.n_resources = 1,
		.context = context,
		.n_context = ARRAY_LEN(context),
		.outputs = true,
	};

	*x = (struct made){0};
	arena_init(&x->a, 64u << 20);
	policy_diags_init(&x->diags, &x->a);
	schema_mcp_init(&x->m, &x->a, &opts);
}

static enum err_code add(struct made *x, const char *server, const char *tools)
{
	return schema_mcp_add(&x->m, str_from_c(server), parse(&x->a, tools), &x->err);
}

static enum err_code end(struct made *x)
{
	struct policy_source *base = ARENA_NEW(&x->a, struct policy_source);
	struct schema_doc *docs[2];

	*base = (struct policy_source){STR("base"), STR(BASE)};
	assert_int_equal(schema_parse(&x->a, base, &docs[0], &x->diags, &x->err), ERR_OK);
	TRY(schema_mcp_doc(&x->m, &docs[1], &x->err));
	return schema_resolve(&x->a, docs, 2, &x->s, &x->diags, &x->err);
}

static void done(struct made *x)
{
	arena_done(&x->a);
}

/* The declared type of the arguments of the tool's action. */
static const struct type *input_type(const struct made *x, struct str action)
{
	const struct schema_action *a = schema_action_find(x->s, STR("Writ::Action"), action);

	assert_non_null(a);
	return type_field_find(a->context, STR("input"))->type;
}

static void assert_type(const struct type *t, const char *want)
{
	struct buf out;

	buf_init(&out, 1u << 16);
	type_print(&out, t);
	assert_str_equal(buf_str(&out), str_from_c(want));
	buf_done(&out);
}

struct sample {
	const char *schema, *type;
};

static void json_schema_reads_as_the_table_says(void **state)
{
	static const struct sample samples[] = {
		{"{\"type\":\"boolean\"}", "{x?: Bool}"},
		{"{\"type\":\"integer\"}", "{x?: Long}"},
		{"{\"type\":\"string\"}", "{x?: String}"},
		{"{\"type\":\"string\",\"format\":\"uri\"}", "{x?: String}"},
		{"{\"type\":\"string\",\"format\":\"date-time\"}", "{x?: datetime}"},
		{"{\"type\":\"string\",\"format\":\"duration\"}", "{x?: duration}"},
		{"{\"type\":\"string\",\"format\":\"ipv6\"}", "{x?: ipaddr}"},
		{"{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}", "{x?: Writ::s_t::x}"},
		{"{\"const\":\"only\"}", "{x?: Writ::s_t::x}"},
		{"{\"type\":\"number\"}", "{x?: Writ::Number, x_milli?: Long}"},
		{"{\"type\":\"number\",\"multipleOf\":0.01}", "{x?: decimal}"},
		{"{\"type\":\"number\",\"multipleOf\":0.00001}",
		 "{x?: Writ::Number, x_milli?: Long}"},
		{"{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", "{x?: Set<String>}"},
		{"{\"type\":\"array\"}", "{x?: Set<Writ::Unknown>}"},
		{"{\"type\":\"array\",\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"integer\"}"
		 "],"
		 "\"items\":false}",
		 "{x?: {proj0: String, proj1: Long}}"},
		{"{\"type\":\"object\",\"properties\":{\"y\":{\"type\":\"string\"}},\"required\":"
		 "[\"y\"]}",
		 "{x?: {y: String}}"},
		{"{\"type\":\"object\",\"properties\":{},\"additionalProperties\":true}",
		 "{x?: {*: Set<String>}}"},
		{"{\"type\":\"object\"}", "{x?: Writ::Unknown}"},
		{"{\"type\":[\"string\",\"null\"]}", "{x?: String}"},
		{"{\"type\":[\"string\",\"integer\"]}",
		 "{x?: {typeChoice0?: String, typeChoice1?: Long}}"},
		{"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}", "{x?: Long}"},
		{"{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}",
		 "{x?: {typeChoice0?: Long, typeChoice1?: String}}"},
		{"{\"$ref\":\"#/$defs/D\"}", "{x?: {n?: Writ::Unknown}}"},
		{"{\"$ref\":\"#/$defs/nope\"}", "{x?: Writ::Unknown}"},
		{"{\"allOf\":[]}", "{x?: Writ::Unknown}"},
		{"true", "{x?: Writ::Unknown}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct made x;
		struct str tool;

		begin(&x);
		tool = arena_printf(
			&x.a,
			"{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\","
			"\"properties\":{\"x\":%s},\"$defs\":{\"D\":{\"type\":\"object\","
			"\"properties\":{\"n\":{\"$ref\":\"#/$defs/D\"}}}}}}",
			samples[i].schema);
		assert_int_equal(add(&x, "s", tool.p), ERR_OK);
		assert_int_equal(end(&x), ERR_OK);
		assert_type(input_type(&x, STR("s.t")), samples[i].type);
		done(&x);
	}
}

static void a_tool_becomes_an_action_that_policies_are_checked_against(void **state)
{
	static const struct {
		const char *policy;
		bool ok;
	} samples[] = {
		{"permit(principal, action == Writ::Action::\"mail.send\", resource)"
		 " when { context.input.to like \"*@example.org\" };",
		 true},
		{"permit(principal, action in Writ::Action::\"call_tool\", resource);", true},
		{"forbid(principal, action == Writ::Action::\"mail.send\", resource)"
		 " when { context.input.mode == Writ::mail_send::mode::\"fast\" };",
		 true},
		{"forbid(principal, action == Writ::Action::\"mail.send\", resource)"
		 " when { context.input.mode == Writ::mail_send::mode::\"fsat\" };",
		 false},
		{"permit(principal, action == Writ::Action::\"mail.send\", resource)"
		 " when { context.input.subject == \"x\" };",
		 false},
		{"permit(principal, action == Writ::Action::\"mail.send\", resource)"
		 " when { context has output && context.output.id > 3 && context.w.now > "
		 "datetime(\"2026-01-01\") };",
		 true},
	};
	struct made x;

	(void)state;
	begin(&x);
	assert_int_equal(
		add(&x, "mail",
		    "{\"tools\":[{\"name\":\"send\",\"inputSchema\":{\"type\":\"object\","
		    "\"properties\":{\"to\":{\"type\":\"string\"},\"subject\":{\"type\":"
		    "\"string\"},\"mode\":{\"enum\":[\"fast\",\"safe\"]}},\"required\":"
		    "[\"to\",\"mode\"]},\"outputSchema\":{\"type\":\"object\",\"properties\":"
		    "{\"id\":{\"type\":\"integer\"}},\"required\":[\"id\"]}}]}"),
		ERR_OK);
	assert_int_equal(end(&x), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct policy_source src = {STR("p"), str_from_c(samples[i].policy)};
		struct policy_list list = {0};
		struct policy_diags diags;

		policy_diags_init(&diags, &x.a);
		assert_int_equal(policy_parse(&x.a, &src, POLICY_ID_ORDER, &list, &diags, &x.err),
				 ERR_OK);
		assert_int_equal(validate_policies(x.s, &list, &diags, &x.err), ERR_OK);
		if ((diags.n_errors == 0) != samples[i].ok) {
			print_error("%s: %s\n", samples[i].policy,
				    diags.n ? diags.items[0].message.p : "accepted");
			fail();
		}
	}
	done(&x);
}

static const char tool_with_everything[] =
	"{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
	"\"s\":{\"type\":\"string\"},\"i\":{\"type\":\"integer\"},\"n\":{\"type\":\"number\"},"
	"\"d\":{\"type\":\"number\",\"multipleOf\":0.01},\"at\":{\"type\":\"string\",\"format\":"
	"\"date-time\"},\"day\":{\"type\":\"string\",\"format\":\"date\"},\"for\":{\"type\":"
	"\"string\","
	"\"format\":\"duration\"},\"ip\":{\"type\":\"string\",\"format\":\"ipv4\"},\"e\":{\"enum\":"
	"[\"a\",\"b\"]},\"l\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},\"p\":{"
	"\"type\":"
	"\"array\",\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"boolean\"}],\"items\":false},"
	"\"c\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"object\",\"properties\":{\"k\":{"
	"\"type\":"
	"\"string\"}}},{\"type\":\"null\"}]},\"u\":{},\"o\":{\"type\":\"object\",\"properties\":{"
	"\"k\":"
	"{\"type\":\"string\"}},\"additionalProperties\":{\"type\":\"string\"}}}}}";

static void arguments_are_read_by_the_description_and_conform(void **state)
{
	static const struct {
		const char *args, *value; /* value NULL: refused */
	} samples[] = {
		{"{}", "{}"},
		{"{\"s\":\"x\",\"i\":-5}", "{\"i\": -5, \"s\": \"x\"}"},
		{"{\"i\":1.5}", NULL},
		{"{\"i\":\"1\"}", NULL},
		{"{\"i\":9223372036854775808}", NULL},
		{"{\"zz\":1}", NULL},
		{"{\"s\":null}", "{}"},
		{"{\"n\":12.3456}", "{\"n\": Writ::Number::\"12.3456\", \"n_milli\": 12346}"},
		{"{\"n\":-0.0001}", "{\"n\": Writ::Number::\"-0.0001\", \"n_milli\": -1}"},
		{"{\"n\":5e2}", "{\"n\": Writ::Number::\"5e2\", \"n_milli\": 500000}"},
		{"{\"n\":1e-9}", "{\"n\": Writ::Number::\"1e-9\", \"n_milli\": 1}"},
		{"{\"n\":0.000}", "{\"n\": Writ::Number::\"0.000\", \"n_milli\": 0}"},
		{"{\"n\":1e300}", NULL},
		{"{\"d\":3}", "{\"d\": decimal(\"3.0\")}"},
		{"{\"d\":3.25}", "{\"d\": decimal(\"3.25\")}"},
		{"{\"d\":3.00001}", NULL},
		{"{\"at\":\"2026-11-23t10:00:00.123456+01:00\"}",
		 "{\"at\": datetime(\"2026-11-23T09:00:00.123Z\")}"},
		{"{\"at\":\"2026-11-23T10:00:00Z\"}",
		 "{\"at\": datetime(\"2026-11-23T10:00:00.000Z\")}"},
		{"{\"at\":\"2026-11-23 10:00\"}", NULL},
		{"{\"at\":\"2026-11-23T10:00:00.Z\"}", NULL},
		{"{\"day\":\"2026-02-30\"}", NULL},
		{"{\"for\":\"P1DT2H0.5S\"}", "{\"for\": duration(\"93600500ms\")}"},
		{"{\"for\":\"P1M\"}", "{\"for\": duration(\"2592000000ms\")}"},
		{"{\"for\":\"PT1M\"}", "{\"for\": duration(\"60000ms\")}"},
		{"{\"for\":\"P1DT\"}", NULL},
		{"{\"for\":\"PT1S1M\"}", NULL},
		{"{\"for\":\"P99999999999999999999D\"}", NULL},
		{"{\"ip\":\"10.0.0.1\"}", "{\"ip\": ip(\"10.0.0.1/32\")}"},
		{"{\"ip\":\"localhost\"}", NULL},
		{"{\"e\":\"b\"}", "{\"e\": Writ::s_t::e::\"b\"}"},
		{"{\"e\":\"c\"}", NULL},
		{"{\"l\":[3,1,3]}", "{\"l\": [1, 3]}"},
		{"{\"l\":[null]}", NULL},
		{"{\"p\":[\"x\",true]}", "{\"p\": {\"proj0\": \"x\", \"proj1\": true}}"},
		{"{\"p\":[\"x\"]}", NULL},
		{"{\"c\":7}", "{\"c\": {\"typeChoice0\": 7}}"},
		{"{\"c\":{\"k\":\"v\"}}", "{\"c\": {\"typeChoice1\": {\"k\": \"v\"}}}"},
		{"{\"c\":null}", "{}"},
		{"{\"c\":\"x\"}", NULL},
		{"{\"u\":[1, {\"a\": null}]}",
		 "{\"u\": Writ::Unknown::\"[1, {\\\"a\\\": null}]\"}"},
		{"{\"o\":{\"k\":\"v\",\"more\":\"x\"}}",
		 "{\"o\": {\"*\": [\"more\"], \"k\": \"v\"}}"},
		{"[]", NULL},
	};
	const struct schema_mcp_tool *tool;
	struct made x;
	size_t bad = 0;

	(void)state;
	begin(&x);
	assert_int_equal(add(&x, "s", tool_with_everything), ERR_OK);
	assert_int_equal(end(&x), ERR_OK);
	tool = schema_mcp_find(&x.m, STR("s.t"));
	assert_non_null(tool);
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct policy_value v = {0};
		enum err_code code = schema_mcp_read(&x.a, tool->input,
						     parse(&x.a, samples[i].args), &v, &x.err);
		struct buf out;

		buf_init(&out, 4096);
		if (code == ERR_OK) {
			policy_value_write(&out, v);
			assert_int_equal(conform_value(x.s, input_type(&x, STR("s.t")), v, &x.err),
					 ERR_OK);
		}
		if (samples[i].value ? code || !str_eq(buf_str(&out), str_from_c(samples[i].value))
				     : code != ERR_INVALID) {
			print_error("%s: " STR_FMT " %s\n", samples[i].args, STR_ARG(buf_str(&out)),
				    code ? x.err.msg : "");
			bad++;
		}
		buf_done(&out);
	}
	done(&x);
	assert_int_equal(bad, 0);
}

static void strange_names_cannot_reach_other_declarations(void **state)
{
	struct made x;
	const struct type *t;

	(void)state;
	begin(&x);
	assert_int_equal(add(&x, "a",
			     "[{\"name\":\"b.c\",\"inputSchema\":{\"properties\":{\"x\":{\"enum\":"
			     "[\"1\"]},\"a_b\":{\"enum\":[\"2\"]},\"a\":{\"type\":\"object\","
			     "\"properties\":{\"b\":{\"enum\":[\"3\"]}}},\"in\":{\"enum\":[\"4\"]},"
			     "\"Action\":{\"enum\":[\"5\"]},\"\":{\"enum\":[\"6\"]},\"Input\":"
			     "{\"enum\":[\"7\"]},\"9\":{\"enum\":[\"8\"]}}}},"
			     "{\"name\":\"b_c\",\"inputSchema\":{\"properties\":{\"x\":{\"enum\":"
			     "[\"z\"]}}}},"
			     "{\"name\":\"Writ::Action\",\"inputSchema\":{}},"
			     "{\"name\":\"\\u0000\\\"\\n\",\"inputSchema\":null}]"),
			 ERR_OK);
	if (end(&x) != ERR_OK) {
		print_error("%s\n", x.err.msg);
		fail();
	}
	t = input_type(&x, STR("a.b.c"));
	assert_int_equal(t->n_fields, 8);
	assert_str_equal(type_field_find(t, STR("x"))->type->entity->name, STR("Writ::a_b_c::x"));
	assert_str_equal(
		type_field_find(input_type(&x, STR("a.b_c")), STR("x"))->type->entity->name,
		STR("Writ::a_b_c_2::x"));
	assert_non_null(schema_action_find(x.s, STR("Writ::Action"), STR("a.Writ::Action")));
	assert_int_equal(add(&x, "a", "{\"name\":\"b_c\"}"), ERR_EXISTS);
	assert_int_equal(add(&x, "a.b", "{\"name\":\"c\"}"), ERR_EXISTS);
	assert_int_equal(add(&x, "a", "{\"name\":7}"), ERR_INVALID);
	done(&x);
}

static void hostile_descriptions_meet_a_limit(void **state)
{
	struct made x;
	struct buf text;

	(void)state;
	begin(&x);
	buf_init(&text, 1u << 20);
	buf_append(&text, STR("{\"name\":\"t\",\"inputSchema\":{\"properties\":{"));
	for (int i = 0; i < 20; i++) {
		buf_append(&text, STR("\"a\":{\"type\":\"object\",\"properties\":{"));
	}
	for (int i = 0; i < 20; i++) {
		buf_append(&text, STR("}}"));
	}
	buf_append(&text, STR("}}}"));
	buf_append_c(&text, '\0');
	assert_int_equal(add(&x, "s", buf_str(&text).p), ERR_OK);

	/* Each definition uses the next one twice: 2^20 parts when expanded. */
	buf_clear(&text);
	buf_append(&text, STR("{\"name\":\"u\",\"inputSchema\":{\"properties\":{\"x\":{\"$ref\":"
			      "\"#/$defs/d0\"}},\"$defs\":{"));
	for (int i = 0; i < 20; i++) {
		buf_printf(&text,
			   "%s\"d%d\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":"
			   "\"#/$defs/d%d\"},\"b\":{\"$ref\":\"#/$defs/d%d\"}}}",
			   i ? "," : "", i, i + 1, i + 1);
	}
	buf_append(&text, STR("}}}"));
	buf_append_c(&text, '\0');
	assert_int_equal(add(&x, "s", buf_str(&text).p), ERR_LIMIT);
	assert_non_null(strstr(x.err.msg, "more than"));
	assert_int_equal(end(&x), ERR_OK);
	assert_int_equal(x.m.n_tools, 1);
	buf_done(&text);
	done(&x);
}

static void every_allocation_may_fail(void **state)
{
	bool finished = false;

	(void)state;
	for (size_t limit = 0; !finished; limit += 256) {
		struct made x;
		const struct json *tools;
		struct arena json;
		struct schema_doc *doc;
		struct policy_value v;
		enum err_code code;

		arena_init(&json, 1u << 20);
		tools = parse(&json, tool_with_everything);
		begin(&x);
		arena_done(&x.a);
		arena_init(&x.a, limit);
		code = schema_mcp_add(&x.m, STR("s"), tools, &x.err);
		code = code ? code : schema_mcp_doc(&x.m, &doc, &x.err);
		code = code ? code
			    : schema_mcp_read(&x.a, x.m.tools[0].input,
					      parse(&json, "{\"l\":[1],\"n\":1.5,\"u\":1,\"c\":2,"
							   "\"ip\":\"::1\",\"o\":{\"z\":\"\"}}"),
					      &v, &x.err);
		assert_true(code == ERR_OK || code == ERR_NOMEM);
		finished = code == ERR_OK;
		arena_done(&x.a);
		arena_done(&json);
		assert_true(limit < 1u << 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_schema_reads_as_the_table_says),
		cmocka_unit_test(a_tool_becomes_an_action_that_policies_are_checked_against),
		cmocka_unit_test(arguments_are_read_by_the_description_and_conform),
		cmocka_unit_test(strange_names_cannot_reach_other_declarations),
		cmocka_unit_test(hostile_descriptions_meet_a_limit),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
