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
	int monitor;    /* what its monitor asks through: sandbox/monitor.h; -1: it has none */
	struct {
		unsigned kind; /* of struct sandbox_listener */
		int fd;
	} listeners[PLAN_MAX_LISTENERS];
	size_t n_listeners;
};

struct sandbox_child {
	pid_t pid; /* of init, as seen from here; reap it with waitid(P_PIDFD) */
	int pidfd;
	int status; /* becomes readable when all of it has ended, or was killed; sandbox_start closes it: -1 */
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
 * For named_only: libraries, and the programs among them, of the system and of the prefixes that were looked at. Reads
 * those folders whole: about a millisecond for each thousand files. ERR_LIMIT: too much lies there.
 */
enum err_code sandbox_look_programs(struct arena *a, struct plan_machine *machine,
				    struct err *err) MUST_USE;

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

/*
 * In two steps, for a starter that still waits for what decides about the plan: to make namespaces takes the
 * kernel longer than all the rest. `first` is plan_first's; the child carries it out and waits. It ends by itself
 * when its starter does.
 */
enum err_code sandbox_begin(const struct sandbox_plan *first, const struct sandbox_fds *fds,
			    struct sandbox_child *ret, struct err *err) MUST_USE;

/*
 * The whole plan, which begins with `first`. It and all that it points to lie in memory that child and starter share
 * (MAP_SHARED, from before sandbox_begin), or have not changed since. On failure the child is gone.
 */
enum err_code sandbox_go_on(const struct sandbox_plan *plan, struct sandbox_child *c,
			    struct sandbox_given *ret_given, struct err *err) MUST_USE;

/* It is not to become anything; accepts one that is gone already. */
void sandbox_give_up(struct sandbox_child *c);

/*
 * After `status` became readable: true when no process of the sandbox is left but init, which ends
 * now, and what init will exit with. Else the pidfd tells.
 */
bool sandbox_has_ended(const struct sandbox_child *c, uint32_t *ret_status);

/* Closes what was given. */
void sandbox_given_done(struct sandbox_given *given);

/* SIGTERM goes through init to the program; SIGKILL ends all of the sandbox. */
enum err_code sandbox_signal(const struct sandbox_child *child, int signal,
			     struct err *err) MUST_USE;

#endif
