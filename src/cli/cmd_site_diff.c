/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ site diff OLD NEW` and `writ site drill --revoke BASIS`: two matrices side by side.
 * diff exits 1 when a path opens, drill when one closes.
 */
#include "cli/cmd_site.h"

#include <stdlib.h>

struct sides {
	struct site_change *changes; /* 2 * SITE_COLUMNS */
	size_t n;
	uint64_t rows;
};

static enum err_code compare(const struct residency *from, const struct residency *to,
			     struct sides *s, struct err *err)
{
	s->changes = calloc(2 * (size_t)SITE_COLUMNS, sizeof(*s->changes));
	if (!s->changes) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	s->rows = site_matrix_diff(&from->compiled.matrix, &to->compiled.matrix, 0, s->changes,
				   &s->n);
	return ERR_OK;
}

static void put_changes(struct site_view *v, struct out *o, const struct site_words *words,
			const struct sides *s, uint64_t *opened, uint64_t *closed)
{
	static const struct out_col cols[] = {
		{"model", 20}, {"site", 16}, {"opened", 10}, {"closed", 10}, {"first", 0}};
	static const struct out_list list = {"changes", cols, ARRAY_LEN(cols), NULL};

	*opened = *closed = 0;
	out_list_begin(o, &list);
	for (size_t i = 0; i < s->n; i++) {
		const struct site_change *c = &s->changes[i];

		out_row_begin(o);
		out_text(o, "model", c->column.model);
		out_text(o, "site", c->column.site);
		out_u64(o, "opened", c->opened);
		out_u64(o, "closed", c->closed);
		out_text(o, "first",
			 site_view_row(v, words, c->opened ? &c->first_opened : &c->first_closed));
		out_row_end(o);
		*opened += c->opened;
		*closed += c->closed;
	}
	out_list_end(o);
}

/* ---- diff ---- */

static int diff(struct site_view *from, struct site_view *to, struct out *o)
{
	struct sides s = {0};
	struct err err = {0};
	uint64_t opened, closed;

	if (compare(&from->residency, &to->residency, &s, &err)) {
		return out_error(o, &err);
	}
	out_text(o, "from", site_view_hash(from, from->residency.digest));
	out_text(o, "to", site_view_hash(to, to->residency.digest));
	out_u64(o, "rows", s.rows);
	put_changes(to, o, &to->residency.compiled.matrix.words, &s, &opened, &closed);
	free(s.changes);
	return opened ? CMD_FOUND : CMD_FINE;
}

int cmd_site_diff(int argc, char **argv)
{
	const char *from = NULL, *to = NULL, *at = NULL;
	bool json = false;
	const struct opt opts[] = {SITE_OPT_AT(&at), OPT_JSON(&json)};
	const struct opt_word words[] = {
		{.name = "OLD", .help = "a configuration", .required = true, .text = &from},
		{.name = "NEW", .help = "another", .required = true, .text = &to}};
	const struct opt_spec spec = {
		.command = "writ site diff",
		.summary = "Shows which paths of data NEW opens and closes; exit 1 when one opens.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ site diff /etc/writ/writ.yaml new/writ.yaml",
	};
	struct site_view a = {0}, b = {0};
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	if (site_view_open(&a, from, at, &err) || site_view_open(&b, to, at, &err)) {
		status = out_error(&o, &err);
	} else {
		status = diff(&a, &b, &o);
	}
	site_view_done(&a);
	site_view_done(&b);
	return out_end(&o, status);
}

/* ---- drill ---- */

static size_t count_models(const struct residency *r, const struct site_row *row)
{
	struct site_set set;
	size_t n = 0;

	site_matrix_row(&r->compiled.matrix, row, &set);
	for (size_t k = 0; k < SITE_SET_WORDS; k++) {
		n += (size_t)__builtin_popcountll(set.w[k]);
	}
	return n;
}

static void put_agents(struct site_view *v, struct out *o, const struct residency *after)
{
	static const struct out_col cols[] = {{"agent", 24}, {"models", 7}, {"left", 0}};
	static const struct out_list list = {"agents", cols, ARRAY_LEN(cols), NULL};
	const struct config *cfg = &v->loaded.config;

	out_list_begin(o, &list);
	for (size_t i = 0; i < cfg->n_agents; i++) {
		struct site_row row = residency_row(cfg, cfg->agents[i].name);
		size_t before = count_models(&v->residency, &row), left = count_models(after, &row);

		if (left < before) {
			out_row_begin(o);
			out_text(o, "agent", cfg->agents[i].name);
			out_u64(o, "models", before);
			out_u64(o, "left", left);
			out_row_end(o);
		}
	}
	out_list_end(o);
}

static int drill(struct site_view *v, struct out *o, const struct opt_list *bases)
{
	struct residency after;
	struct sides s = {0};
	struct err err = {0};
	uint64_t opened, closed;
	size_t n = 0;

	for (size_t i = 0; i < bases->n; i++) {
		size_t one = site_groups_revoke(&v->facts.groups, str_from_c(bases->items[i]));

		if (one == 0) {
			err_ignore(ERR(&err, ERR_NOT_FOUND,
				       "no membership rests on '%s': name GROUP:MEMBER, or a part "
				       "of the text of a basis",
				       bases->items[i]));
			return out_error(o, &err);
		}
		n += one;
	}
	if (site_view_again(v, &after, &err) || compare(&v->residency, &after, &s, &err)) {
		return out_error(o, &err);
	}
	out_u64(o, "memberships", n);
	out_text(o, "from", site_view_hash(v, v->residency.digest));
	out_text(o, "to", site_view_hash(v, after.digest));
	put_changes(v, o, &after.compiled.matrix.words, &s, &opened, &closed);
	put_agents(v, o, &after);
	free(s.changes);
	return closed ? CMD_FOUND : CMD_FINE;
}

int cmd_site_drill(int argc, char **argv)
{
	const char *config = "writ.yaml", *at = NULL;
	struct opt_list bases = {0};
	bool json = false;
	const struct opt opts[] = {
		SITE_OPT_CONFIG(&config),
		SITE_OPT_AT(&at),
		{.name = "revoke",
		 .value = "BASIS",
		 .list = &bases,
		 .help = "GROUP:MEMBER, or a part of the text of a legal basis; may be repeated"},
		OPT_JSON(&json),
	};
	const struct opt_spec spec = {
		.command = "writ site drill",
		.summary = "Shows what would stop if a legal basis were gone; changes nothing.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.example = "writ site drill --revoke 2023/1795\n"
			   "writ site drill --revoke EU-ADEQUATE:JP --revoke EU-ADEQUATE:US",
	};
	struct site_view v;
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &json, &status)) {
		return status;
	}
	if (bases.n == 0) {
		err_ignore(ERR(&err, ERR_INVALID, "--revoke is needed; see --help")); /* shown */
		return out_end(&o, out_error(&o, &err));
	}
	status = site_view_open(&v, config, at, &err) ? out_error(&o, &err) : drill(&v, &o, &bases);
	site_view_done(&v);
	return out_end(&o, status);
}
