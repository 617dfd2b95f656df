/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The init of a sandbox: process 1 of its pid namespace. It has one program to
 * wait for, reaps every orphan, hands signals on, and ends when the program ends
 * or when its starter does; with it the kernel ends all that is left inside.
 *
 * Whoever holds the other end of its reins (sys/reins.h) rules over the sandbox without the
 * starter's help.
 */
#ifndef SANDBOX_INIT_H
#define SANDBOX_INIT_H

#include "base/attr.h"
#include "sandbox/seccomp.h"

#include <stdint.h>
#include <sys/types.h>

enum {
	INIT_STATUS_FD = 3,  /* to the starter, shared with the program until it executes */
	INIT_STARTER_FD = 4, /* a pidfd of the starter */
	INIT_REINS_FD = 5,
	INIT_FDS = 6,
};

enum init_what { INIT_NOTHING = 0, INIT_RUNS, INIT_ENDED };

/* What init says over the status socket. */
struct init_word {
	enum init_what what;
	uint32_t status; /* of INIT_ENDED: what init exits with; no other process is left */
};

/*
 * Never returns: exits with the program's status, 128 + its signal, or 137 when
 * the starter is gone. `alone` says it is process 1 of its own namespace.
 */
NORETURN void init_run(pid_t program, bool alone, bool reins, const struct seccomp_program *filter);

#endif
