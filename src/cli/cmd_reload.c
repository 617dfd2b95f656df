/* SPDX-License-Identifier: Apache-2.0 */
/* writ reload: asks the running node to load its configuration again. */
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/out.h"
#include "config/load.h"

enum { RELOAD_MEMORY = 64 << 20 };

struct reload_args {
	const char *config, *state;
	bool json;
};

/* Where the node's control socket is: --state, or what the file says. */
static enum err_code state_of(struct arena *a, const struct reload_args *args, struct str *ret,
			      struct err *err)
{
	struct config_loaded loaded;

	if (args->state) {
		*ret = str_from_c(args->state);
		return ERR_OK;
	}
	TRY(config_load(a, args->config, &loaded, NULL, err));
	*ret = loaded.config.state;
	return ERR_OK;
}

static int report(struct out *o, const struct json *answer)
{
	const struct json *ok = json_get(answer, STR("ok"));
	bool accepted = json_is_bool(ok) && ok->boolean;
	struct str reason = json_str(json_get(answer, STR("error")));

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
	if (state_of(&a, &args, &state, &err) ||
	    control_ask(&a, state, STR("{\"op\":\"reload\"}"), &answer, &err)) {
		status = out_error(&o, &err);
	} else {
		status = report(&o, answer);
	}
	status = out_end(&o, status);
	arena_done(&a);
	return status;
}
