/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/unit/policy/fail_alloc.h"
#include "tests/unit/policy/prove_help.h"

#define SCHEMA                                                                                     \
	"entity Jurisdiction in [Jurisdiction];\n"                                                 \
	"entity Site in [Jurisdiction] = { sovereign: Bool };\n"                                   \
	"entity Agent = { level: Long, owner?: String };\n"                                        \
	"entity Model = { site: Site };\n"                                                         \
	"action infer appliesTo { principal: [Agent], resource: [Model], context: {\n"             \
	"  categories: Set<String>, level: Long, spent: Long, host: String, now: datetime,\n"      \
	"  rec: { a: Long, b: Long }, same: { a: Long, b: Long } } };\n"

#define SOVEREIGN                                                                                  \
	"permit(principal is Agent, action == Action::\"infer\", resource)\n"                      \
	"when { principal.level >= 2 };\n"                                                         \
	"forbid(principal, action, resource) when { context.categories.contains(\"health\") }\n"   \
	"unless { resource.site in Jurisdiction::\"EEA\" };\n"

static void expect(const char *policies, const char *invariant, enum prove_verdict verdict)
{
	struct proof p;

	assert_true(proof_begin(&p, SCHEMA, policies, NULL, NULL));
	p.opts.complete = true;
	proof_run(&p, invariant);
	assert_int_equal(p.code, ERR_OK);
	if (p.result.verdict != verdict) {
		print_error("%s: %.*s %.*s\n", invariant, STR_ARG(p.result.reason),
			    STR_ARG(p.result.request));
	}
	assert_int_equal(p.result.verdict, verdict);
	proof_end(&p);
}

static void health_data_stays_at_sites_in_the_eea(void **state)
{
	(void)state;
	expect(SOVEREIGN,
	       "unreachable context.categories.contains(\"health\") && "
	       "!(resource.site in Jurisdiction::\"EEA\")",
	       PROVE_HOLDS);
	expect(SOVEREIGN, "reachable context.categories.contains(\"health\")", PROVE_HOLDS);
	expect(SOVEREIGN, "reachable principal.level < 2", PROVE_BROKEN);
}

static void weaker_policy_yields_the_request_that_gets_through(void **state)
{
	struct proof p;

	(void)state;
	assert_true(proof_begin(
		&p, SCHEMA,
		"permit(principal, action, resource);\n"
		"forbid(principal, action, resource)\n"
		"when { context.categories.contains(\"health\") && context.level > 3 }\n"
		"unless { resource.site in Jurisdiction::\"EEA\" };\n",
		NULL, NULL));
	p.opts.complete = true;
	proof_run(&p, "unreachable context.categories.contains(\"health\") && "
		      "!(resource.site in Jurisdiction::\"EEA\")");
	assert_int_equal(p.code, ERR_OK);
	assert_int_equal(p.result.verdict, PROVE_BROKEN);
	assert_true(str_find_str(p.result.request, STR("\"categories\":[\"health\"]")) <
		    p.result.request.n);
	proof_end(&p);
}

static void missing_entities_count_unless_all_are_said_to_exist(void **state)
{
	struct proof p;

	(void)state;
	assert_true(proof_begin(&p, SCHEMA, SOVEREIGN, NULL, NULL));
	proof_run(&p, "never-errors");
	assert_int_equal(p.result.verdict, PROVE_BROKEN);
	assert_str_equal(p.result.policy, STR("policy0"));
	p.opts.complete = true;
	proof_run(&p, "never-errors");
	assert_int_equal(p.result.verdict, PROVE_HOLDS);
	proof_end(&p);
}

static void overflow_is_found_at_its_very_edge(void **state)
{
	(void)state;
	expect("permit(principal, action, resource) when { context.level + 1 > 0 };",
	       "never-errors", PROVE_BROKEN);
	expect("permit(principal, action, resource)\n"
	       "when { context.level < 9223372036854775807 && context.level + 1 > 0 };",
	       "never-errors", PROVE_HOLDS);
	expect("permit(principal, action, resource) when { context.level * 3 == 10 };",
	       "always-denies", PROVE_HOLDS);
	expect("permit(principal, action, resource) when { context.level * 3 == 12 };",
	       "always-denies", PROVE_BROKEN);
}

static void integers_have_no_room_between_neighbours(void **state)
{
	(void)state;
	expect("permit(principal, action, resource)\n"
	       "when { context.level > 3 && context.spent > context.level && context.spent < 6 };",
	       "reachable", PROVE_HOLDS);
	expect("permit(principal, action, resource)\n"
	       "when { context.level > 3 && context.spent > context.level && context.spent < 5 };",
	       "reachable", PROVE_BROKEN);
}

static void patterns_are_weighed_together(void **state)
{
	(void)state;
	expect("permit(principal, action, resource) when { context.host like \"*.org\" };\n"
	       "forbid(principal, action, resource) when { context.host like \"*.example.org\" };",
	       "unreachable context.host like \"*.example.org\"", PROVE_HOLDS);
	/* Only "abc" is like both and not like ab*bc. */
	expect("permit(principal, action, resource) when { context.host like \"a*bc\" &&\n"
	       "context.host like \"ab*c\" && !(context.host like \"ab*bc\") };",
	       "unreachable context.host != \"abc\"", PROVE_HOLDS);
	expect("permit(principal, action, resource) when { context.host like \"a*bc\" &&\n"
	       "context.host like \"ab*c\" && !(context.host like \"ab*bc\") };",
	       "reachable", PROVE_HOLDS);
}

static void hierarchy_is_transitive_and_without_cycles(void **state)
{
	(void)state;
	expect("permit(principal, action, resource) when {\n"
	       "resource.site in Jurisdiction::\"DE\" &&\n"
	       "Jurisdiction::\"DE\" in Jurisdiction::\"EEA\" &&\n"
	       "!(resource.site in Jurisdiction::\"EEA\") };",
	       "always-denies", PROVE_HOLDS);
	expect("permit(principal, action, resource) when {\n"
	       "Jurisdiction::\"DE\" in Jurisdiction::\"EEA\" &&\n"
	       "Jurisdiction::\"EEA\" in Jurisdiction::\"DE\" };",
	       "always-denies", PROVE_HOLDS);
}

static void known_entities_are_as_they_are(void **state)
{
	static const char entities[] =
		"[{\"uid\":{\"type\":\"Jurisdiction\",\"id\":\"DE\"},\"attrs\":{},\"parents\":"
		"[{\"type\":\"Jurisdiction\",\"id\":\"EEA\"}]},"
		"{\"uid\":{\"type\":\"Site\",\"id\":\"fra\"},\"attrs\":{\"sovereign\":true},"
		"\"parents\":[{\"type\":\"Jurisdiction\",\"id\":\"DE\"}]},"
		"{\"uid\":{\"type\":\"Model\",\"id\":\"m\"},\"attrs\":{\"site\":{\"__entity\":"
		"{\"type\":\"Site\",\"id\":\"fra\"}}},\"parents\":[]},"
		"{\"uid\":{\"type\":\"Agent\",\"id\":\"a\"},\"attrs\":{\"level\":1},\"parents\":[]}"
		"]";
	struct proof p;

	(void)state;
	assert_true(
		proof_begin(&p, SCHEMA, "permit(principal, action, resource);", entities, NULL));
	proof_run(&p, "unreachable !(resource.site in Jurisdiction::\"EEA\")");
	assert_int_equal(p.result.verdict, PROVE_BROKEN);
	p.opts.closed = true;
	proof_run(&p, "unreachable !(resource.site in Jurisdiction::\"EEA\")");
	assert_int_equal(p.result.verdict, PROVE_HOLDS);
	proof_run(&p, "reachable principal.level == 1");
	assert_int_equal(p.result.verdict, PROVE_HOLDS);
	proof_run(&p, "reachable principal.level == 2");
	assert_int_equal(p.result.verdict, PROVE_BROKEN);
	proof_end(&p);
}

static void sets_of_policies_are_compared_for_all_requests(void **state)
{
	struct proof p;

	(void)state;
	assert_true(proof_begin(
		&p, SCHEMA, "permit(principal, action, resource) when { context.level > 3 };", NULL,
		"permit(principal, action, resource) when { !(context.level <= 3) };"));
	proof_run(&p, "equivalent OTHER");
	assert_int_equal(p.result.verdict, PROVE_HOLDS);
	proof_end(&p);
	assert_true(proof_begin(
		&p, SCHEMA, "permit(principal, action, resource) when { context.level > 3 };", NULL,
		"permit(principal, action, resource) when { context.level > 2 };"));
	proof_run(&p, "implies OTHER");
	assert_int_equal(p.result.verdict, PROVE_HOLDS);
	proof_run(&p, "equivalent OTHER");
	assert_int_equal(p.result.verdict, PROVE_BROKEN);
	assert_true(str_find_str(p.result.request, STR("\"level\":3")) < p.result.request.n);
	proof_end(&p);
}

static void smallest_counterexample_holds_only_what_breaks_the_claim(void **state)
{
	struct proof p;

	(void)state;
	assert_true(proof_begin(
		&p, SCHEMA,
		"permit(principal, action, resource) when { context.level > 3 || context.spent > 7 "
		"};\n"
		"forbid(principal, action, resource) when { principal.level == 5 };\n"
		"forbid(principal, action, resource)\n"
		"when { context.host like \"a*\" && context.categories.contains(\"health\") };",
		NULL, NULL));
	proof_run(&p, "unreachable context.categories.contains(\"health\")");
	assert_int_equal(p.code, ERR_OK);
	assert_int_equal(p.result.verdict, PROVE_BROKEN);
	assert_true(p.result.minimal);
	assert_str_equal(p.result.request,
			 STR("{\"principal\":{\"type\":\"Agent\",\"id\":\"x1\"},"
			     "\"action\":{\"type\":\"Action\",\"id\":\"infer\"},"
			     "\"resource\":{\"type\":\"Model\",\"id\":\"x1\"},\"context\":{"
			     "\"categories\":[\"health\"],\"host\":\"\",\"level\":0,"
			     "\"now\":{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"1970-01-01T00:00:"
			     "00.000Z\"}},"
			     "\"rec\":{\"a\":0,\"b\":0},\"same\":{\"a\":0,\"b\":0},\"spent\":8}}"));
	assert_str_equal(p.result.entities, STR("[{\"uid\":{\"type\":\"Agent\",\"id\":\"x1\"},"
						"\"attrs\":{\"level\":0},\"parents\":[]}]"));
	proof_end(&p);
}

/* -2 is nearer than 4; neither owner nor model is needed. */
static void smallest_counterexample_of_a_comparison_is_nearest_to_zero(void **state)
{
	struct proof p;

	(void)state;
	assert_true(proof_begin(&p, SCHEMA,
				"permit(principal, action, resource)\n"
				"when { principal.level > 3 || principal.level < -1 };",
				NULL, NULL));
	proof_run(&p, "unreachable principal has owner || principal.level != 9");
	assert_int_equal(p.result.verdict, PROVE_BROKEN);
	assert_str_equal(p.result.entities, STR("[{\"uid\":{\"type\":\"Agent\",\"id\":\"x1\"},"
						"\"attrs\":{\"level\":-2},\"parents\":[]}]"));
	proof_end(&p);
}

/* More values are nearer to zero than may be tried, and each of them is refused. */
static void shrinking_stops_at_its_limit_and_says_so(void **state)
{
	struct proof p;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_append(&text, STR("permit(principal, action, resource) when { context.spent > 30000 ||"
			      " context.spent < -30000 };\n"
			      "forbid(principal, action, resource) when { [0"));
	for (int i = 1; i <= 3000; i++) {
		buf_printf(&text, ",%d", i * 10);
	}
	buf_append(&text, STR("].contains(context.spent) };"));
	buf_append_c(&text, '\0');
	assert_true(proof_begin(&p, SCHEMA, text.p, NULL, NULL));
	proof_run(&p, "unreachable");
	assert_int_equal(p.code, ERR_OK);
	assert_int_equal(p.result.verdict, PROVE_BROKEN);
	assert_false(p.result.minimal);
	assert_true(str_find_str(p.result.request, STR("\"spent\":30001")) < p.result.request.n);
	proof_end(&p);
	buf_done(&text);
}

static void policy_in_the_shadow_of_another_is_named(void **state)
{
	static const char policies[] =
		"permit(principal, action, resource) when { context.level > 3 };\n"
		"permit(principal, action, resource) when { context.level > 5 };\n"
		"forbid(principal, action, resource) when { context.level > 5 && false };";

	(void)state;
	expect(policies, "shadowed policy1", PROVE_HOLDS);
	expect(policies, "shadowed policy0", PROVE_BROKEN);
	expect(policies, "shadowed policy2", PROVE_HOLDS);
	expect(policies, "never-matches policy2", PROVE_HOLDS);
}

static void what_is_not_understood_is_never_called_proved(void **state)
{
	(void)state;
	expect("permit(principal, action, resource) when { context.level + context.spent < 9 };",
	       "always-denies", PROVE_UNSUPPORTED);
	expect("permit(principal, action, resource) when { context.rec == context.same };",
	       "always-denies", PROVE_UNSUPPORTED);
	expect("permit(principal, action, resource)\n"
	       "when { context.now.toTime() < duration(\"9h\") };",
	       "always-denies", PROVE_UNSUPPORTED);
}

static void unrelated_policies_do_not_multiply(void **state)
{
	struct proof p;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 60; i++) {
		buf_printf(&text,
			   "forbid(principal, action, resource) when { context.spent == %d && "
			   "context.host like \"%d*\" && context.level > %d };\n",
			   i, i, i);
	}
	buf_append(&text, STR("permit(principal, action, resource);\n"));
	buf_append(&text,
		   STR("forbid(principal, action, resource) when { resource.site.sovereign };"));
	buf_append_c(&text, '\0');
	assert_true(proof_begin(&p, SCHEMA, text.p, NULL, NULL));
	p.opts.steps = 20000;
	proof_run(&p, "unreachable resource.site.sovereign");
	assert_int_equal(p.code, ERR_OK);
	assert_int_equal(p.result.verdict, PROVE_HOLDS);
	proof_end(&p);
	buf_done(&text);
}

static bool stop_at_once(void *arg, uint64_t steps, size_t env, size_t n_envs)
{
	(void)arg;
	(void)steps;
	return env > n_envs;
}

static void work_past_the_limit_is_an_error(void **state)
{
	struct proof p;

	(void)state;
	assert_true(proof_begin(&p, SCHEMA, SOVEREIGN, NULL, NULL));
	p.opts.steps = 2;
	proof_run(&p, "unreachable context.categories.contains(\"health\") && "
		      "!(resource.site in Jurisdiction::\"EEA\")");
	assert_int_equal(p.code, ERR_LIMIT);
	p.opts.steps = 0;
	p.opts.progress = stop_at_once;
	proof_run(&p, "never-matches policy1");
	assert_int_equal(p.code, ERR_OK);
	proof_end(&p);
}

static void invariants_that_cannot_be_read_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"always",
		"shadowed",
		"always-denies when {",
		"equivalent",
		"reachable 1 +",
		"always-denies (principal, action, resource) foo",
		"always-denies (principal == ?principal, action, resource)",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct proof p;

		assert_true(proof_begin(&p, SCHEMA, SOVEREIGN, NULL, NULL));
		proof_run(&p, texts[i]);
		assert_int_equal(p.code, ERR_SYNTAX);
		proof_end(&p);
	}
}

static void query_may_be_a_scope_or_a_condition(void **state)
{
	(void)state;
	expect(SOVEREIGN,
	       "always-denies (principal is Agent, action, resource) when { principal.level < 2 }",
	       PROVE_HOLDS);
	expect(SOVEREIGN, "always-denies when { principal.level < 2 }", PROVE_HOLDS);
	expect(SOVEREIGN, "always-denies (principal.level < 2)", PROVE_HOLDS);
	expect(SOVEREIGN, "always-denies unless { principal.level >= 2 }", PROVE_HOLDS);
	expect(SOVEREIGN, "always-denies (principal == Agent::\"a\", action, resource)",
	       PROVE_BROKEN);
}

static void without_memory_nothing_is_proved(void **state)
{
	static const char *const broken[] = {
		"equivalent OTHER", "reachable principal.level < 2 && context.host like \"a*\"",
		"never-errors"};
	unsigned failed = 0;

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(broken) && fail_alloc_works; k++) {
		for (long n = 0; n < 200; n++) {
			struct proof p;

			assert_true(proof_begin(&p, SCHEMA, SOVEREIGN, NULL,
						"permit(principal, action, resource);"));
			fail_alloc_left = n;
			proof_run(&p, broken[k]);
			fail_alloc_left = -1;
			failed += p.code == ERR_NOMEM;
			assert_true(p.code == ERR_NOMEM || p.code == ERR_OK);
			assert_true(p.code || p.result.verdict != PROVE_HOLDS);
			proof_end(&p);
		}
	}
	assert_true(failed > 0 || !fail_alloc_works);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_data_stays_at_sites_in_the_eea),
		cmocka_unit_test(weaker_policy_yields_the_request_that_gets_through),
		cmocka_unit_test(missing_entities_count_unless_all_are_said_to_exist),
		cmocka_unit_test(overflow_is_found_at_its_very_edge),
		cmocka_unit_test(integers_have_no_room_between_neighbours),
		cmocka_unit_test(patterns_are_weighed_together),
		cmocka_unit_test(hierarchy_is_transitive_and_without_cycles),
		cmocka_unit_test(known_entities_are_as_they_are),
		cmocka_unit_test(sets_of_policies_are_compared_for_all_requests),
		cmocka_unit_test(smallest_counterexample_holds_only_what_breaks_the_claim),
		cmocka_unit_test(smallest_counterexample_of_a_comparison_is_nearest_to_zero),
		cmocka_unit_test(shrinking_stops_at_its_limit_and_says_so),
		cmocka_unit_test(policy_in_the_shadow_of_another_is_named),
		cmocka_unit_test(what_is_not_understood_is_never_called_proved),
		cmocka_unit_test(unrelated_policies_do_not_multiply),
		cmocka_unit_test(work_past_the_limit_is_an_error),
		cmocka_unit_test(invariants_that_cannot_be_read_are_refused),
		cmocka_unit_test(without_memory_nothing_is_proved),
		cmocka_unit_test(query_may_be_a_scope_or_a_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
