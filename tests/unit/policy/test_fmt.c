/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/fmt.h"

#include "policy/engine.h"

#include "tests/unit/policy/vectors.h"

#include "tests/unit/policy/random.h"

static enum err_code format(struct str text, struct buf *out)
{
	struct policy_source src = {STR("p"), text};
	struct policy_diags diags;
	struct arena a;
	enum err_code code;

	arena_init(&a, 64 << 20);
	policy_diags_init(&diags, &a);
	buf_init(out, 16 << 20);
	code = policy_fmt(&a, &src, out, &diags, NULL);
	arena_done(&a);
	return code;
}

static void canonical(struct str text, struct buf *out)
{
	struct policy_source src = {STR("p"), text};

	buf_init(out, 16 << 20);
	assert_int_equal(policy_canonical(&src, 1, out, NULL), ERR_OK);
}

static size_t count(struct str text, struct str what)
{
	size_t n = 0;

	for (size_t at = str_find_str(text, what); at < text.n; at = str_find_str(text, what)) {
		text = str_from(text, at + what.n);
		n++;
	}
	return n;
}

/* Formats, and checks what must hold for every text. */
static void check(struct str text)
{
	struct buf once, twice, before, after;

	if (format(text, &once) != ERR_OK) {
		return;
	}
	assert_int_equal(format(buf_str(&once), &twice), ERR_OK);
	assert_str_equal(buf_str(&twice), buf_str(&once));
	canonical(text, &before);
	canonical(buf_str(&once), &after);
	assert_str_equal(buf_str(&after), buf_str(&before));
	assert_int_equal(count(buf_str(&once), STR("// note")), count(text, STR("// note")));
	assert_int_equal(count(buf_str(&once), STR(" \n")), 0);
	buf_done(&once);
	buf_done(&twice);
	buf_done(&before);
	buf_done(&after);
}

static void gives(const char *in, const char *want)
{
	struct buf out;

	assert_int_equal(format(str_from_c(in), &out), ERR_OK);
	assert_str_equal(buf_str(&out), str_from_c(want));
	buf_done(&out);
}

static void short_policies_take_few_lines(void **state)
{
	(void)state;
	gives("@id ( \"a\" )permit(principal ,action,resource)when{true&&-1<context . x}"
	      "unless{[ ].isEmpty( )};forbid(principal,action,resource);",
	      "@id(\"a\")\n"
	      "permit (principal, action, resource)\n"
	      "when { true && -1 < context.x }\n"
	      "unless { [].isEmpty() };\n"
	      "\n"
	      "forbid (principal, action, resource);\n");
}

static void long_conditions_break_at_the_loosest_operator(void **state)
{
	(void)state;
	gives("permit(principal == Agent::\"a long name\",action in "
	      "[Action::\"read\",Action::\"write\"],"
	      "resource)when{context.input.amount <= 1000 && context.input.to like "
	      "\"*@example.org\" || principal.level >= 2};",
	      "permit (\n"
	      "  principal == Agent::\"a long name\",\n"
	      "  action in [Action::\"read\", Action::\"write\"],\n"
	      "  resource\n"
	      ")\n"
	      "when {\n"
	      "  context.input.amount <= 1000 && context.input.to like \"*@example.org\" ||\n"
	      "  principal.level >= 2\n"
	      "};\n");
}

static void comments_stay_where_they_belong(void **state)
{
	(void)state;
	gives("// about the file\n\n// about a\npermit(principal,action,resource) // who\n"
	      "when { true && // first\n // second\n false }; // end\n\n\n// last",
	      "// about the file\n\n// about a\n"
	      "permit (principal, action, resource) // who\n"
	      "when {\n"
	      "  true && // first\n"
	      "  // second\n"
	      "  false\n"
	      "}; // end\n"
	      "\n"
	      "// last\n");
}

static void formatting_is_stable_on_the_syntax_vectors(void **state)
{
	const struct json *doc;
	struct arena a;

	(void)state;
	arena_init(&a, 64 << 20);
	doc = vectors_json(&a, "cedar/vectors/policy-syntax.json");
	JSON_EACH (v, doc) {
		check(json_str(json_get(v, STR("p"))));
	}
	arena_done(&a);
}

/* Scatters line ends and comments over the white space of a text. */
static void scatter(struct random_source *r, struct str text, struct buf *out)
{
	bool string = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		buf_append_c(out, c);
		if (c == '"' && (i == 0 || text.p[i - 1] != '\\')) {
			string = !string;
		}
		if (string || (c != ' ' && c != '(' && c != ',')) {
			continue;
		}
		switch (random_next(r, 12)) {
		case 0:
			buf_append(out, STR(" // note\n"));
			break;
		case 1:
			buf_append(out, STR("\n\n  // note\n\n// note\n"));
			break;
		case 2:
			buf_append(out, STR("\r\n\t"));
			break;
		default:
			break;
		}
	}
}

static void formatting_is_stable_on_random_policies_with_comments_anywhere(void **state)
{
	struct random_source r = {77};

	(void)state;
	for (int i = 0; i < 400; i++) {
		struct buf plain, b;

		buf_init(&plain, 1 << 20);
		buf_init(&b, 1 << 20);
		random_policy(&r, &plain);
		random_policy(&r, &plain);
		check(buf_str(&plain));
		scatter(&r, buf_str(&plain), &b);
		check(buf_str(&b));
		buf_done(&plain);
		buf_done(&b);
	}
}

static void a_text_that_does_not_parse_is_refused(void **state)
{
	struct buf out;

	(void)state;
	assert_int_equal(format(STR("permit(principal,action,resource"), &out), ERR_SYNTAX);
	assert_int_equal(buf_len(&out), 0);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_policies_take_few_lines),
		cmocka_unit_test(long_conditions_break_at_the_loosest_operator),
		cmocka_unit_test(comments_stay_where_they_belong),
		cmocka_unit_test(formatting_is_stable_on_the_syntax_vectors),
		cmocka_unit_test(formatting_is_stable_on_random_policies_with_comments_anywhere),
		cmocka_unit_test(a_text_that_does_not_parse_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
