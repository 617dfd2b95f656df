/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/find.h"

#include "sys/path.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum err_code find_real_path(struct arena *a, const char *path, struct str *ret, struct err *err)
{
	struct stat st;
	char *real;

	if (path_is_real(path, &st)) {
		*ret = arena_dup(a, str_from_c(path));
		return ret->p ? ERR_OK : ERR(err, ERR_NOMEM, "out of memory");
	}
	real = realpath(path, NULL);
	if (!real) {
		return ERR_ERRNO(err, "%s", path);
	}
	*ret = arena_dup(a, str_from_c(real));
	free(real);
	return ret->p ? ERR_OK : ERR(err, ERR_NOMEM, "out of memory");
}

struct str find_program(struct arena *a, const char *name)
{
	const char *env = getenv("PATH");
	struct str rest = str_from_c(env ? env : "/usr/local/bin:/usr/bin:/bin");

	while (rest.p) {
		struct str dir = str_cut(&rest, ':');
		struct str path;

		if (dir.n == 0 || dir.p[0] != '/') {
			continue;
		}
		path = arena_printf(a, STR_FMT "/%s", STR_ARG(dir), name);
		if (path.p && find_is_file(path.p) && access(path.p, X_OK) == 0) {
			return path;
		}
	}
	return str_make(NULL, 0);
}

bool find_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool find_is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}
