/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `writ site prove CLAIM...`: goes through every row of the residency matrix, the one that the
 * gate decides by. Exit: 0 all claims hold, 1 one is broken, 2 it could not run.
 */
#include "base/clock.h"
#include "cli/cmd_site.h"
#include "cli/site_certificate.h"
#include "cli/site_key.h"

static struct str broken_text(struct site_view *v, const struct site_claim *c,
			      const struct site_verdict *verdict)
{
	const struct residency *r = &v->residency;
	const struct site_matrix *m = &r->compiled.matrix;
	struct str row = site_view_row(v, &m->words, &verdict->row);
	const struct site_term *why;

	if (c->needs) {
		return arena_printf(&v->arena, STR_FMT ": %zu of %u operators", STR_ARG(row),
				    verdict->column, c->needs);
	}
	why = site_matrix_why(m, &verdict->row, verdict->column);
	return arena_printf(&v->arena, STR_FMT " -> " STR_FMT " at " STR_FMT ", by " STR_FMT,
			    STR_ARG(row), STR_ARG(r->columns[verdict->column].model),
			    STR_ARG(r->columns[verdict->column].site),
			    STR_ARG(why ? r->compiled.policies[why->policy] : STR("(nothing)")));
}

static enum err_code read_claims(struct site_view *v, const struct opt_list *texts,
				 struct site_claim *claims, struct err *err)
{
	const struct site_claim_world world = residency_claims(&v->residency);

	for (size_t i = 0; i < texts->n; i++) {
		TRY(site_claim_parse(str_from_c(texts->items[i]), &world, &claims[i], err));
	}
	return ERR_OK;
}

static void put_head(struct site_view *v, struct out *o, uint64_t rows, uint64_t ms)
{
	const struct residency *r = &v->residency;

	out_text(o, "matrix", site_view_hash(v, r->digest));
	out_u64(o, "rows", rows);
	out_u64(o, "models", r->compiled.matrix.n_columns);
	out_u64(o, "policies", r->compiled.n_policies);
	out_text(o, "looking_past", site_view_join(v, r->compiled.open, r->compiled.n_open));
	out_u64(o, "milliseconds", ms);
	if (r->window.until != INT64_MAX) {
		out_u64(o, "holds_until_ms", (uint64_t)r->window.until);
	}
}

struct prove_args {
	const char *config, *at, *certificate, *key;
	struct opt_list claims;
	bool json;
};

static enum err_code certify(struct site_view *v, const struct prove_args *args,
			     const struct site_claim *claims, uint64_t rows, struct err *err)
{
	struct sign_key key;
	enum err_code code;
	struct buf text;

	TRY(site_key_read(args->key, &key, err));
	buf_init(&text, 16 << 20);
	site_certificate_write(v, claims, args->claims.n, rows, &text);
	code = text.failed ? ERR(err, ERR_LIMIT, "the certificate is too long")
			   : site_sign_file(args->certificate, buf_str(&text), &key, err);
	buf_done(&text);
	sign_key_done(&key);
	return code;
}

static int prove(struct site_view *v, struct out *o, const struct prove_args *args)
{
	const struct opt_list *texts = &args->claims;
	static const struct out_col cols[] = {
		{"verdict", 8}, {"claim", 44}, {"rows", 10}, {"counterexample", 0}};
	static const struct out_list list = {"claims", cols, ARRAY_LEN(cols), NULL};
	const struct site_claim_world world = residency_claims(&v->residency);
	struct site_verdict verdicts[ARRAY_LEN(texts->items)];
	struct site_claim claims[ARRAY_LEN(texts->items)];
	uint64_t began = clock_mono(), rows;
	int status = CMD_FINE;
	struct err err;

	if (read_claims(v, texts, claims, &err)) {
		return out_error(o, &err);
	}
	rows = site_claims_check(&v->residency.compiled.matrix, &world, claims, texts->n, verdicts);
	put_head(v, o, rows, (clock_mono() - began) / CLOCK_MS);
	out_list_begin(o, &list);
	for (size_t i = 0; i < texts->n; i++) {
		bool broken = verdicts[i].broken;

		out_row_begin(o);
		out_text(o, "verdict", broken ? STR("broken") : STR("proved"));
		out_text(o, "claim", claims[i].text);
		out_u64(o, "rows", verdicts[i].rows);
		out_text(o, "counterexample",
			 broken ? broken_text(v, &claims[i], &verdicts[i]) : STR(""));
		out_row_end(o);
		status = broken ? CMD_FOUND : status;
	}
	out_list_end(o);
	if (status == CMD_FINE && args->certificate) {
		if (certify(v, args, claims, rows, &err)) {
			return out_error(o, &err);
		}
		out_text(o, "certificate", str_from_c(args->certificate));
	}
	return status;
}

int cmd_site_prove(int argc, char **argv)
{
	struct prove_args args = {.config = "writ.yaml"};
	const struct opt opts[] = {
		SITE_OPT_CONFIG(&args.config),
		SITE_OPT_AT(&args.at),
		{.name = "certificate",
		 .value = "FILE",
		 .text = &args.certificate,
		 .help = "when all claims hold: write what was proved there, signed with --key"},
		SITE_OPT_KEY(&args.key),
		OPT_JSON(&args.json)};
	const struct opt_word words[] = {
		{.name = "CLAIM",
		 .help = "ROWS never outside GROUP: no such row goes where somebody outside the "
			 "group\n"
			 "                             or country can reach it\n"
			 "                             ROWS never reaches COUNTRY, ROWS never at "
			 "SITE\n"
			 "                             ROWS needs N: they have N operators to go "
			 "to\n"
			 "                             ROWS: any, or with commas between: a "
			 "category, "
			 "level>=LEVEL,\n"
			 "                             purpose=NAME (a last * is any rest), "
			 "origin=CODE",
		 .required = true,
		 .list = &args.claims}};
	const struct opt_spec spec = {
		.command = "writ site prove",
		.summary = "Proves where data never goes, over every row of the residency matrix.",
		.opts = opts,
		.n_opts = ARRAY_LEN(opts),
		.words = words,
		.n_words = ARRAY_LEN(words),
		.example = "writ site prove 'health never outside EEA' 'any never reaches US'\n"
			   "writ site prove 'purpose=care.* needs 2' --at 2027-07-01 --json\n"
			   "writ site prove 'health never outside EEA' --certificate proof.json "
			   "--key dpo.pem",
	};
	struct site_view v;
	struct err err = {0};
	struct out o;
	int status;

	if (!out_begin(&o, &spec, argc, argv, &args.json, &status)) {
		return status;
	}
	status = site_view_open(&v, args.config, args.at, &err) ? out_error(&o, &err)
								: prove(&v, &o, &args);
	site_view_done(&v);
	return out_end(&o, status);
}
