/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
}

enum err_code fd_set_nonblock(int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
		return ERR_ERRNO(err, "making descriptor %d non-blocking", fd);
	}
	return ERR_OK;
}

enum err_code fd_memfd(const char *name, struct str s, int *ret_fd, struct err *err)
{
	CLEANUP(fd_close) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) {
		return ERR_ERRNO(err, "memfd_create %s", name);
	}
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0) {
			return ERR_ERRNO(err, "writing memfd %s", name);
		}
		s = str_from(s, (size_t)n);
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
		return ERR_ERRNO(err, "sealing memfd %s", name);
	}
	*ret_fd = fd_take(&fd);
	return ERR_OK;
}

enum err_code fd_read_all(int fd, size_t max, struct arena *a, struct str *ret, struct err *err)
{
	struct stat st;
	size_t size, got = 0;
	char *p;

	if (fstat(fd, &st) < 0) {
		return ERR_ERRNO(err, "fstat");
	}
	if (!S_ISREG(st.st_mode)) {
		return ERR(err, ERR_INVALID, "not a regular file");
	}
	if (st.st_size < 0 || (uint64_t)st.st_size > max) {
		return ERR(err, ERR_LIMIT, "%lld bytes is more than the limit of %zu",
			   (long long)st.st_size, max);
	}
	size = (size_t)st.st_size;
	p = arena_alloc(a, size + 1);
	if (!p) {
		return ERR(err, ERR_NOMEM, "no memory for %zu bytes", size);
	}
	while (got < size) {
		ssize_t n = pread(fd, p + got, size - got, (off_t)got);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return ERR_ERRNO(err, "read");
		}
		if (n == 0) {
			break; /* it shrank meanwhile: what is there is all there is */
		}
		got += (size_t)n;
	}
	p[got] = '\0';
	*ret = str_make(p, got);
	return ERR_OK;
}

enum err_code fd_read_path(const char *path, size_t max, struct arena *a, struct str *ret,
			   struct err *err)
{
	/* O_NONBLOCK: a FIFO in the place of the file must not hang the reader. */
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum err_code code;

	if (fd < 0) {
		if (errno == ENOENT) {
			return ERR(err, ERR_NOT_FOUND, "%s: no such file", path);
		}
		return ERR_ERRNO(err, "%s", path);
	}
	code = fd_read_all(fd, max, a, ret, err);
	if (code) {
		err_wrap(err, "%s", path);
	}
	return code;
}
