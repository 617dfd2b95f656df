/* SPDX-License-Identifier: Apache-2.0 */
/* A decision as JSON: {"decision":"allow","reason":[...],"errors":[...],"outcome":...}. */
#ifndef POLICY_ANSWER_H
#define POLICY_ANSWER_H

#include "policy/engine.h"
#include "json/write.h"

/* One object. `decision`, `reason` and `errors` are Cedar's answer, the rest is the host's. */
void policy_answer_write(struct buf *out, const struct policy_decision *d);

/* {"error":"...","code":"..."} when nothing could be decided. */
void policy_answer_write_error(struct buf *out, const struct err *err);

#endif
