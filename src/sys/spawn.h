/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program with exactly the descriptors it is given, and knowing when it ends. */
#ifndef SYS_SPAWN_H
#define SYS_SPAWN_H

#include "base/err.h"

#include <sys/types.h>

enum { SPAWN_MAX_FDS = 16 };

struct spawn_request {
	const char *program;    /* path; "/proc/self/exe" for our own binary */
	char *const *argv;      /* NULL-terminated */
	char *const *envp;      /* NULL-terminated; NULL for an empty environment */
	int fds[SPAWN_MAX_FDS]; /* becomes 3, 4, ... in the child; 0, 1 and 2 are inherited */
	unsigned n_fds;
};

struct spawn_child {
	pid_t pid;
	int pidfd; /* readable when the child has ended; owned by the caller */
};

/*
 * Starts the child, which is killed when the calling thread's process dies.
 * Every descriptor not named is closed in it. ERR_SYS carries the child's errno
 * when exec failed.
 */
enum err_code spawn(const struct spawn_request *req, struct spawn_child *ret,
		    struct err *err) MUST_USE;

#endif
