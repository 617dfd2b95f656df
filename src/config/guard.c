/* SPDX-License-Identifier: Apache-2.0 */
#include "config/guard.h"
#include "config/load_priv.h"

#include "config/load.h"

#include <stdlib.h>

enum { MAX_GUARDED = CONFIG_MAX_SECRETS + 40 };

struct guarded {
	const char *what;
	struct str path; /* without links, where it exists */
};

struct guard {
	struct arena *arena;
	struct guarded *items;
	size_t n;
};

/*
 * The path with its links followed. Of one that does not exist yet, as the state directory before
 * the first start, the part that does is followed.
 */
static struct str real_path(struct arena *a, struct str path)
{
	struct str head = path, tail = str_make(NULL, 0);

	while (head.n) {
		struct str name = arena_dup(a, head);
		char *real = name.p ? realpath(name.p, NULL) : NULL;

		if (real) {
			struct str whole = arena_printf(a, "%s" STR_FMT, real, STR_ARG(tail));

			free(real);
			return whole;
		}
		while (head.n && head.p[head.n - 1] != '/') {
			head.n--;
		}
		head.n -= head.n ? 1 : 0;
		tail = str_from(path, head.n);
	}
	return path;
}

static bool lies_in(struct str inner, struct str outer)
{
	return str_starts_with(inner, outer) && (inner.n == outer.n || inner.p[outer.n] == '/' ||
						 (outer.n && outer.p[outer.n - 1] == '/'));
}

static void add(struct guard *g, const char *what, struct str path)
{
	if (path.n && g->n < MAX_GUARDED) {
		g->items[g->n++] = (struct guarded){what, real_path(g->arena, path)};
	}
}

static enum err_code check_places(const struct guard *g, const struct config_server *s,
				  const struct config_strs *places, struct str shown,
				  struct err *err)
{
	for (size_t i = 0; i < places->n; i++) {
		struct str place = real_path(g->arena, places->items[i]);

		for (size_t k = 0; k < g->n; k++) {
			if (lies_in(g->items[k].path, place) || lies_in(place, g->items[k].path)) {
				return ERR(err, ERR_INVALID,
					   STR_FMT ": server " STR_FMT " may not have " STR_FMT
						   ", where %s is: give it a narrower folder",
					   STR_ARG(shown), STR_ARG(s->id),
					   STR_ARG(places->items[i]), g->items[k].what);
			}
		}
	}
	return ERR_OK;
}

/* Below, not at: the folder itself is a mount in the sandbox, which cannot be renamed or replaced. */
static bool lies_below(struct str inner, struct str outer)
{
	return inner.n > outer.n && lies_in(inner, outer);
}

static struct str without_slash(struct str path)
{
	while (path.n > 1 && path.p[path.n - 1] == '/') {
		path.n--;
	}
	return path;
}

/* The server that may write where `path` is named, or where it really is; NULL: none. */
static const struct config_server *writer_above(struct arena *a, const struct config *cfg,
						struct str path, struct str *ret_folder)
{
	struct str named = without_slash(path), real = real_path(a, named);

	for (size_t i = 0; i < cfg->n_servers; i++) {
		const struct config_strs *folders = &cfg->servers[i].files_write;

		for (size_t k = 0; k < folders->n; k++) {
			struct str folder = without_slash(folders->items[k]);

			*ret_folder = folder;
			if (lies_below(named, folder) || lies_below(real, real_path(a, folder))) {
				return &cfg->servers[i];
			}
		}
	}
	return NULL;
}

static enum err_code check_replaceable(struct arena *a, const struct config *cfg,
				       const struct config_server *s, struct str path,
				       struct str shown, struct err *err)
{
	struct str folder;
	const struct config_server *writer = writer_above(a, cfg, path, &folder);

	return !writer ? ERR_OK
		       : ERR(err, ERR_INVALID,
			     STR_FMT ": server " STR_FMT " may not have " STR_FMT
				     ", which lies in " STR_FMT ": server " STR_FMT
				     " may write there and could put a link in its place; give "
				     "folders that do not lie in each other",
			     STR_ARG(shown), STR_ARG(s->id), STR_ARG(path), STR_ARG(folder),
			     STR_ARG(writer->id));
}

static struct str last_name(struct str path)
{
	size_t at = path.n;

	while (at && path.p[at - 1] != '/') {
		at--;
	}
	return str_from(path, at);
}

/*
 * What is executed of a command: the program, and the script that an interpreter is given. Other
 * arguments, as a database's file, are only words.
 */
static struct str script_of(struct arena *a, const struct config_server *s)
{
	static const struct str interpreters[] = {
		STR_INIT("node"), STR_INIT("npx"),    STR_INIT("npm"), STR_INIT("bun"),
		STR_INIT("deno"), STR_INIT("python"), STR_INIT("pypy")};
	struct str program = last_name(real_path(a, s->command.items[0]));
	bool interprets = false;

	for (size_t i = 0; i < ARRAY_LEN(interpreters); i++) {
		interprets = interprets || str_starts_with(program, interpreters[i]);
	}
	for (size_t i = 1; interprets && i < s->command.n; i++) {
		if (!str_starts_with(s->command.items[i], STR("-"))) {
			return s->command.items[i];
		}
	}
	return str_make(NULL, 0);
}

enum err_code config_guard_replaceable(struct arena *a, const struct config *cfg, struct str shown,
				       struct err *err)
{
	for (size_t i = 0; i < cfg->n_servers; i++) {
		const struct config_server *s = &cfg->servers[i];
		const struct config_strs *places[] = {&s->files_read, &s->files_write};

		for (size_t k = 0; k < ARRAY_LEN(places); k++) {
			for (size_t j = 0; j < places[k]->n; j++) {
				TRY(check_replaceable(a, cfg, s, places[k]->items[j], shown, err));
			}
		}
		if (s->command.n) {
			struct str script = script_of(a, s);

			TRY(check_replaceable(a, cfg, s, s->command.items[0], shown, err));
			TRY(script.n ? check_replaceable(a, cfg, s, script, shown, err) : ERR_OK);
		}
	}
	return ERR_OK;
}

enum err_code config_guard_own_files(struct arena *a, const struct config_loaded *l,
				     const char *path, struct str shown, struct err *err)
{
	struct guard g = {.arena = a, .items = ARENA_ARRAY(a, MAX_GUARDED, struct guarded)};
	const struct config *cfg = &l->config;
	struct str scripts = config_scripts_folder(cfg);
	const struct config_secret *secrets;
	size_t n;

	if (!g.items) {
		return ERR(err, ERR_NOMEM, "no memory for the configuration");
	}
	add(&g, "Writ's state", cfg->state);
	add(&g, "the policies' folder", cfg->policies);
	add(&g, "the configuration", str_from_c(path));
	add(&g, "the schema", cfg->schema);
	add(&g, "the event schema", cfg->events);
	add(&g, "the list of providers", cfg->providers);
	for (size_t i = 0; i < l->n_scripts; i++) {
		add(&g, "a provider's script",
		    arena_printf(a, STR_FMT STR_FMT, STR_ARG(scripts),
				 STR_ARG(l->scripts[i].name)));
	}
	TRY(config_secrets(a, cfg, &secrets, &n, err));
	for (size_t i = 0; i < n; i++) {
		add(&g, "a secret file", secrets[i].file);
	}
	for (size_t i = 0; i < cfg->identity.oauth.n_issuers; i++) {
		add(&g, "a key set", cfg->identity.oauth.issuers[i].keys_file);
	}
	for (size_t i = 0; i < cfg->n_servers; i++) {
		const struct config_server *s = &cfg->servers[i];

		if (s->kind == CONFIG_SERVER_STDIO) {
			TRY(check_places(&g, s, &s->files_read, shown, err));
			TRY(check_places(&g, s, &s->files_write, shown, err));
		}
	}
	return ERR_OK;
}
