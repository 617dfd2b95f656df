/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/schema_help.h"

struct sample {
	const char *text;
	bool ok;
};

static void check_samples(const struct sample *samples, size_t n)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		struct loaded l;

		load(&l, str_from_c(samples[i].text));
		if ((l.code == ERR_OK) != samples[i].ok) {
			print_error("%s: %s\n", samples[i].text,
				    l.code ? l.err.msg : "should be refused");
			bad++;
		}
		if (l.code != ERR_OK && l.diags.n_errors == 0) {
			print_error("%s: refused without a diagnostic\n", samples[i].text);
			bad++;
		}
		unload(&l);
	}
	assert_int_equal(bad, 0);
}

static void the_grammar_of_declarations_is_followed(void **state)
{
	static const struct sample samples[] = {
		{"", true},
		{"entity U;", true},
		{"entity U", false},
		{";", false},
		{"entity U, V,;", false},
		{"entity U = {} ;", true},
		{"entity U = Foo; type Foo = {a: Long};", false},
		{"entity U {,};", false},
		{"entity U {a: Long,,};", false},
		{"entity U in [];", true},
		{"entity U in [A,]; entity A;", false},
		{"entity U in A, B; entity A, B;", false},
		{"entity U in G tags Long = {}; entity G;", false},
		{"entity T tags Long tags Long;", false},
		{"entity C enum [\"a\"] in D; entity D;", false},
		{"entity C in D enum [\"a\"]; entity D;", false},
		{"entity U enum [\"\"];", true},
		{"entity a::b;", false},
		{"type a::b = Long;", false},
		{"action a::b;", false},
		{"entity U { a: Set<Long,> };", false},
		{"entity U { a: Set<Long>>};", false},
		{"entity U { \"a\\n\\0\\u{1F600}\": Long, \"\": Long };", true},
		{"entity U { __cedar: Long };", true},
		{"entity namespace, entity, action, type, appliesTo, attributes, tags, context;",
		 true},
		{"entity U { namespace: Long, entity: Long, Set: Long, tags: Bool };", true},
		{"entity U tags tags; type tags = Long;", true},
		{"entity enum enum [\"x\"];", true},
		{"/* c */ entity U;", false},
		{"entity U { a\xc2\xa0: Long };", true},
		{"\xef\xbb\xbf"
		 "entity U;",
		 false},
		{"entity \xc3\xa9;", false},
		{"namespace N {}", true},
		{"namespace {entity U;}", false},
		{"namespace N { entity U; };", false},
		{"namespace if { entity U; }", false},
		{"namespace N::in { entity U; }", false},
		{"@if entity U;", true},
		{"@doc() entity U;", false},
		{"@doc(\"\\q\") entity U;", false},
		{"@doc(\"x\",) entity U;", false},
		{"@a::b entity U;", false},
		{"@a(\"x\")@b entity U;", true},
		{"entity U { @a @a x: Long };", false},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void the_grammar_of_actions_is_followed(void **state)
{
	static const struct sample samples[] = {
		{"action \"\";", true},
		{"action in;", false},
		{"action principal, \"a b\";", true},
		{"action v in [];", false},
		{"action v in [a,]; action a;", false},
		{"action v in [Action::\"b\", \"c\", d]; action b,c,d;", true},
		{"action a in Action::b; action b;", false},
		{"entity U; action v appliesTo {principal: U, resource: U};", true},
		{"entity U; action v appliesTo {principal: U, principal: U, resource: U};", false},
		{"entity U; action v appliesTo {principal: U, resource: U, context: {}, context: "
		 "{}};",
		 false},
		{"entity U; action v appliesTo {principal: U, resource: U, context: {}} attributes "
		 "{};",
		 true},
		{"entity U; action v attributes {} appliesTo {principal: U, resource: U};", false},
		{"entity U; action v appliesTo {};", false},
		{"entity U; action v appliesTo {principal: U, resource: U, foo: U};", false},
		{"entity U; action v appliesTo {principal: [U,], resource: U};", false},
		{"entity U; action v appliesTo {principal: U, resource: U, context: Set<Long>};",
		 false},
		{"entity U; action v appliesTo {principal: U, resource: U, context: Long};", false},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void names_resolve_in_their_namespace_first(void **state)
{
	static const struct sample samples[] = {
		{"namespace A { entity U; entity V in B::W; } namespace B { entity W; }", true},
		{"namespace A { entity V in B::W; } namespace A::B { entity W; }", false},
		{"namespace A { entity V {a: B::W}; } namespace A::B { entity W; }", false},
		{"namespace N { entity T; entity X {a: N::T, b: T}; }", true},
		{"namespace A { action x in y; } action y;", true},
		{"namespace A { action x in Action::\"y\"; } action y;", true},
		{"namespace N { action a in M::Action::\"b\"; } namespace M { action b; }", true},
		{"action a in Foo::\"b\"; entity Foo enum [\"b\"];", false},
		{"entity U {a: Action}; action a;", true},
		{"entity U {a: Action};", false},
		{"entity U in Action; action a;", false},
		{"entity U; action v appliesTo {principal: Action, resource: U};", false},
		{"entity U {a: __cedar::Set};", false},
		{"entity U {a: __cedar::Boolean};", false},
		{"entity U {a: __cedar::Bool, b: __cedar::duration};", true},
		{"type A = B; type B = Long; entity X {a: A};", true},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void clashes_and_cycles_are_refused(void **state)
{
	static const struct sample samples[] = {
		{"entity U, U;", false},
		{"type A = Long; type A = Long;", false},
		{"type Set = Long;", false},
		{"type Record = {};", false},
		{"type Action = Long;", true},
		{"type bool = Long;", true},
		{"entity __cedar;", false},
		{"type __cedar = Long;", false},
		{"namespace N::__cedar { entity U; }", false},
		{"namespace N { entity Action; }", false},
		{"namespace N { action v; } action v;", false},
		{"namespace A { action y; } namespace B { action y; }", true},
		{"namespace N { entity T; } type T = Long;", false},
		{"namespace N { type T = Long; } entity T;", false},
		{"namespace N { entity Long; type ipaddr = Long; }", true},
		{"namespace N { type Action = Long; } action v;", true},
		{"type T = {a: T, b: Nope, a: Long, b: Long};", true},
		{"type T = {a: Long, a: T};", false},
		{"type A = Set<A>;", false},
		{"type A = {a?: A};", false},
		{"entity U {a: U} tags U;", true},
		{"action a in b; action b in c; action c in a;", false},
		{"namespace N { action a in M::Action::\"b\"; }"
		 "namespace M { action b in N::Action::\"a\"; }",
		 false},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

/* A JSON schema with one entity type U whose attribute `a` is declared as T. */
#define ATTR(t)                                                                                    \
	"{\"\":{\"entityTypes\":{\"U\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":" t   \
	"}}}},\"actions\":{}}}"
#define ENT(e) "{\"\":{\"entityTypes\":{\"U\":" e "},\"actions\":{}}}"
#define ACT(v) "{\"\":{\"entityTypes\":{\"U\":{}},\"actions\":{\"w\":{},\"v\":" v "}}}"

static void json_types_are_strict(void **state)
{
	static const struct sample samples[] = {
		{ATTR("{\"type\":\"Bool\"}"), true},
		{ATTR("{\"type\":\"Boolean\"}"), true},
		{ATTR("{\"type\":\"EntityOrCommon\",\"name\":\"Boolean\"}"), false},
		{ATTR("{\"type\":\"EntityOrCommon\",\"name\":\"U\"}"), true},
		{ATTR("{\"type\":\"ipaddr\"}"), true},
		{ATTR("{\"type\":\"U\"}"), false},
		{ATTR("{\"type\":\"Extension\",\"name\":\"foo\"}"), false},
		{ATTR("{\"type\":\"Extension\",\"name\":\"__cedar::ipaddr\"}"), false},
		{ATTR("{\"type\":\"Extension\",\"name\":\"decimal\"}"), true},
		{ATTR("{\"type\":\"Set\",\"element\":{\"type\":\"Long\"}}"), true},
		{ATTR("{\"type\":\"Set\"}"), false},
		{ATTR("{\"type\":\"Set\",\"element\":{\"type\":\"Long\"},\"foo\":1}"), false},
		{ATTR("{\"type\":\"Set\",\"element\":{\"type\":\"Long\",\"annotations\":{}}}"),
		 false},
		{ATTR("{\"type\":\"Long\",\"element\":{\"type\":\"Long\"}}"), false},
		{ATTR("{\"type\":\"Long\",\"required\":false}"), true},
		{ATTR("{\"type\":\"Long\",\"required\":\"x\"}"), false},
		{ATTR("{\"type\":\"Long\",\"required\":null}"), false},
		{ATTR("{\"type\":\"Long\",\"annotations\":{\"a\":\"b\"}}"), true},
		{ATTR("{\"type\":\"Long\",\"annotations\":{\"a b\":\"b\"}}"), false},
		{ATTR("{\"type\":\"Entity\",\"name\":\"U\"}"), true},
		{ATTR("{\"type\":\"Entity\"}"), false},
		{ATTR("{\"type\":\"Entity\",\"name\":\"Long\"}"), false},
		{ATTR("{\"type\":\"Entity\",\"name\":\"N :: U\"}"), false},
		{ATTR("{\"type\":\"Record\"}"), false},
		{ATTR("{\"type\":\"Record\",\"attributes\":{\"x y\":{\"type\":\"Long\"}}}"), true},
		{ATTR("{\"type\":\"Record\",\"attributes\":{},\"additionalAttributes\":false}"),
		 true},
		{ATTR("{\"type\":\"Record\",\"attributes\":{},\"additionalAttributes\":true}"),
		 false},
		{ATTR("{\"type\":\"if\"}"), false},
		{ATTR("{}"), false},
		{ATTR("null"), false},
		{ATTR("\"Long\""), false},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void json_entities_and_actions_are_strict(void **state)
{
	static const struct sample samples[] = {
		{ENT("{}"), true},
		{ENT("{\"foo\":1}"), false},
		{ENT("{\"shape\":{\"type\":\"Long\"}}"), false},
		{ENT("{\"shape\":null}"), false},
		{ENT("{\"shape\":{\"type\":\"Record\",\"attributes\":{},\"required\":true}}"),
		 false},
		{ENT("{\"tags\":{\"type\":\"Long\"}}"), true},
		{ENT("{\"tags\":null}"), false},
		{ENT("{\"memberOfTypes\":[\"U\"]}"), true},
		{ENT("{\"memberOfTypes\":[\"V\"]}"), false},
		{ENT("{\"enum\":[\"a\",\"a\"]}"), true},
		{ENT("{\"enum\":[]}"), false},
		{ENT("{\"enum\":[\"a\"],\"tags\":{\"type\":\"Long\"}}"), false},
		{ENT("{\"enum\":[\"a\"],\"memberOfTypes\":[]}"), false},
		{ENT("{\"enum\":[\"a\"],\"annotations\":{\"a\":\"b\"}}"), true},
		{ACT("{}"), true},
		{ACT("{\"appliesTo\":null,\"memberOf\":null,\"attributes\":null}"), true},
		{ACT("{\"attributes\":{}}"), false},
		{ACT("{\"foo\":1}"), false},
		{ACT("{\"memberOf\":[{\"id\":\"w\"}]}"), true},
		{ACT("{\"memberOf\":[{\"id\":\"w\",\"type\":\"Action\"}]}"), true},
		{ACT("{\"memberOf\":[{\"id\":\"z\"}]}"), false},
		{ACT("{\"memberOf\":[{\"id\":\"w\",\"x\":1}]}"), false},
		{ACT("{\"memberOf\":[\"w\"]}"), false},
		{ACT("{\"appliesTo\":{}}"), false},
		{ACT("{\"appliesTo\":{\"principalTypes\":[],\"resourceTypes\":[\"U\"]}}"), true},
		{ACT("{\"appliesTo\":{\"principalTypes\":[\"U\"]}}"), false},
		{ACT("{\"appliesTo\":{\"principalTypes\":[\"U\"],\"resourceTypes\":[\"U\"],"
		     "\"context\":{\"type\":\"Long\"}}}"),
		 false},
		{ACT("{\"appliesTo\":{\"principalTypes\":[\"U\"],\"resourceTypes\":[\"U\"],"
		     "\"context\":null}}"),
		 false},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void json_namespaces_are_strict(void **state)
{
	static const struct sample samples[] = {
		{"{}", true},
		{"{\"\":{\"entityTypes\":{}}}", false},
		{"{\"\":{\"commonTypes\":{\"C\":{\"type\":\"Bool\"}},\"entityTypes\":{\"Bool\":{}},"
		 "\"actions\":{}}}",
		 false},
		{"{\"\":{\"actions\":{}}}", false},
		{"{\"\":{\"entityTypes\":{},\"actions\":{},\"foo\":1}}", false},
		{"{\"\":{\"entityTypes\":{},\"actions\":{},\"annotations\":{\"a\":\"x\"}}}", false},
		{"{\"\":{\"entityTypes\":{},\"actions\":{},\"annotations\":{}}}", true},
		{"{\"N\":{\"entityTypes\":{},\"actions\":{},\"annotations\":{\"a\":\"x\"}}}", true},
		{"{\"a b\":{\"entityTypes\":{},\"actions\":{}}}", false},
		{"{\"__cedar\":{\"entityTypes\":{},\"actions\":{}}}", false},
		{"{\"if\":{\"entityTypes\":{},\"actions\":{}}}", false},
		{"{\"\":{\"commonTypes\":{\"Bool\":{\"type\":\"Long\"}},\"entityTypes\":{},"
		 "\"actions\":{}}}",
		 false},
		{"{\"\":{\"commonTypes\":{\"X\":{\"type\":\"Long\",\"required\":true}},"
		 "\"entityTypes\":{},\"actions\":{}}}",
		 false},
		{"{\"\":{\"commonTypes\":{\"X\":{\"type\":\"Long\",\"annotations\":{\"a\":\"b\"}}},"
		 "\"entityTypes\":{},\"actions\":{}}}",
		 true},
		{"{\"\":{\"entityTypes\":{},\"actions\":{}},\"\":{\"entityTypes\":{},\"actions\":{}"
		 "}}",
		 false},
		{"{\"N\":{\"entityTypes\":{},\"actions\":{\"v\":{\"memberOf\":[{\"id\":\"w\","
		 "\"type\":\"Action\"}]},\"w\":{}}}}",
		 true},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void a_resolved_schema_says_what_was_declared(void **state)
{
	struct loaded l;
	const struct schema_entity *user, *group, *color;
	const struct schema_action *view, *all;
	const struct type_field *f;

	(void)state;
	load(&l, STR("namespace N {\n"
		     "  type Name = {first: String, last?: String};\n"
		     "  entity Group in [Group];\n"
		     "  @doc(\"someone\") entity User in [Group] {name: Name, color: Color}\n"
		     "    tags Set<Long>;\n"
		     "  entity Color enum [\"red\", \"blue\"];\n"
		     "  action all;\n"
		     "  action view in all appliesTo {principal: User, resource: [Group, User],\n"
		     "    context: {ip: ipaddr}};\n"
		     "}"));
	assert_int_equal(l.code, ERR_OK);
	user = schema_entity_find(l.s, STR("N::User"));
	group = schema_entity_find(l.s, STR("N::Group"));
	color = schema_entity_find(l.s, STR("N::Color"));
	assert_true(user && group && color);
	assert_null(schema_entity_find(l.s, STR("User")));
	assert_true(schema_entity_may_be_in(user, group));
	assert_true(schema_entity_may_be_in(group, group));
	assert_false(schema_entity_may_be_in(user, user));
	assert_int_equal(user->n_notes, 1);
	assert_str_equal(user->notes[0].value, STR("someone"));
	assert_int_equal(user->tags->kind, TYPE_SET);
	f = type_field_find(type_field_find(user->attrs, STR("name"))->type, STR("last"));
	assert_non_null(f);
	assert_false(f->required);
	assert_ptr_equal(type_field_find(user->attrs, STR("color"))->type, &color->type);
	assert_true(schema_entity_id_ok(color, STR("red")));
	assert_false(schema_entity_id_ok(color, STR("green")));
	assert_true(schema_entity_id_ok(user, STR("green")));

	view = schema_action_find(l.s, STR("N::Action"), STR("view"));
	all = schema_action_find(l.s, STR("N::Action"), STR("all"));
	assert_true(view && all);
	assert_true(schema_action_is_in(view, all));
	assert_false(schema_action_is_in(all, view));
	assert_int_equal(view->n_principals, 1);
	assert_int_equal(view->n_resources, 2);
	assert_int_equal(type_field_find(view->context, STR("ip"))->type->kind, TYPE_IPADDR);
	assert_true(view->type->is_action);
	unload(&l);
}

static void a_message_says_where_and_what_was_meant(void **state)
{
	struct loaded l;
	struct buf out;

	(void)state;
	load(&l, STR("entity User;\nentity Doc { owner: Usr };\n"));
	assert_int_equal(l.code, ERR_INVALID);
	buf_init(&out, 4096);
	policy_diags_render(&l.diags, &out);
	assert_true(str_starts_with(buf_str(&out), STR("s.cedarschema:2:21: error: ")));
	assert_true(str_find_str(buf_str(&out), STR("did you mean `User`?")) < buf_len(&out));
	buf_done(&out);
	unload(&l);
}

static void nesting_and_chains_stop_at_a_named_limit(void **state)
{
	struct buf text;
	struct loaded l;

	(void)state;
	buf_init(&text, 1u << 20);
	buf_append(&text, STR("type T = "));
	for (int i = 0; i < SCHEMA_MAX_DEPTH + 2; i++) {
		buf_append(&text, STR("Set<"));
	}
	load(&l, buf_str(&text));
	assert_int_equal(l.code, ERR_LIMIT);
	assert_non_null(strstr(l.err.msg, "64"));
	unload(&l);

	buf_clear(&text);
	for (int i = 0; i < 2000; i++) {
		buf_printf(&text, "type T%04d = Set<T%04d>;\n", i, i + 1);
	}
	buf_append(&text, STR("type T2000 = Long;"));
	load(&l, buf_str(&text));
	assert_int_equal(l.code, ERR_LIMIT);
	unload(&l);

	buf_clear(&text);
	buf_append(&text, STR("entity "));
	for (int i = 0; i < 2000; i++) {
		buf_append_c(&text, 'x');
	}
	buf_append(&text, STR(";"));
	load(&l, buf_str(&text));
	assert_int_equal(l.code, ERR_LIMIT);
	assert_non_null(strstr(l.err.msg, "1024"));
	unload(&l);
	buf_done(&text);
}

static void doubling_types_cost_no_more_than_their_text(void **state)
{
	struct buf text;
	struct loaded l;

	(void)state;
	buf_init(&text, 1u << 20);
	for (int i = 0; i < 60; i++) {
		buf_printf(&text, "type T%d = {a: T%d, b: T%d, c: Set<T%d>};\n", i + 1, i, i, i);
	}
	buf_append(&text, STR("type T0 = {x: Long}; entity U {a: T60, b: T60};"));
	load(&l, buf_str(&text));
	assert_int_equal(l.code, ERR_OK);
	assert_true(l.a.used < 1u << 20);
	unload(&l);
	buf_done(&text);
}

static void every_allocation_may_fail(void **state)
{
	static const char *const texts[] = {
		"namespace N { @d(\"x\\n\") entity G; entity U in [G] {a: Set<{b?: Long}>} tags T;"
		" type T = {\"k\\t\": N::G}; entity E enum [\"r\"]; action x; action y in [x]"
		" appliesTo {principal: [U, G], resource: U, context: {i: ipaddr}}; }",
		"{\"N\":{\"commonTypes\":{\"T\":{\"type\":\"Record\",\"attributes\":{\"a\":{"
		"\"type\":"
		"\"Set\",\"element\":{\"type\":\"Long\"}}}}},\"entityTypes\":{\"U\":{"
		"\"memberOfTypes\":"
		"[\"U\"],\"tags\":{\"type\":\"T\"}},\"E\":{\"enum\":[\"a\"]}},\"actions\":{\"x\":{}"
		",\"y\":"
		"{\"memberOf\":[{\"id\":\"x\"}],\"appliesTo\":{\"principalTypes\":[\"U\"],"
		"\"resourceTypes\":[\"U\"]}}}}}"};

	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
		bool done = false;

		for (size_t limit = 0; !done; limit += 512) {
			struct arena a;
			struct policy_source src = {STR("s"), str_from_c(texts[t])};
			const struct schema *s = NULL;
			struct err err = {0};
			enum err_code code;

			arena_init(&a, limit);
			code = schema_load(&a, &src, &s, NULL, &err);
			assert_true(code == ERR_OK || code == ERR_NOMEM);
			assert_true((code == ERR_OK) == (s != NULL));
			done = code == ERR_OK;
			arena_done(&a);
			assert_true(limit < 1u << 20);
		}
	}
}

static void the_syntax_vectors_agree(void **state)
{
	struct arena a;
	const struct json *doc;
	size_t n = 0, bad = 0;

	(void)state;
	arena_init(&a, 64u << 20);
	doc = vectors_json(&a, "cedar/vectors/schema-syntax.json");
	JSON_EACH (v, doc) {
		struct str text = json_str(json_get(v, STR("s")));
		bool ok = json_str_is(json_get(v, STR("r")), STR("ok"));
		struct loaded l;

		load(&l, text);
		n++;
		if ((l.code == ERR_OK) != ok) {
			print_error(STR_FMT ": %s\n", STR_ARG(text), l.code ? l.err.msg : "ok");
			bad++;
		}
		unload(&l);
	}
	arena_done(&a);
	assert_int_equal(n, 90);
	assert_int_equal(bad, 0);
}

static void the_sketch_of_the_default_schema_loads(void **state)
{
	struct arena a;
	struct loaded l;

	(void)state;
	arena_init(&a, 64u << 20);
	load(&l, vectors_read(&a, "writ-policy/writ.cedarschema"));
	assert_int_equal(l.code, ERR_OK);
	assert_non_null(schema_action_find(l.s, STR("Writ::Action"), STR("mail.send")));
	unload(&l);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_grammar_of_declarations_is_followed),
		cmocka_unit_test(the_grammar_of_actions_is_followed),
		cmocka_unit_test(names_resolve_in_their_namespace_first),
		cmocka_unit_test(clashes_and_cycles_are_refused),
		cmocka_unit_test(json_types_are_strict),
		cmocka_unit_test(json_entities_and_actions_are_strict),
		cmocka_unit_test(json_namespaces_are_strict),
		cmocka_unit_test(a_resolved_schema_says_what_was_declared),
		cmocka_unit_test(a_message_says_where_and_what_was_meant),
		cmocka_unit_test(nesting_and_chains_stop_at_a_named_limit),
		cmocka_unit_test(doubling_types_cost_no_more_than_their_text),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(the_syntax_vectors_agree),
		cmocka_unit_test(the_sketch_of_the_default_schema_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
