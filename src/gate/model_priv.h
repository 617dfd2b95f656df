/* SPDX-License-Identifier: Apache-2.0 */
/* A request to a model inside the gate: shared by model_*.c. */
#ifndef GATE_MODEL_PRIV_H
#define GATE_MODEL_PRIV_H

#include "gate/exchange.h"
#include "model/meter.h"
#include "model/restore.h"
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
	struct model_usage said; /* by a whole answer, whatever is made of it */
	unsigned attempt;        /* of all, from 1 */
	bool metered;            /* usage is taken out of its stream */
	struct model_meter meter;
	bool placed;        /* it counts at its back end */
	struct list queued; /* it waits for a place there */

	/* what @redact took out, to be put back into the answer (gate/model_vault.c) */
	unsigned hidden;            /* of these classes, DETECT_BITs; 0: nothing was looked for */
	struct model_request asked; /* as it came, when hidden; `request` is without */
	struct detect_vault *vault; /* NULL: nothing was found */
	struct buf clean;           /* what `request` borrows then */
	struct model_restore *restore; /* of its stream; NULL: none */
	struct buf plain;              /* what it is fed with */
	struct timer patience;         /* meanwhile */
};

enum model_dialect model_dialect_of(const struct exchange *x);

/* Answers with this error. */
void model_fail(struct exchange *x, enum model_error e);

/* Begins with the next model; false: there is none, nothing was begun, and reply->error says why. */
bool model_try(struct exchange *x);
void model_try_done(struct exchange *x);

/* What x->model would be asked of r->request; for one attempt at a time, whatever was before is undone. */
enum model_error model_prepare(struct exchange *x);

/* context.input of `infer`, in the arena; p NULL: it cannot be told. */
struct str model_describe(struct exchange *x, const struct model_request *q);

/* As action_events.redact. */
struct str model_redact(struct action *a, struct rules_query *q, bool *ret_failed);

/* The request as it came, for another attempt. */
void model_vault_forget(struct exchange *x);

/* From now on reply->plain gets what reply->told would, and is put back by model_vault_tell. */
void model_vault_begin(struct exchange *x);
void model_vault_tell(struct exchange *x);
void model_vault_end(struct exchange *x);

/* x->answer, whole, with the originals; false: it is too long. */
bool model_vault_whole(struct exchange *x);

/* Takes what the attempt may cost from its budgets; reply->over says which has too little. */
enum model_error model_take_budgets(struct exchange *x);
void model_settle_budgets(struct exchange *x);

/* As action_events.tell. */
void model_tell(struct action *a, struct ledger_outcome *ret);

/* What has passed by was answered, whoever hangs up now. */
void model_note_stream(struct exchange *x);

extern const struct http_call_events model_call_events;

#endif
