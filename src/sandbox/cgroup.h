/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits of a sandbox as a whole, by control groups: version 2 where its controllers are delegated to this
 * user, else version 1, each limit for itself. rlimits hold for one process each, so what these limits say
 * nothing else can hold: a limit that this machine cannot give is an error.
 *
 * The groups are made by the starter, outside; nothing of them can be seen or written from inside.
 */
#ifndef SANDBOX_CGROUP_H
#define SANDBOX_CGROUP_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

enum cgroup_limit {
	CGROUP_MEMORY = 0, /* bytes, swap and files in memory included */
	CGROUP_CPU,        /* thousandths of one processor */
	CGROUP_PIDS,       /* processes and threads */
	CGROUP_MAX
};

enum { CGROUP_PATH = 512 };

/* 0: no limit. */
struct cgroup_spec {
	uint64_t value[CGROUP_MAX];
};

/* Zeroed: none. */
struct cgroup {
	struct cgroup_spec spec;
	struct {
		char dir[CGROUP_PATH]; /* empty: no limit */
		int version;
	} of[CGROUP_MAX];
};

bool cgroup_wanted(const struct cgroup_spec *spec);

/*
 * Makes the groups, named for this process, and removes what dead ones left. ERR_UNSUPPORTED: which limit this machine
 * does not let us hold, and what would help; then nothing was made.
 */
enum err_code cgroup_make(const struct cgroup_spec *spec, struct cgroup *ret,
			  struct err *err) MUST_USE;

/* The process, and all that it will start. */
enum err_code cgroup_enter(const struct cgroup *g, pid_t pid, struct err *err) MUST_USE;

/* Removes them. All that was in them has ended. */
void cgroup_done(struct cgroup *g);

/* "memory 64 MiB, cpu 1.500, processes 100 (control groups v1)"; nothing for none. */
void cgroup_print(const struct cgroup *g, struct buf *out);

#endif
