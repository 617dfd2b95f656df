/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/est.h"
#include "policy/print.h"
#include "policy/template.h"

#include "tests/unit/policy/vectors.h"

#include "tests/unit/policy/random.h"

static enum err_code parse(struct arena *a, struct str text, struct policy_list *list)
{
	struct policy_source *src = ARENA_NEW(a, struct policy_source);
	struct policy_diags diags;

	*src = (struct policy_source){STR("p"), text};
	policy_diags_init(&diags, a);
	return policy_parse(a, src, POLICY_ID_ORDER, list, &diags, NULL);
}

static struct str to_json(struct arena *a, const struct policy_list *list)
{
	struct buf b;
	struct str s;

	buf_init(&b, 16 << 20);
	policy_est_write_set(&b, list);
	s = arena_dup(a, buf_str(&b));
	buf_done(&b);
	return s;
}

static struct str to_text(struct arena *a, const struct policy_list *list)
{
	struct buf b;
	struct str s;

	buf_init(&b, 16 << 20);
	for (size_t i = 0; i < list->n; i++) {
		policy_print(&b, list->items[i]);
	}
	s = arena_dup(a, buf_str(&b));
	buf_done(&b);
	return s;
}

static enum err_code read_json(struct arena *a, struct str text, struct policy_list *list,
			       struct err *err)
{
	struct policy_source *src = ARENA_NEW(a, struct policy_source);
	struct policy_diags diags;

	*src = (struct policy_source){STR("json"), text};
	policy_diags_init(&diags, a);
	return policy_est_read(a, src, list, &diags, err);
}

/* text -> JSON -> tree -> text -> JSON: both JSON texts are the same. */
static void round_trip(struct str text)
{
	struct policy_list one = {0}, two = {0}, three = {0};
	struct str json, again;
	struct err err = {0};
	struct arena a;

	arena_init(&a, 256 << 20);
	if (parse(&a, text, &one) == ERR_OK) {
		json = to_json(&a, &one);
		if (read_json(&a, json, &two, &err) != ERR_OK) {
			print_error("%.*s\n%s\n%.*s\n", STR_ARG(text), err.msg, STR_ARG(json));
			fail();
		}
		again = to_text(&a, &two);
		if (parse(&a, again, &three) != ERR_OK) {
			print_error("%.*s\nbecame\n%.*s\n", STR_ARG(text), STR_ARG(again));
			fail();
		}
		assert_str_equal(to_json(&a, &three), json);
	}
	arena_done(&a);
}

static void syntax_vectors_survive_the_way_to_json_and_back(void **state)
{
	const struct json *doc;
	struct arena a;

	(void)state;
	arena_init(&a, 64 << 20);
	doc = vectors_json(&a, "cedar/vectors/policy-syntax.json");
	JSON_EACH (v, doc) {
		round_trip(json_str(json_get(v, STR("p"))));
	}
	doc = vectors_json(&a, "cedar/vectors/expr.json");
	JSON_EACH (v, json_get(doc, STR("vectors"))) {
		struct buf b;

		buf_init(&b, 1 << 16);
		buf_append(&b, STR("permit(principal,action,resource) when { "));
		buf_append(&b, json_str(json_get(v, STR("e"))));
		buf_append(&b, STR("\n};"));
		round_trip(buf_str(&b));
		buf_done(&b);
	}
	arena_done(&a);
}

static void random_policies_survive_the_way_to_json_and_back(void **state)
{
	struct random_source r = {4711};

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct buf b;

		buf_init(&b, 1 << 20);
		random_policy(&r, &b);
		round_trip(buf_str(&b));
		buf_done(&b);
	}
}

static void a_policy_looks_as_other_tools_write_it(void **state)
{
	struct policy_list list = {0};
	struct buf b;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&b, 1 << 16);
	assert_int_equal(
		parse(&a,
		      STR("@foo permit(principal is A::B in C::\"d\", action in [Action::\"x\"], "
			  "resource == ?resource) when { context.a like \"a*\" && principal has "
			  "a.b || "
			  "!([].isEmpty()) };"),
		      &list),
		ERR_OK);
	policy_est_write(&b, list.items[0]);
	assert_str_equal(
		buf_str(&b),
		STR("{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"A::B\","
		    "\"in\":{"
		    "\"entity\":{\"type\":\"C\",\"id\":\"d\"}}},\"action\":{\"op\":\"in\","
		    "\"entity\":{\"type\":"
		    "\"Action\",\"id\":\"x\"}},\"resource\":{\"op\":\"==\",\"slot\":\"?resource\"},"
		    "\"conditions\":[{\"kind\":\"when\",\"body\":{\"||\":{\"left\":{\"&&\":{"
		    "\"left\":{\"like\":"
		    "{\"left\":{\".\":{\"left\":{\"Var\":\"context\"},\"attr\":\"a\"}},\"pattern\":"
		    "[{\"Literal\":"
		    "\"a\"},\"Wildcard\"]}},\"right\":{\"has\":{\"left\":{\"Var\":\"principal\"},"
		    "\"attr\":[\"a\","
		    "\"b\"]}}}},\"right\":{\"!\":{\"arg\":{\"isEmpty\":{\"arg\":{\"Set\":[]}}}}}}}}"
		    "],"
		    "\"annotations\":{\"foo\":null}}"));
	buf_done(&b);
	arena_done(&a);
}

static void long_chains_lean_left_in_json(void **state)
{
	struct policy_list list = {0};
	struct str json;
	struct buf b;
	struct arena a;

	(void)state;
	arena_init(&a, 64 << 20);
	buf_init(&b, 1 << 20);
	buf_append(&b, STR("permit(principal,action,resource) when { true"));
	for (int i = 0; i < 100; i++) {
		buf_printf(&b, " && %d == 1", i);
	}
	buf_append(&b, STR("};"));
	assert_int_equal(parse(&a, buf_str(&b), &list), ERR_OK);
	json = to_json(&a, &list);
	assert_true(
		str_find_str(json, STR("{\"&&\":{\"left\":{\"&&\":{\"left\":{\"&&\":{\"left\":")) <
		json.n);
	assert_true(str_find_str(json, STR("\"right\":{\"&&\"")) == json.n);
	assert_true(str_find_str(to_text(&a, &list), STR("(true")) == to_text(&a, &list).n);
	buf_done(&b);
	arena_done(&a);
}

static void refused(const char *json, const char *why)
{
	struct policy_list list = {0};
	struct err err = {0};
	struct arena a;

	arena_init(&a, 1 << 20);
	assert_int_not_equal(read_json(&a, str_from_c(json), &list, &err), ERR_OK);
	assert_int_equal(list.n, 0);
	if (!strstr(err.msg, why)) {
		print_error("%s\n", err.msg);
		fail();
	}
	arena_done(&a);
}

#define ALL                                                                                        \
	"\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"}"
#define BODY(e)                                                                                    \
	"{\"effect\":\"permit\"," ALL ",\"conditions\":[{\"kind\":\"when\",\"body\":" e "}]}"

static void json_that_is_no_policy_is_refused(void **state)
{
	(void)state;
	refused("{\"effect\":\"permit\"," ALL "}", "`conditions` is missing");
	refused("{\"effect\":\"permit\"," ALL ",\"conditions\":[],\"foo\":1}",
		"unknown member `foo`");
	refused("{\"effect\":\"allow\"," ALL ",\"conditions\":[]}", "permit or forbid");
	refused(BODY("{\"Value\":null}"), "null is not a value");
	refused(BODY("{\"Value\":1.5}"), "not a 64-bit integer");
	refused(BODY("{\"Unknown\":{}}"), "not an operator");
	refused(BODY("{\"Slot\":\"?principal\"}"), "not an operator");
	refused(BODY("{\"Var\":\"foo\"}"), "not a variable");
	refused(BODY("{\"&&\":{\"left\":{\"Value\":true}}}"), "`right` is missing");
	refused(BODY("{\"isInRange\":[]}"), "at least one argument");
	refused("{\"staticPolicies\":{},\"templates\":{},\"templateLinks\":[{\"templateId\":\"x\","
		"\"newId\":\"y\",\"values\":{}}]}",
		"no such template");
}

static void a_linked_template_becomes_a_policy(void **state)
{
	struct policy_list list = {0};
	struct err err = {0};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(read_json(&a,
				   STR("{\"staticPolicies\":{},\"templates\":{\"t\":{\"effect\":"
				       "\"permit\",\"principal\":{"
				       "\"op\":\"in\",\"slot\":\"?principal\"},\"action\":{\"op\":"
				       "\"All\"},\"resource\":{"
				       "\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{"
				       "\"templateId\":\"t\","
				       "\"newId\":\"l\",\"values\":{\"?principal\":{\"type\":\"G\","
				       "\"id\":\"g\"}}}]}"),
				   &list, &err),
			 ERR_OK);
	assert_int_equal(list.n, 1);
	assert_false(list.items[0]->template);
	assert_str_equal(list.items[0]->id, STR("l"));
	assert_str_equal(to_text(&a, &list),
			 STR("permit (principal in G::\"g\", action, resource);\n"));
	arena_done(&a);
}

static void a_link_gives_exactly_the_slots_of_the_template(void **state)
{
	struct policy_uid uid = policy_uid_make(STR("U"), STR("a"));
	struct policy_list list = {0};
	struct policy *p;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(parse(&a,
			       STR("permit(principal == ?principal,action,resource);"
				   "permit(principal,action,resource);"),
			       &list),
			 ERR_OK);
	assert_int_equal(policy_template_link(&a, list.items[0], STR("x"), NULL, NULL, &p, NULL),
			 ERR_INVALID);
	assert_int_equal(policy_template_link(&a, list.items[0], STR("x"), &uid, &uid, &p, NULL),
			 ERR_INVALID);
	assert_int_equal(policy_template_link(&a, list.items[1], STR("x"), NULL, NULL, &p, NULL),
			 ERR_INVALID);
	assert_int_equal(policy_template_link(&a, list.items[0], STR("x"), &uid, NULL, &p, NULL),
			 ERR_OK);
	assert_true(list.items[0]->template);
	assert_false(p->template);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syntax_vectors_survive_the_way_to_json_and_back),
		cmocka_unit_test(random_policies_survive_the_way_to_json_and_back),
		cmocka_unit_test(a_policy_looks_as_other_tools_write_it),
		cmocka_unit_test(long_chains_lean_left_in_json),
		cmocka_unit_test(json_that_is_no_policy_is_refused),
		cmocka_unit_test(a_linked_template_becomes_a_policy),
		cmocka_unit_test(a_link_gives_exactly_the_slots_of_the_template),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
