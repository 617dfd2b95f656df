/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, in the order of `writ --help`. A new command is one line here. */
#include "cli/cmd.h"

#include <stddef.h>

const struct cmd cmd_table[] = {
	{NULL, NULL, NULL},
};
