/* SPDX-License-Identifier: Apache-2.0 */
/* `writ report art30`: the record of processing activities of GDPR Article 30(1), by purpose. */
#include "cli/report_uses.h"

/* One purpose: the union of its uses. */
struct activity {
	struct str purpose;
	struct buf categories, recipients, outside, agents;
	uint64_t requests;
	int64_t retention_ms; /* the longest; -1: without limit */
};

static bool holds(struct str list, struct str item)
{
	struct str rest = list;

	while (rest.n) {
		size_t n = str_find_str(rest, STR("; "));

		if (str_eq(str_make(rest.p, n), item)) {
			return true;
		}
		rest = n < rest.n ? str_from(rest, n + 2) : STR("");
	}
	return false;
}

static void add(struct buf *to, struct str item)
{
	if (item.n && !holds(buf_str(to), item)) {
		buf_append(to, buf_len(to) ? STR("; ") : STR(""));
		buf_append(to, item);
	}
}

static void add_retention(struct activity *a, const struct site_manifest *m)
{
	if (!m || m->retention == SITE_KEEPS) {
		a->retention_ms = -1;
	} else if (m->retention == SITE_KEEPS_FOR && a->retention_ms >= 0 &&
		   m->retention_ms > a->retention_ms) {
		a->retention_ms = m->retention_ms;
	}
}

static enum err_code add_use(struct report *r, struct activity *a, const struct report_use *use,
			     struct err *err)
{
	const struct config *cfg = &r->view.loaded.config;
	struct report_transfer t;

	a->requests += use->allowed;
	add(&a->categories, use->categories);
	for (size_t i = 0; i < use->n_agents; i++) {
		add(&a->agents, use->agents[i]);
	}
	if (use->allowed == 0) {
		return ERR_OK; /* nothing went there */
	}
	TRY(report_transfer(r, use->site, &t, err));
	add(&a->recipients,
	    use->site ? arena_printf(&r->a, STR_FMT " (" STR_FMT ")",
				     STR_ARG(use->site->operator_name), STR_ARG(use->site->country))
		      : STR("(not configured now)"));
	add(&a->outside, t.basis);
	add_retention(a,
		      use->site ? r->view.residency.sites[use->site - cfg->sites].manifest : NULL);
	return ERR_OK;
}

static struct str retention_text(struct arena *a, int64_t ms)
{
	return ms < 0    ? STR("without limit, or not said")
	       : ms == 0 ? STR("none")
			 : arena_printf(a, "%lld days", (long long)((ms + 86399999) / 86400000));
}

static void put(struct report *r, struct out *o, const struct activity *a)
{
	out_row_begin(o);
	out_text(o, "purpose", a->purpose.n ? a->purpose : STR("(none stated)"));
	out_text(o, "categories", buf_str(&a->categories));
	out_text(o, "recipients", buf_str(&a->recipients));
	out_text(o, "transfers_and_basis", buf_str(&a->outside));
	out_text(o, "kept_there", retention_text(&r->a, a->retention_ms));
	out_text(o, "agents", buf_str(&a->agents));
	out_u64(o, "requests", a->requests);
	out_row_end(o);
}

static enum err_code put_purpose(struct report *r, struct out *o, const struct report_uses *u,
				 struct str purpose, struct err *err)
{
	struct activity a = {.purpose = purpose};
	enum err_code code = ERR_OK;

	buf_init(&a.categories, 64 << 10);
	buf_init(&a.recipients, 64 << 10);
	buf_init(&a.outside, 256 << 10);
	buf_init(&a.agents, 1 << 20);
	for (size_t i = 0; i < u->n && !code; i++) {
		if (str_eq(u->items[i]->purpose, purpose)) {
			code = add_use(r, &a, u->items[i], err);
		}
	}
	if (!code) {
		put(r, o, &a);
	}
	buf_done(&a.categories);
	buf_done(&a.recipients);
	buf_done(&a.outside);
	buf_done(&a.agents);
	return code;
}

static bool came_before(const struct report_uses *u, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (str_eq(u->items[i]->purpose, u->items[at]->purpose)) {
			return true;
		}
	}
	return false;
}

static enum err_code put_all(struct report *r, struct out *o, const struct report_uses *u,
			     struct err *err)
{
	static const struct out_col cols[] = {{"purpose", 16},    {"categories", 16},
					      {"recipients", 24}, {"transfers_and_basis", 32},
					      {"kept_there", 12}, {"agents", 16},
					      {"requests", 0}};
	static const struct out_list list = {"activities", cols, ARRAY_LEN(cols), NULL};

	out_list_begin(o, &list);
	for (size_t i = 0; i < u->n; i++) {
		if (!came_before(u, i)) {
			TRY(put_purpose(r, o, u, u->items[i]->purpose, err));
		}
	}
	out_list_end(o);
	return ERR_OK;
}

static enum err_code run(struct report *r, struct out *o, struct err *err)
{
	struct report_uses u;
	enum err_code code = report_uses_read(r, &u, err);

	code = code ? code : put_all(r, o, &u, err);
	report_uses_done(&u);
	return code;
}

int cmd_report_art30(int argc, char **argv)
{
	struct report_args args = {0};
	const struct opt opts[] = {REPORT_OPTS(args), REPORT_BORDER(args)};
	const struct opt_word words[] = CMD_LEDGER_WORDS(&args.dir);
	const struct report_kind kind = {
		.spec = {.command = "writ report art30",
			 .summary =
				 "For the record of processing activities (GDPR Article 30(1)): by "
				 "purpose, the categories,\nrecipients, transfers and how long "
				 "they "
				 "keep data, as it happened.",
			 .opts = opts,
			 .n_opts = ARRAY_LEN(opts),
			 .words = words,
			 .n_words = ARRAY_LEN(words),
			 .example = "writ report art30 --from 2026-01-01 --csv > art30.csv"},
		.run = run};

	return report_main(&kind, &args, argc, argv);
}
