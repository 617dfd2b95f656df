/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/compare.h"

#include "policy/print.h"

#include <stdlib.h>

#define TEXT_MAX ((size_t)16 << 20)

/* What of a set's outcome a policy's result settles; the second set's bits are shifted. */
enum { PERMITS = 1, FORBIDS = 2, ASKS = 4, SIDE_SHIFT = 3, STATES = 64 };

/* One result for each: all policies that say this. */
struct question {
	const struct policy *policy;
	struct str text;
	const struct policy_rule **rules[2];
	size_t n_rules[2], cap[2];
};

struct policy_compare {
	struct question *items;
	size_t n, cap;
};

static enum err_code no_memory(struct err *err)
{
	return ERR(err, ERR_NOMEM, "out of memory");
}

/* Scope and conditions; what stands before them does not change whether they hold. */
static struct str text_of(struct arena *a, const struct policy *p)
{
	struct policy bare = *p;
	struct str text;
	struct buf b;

	bare.effect = POLICY_PERMIT;
	bare.n_annotations = 0;
	buf_init(&b, TEXT_MAX);
	policy_print(&b, &bare);
	text = b.failed ? str_make(NULL, 0) : arena_dup(a, buf_str(&b));
	buf_done(&b);
	return text;
}

static int by_text(const void *a, const void *b)
{
	const struct question *x = a, *y = b;

	return str_cmp(x->text, y->text);
}

static enum err_code add_set(struct policy_compare *c, struct arena *a,
			     const struct policy_compare_set *set, int side, struct err *err)
{
	for (size_t i = 0; i < set->policies->n; i++) {
		const struct policy *p = set->policies->items[i];
		struct question *q;

		if (!ARENA_GROW(a, &c->items, c->n, &c->cap)) {
			return no_memory(err);
		}
		q = &c->items[c->n++];
		*q = (struct question){.policy = p, .text = text_of(a, p)};
		if (!q->text.p || !ARENA_GROW(a, &q->rules[side], 0, &q->cap[side])) {
			return no_memory(err);
		}
		q->rules[side][q->n_rules[side]++] = policy_set_rule(set->set, i);
	}
	return ERR_OK;
}

/* Neighbours with one text become one question. */
static enum err_code unite(struct policy_compare *c, struct arena *a, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct question *from = &c->items[i], *to = n > 0 ? &c->items[n - 1] : NULL;

		if (!to || !str_eq(to->text, from->text)) {
			c->items[n++] = *from;
			continue;
		}
		for (int side = 0; side < 2; side++) {
			for (size_t k = 0; k < from->n_rules[side]; k++) {
				if (!ARENA_GROW(a, &to->rules[side], to->n_rules[side],
						&to->cap[side])) {
					return no_memory(err);
				}
				to->rules[side][to->n_rules[side]++] = from->rules[side][k];
			}
		}
	}
	c->n = n;
	return ERR_OK;
}

enum err_code policy_compare_new(struct arena *a, const struct policy_compare_set *before,
				 const struct policy_compare_set *after,
				 const struct policy_compare **ret, struct err *err)
{
	struct policy_compare *c = ARENA_NEW(a, struct policy_compare);

	if (!c) {
		return no_memory(err);
	}
	TRY(add_set(c, a, before, 0, err));
	TRY(add_set(c, a, after, 1, err));
	if (c->n > 0) {
		qsort(c->items, c->n, sizeof(*c->items), by_text);
	}
	TRY(unite(c, a, err));
	*ret = c;
	return ERR_OK;
}

static bool counts(const struct policy_rule *r, int64_t now)
{
	return !r->log_only && now >= r->since && now < r->until;
}

static bool has_id(const struct str *ids, size_t n, struct str id)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(ids[i], id)) {
			return true;
		}
	}
	return false;
}

/* What the record leaves possible for a rule of the set that decided. */
static unsigned by_record(const struct policy_recorded *rec, const struct policy_rule *rule,
			  int64_t now)
{
	bool decided = has_id(rec->deciding, rec->n_deciding, rule->id);
	bool failed = has_id(rec->errors, rec->n_errors, rule->id);
	bool permit = rule->effect == POLICY_PERMIT;
	unsigned may = POLICY_MAY_ALL;

	if (failed) {
		return POLICY_MAY_FAIL;
	}
	if (rec->all_errors) {
		may &= ~(unsigned)POLICY_MAY_FAIL;
	}
	if (!counts(rule, now)) {
		return may;
	}
	if (decided) {
		return may & (permit ? POLICY_MAY_HOLD : POLICY_MAY_HOLD | POLICY_MAY_FAIL);
	}
	if (!permit && (rec->outcome == POLICY_ALLOW || rec->all_deciding)) {
		return POLICY_MAY_NOT;
	}
	/* A denial names forbids, so of permits it says something only when it names nothing. */
	if (permit && rec->all_deciding && (rec->outcome == POLICY_ALLOW || rec->n_deciding == 0)) {
		return may & ~(unsigned)POLICY_MAY_HOLD;
	}
	return may;
}

static unsigned settles(const struct question *q, unsigned result, int64_t now)
{
	unsigned bits = 0;

	for (int side = 0; side < 2; side++) {
		for (size_t i = 0; i < q->n_rules[side]; i++) {
			const struct policy_rule *r = q->rules[side][i];
			unsigned one = 0;

			if (!counts(r, now)) {
				continue;
			}
			if (r->effect == POLICY_PERMIT) {
				one = result == POLICY_MAY_HOLD ? PERMITS : 0;
			} else if (result != POLICY_MAY_NOT) {
				one = r->remedy && result == POLICY_MAY_HOLD ? ASKS : FORBIDS;
			}
			bits |= one << (side * SIDE_SHIFT);
		}
	}
	return bits;
}

static enum policy_outcome outcome_of(unsigned bits)
{
	if (bits & FORBIDS || !(bits & PERMITS)) {
		return POLICY_DENY;
	}
	return bits & ASKS ? POLICY_ASK : POLICY_ALLOW;
}

static unsigned pairs_of(uint64_t states, const struct policy_recorded *rec)
{
	unsigned pairs = 0;

	for (unsigned s = 0; s < STATES; s++) {
		enum policy_outcome before = outcome_of(s & 7), after = outcome_of(s >> SIDE_SHIFT);

		if ((states >> s & 1) &&
		    (!rec->known || (rec->after ? after : before) == rec->outcome)) {
			pairs |= POLICY_COMPARE_BIT(before, after);
		}
	}
	return pairs;
}

/* Every state, with every result of one more question. */
static uint64_t add_question(uint64_t states, const struct question *q, unsigned may, int64_t now,
			     bool *ret_open)
{
	unsigned bits[3], n = 0;
	uint64_t next = 0;

	for (unsigned result = POLICY_MAY_HOLD; result <= POLICY_MAY_FAIL; result <<= 1) {
		if (may & result) {
			bits[n++] = settles(q, result, now);
		}
	}
	*ret_open = false;
	for (unsigned i = 0; i < n; i++) {
		*ret_open = *ret_open || bits[i] != bits[0];
		for (unsigned s = 0; s < STATES; s++) {
			next |= (states >> s & 1) << (s | bits[i]);
		}
	}
	return next;
}

enum err_code policy_compare(const struct policy_compare *c, const struct policy_partial *request,
			     const struct policy_recorded *recorded, struct arena *scratch,
			     struct policy_compared *ret, struct err *err)
{
	struct policy_compared r = {0};
	int64_t now = request->request->now;
	uint64_t states = 1;
	int side = recorded->after ? 1 : 0;

	r.open = ARENA_ARRAY(scratch, c->n + 1, const struct policy *);
	if (!r.open) {
		return no_memory(err);
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct question *q = &c->items[i];
		unsigned may, said = POLICY_MAY_ALL;
		bool open;

		TRY(policy_partial(request, q->policy, scratch, &may, err));
		for (size_t k = 0; recorded->known && k < q->n_rules[side]; k++) {
			said &= by_record(recorded, q->rules[side][k], now);
		}
		r.contradicted = r.contradicted || !(may & said);
		may = may & said ? may & said : said ? said : may;
		states = add_question(states, q, may, now, &open);
		if (open) {
			r.open[r.n_open++] = q->policy;
		}
	}
	r.pairs = pairs_of(states, recorded);
	if (r.pairs == 0) {
		r.contradicted = true;
		r.pairs = pairs_of(states, &(struct policy_recorded){0});
	}
	*ret = r;
	return ERR_OK;
}
