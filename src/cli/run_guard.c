/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no sandbox gets, whichever places it is given: parts of the node that decides about it, parts of
 * this user's other nodes, and every Unix socket, behind which somebody outside would act for it.
 */
#include "cli/find.h"
#include "cli/run.h"
#include "config/load.h"
#include "sys/fd.h"
#include "sys/path.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOCKETS_STEP = 8 << 10 };

enum err_code run_base(struct arena *a, struct str *ret, struct err *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (state && state[0] == '/') {
		*ret = arena_printf(a, "%s/writ", state);
	} else if (home && home[0] == '/') {
		*ret = arena_printf(a, "%s/.local/state/writ", home);
	} else {
		return ERR(err, ERR_INVALID,
			   "neither XDG_STATE_HOME nor HOME says where to keep the ledger: give "
			   "--config");
	}
	return ret->p ? ERR_OK : ERR(err, ERR_NOMEM, "out of memory");
}

/* ---- sockets ---- */

/* proc(5), /proc/net/unix: seven columns, then the name as it was bound. */
static struct str name_of(struct str line)
{
	for (int i = 0; i < 7; i++) {
		line = str_trim(line);
		line = str_from(line, str_find(line, ' '));
	}
	return str_trim(line);
}

/* The socket's real path, if one is bound there. */
static bool find_socket(struct arena *a, const char *path, struct str *ret)
{
	struct stat st;

	if (path_is_real(path, &st)) {
		*ret = str_from_c(path);
		return S_ISSOCK(st.st_mode);
	}
	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       find_real_path(a, path, ret, NULL) == ERR_OK;
}

/* The folder of a node's socket is its state: with its keys. */
static struct str hidden_for(struct arena *a, struct str socket)
{
	static const struct str own = STR_INIT("/run.sock");
	struct str dir, key;

	if (!str_ends_with(socket, own)) {
		return socket;
	}
	dir = arena_dup(a, str_make(socket.p, socket.n - own.n));
	key = arena_printf(a, STR_FMT "/ledger.key", STR_ARG(dir));
	return dir.n && key.p && find_is_file(key.p) ? dir : socket;
}

struct sockets {
	struct arena *a;
	struct str *list;
	size_t n, cap;
};

static bool take_socket(struct sockets *s, struct str line)
{
	struct str name = name_of(line), real;

	if (name.n == 0 || name.p[0] != '/') {
		return true;
	}
	name = arena_dup(s->a, name);
	if (name.p && find_socket(s->a, name.p, &real) &&
	    ARENA_GROW(s->a, &s->list, s->n, &s->cap)) {
		s->list[s->n++] = hidden_for(s->a, real);
	}
	return !s->a->exhausted;
}

/* Real paths of the bound sockets of this network namespace. A machine may have many: they are read in pieces. */
static enum err_code find_sockets(struct sockets *s, struct err *err)
{
	CLEANUP(fd_close) int fd = open("/proc/net/unix", O_RDONLY | O_CLOEXEC);
	char text[SOCKETS_STEP];
	struct str rest = str_make(text, 0);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		memmove(text, rest.p, rest.n);
		n = read(fd, text + rest.n, sizeof(text) - rest.n);
		rest = str_make(text, rest.n + (n > 0 ? (size_t)n : 0));
		while (str_find(rest, '\n') < rest.n) {
			struct str line = str_cut(&rest, '\n');

			if (!take_socket(s, line)) {
				return ERR(err, ERR_NOMEM, "out of memory");
			}
		}
	}
	if (n < 0 || rest.n) {
		return n < 0 ? ERR_ERRNO(err, "/proc/net/unix, which tells which sockets to hide")
			     : ERR(err, ERR_CORRUPT, "/proc/net/unix has a line without an end");
	}
	return ERR_OK;
}

/* ---- the guard ---- */

/* Adds the real path of what exists. */
static enum err_code guard_add(struct arena *a, struct str *list, size_t *n, struct str path,
			       struct err *err)
{
	struct str copy = arena_dup(a, path);
	struct stat st;

	if (!copy.p) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	if (path.n == 0) {
		return ERR_OK;
	}
	if (path_is_real(copy.p, &st)) {
		list[(*n)++] = copy;
		return ERR_OK;
	}
	if (access(copy.p, F_OK) < 0) {
		return ERR_OK;
	}
	TRY(find_real_path(a, copy.p, &list[*n], err));
	(*n)++;
	return ERR_OK;
}

enum err_code run_guard_fill(struct arena *a, struct str config_path, const struct config *cfg,
			     struct run_guard *g, struct err *err)
{
	const struct config_secret *secrets;
	struct sockets sockets = {.a = a};
	size_t n_secrets;
	struct str base;

	TRY(find_sockets(&sockets, err));
	TRY(config_secrets(a, cfg, &secrets, &n_secrets, err));
	g->hidden = ARENA_ARRAY(a, n_secrets + cfg->n_listen + sockets.n + 2, struct str);
	g->kept = ARENA_ARRAY(a, 3, struct str);
	if (!g->hidden || !g->kept) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(guard_add(a, g->hidden, &g->n_hidden, cfg->state, err));
	for (size_t i = 0; i < n_secrets; i++) {
		TRY(guard_add(a, g->hidden, &g->n_hidden, secrets[i].file, err));
	}
	for (size_t i = 0; i < cfg->n_listen; i++) {
		TRY(guard_add(a, g->hidden, &g->n_hidden, cfg->listen[i].path, err));
	}
	if (run_base(a, &base, NULL) == ERR_OK) {
		TRY(guard_add(a, g->hidden, &g->n_hidden, base, err));
	}
	for (size_t i = 0; i < sockets.n; i++) {
		g->hidden[g->n_hidden++] = sockets.list[i];
	}
	TRY(guard_add(a, g->kept, &g->n_kept, config_path, err));
	TRY(guard_add(a, g->kept, &g->n_kept, cfg->policies, err));
	return guard_add(a, g->kept, &g->n_kept, cfg->schema, err);
}
