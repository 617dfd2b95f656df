/* SPDX-License-Identifier: Apache-2.0 */
/* The authority of the exit: made at each start, its key kept in memory only. */
#include "proc/ground.h"

#include "crypto/authority.h"
#include "crypto/secret.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PEM_MAX = 16 << 10 };

static const char name[] = "exit-ca.pem", name_new[] = "exit-ca.pem.new";

static enum err_code write_cert(int dir_fd, struct str pem, struct err *err)
{
	CLEANUP(fd_close) int fd = -1;

	(void)unlinkat(dir_fd, name_new, 0); /* left over, or not there */
	fd = openat(dir_fd, name_new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, pem.p, pem.n) != (ssize_t)pem.n ||
	    renameat(dir_fd, name_new, dir_fd, name) < 0) {
		return ERR_ERRNO(err, "writing %s", name);
	}
	return ERR_OK;
}

enum err_code ground_exit(struct ground *g, struct err *err)
{
	struct buf cert, key;
	enum err_code code;

	buf_init(&cert, PEM_MAX);
	buf_init(&key, PEM_MAX);
	code = tls_authority_make(&cert, &key, err);
	code = code ? code : write_cert(g->lock_fd, buf_str(&cert), err);
	code = code ? code : fd_memfd(name, buf_str(&cert), &g->exit_ca_fd, err);
	code = code ? code : fd_memfd("exit-ca-key", buf_str(&key), &g->exit_ca_key_fd, err);
	if (key.p) {
		secret_wipe(key.p, key.cap);
	}
	buf_done(&cert);
	buf_done(&key);
	return code;
}
