/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers on a two-level wheel: arming, re-arming and stopping cost a few
 * instructions, allocate nothing and make no system call. Coarse on purpose:
 * a timer fires up to TIMER_TICK late and never early.
 *
 * Moving a deadline later, which every connection does at every message, only
 * stores the new deadline; the wheel notices when the old place comes round.
 * Any deadline is allowed: those past the wheel's reach are placed again.
 */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include "base/clock.h"
#include "base/list.h"

#include <stdint.h>

#define TIMER_TICK (4 * CLOCK_MS)

enum { TIMER_SLOTS = 256 };

/* Zeroed memory is a stopped timer. The owner keeps it in place while it is armed. */
struct timer {
	struct list node; /* in a slot; next is NULL or itself when not armed */
	uint64_t due;     /* tick of the deadline */
	uint64_t place;   /* tick at which its slot comes round; at most due */
	void (*on_timeout)(struct timer *t);
};

struct timer_wheel {
	uint64_t tick; /* everything due up to here has fired */
	uint64_t near_used[TIMER_SLOTS / 64], far_used[TIMER_SLOTS / 64];
	struct list near[TIMER_SLOTS]; /* one tick each */
	struct list far[TIMER_SLOTS];  /* TIMER_SLOTS ticks each */
};

void timer_wheel_init(struct timer_wheel *w, uint64_t now);

/* (Re)arms t to fire once at or after `at` (monotonic ns). t->on_timeout must be set. */
void timer_set(struct timer_wheel *w, struct timer *t, uint64_t at);

/* Harmless on a stopped timer. Required before the timer's memory goes away. */
void timer_stop(struct timer *t);

static inline bool timer_armed(const struct timer *t)
{
	return t->node.next && t->node.next != &t->node;
}

/* Fires what is due. A callback may set, stop and free any timer, its own included. */
void timer_wheel_run(struct timer_wheel *w, uint64_t now);

/* Milliseconds to sleep until something may be due, at most `most`; never too long. */
int timer_wheel_wait(const struct timer_wheel *w, uint64_t now, int most);

#endif
