/* SPDX-License-Identifier: Apache-2.0 */
/* From a configured stdio server to the plan of its sandbox. */
#ifndef PROC_RUNNER_SPEC_H
#define PROC_RUNNER_SPEC_H

#include "config/config.h"
#include "proc/role.h"
#include "sandbox/apply.h"

/*
 * Where the server's program and places really are, now; kept in `keep`. Asked once, when the
 * configuration is loaded: a link that somebody changes afterwards changes nothing any more.
 */
enum err_code runner_look(struct arena *keep, const struct config_server *server,
			  const struct sandbox_kernel *kernel, const struct role_secret *secrets,
			  unsigned n_secrets, struct plan_machine *ret, struct err *err) MUST_USE;

/*
 * Builds the plan for what runner_look saw; it lives in the arena, and so do the values of its
 * environment: wipe the arena. Secret values are read from `secrets`.
 */
enum err_code runner_plan(struct arena *a, const struct config_server *server,
			  const struct plan_machine *machine, const struct role_secret *secrets,
			  unsigned n_secrets, struct sandbox_plan *ret, struct err *err) MUST_USE;

#endif
