/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading as one step: configuration, policies and schema are read and checked
 * together, and what comes out is one document:
 *
 *   {"config":{...},                         config_encode_json, CONFIG_VIEW_FULL
 *    "policies":[{"name":"policies/a.cedar","text":"..."}],
 *    "schema":{"name":"...","text":"..."},   or null; so are "events" and "providers"
 *    "secrets":[{"file":"/...","reader":"connector"}]}
 *
 * Secret files are named, never read. The role `loader` runs this in a jail; `writ
 * serve --check` runs it as it is.
 */
#ifndef PROC_LOADER_H
#define PROC_LOADER_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Writes the bundle to bundle_fd (-1: only checks) and, when something is wrong, every reason as
 * text with file:line:column to err_fd. The result is an exit status: 0 good, 1 refused.
 */
int loader_run(const char *path, int bundle_fd, int err_fd);

/* Only checks; appends every reason, one or more lines for each, to `report`. */
enum err_code loader_check(const char *path, struct buf *report) MUST_USE;

#endif
