/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/opt.h"

#include <stdio.h>

enum { OPT_MAX = 64 }; /* options of one command */

struct opt_run {
	const struct opt_spec *spec;
	int argc;
	char **argv;
	int at;        /* next argument */
	size_t word;   /* next positional */
	uint64_t seen; /* one bit for each option */
	struct err *err;
};

const char *opt_suggest(const char *word, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned best_distance = strlen(word) > 4 ? 3 : 2; /* one edit more than is near */

	for (size_t i = 0; i < n; i++) {
		unsigned d = str_distance(str_from_c(word), str_from_c(names[i]), 2);

		if (d < best_distance) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}

static enum err_code unknown(struct opt_run *r, struct str name)
{
	const char *names[OPT_MAX];
	char word[64];
	const char *near;
	size_t n = 0;

	for (; n < r->spec->n_opts; n++) {
		names[n] = r->spec->opts[n].name;
	}
	(void)snprintf(word, sizeof(word), STR_FMT, STR_ARG(name));
	near = opt_suggest(word, names, n);
	if (near) {
		return ERR(r->err, ERR_INVALID, "unknown option --" STR_FMT " (did you mean --%s?)",
			   STR_ARG(name), near);
	}
	return ERR(r->err, ERR_INVALID, "unknown option --" STR_FMT "; see %s --help",
		   STR_ARG(name), r->spec->command);
}

static enum err_code list_append(struct opt_list *list, const char *value, const char *name,
				 struct err *err)
{
	if (list->n == ARRAY_LEN(list->items)) {
		return ERR(err, ERR_LIMIT, "%s: more than %zu values", name,
			   ARRAY_LEN(list->items));
	}
	list->items[list->n++] = value;
	return ERR_OK;
}

static enum err_code store(struct opt_run *r, const struct opt *o, const char *value)
{
	if (o->list) {
		return list_append(o->list, value, o->name, r->err);
	}
	if (o->text) {
		*o->text = value;
		return ERR_OK;
	}
	if (!str_to_u64(str_from_c(value), o->number)) {
		return ERR(r->err, ERR_INVALID, "--%s: '%s' is not a number", o->name, value);
	}
	return ERR_OK;
}

/* `joined` is the value written into the same argument, p NULL when there is none. */
static enum err_code take(struct opt_run *r, const struct opt *o, struct str joined)
{
	uint64_t bit = UINT64_C(1) << (size_t)(o - r->spec->opts);

	if ((r->seen & bit) && !o->list) {
		return ERR(r->err, ERR_INVALID, "--%s is given twice", o->name);
	}
	r->seen |= bit;
	if (!o->value) {
		if (joined.p) {
			return ERR(r->err, ERR_INVALID, "--%s takes no value", o->name);
		}
		*o->flag = true;
		return ERR_OK;
	}
	if (joined.p) {
		return store(r, o, joined.p); /* runs to the end of the argument */
	}
	if (r->at >= r->argc) {
		return ERR(r->err, ERR_INVALID, "--%s needs a value: --%s %s", o->name, o->name,
			   o->value);
	}
	return store(r, o, r->argv[r->at++]);
}

static enum err_code take_long(struct opt_run *r, const char *arg, bool *ret_help)
{
	struct str value = str_from_c(arg);
	struct str name = str_cut(&value, '=');

	if (str_eq(name, STR("help"))) {
		*ret_help = true;
		return ERR_OK;
	}
	for (size_t i = 0; i < r->spec->n_opts; i++) {
		if (str_eq(name, str_from_c(r->spec->opts[i].name))) {
			return take(r, &r->spec->opts[i], value);
		}
	}
	return unknown(r, name);
}

/* Flags may be joined (-jq); the first option with a value takes the rest. */
static enum err_code take_letters(struct opt_run *r, const char *arg, bool *ret_help)
{
	while (*arg) {
		const struct opt *o = NULL;
		char letter = *arg++;

		if (letter == 'h') {
			*ret_help = true;
			return ERR_OK;
		}
		for (size_t i = 0; i < r->spec->n_opts && !o; i++) {
			o = r->spec->opts[i].letter == letter ? &r->spec->opts[i] : NULL;
		}
		if (!o) {
			return ERR(r->err, ERR_INVALID, "unknown option -%c; see %s --help", letter,
				   r->spec->command);
		}
		if (o->value) {
			return take(r, o, *arg ? str_from_c(arg) : str_make(NULL, 0));
		}
		TRY(take(r, o, str_make(NULL, 0)));
	}
	return ERR_OK;
}

static enum err_code take_word(struct opt_run *r, const char *arg)
{
	const struct opt_word *w;

	if (r->word == r->spec->n_words) {
		return ERR(r->err, ERR_INVALID, "unexpected '%s'; see %s --help", arg,
			   r->spec->command);
	}
	w = &r->spec->words[r->word];
	if (w->list) {
		return list_append(w->list, arg, w->name, r->err);
	}
	*w->text = arg;
	r->word++;
	return ERR_OK;
}

static enum err_code check_words(const struct opt_run *r)
{
	for (size_t i = r->word; i < r->spec->n_words; i++) {
		const struct opt_word *w = &r->spec->words[i];

		if (w->required && (!w->list || w->list->n == 0)) {
			return ERR(r->err, ERR_INVALID, "%s is missing; see %s --help", w->name,
				   r->spec->command);
		}
	}
	return ERR_OK;
}

enum err_code opt_parse(const struct opt_spec *spec, int argc, char **argv, bool *ret_help,
			struct err *err)
{
	struct opt_run r = {.spec = spec, .argc = argc, .argv = argv, .at = 1, .err = err};
	bool words_only = false, help = false;

	ASSERT(spec->n_opts <= OPT_MAX);
	while (r.at < argc && !help) {
		const char *arg = argv[r.at++];

		if (words_only || arg[0] != '-' || arg[1] == '\0') {
			TRY(take_word(&r, arg));
		} else if (arg[1] != '-') {
			TRY(take_letters(&r, arg + 1, &help));
		} else if (arg[2] == '\0') {
			words_only = true;
		} else {
			TRY(take_long(&r, arg + 2, &help));
		}
	}
	if (!help) {
		TRY(check_words(&r));
	}
	*ret_help = help;
	return ERR_OK;
}

static void help_line(struct buf *to, const char *left, const char *help)
{
	buf_printf(to, "  %-26s %s\n", left, help);
}

static void help_option(struct buf *to, const struct opt *o)
{
	char left[64], letter[8] = "    ";

	if (o->letter) {
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	}
	(void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->value ? " " : "",
		       o->value ? o->value : "");
	help_line(to, left, o->help);
}

void opt_help(const struct opt_spec *spec, struct buf *to)
{
	struct str examples = str_from_c(spec->example);

	buf_printf(to, "usage: %s [OPTIONS]", spec->command);
	for (size_t i = 0; i < spec->n_words; i++) {
		const struct opt_word *w = &spec->words[i];

		buf_printf(to, w->required ? " %s%s" : " [%s%s]", w->name, w->list ? "..." : "");
	}
	buf_printf(to, "%s\n\n%s\n\n", spec->tail ? spec->tail : "", spec->summary);
	for (size_t i = 0; i < spec->n_words; i++) {
		help_line(to, spec->words[i].name, spec->words[i].help);
	}
	for (size_t i = 0; i < spec->n_opts; i++) {
		help_option(to, &spec->opts[i]);
	}
	help_line(to, "-h, --help", "print this text");
	if (examples.n) {
		buf_printf(to, "\nexample:\n");
	}
	while (examples.p) {
		struct str line = str_cut(&examples, '\n');

		buf_printf(to, "  " STR_FMT "\n", STR_ARG(line));
	}
}
