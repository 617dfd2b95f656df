/* SPDX-License-Identifier: Apache-2.0 */
/* Running a pattern: a set of states goes over the text, best first. */
#include "json/regex_priv.h"

/* The text, and which looks hold at which of its n + 1 places. */
struct text {
	struct str s;
	bool **holds;
};

/* The states of one place, best first, without repetition: sparse set over the program. */
struct states {
	uint32_t *dense, *sparse;
	size_t *start; /* where what is in `dense` began */
	size_t n;
};

struct run {
	const struct json_regex *re;
	const struct regex_program *p;
	const struct text *t;
	uint32_t *todo; /* stack of the closure */
	struct states *now, *next;
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

static bool is_border(struct str s, size_t at)
{
	return (at > 0 && is_word((unsigned char)s.p[at - 1])) !=
	       (at < s.n && is_word((unsigned char)s.p[at]));
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
		return at == r->t->s.n;
	case REGEX_WORD:
		return is_border(r->t->s, at) != (i->y != 0);
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
 * Adds a state and all that follow from it without reading, in order of preference. Each state is
 * on the stack once at most for each way into it, so 2n places are enough. False when the work is
 * used up.
 */
static bool add(const struct run *r, struct states *s, uint32_t pc, size_t start, size_t at)
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
		s->start[s->n] = start;
		s->dense[s->n++] = pc;
		i = &r->p->inst[pc];
		if (i->op == REGEX_JUMP) {
			r->todo[n++] = i->x;
		} else if (i->op == REGEX_SPLIT) {
			r->todo[n++] = i->y;
			r->todo[n++] = i->x;
		} else if (i->op != REGEX_SET && i->op != REGEX_MATCH && holds(r, i, at)) {
			r->todo[n++] = pc + 1;
		}
	}
	return true;
}

static uint32_t decode(struct str s, size_t *at)
{
	unsigned char b = (unsigned char)s.p[(*at)++];
	unsigned more = b < 0x80 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
	uint32_t c = more ? b & (0x3fU >> more) : b;

	for (; more && *at < s.n; more--) {
		c = c << 6 | ((unsigned char)s.p[(*at)++] & 0x3fU);
	}
	return c;
}

/* The code point behind `at`, in the direction of the program, and the place behind that. */
static uint32_t read(const struct run *r, size_t at, size_t *ret_to)
{
	struct str s = r->t->s;
	size_t from = at;

	if (!r->p->backward) {
		*ret_to = at;
		return decode(s, ret_to);
	}
	do {
		from--;
	} while (from > 0 && ((unsigned char)s.p[from] & 0xc0) == 0x80);
	*ret_to = from;
	return decode(s, &from);
}

/* What a run finds. */
struct found {
	bool *ends; /* may be NULL; of each place, whether a match ends there: no end to the run */
	bool any;   /* the first match is enough, whichever it is */
	bool is;    /* there is a match: */
	size_t start; /* of the leftmost, and of those what the pattern prefers */
	size_t end;
};

/* From the states of a place to those of the next; false when the work is used up. */
static bool step(const struct run *r, size_t at, bool is_last, size_t *ret_to, struct found *f)
{
	uint32_t c = is_last ? 0 : read(r, at, ret_to);

	r->next->n = 0;
	for (size_t i = 0; i < r->now->n; i++) {
		const struct regex_inst *in = &r->p->inst[r->now->dense[i]];

		if (in->op == REGEX_MATCH && f->ends) {
			f->ends[at] = true;
		} else if (in->op == REGEX_MATCH) {
			*f = (struct found){false, f->any, true, r->now->start[i], at};
			return true; /* what comes behind it is worse */
		} else if (in->op == REGEX_SET && !is_last && in_set(&r->re->sets[in->x], c) &&
			   !add(r, r->next, r->now->dense[i] + 1, r->now->start[i], *ret_to)) {
			return false;
		}
	}
	return true;
}

/* Runs over the text, beginning anew at every place until there is a match. */
static enum err_code run(struct run *r, size_t from, struct found *f, struct err *err)
{
	size_t last = r->p->backward ? 0 : r->t->s.n, to = from;

	r->now->n = 0;
	for (size_t at = from;; at = to) {
		struct states *swap = r->now;
		bool begins = !f->is && (at == from || !r->p->anchored);

		if ((begins && !add(r, r->now, 0, at, at)) || !step(r, at, at == last, &to, f)) {
			return ERR(err, ERR_LIMIT, "a pattern takes too much work");
		}
		r->now = r->next;
		r->next = swap;
		if (at == last || (f->is && f->any) ||
		    (r->now->n == 0 && (f->is || r->p->anchored))) {
			return ERR_OK;
		}
	}
}

static bool states_init(struct states *s, struct arena *a, size_t n)
{
	s->dense = ARENA_ARRAY(a, n, uint32_t);
	s->sparse = ARENA_ARRAY(a, n, uint32_t); /* zeroed: `has` looks at what dense says */
	s->start = ARENA_ARRAY(a, n, size_t);
	s->n = 0;
	return s->dense && s->sparse && s->start;
}

static enum err_code search(const struct json_regex *re, struct arena *scratch, struct str text,
			    size_t from, uint64_t *steps, struct found *f, struct err *err)
{
	struct text t = {.s = text};
	struct states states[2];
	struct run r = {.re = re, .t = &t, .now = &states[0], .next = &states[1], .steps = steps};
	size_t most = re->main.n, set_up;

	for (size_t i = 0; i < re->n_looks; i++) {
		most = re->looks[i].n > most ? re->looks[i].n : most;
	}
	set_up = re->n_looks * (text.n / 8) + most / 8;
	*steps -= *steps < set_up ? *steps : set_up;
	t.holds = ARENA_ARRAY(scratch, re->n_looks, bool *);
	r.todo = ARENA_ARRAY(scratch, 2 * most + 2, uint32_t);
	if (!t.holds || !r.todo || !states_init(r.now, scratch, most) ||
	    !states_init(r.next, scratch, most)) {
		return ERR(err, ERR_NOMEM, "no memory for a pattern");
	}
	for (size_t i = 0; i < re->n_looks; i++) {
		struct found look = {.ends = ARENA_ARRAY(scratch, text.n + 1, bool)};

		if (!look.ends) {
			return ERR(err, ERR_NOMEM, "no memory for a pattern");
		}
		t.holds[i] = look.ends;
		r.p = &re->looks[i];
		TRY(run(&r, r.p->backward ? text.n : 0, &look, err));
	}
	r.p = &re->main;
	return run(&r, from, f, err);
}

enum err_code json_regex_test(const struct json_regex *re, struct arena *scratch, struct str text,
			      uint64_t *steps, bool *ret, struct err *err)
{
	struct found f = {.any = true};

	TRY(search(re, scratch, text, 0, steps, &f, err));
	*ret = f.is;
	return ERR_OK;
}

enum err_code json_regex_find(const struct json_regex *re, struct arena *scratch, struct str text,
			      size_t from, uint64_t *steps, size_t *ret_start, size_t *ret_end,
			      struct err *err)
{
	struct found f = {0};

	TRY(search(re, scratch, text, from, steps, &f, err));
	if (!f.is) {
		return ERR_NOT_FOUND;
	}
	*ret_start = f.start;
	*ret_end = f.end;
	return ERR_OK;
}
