/* SPDX-License-Identifier: Apache-2.0 */
/* From a configured stdio server to the plan of its sandbox. */
#ifndef PROC_RUNNER_SPEC_H
#define PROC_RUNNER_SPEC_H

#include "config/config.h"
#include "proc/role.h"
#include "sandbox/apply.h"

/*
 * Looks at the machine and builds the plan; both live in the arena, and so do the
 * values of its environment: wipe the arena. Secret values are read from `secrets`.
 */
enum err_code runner_plan(struct arena *a, const struct config_server *server,
			  const struct sandbox_kernel *kernel, const struct role_secret *secrets,
			  unsigned n_secrets, struct sandbox_plan *ret, struct err *err) MUST_USE;

#endif
