/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions over what happened, by the rules alone. */
#include "tests/test.h"

#include "policy/data.h"

#include "tests/unit/gate/rules_help.h"

#define SCHEMA                                                                                     \
	"namespace Writ {"                                                                         \
	" type Common = { now: datetime };"                                                        \
	" entity Team, User, McpServer = {};"                                                      \
	" entity Agent in [Team] = { level?: Long };"                                              \
	" entity Tool in [McpServer] = { name: String };"                                          \
	" action mcp; action call_tool in [mcp];"                                                  \
	" action \"fs.read\", \"fs.send\" in [call_tool] appliesTo { principal: [Agent], "         \
	"resource: "                                                                               \
	"[Tool], context: { input: { path: String, n?: Long }, sessionId: String, w: Common } };"  \
	" action list in [mcp] appliesTo { principal: [Agent], resource: [McpServer],"             \
	" context: { sessionId: String } };"                                                       \
	"}"
#define PERMIT "@id(\"all\") permit (principal, action, resource);"
#define READ   "Writ::Action::\"fs.read\"::request{ }"
#define AFTER_READ                                                                                 \
	"forbid (action == Writ::Action::\"fs.send\") when temporal { formerly within 1h " READ    \
	" };"

static struct arena arena;
static int64_t now;

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 16 << 20);
	now = 1795000000000;
	return 0;
}

static int finish(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static struct dw_engine *engine_of(const struct rules *r)
{
	const struct dw_engine_opts opts = {.plan.seed = {{1, 2}, {3, 4}}};
	struct dw_engine *e;
	struct err err;

	assert_non_null(r->policies.temporal);
	assert_int_equal(dw_engine_new(r->policies.temporal, &opts, &e, &err), ERR_OK);
	return e;
}

static struct rules_query question(const char *tool)
{
	return (struct rules_query){.kind = RULES_CALL_TOOL,
				    .agent = STR("ci"),
				    .server = STR("fs"),
				    .object = str_from_c(tool),
				    .input = STR("{\"path\":\"/a\",\"n\":3}"),
				    .session = STR("s1"),
				    .request = STR("r1"),
				    .now_ms = 1795000000000};
}

static struct rules_answer ask(const struct rules *r, struct dw_engine *e, struct rules_query q)
{
	struct rules_answer a;

	q.engine = e;
	q.event_ms = now++;
	rules_decide(r, &q, &arena, &a);
	return a;
}

static void what_happened_decides_and_says_so_as_cedar_does(void **state)
{
	struct rules *r = rules_help_new(&(struct rules_help){
		.cedar = PERMIT,
		.temporal = "@id(\"leak\") @reason(\"it has read\") " AFTER_READ,
		.schema = SCHEMA});
	struct dw_engine *e = engine_of(r);
	struct rules_answer a;

	(void)state;
	a = ask(r, e, question("send"));
	assert_int_equal(a.outcome, POLICY_ALLOW);
	assert_str_equal(a.policy, STR("all"));
	assert_non_null(a.event);
	assert_int_equal(ask(r, e, question("read")).outcome, POLICY_ALLOW);
	a = ask(r, e, question("send"));
	assert_int_equal(a.outcome, POLICY_DENY);
	assert_str_equal(a.policy, STR("leak"));
	assert_str_equal(a.reason, STR("it has read"));
	assert_int_equal(a.n_policies, 1);
	assert_str_equal(a.policies[0], STR("leak"));
	assert_int_equal(a.n_errors, 0);
	assert_int_equal(a.cause.n, 0);
	assert_str_equal(a.action, STR("Writ::Action::\"fs.send\""));
	dw_engine_free(e);
	rules_unref(r);
}

static struct rules_answer second_send(const char *annotations)
{
	char text[512];
	struct rules *r;
	struct dw_engine *e;
	struct rules_answer a;

	(void)snprintf(text, sizeof(text), "@id(\"t\") %s %s", annotations, AFTER_READ);
	r = rules_help_new(
		&(struct rules_help){.cedar = PERMIT, .temporal = text, .schema = SCHEMA});
	e = engine_of(r);
	assert_int_equal(ask(r, e, question("read")).outcome, POLICY_ALLOW);
	a = ask(r, e, question("send"));
	a.policy = arena_dup(&arena, a.policy);
	a.retry_after = arena_dup(&arena, a.retry_after);
	dw_engine_free(e);
	rules_unref(r);
	return a;
}

static void annotations_mean_what_they_mean_in_cedar_files(void **state)
{
	(void)state;
	assert_int_equal(second_send("").outcome, POLICY_DENY);
	assert_int_equal(second_send("@ask(\"owner\")").outcome, POLICY_ASK);
	assert_str_equal(second_send("@retry_after(\"1h\")").retry_after, STR("1h"));
	assert_true(second_send("@audit(\"durable\")").durable);
	assert_int_equal(second_send("@mode(\"log\")").outcome, POLICY_ALLOW);
	assert_int_equal(second_send("@mode(\"log\")").n_logged, 1);
	/* By the clock on the wall, whatever time events have. */
	assert_int_equal(second_send("@until(\"2026-11-01\")").outcome, POLICY_ALLOW);
	assert_int_equal(second_send("@until(\"2027-01-01\")").outcome, POLICY_DENY);
}

/* Redacted arguments are decided again, and nothing has happened twice. */
static void what_is_decided_again_counts_once(void **state)
{
	struct rules *r = rules_help_new(&(struct rules_help){
		.temporal = "permit (action == Writ::Action::\"fs.read\") when temporal { bind(n, "
			    "count_within(1h, " READ "), n <= 2) }"
			    " when { context.input.path != \"bad\" };",
		.schema = SCHEMA});
	struct dw_engine *e = engine_of(r);
	struct rules_query q = question("read");

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask(r, e, q).outcome, POLICY_ALLOW);
		q.again = true;
	}
	q.input = STR("{\"path\":\"bad\"}");
	assert_int_equal(ask(r, e, q).outcome, POLICY_DENY);
	q = question("read");
	assert_int_equal(ask(r, e, q).outcome, POLICY_ALLOW);
	assert_int_equal(ask(r, e, q).outcome, POLICY_DENY);
	dw_engine_free(e);
	rules_unref(r);
}

static void duties_of_temporal_permits_are_duties(void **state)
{
	struct rules *r = rules_help_new(&(struct rules_help){
		.temporal =
			"@id(\"r\") permit (action == Writ::Action::\"fs.read\");"
			"@id(\"p\") @redact(\"pii\") permit (action == "
			"Writ::Action::\"fs.send\") when temporal { formerly within 1h " READ " };",
		.schema = SCHEMA});
	struct dw_engine *e = engine_of(r);
	struct rules_answer a;

	(void)state;
	assert_int_equal(ask(r, e, question("send")).n_policies, 0);
	assert_int_equal(ask(r, e, question("read")).outcome, POLICY_ALLOW);
	a = ask(r, e, question("send"));
	assert_int_equal(a.outcome, POLICY_ALLOW);
	assert_int_equal(a.redact, DETECT_ALL & ~DETECT_BIT(DETECT_SECRET));
	dw_engine_free(e);
	rules_unref(r);
}

static void refused(const struct rules *r, struct dw_engine *e, struct rules_query q,
		    const char *cause, const char *says)
{
	struct rules_answer a = ask(r, e, q);

	assert_int_equal(a.outcome, POLICY_DENY);
	assert_str_equal(a.cause, str_from_c(cause));
	assert_int_equal(a.n_policies, 1);
	assert_str_equal(a.policies[0], a.policy);
	if (str_find_str(a.reason, str_from_c(says)) == a.reason.n) {
		fail_msg("said " STR_FMT, STR_ARG(a.reason));
	}
}

static void what_does_not_fit_the_schema_is_refused_and_never_happened(void **state)
{
	struct rules *r = rules_help_new(&(struct rules_help){
		.cedar = PERMIT, .temporal = "@id(\"leak\") " AFTER_READ, .schema = SCHEMA});
	struct dw_engine *e = engine_of(r);
	struct rules_query q = question("read");

	(void)state;
	refused(r, e, question("write"), "schema.action", "does not describe this action");
	q.input = STR("{\"path\":\"/a\",\"n\":\"3\"}");
	refused(r, e, q, "schema.request", "expected Long");
	q.input = STR("{\"path\":\"/a\",\"n\":3.5}");
	refused(r, e, q, "schema.request", "expected Long");
	q.input = STR("{\"n\":3}");
	refused(r, e, q, "schema.request", "`path` is missing");
	q = question("read");
	q.kind = RULES_READ_RESOURCE;
	refused(r, e, q, "schema.action", "does not describe");
	/* None of these was an event. */
	assert_int_equal(ask(r, e, question("send")).outcome, POLICY_ALLOW);
	/* What the schema does not declare is not in the way. */
	q = question("send");
	q.input = STR("{\"path\":\"/a\",\"more\":[1.5,{}]}");
	assert_int_equal(ask(r, e, q).outcome, POLICY_ALLOW);
	q = question("");
	q.kind = RULES_LIST;
	q.object = q.input = STR("");
	assert_int_equal(ask(r, e, q).outcome, POLICY_ALLOW);
	dw_engine_free(e);
	rules_unref(r);
}

static void without_a_history_nothing_is_allowed(void **state)
{
	struct rules *r = rules_help_new(
		&(struct rules_help){.cedar = PERMIT, .temporal = AFTER_READ, .schema = SCHEMA});
	const struct dw_engine_opts opts = {.max_histories = 1};
	struct rules_query q = question("read");
	struct dw_engine *e;
	struct err err;

	(void)state;
	refused(r, NULL, q, "history.memory", "cannot be remembered");
	assert_int_equal(dw_engine_new(r->policies.temporal, &opts, &e, &err), ERR_OK);
	assert_int_equal(ask(r, e, q).outcome, POLICY_ALLOW);
	q.session = STR("s2");
	refused(r, e, q, "history.undecided", "more than 1 histories");
	dw_engine_free(e);
	rules_unref(r);
}

static void an_agent_lacks_nothing_that_the_schema_requires(void **state)
{
	static const char strict[] =
		"namespace Writ { entity Team, McpServer; entity Agent in [Team] = { level: Long };"
		" entity Tool in [McpServer];"
		" action \"fs.read\" appliesTo { principal: [Agent], resource: [Tool],"
		" context: { sessionId: String } }; }";
	static const char described[] =
		"{\"version\":1,\"agents\":{\"ci\":{\"attributes\":{\"level\":3}}},"
		"\"servers\":{\"fs\":{\"url\":\"http://127.0.0.1:1/mcp\"}}}";
	const char *policy =
		"forbid (principal, action, resource) when temporal { formerly within "
		"1h Writ::Action::\"fs.read\"::denied{ } } when { principal.level < 2 };";
	struct rules_help t = {
		.cedar = PERMIT, .temporal = policy, .schema = strict, .config = described};
	struct rules_query q = question("read");
	struct rules *r = rules_help_new(&t);
	struct dw_engine *e = engine_of(r);
	struct err err;

	(void)state;
	assert_int_equal(ask(r, e, q).outcome, POLICY_ALLOW);
	q.agent = STR("stranger");
	refused(r, e, q, "schema.request", "`level` is missing");
	dw_engine_free(e);
	rules_unref(r);
	/* One that the configuration describes and that lacks it is found at load. */
	t.config = NULL;
	assert_int_equal(rules_help_try(&t, &r, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "Writ::Agent::\"guest\""));
}

static void refuses_to_load(const struct rules_help *t, const char *says)
{
	struct rules *r = NULL;
	struct err err = {0};

	assert_int_not_equal(rules_help_try(t, &r, &err), ERR_OK);
	if (!strstr(err.msg, says)) {
		fail_msg("said %s, not %s", err.msg, says);
	}
}

#define KIND(k, fields) "event <A>::" k " { " fields " }"
#define PINNED          "pin sessionId: String = context.sessionId"

static void only_events_that_come_may_be_declared(void **state)
{
	static const struct {
		const char *events, *says;
	} cases[] = {
		{"decision " KIND("request", "...inputs(A)"), "by session or by principal"},
		{"decision " KIND("request", PINNED) " " KIND("response", "...inputs(A)"),
		 "by session or by principal"},
		{"decision " KIND("request", "pin callerResource: resourceType(A) = resource"),
		 "by session or by principal"},
		{"decision " KIND("request", PINNED ", user: String"), "no gate fills in `user`"},
		{"decision " KIND("request", PINNED ", ...outputs(A)"),
		 "no gate fills in `output`"},
		{"decision " KIND("request", PINNED ", pin requestId: String = context.sessionId"),
		 "no gate fills in `requestId`"},
		{"decision " KIND("asked", PINNED) " decision " KIND("request", PINNED),
		 "`asked` never come"},
		{"decision " KIND("request", PINNED) " decision " KIND("error", PINNED),
		 "a decision at `request`"},
		{KIND("request", PINNED), "no kind is marked `decision`"},
	};
	struct rules_help t = {.cedar = PERMIT, .temporal = AFTER_READ, .schema = SCHEMA};
	struct rules *r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		t.events = cases[i].events;
		refuses_to_load(&t, cases[i].says);
	}
	t.events = "decision " KIND("request", PINNED ", pin callerPrincipal: principalType(A) = "
						      "principal");
	r = rules_help_new(&t);
	assert_false(r->policies.by_principal || r->policies.has_denied);
	rules_unref(r);
	t.events = "decision " KIND(
		"request", "sessionId: String, pin callerPrincipal: principalType(A) = principal");
	r = rules_help_new(&t);
	assert_true(r->policies.by_principal);
	rules_unref(r);
}

static void a_schema_says_no_less_than_writ_does(void **state)
{
	static const char loose[] =
		"namespace Writ { entity Agent, Tool, McpServer; action call_tool;"
		" action \"fs.read\", \"fs.send\" appliesTo { principal: [Agent], resource: [Tool],"
		" context: { sessionId: String } }; }";
	static const char grouped[] =
		"namespace Writ { entity Agent, Tool, McpServer; action mcp;"
		" action list appliesTo { principal: [Agent], resource: [McpServer],"
		" context: { sessionId: String } };"
		" action \"fs.read\", \"fs.send\" appliesTo { principal: [Agent], resource: [Tool],"
		" context: { sessionId: String } }; }";
	static const char sessionless[] =
		"namespace Writ { entity Agent, Tool; action \"fs.read\", \"fs.send\" appliesTo {"
		" principal: [Agent], resource: [Tool], context: { } }; }";

	(void)state;
	refuses_to_load(&(struct rules_help){.temporal = AFTER_READ, .schema = loose},
			"\"fs.read\" has to be a member of \"call_tool\"");
	refuses_to_load(&(struct rules_help){.temporal = AFTER_READ, .schema = grouped},
			"\"list\" has to be a member of \"mcp\"");
	refuses_to_load(&(struct rules_help){.temporal = AFTER_READ, .schema = sessionless},
			"has to declare `sessionId: String`");
	refuses_to_load(&(struct rules_help){.temporal = AFTER_READ}, "policies/b.dw:1:");
	refuses_to_load(&(struct rules_help){.events = "x"}, "need a schema");
	refuses_to_load(&(struct rules_help){.temporal = "permit (action == "
							 "Writ::Action::\"fs.reed\") when "
							 "temporal { " READ " };",
					     .schema = SCHEMA},
			"policies/b.dw:1:");
}

/* Groups that the schema leaves out hold all the same. */
static void groups_of_writs_own_hold_whatever_the_schema_declares(void **state)
{
	struct rules *r = rules_help_new(&(struct rules_help){
		.cedar = PERMIT "@id(\"no\") forbid (principal, action in Writ::Action::\"mcp\", "
				"resource);",
		.temporal = AFTER_READ,
		.schema = SCHEMA});
	struct dw_engine *e = engine_of(r);
	struct rules_query q = question("read");

	(void)state;
	assert_str_equal(ask(r, e, q).policy, STR("no"));
	q.kind = RULES_LIST;
	q.object = q.input = STR("");
	assert_str_equal(ask(r, e, q).policy, STR("no"));
	dw_engine_free(e);
	rules_unref(r);
}

static void files_without_conditions_need_no_schema_and_no_history(void **state)
{
	struct rules *r = rules_help_new(&(struct rules_help){
		.cedar = PERMIT,
		.temporal = "@id(\"no\") forbid (action == Writ::Action::\"fs.send\");"});

	(void)state;
	assert_null(r->policies.temporal);
	assert_int_equal(ask(r, NULL, question("read")).outcome, POLICY_ALLOW);
	assert_str_equal(ask(r, NULL, question("send")).policy, STR("no"));
	rules_unref(r);
}

static void the_digest_names_events_and_providers_too(void **state)
{
	static const char events[] = "decision " KIND("request", PINNED);
	static const char other[] = "decision " KIND("request", PINNED) KIND("error", PINNED);
	static const char spaced[] = "// why\ndecision   " KIND("request", PINNED);
	struct rules_help t = {.cedar = PERMIT, .temporal = AFTER_READ, .schema = SCHEMA};
	struct rules *r[5];

	(void)state;
	r[0] = rules_help_new(&t);
	t.events = events;
	r[1] = rules_help_new(&t);
	t.events = spaced;
	r[2] = rules_help_new(&t);
	t.events = other;
	r[3] = rules_help_new(&t);
	t.providers = "{\"availableProviders\":{}}";
	r[4] = rules_help_new(&t);
	assert_memory_equal(r[1]->digest, r[2]->digest, SHA256_LEN);
	for (int i = 1; i < 5; i++) {
		assert_memory_not_equal(r[0]->digest, r[i]->digest, SHA256_LEN);
	}
	assert_memory_not_equal(r[2]->digest, r[3]->digest, SHA256_LEN);
	assert_memory_not_equal(r[3]->digest, r[4]->digest, SHA256_LEN);
	for (int i = 0; i < 5; i++) {
		rules_unref(r[i]);
	}
}

static void without_memory_nothing_is_allowed(void **state)
{
	struct rules *r = rules_help_new(&(struct rules_help){
		.cedar = PERMIT, .temporal = "@id(\"leak\") " AFTER_READ, .schema = SCHEMA});
	struct rules_query q = question("send");
	unsigned allowed = 0;

	(void)state;
	for (size_t limit = 0; limit < 32 << 10; limit += 128) {
		struct dw_engine *e = engine_of(r);
		struct rules_answer a;
		struct arena small;

		/* It has read, and whatever memory is left, it may not send. */
		assert_int_equal(ask(r, e, question("read")).outcome, POLICY_ALLOW);
		arena_init(&small, limit);
		q.engine = e;
		q.event_ms = now++;
		rules_decide(r, &q, &small, &a);
		assert_int_equal(a.outcome, POLICY_DENY);
		arena_done(&small);
		dw_engine_free(e);
		/* And what it may it may, given enough. */
		e = engine_of(r);
		arena_init(&small, limit);
		q.engine = e;
		rules_decide(r, &q, &small, &a);
		allowed += a.outcome == POLICY_ALLOW;
		arena_done(&small);
		dw_engine_free(e);
	}
	assert_true(allowed > 0);
	rules_unref(r);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(what_happened_decides_and_says_so_as_cedar_does),
		T(what_is_decided_again_counts_once),
		T(annotations_mean_what_they_mean_in_cedar_files),
		T(duties_of_temporal_permits_are_duties),
		T(what_does_not_fit_the_schema_is_refused_and_never_happened),
		T(without_a_history_nothing_is_allowed),
		T(an_agent_lacks_nothing_that_the_schema_requires),
		T(only_events_that_come_may_be_declared),
		T(a_schema_says_no_less_than_writ_does),
		T(groups_of_writs_own_hold_whatever_the_schema_declares),
		T(files_without_conditions_need_no_schema_and_no_history),
		T(the_digest_names_events_and_providers_too),
		T(without_memory_nothing_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
