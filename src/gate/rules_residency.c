/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rules_residency.h"

#include "base/clock.h"
#include "base/log.h"
#include "gate/rules_raise.h"
#include "gate/rules_temporal.h"

#include <stdlib.h>

enum { WORLD_MEMORY = 256 << 20 };

static void world_free(struct rules_world *w)
{
	if (w) {
		arena_done(&w->arena);
		free(w);
	}
}

void rules_residency_done(struct rules *r)
{
	world_free(r->world);
	world_free(r->before);
}

/* What was decided by the world before this one may still point into it. */
static enum err_code make_world(struct rules *r, int64_t now, struct err *err)
{
	struct rules_world *w = calloc(1, sizeof(*w));
	enum err_code code;

	if (!w) {
		return ERR(err, ERR_NOMEM, "no memory for the residency matrix");
	}
	arena_init(&w->arena, WORLD_MEMORY);
	code = residency_at(&w->arena, r->facts, r->policies.set,
			    r->policies.temporal ? r->policies.temporal->schema : NULL, now,
			    &w->residency, err);
	if (code) {
		world_free(w);
		return code;
	}
	world_free(r->before);
	r->before = r->world;
	r->world = w;
	r->store = w->residency.store;
	return ERR_OK;
}

enum err_code rules_residency_init(struct rules *r, const struct policy_source *policies, size_t n,
				   struct err *err)
{
	rules_raise_init(r);
	r->facts = ARENA_NEW(&r->arena, struct residency_facts);
	if (!r->facts) {
		return ERR(err, ERR_NOMEM, "no memory for the sites");
	}
	TRY(residency_read(&r->arena, r->config, policies, n, false, r->facts, err));
	return make_world(r, (int64_t)(clock_real() / CLOCK_MS), err);
}

static void refresh(struct rules *r, int64_t now)
{
	const struct site_window *w = &r->world->residency.window;
	struct err err;

	if (LIKELY(now >= w->from && now < w->until && !r->world->failed)) {
		return;
	}
	if (make_world(r, now, &err)) {
		if (!r->world->failed) {
			log_line(LOG_ERROR, "the residency matrix cannot be made: %s", err.msg);
		}
		r->world->failed = true;
	}
}

void rules_residency_label(struct rules *r, struct rules_query *q)
{
	const struct site_words *w = &r->world->residency.compiled.matrix.words;

	refresh(r, (int64_t)q->now_ms);
	if (q->kind == RULES_INFER) {
		q->row = residency_row(r->config, q->agent);
		q->labels.confidentiality = q->row.level;
		q->purpose = q->row.purpose < w->n_purposes ? w->purposes[q->row.purpose] : STR("");
		q->origin = q->row.origin < w->n_origins ? w->origins[q->row.origin] : STR("");
	} else if (!q->found) {
		return;
	}
	q->row.categories |= rules_raise_to(r, q->found);
	q->labels.categories = q->categories;
	for (size_t i = 0; i < w->n_categories; i++) {
		if (q->row.categories >> i & 1) {
			q->categories[q->labels.n_categories++] = w->categories[i];
		}
	}
}

void rules_residency_check(const struct rules *r, const struct rules_query *q, struct arena *a,
			   struct rules_answer *ret)
{
	const struct residency *res = &r->world->residency;

	ret->matrix = res->digest;
	if (ret->outcome != POLICY_ALLOW) {
		return;
	}
	if (r->world->failed) {
		rules_refuse(ret, a, STR("writ.residency"), STR("residency.unknown"),
			     STR("where data may go cannot be told now"));
	} else if (!residency_allows(res, &q->row, q->object)) {
		rules_refuse(ret, a, STR("writ.residency"), STR("residency"),
			     STR("data of this kind may not go to the site of this model"));
	} else if (q->over.n) {
		rules_refuse(ret, a, STR("writ.budget"), STR("budget"), q->over);
	}
}

bool rules_residency_cuts(const struct rules *r, const struct config_site *site)
{
	if (r->config->severed.n == 0) {
		return false;
	}
	return !site || r->world->failed || r->world->residency.sites[site - r->config->sites].cut;
}

static bool is_cut(const struct rules *r, const struct rules_query *q)
{
	const struct config_server *server = NULL;
	const struct config_model *model;

	if (q->kind == RULES_CONNECT) {
		return rules_residency_cuts(r, NULL);
	}
	if (q->kind == RULES_INFER) {
		model = config_model_find(r->config, q->object);
		return rules_residency_cuts(r, model ? model->site : NULL);
	}
	server = q->server.n ? config_server_find(r->config, q->server) : NULL;
	return server && server->kind == CONFIG_SERVER_HTTP &&
	       rules_residency_cuts(r, server->site);
}

void rules_residency_sever(const struct rules *r, const struct rules_query *q, struct arena *a,
			   struct rules_answer *ret)
{
	if (r->config->severed.n && ret->outcome != POLICY_DENY && is_cut(r, q)) {
		rules_refuse(
			ret, a, STR("writ.severed"), STR("severed"),
			STR("this node is cut off from what lies outside of the group that its "
			    "owner keeps"));
	}
}

void rules_residency_words(const struct rules_query *q, struct arena *a, const struct str **ret,
			   size_t *ret_n)
{
	struct str *words = ARENA_ARRAY(a, SITE_CATEGORIES + 4, struct str);
	size_t n = 0;

	*ret_n = 0;
	if (!words) {
		return;
	}
	words[n++] = STR("integrity=user");
	words[n++] =
		arena_printf(a, "confidentiality=" STR_FMT, STR_ARG(site_level_name(q->row.level)));
	for (size_t i = 0; i < q->labels.n_categories; i++) {
		words[n++] = arena_printf(a, "category=" STR_FMT, STR_ARG(q->categories[i]));
	}
	if (q->purpose.n) {
		words[n++] = arena_printf(a, "purpose=" STR_FMT, STR_ARG(q->purpose));
	}
	if (q->origin.n) {
		words[n++] = arena_printf(a, "origin=" STR_FMT, STR_ARG(q->origin));
	}
	*ret = words;
	*ret_n = n;
}
