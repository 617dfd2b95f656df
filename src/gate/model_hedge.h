/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second attempt at another model of the same route while the first has not begun to answer (`hedge` of a route). It is chosen,
 * decided, reserved for and recorded like any attempt, so it never widens what may be asked: a hedge is one more
 * transfer of the same data. Whichever answers first ends the other, whose record then says `cancelled`; what was
 * taken from budgets for that one stays taken where it had been sent, since nobody knows what it cost.
 *
 * Of the requests that a model is slow at one in ten is hedged, after ten at once: when a model is slow for all, its
 * neighbours do not get twice their load.
 */
#ifndef GATE_MODEL_HEDGE_H
#define GATE_MODEL_HEDGE_H

#include "gate/model_reply.h"

/* The first attempt is under way: when is it too slow? */
void model_hedge_plan(struct exchange *x);

/* This attempt answers; the other, if any, is cancelled. */
void model_won(struct model_attempt *t);

/* The attempt has come to nothing. True: another goes on, and this one is gone. */
bool model_hedge_over(struct model_attempt *t);

/* The one attempt that is left; its second is cancelled where both are under way. The client is gone. */
struct model_attempt *model_hedge_drop(struct exchange *x);

/* The one that answers or answered. */
struct model_attempt *model_current(struct model_reply *r);

/* The request ends. */
void model_hedge_end(struct exchange *x, enum ledger_status status);

#endif
