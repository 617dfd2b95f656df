/* SPDX-License-Identifier: Apache-2.0 */
/* SITE-2: the matrix is what the policies say, and never less than they allow. */
#include "tests/test.h"

#include "tests/unit/site/world.h"

static bool reaches(struct world *w, struct site_row row, size_t column)
{
	struct site_set allowed;

	site_matrix_row(&w->compiled.matrix, &row, &allowed);
	return site_set_has(&allowed, column);
}

/* ---- random policies against the engine ---- */

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static const char *const closed[] = {
	"context.w.labels.categories.contains(\"health\")",
	"context.w.labels.categories.containsAny([\"health\", \"child\"])",
	"context.w.labels.categories.containsAll([\"personal\", \"child\"])",
	"[\"personal\"].containsAll(context.w.labels.categories)",
	"context.w.labels.categories == [\"child\", \"personal\"]",
	"context.w.labels.categories.contains(\"nothing\")",
	"context.w.labels.confidentiality <= 1",
	"context.w.labels.confidentiality >= 2 || context.w.purpose == \"dev\"",
	"context.w.purpose like \"care.*\"",
	"context.w.purpose == \"care.triage\"",
	"context.w.purpose != context.w.origin",
	"context.w.origin == \"DE\"",
	"[\"DE\", \"JP\"].contains(context.w.origin)",
	"resource.site.within.contains(\"EU\")",
	"resource.site.country == \"US\"",
	"resource.site.training",
	"resource == Writ::Model::\"paris\"",
	"resource.site has seal && resource.site.seal >= 2",
	"resource.site.country == context.w.origin",
	"resource.site.within.contains(\"EU\") || context.w.labels.confidentiality == 0",
	"if context.w.purpose == \"dev\" then resource.site.country == \"DE\" else true",
	"context.w has purpose",
	"!(context.w.purpose == \"dev\" || resource.site.country == \"JP\")",
	"true",
	"resource.site.within.containsAny([\"JP\", \"US\"]) && context.w.origin == \"JP\"",
};
static const char *const opened[] = {
	"context.input.tokens < 5",
	"principal == Writ::Agent::\"a\"",
	"context.w.labels.integrity == 2",
	"context.input has x && context.w.purpose == \"dev\"",
	"context.w == context.w",
	"context.sessionId == \"s\"",
	"resource.site.seal > 1 && context.w.labels.confidentiality < 2",
};
static const char *const heads[] = {
	"(principal, action, resource)",
	"(principal, action == Writ::Action::\"infer\", resource)",
	"(principal is Writ::Agent, action in Writ::Action::\"model\", resource)",
	"(principal, action, resource == Writ::Model::\"town\")",
	"(principal, action == Writ::Action::\"other\", resource)",
	"(principal is Writ::Server, action, resource)",
};

static size_t random_policies(uint64_t *seed, bool open, char *to, size_t max)
{
	size_t n = 0, policies = 1 + next_random(seed) % 6;

	for (size_t i = 0; i < policies; i++) {
		size_t conds = next_random(seed) % 4;

		n += (size_t)snprintf(to + n, max - n, "@id(\"p%zu\") %s %s", i,
				      next_random(seed) % 3 ? "permit" : "forbid",
				      heads[next_random(seed) % ARRAY_LEN(heads)]);
		for (size_t k = 0; k < conds; k++) {
			bool past = open && next_random(seed) % 3 == 0;
			const char *c = past ? opened[next_random(seed) % ARRAY_LEN(opened)]
					     : closed[next_random(seed) % ARRAY_LEN(closed)];

			n += (size_t)snprintf(to + n, max - n, " %s { %s }",
					      next_random(seed) % 3 ? "when" : "unless", c);
		}
		n += (size_t)snprintf(to + n, max - n, ";\n");
	}
	return n;
}

struct comparing {
	struct world *w;
	struct arena scratch;
	bool exact;
	const char *text;
	uint64_t allowed;
};

static bool compare(void *arg, const struct site_row *row, const struct site_set *allowed)
{
	struct comparing *c = arg;
	struct site_set again;

	site_matrix_row(&c->w->compiled.matrix, row, &again);
	if (memcmp(&again, allowed, sizeof(again)) != 0) {
		fail_msg("the walk and the lookup differ");
	}
	for (size_t i = 0; i < WORLD_SITES; i++) {
		bool engine, matrix = site_set_has(allowed, i);

		arena_reset(&c->scratch);
		engine = world_ask(c->w, row, i, "a", "{\"tokens\":3,\"x\":1}", 1000, &c->scratch);
		c->allowed += engine;
		if (engine != matrix && (c->exact || engine)) {
			print_error("%s\nrow %x level %u purpose %u origin %u column %zu: engine "
				    "%d matrix %d\n",
				    c->text, row->categories, row->level, row->purpose, row->origin,
				    i, engine, matrix);
			return false;
		}
	}
	return true;
}

static void compare_random(bool open)
{
	uint64_t seed = open ? 0x9e3779b97f4a7c15u : 0x2545f4914f6cdd1du, allowed = 0;
	static char text[8192];
	struct world w;
	struct arena scratch;

	arena_init(&scratch, 1 << 20);
	for (size_t i = 0; i < 150; i++) {
		struct comparing c = {.w = &w, .scratch = scratch, .text = text};

		world_init(&w);
		(void)random_policies(&seed, open, text, sizeof(text));
		if (world_compile(&w, text, 1000)) {
			fail_msg("%s: %s", w.err.msg, text);
		}
		c.exact = w.compiled.n_open == 0;
		assert_true(open || c.exact);
		assert_true(site_matrix_walk(&w.compiled.matrix, compare, &c) ==
			    site_matrix_rows(&world_words));
		allowed += c.allowed;
		scratch = c.scratch;
		arena_done(&w.arena);
	}
	assert_true(allowed > 1000);
	arena_done(&scratch);
}

static void the_matrix_is_what_the_engine_decides_row_by_row(void **state)
{
	(void)state;
	compare_random(false);
}

static void with_open_conditions_the_matrix_is_never_less_than_the_engine_allows(void **state)
{
	(void)state;
	compare_random(true);
}

/* ---- by hand ---- */

static void no_policy_is_no_path(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(world_compile(&w, "", 0), ERR_OK);
	for (size_t i = 0; i < WORLD_SITES; i++) {
		assert_false(reaches(&w, (struct site_row){0}, i));
	}
	arena_done(&w.arena);
}

static void what_only_some_agents_may_is_open_and_named(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(
		world_compile(
			&w,
			"@id(\"bob\") permit (principal == Writ::Agent::\"bob\", action, resource) "
			"when { resource.site.country == \"DE\" };\n"
			"@id(\"team\") forbid (principal in Writ::Team::\"x\", action, resource);",
			0),
		ERR_OK);
	assert_true(reaches(&w, (struct site_row){0}, 0));
	assert_false(reaches(&w, (struct site_row){0}, 2));
	assert_int_equal(w.compiled.n_open, 2);
	arena_done(&w.arena);
}

static void dates_and_trials_of_policies_count(void **state)
{
	static const char text[] =
		"@id(\"a\") @until(\"1970-01-02\") permit (principal, action, resource) when { "
		"resource.site.country == \"US\" };\n"
		"@id(\"b\") @since(\"1970-01-03\") permit (principal, action, resource) when { "
		"resource.site.country == \"JP\" };\n"
		"@id(\"c\") @mode(\"log\") permit (principal, action, resource);";
	const int64_t day = 86400000;
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(world_compile(&w, text, 1), ERR_OK);
	assert_true(reaches(&w, (struct site_row){0}, 3));
	assert_false(reaches(&w, (struct site_row){0}, 0));
	assert_true(w.compiled.window.until == day);
	assert_int_equal(world_compile(&w, text, day), ERR_OK);
	assert_false(reaches(&w, (struct site_row){0}, 3));
	assert_false(reaches(&w, (struct site_row){0}, 4));
	assert_true(w.compiled.window.from == day && w.compiled.window.until == 2 * day);
	assert_int_equal(world_compile(&w, text, 2 * day), ERR_OK);
	assert_true(reaches(&w, (struct site_row){0}, 4));
	arena_done(&w.arena);
}

static void the_name_of_a_matrix_changes_with_what_it_decides(void **state)
{
	struct buf one, two;
	struct world w;

	(void)state;
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	world_init(&w);
	assert_int_equal(world_compile(&w, "permit (principal, action, resource);", 0), ERR_OK);
	site_matrix_canonical(&w.compiled.matrix, &one);
	assert_int_equal(world_compile(&w, "// the same\npermit (principal, action, resource);", 0),
			 ERR_OK);
	site_matrix_canonical(&w.compiled.matrix, &two);
	assert_false(one.failed);
	assert_str_equal(buf_str(&one), buf_str(&two));
	buf_clear(&two);
	assert_int_equal(world_compile(&w,
				       "permit (principal, action, resource) unless { "
				       "resource.site.country == \"US\" };",
				       0),
			 ERR_OK);
	site_matrix_canonical(&w.compiled.matrix, &two);
	assert_false(str_eq(buf_str(&one), buf_str(&two)));
	buf_done(&one);
	buf_done(&two);
	arena_done(&w.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_matrix_is_what_the_engine_decides_row_by_row),
		cmocka_unit_test(
			with_open_conditions_the_matrix_is_never_less_than_the_engine_allows),
		cmocka_unit_test(no_policy_is_no_path),
		cmocka_unit_test(what_only_some_agents_may_is_open_and_named),
		cmocka_unit_test(dates_and_trials_of_policies_count),
		cmocka_unit_test(the_name_of_a_matrix_changes_with_what_it_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
