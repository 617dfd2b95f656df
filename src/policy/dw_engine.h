/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions over what happened, for a gateway: one state a history, found by the
 * fields that split it (all events share one when none does). An event is
 * observed once; a decision observes its own event first, so requests in flight
 * count.
 *
 * Bounded: max_bytes a history, max_histories in all. A history that nothing can
 * ask about any more is empty and is dropped; when all places are taken by others
 * a new one is refused, and its requests denied.
 */
#ifndef POLICY_DW_ENGINE_H
#define POLICY_DW_ENGINE_H

#include "policy/temporal_state.h"

struct dw_engine;

struct dw_engine_opts {
	struct temporal_plan_opts plan;
	size_t max_histories; /* 0: DW_ENGINE_HISTORIES */
};

#define DW_ENGINE_HISTORIES 1000000u

/* The program outlives the engine. */
enum err_code dw_engine_new(const struct dw_program *prog, const struct dw_engine_opts *opts,
			    struct dw_engine **ret, struct err *err) MUST_USE;
void dw_engine_free(struct dw_engine *e);

/* An event that asks for nothing. The history it belongs to advances. */
enum err_code dw_engine_observe(struct dw_engine *e, const struct temporal_event *ev,
				struct arena *scratch, struct err *err) MUST_USE;

/* Observes the event and decides about it; see dw_decide. */
void dw_engine_decide(struct dw_engine *e, const struct dw_event *ev,
		      const struct policy_store *store, struct arena *scratch,
		      struct policy_decision *ret, struct err *err);

/*
 * Decides about the newest event once more, after what is asked has changed: as dw_engine_decide, but
 * nothing new has happened. `ev` is of the same history, and so is its time.
 */
void dw_engine_decide_again(struct dw_engine *e, const struct dw_event *ev,
			    const struct policy_store *store, struct arena *scratch,
			    struct policy_decision *ret, struct err *err);

/*
 * The history that the event belongs to lacks something from here on: what happened could not
 * be observed, or before this engine was made. The event itself is not taken in.
 */
enum err_code dw_engine_saturate(struct dw_engine *e, const struct temporal_event *ev,
				 struct arena *scratch, struct err *err) MUST_USE;

/* The same of all histories, also of those that begin before `now` is out of every window. */
void dw_engine_saturate_all(struct dw_engine *e, int64_t now);

/* Is there a history that the event belongs to? */
bool dw_engine_knows(const struct dw_engine *e, const struct temporal_event *ev,
		     struct arena *scratch);

/* Nothing will ask about the history that the event belongs to any more. Only its pinned fields count. */
void dw_engine_forget(struct dw_engine *e, const struct temporal_event *ev, struct arena *scratch);

/* Does some condition look at this field, or what is below it, of such events? */
bool dw_engine_looks_at(const struct dw_engine *e, const struct policy_uid *action, struct str kind,
			struct str field);

/* How often something was lost so far, whichever history it was of. */
uint64_t dw_engine_losses(const struct dw_engine *e);

/* How long what happened can matter: the deepest sum of windows, in milliseconds. */
int64_t dw_engine_memory(const struct dw_engine *e);

struct dw_engine_stats {
	size_t histories, bytes, saturated;
};

/* Walks over all histories. */
struct dw_engine_stats dw_engine_stats(const struct dw_engine *e);

/* All histories as bytes, and back into a new engine of the same program. */
void dw_engine_save(const struct dw_engine *e, struct buf *out);
enum err_code dw_engine_load(struct dw_engine *e, struct str bytes, struct arena *scratch,
			     struct err *err) MUST_USE;

#endif
