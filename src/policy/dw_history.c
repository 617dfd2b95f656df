/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/dw_history.h"

void dw_history_init(struct dw_history *h, const struct dw_program *prog, struct arena *a)
{
	*h = (struct dw_history){.prog = prog, .a = a};
}

enum err_code dw_history_add(struct dw_history *h, const struct temporal_event *ev, struct err *err)
{
	if (h->n == DW_HISTORY_MAX) {
		return ERR(err, ERR_LIMIT, "more than %u events", DW_HISTORY_MAX);
	}
	if (!ARENA_GROW(h->a, &h->events, h->n, &h->cap)) {
		return ERR(err, ERR_NOMEM, "history: out of memory");
	}
	h->events[h->n++] = ev;
	return ERR_OK;
}

/* The events that agree with the last one on everything that splits the history. */
static enum err_code pick(struct dw_history *h, struct arena *scratch, struct err *err)
{
	struct policy_value mine[DW_PINS_MAX], theirs[DW_PINS_MAX];
	const struct temporal_event **list =
		ARENA_ARRAY(scratch, h->n, const struct temporal_event *);
	size_t n_pins = h->prog->events->n_partition, n = 0;

	if (!list) {
		return ERR(err, ERR_NOMEM, "history: out of memory");
	}
	if (n_pins > 0 && !dw_event_key(h->prog, h->events[h->n - 1], mine)) {
		return ERR(err, ERR_INVALID, "the event lacks a field that events are pinned to");
	}
	for (size_t i = 0; i < h->n; i++) {
		bool same = n_pins == 0 || dw_event_key(h->prog, h->events[i], theirs);

		for (size_t k = 0; same && k < n_pins; k++) {
			same = policy_value_eq(mine[k], theirs[k]);
		}
		if (same) {
			list[n++] = h->events[i];
		}
	}
	h->mine = (struct temporal_history){list, n};
	return ERR_OK;
}

static enum err_code leaf_value(void *arg, const struct temporal_leaf *leaf, size_t index,
				const struct policy_env *env, struct arena *scratch, bool *ret,
				struct err *err)
{
	struct dw_history *h = arg;

	(void)index;
	if (h->mine.n == 0) {
		TRY(pick(h, scratch, err));
	}
	return temporal_holds(leaf, &h->mine, env, scratch, ret, err);
}

void dw_history_decide(struct dw_history *h, const struct dw_event *ev,
		       const struct policy_store *store, struct arena *scratch,
		       struct policy_decision *ret, struct err *err)
{
	h->mine = (struct temporal_history){0};
	dw_decide(h->prog, ev, store, leaf_value, h, scratch, ret, err);
	h->mine = (struct temporal_history){0};
}
