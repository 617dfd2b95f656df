/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"

#include "tests/unit/policy/vectors.h"

struct parsed {
	struct arena a;
	struct policy_source src;
	struct policy_diags diags;
	struct policy_list list;
	enum err_code code;
	struct err err;
};

static void parse(struct parsed *p, struct str text)
{
	*p = (struct parsed){.src = {STR("p.cedar"), text}};
	arena_init(&p->a, 64 << 20);
	policy_diags_init(&p->diags, &p->a);
	p->code = policy_parse(&p->a, &p->src, POLICY_ID_ORDER, &p->list, &p->diags, &p->err);
}

static struct str rendered(struct parsed *p)
{
	struct buf b;
	struct str s;

	buf_init(&b, 1 << 16);
	policy_diags_render(&p->diags, &b);
	s = arena_dup(&p->a, buf_str(&b));
	buf_done(&b);
	return s;
}

static void every_syntax_vector_parses_or_fails_as_recorded(void **state)
{
	struct arena a;
	const struct json *doc;
	int wrong = 0;

	(void)state;
	arena_init(&a, 64 << 20);
	doc = vectors_json(&a, "cedar/vectors/policy-syntax.json");
	JSON_EACH (v, doc) {
		struct str want = json_str(json_get(v, STR("r")));
		struct str got = STR("error");
		struct parsed p;

		parse(&p, json_str(json_get(v, STR("p"))));
		if (p.code == ERR_OK) {
			got = STR("ok");
			for (size_t i = 0; i < p.list.n; i++) {
				got = p.list.items[i]->template ? STR("template") : got;
			}
		} else {
			assert_true(p.diags.n_errors > 0);
		}
		if (!str_eq(want, got)) {
			print_error("%.*s: want %.*s, got %.*s\n", STR_ARG(p.src.text),
				    STR_ARG(want), STR_ARG(got));
			wrong++;
		}
		arena_done(&p.a);
	}
	assert_int_equal(wrong, 0);
	arena_done(&a);
}

static void a_diagnostic_points_at_the_place_and_suggests(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, STR("// é\npermit (principal, action, resource)\nwhen { \"é\" == "
		      "context.x.contians(1) };"));
	assert_int_equal(p.code, ERR_SYNTAX);
	assert_str_equal(rendered(&p), STR("p.cedar:3:25: error: `contians` is not a valid method\n"
					   "  when { \"é\" == context.x.contians(1) };\n"
					   "                          ^~~~~~~~\n"
					   "  help: did you mean `contains`?\n"));
	assert_string_equal(p.err.msg, "p.cedar:3:25: `contians` is not a valid method");
	arena_done(&p.a);
}

static void nesting_is_limited_and_says_so(void **state)
{
	static const char *const wraps[] = {"(",   "[",  "!(", "{a:", "if true then true else ",
					    "1+(", "ip("};
	char text[20000];
	struct parsed p;

	(void)state;
	for (size_t w = 0; w < ARRAY_LEN(wraps); w++) {
		size_t n = 0, k = strlen(wraps[w]);
		const char *head = "permit(principal,action,resource) when {";

		memcpy(text, head, strlen(head));
		n = strlen(head);
		for (int i = 0; i < 600; i++) {
			memcpy(text + n, wraps[w], k);
			n += k;
		}
		parse(&p, str_make(text, n));
		assert_int_equal(p.code, ERR_LIMIT);
		assert_non_null(strstr(p.err.msg, "nested deeper than 512"));
		arena_done(&p.a);
	}
}

static void a_long_chain_of_alternatives_stays_shallow(void **state)
{
	struct buf b;
	struct parsed p;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_append(&b, STR("permit(principal,action,resource) when { false"));
	for (int i = 0; i < 5000; i++) {
		buf_printf(&b, "||1==%d", i);
	}
	buf_append(&b, STR("};"));
	parse(&p, buf_str(&b));
	assert_int_equal(p.code, ERR_OK);
	assert_in_range(p.list.items[0]->conds[0].body->depth, 13, 16);
	buf_done(&b);
	arena_done(&p.a);
}

static void a_chain_of_sums_is_refused_beyond_the_depth(void **state)
{
	struct buf b;
	struct parsed p;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_append(&b, STR("permit(principal,action,resource) when { 1"));
	for (int i = 0; i < 600; i++) {
		buf_append(&b, STR("+1"));
	}
	buf_append(&b, STR(" == 1};"));
	parse(&p, buf_str(&b));
	assert_int_equal(p.code, ERR_LIMIT);
	buf_done(&b);
	arena_done(&p.a);
}

static void ids_come_from_order_or_from_the_annotation(void **state)
{
	struct policy_source src = {STR("a.cedar"),
				    STR("permit(principal,action,resource);\n"
					"@id(\"x\") forbid(principal,action,resource);")};
	struct policy_list list = {0};
	struct policy_diags diags;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	policy_diags_init(&diags, &a);
	assert_int_equal(policy_parse(&a, &src, POLICY_ID_ANNOTATION, &list, &diags, NULL), ERR_OK);
	assert_int_equal(policy_parse(&a, &src, POLICY_ID_ORDER, &list, &diags, NULL), ERR_OK);
	assert_int_equal(list.n, 4);
	assert_str_equal(list.items[0]->id, STR("a.cedar:policy0"));
	assert_str_equal(list.items[1]->id, STR("x"));
	assert_str_equal(list.items[2]->id, STR("policy2"));
	assert_str_equal(list.items[3]->id, STR("policy3"));
	arena_done(&a);
}

static void a_refused_source_leaves_the_list_as_it_was(void **state)
{
	struct policy_source src = {STR("a"), STR("permit(principal,action,resource); oops")};
	struct policy_list list = {0};
	struct policy_diags diags;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	policy_diags_init(&diags, &a);
	assert_int_equal(policy_parse(&a, &src, POLICY_ID_ORDER, &list, &diags, NULL), ERR_SYNTAX);
	assert_int_equal(list.n, 0);
	arena_done(&a);
}

static void white_space_inside_a_path_is_dropped(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, STR("permit(principal == A :: // c\n B\n::\n\"x\",action,resource);"));
	assert_int_equal(p.code, ERR_OK);
	assert_str_equal(p.list.items[0]->principal.uids[0].type, STR("A::B"));
	assert_str_equal(p.list.items[0]->principal.uids[0].id, STR("x"));
	arena_done(&p.a);
}

static void memory_may_fail_anywhere_without_harm(void **state)
{
	struct str text =
		STR("@id(\"a\\n\") permit(principal is A::B in C::\"d\",action in [Action::\"x\"],"
		    "resource) when { {a:[1,2],b:\"x\\t\"} has a.b && ip(\"::\").isIpv4() "
		    "|| context.a like \"a*b\" };");

	(void)state;
	for (size_t limit = 0; limit < 1 << 16; limit += 512) {
		struct policy_source src = {STR("a"), text};
		struct policy_list list = {0};
		struct policy_diags diags;
		struct arena a;
		enum err_code code;

		arena_init(&a, limit);
		policy_diags_init(&diags, &a);
		code = policy_parse(&a, &src, POLICY_ID_ORDER, &list, &diags, NULL);
		assert_true(code == ERR_OK || code == ERR_NOMEM);
		assert_int_equal(list.n, code == ERR_OK ? 1 : 0);
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_syntax_vector_parses_or_fails_as_recorded),
		cmocka_unit_test(a_diagnostic_points_at_the_place_and_suggests),
		cmocka_unit_test(nesting_is_limited_and_says_so),
		cmocka_unit_test(a_long_chain_of_alternatives_stays_shallow),
		cmocka_unit_test(a_chain_of_sums_is_refused_beyond_the_depth),
		cmocka_unit_test(ids_come_from_order_or_from_the_annotation),
		cmocka_unit_test(a_refused_source_leaves_the_list_as_it_was),
		cmocka_unit_test(white_space_inside_a_path_is_dropped),
		cmocka_unit_test(memory_may_fail_anywhere_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
