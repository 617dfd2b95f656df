/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which strings stand for all strings: a string matters by the patterns it is like,
 * by being one of the constants, and by differing from the others of its class. All
 * patterns run side by side as one machine; its states are visited by the shortest
 * strings first.
 */
#include "policy/prove_priv.h"

#include "base/hash.h"

enum { SYMBOLS = 512, POSITIONS = 16384 };

#define STAR 0

/* Positions of all patterns in one row; a pattern of n symbols has n + 1. */
struct machine {
	struct prove_model *m;
	struct prove_domain *d;
	struct str symbols[SYMBOLS]; /* one code point each; 0 is the star, 1 any other */
	uint16_t n_symbols;
	uint16_t *row; /* symbol at each position, UINT16_MAX at an end */
	size_t n_row;
	size_t *starts; /* first position of each pattern */
	size_t n_words; /* of one state */
	uint64_t **states;
	uint32_t *visits; /* strings that reached it */
	size_t n_states, cap_states, cap_visits;
	uint32_t *slots; /* hash table: state number + 1 */
	size_t n_slots;
	struct text *queue;
	size_t n_queue, cap_queue;
	uint32_t *counts; /* of each class, by number: strings kept that are no constants */
	uint64_t **classes;
	size_t n_classes, cap_counts, cap_classes;
};

struct text {
	uint32_t state, before; /* before: in the queue; of the first: itself */
	uint16_t symbol;
	uint16_t length;
};

static bool nomem(struct machine *x)
{
	x->m->nomem = true;
	return false;
}

static size_t code_point(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n < s.n ? n : s.n;
}

static bool symbol_of(struct machine *x, struct str s, uint16_t *ret)
{
	for (uint16_t i = 2; i < x->n_symbols; i++) {
		if (str_eq(x->symbols[i], s)) {
			*ret = i;
			return true;
		}
	}
	if (x->n_symbols == SYMBOLS) {
		return prove_refuse(x->m, "patterns with more than 500 different characters");
	}
	x->symbols[x->n_symbols] = s;
	*ret = x->n_symbols++;
	return true;
}

static bool add_symbol(struct machine *x, uint16_t symbol)
{
	if (x->n_row == POSITIONS) {
		return prove_refuse(x->m, "patterns of more than 16384 characters");
	}
	x->row[x->n_row++] = symbol;
	return true;
}

static bool add_pattern(struct machine *x, const struct policy_pattern *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		struct str rest = p->parts[i];

		if (i > 0 && !add_symbol(x, STAR)) {
			return false;
		}
		while (rest.n > 0) {
			size_t n = code_point(rest);
			uint16_t symbol;

			if (!symbol_of(x, str_make(rest.p, n), &symbol) || !add_symbol(x, symbol)) {
				return false;
			}
			rest = str_make(rest.p + n, rest.n - n);
		}
	}
	return add_symbol(x, UINT16_MAX);
}

/* A letter that no pattern has; strings of it get as long as they need to differ. */
static bool find_other(struct machine *x)
{
	static const char letters[] =
		"xyzabcdefghijklmnopqrstuvw0123456789XYZABCDEFGHIJKLMNOPQRSTUVW";

	for (size_t i = 0; i + 1 < sizeof(letters); i++) {
		bool used = false;

		for (uint16_t k = 2; k < x->n_symbols && !used; k++) {
			used = x->symbols[k].n == 1 && x->symbols[k].p[0] == letters[i];
		}
		if (!used) {
			x->symbols[1] = str_make(&letters[i], 1);
			return true;
		}
	}
	return prove_refuse(x->m, "patterns with all letters");
}

static bool bit(const uint64_t *w, size_t i)
{
	return w[i / 64] >> (i % 64) & 1;
}

static void set_bit(uint64_t *w, size_t i)
{
	w[i / 64] |= UINT64_C(1) << (i % 64);
}

/*
 * Stars may match nothing. Whatever a place before the last star that was reached
 * can still match, that star can match too, so earlier places are dropped.
 */
static void settle(const struct machine *x, uint64_t *w)
{
	for (size_t p = 0; p < x->d->n_patterns; p++) {
		size_t end = p + 1 < x->d->n_patterns ? x->starts[p + 1] : x->n_row;
		size_t last = SIZE_MAX;

		for (size_t i = x->starts[p]; i < end; i++) {
			if (bit(w, i) && x->row[i] == STAR) {
				set_bit(w, i + 1);
				last = i;
			}
		}
		for (size_t i = x->starts[p]; last != SIZE_MAX && i < last; i++) {
			w[i / 64] &= ~(UINT64_C(1) << (i % 64));
		}
	}
}

static void step(const struct machine *x, const uint64_t *from, uint16_t symbol, uint64_t *to)
{
	memset(to, 0, x->n_words * sizeof(*to));
	for (size_t i = 0; i < x->n_row; i++) {
		if (!bit(from, i)) {
			continue;
		}
		if (x->row[i] == STAR) {
			set_bit(to, i);
		} else if (x->row[i] == symbol) {
			set_bit(to, i + 1);
		}
	}
	settle(x, to);
}

static uint64_t hash_words(const uint64_t *w, size_t n)
{
	const struct hash_key key = {0};

	return hash_str(key, str_make((const char *)w, n * sizeof(*w)));
}

/* The number of the state; made when it is new. */
static bool state_at(struct machine *x, const uint64_t *w, uint32_t *ret)
{
	size_t at = hash_words(w, x->n_words) & (x->n_slots - 1);
	uint64_t *copy;

	for (; x->slots[at]; at = (at + 1) & (x->n_slots - 1)) {
		*ret = x->slots[at] - 1;
		if (memcmp(x->states[*ret], w, x->n_words * sizeof(*w)) == 0) {
			return true;
		}
	}
	if (x->n_states == PROVE_STATES / 16) {
		return prove_refuse(x->m, "the patterns of one attribute have too many states");
	}
	copy = ARENA_ARRAY(x->m->a, x->n_words, uint64_t);
	if (!copy || !ARENA_GROW(x->m->a, &x->states, x->n_states, &x->cap_states) ||
	    !ARENA_GROW(x->m->a, &x->visits, x->n_states, &x->cap_visits)) {
		return nomem(x);
	}
	memcpy(copy, w, x->n_words * sizeof(*w));
	x->visits[x->n_states] = 0;
	x->states[x->n_states] = copy;
	*ret = (uint32_t)x->n_states++;
	x->slots[at] = *ret + 1;
	return true;
}

static bool push(struct machine *x, uint32_t state, uint32_t before, uint16_t symbol)
{
	uint64_t length = x->n_queue > 0 ? (uint64_t)x->queue[before].length + 1 : 0;

	if (x->n_queue == PROVE_STATES || length > UINT16_MAX) {
		return prove_refuse(x->m, "the patterns of one attribute have too many classes");
	}
	if (!ARENA_GROW(x->m->a, &x->queue, x->n_queue, &x->cap_queue)) {
		return nomem(x);
	}
	x->queue[x->n_queue++] = (struct text){state, before, symbol, (uint16_t)length};
	return true;
}

static struct str spell(struct machine *x, size_t at)
{
	size_t n = x->queue[at].length, end = n * 4;
	char *p = arena_alloc(x->m->a, end + 1);

	if (!p) {
		nomem(x);
		return (struct str){0};
	}
	for (size_t i = 0; i < n; i++, at = x->queue[at].before) {
		struct str s = x->symbols[x->queue[at].symbol];

		end -= s.n;
		memcpy(p + end, s.p, s.n);
	}
	return str_make(p + end, n * 4 - end);
}

/* How many of the class are kept; a class is the set of patterns that match. */
static uint32_t *count_of(struct machine *x, uint32_t state)
{
	size_t n = (x->d->n_patterns + 63) / 64 + 1;
	uint64_t *w = ARENA_ARRAY(x->m->a, n, uint64_t);

	if (!w) {
		nomem(x);
		return NULL;
	}
	for (size_t p = 0; p < x->d->n_patterns; p++) {
		size_t end = p + 1 < x->d->n_patterns ? x->starts[p + 1] : x->n_row;

		if (bit(x->states[state], end - 1)) {
			set_bit(w, p);
		}
	}
	for (size_t i = 0; i < x->n_classes; i++) {
		if (memcmp(x->classes[i], w, n * sizeof(*w)) == 0) {
			return &x->counts[i];
		}
	}
	if (!ARENA_GROW(x->m->a, &x->classes, x->n_classes, &x->cap_classes) ||
	    !ARENA_GROW(x->m->a, &x->counts, x->n_classes, &x->cap_counts)) {
		nomem(x);
		return NULL;
	}
	x->counts[x->n_classes] = 0;
	x->classes[x->n_classes] = w;
	return &x->counts[x->n_classes++];
}

static bool keep(struct machine *x, size_t at)
{
	uint32_t *count = count_of(x, x->queue[at].state);
	struct policy_value v;
	struct str s;

	if (!count) {
		return false;
	}
	if (*count == x->d->spare) {
		return true;
	}
	s = spell(x, at);
	if (!s.p) {
		return false;
	}
	v = policy_string(s);
	for (size_t i = 0; i < x->d->n_consts; i++) {
		if (policy_value_eq(x->d->consts[i], v)) {
			return true;
		}
	}
	++*count;
	return prove_domain_value(x->m, x->d, v);
}

/* A state is left by as many strings as could all be needed, constants counted. */
static bool explore(struct machine *x)
{
	uint32_t enough = x->d->spare + (uint32_t)x->d->n_consts;
	uint64_t *w = ARENA_ARRAY(x->m->a, x->n_words, uint64_t);
	uint32_t state;

	if (!w) {
		return nomem(x);
	}
	for (size_t p = 0; p < x->d->n_patterns; p++) {
		set_bit(w, x->starts[p]);
	}
	settle(x, w);
	if (!state_at(x, w, &state) || !push(x, state, 0, 0)) {
		return false;
	}
	for (size_t at = 0; at < x->n_queue; at++) {
		state = x->queue[at].state;
		if (x->visits[state] == enough) {
			continue;
		}
		x->visits[state]++;
		if (!keep(x, at)) {
			return false;
		}
		for (uint16_t s = 1; s < x->n_symbols; s++) {
			uint32_t to;

			step(x, x->states[state], s, w);
			if (!state_at(x, w, &to) ||
			    (x->visits[to] < enough && !push(x, to, (uint32_t)at, s))) {
				return false;
			}
		}
	}
	return true;
}

bool prove_strings_fill(struct prove_model *m, struct prove_domain *root)
{
	struct machine *x = ARENA_NEW(m->a, struct machine);

	if (!x) {
		m->nomem = true;
		return false;
	}
	x->m = m;
	x->d = root;
	x->n_symbols = 2;
	x->n_slots = (size_t)1 << (root->n_patterns > 0 ? 18 : 4);
	x->row = ARENA_ARRAY(m->a, POSITIONS, uint16_t);
	x->starts = ARENA_ARRAY(m->a, root->n_patterns + 1, size_t);
	x->slots = ARENA_ARRAY(m->a, x->n_slots, uint32_t);
	if (!x->row || !x->starts || !x->slots) {
		return nomem(x);
	}
	for (size_t i = 0; i < root->n_consts; i++) {
		if (!prove_domain_value(m, root, root->consts[i])) {
			return false;
		}
	}
	for (size_t i = 0; i < root->n_patterns; i++) {
		x->starts[i] = x->n_row;
		if (!add_pattern(x, root->patterns[i])) {
			return false;
		}
	}
	x->n_words = x->n_row / 64 + 1;
	return find_other(x) && explore(x);
}
