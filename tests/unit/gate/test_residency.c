/* SPDX-License-Identifier: Apache-2.0 */
/* SITE-1, SITE-2, SITE-4: what the matrix and the manifests say is what a gate does, in time. */
#include "tests/test.h"

#include "tests/unit/gate/rules_help.h"

#include "base/clock.h"
#include "gate/rules_residency.h"

#define YEAR_MS (INT64_C(366) * 86400000)

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

static void put_manifest(struct buf *b, const char *site, const char *country, const char *expires)
{
	struct buf text;

	buf_init(&text, 4096);
	buf_printf(
		&text,
		"{\"version\":1,\"site\":\"%s\",\"country\":\"%s\",\"operator\":{\"name\":\"o\","
		"\"country\":\"%s\",\"controlled_by\":[]},\"admin_access\":[],\"support_from\":[],"
		"\"subprocessors\":[],\"logs\":\"%s\",\"training\":false,\"retention\":\"none\","
		"\"expires\":\"%s\"}",
		site, country, country, country, expires);
	buf_append(b, STR(",\"manifest\":\"/m\",\"manifest_text\":"));
	json_put_str(b, buf_str(&text));
	buf_done(&text);
}

/* A site with a manifest that ends far away, one that ends in 2090, and one without. */
static const char *configuration(void)
{
	static char text[8192];
	struct buf b;

	buf_init(&b, sizeof(text) - 1);
	buf_append(&b,
		   STR("{\"version\":1,\"node\":\"n1\",\"servers\":{\"fs\":{\"url\":"
		       "\"http://127.0.0.1:1/mcp\"},\"far\":{\"url\":\"http://127.0.0.1:2/\"}},"
		       "\"residency\":{\"categories\":[\"health\",\"personal\"],\"purposes\":"
		       "[\"care\",\"dev\"],\"origins\":[\"DE\"],\"keys\":[\"" RULES_DIGEST
		       "\"],\"groups\":[{\"file\":\"/g\",\"text\":\"EU DE - - Art. 52\\nEU FR - "
		       "2091-01-01 ends\\n\"}]},"
		       "\"agents\":{\"nurse\":{\"data\":{\"level\":\"confidential\",\"categories\":"
		       "[\"health\"],\"purpose\":\"care\",\"origin\":\"DE\"}},\"coder\":{\"data\":"
		       "{\"level\":\"public\",\"purpose\":\"dev\"}},\"vague\":{}},"
		       "\"models\":{\"home\":{\"url\":\"http://127.0.0.1:2/v1\",\"site\":\"home\"},"
		       "\"paris\":{\"url\":\"http://127.0.0.1:2/v1\",\"site\":\"paris\"},"
		       "\"dark\":{\"url\":\"http://127.0.0.1:2/v1\",\"site\":\"dark\"}},"
		       "\"sites\":{\"home\":{\"operator\":\"a\",\"country\":\"DE\","
		       "\"jurisdictions\":[\"DE\"]"));
	put_manifest(&b, "home", "DE", "2090-01-01");
	buf_append(&b, STR("},\"paris\":{\"operator\":\"b\",\"country\":\"FR\",\"jurisdictions\":"
			   "[\"FR\"]"));
	put_manifest(&b, "paris", "FR", "2099-01-01");
	buf_append(&b, STR("},\"dark\":{\"operator\":\"c\",\"country\":\"DE\",\"jurisdictions\":"
			   "[\"DE\"]}}}"));
	assert_false(b.failed);
	memcpy(text, buf_str(&b).p, buf_len(&b));
	text[buf_len(&b)] = '\0';
	buf_done(&b);
	return text;
}

static const char policies[] =
	"@id(\"all\") permit (principal, action == Writ::Action::\"infer\", resource);\n"
	"@id(\"health\") @reason(\"stays in the EU\") forbid (principal, action == "
	"Writ::Action::\"infer\", resource)\n"
	"when { context.w.labels.categories.contains(\"health\") }\n"
	"unless { resource.site.within.contains(\"EU\") };";

static struct rules_answer ask(struct rules *r, const char *agent, const char *model, int64_t now)
{
	struct rules_query q = {.kind = RULES_INFER,
				.agent = str_from_c(agent),
				.object = str_from_c(model),
				.input = STR("{}"),
				.session = STR("s"),
				.labels = {.integrity = 2},
				.now_ms = (uint64_t)now};
	struct rules_answer a;

	rules_residency_label(r, &q);
	rules_decide(r, &q, &arena, &a);
	return a;
}

static int64_t year(int y)
{
	return (int64_t)(y - 1970) * 31556952000;
}

static struct rules *rules(const char *text)
{
	return rules_help_new(&(struct rules_help){.cedar = text, .config = configuration()});
}

static void data_goes_where_its_labels_and_the_exposure_allow(void **state)
{
	struct rules *r = rules(policies);
	int64_t now = (int64_t)(clock_real() / CLOCK_MS);
	struct rules_answer a;

	(void)state;
	assert_int_equal(ask(r, "nurse", "home", now).outcome, POLICY_ALLOW);
	assert_int_equal(ask(r, "nurse", "paris", now).outcome, POLICY_ALLOW);
	a = ask(r, "nurse", "dark", now);
	assert_int_equal(a.outcome, POLICY_DENY);
	assert_str_equal(a.policy, STR("health"));
	assert_int_equal(ask(r, "coder", "dark", now).outcome, POLICY_ALLOW);
	assert_memory_equal(a.matrix, r->world->residency.digest, SHA256_LEN);
	rules_unref(r);
}

static void who_states_nothing_about_data_has_the_worst(void **state)
{
	struct rules *r = rules(policies);
	int64_t now = (int64_t)(clock_real() / CLOCK_MS);

	(void)state;
	assert_int_equal(ask(r, "vague", "dark", now).outcome, POLICY_DENY);
	assert_int_equal(ask(r, "stranger", "dark", now).outcome, POLICY_DENY);
	assert_int_equal(ask(r, "stranger", "home", now).outcome, POLICY_ALLOW);
	rules_unref(r);
}

static void an_expired_manifest_closes_its_site_whatever_policies_say(void **state)
{
	struct rules *r = rules("@id(\"all\") permit (principal, action, resource);");
	struct rules_answer a;
	uint8_t before[SHA256_LEN];

	(void)state;
	a = ask(r, "coder", "home", year(2089));
	assert_int_equal(a.outcome, POLICY_ALLOW);
	memcpy(before, a.matrix, sizeof(before));
	a = ask(r, "coder", "home", year(2090) + YEAR_MS / 2);
	assert_int_equal(a.outcome, POLICY_DENY);
	assert_str_equal(a.policy, STR("writ.residency"));
	assert_str_equal(a.cause, STR("residency"));
	assert_int_not_equal(memcmp(a.matrix, before, sizeof(before)), 0);
	assert_int_equal(ask(r, "coder", "paris", year(2090) + YEAR_MS / 2).outcome, POLICY_ALLOW);
	/* The clock is set back: what held then holds again. */
	a = ask(r, "coder", "home", year(2089));
	assert_int_equal(a.outcome, POLICY_ALLOW);
	assert_memory_equal(a.matrix, before, sizeof(before));
	rules_unref(r);
}

static void an_expired_legal_basis_closes_what_rested_on_it(void **state)
{
	struct rules *r = rules(policies);

	(void)state;
	assert_int_equal(ask(r, "nurse", "paris", year(2089)).outcome, POLICY_ALLOW);
	assert_int_equal(ask(r, "nurse", "paris", year(2092)).outcome, POLICY_DENY);
	assert_int_equal(ask(r, "coder", "paris", year(2092)).outcome, POLICY_ALLOW);
	rules_unref(r);
}

static void the_record_says_how_data_was_labelled(void **state)
{
	struct rules *r = rules(policies);
	struct rules_query q = {.kind = RULES_INFER, .agent = STR("nurse"), .object = STR("home")};
	const struct str *words;
	size_t n;

	(void)state;
	rules_residency_label(r, &q);
	rules_residency_words(&q, &arena, &words, &n);
	assert_int_equal(n, 5);
	assert_str_equal(words[1], STR("confidentiality=confidential"));
	assert_str_equal(words[2], STR("category=health"));
	assert_str_equal(words[3], STR("purpose=care"));
	assert_str_equal(words[4], STR("origin=DE"));
	rules_unref(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(data_goes_where_its_labels_and_the_exposure_allow,
						begin, finish),
		cmocka_unit_test_setup_teardown(who_states_nothing_about_data_has_the_worst, begin,
						finish),
		cmocka_unit_test_setup_teardown(
			an_expired_manifest_closes_its_site_whatever_policies_say, begin, finish),
		cmocka_unit_test_setup_teardown(an_expired_legal_basis_closes_what_rested_on_it,
						begin, finish),
		cmocka_unit_test_setup_teardown(the_record_says_how_data_was_labelled, begin,
						finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
