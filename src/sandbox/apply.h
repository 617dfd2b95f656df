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

enum { SANDBOX_FD_NULL = -1, SANDBOX_FD_TERMINAL = -2 };

struct sandbox_fds {
	/*
	 * Become 0, 1, 2; stay the caller's. SANDBOX_FD_NULL: /dev/null. SANDBOX_FD_TERMINAL: the
	 * program's end of its own terminal, when the spec says `terminal`.
	 */
	int in, out, errors;
	int reins; /* init's end: see sandbox/init.h; non-blocking, the caller's; 0: none */
};

/* What the sandbox handed out while it was made; the caller's. */
struct sandbox_given {
	int terminal;   /* our end of the program's terminal; -1: none */
	int proc, diag; /* of a plan that is watched, for sandbox_owner_find; -1: none */
	struct {
		unsigned kind; /* of struct sandbox_listener */
		int fd;
	} listeners[PLAN_MAX_LISTENERS];
	size_t n_listeners;
};

struct sandbox_child {
	pid_t pid; /* of init, as seen from here; reap it with waitid(P_PIDFD) */
	int pidfd;
};

/* Exit status of init when the program could not be started (the reason came back as an error). */
#define SANDBOX_EXIT_SETUP 125

/* Asks the kernel, by trying in a child. Once for each process is enough. */
struct sandbox_kernel sandbox_probe(void);

/* What a kernel of this version can do where nothing forbids it. Nothing is tried: a start will tell. */
struct sandbox_kernel sandbox_assume(void);

/*
 * Resolves the paths of a spec on this machine. A command without a slash, and
 * an interpreter that is named so, is looked for in the PATH of spec->env, else in our own.
 * ERR_NOT_FOUND names what is not there.
 */
enum err_code sandbox_look(struct arena *a, const struct sandbox_spec *spec,
			   const struct sandbox_kernel *kernel, struct plan_machine *ret,
			   struct err *err) MUST_USE;

/*
 * Only the places anew, into a machine that was looked at with the same program: for a spec whose
 * places were not yet known then.
 */
enum err_code sandbox_look_places(struct arena *a, const struct sandbox_spec *spec,
				  struct plan_machine *machine, struct err *err) MUST_USE;

/*
 * Starts the program and returns when it has been executed or could not be.
 * init exits with the program's status, or 128 + the signal that ended it.
 */
enum err_code sandbox_start(const struct sandbox_plan *plan, const struct sandbox_fds *fds,
			    struct sandbox_child *ret, struct err *err) MUST_USE;

/*
 * The same for a plan with listeners, a terminal, or that is watched. Every descriptor of ret_given is set
 * even when none was asked for.
 */
enum err_code sandbox_start_given(const struct sandbox_plan *plan, const struct sandbox_fds *fds,
				  struct sandbox_child *ret, struct sandbox_given *ret_given,
				  struct err *err) MUST_USE;

/* Closes what was given. */
void sandbox_given_done(struct sandbox_given *given);

/* SIGTERM goes through init to the program; SIGKILL ends all of the sandbox. */
enum err_code sandbox_signal(const struct sandbox_child *child, int signal,
			     struct err *err) MUST_USE;

#endif
