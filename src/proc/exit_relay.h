/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to a host by way of the exit role: a gate's framed stream (ipc/relay.h) on one
 * side, the host's socket on the other, with TLS where that was asked for.
 *
 * On the way there a credential's placeholder becomes its secret, in the header, towards
 * the host and below the path that it belongs to; a placeholder anywhere else ends the connection.
 * On the way back every secret of this host, and what "Basic" makes of it, is overwritten.
 */
#ifndef PROC_EXIT_RELAY_H
#define PROC_EXIT_RELAY_H

#include "net/loop.h"
#include "proc/exit_map.h"

/* Owns both descriptors from here on, also on failure; holds the map while it lasts. */
enum err_code exit_relay_start(struct loop *loop, struct exit_map *map,
			       const struct egress_host *host, bool tls, int gate_fd,
			       int upstream_fd, struct err *err) MUST_USE;

#endif
