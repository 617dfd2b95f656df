/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is held for a request to a model, while it lasts: part of struct exchange. Each time a model is asked is an
 * attempt, with an action, a reservation and records of its own. Mostly there is one at a time; a hedge
 * (gate/model_hedge.h) is a second one, and whichever answers first ends the other.
 */
#ifndef GATE_MODEL_REPLY_H
#define GATE_MODEL_REPLY_H

#include "gate/action.h"
#include "gate/budget.h"
#include "http/client.h"
#include "model/meter.h"
#include "model/restore.h"
#include "model/translate.h"

struct exchange;
struct gate_model;

struct model_candidate {
	struct gate_model *model; /* used until the request ends */
	bool allowed, asked;
};

/* What is known of its cost. */
enum model_spent { MODEL_SPENT_NOTHING = 0, MODEL_SPENT_UNKNOWN, MODEL_SPENT_KNOWN };

struct model_restoring {
	struct model_restore restore;
	struct buf plain; /* what it is fed with */
};

/* A request to a back end, and its answer on the way to the client. */
struct model_attempt {
	struct exchange *exchange;
	struct action action;
	struct gate_model *model;
	struct list wait; /* until the model's pool is open */
	struct http_call call;
	bool calling;
	bool broken;                  /* the back end broke off in the middle of a stream */
	struct model_request request; /* what is asked: the exchange's, or without what was found */
	struct buf body;              /* of the request to the back end */
	struct buf answer;            /* for the client, when it is no stream */
	struct str target;
	int status;
	bool events; /* a stream */
	bool begun;  /* ... that the client gets */
	struct sha256 commitment;
	struct model_stream stream;
	uint64_t bytes;
	enum model_api api;                    /* what the back end is asked in */
	struct model_translation *translation; /* NULL: that is what the client speaks */
	bool translating;                      /* it was begun: it has to end */
	struct buf told;                       /* what goes out at the end of the turn */
	struct loop_hook flush;
	bool again;                 /* it failed in a way in which another may not */
	struct budget_hold *hold;   /* NULL: no budgets. In the arena, unless the request rests */
	struct budget_refusal over; /* name empty: no budget stands against it */
	enum model_spent spent;
	struct model_usage used; /* SPENT_KNOWN */
	struct model_usage said; /* by a whole answer, whatever is made of it */
	unsigned number;         /* of all, from 1 */
	bool metered;            /* usage is taken out of its stream */
	struct model_meter meter;
	bool placed;           /* it counts at its back end */
	struct list queued;    /* it waits for a place there */
	struct timer patience; /* meanwhile */

	/* what @redact took out, to be put back into the answer (gate/model_vault.c) */
	unsigned hidden;            /* of these classes, DETECT_BITs; 0: nothing was looked for */
	struct detect_vault *vault; /* NULL: nothing was found */
	struct buf clean;           /* what `request` borrows then */
	struct model_restoring *restoring; /* of its stream; NULL: none */
};

struct model_reply {
	const struct model_request *asked; /* as it came; in the arena */

	/* which models may answer, and what came of those that were asked */
	struct str input; /* context.input of the decision */
	unsigned found;   /* in it, that raises its labels: DETECT_BITs */
	struct model_candidate *candidates;
	size_t n_candidates, first; /* those before `first` were left for a policy's @route */
	unsigned tries, routed;     /* how often that happened */
	unsigned attempts;          /* of all */
	bool judged;                /* candidates know whether they are allowed */
	bool failed;                /* an attempt did, and was followed by another */
	enum model_error error;     /* why the last model could not even be asked ... */
	struct str untold;          /* ... and about what */

	/* A stream under way keeps no more than it needs: the arena is empty. */
	bool rests;
	struct model_candidate only; /* the one that answers */

	struct model_attempt own;
	struct model_attempt *hedge; /* beside it; NULL: none. On the heap */
	struct timer hedge_at;
	uint64_t hedge_after; /* ns, or CONFIG_HEDGE_P95; 0: never */
};

#endif
