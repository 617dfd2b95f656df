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

static void rest_on_all(struct prove_world *w, uint32_t n)
{
	w->reads = (struct prove_bits){0};
	for (uint32_t i = 0; i < n; i++) {
		prove_bits_add(&w->reads, (int)i);
	}
}

static bool is_wanted(enum prove_want want, enum prove_truth t)
{
	switch (want) {
	case PROVE_SATISFIED:
		return t == PROVE_TRUE;
	case PROVE_UNSATISFIED:
		return t != PROVE_TRUE;
	case PROVE_FAILING:
		return t == PROVE_FAILS;
	case PROVE_WHATEVER:
		break;
	}
	return true;
}

/* The first part that does not hold leaves in w->reads what that rests on. */
static bool holds(struct prove_world *w, const struct prove_literal *goal, size_t n)
{
	size_t fails[2] = {0};

	for (size_t i = 0; i < n; i++) {
		enum prove_truth t;

		w->reads = (struct prove_bits){0};
		t = prove_eval_policy(w, goal[i].policy);
		if (w->stopped || w->dead || !is_wanted(goal[i].want, t)) {
			return false;
		}
		if (goal[i].want == PROVE_WHATEVER && t == PROVE_FAILS &&
		    ++fails[goal[i].side] > w->fails[goal[i].side]) {
			rest_on_all(w, w->cursor);
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

/* The world that was found is no answer for whoever asks again, whatever it rests on. */
static bool go_behind(struct prove_world *w)
{
	rest_on_all(w, w->depth);
	return jump_back(w);
}

enum err_code prove_search(struct prove_world *w, const struct prove_literal *goal, size_t n,
			   enum prove_from from, uint64_t *steps, uint64_t limit,
			   bool (*tick)(void *arg, uint64_t steps), void *arg, bool *ret_found,
			   struct err *err)
{
	*ret_found = false;
	w->depth = from == PROVE_ANEW ? 0 : w->found;
	if (from == PROVE_BEHIND_FOUND && !go_behind(w)) {
		return ERR_OK;
	}
	do {
		if (*steps >= limit) {
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
			w->found = w->depth;
			return ERR_OK;
		}
	} while (!w->stopped && jump_back(w));
	if (w->m->nomem) {
		return ERR(err, ERR_NOMEM, "out of memory");
	}
	return ERR_OK;
}
