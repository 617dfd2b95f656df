/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/model_hedge.h"

#include "gate/model_priv.h"

#include <stdlib.h>

enum {
	DEBT_OF_ONE = 10, /* paid back by as many requests */
	DEBT_MAX = 100,
	SAMPLES_LEAST = GATE_HEDGE_SAMPLES / 2,
	SLOWEST = GATE_HEDGE_SAMPLES / 20 + 1, /* the least of these is at 95 in a hundred */
};

/* How long the model lets 95 of a hundred requests wait for its first word; 0: not known yet. */
static uint64_t slow_after(const struct gate_pace *p)
{
	uint32_t top[SLOWEST] = {0};
	size_t n = p->n < GATE_HEDGE_SAMPLES ? p->n : GATE_HEDGE_SAMPLES;

	if (n < SAMPLES_LEAST) {
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t v = p->us[i];

		for (size_t k = 0; k < SLOWEST; k++) {
			if (v > top[k]) {
				uint32_t lower = top[k];

				top[k] = v;
				v = lower;
			}
		}
	}
	return top[n / 20] * UINT64_C(1000);
}

static void note(struct gate_pace *p, uint64_t ns)
{
	uint64_t us = ns / 1000;

	p->us[p->n++ % GATE_HEDGE_SAMPLES] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

/* What was cancelled would have taken longer still: without it the slow would not be counted. */
static void note_wait(const struct model_attempt *t)
{
	if (t->exchange->reply->hedge_after == CONFIG_HEDGE_P95) {
		note(&t->model->pace, t->model->gate->loop.now - t->action.forwarded);
	}
}

static struct model_attempt *other_of(const struct model_attempt *t)
{
	struct model_reply *r = t->exchange->reply;

	return t == &r->own ? r->hedge : &r->own;
}

struct model_attempt *model_current(struct model_reply *r)
{
	return r->hedge && !r->own.action.active ? r->hedge : &r->own;
}

static void end(struct model_attempt *t, enum ledger_status status)
{
	struct model_reply *r = t->exchange->reply;

	model_end(t, status);
	if (t == r->hedge) {
		r->hedge = NULL;
		free(t);
	}
}

static bool may_hedge(struct gate_pace *p)
{
	if (p->debt + DEBT_OF_ONE > DEBT_MAX) {
		return false;
	}
	p->debt += DEBT_OF_ONE;
	return true;
}

static void on_slow(struct timer *timer)
{
	struct model_reply *r = CONTAINER_OF(timer, struct model_reply, hedge_at);
	struct exchange *x = r->own.exchange;

	/* A policy may have sent it to a route without hedges meanwhile. */
	if (!r->hedge_after || x->gone || x->streaming || r->hedge || !model_waits(&r->own) ||
	    !may_hedge(&r->own.model->pace)) {
		return;
	}
	r->hedge = calloc(1, sizeof(*r->hedge));
	if (!r->hedge) {
		return;
	}
	r->hedge->exchange = x;
	if (!model_try(r->hedge)) {
		end(r->hedge, LEDGER_UNREACHABLE);
	}
}

void model_hedge_plan(struct exchange *x)
{
	struct model_reply *r = x->reply;
	struct gate_pace *pace = &r->own.model->pace;
	uint64_t after = r->hedge_after;

	if (!after) {
		return;
	}
	pace->debt -= pace->debt > 0;
	if (after == CONFIG_HEDGE_P95) {
		after = slow_after(pace);
	}
	if (after && r->n_candidates - r->first > 1) {
		r->hedge_at.on_timeout = on_slow;
		loop_timer_set(&x->gate->loop, &r->hedge_at, after);
	}
}

void model_won(struct model_attempt *t)
{
	struct model_attempt *other = other_of(t);

	timer_stop(&t->exchange->reply->hedge_at);
	note_wait(t);
	if (!other || !other->action.active) {
		return;
	}
	if (model_waits(other)) {
		note_wait(other);
		other->action.finding = arena_printf(
			other->action.arena, STR_FMT "%sanother model answered first",
			STR_ARG(other->action.finding), other->action.finding.n ? "; " : "");
	}
	end(other, LEDGER_CANCELLED);
}

bool model_hedge_over(struct model_attempt *t)
{
	struct model_attempt *other = other_of(t);

	if (!other || !other->action.active) {
		return false;
	}
	end(t, LEDGER_LOST);
	return true;
}

struct model_attempt *model_hedge_drop(struct exchange *x)
{
	struct model_reply *r = x->reply;

	timer_stop(&r->hedge_at);
	if (r->hedge && r->own.action.active) {
		end(r->hedge, LEDGER_CALLER_GONE);
	}
	return model_current(r);
}

void model_hedge_end(struct exchange *x, enum ledger_status status)
{
	struct model_reply *r = x->reply;

	timer_stop(&r->hedge_at);
	if (r->hedge) {
		end(r->hedge, status);
	}
}
