/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/residency.h"

#include "base/hex.h"
#include "crypto/sign.h"
#include "gate/rules_entities.h"

/* ---- reading ---- */

static bool is_signed(const struct config_residency *r, const struct config_site *s)
{
	uint8_t signature[SIGN_LEN];

	if (!hex_read(s->manifest_sig, signature, sizeof(signature))) {
		return false;
	}
	for (size_t i = 0; i < r->n_keys; i++) {
		if (sign_verify(r->keys[i].bytes, s->manifest, signature)) {
			return true;
		}
	}
	return false;
}

static enum err_code read_manifests(struct arena *a, const struct config *cfg, bool verify,
				    struct residency_facts *f, struct err *err)
{
	struct site_manifest *m = ARENA_ARRAY(a, cfg->n_sites + 1, struct site_manifest);

	if (!m) {
		return ERR(err, ERR_NOMEM, "no memory for the manifests");
	}
	for (size_t i = 0; i < cfg->n_sites; i++) {
		const struct config_site *s = &cfg->sites[i];

		if (!s->manifest.n) {
			continue;
		}
		if (verify && !is_signed(&cfg->residency, s)) {
			return ERR(err, ERR_INVALID,
				   STR_FMT
				   ".sig: no key of residency.keys has signed this manifest",
				   STR_ARG(s->manifest_file));
		}
		TRY(site_manifest_parse(a, s->manifest_file, s->manifest, &m[i], err));
		if (!str_eq(m[i].site, s->id)) {
			return ERR(err, ERR_INVALID,
				   STR_FMT ": the manifest is about the site '" STR_FMT
					   "', not about '" STR_FMT "'",
				   STR_ARG(s->manifest_file), STR_ARG(m[i].site), STR_ARG(s->id));
		}
	}
	f->manifests = m;
	return ERR_OK;
}

static enum err_code check_certificates(const struct residency_facts *f, const char *kind,
					struct str name, const struct config_site *site,
					const struct config_url *url, struct err *err)
{
	const struct site_manifest *m = site ? &f->manifests[site - f->cfg->sites] : NULL;

	if (!m || m->certificates.n == 0 || url->tls) {
		return ERR_OK;
	}
	return ERR(err, ERR_INVALID,
		   STR_FMT ": the site shows certificates, so the %s '" STR_FMT
			   "' needs an https:// url",
		   STR_ARG(site->manifest_file), kind, STR_ARG(name));
}

/* A peer without TLS shows no certificate: what the operator signed would go unchecked. */
static enum err_code check_peers(const struct residency_facts *f, struct err *err)
{
	const struct config *cfg = f->cfg;

	for (size_t i = 0; i < cfg->n_models; i++) {
		const struct config_model *m = &cfg->models[i];

		TRY(check_certificates(f, "model", m->name, m->site, &m->url, err));
	}
	for (size_t i = 0; i < cfg->n_servers; i++) {
		const struct config_server *s = &cfg->servers[i];

		if (s->kind == CONFIG_SERVER_HTTP) {
			TRY(check_certificates(f, "server", s->id, s->site, &s->url, err));
		}
	}
	return ERR_OK;
}

static enum err_code read_policies(struct arena *a, const struct policy_source *sources, size_t n,
				   struct residency_facts *f, struct err *err)
{
	struct str *opaque = ARENA_ARRAY(a, n + 1, struct str);

	if (!opaque) {
		return ERR(err, ERR_NOMEM, "no memory for the policies");
	}
	for (size_t i = 0; i < n; i++) {
		struct policy_diags diags = {.arena = a};
		bool temporal = str_ends_with(sources[i].name, STR(".dw"));
		size_t before = f->policies.n;

		if (str_ends_with(sources[i].name, STR("macros.dw"))) {
			continue;
		}
		if (policy_parse(a, &sources[i], POLICY_ID_ANNOTATION, &f->policies, &diags, err)) {
			if (!temporal) {
				return err->code;
			}
			f->policies.n = before;
			opaque[f->n_opaque++] = sources[i].name;
		}
	}
	f->opaque = opaque;
	return ERR_OK;
}

enum err_code residency_read(struct arena *a, const struct config *cfg,
			     const struct policy_source *policies, size_t n, bool verify,
			     struct residency_facts *ret, struct err *err)
{
	struct residency_facts f = {.cfg = cfg};
	struct err local = {0};

	err = err ? err : &local;
	for (size_t i = 0; i < cfg->residency.n_groups; i++) {
		const struct config_group_file *g = &cfg->residency.groups[i];

		TRY(site_groups_parse(a, g->file, g->text, &f.groups, err));
	}
	TRY(read_manifests(a, cfg, verify, &f, err));
	TRY(check_peers(&f, err));
	TRY(read_policies(a, policies, n, &f, err));
	*ret = f;
	return ERR_OK;
}

/* ---- at one time ---- */

static bool add_within(struct arena *a, struct residency_site *s, struct str **items, size_t *cap,
		       struct str name)
{
	for (size_t i = 0; i < s->n_within; i++) {
		if (str_eq((*items)[i], name)) {
			return true;
		}
	}
	if (!ARENA_GROW(a, items, s->n_within, cap)) {
		return false;
	}
	(*items)[s->n_within++] = name;
	return true;
}

/* Every group, and the country when it is the only one. */
static bool find_within(struct arena *a, const struct residency_facts *f, int64_t now,
			struct residency_site *s, struct site_window *w)
{
	struct str *items = NULL;
	size_t cap = 0;

	for (size_t i = 0; i < f->groups.n; i++) {
		struct str group = f->groups.items[i].group;

		if (site_within(&s->exposure, &f->groups, group, s->manifest, now, w) &&
		    !add_within(a, s, &items, &cap, group)) {
			return false;
		}
	}
	if (s->exposure.n == 1 && !s->exposure.anyone &&
	    !add_within(a, s, &items, &cap, s->exposure.codes[0])) {
		return false;
	}
	s->within = items;
	return true;
}

bool residency_reaches(const struct residency_facts *f, const struct config_site *site, int64_t now)
{
	struct site_window w = SITE_WINDOW_ALL;
	const struct site_manifest *m;
	struct site_exposure e;

	if (f->cfg->severed.n == 0) {
		return true;
	}
	m = site ? &f->manifests[site - f->cfg->sites] : NULL;
	if (!m || m->site.n == 0 || !site_manifest_holds(m, now, &w)) {
		return false;
	}
	site_exposure(m, &e);
	return site_within(&e, &f->groups, f->cfg->severed, m, now, &w);
}

static enum err_code look_at_sites(struct arena *a, struct residency *r, struct err *err)
{
	const struct residency_facts *f = r->facts;
	struct residency_site *sites = ARENA_ARRAY(a, f->cfg->n_sites + 1, struct residency_site);

	for (size_t i = 0; sites && i < f->cfg->n_sites; i++) {
		const struct site_manifest *m = &f->manifests[i];
		bool has = m->site.n > 0;

		if (has && site_manifest_holds(m, r->now, &r->window)) {
			sites[i].manifest = m;
		}
		sites[i].cut = !residency_reaches(f, &f->cfg->sites[i], r->now);
		sites[i].closed = sites[i].cut || (has && !sites[i].manifest);
		site_exposure(sites[i].manifest, &sites[i].exposure);
		if (!find_within(a, f, r->now, &sites[i], &r->window)) {
			return ERR(err, ERR_NOMEM, "no memory for the sites");
		}
	}
	r->sites = sites;
	return sites ? ERR_OK : ERR(err, ERR_NOMEM, "no memory for the sites");
}

static enum err_code make_columns(struct arena *a, struct residency *r, struct site_set *usable,
				  struct err *err)
{
	const struct config *cfg = r->facts->cfg;
	struct site_column *columns = ARENA_ARRAY(a, cfg->n_models + 1, struct site_column);
	struct site_fact *facts = ARENA_ARRAY(a, cfg->n_models + 1, struct site_fact);

	if (!columns || !facts) {
		return ERR(err, ERR_NOMEM, "no memory for the residency matrix");
	}
	for (size_t i = 0; i < cfg->n_models; i++) {
		const struct config_model *m = &cfg->models[i];
		const struct residency_site *s = &r->sites[m->site - cfg->sites];

		columns[i] = (struct site_column){.model = m->name, .site = m->site->id};
		facts[i] = (struct site_fact){.manifest = s->manifest,
					      .operator_name = m->site->operator_name,
					      .exposure = s->exposure};
		if (!s->closed) {
			site_set_add(usable, i);
		}
	}
	r->columns = columns;
	r->column_facts = facts;
	return ERR_OK;
}

static enum err_code name_matrix(struct residency *r, struct err *err)
{
	enum err_code code = ERR_OK;
	struct buf bytes;

	buf_init(&bytes, 16 << 20);
	site_matrix_canonical(&r->compiled.matrix, &bytes);
	if (bytes.failed) {
		code = ERR(err, ERR_NOMEM, "no memory for the residency matrix");
	} else {
		sha256_of(buf_str(&bytes), r->digest);
	}
	buf_done(&bytes);
	return code;
}

enum err_code residency_at(struct arena *a, const struct residency_facts *facts,
			   const struct policy_set *set, const struct schema *schema, int64_t now,
			   struct residency *ret, struct err *err)
{
	const struct config *cfg = facts->cfg;
	struct site_compile in = {.policies = &facts->policies,
				  .set = set,
				  .words = {.categories = cfg->residency.categories.items,
					    .purposes = cfg->residency.purposes.items,
					    .origins = cfg->residency.origins.items,
					    .n_categories = cfg->residency.categories.n,
					    .n_purposes = cfg->residency.purposes.n,
					    .n_origins = cfg->residency.origins.n},
				  .n_columns = cfg->n_models,
				  .now = now,
				  .opaque = facts->opaque,
				  .n_opaque = facts->n_opaque};
	struct residency r = {.facts = facts, .window = SITE_WINDOW_ALL, .now = now};

	TRY(look_at_sites(a, &r, err));
	TRY(make_columns(a, &r, &in.usable, err));
	TRY(rules_entities(a, cfg, r.sites, schema, &r.store, err));
	in.columns = r.columns;
	in.store = r.store;
	r.compiled.window = r.window;
	TRY(site_compile(a, &in, &r.compiled, err));
	r.window = r.compiled.window;
	TRY(name_matrix(&r, err));
	*ret = r;
	return ERR_OK;
}

/* ---- asking ---- */

struct site_row residency_row(const struct config *cfg, struct str agent)
{
	const struct config_residency *r = &cfg->residency;
	const struct site_words w = {r->categories.items, r->purposes.items, r->origins.items,
				     r->categories.n,     r->purposes.n,     r->origins.n};
	const struct config_agent *found = config_agent_find(cfg, agent);
	struct site_row row = {.purpose = (uint8_t)w.n_purposes, .origin = (uint8_t)w.n_origins};

	if (!found || !found->data.stated) {
		if (r->present) {
			row.level = SITE_LEVELS - 1;
			row.categories = (uint16_t)((1u << w.n_categories) - 1);
		}
		return row;
	}
	row.level = (uint8_t)found->data.level;
	for (size_t i = 0; i < found->data.categories.n; i++) {
		row.categories |= site_category_find(&w, found->data.categories.items[i]);
	}
	row.purpose = site_purpose_find(&w, found->data.purpose);
	row.origin = site_origin_find(&w, found->data.origin);
	return row;
}

bool residency_allows(const struct residency *r, const struct site_row *row, struct str model)
{
	const struct site_matrix *m = &r->compiled.matrix;
	struct site_set allowed;

	for (size_t i = 0; i < m->n_columns; i++) {
		if (str_eq(m->columns[i].model, model)) {
			site_matrix_row(m, row, &allowed);
			return site_set_has(&allowed, i);
		}
	}
	return false;
}

struct site_claim_world residency_claims(const struct residency *r)
{
	return (struct site_claim_world){.words = &r->compiled.matrix.words,
					 .columns = r->columns,
					 .facts = r->column_facts,
					 .n_columns = r->facts->cfg->n_models,
					 .groups = &r->facts->groups,
					 .now = r->now};
}
