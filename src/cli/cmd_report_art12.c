/* SPDX-License-Identifier: Apache-2.0 */
/* `writ report art12`: what the AI Act wants logs to show (Regulation (EU) 2024/1689, Article 12). */
#include "cli/report.h"

struct line {
	const char *duty, *what;
	uint64_t n, first_us, last_us, first, last;
};

enum {
	USES = 0,
	ALLOWED,
	ASKED,
	REFUSED,
	FAILED,
	FINDINGS,
	CHANGES,
	CHANGES_REFUSED,
	BREAKS,
	CRASHES,
	FULL,
	CLOCK,
	APPROVED,
	DISAPPROVED,
	STOPPED,
	SEVERED,
	LINES
};

struct act {
	struct report *r;
	struct line lines[LINES];
	bool was_closed; /* the log ended in order before the next one opened it */
};

static const struct line all_lines[LINES] = {
	[USES] = {.duty = "12(3)(a)", .what = "sessions begun"},
	[ALLOWED] = {.duty = "12(2)(c)", .what = "actions allowed"},
	[ASKED] = {.duty = "12(2)(c)", .what = "actions that a person was asked about"},
	[REFUSED] = {.duty = "12(2)(a)", .what = "actions refused"},
	[FAILED] = {.duty = "12(2)(b)", .what = "actions that failed"},
	[FINDINGS] = {.duty = "12(2)(a)", .what = "findings"},
	[CHANGES] = {.duty = "12(2)(a)", .what = "policies or configuration changed"},
	[CHANGES_REFUSED] = {.duty = "12(2)(a)", .what = "changes refused"},
	[BREAKS] = {.duty = "12(1)", .what = "starts after a stop out of order"},
	[CRASHES] = {.duty = "15(5)", .what = "processes that died"},
	[FULL] = {.duty = "12(1)", .what = "times that the disk was full: effects were refused"},
	[CLOCK] = {.duty = "12(1)", .what = "times that the clock went back"},
	[APPROVED] = {.duty = "14(4)", .what = "approvals by a person"},
	[DISAPPROVED] = {.duty = "14(4)", .what = "refusals by a person"},
	[STOPPED] = {.duty = "14(4)(e)", .what = "runs that a person froze or ended"},
	[SEVERED] = {.duty = "14(4)(e)", .what = "times that the node was cut off"},
};

static int event_line(struct act *t, enum ledger_event_name event)
{
	bool closed = t->was_closed;

	t->was_closed = event == LEDGER_CLOSED;
	switch ((int)event) {
	case LEDGER_SESSION_OPENED:
		return USES;
	case LEDGER_FINDING:
		return FINDINGS;
	case LEDGER_RELOAD_ACCEPTED:
		return CHANGES;
	case LEDGER_RELOAD_REFUSED:
		return CHANGES_REFUSED;
	case LEDGER_OPENED:
		return closed ? LINES : BREAKS;
	case LEDGER_ROLE_DIED:
		return CRASHES;
	case LEDGER_DISK_FULL:
		return FULL;
	case LEDGER_CLOCK:
		return CLOCK;
	case LEDGER_APPROVAL_GIVEN:
		return APPROVED;
	case LEDGER_APPROVAL_REFUSED:
		return DISAPPROVED;
	case LEDGER_RUN_FROZEN:
	case LEDGER_RUN_KILLED:
		return STOPPED;
	case LEDGER_SEVERED:
		return SEVERED;
	default:
		return LINES;
	}
}

static int line_of(struct act *t, const struct ledger_entry *e)
{
	switch (e->kind) {
	case LEDGER_DECISION:
		return e->u.decision.decision == LEDGER_ALLOW ? ALLOWED
		       : e->u.decision.decision == LEDGER_ASK ? ASKED
							      : REFUSED;
	case LEDGER_OUTCOME:
		return e->u.outcome.status == LEDGER_OK ? LINES : FAILED;
	case LEDGER_EVENT:
		return event_line(t, e->u.event.event);
	case LEDGER_NO_KIND:
	case LEDGER_SALTED:
	case LEDGER_SALT:
	case LEDGER_KIND_MAX:
		break;
	}
	return LINES;
}

static enum err_code take(void *ctx, const struct ledger_found *f, const struct ledger_entry *e,
			  struct err *err)
{
	struct act *t = ctx;
	int at = line_of(t, e);
	struct line *l;

	if (at == LINES) {
		return ERR_OK;
	}
	l = &t->lines[at];
	if (l->n++ == 0) {
		l->first = f->record.index;
		l->first_us = f->record.time_us;
	}
	l->last = f->record.index;
	l->last_us = f->record.time_us;
	return report_count(t->r, f->record.index, err);
}

static void put(struct report *r, struct out *o, const struct line *l)
{
	out_row_begin(o);
	out_text(o, "article", str_from_c(l->duty));
	out_text(o, "what", str_from_c(l->what));
	out_u64(o, "times", l->n);
	out_text(o, "first", l->n ? report_day(&r->a, l->first_us) : STR(""));
	out_text(o, "last", l->n ? report_day(&r->a, l->last_us) : STR(""));
	out_text(o, "records",
		 l->n ? arena_printf(&r->a, "%llu..%llu", (unsigned long long)l->first,
				     (unsigned long long)l->last)
		      : STR(""));
	out_row_end(o);
}

static enum err_code run(struct report *r, struct out *o, struct err *err)
{
	static const struct out_col cols[] = {{"article", 9}, {"what", 52}, {"times", 8},
					      {"first", 10},  {"last", 10}, {"records", 0}};
	static const struct out_list list = {"duties", cols, ARRAY_LEN(cols), NULL};
	struct act t = {.r = r, .was_closed = true};
	uint64_t days = (r->verified.last_us - r->verified.first_us) / UINT64_C(86400000000);

	memcpy(t.lines, all_lines, sizeof(t.lines));
	TRY(report_each(r, take, &t, err));
	out_u64(o, "days_kept", days);
	out_list_begin(o, &list);
	for (size_t i = 0; i < LINES; i++) {
		put(r, o, &t.lines[i]);
	}
	out_list_end(o);
	if (days < 183) {
		out_note(o,
			 "Articles 19(1) and 26(6) want logs kept for six months at least: this "
			 "one covers %llu days so far.",
			 (unsigned long long)days);
	}
	return ERR_OK;
}

int cmd_report_art12(int argc, char **argv)
{
	struct report_args args = {0};
	const struct opt opts[] = {REPORT_OPTS(args)};
	const struct opt_word words[] = CMD_LEDGER_WORDS(&args.dir);
	const struct report_kind kind = {
		.spec = {.command = "writ report art12",
			 .summary = "What was recorded, by the articles of the AI Act (Regulation "
				    "(EU) 2024/1689) that ask for it.",
			 .opts = opts,
			 .n_opts = ARRAY_LEN(opts),
			 .words = words,
			 .n_words = ARRAY_LEN(words),
			 .example =
				 "writ report art12 --from 2026-11-01 --evidence november.jsonl"},
		.run = run};

	return report_main(&kind, &args, argc, argv);
}
