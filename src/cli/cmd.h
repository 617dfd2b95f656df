/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function for each command, one file for each function: cmd_policy.c holds
 * cmd_policy. argv[0] is the command's own name. The result is the exit status
 * of the whole program: 0 fine, 1 refused or found something, 2 could not run.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

enum cmd_status { CMD_FINE = 0, CMD_FOUND = 1, CMD_FAILED = 2 };

struct cmd {
	const char *name;
	const char *summary; /* one line for `writ --help` */
	int (*run)(int argc, char **argv);
};

int cmd_policy(int argc, char **argv);
int cmd_ledger(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_reload(int argc, char **argv);

#endif
