/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no sandbox gets, whichever places it is given: parts of the node that decides about it, parts of
 * this user's other nodes, and every Unix socket (run_sockets.c).
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
			     struct run_guard *ret, struct err *err)
{
	const struct config_secret *secrets;
	struct run_sockets sockets = {0};
	size_t n_secrets;
	struct str base;

	TRY(run_sockets_bound(a, &sockets, err));
	TRY(config_secrets(a, cfg, &secrets, &n_secrets, err));
	ret->hidden = ARENA_ARRAY(a, n_secrets + cfg->n_listen + sockets.n + 2, struct str);
	ret->kept = ARENA_ARRAY(a, 3, struct str);
	if (!ret->hidden || !ret->kept) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	TRY(guard_add(a, ret->hidden, &ret->n_hidden, cfg->state, err));
	for (size_t i = 0; i < n_secrets; i++) {
		TRY(guard_add(a, ret->hidden, &ret->n_hidden, secrets[i].file, err));
	}
	for (size_t i = 0; i < cfg->n_listen; i++) {
		TRY(guard_add(a, ret->hidden, &ret->n_hidden, cfg->listen[i].path, err));
	}
	if (run_base(a, &base, NULL) == ERR_OK) {
		TRY(guard_add(a, ret->hidden, &ret->n_hidden, base, err));
	}
	for (size_t i = 0; i < sockets.n; i++) {
		ret->hidden[ret->n_hidden++] = sockets.paths[i];
	}
	ret->nameless_sockets = sockets.nameless;
	TRY(guard_add(a, ret->kept, &ret->n_kept, config_path, err));
	TRY(guard_add(a, ret->kept, &ret->n_kept, cfg->policies, err));
	return guard_add(a, ret->kept, &ret->n_kept, cfg->schema, err);
}
