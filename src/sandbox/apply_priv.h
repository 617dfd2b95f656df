/* SPDX-License-Identifier: Apache-2.0 */
/* Between the starter of a sandbox (start.c) and the child that makes it (apply.c). */
#ifndef SANDBOX_APPLY_PRIV_H
#define SANDBOX_APPLY_PRIV_H

#include "sandbox/apply.h"
#include "sandbox/init.h"

/*
 * What is said over the status socket, one packet each:
 *
 *	to the child	the address of the rest of the plan, when it was started early
 *	from the child	descriptors, a byte for each: GIVE_..., or the kind of a listener
 *			struct err: it could not be made
 *			struct init_word: it runs; then: it has ended
 */
enum {
	GIVE_TERMINAL = 0,
	GIVE_PROC = 64,
	GIVE_DIAG,
	GIVE_MONITOR,
	GIVE_MOST = PLAN_MAX_LISTENERS + 2 /* at once */
};

/* Namespaces that clone makes; the child makes the others itself, while the starter goes on. */
#define CLONED_NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID)

/*
 * The child, after clone; never returns. `early`: when it has carried out this plan it waits for a longer one
 * that begins with the same operations.
 */
NORETURN void apply_child(const struct sandbox_plan *plan, const int fds[INIT_FDS],
			  unsigned terminal, bool early);

#endif
