/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream under way does without. */
#include "gate/model_priv.h"

#include <stdlib.h>

/* Translations, originals, an event of temporal policies and findings lie in the arena to the end. */
static bool needs_arena(const struct model_attempt *t)
{
	const struct action *a = &t->action;

	return t->translation || t->vault || a->answer.event || a->answer.redact || a->finding.n ||
	       a->output.kind != POLICY_NONE;
}

/* What was taken from budgets, without room for more; false: no memory. */
static bool keep_hold(struct model_attempt *t)
{
	struct budget_hold *kept = t->hold ? budget_hold_dup(t->hold) : NULL;

	if (t->hold && !kept) {
		return false;
	}
	t->hold = kept;
	return true;
}

/* No other candidate will be asked. */
static void release_others(struct exchange *x, struct gate_model *m)
{
	struct model_reply *r = x->reply;

	m->uses++;
	for (size_t i = 0; i < r->n_candidates; i++) {
		gate_model_release(r->candidates[i].model);
	}
	r->only = (struct model_candidate){.model = m, .allowed = true, .asked = true};
	r->candidates = &r->only;
	r->n_candidates = 1;
	r->first = 0;
}

void model_rest(struct model_attempt *t)
{
	struct exchange *x = t->exchange;

	if (needs_arena(t) || !http_call_forget(&t->call) || !keep_hold(t)) {
		return;
	}
	x->reply->rests = true;
	release_others(x, t->model);
	gate_buf_give(x->gate, &t->body);
	t->body = (struct buf){0};
	x->agent = x->session->agent;
	http_req_forget(x->req);
	arena_done(&x->req->arena);
}
