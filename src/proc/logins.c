/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/logins.h"

#include "crypto/box.h"
#include "crypto/secret.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char DIRECTORY[] = "logins", KEY_FILE[] = "login.key";

enum { NAME_MAX_BYTES = 64 };

static void name_of(struct str server, const char *behind, char to[NAME_MAX_BYTES])
{
	(void)snprintf(to, NAME_MAX_BYTES, "%s/" STR_FMT "%s", DIRECTORY, STR_ARG(server), behind);
}

enum err_code logins_read(int state_fd, struct str server, struct arena *a, struct str *ret,
			  struct err *err)
{
	char name[NAME_MAX_BYTES];
	CLEANUP(fd_close) int fd = -1;

	name_of(server, "", name);
	fd = openat(state_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		*ret = STR("");
		return ERR_OK;
	}
	return fd < 0 ? ERR_ERRNO(err, "opening %s", name)
		      : fd_read_all(fd, LOGINS_SLOT_MAX, a, ret, err);
}

static enum err_code write_new(int state_fd, const char *name, struct str bytes, struct err *err)
{
	CLEANUP(fd_close)
	int fd =
		openat(state_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n || fsync(fd) < 0
		       ? ERR_ERRNO(err, "writing %s", name)
		       : ERR_OK;
}

static enum err_code sync_directory(int state_fd, const char *name, struct err *err)
{
	CLEANUP(fd_close) int fd = openat(state_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? ERR_ERRNO(err, "syncing %s", name) : ERR_OK;
}

enum err_code logins_write(int state_fd, struct str server, struct str sealed, struct err *err)
{
	char name[NAME_MAX_BYTES], fresh[NAME_MAX_BYTES];

	name_of(server, "", name);
	name_of(server, ".new", fresh);
	if (mkdirat(state_fd, DIRECTORY, 0700) < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, "making the directory of logins");
	}
	if (sealed.n == 0) {
		if (unlinkat(state_fd, name, 0) < 0 && errno != ENOENT) {
			return ERR_ERRNO(err, "removing %s", name);
		}
		return sync_directory(state_fd, DIRECTORY, err);
	}
	TRY(write_new(state_fd, fresh, sealed, err));
	if (renameat(state_fd, fresh, state_fd, name) < 0) {
		return ERR_ERRNO(err, "replacing %s", name);
	}
	return sync_directory(state_fd, DIRECTORY, err);
}

uint64_t logins_since(int state_fd, struct str server)
{
	char name[NAME_MAX_BYTES];
	struct stat st;

	name_of(server, "", name);
	return fstatat(state_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime > 0
		       ? (uint64_t)st.st_mtime
		       : 0;
}

/* By another name first, so that a power failure leaves no half of one. */
static enum err_code make_key(int state_fd, struct err *err)
{
	static const char fresh[] = "login.key.new";
	uint8_t key[BOX_KEY_LEN];
	enum err_code code;

	if (faccessat(state_fd, KEY_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		return ERR_OK;
	}
	rand_bytes(key, sizeof(key));
	code = write_new(state_fd, fresh, str_make((const char *)key, sizeof(key)), err);
	secret_wipe(key, sizeof(key));
	TRY(code);
	if (renameat(state_fd, fresh, state_fd, KEY_FILE) < 0) {
		return ERR_ERRNO(err, "making %s", KEY_FILE);
	}
	return sync_directory(state_fd, ".", err);
}

enum err_code logins_key(int state_fd, int *ret_fd, struct err *err)
{
	uint8_t key[BOX_KEY_LEN + 1];
	CLEANUP(fd_close) int fd = -1;
	enum err_code code;
	struct stat st;
	ssize_t n;

	TRY(make_key(state_fd, err));
	fd = openat(state_fd, KEY_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		return ERR_ERRNO(err, "opening %s", KEY_FILE);
	}
	if (st.st_mode & 077) {
		return ERR(err, ERR_INVALID,
			   "%s in the state directory is open to others: chmod 600 it", KEY_FILE);
	}
	n = read(fd, key, sizeof(key));
	code = n == BOX_KEY_LEN
		       ? fd_memfd(KEY_FILE, str_make((const char *)key, BOX_KEY_LEN), ret_fd, err)
		       : ERR(err, ERR_CORRUPT,
			     "%s in the state directory is no key: restore it, or remove it "
			     "and log in anew",
			     KEY_FILE);
	secret_wipe(key, sizeof(key));
	return code;
}
