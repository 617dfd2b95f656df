/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many requests a back end gets at once (`in_flight`), and who is next. What does not fit waits, for at most
 * ten seconds and in a queue of at most 1024; then it is refused as a matter of capacity. A free
 * place goes to the agent that has had its turn longest ago, so that one with many requests does not hold up one
 * with few; requests of one agent keep their order. A gate counts for itself.
 */
#ifndef GATE_MODEL_QUEUE_H
#define GATE_MODEL_QUEUE_H

#include "gate/exchange.h"

enum model_place { MODEL_FULL = 0, MODEL_WAITS, MODEL_HAS_PLACE };

/* At WAITS on_place follows, or on_late when it took too long; never from inside. */
enum model_place model_queue_enter(struct model_attempt *t);

/* Forgets whose turn it was. */
void model_turns_done(struct gate_model *m);

/* Gives the place back, or leaves the queue. Harmless without either. */
void model_queue_leave(struct model_attempt *t);

/* The attempt's turn has come, or has not (gate/model_try.c). */
void model_on_place(struct model_attempt *t);
void model_on_late(struct model_attempt *t);

#endif
