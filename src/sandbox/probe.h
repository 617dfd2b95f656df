/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts from inside of a sandbox: each tries one thing that must not be possible (or one that must),
 * in a process of its own, and says what the kernel answered. `writ probe sandbox` prints
 * them; they are harmless where they succeed.
 */
#ifndef SANDBOX_PROBE_H
#define SANDBOX_PROBE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

enum probe_answer {
	PROBE_POSSIBLE = 0,
	/* 1 to 199: refused with this errno */
	PROBE_KILLED = 200, /* the process was ended for it (SIGSYS) */
	PROBE_SKIPPED,      /* cannot be tried here */
	PROBE_BROKEN,       /* the attempt itself went wrong */
};

struct probe {
	const char *group; /* "files", "processes", "network", "privileges" */
	const char *what;  /* "read a file outside" */
	bool wanted;       /* it must be possible: else the sandbox is of no use */
	bool jit; /* possible by design where the profile allows memory to become executable */
	bool write_exec; /* possible by design where written files may be executed */
	int (*act)(void);
};

extern const struct probe probes[];
extern const unsigned n_probes;

/*
 * What an attempt needs to know, by environment variables: the workspace, where PROBE_WORKSPACE/kept
 * may only be read and PROBE_WORKSPACE/hidden must not be seen; a file and a socket outside; an abstract
 * socket, a port at 127.0.0.1 and a process of the machine.
 */
#define PROBE_WORKSPACE "WRIT_PROBE_WORKSPACE"
#define PROBE_OUTSIDE   "WRIT_PROBE_OUTSIDE"
#define PROBE_SOCKET    "WRIT_PROBE_SOCKET"
#define PROBE_ABSTRACT  "WRIT_PROBE_ABSTRACT"
#define PROBE_PORT      "WRIT_PROBE_PORT"
#define PROBE_PROCESS   "WRIT_PROBE_PROCESS"
#define PROBE_SECRET    "WRIT_PROBE_SECRET" /* is in the caller's environment and must not be inside */

/* Tries all, and writes a byte with the answer of each to fd. For the process inside. */
int probe_all(int fd);

/* "EPERM" or "errno 200"; static storage or `buf`. */
const char *probe_errno_name(int answer, char *buf, size_t n);

#endif
