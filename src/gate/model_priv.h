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

/*
 * Streams last, and many are open: once an answer has begun nothing else will be tried, and what the request was
 * made of and decided by is given back, unless it is needed to the end (model_rest.c).
 */
void model_rest(struct exchange *x);

extern const struct http_call_events model_call_events;

#endif
