/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One relayed connection: a gate's framed stream on one side, the upstream's
 * socket (TLS where the URL says so) on the other. Each side is slowed down to
 * the other's pace; when one ends, the other is drained and closed.
 */
#ifndef PROC_RELAY_H
#define PROC_RELAY_H

#include "base/list.h"
#include "net/loop.h"
#include "proc/relay_permit.h"
#include "proc/tokens.h"
#include "proc/upstream.h"

/* What relays of one role share; release nothing of it while there are any. */
struct relays {
	struct loop *loop;
	struct list all;
	struct permits permits;
	struct tokens tokens;
	void (*on_ended)(struct relays *among); /* one of them; may be NULL */
};

struct relay;

/* For a connection whose protocol TLS has yet to agree on. Zeroed is idle. */
struct relay_wait {
	/* From the loop: what is spoken, or that there is nothing to speak with. */
	void (*on_agreed)(struct relay_wait *w, bool ok, bool http2);
	struct relay *relay; /* NULL when it does not wait */
};

/* Whether relays to u have to wait for that. */
static inline bool relay_must_wait(const struct upstream *u)
{
	return u->tls && u->http2 != CONFIG_HTTP2_NO;
}

/* Ends the relay that w waits for, without a word. */
void relay_wait_end(struct relay_wait *w);

/*
 * Begins relaying and owns both descriptors from here on, also on failure. The
 * headers are copied from `u` when each head passes, so `u` must live as long as
 * any of its relays: *uses counts them. `wait` is for those that must, else NULL.
 */
enum err_code relay_start(struct relays *among, const struct upstream *u, int gate_fd,
			  int upstream_fd, size_t *uses, struct relay_wait *wait,
			  struct err *err) MUST_USE;

/* Ends those whose upstream `now` cuts, or has no more, whichever table they began with. */
void relays_cut(struct relays *among, const struct upstreams *now);

#endif
