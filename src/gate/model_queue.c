/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/model_queue.h"

#include "gate/model_priv.h"

#include <stdlib.h>

enum { WAIT_SECONDS = 10, QUEUE_MAX = 1024, TURNS_MAX = 4096 };

/* Of one agent, whose session may end before. */
struct turn {
	uintptr_t at;
	char agent[];
};

void model_turns_done(struct gate_model *m)
{
	for (size_t i = 0; i < m->turns.cap; i++) {
		free(m->turns.slots[i].value);
	}
	map_done(&m->turns);
}

/* Without memory, and with too many agents, turns are forgotten: some are then too often next, no more. */
static void note_turn(struct gate_model *m, struct str agent)
{
	struct turn *t = map_find(&m->turns, agent);

	if (!t) {
		if (m->turns.n == TURNS_MAX) {
			model_turns_done(m);
			map_init(&m->turns, m->gate->seed);
		}
		t = calloc(1, sizeof(*t) + agent.n);
		if (!t) {
			return;
		}
		memcpy(t->agent, agent.p, agent.n);
		if (!map_put(&m->turns, str_make(t->agent, agent.n), t)) {
			free(t);
			return;
		}
	}
	t->at = ++m->turn;
}

static uint64_t tokens_of(const struct model_request *q)
{
	return q->input_bytes + q->max_tokens;
}

static void take_place(struct model_attempt *t)
{
	struct gate_model *m = t->model;

	m->in_flight++;
	m->tokens += tokens_of(&t->request);
	t->placed = true;
	if (m->limit) {
		note_turn(m, t->exchange->session->agent);
	}
}

static void on_late(struct timer *timer)
{
	struct model_attempt *t = CONTAINER_OF(timer, struct model_attempt, patience);

	model_queue_leave(t);
	model_on_late(t);
}

enum model_place model_queue_enter(struct model_attempt *t)
{
	struct gate_model *m = t->model;

	if (!m->limit || m->in_flight < m->limit) {
		take_place(t);
		return MODEL_HAS_PLACE;
	}
	if (m->n_queue == QUEUE_MAX) {
		return MODEL_FULL;
	}
	m->n_queue++;
	list_append(&m->queue, &t->queued);
	t->patience = (struct timer){.on_timeout = on_late};
	loop_timer_set(&m->gate->loop, &t->patience, WAIT_SECONDS * CLOCK_SEC);
	return MODEL_WAITS;
}

/* Whose turn was longest ago; the first of those that never had one. */
static struct model_attempt *next_of(const struct gate_model *m)
{
	struct model_attempt *best = NULL;
	uintptr_t turn = 0;

	LIST_FOREACH (node, &m->queue) {
		struct model_attempt *t = CONTAINER_OF(node, struct model_attempt, queued);
		const struct turn *had = map_find(&m->turns, t->exchange->session->agent);
		uintptr_t own = had ? had->at : 0;

		if (!best || own < turn) {
			best = t;
			turn = own;
		}
	}
	return best;
}

static void leave_queue(struct gate_model *m, struct model_attempt *t)
{
	m->n_queue--;
	list_remove(&t->queued);
	t->queued = (struct list){0};
	timer_stop(&t->patience);
}

static void on_turn(struct loop_hook *h)
{
	struct gate_model *m = CONTAINER_OF(h, struct gate_model, next);

	while (m->n_queue && m->in_flight < m->limit) {
		struct model_attempt *t = next_of(m);

		leave_queue(m, t);
		take_place(t);
		model_on_place(t);
	}
}

void model_queue_leave(struct model_attempt *t)
{
	struct gate_model *m = t->model;

	if (t->queued.next) {
		leave_queue(m, t);
	}
	if (t->placed) {
		t->placed = false;
		m->in_flight--;
		m->tokens -= tokens_of(&t->request);
		if (m->n_queue) {
			m->next.on_turn_end = on_turn;
			loop_defer(&m->gate->loop, &m->next);
		}
	}
}
