/* SPDX-License-Identifier: Apache-2.0 */
/* SITE-1: what a manifest does not say counts as the worst. */
#include "tests/test.h"

#include "site/manifest.h"

struct fixture {
	struct arena arena;
	struct site_manifest m;
	struct site_exposure e;
	struct err err;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	arena_init(&f.arena, 8 << 20);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_done(&f->arena);
	return 0;
}

static enum err_code parse(struct fixture *f, const char *text)
{
	enum err_code code =
		site_manifest_parse(&f->arena, STR("m"), str_from_c(text), &f->m, &f->err);

	if (!code) {
		site_exposure(&f->m, &f->e);
	}
	return code;
}

/* Each part in its own piece, so that each can be left out. */
static const char *const parts[] = {
	"\"country\":\"DE\"",
	"\"operator\":{\"name\":\"E\",\"country\":\"FR\",\"controlled_by\":[\"US\"]}",
	"\"admin_access\":[\"IN\"]",
	"\"support_from\":[]",
	"\"subprocessors\":[{\"name\":\"P\",\"country\":\"CH\",\"controlled_by\":[\"LI\"]}]",
	"\"logs\":\"NL\"",
};

static void make(char *to, size_t max, size_t without)
{
	size_t n = (size_t)snprintf(to, max, "{\"version\":1,\"site\":\"s\"");

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (i != without) {
			n += (size_t)snprintf(to + n, max - n, ",%s", parts[i]);
		}
	}
	(void)snprintf(to + n, max - n, "}");
}

static void exposure_is_everybody_who_can_reach_the_data(void **state)
{
	static const char *const want[] = {"CH", "DE", "FR", "IN", "LI", "NL", "US"};
	struct fixture *f = *state;
	char text[1024];

	make(text, sizeof(text), SIZE_MAX);
	assert_int_equal(parse(f, text), ERR_OK);
	assert_false(f->e.anyone);
	assert_int_equal(f->e.n, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_str_equal(f->e.codes[i], str_from_c(want[i]));
	}
}

static void what_is_not_said_counts_as_the_worst(void **state)
{
	struct fixture *f = *state;
	struct site_window w = SITE_WINDOW_ALL;
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		make(text, sizeof(text), i);
		assert_int_equal(parse(f, text), ERR_OK);
		assert_true(f->e.anyone);
	}
	assert_int_equal(f->m.retention, SITE_KEEPS);
	assert_int_equal(f->m.custody, SITE_KEYS_PROVIDER);
	assert_false(f->m.no_training);
	assert_int_equal(f->m.attestation.n, 0);
	assert_false(site_manifest_holds(&f->m, 1, &w)); /* no date of expiry: expired */
	assert_false(site_manifest_holds(NULL, 1, &w));
	site_exposure(NULL, &f->e);
	assert_true(f->e.anyone);
}

static void what_is_said_is_read(void **state)
{
	struct fixture *f = *state;
	struct site_window w = SITE_WINDOW_ALL;

	assert_int_equal(parse(f, "{\"version\":1,\"site\":\"s\",\"retention\":\"30d\","
				  "\"training\":false,\"key_custody\":\"hsm:CH\","
				  "\"attestation\":\"sev-snp\",\"schemes\":[\"dpf\"],"
				  "\"issued\":\"1970-01-02\",\"expires\":\"1970-01-03\"}"),
			 ERR_OK);
	assert_int_equal(f->m.retention, SITE_KEEPS_FOR);
	assert_true(f->m.retention_ms == INT64_C(30) * 86400000);
	assert_true(f->m.no_training);
	assert_int_equal(f->m.custody, SITE_KEYS_HSM);
	assert_str_equal(f->e.codes[0], STR("CH")); /* who keeps the keys can reach the data */
	assert_int_equal(f->m.schemes.n, 1);
	assert_false(site_manifest_holds(&f->m, 86399999, &w));
	w = SITE_WINDOW_ALL;
	assert_true(site_manifest_holds(&f->m, 86400000, &w));
	assert_true(w.until == 2 * 86400000);
	assert_false(site_manifest_holds(&f->m, 2 * 86400000, &w));
}

static void mistakes_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{}",
		"{\"version\":2,\"site\":\"s\"}",
		"{\"version\":1,\"site\":\"s\",\"trainning\":false}",
		"{\"version\":1,\"site\":\"s\",\"country\":\"de\"}",
		"{\"version\":1,\"site\":\"s\",\"training\":0}",
		"{\"version\":1,\"site\":\"s\",\"admin_access\":\"DE\"}",
		"{\"version\":1,\"site\":\"s\",\"admin_access\":[\"de\"]}",
		"{\"version\":1,\"site\":\"s\",\"operator\":{\"nam\":\"x\"}}",
		"{\"version\":1,\"site\":\"s\",\"subprocessors\":[1]}",
		"{\"version\":1,\"site\":\"s\",\"retention\":\"some\"}",
		"{\"version\":1,\"site\":\"s\",\"key_custody\":\"hsm:\"}",
		"{\"version\":1,\"site\":\"s\",\"certificates\":[\"AB\"]}",
		"{\"version\":1,\"site\":\"s\",\"expires\":\"never\"}",
		"{\"version\":1,\"site\":\"s\",\"site\":\"t\"}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(parse(f, bad[i]), ERR_INVALID);
		assert_non_null(strstr(f->err.msg, "m:"));
	}
}

static void within_needs_every_code_and_nobody_unknown(void **state)
{
	static const char groups_text[] = "EU DE - - x\nEU FR - - x\nWIDE @EU - - x\n"
					  "WIDE US+dpf - - x\nWIDE CH - - x\n";
	struct fixture *f = *state;
	struct site_window w = SITE_WINDOW_ALL;
	struct site_groups g = {0};
	struct site_exposure e = {.codes = {STR_INIT("DE"), STR_INIT("FR")}, .n = 2};
	const struct site_manifest plain = {0};

	assert_int_equal(
		site_groups_parse(&f->arena, STR("g"), str_from_c(groups_text), &g, &f->err),
		ERR_OK);
	assert_true(site_within(&e, &g, STR("EU"), &plain, 0, &w));
	assert_false(site_within(&e, &g, STR("DE"), &plain, 0, &w));
	e.n = 1;
	assert_true(site_within(&e, &g, STR("DE"), &plain, 0, &w));
	e.anyone = true;
	assert_false(site_within(&e, &g, STR("EU"), &plain, 0, &w));
	e = (struct site_exposure){.codes = {STR_INIT("DE"), STR_INIT("US")}, .n = 2};
	assert_false(site_within(&e, &g, STR("WIDE"), &plain, 0, &w));
	assert_int_equal(parse(f, "{\"version\":1,\"site\":\"s\",\"schemes\":[\"dpf\"]}"), ERR_OK);
	assert_true(site_within(&e, &g, STR("WIDE"), &f->m, 0, &w));
	e.n = 0;
	assert_false(site_within(&e, &g, STR("EU"), &plain, 0, &w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(exposure_is_everybody_who_can_reach_the_data, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_not_said_counts_as_the_worst, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_said_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes_are_refused_with_their_place, setup,
						teardown),
		cmocka_unit_test_setup_teardown(within_needs_every_code_and_nobody_unknown, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
