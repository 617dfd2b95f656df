/* SPDX-License-Identifier: Apache-2.0 */
/*
 * near[i] holds timers of one tick, far[i] of a block of TIMER_SLOTS ticks. When
 * the wheel reaches the first tick of a block, the block's timers move to near.
 * A set bit in near_used/far_used may be stale, a clear one never is.
 */
#include "net/timer.h"

enum { WORD_BITS = 64 };

static void mark(uint64_t *used, size_t slot)
{
	used[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
}

static void unmark(uint64_t *used, size_t slot)
{
	used[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
}

/* How many slots after `from` the next marked one is: 1 to TIMER_SLOTS; 0 when there is none. */
static unsigned next_marked(const uint64_t *used, size_t from)
{
	for (unsigned d = 1; d <= TIMER_SLOTS;) {
		size_t slot = (from + d) % TIMER_SLOTS;
		uint64_t word = used[slot / WORD_BITS] >> slot % WORD_BITS;

		if (word) {
			d += (unsigned)__builtin_ctzll(word);
			return d <= TIMER_SLOTS ? d : 0;
		}
		d += (unsigned)(WORD_BITS - slot % WORD_BITS);
	}
	return 0;
}

void timer_wheel_init(struct timer_wheel *w, uint64_t now)
{
	*w = (struct timer_wheel){.tick = now / TIMER_TICK};
	for (size_t i = 0; i < TIMER_SLOTS; i++) {
		list_init(&w->near[i]);
		list_init(&w->far[i]);
	}
}

/* Puts t where it is seen at t->due or earlier, not before `first`. */
static void place(struct timer_wheel *w, struct timer *t, uint64_t first)
{
	uint64_t due = t->due > first ? t->due : first;
	uint64_t block = due / TIMER_SLOTS, block_now = w->tick / TIMER_SLOTS;
	size_t slot;

	if (due - w->tick < TIMER_SLOTS) {
		slot = due % TIMER_SLOTS;
		t->place = due;
		mark(w->near_used, slot);
		list_append(&w->near[slot], &t->node);
		return;
	}
	if (block - block_now >= TIMER_SLOTS) {
		block = block_now + TIMER_SLOTS - 1; /* out of reach: look again there */
	}
	slot = block % TIMER_SLOTS;
	t->place = block * TIMER_SLOTS;
	mark(w->far_used, slot);
	list_append(&w->far[slot], &t->node);
}

void timer_set(struct timer_wheel *w, struct timer *t, uint64_t at)
{
	t->due = at / TIMER_TICK + (at % TIMER_TICK != 0);
	if (timer_armed(t)) {
		if (t->place <= t->due) {
			return;
		}
		list_remove(&t->node);
	}
	place(w, t, w->tick + 1);
}

void timer_stop(struct timer *t)
{
	if (timer_armed(t)) {
		list_remove(&t->node);
	}
}

/* Moves a slot's timers to `to`, so that they may be rearmed while it is walked. */
static void take_slot(struct list *slot, struct list *to)
{
	list_init(to);
	if (list_empty(slot)) {
		return;
	}
	*to = *slot;
	to->next->prev = to;
	to->prev->next = to;
	list_init(slot);
}

static void cascade(struct timer_wheel *w)
{
	size_t slot = w->tick / TIMER_SLOTS % TIMER_SLOTS;
	struct list taken;

	unmark(w->far_used, slot);
	take_slot(&w->far[slot], &taken);
	while (!list_empty(&taken)) {
		struct timer *t = CONTAINER_OF(taken.next, struct timer, node);

		list_remove(&t->node);
		place(w, t, w->tick);
	}
}

static void expire(struct timer_wheel *w)
{
	size_t slot = w->tick % TIMER_SLOTS;
	struct list taken;

	unmark(w->near_used, slot);
	take_slot(&w->near[slot], &taken);
	while (!list_empty(&taken)) {
		struct timer *t = CONTAINER_OF(taken.next, struct timer, node);

		list_remove(&t->node);
		if (t->due > w->tick) {
			place(w, t, w->tick + 1);
		} else {
			t->on_timeout(t);
		}
	}
}

/* The next tick at which a slot has to be looked at; UINT64_MAX when all are empty. */
static uint64_t next_tick(const struct timer_wheel *w)
{
	unsigned near = next_marked(w->near_used, w->tick % TIMER_SLOTS);
	unsigned far = next_marked(w->far_used, w->tick / TIMER_SLOTS % TIMER_SLOTS);
	uint64_t tick = near ? w->tick + near : UINT64_MAX;
	uint64_t start = far ? (w->tick / TIMER_SLOTS + far) * TIMER_SLOTS : UINT64_MAX;

	return tick < start ? tick : start;
}

void timer_wheel_run(struct timer_wheel *w, uint64_t now)
{
	uint64_t until = now / TIMER_TICK;

	while (w->tick < until) {
		uint64_t next = next_tick(w);

		if (next > until) {
			w->tick = until;
			return;
		}
		w->tick = next;
		if (next % TIMER_SLOTS == 0) {
			cascade(w);
		}
		expire(w);
	}
}

int timer_wheel_wait(const struct timer_wheel *w, uint64_t now, int most)
{
	uint64_t next = next_tick(w), at, ms;

	if (next == UINT64_MAX) {
		return most;
	}
	at = next * TIMER_TICK;
	ms = at <= now ? 0 : (at - now + CLOCK_MS - 1) / CLOCK_MS;
	return most >= 0 && ms > (uint64_t)most ? most : (int)ms;
}
