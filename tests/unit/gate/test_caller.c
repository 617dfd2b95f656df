/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "gate/caller.h"

static const struct str everywhere[] = {STR_INIT("https://gw/mcp")};
static const struct str scopes[] = {STR_INIT("mcp"), STR_INIT("a")};
static const struct config_issuer issuers[] = {
	{.id = STR_INIT("corp"), .issuer = STR_INIT("https://as")},
	{.id = STR_INIT("lab"), .issuer = STR_INIT("https://lab")},
};
static struct config_oauth config = {
	.resource = {.text = STR_INIT("https://gw/mcp")}, .issuers = issuers, .n_issuers = 2};

static struct callers table;
static const uint8_t token[SHA256_LEN] = {1};

static int begin(void **state)
{
	(void)state;
	callers_init(&table, (struct hash_key){1, 2});
	return 0;
}

static int end(void **state)
{
	(void)state;
	callers_done(&table);
	return 0;
}

static struct oauth_claims claims_of(const char *subject)
{
	return (struct oauth_claims){.subject = str_from_c(subject),
				     .scopes = scopes,
				     .n_scopes = 2,
				     .audiences = everywhere,
				     .n_audiences = 1};
}

static struct caller *add(const char *subject, size_t issuer, const uint8_t t[SHA256_LEN],
			  uint64_t until)
{
	struct oauth_claims c = claims_of(subject);

	return callers_add(&table, &config, issuer, t, &c, until, 100);
}

static void assert_name(const char *subject, const char *name)
{
	struct caller *c = add(subject, 0, token, 0);

	assert_non_null(c);
	assert_str_equal(c->agent, str_from_c(name));
	assert_true(c->agent.n <= CALLER_AGENT_MAX);
	caller_unref(c);
}

static void names_begin_with_the_issuer_and_are_never_two_subjects(void **state)
{
	char subject[256];
	struct caller *one, *other;

	(void)state;
	assert_name("alice", "corp:alice");
	assert_name("auth0|5f7c", "corp:auth0|5f7c");
	assert_name("a b", "corp:a%20b");
	assert_name("a%20b", "corp:a%2520b");
	assert_name("~x", "corp:%7ex");
	assert_name("\xc3\xa9", "corp:%c3%a9");
	memset(subject, 'x', sizeof(subject));
	subject[255] = '\0';
	one = add(subject, 0, token, 0);
	subject[254] = 'y';
	other = add(subject, 0, token, 0);
	assert_true(str_starts_with(one->agent, STR("corp:~")));
	assert_int_equal(one->agent.n, 6 + 64);
	assert_false(str_eq(one->agent, other->agent));
	caller_unref(one);
	caller_unref(other);
}

static void a_caller_is_kept_until_its_token_ends(void **state)
{
	struct caller *c = add("alice", 0, token, 200);

	(void)state;
	assert_ptr_equal(callers_find(&table, token, 150), c);
	assert_null(callers_find(&table, token, 200));
	assert_null(callers_find(&table, token, 150));
	assert_str_equal(c->agent, STR("corp:alice")); /* who has it keeps it */
	caller_unref(c);
}

static void an_issuer_whose_keys_change_is_forgotten_alone(void **state)
{
	static const uint8_t second[SHA256_LEN] = {2};
	struct caller *a = add("a", 0, token, 200), *b = add("b", 1, second, 200);

	(void)state;
	callers_forget(&table, 0);
	assert_null(callers_find(&table, token, 150));
	assert_ptr_equal(callers_find(&table, second, 150), b);
	caller_unref(a);
	caller_unref(b);
}

static void there_are_no_more_than_the_limit(void **state)
{
	uint8_t t[SHA256_LEN] = {0};

	(void)state;
	for (int i = 0; i < CALLERS_MAX + 10; i++) {
		t[0] = (uint8_t)i;
		t[1] = (uint8_t)(i >> 8);
		caller_unref(add("a", 0, t, 200));
	}
	assert_int_equal(table.by_token.n, CALLERS_MAX);
	assert_non_null(callers_find(&table, t, 150)); /* the newest stays, the oldest made room */
	memset(t, 0, sizeof(t));
	assert_null(callers_find(&table, t, 150));
}

static void scopes_and_places_are_those_of_the_token(void **state)
{
	static const struct str needed[] = {STR_INIT("mcp")}, missing[] = {STR_INIT("root")};
	static const struct str one[] = {STR_INIT("https://gw/mcp/fs")};
	struct oauth_claims c = claims_of("alice");
	struct caller *got;

	(void)state;
	config.scopes = (struct config_strs){needed, 1};
	got = callers_add(&table, &config, 0, token, &c, 0, 100);
	assert_true(got->scoped && got->everywhere);
	assert_int_equal(got->claims.kind, POLICY_RECORD);
	assert_true(policy_set_has(*policy_record_find(got->claims, STR("scopes")),
				   policy_string(STR("a"))));
	assert_null(policy_record_find(got->claims, STR("client")));
	caller_unref(got);
	config.scopes = (struct config_strs){missing, 1};
	c.audiences = one;
	got = callers_add(&table, &config, 0, token, &c, 0, 100);
	assert_false(got->scoped || got->everywhere);
	assert_int_equal(got->n_places, 1);
	caller_unref(got);
	config.scopes = (struct config_strs){0};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			names_begin_with_the_issuer_and_are_never_two_subjects, begin, end),
		cmocka_unit_test_setup_teardown(a_caller_is_kept_until_its_token_ends, begin, end),
		cmocka_unit_test_setup_teardown(an_issuer_whose_keys_change_is_forgotten_alone,
						begin, end),
		cmocka_unit_test_setup_teardown(there_are_no_more_than_the_limit, begin, end),
		cmocka_unit_test_setup_teardown(scopes_and_places_are_those_of_the_token, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
