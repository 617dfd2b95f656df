/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The residency matrix at its limits: 256 models, 1,000 rules, 12 categories, 4 levels, 64
 * purposes, 32 origins. Prints JSON: the time to compile, of one decision, of a walk over all.
 */
#include "base/clock.h"
#include "policy/data.h"
#include "site/claim.h"
#include "site/compile.h"

#include <stdio.h>
#include <stdlib.h>

enum { MODELS = 256, RULES = 1000, LOOKUPS = 2000000 };

static struct str named(struct arena *a, const char *what, size_t i)
{
	return arena_printf(a, "%s%zu", what, i);
}

static const struct str *names(struct arena *a, const char *what, size_t n)
{
	struct str *s = ARENA_ARRAY(a, n, struct str);

	for (size_t i = 0; s && i < n; i++) {
		s[i] = named(a, what, i);
	}
	return s;
}

static struct policy_store *make_store(struct arena *a, struct site_column *columns)
{
	struct policy_entity *e = ARENA_ARRAY(a, 2 * MODELS + 1, struct policy_entity);
	struct policy_uid *sites = ARENA_ARRAY(a, MODELS, struct policy_uid);
	struct policy_store *store = NULL;
	struct err err;

	for (size_t i = 0; e && sites && i < MODELS; i++) {
		struct policy_value *within = ARENA_ARRAY(a, 1, struct policy_value);
		struct policy_record r;

		columns[i] = (struct site_column){named(a, "model", i), named(a, "site", i)};
		sites[i] = policy_uid_make(STR("Writ::Site"), columns[i].site);
		within[0] = policy_string(named(a, "G", i % 8));
		e[2 * i].uid = sites[i];
		policy_record_begin(&r, a);
		policy_record_put(&r, STR("country"), policy_string(named(a, "C", i % 16)));
		policy_record_put(&r, STR("within"), policy_value_set(within, 1));
		if (!policy_record_end(&r, &e[2 * i].attrs)) {
			return NULL;
		}
		e[2 * i + 1].uid = policy_uid_make(STR("Writ::Model"), columns[i].model);
		policy_record_begin(&r, a);
		policy_record_put(&r, STR("site"), policy_entity(&sites[i]));
		if (!policy_record_end(&r, &e[2 * i + 1].attrs)) {
			return NULL;
		}
	}
	e[2 * MODELS].uid = policy_uid_make(STR("Writ::Action"), STR("infer"));
	return policy_store_build(a, e, 2 * MODELS + 1, &store, &err) ? NULL : store;
}

/* Two thirds permits; each with two categories, a level, a purpose or an origin, and a place. */
static void put_rules(struct buf *to)
{
	for (unsigned i = 0; i < RULES; i++) {
		buf_printf(to,
			   "@id(\"r%u\") %s (principal, action == Writ::Action::\"infer\", "
			   "resource)\nwhen { context.w.labels.categories.containsAny([\"c%u\", "
			   "\"c%u\"]) && context.w.labels.confidentiality %s %u && "
			   "context.w.%s == \"%s%u\" && resource.site.%s };\n",
			   i, i % 3 ? "permit" : "forbid", i % 12, i / 12 % 12,
			   i % 2 ? "<=" : ">=", i % 4, i % 2 ? "purpose" : "origin",
			   i % 2 ? "p" : "o", i % 2 ? i / 2 % 63 : i / 2 % 31,
			   i % 5 ? "within.contains(\"G1\")" : "country == \"C3\"");
	}
}

static bool count(void *arg, const struct site_row *row, const struct site_set *allowed)
{
	uint64_t *n = arg;

	(void)row;
	*n += (uint64_t)__builtin_popcountll(allowed->w[0]);
	return true;
}

int main(void)
{
	static struct site_column columns[MODELS];
	struct site_compiled out = {.window = SITE_WINDOW_ALL};
	struct policy_list list = {0};
	struct policy_diags diags;
	struct site_compile in = {.policies = &list, .columns = columns, .n_columns = MODELS};
	uint64_t began, compiled, looked, walked, rows, sum = 0, seed = 88172645463325252u;
	struct policy_source src = {.name = STR("rules")};
	struct buf text;
	struct arena a;
	struct err err;

	arena_init(&a, (size_t)1 << 30);
	policy_diags_init(&diags, &a);
	buf_init(&text, 8 << 20);
	put_rules(&text);
	src.text = buf_str(&text);
	in.words = (struct site_words){
		names(&a, "c", 12), names(&a, "p", 63), names(&a, "o", 31), 12, 63, 31};
	in.store = make_store(&a, columns);
	memset(&in.usable, 0xff, sizeof(in.usable));
	if (!in.store || policy_parse(&a, &src, POLICY_ID_ANNOTATION, &list, &diags, &err)) {
		(void)fprintf(stderr, "the world could not be made\n");
		return 1;
	}
	began = clock_mono();
	if (site_compile(&a, &in, &out, &err)) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	compiled = clock_mono();
	for (size_t i = 0; i < LOOKUPS; i++) {
		struct site_row row;
		struct site_set set;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		row = (struct site_row){.categories = seed & 4095,
					.level = seed >> 12 & 3,
					.purpose = seed >> 14 & 63,
					.origin = seed >> 20 & 31};
		site_matrix_row(&out.matrix, &row, &set);
		sum += set.w[0] & 1;
	}
	looked = clock_mono();
	rows = site_matrix_walk(&out.matrix, count, &sum);
	walked = clock_mono();
	(void)printf("{\"policies\":%zu,\"models\":%d,\"terms\":%zu,\"compile_ms\":%.1f,"
		     "\"decision_ns\":%.1f,\"rows\":%llu,\"walk_s\":%.2f,\"sum\":%llu}\n",
		     list.n, MODELS, out.matrix.n_terms, (double)(compiled - began) / 1e6,
		     (double)(looked - compiled) / LOOKUPS, (unsigned long long)rows,
		     (double)(walked - looked) / 1e9, (unsigned long long)sum);
	buf_done(&text);
	arena_done(&a);
	return 0;
}
