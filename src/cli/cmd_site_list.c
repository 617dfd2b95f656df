/* SPDX-License-Identifier: Apache-2.0 */
/* `writ site list` and `writ site show SITE`: what is stated, and what follows from it. */
#include "cli/cmd_site.h"

static size_t count_models(const struct config *cfg, const struct config_site *site)
{
	size_t n = 0;

	for (size_t i = 0; i < cfg->n_models; i++) {
		n += cfg->models[i].site == site;
	}
	return n;
}

static void list_sites(struct site_view *v, struct out *o)
{
	static const struct out_col cols[] = {{"site", 16},    {"operator", 20}, {"country", 8},
					      {"manifest", 9}, {"models", 7},    {"exposure", 24},
					      {"within", 0}};
	static const struct out_list list = {"sites", cols, ARRAY_LEN(cols), NULL};
	const struct config *cfg = &v->loaded.config;

	out_list_begin(o, &list);
	for (size_t i = 0; i < cfg->n_sites; i++) {
		const struct config_site *s = &cfg->sites[i];
		const struct residency_site *r = &v->residency.sites[i];

		out_row_begin(o);
		out_text(o, "site", s->id);
		out_text(o, "operator", s->operator_name);
		out_text(o, "country", s->country);
		out_text(o, "manifest", str_from_c(site_view_state(r)));
		out_u64(o, "models", count_models(cfg, s));
		out_text(o, "exposure", site_view_exposure(v, &r->exposure));
		out_text(o, "within", site_view_join(v, r->within, r->n_within));
		out_row_end(o);
	}
	out_list_end(o);
}

int cmd_site_list(int argc, char **argv)
{
	const char *config = "writ.yaml", *at = NULL;
	bool json = false;
	const struct opt opts[] = {SITE_OPT_CONFIG(&config), SITE_OPT_AT(&at), OPT_JSON(&json)};
	const struct opt_spec spec = {
		.command = "writ site list",
		.summary =
			"Lists the sites: what their manifests say, and who can reach data there.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ site list --config writ.yaml",
	};
	struct site_view v;
	struct err err = {0};
	struct out o;
	int status = CMD_FINE;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	if (site_view_open(&v, config, at, &err)) {
		status = out_error(&o, &err);
	} else {
		list_sites(&v, &o);
	}
	site_view_done(&v);
	return out_end(&o, status);
}

/* ---- show ---- */

static void show_facts(struct site_view *v, struct out *o, size_t i)
{
	const struct config_site *s = &v->loaded.config.sites[i];
	const struct residency_site *r = &v->residency.sites[i];
	const struct site_manifest *m = r->manifest;
	static const char *const retention[] = {"unlimited", "limited", "none"};
	static const char *const custody[] = {"provider", "customer", "hsm"};

	out_text(o, "site", s->id);
	out_text(o, "operator", s->operator_name);
	out_text(o, "country", s->country);
	out_text(o, "manifest", str_from_c(site_view_state(r)));
	out_text(o, "exposure", site_view_exposure(v, &r->exposure));
	out_text(o, "within", site_view_join(v, r->within, r->n_within));
	out_text(o, "retention", str_from_c(retention[m ? m->retention : SITE_KEEPS]));
	out_bool(o, "training", !m || !m->no_training);
	out_text(o, "keys", str_from_c(custody[m ? m->custody : SITE_KEYS_PROVIDER]));
	out_bool(o, "attested", m && m->attestation.n > 0);
}

struct reach {
	const struct residency *r;
	uint64_t rows[SITE_COLUMNS];
};

static bool count_row(void *arg, const struct site_row *row, const struct site_set *allowed)
{
	struct reach *reach = arg;

	(void)row;
	for (size_t k = 0; k < SITE_SET_WORDS; k++) {
		for (uint64_t bits = allowed->w[k]; bits; bits &= bits - 1) {
			reach->rows[k * 64 + (size_t)__builtin_ctzll(bits)]++;
		}
	}
	return true;
}

static void show_models(struct site_view *v, struct out *o, const struct config_site *site)
{
	static const struct out_col cols[] = {{"model", 24}, {"rows", 0}};
	static const struct out_list list = {"models", cols, ARRAY_LEN(cols), NULL};
	struct reach reach = {.r = &v->residency};
	const struct config *cfg = &v->loaded.config;
	uint64_t rows;

	rows = site_matrix_walk(&v->residency.compiled.matrix, count_row, &reach);
	out_u64(o, "rows_of_all", rows);
	out_list_begin(o, &list);
	for (size_t i = 0; i < cfg->n_models; i++) {
		if (cfg->models[i].site == site) {
			out_row_begin(o);
			out_text(o, "model", cfg->models[i].name);
			out_u64(o, "rows", reach.rows[i]);
			out_row_end(o);
		}
	}
	out_list_end(o);
}

static int show(struct site_view *v, struct out *o, const char *id)
{
	const struct config *cfg = &v->loaded.config;
	struct err err = {0};

	for (size_t i = 0; i < cfg->n_sites; i++) {
		if (str_eq(cfg->sites[i].id, str_from_c(id))) {
			show_facts(v, o, i);
			out_text(o, "matrix", site_view_hash(v, v->residency.digest));
			show_models(v, o, &cfg->sites[i]);
			return CMD_FINE;
		}
	}
	err_ignore(ERR(&err, ERR_NOT_FOUND, "there is no site '%s'; see writ site list", id));
	return out_error(o, &err);
}

int cmd_site_show(int argc, char **argv)
{
	const char *config = "writ.yaml", *at = NULL, *id = NULL;
	bool json = false;
	const struct opt opts[] = {SITE_OPT_CONFIG(&config), SITE_OPT_AT(&at), OPT_JSON(&json)};
	const struct opt_word words[] = {
		{.name = "SITE", .help = "its id", .required = true, .text = &id}};
	const struct opt_spec spec = {
		.command = "writ site show",
		.summary =
			"Shows a site, and how many rows of the matrix may go to each model there.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ site show here --config writ.yaml\n"
			   "writ site show here --at 2027-07-01 --json",
	};
	struct site_view v;
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	status = site_view_open(&v, config, at, &err) ? out_error(&o, &err) : show(&v, &o, id);
	site_view_done(&v);
	return out_end(&o, status);
}
