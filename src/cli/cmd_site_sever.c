/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ site sever GROUP` and `writ site restore`: the autarky switch of the running node. With --state
 * the node is found without the configuration, which may be broken just then.
 */
#include "cli/cmd_site.h"
#include "cli/control.h"

#include "base/clock.h"

#include <stdio.h>

struct sever_args {
	const char *group; /* NULL: restore */
	const char *config, *state;
	bool dry, json;
};

static void put_link(struct site_view *v, struct out *o, const char *kind, struct str name,
		     const struct config_site *site, size_t *n_cut)
{
	bool kept = residency_reaches(&v->facts, site, v->residency.now);

	out_row_begin(o);
	out_text(o, "link", arena_printf(&v->arena, "%s " STR_FMT, kind, STR_ARG(name)));
	out_text(o, "site", site ? site->id : STR(""));
	out_text(o, "then", kept ? STR("kept") : STR("cut"));
	out_row_end(o);
	*n_cut += !kept;
}

/* What leaves the group: servers over HTTP, models, and whatever agents connect to. */
static void put_links(struct site_view *v, struct out *o, const char *group)
{
	static const struct out_col cols[] = {{"link", 32}, {"site", 16}, {"then", 0}};
	static const struct out_list list = {"links", cols, ARRAY_LEN(cols), NULL};
	struct config *cfg = &v->loaded.config;
	size_t n_cut = 0;

	cfg->severed = str_from_c(group);
	out_list_begin(o, &list);
	for (size_t i = 0; i < cfg->n_models; i++) {
		put_link(v, o, "model", cfg->models[i].name, cfg->models[i].site, &n_cut);
	}
	for (size_t i = 0; i < cfg->n_servers; i++) {
		if (cfg->servers[i].kind == CONFIG_SERVER_HTTP) {
			put_link(v, o, "server", cfg->servers[i].id, cfg->servers[i].site, &n_cut);
		}
	}
	put_link(v, o, "agents'", STR("connections"), NULL, &n_cut);
	out_list_end(o);
	out_u64(o, "cut", n_cut);
}

static bool is_known(const struct site_view *v, struct str group)
{
	bool known = group.n == 2; /* a country */

	for (size_t i = 0; i < v->facts.groups.n; i++) {
		known = known || str_eq(v->facts.groups.items[i].group, group);
	}
	return known;
}

/* The name is one that needs no escapes: the node refuses every other. */
static struct str request_of(struct arena *a, const char *group)
{
	for (const char *p = group ? group : ""; *p; p++) {
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ') {
			return STR("{}");
		}
	}
	return group ? arena_printf(a, "{\"op\":\"sever\",\"group\":\"%s\"}", group)
		     : STR("{\"op\":\"restore\"}");
}

static int ask_node(struct out *o, struct arena *a, struct str state, const char *group)
{
	uint64_t before = clock_mono();
	const struct json *answer, *ok;
	struct err err = {0};

	if (control_ask(a, state, request_of(a, group), &answer, &err)) {
		return out_error(o, &err);
	}
	ok = json_get(answer, STR("ok"));
	out_bool(o, "done", json_is_bool(ok) && ok->boolean);
	if (!json_is_bool(ok) || !ok->boolean) {
		out_text(o, "reason", json_str(json_get(answer, STR("error"))));
		return CMD_FOUND;
	}
	out_u64(o, "milliseconds", (clock_mono() - before) / CLOCK_MS);
	return CMD_FINE;
}

static int sever(struct out *o, struct site_view *v, const struct sever_args *args)
{
	struct err err = {0};

	if (args->state) {
		return ask_node(o, &v->arena, str_from_c(args->state), args->group);
	}
	if (!args->group) {
		return ask_node(o, &v->arena, v->loaded.config.state, NULL);
	}
	if (!is_known(v, str_from_c(args->group))) {
		err_ignore(
			ERR(&err, ERR_NOT_FOUND,
			    "'%s' is no group of residency.groups, and no country: writ site list "
			    "shows what sites are within",
			    args->group));
		return out_error(o, &err);
	}
	put_links(v, o, args->group);
	return args->dry ? CMD_FINE : ask_node(o, &v->arena, v->loaded.config.state, args->group);
}

/* The view is opened only where the configuration is needed. */
static int run(struct out *o, const struct sever_args *args)
{
	struct site_view v = {0};
	struct err err = {0};
	int status;

	if (args->state) {
		arena_init(&v.arena, 1 << 20);
		status = sever(o, &v, args);
	} else if (site_view_open(&v, args->config, NULL, &err)) {
		err_wrap(&err, "--state DIR reaches the node without its configuration");
		status = out_error(o, &err);
	} else {
		status = sever(o, &v, args);
	}
	site_view_done(&v);
	return status;
}

#define OPT_STATE(p)                                                                               \
	{                                                                                          \
		.name = "state", .value = "DIR", .text = (p),                                      \
		.help = "the node's state folder, when its configuration cannot be read now"       \
	}

int cmd_site_sever(int argc, char **argv)
{
	struct sever_args args = {.config = "writ.yaml"};
	const struct opt opts[] = {
		SITE_OPT_CONFIG(&args.config),
		OPT_STATE(&args.state),
		{.name = "dry-run", .flag = &args.dry, .help = "only show what would be cut"},
		OPT_JSON(&args.json)};
	const struct opt_word words[] = {{.name = "GROUP",
					  .help = "of residency.groups, or a country: what lies "
						  "wholly within is kept",
					  .required = true,
					  .text = &args.group}};
	const struct opt_spec spec = {
		.command = "writ site sever",
		.summary = "Cuts every link of the running node that leaves GROUP, at once and "
			   "until it is restored,\nalso over restarts. What is left goes on.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ site sever EEA --dry-run\nwrit site sever EEA",
	};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	return out_end(&o, run(&o, &args));
}

int cmd_site_restore(int argc, char **argv)
{
	struct sever_args args = {.config = "writ.yaml"};
	const struct opt opts[] = {SITE_OPT_CONFIG(&args.config), OPT_STATE(&args.state),
				   OPT_JSON(&args.json)};
	const struct opt_spec spec = {
		.command = "writ site restore",
		.summary = "Lets a node that was severed reach all of its sites again.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ site restore --config writ.yaml",
	};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	return out_end(&o, run(&o, &args));
}
