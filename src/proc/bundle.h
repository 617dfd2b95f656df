/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader role hands the supervisor: one configuration with its
 * policies, validated as a whole, cut into the views that the other roles get.
 */
#ifndef PROC_BUNDLE_H
#define PROC_BUNDLE_H

#include "base/arena.h"
#include "config/config.h"
#include "proc/role.h"
#include "proc/zones.h"
#include "sys/spawn.h"

enum { BUNDLE_MAX = 64 << 20 };

struct bundle {
	struct arena arena;
	struct config *config; /* in the arena */
	int config_fd;         /* the runner's view: no secret bytes */
	int connector_fd;      /* where everything is, and no credential */
	struct zones zones;    /* each with its relay's view */
	int gate_config_fd;    /* without names of secret files and without headers */
	int policies_fd;       /* policies and schema */
	struct role_secret secrets[ROLE_MAX_SECRETS];
	unsigned n_secrets;
	size_t n_policy_files;
	struct spawn_child loader; /* while it runs */
	int loader_errors_fd, loader_bundle_fd;
};

void bundle_init(struct bundle *b);
void bundle_done(struct bundle *b);

/* Adds what is no file: a sealed memfd (dup'ed) that this role, each relay, is handed under a name. */
enum err_code bundle_add(struct bundle *b, const char *name, int fd, enum role reader,
			 struct err *err) MUST_USE;

/*
 * The same configuration for a node that is severed (an empty group: not any more); `group` must
 * outlive b. On failure b is as before.
 */
enum err_code bundle_sever(struct bundle *b, struct str group, struct err *err) MUST_USE;

/* Starts the loader role on `path`. */
enum err_code bundle_begin(struct bundle *b, const char *path, struct err *err) MUST_USE;

/*
 * Waits for it (at most 30 s) and takes its result apart. On ERR_INVALID `err` holds only the first
 * line; *ret_text (in b's arena) is the whole explanation with file:line:column.
 */
enum err_code bundle_finish(struct bundle *b, struct str *ret_text, struct err *err) MUST_USE;

#endif
