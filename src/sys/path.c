/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/path.h"

#include "base/str.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_plain(struct str rest)
{
	if (rest.n < 2 || rest.p[0] != '/') {
		return false;
	}
	rest = str_from(rest, 1);
	while (rest.p) {
		struct str part = str_cut(&rest, '/');

		if (part.n == 0 || str_eq(part, STR(".")) || str_eq(part, STR(".."))) {
			return false;
		}
	}
	return true;
}

bool path_is_real(const char *path, struct stat *ret)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
			       .resolve = RESOLVE_NO_SYMLINKS};
	CLEANUP(fd_close) int fd = -1;

	if (!is_plain(str_from_c(path))) {
		return false;
	}
	fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	return fd >= 0 && fstat(fd, ret) == 0 && !S_ISLNK(ret->st_mode);
}
