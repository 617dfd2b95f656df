/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out a sandbox plan: one function walks the operations in order. The
 * program runs as a child of a small init in a pid namespace of its own; init
 * reaps, and ends when its starter ends, and with init the kernel ends every
 * process of the sandbox. Killing the sandbox is killing init by its pidfd.
 *
 * Works as root and as an ordinary user with user namespaces. The caller has
 * one thread and may itself have no new privileges; it must not be in a Landlock
 * domain with file rules (the kernel then refuses to mount).
 */
#ifndef SANDBOX_APPLY_H
#define SANDBOX_APPLY_H

#include "sandbox/plan.h"

#include <sys/types.h>

struct sandbox_fds {
	int in, out, errors; /* become 0, 1, 2; stay the caller's; -1: /dev/null */
};

struct sandbox_child {
	pid_t pid; /* of init, as seen from here; reap it with waitid(P_PIDFD) */
	int pidfd;
};

/* Exit status of init when the program could not be started (the reason came back as an error). */
#define SANDBOX_EXIT_SETUP 125

/* Asks the kernel, by trying in a child. Once for each process is enough. */
struct sandbox_kernel sandbox_probe(void);

/*
 * Resolves the paths of a spec on this machine. A command without a slash, and
 * an interpreter that is named so, is looked for in the PATH of spec->env, else in our own.
 * ERR_NOT_FOUND names what is not there.
 */
enum err_code sandbox_look(struct arena *a, const struct sandbox_spec *spec,
			   const struct sandbox_kernel *kernel, struct plan_machine *ret,
			   struct err *err) MUST_USE;

/*
 * Starts the program and returns when it has been executed or could not be.
 * init exits with the program's status, or 128 + the signal that ended it.
 */
enum err_code sandbox_start(const struct sandbox_plan *plan, const struct sandbox_fds *fds,
			    struct sandbox_child *ret, struct err *err) MUST_USE;

/* SIGTERM goes through init to the program; SIGKILL ends all of the sandbox. */
enum err_code sandbox_signal(const struct sandbox_child *child, int signal,
			     struct err *err) MUST_USE;

#endif
