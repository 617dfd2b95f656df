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

/* What to do with a key of the session, at `offset` of the file; true to go on. */
struct visit {
	struct str session;
	bool (*key)(struct visit *v, int fd, size_t offset, struct str digits);
	uint64_t n;
	struct ledger_salt_key found;
	enum err_code code;
	struct err *err;
};

static void visit_file(struct visit *v, int fd, struct str text)
{
	struct str rest = text;
	bool go_on = true;

	while (rest.p && go_on) {
		struct str line = str_cut(&rest, '\n');

		if (line.n == KEY_DIGITS + 1 + v->session.n && line.p[KEY_DIGITS] == ' ' &&
		    str_eq(str_from(line, KEY_DIGITS + 1), v->session)) {
			go_on = v->key(v, fd, (size_t)(line.p - text.p),
				       str_make(line.p, KEY_DIGITS));
		}
	}
}

static enum err_code visit_name(struct visit *v, int salts_fd, const char *name, int flags)
{
	CLEANUP(fd_close)
	int fd = openat(salts_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct arena a;
	struct str text;
	enum err_code code;

	if (fd < 0) {
		return ERR_ERRNO(v->err, "opening salts/%s", name);
	}
	arena_init(&a, (size_t)2 * SALTS_BYTES_MAX);
	code = fd_read_all(fd, SALTS_BYTES_MAX, &a, &text, v->err);
	if (!code) {
		visit_file(v, fd, text);
		secret_wipe((char *)(uintptr_t)text.p, text.n);
		code = v->code;
	}
	arena_done(&a);
	return code;
}

static enum err_code visit_all(struct visit *v, int dir_fd, int flags)
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
			code = visit_name(v, fd, d->d_name, flags);
		}
	}
	(void)closedir(dir);
	return code;
}

static bool erase_key(struct visit *v, int fd, size_t offset, struct str digits)
{
	if (str_eq(digits, str_make(zeros, KEY_DIGITS))) {
		return true;
	}
	if (pwrite(fd, zeros, KEY_DIGITS, (off_t)offset) != KEY_DIGITS || fdatasync(fd) < 0) {
		v->code = ERR_ERRNO(v->err, "overwriting a key");
		return false;
	}
	v->n++;
	return true;
}

enum err_code ledger_erase(int dir_fd, struct str session, uint64_t *ret_n, struct err *err)
{
	struct visit v = {.session = session, .key = erase_key, .err = err};

	TRY(visit_all(&v, dir_fd, O_RDWR));
	*ret_n = v.n;
	return ERR_OK;
}

static bool keep_key(struct visit *v, int fd, size_t offset, struct str digits)
{
	(void)fd;
	(void)offset;
	if (str_eq(digits, str_make(zeros, KEY_DIGITS)) ||
	    !hex_read(digits, v->found.bytes, sizeof(v->found.bytes))) {
		return true;
	}
	v->n++;
	return false;
}

enum err_code ledger_salt_find(int dir_fd, struct str session, struct ledger_salt_key *ret,
			       struct err *err)
{
	struct visit v = {.session = session, .key = keep_key, .err = err};

	TRY(visit_all(&v, dir_fd, O_RDONLY));
	if (v.n == 0) {
		return ERR(err, ERR_NOT_FOUND, "no salt is kept for this session");
	}
	*ret = v.found;
	return ERR_OK;
}
