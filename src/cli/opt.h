/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line options from a table. A command states its options once; parsing,
 * `--help` and the suggestion for a mistyped name all come from that statement.
 *
 *   bool json = false;
 *   const char *file = "writ.yaml";
 *   const struct opt opts[] = {
 *           {.name = "config", .letter = 'c', .value = "FILE", .text = &file, .help = "..."},
 *           OPT_JSON(&json),
 *   };
 *   const struct opt_spec spec = {.command = "writ reload", .summary = "...",
 *           .opts = opts, .n_opts = ARRAY_LEN(opts), .example = "writ reload -c writ.yaml"};
 *
 * Accepted: --name, --name VALUE, --name=VALUE, -n, -n VALUE, -nVALUE, `--` before words that
 * start with a dash. Options and words may be mixed. Nothing is printed and nobody exits here.
 */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include "base/buf.h"
#include "base/err.h"

/* The values of an option that may be repeated, or the words a command takes; borrows argv. */
struct opt_list {
	const char *items[64];
	size_t n;
};

/* Exactly one of flag, text, number and list says where the value goes. */
struct opt {
	const char *name;  /* without the dashes */
	char letter;       /* 0 when there is none */
	const char *value; /* what the help calls the value; NULL for a flag */
	const char *help;
	bool *flag;
	const char **text;
	uint64_t *number;
	struct opt_list *list;
};

/* A word that is not an option. `text` takes one word, `list` all that remain. */
struct opt_word {
	const char *name; /* "DIR" */
	const char *help;
	bool required;
	const char **text;
	struct opt_list *list;
};

struct opt_spec {
	const char *command; /* "writ policy check" */
	const char *summary; /* one sentence */
	const struct opt *opts;
	size_t n_opts;
	const struct opt_word *words;
	size_t n_words;
	const char *
		tail; /* of the usage line, for what is not parsed here: " -- PROGRAM ARGS"; NULL */
	const char *example; /* one or more command lines, '\n' between them */
};

/* The option every command has. */
#define OPT_JSON(p)                                                                                \
	{                                                                                          \
		.name = "json", .flag = (p), .help = "print one JSON document instead of text"     \
	}

/*
 * Fills the places the table names. *ret_help is true when -h or --help was found: then the rest
 * was not looked at and the caller prints opt_help. Each option but a list may be given once.
 */
enum err_code opt_parse(const struct opt_spec *spec, int argc, char **argv, bool *ret_help,
			struct err *err) MUST_USE;

/* The text of --help. */
void opt_help(const struct opt_spec *spec, struct buf *to);

/* The nearest of `n` names within two edits, or NULL. */
const char *opt_suggest(const char *word, const char *const *names, size_t n);

#endif
