/* SPDX-License-Identifier: Apache-2.0 */
/* `writ report transfers`: which data went to which site, who can reach it there, on what basis. */
#include "cli/report_uses.h"

static enum err_code put_use(struct report *r, struct out *o, const struct report_use *use,
			     struct err *err)
{
	struct report_transfer t;

	TRY(report_transfer(r, use->site, &t, err));
	out_row_begin(o);
	out_text(o, "model", use->model);
	out_text(o, "site", use->site ? use->site->id : STR("(not configured now)"));
	out_text(o, "operator", use->site ? use->site->operator_name : STR(""));
	out_text(o, "country", use->site ? use->site->country : STR(""));
	out_text(o, "reached_from", t.outside);
	out_text(o, "basis", t.basis);
	out_text(o, "purpose", use->purpose);
	out_text(o, "level", use->level);
	out_text(o, "categories", use->categories);
	out_u64(o, "requests", use->allowed);
	out_u64(o, "refused", use->refused);
	out_u64(o, "failed", use->failed);
	out_u64(o, "bytes", use->sent_bytes);
	out_u64(o, "tokens", use->tokens);
	out_u64(o, "cost", use->cost);
	out_text(o, "first", report_day(&r->a, use->first_us));
	out_text(o, "last", report_day(&r->a, use->last_us));
	out_text(o, "records",
		 arena_printf(&r->a, "%llu..%llu", (unsigned long long)use->first,
			      (unsigned long long)use->last));
	out_row_end(o);
	return ERR_OK;
}

static enum err_code put_uses(struct report *r, struct out *o, const struct report_uses *u,
			      struct err *err)
{
	static const struct out_col cols[] = {
		{"model", 16},        {"site", 12},    {"operator", 16}, {"country", 7},
		{"reached_from", 12}, {"basis", 24},   {"purpose", 14},  {"level", 12},
		{"categories", 16},   {"requests", 8}, {"refused", 7},   {"failed", 6},
		{"bytes", 8},         {"tokens", 8},   {"cost", 8},      {"first", 10},
		{"last", 10},         {"records", 0}};
	static const struct out_list list = {"transfers", cols, ARRAY_LEN(cols), NULL};
	uint64_t otherwise = 0;

	out_list_begin(o, &list);
	for (size_t i = 0; i < u->n; i++) {
		TRY(put_use(r, o, u->items[i], err));
		otherwise += u->items[i]->otherwise;
	}
	out_list_end(o);
	if (otherwise) {
		out_note(o,
			 "%llu requests were decided by another residency matrix than this "
			 "configuration gives today: what is said of their sites is of today.",
			 (unsigned long long)otherwise);
	}
	return ERR_OK;
}

static enum err_code run(struct report *r, struct out *o, struct err *err)
{
	struct report_uses u;
	enum err_code code = report_uses_read(r, &u, err);

	code = code ? code : put_uses(r, o, &u, err);
	report_uses_done(&u);
	return code;
}

int cmd_report_transfers(int argc, char **argv)
{
	struct report_args args = {0};
	const struct opt opts[] = {REPORT_OPTS(args), REPORT_BORDER(args)};
	const struct opt_word words[] = CMD_LEDGER_WORDS(&args.dir);
	const struct report_kind kind = {
		.spec = {.command = "writ report transfers",
			 .summary =
				 "The register of what data went to models: sites, who can reach "
				 "data there from outside of\nthe border, legal basis (GDPR "
				 "Chapter V, APPI Article 28).",
			 .opts = opts,
			 .n_opts = ARRAY_LEN(opts),
			 .words = words,
			 .n_words = ARRAY_LEN(words),
			 .example = "writ report transfers --from 2026-07-01 --until 2027-01-01 "
				    "--csv > transfers.csv\n"
				    "writ report transfers --evidence transfers.jsonl"},
		.run = run};

	return report_main(&kind, &args, argc, argv);
}
