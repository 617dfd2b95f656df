/* SPDX-License-Identifier: Apache-2.0 */
/* A small world of models at sites, policies compiled over it, and the engine as their oracle. */
#ifndef TESTS_SITE_WORLD_H
#define TESTS_SITE_WORLD_H

#include "policy/data.h"
#include "site/claim.h"
#include "site/compile.h"

enum { WORLD_SITES = 6 };

struct world {
	struct arena arena;
	struct policy_store *store;
	const struct policy_set *set;
	struct policy_list list;
	struct site_column columns[WORLD_SITES];
	struct site_fact facts[WORLD_SITES];
	struct site_compiled compiled;
	struct policy_diags diags;
	struct err err;
};

static const struct str world_categories[] = {STR_INIT("health"), STR_INIT("child"),
					      STR_INIT("personal")};
static const struct str world_purposes[] = {STR_INIT("care.triage"), STR_INIT("care.billing"),
					    STR_INIT("dev")};
static const struct str world_origins[] = {STR_INIT("DE"), STR_INIT("JP")};
static const struct site_words world_words = {world_categories,
					      world_purposes,
					      world_origins,
					      ARRAY_LEN(world_categories),
					      ARRAY_LEN(world_purposes),
					      ARRAY_LEN(world_origins)};
static const char *const world_sites[WORLD_SITES][2] = {{"here", "DE"},  {"town", "DE"},
							{"paris", "FR"}, {"far", "US"},
							{"east", "JP"},  {"dark", "*"}};

static inline struct policy_value world_strings(struct arena *a, const char *const *s, size_t n)
{
	struct policy_value *v = ARENA_ARRAY(a, n + 1, struct policy_value);

	for (size_t i = 0; i < n; i++) {
		v[i] = policy_string(str_from_c(s[i]));
	}
	return policy_value_set(v, n);
}

static inline void world_init(struct world *w)
{
	static const char *const within[WORLD_SITES] = {"EU", "EU", "EU", "US", "JP", "-"};
	struct policy_entity *e;
	struct policy_uid *uids;

	memset(w, 0, sizeof(*w));
	arena_init(&w->arena, 512 << 20);
	e = ARENA_ARRAY(&w->arena, 2 * WORLD_SITES + 4, struct policy_entity);
	uids = ARENA_ARRAY(&w->arena, WORLD_SITES + 8, struct policy_uid);
	for (size_t i = 0; i < WORLD_SITES; i++) {
		struct str site = str_from_c(world_sites[i][0]);
		struct policy_record r;

		w->columns[i].model = w->columns[i].site = site;
		w->facts[i].operator_name = str_from_c(i == 1 ? "here" : world_sites[i][0]);
		w->facts[i].exposure.anyone = i == 5;
		w->facts[i].exposure.codes[0] = str_from_c(world_sites[i][1]);
		w->facts[i].exposure.n = 1;
		uids[i] = policy_uid_make(STR("Writ::Site"), site);
		e[i].uid = uids[i];
		policy_record_begin(&r, &w->arena);
		policy_record_put(&r, STR("country"), policy_string(str_from_c(world_sites[i][1])));
		policy_record_put(&r, STR("within"), world_strings(&w->arena, &within[i], 1));
		policy_record_put(&r, STR("training"), policy_bool(i == 3));
		if (i != 4) {
			policy_record_put(&r, STR("seal"), policy_long((int64_t)i));
		}
		if (!policy_record_end(&r, &e[i].attrs)) {
			abort();
		}
		e[WORLD_SITES + i].uid = policy_uid_make(STR("Writ::Model"), site);
		policy_record_begin(&r, &w->arena);
		policy_record_put(&r, STR("site"), policy_entity(&uids[i]));
		if (!policy_record_end(&r, &e[WORLD_SITES + i].attrs)) {
			abort();
		}
	}
	uids[WORLD_SITES] = policy_uid_make(STR("Writ::Action"), STR("model"));
	e[2 * WORLD_SITES].uid = policy_uid_make(STR("Writ::Action"), STR("infer"));
	e[2 * WORLD_SITES].parents = &uids[WORLD_SITES];
	e[2 * WORLD_SITES].n_parents = 1;
	e[2 * WORLD_SITES + 1].uid = uids[WORLD_SITES];
	if (policy_store_build(&w->arena, e, 2 * WORLD_SITES + 2, &w->store, &w->err)) {
		abort();
	}
}

/* Parses and compiles; the window ends up in w->compiled. */
static inline enum err_code world_compile(struct world *w, const char *text, int64_t now)
{
	const struct policy_source src = {.name = STR("p"), .text = str_from_c(text)};
	const struct policy_set_opts opts = {.ids = POLICY_ID_ANNOTATION,
					     .strict_annotations = true};
	struct site_compile in = {.policies = &w->list,
				  .store = w->store,
				  .words = world_words,
				  .columns = w->columns,
				  .n_columns = WORLD_SITES,
				  .now = now};

	policy_diags_init(&w->diags, &w->arena);
	w->list = (struct policy_list){0};
	w->compiled = (struct site_compiled){.window = SITE_WINDOW_ALL};
	memset(&in.usable, 0xff, sizeof(in.usable));
	TRY(policy_parse(&w->arena, &src, POLICY_ID_ANNOTATION, &w->list, &w->diags, &w->err));
	TRY(policy_set_load(&w->arena, &src, 1, &opts, &w->diags, &w->set, &w->err));
	in.set = w->set;
	return site_compile(&w->arena, &in, &w->compiled, &w->err);
}

/* What the engine says about one request of a row: the naive interpreter. */
static inline bool world_ask(struct world *w, const struct site_row *row, size_t column,
			     const char *agent, const char *input, int64_t now,
			     struct arena *scratch)
{
	struct policy_uid principal = policy_uid_make(STR("Writ::Agent"), str_from_c(agent));
	struct policy_uid action = policy_uid_make(STR("Writ::Action"), STR("infer"));
	struct policy_uid resource = policy_uid_make(STR("Writ::Model"), w->columns[column].model);
	struct policy_request req = {.principal = &principal,
				     .action = &action,
				     .resource = &resource,
				     .store = w->store,
				     .now = now};
	struct policy_value categories[8], labels, common, in;
	struct policy_decision d;
	struct policy_record r;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(world_categories); i++) {
		if (row->categories >> i & 1) {
			categories[n++] = policy_string(world_categories[i]);
		}
	}
	policy_record_begin(&r, scratch);
	policy_record_put(&r, STR("categories"), policy_value_set(categories, n));
	policy_record_put(&r, STR("confidentiality"), policy_long(row->level));
	policy_record_put(&r, STR("integrity"), policy_long(2));
	policy_record_put(&r, STR("origins"), policy_value_set(NULL, 0));
	if (!policy_record_end(&r, &labels) ||
	    policy_input_parse(scratch, str_from_c(input), &in, NULL)) {
		abort();
	}
	policy_record_begin(&r, scratch);
	policy_record_put(&r, STR("labels"), labels);
	policy_record_put(&r, STR("now"), policy_scalar(POLICY_DATETIME, now));
	policy_record_put(&r, STR("origin"),
			  policy_string(row->origin < ARRAY_LEN(world_origins)
						? world_origins[row->origin]
						: STR("")));
	policy_record_put(&r, STR("purpose"),
			  policy_string(row->purpose < ARRAY_LEN(world_purposes)
						? world_purposes[row->purpose]
						: STR("")));
	policy_record_put(&r, STR("session"), labels);
	if (!policy_record_end(&r, &common)) {
		abort();
	}
	policy_record_begin(&r, scratch);
	policy_record_put(&r, STR("input"), in);
	policy_record_put(&r, STR("sessionId"), policy_string(STR("s")));
	policy_record_put(&r, STR("w"), common);
	if (!policy_record_end(&r, &req.context)) {
		abort();
	}
	policy_decide(w->set, &req, scratch, &d);
	return d.outcome == POLICY_ALLOW;
}

#endif
