/* SPDX-License-Identifier: Apache-2.0 */
/* `writ site VERB`: picks the verb; what the verbs share. */
#include "cli/cmd_site.h"

#include "base/clock.h"
#include "base/hex.h"
#include "cli/verb.h"
#include "proc/loader_types.h"

#define MEMORY_MAX ((size_t)2 << 30)

static const struct cmd verbs[] = {
	{"list", "the sites, and who can reach data there", cmd_site_list},
	{"show", "one site, and which data may go there", cmd_site_show},
	{"check", "what is missing, runs out soon, or stands on one leg", cmd_site_check},
	{"prove", "what holds for all data at all sites, or what breaks it", cmd_site_prove},
	{"diff", "which paths another configuration opens and closes", cmd_site_diff},
	{"drill", "what would stop if a legal basis were gone", cmd_site_drill},
	{"verify", "checks the certificate of a proof", cmd_site_verify},
	{"sign", "signs a site's manifest", cmd_site_sign},
	{"approve", "signs what a configuration opens for protected data", cmd_site_approve},
	{"sever", "cuts every link that leaves a group, now", cmd_site_sever},
	{"restore", "ends that", cmd_site_restore},
	{NULL, NULL, NULL},
};

int cmd_site(int argc, char **argv)
{
	return verb_run("writ site", "[OPTIONS]", verbs, argc, argv);
}

static const struct policy_source *source_of(struct policy_source *to, const struct config_text *t)
{
	to->name = t->name;
	to->text = t->text;
	return t->name.n ? to : NULL;
}

static enum err_code compile(struct site_view *v, const struct policy_source **ret, struct err *err)
{
	const struct config_loaded *l = &v->loaded;
	struct policy_source *s =
		ARENA_ARRAY(&v->arena, l->n_policies + l->n_scripts + 3, struct policy_source);
	struct rules_texts texts = {
		.policies = s, .n_policies = l->n_policies, .config = &l->config};
	enum err_code code;

	if (!s) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < l->n_policies; i++) {
		(void)source_of(&s[i], &l->policies[i]);
	}
	texts.schema = source_of(&s[l->n_policies], &l->schema);
	texts.events = source_of(&s[l->n_policies + 1], &l->events);
	texts.providers = source_of(&s[l->n_policies + 2], &l->providers);
	for (size_t i = 0; i < l->n_scripts; i++) {
		(void)source_of(&s[l->n_policies + 3 + i], &l->scripts[i]);
	}
	texts.scripts = &s[l->n_policies + 3];
	texts.n_scripts = l->n_scripts;
	code = rules_compile(&v->arena, &texts, &v->diags, &v->policies, err);
	if (code) {
		err_wrap(err, "the policies cannot be loaded (writ policy check says more)");
	}
	*ret = s;
	return code;
}

enum err_code site_view_open(struct site_view *v, const char *config, const char *at,
			     struct err *err)
{
	int64_t now = (int64_t)(clock_real() / CLOCK_MS);
	const struct policy_source *sources;

	*v = (struct site_view){0};
	arena_init(&v->arena, MEMORY_MAX);
	policy_diags_init(&v->diags, &v->arena);
	if (at && !site_date_parse(str_from_c(at), &now)) {
		return ERR(err, ERR_INVALID, "--at: '%s' is no date as 2027-01-31", at);
	}
	TRY(config_load(&v->arena, config, &v->loaded, NULL, err));
	TRY(loader_add_types(&v->arena, &v->loaded, STR(""), NULL, err));
	TRY(compile(v, &sources, err));
	TRY(residency_read(&v->arena, &v->loaded.config, sources, v->loaded.n_policies, true,
			   &v->facts, err));
	v->residency.now = now;
	return site_view_again(v, &v->residency, err);
}

enum err_code site_view_again(struct site_view *v, struct residency *ret, struct err *err)
{
	return residency_at(&v->arena, &v->facts, v->policies.set,
			    v->policies.temporal ? v->policies.temporal->schema : NULL,
			    v->residency.now, ret, err);
}

void site_view_done(struct site_view *v)
{
	arena_done(&v->arena);
}

struct str site_view_join(struct site_view *v, const struct str *items, size_t n)
{
	struct str text = STR("");

	for (size_t i = 0; i < n; i++) {
		text = arena_printf(&v->arena, STR_FMT "%s" STR_FMT, STR_ARG(text),
				    text.n ? ", " : "", STR_ARG(items[i]));
	}
	return text;
}

struct str site_view_exposure(struct site_view *v, const struct site_exposure *e)
{
	struct str codes = site_view_join(v, e->codes, e->n);

	return !e->anyone ? codes
			  : arena_printf(&v->arena, "anyone%s" STR_FMT, codes.n ? ", " : "",
					 STR_ARG(codes));
}

const char *site_view_state(const struct residency_site *s)
{
	return s->manifest ? "holds" : s->closed ? "expired" : "none";
}

struct str site_view_hash(struct site_view *v, const uint8_t hash[static SHA256_LEN])
{
	char text[2 * SHA256_LEN];

	hex_write(text, hash, SHA256_LEN);
	return arena_dup(&v->arena, str_make(text, sizeof(text)));
}

struct str site_view_row(struct site_view *v, const struct site_words *w,
			 const struct site_row *row)
{
	struct str text;
	struct buf b;

	buf_init(&b, 4096);
	site_row_write(w, row, &b);
	text = arena_dup(&v->arena, buf_str(&b));
	buf_done(&b);
	return text;
}
