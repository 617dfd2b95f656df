/* SPDX-License-Identifier: Apache-2.0 */
/* writ ledger erase: the log stays whole, and says nothing about this session's content any more.
 */
#include "cli/cmd_ledger.h"
#include "cli/out.h"
#include "ledger/erase.h"
#include "sys/fd.h"

struct erase_args {
	const char *dir, *config, *session;
	bool json;
};

static int run(const struct erase_args *args, struct out *o)
{
	CLEANUP(fd_close) int fd = -1;
	struct err err = {0};
	uint64_t n = 0;

	if (!args->session || !args->session[0]) {
		(void)ERR(&err, ERR_INVALID, "--session ID is missing");
		return out_error(o, &err);
	}
	if (cmd_ledger_open(args->dir, args->config, &fd, &err) ||
	    ledger_erase(fd, str_from_c(args->session), &n, &err)) {
		return out_error(o, &err);
	}
	out_u64(o, "keys_erased", n);
	if (n == 0) {
		out_note(o, "No key of this session is kept here.");
		return CMD_FOUND;
	}
	out_note(o,
		 "Its commitments can no longer be opened. Erase the key in backups and snapshots "
		 "too.");
	return CMD_FINE;
}

int cmd_ledger_erase(int argc, char **argv)
{
	struct erase_args args = {0};
	const struct opt opts[] = {
		{.name = "session",
		 .letter = 's',
		 .value = "ID",
		 .text = &args.session,
		 .help = "the session (required)"},
		CMD_LEDGER_CONFIG(&args.config),
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = CMD_LEDGER_WORDS(&args.dir);
	const struct opt_spec spec = {
		.command = "writ ledger erase",
		.summary = "Overwrites the key that a session's commitments are salted with. The "
			   "records stay and\nverify as before, but nobody can show any more, nor "
			   "guess and test, what they are about.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ ledger erase --session 5f2b6c1e ~/writ/state",
	};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	return out_end(&o, run(&args, &o));
}
