/* SPDX-License-Identifier: Apache-2.0 */
/* Running a pattern: where in the text can it end, when it may begin anywhere? */
#include "json/regex_priv.h"

/* The text, and which looks hold at which of its n + 1 places. */
struct text {
	const uint32_t *c;
	size_t n;
	bool **holds;
};

/* The states of one place, without repetition: sparse set over the program. */
struct states {
	uint32_t *dense, *sparse;
	size_t n;
};

struct run {
	const struct json_regex *re;
	const struct regex_program *p;
	const struct text *t;
	uint32_t *todo; /* stack of the closure */
	uint64_t *steps;
};

static bool in_set(const struct regex_set *s, uint32_t c)
{
	bool found = false;

	if (c < 128) {
		return s->ascii[c >> 6] >> (c & 63) & 1;
	}
	for (size_t i = 0; i < s->n && !found; i++) {
		found = c >= s->ranges[i].lo && c <= s->ranges[i].hi;
	}
	return found != s->negated;
}

static bool is_word(uint32_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_';
}

static bool is_border(const struct text *t, size_t at)
{
	return (at > 0 && is_word(t->c[at - 1])) != (at < t->n && is_word(t->c[at]));
}

static bool has(const struct states *s, uint32_t pc)
{
	return s->sparse[pc] < s->n && s->dense[s->sparse[pc]] == pc;
}

static bool holds(const struct run *r, const struct regex_inst *i, size_t at)
{
	switch (i->op) {
	case REGEX_BEGIN:
		return at == 0;
	case REGEX_END:
		return at == r->t->n;
	case REGEX_WORD:
		return is_border(r->t, at) != (i->y != 0);
	case REGEX_LOOK:
		return r->t->holds[i->x][at] != (i->y != 0);
	case REGEX_SET:
	case REGEX_SPLIT:
	case REGEX_JUMP:
	case REGEX_MATCH:
		break;
	}
	return false;
}

/*
 * Adds a state and all that follow from it without reading. Each state is on the stack once at most
 * for each way into it, so 2n places are enough. False when the work is used up.
 */
static bool add(const struct run *r, struct states *s, uint32_t pc, size_t at, bool *ret_match)
{
	size_t n = 0;

	r->todo[n++] = pc;
	while (n) {
		const struct regex_inst *i;

		pc = r->todo[--n];
		if (has(s, pc)) {
			continue;
		}
		if (*r->steps == 0) {
			return false;
		}
		--*r->steps;
		s->sparse[pc] = (uint32_t)s->n;
		s->dense[s->n++] = pc;
		i = &r->p->inst[pc];
		if (i->op == REGEX_MATCH) {
			*ret_match = true;
		} else if (i->op == REGEX_JUMP) {
			r->todo[n++] = i->x;
		} else if (i->op == REGEX_SPLIT) {
			r->todo[n++] = i->y;
			r->todo[n++] = i->x;
		} else if (i->op != REGEX_SET && holds(r, i, at)) {
			r->todo[n++] = pc + 1;
		}
	}
	return true;
}

/*
 * Runs over the text, beginning anew at every place. `ends` (may be NULL) tells of each place
 * whether a match ends there; without it the first match is enough.
 */
static enum err_code run(const struct run *r, struct states *now, struct states *next, bool *ends,
			 bool *ret, struct err *err)
{
	const struct text *t = r->t;
	bool any = false;

	now->n = 0;
	for (size_t k = 0; k <= t->n; k++) {
		size_t at = r->p->backward ? t->n - k : k;
		size_t to = r->p->backward ? at - 1 : at + 1;
		bool match = false, later = false;
		uint32_t c;

		/* what was carried here has its matches counted when it was added */
		if ((k == 0 || !r->p->anchored) && !add(r, now, 0, at, &match)) {
			return ERR(err, ERR_LIMIT, "a pattern takes too much work");
		}
		any = any || match;
		if (ends) {
			ends[at] = ends[at] || match;
		} else if (any) {
			break;
		}
		if (k == t->n || (now->n == 0 && r->p->anchored)) {
			break;
		}
		c = t->c[r->p->backward ? at - 1 : at];
		next->n = 0;
		for (size_t i = 0; i < now->n; i++) {
			const struct regex_inst *in = &r->p->inst[now->dense[i]];

			if (in->op == REGEX_SET && in_set(&r->re->sets[in->x], c) &&
			    !add(r, next, now->dense[i] + 1, to, &later)) {
				return ERR(err, ERR_LIMIT, "a pattern takes too much work");
			}
		}
		any = any || later;
		if (ends) {
			ends[to] = later;
		}
		{
			struct states swap = *now;

			*now = *next;
			*next = swap;
		}
	}
	*ret = any;
	return ERR_OK;
}

static size_t decode(struct str s, uint32_t *to)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n;) {
		unsigned char b = (unsigned char)s.p[i++];
		unsigned more = b < 0x80 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
		uint32_t c = more ? b & (0x3fU >> more) : b;

		for (; more && i < s.n; more--) {
			c = c << 6 | ((unsigned char)s.p[i++] & 0x3fU);
		}
		to[n++] = c;
	}
	return n;
}

static bool states_init(struct states *s, struct arena *a, size_t n)
{
	s->dense = ARENA_ARRAY(a, n, uint32_t);
	s->sparse = ARENA_ARRAY(a, n, uint32_t); /* zeroed: `has` looks at what dense says */
	s->n = 0;
	return s->dense && s->sparse;
}

enum err_code json_regex_test(const struct json_regex *re, struct arena *scratch, struct str text,
			      uint64_t *steps, bool *ret, struct err *err)
{
	uint32_t *c = ARENA_ARRAY(scratch, text.n, uint32_t);
	struct text t = {.c = c};
	struct run r = {.re = re, .p = &re->main, .t = &t, .steps = steps};
	struct states now, next;
	size_t most = re->main.n;
	bool unused;

	for (size_t i = 0; i < re->n_looks; i++) {
		most = re->looks[i].n > most ? re->looks[i].n : most;
	}
	*steps -=
		*steps < text.n + most / 8 ? *steps : text.n + most / 8; /* what is set up below */
	t.holds = ARENA_ARRAY(scratch, re->n_looks, bool *);
	r.todo = ARENA_ARRAY(scratch, 2 * most + 2, uint32_t);
	if (!c || !t.holds || !r.todo || !states_init(&now, scratch, most) ||
	    !states_init(&next, scratch, most)) {
		return ERR(err, ERR_NOMEM, "no memory for a pattern");
	}
	t.n = decode(text, c);
	for (size_t i = 0; i < re->n_looks; i++) {
		t.holds[i] = ARENA_ARRAY(scratch, t.n + 1, bool);
		if (!t.holds[i]) {
			return ERR(err, ERR_NOMEM, "no memory for a pattern");
		}
		r.p = &re->looks[i];
		TRY(run(&r, &now, &next, t.holds[i], &unused, err));
	}
	r.p = &re->main;
	return run(&r, &now, &next, NULL, ret, err);
}
