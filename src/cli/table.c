/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, in the order of `writ --help`. A new command is one line here. */
#include "cli/cmd.h"

#include <stddef.h>

const struct cmd cmd_table[] = {
	{"init", "write a configuration to start from", cmd_init},
	{"serve", "run the gateway: tools, models, one record", cmd_serve},
	{"policy", "check, try and explain policies", cmd_policy},
	{"ledger", "show and verify the record of every action", cmd_ledger},
	{"import", "turn a client's list of MCP servers into a configuration", cmd_import},
	{"reload", "ask the running node to load its configuration again", cmd_reload},
	{NULL, NULL, NULL},
};
