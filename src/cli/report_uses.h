/* SPDX-License-Identifier: Apache-2.0 */
/* The requests to models that a ledger holds, gathered by model and by what their data is called. */
#ifndef CLI_REPORT_USES_H
#define CLI_REPORT_USES_H

#include "base/map.h"
#include "cli/report.h"

struct report_use {
	struct str model;
	struct str level, categories, purpose, origin; /* as their labels say; may be empty */
	const struct config_site *site;                /* NULL: no model of this configuration */
	uint64_t allowed, refused, failed;             /* failed: allowed, and no answer came */
	uint64_t sent_bytes, received_bytes;
	uint64_t tokens, cost; /* as outcomes say; cost in millionths of the currency */
	uint64_t first_us, last_us, first, last; /* of the decisions; the last two are indexes */
	uint64_t otherwise; /* decided by another residency matrix than the configuration's */
	struct str *agents; /* distinct */
	size_t n_agents, cap_agents;
};

struct report_uses {
	struct report *r;
	struct buf key;
	struct map by_key;    /* of struct report_use */
	struct map by_action; /* whose outcome is still to come */
	struct report_use **items;
	size_t n, cap;
};

/* Everything lives in the arena of r. Release with report_uses_done, also after a failure. */
enum err_code report_uses_read(struct report *r, struct report_uses *ret, struct err *err) MUST_USE;
void report_uses_done(struct report_uses *u);

#endif
