/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail of Writ's own roles. A role declares what it needs as a constant in
 * its own file under proc/ and enters the jail before it parses anything:
 *
 *	static const struct jail_spec gate_jail = {
 *		.name = "gate",
 *		.calls = CALLS_BASE | CALLS_LOOP | CALLS_SOCKET,
 *	};
 *
 * `grep -A8 'const struct jail_spec' src/proc/` prints the privilege map. What the
 * role may still use are the descriptors it holds. What is not written is
 * refused: no files, no sockets, no children, no network.
 *
 * Always: no new privileges; not dumpable (no core, no ptrace, /proc/PID closed
 * to others of the same user); every capability set empty, the bounding set
 * too; no core files; Landlock scopes (signals and abstract sockets stay
 * inside); the system call allow-list, which kills.
 *
 * jail_enter works as root and as an ordinary user and cannot be undone. It is
 * called once, by a process with one thread.
 */
#ifndef SANDBOX_JAIL_H
#define SANDBOX_JAIL_H

#include "base/buf.h"
#include "base/err.h"
#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"

#include <sys/types.h>

enum jail_net {
	/*
	 * A network namespace without any device, where that is possible without a
	 * user namespace (as root). Sockets that are already open keep working.
	 */
	JAIL_NET_EMPTY = 0,
	/*
	 * The same in a user namespace, as root too (root is user 1000 there). Inside,
	 * SO_PEERCRED shows every other user as 65534: not for a role that tells
	 * callers apart by their user.
	 */
	JAIL_NET_USER,
	JAIL_NET_KEEP, /* the network of the machine: for the role that dials */
};

struct jail_spec {
	const char *name;  /* of the role, for messages */
	unsigned calls;    /* CALLS_... (sandbox/seccomp.h); CALLS_BASE is added */
	unsigned families; /* FAMILY_... that socket(2) may make */
	enum seccomp_otherwise otherwise;
	enum seccomp_exec exec;
	enum jail_net net;

	/* Files: nothing but these. */
	const struct landlock_rule *paths;
	size_t n_paths;
	bool any_file; /* no Landlock file rules: only for the role that mounts */

	uint64_t max_files;     /* open descriptors; 0: unchanged */
	uint64_t max_processes; /* threads and processes of this user; 0: unchanged */
	uint64_t max_file_size; /* bytes; 0: unchanged */

	/* As root: become this user, without supplementary groups. 0: stay. */
	uid_t uid;
	gid_t gid;
};

/* Layers that this machine could not give. */
enum jail_missing {
	JAIL_NO_LANDLOCK = 1 << 0,       /* no Landlock at all */
	JAIL_NO_LANDLOCK_PORTS = 1 << 1, /* ABI below 4: TCP is held by the system call list only */
	JAIL_NO_LANDLOCK_SCOPES = 1 << 2, /* ABI below 6: signals to the same user are possible */
	JAIL_NO_NET = 1 << 3,             /* no network namespace of its own */
};

struct jail_report {
	int landlock_abi;
	unsigned missing; /* JAIL_NO_... */
};

/*
 * ERR_SYS, ERR_NOT_FOUND (a path), ERR_UNSUPPORTED (no seccomp). Where Landlock
 * or a namespace is missing the call succeeds and the report says so: whether
 * that is good enough is the supervisor's decision. `report` may be NULL. On
 * failure the process may be half confined: it must exit.
 */
enum err_code jail_enter(const struct jail_spec *spec, struct jail_report *report,
			 struct err *err) MUST_USE;

/* "weaker: no Landlock scopes (kernel ABI 4)", or nothing when all layers are there. */
void jail_report_print(const struct jail_report *report, struct buf *out);

#endif
