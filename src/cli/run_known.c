/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which writ.yaml the user stands by. A program that may write in a folder can put one there, and the next
 * run would be decided by it. So the writ.yaml of the current folder counts only once its
 * user has named it, or `writ init` has written it; that is kept where no sandbox reaches.
 */
#include "base/hex.h"
#include "cli/run.h"
#include "crypto/sha256.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* BASE/known/DIGEST of the file's real path. */
static enum err_code entry_of(struct arena *a, struct str path, char *ret_dir, char *ret,
			      struct err *err)
{
	uint8_t digest[SHA256_LEN];
	char hex[2 * SHA256_LEN];
	struct str base;

	TRY(run_base(a, &base, err));
	sha256_of(path, digest);
	hex_write(hex, digest, sizeof(digest));
	if (snprintf(ret_dir, RUN_STATE_PATH, STR_FMT "/known", STR_ARG(base)) >= RUN_STATE_PATH ||
	    snprintf(ret, RUN_STATE_PATH, "%s/%.64s", ret_dir, hex) >= RUN_STATE_PATH) {
		return ERR(err, ERR_LIMIT, "the path of the state folder is too long");
	}
	return ERR_OK;
}

enum err_code run_known_add(struct arena *a, struct str path, struct err *err)
{
	char dir[RUN_STATE_PATH], entry[RUN_STATE_PATH];
	CLEANUP(fd_close) int fd = -1;

	TRY(entry_of(a, path, dir, entry, err));
	TRY(run_make_folders(dir, err));
	fd = open(entry, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, path.p, path.n) != (ssize_t)path.n) {
		return ERR_ERRNO(err, "writing %s", entry);
	}
	return ERR_OK;
}

enum err_code run_known(struct arena *a, struct str path, bool named, struct err *err)
{
	char dir[RUN_STATE_PATH], entry[RUN_STATE_PATH];
	enum err_code code = entry_of(a, path, dir, entry, err);

	if (code == ERR_OK && access(entry, F_OK) == 0) {
		return ERR_OK;
	}
	if (named) {
		/* It holds without being remembered. */
		err_ignore(code ? code : run_known_add(a, path, NULL));
		return ERR_OK;
	}
	return ERR(err, ERR_INVALID,
		   STR_FMT " would decide about this run, but nobody has said so yet, and a "
			   "program may have put it there: read it, then name it once: writ run "
			   "--config writ.yaml ...",
		   STR_ARG(path));
}
