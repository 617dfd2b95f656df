/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream under way does without. */
#include "gate/model_priv.h"

#include <stdlib.h>

/* Translations, originals, an event of temporal policies and findings lie in the arena to the end. */
static bool needs_arena(const struct exchange *x)
{
	const struct model_reply *r = x->reply;
	const struct action *a = &x->action;

	return r->translation || r->vault || x->hold || a->answer.event || a->answer.redact ||
	       a->finding.n || a->output.kind != POLICY_NONE;
}

/* What was taken from budgets, without room for more; false: no memory. */
static bool keep_hold(struct model_reply *r)
{
	struct budget_hold *kept = r->hold ? budget_hold_dup(r->hold) : NULL;

	if (r->hold && !kept) {
		return false;
	}
	r->hold = kept;
	return true;
}

/* No other candidate will be asked. */
static void release_others(struct exchange *x)
{
	struct model_reply *r = x->reply;

	x->model->uses++;
	for (size_t i = 0; i < r->n_candidates; i++) {
		gate_model_release(r->candidates[i].model);
	}
	r->only = (struct model_candidate){.model = x->model, .allowed = true, .asked = true};
	r->candidates = &r->only;
	r->n_candidates = 1;
	r->first = 0;
}

void model_rest(struct exchange *x)
{
	struct model_reply *r = x->reply;

	if (needs_arena(x) || !http_call_forget(&x->model_call) || !keep_hold(r)) {
		return;
	}
	r->rests = true;
	release_others(x);
	gate_buf_give(x->gate, &r->body);
	r->body = (struct buf){0};
	x->agent = x->session->agent;
	http_req_forget(x->req);
	arena_done(&x->req->arena);
}
