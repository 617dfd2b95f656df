/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function for each command, one file for each function: cmd_policy.c holds
 * cmd_policy. argv[0] is the command's own name. The result is the exit status
 * of the whole program: 0 fine, 1 refused or found something, 2 could not run.
 *
 * To add a command: declare it here, put its line into cmd_table (table.c) and
 * its file into meson.build.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

enum cmd_status { CMD_FINE = 0, CMD_FOUND = 1, CMD_FAILED = 2 };

struct cmd {
	const char *name;
	const char *summary; /* one line for `writ --help` */
	int (*run)(int argc, char **argv);
};

/* Ends with a row whose name is NULL. */
extern const struct cmd cmd_table[];

int cmd_policy(int argc, char **argv);
int cmd_ledger(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_mcp(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_site(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_approve(int argc, char **argv);
int cmd_budget(int argc, char **argv);
int cmd_deny(int argc, char **argv);
int cmd_login(int argc, char **argv);
int cmd_logout(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_freeze(int argc, char **argv);
int cmd_thaw(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_review(int argc, char **argv);
int cmd_pin(int argc, char **argv);

#endif
