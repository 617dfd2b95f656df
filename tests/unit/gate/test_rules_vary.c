/* SPDX-License-Identifier: Apache-2.0 */
/* Whether one decision holds for all files of a place. */
#include "tests/test.h"

#include "gate/rules_vary.h"
#include "tests/unit/gate/rules_help.h"

#define WORK    "permit (principal, action, resource in Writ::Path::\"/w\");"
#define WRITE   "forbid (principal, action == Writ::Action::\"write_file\", resource)"
#define BENEATH "forbid (principal, action, resource in Writ::Path::\"/w/sub\")"

/* -1: refused as a whole, 0: given as a whole, 1: each file is decided */
static int place(const char *policies, enum rules_kind kind, const char *path)
{
	struct rules *r = rules_of(policies);
	struct rules_query q = {.kind = kind,
				.agent = STR("ci"),
				.object = str_from_c(path),
				.session = STR("s"),
				.now_ms = 1795000000000};
	struct rules_answer answer;
	struct arena a;
	int ret;

	arena_init(&a, 4 << 20);
	rules_decide(r, &q, &a, &answer);
	ret = rules_vary(r, &q, &answer) ? 1 : answer.outcome == POLICY_ALLOW ? 0 : -1;
	arena_done(&a);
	rules_unref(r);
	return ret;
}

static int reading(const char *policies)
{
	return place(policies, RULES_READ_FILE, "/w");
}

static int writing(const char *policies)
{
	return place(policies, RULES_WRITE_FILE, "/w");
}

static void places_hold_where_policies_look_at_who_and_where_only(void **state)
{
	(void)state;
	assert_int_equal(reading(WORK), 0);
	assert_int_equal(place(WORK, RULES_READ_FILE, "/other"), -1);
	assert_int_equal(writing(WORK BENEATH ";"), 0);
	assert_int_equal(writing(WORK "forbid (principal, action, resource) when { resource in "
				      "Writ::Path::\"/w/sub\" };"),
			 0);
	assert_int_equal(writing(WORK "forbid (principal, action, resource) when { "
				      "principal.level > 5 };"),
			 0);
	assert_int_equal(writing(WORK WRITE ";"), -1);
	/* What no action with a file has, or a run has once for all. */
	assert_int_equal(writing(WORK "forbid (principal, action, resource) when { context.input "
				      "has path && context.input.path like \"*key*\" };"),
			 0);
	assert_int_equal(writing(WORK WRITE " when { context.w.purpose == \"play\" };"), 0);
}

static void files_are_decided_where_a_policy_looks_at_more(void **state)
{
	(void)state;
	assert_int_equal(reading(WORK "forbid (principal, action, resource) when { resource.path "
				      "like \"*.key\" };"),
			 1);
	assert_int_equal(reading(WORK WRITE " when { resource.path like \"*.key\" };"), 0);
	assert_int_equal(writing(WORK WRITE " when { resource.path like \"*.key\" };"), 1);
	assert_int_equal(writing(WORK WRITE " when { context.w.now > datetime(\"2040-01-01\") };"),
			 1);
	assert_int_equal(writing(WORK WRITE " when { context has approval };"), 1);
	assert_int_equal(
		writing(WORK "@ask(\"owner\") " WRITE " unless { context.w has approval };"), 1);
	assert_int_equal(writing(WORK "@until(\"2040-01-01T00:00:00Z\") " WRITE ";"), 1);
	assert_int_equal(reading("permit (principal, action, resource) when { resource.path like "
				 "\"*.md\" };"),
			 1);
	assert_int_equal(reading(WORK "forbid (principal, action, resource) unless { [resource, "
				      "principal].contains(resource) };"),
			 1);
}

/* What refuses the place whatever the file is, refuses it as a whole. */
static void a_refusal_of_the_whole_place_stays_one(void **state)
{
	(void)state;
	assert_int_equal(writing(WORK WRITE ";" WRITE " when { resource.path like \"*.key\" };"),
			 -1);
	assert_int_equal(writing(WRITE " when { resource.path like \"*.key\" };"), -1);
	assert_int_equal(writing(WORK "@ask(\"owner\") " WRITE ";"), -1);
}

/* A policy about a folder in the place makes that a place of its own, and of others nothing. */
static void a_policy_is_about_what_it_names(void **state)
{
	static const char sub[] = WORK BENEATH " when { resource.path like \"*.key\" };";

	(void)state;
	assert_int_equal(writing(sub), 0);
	assert_int_equal(place(sub, RULES_WRITE_FILE, "/w/sub"), 1);
	assert_int_equal(place(sub, RULES_WRITE_FILE, "/w/sub/deep"), 1);
	assert_int_equal(place(sub, RULES_WRITE_FILE, "/w/subway"), 0);
	assert_int_equal(writing(WORK
				 "forbid (principal == Writ::Agent::\"guest\", action, resource)"
				 " when { resource.path like \"*.key\" };"),
			 0);
	assert_int_equal(
		writing(WORK "@mode(\"log\") " WRITE " when { resource.path like \"*.key\" };"), 0);
}

/* What becomes of the answer in a run that learns. */
static enum policy_outcome learned(const char *policies, enum rules_kind kind, bool *ret_new)
{
	struct rules *r = rules_of(policies);
	struct egress_host host;
	struct rules_query q = {.kind = kind,
				.agent = STR("ci"),
				.server = kind == RULES_CALL_TOOL ? STR("fs") : STR(""),
				.object = STR("/w/a"),
				.host = &host,
				.session = STR("s"),
				.now_ms = 1795000000000};
	struct rules_answer answer;
	struct arena a;

	assert_int_equal(egress_host_parse(STR("new.test:443"), 443, &host, NULL), ERR_OK);
	arena_init(&a, 4 << 20);
	rules_decide(r, &q, &a, &answer);
	rules_learn(&q, &answer);
	*ret_new = str_eq(answer.cause, STR("learned"));
	arena_done(&a);
	rules_unref(r);
	return answer.outcome;
}

static void only_files_and_hosts_that_no_policy_is_about_are_learned(void **state)
{
	static const char failing[] =
		"forbid (principal, action, resource) when { context.nothing };";
	bool is_new;

	(void)state;
	assert_int_equal(learned("", RULES_READ_FILE, &is_new), POLICY_ALLOW);
	assert_true(is_new);
	assert_int_equal(learned("", RULES_WRITE_FILE, &is_new), POLICY_ALLOW);
	assert_int_equal(learned("", RULES_CONNECT, &is_new), POLICY_ALLOW);
	assert_true(is_new);
	assert_int_equal(learned(WORK, RULES_READ_FILE, &is_new), POLICY_ALLOW);
	assert_false(is_new);
	assert_int_equal(learned(WRITE ";", RULES_WRITE_FILE, &is_new), POLICY_DENY);
	assert_int_equal(learned("@ask(\"owner\") " WRITE ";" WORK, RULES_WRITE_FILE, &is_new),
			 POLICY_ASK);
	assert_int_equal(learned(failing, RULES_READ_FILE, &is_new), POLICY_DENY);
	assert_int_equal(learned("", RULES_EXEC, &is_new), POLICY_DENY);
	assert_int_equal(learned("", RULES_CALL_TOOL, &is_new), POLICY_DENY);
	assert_int_equal(learned("", RULES_INFER, &is_new), POLICY_DENY);
	assert_false(is_new);
}

/* What becomes of programs in a run of this policy set: which policy varies, and whether one looks at paths. */
static bool exec_varies(const char *policies)
{
	struct rules *r = rules_of(policies);
	bool ret = rules_vary_exec(r, STR("ci")) != NULL;

	rules_unref(r);
	return ret;
}

static bool by_path(const char *policies)
{
	struct rules *r = rules_of(policies);
	bool ret = rules_permit_by_path(r, STR("ci"));

	rules_unref(r);
	return ret;
}

#define EXEC "(principal, action == Writ::Action::\"exec\", resource)"
#define NODE                                                                                       \
	"(principal, action == Writ::Action::\"exec\", resource == "                               \
	"Writ::Program::\"/usr/bin/node\")"
#define LATE "context.w.now > datetime(\"2026-01-01\")"

static void policies_about_programs_that_change_in_a_run_are_found(void **state)
{
	(void)state;
	assert_false(exec_varies("permit " EXEC ";"));
	assert_false(exec_varies("permit " NODE " when { resource.digest == \"9f\" && "
				 "resource.path like \"/usr/*\" };"));
	assert_false(exec_varies("permit " EXEC " when { context.input.argv.contains(\"x\") };"));
	assert_false(
		exec_varies("@ask(\"owner\") forbid " NODE " unless { context.w has approval };"));
	assert_true(exec_varies("permit " EXEC " when { " LATE " };"));
	assert_true(exec_varies("forbid " NODE " when { " LATE " };"));
	assert_true(exec_varies("@ask(\"owner\") forbid " NODE
				" unless { context.w has approval || " LATE " };"));
	assert_true(exec_varies("@until(\"2030-01-01\") permit " EXEC ";"));
	assert_true(exec_varies("permit (principal, action, resource) when { " LATE " };"));
	assert_false(exec_varies("@decided(\"start\") permit " EXEC " when { " LATE " };"));
	assert_false(exec_varies("permit (principal == Writ::Agent::\"other\", action, resource) "
				 "when { " LATE " };"));
	assert_false(exec_varies("permit (principal, action == Writ::Action::\"read_file\", "
				 "resource) when { " LATE " };"));
}

static void permits_of_programs_by_their_path_are_found(void **state)
{
	(void)state;
	assert_false(by_path("permit " NODE " when { resource.path like \"/usr/*\" };"));
	assert_false(by_path("permit " EXEC " when { resource.digest == \"9f\" };"));
	assert_false(by_path("forbid " EXEC " when { resource.path like \"/usr/*\" };"));
	assert_true(by_path("permit " EXEC " when { resource.path like \"/usr/*\" };"));
	assert_true(by_path("permit (principal, action, resource) when { resource is Writ::Program "
			    "&& resource.path like \"/usr/*\" };"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_hold_where_policies_look_at_who_and_where_only),
		cmocka_unit_test(files_are_decided_where_a_policy_looks_at_more),
		cmocka_unit_test(a_refusal_of_the_whole_place_stays_one),
		cmocka_unit_test(a_policy_is_about_what_it_names),
		cmocka_unit_test(only_files_and_hosts_that_no_policy_is_about_are_learned),
		cmocka_unit_test(policies_about_programs_that_change_in_a_run_are_found),
		cmocka_unit_test(permits_of_programs_by_their_path_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
