/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include "base/hex.h"
#include "config/guard.h"
#include "config/load_priv.h"
#include "config/yaml.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
	}
}

static void close_dir(DIR **dir)
{
	if (*dir) {
		(void)closedir(*dir);
	}
}

/* The folder of `path`, absolute and with symbolic links followed. */
static enum err_code folder_of(struct arena *a, const char *path, struct str *ret, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct str dir = slash ? str_make(path, (size_t)(slash - path) + 1) : STR(".");
	struct str text = arena_dup(a, dir);
	char *real;

	if (!text.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	real = realpath(text.p, NULL);
	if (!real) {
		return ERR_ERRNO(err, "%s", text.p);
	}
	text = arena_dup(a, strcmp(real, "/") == 0 ? STR("") : str_from_c(real));
	free(real);
	if (!text.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	*ret = text.n ? text : STR("/.");
	return ERR_OK;
}

static int compare_texts(const void *a, const void *b)
{
	return str_cmp(((const struct config_text *)a)->name,
		       ((const struct config_text *)b)->name);
}

static bool is_policy_name(struct str name)
{
	return name.n && name.p[0] != '.' &&
	       (str_ends_with(name, STR(".cedar")) || str_ends_with(name, STR(".dw")));
}

/* "policies/x.cedar": the folder's own name is enough to find the file. */
static struct str shown_name(struct arena *a, struct str dir, struct str name)
{
	size_t cut = dir.n;

	while (cut && dir.p[cut - 1] != '/') {
		cut--;
	}
	return arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(str_from(dir, cut)), STR_ARG(name));
}

static enum err_code load_policies(struct arena *a, struct str dir, struct config_loaded *to,
				   struct err *err)
{
	CLEANUP(close_dir) DIR *d = opendir(dir.p);
	struct config_text *items = NULL;
	size_t n = 0, cap = 0, total = 0;
	const struct dirent *entry;

	if (!d) {
		return ERR_ERRNO(err, "policies: " STR_FMT, STR_ARG(dir));
	}
	for (;;) {
		struct config_text t;

		errno = 0; /* readdir tells an error from the end only by it */
		entry = readdir(d);
		if (!entry) {
			break;
		}
		if (!is_policy_name(str_from_c(entry->d_name))) {
			continue;
		}
		if (n == CONFIG_MAX_POLICY_FILES) {
			return ERR(err, ERR_LIMIT, STR_FMT ": more than %d policy files",
				   STR_ARG(dir), CONFIG_MAX_POLICY_FILES);
		}
		t.name = shown_name(a, dir, str_from_c(entry->d_name));
		if (!t.name.p || !ARENA_GROW(a, &items, n, &cap)) {
			return ERR(err, ERR_NOMEM, "out of memory");
		}
		TRY(config_read_regular(a, dirfd(d), entry->d_name, t.name, CONFIG_MAX_POLICY_BYTES,
					&t.text, err));
		total += t.text.n;
		if (total > CONFIG_MAX_POLICIES_BYTES) {
			return ERR(err, ERR_LIMIT, STR_FMT ": the policies are larger than %d MiB",
				   STR_ARG(dir), CONFIG_MAX_POLICIES_BYTES >> 20);
		}
		items[n++] = t;
	}
	if (errno) {
		return ERR_ERRNO(err, STR_FMT, STR_ARG(dir));
	}
	if (n) {
		qsort(items, n, sizeof(*items), compare_texts);
	}
	to->policies = items;
	to->n_policies = n;
	return ERR_OK;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* First match in PATH; only absolute folders count, so the current folder never does. */
static struct str find_in_path(struct arena *a, struct str program)
{
	const char *env = getenv("PATH");
	struct str rest = str_from_c(env ? env : "/usr/local/bin:/usr/bin:/bin");

	while (rest.p) {
		struct str dir = str_cut(&rest, ':');
		struct str path;

		if (dir.n == 0 || dir.p[0] != '/') {
			continue;
		}
		path = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(program));
		if (path.p && is_program(path.p)) {
			return path;
		}
	}
	return str_make(NULL, 0);
}

static enum err_code find_program(struct arena *a, struct config_server *s, struct str shown,
				  struct err *err)
{
	struct str *items = ARENA_ARRAY(a, s->command.n, struct str);
	struct str program = s->command.items[0];

	if (!items) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	memcpy(items, s->command.items, s->command.n * sizeof(*items));
	if (program.p[0] != '/') {
		items[0] = find_in_path(a, program);
		if (!items[0].p) {
			return ERR(err, ERR_NOT_FOUND,
				   STR_FMT ": server '" STR_FMT "': no program '" STR_FMT
					   "' in PATH: install it, or name it by its whole "
					   "path",
				   STR_ARG(shown), STR_ARG(s->id), STR_ARG(program));
		}
	} else {
		items[0] = arena_dup(a, program);
		if (!items[0].p || !is_program(items[0].p)) {
			return ERR(err, ERR_NOT_FOUND,
				   STR_FMT ": server '" STR_FMT "': '" STR_FMT
					   "' is not a program that can be started",
				   STR_ARG(shown), STR_ARG(s->id), STR_ARG(program));
		}
	}
	s->command.items = items;
	return ERR_OK;
}

static enum err_code find_programs(struct arena *a, struct config *cfg, struct str shown,
				   struct err *err)
{
	struct config_server *servers = ARENA_ARRAY(a, cfg->n_servers, struct config_server);

	if (!servers) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (cfg->n_servers) {
		memcpy(servers, cfg->servers, cfg->n_servers * sizeof(*servers));
	}
	for (size_t i = 0; i < cfg->n_servers; i++) {
		if (servers[i].kind == CONFIG_SERVER_STDIO) {
			TRY(find_program(a, &servers[i], shown, err));
		}
	}
	cfg->servers = servers;
	return ERR_OK;
}

struct secret_list {
	struct arena *a;
	struct config_secret *items;
	size_t n, cap;
	enum err_code code;
};

static void add_secret(struct secret_list *l, struct str file, enum config_secret_reader reader)
{
	if (file.n == 0 || l->code) {
		return;
	}
	for (size_t i = 0; i < l->n; i++) {
		if (l->items[i].reader == reader && str_eq(l->items[i].file, file)) {
			return;
		}
	}
	if (l->n == CONFIG_MAX_SECRETS) {
		l->code = ERR_LIMIT;
		return;
	}
	file = arena_dup(l->a, file);
	if (!file.p || !ARENA_GROW(l->a, &l->items, l->n, &l->cap)) {
		l->code = ERR_NOMEM;
		return;
	}
	l->items[l->n++] = (struct config_secret){.file = file, .reader = reader};
}

enum err_code config_secrets(struct arena *a, const struct config *cfg,
			     const struct config_secret **ret, size_t *ret_n, struct err *err)
{
	struct secret_list l = {.a = a};

	for (size_t i = 0; i < cfg->n_listen; i++) {
		add_secret(&l, cfg->listen[i].tls.key, CONFIG_SECRET_GATE);
	}
	for (size_t i = 0; i < cfg->n_servers; i++) {
		const struct config_server *s = &cfg->servers[i];

		for (size_t k = 0; k < s->env.n; k++) {
			add_secret(&l, s->env.items[k].secret_file, CONFIG_SECRET_RUNNER);
		}
		for (size_t k = 0; k < s->headers.n; k++) {
			add_secret(&l, s->headers.items[k].secret_file, CONFIG_SECRET_CONNECTOR);
		}
		for (const struct config_grant *g = s->oauth; g; g = g->idp) {
			add_secret(&l, g->secret_file, CONFIG_SECRET_CONNECTOR);
			add_secret(&l, g->key_file, CONFIG_SECRET_CONNECTOR);
			add_secret(&l, g->subject_file, CONFIG_SECRET_CONNECTOR);
		}
	}
	for (size_t i = 0; i < cfg->n_models; i++) {
		add_secret(&l, cfg->models[i].api_key_file, CONFIG_SECRET_CONNECTOR);
	}
	for (size_t i = 0; i < cfg->identity.oauth.n_issuers; i++) {
		add_secret(&l, cfg->identity.oauth.issuers[i].secret_file, CONFIG_SECRET_CONNECTOR);
	}
	for (size_t i = 0; i < cfg->n_credentials; i++) {
		add_secret(&l, cfg->credentials[i].file, CONFIG_SECRET_EXIT);
	}
	if (l.code) {
		return ERR(err, l.code,
			   l.code == ERR_NOMEM ? "out of memory" : "more than %d secret files",
			   CONFIG_MAX_SECRETS);
	}
	*ret = l.items;
	*ret_n = l.n;
	return ERR_OK;
}

static enum err_code check_secret(struct str shown, const struct config_secret *s, struct err *err)
{
	CLEANUP(close_fd)
	int fd = open(s->file.p, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		return ERR_ERRNO(err, STR_FMT ": secret file '" STR_FMT "'", STR_ARG(shown),
				 STR_ARG(s->file));
	}
	if (!S_ISREG(st.st_mode)) {
		return ERR(err, ERR_INVALID, STR_FMT ": secret file '" STR_FMT "' is not a file",
			   STR_ARG(shown), STR_ARG(s->file));
	}
	if (st.st_mode & 077) {
		return ERR(err, ERR_DENIED,
			   STR_FMT ": other users of this machine may use the secret file '" STR_FMT
				   "': chmod 600 it",
			   STR_ARG(shown), STR_ARG(s->file));
	}
	if (st.st_size == 0) {
		return ERR(err, ERR_INVALID, STR_FMT ": secret file '" STR_FMT "' is empty",
			   STR_ARG(shown), STR_ARG(s->file));
	}
	return ERR_OK;
}

/* The sites have moved: models and servers follow. */
static enum err_code repoint(struct arena *a, struct config *cfg, const struct config_site *to,
			     struct err *err)
{
	struct config_server *servers = ARENA_ARRAY(a, cfg->n_servers + 1, struct config_server);
	struct config_model *models = ARENA_ARRAY(a, cfg->n_models + 1, struct config_model);

	if (!servers || !models) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < cfg->n_servers; i++) {
		servers[i] = cfg->servers[i];
		if (servers[i].site) {
			servers[i].site = to + (servers[i].site - cfg->sites);
		}
	}
	for (size_t i = 0; i < cfg->n_models; i++) {
		models[i] = cfg->models[i];
		models[i].site = to + (models[i].site - cfg->sites);
	}
	cfg->servers = servers;
	cfg->models = models;
	cfg->sites = to;
	return ERR_OK;
}

static enum err_code read_manifest(struct arena *a, struct config_site *s, struct err *err)
{
	struct str path = arena_printf(a, STR_FMT ".sig", STR_ARG(s->manifest_file)), sig;
	struct str file = arena_dup(a, s->manifest_file);
	struct buf hex;

	if (!path.p || !file.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(config_read_regular(a, AT_FDCWD, file.p, s->manifest_file, CONFIG_MAX_MANIFEST_BYTES,
				&s->manifest, err));
	TRY(config_read_regular(a, AT_FDCWD, path.p, path, CONFIG_MAX_MANIFEST_BYTES, &sig, err));
	buf_init(&hex, 2 * (size_t)CONFIG_MAX_MANIFEST_BYTES);
	hex_append(&hex, sig.p, sig.n);
	s->manifest_sig = arena_dup(a, buf_str(&hex));
	buf_done(&hex);
	return s->manifest_sig.p ? ERR_OK : ERR(err, ERR_NOMEM, "out of memory");
}

/* There is none before the first approval. */
static enum err_code load_approvals(struct arena *a, struct config_residency *r, struct err *err)
{
	if (r->approvals_file.n == 0 ||
	    (access(r->approvals_file.p, F_OK) < 0 && errno == ENOENT)) {
		return ERR_OK;
	}
	return config_read_regular(a, AT_FDCWD, r->approvals_file.p, r->approvals_file,
				   CONFIG_MAX_APPROVALS_BYTES, &r->approvals, err);
}

/* Manifests with their signatures, and the files of groups. Whether they are good is for others. */
static enum err_code load_sites(struct arena *a, struct config *cfg, struct err *err)
{
	struct config_site *sites = ARENA_ARRAY(a, cfg->n_sites + 1, struct config_site);
	struct config_group_file *groups =
		ARENA_ARRAY(a, cfg->residency.n_groups + 1, struct config_group_file);

	if (!sites || !groups) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < cfg->n_sites; i++) {
		struct config_site *s = &sites[i];

		*s = cfg->sites[i];
		if (s->manifest_file.n) {
			TRY(read_manifest(a, s, err));
		}
	}
	for (size_t i = 0; i < cfg->residency.n_groups; i++) {
		groups[i] = cfg->residency.groups[i];
		TRY(config_read_regular(a, AT_FDCWD, groups[i].file.p, groups[i].file,
					CONFIG_MAX_GROUP_BYTES, &groups[i].text, err));
	}
	cfg->residency.groups = groups;
	TRY(load_approvals(a, &cfg->residency, err));
	return repoint(a, cfg, sites, err);
}

/* Key sets that are files. Whether they hold a key is for others. */
static enum err_code load_key_sets(struct arena *a, struct config *cfg, struct err *err)
{
	struct config_oauth *o = &cfg->identity.oauth;
	struct config_issuer *issuers = ARENA_ARRAY(a, o->n_issuers + 1, struct config_issuer);

	if (!issuers) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < o->n_issuers; i++) {
		struct config_issuer *is = &issuers[i];

		*is = o->issuers[i];
		if (is->keys_file.n) {
			TRY(config_read_regular(a, AT_FDCWD, is->keys_file.p, is->keys_file,
						CONFIG_MAX_KEYS_BYTES, &is->keys, err));
		}
	}
	o->issuers = issuers;
	return ERR_OK;
}

static struct str file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return str_from_c(slash ? slash + 1 : path);
}

enum err_code config_read_file(struct arena *a, const char *path, struct config *ret,
			       struct config_errors *errors, struct err *err)
{
	struct config_source src = {.name = file_name(path)};
	enum err_code code;

	code = config_read_regular(a, AT_FDCWD, path, str_from_c(path), CONFIG_MAX_BYTES, &src.text,
				   err);
	if (code && access(path, F_OK) < 0 && errno == ENOENT) {
		return ERR(err, ERR_NOT_FOUND,
			   "%s: there is no such configuration: `writ init DIR` writes one, "
			   "--config FILE names another",
			   path);
	}
	TRY(code);
	TRY(folder_of(a, path, &src.dir, err));
	TRY(yaml_parse(a, src.name, src.text, &src.root, err));
	return config_decode(a, &src, ret, errors, err);
}

/* What the policies are read by; `file` is empty when there is none. */
static enum err_code read_beside(struct arena *a, struct str file, struct config_text *ret,
				 struct err *err)
{
	ret->name = file;
	return file.n ? config_read_regular(a, AT_FDCWD, file.p, file, CONFIG_MAX_SCHEMA_BYTES,
					    &ret->text, err)
		      : ERR_OK;
}

enum err_code config_load(struct arena *a, const char *path, struct config_loaded *ret,
			  struct config_errors *errors, struct err *err)
{
	struct str shown = file_name(path);
	struct config_loaded l = {0};

	TRY(config_read_file(a, path, &l.config, errors, err));
	TRY(find_programs(a, &l.config, shown, err));
	TRY(load_sites(a, &l.config, err));
	TRY(load_key_sets(a, &l.config, err));
	TRY(load_policies(a, l.config.policies, &l, err));
	TRY(read_beside(a, l.config.schema, &l.schema, err));
	TRY(read_beside(a, l.config.events, &l.events, err));
	TRY(read_beside(a, l.config.providers, &l.providers, err));
	TRY(config_read_scripts(a, &l, err));
	TRY(config_secrets(a, &l.config, &l.secrets, &l.n_secrets, err));
	for (size_t i = 0; i < l.n_secrets; i++) {
		TRY(check_secret(shown, &l.secrets[i], err));
	}
	TRY(config_guard_own_files(a, &l, path, shown, err));
	TRY(config_guard_replaceable(a, &l.config, shown, err));
	*ret = l;
	return ERR_OK;
}
