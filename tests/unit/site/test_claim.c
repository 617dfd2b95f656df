/* SPDX-License-Identifier: Apache-2.0 */
/* SITE-3: a claim is proved over every row, or broken by the smallest one. */
#include "tests/test.h"

#include "tests/unit/site/world.h"

static struct site_groups no_groups;

static struct site_claim_world claim_world(struct world *w)
{
	return (struct site_claim_world){.words = &world_words,
					 .columns = w->columns,
					 .facts = w->facts,
					 .n_columns = WORLD_SITES,
					 .groups = &no_groups};
}

static struct site_verdict check(struct world *w, const char *text)
{
	struct site_claim_world world = claim_world(w);
	struct site_verdict v;
	struct site_claim c;

	if (site_claim_parse(str_from_c(text), &world, &c, &w->err)) {
		fail_msg("%s", w->err.msg);
	}
	assert_true(site_claims_check(&w->compiled.matrix, &world, &c, 1, &v) ==
		    site_matrix_rows(&world_words));
	return v;
}

static const char policies[] = "@id(\"all\") permit (principal, action, resource);\n"
			       "@id(\"health\") forbid (principal, action, resource)\n"
			       "when { context.w.labels.categories.contains(\"health\") }\n"
			       "unless { resource.site.within.contains(\"EU\") };\n"
			       "@id(\"secret\") forbid (principal, action, resource)\n"
			       "when { context.w.labels.confidentiality >= 2 } unless { "
			       "resource.site.country == \"DE\" };";

static void a_claim_that_holds_is_proved_over_all_its_rows(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(world_compile(&w, policies, 0), ERR_OK);
	assert_false(check(&w, "health never reaches US").broken);
	assert_false(check(&w, "health,child never at far").broken);
	assert_false(check(&w, "level>=confidential never outside DE").broken);
	assert_false(check(&w, "health,level<=internal needs 2").broken);
	assert_true(check(&w, "health never reaches US").rows ==
		    site_matrix_rows(&world_words) / 2);
	assert_true(check(&w, "purpose=care.*,origin=JP never at dark").rows == 8 * 4 * 2);
	arena_done(&w.arena);
}

static void a_broken_claim_shows_the_smallest_row(void **state)
{
	struct site_verdict v;
	struct world w;
	struct buf text;

	(void)state;
	world_init(&w);
	assert_int_equal(world_compile(&w, policies, 0), ERR_OK);
	v = check(&w, "any never reaches US");
	assert_true(v.broken);
	assert_int_equal(v.row.categories, 0);
	assert_int_equal(v.row.level, 0);
	assert_true(v.column == 3);
	v = check(&w, "health never outside DE");
	assert_true(v.broken);
	assert_int_equal(v.row.categories, 1);
	assert_true(v.column == 2);
	buf_init(&text, 4096);
	site_row_write(&world_words, &v.row, &text);
	assert_str_equal(buf_str(&text),
			 STR("health, level=public, purpose=care.triage, origin=DE"));
	buf_done(&text);
	/* Of two sites in DE both are run by one operator. */
	v = check(&w, "level=restricted needs 2");
	assert_true(v.broken && v.column == 1);
	assert_non_null(site_matrix_why(&w.compiled.matrix, &v.row, 0));
	assert_null(site_matrix_why(&w.compiled.matrix, &v.row, 3));
	arena_done(&w.arena);
}

static void a_claim_about_nothing_that_exists_is_an_error(void **state)
{
	static const char *const bad[] = {"",
					  "any",
					  "helth never reaches US",
					  "level>=top never reaches US",
					  "purpose=x never reaches US",
					  "any never at nowhere",
					  "any never",
					  "any never reaches",
					  "any never reaches US now",
					  "any always at here",
					  "any needs 0",
					  "any needs two",
					  ", never reaches US"};
	struct site_claim_world world;
	struct site_claim c;
	struct world w;

	(void)state;
	world_init(&w);
	world = claim_world(&w);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_not_equal(site_claim_parse(str_from_c(bad[i]), &world, &c, &w.err),
				     ERR_OK);
	}
	arena_done(&w.arena);
}

static void a_change_shows_what_opened_and_what_closed(void **state)
{
	static struct site_change changes[2 * SITE_COLUMNS];
	struct site_compiled before;
	struct world w;
	size_t n;

	(void)state;
	world_init(&w);
	assert_int_equal(world_compile(&w, policies, 0), ERR_OK);
	before = w.compiled;
	(void)site_matrix_diff(&before.matrix, &w.compiled.matrix, 0, changes, &n);
	assert_int_equal(n, 0);
	assert_int_equal(
		world_compile(&w,
			      "permit (principal, action, resource) unless { "
			      "resource.site.country == \"JP\" || resource.site.country == "
			      "\"*\" };",
			      0),
		ERR_OK);
	(void)site_matrix_diff(&before.matrix, &w.compiled.matrix, 0, changes, &n);
	assert_int_equal(n, 4); /* paris and far opened, east and dark closed */
	for (size_t i = 0; i < n; i++) {
		bool gone = str_eq(changes[i].column.site, STR("east")) ||
			    str_eq(changes[i].column.site, STR("dark"));

		assert_int_equal(changes[i].opened != 0, !gone);
		assert_int_equal(changes[i].closed != 0, gone);
	}
	arena_done(&w.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claim_that_holds_is_proved_over_all_its_rows),
		cmocka_unit_test(a_broken_claim_shows_the_smallest_row),
		cmocka_unit_test(a_claim_about_nothing_that_exists_is_an_error),
		cmocka_unit_test(a_change_shows_what_opened_and_what_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
