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

enum { SOCKETS_MAX = 16 << 20, SOCKETS_STEP = 64 << 10 };

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

static enum err_code read_table(struct buf *b, struct err *err)
{
	CLEANUP(fd_close) int fd = open("/proc/net/unix", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		char *to = buf_reserve(b, SOCKETS_STEP);

		n = to ? read(fd, to, SOCKETS_STEP) : -1;
		if (n > 0) {
			buf_commit(b, (size_t)n);
		}
	}
	return n < 0 ? ERR_ERRNO(err, "/proc/net/unix, which tells which sockets to hide") : ERR_OK;
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

/* Real paths of the bound sockets of this network namespace. */
static enum err_code find_sockets(struct arena *a, struct str **ret, size_t *ret_n, struct err *err)
{
	struct str *list = NULL;
	size_t n = 0, cap = 0;
	enum err_code code;
	struct str rest;
	struct buf b;

	buf_init(&b, SOCKETS_MAX);
	code = read_table(&b, err);
	rest = buf_str(&b);
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		struct str name = arena_dup(a, name_of(line)), real;

		if (name.n == 0 || name.p[0] != '/' || !find_socket(a, name.p, &real)) {
			continue;
		}
		if (!ARENA_GROW(a, &list, n, &cap)) {
			break;
		}
		list[n++] = hidden_for(a, real);
	}
	buf_done(&b);
	*ret = list;
	*ret_n = n;
	return code ? code : a->exhausted ? ERR(err, ERR_NOMEM, "out of memory") : ERR_OK;
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
	size_t n_secrets, n_sockets = 0;
	struct str base, *sockets = NULL;

	TRY(find_sockets(a, &sockets, &n_sockets, err));
	TRY(config_secrets(a, cfg, &secrets, &n_secrets, err));
	g->hidden = ARENA_ARRAY(a, n_secrets + cfg->n_listen + n_sockets + 2, struct str);
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
	for (size_t i = 0; i < n_sockets; i++) {
		g->hidden[g->n_hidden++] = sockets[i];
	}
	TRY(guard_add(a, g->kept, &g->n_kept, config_path, err));
	TRY(guard_add(a, g->kept, &g->n_kept, cfg->policies, err));
	return guard_add(a, g->kept, &g->n_kept, cfg->schema, err);
}
