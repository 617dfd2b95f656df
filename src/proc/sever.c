/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/sever.h"

#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char FILE_NAME[] = "severed", NEW_NAME[] = "severed.new";

bool sever_group(struct str name, char ret[static SEVER_GROUP_MAX + 1])
{
	if (name.n == 0 || name.n > SEVER_GROUP_MAX) {
		return false;
	}
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    !(i && (c == '-' || c == '_' || c == '.'))) {
			return false;
		}
	}
	memcpy(ret, name.p, name.n);
	ret[name.n] = '\0';
	return true;
}

enum err_code sever_read(int dir_fd, char ret[static SEVER_GROUP_MAX + 1], struct err *err)
{
	char text[SEVER_GROUP_MAX + 2];
	CLEANUP(fd_close) int fd = openat(dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	ret[0] = '\0';
	if (fd < 0) {
		return errno == ENOENT ? ERR_OK : ERR_ERRNO(err, "opening %s", FILE_NAME);
	}
	n = read(fd, text, sizeof(text));
	if (n < 1 || text[n - 1] != '\n' || !sever_group(str_make(text, (size_t)n - 1), ret)) {
		return ERR(err, ERR_CORRUPT,
			   "%s in the state directory names no group: write the one that is kept "
			   "into it, or remove it",
			   FILE_NAME);
	}
	return ERR_OK;
}

static enum err_code replace(int dir_fd, const char *group, struct err *err)
{
	CLEANUP(fd_close)
	int fd = openat(dir_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);

	if (fd < 0 || dprintf(fd, "%s\n", group) < 0 || fsync(fd) < 0 ||
	    renameat(dir_fd, NEW_NAME, dir_fd, FILE_NAME) < 0) {
		return ERR_ERRNO(err, "writing %s", FILE_NAME);
	}
	return ERR_OK;
}

enum err_code sever_write(int dir_fd, const char *group, struct err *err)
{
	if (group[0]) {
		TRY(replace(dir_fd, group, err));
	} else if (unlinkat(dir_fd, FILE_NAME, 0) < 0 && errno != ENOENT) {
		return ERR_ERRNO(err, "removing %s", FILE_NAME);
	}
	return fsync(dir_fd) < 0 ? ERR_ERRNO(err, "fsync") : ERR_OK;
}
