/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depth first over the choices of worlds, with jumps back: when a try fails, what
 * failed rests on some of the choices only. Later choices than the last of those
 * cannot mend it, so their other options are not tried. When all options of a choice
 * have failed, the failure rests on what each of them rested on, and on what made the
 * list of options. Every jump therefore leaves out only tries that would fail too.
 */
#include "policy/prove_priv.h"

enum { TICK = 4096 };

/* The first part that does not hold leaves in w->reads what that rests on. */
static bool holds(struct prove_world *w, const struct prove_literal *goal, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum prove_truth t;

		w->reads = (struct prove_bits){0};
		t = prove_eval_policy(w, goal[i].policy);
		if (w->stopped || w->dead) {
			return false;
		}
		if (goal[i].want == PROVE_UNSATISFIED ? t == PROVE_TRUE
		    : goal[i].want == PROVE_SATISFIED ? t != PROVE_TRUE
						      : t != PROVE_FAILS) {
			return false;
		}
	}
	return true;
}

/* The next try; false when none is left. */
static bool jump_back(struct prove_world *w)
{
	struct prove_bits why = w->reads;

	while (w->depth > 0) {
		uint32_t at = w->depth - 1;
		struct prove_frame *f = &w->frames[at];

		if (prove_bits_have(&why, at)) {
			prove_bits_drop(&why, at);
			prove_bits_join(&f->conflict, &why);
			if (++f->at < f->n) {
				return true;
			}
			why = f->conflict;
		}
		w->depth--;
	}
	return false;
}

enum err_code prove_search(struct prove_world *w, const struct prove_literal *goal, size_t n,
			   uint64_t *steps, uint64_t limit, bool (*tick)(void *arg, uint64_t steps),
			   void *arg, bool *ret_found, struct err *err)
{
	w->depth = 0;
	*ret_found = false;
	do {
		if (*steps == limit) {
			return ERR(err, ERR_LIMIT,
				   "not proved within %llu requests; a narrower claim or a larger "
				   "limit may help",
				   (unsigned long long)limit);
		}
		if (++*steps % TICK == 0 && tick && !tick(arg, *steps)) {
			return ERR(err, ERR_LIMIT, "stopped after %llu requests",
				   (unsigned long long)*steps);
		}
		prove_world_reset(w);
		if (holds(w, goal, n)) {
			*ret_found = true;
			return ERR_OK;
		}
	} while (!w->stopped && jump_back(w));
	if (w->m->nomem) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	return ERR_OK;
}
