/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that have verbs: `writ policy check`, `writ ledger show`. */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include "cli/cmd.h"

/*
 * Runs the verb argv[1] with argv[0] being its name; --help lists the verbs, an unknown one
 * gets the nearest suggested. `command` is "writ policy"; `words` follows in the usage line.
 * The table ends with a row whose name is NULL and has at most 32 others.
 */
int verb_run(const char *command, const char *words, const struct cmd *verbs, int argc,
	     char **argv);

#endif
