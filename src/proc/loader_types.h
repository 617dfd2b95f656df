/* SPDX-License-Identifier: Apache-2.0 */
/* A part of proc/loader.h: the types of tools, from what is pinned of them. */
#ifndef PROC_LOADER_TYPES_H
#define PROC_LOADER_TYPES_H

#include "config/load.h"
#include "policy/diag.h"

/*
 * Puts the schema with the types of the tools that policies name in the place of the configured one. `pin` is the id
 * of one of which what waits counts as pinned; empty: none. What is said of a tool without types is a warning in
 * `open`. A schema that cannot be read, or is not the gateway's, stays as it is.
 */
enum err_code loader_add_types(struct arena *a, struct config_loaded *l, struct str pin,
			       struct policy_diags *open, struct err *err) MUST_USE;

#endif
