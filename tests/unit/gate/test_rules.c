/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/unit/gate/rules_help.h"

#define PERMIT "permit (principal, action, resource)"

static struct arena arena;

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 16 << 20);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

/* "fs.read" by ci, which single tests change. */
static struct rules_query question(void)
{
	return (struct rules_query){.kind = RULES_CALL_TOOL,
				    .agent = STR("ci"),
				    .server = STR("fs"),
				    .object = STR("read"),
				    .input = STR("{\"path\":\"/a\",\"n\":3}"),
				    .session = STR("s1"),
				    .labels = {.integrity = 2},
				    .now_ms = 1795000000000};
}

static struct rules_answer ask(const char *policies, struct rules_query q)
{
	struct rules *r = rules_of(policies);
	struct rules_answer a;

	rules_decide(r, &q, &arena, &a);
	/* Texts of the answer may live in the rules: copy what tests look at. */
	a.policy = arena_dup(&arena, a.policy);
	a.reason = arena_dup(&arena, a.reason);
	a.retry_after = arena_dup(&arena, a.retry_after);
	a.policies = NULL;
	a.errors = NULL;
	a.logged = NULL;
	rules_unref(r);
	return a;
}

static enum policy_outcome outcome(const char *policies, struct rules_query q)
{
	return ask(policies, q).outcome;
}

static void a_permit_allows_and_says_which(void **state)
{
	struct rules_answer a = ask("@id(\"reads\") " PERMIT ";", question());

	(void)state;
	assert_int_equal(a.outcome, POLICY_ALLOW);
	assert_str_equal(a.policy, STR("reads"));
	assert_int_equal(a.n_policies, 1);
	assert_str_equal(a.principal, STR("Writ::Agent::\"ci\""));
	assert_str_equal(a.action, STR("Writ::Action::\"fs.read\""));
	assert_str_equal(a.resource, STR("Writ::Tool::\"fs.read\""));
	assert_false(a.durable);
}

static void what_nothing_permits_is_denied(void **state)
{
	struct rules_answer a = ask("", question());

	(void)state;
	assert_int_equal(a.outcome, POLICY_DENY);
	assert_int_equal(a.n_policies, 0);
	assert_int_equal(a.policy.n, 0);
	assert_int_equal(outcome("permit (principal == Writ::Agent::\"guest\", action, resource);",
				 question()),
			 POLICY_DENY);
}

static void a_forbid_wins_and_gives_its_reason(void **state)
{
	struct rules_answer a =
		ask(PERMIT ";\n@id(\"no\") @reason(\"not on\\nweekdays\") forbid (principal, "
			   "action, resource is Writ::Tool) when { context.input.n == 3 };",
		    question());

	(void)state;
	assert_int_equal(a.outcome, POLICY_DENY);
	assert_str_equal(a.policy, STR("no"));
	assert_str_equal(a.reason, STR("not on\nweekdays"));
}

static void a_forbid_that_fails_to_evaluate_denies(void **state)
{
	struct rules_answer a = ask(
		PERMIT ";\nforbid (principal, action, resource) when { context.input.absent > 1 };",
		question());

	(void)state;
	assert_int_equal(a.outcome, POLICY_DENY);
	assert_int_equal(a.n_errors, 1);
}

static void what_no_gate_does_is_refused_at_load_with_its_place(void **state)
{
	static const char *const wrong[] = {
		"@route(\"eu\") " PERMIT ";", /* of any action */
		"@route(\"EU\") permit (principal, action == Writ::Action::\"infer\", resource);",
		"@route(\"eu\") permit (principal, action in [Writ::Action::\"infer\", "
		"Writ::Action::\"connect\"], resource);",
		"@route(\"eu\") permit (principal, action in Writ::Action::\"egress\", resource);",
		"@mask_output(\"x\") " PERMIT ";",
		"@watermark(\"x\") " PERMIT ";",
		"@sandbox(\"x\") " PERMIT ";",
		"@timeout(\"1s\") " PERMIT ";",
		"@redact(\"pii\") " PERMIT ";", /* of any action */
		"@redact(\"names\") permit (principal, action == Writ::Action::\"fs.read\", "
		"resource);",
		"@redact(\"pii\") permit (principal, action == Writ::Action::\"connect\", "
		"resource);",
		"@redact(\"pii\") permit (principal, action in [Writ::Action::\"fs.read\", "
		"Writ::Action::\"connect\"], resource);",
		"@redact(\"pii\") permit (principal, action == Other::Action::\"fs.read\", "
		"resource);",
		"@audit(\"full\") " PERMIT ";",
		"@audit(\"full\") forbid (principal, action, resource);",
		"@ask(\"user\") forbid (principal, action, resource);",
		"@ask(\"role:x\") forbid (principal, action, resource);",
		"@decided(\"later\") " PERMIT ";",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct rules *r;
		struct err err;

		if (rules_help_try(&(struct rules_help){.cedar = wrong[i]}, &r, &err) == ERR_OK) {
			fail_msg("%s", wrong[i]);
		}
		assert_non_null(strstr(err.msg, "policies/a.cedar:1:1: "));
	}
}

static void a_redaction_says_what(void **state)
{
	static const char only[] = "@redact(\"email, secrets\") permit (principal, action == "
				   "Writ::Action::\"fs.read\", resource);";
	char both[512];

	(void)state;
	assert_int_equal(outcome(only, question()), POLICY_ALLOW);
	assert_int_equal(ask(only, question()).redact,
			 DETECT_BIT(DETECT_EMAIL) | DETECT_BIT(DETECT_SECRET));
	/* The cheapest permit has none of it. */
	(void)snprintf(both, sizeof(both), "%s" PERMIT ";", only);
	assert_int_equal(ask(both, question()).redact, 0);
}

static void a_route_allows_only_what_it_leads_to(void **state)
{
	static const char by_route[] = "@id(\"p\") @route(\"eu\") permit (principal, action == "
				       "Writ::Action::\"infer\", resource);";
	static const char by_name[] = "@route(\"small\") permit (principal, action == "
				      "Writ::Action::\"infer\", resource);";
	struct rules_query q = question();
	struct rules_answer a;
	char both[512];

	(void)state;
	q.kind = RULES_INFER;
	q.server = STR("");
	q.object = STR("big");
	a = ask(by_route, q);
	assert_int_equal(a.outcome, POLICY_ALLOW);
	assert_int_equal(a.n_duties, 1);
	assert_int_equal(a.route.n, 0);
	assert_int_equal(ask(by_name, q).route.n, 5);
	q.object = STR("small");
	assert_int_equal(outcome(by_name, q), POLICY_ALLOW);
	a = ask(by_route, q);
	assert_int_equal(a.outcome, POLICY_DENY);
	assert_str_equal(a.policy, STR("p"));
	assert_str_equal(a.cause, STR("duty.route"));
	assert_int_equal(a.route.n, 2);
	/* The cheapest permit sends it nowhere; a forbid is no duty's affair. */
	(void)snprintf(both, sizeof(both), "%s" PERMIT ";", by_route);
	assert_int_equal(outcome(both, q), POLICY_ALLOW);
	(void)snprintf(both, sizeof(both), "%sforbid (principal, action, resource);", by_route);
	a = ask(both, q);
	assert_int_equal(a.outcome, POLICY_DENY);
	assert_int_equal(a.route.n, 0);
}

static void a_durable_record_can_be_asked_for(void **state)
{
	(void)state;
	assert_true(ask("@audit(\"durable\") " PERMIT ";", question()).durable);
	assert_int_equal(outcome("@audit(\"durable\") " PERMIT ";", question()), POLICY_ALLOW);
	assert_true(ask("@audit(\"durable\") forbid (principal, action, resource);", question())
			    .durable);
}

static void a_forbid_with_a_remedy_asks(void **state)
{
	const char *rules = PERMIT ";\n@id(\"a\") @ask(\"owner\") forbid (principal, action, "
				   "resource);";

	(void)state;
	assert_int_equal(outcome(rules, question()), POLICY_ASK);
	/* Nothing to ask about when it would not be permitted afterwards. */
	assert_int_equal(
		outcome("@ask(\"owner\") forbid (principal, action, resource);", question()),
		POLICY_DENY);
}

static void a_denial_that_only_time_lifts_says_how_long(void **state)
{
	const char *one = PERMIT ";\n@retry_after(\"60s\") forbid (principal, action, resource);";
	const char *two = PERMIT ";\n@retry_after(\"60s\") forbid (principal, action, resource);\n"
				 "@retry_after(\"2m\") forbid (principal, action, resource);";
	const char *ask_too =
		PERMIT ";\n@retry_after(\"60s\") forbid (principal, action, resource);\n"
		       "@ask(\"owner\") forbid (principal, action, resource);";

	(void)state;
	assert_int_equal(outcome(one, question()), POLICY_ASK);
	assert_str_equal(ask(one, question()).retry_after, STR("60s"));
	assert_str_equal(ask(two, question()).retry_after, STR("2m"));
	assert_int_equal(ask(ask_too, question()).retry_after.n, 0);
}

/* What a policy would have done is known before it is put to work. */
static void a_policy_that_is_only_logged_is_named_and_changes_nothing(void **state)
{
	struct rules *r =
		rules_of("@id(\"p\") @audit(\"summary\") " PERMIT
			 ";\n@id(\"f\") @mode(\"log\") forbid (principal, action, resource);");
	struct rules_query q = question();
	struct rules_answer a;

	(void)state;
	rules_decide(r, &q, &arena, &a);
	assert_int_equal(a.outcome, POLICY_ALLOW);
	assert_int_equal(a.n_logged, 1);
	assert_str_equal(a.logged[0], STR("f"));
	assert_int_equal(a.n_duties, 1);
	assert_str_equal(a.duties[0], STR("audit=summary"));
	rules_unref(r);
}

static void assert_holds(const char *condition, struct rules_query q)
{
	char text[512];

	(void)snprintf(text, sizeof(text), PERMIT " when { %s };", condition);
	if (outcome(text, q) != POLICY_ALLOW) {
		fail_msg("does not hold: %s", condition);
	}
	(void)snprintf(text, sizeof(text), PERMIT " unless { %s };", condition);
	if (outcome(text, q) != POLICY_DENY) {
		fail_msg("its opposite holds: %s", condition);
	}
}

static void agents_are_what_the_configuration_says_of_them(void **state)
{
	struct rules_query q = question();

	(void)state;
	assert_holds("principal in Writ::Team::\"build\"", q);
	assert_holds("principal.owner == Writ::User::\"Ann\"", q);
	assert_holds("principal.level == 3 && principal.tags.containsAll([\"a\", \"b\"])", q);
	q.agent = STR("guest");
	assert_holds("!(principal has owner) && !(principal in Writ::Team::\"build\")", q);
	q.agent = STR("stranger"); /* recognised, but not described */
	assert_holds("!(principal has level) && principal == Writ::Agent::\"stranger\"", q);
}

static void servers_and_models_lie_in_their_sites(void **state)
{
	struct rules_query q = question();

	(void)state;
	assert_holds("resource in Writ::McpServer::\"fs\" && !(resource.server has site)", q);
	q.server = STR("far");
	assert_holds("resource.server.site in Writ::Jurisdiction::\"EU\"", q);
	assert_holds("resource.server.site.operator == \"Host GmbH\" && "
		     "!resource.server.site.sovereign && resource.server.site.country == \"DE\"",
		     q);
	assert_holds("!(resource.server.site in Writ::Jurisdiction::\"NO\")", q);
	q = question();
	q.kind = RULES_INFER;
	q.server = STR("");
	q.object = STR("small");
	assert_holds("resource == Writ::Model::\"small\" && resource.context == 8192 && "
		     "resource.site.sovereign && resource.weights == \"small\"",
		     q);
	q.object = STR("big");
	assert_holds("resource.weights == \"big-70b\" && resource.site in "
		     "Writ::Jurisdiction::\"DE\"",
		     q);
	q.object = STR("unknown");
	assert_int_equal(outcome(PERMIT " when { resource.site.sovereign };", q), POLICY_DENY);
}

static void each_kind_is_its_own_action_and_resource(void **state)
{
	static const struct {
		enum rules_kind kind;
		const char *condition;
	} cases[] = {
		{RULES_CALL_TOOL, "action == Writ::Action::\"fs.read\" && action in "
				  "Writ::Action::\"call_tool\" && action in Writ::Action::\"mcp\" "
				  "&& !(action in Writ::Action::\"observe\") && resource == "
				  "Writ::Tool::\"fs.read\" && resource.name == \"read\""},
		{RULES_READ_RESOURCE, "action == Writ::Action::\"read_resource\" && action in "
				      "Writ::Action::\"observe\" && resource == "
				      "Writ::Resource::\"fs.read\" && resource.uri == \"read\""},
		{RULES_GET_PROMPT, "action == Writ::Action::\"get_prompt\" && resource == "
				   "Writ::Prompt::\"fs.read\" && resource.name == \"read\""},
		{RULES_COMPLETE, "action == Writ::Action::\"complete\" && resource == "
				 "Writ::McpServer::\"fs\""},
		{RULES_SUBSCRIBE, "action == Writ::Action::\"subscribe\" && action in "
				  "Writ::Action::\"observe\" && resource == "
				  "Writ::Resource::\"fs.read\" && resource.uri == \"read\""},
		{RULES_SAMPLE, "action == Writ::Action::\"sample\" && action in "
			       "Writ::Action::\"mcp\" && !(action in Writ::Action::\"observe\") "
			       "&& resource == Writ::McpServer::\"fs\""},
		{RULES_ELICIT, "action == Writ::Action::\"elicit\" && action in "
			       "Writ::Action::\"mcp\" && resource == Writ::McpServer::\"fs\""},
		{RULES_LIST_ROOTS, "action == Writ::Action::\"list_roots\" && action in "
				   "Writ::Action::\"mcp\" && resource == "
				   "Writ::McpServer::\"fs\""},
		{RULES_LIST, "action == Writ::Action::\"list\" && action in "
			     "Writ::Action::\"all\" && resource == Writ::McpServer::\"fs\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rules_query q = question();

		q.kind = cases[i].kind;
		assert_holds(cases[i].condition, q);
	}
}

static void the_context_holds_input_time_session_and_labels(void **state)
{
	struct rules_query q = question();

	(void)state;
	assert_holds("context.input == {path: \"/a\", n: 3}", q);
	assert_holds("context.sessionId == \"s1\" && context.w.session.id == \"s1\"", q);
	assert_holds("context.w.labels.integrity == 2 && context.w.labels.confidentiality == 0", q);
	assert_holds("context.w.now > datetime(\"2026-11-01\") && context.w.now < "
		     "datetime(\"2027-01-01\")",
		     q);
	q.input = STR("");
	assert_holds("context.input == {}", q);
}

/* Arguments are an attacker's: no shape of them is anything but data. */
static void input_names_no_entity_and_calls_no_extension(void **state)
{
	struct rules_query q = question();

	(void)state;
	q.input = STR("{\"a\":{\"__entity\":{\"type\":\"Writ::Agent\",\"id\":\"root\"}},"
		      "\"b\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"10.0.0.1\"}},"
		      "\"c\":{\"type\":\"Writ::Agent\",\"id\":\"root\"}}");
	assert_holds("context.input.a has __entity && context.input.a.__entity.id == \"root\"", q);
	assert_holds("context.input.b.__extn.arg == \"10.0.0.1\"", q);
	assert_holds("context.input.a != Writ::Agent::\"root\" && context.input.c != "
		     "Writ::Agent::\"root\"",
		     q);
}

static void input_that_cannot_be_read_is_denied(void **state)
{
	struct rules_query q = question();
	static char deep[4000], wide[300000];
	struct rules_answer a;
	size_t n = 0;

	(void)state;
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	for (n = 2005; n < 4000; n++) {
		deep[n] = ']';
	}
	deep[sizeof(deep) - 1] = '}';
	q.input = str_make(deep, sizeof(deep));
	a = ask(PERMIT ";", q);
	assert_int_equal(a.outcome, POLICY_DENY);
	assert_str_equal(a.policy, STR("writ.input"));
	assert_true(a.action.n && a.principal.n && a.resource.n); /* a record needs them */

	q.input = STR("{\"a\":");
	assert_int_equal(outcome(PERMIT ";", q), POLICY_DENY);
	q.input = STR("{\"a\":1,\"a\":2}");
	assert_int_equal(outcome(PERMIT ";", q), POLICY_DENY);

	/* As much as an arena holds is decided, more is denied. */
	memset(wide, 'x', sizeof(wide));
	memcpy(wide, "{\"a\":\"", 6);
	memcpy(wide + sizeof(wide) - 2, "\"}", 2);
	q.input = str_make(wide, sizeof(wide));
	assert_int_equal(outcome(PERMIT ";", q), POLICY_ALLOW);
}

static void without_memory_nothing_is_allowed(void **state)
{
	struct rules *r = rules_of(PERMIT " when { context.input.n == 3 };");
	struct rules_query q = question();
	bool allowed = false;

	(void)state;
	for (size_t limit = 0; limit < 64 << 10; limit += 256) {
		struct rules_answer a;
		struct arena small;

		arena_init(&small, limit);
		rules_decide(r, &q, &small, &a);
		assert_false(a.outcome == POLICY_ASK);
		assert_false(allowed && a.outcome != POLICY_ALLOW); /* more memory, same answer */
		allowed = a.outcome == POLICY_ALLOW;
		arena_done(&small);
	}
	assert_true(allowed);
	rules_unref(r);
}

static void names_cannot_break_out_of_their_text(void **state)
{
	struct rules_query q = question();
	struct rules_answer a;

	(void)state;
	q.object = STR("x\" == 1 || \\\"");
	a = ask(PERMIT ";", q);
	assert_str_equal(a.resource, STR("Writ::Tool::\"fs.x\\\" == 1 || \\\\\\\"\""));
	/* The id is one text: "fs" with "a.b" and "fs.a" with "b" are told apart by the server. */
	q.object = STR("a.b");
	assert_holds("resource in Writ::McpServer::\"fs\"", q);
}

static void assert_no_rules(const char *config, const char *bundle)
{
	struct rules *r = NULL;
	struct err err = {0};

	assert_int_not_equal(rules_new(str_from_c(config), str_from_c(bundle), &r, &err), ERR_OK);
	assert_null(r);
	assert_true(err.msg[0] != '\0');
}

static void documents_that_do_not_fit_make_no_rules(void **state)
{
	static const char good[] = "{\"policies\":[],\"schema\":null,\"servers\":{\"fs\":"
				   "\"" RULES_DIGEST "\",\"far\":\"" RULES_DIGEST "\"}}";
	struct err err;
	struct rules *r;

	(void)state;
	assert_int_equal(rules_new(STR(RULES_CONFIG), str_from_c(good), &r, &err), ERR_OK);
	assert_memory_equal(r->servers[1], "\xab\xab\xab\xab", 4);
	rules_unref(r);
	assert_no_rules("", good);
	assert_no_rules("{}", good);
	assert_no_rules(RULES_CONFIG, "");
	assert_no_rules(RULES_CONFIG, "{\"policies\":[],\"servers\":{}}"); /* no digests */
	assert_no_rules(RULES_CONFIG, "{\"policies\":[{\"name\":\"a\",\"text\":\"permit\"}]}");
	assert_no_rules(RULES_CONFIG,
			"{\"policies\":[{\"name\":\"a\",\"text\":\"@nonsense(\\\"x\\\") "
			"permit(principal,action,resource);\"}]}");
	assert_no_rules("{\"version\":1,\"agents\":{\"a\":{\"owner\":\"Ann\",\"attributes\":"
			"{\"owner\":\"Bob\"}}}}",
			"{\"policies\":[]}");
}

/* The digest in each decision names the policies, not how they are laid out. */
static enum policy_outcome reaches(const char *policies, const char *authority)
{
	struct rules_query q = question();
	struct egress_host host;
	struct err err;

	assert_int_equal(egress_host_parse(str_from_c(authority), 0, &host, &err), ERR_OK);
	q.kind = RULES_CONNECT;
	q.host = &host;
	q.input = STR("{\"kind\":\"tunnel\"}");
	return outcome(policies, q);
}

static void a_host_lies_in_the_domains_above_it(void **state)
{
	static const char in_git[] = "permit (principal, action == Writ::Action::\"connect\", "
				     "resource in Writ::Host::\"git.test\");";

	(void)state;
	assert_int_equal(reaches(in_git, "git.test:443"), POLICY_ALLOW);
	assert_int_equal(reaches(in_git, "GIT.test:22"), POLICY_ALLOW);
	assert_int_equal(reaches(in_git, "a.b.git.test:443"), POLICY_ALLOW);
	assert_int_equal(reaches(in_git, "notgit.test:443"), POLICY_DENY);
	assert_int_equal(reaches(in_git, "git.test.evil.example:443"), POLICY_DENY);
	assert_int_equal(reaches(in_git, "test:443"), POLICY_DENY);
}

static bool may_reach(const char *policies, const char *name)
{
	static const uint16_t ports[] = {22, 443};
	struct rules *r = rules_of(policies);
	struct egress_host host;
	struct err err;
	bool may;

	assert_int_equal(egress_name_parse(str_from_c(name), &host, &err), ERR_OK);
	may = rules_may_connect(r, STR("ci"), &host, ports, ARRAY_LEN(ports));
	rules_unref(r);
	return may;
}

/* Whatever the context will be: only what no policy could permit is ruled out. */
static void what_no_policy_could_permit_is_known_before_it_is_asked(void **state)
{
	static const char conditional[] =
		"permit (principal, action == Writ::Action::\"connect\", resource in "
		"Writ::Host::\"git.test\") when { context.input.method == \"GET\" };"
		"permit (principal == Writ::Agent::\"other\", action, resource);"
		"permit (principal, action == Writ::Action::\"exec\", resource);"
		"@mode(\"log\") permit (principal, action, resource in Writ::Host::\"log.test\");"
		"permit (principal, action, resource == Writ::Host::\"ssh.test:22\");"
		"permit (principal, action, resource == Writ::Host::\"web.test:80\");";

	(void)state;
	assert_true(may_reach(conditional, "git.test"));
	assert_true(may_reach(conditional, "a.git.test"));
	assert_true(may_reach(conditional, "ssh.test"));
	assert_false(may_reach(conditional, "web.test"));
	assert_false(may_reach(conditional, "log.test"));
	assert_false(may_reach(conditional, "other.test"));
	assert_false(may_reach("", "git.test"));
	assert_true(may_reach("permit (principal, action, resource) when { resource.name like "
			      "\"*.test\" };",
			      "git.test"));
}

static void an_approval_is_seen_by_the_policy_that_asks(void **state)
{
	static const char asks[] =
		"permit (principal, action, resource);"
		"@ask(\"owner\") forbid (principal, action, resource) unless { "
		"context.w has approval && context.w.approval.by == "
		"Writ::User::\"uid:7\" && context.w.approval.at == context.w.now };";
	struct rules_query q = question();

	(void)state;
	assert_int_equal(outcome(asks, q), POLICY_ASK);
	q.approved_by = STR("uid:7");
	assert_int_equal(outcome(asks, q), POLICY_ALLOW);
	q.approved_by = STR("uid:8");
	assert_int_equal(outcome(asks, q), POLICY_ASK);
}

static void a_connection_is_decided_by_host_and_port(void **state)
{
	(void)state;
	assert_int_equal(reaches("permit (principal, action, resource == "
				 "Writ::Host::\"git.test:443\");",
				 "git.test:443"),
			 POLICY_ALLOW);
	assert_int_equal(reaches("permit (principal, action, resource == "
				 "Writ::Host::\"git.test:443\");",
				 "git.test:22"),
			 POLICY_DENY);
	assert_int_equal(reaches("permit (principal, action in Writ::Action::\"egress\", resource) "
				 "when { resource.port == 22 && resource.name == \"git.test\" };",
				 "git.test:22"),
			 POLICY_ALLOW);
	assert_int_equal(reaches("permit (principal, action, resource == "
				 "Writ::Host::\"[fd00::1]:80\");",
				 "[fd00:0::1]:80"),
			 POLICY_ALLOW);
	assert_int_equal(reaches("permit (principal, action, resource in Writ::Host::\"fd00::1\");",
				 "[fd00::1]:80"),
			 POLICY_ALLOW);
	/* An address has no domains above it. */
	assert_int_equal(reaches("permit (principal, action, resource in Writ::Host::\"1\");",
				 "10.0.0.1:80"),
			 POLICY_DENY);
}

static void the_digest_is_of_the_policies(void **state)
{
	struct rules *a = rules_of("@id(\"p\") " PERMIT ";");
	struct rules *b = rules_of("// why\n@id(\"p\")\n  " PERMIT "  ;\n");
	struct rules *c = rules_of("@id(\"q\") " PERMIT ";");

	(void)state;
	assert_memory_equal(a->digest, b->digest, sizeof(a->digest));
	assert_memory_not_equal(a->digest, c->digest, sizeof(a->digest));
	rules_unref(a);
	rules_unref(b);
	rules_unref(c);
}

static void a_program_is_known_by_path_and_digest(void **state)
{
	struct rules_query q = question();

	(void)state;
	q.kind = RULES_EXEC;
	q.server = STR("");
	q.object = STR("/usr/bin/node");
	q.digest = STR("abcd");
	q.input = STR("{\"argv\":[\"node\",\"a.js\"],\"cwd\":\"/ws\",\"weaker\":[]}");
	assert_int_equal(outcome("permit (principal, action == Writ::Action::\"exec\", resource == "
				 "Writ::Program::\"/usr/bin/node\") when { resource.digest == "
				 "\"abcd\" && resource.path like \"/usr/*\" && "
				 "context.input.argv.contains(\"a.js\") && "
				 "context.input.weaker.isEmpty() };",
				 q),
			 POLICY_ALLOW);
	assert_int_equal(outcome("permit (principal, action in Writ::Action::\"mutate\", resource) "
				 "when { resource.digest == \"other\" };",
				 q),
			 POLICY_DENY);
}

static void a_path_lies_in_every_folder_above_it(void **state)
{
	static const char in_ws[] =
		"permit (principal, action in Writ::Action::\"fs\", resource in "
		"Writ::Path::\"/home/ann\") when { resource.path like \"*/ws*\" };";
	struct rules_query q = question();

	(void)state;
	q.server = STR("");
	q.input = STR("");
	q.kind = RULES_READ_FILE;
	q.object = STR("/home/ann/ws/deep");
	assert_int_equal(outcome(in_ws, q), POLICY_ALLOW);
	q.kind = RULES_WRITE_FILE;
	assert_int_equal(outcome(in_ws, q), POLICY_ALLOW);
	q.object = STR("/home/anna/ws");
	assert_int_equal(outcome(in_ws, q), POLICY_DENY);
	q.object = STR("/home/ann/wr");
	assert_int_equal(outcome(in_ws, q), POLICY_DENY);
	q.object = STR("/");
	assert_int_equal(outcome("permit (principal, action, resource in Writ::Path::\"/\");", q),
			 POLICY_ALLOW);
}

static void rules_know_the_paths_that_policies_name(void **state)
{
	struct rules *r = rules_of("permit (principal, action, resource in Writ::Path::\"/a\"); "
				   "forbid (principal, action, resource == Writ::Path::\"/a/b\");");

	(void)state;
	assert_int_equal(r->n_paths, 2);
	assert_true(str_eq(r->paths[1], STR("/a/b")));
	rules_unref(r);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, begin, finish)
	const struct CMUnitTest tests[] = {
		T(a_program_is_known_by_path_and_digest),
		T(a_path_lies_in_every_folder_above_it),
		T(rules_know_the_paths_that_policies_name),
		T(a_permit_allows_and_says_which),
		T(what_nothing_permits_is_denied),
		T(a_forbid_wins_and_gives_its_reason),
		T(a_forbid_that_fails_to_evaluate_denies),
		T(what_no_gate_does_is_refused_at_load_with_its_place),
		T(a_redaction_says_what),
		T(a_route_allows_only_what_it_leads_to),
		T(a_durable_record_can_be_asked_for),
		T(a_forbid_with_a_remedy_asks),
		T(a_denial_that_only_time_lifts_says_how_long),
		T(a_policy_that_is_only_logged_is_named_and_changes_nothing),
		T(agents_are_what_the_configuration_says_of_them),
		T(servers_and_models_lie_in_their_sites),
		T(each_kind_is_its_own_action_and_resource),
		T(the_context_holds_input_time_session_and_labels),
		T(input_names_no_entity_and_calls_no_extension),
		T(input_that_cannot_be_read_is_denied),
		T(without_memory_nothing_is_allowed),
		T(names_cannot_break_out_of_their_text),
		T(documents_that_do_not_fit_make_no_rules),
		T(a_host_lies_in_the_domains_above_it),
		T(what_no_policy_could_permit_is_known_before_it_is_asked),
		T(an_approval_is_seen_by_the_policy_that_asks),
		T(a_connection_is_decided_by_host_and_port),
		T(the_digest_is_of_the_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
