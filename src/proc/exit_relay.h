/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to a host by way of the exit role: a gate's framed stream (ipc/relay.h) on one
 * side, the host's socket on the other, with TLS where that was asked for.
 *
 * On the way there a credential's placeholder becomes its secret, in the header, towards
 * the host and below the path that it belongs to; a placeholder anywhere else ends the connection.
 * On the way back every secret of this host, and what "Basic" makes of it, is overwritten.
 *
 * HTTP/2 is spoken only to hosts that no credential is for: its bytes pass as they are.
 */
#ifndef PROC_EXIT_RELAY_H
#define PROC_EXIT_RELAY_H

#include "net/loop.h"
#include "proc/exit_map.h"

struct exit_relay;

/* For a connection whose protocol TLS has yet to agree on. Zeroed is idle. */
struct exit_relay_wait {
	/* From the loop: whether HTTP/2 is spoken, or (not ok) nothing can be. */
	void (*on_agreed)(struct exit_relay_wait *w, bool ok, bool http2);
	struct exit_relay *relay; /* NULL when it does not wait */
};

/* Whether HTTP/2 may be offered to this host. */
bool exit_relay_may_offer_http2(const struct exit_map *m, const struct egress_host *host);

/*
 * Owns both descriptors from here on, also on failure; holds the map while it lasts. With `wait`
 * HTTP/2 is offered, over TLS and where it may be; else it is NULL.
 */
enum err_code exit_relay_start(struct loop *loop, struct exit_map *map,
			       const struct egress_host *host, bool tls,
			       struct exit_relay_wait *wait, int gate_fd, int upstream_fd,
			       struct err *err) MUST_USE;

/* Ends the relay that w waits for, without a word. */
void exit_relay_wait_end(struct exit_relay_wait *w);

#endif
