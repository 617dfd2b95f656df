/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd.h"
#include "cli/out.h"
#include "proc/loader.h"
#include "proc/supervisor.h"

#include <unistd.h>

static int check_only(struct out *o, const char *config)
{
	if (loader_run(config, -1, STDERR_FILENO)) {
		return access(config, R_OK) ? CMD_FAILED : CMD_FOUND;
	}
	out_text(o, "good", str_from_c(config));
	return CMD_FINE;
}

int cmd_serve(int argc, char **argv)
{
	bool json = false, check = false, quiet = false, until_eof = false;
	const char *config = "writ.yaml";
	const struct opt opts[] = {
		{.name = "config",
		 .letter = 'c',
		 .value = "FILE",
		 .text = &config,
		 .help = "the configuration (writ.yaml)"},
		{.name = "check",
		 .flag = &check,
		 .help = "only check the configuration and the policies"},
		{.name = "quiet",
		 .letter = 'q',
		 .flag = &quiet,
		 .help = "do not say where it serves"},
		{.name = "until-eof",
		 .flag = &until_eof,
		 .help = "stop once standard input has ended and no run is left"},
		OPT_JSON(&json),
	};
	const struct opt_spec spec = {
		.command = "writ serve",
		.summary = "Runs the gateway until it is told to stop (SIGTERM drains, SIGHUP "
			   "reloads).",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ serve --config writ.yaml",
	};
	struct supervisor_options options = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	if (check) {
		return out_end(&o, check_only(&o, config));
	}
	(void)out_end(&o, CMD_FINE);
	options.config_path = config;
	options.quiet = quiet;
	options.until_eof = until_eof;
	return supervisor_run(&options);
}
