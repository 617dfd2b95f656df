/* SPDX-License-Identifier: Apache-2.0 */
/* `writ ledger VERB`: picks the verb and finds the ledger. */
#include "cli/cmd_ledger.h"

#include "cli/verb.h"
#include "config/load.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LEDGER_CONFIG_MEMORY = 64 << 20, LEDGER_KEY_FILE_MAX = 64 * 1024 };

static const struct cmd verbs[] = {
	{"show", "print records, one on each line", cmd_ledger_show},
	{"verify", "check every record, checkpoint and signature", cmd_ledger_verify},
	{"export", "write static files that transparency-log clients read", cmd_ledger_export},
	{"erase", "make a session's commitments meaningless for ever", cmd_ledger_erase},
	{NULL, NULL, NULL},
};

int cmd_ledger(int argc, char **argv)
{
	return verb_run("writ ledger", "[OPTIONS] [DIR]", verbs, argc, argv);
}

static enum err_code open_dir(const char *path, int *ret_fd, struct err *err)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int inner;

	if (fd < 0 && errno == EACCES) {
		return ERR(err, ERR_DENIED,
			   "%s: only the user that the node runs as may read it: sudo -u USER writ "
			   "ledger",
			   path);
	}
	if (fd < 0) {
		return errno == ENOENT ? ERR(err, ERR_NOT_FOUND, "%s: no such directory", path)
				       : ERR_ERRNO(err, "%s", path);
	}
	if (faccessat(fd, "log", F_OK, 0) == 0) {
		*ret_fd = fd_take(&fd);
		return ERR_OK;
	}
	inner = openat(fd, "ledger", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (inner < 0) {
		return ERR(err, ERR_NOT_FOUND,
			   "%s: neither a ledger's directory nor a node's state folder", path);
	}
	*ret_fd = inner;
	return ERR_OK;
}

enum err_code cmd_ledger_open(const char *dir, const char *config, int *ret_fd, struct err *err)
{
	struct config_loaded loaded;
	struct arena a;
	struct str path;
	enum err_code code;

	if (dir) {
		return open_dir(dir, ret_fd, err);
	}
	arena_init(&a, LEDGER_CONFIG_MEMORY);
	code = config_load(&a, config ? config : "writ.yaml", &loaded, NULL, err);
	if (!code) {
		path = arena_dup(&a, loaded.config.state);
		code = path.p ? open_dir(path.p, ret_fd, err)
			      : ERR(err, ERR_NOMEM, "out of memory");
	} else if (!config) {
		err_wrap(err, "no DIR is given");
	}
	arena_done(&a);
	return code;
}

enum err_code cmd_ledger_key(struct arena *a, const char *key, int dir_fd,
			     struct ledger_verifier *ret, struct err *err)
{
	struct str text;

	if (!key) {
		CLEANUP(fd_close)
		int fd = openat(dir_fd, "verifier", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

		if (fd < 0) {
			return ERR(err, ERR_NOT_FOUND,
				   "the ledger has no file `verifier`: give its key with --key");
		}
		TRY(fd_read_all(fd, LEDGER_KEY_FILE_MAX, a, &text, err));
	} else if (strchr(key, '+')) {
		text = str_from_c(key);
	} else {
		TRY(fd_read_path(key, LEDGER_KEY_FILE_MAX, a, &text, err));
	}
	return ledger_verifier_parse(text, ret, err);
}

void cmd_ledger_time(uint64_t time_us, char ret[CMD_LEDGER_TIME])
{
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm tm;
	size_t n;

	if (!gmtime_r(&seconds, &tm)) {
		ret[0] = '\0';
		return;
	}
	n = strftime(ret, CMD_LEDGER_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret + n, CMD_LEDGER_TIME - n, ".%06uZ", (unsigned)(time_us % 1000000));
}
