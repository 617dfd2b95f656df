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
 * Where a schema is configured, the types of pinned tools that policies name are added to it (gate/rules_types.h): they
 * come from the pins in the state directory (proc/pins_file.h).
 *
 * Secret files are named, never read. The role `loader` runs this in a jail; `writ
 * serve --check` runs it as it is.
 */
#ifndef PROC_LOADER_H
#define PROC_LOADER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Writes the bundle to bundle_fd (-1: only checks) and every reason, or what could not be checked, as
 * text with file:line:column to err_fd. The result is an exit status: 0 good, 1 refused.
 */
int loader_run(const char *path, int bundle_fd, int err_fd);

/*
 * Only checks; appends every reason, one or more lines for each, to `report`, and, when all is good, what could not
 * be checked.
 */
enum err_code loader_check(const char *path, struct buf *report) MUST_USE;

/* The same as if what waits of this pin (its id in pins.json) were pinned already. */
enum err_code loader_check_pin(const char *path, struct str pin, struct buf *report) MUST_USE;

#endif
