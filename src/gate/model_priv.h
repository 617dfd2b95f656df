/* SPDX-License-Identifier: Apache-2.0 */
/* A request to a model inside the gate: shared by model_*.c. */
#ifndef GATE_MODEL_PRIV_H
#define GATE_MODEL_PRIV_H

#include "gate/exchange.h"

enum { MODEL_BODY_MAX = 32 << 20 };

enum model_dialect model_dialect_of(const struct exchange *x);

/* Answers with this error. */
void model_fail(struct exchange *x, enum model_error e);

/* Begins with the next model; false: there is none, nothing was begun, and reply->error says why. */
bool model_try(struct model_attempt *t);
void model_try_done(struct model_attempt *t);

/* It has been recorded and asked, and nothing came yet that is an answer. */
bool model_waits(const struct model_attempt *t);

/* Ends it, whatever it does, without another word but its record. Harmless when it is over, or never began. */
void model_end(struct model_attempt *t, enum ledger_status status);

/* What t->model would be asked of t->request; whatever was before is undone. */
enum model_error model_prepare(struct model_attempt *t);

/* context.input of `infer`, in the arena; p NULL: it cannot be told. */
struct str model_describe(struct exchange *x, const struct model_request *q);

/* As action_events.redact. */
struct str model_redact(struct action *a, struct rules_query *q, bool *ret_failed);

/* The request as it came, for another attempt. */
void model_vault_forget(struct model_attempt *t);

/* Of a stream: where what comes is to be put; model_vault_tell puts the originals back on its way to t->told. */
void model_vault_begin(struct model_attempt *t);
struct buf *model_vault_door(struct model_attempt *t);
void model_vault_tell(struct model_attempt *t);
void model_vault_end(struct model_attempt *t);

/* t->answer, whole, with the originals; false: it is too long. */
bool model_vault_whole(struct model_attempt *t);

/* Takes what the attempt may cost from its budgets; t->over says which has too little. */
enum model_error model_take_budgets(struct model_attempt *t);
void model_settle_budgets(struct model_attempt *t);

/* As action_events.tell. */
void model_tell(struct action *a, struct ledger_outcome *ret);

/* What has passed by was answered, whoever hangs up now. */
void model_note_stream(struct model_attempt *t);

/*
 * Streams last, and many are open: once an answer has begun nothing else will be tried, and what the request was
 * made of and decided by is given back, unless it is needed to the end (model_rest.c).
 */
void model_rest(struct model_attempt *t);

extern const struct http_call_events model_call_events;

#endif
