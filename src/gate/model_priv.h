/* SPDX-License-Identifier: Apache-2.0 */
/* A request to a model inside the gate: shared by model_*.c. */
#ifndef GATE_MODEL_PRIV_H
#define GATE_MODEL_PRIV_H

#include "gate/exchange.h"
#include "model/meter.h"
#include "model/translate.h"

enum { MODEL_BODY_MAX = 32 << 20 };

struct model_candidate {
	struct gate_model *model; /* used until the request ends */
	bool allowed, asked;
};

/* What is known of its cost. */
enum model_spent { MODEL_SPENT_NOTHING = 0, MODEL_SPENT_UNKNOWN, MODEL_SPENT_KNOWN };

/* A request to a back end, and its answer on the way to the client. In the request's arena. */
struct model_reply {
	struct model_request request;
	struct buf body; /* of the request to the back end */
	struct str target;
	struct http_field fields[3];
	int status;
	bool events; /* a stream */
	struct sha256 commitment;
	struct model_stream stream;
	uint64_t bytes;
	enum model_api api;                    /* what the back end is asked in */
	struct model_translation *translation; /* NULL: that is what the client speaks */
	bool translating;                      /* it was begun: it has to end */
	struct buf told;                       /* what goes out at the end of the turn */
	struct loop_hook flush;

	/* which models may answer, and what came of those that were asked */
	struct exchange *exchange; /* whose this is, for hooks and timers */
	struct rules_query query;  /* without its object */
	struct model_candidate *candidates;
	size_t n_candidates, first; /* those before `first` were left for a policy's @route */
	unsigned tries, routed;     /* how often that happened */
	bool judged;                /* candidates know whether they are allowed */
	bool again;                 /* it failed in a way in which another may not */
	bool failed;                /* an attempt before this one did */
	enum model_error error;     /* why the last model could not even be asked ... */
	struct str untold;          /* ... and about what */
	struct budget_hold *hold;   /* NULL: no budgets */
	struct budget_refusal over; /* name empty: no budget stands against it */
	enum model_spent spent;
	struct model_usage used; /* SPENT_KNOWN */
	bool metered;            /* usage is taken out of its stream */
	struct model_meter meter;
	bool placed;           /* it counts at its back end */
	struct list queued;    /* it waits for a place there */
	struct timer patience; /* meanwhile */
};

enum model_dialect model_dialect_of(const struct exchange *x);

/* Answers with this error. */
void model_fail(struct exchange *x, enum model_error e);

/* Begins with the next model; false: there is none, nothing was begun, and reply->error says why. */
bool model_try(struct exchange *x);
void model_try_done(struct exchange *x);

/* Takes what the attempt may cost from its budgets; reply->over says which has too little. */
enum model_error model_take_budgets(struct exchange *x);
void model_settle_budgets(struct exchange *x);

/* What has passed by was answered, whoever hangs up now. */
void model_note_stream(struct exchange *x);

extern const struct http_call_events model_call_events;

#endif
