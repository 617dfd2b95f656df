/* SPDX-License-Identifier: Apache-2.0 */
/* writ review: what a program changed in its workspace under `writ run --review`, to keep or discard. */
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/review.h"

#include <string.h>

enum { REVIEW_MEMORY = 128 << 20 };

static int show(struct out *o, struct arena *a, const char *folder, struct err *err)
{
	static const struct out_col cols[] = {
		{"change", 9}, {"bytes", 10}, {"path", 40}, {"target", 0}};
	static const struct out_list list = {
		.name = "changes", .cols = cols, .n_cols = ARRAY_LEN(cols)};
	struct review_change *changes;
	struct str workspace;
	size_t n;

	if (review_workspace(a, folder, &workspace, err) ||
	    review_list(a, folder, &changes, &n, err)) {
		return out_error(o, err);
	}
	out_text(o, "workspace", workspace);
	out_list_begin(o, &list);
	for (size_t i = 0; i < n; i++) {
		out_row_begin(o);
		out_text(o, "change", str_from_c(review_kind_name(changes[i].kind)));
		out_u64(o, "bytes", changes[i].bytes);
		out_printf(o, "path", STR_FMT "%s", STR_ARG(changes[i].path),
			   changes[i].is_dir ? "/" : "");
		out_printf(o, "target", "%s" STR_FMT, changes[i].target.n ? "-> " : "",
			   STR_ARG(changes[i].target));
		out_row_end(o);
	}
	out_list_end(o);
	out_note(o, "Compare: diff -ru --no-dereference " STR_FMT " %s/upper", STR_ARG(workspace),
		 folder);
	return CMD_FINE;
}

static int end(struct out *o, enum err_code code, const char *what, const struct err *err)
{
	if (code) {
		return out_error(o, err);
	}
	out_bool(o, what, true);
	return CMD_FINE;
}

int cmd_review(int argc, char **argv)
{
	const char *verb = NULL, *folder = NULL;
	bool json = false;
	const struct opt opts[] = {OPT_JSON(&json)};
	const struct opt_word words[] = {
		{.name = "VERB", .help = "show, keep or discard", .required = true, .text = &verb},
		{.name = "FOLDER",
		 .help = "of the changes, as writ run --review named it",
		 .required = true,
		 .text = &folder}};
	const struct opt_spec spec = {
		.command = "writ review",
		.summary =
			"Shows what a program changed in its workspace under `writ run --review`, "
			"makes the changes\nthere, or throws them away.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ review show /var/tmp/writ-review-Ab12Cd\n"
			   "writ review keep /var/tmp/writ-review-Ab12Cd",
	};
	struct str workspace;
	struct err err = {0};
	struct arena a;
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	arena_init(&a, REVIEW_MEMORY);
	if (strcmp(verb, "show") == 0) {
		status = show(&o, &a, folder, &err);
	} else if (strcmp(verb, "keep") == 0) {
		status = end(&o, review_keep(&a, folder, &err), "kept", &err);
	} else if (strcmp(verb, "discard") == 0) {
		enum err_code code = review_workspace(&a, folder, &workspace, &err);

		code = code ? code : review_discard(folder, &err);
		status = end(&o, code, "discarded", &err);
	} else {
		err_ignore(ERR(&err, ERR_INVALID, "%s: it is show, keep or discard", verb));
		status = out_error(&o, &err);
	}
	arena_done(&a);
	return out_end(&o, status);
}
