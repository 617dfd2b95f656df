/* SPDX-License-Identifier: Apache-2.0 */
/* Picks a command or the role of a process; nothing else. */
#include "cli/cmd.h"
#include "cli/opt.h"
#include "proc/role.h"

#include <stdio.h>
#include <string.h>

/* Looking for leaks needs ptrace, which no jail allows: in sanitizer builds it is off by default. */
#if defined(__SANITIZE_ADDRESS__)
#define WRIT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WRIT_ASAN 1
#endif
#endif
#ifdef WRIT_ASAN
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static int usage(void)
{
	(void)printf(
		"usage: writ COMMAND [OPTIONS]\n\n"
		"Runs AI agents under a writ: one gateway to tools and models, one decision for "
		"each\naction, one record that anybody can verify.\n\n");
	for (const struct cmd *c = cmd_table; c->name; c++) {
		(void)printf("  %-10s %s\n", c->name, c->summary);
	}
	(void)printf("\n  --version  print the version\n"
		     "  --help     print this text; `writ COMMAND --help` says more\n");
	return CMD_FINE;
}

static int unknown(const char *word)
{
	const char *names[64], *near;
	size_t n = 0;

	for (const struct cmd *c = cmd_table; c->name && n < ARRAY_LEN(names); c++) {
		names[n++] = c->name;
	}
	near = opt_suggest(word, names, n);
	if (near) {
		(void)fprintf(stderr, "writ: unknown command '%s' (did you mean '%s'?)\n", word,
			      near);
	} else {
		(void)fprintf(stderr, "writ: unknown command '%s'; see writ --help\n", word);
	}
	return CMD_FAILED;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		(void)usage();
		return CMD_FAILED;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		return usage();
	}
	if (strcmp(argv[1], "--role") == 0) {
		return role_main(argc - 1, argv + 1); /* only the supervisor says this */
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("writ %s\n", WRIT_VERSION);
		return CMD_FINE;
	}
	for (const struct cmd *c = cmd_table; c->name; c++) {
		if (strcmp(argv[1], c->name) == 0) {
			return c->run(argc - 1, argv + 1);
		}
	}
	return unknown(argv[1]);
}
