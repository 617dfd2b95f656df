/* SPDX-License-Identifier: Apache-2.0 */
/* Whole questions as text, and answers as JSON. */
#include "policy/answer.h"
#include "policy/case.h"

#include "tests/test.h"

struct question {
	const char *policies, *schema, *entities, *request;
	enum policy_id_scheme ids;
};

/* The answer, or the error, as one line in the arena. */
static struct str answer(struct arena *a, const struct question *q)
{
	const struct policy_source policies = {STR("p"), str_from_c(q->policies)};
	const struct policy_source schema = {STR("s"), str_from_c(q->schema)};
	const struct policy_source entities = {STR("e"), str_from_c(q->entities)};
	const struct policy_source request = {STR("r"), str_from_c(q->request)};
	const struct policy_case_texts texts = {&policies, 1, q->schema ? &schema : NULL,
						q->entities ? &entities : NULL};
	const struct policy_set_opts opts = {.ids = q->ids};
	struct policy_decision d;
	struct policy_request req;
	struct policy_diags diags;
	struct policy_case c;
	const struct json *doc;
	struct err err = {0};
	struct str s;
	struct buf out;

	buf_init(&out, 1 << 20);
	policy_diags_init(&diags, a);
	if (policy_case_load(a, &texts, &opts, &diags, &c, &err) ||
	    policy_case_json(a, &request, &doc, &err) ||
	    policy_case_request(a, &c, doc, true, &req, &err)) {
		policy_answer_write_error(&out, &err);
	} else {
		policy_decide(c.set, &req, a, &d);
		policy_answer_write(&out, &d);
	}
	s = arena_dup(a, buf_str(&out));
	buf_done(&out);
	return s;
}

static void answers(struct question q, const char *want)
{
	struct arena a;

	arena_init(&a, 64 << 20);
	assert_str_equal(answer(&a, &q), str_from_c(want));
	arena_done(&a);
}

#define REQUEST(context)                                                                           \
	"{\"principal\":\"User::\\\"a\\\"\",\"action\":{\"type\":\"Action\",\"id\":\"v\"},"        \
	"\"resource\":{\"__entity\":{\"type\":\"Doc\",\"id\":\"d\"}},\"context\":" context "}"

#define SCHEMA                                                                                     \
	"entity User; entity Doc; action all; action v in [all] appliesTo { principal: User, "     \
	"resource: Doc, context: { from?: ipaddr, who?: User } };"

static void the_answer_names_what_determined_it_and_what_failed(void **state)
{
	(void)state;
	answers(
		(struct question){
			.policies = "permit(principal,action,resource) when { context.n < 5 };"
				    "forbid(principal,action,resource) when { context.x };",
			.request = REQUEST("{\"n\":3}")},
		"{\"decision\":\"allow\",\"reason\":[\"policy0\"],\"errors\":[\"policy1\"],"
		"\"outcome\":\"deny\",\"because\":[{\"policy\":\"policy1\"}],\"messages\":[{"
		"\"policy\":"
		"\"policy1\",\"message\":\"the attribute does not exist\"}]}");
}

static void duties_and_remedies_are_in_the_answer(void **state)
{
	(void)state;
	answers(
		(struct question){
			.policies = "@id(\"p\")@redact(\"pii\")permit(principal,action,resource);",
			.request = REQUEST("{}"),
			.ids = POLICY_ID_ANNOTATION},
		"{\"decision\":\"allow\",\"reason\":[\"p\"],\"errors\":[],\"outcome\":\"allow\","
		"\"because\":[{\"policy\":\"p\"}],\"duties\":[{\"redact\":\"pii\"}]}");
	answers(
		(struct question){
			.policies = "permit(principal,action,resource);@id(\"f\")@ask(\"owner\")"
				    "@reason(\"why\")forbid(principal,action,resource);",
			.request = REQUEST("{}"),
			.ids = POLICY_ID_ANNOTATION},
		"{\"decision\":\"deny\",\"reason\":[\"f\"],\"errors\":[],\"outcome\":\"ask\","
		"\"because\":"
		"[{\"policy\":\"f\",\"reason\":\"why\"}],\"remedies\":[{\"ask\":\"owner\"}]}");
}

static void a_schema_reads_the_context_and_brings_the_actions(void **state)
{
	(void)state;
	answers(
		(struct question){
			.policies = "permit(principal,action in Action::\"all\",resource) when { "
				    "context.from.isIpv4() && context.who == principal };",
			.schema = SCHEMA,
			.request = REQUEST("{\"from\":\"10.0.0.1\",\"who\":{\"type\":\"User\","
					   "\"id\":\"a\"}}")},
		"{\"decision\":\"allow\",\"reason\":[\"policy0\"],\"errors\":[],\"outcome\":"
		"\"allow\","
		"\"because\":[{\"policy\":\"policy0\"}]}");
}

static void what_does_not_fit_the_schema_gets_no_decision(void **state)
{
	struct arena a;
	struct str s;

	(void)state;
	arena_init(&a, 64 << 20);
	s = answer(&a, &(struct question){.policies = "permit(principal,action,resource);",
					  .schema = SCHEMA,
					  .request = REQUEST("{\"from\":\"x\"}")});
	assert_true(str_starts_with(s, STR("{\"error\":\"context: in `from`")));
	s = answer(&a, &(struct question){.policies = "permit(principal,action,resource);",
					  .schema = SCHEMA,
					  .request = REQUEST("{\"nonsense\":1}")});
	assert_true(str_starts_with(s, STR("{\"error\":\"context: `nonsense` should not exist")));
	s = answer(&a,
		   &(struct question){
			   .policies = "permit(principal,action,resource);",
			   .schema = SCHEMA,
			   .entities = "[{\"uid\":{\"type\":\"Nope\",\"id\":\"a\"},\"attrs\":{},"
				       "\"parents\":[]}]",
			   .request = REQUEST("{}")});
	assert_true(str_starts_with(s, STR("{\"error\":\"entities: entity Nope::")));
	arena_done(&a);
}

static void policies_may_be_json(void **state)
{
	(void)state;
	answers((struct question){.policies = " {\"staticPolicies\":{\"x\":{\"effect\":\"permit\","
					      "\"principal\":{\"op\":"
					      "\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{"
					      "\"op\":\"All\"},"
					      "\"conditions\":[]}}}",
				  .request = REQUEST("{}")},
		"{\"decision\":\"allow\",\"reason\":[\"x\"],\"errors\":[],\"outcome\":\"allow\","
		"\"because\":[{\"policy\":\"x\"}]}");
}

static void a_mistake_in_the_policies_is_told_with_its_place(void **state)
{
	(void)state;
	answers((struct question){.policies =
					  "permit(principal,action,resource)\nwhen { contxt.x };",
				  .request = REQUEST("{}")},
		"{\"error\":\"p:2:8: `contxt` is not a variable\",\"code\":\"syntax\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_names_what_determined_it_and_what_failed),
		cmocka_unit_test(duties_and_remedies_are_in_the_answer),
		cmocka_unit_test(a_schema_reads_the_context_and_brings_the_actions),
		cmocka_unit_test(what_does_not_fit_the_schema_gets_no_decision),
		cmocka_unit_test(policies_may_be_json),
		cmocka_unit_test(a_mistake_in_the_policies_is_told_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
