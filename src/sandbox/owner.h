/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which program of a sandbox holds one end of a TCP connection. Asked from outside, of what the
 * sandbox handed out when it was made: its /proc and a netlink socket of its network.
 *
 * The answer is of the moment. A program can hand a connection on, by fork, execve or a Unix socket:
 * then it is of whoever holds it now. When programs of two files hold it, there is no answer. Where every
 * descriptor of it is close-on-exec it did not come through execve, and `certain` says so.
 * What a program was told to do, as an interpreter by its script, is not asked.
 */
#ifndef SANDBOX_OWNER_H
#define SANDBOX_OWNER_H

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* As the program sees it; addresses and ports in network order, IPv4 in the first 4 bytes. */
struct sandbox_conn {
	bool v6;
	uint8_t own[16], peer[16];
	uint16_t own_port, peer_port;
};

struct sandbox_owner {
	int exe;             /* the program's file, to be read; the caller's */
	char path[PATH_MAX]; /* inside; " (deleted)" behind it when it is there no more */
	bool certain;
};

/* ERR_NOT_FOUND: nobody, or more than one program. At most 65,536 descriptors are looked at. */
enum err_code sandbox_owner_find(int proc, int diag, const struct sandbox_conn *conn,
				 struct sandbox_owner *ret, struct err *err) MUST_USE;

#endif
