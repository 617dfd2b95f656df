/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of `writ policy` that others build on, each as it is typed: what it prints, and
 * with what it exits.
 */
#include "tests/unit/cli/run.h"

#include <sys/stat.h>

#include "json/parse.h"

static const char schema[] = "entity User in [Group] = {level: Long}; entity Group; entity Doc;\n"
			     "action login, transfer appliesTo {principal: User, resource: Doc,\n"
			     "  context: {input: {user: String, amount: Long}}};\n";
static const char policies[] =
	"@id(\"staff\") permit(principal, action, resource) when { principal.level > 1 };\n"
	"// large ones\n"
	"@id(\"large\") forbid(principal, action == Action::\"transfer\", resource)\n"
	"when { context.input.amount > 100 };\n";
static const char entities[] =
	"[{\"uid\":{\"type\":\"User\",\"id\":\"ann\"},\"attrs\":{\"level\":3},\"parents\":[]}]";

#define REQUEST(amount)                                                                            \
	"{\"principal\":{\"type\":\"User\",\"id\":\"ann\"},\"action\":{\"type\":\"Action\","       \
	"\"id\":\"transfer\"},\"resource\":{\"type\":\"Doc\",\"id\":\"d\"},\"context\":"           \
	"{\"input\":{\"user\":\"x\",\"amount\":" amount "}}}"
#define EVENT(ts, action, kind, amount)                                                            \
	"@" #ts " scope(principal: User::\"ann\", resource: Doc::\"d\") "                          \
	"entities(User::\"ann\": {level: 3}) request_context(input: {user: \"x\", amount: " amount \
	"}) Action::\"" action "\"::" kind "(input: {user: \"x\", amount: " amount "})\n"

static int setup(void **state)
{
	struct cli *f = cli_begin();
	char path[64];

	cli_put(f, "s.cedarschema", schema);
	cli_put(f, "p.cedar", policies);
	cli_put(f, "E.json", entities);
	cli_put(f, "R.json", REQUEST("500"));
	cli_put(f, "small.json", REQUEST("5"));
	cli_put(f, "bad.cedar", "permit(principal, action, resource)\nwen { true };\n");
	cli_put(f, "p.dw",
		"permit () when temporal { formerly within 5s Action::\"login\"::response{} };\n");
	cli_put(f, "q.dw",
		"permit () when temporal { formerly within 5s "
		"Action::\"login\"::response{ input.user: \"x\" } };\n"
		"forbid (action == Action::\"transfer\") when { context.input.amount > 7 "
		"};\n");
	cli_put(f, "t.log",
		EVENT(0, "login", "request", "1") EVENT(1, "login", "response", "1")
			EVENT(2, "transfer", "request", "5") EVENT(3, "transfer", "request", "9")
				EVENT(9, "transfer", "request", "5"));
	(void)snprintf(path, sizeof(path), "%s/set", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	cli_put(f, "set/a.cedar", policies);
	cli_put(f, "set/s.cedarschema", schema);
	cli_put(f, "set/entities.json", entities);
	(void)snprintf(path, sizeof(path), "%s/set/tests", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	cli_end(*state);
	return 0;
}

static void check_wants_a_schema_and_files(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "policy", "check", "--schema", "s.cedarschema", "p.cedar"),
			 CMD_FINE);
	assert_true(cli_said(f, "policies: 2"));
	assert_int_equal(
		CLI(f, "policy", "check", "--schema", "s.cedarschema", "p.cedar", "bad.cedar"),
		CMD_FOUND);
	assert_true(cli_said(f, "bad.cedar:2:1: error: expected `when`, `unless` or `;`, found "
				"`wen`\n  wen { true };\n  ^~~\n  help: did you mean `when`?"));
	assert_int_equal(CLI(f, "policy", "check", "--schema", "s.cedarschema", "p.dw"), CMD_FINE);
}

static void eval_answers_one_line_of_json(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "policy", "eval", "--policies", "p.cedar", "--entities", "E.json",
			     "--request", "R.json"),
			 CMD_FOUND);
	assert_true(cli_said(f, "{\"decision\":\"deny\",\"reason\":[\"policy1\"],\"errors\":[]"));
	assert_int_equal(CLI(f, "policy", "eval", "--policies", "p.cedar", "--entities", "E.json",
			     "--schema", "s.cedarschema", "--request", "small.json", "--json"),
			 CMD_FINE);
	assert_true(cli_said(f, "{\"decision\":\"allow\",\"reason\":[\"policy0\"],\"errors\":[]"));
	assert_int_equal(CLI(f, "policy", "eval", "--policies", "p.cedar", "p.cedar", "--entities",
			     "E.json", "--request", "R.json"),
			 CMD_FOUND);
	assert_true(cli_said(f, "\"reason\":[\"policy1\",\"policy3\"]"));
	assert_int_equal(CLI(f, "policy", "eval", "--policies", "bad.cedar", "--request", "R.json"),
			 CMD_FAILED);
	assert_true(cli_said(f, "bad.cedar:2:1: error: expected"));
	assert_int_equal(CLI(f, "policy", "eval", "--json", "--policies", "bad.cedar", "--request",
			     "R.json"),
			 CMD_FAILED);
	assert_true(cli_said(f, "{\"error\":\"bad.cedar:2:1: expected"));
}

static void a_batch_answers_a_line_for_each_line(void **state)
{
	static const char questions[] =
		"{\"policies\":\"permit(principal,action,resource);\",\"request\":" REQUEST(
			"1") "}\n"
			     "\n"
			     "{\"policies\":\"permit(principal,action,resource);\",\"entities\":[],"
			     "\"schema\":\"entity User; entity Doc;\",\"request\":" REQUEST(
				     "1") "}\n"
					  "{\"policies\":{\"staticPolicies\":{}},"
					  "\"request\":" REQUEST("1") "}\n"
								      "nonsense\n";
	struct cli *f = *state;
	const char *words[] = {"policy", "eval", "--batch", NULL};
	size_t lines = 0;

	assert_int_equal(cli_run(f, questions, words), CMD_FOUND);
	for (const char *p = f->out; *p; p++) {
		lines += *p == '\n';
	}
	assert_int_equal(lines, 4);
	assert_true(cli_said(f, "{\"decision\":\"allow\",\"reason\":[\"policy0\"],\"errors\":[]"));
	assert_true(cli_said(f, "{\"decision\":\"deny\",\"reason\":[],\"errors\":[]"));
	assert_true(cli_said(f, "{\"error\":\"line:1:1: "));
}

static void corpus_ends_with_the_count(void **state)
{
	struct cli *f = *state;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/corpus", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	cli_put(f, "corpus/1.json",
		"{\"policies\":\"p.cedar\",\"entities\":\"E.json\",\"schema\":\"s.cedarschema\","
		"\"shouldValidate\":true,\"requests\":[{\"description\":\"d\",\"principal\":"
		"{\"type\":\"User\",\"id\":\"ann\"},\"action\":{\"type\":\"Action\",\"id\":"
		"\"transfer\"},\"resource\":{\"type\":\"Doc\",\"id\":\"d\"},\"context\":{\"input\":"
		"{\"user\":\"x\",\"amount\":5}},\"validateRequest\":true,\"decision\":\"allow\","
		"\"reason\":[\"policy0\"],\"errors\":[]}]}");
	cli_put(f, "corpus/p.cedar", policies);
	cli_put(f, "corpus/E.json", entities);
	cli_put(f, "corpus/s.cedarschema", schema);
	assert_int_equal(CLI(f, "policy", "corpus", "corpus"), CMD_FINE);
	assert_true(cli_said(f, "passed, 0 failed\n"));
}

static void replay_prints_a_line_for_each_decision(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "policy", "replay", "--policies", "p.dw", "--schema",
			     "s.cedarschema", "t.log"),
			 CMD_FINE);
	assert_string_equal(f->out, "@0 (time point 0): DENY\n"
				    "@2 (time point 1): ALLOW  [rules: 0]\n"
				    "@3 (time point 2): ALLOW  [rules: 0]\n"
				    "@9 (time point 3): DENY\n");
	assert_int_equal(CLI(f, "policy", "replay", "--whole-trace", "--policies", "p.dw",
			     "--schema", "s.cedarschema", "--entities", "E.json", "t.log"),
			 CMD_FINE);
	assert_string_equal(f->out, "@0 (time point 0): false\n"
				    "@2 (time point 2): true\n"
				    "@3 (time point 3): true\n"
				    "@9 (time point 4): false\n");
}

static void explain_shows_what_was_evaluated(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "policy", "explain", "--policies", "p.cedar", "--entities",
			     "E.json", "--request", "R.json"),
			 CMD_FINE);
	assert_true(cli_said(f, "deny (Cedar: deny)"));
	assert_true(cli_said(f, "4:8     context.input.amount > 100  =>  true"));
	assert_int_equal(CLI(f, "policy", "explain", "--json", "--policies", "p.cedar",
			     "--entities", "E.json", "--request", "R.json"),
			 CMD_FINE);
	assert_true(cli_said(f, "\"answer\":{\"decision\":\"deny\""));
	assert_int_equal(
		CLI(f, "policy", "explain", "--policies", "bad.cedar", "--request", "R.json"),
		CMD_FAILED);
	assert_true(cli_said(f, "bad.cedar:2:1: error: "));
}

static void test_runs_the_cases_beside_policies(void **state)
{
	struct cli *f = *state;

	cli_put(f, "set/tests/1.json",
		"{\"cases\":[{\"name\":\"small\",\"principal\":\"User::\\\"ann\\\"\",\"action\":"
		"\"Action::\\\"transfer\\\"\",\"resource\":\"Doc::\\\"d\\\"\",\"context\":"
		"{\"input\":{\"user\":\"x\",\"amount\":5}},\"outcome\":\"allow\"}]}");
	assert_int_equal(CLI(f, "policy", "test", "set"), CMD_FINE);
	cli_put(f, "set/tests/2.json",
		"{\"cases\":[{\"name\":\"large\",\"principal\":\"User::\\\"ann\\\"\",\"action\":"
		"\"Action::\\\"transfer\\\"\",\"resource\":\"Doc::\\\"d\\\"\",\"context\":"
		"{\"input\":{\"user\":\"x\",\"amount\":500}},\"outcome\":\"allow\"}]}");
	assert_int_equal(CLI(f, "policy", "test", "set"), CMD_FOUND);
	assert_true(cli_said(f, "large"));
}

static void temporal_files_are_read_where_one_request_decides(void **state)
{
	struct cli *f = *state;

	cli_put(f, "z.dw",
		"def cedar large(?n) { ?n > 7 };\n"
		"forbid (action == Action::\"transfer\") when { large(context.input.amount) "
		"};\n");
	assert_int_equal(CLI(f, "policy", "eval", "--policies", "z.dw", "p.cedar", "--ids",
			     "annotation", "--entities", "E.json", "--schema", "s.cedarschema",
			     "--request", "R.json"),
			 1);
	assert_true(cli_said(f, "\"z.dw:policy0\""));
	assert_int_equal(CLI(f, "policy", "explain", "--policies", "z.dw", "p.cedar", "--entities",
			     "E.json", "--request", "small.json"),
			 0);
	assert_true(cli_said(f, "z.dw:2"));
	assert_int_equal(CLI(f, "policy", "check", "--schema", "s.cedarschema", "z.dw", "p.cedar"),
			 0);
	/* What one request does not say. */
	assert_int_equal(
		CLI(f, "policy", "eval", "--policies", "p.dw", "p.cedar", "--request", "R.json"),
		2);
	assert_true(cli_said(f, "p.dw:1:"));
	assert_true(cli_said(f, "asks what happened before"));
	assert_true(cli_said(f, "writ policy replay"));
	assert_int_equal(CLI(f, "policy", "explain", "--policies", "p.dw", "--request", "R.json"),
			 2);
	assert_true(cli_said(f, "asks what happened before"));
}

static void test_decides_the_last_event_of_a_trace(void **state)
{
	struct cli *f = *state;

	cli_put(f, "set/p.dw",
		"@id(\"after\") forbid (action == Action::\"transfer\") when temporal { formerly "
		"within "
		"5s Action::\"login\"::response{} };\n");
	cli_put(f, "set/tests/t.json",
		"{\"cases\":[{\"name\":\"after a "
		"login\",\"outcome\":\"deny\",\"reason\":[\"after\"],"
		"\"trace\":[\"@1 scope(principal: User::\\\"ann\\\", resource: Doc::\\\"d\\\") "
		"Action::\\\"login\\\"::response(input: {user: \\\"x\\\", amount: 1})\","
		"\"@2 scope(principal: User::\\\"ann\\\", resource: Doc::\\\"d\\\") entities("
		"User::\\\"ann\\\": {level: 3}) request_context(input: {user: \\\"x\\\", amount: "
		"1}) "
		"Action::\\\"transfer\\\"::request(input: {user: \\\"x\\\", amount: 1})\"]}]}");
	assert_int_equal(CLI(f, "policy", "test", "set"), CMD_FINE);
	assert_true(cli_said(f, "1 passed, 0 failed"));
	cli_put(f, "set/tests/u.json",
		"{\"cases\":[{\"principal\":\"User::\\\"ann\\\"\",\"action\":"
		"\"Action::\\\"transfer\\\"\",\"resource\":\"Doc::\\\"d\\\"\",\"context\":"
		"{\"input\":{\"user\":\"x\",\"amount\":5}},\"outcome\":\"allow\"}]}");
	assert_int_equal(CLI(f, "policy", "test", "set"), CMD_FOUND);
	assert_true(cli_said(f, "give the case a \"trace\""));
}

static void diff_compares_policies_requests_and_traces(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "policy", "diff", "p.cedar", "set"), CMD_FINE);
	assert_true(cli_said(f, "the policies are the same"));
	cli_put(f, "new.cedar", "@id(\"staff\") permit(principal, action, resource);\n");
	assert_int_equal(CLI(f, "policy", "diff", "p.cedar", "new.cedar"), CMD_FOUND);
	assert_true(cli_said(f, "removed   large"));
	cli_put(f, "r.jsonl", REQUEST("5") "\n" REQUEST("500") "\n");
	assert_int_equal(CLI(f, "policy", "diff", "p.cedar", "new.cedar", "--entities", "E.json",
			     "--requests", "r.jsonl"),
			 CMD_FOUND);
	assert_true(cli_said(f, "1 of 2 requests come out differently"));
	assert_int_equal(CLI(f, "policy", "diff", "p.dw", "q.dw", "--schema", "s.cedarschema",
			     "--trace", "t.log"),
			 CMD_FOUND);
	assert_true(cli_said(f, "decisions: 4\nchanged: 1\n"));
	assert_int_equal(CLI(f, "policy", "diff", "p.dw", "p.dw", "--schema", "s.cedarschema",
			     "--trace", "t.log", "--json"),
			 CMD_FINE);
	assert_true(cli_said(f, "\"changed\":0"));
	assert_int_equal(CLI(f, "policy", "diff", "p.dw", "q.dw"), CMD_FAILED);
	assert_true(cli_said(f, "(.dw) need --schema"));
	assert_int_equal(CLI(f, "policy", "diff", "p.dw", "q.dw", "--schema", "s.cedarschema"),
			 CMD_FOUND);
	assert_true(cli_said(f, "changed   "));
	assert_true(cli_said(f, "added     "));
	assert_int_equal(CLI(f, "policy", "diff", "p.dw", "p.dw", "--schema", "s.cedarschema"),
			 CMD_FINE);
	assert_int_equal(CLI(f, "policy", "diff", "p.dw", "p.dw", "--schema", "s.cedarschema",
			     "--requests", "r.jsonl"),
			 CMD_FAILED);
	assert_int_equal(CLI(f, "policy", "diff", "p.cedar", "bad.cedar"), CMD_FAILED);
	assert_true(cli_said(f, "bad.cedar:2:1: error: "));
	assert_int_equal(CLI(f, "policy", "diff", "p.cedar", "set", "--ledger", "none"),
			 CMD_FAILED);
	assert_int_equal(CLI(f, "policy", "diff", "p.cedar", "set", "--ledger", "x", "--trace", "y",
			     "--schema", "s.cedarschema"),
			 CMD_FAILED);
}

static void prove_shows_a_request_that_eval_reads(void **state)
{
	struct cli *f = *state;
	const struct json *doc, *row;
	struct arena a;
	struct err err;

	arena_init(&a, 1 << 20);
	assert_int_equal(CLI(f, "policy", "prove", "--policies", "p.cedar", "--schema",
			     "s.cedarschema",
			     "unreachable context.input.amount > 100 && action "
			     "== Action::\"transfer\""),
			 CMD_FINE);
	assert_true(cli_said(f, "proved: "));
	assert_int_equal(CLI(f, "policy", "prove", "--json", "--policies", "p.cedar", "--schema",
			     "s.cedarschema", "always-denies"),
			 CMD_FOUND);
	assert_int_equal(json_parse(&a, str_from_c(f->out), NULL, &doc, &err), ERR_OK);
	row = json_first(json_get(doc, STR("invariants")));
	cli_put(f, "R2.json", arena_dup(&a, json_get(row, STR("request"))->raw).p);
	cli_put(f, "E2.json", arena_dup(&a, json_get(row, STR("entities"))->raw).p);
	assert_int_equal(CLI(f, "policy", "eval", "--policies", "p.cedar", "--entities", "E2.json",
			     "--schema", "s.cedarschema", "--request", "R2.json"),
			 CMD_FINE);
	assert_true(cli_said(f, "\"decision\":\"allow\""));
	arena_done(&a);
}

static void fmt_and_translate_give_back_what_they_got(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "policy", "fmt", "p.cedar"), CMD_FINE);
	assert_true(cli_said(f, "// large ones"));
	cli_put(f, "once.cedar", f->out);
	assert_int_equal(CLI(f, "policy", "fmt", "once.cedar"), CMD_FINE);
	cli_put(f, "twice.cedar", f->out);
	assert_int_equal(CLI(f, "policy", "diff", "p.cedar", "twice.cedar"), CMD_FINE);
	assert_int_equal(CLI(f, "policy", "translate", "p.cedar"), CMD_FINE);
	assert_true(cli_said(f, "\"staticPolicies\""));
	cli_put(f, "p.json", f->out);
	assert_int_equal(CLI(f, "policy", "translate", "p.json"), CMD_FINE);
	cli_put(f, "back.cedar", f->out);
	assert_int_equal(CLI(f, "policy", "diff", "p.cedar", "back.cedar"), CMD_FINE);
}

static void every_verb_has_help_with_an_example(void **state)
{
	static const char *const verbs[] = {"check", "eval",   "corpus", "diff", "explain",  "fmt",
					    "prove", "replay", "schema", "test", "translate"};
	struct cli *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		assert_int_equal(CLI(f, "policy", verbs[i], "--help"), CMD_FINE);
		assert_true(cli_said(f, "example:\n  writ policy "));
		assert_true(cli_said(f, "--json"));
	}
	assert_int_equal(CLI(f, "policy", "chekc"), CMD_FAILED);
	assert_true(cli_said(f, "did you mean 'check'?"));
	assert_int_equal(CLI(f, "policy", "--help"), CMD_FINE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(check_wants_a_schema_and_files),
		T(eval_answers_one_line_of_json),
		T(a_batch_answers_a_line_for_each_line),
		T(corpus_ends_with_the_count),
		T(replay_prints_a_line_for_each_decision),
		T(explain_shows_what_was_evaluated),
		T(test_runs_the_cases_beside_policies),
		T(temporal_files_are_read_where_one_request_decides),
		T(test_decides_the_last_event_of_a_trace),
		T(diff_compares_policies_requests_and_traces),
		T(prove_shows_a_request_that_eval_reads),
		T(fmt_and_translate_give_back_what_they_got),
		T(every_verb_has_help_with_an_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
