/* SPDX-License-Identifier: Apache-2.0 */
/* Path arithmetic that the plan's checks and its construction share. */
#ifndef SANDBOX_PLAN_PRIV_H
#define SANDBOX_PLAN_PRIV_H

#include "sandbox/plan.h"

/* `path` is `dir` or lies beneath it; both without a slash at the end. */
bool path_within(struct str path, struct str dir);

/* Everything before the last slash; "/" for a path with one. */
struct str path_dir(struct str path);

struct str path_base(struct str path);

/* Without slashes at the end, but "/" stays. */
struct str path_trim(struct str path);

/*
 * What is wrong with what the machine says: a place that becomes another behind
 * its symbolic links must pass the same checks there.
 */
enum err_code plan_check_write(struct str path, struct err *err) MUST_USE;
enum err_code plan_check_read(struct str path, struct err *err) MUST_USE;

#endif
