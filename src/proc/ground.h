/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ground a running node stands on, taken once at start: the state directory
 * and its lock, the ledger's directory and signing key, the listeners.
 */
#ifndef PROC_GROUND_H
#define PROC_GROUND_H

#include "config/config.h"
#include "proc/children.h"

struct ground {
	char state_path[512];
	int lock_fd, log_dir_fd, key_fd;
	int runs_fd;                    /* run.sock: ipc/run.h */
	int permit_key_fd;              /* ROLE_PERMIT_KEY, of this start alone */
	int budgets_fd;                 /* of gate/treasury.h; -1: there are no budgets */
	int exit_ca_fd, exit_ca_key_fd; /* of the exit's authority; -1: there is no exit */
	int login_key_fd;               /* proc/logins.h; -1: no server needs a login */
	/* One for each gate and configured listener: gate * n_listen + l; fd -1 where a gate has none. */
	struct role_listener listeners[CHILDREN_MAX_GATES * ROLE_MAX_LISTENERS];
	unsigned n_listen, n_listeners;
};

void ground_init(struct ground *g);
void ground_done(struct ground *g);

/*
 * Makes what is missing: the directories (0700), the key (0600). ERR_EXISTS when another
 * supervisor holds the state directory.
 */
enum err_code ground_open(struct ground *g, const struct config *config, unsigned n_gates,
			  struct err *err) MUST_USE;

/* ERR_INVALID with a sentence when `next` changes what only a restart can change. */
enum err_code ground_check_unchanged(const struct ground *g, const struct config *now,
				     const struct config *next, struct err *err) MUST_USE;

/* Prints where it serves and who may call, with the ports that were really taken. */
void ground_say(const struct ground *g, const struct config *config);

/* Makes the key of ledger/permit.h. */
enum err_code ground_permit_key(struct ground *g, struct err *err) MUST_USE;

/* Makes or checks DIR/budgets, and keeps it open. */
enum err_code ground_budgets(struct ground *g, struct err *err) MUST_USE;

/*
 * Makes the authority of the exit: exit-ca.pem in the state directory for those who are to trust
 * it, its key in memory only. Each start makes another one.
 */
enum err_code ground_exit(struct ground *g, struct err *err) MUST_USE;

#endif
