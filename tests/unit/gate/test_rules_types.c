/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/rules_compile.h"
#include "gate/rules_types.h"

#define BASE                                                                                       \
	"namespace Writ { entity Agent, Tool; type Common = {}; action call_tool;\n"               \
	"action \"fs.own\" in [call_tool] appliesTo { principal: Agent, resource: Tool }; }"

static const struct config_server servers[] = {
	{.id = STR_INIT("fs")},
	{.id = STR_INIT("off"), .pins = CONFIG_CHECK_OFF},
};
static const struct config config = {.servers = servers, .n_servers = 2};
static struct arena arena;

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 16 << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static struct policy_source source(const char *text)
{
	return (struct policy_source){STR("p.cedar"), str_from_c(text)};
}

static void tools_of_pinned_servers_are_named_once(void **state)
{
	const struct policy_source policies[] = {
		source("permit (principal, action == Writ::Action::\"fs.read\", resource);\n"
		       "permit (principal, action in [Writ::Action::\"fs.a.b\", "
		       "Writ::Action::\"fs.read\", Writ::Action::\"list\"], resource);"),
		source("permit (principal, action == Writ::Action::\"off.x\", resource);"
		       "permit (principal, action == Writ::Action::\"none.x\", resource);"
		       "permit (principal, action == Writ::Action::\"fs.\", resource);"
		       "permit (principal, action == Writ::Action::\"fs.x\\\"\", resource);"
		       "permit (principal, action == Writ::Action::\"fs.open"),
	};
	struct rules_named *named;
	size_t n;

	(void)state;
	assert_int_equal(rules_types_named(&arena, policies, 2, &config, &named, &n, NULL), ERR_OK);
	assert_int_equal(n, 3);
	assert_str_equal(named[0].action, STR("fs.read"));
	assert_str_equal(named[0].server, STR("fs"));
	assert_str_equal(named[0].tool, STR("read"));
	assert_int_equal(named[0].span.at, 43);
	assert_int_equal(named[0].span.n, 9);
	assert_str_equal(named[1].tool, STR("a.b"));
	assert_str_equal(named[2].tool, STR("open")); /* no policy: who parses it says so */
}

/* What is wrong with a policy beside fs.read as it is pinned, fs.new that is not, and fs.own. */
static void checked(const char *policy, const char *wrong)
{
	const struct policy_source base = {STR("s"), STR(BASE)}, src = source(policy);
	const struct rules_named read = {
		.action = STR("fs.read"), .server = STR("fs"), .tool = STR("read")};
	const struct rules_named fresh = {.action = STR("fs.new")}, own = {.action = STR("fs.own")};
	struct policy_source schema = {.name = STR("s")};
	struct rules_texts texts = {
		.policies = &src, .n_policies = 1, .schema = &schema, .config = &config};
	struct rules_compiled compiled;
	struct policy_diags diags;
	struct rules_types types;
	const struct json *tool;
	struct err err = {0};
	enum err_code code;

	assert_int_equal(json_parse(&arena,
				    STR("{\"name\":\"read\",\"inputSchema\":{\"type\":\"object\","
					"\"properties\":{\"n\":{\"type\":\"integer\"}}}}"),
				    NULL, &tool, NULL),
			 ERR_OK);
	assert_int_equal(rules_types_begin(&types, &arena, &base, NULL), ERR_OK);
	assert_true(rules_types_has(&types, &own));
	assert_false(rules_types_has(&types, &read));
	assert_int_equal(rules_types_add(&types, &read, tool, NULL), ERR_OK);
	assert_int_equal(rules_types_leave_open(&types, &fresh, NULL), ERR_OK);
	assert_int_equal(rules_types_text(&types, &schema.text, NULL), ERR_OK);
	policy_diags_init(&diags, &arena);
	code = rules_compile(&arena, &texts, &diags, &compiled, &err);
	if (wrong ? !code || !strstr(err.msg, wrong) : code != ERR_OK) {
		fail_msg("%s: %s", policy, err.msg);
	}
}

#define FORBID(action, when)                                                                       \
	"@id(\"f\") forbid (principal, action == Writ::Action::\"" action                          \
	"\", resource) when { " when " };"

static void policies_are_checked_by_what_is_pinned(void **state)
{
	(void)state;
	checked(FORBID("fs.read", "context.input has n && context.input.n > 1"), NULL);
	checked(FORBID("fs.read", "context.input has n && context.input.n like \"x\""),
		"p.cedar:1:");
	checked(FORBID("fs.read", "context.input.m > 1"), "no attribute `m`");
	checked(FORBID("fs.red", "true"), "declares no action");
	checked(FORBID("fs.own", "context.x"), "no attribute `x`");
}

static void what_is_not_known_yet_is_not_judged(void **state)
{
	(void)state;
	checked(FORBID("fs.new", "context.input.whatever > 1"), NULL);
	checked(FORBID("fs.new", "principal == Writ::Agnet::\"ann\""), "no entity type");
	/* with others, those are */
	checked("@id(\"f\") forbid (principal, action in [Writ::Action::\"fs.new\", "
		"Writ::Action::\"fs.read\"], resource) when { context.input.m > 1 };",
		"no attribute `m`");
}

static void a_schema_of_ones_own_stays_as_it_is(void **state)
{
	static const char *const others[] = {
		"entity User;", "namespace Writ { entity Agent, Tool; }", "namespace Writ {"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		const struct policy_source schema = {STR("s"), str_from_c(others[i])};
		struct rules_types types;

		assert_int_not_equal(rules_types_begin(&types, &arena, &schema, NULL), ERR_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tools_of_pinned_servers_are_named_once),
		cmocka_unit_test(policies_are_checked_by_what_is_pinned),
		cmocka_unit_test(what_is_not_known_yet_is_not_judged),
		cmocka_unit_test(a_schema_of_ones_own_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
