/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/schema_help.h"

#include "policy/validate.h"
#include "tests/unit/policy/fail_alloc.h"

enum verdict { VALID, WARNED, REFUSED, UNPARSED };

struct checked {
	struct arena a;
	struct policy_source src;
	struct policy_list list;
	struct policy_diags diags;
	struct err err;
	enum verdict verdict;
};

static void check(struct checked *c, const struct schema *s, struct str text)
{
	*c = (struct checked){.src = {STR("p.cedar"), text}};
	arena_init(&c->a, 64u << 20);
	policy_diags_init(&c->diags, &c->a);
	if (policy_parse(&c->a, &c->src, POLICY_ID_ORDER, &c->list, &c->diags, &c->err)) {
		c->verdict = UNPARSED;
		return;
	}
	assert_int_equal(validate_policies(s, &c->list, &c->diags, &c->err), ERR_OK);
	c->verdict = c->diags.n_errors ? REFUSED : c->diags.n_warnings ? WARNED : VALID;
}

static void uncheck(struct checked *c)
{
	arena_done(&c->a);
}

/* The schema of most tests here. */
#define SCHEMA                                                                                     \
	"entity G; entity H; entity Color enum [\"r\", \"b\"];\n"                                  \
	"entity U in [G] {n: Long, f?: U, ip?: ipaddr, s: Set<String>, r: {a: Long, b?: String},"  \
	"  o: G, c: Color} tags String;\n"                                                         \
	"entity R {owner: U, n?: Long};\n"                                                         \
	"action v in [all] appliesTo {principal: [U], resource: [R],"                              \
	"  context: {x: Long, q?: {z?: Long}}};\n"                                                 \
	"action w in [all] appliesTo {principal: [U, G], resource: [R, U]};\n"                     \
	"action all; action none;"

struct sample {
	const char *expr;
	enum verdict want;
};

/* Each expression as the condition of a policy about action v. */
static void check_samples(const struct sample *samples, size_t n)
{
	struct loaded l;
	size_t bad = 0;

	load(&l, STR(SCHEMA));
	assert_int_equal(l.code, ERR_OK);
	for (size_t i = 0; i < n; i++) {
		struct checked c;
		char text[4096];

		snprintf(text, sizeof(text),
			 "permit(principal, action == Action::\"v\", resource) when { %s };",
			 samples[i].expr);
		check(&c, l.s, str_from_c(text));
		if (c.verdict != samples[i].want) {
			print_error("%s: verdict %d, not %d: %s\n", samples[i].expr, (int)c.verdict,
				    (int)samples[i].want,
				    c.diags.n ? c.diags.items[0].message.p : "");
			bad++;
		}
		uncheck(&c);
	}
	unload(&l);
	assert_int_equal(bad, 0);
}

static void equality_needs_comparable_types(void **state)
{
	static const struct sample samples[] = {
		{"1 == \"a\"", WARNED},
		{"U::\"a\" == 1", WARNED},
		{"\"a\" == \"a\"", VALID},
		{"principal == \"x\"", REFUSED},
		{"true == principal", REFUSED},
		{"principal == resource", WARNED},
		{"principal != resource", VALID},
		{"principal == principal", VALID},
		{"(principal is U) == (1 == 2)", VALID},
		{"action == action", VALID},
		{"action != action", WARNED},
		{"action == Action::\"w\"", WARNED},
		{"action == principal", WARNED},
		{"[action] == [principal]", REFUSED},
		{"[true] == [false]", VALID},
		{"{a: true} == {a: false}", VALID},
		{"{a: 1} == {b: 1}", REFUSED},
		{"principal.r == {a: 1}", REFUSED},
		{"context == context", VALID},
		{"{} == {}", VALID},
		/* Of && and || over literals a literal is made while reading; not so of !. */
		{"1 == (true && (false || true))", WARNED},
		{"1 == !true", REFUSED},
		{"1 == (true && (1 == 1))", REFUSED},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void membership_follows_the_declared_hierarchy(void **state)
{
	static const struct sample samples[] = {
		{"principal in G::\"g\"", VALID},
		{"principal in H::\"h\"", WARNED},
		{"principal in [1]", REFUSED},
		{"1 in principal", REFUSED},
		{"principal in []", REFUSED},
		{"principal in principal.s", REFUSED},
		{"principal in [principal, principal.o]", REFUSED},
		{"U::\"a\" in U::\"a\"", VALID},
		{"G::\"g\" in U::\"u\"", WARNED},
		{"Action::\"v\" in Action::\"all\"", VALID},
		{"!(Action::\"v\" in Action::\"all\")", WARNED},
		{"Action::\"all\" in Action::\"v\"", WARNED},
		{"Action::\"v\" in [Action::\"none\", Action::\"all\"]", VALID},
		{"action in Action::\"w\"", WARNED},
		{"action in U::\"x\"", WARNED},
		{"principal in action", WARNED},
		{"action in [Action::\"v\", principal]", REFUSED},
		{"principal is G in 1", WARNED},
		{"principal is U in H::\"h\"", WARNED},
		{"principal is U in [G::\"g\"]", VALID},
		{"1 is U", REFUSED},
		{"action is Action", VALID},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void optional_attributes_and_tags_need_a_test(void **state)
{
	static const struct sample samples[] = {
		{"principal.f.n == 1", REFUSED},
		{"principal has f && principal.f.n == 1", VALID},
		{"principal has f && !(principal has f)", WARNED},
		{"principal has n && principal.n == 1", VALID},
		{"context has x", VALID},
		{"!(context has x)", WARNED},
		{"principal has f.n && principal.f.n == 1", VALID},
		{"principal has zz.a", WARNED},
		{"principal has n.y", REFUSED},
		{"1 has a", REFUSED},
		{"(principal has f || false) && principal.f.n == 1", VALID},
		{"(false || principal has f) && principal.f.n == 1", VALID},
		{"(principal.n == 1 || principal has f) && principal.f.n == 1", REFUSED},
		{"(if principal.n == 1 then principal has f else principal has f) && principal.f.n "
		 "== 1",
		 VALID},
		{"(if principal has f then true else principal has f) && principal.f.n == 1",
		 VALID},
		{"(if principal has f then true else false) && principal.f.n == 1", REFUSED},
		{"{a: principal}.a has f && {a: principal}.a.f.n == 1", VALID},
		{"{a: principal}.a has f && principal.f.n == 1", REFUSED},
		{"!(principal has f) || principal.f.n == 1", REFUSED},
		{"principal.hasTag(\"k\") && principal.getTag(\"k\") == \"v\"", VALID},
		{"principal.hasTag(\"k\") && principal.getTag(\"j\") == \"v\"", REFUSED},
		{"principal.hasTag(\"k\") && principal.hasTag(principal.getTag(\"k\")) &&"
		 "principal.getTag(principal.getTag(\"k\")) == \"x\"",
		 VALID},
		{"resource.hasTag(\"k\")", WARNED},
		{"resource.getTag(\"k\") == \"x\"", REFUSED},
		{"context.hasTag(\"k\")", REFUSED},
		{"principal.hasTag(1)", REFUSED},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void operators_and_functions_check_their_arguments(void **state)
{
	static const struct sample samples[] = {
		{"1", REFUSED},
		{"-true == 1", REFUSED},
		{"1 + true == 2", REFUSED},
		{"true < false", REFUSED},
		{"1 < principal.n", VALID},
		{"duration(\"1h\") < duration(\"2h\")", VALID},
		{"duration(\"1h\") < 1", REFUSED},
		{"decimal(\"1.0\") < decimal(\"2.0\")", REFUSED},
		{"decimal(\"1.0\").lessThan(1)", REFUSED},
		{"decimal(\"1.0\").lessThan()", REFUSED},
		{"ip() == ip(\"1.1.1.1\")", REFUSED},
		{"ip(\"nope\").isIpv4()", REFUSED},
		{"ip(principal.r.b).isIpv4()", REFUSED},
		{"true || ip(\"nope\").isIpv4()", VALID},
		{"datetime(\"2024-01-01\").toTime() < duration(\"1h\")", VALID},
		{"datetime(\"2024-01-01\").offset(duration(\"1h\")) > datetime(\"2024-01-01\")",
		 VALID},
		{"principal.s.contains(1)", REFUSED},
		{"principal.s.containsAll([1])", REFUSED},
		{"principal.s.containsAny(\"x\")", REFUSED},
		{"\"x\".contains(\"x\")", REFUSED},
		{"1.isEmpty()", REFUSED},
		{"[[]].contains([])", REFUSED},
		{"context.x like \"a\"", REFUSED},
		{"if 1 then true else false", REFUSED},
		{"if principal.n == 1 then true else 1", REFUSED},
		{"if true then true else 1", VALID},
		{"(if principal.n == 1 then {a: true} else {a: false}).a", VALID},
		{"{a: 1 == 2}.a && 1", WARNED},
		{"principal.n == 1 || 1", REFUSED},
		{"principal.n == 1 && false", WARNED},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void undeclared_names_are_found_everywhere(void **state)
{
	static const struct sample samples[] = {
		{"true || Nope::\"x\" == principal", REFUSED},
		{"true || principal is Nope", REFUSED},
		{"true || Color::\"zz\" == principal.c", REFUSED},
		{"true || Action::\"zz\" == action", REFUSED},
		{"Ns::Action::\"v\" == action", REFUSED},
		{"false && principal.zz", WARNED},
		{"action.foo", REFUSED},
	};

	(void)state;
	check_samples(samples, ARRAY_LEN(samples));
}

static void a_scope_must_fit_some_action(void **state)
{
	static const struct sample samples[] = {
		{"permit(principal, action, resource);", VALID},
		{"permit(principal, action == Action::\"all\", resource);", REFUSED},
		{"permit(principal, action in Action::\"all\", resource);", VALID},
		{"permit(principal, action in [], resource);", REFUSED},
		{"permit(principal == G::\"g\", action == Action::\"v\", resource);", REFUSED},
		{"permit(principal == G::\"g\", action == Action::\"w\", resource);", VALID},
		{"permit(principal in G::\"g\", action == Action::\"v\", resource);", VALID},
		{"permit(principal in H::\"h\", action, resource);", REFUSED},
		{"permit(principal is H, action, resource);", REFUSED},
		{"permit(principal is U in G::\"g\", action, resource is R);", VALID},
		{"permit(principal is U in H::\"g\", action, resource);", REFUSED},
		{"permit(principal is Nope, action, resource);", REFUSED},
		{"permit(principal == Color::\"zz\", action, resource);", REFUSED},
		{"permit(principal == ?principal, action, resource in ?resource);", VALID},
		{"permit(principal is H in ?principal, action, resource);", REFUSED},
		{"permit(principal, action == Action::\"v\", resource) unless { true };", WARNED},
		{"permit(principal, action == Action::\"v\", resource) unless { false };", VALID},
		{"permit(principal, action == Action::\"v\", resource)"
		 " when { principal has f } when { principal.f.n == 1 };",
		 VALID},
		{"permit(principal, action == Action::\"v\", resource)"
		 " unless { principal has f } when { principal.f.n == 1 };",
		 REFUSED},
	};
	struct loaded l;
	size_t bad = 0;

	(void)state;
	load(&l, STR(SCHEMA));
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct checked c;

		check(&c, l.s, str_from_c(samples[i].expr));
		if (c.verdict != samples[i].want) {
			print_error("%s: verdict %d\n", samples[i].expr, (int)c.verdict);
			bad++;
		}
		uncheck(&c);
	}
	unload(&l);
	assert_int_equal(bad, 0);
}

static void a_message_says_where_what_and_when(void **state)
{
	struct loaded l;
	struct checked c;
	struct buf out;

	(void)state;
	load(&l, STR(SCHEMA));
	check(&c, l.s, STR("permit(principal, action, resource)\nwhen { principal.nn == 1 };"));
	assert_int_equal(c.verdict, REFUSED);
	buf_init(&out, 1u << 16);
	policy_diags_render(&c.diags, &out);
	assert_true(str_find_str(buf_str(&out), STR("p.cedar:2:8: error: ")) < buf_len(&out));
	assert_true(str_find_str(buf_str(&out), STR("has no attribute `nn`")) < buf_len(&out));
	buf_done(&out);
	uncheck(&c);
	unload(&l);
}

static void environments_count_as_one_only_when_the_policy_cannot_tell_them_apart(void **state)
{
	static const struct sample samples[] = {
		{"context.n > 1", REFUSED}, /* a String in z */
		{"context has n && context.n == context.n", VALID},
		{"context has o && context.o > 1", VALID}, /* only in y, optional */
		{"context.m == 1", REFUSED},               /* not in y */
		{"context has m && context.m == 1", VALID},
		{"context == context", VALID},
		{"context == {n: 1}", REFUSED},                        /* x alone would do */
		{"action == Action::\"y\" && context.o > 1", REFUSED}, /* optional */
		{"action == Action::\"y\" && context.n > 1", VALID},
		{"action == Action::\"z\" && context.n > 1", REFUSED},
		{"[context.n].contains(1)", REFUSED},
		{"{a: context}.a.n > 1", REFUSED},
	};
	struct loaded l;
	size_t bad = 0;

	(void)state;
	load(&l,
	     STR("entity U; action x appliesTo {principal: U, resource: U, context: {n: Long, m: "
		 "Long}};"
		 "action y appliesTo {principal: U, resource: U, context: {n: Long, o?: Long}};"
		 "action z appliesTo {principal: U, resource: U, context: {n: String, m: Long}};"));
	assert_int_equal(l.code, ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct str text = arena_printf(
			&l.a, "permit(principal, action, resource) when { %s };", samples[i].expr);
		struct checked c;

		check(&c, l.s, text);
		if (c.verdict != samples[i].want) {
			print_error("%s: verdict %d\n", samples[i].expr, (int)c.verdict);
			bad++;
		}
		uncheck(&c);
	}
	unload(&l);
	assert_int_equal(bad, 0);
}

static void text_that_looks_other_than_it_is_gets_a_warning(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} samples[] = {
		{"permit(principal, action, resource);", 0},
		{"// gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", 0},
		{"// \xe2\x80\xae reversed \xe2\x81\xa6", 2},
		{"\"a\xe2\x80\x8b\"", 1},
		{"\xef\xbb\xbf", 1},
		{"\xf3\xa0\x81\x81", 1},
		{"\xe2\x80", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct policy_source src = {STR("p"), str_from_c(samples[i].text)};
		struct policy_diags diags;
		struct arena a;

		arena_init(&a, 1u << 20);
		policy_diags_init(&diags, &a);
		validate_text(&src, &diags);
		assert_int_equal(diags.n_warnings, samples[i].n);
		arena_done(&a);
	}
}

static void the_same_error_is_told_once(void **state)
{
	struct loaded l;
	struct checked c;

	(void)state;
	load(&l, STR("entity A, B, C; action x, y, z appliesTo {principal: [A, B, C], resource: "
		     "[A, B, C], context: {n: Long}};"));
	check(&c, l.s, STR("permit(principal, action, resource) when { context.n };"));
	assert_int_equal(c.diags.n_errors, 1);
	uncheck(&c);
	unload(&l);
}

static void hostile_policies_are_checked_in_bounded_time(void **state)
{
	struct loaded l;
	struct checked c;
	struct buf text;

	(void)state;
	load(&l, STR(SCHEMA));
	buf_init(&text, 1u << 20);
	buf_append(&text, STR("permit(principal, action == Action::\"v\", resource) when { "));
	for (int i = 0; i < 25; i++) {
		buf_append(&text, STR("principal has f"));
		for (int k = 0; k < 500; k++) {
			buf_append(&text, STR(".f"));
		}
		buf_append(&text, STR(" && "));
	}
	buf_append(&text, STR("true };"));
	check(&c, l.s, buf_str(&text));
	assert_int_equal(c.verdict, VALID);
	uncheck(&c);

	buf_clear(&text);
	buf_append(&text, STR("permit(principal, action == Action::\"v\", resource) when { "));
	for (int i = 0; i < 1000; i++) {
		buf_printf(&text,
			   "principal.hasTag(\"k%d\") && principal.getTag(\"k%d\") == \"\" && ", i,
			   i);
	}
	buf_append(&text, STR("true };"));
	check(&c, l.s, buf_str(&text));
	assert_int_not_equal(c.verdict, REFUSED);
	uncheck(&c);
	buf_done(&text);
	unload(&l);
}

/* Everything from text to verdict; the code of whatever stopped it. */
static enum err_code verdict_of(const char *policy, size_t *n_errors)
{
	struct policy_source schema = {STR("s"), STR(SCHEMA)}, src = {STR("p"), str_from_c(policy)};
	struct policy_list list = {0};
	struct policy_diags diags;
	const struct schema *s;
	struct arena a;
	struct err err;
	enum err_code code;

	arena_init(&a, 16u << 20);
	policy_diags_init(&diags, &a);
	code = schema_load(&a, &schema, &s, &diags, &err);
	code = code ? code : policy_parse(&a, &src, POLICY_ID_ORDER, &list, &diags, &err);
	code = code ? code : validate_policies(s, &list, &diags, &err);
	*n_errors = diags.n_errors;
	arena_done(&a);
	return code;
}

static void a_failed_allocation_never_makes_a_policy_valid(void **state)
{
	static const char *const policies[] = {
		"permit(principal, action, resource) when { principal has f.f && {a: [1]} == {a: "
		"[2]} };",
		"permit(principal, action, resource) when { principal.hasTag(\"k\") && "
		"{a: principal}.a has f && ip(\"::1\").isIpv4() && principal.getTag(\"j\") == \"\" "
		"};",
		"forbid(principal is Nope, action, resource) when { {a: 1} == {b: [{c: true}]} };",
	};

	(void)state;
	if (!fail_alloc_works) {
		print_message("skipped: a sanitizer owns the allocator\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		size_t want, got;
		bool finished = false;

		assert_int_equal(verdict_of(policies[i], &want), ERR_OK);
		for (long n = 0; !finished; n++) {
			enum err_code code;

			fail_alloc_left = n;
			code = verdict_of(policies[i], &got);
			finished = fail_alloc_left > 0;
			fail_alloc_left = -1;
			assert_true(code == ERR_OK || code == ERR_NOMEM);
			assert_true(code == ERR_NOMEM || (want > 0) == (got > 0));
			assert_true(n < 10000);
		}
	}
}

static void the_validation_vectors_agree(void **state)
{
	struct arena a;
	const struct json *doc;
	struct loaded l;
	size_t n = 0, bad = 0;

	(void)state;
	arena_init(&a, 64u << 20);
	doc = vectors_json(&a, "cedar/vectors/validate.json");
	load(&l, json_str(json_get(doc, STR("schema"))));
	assert_int_equal(l.code, ERR_OK);
	JSON_EACH (v, json_get(doc, STR("vectors"))) {
		static const char *const names[] = {"ok", "warn", "error", "parse"};
		struct str e = json_str(json_get(v, STR("e")));
		bool any = json_str_is(json_get(v, STR("scope")), STR("any"));
		struct str text =
			arena_printf(&a, "permit(principal, %s, resource) when { " STR_FMT " };",
				     any ? "action" : "action == Action::\"v\"", STR_ARG(e));
		struct checked c;

		check(&c, l.s, text);
		n++;
		if (!json_str_is(json_get(v, STR("r")), str_from_c(names[c.verdict]))) {
			print_error(STR_FMT " (%s): %s\n", STR_ARG(e), any ? "any" : "v",
				    names[c.verdict]);
			bad++;
		}
		uncheck(&c);
	}
	unload(&l);
	arena_done(&a);
	assert_int_equal(n, 230);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_needs_comparable_types),
		cmocka_unit_test(membership_follows_the_declared_hierarchy),
		cmocka_unit_test(optional_attributes_and_tags_need_a_test),
		cmocka_unit_test(operators_and_functions_check_their_arguments),
		cmocka_unit_test(undeclared_names_are_found_everywhere),
		cmocka_unit_test(a_scope_must_fit_some_action),
		cmocka_unit_test(a_message_says_where_what_and_when),
		cmocka_unit_test(
			environments_count_as_one_only_when_the_policy_cannot_tell_them_apart),
		cmocka_unit_test(text_that_looks_other_than_it_is_gets_a_warning),
		cmocka_unit_test(the_same_error_is_told_once),
		cmocka_unit_test(hostile_policies_are_checked_in_bounded_time),
		cmocka_unit_test(a_failed_allocation_never_makes_a_policy_valid),
		cmocka_unit_test(the_validation_vectors_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
