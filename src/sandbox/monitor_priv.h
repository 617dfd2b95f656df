/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the monitor: what it hears (monitor.c), where paths lead, what it does. */
#ifndef SANDBOX_MONITOR_PRIV_H
#define SANDBOX_MONITOR_PRIV_H

#include "sandbox/monitor.h"

#include <stdbool.h>

/* What is looked up how. */
enum monitor_look {
	LOOK_LINK = 1 << 0, /* the last name is meant itself when it is a link */
	LOOK_NEW = 1 << 1,  /* it need not exist */
};

/*
 * Where a path of the thread's leads. Whatever goes wrong leaves ret->place NULL: then the kernel may say what. `at` is
 * a descriptor of the thread or AT_FDCWD.
 */
void monitor_look(const struct monitor_self *m, pid_t pid, int at, const char *text, unsigned how,
		  struct monitor_path *ret);

/* Text of the thread's memory, NUL included; false when it cannot be read or is longer than PATH_MAX. */
bool monitor_read_text(pid_t pid, uint64_t address, char ret[PATH_MAX]) MUST_USE;
bool monitor_read(pid_t pid, uint64_t address, void *ret, size_t n) MUST_USE;

/* The bits that new files lose. */
unsigned monitor_umask(pid_t pid);

/* Opens just this path: from the tree, or read only as the program sees it. A descriptor, or -errno. */
int monitor_open(const struct monitor_self *m, const struct monitor_path *p, bool tree,
		 uint64_t flags, uint64_t mode);

/* The folder of the path, to make or remove something in it; *ret_name is its last name. A descriptor, or -errno. */
int monitor_open_parent(const struct monitor_path *p, const char **ret_name);

/* Answers. */
void monitor_go_on(const struct monitor_self *m, const struct monitor_call *c);
void monitor_done(const struct monitor_self *m, const struct monitor_call *c);
void monitor_give(const struct monitor_self *m, const struct monitor_call *c, int fd, bool cloexec);

#endif
