/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sandbox policy of NVIDIA OpenShell (schema version 1) as Cedar policies. What Writ does not have, or has in
 * another way, is told in a notice; nothing that is carried over permits more than it did there, but
 * where a notice says so. Reads what it is given and nothing else.
 *
 *   filesystem_policy   permits for read_file and write_file
 *   network_policies    a permit of `connect` for each host and port, with the programs that may,
 *                       the methods and paths; deny_rules become forbids
 *
 * Limits are those of config/yaml.h and OPENSHELL_MAX.
 */
#ifndef CLI_IMPORT_OPENSHELL_H
#define CLI_IMPORT_OPENSHELL_H

#include "base/buf.h"
#include "cli/import_read.h"

enum { OPENSHELL_MAX = 512 /* hosts to look into, address ranges, paths: each */ };

struct openshell_texts {
	struct str *items;
	size_t n, cap;
};

struct openshell {
	struct import_list *list;           /* for its notices and arena */
	struct buf *policies;               /* Cedar text is appended */
	struct openshell_texts inspect;     /* hosts whose tunnels have to be looked into */
	struct openshell_texts ranges;      /* special addresses that have to be open */
	struct openshell_texts read, write; /* places that a run has to ask for */
	size_t n_permits, n_forbids;
	bool any_program, any_audit, any_glob; /* what has been told once */
};

/* `o` is zeroed by the caller but for list and policies. ERR_INVALID: it is no such policy. */
enum err_code import_openshell(struct openshell *o, const struct json *root,
			       struct err *err) MUST_USE;

#endif
