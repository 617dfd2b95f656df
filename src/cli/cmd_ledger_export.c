/* SPDX-License-Identifier: Apache-2.0 */
/* writ ledger export: the log as C2SP tlog-tiles, for others to mirror and check. */
#include "base/hex.h"
#include "cli/cmd_ledger.h"
#include "cli/out.h"
#include "ledger/tiles.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { EXPORT_MEMORY = 256 * 1024 };

struct export_args {
	const char *to, *dir, *config, *key;
	bool json;
};

static enum err_code open_target(const char *path, int *ret_fd, struct err *err)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST) {
		return ERR_ERRNO(err, "making %s", path);
	}
	*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? ERR_ERRNO(err, "%s", path) : ERR_OK;
}

static enum err_code run(struct arena *a, const struct export_args *args,
			 struct ledger_checkpoint *ret, struct err *err)
{
	CLEANUP(fd_close) int fd = -1;
	CLEANUP(fd_close) int to_fd = -1;
	struct ledger_verifier verifier;

	TRY(cmd_ledger_open(args->dir, args->config, &fd, err));
	TRY(cmd_ledger_key(a, args->key, fd, &verifier, err));
	TRY(open_target(args->to, &to_fd, err));
	return ledger_tiles_export(fd, &verifier, to_fd, ret, err);
}

static int report(struct out *o, const struct ledger_checkpoint *c)
{
	struct buf root;

	buf_init(&root, 128);
	base64_append(&root, c->root, sizeof(c->root));
	out_u64(o, "records", c->size);
	out_text(o, "root", buf_str(&root));
	buf_done(&root);
	return CMD_FINE;
}

int cmd_ledger_export(int argc, char **argv)
{
	struct export_args args = {0};
	const struct opt opts[] = {
		CMD_LEDGER_KEY(&args.key),
		CMD_LEDGER_CONFIG(&args.config),
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = {
		{.name = "TO", .text = &args.to, .required = true, .help = "folder to write into"},
		{.name = "DIR",
		 .text = &args.dir,
		 .help = "the ledger's directory, or the node's state folder"},
	};
	const struct opt_spec spec = {
		.command = "writ ledger export",
		.summary = "Writes the log up to its last checkpoint as static files (C2SP "
			   "tlog-tiles): any\ntransparency-log client can fetch, check and mirror "
			   "them from a web server.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ ledger export /srv/www/writ-log ~/writ/state",
	};
	struct ledger_checkpoint c;
	struct err err = {0};
	struct arena a;
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	arena_init(&a, EXPORT_MEMORY);
	status = run(&a, &args, &c, &err) ? out_error(&o, &err) : report(&o, &c);
	status = out_end(&o, status);
	arena_done(&a);
	return status;
}
