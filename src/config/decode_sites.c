/* SPDX-License-Identifier: Apache-2.0 */
/* Sites where data is processed, and what data is called. */
#include "config/decode_priv.h"

#include "base/hex.h"

enum { MAX_SITES = 256, MAX_CATEGORIES = 12, MAX_PURPOSES = 63, MAX_ORIGINS = 31, MAX_FILES = 16 };

void config_read_internal(struct config_ctx *c, const struct config_field *f,
			  const struct json *node, void *to)
{
	if (!config_is_between_roles(c)) {
		config_report(c, node->key_at, "unknown key '" STR_FMT "'", STR_ARG(f->key));
		return;
	}
	if (config_expect(c, node, JSON_STRING)) {
		*(struct str *)to = node->text;
	}
}

static bool is_upper(struct str s, size_t min, size_t max)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (!(ch >= 'A' && ch <= 'Z') && !(i && ((ch >= '0' && ch <= '9') || ch == '-'))) {
			return false;
		}
	}
	return s.n >= min && s.n <= max;
}

static void read_country(struct config_ctx *c, const struct config_field *f,
			 const struct json *node, void *to)
{
	(void)f;
	if (!json_is_string(node) || !is_upper(node->text, 2, 2)) {
		config_report(c, node->at,
			      "a country is two capital letters (ISO 3166-1), as in DE");
		return;
	}
	*(struct str *)to = node->text;
}

static void read_jurisdictions(struct config_ctx *c, const struct config_field *f,
			       const struct json *node, void *to)
{
	config_read_texts(c, f, node, to);
	if (node->type == JSON_ARRAY && node->n == 0) {
		config_report(c, node->at,
			      "name every jurisdiction that can reach the data at this site");
	}
	JSON_EACH (item, node->type == JSON_ARRAY ? node : NULL) {
		if (json_is_string(item) && !is_upper(item->text, 2, 16)) {
			config_report(c, item->at,
				      "a jurisdiction is written in capitals, as in EU "
				      "or DE or US-CA");
		}
	}
}

static const struct config_field site_fields[] = {
	CONFIG_KEY("operator", config_read_text, struct config_site, operator_name,
		   .required = true),
	CONFIG_KEY("country", read_country, struct config_site, country, .required = true),
	CONFIG_KEY("jurisdictions", read_jurisdictions, struct config_site, jurisdictions,
		   .required = true),
	CONFIG_KEY("sovereign", config_read_bool, struct config_site, sovereign),
	CONFIG_KEY("manifest", config_read_path, struct config_site, manifest_file),
	CONFIG_KEY("manifest_text", config_read_internal, struct config_site, manifest),
	CONFIG_KEY("manifest_signature", config_read_internal, struct config_site, manifest_sig),
};

void config_read_sites(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	struct config *cfg = to;
	struct config_site *sites;
	size_t n, i = 0;

	(void)f;
	sites = config_items(c, node, JSON_OBJECT, MAX_SITES, sizeof(*sites), &n);
	JSON_EACH (item, n ? node : NULL) {
		if (!config_is_id(item->key)) {
			config_report(
				c, item->key_at,
				"a site's id has 1 to 32 characters of a-z, 0-9, '_' and '-', "
				"and begins with a letter or a digit");
		}
		sites[i].id = item->key;
		config_read_fields(c, item, site_fields, ARRAY_LEN(site_fields), "a site",
				   &sites[i]);
		i++;
	}
	cfg->sites = sites;
	cfg->n_sites = n;
}

/* ---- residency ---- */

/* A name of a category or purpose: a-z, 0-9, '.', '_', '-'. */
static bool is_label(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
		      (i && (ch == '.' || ch == '_' || ch == '-')))) {
			return false;
		}
	}
	return s.n > 0 && s.n <= CONFIG_MAX_ID && !str_eq(s, STR("any"));
}

static bool has(const struct config_strs *strs, struct str s)
{
	for (size_t i = 0; i < strs->n; i++) {
		if (str_eq(strs->items[i], s)) {
			return true;
		}
	}
	return false;
}

static void read_names(struct config_ctx *c, const struct config_field *f, const struct json *node,
		       void *to)
{
	bool upper = f->min != 0;
	struct config_strs *strs = to;
	struct str *items;
	size_t n;

	items = config_items(c, node, JSON_ARRAY, f->max, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		if (!json_is_string(item) ||
		    !(upper ? is_upper(item->text, 2, 16) : is_label(item->text))) {
			config_report(c, item->at,
				      upper ? "a jurisdiction is written in capitals, as in DE"
					    : "a name has 1 to 32 characters of a-z, 0-9, '.', '_' "
					      "and '-', and is not 'any'");
		} else if (has(strs, item->text)) {
			config_report(c, item->at, "'" STR_FMT "' comes twice",
				      STR_ARG(item->text));
		}
		items[strs->n++] = json_str(item);
		strs->items = items;
	}
}

static void read_keys(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	struct config_residency *r = to;
	struct config_key *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_ARRAY, MAX_FILES, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		if (!json_is_string(item) || !hex_read(item->text, items[i].bytes, 32)) {
			config_report(c, item->at,
				      "an Ed25519 public key is 64 hexadecimal digits");
		}
		i++;
	}
	r->keys = items;
	r->n_keys = n;
}

static void read_raises(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	static const struct config_field names = {.max = MAX_CATEGORIES};
	struct config_residency *r = to;
	struct config_raise *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_OBJECT, MAX_CATEGORIES, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		items[i].what = item->key;
		items[i].classes = detect_classes(item->key);
		if (!items[i].classes) {
			config_report(c, item->key_at,
				      "expected secret, iban, card, email, phone, pii or all");
		}
		read_names(c, &names, item, &items[i++].to);
	}
	r->raises = items;
	r->n_raises = n;
}

/* A list of paths; between roles each comes with its text. */
static void read_group_file(struct config_ctx *c, const struct json *node,
			    struct config_group_file *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("file", config_read_path, struct config_group_file, file),
		CONFIG_KEY("text", config_read_internal, struct config_group_file, text),
	};

	if (config_is_between_roles(c) && node->type == JSON_OBJECT) {
		config_read_fields(c, node, fields, ARRAY_LEN(fields), "a file of groups", to);
	} else {
		config_read_path(c, &fields[0], node, &to->file);
	}
}

static void read_groups(struct config_ctx *c, const struct config_field *f, const struct json *node,
			void *to)
{
	struct config_residency *r = to;
	struct config_group_file *items;
	size_t n, i = 0;

	(void)f;
	items = config_items(c, node, JSON_ARRAY, MAX_FILES, sizeof(*items), &n);
	JSON_EACH (item, n ? node : NULL) {
		read_group_file(c, item, &items[i++]);
	}
	r->groups = items;
	r->n_groups = n;
}

void config_read_residency(struct config_ctx *c, const struct config_field *f,
			   const struct json *node, void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("categories", read_names, struct config_residency, categories,
			   .max = MAX_CATEGORIES),
		CONFIG_KEY("purposes", read_names, struct config_residency, purposes,
			   .max = MAX_PURPOSES),
		CONFIG_KEY("origins", read_names, struct config_residency, origins, .min = 1,
			   .max = MAX_ORIGINS),
		{.key = STR_INIT("groups"), .read = read_groups},
		{.key = STR_INIT("keys"), .read = read_keys},
		CONFIG_KEY("protected", read_names, struct config_residency, protected,
			   .max = MAX_CATEGORIES),
		{.key = STR_INIT("detect"), .read = read_raises},
		CONFIG_KEY("approvals", config_read_path, struct config_residency, approvals_file),
		CONFIG_KEY("approvals_text", config_read_internal, struct config_residency,
			   approvals),
	};
	struct config *cfg = to;

	(void)f;
	cfg->residency.present = true;
	if (node->type != JSON_NULL) {
		config_read_fields(c, node, fields, ARRAY_LEN(fields), "residency",
				   &cfg->residency);
	}
}

static const char *const level_names[] = {"public", "internal", "confidential", "restricted", NULL};

void config_read_data(struct config_ctx *c, const struct config_field *f, const struct json *node,
		      void *to)
{
	static const struct config_field fields[] = {
		CONFIG_KEY("level", config_read_enum, struct config_data, level,
			   .names = level_names),
		CONFIG_KEY("categories", read_names, struct config_data, categories,
			   .max = MAX_CATEGORIES),
		CONFIG_KEY("purpose", config_read_text, struct config_data, purpose),
		CONFIG_KEY("origin", config_read_text, struct config_data, origin),
	};
	struct config_data *data = to;

	(void)f;
	data->stated = true;
	data->level = CONFIG_LEVEL_RESTRICTED; /* a floor that is not said is the highest */
	config_read_fields(c, node, fields, ARRAY_LEN(fields), "data", data);
}

static void check_known(struct config_ctx *c, const struct json *agent, const char *what,
			const struct config_strs *known, struct str name)
{
	const struct json *at = json_get(agent, STR("data"));

	if (name.n && !has(known, name)) {
		config_report(c, at ? at->key_at : 0, "'" STR_FMT "' is not in residency.%s",
			      STR_ARG(name), what);
	}
}

static void check_raises(struct config_ctx *c, const struct config_residency *r)
{
	const struct json *at = json_get(json_get(c->src->root, STR("residency")), STR("detect"));

	for (size_t i = 0; i < r->n_raises; i++) {
		for (size_t k = 0; k < r->raises[i].to.n; k++) {
			if (!has(&r->categories, r->raises[i].to.items[k])) {
				config_report(c, at->key_at,
					      "'" STR_FMT "' is not in residency.categories",
					      STR_ARG(r->raises[i].to.items[k]));
			}
		}
	}
}

/* What nobody could approve would stay closed for ever. */
static void check_protected(struct config_ctx *c, const struct config_residency *r)
{
	const struct json *at =
		json_get(json_get(c->src->root, STR("residency")), STR("protected"));

	for (size_t i = 0; i < r->protected.n; i++) {
		if (!has(&r->categories, r->protected.items[i])) {
			config_report(c, at->key_at, "'" STR_FMT "' is not in residency.categories",
				      STR_ARG(r->protected.items[i]));
		}
	}
	if (r->protected.n && (r->n_keys < CONFIG_APPROVERS || !r->approvals_file.n)) {
		config_report(c, at->key_at,
			      "what is protected needs two keys in residency.keys, and "
			      "residency.approvals: the file that `writ site approve` writes to");
	}
}

void config_check_residency(struct config_ctx *c, const struct config *cfg)
{
	const struct config_residency *r = &cfg->residency;
	const struct json *agent = json_first(json_get(c->src->root, STR("agents")));
	const struct json *site = json_first(json_get(c->src->root, STR("sites")));

	for (size_t i = 0; i < cfg->n_agents && agent; i++, agent = agent->next) {
		const struct config_data *d = &cfg->agents[i].data;

		for (size_t k = 0; k < d->categories.n; k++) {
			check_known(c, agent, "categories", &r->categories, d->categories.items[k]);
		}
		check_known(c, agent, "purposes", &r->purposes, d->purpose);
		check_known(c, agent, "origins", &r->origins, d->origin);
	}
	check_protected(c, r);
	check_raises(c, r);
	for (size_t i = 0; i < cfg->n_sites && site; i++, site = site->next) {
		if (cfg->sites[i].manifest_file.n && r->n_keys == 0) {
			config_report(c, site->at,
				      "a manifest has to be signed: name who may sign in "
				      "residency.keys");
		}
	}
}
