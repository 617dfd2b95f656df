/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock: what a process and its children may still open, without root.
 *
 * Rights are given for a file or for everything beneath a directory; what is not
 * given is refused. Bits that the running kernel does not know are dropped, and
 * `landlock_abi` says which those are. Not covered by any ABI so far: stat,
 * chmod, chown, connecting to a Unix socket by path, UDP, MPTCP, and TCP fast
 * open: the system call filter and the network namespace hold those.
 *
 * A process in a domain with file rights cannot mount: whoever builds mount
 * namespaces enters its domain afterwards, or asks only for ports and scopes.
 */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum landlock_access {
	FILES_READ = 1 << 0,  /* read files, list directories */
	FILES_WRITE = 1 << 1, /* write and truncate files that are there */
	FILES_MAKE =
		1 << 2, /* create, remove and rename files, directories, symbolic links, fifos */
	FILES_SOCKET = 1 << 3, /* create Unix sockets */
	FILES_EXEC = 1 << 4,   /* execute */
	FILES_DEVICE = 1 << 5, /* ioctl on devices (before ABI 5 never refused) */
};

struct landlock_rule {
	const char *path; /* opened O_PATH when the domain is built; NULL: `fd` is used */
	int fd;           /* O_PATH or an ordinary descriptor; stays the caller's */
	unsigned access;  /* FILES_... */
	bool optional;    /* a path that does not exist is no error */
};

struct landlock_spec {
	const struct landlock_rule *rules;
	size_t n_rules;
	bool any_file; /* no file rule at all: for a process that still has to mount */
	bool any_port; /* TCP bind and connect stay possible */
	bool any_peer; /* abstract Unix sockets and signals to outside stay possible */
};

/* 0 when this kernel has no Landlock or it is switched off. */
int landlock_abi(void);

/*
 * Restricts the calling thread and its future children. `no_new_privs` must be
 * set. ERR_UNSUPPORTED without Landlock; ERR_NOT_FOUND names a missing path.
 * Nothing is restricted on failure.
 */
enum err_code landlock_enter(const struct landlock_spec *spec, struct err *err) MUST_USE;

#endif
