/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ site check`: the configuration loads and the manifests are signed; beyond that, what a
 * careful person would ask about. Exit: 0 nothing found, 1 something, 2 it does not load.
 */
#include "cli/cmd_site.h"

#define DAY_MS INT64_C(86400000)

struct checking {
	struct site_view *v;
	struct out *o;
	size_t found;
};

static void find(struct checking *c, struct str subject, const char *what)
{
	out_row_begin(c->o);
	out_text(c->o, "subject", subject);
	out_text(c->o, "finding", str_from_c(what));
	out_row_end(c->o);
	c->found++;
}

static void check_sites(struct checking *c, int64_t days)
{
	const struct config *cfg = &c->v->loaded.config;
	const struct residency *r = &c->v->residency;

	for (size_t i = 0; i < cfg->n_sites; i++) {
		const struct residency_site *s = &r->sites[i];
		struct str id = cfg->sites[i].id;

		if (s->closed) {
			find(c, id, "its manifest does not hold: no model there is reached");
		} else if (!s->manifest) {
			find(c, id, "it has no manifest: anyone counts as able to reach its data");
		} else if (s->exposure.anyone) {
			find(c, id,
			     "its manifest leaves something out: anyone counts as able to "
			     "reach its data");
		}
		if (s->manifest && s->manifest->expires - r->now < days * DAY_MS) {
			find(c, id, "its manifest expires soon; then no model there is reached");
		}
	}
}

/* A purpose that only one operator serves stops when that one does. */
static void check_purposes(struct checking *c)
{
	const struct config *cfg = &c->v->loaded.config;
	const struct residency *r = &c->v->residency;
	const struct site_claim_world world = residency_claims(r);

	for (size_t i = 0; i < cfg->n_agents; i++) {
		const struct config_agent *a = &cfg->agents[i];
		struct site_row row = residency_row(cfg, a->name);
		struct site_claim claim = {.needs = 2,
					   .required = row.categories,
					   .levels = (uint8_t)(1u << row.level),
					   .purposes = UINT64_C(1) << row.purpose,
					   .origins = UINT32_C(1) << row.origin};
		struct site_verdict verdict;

		(void)site_claims_check(&r->compiled.matrix, &world, &claim, 1, &verdict);
		if (verdict.broken && verdict.row.categories == row.categories) {
			find(c, a->name,
			     verdict.column ? "one operator alone serves its data: no second source"
					    : "no site may get its data: it reaches no model");
		}
	}
}

static int check(struct site_view *v, struct out *o, uint64_t days)
{
	static const struct out_col cols[] = {{"subject", 20}, {"finding", 0}};
	static const struct out_list list = {"findings", cols, ARRAY_LEN(cols), NULL};
	struct checking c = {.v = v, .o = o};

	out_text(o, "matrix", site_view_hash(v, v->residency.digest));
	out_list_begin(o, &list);
	check_sites(&c, (int64_t)days);
	check_purposes(&c);
	for (size_t i = 0; i < v->residency.compiled.n_open; i++) {
		find(&c, v->residency.compiled.open[i],
		     "this policy looks past the matrix: a proof leaves open what it looks at");
	}
	out_list_end(o);
	return c.found ? CMD_FOUND : CMD_FINE;
}

int cmd_site_check(int argc, char **argv)
{
	const char *config = "writ.yaml", *at = NULL;
	uint64_t days = 30;
	bool json = false;
	const struct opt opts[] = {
		SITE_OPT_CONFIG(&config),
		SITE_OPT_AT(&at),
		{.name = "days",
		 .value = "N",
		 .number = &days,
		 .help = "a manifest that expires within so many days is told; default 30"},
		OPT_JSON(&json),
	};
	const struct opt_spec spec = {
		.command = "writ site check",
		.summary = "Tells what is missing, runs out soon, or depends on one operator.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ site check --config writ.yaml --days 60",
	};
	struct site_view v;
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	days = days > 36500 ? 36500 : days;
	status = site_view_open(&v, config, at, &err) ? out_error(&o, &err) : check(&v, &o, days);
	site_view_done(&v);
	return out_end(&o, status);
}
