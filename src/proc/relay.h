/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One relayed connection: a gate's framed stream on one side, the upstream's
 * socket (TLS where the URL says so) on the other. Each side is slowed down to
 * the other's pace; when one ends, the other is drained and closed.
 */
#ifndef PROC_RELAY_H
#define PROC_RELAY_H

#include "net/loop.h"
#include "proc/upstream.h"

struct relay;

/*
 * Begins relaying and owns both descriptors from here on, also on failure. The
 * headers are copied from `u` when each head passes, so `u` must live as long as
 * any of its relays: relay_count says how many there are.
 */
enum err_code relay_start(struct loop *loop, const struct upstream *u, int gate_fd, int upstream_fd,
			  size_t *count, struct err *err) MUST_USE;

#endif
