/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets of an attempt at a model: the worst it can cost is taken from each that it falls under before anything is
 * decided, what it really cost stays, the rest goes back (gate/treasury.h). The worst is known without a
 * tokenizer: no byte of JSON makes more than one token, a picture at most BUDGET_IMAGE_TOKENS beside its bytes, and the
 * answer is limited by max_tokens, which the back end is told.
 */
#ifndef GATE_BUDGET_H
#define GATE_BUDGET_H

#include "config/config.h"
#include "gate/treasury.h"
#include "model/stream.h"

enum { BUDGET_IMAGE_TOKENS = 4096, BUDGET_TAKES = 16 };

/* Part of the attempt. Zeroed: nothing was taken. */
struct budget_hold {
	uint64_t price_input, price_output;
	uint64_t tokens, money; /* the most it can be, whether or not some budget holds */
	size_t n;
	struct budget_take {
		struct treasury_taken taken;
		bool money;
	} takes[BUDGET_TAKES];
};

struct budget_ask {
	struct str agent, team;
	const struct config_model *model;
	uint64_t input, output; /* tokens, at most */
	uint64_t now;           /* seconds since 1970 */
};

/* Why not. */
struct budget_refusal {
	struct str name;    /* of the budget */
	struct str text;    /* for the caller and the record; in the arena */
	uint64_t resets_in; /* seconds; 0: never */
};

/* Millionths of the currency, rounded up. */
uint64_t budget_cost(const struct config_model *m, uint64_t input, uint64_t output);

/* What is used of a budget, in one of its units. */
struct budget_use {
	uint64_t limit, used; /* limit 0: it has none in this unit */
	uint64_t next;        /* when it begins anew, in seconds since 1970; 0: never */
};

/* `subject` is an agent, a team or empty, as the budget is for each of. */
void budget_look(const struct treasury *t, const struct config_budget *b, struct str subject,
		 bool money, uint64_t now, struct budget_use *ret);

/* "2026-11-24T00:00:00Z", in the arena. */
struct str budget_time(struct arena *a, uint64_t seconds);

/* False: one of them has too little left, and nothing was taken. */
bool budget_reserve(struct treasury *t, const struct config *cfg, const struct budget_ask *ask,
		    struct arena *a, struct budget_hold *ret, struct budget_refusal *ret_why);

/* The same on the heap, with no more takes than it has; then only the copy is to be settled. NULL: no memory. */
struct budget_hold *budget_hold_dup(const struct budget_hold *hold) MUST_USE;

/* It cost this; NULL: nothing was sent. Afterwards nothing is held. Harmless twice. */
void budget_settle(struct treasury *t, struct budget_hold *hold, const struct model_usage *used);

/* What it cost is not known: what was taken stays so. */
void budget_keep(struct budget_hold *hold);

/* Whether the cost passed what was taken: the back end did not keep to its limit. */
bool budget_is_over(const struct budget_hold *hold, const struct model_usage *used);

#endif
