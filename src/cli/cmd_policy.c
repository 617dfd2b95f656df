/* SPDX-License-Identifier: Apache-2.0 */
/* `writ policy VERB`: picks the verb. */
#include "cli/cmd_policy.h"

#include "cli/opt.h"
#include "sys/fd.h"

#include <stdio.h>

static const struct cmd verbs[] = {
	{"check", "check policies against a schema", cmd_policy_check},
	{"eval", "decide one request, or one a line", cmd_policy_eval},
	{"corpus", "run a folder of Cedar integration tests", cmd_policy_corpus},
	{"diff", "what changes between two sets of policies", cmd_policy_diff},
	{"explain", "why a request is allowed or denied", cmd_policy_explain},
	{"fmt", "lay out policies; comments stay", cmd_policy_fmt},
	{"replay", "decide the events of a trace by temporal policies", cmd_policy_replay},
	{"prove", "what holds for all requests, or one that breaks it", cmd_policy_prove},
	{"test", "run the cases beside policies", cmd_policy_test},
	{"translate", "policies to JSON and back", cmd_policy_translate},
	{NULL, NULL, NULL},
};

static int usage(FILE *to)
{
	(void)fprintf(to, "usage: writ policy VERB [OPTIONS]\n\n");
	for (const struct cmd *v = verbs; v->name; v++) {
		(void)fprintf(to, "  %-10s %s\n", v->name, v->summary);
	}
	(void)fprintf(to, "\n`writ policy VERB --help` says more\n");
	return to == stdout ? CMD_FINE : CMD_FAILED;
}

int cmd_policy(int argc, char **argv)
{
	const char *names[ARRAY_LEN(verbs)], *near;
	size_t n = 0;

	if (argc < 2) {
		return usage(stderr);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		return usage(stdout);
	}
	for (const struct cmd *v = verbs; v->name; v++) {
		if (strcmp(argv[1], v->name) == 0) {
			return v->run(argc - 1, argv + 1);
		}
		names[n++] = v->name;
	}
	near = opt_suggest(argv[1], names, n);
	(void)fprintf(stderr, "writ policy: unknown verb '%s'%s%s%s\n", argv[1],
		      near ? " (did you mean '" : "; see writ policy --help", near ? near : "",
		      near ? "'?)" : "");
	return CMD_FAILED;
}

enum err_code cmd_policy_read(struct arena *a, const char *path, struct policy_source *ret,
			      struct err *err)
{
	TRY(fd_read_path(path, CMD_POLICY_FILE_MAX, a, &ret->text, err));
	ret->name = str_from_c(path);
	return ERR_OK;
}
