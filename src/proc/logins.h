/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where logins of people at servers are kept: one file for each server, logins/ID in the state directory, and the
 * key that they are sealed under, login.key beside them. The supervisor writes both and reads neither: what is in
 * a file is sealed by a grantor, which alone uses the key.
 *
 * A file is replaced at once or not at all, and is on the disk when the call returns.
 */
#ifndef PROC_LOGINS_H
#define PROC_LOGINS_H

#include "base/arena.h"
#include "base/err.h"

enum { LOGINS_SLOT_MAX = 15 << 10 };

/* Empty when there is none. `server` is an id of the configuration, here and below. */
enum err_code logins_read(int state_fd, struct str server, struct arena *a, struct str *ret,
			  struct err *err) MUST_USE;

/* An empty text removes the file. */
enum err_code logins_write(int state_fd, struct str server, struct str sealed,
			   struct err *err) MUST_USE;

/* When it was written, in seconds since 1970; 0: there is none. */
uint64_t logins_since(int state_fd, struct str server);

/* Makes or reads login.key; *ret_fd is a sealed memfd. ERR_INVALID when others can read it. */
enum err_code logins_key(int state_fd, int *ret_fd, struct err *err) MUST_USE;

#endif
