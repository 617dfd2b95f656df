/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ policy fmt FILE...`: policies laid out anew, on standard output; --write
 * puts them back into their files; --check only says which would change (exit 1).
 */
#include "cli/cmd_policy.h"
#include "cli/out.h"
#include "policy/fmt.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define MEMORY_MAX ((size_t)1 << 30)
#define TEXT_MAX   ((size_t)128 << 20)

struct fmt_args {
	struct opt_list files;
	bool write, check, json;
};

/* Beside the file, then renamed over it: a reader sees the old text or the new one. */
static enum err_code replace_file(const char *path, struct str text, struct err *err)
{
	char tmp[4096];
	int n = snprintf(tmp, sizeof(tmp), "%s.writ-fmt", path), fd;
	bool good = true;

	if (n < 0 || (size_t)n >= sizeof(tmp)) {
		return ERR(err, ERR_LIMIT, "%s: the name is too long", path);
	}
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0) {
		return ERR_ERRNO(err, "create %s", tmp);
	}
	while (good && text.n > 0) {
		ssize_t put = write(fd, text.p, text.n);

		good = put > 0;
		text = str_from(text, good ? (size_t)put : 0);
	}
	good = fsync(fd) == 0 && good;
	if (close(fd) != 0 || !good || rename(tmp, path) != 0) {
		enum err_code code = ERR_ERRNO(err, "write %s", path);

		(void)unlink(tmp);
		return code;
	}
	return ERR_OK;
}

static enum err_code format_file(struct arena *a, const char *path, const struct fmt_args *args,
				 struct policy_diags *diags, struct buf *out, bool *changed,
				 struct err *err)
{
	struct policy_source src;

	TRY(cmd_policy_read(a, path, &src, err));
	TRY(policy_fmt(a, &src, out, diags, err));
	*changed = !str_eq(src.text, buf_str(out));
	if (args->write && *changed) {
		return replace_file(path, buf_str(out), err);
	}
	return ERR_OK;
}

static int show_error(const struct policy_diags *diags, const struct err *err)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	if (diags->n > 0) {
		policy_diags_render(diags, &text);
	} else {
		buf_printf(&text, "writ policy fmt: %s\n", err->msg);
	}
	(void)fwrite(buf_str(&text).p, 1, buf_len(&text), stderr);
	buf_done(&text);
	return CMD_FAILED;
}

static int format_one(const char *path, const struct fmt_args *args, struct out *o)
{
	struct policy_diags diags;
	struct err err = {0};
	struct buf text;
	struct arena a;
	bool changed = false;
	int status = CMD_FINE;

	arena_init(&a, MEMORY_MAX);
	buf_init(&text, TEXT_MAX);
	policy_diags_init(&diags, &a);
	if (format_file(&a, path, args, &diags, &text, &changed, &err)) {
		status = args->json ? out_error(o, &err) : show_error(&diags, &err);
	} else if (args->check) {
		status = changed ? CMD_FOUND : CMD_FINE;
		if (changed) {
			out_note(o, "%s would change", path);
		}
	} else if (args->json) {
		out_text(o, "text", buf_str(&text));
	} else if (!args->write &&
		   fwrite(buf_str(&text).p, 1, buf_len(&text), stdout) != buf_len(&text)) {
		status = CMD_FAILED;
	}
	buf_done(&text);
	arena_done(&a);
	return status;
}

int cmd_policy_fmt(int argc, char **argv)
{
	struct fmt_args args = {0};
	const struct opt opts[] = {
		{.name = "write",
		 .letter = 'w',
		 .flag = &args.write,
		 .help = "put the formatted text back into each file"},
		{.name = "check",
		 .flag = &args.check,
		 .help = "change nothing; exit 1 when a file is not formatted"},
		OPT_JSON(&args.json),
	};
	const struct opt_word words[] = {
		{.name = "FILE", .help = "Cedar policies", .required = true, .list = &args.files},
	};
	const struct opt_spec spec = {
		.command = "writ policy fmt",
		.summary = "Lays out policies; comments stay.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ policy fmt --write policies/*.cedar",
	};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	status = CMD_FINE;
	for (size_t i = 0; i < args.files.n && status != CMD_FAILED; i++) {
		int one = format_one(args.files.items[i], &args, &o);

		status = one > status ? one : status;
	}
	if (fflush(stdout) != 0) {
		status = CMD_FAILED;
	}
	return out_end(&o, status);
}
