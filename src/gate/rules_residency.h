/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The residency matrix where decisions are made. It holds for a time (gate/residency.h): when that
 * is over, at an expiry or when the clock was set back, it is made anew before the next decision.
 * When it cannot be made, no model is reached.
 */
#ifndef GATE_RULES_RESIDENCY_H
#define GATE_RULES_RESIDENCY_H

#include "gate/residency.h"
#include "gate/rules.h"

struct rules_world {
	struct arena arena;
	struct residency residency;
	bool failed;
};

/* `policies` live as long as r. */
enum err_code rules_residency_init(struct rules *r, const struct policy_source *policies, size_t n,
				   struct err *err) MUST_USE;
void rules_residency_done(struct rules *r);

/* Makes the matrix anew when its time is over; labels the question when it is about a model, or q->found says so. */
void rules_residency_label(struct rules *r, struct rules_query *q);

/* What the policies allow and the matrix does not becomes a refusal by "writ.residency". */
void rules_residency_check(const struct rules *r, const struct rules_query *q, struct arena *a,
			   struct rules_answer *ret);

/* While the node is severed: what would leave the group that is kept is refused by "writ.severed". */
void rules_residency_sever(const struct rules *r, const struct rules_query *q, struct arena *a,
			   struct rules_answer *ret);

/* Whether connections to this server or model, or site NULL, are cut now. */
bool rules_residency_cuts(const struct rules *r, const struct config_site *site);

/* The labels of a question as the ledger has them. */
void rules_residency_words(const struct rules_query *q, struct arena *a, const struct str **ret,
			   size_t *ret_n);

#endif
