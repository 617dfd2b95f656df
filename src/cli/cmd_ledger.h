/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of `writ ledger` share. */
#ifndef CLI_CMD_LEDGER_H
#define CLI_CMD_LEDGER_H

#include "base/arena.h"
#include "base/err.h"
#include "cli/cmd.h"
#include "cli/opt.h"
#include "ledger/seal.h"

int cmd_ledger_show(int argc, char **argv);
int cmd_ledger_verify(int argc, char **argv);
int cmd_ledger_export(int argc, char **argv);
int cmd_ledger_erase(int argc, char **argv);

/*
 * The ledger's directory: `dir` itself, `dir`/ledger when `dir` is a node's state folder, or, when
 * dir is NULL, that of the configuration file. The caller owns *ret_fd.
 */
enum err_code cmd_ledger_open(const char *dir, const char *config, int *ret_fd,
			      struct err *err) MUST_USE;

/* The verifier key: `key` itself or the file it names; NULL: the file beside the log. */
enum err_code cmd_ledger_key(struct arena *a, const char *key, int dir_fd,
			     struct ledger_verifier *ret, struct err *err) MUST_USE;

enum { CMD_LEDGER_TIME = 32 };

/* "2026-11-23T09:15:56.123456Z" with its NUL. */
void cmd_ledger_time(uint64_t time_us, char ret[CMD_LEDGER_TIME]);

#define CMD_LEDGER_WORDS(p)                                                                        \
	{                                                                                          \
		{                                                                                  \
			.name = "DIR", .text = (p),                                                \
			.help = "the ledger's directory, or the node's state folder"               \
		}                                                                                  \
	}
#define CMD_LEDGER_KEY(p)                                                                          \
	{                                                                                          \
		.name = "key", .letter = 'k', .value = "KEY", .text = (p),                         \
		.help = "the verifier key name+hash+base64, or a file with it"                     \
	}
#define CMD_LEDGER_CONFIG(p)                                                                       \
	{                                                                                          \
		.name = "config", .letter = 'c', .value = "FILE", .text = (p),                     \
		.help = "find the ledger by the node's configuration (default: writ.yaml)"         \
	}

#endif
