/* SPDX-License-Identifier: Apache-2.0 */
/* Claims as goals: conjunctions of policies whose requests would break them. */
#include "policy/prove_job.h"

#define PROVE_SMALLER_STEPS (1u << 18) /* requests tried for one claim after the first was found */

static bool tick(void *arg, uint64_t steps)
{
	struct job *j = arg;

	return j->opts->progress(j->opts->progress_arg, steps, j->env, j->n_envs);
}

static void want(struct job *j, const struct policy *p, enum prove_want what)
{
	j->goal[j->n_goal++] = (struct prove_literal){p, what, 0};
}

static void begin_goal(struct job *j)
{
	j->n_goal = 0;
	if (j->inv->query) {
		want(j, j->inv->query, PROVE_SATISFIED);
	}
}

/* None of the policies with this effect is satisfied. */
static void want_none(struct job *j, const struct side *s, enum policy_effect effect)
{
	for (size_t i = 0; i < s->list.n; i++) {
		const struct policy *p = s->list.items[i];

		if (p->effect == effect && prove_concerns(&j->m, p)) {
			want(j, p, PROVE_UNSATISFIED);
		}
	}
}

bool prove_is_over(const struct job *j)
{
	return j->found && (!j->opts->shrink || j->smallest);
}

/* Of both sides all, so that which of them fail is known. */
static void want_whatever(struct job *j)
{
	const struct side *sides[2] = {&j->one, &j->two};

	for (size_t k = 0; k < 2; k++) {
		j->w.fails[k] = j->n_errors[k];
		for (size_t i = 0; i < sides[k]->list.n; i++) {
			const struct policy *p = sides[k]->list.items[i];

			if (prove_concerns(&j->m, p)) {
				j->goal[j->n_goal++] = (struct prove_literal){p, PROVE_WHATEVER, k};
			}
		}
	}
}

/* Once there is one, looking for a smaller one may end without an answer. */
static enum err_code search(struct job *j, enum prove_from from, bool *ret_found, struct err *err)
{
	size_t n_goal = j->n_goal;
	uint64_t limit = j->limit;
	enum err_code code;

	if (j->found) {
		want_whatever(j);
	}
	if (j->found && limit > j->ret->steps && limit - j->ret->steps > PROVE_SMALLER_STEPS) {
		limit = j->ret->steps + PROVE_SMALLER_STEPS;
	}
	code = prove_search(&j->w, j->goal, j->n_goal, from, &j->ret->steps, limit,
			    j->opts->progress ? tick : NULL, j, ret_found, err);
	j->n_goal = n_goal;
	if (j->found && (code == ERR_LIMIT || j->m.why.p)) {
		j->smallest = true;
		j->ret->minimal = false;
		return ERR_OK;
	}
	return code;
}

static enum err_code try_goal(struct job *j, struct err *err)
{
	enum prove_from next = j->found ? PROVE_BEHIND_FOUND : PROVE_AT_FOUND;
	bool found = false;

	for (size_t i = 0; i < j->opts->n_never; i++) {
		if (prove_is_about(j, &j->opts->never[i])) {
			want(j, j->opts->never[i].policy, PROVE_UNSATISFIED);
		}
	}
	TRY(search(j, PROVE_ANEW, &found, err));
	while (found) {
		TRY(prove_deliver(j, err));
		found = false;
		if (j->found && !prove_is_over(j)) {
			TRY(search(j, next, &found, err));
			next = PROVE_BEHIND_FOUND;
		}
	}
	return ERR_OK;
}

static bool is_done(const struct job *j)
{
	return prove_is_over(j) || j->m.why.p;
}

static bool has_text(const struct side *s, const struct item *x)
{
	for (size_t i = 0; i < s->list.n; i++) {
		if (s->items[i].policy == x->policy || str_eq(s->items[i].text, x->text)) {
			return true;
		}
	}
	return false;
}

/* Something allowed. */
static enum err_code try_allow(struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->one.list.n && !is_done(j); i++) {
		const struct policy *p = j->one.list.items[i];

		if (p->effect == POLICY_PERMIT && prove_concerns(&j->m, p)) {
			begin_goal(j);
			want(j, p, PROVE_SATISFIED);
			want_none(j, &j->one, POLICY_FORBID);
			TRY(try_goal(j, err));
		}
	}
	return ERR_OK;
}

/* Something denied: a forbid is satisfied, or no permit is. */
static enum err_code try_deny(struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->one.list.n && !is_done(j); i++) {
		const struct policy *p = j->one.list.items[i];

		if (p->effect == POLICY_FORBID && prove_concerns(&j->m, p)) {
			begin_goal(j);
			want(j, p, PROVE_SATISFIED);
			TRY(try_goal(j, err));
		}
	}
	if (is_done(j)) {
		return ERR_OK;
	}
	begin_goal(j);
	want_none(j, &j->one, POLICY_PERMIT);
	return try_goal(j, err);
}

/*
 * Allowed by `a` through permit p, denied by `b`: through a forbid that `a` lacks, or
 * because no permit of `b` is satisfied. Policies that both have decide nothing.
 */
static enum err_code try_permit(struct job *j, const struct side *a, const struct side *b,
				const struct item *p, struct err *err)
{
	for (size_t i = 0; i < b->list.n && !is_done(j); i++) {
		const struct item *f = &b->items[i];

		if (f->policy->effect == POLICY_FORBID && prove_concerns(&j->m, f->policy) &&
		    !has_text(a, f)) {
			begin_goal(j);
			want(j, p->policy, PROVE_SATISFIED);
			want(j, f->policy, PROVE_SATISFIED);
			want_none(j, a, POLICY_FORBID);
			TRY(try_goal(j, err));
		}
	}
	if (is_done(j) || has_text(b, p)) {
		return ERR_OK;
	}
	begin_goal(j);
	want(j, p->policy, PROVE_SATISFIED);
	want_none(j, b, POLICY_PERMIT);
	want_none(j, a, POLICY_FORBID);
	return try_goal(j, err);
}

static enum err_code try_more(struct job *j, const struct side *a, const struct side *b,
			      struct err *err)
{
	for (size_t i = 0; i < a->list.n && !is_done(j); i++) {
		const struct item *p = &a->items[i];

		if (p->policy->effect == POLICY_PERMIT && prove_concerns(&j->m, p->policy)) {
			TRY(try_permit(j, a, b, p, err));
		}
	}
	return ERR_OK;
}

static enum err_code try_errors(struct job *j, struct err *err)
{
	for (size_t i = 0; i < j->one.list.n && !is_done(j); i++) {
		if (prove_concerns(&j->m, j->one.list.items[i])) {
			begin_goal(j);
			want(j, j->one.list.items[i], PROVE_FAILING);
			TRY(try_goal(j, err));
		}
	}
	return ERR_OK;
}

static enum err_code try_match(struct job *j, struct err *err)
{
	if (!prove_concerns(&j->m, j->named)) {
		return ERR_OK;
	}
	begin_goal(j);
	want(j, j->named, PROVE_SATISFIED);
	return try_goal(j, err);
}

enum err_code prove_try_claim(struct job *j, struct err *err)
{
	switch (j->inv->claim) {
	case PROVE_ALWAYS_DENIES:
	case PROVE_REACHABLE:
		return try_allow(j, err);
	case PROVE_ALWAYS_ALLOWS:
		return try_deny(j, err);
	case PROVE_NEVER_ERRORS:
		return try_errors(j, err);
	case PROVE_IMPLIES:
		return try_more(j, &j->one, &j->two, err);
	case PROVE_EQUIVALENT:
	case PROVE_SHADOWED:
		TRY(try_more(j, &j->one, &j->two, err));
		return is_done(j) ? ERR_OK : try_more(j, &j->two, &j->one, err);
	case PROVE_NEVER_MATCHES:
		return try_match(j, err);
	case PROVE_NONE:
		break;
	}
	return ERR(err, ERR_INVALID, "no claim");
}
