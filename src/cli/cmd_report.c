/* SPDX-License-Identifier: Apache-2.0 */
/* `writ report VERB`: what the ledger holds, as the tables that laws ask for. */
#include "cli/report.h"
#include "cli/verb.h"

static const struct cmd verbs[] = {
	{"transfers", "which data went where, and on what basis", cmd_report_transfers},
	{"art30", "GDPR: processing activities by purpose", cmd_report_art30},
	{"art12", "AI Act: what the log shows", cmd_report_art12},
	{"check", "checks the evidence of a report", cmd_report_check},
	{NULL, NULL, NULL},
};

int cmd_report(int argc, char **argv)
{
	return verb_run("writ report", "[OPTIONS]", verbs, argc, argv);
}
