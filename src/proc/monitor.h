/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor of a run: sandbox/monitor.h opens, the gate decides, and this asks between the two. It is started in the
 * sandbox by spec->monitor, never by the supervisor.
 */
#ifndef PROC_MONITOR_H
#define PROC_MONITOR_H

#include "base/str.h"

struct monitor;

/* Where what is decided for each file: in the innermost of these that a path lies in. */
struct monitor_ask {
	struct str path;
	uint8_t each; /* EACH_READ | EACH_WRITE */
};

struct monitor_asks {
	const struct monitor_ask *items;
	size_t n;
};

/* Until nobody is left to be monitored. `asks`: struct monitor_asks. */
void monitor_main(struct monitor *start, const void *asks);

#endif
