/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/dw_regex.h"

enum op {
	OP_CHAR = 0,
	OP_ANY,
	OP_CLASS,
	OP_BEGIN,
	OP_END,
	OP_WORD,
	OP_NOT_WORD,
	OP_SPLIT,
	OP_JUMP,
	OP_MATCH
};

struct range {
	uint32_t lo, hi;
};

struct class
{
	struct range *ranges;
	size_t n, cap;
	bool negated;
};

struct inst {
	enum op op;
	uint32_t c;    /* CHAR */
	uint32_t x, y; /* SPLIT: x first; JUMP: x; CLASS: x */
};

struct dw_regex {
	struct inst *prog;
	size_t n, cap;
	struct class *classes;
	size_t n_classes, cap_classes;
	bool fold; /* (?i), ASCII only */
};

struct compiler {
	struct arena *a;
	struct str s;
	size_t at;
	struct dw_regex *re;
	int depth;
	struct err *err;
	enum err_code code;
};

static bool fail(struct compiler *c, enum err_code code, const char *what)
{
	if (!c->code) {
		c->code = ERR(c->err, code, "regular expression, offset %zu: %s", c->at, what);
	}
	return false;
}

static bool emit(struct compiler *c, struct inst in)
{
	if (c->re->n == DW_REGEX_PROG_MAX) {
		return fail(c, ERR_LIMIT, "more than 4096 instructions");
	}
	if (!ARENA_GROW(c->a, &c->re->prog, c->re->n, &c->re->cap)) {
		return fail(c, ERR_NOMEM, "out of memory");
	}
	c->re->prog[c->re->n++] = in;
	return true;
}

/* Room for one instruction before `at`: what follows moves, jumps into it too. */
static bool insert(struct compiler *c, size_t at, struct inst in)
{
	if (!emit(c, in)) {
		return false;
	}
	for (size_t i = c->re->n - 1; i > at; i--) {
		c->re->prog[i] = c->re->prog[i - 1];
	}
	c->re->prog[at] = in;
	for (size_t i = at + 1; i < c->re->n; i++) {
		struct inst *p = &c->re->prog[i];

		if (p->op == OP_SPLIT || p->op == OP_JUMP) {
			p->x += p->x >= at ? 1 : 0;
			p->y += p->op == OP_SPLIT && p->y >= at ? 1 : 0;
		}
	}
	return true;
}

/* One scalar of well-formed UTF-8. */
static uint32_t decode(struct str s, size_t *at)
{
	const unsigned char *p = (const unsigned char *)s.p + *at;
	size_t left = s.n - *at, n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	uint32_t c = n == 1 ? p[0] : p[0] & (0xFFu >> (n + 1));

	if (n > left) {
		n = left;
	}
	for (size_t i = 1; i < n; i++) {
		c = c << 6 | (p[i] & 0x3Fu);
	}
	*at += n;
	return c;
}

static bool more(const struct compiler *c)
{
	return c->at < c->s.n;
}

static bool accept(struct compiler *c, char ch)
{
	if (!more(c) || c->s.p[c->at] != ch) {
		return false;
	}
	c->at++;
	return true;
}

static bool add_range(struct compiler *c, struct class *k, uint32_t lo, uint32_t hi)
{
	if (k->n == 1024) {
		return fail(c, ERR_LIMIT, "more than 1024 ranges in a class");
	}
	if (!ARENA_GROW(c->a, &k->ranges, k->n, &k->cap)) {
		return fail(c, ERR_NOMEM, "out of memory");
	}
	k->ranges[k->n++] = (struct range){lo, hi};
	return true;
}

/* d, w, s and their opposites; *is says whether it was one. */
static bool shorthand(struct compiler *c, struct class *k, char ch, bool *is)
{
	static const struct range digit[] = {{'0', '9'}};
	static const struct range word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
	static const struct range space[] = {{9, 13}, {' ', ' '}};
	const struct range *r = digit;
	size_t n = 1;
	uint32_t from = 0;
	bool negated = ch == 'D' || ch == 'W' || ch == 'S';

	*is = true;
	if (ch == 'w' || ch == 'W') {
		r = word;
		n = ARRAY_LEN(word);
	} else if (ch == 's' || ch == 'S') {
		r = space;
		n = ARRAY_LEN(space);
	} else if (ch != 'd' && ch != 'D') {
		*is = false;
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (negated ? (r[i].lo > from && !add_range(c, k, from, r[i].lo - 1))
			    : !add_range(c, k, r[i].lo, r[i].hi)) {
			return false;
		}
		from = r[i].hi + 1;
	}
	return !negated || add_range(c, k, from, 0x10FFFF);
}

/* A letter that only stands for itself when escaped. */
static bool escaped(struct compiler *c, uint32_t *ret)
{
	char ch;

	if (!more(c)) {
		return fail(c, ERR_SYNTAX, "ends in a backslash");
	}
	ch = c->s.p[c->at];
	if (ch == 'n' || ch == 't' || ch == 'r') {
		*ret = ch == 'n' ? '\n' : ch == 't' ? '\t' : '\r';
		c->at++;
		return true;
	}
	if ((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')) {
		return fail(c, ERR_UNSUPPORTED, "unknown escape");
	}
	*ret = decode(c->s, &c->at);
	return true;
}

static bool new_class(struct compiler *c, uint32_t *ret)
{
	if (!ARENA_GROW(c->a, &c->re->classes, c->re->n_classes, &c->re->cap_classes)) {
		return fail(c, ERR_NOMEM, "out of memory");
	}
	*ret = (uint32_t)c->re->n_classes;
	c->re->classes[c->re->n_classes++] = (struct class){0};
	return true;
}

static bool class_item(struct compiler *c, struct class *k, uint32_t *ret, bool *is_class)
{
	*is_class = false;
	if (!accept(c, '\\')) {
		*ret = decode(c->s, &c->at);
		return true;
	}
	if (more(c)) {
		if (!shorthand(c, k, c->s.p[c->at], is_class)) {
			return false;
		}
		if (*is_class) {
			c->at++;
			return true;
		}
	}
	return escaped(c, ret);
}

static bool bracket(struct compiler *c)
{
	struct class k = {0};
	uint32_t id, lo = 0, hi;
	bool is_class, first = true;

	k.negated = accept(c, '^');
	while (first || !accept(c, ']')) {
		if (!more(c)) {
			return fail(c, ERR_SYNTAX, "a class does not end");
		}
		first = false;
		if (!class_item(c, &k, &lo, &is_class)) {
			return false;
		}
		if (is_class) {
			continue;
		}
		hi = lo;
		if (c->at + 1 < c->s.n && c->s.p[c->at] == '-' && c->s.p[c->at + 1] != ']') {
			c->at++;
			if (!class_item(c, &k, &hi, &is_class)) {
				return false;
			}
			if (is_class || hi < lo) {
				return fail(c, ERR_SYNTAX, "a range runs backwards");
			}
		}
		if (!add_range(c, &k, lo, hi)) {
			return false;
		}
	}
	if (!new_class(c, &id)) {
		return false;
	}
	c->re->classes[id] = k;
	return emit(c, (struct inst){.op = OP_CLASS, .x = id});
}

static bool alternation(struct compiler *c);

static bool escape_atom(struct compiler *c)
{
	struct class k = {0};
	uint32_t id, ch;
	bool is;

	if (more(c) && (c->s.p[c->at] == 'b' || c->s.p[c->at] == 'B')) {
		c->at++;
		return emit(c,
			    (struct inst){.op = c->s.p[c->at - 1] == 'b' ? OP_WORD : OP_NOT_WORD});
	}
	if (more(c)) {
		if (!shorthand(c, &k, c->s.p[c->at], &is)) {
			return false;
		}
		if (is) {
			c->at++;
			if (!new_class(c, &id)) {
				return false;
			}
			c->re->classes[id] = k;
			return emit(c, (struct inst){.op = OP_CLASS, .x = id});
		}
	}
	return escaped(c, &ch) && emit(c, (struct inst){.op = OP_CHAR, .c = ch});
}

static bool atom(struct compiler *c)
{
	if (accept(c, '(')) {
		if (accept(c, '?') && !accept(c, ':')) {
			return fail(c, ERR_UNSUPPORTED, "only (?: ) is known");
		}
		return alternation(c) && (accept(c, ')') || fail(c, ERR_SYNTAX, "`)` is missing"));
	}
	if (accept(c, '[')) {
		return bracket(c);
	}
	if (accept(c, '.')) {
		return emit(c, (struct inst){.op = OP_ANY});
	}
	if (accept(c, '^')) {
		return emit(c, (struct inst){.op = OP_BEGIN});
	}
	if (accept(c, '$')) {
		return emit(c, (struct inst){.op = OP_END});
	}
	if (accept(c, '\\')) {
		return escape_atom(c);
	}
	if (c->s.p[c->at] == '*' || c->s.p[c->at] == '+' || c->s.p[c->at] == '?') {
		return fail(c, ERR_SYNTAX, "nothing to repeat");
	}
	return emit(c, (struct inst){.op = OP_CHAR, .c = decode(c->s, &c->at)});
}

static bool count(struct compiler *c, uint32_t *ret)
{
	size_t start = c->at;
	uint32_t v = 0;

	while (more(c) && c->s.p[c->at] >= '0' && c->s.p[c->at] <= '9') {
		v = v * 10 + (uint32_t)(c->s.p[c->at++] - '0');
		if (v > DW_REGEX_REPEAT_MAX) {
			return fail(c, ERR_LIMIT, "a count above 1000");
		}
	}
	*ret = v;
	return c->at > start || fail(c, ERR_SYNTAX, "a count is missing");
}

/* What may follow an atom; max UINT32_MAX means without end. */
static bool repeat(struct compiler *c, uint32_t *min, uint32_t *max, bool *is)
{
	*is = true;
	if (accept(c, '*')) {
		*min = 0;
		*max = UINT32_MAX;
	} else if (accept(c, '+')) {
		*min = 1;
		*max = UINT32_MAX;
	} else if (accept(c, '?')) {
		*min = 0;
		*max = 1;
	} else if (accept(c, '{')) {
		if (!count(c, min)) {
			return false;
		}
		*max = *min;
		if (accept(c, ',')) {
			*max = UINT32_MAX;
			if (more(c) && c->s.p[c->at] != '}' && !count(c, max)) {
				return false;
			}
		}
		if (!accept(c, '}') || *max < *min) {
			return fail(c, ERR_SYNTAX, "a malformed count");
		}
	} else {
		*is = false;
	}
	return true;
}

/* Copies the n instructions at `from` to the end, jumps inside moving along. */
static bool copy(struct compiler *c, size_t from, size_t n)
{
	size_t to = c->re->n;

	for (size_t i = 0; i < n; i++) {
		struct inst in = c->re->prog[from + i];

		if (in.op == OP_SPLIT || in.op == OP_JUMP) {
			in.x = (uint32_t)(in.x - from + to);
			in.y = (uint32_t)(in.y - from + to);
		}
		if (!emit(c, in)) {
			return false;
		}
	}
	return true;
}

static struct inst split(bool lazy, size_t into, size_t past)
{
	return lazy ? (struct inst){.op = OP_SPLIT, .x = (uint32_t)past, .y = (uint32_t)into}
		    : (struct inst){.op = OP_SPLIT, .x = (uint32_t)into, .y = (uint32_t)past};
}

/* The atom at `from` becomes itself repeated. */
static bool apply(struct compiler *c, size_t from, uint32_t min, uint32_t max, bool lazy)
{
	size_t n = c->re->n - from;

	if (max == 0) {
		c->re->n = from;
		return true;
	}
	for (uint32_t i = 1; i < min; i++) {
		if (!copy(c, from, n)) {
			return false;
		}
	}
	if (max == UINT32_MAX) {
		size_t last = c->re->n - n;

		if (min > 0) {
			return emit(c, split(lazy, last, c->re->n + 1));
		}
		return insert(c, from, split(lazy, from + 1, c->re->n + 2)) &&
		       emit(c, (struct inst){.op = OP_JUMP, .x = (uint32_t)from});
	}
	if (min == 0) {
		if (!insert(c, from, split(lazy, from + 1, c->re->n + 1))) {
			return false;
		}
		min = 1;
		from++;
	}
	for (uint32_t i = min; i < max; i++) {
		size_t at = c->re->n;

		if (!emit(c, split(lazy, at + 1, at + 1 + n)) || !copy(c, from, n)) {
			return false;
		}
	}
	return true;
}

static bool sequence(struct compiler *c)
{
	while (more(c) && c->s.p[c->at] != '|' && c->s.p[c->at] != ')') {
		size_t from = c->re->n;
		uint32_t min = 1, max = 1;
		bool is;

		if (!atom(c) || !repeat(c, &min, &max, &is)) {
			return false;
		}
		if (is && !apply(c, from, min, max, accept(c, '?'))) {
			return false;
		}
	}
	return true;
}

static bool alternation(struct compiler *c)
{
	size_t from = c->re->n;

	if (++c->depth > DW_REGEX_DEPTH) {
		return fail(c, ERR_LIMIT, "nested deeper than 32");
	}
	if (!sequence(c)) {
		return false;
	}
	while (accept(c, '|')) {
		size_t jump;

		if (!insert(c, from, split(false, from + 1, c->re->n + 2))) {
			return false;
		}
		jump = c->re->n;
		if (!emit(c, (struct inst){.op = OP_JUMP}) || !sequence(c)) {
			return false;
		}
		c->re->prog[jump].x = (uint32_t)c->re->n;
	}
	c->depth--;
	return true;
}

enum err_code dw_regex_compile(struct arena *a, struct str pattern, const struct dw_regex **ret,
			       struct err *err)
{
	struct compiler c = {.a = a, .s = pattern, .err = err, .re = ARENA_NEW(a, struct dw_regex)};

	if (!c.re) {
		return ERR(err, ERR_NOMEM, "regular expression: out of memory");
	}
	if (str_starts_with(pattern, STR("(?i)"))) {
		c.re->fold = true;
		c.at = 4;
	}
	if (!alternation(&c)) {
		return c.code;
	}
	if (more(&c)) {
		fail(&c, ERR_SYNTAX, "`)` without its partner");
		return c.code;
	}
	if (!emit(&c, (struct inst){.op = OP_MATCH})) {
		return c.code;
	}
	*ret = c.re;
	return ERR_OK;
}

/* ---- matching: the states a scalar apart, best first ---- */

struct thread {
	uint32_t pc;
	size_t start;
};

struct threads {
	struct thread *items;
	size_t n;
	uint32_t *mark; /* by pc: the step it was added in, plus one */
};

struct machine {
	const struct dw_regex *re;
	struct str text;
	uint32_t *stack;
};

static bool is_word(uint32_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_';
}

static bool at_boundary(const struct machine *m, size_t at)
{
	bool before = at > 0 && is_word((unsigned char)m->text.p[at - 1]);
	bool after = at < m->text.n && is_word((unsigned char)m->text.p[at]);

	return before != after;
}

/* May this state be left without a character? *to takes where it leads. */
static bool passes(const struct machine *m, const struct inst *in, size_t at)
{
	if (in->op == OP_BEGIN) {
		return at == 0;
	}
	if (in->op == OP_END) {
		return at == m->text.n;
	}
	return at_boundary(m, at) == (in->op == OP_WORD);
}

/* Follows what needs no character, in order of preference. */
static void add(struct machine *m, struct threads *ts, uint32_t pc, size_t start, size_t at,
		uint32_t tick)
{
	size_t n = 0;

	m->stack[n++] = pc;
	while (n > 0) {
		const struct inst *in;

		pc = m->stack[--n];
		if (ts->mark[pc] == tick) {
			continue;
		}
		ts->mark[pc] = tick;
		in = &m->re->prog[pc];
		switch (in->op) {
		case OP_JUMP:
			m->stack[n++] = in->x;
			break;
		case OP_SPLIT:
			m->stack[n++] = in->y;
			m->stack[n++] = in->x;
			break;
		case OP_BEGIN:
		case OP_END:
		case OP_WORD:
		case OP_NOT_WORD:
			if (passes(m, in, at)) {
				m->stack[n++] = pc + 1;
			}
			break;
		case OP_CHAR:
		case OP_ANY:
		case OP_CLASS:
		case OP_MATCH:
			ts->items[ts->n++] = (struct thread){pc, start};
			break;
		}
	}
}

static uint32_t fold(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool in_class(const struct class *k, uint32_t c, bool folded)
{
	bool in = false;

	for (size_t i = 0; i < k->n && !in; i++) {
		in = c >= k->ranges[i].lo && c <= k->ranges[i].hi;
		if (!in && folded) {
			uint32_t other = c >= 'a' && c <= 'z' ? c - 32 : fold(c);

			in = other >= k->ranges[i].lo && other <= k->ranges[i].hi;
		}
	}
	return in != k->negated;
}

static bool takes(const struct dw_regex *re, const struct inst *in, uint32_t c)
{
	if (in->op == OP_CHAR) {
		return in->c == c || (re->fold && fold(in->c) == fold(c));
	}
	return in->op == OP_ANY ? c != '\n' : in_class(&re->classes[in->x], c, re->fold);
}

enum err_code dw_regex_find(const struct dw_regex *re, struct arena *scratch, struct str text,
			    size_t from, uint64_t *steps, size_t *ret_start, size_t *ret_end,
			    struct err *err)
{
	struct machine m = {re, text, ARENA_ARRAY(scratch, 2 * re->n + 2, uint32_t)};
	struct threads set[2] = {0}, *now = &set[0], *next = &set[1];
	bool found = false;
	uint32_t tick = 0;

	for (int i = 0; i < 2; i++) {
		set[i].items = ARENA_ARRAY(scratch, re->n, struct thread);
		set[i].mark = ARENA_ARRAY(scratch, re->n, uint32_t);
		if (!set[i].items || !set[i].mark || !m.stack) {
			return ERR(err, ERR_NOMEM, "regular expression: out of memory");
		}
	}
	for (size_t at = from;;) {
		size_t after = at;
		uint32_t c = at < text.n ? decode(text, &after) : 0;

		if (!found) {
			/* A start here is worse than all that run already. */
			if (tick == 0) {
				tick = 1;
			}
			add(&m, now, 0, at, at, tick);
		}
		if (now->n == 0 && (found || at >= text.n)) {
			break;
		}
		if (*steps < now->n + 1) {
			return ERR(err, ERR_LIMIT, "regular expression: too much work");
		}
		*steps -= now->n + 1;
		next->n = 0;
		for (size_t i = 0; i < now->n; i++) {
			const struct inst *in = &re->prog[now->items[i].pc];

			if (in->op == OP_MATCH) {
				found = true;
				*ret_start = now->items[i].start;
				*ret_end = at;
				break;
			}
			if (at < text.n && takes(re, in, c)) {
				add(&m, next, now->items[i].pc + 1, now->items[i].start, after,
				    tick + 1);
			}
		}
		if (at >= text.n) {
			break;
		}
		at = after;
		tick++;
		{
			struct threads *t = now;

			now = next;
			next = t;
		}
	}
	return found ? ERR_OK : ERR_NOT_FOUND;
}
