/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor of a sandbox: a process beside the program, in the same namespaces, that opens files for it. For
 * places in which every file is decided by itself (spec->each).
 *
 * What holds does not rest on the monitor's reading of what the program says:
 *
 *	- the program's own Landlock domain has nothing of such a place, and the mounts of it are read only: by itself it
 *	  opens, makes, renames and removes nothing there, whatever it calls
 *	- the monitor is in a wider domain and holds the place as a tree that can be written to. It reads the path from the
 *	  program's memory once, finds out which place it leads to, has exactly that path decided, and opens exactly
 *	  that path, from the tree down, through no symbolic link. What lies there then is what the program gets
 *	- so a path that is changed after it was read, a link put in its way or a folder moved lead to another refusal,
 *	  never to a file that was not decided
 *	- a call that leads to no such place is let go on: to the kernel, which holds the same limits as before
 *	- without the monitor nothing of it can be opened at all
 *
 * Of such a place the program has descriptors for writing of files alone. Folders are opened for it where they are
 * read only, since a path can begin at them.
 *
 * Refused there, since a decision about one path cannot hold what becomes of another: hard links (EPERM), renaming a
 * folder, or anything across its border (EXDEV: mv copies). Metadata can be looked at without a decision (stat,
 * readlink, access); access(2) says that nothing can be written.
 */
#ifndef SANDBOX_MONITOR_H
#define SANDBOX_MONITOR_H

#include "sandbox/plan.h"

#include <limits.h>
#include <linux/seccomp.h>
#include <sys/types.h>
#include <time.h>

struct monitor_root {
	struct str path; /* as the program sees it, without links */
	int tree;        /* where it can be written to, as far as the plan allows */
	bool is_dir;
};

/* What it is started with. The plan and texts are in memory that monitor_begin gives up. */
struct monitor {
	const struct sandbox_plan *plan;
	const struct monitor_root *roots;
	size_t n_roots;
	int decider;  /* SOCK_SEQPACKET: whom it asks */
	int listener; /* first: where the filter's listener comes from */
};

/* The monitor's own memory, from monitor_begin on. */
struct monitor_place {
	char path[PATH_MAX];
	size_t n;
	int tree;
	bool is_dir;
};

struct monitor_self {
	int listener, decider, slash; /* slash: the root, as the program sees it */
	struct monitor_place *places;
	size_t n_places;
};

/*
 * Confines this process, first of all: no descriptors but its own, no privilege but to look into the sandbox's
 * processes, no memory that it shares, its own list of calls. Then waits for the listener. Whatever else the caller
 * needs it has copied before. On failure it must exit.
 */
enum err_code monitor_begin(const struct monitor *m, struct monitor_self *ret,
			    struct err *err) MUST_USE;

enum monitor_kind {
	MONITOR_OTHER = 0, /* not ours */
	MONITOR_OPEN,
	MONITOR_TRUNCATE,
	MONITOR_MKDIR,
	MONITOR_REMOVE,
	MONITOR_RENAME,
	MONITOR_LINK,
	MONITOR_SYMLINK,
	MONITOR_MODE,
	MONITOR_TIMES,
};

/* One path of a call. */
struct monitor_path {
	const struct monitor_place *place; /* NULL: it leads elsewhere */
	bool exists, is_dir;
	size_t n;
	char text[PATH_MAX]; /* without links; ends in NUL */
};

/* A call that waits. */
struct monitor_call {
	uint64_t id;
	pid_t pid; /* thread */
	enum monitor_kind kind;
	uint64_t flags, mode, length;
	struct timespec times[2];
	bool now;                     /* MONITOR_TIMES: both are the present */
	struct monitor_path to, from; /* `from` of RENAME and LINK */
	char text[PATH_MAX];          /* SYMLINK: what it says */
};

/* Which rights on a path a call needs: at most three. */
struct monitor_need {
	uint8_t right; /* EACH_READ or EACH_WRITE */
	const struct monitor_path *path;
};

enum { MONITOR_NEEDS = 3 };

/* The next call; ERR_AGAIN: there is none after all, ERR_CLOSED: nobody is left who could call. */
enum err_code monitor_next(const struct monitor_self *m, struct monitor_call *ret,
			   struct err *err) MUST_USE;

/*
 * The first step: what must be allowed so that the call may be performed, *ret_n of them. False: the call is answered
 * already, by a refusal or, because no place of ours is meant, by letting it go on.
 */
bool monitor_needs(const struct monitor_self *m, const struct monitor_call *c,
		   struct monitor_need ret[MONITOR_NEEDS], size_t *ret_n);

/* The second: performs it for the caller, and answers. */
void monitor_perform(const struct monitor_self *m, const struct monitor_call *c);

/* Or refuses it. */
void monitor_refuse(const struct monitor_self *m, const struct monitor_call *c, int with);

#endif
