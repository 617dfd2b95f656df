/* SPDX-License-Identifier: Apache-2.0 */
/* writ reload: asks the running node to load its configuration again. */
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/out.h"

enum { RELOAD_MEMORY = 64 << 20 };

struct reload_args {
	const char *config, *state;
	bool json;
};

/* The node would refuse the file for the same reasons, if we knew where to ask it. */
static int report_mistakes(struct out *o, const struct config_errors *errors)
{
	static const struct out_col cols[] = {{"mistake", 0}};
	static const struct out_list list = {
		.name = "mistakes", .cols = cols, .n_cols = 1, .between = " "};

	out_bool(o, "reloaded", false);
	out_list_begin(o, &list);
	for (size_t i = 0; i < errors->n; i++) {
		out_row_begin(o);
		out_text(o, "mistake", errors->lines[i]);
		out_row_end(o);
	}
	out_list_end(o);
	out_note(o, "The node was not asked and keeps serving with what it had.");
	return CMD_FOUND;
}

static int report(struct out *o, const struct json *answer)
{
	const struct json *ok = json_get(answer, STR("ok"));
	bool accepted = json_is_bool(ok) && ok->boolean;
	struct str reason = json_str(json_get(answer, STR("error")));

	while (reason.n && reason.p[reason.n - 1] == '\n') {
		reason.n--;
	}
	out_bool(o, "reloaded", accepted);
	if (accepted) {
		return CMD_FINE;
	}
	out_text(o, "reason", reason.n ? reason : STR("the node gives none"));
	out_note(o, "The node keeps serving with what it had.");
	return CMD_FOUND;
}

int cmd_reload(int argc, char **argv)
{
	struct reload_args args = {.config = "writ.yaml"};
	const struct opt opts[] = {
		{.name = "config",
		 .letter = 'c',
		 .value = "FILE",
		 .text = &args.config,
		 .help = "the node's configuration (default: writ.yaml)"},
		{.name = "state",
		 .value = "DIR",
		 .text = &args.state,
		 .help = "the node's state folder, when the file cannot be read now"},
		OPT_JSON(&args.json),
	};
	const struct opt_spec spec = {
		.command = "writ reload",
		.summary = "Asks the running node to load its configuration and policies again. A "
			   "mistake is refused\nwith its place, and the node goes on as before.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ reload --config ~/writ/writ.yaml",
	};
	struct config_errors errors = {0};
	const struct json *answer;
	struct err err = {0};
	struct str state;
	struct arena a;
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	arena_init(&a, RELOAD_MEMORY);
	if (control_state(&a, args.config, args.state, &state, &errors, &err)) {
		status = errors.n ? report_mistakes(&o, &errors) : out_error(&o, &err);
	} else if (control_ask(&a, state, STR("{\"op\":\"reload\"}"), &answer, &err)) {
		status = out_error(&o, &err);
	} else {
		status = report(&o, answer);
	}
	status = out_end(&o, status);
	arena_done(&a);
	return status;
}
