/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a sandbox, made by the process that stands in its new, empty namespace. */
#ifndef SANDBOX_NETWORK_H
#define SANDBOX_NETWORK_H

#include "sandbox/plan.h"

enum err_code network_up(struct err *err) MUST_USE;

/*
 * A local route for every address of IPv4 and, where the kernel has it, IPv6, so that a connection to any of them
 * stays within and arrives at a listener, or is refused at once.
 */
enum err_code network_capture(struct err *err) MUST_USE;

/* The socket of a PLAN_LISTEN; -1: this kernel has none of its family, and need not. */
enum err_code network_listen(const struct plan_op *op, int *ret_fd, struct err *err) MUST_USE;

#endif
