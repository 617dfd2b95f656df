/* SPDX-License-Identifier: Apache-2.0 */
/* SITE-3, SITE-5: `writ site` over a configuration with signed manifests, from outside. */
#include "tests/unit/cli/run.h"

#include <sys/stat.h>

#include "base/hex.h"
#include "crypto/sign.h"

static const uint8_t seed[SIGN_SEED_LEN] = {7};

static void put_site(const struct cli *f, const char *site, const char *country, const char *more)
{
	char text[1024], name[32];
	uint8_t signature[SIGN_LEN];
	struct sign_key key;
	FILE *file;

	(void)snprintf(
		text, sizeof(text),
		"{\"version\":1,\"site\":\"%s\",\"country\":\"%s\",\"operator\":{\"name\":\"o\","
		"\"country\":\"%s\",\"controlled_by\":[]},\"admin_access\":[],"
		"\"support_from\":[],\"subprocessors\":[],\"logs\":\"%s\",\"training\":false,"
		"\"schemes\":[\"dpf\"]%s}",
		site, country, country, country, more);
	(void)snprintf(name, sizeof(name), "%s.json", site);
	cli_put(f, name, text);
	assert_int_equal(sign_key_init(&key, seed, NULL), ERR_OK);
	sign_bytes(&key, str_from_c(text), signature);
	sign_key_done(&key);
	(void)snprintf(text, sizeof(text), "%s/%s.sig", f->dir, name);
	file = fopen(text, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(signature, 1, sizeof(signature), file), sizeof(signature));
	assert_int_equal(fclose(file), 0);
}

static void put_config(const struct cli *f, const char *name, const char *policies)
{
	struct sign_key key;
	char hex[2 * SIGN_PUBLIC_LEN + 1] = {0}, text[4096];

	assert_int_equal(sign_key_init(&key, seed, NULL), ERR_OK);
	hex_write(hex, key.public, SIGN_PUBLIC_LEN);
	sign_key_done(&key);
	(void)snprintf(
		text, sizeof(text),
		"version: 1\npolicies: %s\n"
		"sites:\n"
		"  here: {operator: A, country: DE, jurisdictions: [DE], manifest: here.json}\n"
		"  far: {operator: B, country: US, jurisdictions: [US], manifest: far.json}\n"
		"  dark: {operator: C, country: DE, jurisdictions: [DE]}\n"
		"models:\n"
		"  small: {url: 'http://127.0.0.1:1/v1', site: here}\n"
		"  big: {url: 'http://127.0.0.1:1/v1', site: far}\n"
		"  odd: {url: 'http://127.0.0.1:1/v1', site: dark}\n"
		"residency:\n"
		"  categories: [health, personal]\n"
		"  purposes: [care.triage, dev]\n"
		"  groups: [groups.txt]\n"
		"  keys: ['%s']\n"
		"agents:\n"
		"  nurse: {data: {level: internal, categories: [health], purpose: care.triage}}\n"
		"  coder: {data: {level: internal, categories: [personal], purpose: dev}}\n",
		policies, hex);
	cli_put(f, name, text);
}

static void put_policies(const struct cli *f, const char *dir, const char *group)
{
	char path[64], name[32], text[1024];

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, dir);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(name, sizeof(name), "%s/a.cedar", dir);
	(void)snprintf(
		text, sizeof(text),
		"@id(\"free\") permit (principal, action == Writ::Action::\"infer\", resource)\n"
		"when { resource.site.within.contains(\"%s\") };\n"
		"@id(\"health\") forbid (principal, action == Writ::Action::\"infer\", resource)\n"
		"when { context.w.labels.categories.contains(\"health\") }\n"
		"unless { resource.site.within.contains(\"EU\") };\n",
		group);
	cli_put(f, name, text);
}

static int setup(void **state)
{
	struct cli *f = cli_begin();

	put_site(f, "here", "DE", ",\"expires\":\"2090-01-01\"");
	put_site(f, "far", "US", ",\"expires\":\"2080-01-01\"");
	cli_put(f, "groups.txt",
		"EU DE - - TEU Art. 52\nFREE @EU - - Art. 44\nFREE US+dpf - - Decision 1795\n");
	put_policies(f, "p", "FREE");
	put_policies(f, "tight", "EU");
	put_config(f, "writ.yaml", "p");
	put_config(f, "tight.yaml", "tight");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	cli_end(*state);
	return 0;
}

static void list_and_show_say_who_can_reach_data(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "site", "list"), CMD_FINE);
	assert_true(cli_said(f, "anyone"));
	assert_true(cli_said(f, "EU, FREE, DE"));
	assert_int_equal(CLI(f, "site", "list", "--json", "--at", "2085-01-01"), CMD_FINE);
	assert_true(cli_said(f, "{\"site\":\"far\",\"operator\":\"B\",\"country\":\"US\","
				"\"manifest\":\"expired\",\"models\":1,\"exposure\":\"anyone\","
				"\"within\":\"\"}"));
	assert_int_equal(CLI(f, "site", "show", "here", "--json"), CMD_FINE);
	assert_true(cli_said(f, "\"exposure\":\"DE\""));
	assert_true(cli_said(f, "\"models\":[{\"model\":\"small\",\"rows\":48}]"));
	assert_int_equal(CLI(f, "site", "show", "nowhere"), CMD_FAILED);
}

static void a_manifest_that_was_changed_is_refused(void **state)
{
	struct cli *f = *state;

	cli_put(f, "here.json", "{\"version\":1,\"site\":\"here\"}");
	assert_int_equal(CLI(f, "site", "list"), CMD_FAILED);
	assert_true(cli_said(f, "no key of residency.keys has signed this manifest"));
	put_site(f, "here", "DE", "");
	cli_put(f, "far.json.sig", "");
	assert_int_equal(CLI(f, "site", "list"), CMD_FAILED);
	put_site(f, "far", "US", "");
	assert_int_equal(CLI(f, "site", "list"), CMD_FINE);
}

static void claims_are_proved_or_broken_by_a_row(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "site", "prove", "health never outside EU", "any never at dark"),
			 CMD_FINE);
	assert_true(cli_said(f, "proved"));
	assert_int_equal(CLI(f, "site", "prove", "--json", "personal never reaches US"), CMD_FOUND);
	assert_true(cli_said(f, "\"verdict\":\"broken\""));
	assert_true(cli_said(f, "personal, level=public, purpose=care.triage -> big at far, by "
				"free"));
	assert_int_equal(CLI(f, "site", "prove", "helth never reaches US"), CMD_FAILED);
	assert_true(cli_said(f, "'helth' is no category"));
	assert_int_equal(CLI(f, "site", "prove"), CMD_FAILED);
	/* Once the manifest has expired nothing goes there. */
	assert_int_equal(CLI(f, "site", "prove", "--at", "2085-01-01", "personal never reaches US"),
			 CMD_FINE);
}

static void diff_finds_paths_that_open(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "site", "diff", "tight.yaml", "writ.yaml"), CMD_FOUND);
	assert_true(cli_said(f, "big"));
	assert_int_equal(CLI(f, "site", "diff", "writ.yaml", "tight.yaml"), CMD_FINE);
	assert_int_equal(CLI(f, "site", "diff", "writ.yaml", "writ.yaml", "--json"), CMD_FINE);
	assert_true(cli_said(f, "\"changes\":[]"));
}

static void a_drill_shows_what_would_stop(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "site", "drill", "--revoke", "1795", "--json"), CMD_FOUND);
	assert_true(cli_said(f, "\"model\":\"big\",\"site\":\"far\",\"opened\":0,\"closed\":24"));
	assert_true(cli_said(f, "{\"agent\":\"coder\",\"models\":2,\"left\":1}"));
	assert_false(strstr(f->out, "nurse"));
	assert_int_equal(CLI(f, "site", "drill", "--revoke", "FREE:US"), CMD_FOUND);
	assert_int_equal(CLI(f, "site", "drill", "--revoke", "nothing"), CMD_FAILED);
	assert_int_equal(CLI(f, "site", "drill"), CMD_FAILED);
}

static void check_tells_what_stands_on_one_leg(void **state)
{
	struct cli *f = *state;

	assert_int_equal(CLI(f, "site", "check"), CMD_FOUND);
	assert_true(cli_said(f, "it has no manifest"));
	assert_true(cli_said(f, "no second source"));
	assert_int_equal(CLI(f, "site", "check", "--help"), CMD_FINE);
	assert_int_equal(CLI(f, "site"), CMD_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(list_and_show_say_who_can_reach_data, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_manifest_that_was_changed_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(claims_are_proved_or_broken_by_a_row, setup,
						teardown),
		cmocka_unit_test_setup_teardown(diff_finds_paths_that_open, setup, teardown),
		cmocka_unit_test_setup_teardown(a_drill_shows_what_would_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(check_tells_what_stands_on_one_leg, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
