/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verb.h"

#include "cli/opt.h"

#include <stdio.h>

enum { VERBS_MAX = 32 };

static int usage(FILE *to, const char *command, const char *words, const struct cmd *verbs)
{
	(void)fprintf(to, "usage: %s VERB %s\n\n", command, words);
	for (const struct cmd *v = verbs; v->name; v++) {
		(void)fprintf(to, "  %-10s %s\n", v->name, v->summary);
	}
	(void)fprintf(to, "\n`%s VERB --help` says more\n", command);
	return to == stdout ? CMD_FINE : CMD_FAILED;
}

int verb_run(const char *command, const char *words, const struct cmd *verbs, int argc, char **argv)
{
	const char *names[VERBS_MAX], *near;
	size_t n = 0;

	if (argc < 2) {
		return usage(stderr, command, words, verbs);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		return usage(stdout, command, words, verbs);
	}
	for (const struct cmd *v = verbs; v->name; v++) {
		if (strcmp(argv[1], v->name) == 0) {
			return v->run(argc - 1, argv + 1);
		}
		ASSERT(n < VERBS_MAX);
		names[n++] = v->name;
	}
	near = opt_suggest(argv[1], names, n);
	(void)fprintf(stderr, "%s: unknown verb '%s'", command, argv[1]);
	if (near) {
		(void)fprintf(stderr, " (did you mean '%s'?)\n", near);
	} else {
		(void)fprintf(stderr, "; see %s --help\n", command);
	}
	return CMD_FAILED;
}
