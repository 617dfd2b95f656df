/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System call filters: an allow-list made of named sets becomes a classic BPF
 * program. Pure: the same spec gives the same bytes, which are printed and kept
 * under tests/golden so that a change of the list is seen as a diff.
 *
 * What is not on the list meets spec->otherwise. Some calls are on the list
 * only with certain arguments; when the argument is wrong the call fails with
 * an errno (a library may try and fall back), whatever spec->otherwise says.
 * Everywhere: clone3 fails with ENOSYS (its flags lie behind a pointer, so libc
 * falls back to clone); the x32 and i386 doors are closed by killing; io_uring
 * is in no set, since its operations pass by every filter.
 */
#ifndef SANDBOX_SECCOMP_H
#define SANDBOX_SECCOMP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "sys/uapi_seccomp.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Sets, by what a process does. CALLS_BASE is wanted by all but init: memory, time,
 * signals of its own, read and write on descriptors it holds, exit.
 */
enum seccomp_calls {
	CALLS_BASE = 1 << 0,
	CALLS_LOOP = 1 << 1,   /* epoll, eventfd, timerfd, signalfd, pipe */
	CALLS_SOCKET = 1 << 2, /* on sockets it holds: accept4, send, receive, shutdown, options */
	CALLS_DIAL = 1 << 3,   /* socket, connect; families by spec->families */
	CALLS_LISTEN = 1 << 4, /* socket, bind, listen; families by spec->families */
	CALLS_READ = 1 << 5,   /* open for reading, stat, list directories */
	CALLS_WRITE = 1 << 6,  /* open for writing, create, rename, remove, truncate, lock */
	CALLS_SYNC = 1 << 7,   /* pwrite, fdatasync, ftruncate, fallocate on descriptors it holds */
	CALLS_CHILD = 1 << 8,  /* fork, execve, wait, kill, pidfd */
	CALLS_THREAD = 1 << 9, /* clone for threads, scheduling, futex waiters */
	CALLS_CONTAIN = 1 << 10,  /* namespaces, mounts, landlock, seccomp, ids, limits */
	CALLS_PROGRAM = 1 << 11,  /* what an ordinary program of somebody else's calls besides */
	CALLS_INIT = 1 << 12,     /* without CALLS_BASE: all that the init of a sandbox calls */
	CALLS_WATCH = 1 << 13,    /* to serve the notifications of others' filters: monitor.h */
	CALLS_PAIR = 1 << 15,     /* socketpair; families by spec->families */
	CALLS_NOTIFIED = 1 << 14, /* not a set: of a call, that spec->notify can ask about it */
};

/*
 * Which calls with paths wait for what the filter's listener says. Only those that the kernel cannot be told to
 * hold by itself: see monitor.h.
 */
enum seccomp_notify {
	NOTIFY_NOTHING = 0,
	NOTIFY_CHANGES, /* opened for writing, created, renamed, removed, ... */
	NOTIFY_ALL,     /* opened for reading, too */
};

/* What socket(2) and socketpair(2) may make; the rest fails with EAFNOSUPPORT. */
enum seccomp_families {
	FAMILY_UNIX = 1 << 0, /* stream, datagram, seqpacket */
	FAMILY_INET = 1 << 1, /* IPv4 and IPv6, TCP and UDP; never MPTCP, raw or packet */
	FAMILY_ROUTE =
		1
		<< 2, /* netlink, NETLINK_ROUTE only: getifaddrs asks which interfaces there are */
};

/* What happens to a call that is not on the list. */
enum seccomp_otherwise {
	SECCOMP_KILLS = 0, /* the whole process dies with SIGSYS */
	SECCOMP_REFUSES, /* EPERM; ENOSYS for numbers newer than this source, so that programs fall
			    back */
	SECCOMP_REPORTS, /* allowed and logged by the kernel: to find out what a list lacks */
};

/* Which memory may become executable. */
enum seccomp_exec {
	EXEC_NEVER = 0, /* none any more */
	EXEC_FILES,     /* mapped so from the start and never writable: programs and libraries */
	EXEC_ANY,       /* also what was written: just-in-time compilers */
	EXEC_MEMFD, /* also memory files that are not sealed against it: drivers of accelerators */
};

struct seccomp_spec {
	unsigned calls;    /* CALLS_... */
	unsigned families; /* FAMILY_... */
	enum seccomp_otherwise otherwise;
	enum seccomp_exec exec;
	enum seccomp_notify notify;
	uint32_t self; /* when not 0, signals by tgkill reach only this process */
};

struct seccomp_program {
	struct sock_filter *code; /* in the arena */
	uint16_t n;
};

/* ERR_NOMEM, or ERR_LIMIT when the program would pass the kernel's 4096 instructions. */
enum err_code seccomp_build(struct arena *a, const struct seccomp_spec *spec,
			    struct seccomp_program *ret, struct err *err) MUST_USE;

/* The allow-list as text, one call on each line with its argument rules: for people. */
void seccomp_print_list(const struct seccomp_spec *spec, struct buf *out);

/* The program as text, one instruction on each line: for golden tests. */
void seccomp_print_program(const struct seccomp_program *program, struct buf *out);

/* The name of a call of this architecture ("openat"), or NULL. */
const char *seccomp_call_name(uint32_t nr);

/*
 * Puts the filter on the calling thread (and on all of its process when it is
 * single-threaded). No new privileges must be set before. Cannot be undone.
 */
enum err_code seccomp_enter(const struct seccomp_program *program, struct err *err) MUST_USE;

/* The same for a filter that notifies; its listener is the caller's. */
enum err_code seccomp_enter_heard(const struct seccomp_program *program, int *ret_listener,
				  struct err *err) MUST_USE;

#endif
