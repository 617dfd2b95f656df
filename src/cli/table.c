/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, in the order of `writ --help`. A new command is one line here. */
#include "cli/cmd.h"

#include <stddef.h>

const struct cmd cmd_table[] = {
	{"init", "write a configuration to start from", cmd_init},
	{"run", "run an agent in a sandbox whose only exit is Writ", cmd_run},
	{"ps", "show what runs in a sandbox", cmd_ps},
	{"freeze", "stop a run where it stands", cmd_freeze},
	{"thaw", "let a frozen run go on", cmd_thaw},
	{"kill", "end a run with all of its processes", cmd_kill},
	{"review", "keep or discard what a run changed", cmd_review},
	{"approve", "say yes to what an agent waits for", cmd_approve},
	{"deny", "say no to it", cmd_deny},
	{"login", "let the node call a server in your name", cmd_login},
	{"logout", "forget that again", cmd_logout},
	{"probe", "try what a sandbox must not allow", cmd_probe},
	{"serve", "run the gateway: tools, models, one record", cmd_serve},
	{"pin", "what servers offer: what is known, changed, approved", cmd_pin},
	{"policy", "check, try and explain policies", cmd_policy},
	{"site", "sites, and what data may go where", cmd_site},
	{"budget", "what is left of each budget", cmd_budget},
	{"ledger", "show and verify the record of every action", cmd_ledger},
	{"report", "the tables that laws ask for, with proofs", cmd_report},
	{"mcp", "the gateway for clients that only start programs", cmd_mcp},
	{"import", "turn a client's list of MCP servers into a configuration", cmd_import},
	{"reload", "ask the running node to load its configuration again", cmd_reload},
	{NULL, NULL, NULL},
};
