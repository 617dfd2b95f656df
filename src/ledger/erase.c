/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/erase.h"

#include "base/arena.h"
#include "base/hex.h"
#include "crypto/secret.h"
#include "sys/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { SALTS_BYTES_MAX = 1 << 30, KEY_DIGITS = 2 * SHA256_LEN };

static const char zeros[KEY_DIGITS + 1] =
	"0000000000000000000000000000000000000000000000000000000000000000";

/* The keys of a session in one folder of files. */
struct visit {
	struct str session;
	uint64_t n; /* keys that were there */
	struct err *err;
};

static enum err_code erase_key(struct visit *v, int fd, size_t offset, struct str digits)
{
	if (str_eq(digits, str_make(zeros, KEY_DIGITS))) {
		return ERR_OK;
	}
	if (pwrite(fd, zeros, KEY_DIGITS, (off_t)offset) != KEY_DIGITS || fdatasync(fd) < 0) {
		return ERR_ERRNO(v->err, "overwriting a key");
	}
	v->n++;
	return ERR_OK;
}

static enum err_code visit_file(struct visit *v, int fd, struct str text)
{
	struct str rest = text;

	while (rest.p) {
		struct str line = str_cut(&rest, '\n');

		if (line.n == KEY_DIGITS + 1 + v->session.n && line.p[KEY_DIGITS] == ' ' &&
		    str_eq(str_from(line, KEY_DIGITS + 1), v->session)) {
			TRY(erase_key(v, fd, (size_t)(line.p - text.p),
				      str_make(line.p, KEY_DIGITS)));
		}
	}
	return ERR_OK;
}

static enum err_code visit_name(struct visit *v, int salts_fd, const char *name)
{
	CLEANUP(fd_close)
	int fd = openat(salts_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct arena a;
	struct str text;
	enum err_code code;

	if (fd < 0) {
		return ERR_ERRNO(v->err, "opening salts/%s", name);
	}
	arena_init(&a, (size_t)2 * SALTS_BYTES_MAX);
	code = fd_read_all(fd, SALTS_BYTES_MAX, &a, &text, v->err);
	if (!code) {
		code = visit_file(v, fd, text);
		secret_wipe((char *)(uintptr_t)text.p, text.n);
	}
	arena_done(&a);
	return code;
}

static enum err_code visit_all(struct visit *v, int dir_fd)
{
	int fd = openat(dir_fd, "salts", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	enum err_code code = ERR_OK;
	const struct dirent *d;
	DIR *dir;

	if (fd < 0) {
		return ERR_ERRNO(v->err, "opening the folder salts/");
	}
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return ERR_ERRNO(v->err, "reading the folder salts/");
	}
	while (!code && (d = readdir(dir))) {
		if (str_ends_with(str_from_c(d->d_name), STR(".salt"))) {
			code = visit_name(v, fd, d->d_name);
		}
	}
	(void)closedir(dir);
	return code;
}

enum err_code ledger_erase(int dir_fd, struct str session, uint64_t *ret_n, struct err *err)
{
	struct visit v = {.session = session, .err = err};

	TRY(visit_all(&v, dir_fd));
	*ret_n = v.n;
	return ERR_OK;
}
