/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors: closed by scope, handed over by name, close-on-exec from
 * birth. And memfds, the way a document travels from one role to another:
 * written once, sealed, then only readable.
 */
#ifndef SYS_FD_H
#define SYS_FD_H

#include "base/arena.h"
#include "base/err.h"

/* For CLEANUP(fd_close); accepts -1. */
void fd_close(int *fd);

/* Ownership moves out: returns *fd and leaves -1. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

enum err_code fd_set_nonblock(int fd, struct err *err) MUST_USE;

/* A sealed memfd (no write, grow, shrink) holding s. The caller owns *ret_fd. */
enum err_code fd_memfd(const char *name, struct str s, int *ret_fd, struct err *err) MUST_USE;

/*
 * Everything a regular file or memfd holds, copied into the arena (NUL behind
 * it, not counted). ERR_LIMIT past `max` bytes; the descriptor stays open and
 * its offset is not used.
 */
enum err_code fd_read_all(int fd, size_t max, struct arena *a, struct str *ret,
			  struct err *err) MUST_USE;

/* open + fd_read_all; ERR_NOT_FOUND when there is no such file. Refuses what is not a regular file.
 */
enum err_code fd_read_path(const char *path, size_t max, struct arena *a, struct str *ret,
			   struct err *err) MUST_USE;

#endif
