/* SPDX-License-Identifier: Apache-2.0 */
#include "site/matrix.h"

#include "base/num.h"

static const struct str level_names[SITE_LEVELS] = {
	STR_INIT("public"),
	STR_INIT("internal"),
	STR_INIT("confidential"),
	STR_INIT("restricted"),
};

struct str site_level_name(unsigned level)
{
	return level < SITE_LEVELS ? level_names[level] : STR("?");
}

bool site_level_find(struct str name, uint8_t *ret)
{
	for (uint8_t i = 0; i < SITE_LEVELS; i++) {
		if (str_eq(name, level_names[i])) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static size_t find(const struct str *names, size_t n, struct str name)
{
	size_t i = 0;

	while (i < n && !str_eq(names[i], name)) {
		i++;
	}
	return i;
}

uint8_t site_purpose_find(const struct site_words *w, struct str purpose)
{
	return (uint8_t)find(w->purposes, w->n_purposes, purpose);
}

uint8_t site_origin_find(const struct site_words *w, struct str origin)
{
	return (uint8_t)find(w->origins, w->n_origins, origin);
}

uint16_t site_category_find(const struct site_words *w, struct str category)
{
	size_t i = find(w->categories, w->n_categories, category);

	return i < w->n_categories ? (uint16_t)(1u << i) : 0;
}

/* ---- building ---- */

static bool permits_first(struct arena *a, struct site_matrix *m)
{
	struct site_term *sorted = ARENA_ARRAY(a, m->n_terms + 1, struct site_term);
	size_t n = 0;

	if (!sorted) {
		return false;
	}
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < m->n_terms; i++) {
			if (m->terms[i].permit == (pass == 0)) {
				sorted[n++] = m->terms[i];
			}
		}
		m->n_permits = pass == 0 ? n : m->n_permits;
	}
	m->terms = sorted;
	return true;
}

/* The rows of bits of one dimension, one behind the other. */
static bool make_bits(struct arena *a, const struct site_matrix *m, uint64_t **rows, size_t n)
{
	uint64_t *all = ARENA_ARRAY(a, n * m->n_words + 1, uint64_t);

	for (size_t i = 0; all && i < n; i++) {
		rows[i] = all + i * m->n_words;
	}
	return all != NULL;
}

static void set_bit(uint64_t *row, size_t i)
{
	row[i / 64] |= UINT64_C(1) << (i % 64);
}

static void fill_bits(struct site_matrix *m, size_t i)
{
	const struct site_term *t = &m->terms[i];

	for (unsigned v = 0; v < SITE_LEVELS; v++) {
		if (t->levels >> v & 1) {
			set_bit(m->by_level[v], i);
		}
	}
	for (unsigned v = 0; v < SITE_PURPOSES; v++) {
		if (t->purposes >> v & 1) {
			set_bit(m->by_purpose[v], i);
		}
	}
	for (unsigned v = 0; v < SITE_ORIGINS; v++) {
		if (t->origins >> v & 1) {
			set_bit(m->by_origin[v], i);
		}
	}
	for (unsigned v = 0; v < 64; v++) {
		if ((t->required & ~v & 63) == 0 && (t->excluded & v) == 0) {
			set_bit(m->by_low[v], i);
		}
		if ((t->required >> 6 & ~v & 63) == 0 && (t->excluded >> 6 & v) == 0) {
			set_bit(m->by_high[v], i);
		}
	}
}

enum err_code site_matrix_build(struct arena *a, struct site_matrix *m, struct err *err)
{
	if (m->words.n_categories > SITE_CATEGORIES || m->words.n_purposes >= SITE_PURPOSES ||
	    m->words.n_origins >= SITE_ORIGINS || m->n_columns > SITE_COLUMNS ||
	    m->n_terms > SITE_TERMS_MAX) {
		return ERR(err, ERR_LIMIT, "the policies are too many for a residency matrix");
	}
	m->n_words = (m->n_terms + 63) / 64;
	if (!permits_first(a, m) || !make_bits(a, m, m->by_level, SITE_LEVELS) ||
	    !make_bits(a, m, m->by_purpose, SITE_PURPOSES) ||
	    !make_bits(a, m, m->by_origin, SITE_ORIGINS) || !make_bits(a, m, m->by_low, 64) ||
	    !make_bits(a, m, m->by_high, 64)) {
		return ERR(err, ERR_NOMEM, "no memory for the residency matrix");
	}
	for (size_t i = 0; i < m->n_terms; i++) {
		fill_bits(m, i);
	}
	return ERR_OK;
}

/* ---- looking up ---- */

static inline void join(struct site_set *to, const struct site_set *s)
{
	for (size_t k = 0; k < SITE_SET_WORDS; k++) {
		to->w[k] |= s->w[k];
	}
}

/* The terms in bits x & y & z. Both the decision and the proof end here. */
static inline void gather(const struct site_matrix *m, const uint64_t *x, const uint64_t *y,
			  const uint64_t *z, struct site_set *ret)
{
	struct site_set allow = {0}, deny = {0};

	for (size_t i = 0; i < m->n_words; i++) {
		uint64_t live = x[i] & y[i] & z[i];

		while (live) {
			size_t t = i * 64 + (size_t)__builtin_ctzll(live);

			join(t < m->n_permits ? &allow : &deny, &m->terms[t].columns);
			live &= live - 1;
		}
	}
	for (size_t k = 0; k < SITE_SET_WORDS; k++) {
		ret->w[k] = allow.w[k] & ~deny.w[k] & m->usable.w[k];
	}
}

enum { WORDS_MAX = SITE_TERMS_MAX / 64 };

static inline void meet(uint64_t *to, const uint64_t *x, const uint64_t *y, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to[i] = x[i] & y[i];
	}
}

void site_matrix_row(const struct site_matrix *m, const struct site_row *row, struct site_set *ret)
{
	UNSET uint64_t who[WORDS_MAX];
	UNSET uint64_t what[WORDS_MAX];

	meet(who, m->by_purpose[row->purpose], m->by_origin[row->origin], m->n_words);
	meet(what, m->by_low[row->categories & 63], m->by_high[row->categories >> 6 & 63],
	     m->n_words);
	gather(m, who, what, m->by_level[row->level], ret);
}

/* ---- the whole ---- */

uint64_t site_matrix_rows(const struct site_words *w)
{
	return (uint64_t)(w->n_purposes + 1) * (w->n_origins + 1) * SITE_LEVELS << w->n_categories;
}

struct walk {
	const struct site_matrix *m;
	site_matrix_each *each;
	void *arg;
	uint64_t n;
	struct site_row row;
};

/* All sets of categories under one purpose, origin and level, whose terms are `base`. */
static bool walk_categories(struct walk *w, const uint64_t *base)
{
	const struct site_matrix *m = w->m;
	unsigned last = (1u << m->words.n_categories) - 1;
	UNSET uint64_t high[WORDS_MAX];
	struct site_set allowed;

	for (unsigned c = 0; c <= last; c++) {
		if ((c & 63) == 0) {
			meet(high, base, m->by_high[c >> 6], m->n_words);
		}
		gather(m, high, m->by_low[c & 63], base, &allowed);
		w->row.categories = (uint16_t)c;
		w->n++;
		if (!w->each(w->arg, &w->row, &allowed)) {
			return false;
		}
	}
	return true;
}

uint64_t site_matrix_walk(const struct site_matrix *m, site_matrix_each *each, void *arg)
{
	struct walk w = {.m = m, .each = each, .arg = arg};
	size_t purposes = m->words.n_purposes + 1, origins = m->words.n_origins + 1;
	UNSET uint64_t who[WORDS_MAX];
	UNSET uint64_t base[WORDS_MAX];

	for (size_t i = 0; i < purposes * origins; i++) {
		w.row.purpose = (uint8_t)(i / origins);
		w.row.origin = (uint8_t)(i % origins);
		meet(who, m->by_purpose[w.row.purpose], m->by_origin[w.row.origin], m->n_words);
		for (w.row.level = 0; w.row.level < SITE_LEVELS; w.row.level++) {
			meet(base, who, m->by_level[w.row.level], m->n_words);
			if (!walk_categories(&w, base)) {
				return w.n;
			}
		}
	}
	return w.n;
}

/* ---- its name ---- */

static void put_u64(struct buf *to, uint64_t v)
{
	char *p = buf_reserve(to, 8);

	if (p) {
		num_put_u64(p, v);
		buf_commit(to, 8);
	}
}

static void put_str(struct buf *to, struct str s)
{
	put_u64(to, s.n);
	buf_append(to, s);
}

static void put_strs(struct buf *to, const struct str *s, size_t n)
{
	put_u64(to, n);
	for (size_t i = 0; i < n; i++) {
		put_str(to, s[i]);
	}
}

static void put_set(struct buf *to, const struct site_set *s)
{
	for (size_t i = 0; i < SITE_SET_WORDS; i++) {
		put_u64(to, s->w[i]);
	}
}

void site_matrix_canonical(const struct site_matrix *m, struct buf *to)
{
	buf_append(to, STR("writ residency matrix 1\n"));
	put_strs(to, m->words.categories, m->words.n_categories);
	put_strs(to, m->words.purposes, m->words.n_purposes);
	put_strs(to, m->words.origins, m->words.n_origins);
	put_u64(to, m->n_columns);
	for (size_t i = 0; i < m->n_columns; i++) {
		put_str(to, m->columns[i].model);
		put_str(to, m->columns[i].site);
	}
	put_set(to, &m->usable);
	put_u64(to, m->n_terms);
	for (size_t i = 0; i < m->n_terms; i++) {
		const struct site_term *t = &m->terms[i];

		put_u64(to, t->permit);
		put_u64(to, t->levels);
		put_u64(to, (uint64_t)t->required << 16 | t->excluded);
		put_u64(to, t->origins);
		put_u64(to, t->purposes);
		put_set(to, &t->columns);
	}
}
