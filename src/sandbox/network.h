/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a sandbox, made by the process that stands in its new, empty namespace. */
#ifndef SANDBOX_NETWORK_H
#define SANDBOX_NETWORK_H

#include "sandbox/plan.h"

/*
 * Brings up lo. `every`: with a local route for every address of IPv4 and, where the kernel has
 * it, IPv6, so that a connection to any of them stays within and arrives at a listener, or is refused at
 * once.
 */
enum err_code network_up(bool every, struct err *err) MUST_USE;

/* The socket of a PLAN_LISTEN. */
enum err_code network_listen(const struct plan_op *op, int *ret_fd, struct err *err) MUST_USE;

#endif
