/* SPDX-License-Identifier: Apache-2.0 */
#include "site/claim.h"

static bool is_smaller(const struct site_row *a, const struct site_row *b)
{
	int na = __builtin_popcount(a->categories), nb = __builtin_popcount(b->categories);

	if (na != nb) {
		return na < nb;
	}
	if (a->level != b->level) {
		return a->level < b->level;
	}
	if (a->purpose != b->purpose) {
		return a->purpose < b->purpose;
	}
	return a->origin != b->origin ? a->origin < b->origin : a->categories < b->categories;
}

/* ---- reading ---- */

static bool matches(struct str pattern, struct str name)
{
	if (str_ends_with(pattern, STR("*"))) {
		return str_starts_with(name, str_make(pattern.p, pattern.n - 1));
	}
	return str_eq(pattern, name);
}

static bool take_level(struct str text, uint8_t *levels)
{
	struct str name = str_from(text, text.n && text.p[0] == '=' ? 1 : 2);
	uint8_t at, mask = 0;

	if (!site_level_find(name, &at)) {
		return false;
	}
	for (uint8_t l = 0; l < SITE_LEVELS; l++) {
		bool in = str_starts_with(text, STR(">=")) ? l >= at
			  : str_starts_with(text, STR("<="))
				  ? l <= at
				  : str_starts_with(text, STR("=")) && l == at;

		mask |= (uint8_t)(in << l);
	}
	*levels &= mask;
	return mask != 0;
}

static uint64_t take_names(struct str pattern, const struct str *names, size_t n)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < n; i++) {
		mask |= (uint64_t)matches(pattern, names[i]) << i;
	}
	return mask;
}

static bool take_word(struct str word, const struct site_words *w, struct site_claim *c)
{
	uint16_t bit = site_category_find(w, word);

	if (str_eq(word, STR("any"))) {
		return true;
	}
	if (bit) {
		c->required |= bit;
		return true;
	}
	if (str_starts_with(word, STR("level"))) {
		return take_level(str_from(word, 5), &c->levels);
	}
	if (str_starts_with(word, STR("purpose="))) {
		c->purposes &= take_names(str_from(word, 8), w->purposes, w->n_purposes);
		return c->purposes != 0;
	}
	if (str_starts_with(word, STR("origin="))) {
		c->origins &= (uint32_t)take_names(str_from(word, 7), w->origins, w->n_origins);
		return c->origins != 0;
	}
	return false;
}

static bool reaches(const struct site_claim_world *world, const struct site_fact *f,
		    struct str code)
{
	struct site_window w = SITE_WINDOW_ALL;

	for (size_t i = 0; i < f->exposure.n; i++) {
		if (str_eq(f->exposure.codes[i], code) ||
		    site_groups_have(world->groups, code, f->exposure.codes[i], NULL, 0, world->now,
				     &w)) {
			return true;
		}
	}
	return f->exposure.anyone;
}

static bool take_bad(struct str how, struct str where, const struct site_claim_world *world,
		     struct site_claim *c)
{
	struct site_window w = SITE_WINDOW_ALL;
	bool known = !str_eq(how, STR("at"));

	for (size_t i = 0; i < world->n_columns; i++) {
		const struct site_fact *f = &world->facts[i];
		bool bad;

		if (str_eq(how, STR("outside"))) {
			bad = !site_within(&f->exposure, world->groups, where, f->manifest,
					   world->now, &w);
		} else if (str_eq(how, STR("reaches"))) {
			bad = reaches(world, f, where);
		} else if (str_eq(how, STR("at"))) {
			bad = str_eq(world->columns[i].site, where);
			known = known || bad;
		} else {
			return false;
		}
		if (bad) {
			site_set_add(&c->bad, i);
		}
	}
	return known;
}

static struct str word_of(struct str *rest)
{
	struct str word;

	*rest = str_trim(*rest);
	word = str_cut(rest, ' ');
	if (rest->p) {
		*rest = str_trim(*rest);
	}
	return word;
}

enum err_code site_claim_parse(struct str text, const struct site_claim_world *world,
			       struct site_claim *ret, struct err *err)
{
	const struct site_words *w = world->words;
	struct site_claim c = {.text = text,
			       .levels = (1u << SITE_LEVELS) - 1,
			       .purposes = UINT64_MAX >> (63 - w->n_purposes),
			       .origins = UINT32_MAX >> (31 - w->n_origins)};
	struct str rest = text, rows = word_of(&rest), verb = word_of(&rest);
	uint64_t n;

	while (rows.p) {
		struct str word = str_cut(&rows, ',');

		if (!take_word(word, w, &c)) {
			return ERR(err, ERR_NOT_FOUND,
				   "'" STR_FMT "' is no category, level, purpose or origin here",
				   STR_ARG(word));
		}
	}
	if (str_eq(verb, STR("needs")) && str_to_u64(str_trim(rest), &n) && n > 0 && n <= 64) {
		c.needs = (unsigned)n;
	} else if (str_eq(verb, STR("never"))) {
		struct str how = word_of(&rest), where = word_of(&rest);

		if (where.n == 0 || rest.n || !take_bad(how, where, world, &c)) {
			return ERR(err, ERR_SYNTAX,
				   "after 'never' comes 'outside GROUP', 'reaches COUNTRY' or 'at "
				   "SITE' (one with a model): " STR_FMT,
				   STR_ARG(text));
		}
	} else {
		return ERR(err, ERR_SYNTAX, "expected ROWS never ... or ROWS needs N: " STR_FMT,
			   STR_ARG(text));
	}
	*ret = c;
	return ERR_OK;
}

/* ---- checking ---- */

struct check {
	const struct site_matrix *m;
	const struct site_claim *claims;
	struct site_verdict *verdicts;
	size_t n, n_operators;
	uint8_t operators[SITE_COLUMNS]; /* of each column, numbered */
};

static unsigned count_operators(const struct check *k, const struct site_set *allowed)
{
	struct site_set seen = {0};
	unsigned n = 0;

	for (size_t i = 0; i < k->m->n_columns; i++) {
		if (site_set_has(allowed, i) && !site_set_has(&seen, k->operators[i])) {
			site_set_add(&seen, k->operators[i]);
			n++;
		}
	}
	return n;
}

/* The first column that a row must not reach, or how many operators it has; SIZE_MAX: fine. */
static size_t break_of(const struct check *k, const struct site_claim *c,
		       const struct site_set *allowed)
{
	if (c->needs) {
		unsigned n = count_operators(k, allowed);

		return n < c->needs ? n : SIZE_MAX;
	}
	for (size_t i = 0; i < SITE_SET_WORDS; i++) {
		uint64_t bad = allowed->w[i] & c->bad.w[i];

		if (bad) {
			return i * 64 + (size_t)__builtin_ctzll(bad);
		}
	}
	return SIZE_MAX;
}

static bool check_row(void *arg, const struct site_row *row, const struct site_set *allowed)
{
	struct check *k = arg;

	for (size_t i = 0; i < k->n; i++) {
		const struct site_claim *c = &k->claims[i];
		struct site_verdict *v = &k->verdicts[i];
		size_t column;

		if ((row->categories & c->required) != c->required ||
		    !(c->levels >> row->level & 1) || !(c->purposes >> row->purpose & 1) ||
		    !(c->origins >> row->origin & 1)) {
			continue;
		}
		v->rows++;
		column = break_of(k, c, allowed);
		if (column != SIZE_MAX && (!v->broken || is_smaller(row, &v->row))) {
			v->broken = true;
			v->row = *row;
			v->column = column;
		}
	}
	return true;
}

uint64_t site_claims_check(const struct site_matrix *m, const struct site_claim_world *world,
			   const struct site_claim *claims, size_t n, struct site_verdict *ret)
{
	struct check k = {.m = m, .claims = claims, .verdicts = ret, .n = n};

	memset(ret, 0, n * sizeof(*ret));
	for (size_t i = 0; i < m->n_columns; i++) {
		size_t first = 0;

		while (!str_eq(world->facts[first].operator_name, world->facts[i].operator_name)) {
			first++;
		}
		k.operators[i] = (uint8_t)first;
	}
	return site_matrix_walk(m, check_row, &k);
}

const struct site_term *site_matrix_why(const struct site_matrix *m, const struct site_row *row,
					size_t column)
{
	struct site_set allowed;

	site_matrix_row(m, row, &allowed);
	for (size_t i = 0; i < m->n_permits && site_set_has(&allowed, column); i++) {
		const struct site_term *t = &m->terms[i];

		if (site_set_has(&t->columns, column) &&
		    (row->categories & t->required) == t->required &&
		    !(row->categories & t->excluded) && (t->levels >> row->level & 1) &&
		    (t->purposes >> row->purpose & 1) && (t->origins >> row->origin & 1)) {
			return t;
		}
	}
	return NULL;
}

void site_row_write(const struct site_words *w, const struct site_row *row, struct buf *to)
{
	for (size_t i = 0; i < w->n_categories; i++) {
		if (row->categories >> i & 1) {
			buf_append(to, w->categories[i]);
			buf_append(to, STR(", "));
		}
	}
	buf_append(to, STR("level="));
	buf_append(to, site_level_name(row->level));
	if (w->n_purposes) {
		buf_append(to, STR(", purpose="));
		buf_append(to, row->purpose < w->n_purposes ? w->purposes[row->purpose]
							    : STR("(other)"));
	}
	if (w->n_origins) {
		buf_append(to, STR(", origin="));
		buf_append(to,
			   row->origin < w->n_origins ? w->origins[row->origin] : STR("(other)"));
	}
}

/* ---- comparing ---- */

struct compare {
	const struct site_matrix *from;
	uint16_t among;              /* categories that are looked at; 0: all */
	struct site_change *changes; /* columns of `to`, then those that only `from` has */
	size_t n;
	uint16_t categories[SITE_CATEGORIES]; /* bits in `from` */
	uint8_t purposes[SITE_PURPOSES], origins[SITE_ORIGINS];
	size_t columns[SITE_COLUMNS]; /* of `from`: the change's number */
};

static void note(uint64_t *count, struct site_row *first, const struct site_row *row)
{
	if ((*count)++ == 0 || is_smaller(row, first)) {
		*first = *row;
	}
}

static bool compare_row(void *arg, const struct site_row *row, const struct site_set *allowed)
{
	struct compare *c = arg;
	struct site_row old = {.level = row->level,
			       .purpose = c->purposes[row->purpose],
			       .origin = c->origins[row->origin]};
	struct site_set before, after = *allowed;
	struct site_set had = {0}, more = {0};

	if (c->among && !(row->categories & c->among)) {
		return true;
	}
	for (unsigned bits = row->categories; bits; bits &= bits - 1) {
		old.categories |= c->categories[__builtin_ctz(bits)];
	}
	site_matrix_row(c->from, &old, &before);
	for (size_t i = 0; i < c->from->n_columns; i++) {
		if (!site_set_has(&before, i)) {
			continue;
		}
		if (c->columns[i] < SITE_COLUMNS) {
			site_set_add(&had, c->columns[i]);
		} else {
			site_set_add(&more, c->columns[i] - SITE_COLUMNS);
		}
	}
	if (site_set_empty(&more) && memcmp(&had, &after, sizeof(had)) == 0) {
		return true;
	}
	for (size_t i = 0; i < c->n; i++) {
		struct site_change *ch = &c->changes[i];
		bool was = i < SITE_COLUMNS ? site_set_has(&had, i)
					    : site_set_has(&more, i - SITE_COLUMNS);
		bool is = i < SITE_COLUMNS && site_set_has(&after, i);

		if (is && !was) {
			note(&ch->opened, &ch->first_opened, row);
		} else if (was && !is) {
			note(&ch->closed, &ch->first_closed, row);
		}
	}
	return true;
}

static void map_words(struct compare *c, const struct site_words *to)
{
	const struct site_words *from = &c->from->words;

	for (size_t i = 0; i < to->n_categories; i++) {
		c->categories[i] = site_category_find(from, to->categories[i]);
	}
	for (size_t i = 0; i <= to->n_purposes; i++) {
		c->purposes[i] = i < to->n_purposes ? site_purpose_find(from, to->purposes[i])
						    : (uint8_t)from->n_purposes;
	}
	for (size_t i = 0; i <= to->n_origins; i++) {
		c->origins[i] = i < to->n_origins ? site_origin_find(from, to->origins[i])
						  : (uint8_t)from->n_origins;
	}
}

/* Columns of the newer matrix keep their numbers; those that are gone come from SITE_COLUMNS on. */
static void map_columns(struct compare *c, const struct site_matrix *to)
{
	size_t gone = 0;

	for (size_t i = 0; i < to->n_columns; i++) {
		c->changes[i].column = to->columns[i];
	}
	for (size_t i = 0; i < c->from->n_columns; i++) {
		size_t k = 0;

		while (k < to->n_columns &&
		       !(str_eq(to->columns[k].model, c->from->columns[i].model) &&
			 str_eq(to->columns[k].site, c->from->columns[i].site))) {
			k++;
		}
		if (k == to->n_columns) {
			k = SITE_COLUMNS + gone++;
			c->changes[k].column = c->from->columns[i];
		}
		c->columns[i] = k;
	}
	c->n = gone ? SITE_COLUMNS + gone : to->n_columns;
}

uint64_t site_matrix_diff(const struct site_matrix *from, const struct site_matrix *to,
			  uint16_t among, struct site_change *ret, size_t *ret_n)
{
	struct compare c = {.from = from, .among = among, .changes = ret};
	uint64_t rows;

	memset(ret, 0, 2 * (size_t)SITE_COLUMNS * sizeof(*ret));
	map_words(&c, &to->words);
	map_columns(&c, to);
	rows = site_matrix_walk(to, compare_row, &c);
	*ret_n = 0;
	for (size_t i = 0; i < c.n; i++) {
		if (ret[i].opened || ret[i].closed) {
			ret[(*ret_n)++] = ret[i];
		}
	}
	return rows;
}
