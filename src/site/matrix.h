/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The residency matrix: for every class of data, level, purpose and origin, the set of
 * deployments (a model at a site) that it may reach. It is finite, so it can be gone
 * through whole; what is gone through is the very thing that decides.
 *
 * The matrix is kept as terms, which site/compile.h makes of policies:
 *
 *   allowed(row) = usable and (union of the columns of the permit terms that match row)
 *                         and not (union of the columns of the forbid terms that match row)
 *
 * A term matches a row when its level, purpose and origin are among those of the term and
 * its categories hold all that are required and none that are excluded. No term, no path.
 *
 * For each value of each dimension there is one bit a term, so that a row's terms are the
 * intersection of five rows of bits: a lookup takes no memory and its time does not depend
 * on the row, but for the terms that match.
 */
#ifndef SITE_MATRIX_H
#define SITE_MATRIX_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
	SITE_CATEGORIES = 12,
	SITE_LEVELS = 4,
	SITE_PURPOSES = 64, /* the last one stands for every purpose without a name here */
	SITE_ORIGINS = 32,  /* likewise */
	SITE_COLUMNS = 256,
	SITE_SET_WORDS = SITE_COLUMNS / 64,
	SITE_TERMS_MAX = 16384,
};

struct site_set {
	uint64_t w[SITE_SET_WORDS];
};

static inline bool site_set_has(const struct site_set *s, size_t i)
{
	return (s->w[i / 64] >> (i % 64) & 1) != 0;
}

static inline void site_set_add(struct site_set *s, size_t i)
{
	s->w[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline bool site_set_empty(const struct site_set *s)
{
	return (s->w[0] | s->w[1] | s->w[2] | s->w[3]) == 0;
}

/* One class of requests. */
struct site_row {
	uint16_t categories; /* bits */
	uint8_t level;       /* 0 public, 1 internal, 2 confidential, 3 restricted */
	uint8_t purpose, origin;
};

/* The names of the dimensions; an unknown purpose or origin is the one after the last name. */
struct site_words {
	const struct str *categories, *purposes, *origins;
	size_t n_categories, n_purposes, n_origins; /* at most 12, 63, 31 */
};

struct site_column {
	struct str model, site;
};

struct site_term {
	bool permit;
	uint8_t levels; /* bits */
	uint16_t required, excluded;
	uint32_t origins;
	uint64_t purposes;
	uint32_t policy; /* index of what it came from; its own affair of the compiler */
	struct site_set columns;
};

struct site_matrix {
	struct site_words words;
	const struct site_column *columns;
	size_t n_columns;
	struct site_set usable;  /* columns that may be used at all */
	struct site_term *terms; /* permits first */
	size_t n_terms, n_permits, n_words;
	uint64_t *by_level[SITE_LEVELS], *by_purpose[SITE_PURPOSES], *by_origin[SITE_ORIGINS];
	uint64_t *by_low[64], *by_high[64]; /* categories 0 to 5, and 6 to 11 */
};

/*
 * Completes a matrix whose words, columns, usable and terms are given (terms are reordered).
 * ERR_LIMIT: more than fits; ERR_NOMEM.
 */
enum err_code site_matrix_build(struct arena *a, struct site_matrix *m, struct err *err) MUST_USE;

/* What the row may reach. The row's numbers must be in range. Pure, no memory, no failure. */
void site_matrix_row(const struct site_matrix *m, const struct site_row *row, struct site_set *ret);

/* Numbers of names: the one for "anything else" when there is no such name. */
uint8_t site_purpose_find(const struct site_words *w, struct str purpose);
uint8_t site_origin_find(const struct site_words *w, struct str origin);
/* The bit, or 0 for a name that is no category. */
uint16_t site_category_find(const struct site_words *w, struct str category);

/* "public", "internal", "confidential", "restricted"; the level of a name, or false. */
struct str site_level_name(unsigned level);
bool site_level_find(struct str name, uint8_t *ret);

/*
 * Goes through the whole matrix, each row once: by purpose, origin, level, and within them all
 * sets of categories. `each` returns false to stop. Returns how many rows were visited.
 */
typedef bool site_matrix_each(void *arg, const struct site_row *row,
			      const struct site_set *allowed);
uint64_t site_matrix_walk(const struct site_matrix *m, site_matrix_each *each, void *arg);

/* How many rows there are. */
uint64_t site_matrix_rows(const struct site_words *w);

/*
 * The bytes that name a matrix, for the host to hash: words, columns, usable columns and terms.
 * Two matrices with the same bytes decide every row alike.
 */
void site_matrix_canonical(const struct site_matrix *m, struct buf *to);

#endif
