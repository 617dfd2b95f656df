/* SPDX-License-Identifier: Apache-2.0 */
/* writ ledger verify: is this log what was written, all of it, in this order? */
#include "base/hex.h"
#include "cli/cmd_ledger.h"
#include "cli/out.h"
#include "ledger/verify.h"
#include "sys/fd.h"

#include <stdio.h>
#include <unistd.h>

enum { VERIFY_FILE_MAX = 64 * 1024 };

struct verify_args {
	const char *dir, *config, *key, *known;
	bool json;
};

static void say_progress(void *ctx, uint64_t records)
{
	(void)ctx;
	(void)fprintf(stderr, "\r%llu record%s", (unsigned long long)records,
		      records == 1 ? "" : "s");
}

/* A checkpoint that was kept elsewhere; it has to be signed by the same key. */
static enum err_code read_known(struct arena *a, const char *path, const struct ledger_verifier *v,
				struct ledger_checkpoint *ret, struct err *err)
{
	struct str text;
	enum err_code code;

	TRY(fd_read_path(path, VERIFY_FILE_MAX, a, &text, err));
	code = ledger_checkpoint_open(text, v, ret, err);
	if (code) {
		err_wrap(err, "%s", path);
	}
	return code;
}

static enum err_code run(struct arena *a, const struct verify_args *args,
			 struct ledger_verified *ret, struct err *err)
{
	CLEANUP(fd_close) int fd = -1;
	struct ledger_verifier verifier;
	struct ledger_checkpoint known;
	struct ledger_verify_options o = {.verifier = &verifier};
	enum err_code code;

	TRY(cmd_ledger_open(args->dir, args->config, &fd, err));
	TRY(cmd_ledger_key(a, args->key, fd, &verifier, err));
	if (args->known) {
		TRY(read_known(a, args->known, &verifier, &known, err));
		o.known = &known;
	}
	o.dir_fd = fd;
	if (!args->json && isatty(STDERR_FILENO)) {
		o.progress = say_progress;
	}
	code = ledger_verify(&o, ret, err);
	if (o.progress) {
		(void)fprintf(stderr, "\r\033[K");
	}
	return code;
}

static void say_problem(struct out *o, const struct ledger_problem *p)
{
	out_text(o, "problem", str_from_c(p->text));
	out_u64(o, "at_record", p->index);
	if (p->suspect != p->index) {
		out_u64(o, "changed_at_or_after", p->suspect);
	}
	if (p->segment[0]) {
		out_text(o, "file", str_from_c(p->segment));
		out_u64(o, "offset", p->offset);
	}
}

static int report(struct out *o, const struct verify_args *args, const struct ledger_verified *v)
{
	char time[CMD_LEDGER_TIME];
	struct buf root;

	out_bool(o, "intact", !v->problem.found);
	out_u64(o, "records", v->records);
	out_u64(o, "sealed", v->sealed);
	out_u64(o, "checkpoints", v->checkpoints);
	if (v->records) {
		cmd_ledger_time(v->first_us, time);
		out_text(o, "first", str_from_c(time));
		cmd_ledger_time(v->last_us, time);
		out_text(o, "last", str_from_c(time));
	}
	if (v->problem.found) {
		say_problem(o, &v->problem);
		return CMD_FOUND;
	}
	buf_init(&root, 128);
	base64_append(&root, v->root, sizeof(v->root));
	out_text(o, "root", buf_str(&root));
	buf_done(&root);
	if (v->records > v->sealed) {
		out_note(o, "%llu records after the last checkpoint are not sealed yet.",
			 (unsigned long long)(v->records - v->sealed));
	}
	if (v->torn_bytes) {
		out_note(o, "%llu bytes at the end are an unfinished record.",
			 (unsigned long long)v->torn_bytes);
	}
	if (!args->key) {
		out_note(o,
			 "The key was the one that lies beside the log. Against somebody who can "
			 "write there, give the key you know with --key, and a checkpoint you "
			 "kept with --known.");
	}
	return CMD_FINE;
}

int cmd_ledger_verify(int argc, char **argv)
{
	struct verify_args args = {0};
	const struct opt opts[] = {
		CMD_LEDGER_KEY(&args.key),
		{.name = "known",
		 .value = "FILE",
		 .text = &args.known,
		 .help = "a checkpoint of this log that was kept elsewhere"},
		CMD_LEDGER_CONFIG(&args.config),
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = CMD_LEDGER_WORDS(&args.dir);
	const struct opt_spec spec = {
		.command = "writ ledger verify",
		.summary =
			"Reads the whole log and checks every record, its place, the Merkle root "
			"of every\ncheckpoint and every signature. Needs nothing but the files. "
			"Exit status 1 when something\nis wrong; says what, and at which record.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example =
			"writ ledger verify ~/writ/state\n"
			"writ ledger verify --key auditor.vkey --known last-month.checkpoint DIR",
	};
	struct ledger_verified v;
	struct err err = {0};
	struct arena a;
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	arena_init(&a, 4 * VERIFY_FILE_MAX);
	status = run(&a, &args, &v, &err) ? out_error(&o, &err) : report(&o, &args, &v);
	status = out_end(&o, status);
	arena_done(&a);
	return status;
}
