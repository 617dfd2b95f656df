/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reports of `writ report` share: a ledger that was verified first, the configuration that
 * says what its names mean, a period, and proof of what was counted.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/cmd_ledger.h"
#include "cli/cmd_site.h"
#include "ledger/segment.h"
#include "ledger/verify.h"

struct report_args {
	const char *dir, *config, *key, *from, *until, *border, *evidence;
	bool json, csv;
};

#define REPORT_OPTS(args)                                                                          \
	SITE_OPT_CONFIG(&(args).config), CMD_LEDGER_KEY(&(args).key),                              \
		{.name = "from", .value = "DATE", .text = &(args).from, .help = "the first day"},  \
		{.name = "until",                                                                  \
		 .value = "DATE",                                                                  \
		 .text = &(args).until,                                                            \
		 .help = "the first day no more"},                                                 \
		{.name = "evidence",                                                               \
		 .value = "FILE",                                                                  \
		 .text = &(args).evidence,                                                         \
		 .help = "write the records that were counted there, each with its proof"},        \
		{.name = "csv", .flag = &(args).csv, .help = "print the table for a spreadsheet"}, \
		OPT_JSON(&(args).json)

#define REPORT_BORDER(args)                                                                        \
	{                                                                                          \
		.name = "border", .value = "GROUP", .text = &(args).border,                        \
		.help = "who can reach data from outside of it makes a transfer; default EEA"      \
	}

struct report {
	const struct report_args *args;
	struct site_view view;
	struct arena a;
	int dir_fd;
	struct ledger_verifier verifier;
	struct str note; /* the last checkpoint as it was before that; empty: none */
	struct ledger_checkpoint sealed;
	struct ledger_verified verified;
	uint64_t from_us, until_us;
	uint64_t *counted; /* indexes of records, ascending */
	size_t n_counted, cap_counted;
};

/*
 * Opens and verifies everything. ERR_CORRUPT: the ledger is not what was written; nothing is
 * reported from such a one. Release with report_done, also after a failure.
 */
enum err_code report_open(struct report *r, const struct report_args *args,
			  struct err *err) MUST_USE;
void report_done(struct report *r);

/* Each record of the period, in order. What the entry borrows is valid during the call. */
typedef enum err_code report_take(void *ctx, const struct ledger_found *f,
				  const struct ledger_entry *e, struct err *err);
enum err_code report_each(struct report *r, report_take *take, void *ctx, struct err *err) MUST_USE;

/* Each record of the log, whatever the period. */
enum err_code report_each_ever(struct report *r, report_take *take, void *ctx,
			       struct err *err) MUST_USE;

/* This record is part of what is reported. */
enum err_code report_count(struct report *r, uint64_t index, struct err *err) MUST_USE;

/* Period, size and root of the log. */
void report_head(struct report *r, struct out *o);

/* With --evidence: writes the counted records with their proofs, and says how many. */
enum err_code report_evidence(struct report *r, struct out *o, struct err *err) MUST_USE;

/* Writ::Model::"small" -> small */
struct str report_name(struct str uid);

/* "2026-11-23" in the arena. */
struct str report_day(struct arena *a, uint64_t time_us);

/* A site's jurisdictions outside of the border, and what data may go there by: both empty inside. */
struct report_transfer {
	struct str outside, basis;
};

enum err_code report_transfer(struct report *r, const struct config_site *site,
			      struct report_transfer *ret, struct err *err) MUST_USE;

/* One report from the command line to its end. */
struct report_kind {
	struct opt_spec spec;
	enum err_code (*run)(struct report *r, struct out *o, struct err *err);
};
int report_main(const struct report_kind *kind, struct report_args *args, int argc, char **argv);

int cmd_report_transfers(int argc, char **argv);
int cmd_report_art30(int argc, char **argv);
int cmd_report_art12(int argc, char **argv);
int cmd_report_check(int argc, char **argv);

#endif
