/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor: starts the roles, restarts what dies, reloads, drains. It is
 * the process a person starts and signals: SIGTERM and SIGINT drain and stop (a
 * second one stops at once), SIGHUP reloads.
 */
#ifndef PROC_SUPERVISOR_H
#define PROC_SUPERVISOR_H

#include "base/err.h"

#include <stdbool.h>

struct supervisor_options {
	const char *config_path;
	bool quiet; /* no sentence on standard output when it serves */
	/* Stops by itself once standard input has ended and no run is left: what `writ run` starts. */
	bool until_eof;
};

/* Runs until it is told to stop. The result is an exit status: 0 drained, 2 could not start. */
int supervisor_run(const struct supervisor_options *options);

#endif
