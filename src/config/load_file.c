/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one file, bounded; and the scripts that the list of providers names. */
#include "config/load_priv.h"

#include "json/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

static void close_fd(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
	}
}

static enum err_code read_whole(struct arena *a, int fd, struct str shown, size_t max,
				struct str *ret, struct err *err)
{
	struct stat st;
	size_t n = 0;
	char *p;

	if (fstat(fd, &st) < 0) {
		return ERR_ERRNO(err, STR_FMT, STR_ARG(shown));
	}
	if (!S_ISREG(st.st_mode)) {
		return ERR(err, ERR_INVALID, STR_FMT ": not a regular file%s", STR_ARG(shown),
			   S_ISDIR(st.st_mode) ? " but a folder: name the file in it" : "");
	}
	if (st.st_size < 0 || (uint64_t)st.st_size > max) {
		return ERR(err, ERR_LIMIT, STR_FMT ": larger than %zu KiB", STR_ARG(shown),
			   max >> 10);
	}
	p = arena_alloc(a, (size_t)st.st_size + 1);
	if (!p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	while (n < (size_t)st.st_size) { /* what is added while we read is not read */
		ssize_t got = read(fd, p + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			return ERR_ERRNO(err, STR_FMT, STR_ARG(shown));
		}
		if (got == 0) {
			break;
		}
		n += (size_t)got;
	}
	p[n] = '\0';
	*ret = str_make(p, n);
	return ERR_OK;
}

enum err_code config_read_regular(struct arena *a, int at, const char *name, struct str shown,
				  size_t max, struct str *ret, struct err *err)
{
	CLEANUP(close_fd) int fd = openat(at, name, READ);

	return fd < 0 ? ERR_ERRNO(err, STR_FMT, STR_ARG(shown))
		      : read_whole(a, fd, shown, max, ret, err);
}

/* ---- scripts ---- */

/* No part of the name may lead elsewhere: neither "..", nor a link. */
static bool is_below(struct str name)
{
	for (struct str rest = name; rest.p;) {
		struct str part = str_cut(&rest, '/');

		if (part.n == 0 || part.n > NAME_MAX || str_eq(part, STR(".")) ||
		    str_eq(part, STR(".."))) {
			return false;
		}
	}
	return name.n > 0 && str_find(name, '\0') == name.n;
}

static enum err_code open_failed(struct str name, struct err *err)
{
	return errno == ELOOP || errno == ENOTDIR
		       ? ERR(err, ERR_INVALID,
			     "providers: script " STR_FMT ": links are not followed here",
			     STR_ARG(name))
		       : ERR_ERRNO(err, "providers: script " STR_FMT, STR_ARG(name));
}

/* Folder by folder, so that a link anywhere on the way is seen. */
static enum err_code read_below(struct arena *a, int folder, struct str name, struct str *ret,
				struct err *err)
{
	CLEANUP(close_fd) int at = dup(folder);
	CLEANUP(close_fd) int fd = -1;

	for (struct str rest = name; rest.p && at >= 0;) {
		struct str part = str_cut(&rest, '/');
		char text[NAME_MAX + 1];

		memcpy(text, part.p, part.n);
		text[part.n] = '\0';
		fd = openat(at, text, rest.p ? READ | O_NOFOLLOW | O_DIRECTORY : READ | O_NOFOLLOW);
		(void)close(at);
		at = fd;
		fd = -1;
	}
	return at < 0 ? open_failed(name, err)
		      : read_whole(a, at, name, CONFIG_MAX_SCRIPT_BYTES, ret, err);
}

static bool is_known(const struct config_loaded *l, struct str name)
{
	for (size_t i = 0; i < l->n_scripts; i++) {
		if (str_eq(l->scripts[i].name, name)) {
			return true;
		}
	}
	return false;
}

static enum err_code read_all(struct arena *a, int folder, const struct json *providers,
			      struct config_loaded *l, struct err *err)
{
	struct config_text *list = NULL;
	size_t cap = 0;

	JSON_EACH (p, providers) {
		const struct json *file =
			json_get(json_get(p, STR("implementation")), STR("scriptFile"));

		if (!json_is_string(file) || is_known(l, file->text)) {
			continue;
		}
		if (!is_below(file->text)) {
			return ERR(err, ERR_INVALID,
				   "providers: `" STR_FMT
				   "`: `scriptFile` must name a file beside the list",
				   STR_ARG(p->key));
		}
		if (l->n_scripts == CONFIG_MAX_SCRIPTS) {
			return ERR(err, ERR_LIMIT, "providers: more than %d scripts",
				   CONFIG_MAX_SCRIPTS);
		}
		if (!ARENA_GROW(a, &list, l->n_scripts, &cap)) {
			return ERR(err, ERR_NOMEM, "out of memory");
		}
		list[l->n_scripts].name = file->text;
		TRY(read_below(a, folder, file->text, &list[l->n_scripts].text, err));
		l->scripts = list;
		l->n_scripts++;
	}
	return ERR_OK;
}

struct str config_scripts_folder(const struct config *cfg)
{
	size_t n = cfg->providers.n;

	while (n > 0 && cfg->providers.p[n - 1] != '/') {
		n--;
	}
	return str_make(cfg->providers.p, n);
}

enum err_code config_read_scripts(struct arena *a, struct config_loaded *l, struct err *err)
{
	struct str dir = arena_dup(a, config_scripts_folder(&l->config));
	const struct json *doc;
	enum err_code code;
	int folder;

	if (l->providers.name.n == 0) {
		return ERR_OK;
	}
	if (!dir.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (json_parse(a, l->providers.text, NULL, &doc, NULL)) {
		return ERR_OK; /* what is wrong with the list is said where it is compiled */
	}
	folder = open(dir.p, READ | O_DIRECTORY);
	if (folder < 0) {
		return ERR_ERRNO(err, STR_FMT, STR_ARG(dir));
	}
	code = read_all(a, folder, json_get(doc, STR("availableProviders")), l, err);
	(void)close(folder);
	return code;
}
